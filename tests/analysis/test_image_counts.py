from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from analysis.image_counts import _counter, _pairs, image_counts, product, seed_weights


def generator(number: int = 0) -> np.random.Generator:
    return np.random.default_rng(number)


@pytest.mark.parametrize("sizes", [(3, 200), (255, 256), (301, 5001), (40_000,)])
def test_groups_keep_their_sizes(sizes: tuple[int, ...]) -> None:
    """Counts are whole, and those of a group sum to its size, odd and even, drawn by index and from the table."""
    codes = np.repeat(np.arange(len(sizes)), sizes)
    for block in image_counts(codes, 130, generator(), 2**22, 0):
        assert (block == block.round()).all()
        for group, size in enumerate(sizes):
            assert (block[:, codes == group].sum(axis=1) == size).all()


def test_the_size_of_a_block_changes_no_count() -> None:
    """Blocks of 64 draws and one of all hold the same counts."""
    codes = np.repeat([0, 1], [300, 401])
    small = np.concatenate([block.copy() for block in image_counts(codes, 200, generator(), 1, 0)])
    (large,) = image_counts(codes, 200, generator(), 2**28, 0)
    assert small.shape == (256, 701)
    assert small.tolist() == large.tolist()


@pytest.mark.parametrize("rate", [0.81, 0.97])
def test_pairs_are_two_independent_poisson_counts(rate: float) -> None:
    """The table's decided and undecided parts together have every pair's probability."""
    cumulative, pairs, table = _pairs(rate)
    drawn = pairs.view(np.uint8).reshape(-1, 2)
    expected = stats.poisson.pmf(drawn, rate).prod(axis=1)
    assert np.diff(cumulative, prepend=0.0) == pytest.approx(expected, abs=1e-15)
    decided = table != 2**16 - 1
    assert decided.mean() > 0.99
    # What 16 bits decide is what the cumulative probabilities say anywhere in their step.
    for part in (0.0, 0.5, 0.999):
        finer = (np.flatnonzero(decided) + part) / 2**16
        assert (pairs[np.searchsorted(cumulative, finer, side="right")] == table[decided]).all()


def test_neighbouring_images_are_counted_as_any_two() -> None:
    """Two images that share a random number are correlated -1/(n - 1) like all others, and both are binomial."""
    n, draws = 400, 60_000
    draw = _counter(generator(), n)
    counts = np.concatenate([draw(1000) for _ in range(draws // 1000)]).astype(float)
    pairs = counts.reshape(draws, n // 2, 2)
    assert ((pairs[..., 0] - 1) * (pairs[..., 1] - 1)).mean() == pytest.approx(-1 / n, abs=4 / np.sqrt(draws * n / 2))
    seen = np.bincount(counts.astype(int).ravel(), minlength=6)[:6] / counts.size
    expected = stats.binom.pmf(np.arange(6), n, 1 / n)
    assert seen == pytest.approx(expected, abs=4 / np.sqrt(counts.size))


def test_products_are_those_of_the_matrices() -> None:
    """Sums over chunks of images are the whole product, in either precision."""
    counts = generator().integers(0, 6, (5, 777)).astype(float)
    table = generator(1).normal(size=(3, 777))
    assert product(counts, table) == pytest.approx(counts @ table.T, rel=1e-12)
    single = product(counts.astype(np.float32), table.astype(np.float32))
    assert single.dtype == np.float32
    assert single == pytest.approx(counts @ table.T, abs=1e-3)


def test_seeds_have_shares() -> None:
    """Shares of seeds sum to 1 and are multiples of 1/S."""
    weights = seed_weights(5, 100, generator())
    assert weights.sum(axis=1) == pytest.approx(np.ones(100))
    assert (weights * 5).round() == pytest.approx(weights * 5)
    assert len(np.unique(weights, axis=0)) > 50
