"""What is known of each cell of a claim: the crossed interval of a level, a paired difference, or a fall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from analysis.claims import Cell
from analysis.dispersion import MEASURES
from analysis.dispersion_points import CLASSIFIER_POINT, IMAGE_POINT
from analysis.dispersion_rows import NO_MAPS, crossed_outcome, label_strata
from analysis.estimates import Undefined
from analysis.frames import ImageTable
from analysis.intervals import CrossedInterval, Stratum, crossed_interval
from analysis.jackknife import of_images
from analysis.map_frames import TRAINED, MapCell
from analysis.places import Place
from analysis.quantities import QUANTITIES, Quantity

SAME_IMAGES = "the two test sets hold the same images: a fall between sets is about other images"

PlaceKey = tuple[str, str, str | None]
"""Variant, test set, source (None: the whole set)."""


@dataclass(frozen=True)
class StudyEvidence:
    """Evidence from a study's decisions and trained maps; called with a cell, as `analysis.verdicts.decide` does.

    `places` holds each variant's values along its own path at every place, `maps` the measured maps by
    (test set, method, point, variant).
    """

    places: Mapping[PlaceKey, Place]
    maps: Mapping[tuple[str, str, str, str], MapCell]
    images: ImageTable
    confidence: float

    def __call__(self, cell: Cell) -> CrossedInterval | Undefined | None:
        """The crossed interval of a cell, the reason why there is none, or None where nothing was computed."""
        return self._of_maps(cell) if cell.quantity in MEASURES else self._of_decisions(cell)

    def _of_decisions(self, cell: Cell) -> CrossedInterval | Undefined | None:
        quantity: Quantity | None = next((name for name in QUANTITIES if name == cell.quantity), None)
        side = self.places.get((cell.variant, cell.test_set, cell.source))
        if quantity is None or side is None:
            return None
        if cell.versus is not None:
            other = self.places.get((cell.versus, cell.test_set, cell.source))
            return None if other is None else side.contrast(other, quantity, self.confidence)
        if cell.versus_test_set is None:
            return side.interval(quantity, self.confidence)
        there = self.places.get((cell.variant, cell.versus_test_set, None))
        if there is None:
            return None
        if self._shared(cell.test_set, cell.versus_test_set):
            # The same photographs under two kernels are one difference per image, not two samples.
            return Undefined(SAME_IMAGES, len(side.logits), there.n_images(quantity))
        strata, others = side.strata[quantity], there.strata[quantity]
        for outcome in (strata, others):
            if isinstance(outcome, Undefined):
                return outcome
        assert not isinstance(strata, Undefined)
        assert not isinstance(others, Undefined)
        n_images = side.n_images(quantity) + there.n_images(quantity)
        return of_images(crossed_interval((*strata, *_negative(others)), self.confidence), n_images)

    def _of_maps(self, cell: Cell) -> CrossedInterval | Undefined | None:
        method, _, point = cell.path.partition(".")
        held = self._cell(cell.test_set, method, point, cell.variant)
        if held is None or cell.quantity not in held.measures:
            return None
        values = held.measures[cell.quantity]
        if cell.versus is not None:
            other = self._cell(cell.test_set, method, point, cell.versus)
            if other is None or cell.quantity not in other.measures:
                return None
            values = values - other.measures[cell.quantity]
        mask = self._of_source(held, cell.source)
        labels = self.images.labels[held.image_rows]
        if cell.versus_test_set is None:
            return crossed_outcome(values[:, mask], labels[mask], self.confidence)
        there = self._cell(cell.versus_test_set, method, point, cell.variant)
        if there is None or cell.quantity not in there.measures or there.seeds != held.seeds:
            return None
        if self._shared(cell.test_set, cell.versus_test_set):
            return Undefined(SAME_IMAGES, len(held.seeds), len(held.image_rows))
        here = _finite(values[:, mask], labels[mask])
        others = _finite(there.measures[cell.quantity], self.images.labels[there.image_rows])
        if here is None or others is None:
            return Undefined(NO_MAPS, len(held.seeds), 0)
        return crossed_interval((*here, *_negative(others)), self.confidence)

    def _cell(self, test_set: str, method: str, point: str, variant: str) -> MapCell | None:
        """A variant's maps; at the classifier's input those at the image, where nothing stands between."""
        own = self.maps.get((test_set, method, point, variant))
        if own is None and point == CLASSIFIER_POINT:
            return self.maps.get((test_set, method, IMAGE_POINT, variant))
        return own

    def _shared(self, first: str, second: str) -> bool:
        """Whether two test sets hold an image in common."""
        here, there = (self.images.image_ids[self.images.span(name)] for name in (first, second))
        return bool(np.isin(here.astype(str), there.astype(str)).any())

    def _of_source(self, held: MapCell, source: str | None) -> NDArray[np.bool_]:
        if source is None:
            return np.ones(len(held.image_rows), dtype=bool)
        return np.asarray(self.images.sources[held.image_rows] == source)


def trained_maps(cells: Sequence[MapCell]) -> dict[tuple[str, str, str, str], MapCell]:
    """The maps of trained models by (test set, method, point, variant): a claim is never about a null."""
    return {(c.test_set, c.method, c.point, c.variant): c for c in cells if c.state == TRAINED}


def _finite(values: NDArray[np.float64], labels: NDArray[np.int8]) -> Sequence[Stratum] | None:
    """Strata by label of the images that have a value for every seed; None where there is none."""
    kept = np.isfinite(values).all(axis=0)
    return label_strata(values[:, kept], labels[kept]) if kept.any() else None


def _negative(strata: Sequence[Stratum]) -> tuple[Stratum, ...]:
    """The same images with weights of the other sign: what is subtracted, where it stands on other images."""
    return tuple(replace(stratum, weight=-stratum.weight) for stratum in strata)
