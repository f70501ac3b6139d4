from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import ndimage
from skimage.filters import threshold_otsu
from skimage.measure import label

from analysis import regions
from analysis.errors import InputError
from analysis.regions import salient_regions


def drawn(*rows: str) -> np.ndarray:
    """A map (1, H, W) from rows of digits."""
    return np.array([[[float(pixel) for pixel in row] for row in rows]])


@pytest.mark.parametrize(
    ("rows", "number", "pixels"),
    [
        (("99000", "99000", "00000", "00099", "00099"), 2, 8),
        (("90000", "09000", "00900", "00090", "00009"), 1, 5),
        (("90909", "00000", "90909", "00000", "90909"), 9, 9),
        (("99999", "90009", "90009", "90009", "99999"), 1, 16),
        (("00000", "00000", "00300", "00000", "00000"), 1, 1),
    ],
)
def test_regions_that_the_eye_counts(rows: tuple[str, ...], number: int, pixels: int) -> None:
    """Two levels are split between them, and pixels that touch at a corner are one region."""
    found, share = salient_regions(drawn(*rows))
    assert found.tolist() == [number]
    assert share.tolist() == [pixels / 25]


def test_agrees_with_otsu_by_search_and_another_labelling() -> None:
    """The threshold has the largest variance between classes of all bins, the regions are SciPy's."""
    maps = np.random.default_rng(3).gamma(0.5, size=(12, 9, 7))
    number, share = salient_regions(maps)
    for position, pixels in enumerate(maps):
        unit = (pixels - pixels.min()) / (pixels.max() - pixels.min())
        bins = np.minimum((unit * 256).astype(int), 255)
        best, cut = -1.0, 0
        for candidate in range(255):
            low, high = unit[bins <= candidate], unit[bins > candidate]
            middles = [(bins[bins <= candidate] + 0.5).mean(), (bins[bins > candidate] + 0.5).mean()]
            between = len(low) * len(high) * (middles[0] - middles[1]) ** 2
            if between > best * (1 + 1e-12):
                best, cut = between, candidate
        salient = unit > (cut + 0.5) / 256
        assert share[position] == salient.mean()
        assert number[position] == ndimage.label(salient, np.ones((3, 3)))[1]


@pytest.mark.parametrize("size", [(32, 32), (9, 7), (64, 64)])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_agrees_with_scikit_image(size: tuple[int, int], dtype: type, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many maps at once, in blocks of three, have the regions that scikit-image finds in each of them."""
    monkeypatch.setattr(regions, "_BLOCK", 3 * size[0] * size[1])
    maps = np.abs(np.random.default_rng(7).normal(size=(10, *size))).astype(dtype)
    number, share = salient_regions(maps)
    for position, pixels in enumerate(maps.astype(np.float64)):
        unit = (pixels - pixels.min()) / (pixels.max() - pixels.min())
        salient = unit > threshold_otsu(unit)
        assert share[position] == salient.mean()
        assert number[position] == label(salient, connectivity=2).max()


@pytest.mark.parametrize("factor", [2.0**-40, 2.0**30, 1e-300])
def test_the_unit_does_not_matter(factor: float) -> None:
    """A map times a positive number has the same regions."""
    maps = np.random.default_rng(4).integers(0, 99, size=(6, 8, 8)).astype(float)
    for before, after in zip(salient_regions(maps), salient_regions(maps * factor), strict=True):
        assert before.tolist() == after.tolist()


@pytest.mark.parametrize(("pixel", "rest"), [(0.0, 0.0), (2.5, 2.5), (math.nan, 1.0), (math.inf, 1.0), (-1.0, 1.0)])
def test_maps_without_a_threshold_have_no_regions(pixel: float, rest: float) -> None:
    """Constant, not finite and negative maps are NaN, and their neighbours are as without them."""
    maps = np.random.default_rng(5).random((3, 6, 6))
    alone = salient_regions(maps)
    maps[1] = rest
    maps[1, 2, 2] = pixel
    for before, after in zip(alone, salient_regions(maps), strict=True):
        assert math.isnan(after[1])
        assert after[[0, 2]].tolist() == before[[0, 2]].tolist()


def test_levels_one_rounding_apart_are_told_apart() -> None:
    """A map whose pixels hardly differ is not constant, and gives no error."""
    maps = np.ones((1, 4, 4))
    maps[0, 0, 0] = np.nextafter(1.0, 2.0)
    assert [values.tolist() for values in salient_regions(maps)] == [[1.0], [1 / 16]]


def test_regions_see_where_pixels_are() -> None:
    """Shuffling pixels keeps the share and changes the number."""
    maps = np.zeros((1, 12, 12))
    maps[0, :6] = 1.0
    shuffled = np.random.default_rng(6).permutation(maps.ravel()).reshape(maps.shape)
    (one, many), (share, same) = zip(salient_regions(maps), salient_regions(shuffled), strict=True)
    assert (one[0], share[0]) == (1.0, 0.5)
    assert many[0] > 1
    assert same[0] == 0.5


def test_no_maps_give_nothing_and_wrong_ones_are_refused() -> None:
    """An empty stack is fine; what is no stack of maps is not."""
    assert [values.shape for values in salient_regions(np.zeros((0, 4, 4)))] == [(0,), (0,)]
    for wrong in (np.zeros((4, 4)), np.zeros((2, 1, 1)), np.full((1, 2, 2), "a")):
        with pytest.raises(InputError, match=r"shape|type"):
            salient_regions(wrong)
