"""The parts of a test set on which variants are compared: sources, classes, correct and wrong decisions apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.dispersion_rows import WHOLE, Part
from analysis.frames import ImageTable, PredictionIndex
from analysis.map_frames import MapCell
from analysis.summary import StudyCard, TestSetCard

SMALLEST_PART = 20
"""Sources and subsets with fewer images than this are not compared."""


@dataclass(frozen=True)
class OwnDecisions:
    """What every variant said of every image of the image table along its own path: logits (S, N), seeds ascending."""

    seeds: tuple[int, ...]
    logits: Mapping[str, NDArray[np.floating]]
    labels: NDArray[np.int8]

    def of(self, cell: MapCell) -> NDArray[np.floating]:
        """Logits (S, I) of a cell's seeds and images."""
        rows = np.array([self.seeds.index(seed) for seed in cell.seeds])
        return np.asarray(self.logits[cell.variant][rows[:, None], cell.image_rows])

    def correct(self, cell: MapCell) -> NDArray[np.bool_]:
        """Whether the decision was right, (S, I); a logit of exactly 0 says real."""
        return np.asarray((self.of(cell) > 0) == (self.labels[cell.image_rows] == 1))


def variant_pairs(study: StudyCard) -> tuple[tuple[str, str], ...]:
    """Every pair (variant, versus) once: the baseline is always `versus`, else the earlier one of the study's order."""
    names = [study.baseline, *(card.name for card in study.variants if card.name != study.baseline)]
    return tuple((name, versus) for position, name in enumerate(names) for versus in names[:position])


def own_decisions(index: PredictionIndex, study: StudyCard) -> OwnDecisions:
    """The decisions of a study's variants, each along its own path, as views of the index."""
    return OwnDecisions(
        seeds=index.seeds,
        logits={
            card.name: index.logits[index.variants.index(card.name), :, index.paths.index(card.path)]
            for card in study.variants
        },
        labels=index.images.labels,
    )


def parts(
    first: MapCell, second: MapCell, card: TestSetCard, images: ImageTable, decisions: OwnDecisions | None
) -> Iterator[tuple[Part, NDArray[np.bool_]]]:
    """Each part of a test set with the mask (I,) of its images in the two cells, which hold the same ones.

    The whole, its sources in the card's order, the classes, and the images that all seeds of both variants decided
    correctly, or all wrongly: what some got right and others wrong is in neither.
    """
    rows = first.image_rows
    yield WHOLE, np.ones(len(rows), dtype=bool)
    for source in card.sources:
        yield Part(source=source.name), images.sources[rows] == source.name
    yield Part(subset="real"), images.labels[rows] == 0
    yield Part(subset="synthetic"), images.labels[rows] == 1
    if decisions is not None:
        both = np.concatenate([decisions.correct(first), decisions.correct(second)])
        yield Part(subset="correct"), np.asarray(both.all(axis=0))
        yield Part(subset="wrong"), np.asarray(~both.any(axis=0))
