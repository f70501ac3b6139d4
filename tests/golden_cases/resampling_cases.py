"""The multi-bootstrap, whose draws are random: its distribution against the exact one."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from analysis import bootstrap, bootstrap_ranks, image_counts
from analysis.intervals import Stratum

from .comparing import golden
from .references import NOT_SMOOTH, Array, split, studies, tables

Pairs = Iterator[tuple[Any, Any]]

DRAWS = 50_000
ENUMERATED = f"distribution function over all resamples (itertools.product), largest gap of {DRAWS:,} draws"
MOMENTS = f"mean (in SD) and SD (as a ratio) by scipy.stats.multinomial.cov, of {DRAWS:,} draws of 600 images"


@golden("bootstrap.resample_means", ENUMERATED, 0.012)
def resample_means() -> Pairs:
    values, groups = _small()
    drawn = bootstrap.resample_means(values, groups, draws=DRAWS, generator=np.random.default_rng(1))
    exact = [values[:, list(s)][:, :, list(i)].mean(axis=(1, 2)) for s in _seeds(3) for i in _images(groups)]
    # The third row shows that both statistics are drawn with the same weights.
    yield from _gaps([*drawn, drawn[0] - drawn[1]], np.transpose([[*pair, pair[0] - pair[1]] for pair in exact]))


@golden("bootstrap.resample_means", MOMENTS, 0.02)
def resample_means_moments() -> Pairs:
    values, groups = _large()
    drawn = bootstrap.resample_means(values, groups, draws=DRAWS, generator=np.random.default_rng(2))
    yield from _moments(drawn, values, _second_moments(np.zeros(4)), _second_moments(groups))


@golden("bootstrap.resample_means_over_images", ENUMERATED, 0.012)
def resample_means_over_images() -> Pairs:
    values, groups = _small()
    drawn = bootstrap.resample_means_over_images(values, groups, draws=DRAWS, generator=np.random.default_rng(3))
    yield from _gaps(drawn, np.transpose([values[:, :, list(i)].mean(axis=(1, 2)) for i in _images(groups)]))


@golden("bootstrap.resample_means_over_images", MOMENTS, 0.02)
def resample_means_over_images_moments() -> Pairs:
    values, groups = _large()
    drawn = bootstrap.resample_means_over_images(values, groups, draws=DRAWS, generator=np.random.default_rng(4))
    yield from _moments(drawn, values, np.ones((4, 4)), _second_moments(groups))


@golden("bootstrap.resample_means_over_seeds", ENUMERATED, 0.012)
def resample_means_over_seeds() -> Pairs:
    theta = np.random.default_rng(5).normal(size=(2, 5))
    drawn = bootstrap.resample_means_over_seeds(theta, draws=DRAWS, generator=np.random.default_rng(6))
    yield from _gaps(drawn, np.transpose([theta[:, list(s)].mean(axis=1) for s in _seeds(5)]))


@golden(
    "bootstrap_ranks.resample_not_smooth", "scikit-learn's curves and calibration of the images drawn, repeated", 1e-9
)
def resample_not_smooth() -> Pairs:
    for given, labels, _ in studies(seeds=2, images=60, count=2):
        order = np.argsort(labels, kind="stable")
        logits, labels = given[:, order], labels[order]
        drawn = bootstrap_ranks.resample_not_smooth(
            list(NOT_SMOOTH),  # type: ignore[arg-type]
            logits,
            labels,
            draws=20,
            generator=np.random.default_rng(7),
        )
        parts = np.concatenate(
            [np.repeat(np.eye(2)[:, :, None], 60, axis=2), np.repeat(np.eye(60)[:, None], 2, axis=1)]
        )
        means = bootstrap.resample_means(parts, labels, draws=20, generator=np.random.default_rng(7))
        counts = (means[2:].T * 60).round().astype(int)
        for name, (_, call) in NOT_SMOOTH.items():
            some = [np.repeat(np.arange(60), one) for one in counts]
            exact = [[call(labels[one], row[one]) for row in logits] for one in some]
            yield drawn[name][0], np.sum(means[:2].T * exact, axis=1)  # type: ignore[index]


@golden("image_counts.product", "math.fsum of the products", 1e-9)
def product() -> Pairs:
    rng = np.random.default_rng(8)
    for n in (3, 256, 700):
        counts, table = rng.integers(0, 5, (2, n)).astype(float), rng.normal(size=(3, n))
        expected = [[math.fsum(left * right) for right in table] for left in counts]
        yield image_counts.product(counts, table), expected


@golden("bootstrap.pooled", "numpy.average of the groups' means", 1e-12)
def pooled() -> Pairs:
    for first, second, groups in tables():
        parts = split(first, groups)
        values, codes = bootstrap.pooled([Stratum(*part) for part in parts])
        means = np.stack([part.mean(axis=1) for part, _ in parts])
        yield values.mean(axis=1), np.average(means, axis=0, weights=[weight for _, weight in parts])
        # Weights of a difference do not add up to 1.
        values, _ = bootstrap.pooled([Stratum(first, 1.0), Stratum(second[:, :7], -1.0)])
        yield values.mean(axis=1), np.average(first, axis=1) - np.average(second[:, :7], axis=1)
        yield np.bincount(codes), [part.shape[1] for part, _ in parts]


@golden("bootstrap.percentile_interval", "scipy.stats.mstats.mquantiles(alphap=1, betap=1)", 1e-12)
def percentile_interval() -> Pairs:
    for number, size in enumerate((50, 501, 10_000)):
        draws = np.random.default_rng(number).normal(size=size)
        for confidence in (0.5, 0.9, 0.95):
            result = bootstrap.percentile_interval(draws, confidence)
            ends = [(1 - confidence) / 2, (1 + confidence) / 2]
            yield [result.low, result.high], stats.mstats.mquantiles(draws, ends, alphap=1, betap=1)


def _small() -> tuple[Array, NDArray[np.int64]]:
    return np.random.default_rng(0).normal(size=(2, 3, 5)), np.array([0, 1, 0, 1, 1])


def _large() -> tuple[Array, NDArray[np.int64]]:
    """Groups of 150 and 450 images: one is drawn index by index, the other by counts."""
    rng = np.random.default_rng(7)
    groups = np.repeat([0, 1], [150, 450])
    return rng.normal(size=(2, 4, 1)) / 9 + rng.normal(size=(2, 1, 600)) + rng.normal(size=(2, 4, 600)) + groups, groups


def _seeds(n: int) -> Iterator[tuple[int, ...]]:
    return itertools.product(range(n), repeat=n)


def _images(groups: NDArray[np.int64]) -> list[list[int]]:
    """All resamples of images within their groups."""
    members = [np.flatnonzero(groups == name) for name in np.unique(groups)]
    each = [itertools.product(one, repeat=len(one)) for one in members]
    return [[int(i) for part in parts for i in part] for parts in itertools.product(*each)]


def _gaps(drawn: Any, exact: Array) -> Pairs:
    """Both distribution functions between the exact one's steps; float32 moves no draw across such a point."""
    for draws, outcomes in zip(drawn, exact, strict=True):
        steps = np.sort(outcomes)
        apart = np.diff(steps) > 1e-5
        cuts = (steps[1:] + steps[:-1])[apart] / 2
        shares = [np.searchsorted(np.sort(values), cuts) / len(values) for values in (draws, outcomes)]
        yield shares[0], shares[1]


def _second_moments(groups: Any) -> Array:
    """E[w wᵀ] of the counts of resampling within groups."""
    n = len(groups)
    moments = np.ones((n, n))
    for name in np.unique(groups):
        at = np.flatnonzero(np.asarray(groups) == name)
        moments[np.ix_(at, at)] += stats.multinomial.cov(len(at), np.full(len(at), 1 / len(at)))
    return moments


def _moments(drawn: Array, values: Array, seeds: Array, images: Array) -> Pairs:
    for draws, table in zip(drawn, values, strict=True):
        second = np.einsum("st,si,ij,tj->", seeds, table, images, table, optimize=True) / table.size**2
        sd = float(np.sqrt(second - table.mean() ** 2))
        yield [draws.mean() / sd, draws.std() / sd], [table.mean() / sd, 1.0]
