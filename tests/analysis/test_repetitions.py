from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from analysis.contrasts import metric_contrast
from analysis.errors import InputError
from analysis.repetitions import (
    COLUMNS,
    INTERVALS,
    operating_rows,
    planned_power,
    repeat,
    repeat_family,
    simulate,
)
from analysis.significance import sign_flip
from analysis.simulation import Design, draw_logits, true_components, true_difference

CELL = Design(5, 500, seed_sd=0.15, image_sd=0.5)


def rows_of(frame: pd.DataFrame, measure: str) -> dict[str, pd.Series]:
    """Rows of one measure by procedure."""
    return {str(row["procedure"]): row for _, row in frame[frame["measure"] == measure].iterrows()}


@pytest.mark.parametrize("design", [CELL, Design(8, 500, seed_sd=0.3)], ids=lambda design: design.name)
def test_quoted_intervals_cover_and_their_tests_keep_their_level(design: Design) -> None:
    """In 300 studies coverage and size lie within binomial bounds; the images-only interval fails the same test."""
    frame = simulate(design, 300, 7)
    low, high = stats.binom.ppf(0.001, 300, 0.93), stats.binom.ppf(0.999, 300, 0.97)
    covered = {name: row["value"] * 300 for name, row in rows_of(frame, "coverage").items()}
    assert low <= covered["quoted"] <= high
    assert low <= covered["seed_t"] <= high
    assert covered["images_only"] < low
    assert rows_of(frame, "size")["quoted_t"]["value"] * 300 <= stats.binom.ppf(0.999, 300, 0.07)


def test_a_planted_effect_is_found_at_the_planned_power() -> None:
    """The crossed t rejects as often as the design's exact variances say."""
    design = Design(8, 500, seed_sd=0.15, image_sd=0.5, gain=0.05)
    row = rows_of(simulate(design, 300, 7), "power")["crossed_t"]
    assert row["nominal"] == planned_power(design)
    assert 0.3 < row["nominal"] < 0.95
    assert stats.binomtest(round(row["value"] * 300), 300, row["nominal"]).pvalue > 0.001


def test_planned_power_is_that_of_a_t_test_where_images_add_nothing() -> None:
    """With endless images it is the power of a paired t-test over the seeds."""
    design = Design(6, 10_000_000, seed_sd=0.3, gain=0.05)
    sd = math.sqrt(true_components(design).var_seed)
    expected = TTestPower().power(effect_size=true_difference(design) / sd, nobs=6, alpha=0.05)
    assert planned_power(design) == pytest.approx(float(expected), abs=1e-3)
    assert math.isnan(planned_power(Design(6, 100, tilt=0.1)))
    assert math.isnan(planned_power(Design(2, 100)))


def test_every_study_gets_what_the_reports_would_quote() -> None:
    """Limits and p are those of the public functions on the same logits."""
    generator = np.random.default_rng(3)
    frame = repeat(CELL, 5, generator, margins=(0.05,))
    studies = np.random.default_rng(3).spawn(2)[0]
    for n, logits in enumerate(next(draw_logits(CELL, 5, studies))):
        expected = metric_contrast("accuracy", logits[0], logits[1], CELL.labels)
        row = frame.loc[n]
        assert expected.half_width_crossed is not None
        assert row["estimate"] == expected.estimate
        assert (row["quoted_low"], row["quoted_high"]) == (expected.low, expected.high)
        assert row["crossed_high"] == expected.estimate + expected.half_width_crossed
        assert row["crossed_t_p"] == expected.p
        assert row["sign_flip_p"] == sign_flip(expected.per_seed).p
    assert np.isnan(frame["multi_bootstrap_low"]).all()


def test_a_quoted_p_and_its_interval_agree() -> None:
    """The quoted p lies below 5 % exactly where the quoted interval leaves 0 out; it is the larger of the two."""
    frame = repeat(Design(3, 100, image_sd=0.5, gain=0.08), 200, np.random.default_rng(0))
    outside = (frame["quoted_low"] > 0) | (frame["quoted_high"] < 0)
    assert ((frame["quoted_t_p"] < 0.05) == outside).all()
    assert 0 < outside.sum() < 200
    assert (frame["quoted_t_p"] >= frame["crossed_t_p"]).all()
    assert (frame["quoted_t_p"] > frame["crossed_t_p"]).any()


def test_options_add_columns_and_change_nothing_else() -> None:
    """The multi-bootstrap is made in the first studies alone and leaves the other rows as they are."""
    plain = simulate(CELL, 20, 1)
    more = simulate(CELL, 20, 1, margins=(0.05,), bootstrap=10, flips=4)
    found = rows_of(more, "coverage")
    assert set(found) == set(INTERVALS)
    assert found["multi_bootstrap"]["repetitions"] == 10
    assert rows_of(more, "size")["sign_flip"]["repetitions"] == 4
    kept = [name for name in INTERVALS if name != "multi_bootstrap"]
    one, two = (frame[frame["procedure"].isin(kept)].reset_index(drop=True) for frame in (plain, more))
    pd.testing.assert_frame_equal(one, two)
    assert "multi_bootstrap" not in set(plain["procedure"])


def test_a_design_is_simulated_alike_whatever_else_is() -> None:
    """The same seed gives the same rows; another seed or design gives others."""
    pd.testing.assert_frame_equal(simulate(CELL, 10, 1), simulate(CELL, 10, 1))
    width = rows_of(simulate(CELL, 10, 1), "coverage")["quoted"]["half_width"]
    assert width != rows_of(simulate(CELL, 10, 2), "coverage")["quoted"]["half_width"]
    assert width != rows_of(simulate(Design(5, 500, seed_sd=0.15), 10, 1), "coverage")["quoted"]["half_width"]


def test_shares_are_counted() -> None:
    """Coverage counts intervals that hold the truth, rejection p below 5 %; what is not defined is told apart."""
    frame = pd.DataFrame(
        {
            "quoted_low": [-1.0, 0.1, np.nan, -0.3],
            "quoted_high": [1.0, 0.3, np.nan, -0.1],
            "crossed_t_p": [0.01, 0.049, np.nan, 0.05],
            "tost_0.02_p": [0.01, 0.2, 0.2, 0.2],
            "tost_0.05_p": [0.01, 0.01, 0.2, np.nan],
        }
    )
    null = operating_rows(Design(3, 100), frame)
    assert list(null.columns) == list(COLUMNS)
    interval = rows_of(null, "coverage")["quoted"]
    assert interval["value"] == pytest.approx(1 / 3)
    assert (interval["repetitions"], interval["undefined"]) == (3, 1)
    assert interval["half_width"] == pytest.approx((1.0 + 0.1 + 0.1) / 3)
    assert interval["mc_error"] == pytest.approx(math.sqrt(3 / 7 * 4 / 7 / 3))
    test = rows_of(null, "size")["crossed_t"]
    assert (test["value"], test["repetitions"], test["undefined"]) == (0.5, 4, 1)

    planted = operating_rows(Design(3, 100, gain=0.02), frame)
    assert planted["truth"].unique() == pytest.approx([0.02])
    tosts = planted[planted["procedure"] == "tost"].set_index("margin")
    assert tosts["measure"].to_dict() == {0.02: "size", 0.05: "power"}
    assert tosts["value"].to_dict() == {0.02: 0.25, 0.05: 0.5}
    assert rows_of(planted, "power")["crossed_t"]["nominal"] == planned_power(Design(3, 100, gain=0.02))


def test_studies_without_variation_are_counted_as_undefined() -> None:
    """Where every decision is right there is no interval and no test, and nothing is divided by 0."""
    frame = simulate(Design(3, 4, rate=1 - 1e-12), 5, 0, margins=(0.05,), bootstrap=5)
    assert set(frame.loc[frame["procedure"] != "sign_flip", "undefined"]) == {5}
    assert frame.loc[frame["measure"] == "coverage", "repetitions"].eq(0).all()
    assert frame.loc[frame["measure"] == "coverage", "value"].isna().all()
    assert frame.loc[frame["measure"] == "size", "value"].eq(0).all()


def test_a_family_is_corrected() -> None:
    """Holm multiplies the smallest of six p by six; uncorrected, the family is wrong more often."""
    # Few: statsmodels collects garbage in every correction, which is slow where much is loaded.
    design = Design(5, 200, seed_sd=0.3, variants=4)
    frame = repeat_family(design, 8, np.random.default_rng(0))
    assert frame["holm_p"].to_numpy() == pytest.approx(np.minimum(1, 6 * frame["unadjusted_p"]))
    rows = rows_of(operating_rows(design, frame.assign(unadjusted_p=[0.04] * 2 + [0.06] * 6)), "family-wise error")
    assert (rows["unadjusted"]["value"], rows["holm"]["nominal"]) == (0.25, 0.05)
    assert set(simulate(design, 1, 0)["procedure"]) == {"unadjusted", "holm"}


def test_one_variant_is_refused() -> None:
    """A difference, or a family of pairs, needs two variants."""
    design = Design(3, 100, variants=1)
    with pytest.raises(InputError, match="a difference needs two"):
        repeat(design, 1, np.random.default_rng(0))
    with pytest.raises(InputError, match="a pair needs two"):
        repeat_family(design, 1, np.random.default_rng(0))
