from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import stats

from analysis.beside import Interval
from analysis.bootstrap import (
    percentile_interval,
    pooled,
    resample_means,
    resample_means_over_images,
    resample_means_over_seeds,
)
from analysis.errors import InputError
from analysis.intervals import NO_VARIATION, Stratum, crossed_interval

Values = NDArray[np.float64]


def generator(number: int = 0) -> np.random.Generator:
    return np.random.default_rng(number)


def draw(shape: tuple[int, ...], number: int = 1) -> Values:
    return np.asarray(0.3 + generator(number).normal(size=shape))


def weights_of(groups: Values, seeds: int, draws: int) -> tuple[Values, Values]:
    """The counts of seeds (draws, S) and images (draws, I), read off statistics that are 1 at one seed or image."""
    images = len(groups)
    by_seed = np.repeat(np.eye(seeds)[:, :, None], images, axis=2)
    by_image = np.repeat(np.eye(images)[:, None, :], seeds, axis=1)
    means = resample_means(np.concatenate([by_seed, by_image]), groups, draws=draws, generator=generator())
    return means[:seeds].T * seeds, means[seeds:].T * images


def mixed_groups(*sizes: int) -> Values:
    return generator(9).permutation(np.repeat(np.arange(len(sizes)), sizes)).astype(float)


@pytest.mark.parametrize("sizes", [(20, 7), (600, 300)])
def test_draws_are_sums_over_resampled_seeds_and_images(sizes: tuple[int, ...]) -> None:
    """Weights are counts whose groups keep their sizes, and a draw is Σ w_s w_i D / (S I) with one set for all K."""
    groups, seeds, draws = mixed_groups(*sizes), 4, 150
    of_seeds, of_images = weights_of(groups, seeds, draws)
    assert np.abs(of_seeds - of_seeds.round()).max() < 1e-9
    assert np.abs(of_images - of_images.round()).max() < 1e-3
    of_seeds, of_images = of_seeds.round(), of_images.round()
    assert (of_seeds.sum(axis=1) == seeds).all()
    for group, size in enumerate(sizes):
        assert (of_images[:, groups == group].sum(axis=1) == size).all()

    values = draw((3, seeds, len(groups)))
    result = resample_means(values, groups, draws=draws, generator=generator())
    expected = np.einsum("bs,bi,ksi->kb", of_seeds, of_images, values) / values[0].size
    assert np.abs(result - expected).max() < 1e-6 * np.abs(values).max()
    over_images = resample_means_over_images(values, groups, draws=draws, generator=generator())
    expected = np.einsum("bi,ksi->kb", of_images, values) / values[0].size
    assert np.abs(over_images - expected).max() < 1e-6 * np.abs(values).max()
    over_seeds = resample_means_over_seeds(values.mean(axis=2), draws=draws, generator=generator())
    np.testing.assert_allclose(over_seeds, (of_seeds @ values.mean(axis=2).T).T / seeds, rtol=1e-12)


@pytest.mark.parametrize("images", [40, 400])
def test_images_are_counted_as_a_multinomial(images: int) -> None:
    """Counts of an image are binomial, of half the images too, and those of two images are correlated -1/(I - 1)."""
    draws = 4000
    _, counts = weights_of(np.zeros(images), 1, draws)
    counts = counts.round()
    seen = np.bincount(counts.astype(int).ravel(), minlength=8)
    expected = stats.binom.pmf(np.arange(7), images, 1 / images) * counts.size
    observed = np.append(seen[:6], seen[6:].sum())
    expected[6] = counts.size - expected[:6].sum()
    # Cells of one draw are slightly dependent: four standard errors of every share.
    assert (np.abs(observed - expected) < 4 * np.sqrt(expected) + 1).all()
    half = counts[:, : images // 2].sum(axis=1)
    assert half.var() == pytest.approx(images / 4, rel=4 * np.sqrt(2 / draws))
    assert half.mean() == pytest.approx(images / 2, abs=4 * np.sqrt(images / 4 / draws))


def exact_variance(values: Values) -> float:
    """The variance of multi-bootstrap means of one group by its expectation over both resamplings."""
    seeds, images = values.shape
    of_seeds = np.eye(seeds) + (1 - 1 / seeds)
    of_images = np.eye(images) + (1 - 1 / images)
    return float(np.einsum("si,st,tj,ij->", values, of_seeds, values, of_images) / values.size**2 - values.mean() ** 2)


@pytest.mark.parametrize("images", [30, 300])
def test_spread_of_the_draws_is_the_exact_one(images: int) -> None:
    """Mean and variance of many draws are those that the two resamplings have by calculation."""
    values = draw((4, images)) + draw((4, 1), 2)
    means = resample_means(values, np.zeros(images), draws=40_000, generator=generator())[0]
    variance = exact_variance(values)
    assert means.mean() == pytest.approx(values.mean(), abs=4 * np.sqrt(variance / 40_000))
    assert means.var() == pytest.approx(variance, rel=0.04)


def test_seeds_are_resampled_as_in_a_full_enumeration() -> None:
    """The distribution over all 4⁴ resamples of four seeds is met."""
    theta = np.array([0.1, 0.4, 0.45, 0.9])
    every = np.array([np.mean(choice) for choice in product(theta, repeat=4)])
    means = resample_means_over_seeds(theta, draws=40_000, generator=generator())[0]
    for cut in (0.3, 0.45, 0.6):
        share = np.mean(every <= cut + 1e-9)
        assert np.mean(means <= cut + 1e-9) == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / 40_000))


def test_images_are_resampled_as_by_scipy() -> None:
    """The percentile interval is that of `scipy.stats.bootstrap` within the error of 20,000 draws."""
    values = generator(3).exponential(size=(3, 500))
    means = resample_means_over_images(values, np.zeros(500), draws=20_000, generator=generator())[0]
    peer = stats.bootstrap(
        (values.mean(axis=0),), np.mean, n_resamples=20_000, batch=500, method="percentile", rng=generator(1)
    )
    result = percentile_interval(means)
    limits = (peer.confidence_interval.low, peer.confidence_interval.high)
    assert (result.low, result.high) == pytest.approx(limits, abs=0.1 * peer.standard_error)
    assert means.std(ddof=1) == pytest.approx(peer.standard_error, rel=0.03)


def test_groups_keep_their_sizes() -> None:
    """Values that are constant within groups give one mean whatever is drawn."""
    groups = mixed_groups(5, 600, 1)
    means = resample_means(np.tile(groups, (3, 1)), groups, draws=100, generator=generator())
    np.testing.assert_allclose(means, groups.mean(), rtol=1e-12)
    assert percentile_interval(means[0]) == Interval(reason=NO_VARIATION)


def test_rows_are_paired() -> None:
    """Equal statistics have equal draws, so that their difference has no spread."""
    values = draw((1, 3, 500))
    means = resample_means(np.concatenate([values, values + 0.25]), np.zeros(500), draws=200, generator=generator())
    np.testing.assert_allclose(means[1] - means[0], 0.25, atol=1e-6)


@pytest.mark.parametrize("sizes", [(40, 30), (900, 700), (5000,)])
@pytest.mark.parametrize("resample", [resample_means, resample_means_over_images])
def test_the_size_of_a_block_changes_nothing(resample: Callable[..., Values], sizes: tuple[int, ...]) -> None:
    """One state of the generator gives the same draws in small and large blocks, and another gives others."""
    groups = mixed_groups(*sizes)
    values = draw((2, 3, len(groups)))
    first, second, third = (
        resample(values, groups, draws=333, generator=generator(), block_bytes=size) for size in (1, 2**20, 2**28)
    )
    assert first.shape == (2, 333)
    np.testing.assert_allclose(second, first, atol=1e-7)
    np.testing.assert_allclose(third, first, atol=1e-7)
    assert not np.allclose(resample(values, groups, draws=333, generator=generator(1)), first, atol=1e-4)


def test_fewer_draws_are_the_first_of_more() -> None:
    """Asking for more draws adds to those of the same generator state."""
    values, groups = draw((1, 3, 700)), mixed_groups(300, 400)
    few, many = (resample_means(values, groups, draws=n, generator=generator()) for n in (10, 200))
    np.testing.assert_allclose(many[:, :10], few, atol=1e-7)


def test_a_generator_moves_on() -> None:
    """Calling twice with one generator draws anew."""
    values, random = draw((1, 3, 50)), generator()
    first, second = (resample_means(values, np.zeros(50), draws=20, generator=random) for _ in range(2))
    assert not np.array_equal(first, second)


def test_the_order_of_groups_is_no_matter() -> None:
    """Images of groups that are mixed have the draws of images that lie group by group."""
    groups = mixed_groups(300, 20)
    values = draw((1, 3, 320))
    order = np.argsort(groups, kind="stable")
    mixed = resample_means(values, groups, draws=100, generator=generator())
    sorted_ = resample_means(
        values[..., order], np.where(groups[order] == 0, "a", "b"), draws=100, generator=generator()
    )
    np.testing.assert_allclose(mixed, sorted_, atol=1e-7)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_precision_does_not_depend_on_scale_or_offset(scale: float, offset: float) -> None:
    """Values out of the range of float32, or far from 0, lose nothing."""
    values, groups = draw((1, 3, 400)), np.zeros(400)
    plain = resample_means(values, groups, draws=100, generator=generator())
    moved = resample_means((values + offset) * scale, groups, draws=100, generator=generator())
    np.testing.assert_allclose(moved / scale - offset, plain, atol=2e-7 + 1e-15 * offset)


def test_memory_stays_below_a_block() -> None:
    """Beside values, their float32 copy and the result no more than a block is held."""
    values, groups = draw((8, 4, 20_000)), mixed_groups(10_000, 10_000)
    block = 16 * 2**20
    tracemalloc.start()
    try:
        means = resample_means(values, groups, draws=1000, generator=generator(), block_bytes=block)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    held = values.nbytes // 2 + means.nbytes
    # counting works on a few megabytes beside the block
    assert peak < held + block + 8 * 2**20


def test_pooled_values_have_the_estimate_as_their_mean() -> None:
    """Strata of any weights become one table with the same value per seed."""
    strata = [Stratum(draw((4, 30)), 0.5), Stratum(draw((4, 50), 2), -0.7)]
    values, groups = pooled(strata)
    expected = crossed_interval(strata)
    assert values.mean(axis=1) == pytest.approx(expected.per_seed, rel=1e-12)
    assert np.bincount(groups).tolist() == [30, 50]
    means = resample_means(values, groups, draws=4000, generator=generator())[0]
    over_images = [s.weight**2 * s.values.mean(axis=0).var() / s.values.shape[1] for s in strata]
    images_alone = resample_means_over_images(values, groups, draws=4000, generator=generator())[0]
    assert images_alone.var() == pytest.approx(sum(over_images), rel=0.1)
    assert means.var() > images_alone.var()


@pytest.mark.parametrize("confidence", [0.5, 0.95])
def test_percentiles_are_those_of_scipy(confidence: float) -> None:
    """Limits are SciPy's quantiles at α/2 and 1 - α/2."""
    values = draw((501,))
    result = percentile_interval(values, confidence)
    alpha = 1 - confidence
    expected = stats.mstats.mquantiles(values, [alpha / 2, 1 - alpha / 2], alphap=1, betap=1)
    assert (result.low, result.high) == pytest.approx(tuple(expected), rel=1e-12)


def test_more_draws_converge() -> None:
    """Intervals of many draws lie closer together than those of few."""
    values = draw((4, 60))

    def spread(draws: int) -> float:
        lows = [
            percentile_interval(resample_means(values, np.zeros(60), draws=draws, generator=generator(n))[0]).low
            for n in range(12)
        ]
        return float(np.std(np.array(lows, dtype=float)))

    assert spread(8000) < spread(100) / 3


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (3, 1)])
def test_one_seed_or_one_image_is_resampled_to_itself(shape: tuple[int, int]) -> None:
    """What there is one of adds no spread."""
    values = draw(shape)
    means = resample_means(values, np.zeros(shape[1]), draws=300, generator=generator())[0]
    assert means.mean() == pytest.approx(values.mean(), abs=0.2)
    assert (percentile_interval(means).reason == NO_VARIATION) is (shape == (1, 1))


tables = st.tuples(st.integers(1, 4), st.integers(1, 12)).flatmap(
    lambda shape: arrays(np.float64, shape, elements=st.floats(-10, 10, width=16))
)


@settings(max_examples=50)
@given(tables)
def test_draws_lie_within_the_values_and_mirror(values: Values) -> None:
    """A mean of resampled values lies between the smallest and the largest, and -D has the draws of D mirrored."""
    groups = np.zeros(values.shape[1])
    means, mirrored = (resample_means(v, groups, draws=20, generator=generator()) for v in (values, -values))
    slack = 1e-6 * np.abs(values).max()
    assert means.min() >= values.min() - slack
    assert means.max() <= values.max() + slack
    np.testing.assert_allclose(mirrored, -means, atol=slack)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: resample_means(np.zeros(4), np.zeros(4), generator=generator()), "(4,)"),
        (lambda: resample_means(np.zeros((2, 4)), np.zeros(3), generator=generator()), "(3,)"),
        (lambda: resample_means(np.zeros((2, 0)), np.zeros(0), generator=generator()), "(2, 0)"),
        (lambda: resample_means(np.full((2, 3), np.nan), np.zeros(3), generator=generator()), "NaN"),
        (lambda: resample_means(np.zeros((2, 3)), np.zeros(3), draws=0, generator=generator()), "draws 0"),
        (lambda: resample_means(np.zeros((2, 3)), np.zeros(3), block_bytes=0, generator=generator()), "block_bytes 0"),
        (lambda: resample_means_over_images(np.zeros((2, 3)), [0], generator=generator()), "(1,)"),
        (lambda: resample_means_over_seeds(np.zeros((2, 3, 4)), generator=generator()), "(2, 3, 4)"),
        (lambda: resample_means_over_seeds([0.1, np.inf], generator=generator()), "infinity"),
        (lambda: resample_means_over_seeds([0.1], draws=0, generator=generator()), "draws 0"),
        (lambda: pooled([]), "at least one"),
        (lambda: pooled([Stratum(np.zeros((2, 3))), Stratum(np.zeros((3, 3)))]), "(3, 3)"),
        (lambda: percentile_interval([]), "(0,)"),
        (lambda: percentile_interval([0.1, np.nan]), "NaN"),
        (lambda: percentile_interval([0.1, 0.2], 0.0), "confidence 0.0"),
    ],
)
def test_refuses_what_cannot_be_resampled(call: Callable[[], object], words: str) -> None:
    """Wrong shapes, values and numbers are refused in one line."""
    with pytest.raises(InputError) as caught:
        call()
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
