"""Pictures and maps as addresses."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from analysis.reporting.images import overlay, picture, saliency
from analysis.reporting.theme import magma


def opened(address: str) -> Image.Image:
    head, _, body = address.partition(",")
    assert head == "data:image/png;base64"
    return Image.open(io.BytesIO(base64.b64decode(body)))


def test_picture_holds_the_very_pixels() -> None:
    """A picture is lossless."""
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    assert np.array_equal(np.asarray(opened(picture(pixels))), pixels)


def test_map_is_coloured_from_zero_to_its_maximum() -> None:
    """Zero is magma's first colour, one its last."""
    address = saliency(np.array([[0.0, 1.0], [0.5, 0.25]]))
    assert address is not None
    colours = np.asarray(opened(address).convert("RGB"))
    assert colours[0, 0].tolist() == magma()[0].tolist()
    assert colours[0, 1].tolist() == magma()[255].tolist()
    assert colours[1, 0].tolist() == magma()[128].tolist()


def test_maps_that_were_excluded_have_no_picture() -> None:
    """A map of zeros and a map with a hole are no pictures."""
    assert saliency(np.zeros((2, 2))) is None
    assert saliency(np.array([[0.1, np.nan]])) is None


def test_magma_grows_lighter_all_the_way() -> None:
    """The colour map's lightness (Rec. 709 luma) rises from black to almost white."""
    luma = magma().astype(float) @ (0.2126, 0.7152, 0.0722)
    assert (np.diff(luma) > -0.51).all()
    assert luma[0] < 3
    assert luma[-1] > 240


def test_overlay_shows_the_image_where_the_map_is_dark() -> None:
    """Where the map is 1 stands magma's last colour alone; where it is 0, two pixels of the image still differ."""
    pixels = np.zeros((1, 3, 3), np.uint8)
    pixels[0, 1] = 255
    shown = np.asarray(opened(overlay(pixels, np.array([[0.0, 0.0, 1.0]]))))
    assert shown[0, 2].tolist() == magma()[255].tolist()
    assert (shown[0, 1].astype(int) - shown[0, 0] > 100).all()
