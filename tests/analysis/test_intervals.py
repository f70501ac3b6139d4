from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import stats
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from analysis.errors import InputError
from analysis.intervals import (
    NO_EXCESS,
    NO_VARIATION,
    CrossedInterval,
    Stratum,
    crossed_interval,
    crossed_mean,
    strata_by_group,
)

Values = NDArray[np.float64]


def draw(seeds: int, images: int, number: int = 0, seed_sd: float = 0.5, image_sd: float = 1.0) -> Values:
    rng = np.random.default_rng(number)
    noise = rng.normal(size=(seeds, images))
    return np.asarray(0.3 + seed_sd * rng.normal(size=(seeds, 1)) + image_sd * rng.normal(size=images) + noise)


def test_agrees_with_two_way_anova_of_statsmodels() -> None:
    """Mean squares, degrees of freedom and limits are those of a two-way ANOVA fitted by least squares."""
    values = draw(4, 12)
    seeds, images = values.shape
    long = pd.DataFrame(
        {
            "value": values.ravel(),
            "seed": [f"s{s}" for s in range(seeds) for _ in range(images)],
            "image": [f"i{i}" for _ in range(seeds) for i in range(images)],
        }
    )
    table = anova_lm(ols("value ~ C(seed) + C(image)", data=long).fit())
    ms_s, ms_i, ms_e = (float(table.loc[row, "mean_sq"]) for row in ("C(seed)", "C(image)", "Residual"))
    a, b = ms_s, ms_i - ms_e
    df = (a + b) ** 2 / (a**2 / (seeds - 1) + b**2 / (images - 1))
    error = math.sqrt((a + b) / (seeds * images))
    low, high = stats.t.interval(0.95, df, loc=values.mean(), scale=error)

    result = crossed_mean(values)

    assert result.df == pytest.approx(df, rel=1e-10)
    assert (result.low, result.high) == pytest.approx((low, high), rel=1e-10)
    assert result.p == pytest.approx(2 * stats.t.sf(abs(values.mean()) / error, df), rel=1e-10)
    assert result.var_seed == pytest.approx((ms_s - ms_e) / images, rel=1e-10)
    assert result.var_image == pytest.approx((ms_i - ms_e) / seeds, rel=1e-10)
    assert result.var_residual == pytest.approx(ms_e, rel=1e-10)


def explicit(groups: list[Values], weights: list[float]) -> tuple[float, float, float, float]:
    """Estimate, variance, df and images-only half-width by sums written out term by term."""
    seeds = len(groups[0])
    theta = [sum(w * sum(g[s]) / len(g[s]) for w, g in zip(weights, groups, strict=True)) for s in range(seeds)]
    centre = sum(theta) / seeds
    a = sum((t - centre) ** 2 for t in theta) / (seeds - 1) / seeds
    terms, alone = [], 0.0
    for weight, group in zip(weights, groups, strict=True):
        images = len(group[0])
        grand = sum(sum(row) for row in group) / (seeds * images)
        rows = [sum(row) / images for row in group]
        columns = [sum(group[s][i] for s in range(seeds)) / seeds for i in range(images)]
        ms_i = seeds * sum((c - grand) ** 2 for c in columns) / (images - 1)
        rest = [(group[s][i] - rows[s] - columns[i] + grand) ** 2 for s in range(seeds) for i in range(images)]
        ms_e = sum(rest) / ((seeds - 1) * (images - 1))
        terms.append((weight**2 * max(ms_i - ms_e, 0) / (seeds * images), images))
        alone += weight**2 * sum((c - grand) ** 2 for c in columns) / (images - 1) / images
    variance = a + sum(b for b, _ in terms)
    df = variance**2 / (a**2 / (seeds - 1) + sum(b**2 / (n - 1) for b, n in terms))
    total = sum(n for _, n in terms) - len(groups)
    return centre, variance, df, float(stats.t.ppf(0.975, total)) * math.sqrt(alone)


@pytest.mark.parametrize("weights", [[0.5, 0.5], [0.3, 0.7], [1.0, -1.0]])
def test_strata_agree_with_sums_written_out(weights: list[float]) -> None:
    """Groups of images enter with squared weights and their own degrees of freedom."""
    groups = [draw(5, 9, 1), draw(5, 14, 2, image_sd=0.2)]
    centre, variance, df, alone = explicit(groups, weights)

    result = crossed_interval([Stratum(g, w) for g, w in zip(groups, weights, strict=True)])

    assert result.estimate == pytest.approx(centre, rel=1e-10)
    assert result.standard_error == pytest.approx(math.sqrt(variance), rel=1e-10)
    assert result.df == pytest.approx(df, rel=1e-10)
    assert result.half_width_images == pytest.approx(alone, rel=1e-10)
    assert result.half_width_crossed == pytest.approx(float(stats.t.ppf(0.975, df)) * math.sqrt(variance), rel=1e-10)


def test_one_group_is_the_plain_mean() -> None:
    """Splitting by a group that all images share changes nothing."""
    values = draw(4, 30)
    assert crossed_interval(strata_by_group(values, np.zeros(30))) == crossed_mean(values)


def test_is_the_seed_t_interval_where_images_add_nothing() -> None:
    """Without variance over images the interval and p are those of a t-test over the seeds."""
    means = np.array([0.2, 0.5, 0.1, 0.7])
    pattern = np.array([[1.0, -1, 0, 0], [-1, 1, 0, 0], [0, 0, 1, -1], [0, 0, -1, 1]])
    result = crossed_mean(means[:, None] + pattern)
    test = stats.ttest_1samp(means, 0)
    limits = test.confidence_interval()
    assert (result.low, result.high) == pytest.approx((limits.low, limits.high))
    assert (result.df, result.p) == pytest.approx((3, test.pvalue))


def test_approaches_the_seed_t_interval_with_many_images() -> None:
    """With very many images the images' share of the uncertainty is gone."""
    values = draw(5, 100_000, image_sd=0.3)
    limits = stats.ttest_1samp(values.mean(axis=1), 0).confidence_interval()
    result = crossed_mean(values)
    assert (result.low, result.high) == pytest.approx((limits.low, limits.high), rel=1e-3)


def test_is_the_image_t_interval_where_seeds_agree() -> None:
    """Identical seeds leave the t-interval over images, with I - 1 degrees of freedom."""
    row = draw(1, 40)[0]
    result = crossed_mean(np.tile(row, (4, 1)))
    limits = stats.ttest_1samp(row, 0).confidence_interval()
    assert (result.low, result.high) == pytest.approx((limits.low, limits.high))
    assert result.df == pytest.approx(39)
    assert result.var_seed == 0.0


def test_components_give_the_standard_error() -> None:
    """σ²_seed/S + σ²_image/I + σ²_rest/(SI) is the squared standard error, in one group and in several."""
    values = draw(5, 60)
    for strata in ([Stratum(values)], strata_by_group(values, np.arange(60) % 3)):
        r = crossed_interval(strata)
        assert None not in (r.var_seed, r.var_image, r.var_residual, r.standard_error)
        total = r.var_seed / 5 + r.var_image / 60 + r.var_residual / 300  # type: ignore[operator]
        assert math.sqrt(total) == pytest.approx(r.standard_error, rel=1e-10)


def test_quotes_the_wider_of_crossed_and_images_only() -> None:
    """Where chance makes the seeds agree too well, the images-only width is quoted."""
    results = [crossed_mean(draw(3, 40, number, seed_sd=0.0, image_sd=0.3)) for number in range(40)]
    wider = [r.half_width_images > r.half_width_crossed for r in results]  # type: ignore[operator]
    assert any(wider)
    assert not all(wider)
    for r in results:
        half = max(r.half_width_images, r.half_width_crossed)  # type: ignore[type-var]
        assert r.high - r.estimate == pytest.approx(half)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (draw(1, 20), "one seed"),
        (draw(2, 20), "two seeds"),
        (draw(4, 1), "one image"),
        (np.full((4, 20), 0.1), NO_VARIATION),
        (np.tile([0.1, 0.1, 0.1], (3, 1)), NO_VARIATION),
        (np.array([[1.0, -1, 0, 0], [-1, 1, 0, 0], [0, 0, 1, -1], [0, 0, -1, 1]]), NO_EXCESS),
    ],
)
def test_degenerate_input_has_a_declared_answer(values: Values, words: str) -> None:
    """Where the crossed interval is not defined there are no limits, no df and no p, but a reason."""
    result = crossed_mean(values)
    assert result.estimate == pytest.approx(values.mean())
    assert result.reason is not None
    assert words in result.reason
    assert (result.low, result.high, result.df, result.p) == (None, None, None, None)


def test_small_variation_is_not_taken_for_rounding() -> None:
    """Differences of a millionth of the values are variation, with the interval of the differences alone."""
    small = draw(4, 30)
    result, expected = crossed_mean(1 + 1e-6 * small), crossed_mean(small)
    assert result.df == pytest.approx(expected.df, rel=1e-4)
    assert result.low == pytest.approx(1 + 1e-6 * expected.low, abs=1e-12)  # type: ignore[operator]


def test_one_or_two_seeds_still_have_the_images_only_width() -> None:
    """What these seeds say of new images is known with one seed, too."""
    row = draw(1, 30)
    limits = stats.ttest_1samp(row[0], 0).confidence_interval()
    assert crossed_mean(row).half_width_images == pytest.approx((limits.high - limits.low) / 2)
    assert crossed_mean(draw(2, 30)).half_width_images is not None


@pytest.mark.parametrize(
    ("strata", "confidence", "words"),
    [
        ([], 0.95, "no group"),
        ([Stratum(np.zeros((3, 0)))], 0.95, "(3, 0)"),
        ([Stratum(np.zeros(3))], 0.95, "(3,)"),
        ([Stratum(np.zeros((3, 4))), Stratum(np.zeros((4, 4)))], 0.95, "3 and 4 seeds"),
        ([Stratum(np.full((3, 4), np.nan))], 0.95, "NaN"),
        ([Stratum(np.zeros((3, 4)))], 95, "confidence 95"),
        ([Stratum(np.zeros((3, 4)))], math.nan, "confidence nan"),
    ],
)
def test_refuses_what_has_no_interval(strata: list[Stratum], confidence: float, words: str) -> None:
    """Wrong shapes, values and confidences are refused in one line."""
    with pytest.raises(InputError) as caught:
        crossed_interval(strata, confidence)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_groups_must_fit_the_values() -> None:
    """Group labels of another length are refused."""
    with pytest.raises(InputError, match=r"\(3, 4\).*\(3,\)"):
        strata_by_group(np.zeros((3, 4)), [0, 1, 1])


tables = st.tuples(st.integers(3, 6), st.integers(2, 12)).flatmap(
    lambda shape: arrays(np.float64, shape, elements=st.floats(-10, 10, width=16))
)


def same(first: CrossedInterval, second: CrossedInterval, sign: float = 1.0) -> None:
    low, high = (second.low, second.high) if sign > 0 else (second.high, second.low)
    assert first.estimate == pytest.approx(sign * second.estimate, rel=1e-9, abs=1e-12)
    assert first.reason == second.reason
    for mine, other in ((first.low, low), (first.high, high)):
        assert mine == (None if other is None else pytest.approx(sign * other, rel=1e-6, abs=1e-9))


@given(tables)
def test_negated_values_mirror_the_interval(values: Values) -> None:
    """The interval of -D is the mirrored interval of D, with the same p."""
    result, mirrored = crossed_mean(values), crossed_mean(-values)
    same(mirrored, result, -1.0)
    assert mirrored.p == (None if result.p is None else pytest.approx(result.p))


@given(tables, st.randoms(use_true_random=False))
def test_order_of_seeds_and_images_does_not_matter(values: Values, random: object) -> None:
    """Permuting rows and columns changes nothing."""
    rows, columns = list(range(values.shape[0])), list(range(values.shape[1]))
    random.shuffle(rows)  # type: ignore[attr-defined]
    random.shuffle(columns)  # type: ignore[attr-defined]
    same(crossed_mean(values[rows][:, columns]), crossed_mean(values))


@given(tables)
def test_the_interval_holds_its_estimate(values: Values) -> None:
    """Estimate and p are within their bounds, and higher confidence is wider."""
    result = crossed_mean(values)
    if result.low is not None and result.high is not None and result.p is not None:
        assert result.low <= result.estimate <= result.high
        assert 0 <= result.p <= 1
        wide = crossed_mean(values, 0.99)
        assert wide.low is not None
        assert wide.low <= result.low


def coverage_draws(seed_sd: float, repetitions: int = 300) -> tuple[int, int]:
    """How often crossed and images-only intervals cover the true difference of two methods' accuracies.

    Probit model: logit = mean + image + method by image + method by seed + noise; correct if positive.
    """
    seeds, images, image_sd, method_sd = 5, 500, 1.0, 0.5
    rng = np.random.default_rng(2024)
    means = (1.2, 1.5)
    scale = math.sqrt(1 + image_sd**2 + method_sd**2 + seed_sd**2)
    truth = float(stats.norm.cdf(means[1] / scale) - stats.norm.cdf(means[0] / scale))
    crossed = alone = 0
    for _ in range(repetitions):
        shared = image_sd * rng.normal(size=images)
        first, second = (
            mean
            + shared
            + method_sd * rng.normal(size=images)
            + seed_sd * rng.normal(size=(seeds, 1))
            + rng.normal(size=(seeds, images))
            > 0
            for mean in means
        )
        result = crossed_mean(second.astype(float) - first)
        assert result.low is not None
        assert result.high is not None
        assert result.half_width_images is not None
        crossed += result.low <= truth <= result.high
        alone += abs(result.estimate - truth) <= result.half_width_images
    return crossed, alone


@pytest.mark.parametrize("seed_sd", [0.0, 0.3])
def test_covers_the_truth_as_often_as_it_says(seed_sd: float) -> None:
    """In 300 simulated studies coverage lies within binomial bounds; the images-only interval fails them."""
    least, most = stats.binom.interval(0.999, 300, 0.95)
    crossed, alone = coverage_draws(seed_sd)
    assert least <= crossed <= most
    if seed_sd > 0:
        assert alone < least
