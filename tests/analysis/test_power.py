from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.power import TTestPower

from analysis.errors import InputError
from analysis.intervals import crossed_mean
from analysis.power import (
    NO_COMPONENTS,
    NO_DISTANCE,
    VarianceSplit,
    detectable_difference,
    opposite_share,
    planned_error,
    seed_spread,
    seeds_needed,
)
from analysis.significance import effect_sizes

SPLIT = VarianceSplit(1e-4, 0.05, 0.1)

variances = st.floats(1e-6, 1.0)
splits = st.builds(VarianceSplit, variances, variances, variances)


def draw(seeds: int, images: int, number: int = 0) -> np.ndarray:
    rng = np.random.default_rng(number)
    noise = rng.normal(size=(seeds, images))
    return np.asarray(0.5 * rng.normal(size=(seeds, 1)) + rng.normal(size=images) + noise)


def test_a_plan_of_the_same_study_is_its_interval() -> None:
    """Planned with its own numbers of seeds and images, a study has its own standard error and df."""
    interval = crossed_mean(draw(6, 80))
    assert planned_error(interval, 6, 80) == pytest.approx((interval.standard_error, interval.df), rel=1e-9)


def test_a_plan_by_the_formula_written_out() -> None:
    """Standard error and df are those of the mean squares that the variances lead one to expect."""
    s, i = 7, 300
    ms_s, ms_i, ms_e = i * 1e-4 + 0.1, s * 0.05 + 0.1, 0.1
    a, b = ms_s, ms_i - ms_e
    df = (a + b) ** 2 / (a**2 / (s - 1) + b**2 / (i - 1))
    assert planned_error(SPLIT, s, i) == pytest.approx((math.sqrt((a + b) / (s * i)), df), rel=1e-12)


def test_simulated_studies_spread_as_planned() -> None:
    """Over 2,000 simulated studies the standard deviation of the estimate is the planned standard error."""
    rng = np.random.default_rng(5)
    s, i, n = 4, 30, 2000
    shapes = {0.02: (n, s, 1), 0.3: (n, 1, i), 0.5: (n, s, i)}
    seed, image, rest = (math.sqrt(variance) * rng.normal(size=shape) for variance, shape in shapes.items())
    estimates = (seed + image + rest).mean(axis=(1, 2))
    planned = planned_error(VarianceSplit(0.02, 0.3, 0.5), s, i)
    assert planned is not None
    low, high = np.sqrt(stats.chi2.ppf([0.001, 0.999], n - 1) / (n - 1))
    assert low < estimates.std(ddof=1) / planned[0] < high


@pytest.mark.parametrize(
    ("n_seeds", "power", "true"),
    [(3, 0.8, 0.766), (5, 0.8, 0.791), (10, 0.8, 0.799), (30, 0.8, 0.8), (10, 0.5, 0.524), (30, 0.9, 0.9)],
)
def test_detectable_difference_agrees_with_statsmodels(n_seeds: int, power: float, true: float) -> None:
    """Where seeds alone vary, statsmodels' power of the paired t at that difference is near the one asked for."""
    variance = 0.0004
    found = detectable_difference(VarianceSplit(variance, 0.0, 0.0), n_seeds, 1000, 0.05, power)
    assert found is not None
    actual = TTestPower().power(effect_size=found / math.sqrt(variance), nobs=n_seeds, alpha=0.05)
    # The sum of two quantiles stands for the noncentral t, and with few seeds is not quite it.
    assert actual == pytest.approx(true, abs=2e-3)


def test_detectable_difference_of_many_seeds_is_the_textbook_one() -> None:
    """With endless seeds and images quantiles are normal: (1.96 + 0.84) standard errors."""
    found = detectable_difference(VarianceSplit(1.0, 0.0, 0.0), 1_000_000, 1_000_000)
    assert found == pytest.approx((stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) / 1000, rel=1e-5)


def test_a_planted_difference_is_found_as_often_as_planned() -> None:
    """In 400 simulated studies the crossed t finds the detectable difference with power 0.8."""
    s, i, split = 8, 60, VarianceSplit(0.01, 0.2, 0.5)
    delta = detectable_difference(split, s, i)
    assert delta is not None
    rng = np.random.default_rng(11)
    hits = 0
    for _ in range(400):
        values = delta + 0.1 * rng.normal(size=(s, 1)) + math.sqrt(0.2) * rng.normal(size=i)
        p = crossed_mean(values + math.sqrt(0.5) * rng.normal(size=(s, i))).p
        hits += p is not None and p < 0.05
    low, high = stats.binom.interval(0.999, 400, 0.8)
    assert low <= hits <= high


@given(splits, st.integers(3, 40), st.integers(2, 5000))
def test_more_seeds_and_images_are_never_worse(split: VarianceSplit, n_seeds: int, n_images: int) -> None:
    """The planned error falls with seeds and with images, and its df lies within Satterthwaite's bounds."""
    numbers = ((n_seeds, n_images), (n_seeds + 1, n_images), (n_seeds, n_images + 1))
    base, seeds, images = (planned_error(split, *n) for n in numbers)
    assert base is not None
    assert seeds is not None
    assert images is not None
    assert seeds[0] < base[0]
    assert images[0] < base[0]
    assert min(n_seeds, n_images) - 1 <= base[1] * (1 + 1e-9)
    assert base[1] <= (n_seeds + n_images - 2) * (1 + 1e-9)


@given(splits, st.integers(10, 5000), st.floats(0.001, 1.0), st.sampled_from([0.01, 0.05, 0.1]))
def test_seeds_needed_are_the_fewest(split: VarianceSplit, n_images: int, difference: float, alpha: float) -> None:
    """A search one by one finds the same number, or none up to where it ends."""
    result = seeds_needed(split, n_images, difference, alpha, most=60)
    detectable = {n: detectable_difference(split, n, n_images, alpha) for n in range(3, 61)}
    expected = next((n for n, d in detectable.items() if d is not None and d <= difference), None)
    assert result.seeds == expected
    assert (result.reason is None) == (expected is not None)
    assert seeds_needed(split, n_images, -difference, alpha, most=60) == result


def test_seeds_needed_agree_with_statsmodels() -> None:
    """Where seeds alone vary, statsmodels solves for the same number of seeds, but for one."""
    split = VarianceSplit(0.0004, 0.0, 0.0)
    for difference in (0.005, 0.01, 0.02):
        n = TTestPower().solve_power(effect_size=difference / 0.02, alpha=0.05, power=0.8)
        assert seeds_needed(split, 1000, difference).seeds in (math.ceil(n), math.ceil(n) + 1)


def test_the_images_alone_may_forbid_it() -> None:
    """Below the difference that endless seeds detect there is no number, and the reason names the images."""
    result = seeds_needed(SPLIT, 2000, 0.01)
    assert result.seeds is None
    assert result.reason == "no number would on 2,000 images: they are too few for this difference"
    assert result.limit is not None
    endless = detectable_difference(SPLIT, 10_000_000, 2000)
    assert result.limit == pytest.approx(endless, rel=1e-4)
    assert seeds_needed(SPLIT, 2000, result.limit * 0.999, most=100_000).seeds is None
    above = seeds_needed(SPLIT, 2000, result.limit * 1.05, most=100_000)
    assert above.seeds is not None
    assert above.limit == result.limit


@pytest.mark.parametrize(
    ("split", "images", "difference", "reason"),
    [
        (SPLIT, 2000, 0.0, NO_DISTANCE),
        (SPLIT, 1, 0.1, "no number would on one image"),
        (SPLIT, 2000, 0.0145, "more than 20"),
        (crossed_mean([[0.1, 0.2]]), 100, 0.1, NO_COMPONENTS),
    ],
)
def test_why_no_number_of_seeds(split: VarianceSplit, images: int, difference: float, reason: str) -> None:
    """Where there is no number there is a reason."""
    result = seeds_needed(split, images, difference, most=20)
    assert (result.seeds, result.reason) == (None, reason)


def test_without_variance_the_fewest_seeds_do() -> None:
    """Values that never vary need as many seeds as a verdict needs."""
    assert seeds_needed(VarianceSplit(0.0, 0.0, 0.0), 10, 0.1).seeds == 3


@pytest.mark.parametrize(
    ("split", "seeds", "images"),
    [
        (SPLIT, 1, 100),
        (SPLIT, 2, 100),
        (SPLIT, 5, 1),
        (VarianceSplit(0.0, 0.0, 0.0), 5, 100),
        (crossed_mean([[0.1, 0.2]]), 5, 100),
    ],
)
def test_no_plan_where_no_interval_is_defined(split: VarianceSplit, seeds: int, images: int) -> None:
    """Fewer than three seeds, one image, no variance and unknown variances have no planned error."""
    assert planned_error(split, seeds, images) is None
    assert detectable_difference(split, seeds, images) is None


def test_a_tiny_variance_does_not_underflow() -> None:
    """Variances whose squares are 0 in floating point still have df."""
    planned = planned_error(VarianceSplit(1e-200, 1e-200, 1e-200), 5, 50)
    reference = planned_error(VarianceSplit(1.0, 1.0, 1.0), 5, 50)
    assert planned is not None
    assert reference is not None
    assert planned[1] == pytest.approx(reference[1], rel=1e-12)


def test_plans_of_what_is_none_are_refused() -> None:
    """Impossible variances, numbers and levels are refused in one line."""
    for wrong in (-1.0, math.nan, math.inf):
        with pytest.raises(InputError, match=f"^var_image {wrong}: a variance must be"):
            planned_error(VarianceSplit(1.0, wrong, 1.0), 5, 50)
    with pytest.raises(InputError, match=r"^0 seeds: "):
        planned_error(SPLIT, 0, 50)
    with pytest.raises(InputError, match=r"^0 images: "):
        seeds_needed(SPLIT, 0, 0.1)
    for alpha in (0.0, 1.0, math.nan):
        with pytest.raises(InputError, match=f"^alpha {alpha}: "):
            detectable_difference(SPLIT, 5, 50, alpha)
    for power in (0.4, 1.0, math.nan):
        with pytest.raises(InputError, match=f"^power {power}: "):
            seeds_needed(SPLIT, 50, 0.1, 0.05, power)
    with pytest.raises(InputError, match=r"^difference nan: "):
        seeds_needed(SPLIT, 50, math.nan)
    with pytest.raises(InputError, match=r"^most 2: "):
        seeds_needed(SPLIT, 50, 0.1, most=2)


thetas = st.lists(st.integers(0, 20).map(lambda k: k / 20), min_size=1, max_size=8)


@given(thetas, thetas)
def test_opposite_share_agrees_with_mann_whitney(a: list[float], b: list[float]) -> None:
    """The share is SciPy's Mann-Whitney U of the pairs that point the other way, ties counted half."""
    share = opposite_share(a, b)
    if sum(a) * len(b) == pytest.approx(sum(b) * len(a), abs=1e-9):
        assert share is None
        return
    u = stats.mannwhitneyu(a, b, method="asymptotic").statistic / (len(a) * len(b))
    assert share == pytest.approx(1 - u if np.mean(a) > np.mean(b) else u, abs=1e-12)
    assert opposite_share(b, a) == share


def test_opposite_share_is_what_superiority_leaves() -> None:
    """It is 1 minus the probability of superiority of the better arm."""
    a, b = [0.95, 0.96, 0.94, 0.97], [0.93, 0.95, 0.94, 0.96]
    assert opposite_share(a, b) == pytest.approx(1 - effect_sizes(a, b).probability_of_superiority)


def test_opposite_share_of_degenerate_values() -> None:
    """Equal means point nowhere, seeds that never overlap never point the other way, and rounding is a tie."""
    assert opposite_share([0.1, 0.3], [0.2, 0.2]) is None
    assert opposite_share([0.5], [0.5]) is None
    assert opposite_share([0.9, 0.8], [0.1]) == 0.0
    assert opposite_share([0.1 + 0.2, 0.9], [0.3]) == 0.25
    with pytest.raises(InputError, match="theta_b: value 1 is nan"):
        opposite_share([0.1], [0.2, math.nan])


def test_seed_spread_of_a_calibrated_ensemble_is_one() -> None:
    """Runs that differ by chance alone, with calibrated votes, spread by √(err/2n): simulated, the ratio is near 1."""
    rng = np.random.default_rng(3)
    n, seeds = 4000, 400
    # With votes q for the true class, calibration says that among images with such votes a share q is of that class.
    q = rng.beta(0.4, 0.4, size=n)
    truth = rng.random(n) < q
    correct = (rng.random((seeds, n)) < q) == truth
    spread = seed_spread(correct.mean(axis=1), n)
    assert spread.low is not None
    assert spread.high is not None
    assert spread.low < 1 < spread.high
    apart = seed_spread(correct.mean(axis=1) + 0.01 * rng.uniform(-1, 1, seeds), n)
    assert apart.low is not None
    assert apart.low > 1


def test_seed_spread_by_the_formulas() -> None:
    """SD, √(err/2n) and the χ² limits are those of NumPy and SciPy."""
    theta, n = np.array([0.942, 0.948, 0.951, 0.939, 0.945]), 2000
    spread = seed_spread(theta, n, 0.9)
    sd, calibrated = np.std(theta, ddof=1), math.sqrt((1 - theta.mean()) / (2 * n))
    assert (spread.sd, spread.calibrated, spread.ratio) == pytest.approx((sd, calibrated, sd / calibrated), rel=1e-9)
    variance = np.sort(4 * sd**2 / stats.chi2.ppf([0.05, 0.95], 4))
    assert (spread.low, spread.high) == pytest.approx(tuple(np.sqrt(variance) / calibrated), rel=1e-9)
    assert spread.reason is None


@pytest.mark.parametrize(
    ("theta", "ratio", "words"),
    [
        ([0.9], None, "one seed"),
        ([0.9, 0.9, 0.9], 0.0, "no variation"),
        ([1.0, 1.0, 1.0], None, "no errors"),
    ],
)
def test_seed_spread_of_degenerate_values(theta: list[float], ratio: float | None, words: str) -> None:
    """One seed, equal seeds and seeds without an error have no interval, but a reason."""
    spread = seed_spread(theta, 100)
    assert (spread.ratio, spread.low, spread.high) == (ratio, None, None)
    assert words in (spread.reason or "")


def test_seed_spread_refuses_what_is_no_accuracy() -> None:
    """Percentages, no images and other confidences are refused."""
    with pytest.raises(InputError, match=r"^accuracy 94\.2: must be a fraction"):
        seed_spread([94.2, 95.1], 100)
    with pytest.raises(InputError, match=r"^0 images"):
        seed_spread([0.9, 0.8], 0)
    with pytest.raises(InputError, match=r"^confidence 95"):
        seed_spread([0.9, 0.8], 100, 95)
    with pytest.raises(InputError, match="shape"):
        seed_spread([[0.9, 0.8]], 100)
