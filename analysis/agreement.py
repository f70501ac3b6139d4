"""Whether saliency maps say the same: between seeds of one variant, and between variants.

Agreement is Spearman's rank correlation of two maps of the same image over their pixels, from -1 to 1: it ignores the
unit of the maps and any monotone change of them. Stored maps, each over its maximum, serve as they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from analysis.dispersion_points import CLASSIFIER_POINT, IMAGE_POINT
from analysis.dispersion_rows import crossed_outcome, row_with_p
from analysis.dispersion_subsets import variant_pairs
from analysis.errors import InputError
from analysis.estimates import Undefined, Where
from analysis.intervals import MIN_SEEDS, CrossedInterval
from analysis.summary import Estimate, StudyCard

SEEDS = "seed_agreement"
"""Quantity: agreement of the maps of different seeds of one variant."""

VARIANTS = "variant_agreement"
"""Quantity: agreement of the maps of two variants with the same seed."""

_BLOCK = 1 << 21  # pixels ranked at once


@dataclass(frozen=True)
class MapStack:
    """Stored maps of one variant: (S, M, H, W), seeds ascending, images as in `image_ids` (M,), with their labels."""

    variant: str
    test_set: str
    method: str
    point: str
    seeds: tuple[int, ...]
    image_ids: tuple[str, ...]
    labels: NDArray[np.int8]
    maps: NDArray[np.floating]


def seed_agreement(maps: ArrayLike) -> NDArray[np.float64]:
    """Mean Spearman correlation over all pairs of seeds, per image (M,), of `maps` (S, M, H, W), S at least 2.

    An image with a constant or not finite map for any seed has no agreement: NaN.

    Raises:
        InputError: `maps` is not (S, M, H, W) of real numbers with two seeds or more.

    >>> seed_agreement([[[[1.0, 2.0, 3.0, 4.0]]], [[[1.0, 3.0, 2.0, 4.0]]]]).round(3).tolist()
    [0.8]
    """
    return np.asarray(_seed_means(_checked(maps, seeds=2)).mean(axis=0))


def seed_agreement_values(maps: ArrayLike) -> NDArray[np.float64]:
    """Jackknife values (S, M) over seeds, whose mean is that of `seed_agreement`; S at least 3.

    With a_s the mean correlation of seed s with the others and θ the mean over pairs, both per image, the value is
    (2 (S - 1) a_s - S θ)/(S - 2), which is S θ less (S - 1) times θ without seed s (Arvesen, Ann. Math. Stat. 40,
    1969). So agreement, a mean over pairs of seeds, has a crossed interval over seeds and images.

    Raises:
        InputError: as `seed_agreement`, or two seeds.
    """
    array = _checked(maps, seeds=MIN_SEEDS)
    n = len(array)
    means = _seed_means(array)
    return np.asarray((2 * (n - 1) * means - n * means.mean(axis=0)) / (n - 2))


def pair_agreement(first: ArrayLike, second: ArrayLike) -> NDArray[np.float64]:
    """Spearman correlation of the maps of the same seed and image, (S, M); both are (S, M, H, W).

    Where either map is constant or not finite it is NaN.

    Raises:
        InputError: the shapes differ, or are not (S, M, H, W).

    >>> a, b = [[[[1.0, 2.0, 3.0, 4.0]]]], [[[[4.0, 3.0, 2.0, 1.0]]]]
    >>> pair_agreement(a, b).tolist()
    [[-1.0]]
    """
    a, b = _checked(first, seeds=1), _checked(second, seeds=1)
    if a.shape != b.shape:
        raise InputError(f"maps of shape {a.shape} and {b.shape}: maps are compared pixel by pixel, need one shape")
    result = np.empty(a.shape[:2])
    for rows in _blocks(a):
        result[:, rows] = np.clip((_ranks(a[:, rows]) * _ranks(b[:, rows])).sum(axis=-1), -1.0, 1.0)
    return result


def agreement_rows(stacks: Iterable[MapStack], study: StudyCard, confidence: float = 0.95) -> tuple[Estimate, ...]:
    """Agreement between seeds of each variant, and of every pair of variants, by test set, method and point.

    Pairs come in the study's order, the later as `variant`. A variant without preprocessing has no map at the
    classifier's input: its map at the image is one.

    Raises:
        InputError: two variants hold other seeds, images or sizes of maps, or a stack occurs twice.
    """
    by_key: dict[tuple[str, str, str, str], MapStack] = {}
    for stack in stacks:
        key = (stack.test_set, stack.method, stack.point, stack.variant)
        if key in by_key:
            raise InputError(f"stored maps of {'/'.join(key)} occur twice; give them once")
        by_key[key] = stack
    places = sorted({key[:3] for key in by_key}, key=lambda place: _order(place, study))
    rows: list[Estimate] = []
    for test_set, method, point in places:
        path = f"{method}.{point}"
        for card in study.variants:
            own = by_key.get((test_set, method, point, card.name))
            if own is not None:
                where = Where(SEEDS, card.name, test_set, path)
                rows.append(row_with_p(where, _between_seeds(own, confidence)))
        for name, versus in variant_pairs(study):
            pair = [by_key.get((test_set, method, point, who)) for who in (name, versus)]
            if pair == [None, None]:
                continue
            if point == CLASSIFIER_POINT:
                pair = [
                    stack or by_key.get((test_set, method, IMAGE_POINT, who))
                    for stack, who in zip(pair, (name, versus), strict=True)
                ]
            where = Where(VARIANTS, name, test_set, path, versus=versus)
            rows.append(row_with_p(where, _between_variants(pair[0], pair[1], where, confidence)))
    return tuple(rows)


def _order(place: tuple[str, str, str], study: StudyCard) -> tuple[int, str, bool, str]:
    test_set, method, point = place
    known = [card.name for card in study.test_sets]
    if test_set not in known:
        raise InputError(f"stored maps: test set {test_set!r} is not of study {study.name!r}; leave them out")
    return known.index(test_set), method, point != IMAGE_POINT, point


def _between_seeds(stack: MapStack, confidence: float) -> CrossedInterval | Undefined:
    n_seeds, n_images = stack.maps.shape[:2]
    if n_seeds < MIN_SEEDS:
        return Undefined(f"{n_seeds} seeds: agreement of seeds not defined (3 or more are needed)", n_seeds, n_images)
    return crossed_outcome(seed_agreement_values(stack.maps), stack.labels, confidence)


def _between_variants(
    first: MapStack | None, second: MapStack | None, where: Where, confidence: float
) -> CrossedInterval | Undefined:
    if first is None or second is None:
        who = where.variant if first is None else where.versus
        held = first if first is not None else second
        return Undefined(f"{who} has no stored maps of {where.path}", 0 if held is None else len(held.seeds), 0)
    if (first.seeds, first.image_ids) != (second.seeds, second.image_ids):
        raise InputError(
            f"stored maps of {first.variant} and {second.variant}, {where.test_set} {where.path}: seeds or images "
            "differ; maps are compared for the same seed and image"
        )
    return crossed_outcome(pair_agreement(first.maps, second.maps), first.labels, confidence)


def _checked(maps: ArrayLike, *, seeds: int) -> NDArray[np.generic]:
    array = np.asarray(maps)
    if array.ndim != 4 or array.dtype.kind not in "buif" or array.shape[2] * array.shape[3] < 2:
        raise InputError(
            f"maps of shape {array.shape} and type {array.dtype}: need real numbers (seeds, images, height, width)"
        )
    if len(array) < seeds:
        raise InputError(f"maps of {len(array)} seeds: {seeds} or more are needed")
    return array


def _blocks(array: NDArray[np.generic]) -> list[slice]:
    step = max(1, _BLOCK // (array.shape[0] * array.shape[2] * array.shape[3]))
    return [slice(start, min(start + step, array.shape[1])) for start in range(0, array.shape[1], step)]


def _ranks(maps: NDArray[np.generic]) -> NDArray[np.float64]:
    """Midranks of each map's pixels, centred and of length 1, (S, m, n); NaN for a map that is constant or not finite.

    The product of two of them is Spearman's correlation.
    """
    flat = maps.reshape(*maps.shape[:2], maps.shape[2] * maps.shape[3]).astype(np.float64)
    usable = np.isfinite(flat).all(axis=-1) & (np.ptp(np.where(np.isfinite(flat), flat, 0.0), axis=-1) > 0)
    ranks = stats.rankdata(np.where(usable[..., None], flat, 0.0), axis=-1) - (flat.shape[-1] + 1) / 2
    length = np.sqrt(np.square(ranks).sum(axis=-1))
    return np.asarray(ranks / np.where(usable, length, np.nan)[..., None])


def _seed_means(array: NDArray[np.generic]) -> NDArray[np.float64]:
    """Each seed's mean correlation with the others, (S, M); NaN for all seeds where one map cannot be ranked."""
    means = np.empty(array.shape[:2])
    for rows in _blocks(array):
        units = _ranks(array[:, rows])
        # A sum over all other seeds at once: no loop over pairs.
        means[:, rows] = ((units * units.sum(axis=0)).sum(axis=-1) - 1.0) / (len(array) - 1)
    return means
