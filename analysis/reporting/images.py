"""Example images and saliency maps as `data:` addresses."""

from __future__ import annotations

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from analysis.reporting import theme


def _address(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def picture(pixels: NDArray[np.uint8]) -> str:
    """An image, uint8 (H, W, 3), as a PNG in a `data:` address."""
    return _address(Image.fromarray(np.ascontiguousarray(pixels)))


def saliency(values: NDArray[np.floating]) -> str | None:
    """A map (H, W) of 0 … 1 in magma's colours, as a PNG in a `data:` address; `None` if zero or not finite."""
    wide = np.asarray(values, dtype=np.float64)
    if not np.isfinite(wide).all() or wide.max() <= 0:
        return None
    levels = np.clip(np.round(wide * 255), 0, 255).astype(np.uint8)
    image = Image.fromarray(levels)
    image.putpalette(theme.magma().tobytes(), rawmode="RGB")
    return _address(image)


def overlay(pixels: NDArray[np.uint8], values: NDArray[np.floating]) -> str:
    """A map (H, W) of 0 … 1 in magma's colours over its image, uint8 (H, W, 3), in grey, as a PNG in a `data:` address.

    The more a pixel counts, the more of the map's colour it has, so that the image shows where the map is dark.
    """
    shown = np.clip(np.asarray(values, dtype=np.float64), 0, 1)
    grey = np.asarray(Image.fromarray(np.ascontiguousarray(pixels)).convert("L"), dtype=np.float64)
    colour = theme.magma()[np.round(shown * 255).astype(np.uint8)].astype(np.float64)
    weight = (0.35 + 0.65 * shown)[..., None]
    return picture(np.round(grey[..., None] * (1 - weight) + colour * weight).astype(np.uint8))


def scale_bar() -> str:
    """The colour map from 0 to 1 as an image one pixel high."""
    return picture(theme.magma()[None, ::4, :])


def attachment(data: bytes, media_type: str) -> str:
    """Bytes as a `data:` address to download."""
    return f"data:{media_type};base64," + base64.b64encode(data).decode("ascii")
