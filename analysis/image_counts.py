"""How often every seed and every image is drawn, and the product of those counts with values per image.

A draw of the bootstrap is a vector of counts. It is made once and serves every statistic of every variant and seed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import stats

BLOCK_BYTES = 32 * 2**20
"""Memory for a block of draws: counts of images and products. Larger blocks are no faster."""

_STEP = 64
"""Blocks are multiples of so many draws, so that a draw does not depend on how many stand beside it."""

_AT_ONCE = 2**19
"""About so many counts are drawn at once: they stay in the processor's cache."""

_FEW = 256
"""Groups below this size are drawn index by index."""

_LEVELS = 2**16
"""Random numbers of 16 bits choose two counts from a table."""

_MOST = 25
"""A Poisson count of rate 1 reaches this with probability 2e-26, far below what 69 bits tell apart."""

_UNCERTAIN = 2**16 - 1
"""Mark in the table where 16 bits do not decide; it would be a pair of counts of 255."""

_SUMMED = 256
"""So many images are summed in one matrix product. BLAS cuts longer sums where the number of threads says, and then
rounds otherwise."""

Float = TypeVar("Float", np.float32, np.float64)


def seed_weights(n_seeds: int, draws: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """Shares of seeds in every draw, (draws, S), each row summing to 1.

    >>> seed_weights(1, 2, np.random.default_rng(0)).tolist()
    [[1.0], [1.0]]
    """
    return _counts(generator, draws, n_seeds) / n_seeds


def image_counts(
    codes: NDArray[np.int64], draws: int, generator: np.random.Generator, block_bytes: int, bytes_per_draw: int
) -> Iterator[NDArray[np.float32]]:
    """Blocks (b, I) of how often every image was drawn, images sorted by group; the last may hold draws too many.

    Each block overwrites the one before. The same generator state gives the same draws whatever the size of a block.

    Args:
        codes: (I,) the group of each image, 0 … G - 1; groups keep their sizes.
        draws: how many are wanted.
        generator: source of randomness, able to spawn others.
        block_bytes: memory of a block; it holds at least 64 draws.
        bytes_per_draw: what the caller needs for a draw beside its counts.

    >>> (block,) = image_counts(np.array([0, 0, 1]), 1, np.random.default_rng(0), 2**20, 0)
    >>> block.shape, set(block[:, :2].sum(axis=1).tolist()), set(block[:, 2].tolist())
    ((64, 3), {2.0}, {1.0})
    """
    sizes = [int(n) for n in np.bincount(codes)]
    # A stream for each group: its draws do not depend on where a block ends.
    counters = [_counter(stream, size) for stream, size in zip(generator.spawn(len(sizes)), sizes, strict=True)]
    per_draw = 4 * len(codes) + bytes_per_draw
    length = max(_STEP, block_bytes // per_draw // _STEP * _STEP)
    whole = -(-draws // _STEP) * _STEP
    memory = np.empty((min(length, whole), len(codes)), dtype=np.float32)
    for start in range(0, whole, length):
        block = memory[: whole - start]
        first = 0
        for counter, size in zip(counters, sizes, strict=True):
            # Halves of a step, and so the same wherever a block ends.
            rows = _STEP
            while rows > 1 and rows * size > _AT_ONCE:
                rows //= 2
            for row in range(0, len(block), rows):
                block[row : row + rows, first : first + size] = counter(rows)
            first += size
        yield block


def product(counts: NDArray[Float], table: NDArray[Float]) -> NDArray[Float]:
    """`counts` (b, I) times the transpose of `table` (R, I): (b, R), the same whatever the number of threads.

    Sums of 256 images are added one after another, in the order of images.

    >>> product(np.ones((2, 600)), np.full((1, 600), 0.5)).tolist()
    [[300.0], [300.0]]
    """
    total = counts[:, :_SUMMED] @ table[:, :_SUMMED].T
    for first in range(_SUMMED, counts.shape[1], _SUMMED):
        total += counts[:, first : first + _SUMMED] @ table[:, first : first + _SUMMED].T
    return total


def _counts(generator: np.random.Generator, rows: int, n: int) -> NDArray[np.int64]:
    """How often each of n was drawn in n draws with replacement, (rows, n): multinomial counts."""
    drawn = generator.integers(0, n, size=(rows, n))
    drawn += np.arange(rows)[:, None] * n
    return np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n)


def _pairs(rate: float) -> tuple[NDArray[np.float64], NDArray[np.uint16], NDArray[np.uint16]]:
    """Two independent Poisson counts as one choice: cumulative probabilities of all pairs, likeliest first; the pairs,
    a count a byte; and the pair that 16 random bits stand for, or the mark that they do not decide.
    """
    single = stats.poisson.pmf(np.arange(_MOST), rate)
    joint = np.outer(single, single).ravel()
    likeliest = np.argsort(-joint, kind="stable")
    cumulative = np.cumsum(joint[likeliest])
    cumulative[-1] = 1.0
    pairs = np.stack(np.divmod(likeliest, _MOST), axis=1).astype(np.uint8).view(np.uint16).ravel()
    below = np.arange(_LEVELS) / _LEVELS
    first = np.searchsorted(cumulative, below, side="right")
    last = np.searchsorted(cumulative, below + 1 / _LEVELS, side="left")
    return cumulative, pairs, np.where(first == last, pairs[first], _UNCERTAIN).astype(np.uint16)


def _counter(generator: np.random.Generator, n: int) -> Callable[[int], NDArray[np.integer]]:
    """`_counts` of one size, many times, and for many images faster.

    Independent Poisson counts are multinomial given their sum, and stay so when the missing draws are added one by
    one. So most draws come as Poisson counts with a rate a little below 1, two at a time from a table.
    """
    if n < _FEW:
        return lambda rows: _counts(generator, rows, n)
    # Three standard deviations below n: rarely a sum above it, and few draws missing.
    cumulative, pairs, table = _pairs(1 - 3 / np.sqrt(n))
    # The faster sum, where twice the expected one fits.
    narrow = np.uint16 if n < 2**15 else np.int64

    def poisson(rows: int) -> NDArray[np.uint8]:
        needed = -(-rows * n // 2)
        bits = generator.integers(0, 2**64, size=-(-needed // 4), dtype=np.uint64).view(np.uint16)[:needed]
        drawn = table.take(bits, mode="wrap")
        uncertain = np.flatnonzero(drawn == _UNCERTAIN)
        finer = (bits[uncertain] + generator.random(len(uncertain))) / _LEVELS
        drawn[uncertain] = pairs[np.searchsorted(cumulative, finer, side="right")]
        return drawn.view(np.uint8)[: rows * n].reshape(rows, n)

    def draw(rows: int) -> NDArray[np.uint8]:
        counts = poisson(rows)
        missing = n - counts.sum(axis=1, dtype=narrow).astype(np.int64)
        while len(above := np.flatnonzero(missing < 0)):
            counts[above] = poisson(len(above))
            missing[above] = n - counts[above].sum(axis=1, dtype=np.int64)
        added = generator.integers(0, n, size=int(missing.sum())) + np.repeat(np.arange(rows) * n, missing)
        np.add.at(counts.reshape(-1), added, np.uint8(1))
        return counts

    return draw
