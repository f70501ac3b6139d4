"""The two attribution points: how much of the dispersion stands between the image and the classifier's input.

Behind an autoencoder the gradient at the image has passed its convolutions, which smear any map. At the classifier's
input they are not in the way: what remains of a difference there is not the autoencoder's own smearing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from analysis.dispersion_rows import WHOLE, contrast_row, crossed_outcome
from analysis.estimates import Undefined, Where
from analysis.frames import ImageTable
from analysis.intervals import CrossedInterval
from analysis.map_frames import MapCell
from analysis.summary import Contrast

IMAGE_POINT = "image"
"""Attribution to the pixels of the image."""

CLASSIFIER_POINT = "classifier_input"
"""Attribution to what the classifier sees: the reconstruction, behind an autoencoder."""

POINTS_PATH = "image-vs-classifier_input"
"""In the place of a point: the paired difference image - classifier_input."""

SHARE = "remaining_share"
"""Suffix of a measure: what is left at the classifier's input of a variant's difference to the baseline."""

NOT_SIGNIFICANT = "the difference at the image is not significant: no share of it is given"


def point_differences(
    at_image: MapCell, at_input: MapCell, images: ImageTable, confidence: float
) -> Iterator[Contrast]:
    """A variant's own difference image - classifier_input of every measure, paired by seed and image."""
    labels = images.labels[at_image.image_rows]
    for measure in _shared(at_image, at_input):
        where = Where(measure, at_image.variant, at_image.test_set, f"{at_image.method}.{POINTS_PATH}")
        difference = at_image.measures[measure] - at_input.measures[measure]
        yield contrast_row(where, crossed_outcome(difference, labels, confidence), WHOLE)


def remaining_shares(
    variant: tuple[MapCell, MapCell],
    baseline: tuple[MapCell, MapCell],
    image_contrasts: Mapping[str, Contrast],
    images: ImageTable,
    confidence: float,
) -> Iterator[Contrast]:
    """(variant - baseline at the classifier's input) / (variant - baseline at the image), for every measure.

    `variant` and `baseline` are (map at the image, map at the classifier's input). A share of 1 says that the
    autoencoder's own smearing explains nothing of the difference, 0 all of it; below 0 the difference turns. The
    share is given where `image_contrasts`, by measure, has a Holm-adjusted p below 1 - confidence.
    """
    cells = (*variant, *baseline)
    first = cells[0]
    labels = images.labels[first.image_rows]
    for measure in _shared(*cells):
        where = Where(
            f"{measure}_{SHARE}",
            first.variant,
            first.test_set,
            f"{first.method}.{CLASSIFIER_POINT}",
            versus=baseline[0].variant,
        )
        values = [cell.measures[measure] for cell in cells]
        row = image_contrasts[measure]
        outcome: CrossedInterval | Undefined
        if row.p_holm is None or row.p_holm >= 1 - confidence or not row.estimate:
            outcome = Undefined(row.reason or NOT_SIGNIFICANT, row.n_seeds, row.n_images)
        else:
            outcome = share_of(values[1] - values[3], values[0] - values[2], labels, confidence)
        yield contrast_row(where, outcome, family=False)


def share_of(
    part: NDArray[np.float64], whole: NDArray[np.float64], labels: NDArray[np.int8], confidence: float
) -> CrossedInterval | Undefined:
    """The ratio of the means of `part` and `whole`, both (S, I), with the crossed interval of its linearisation.

    r = mean(part)/mean(whole); D = r + (part - r·whole)/mean(whole) has mean r (delta method). It needs a `whole`
    well away from 0. Images without a value in either, for any seed, are left out.

    >>> share_of(np.array([[1.0, 3.0]] * 3), np.array([[2.0, 6.0]] * 3), np.array([0, 1], np.int8), 0.95).estimate
    0.5
    """
    kept = np.isfinite(part).all(axis=0) & np.isfinite(whole).all(axis=0)
    mean = float(whole[:, kept].mean()) if kept.any() else 0.0
    if mean == 0.0:
        return Undefined("no difference at the image: no share of it is defined", len(part), int(kept.sum()))
    ratio = float(part[:, kept].mean()) / mean
    return crossed_outcome(ratio + (part - ratio * whole) / mean, labels, confidence)


def _shared(*cells: MapCell) -> list[str]:
    """The measures that all cells have, in order."""
    return [name for name in cells[0].measures if all(name in cell.measures for cell in cells)]
