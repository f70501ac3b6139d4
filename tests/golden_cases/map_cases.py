"""Dispersion of saliency maps, salient regions, agreement of maps, and how dispersion goes with decisions."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
from scipy import ndimage, stats
from skimage.measure import moments_central
from sklearn import metrics as sk

from analysis import agreement, dispersion, dispersion_points, map_relations, regions

from .comparing import as_printed, golden
from .references import BY_ANOVA, Array, centred_within, crossed, fields, slopes, split, tables

Pairs = Iterator[tuple[Any, Any]]


def _gini(a: Array) -> float:
    flat = a.ravel()
    return float(np.abs(flat[:, None] - flat).sum() / (2 * flat.size**2 * flat.mean()))


def _entropy(a: Array) -> float:
    return float(stats.entropy(a.ravel(), base=a.size))


def _share(a: Array) -> float:
    return float(np.exp(stats.entropy(a.ravel())) / a.size)


def _a90(a: Array) -> float:
    pixels = sorted((Fraction(float(value)) for value in a.ravel()), reverse=True)
    held = itertools.accumulate(pixels)
    return next(k for k, total in enumerate(held, start=1) if total >= Fraction(9, 10) * sum(pixels)) / a.size


def _hoyer(a: Array) -> float:
    root, flat = np.sqrt(a.size), a.ravel()
    return float((root - np.linalg.norm(flat, 1) / np.linalg.norm(flat, 2)) / (root - 1))


def _spread(a: Array) -> float:
    def inertia(image: Array) -> float:
        moments = moments_central(image, order=2)
        return float((moments[2, 0] + moments[0, 2]) / moments[0, 0])

    return float(np.sqrt(max(inertia(a), 0.0) / inertia(np.ones(a.shape))))


MEASURES: dict[str, tuple[str, Callable[[Array], float]]] = {
    "gini": ("mean absolute difference of all pairs of pixels over twice the mean", _gini),
    "entropy": ("scipy.stats.entropy(base=n)", _entropy),
    "effective_share": ("exp of scipy.stats.entropy, over n", _share),
    "a90": ("pixels added one by one as exact fractions", _a90),
    "hoyer": ("norms by numpy.linalg.norm (Hoyer, JMLR 5, 2004)", _hoyer),
    "spread": ("skimage.measure.moments_central over that of a uniform map", _spread),
}


def _maps(count: int = 5) -> Iterator[Array]:
    """Maps (6, H, W): dense, heavy-tailed, sparse whole numbers, one pixel, uniform, and one that is all zero."""
    for number in range(count):
        rng = np.random.default_rng(1400 + number)
        shape = ((8, 8), (7, 12), (16, 16), (3, 5), (1, 30))[number % 5]
        sparse = rng.integers(0, 9, size=shape) * (rng.random(shape) < 0.4)
        sparse.flat[0] = 3
        single = np.zeros(shape)
        single[-1, -1] = 0.2
        dense, tailed = rng.exponential(size=shape), rng.pareto(1.5, size=shape) * 1e-3
        yield np.stack([dense, tailed, sparse, single, np.full(shape, 0.25), np.zeros(shape)])


def _each(function: Callable[[Array], float], maps: Array) -> list[float]:
    return [function(one) if one.any() else np.nan for one in maps]


def _register(name: str) -> None:
    reference, function = MEASURES[name]

    @golden(f"dispersion.{name}", reference, 1e-12)
    def pairs() -> Pairs:
        for maps in _maps():
            yield getattr(dispersion, name)(maps), _each(function, maps)


for _name in MEASURES:
    _register(_name)


@golden(
    "dispersion.gini",
    "R, DescTools::Gini(x, n, unbiased=FALSE) and Gini(x, unbiased=FALSE), as printed at statology.org",
    0.0,
)
def gini_in_r() -> Pairs:
    incomes = np.repeat([10, 20, 25, 55, 70, 90, 110, 115, 130], [6, 7, 7, 14, 22, 20, 8, 4, 1])
    yield as_printed(float(dispersion.gini(incomes[None, None])[0]), "0.2632289")
    incomes = np.array([50, 50, 70, 70, 70, 90, 150, 150, 150, 150])
    yield as_printed(float(dispersion.gini(incomes[None, None])[0]), "0.226")


@golden("dispersion.measure", "the references of the six measures", 1e-12)
def measure() -> Pairs:
    for maps in _maps():
        ours = dispersion.measure(maps)
        yield (
            ours[list(MEASURES)].to_numpy(),
            np.transpose([_each(function, maps) for _, function in MEASURES.values()]),
        )


@golden(
    "regions.salient_regions",
    "scipy.ndimage.label; Otsu's threshold by least variance within classes, each bin tried",
    1e-12,
)
def salient_regions() -> Pairs:
    for maps in _maps():
        smooth = np.stack([ndimage.gaussian_filter(one, 1.0) for one in maps[:4]])
        for given in (maps, smooth):
            yield regions.salient_regions(given), np.transpose([_regions(one) for one in given])


@golden("agreement.seed_agreement", "scipy.stats.spearmanr, mean over pairs of seeds", 1e-12)
def seed_agreement() -> Pairs:
    for stack in _stacks():
        yield agreement.seed_agreement(stack), _agreement(stack)


@golden("agreement.seed_agreement_values", "S θ - (S - 1) θ without the seed, by scipy.stats.spearmanr", 1e-12)
def seed_agreement_values() -> Pairs:
    for stack in _stacks():
        n = len(stack)
        left = [n * _agreement(stack) - (n - 1) * _agreement(np.delete(stack, seed, axis=0)) for seed in range(n)]
        # Where one seed's map is constant, the image has no agreement for any.
        yield agreement.seed_agreement_values(stack), np.where(np.isnan(_agreement(stack)), np.nan, left)


@golden("agreement.pair_agreement", "scipy.stats.spearmanr", 1e-12)
def pair_agreement() -> Pairs:
    for stack in _stacks():
        other = np.sqrt(stack[::-1]) + 0.1 * stack
        expected = [[_spearman(a, b) for a, b in zip(*rows, strict=True)] for rows in zip(stack, other, strict=True)]
        yield agreement.pair_agreement(stack, other), expected


@golden("map_relations.spearman_per_image", "scipy.stats.spearmanr, mean over images", 1e-12)
def spearman_per_image() -> Pairs:
    for first, second, _ in tables():
        expected = [stats.spearmanr(*rows).statistic for rows in zip(first, second, strict=True)]
        yield map_relations.spearman_per_image(first, second).mean(axis=1), expected


@golden(
    "map_relations.spearman_per_image",
    "five-point derivative of the correlation of weighted midranks towards each image",
    1e-8,
)
def spearman_influence() -> Pairs:
    for first, second, _ in tables():
        x, y = np.round(first[0], 1), np.round(second[0], 1)
        n = len(x)

        def rho(weights: Array, x: Array = x, y: Array = y) -> float:
            shares = weights / weights.sum()
            u, v = (np.sign(values[:, None] - values) @ shares for values in (x, y))
            return float((shares * u * v).sum() / np.sqrt((shares * u * u).sum() * (shares * v * v).sum()))

        expected = rho(np.ones(n)) + n * slopes(rho, np.ones(n))
        yield map_relations.spearman_per_image(x[None], y[None])[0], expected


@golden(
    "map_relations.rank_biserial_per_image", "2 roc_auc_score - 1 and its five-point derivative by sample_weight", 1e-8
)
def rank_biserial_per_image() -> Pairs:
    for first, _, groups in tables(3):
        values = np.round(first[0], 1)

        def biserial(weights: Array, values: Array = values, groups: Array = groups) -> float:
            return float(2 * sk.roc_auc_score(groups, values, sample_weight=weights) - 1)

        influence = centred_within(len(values) * slopes(biserial, np.ones(len(values))), groups)
        ours = map_relations.rank_biserial_per_image(values[None], groups[None])[0]
        yield ours, biserial(np.ones(len(values))) + influence


@golden("dispersion_points.share_of", f"ratio of sums, five-point derivative by weights; {BY_ANOVA}", 1e-8)
def share_of() -> Pairs:
    for first, second, groups in tables(3):
        whole, part = first + 3, second + 2

        def ratio(weights: Array, part: Array = part, whole: Array = whole) -> float:
            return float((weights * part).sum() / (weights * whole).sum())

        values = ratio(np.ones(part.shape)) + part.size * slopes(ratio, np.ones(part.shape))
        result = dispersion_points.share_of(part, whole, groups.astype(np.int8), 0.95)
        yield fields(result), list(crossed(split(values, groups)).values())


def _regions(a: Array) -> tuple[float, float]:
    if np.ptp(a) == 0:
        return np.nan, np.nan
    pixels = ((a - a.min()) / np.ptp(a)).ravel()
    counts, edges = np.histogram(pixels, bins=256)
    centres = (edges[1:] + edges[:-1]) / 2

    def within(k: int) -> float:
        sides = [np.repeat(centres[part], counts[part]) for part in (slice(None, k + 1), slice(k + 1, None))]
        return sum(float(((side - side.mean()) ** 2).sum()) for side in sides if side.size)

    spreads = np.array([within(k) for k in range(255)])
    # Empty bins leave the classes as they are: the first of equals.
    best = int(np.argmax(spreads <= spreads.min() + 1e-12))
    salient = pixels.reshape(a.shape) > centres[best]
    return float(ndimage.label(salient, structure=np.ones((3, 3)))[1]), float(salient.mean())


def _stacks() -> Iterator[Array]:
    """Maps (S, 4, 6, 7) that agree somewhat, with ties, and one constant map."""
    for number, n_seeds in enumerate((3, 4, 6)):
        rng = np.random.default_rng(1500 + number)
        stack = np.abs(np.round(rng.normal(size=(4, 6, 7)) + rng.normal(size=(n_seeds, 4, 6, 7)), 1))
        stack[0, 3] = 0.5
        yield stack


def _spearman(a: Array, b: Array) -> float:
    return np.nan if np.ptp(a) == 0 or np.ptp(b) == 0 else float(stats.spearmanr(a.ravel(), b.ravel()).statistic)


def _agreement(stack: Array) -> Array:
    pairs = list(itertools.combinations(range(len(stack)), 2))
    return np.array([np.mean([_spearman(stack[s, m], stack[t, m]) for s, t in pairs]) for m in range(stack.shape[1])])
