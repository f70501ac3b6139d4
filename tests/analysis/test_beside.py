from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.weightstats import DescrStatsW

from analysis.beside import Interval, checked_theta, images_only, images_only_of, is_constant, seed_t
from analysis.errors import InputError
from analysis.intervals import NO_VARIATION, Stratum, crossed_interval


def draw(seeds: int, images: int, number: int = 0) -> np.ndarray:
    rng = np.random.default_rng(number)
    return np.asarray(rng.normal(size=(seeds, images)) + 0.4 * rng.normal(size=(seeds, 1)) + rng.normal(size=images))


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_seed_t_agrees_with_statsmodels(confidence: float) -> None:
    """The limits are those of statsmodels' t interval of a mean."""
    theta = np.array([0.012, 0.031, -0.004, 0.02, 0.017])
    result = seed_t(theta, confidence)
    low, high = DescrStatsW(theta).tconfint_mean(alpha=1 - confidence)
    assert (result.low, result.high) == pytest.approx((low, high), rel=1e-12)
    assert result.reason is None


def test_seed_t_of_published_data() -> None:
    """R prints -2.4598858 and -0.7001142 for `t.test(sleep1, sleep2, paired = TRUE)` of its data set `sleep`."""
    differences = -np.array([1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4])
    result = seed_t(differences)
    assert (result.low, result.high) == pytest.approx((-2.4598858, -0.7001142), abs=5e-8)


@pytest.mark.parametrize(
    ("theta", "words"),
    [
        ([0.3], "one seed"),
        ([0.0, 0.0, 0.0], NO_VARIATION),
        ([0.1, 0.1, 0.1], NO_VARIATION),
        ([0.91 - 0.9, 0.93 - 0.92, 0.95 - 0.94], NO_VARIATION),
    ],
)
def test_seed_t_without_spread_is_not_defined(theta: list[float], words: str) -> None:
    """One seed, or values that are equal but for rounding, give a reason and no limits."""
    result = seed_t(theta)
    assert (result.low, result.high) == (None, None)
    assert result.reason is not None
    assert words in result.reason


def test_small_spread_is_not_taken_for_rounding() -> None:
    """Values that differ by a millionth have an interval."""
    assert seed_t([1.0, 1.000001, 1.000002]).reason is None


@given(st.lists(st.floats(-1, 1, width=16), min_size=2, max_size=8))
def test_seed_t_mirrors_and_holds_the_mean(theta: list[float]) -> None:
    """The interval of -θ is the mirrored one, and both hold their means."""
    result, mirrored = seed_t(theta), seed_t([-value for value in theta])
    assert result.reason == mirrored.reason
    if result.low is not None and result.high is not None:
        assert (mirrored.low, mirrored.high) == pytest.approx((-result.high, -result.low))
        assert result.low <= np.mean(theta) <= result.high


def test_images_only_is_the_t_interval_over_images() -> None:
    """In one group the limits are those of a t interval over the images' means."""
    values = draw(3, 40)
    limits = stats.ttest_1samp(values.mean(axis=0), 0).confidence_interval()
    result = images_only([Stratum(values)])
    assert (result.low, result.high) == pytest.approx((limits.low, limits.high), rel=1e-12)


def test_images_only_weights_the_variances_of_groups() -> None:
    """In two groups the variance is Σ w² s²/I with I - 2 degrees of freedom, as `half_width_images` of the crossed."""
    groups, weights = [draw(4, 30, 1), draw(4, 50, 2)], [0.5, -0.5]
    variance = sum(w**2 * stats.sem(g.mean(axis=0)) ** 2 for w, g in zip(weights, groups, strict=True))
    centre = sum(w * g.mean() for w, g in zip(weights, groups, strict=True))
    strata = [Stratum(g, w) for g, w in zip(groups, weights, strict=True)]
    result = images_only(strata)
    assert (result.low, result.high) == pytest.approx(stats.t.interval(0.95, 78, centre, math.sqrt(variance)))
    crossed = crossed_interval(strata)
    assert images_only_of(crossed) == result
    assert crossed.half_width_images == pytest.approx((result.high - result.low) / 2)  # type: ignore[operator]


def test_images_only_needs_one_seed_alone() -> None:
    """One seed has an images-only interval, one image or constant values have a reason."""
    assert images_only([Stratum(draw(1, 20))]).low is not None
    assert images_only([Stratum(np.ones((3, 20)))]) == Interval(reason=NO_VARIATION)
    reason = images_only([Stratum(draw(3, 1))]).reason
    assert reason is not None
    assert "one image" in reason


@pytest.mark.parametrize(
    ("theta", "confidence", "words"),
    [
        ([], 0.95, "(0,)"),
        ([[0.1, 0.2]], 0.95, "(1, 2)"),
        ([0.1, math.nan], 0.95, "value 1 is nan"),
        ([0.1, 0.2], 1.0, "confidence 1.0"),
    ],
)
def test_refuses_what_is_no_row_of_values(theta: list[float], confidence: float, words: str) -> None:
    """Wrong shapes, values and confidences are refused in one line."""
    with pytest.raises(InputError) as caught:
        seed_t(theta, confidence)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_scale_decides_what_is_rounding() -> None:
    """Differences are rounding when they are small beside the values they were computed from."""
    values = checked_theta([1e-17, 3e-17])
    assert not is_constant(values)
    assert is_constant(values, scale=1.0)
