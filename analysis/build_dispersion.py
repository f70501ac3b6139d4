"""Dispersion of saliency maps: means per variant and point, and each variant's difference to the baseline."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.contrasts import paired_contrast
from analysis.estimates import Undefined, Where, estimate_row, seed_rows
from analysis.frames import ImageTable
from analysis.intervals import CrossedInterval, Stratum, crossed_interval, strata_by_group
from analysis.map_frames import MapCell
from analysis.summary import Estimate, MapCount, SeedValue, StudyCard

IMAGE_POINT = "image"
"""Attribution to the pixels of the image."""

CLASSIFIER_POINT = "classifier_input"
"""Attribution to what the classifier sees: the reconstruction, behind an autoencoder."""

NO_MAPS = "no image has a measured map for every seed"


@dataclass(frozen=True)
class DispersionRows:
    """The rows that maps give to a summary."""

    dispersion: tuple[Estimate, ...]
    contrasts: tuple[Estimate, ...]
    seed_values: tuple[SeedValue, ...]
    counts: tuple[MapCount, ...]


def build_dispersion(
    cells: Iterable[MapCell], images: ImageTable, study: StudyCard, confidence: float
) -> DispersionRows:
    """Means of every measure with their intervals, and contrasts to the baseline.

    An image whose map is excluded for one seed is left out for all seeds, and out of a contrast if it is excluded
    for either variant. Images are sampled by label, so labels are strata where each has two images or more. Where the
    baseline has no map at the classifier's input, its map at the image is one, since nothing stands between.
    """
    by_key = {(cell.test_set, cell.method, cell.variant, cell.point): cell for cell in cells}
    methods = sorted({method for _, method, _, _ in by_key})
    points = sorted({point for *_, point in by_key}, key=lambda point: (point != IMAGE_POINT, point))
    ordered = [
        by_key[key]
        for card in study.test_sets
        for method in methods
        for variant in study.variants
        for point in points
        if (key := (card.name, method, variant.name, point)) in by_key
    ]
    dispersion: list[Estimate] = []
    contrasts: list[Estimate] = []
    seed_values: list[SeedValue] = []
    for cell in ordered:
        baseline = _counterpart(by_key, cell, study.baseline)
        for measure in cell.measures:
            where = Where(measure, cell.variant, cell.test_set, f"{cell.method}.{cell.point}")
            outcome = _mean(cell, measure, images, confidence)
            dispersion.append(estimate_row(where, outcome))
            per_seed = outcome.per_seed if isinstance(outcome, CrossedInterval) else None
            seed_values.extend(seed_rows(where, cell.seeds, per_seed, outcome.reason))
            if cell.variant != study.baseline:
                versus = Where(measure, cell.variant, cell.test_set, where.path, versus=study.baseline)
                contrasts.append(estimate_row(versus, _difference(cell, baseline, measure, images, confidence)))
    return DispersionRows(
        dispersion=tuple(dispersion),
        contrasts=tuple(contrasts),
        seed_values=tuple(seed_values),
        counts=tuple(_count(cell) for cell in ordered),
    )


def _counterpart(by_key: dict[tuple[str, str, str, str], MapCell], cell: MapCell, baseline: str) -> MapCell | None:
    """The baseline's maps that a variant's are compared with."""
    same = by_key.get((cell.test_set, cell.method, baseline, cell.point))
    if same is None and cell.point == CLASSIFIER_POINT:
        return by_key.get((cell.test_set, cell.method, baseline, IMAGE_POINT))
    return same


def _count(cell: MapCell) -> MapCount:
    return MapCount(
        variant=cell.variant,
        test_set=cell.test_set,
        method=cell.method,
        point=cell.point,
        measured=cell.total - cell.excluded,
        excluded=cell.excluded,
    )


def _mean(cell: MapCell, measure: str, images: ImageTable, confidence: float) -> CrossedInterval | Undefined:
    values = cell.measures[measure]
    kept = np.isfinite(values).all(axis=0)
    if not kept.any():
        return Undefined(NO_MAPS, len(cell.seeds), 0)
    return crossed_interval(_strata(values[:, kept], images.labels[cell.image_rows[kept]]), confidence)


def _difference(
    cell: MapCell, baseline: MapCell | None, measure: str, images: ImageTable, confidence: float
) -> CrossedInterval | Undefined:
    if baseline is None:
        return Undefined(f"the baseline has no maps of {cell.method} at {cell.point}", len(cell.seeds), 0)
    # `index_maps` made sure that both hold the same seeds and images.
    values, other = cell.measures[measure], baseline.measures[measure]
    kept = np.isfinite(values).all(axis=0) & np.isfinite(other).all(axis=0)
    if not kept.any():
        return Undefined(NO_MAPS, len(cell.seeds), 0)
    labels = images.labels[cell.image_rows[kept]]
    return paired_contrast(_strata(values[:, kept], labels), _strata(other[:, kept], labels), confidence)


def _strata(values: NDArray[np.float64], labels: NDArray[np.int8]) -> Sequence[Stratum]:
    _, counts = np.unique(labels, return_counts=True)
    if counts.min() < 2:
        return (Stratum(values),)
    return strata_by_group(values, labels)
