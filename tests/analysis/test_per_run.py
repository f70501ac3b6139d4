from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from analysis.errors import InputError
from analysis.intervals import crossed_interval
from analysis.metrics import strata
from analysis.per_run import (
    AucTest,
    ProportionInterval,
    clopper_pearson,
    delong_interval,
    delong_test,
    wilson,
)

Proportion = Callable[..., ProportionInterval]
BOTH = pytest.mark.parametrize(("function", "method"), [(wilson, "wilson"), (clopper_pearson, "exact")])


@BOTH
@pytest.mark.parametrize(("successes", "n"), [(0, 20), (20, 20), (1, 29), (81, 263), (9286, 10_000), (1, 1)])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_agrees_with_scipy(function: Proportion, method: str, successes: int, n: int, confidence: float) -> None:
    """Both intervals are those of SciPy's binomial test."""
    expected = stats.binomtest(successes, n).proportion_ci(confidence, method)  # type: ignore[arg-type]
    result = function(successes, n, confidence)
    assert (result.low, result.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert (result.estimate, result.n, result.confidence) == (successes / n, n, confidence)


@pytest.mark.parametrize(
    ("successes", "n", "score", "exact"),
    [
        (81, 263, (0.2553, 0.3662), (0.2527, 0.3676)),
        (15, 148, (0.0624, 0.1605), (0.0578, 0.1617)),
        (0, 20, (0.0, 0.1611), (0.0, 0.1684)),
        (1, 29, (0.0061, 0.1718), (0.0009, 0.1776)),
    ],
)
def test_agrees_with_published_limits(
    successes: int, n: int, score: tuple[float, float], exact: tuple[float, float]
) -> None:
    """The limits are those that Newcombe gives (Stat. Med. 17, 1998, table I: score and Clopper-Pearson)."""
    for function, expected in ((wilson, score), (clopper_pearson, exact)):
        result = function(successes, n)
        assert (result.low, result.high) == pytest.approx(expected, abs=5.1e-5)


@BOTH
@pytest.mark.parametrize(("successes", "n"), [(0, 0), (-1, 5), (6, 5)])
def test_impossible_counts_are_refused(function: Proportion, method: str, successes: int, n: int) -> None:
    """There is no proportion of nothing, and none above 1."""
    with pytest.raises(InputError, match=f"{successes} of {n} images"):
        function(successes, n)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95.0, math.nan])
def test_impossible_confidence_is_refused(confidence: float) -> None:
    """Confidence is a fraction between 0 and 1."""
    for function in (wilson, clopper_pearson):
        with pytest.raises(InputError, match="confidence"):
            function(1, 2, confidence)
    with pytest.raises(InputError, match="confidence"):
        delong_interval([0.0, 1.0, 2.0, 3.0], [0, 1, 0, 1], confidence)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_proportions_hold_their_estimate_and_mirror(data: tuple[int, int]) -> None:
    """Limits are fractions round the estimate; those of the failures are 1 minus them."""
    successes, n = data
    for function in (wilson, clopper_pearson):
        one, other = function(successes, n), function(n - successes, n)
        assert 0 <= one.low <= one.estimate + 1e-12
        assert one.estimate - 1e-12 <= one.high <= 1
        assert (other.low, other.high) == pytest.approx((1 - one.high, 1 - one.low), abs=1e-9)


def rated(real: list[int], synthetic: list[int]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Ratings 1 … k as logits, from counts by rating."""
    ratings = np.arange(1, len(real) + 1, dtype=float)
    logits = np.concatenate([np.repeat(ratings, real), np.repeat(ratings, synthetic)])
    return logits, np.repeat([0, 1], [sum(real), sum(synthetic)])


def test_delongs_interval_is_the_published_one() -> None:
    """CT ratings of Hanley and McNeil (Radiology 143, 1982, table I): Stata's `roctab disease rating` gives 0.8932,
    standard error 0.0307 (DeLong), 0.83295 to 0.95339 (Stata Base Reference Manual, roctab, example 1).
    """
    result = delong_interval(*rated([33, 6, 6, 11, 2], [3, 2, 2, 11, 33]))
    assert result.estimate == pytest.approx(0.8932, abs=5e-5)
    assert result.standard_error == pytest.approx(0.0307, abs=5e-5)
    assert (result.low, result.high) == pytest.approx((0.83295, 0.95339), abs=5e-6)


def draw(images: int = 80, number: int = 0) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    rng = np.random.default_rng(number)
    labels = (rng.random(images) < 0.4).astype(int)
    hard = rng.normal(size=images)
    first, second = (np.round(rng.normal(size=images) + hard + shift * labels, 1) for shift in (1.5, 1.0))
    return first, second, labels


def by_pairs(first: NDArray[np.float64], second: NDArray[np.float64], labels: NDArray[np.int64]) -> tuple[float, float]:
    """Difference and standard error from the matrix of all pairs, after the formulas of the paper."""

    def kernel(row: NDArray[np.float64]) -> NDArray[np.float64]:
        x, y = row[labels == 1][:, None], row[labels == 0][None]
        return np.where(x > y, 1.0, np.where(x == y, 0.5, 0.0))

    psi = np.stack([kernel(first), kernel(second)])
    s10, s01 = np.cov(psi.mean(axis=2)), np.cov(psi.mean(axis=1))
    contrast = np.array([1.0, -1.0])
    variance = contrast @ (s10 / psi.shape[1] + s01 / psi.shape[2]) @ contrast
    return float(contrast @ psi.mean(axis=(1, 2))), math.sqrt(variance)


@pytest.mark.parametrize("number", range(3))
def test_delongs_test_is_that_of_all_pairs(number: int) -> None:
    """Difference, standard error, z and p are those of the covariance over all pairs."""
    first, second, labels = draw(number=number)
    difference, error = by_pairs(first, second, labels)
    result = delong_test(first, second, labels)
    assert (result.difference, result.standard_error) == pytest.approx((difference, error), rel=1e-10)
    assert (result.z, result.p) == pytest.approx(
        (difference / error, 2 * stats.norm.sf(abs(difference / error))), rel=1e-9
    )


def test_delongs_interval_has_the_variance_of_the_crossed_one() -> None:
    """For one run it is the images-only interval with a normal quantile in the place of t's."""
    first, _, labels = draw()
    result = delong_interval(first, labels, 0.9)
    half = crossed_interval(strata("auc", first[None], labels), 0.9).half_width_images
    assert half is not None
    assert result.standard_error == pytest.approx(half / stats.t.ppf(0.95, 78), rel=1e-10)
    assert result.high == pytest.approx(result.estimate + half * stats.norm.ppf(0.95) / stats.t.ppf(0.95, 78))


def test_swapping_the_runs_mirrors_the_test() -> None:
    """The test of b against a has the opposite difference and z, and the same p."""
    first, second, labels = draw()
    forth, back = delong_test(first, second, labels), delong_test(second, first, labels)
    assert (back.difference, back.z, back.p) == pytest.approx((-forth.difference, -(forth.z or 0), forth.p))


def test_limits_are_cut_to_fractions() -> None:
    """An AUC near 1 with few images has an interval that ends at 1; near 0, one that begins at 0."""
    logits, labels = [5.0, 4.0, 1.5, 1.0, 2.0, 0.0], [1, 1, 1, 0, 0, 0]
    assert delong_interval(logits, labels).high == 1.0
    assert delong_interval([-x for x in logits], labels).low == 0.0


def test_what_has_no_variance_has_a_reason() -> None:
    """Classes parted completely, one image of a class, and equal runs leave interval or test undefined."""
    parted = delong_interval([3.0, 2.0, 1.0, 0.0], [1, 1, 0, 0])
    assert (parted.estimate, parted.low, parted.reason) == (1.0, None, "no variation: interval not defined")
    single = delong_interval([3.0, 2.0, 1.0, 4.0], [1, 0, 0, 0])
    assert (single.high, single.reason) == (None, "one image of a class: interval not defined")
    first, _, labels = draw()
    assert delong_test(first, first, labels) == AucTest(0.0, None, None, None, "no variation: test not defined")


@pytest.mark.parametrize(
    ("logits", "labels", "words"),
    [
        ([1.0, 1.0, 1.0], [0, 1, 1], "constant predictions: AUC is not defined"),
        ([1.0, 2.0], [1, 1], "no real images: AUC"),
        ([1.0, math.nan], [0, 1], "NaN"),
        ([1.0, 2.0, 3.0], [0, 1], r"\(1, 3\)"),
        ([[1.0, 2.0]], [0, 1], r"\(1, 2\): one run has \(I,\)"),
    ],
)
def test_refuses_what_has_no_auc(logits: list[float], labels: list[int], words: str) -> None:
    """Constant, incomplete and misshapen input is refused by interval and test."""
    with pytest.raises(InputError, match=words):
        delong_interval(logits, labels)
    with pytest.raises(InputError, match=words):
        delong_test(logits, logits, labels)
