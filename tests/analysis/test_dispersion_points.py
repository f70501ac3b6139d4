from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.dispersion_points import NOT_SIGNIFICANT, point_differences, remaining_shares, share_of
from analysis.dispersion_rows import contrast_row, crossed_outcome
from analysis.estimates import Undefined, Where
from analysis.frames import ImageTable, index_images
from analysis.intervals import CrossedInterval
from analysis.map_frames import MapCell
from analysis.multiplicity import with_holm
from analysis.summary import Contrast


@pytest.fixture
def images() -> ImageTable:
    """Thirty images, half of them synthetic."""
    names = [f"{i:02d}" for i in range(30)]
    labels = [i % 2 for i in range(30)]
    return index_images(pd.DataFrame({"test_set": "inside", "image_id": names, "source": "camera", "label": labels}))


def cell(variant: str, point: str, values: np.ndarray) -> MapCell:
    rows = np.arange(30, dtype=np.int32)
    return MapCell(variant, "inside", "saliency", point, (0, 1, 2, 3), rows, {"gini": values}, 0)


def cells(left: float, shift: float = -0.1, draw: int = 16) -> tuple[MapCell, MapCell, MapCell]:
    """A baseline, and a variant that differs by `shift` at the image, of which the share `left` remains."""
    rng = np.random.default_rng(draw)
    hard = 0.5 + 0.05 * rng.normal(size=(1, 30))
    noise = 0.02 * rng.normal(size=(3, 4, 30))
    return (
        cell("baseline", "image", hard + noise[0]),
        cell("autoencoder", "image", hard + shift + noise[1]),
        cell("autoencoder", "classifier_input", hard + shift * left + noise[2]),
    )


def image_contrast(variant: MapCell, baseline: MapCell, images: ImageTable) -> dict[str, Contrast]:
    where = Where("gini", variant.variant, "inside", "saliency.image", versus="baseline")
    difference = variant.measures["gini"] - baseline.measures["gini"]
    return {"gini": with_holm([contrast_row(where, crossed_outcome(difference, images.labels, 0.95))])[0]}


def test_the_difference_between_points_is_paired(images: ImageTable) -> None:
    """It is image - classifier's input of one variant, with its p and a family of its own."""
    _, at_image, at_input = cells(0.5)
    (row,) = point_differences(at_image, at_input, images, 0.95)
    difference = at_image.measures["gini"] - at_input.measures["gini"]
    expected = crossed_outcome(difference, images.labels, 0.95)
    assert isinstance(expected, CrossedInterval)
    assert row.id == "gini/autoencoder/inside/saliency.image-vs-classifier_input"
    assert (row.estimate, row.low, row.high) == (expected.estimate, expected.low, expected.high)
    assert row.p is not None
    assert row.p < 1e-3
    assert row.family == "gini/inside/saliency.image-vs-classifier_input"


@pytest.mark.parametrize("left", [0.0, 0.4, 1.0, -0.5])
def test_the_share_that_remains_is_found(images: ImageTable, left: float) -> None:
    """A planted share lies in its interval, and the estimate is the ratio of the two differences."""
    baseline, at_image, at_input = cells(left)
    told = image_contrast(at_image, baseline, images)
    (row,) = remaining_shares((at_image, at_input), (baseline, baseline), told, images, 0.95)
    ginis = [c.measures["gini"].mean() for c in (baseline, at_image, at_input)]
    assert row.id == "gini_remaining_share/autoencoder-vs-baseline/inside/saliency.classifier_input"
    assert row.estimate == pytest.approx((ginis[2] - ginis[0]) / (ginis[1] - ginis[0]))
    assert row.low is not None
    assert row.high is not None
    assert row.low < left < row.high
    assert (row.p, row.family) == (None, None)


def test_no_share_of_a_difference_that_is_not_there(images: ImageTable) -> None:
    """Without a significant difference at the image its share is not given, nor without an interval."""
    baseline, at_image, at_input = cells(0.5, shift=0.0)
    told = image_contrast(at_image, baseline, images)
    (row,) = remaining_shares((at_image, at_input), (baseline, baseline), told, images, 0.95)
    assert (row.estimate, row.reason) == (None, NOT_SIGNIFICANT)
    told["gini"] = told["gini"].model_copy(update={"p_holm": None, "reason": "two seeds"})
    (row,) = remaining_shares((at_image, at_input), (baseline, baseline), told, images, 0.95)
    assert (row.estimate, row.reason) == (None, "two seeds")


def test_the_share_has_the_error_of_a_ratio() -> None:
    """Over images its error is the textbook's for a ratio of means; over seeds likewise."""
    rng = np.random.default_rng(17)
    whole = 2 + rng.normal(size=(1, 400))
    part = 0.3 * whole + 0.2 * rng.normal(size=(1, 400))
    labels = np.zeros(400, np.int8)
    ratio = part.mean() / whole.mean()
    error = np.sqrt(np.square(part - ratio * whole).sum() / 399 / 400) / whole.mean()
    found = share_of(part, whole, labels, 0.95)
    assert isinstance(found, CrossedInterval)
    assert found.estimate == pytest.approx(ratio)
    assert found.half_width_images == pytest.approx(stats.t.ppf(0.975, 399) * error)


def test_images_without_a_map_leave_both_sides() -> None:
    """The ratio is of the images that all maps have; none of them, or a whole of zero, has no ratio."""
    rng = np.random.default_rng(18)
    whole, part = rng.random((3, 8)) + 1, rng.random((3, 8))
    whole[0, 0] = part[1, 5] = np.nan
    kept = [1, 2, 3, 4, 6, 7]
    labels = np.zeros(8, np.int8)
    assert share_of(part, whole, labels, 0.95).n_images == 6
    assert share_of(part, whole, labels, 0.95) == share_of(part[:, kept], whole[:, kept], labels[kept], 0.95)
    assert isinstance(share_of(part, whole * 0, labels, 0.95), Undefined)
    assert isinstance(share_of(part * np.nan, whole, labels, 0.95), Undefined)
