"""Two studies side by side: differences of independent estimates, and what differs in their settings."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analysis.comparison import differing_settings, unpaired_difference
from analysis.intervals import crossed_mean
from analysis.summary import Estimate, Margin, Summary


def row(estimate: float | None, half: float | None = 0.01, df: float = 6.0, **more: object) -> Estimate:
    ends = {"low": None, "high": None, "df": None}
    if estimate is not None and half is not None:
        ends = {"low": estimate - half, "high": estimate + half, "df": df}
    labels = {"quantity": "accuracy", "variant": "both", "test_set": "far", "path": "both", "n_seeds": 4, "n_images": 9}
    return Estimate.model_validate(labels | {"estimate": estimate} | ends | more)


def test_seeds_alone_are_welchs_statistic() -> None:
    """Where seeds are all that varies, the t is that of Welch's test, with the smaller of both groups' df."""
    rng = np.random.default_rng(2)
    groups = [rng.normal(0.8, 0.02, 5), rng.normal(0.83, 0.04, 9)]
    rows = []
    for values in groups:
        # Images that all seeds judge alike add nothing.
        found = crossed_mean(np.repeat(values[:, None], 50, axis=1))
        assert found.low is not None
        rows.append(row(found.estimate, found.estimate - found.low, found.df or math.nan))
    result = unpaired_difference(*rows)
    welch = stats.ttest_ind(groups[1], groups[0], equal_var=False)
    assert result.df == pytest.approx(4)
    assert result.estimate == pytest.approx(groups[1].mean() - groups[0].mean())
    assert result.p == pytest.approx(2 * stats.t.sf(abs(welch.statistic), 4))
    error = math.hypot(*(stats.sem(values) for values in groups))
    assert result.high == pytest.approx(result.estimate + stats.t.ppf(0.975, 4) * error)


halves, freedoms = st.floats(1e-4, 0.2), st.floats(2, 500)


@given(st.floats(0, 1), st.floats(0, 1), halves, halves, freedoms, freedoms)
def test_it_is_never_narrower_than_both_quoted_intervals_together(
    one: float, two: float, half: float, other: float, df: float, second_df: float
) -> None:
    """The half-width is at least the root of the summed squares, and turning round changes the sign alone."""
    first, second = row(one, half, df), row(two, other, second_df)
    there, back = unpaired_difference(first, second), unpaired_difference(second, first)
    assert there.low is not None
    assert there.high is not None
    assert back.low is not None
    assert (there.high - there.low) / 2 >= math.hypot(half, other) * (1 - 1e-9)
    assert back.low == pytest.approx(-there.high, abs=1e-12)
    assert back.p == pytest.approx(there.p)
    assert there.df == min(df, second_df)
    # The p is below 0.05 where the interval leaves zero out, and nowhere else.
    assert there.p is not None
    assert (there.p < 0.05) == (there.low > 0 or there.high < 0)


def test_a_cut_limit_does_not_narrow_it() -> None:
    """A limit that ends at 1 says nothing of the half-width; the other one does."""
    whole, cut = row(0.99, 0.03), row(0.99, 0.03, high=1.0)
    assert unpaired_difference(cut, row(0.9)) == unpaired_difference(whole, row(0.9))


def test_levels_of_both_count() -> None:
    """A 90 % interval of the same half-width has the larger standard error."""
    narrow = unpaired_difference(row(0.8), row(0.9), (0.95, 0.95))
    wide = unpaired_difference(row(0.8), row(0.9), (0.95, 0.9))
    assert narrow.high is not None
    assert wide.high is not None
    assert wide.high > narrow.high


def test_what_is_not_defined_has_a_reason() -> None:
    """An absent or undefined estimate gives no difference, one without an interval a difference alone."""
    assert unpaired_difference(None, row(0.5)).reason == "not computed in both studies"
    gone = unpaired_difference(row(0.5), row(None, reason="no real images"))
    assert (gone.estimate, gone.reason) == (None, "no real images")
    bare = unpaired_difference(row(0.5), row(0.75, None, reason="fewer than three seeds"))
    assert (bare.estimate, bare.low, bare.reason) == (0.25, None, "fewer than three seeds")
    still = unpaired_difference(row(0.5, 0.0), row(0.75, 0.0))
    assert (still.low, still.reason) == (None, "no variation: interval not defined")


def test_only_what_differs_is_listed(small_summary: Summary) -> None:
    """Equal studies differ in nothing; a key, a level, a hash and a version that differ are named with both values."""
    assert differing_settings(small_summary, small_summary) == ()
    text = 'name = "x"\nseeds = [1]\n[classifier]\nepochs = {}\n[[claims]]\nid = "c"\nbound = {}\n'
    first, second = (
        small_summary.model_copy(
            update={
                "alpha": alpha,
                "margins": margins,
                "study": small_summary.study.model_copy(update={"study_toml": text.format(epochs, alpha)}),
                "provenance": small_summary.provenance.model_copy(
                    update={"data_hashes": (("far", digest),), "facts": (("torch", version), ("Started", digest))}
                ),
            }
        )
        for alpha, margins, epochs, digest, version in (
            (0.05, (), 4, "aa", "2.1"),
            (0.01, (Margin(role="in_sample", margin=0.02),), 6, "bb", "2.2"),
        )
    )
    assert differing_settings(first, second) == (
        ("alpha", "0.05", "0.01"),
        ("study: classifier.epochs", "4", "6"),
        ("data: far", "aa", "bb"),
        ("made with: torch", "2.1", "2.2"),
        ("margin in_sample", "–", "0.02"),
    )
