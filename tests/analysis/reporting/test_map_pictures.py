from __future__ import annotations

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from analysis.errors import InputError
from analysis.reporting import Examples, MeanMaps
from analysis.reporting.images import overlay
from analysis.reporting.lookup import Lookup
from analysis.reporting.map_pictures import OTHERS_SHOWN, TOP, figure_maps, figure_means, figure_overlays
from analysis.reporting.quantities import fixed
from analysis.summary import Summary


@pytest.fixture
def lookup(summary: Summary) -> Lookup:
    return Lookup(summary)


def pixels_of(address: str | None) -> NDArray[np.uint8]:
    assert address is not None
    image = Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2])))
    return np.asarray(image.convert("RGB"))


def test_a_row_of_overlays_has_one_scale(lookup: Lookup, examples: Examples) -> None:
    """Every map of a row is its shares of its own total over the same value, which is written beneath the image."""
    first = examples.sets[0]
    table = figure_overlays(lookup, examples)[0].tables[0]
    row = table.rows[0]
    shares = [first.maps[name, "saliency", "image"][0] for name in table.variants]
    shares = [each / each.mean() for each in shares]
    top = float(np.quantile(np.concatenate([each.ravel() for each in shares]), TOP))
    assert row.truth.endswith(f"scale to {fixed(top, 1)}")
    for (address, _), each in zip(row.maps, shares, strict=True):
        expected = pixels_of(overlay(first.pixels[0], np.minimum(each / top, 1.0)))
        np.testing.assert_array_equal(pixels_of(address), expected)


def test_an_excluded_map_has_no_overlay(lookup: Lookup, examples: Examples) -> None:
    """The map that is all zero is a gap in its row, and does not move the others' scale to nothing."""
    table = figure_overlays(lookup, examples)[0].tables[0]
    assert [address is None for address, _ in table.rows[1].maps] == [False, False, False, True]


def test_the_image_stands_in_at_the_classifiers_input(lookup: Lookup, examples: Examples) -> None:
    """A variant without preprocessing is seen beside the others at both points."""
    behind = ("autoencoder", "both")
    sets = tuple(
        replace(each, maps={key: held for key, held in each.maps.items() if key[2] == "image" or key[0] in behind})
        for each in examples.sets
    )
    for grid in (figure_overlays, figure_maps):
        at, at_input = grid(lookup, replace(examples, sets=sets))[0].tables
        assert at_input.variants == at.variants == lookup.variants


def test_tables_side_by_side_have_the_same_columns(lookup: Lookup, examples: Examples) -> None:
    """A variant without a map at the image, as behind a JPEG, is a gap there, so that rows of both tables align."""
    sets = tuple(
        replace(each, maps={key: held for key, held in each.maps.items() if key != ("both", "saliency", "image")})
        for each in examples.sets
    )
    for grid in (figure_overlays, figure_maps):
        at, at_input = grid(lookup, replace(examples, sets=sets))[0].tables
        assert at_input.variants == at.variants == lookup.variants
        gap, there = (table.rows[0].maps[at.variants.index("both")][0] for table in (at, at_input))
        assert gap is None
        assert there is not None


def test_other_methods_are_shown_on_few_images(lookup: Lookup, examples: Examples) -> None:
    """The main method comes first with all images; another has fewer, and the caption says how many."""
    sets = tuple(
        replace(each, maps={("both", "occlusion", "image"): each.maps["both", "saliency", "image"], **each.maps})
        for each in examples.sets
    )
    grid = figure_maps(lookup, replace(examples, sets=sets))[0]
    assert grid.tables[0].title == "saliency at the image"
    assert [len(table.rows) for table in grid.tables] == [6, 6, OTHERS_SHOWN]
    assert f"Of the other methods, {OTHERS_SHOWN} of the images." in str(grid.caption[0])


def test_mean_maps_of_a_class_have_one_scale(lookup: Lookup, examples: Examples) -> None:
    """A row's scale ends at its largest value, and each map says its own."""
    grid = figure_means(lookup, examples)[0]
    real, synthetic = grid.tables[0].rows
    assert real.image is None
    assert (real.called, synthetic.called) == ("real images", "synthetic images")
    means = next(each for each in examples.means if each.test_set == "test" and each.label == 1)
    top = max(float(each.max()) for each in means.maps.values())
    assert synthetic.truth == f"scale to {fixed(top, 1)}"
    assert all(beneath == f"≤ {fixed(top, 1)}" for _, beneath in synthetic.maps)
    assert "n = 3 seeds × 32 real, 32 synthetic images of test" in str(grid.caption[0])


def test_without_pictures_there_are_no_grids(lookup: Lookup) -> None:
    """A report without examples has none of the three."""
    nothing = Examples(seed=0)
    assert (figure_maps(lookup, nothing), figure_overlays(lookup, nothing), figure_means(lookup, nothing)) == (
        [],
        [],
        [],
    )


@pytest.mark.parametrize(
    ("label", "values", "says"),
    [(2, np.ones((2, 2)), "label 2"), (0, np.ones(4), "must be"), (1, np.full((2, 2), np.nan), "must be")],
)
def test_what_is_no_mean_map_is_refused(label: int, values: NDArray[np.float64], says: str) -> None:
    """Labels are 0 or 1, and a map is (H, W), finite and not negative."""
    with pytest.raises(InputError, match=says):
        MeanMaps("test", label, 3, 4, {("both", "saliency", "image"): values})
