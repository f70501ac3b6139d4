"""What may happen to an image on its way: JPEG, blur, noise, a round trip of size, a crop, another brightness.

Every function takes and gives uint8 pixels (N, H, W, 3) of square images; nothing is kept between calls. Images that
a corruption leaves with other numbers than whole grey levels are rounded to them, as a file would be.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from isitcap.data.pixels import reencode

Pixels = NDArray[np.uint8]

TRUNCATE = 4.0
"""Standard deviations at which the Gaussian is cut off."""

BLOCK = 2048
"""Images at a time where float64 copies are made."""


def corrupt(corruption: str, level: float, pixels: Pixels, image_ids: Iterable[str], seed: int) -> Pixels:
    """Corrupt images.

    Args:
        corruption: a name in `CORRUPTIONS`.
        level: its strength, in the unit that its function names.
        pixels: (N, H, W, 3), H = W.
        image_ids: N ids; the noise of an image is drawn by them.
        seed: the study's; only noise draws.

    Returns:
        New pixels of the same shape.

    Raises:
        KeyError: there is no such corruption.
    """
    if corruption == "noise":
        return noise(pixels, level, image_ids, seed)
    return CORRUPTIONS[corruption](pixels, level)


def jpeg(pixels: Pixels, quality: float) -> Pixels:
    """One JPEG round trip with 4:2:0 chroma at Pillow's `quality` (1 … 100)."""
    return _one_by_one(pixels, lambda image: reencode(image, int(quality)))


def blur(pixels: Pixels, sigma: float) -> Pixels:
    """Gaussian blur of standard deviation `sigma` (pixels), mirrored at the border, cut off at four of them."""
    return _in_blocks(
        pixels,
        lambda part, _: gaussian_filter(part, (0, sigma, sigma, 0), mode="reflect", truncate=TRUNCATE),
    )


def noise(pixels: Pixels, deviation: float, image_ids: Iterable[str], seed: int) -> Pixels:
    """Gaussian noise of standard deviation `deviation` (in units of the range 0 … 255), clipped to it.

    An image's noise is keyed by `seed` and its id: the same for every variant, whatever the order, and at every level
    the same draw times another factor, so that a curve over levels is of one noise that grows.
    """
    ids = list(image_ids)

    def add(part: NDArray[np.float64], start: int) -> NDArray[np.float64]:
        for image, name in zip(part, ids[start : start + len(part)], strict=True):
            key = hashlib.blake2b(f"{seed}:noise:{name}".encode(), digest_size=16).digest()
            draw = np.random.default_rng(int.from_bytes(key, "little")).standard_normal(image.shape)
            image += 255 * deviation * draw
        return part

    if len(ids) != len(pixels):
        raise ValueError(f"{len(ids)} ids of {len(pixels)} images")
    return _in_blocks(pixels, add)


def resize(pixels: Pixels, share: float) -> Pixels:
    """Shrink to `share` of the side (rounded) and enlarge again, both by Pillow's antialiased bilinear kernel."""
    side = pixels.shape[1]
    small = round(share * side)
    kernel = Image.Resampling.BILINEAR
    return _one_by_one(pixels, lambda image: image.resize((small, small), kernel).resize((side, side), kernel))


def crop(pixels: Pixels, share: float) -> Pixels:
    """Keep the central `share` of the side (rounded, 0 … 1), enlarged to the whole by Pillow's bilinear kernel.

    An odd margin loses its extra pixel at the right and at the bottom, as in `isitcap.data.pixels.fit`.
    """
    side = pixels.shape[1]
    kept = round(share * side)
    start = (side - kept) // 2
    box = (start, start, start + kept, start + kept)
    return _one_by_one(pixels, lambda image: image.crop(box).resize((side, side), Image.Resampling.BILINEAR))


def brightness(pixels: Pixels, factor: float) -> Pixels:
    """Every intensity times `factor` (> 0), clipped at white."""
    return _in_blocks(pixels, lambda part, _: part * factor)


CORRUPTIONS: Mapping[str, Callable[[Pixels, float], Pixels]] = MappingProxyType(
    {"jpeg": jpeg, "blur": blur, "resize": resize, "crop": crop, "brightness": brightness}
)
"""Those that draw nothing, by their names in a study; `noise` is apart."""


def _one_by_one(pixels: Pixels, change: Callable[[Image.Image], Image.Image]) -> Pixels:
    out = np.empty_like(pixels)
    for row, image in enumerate(pixels):
        out[row] = np.asarray(change(Image.fromarray(image)))
    return out


def _in_blocks(pixels: Pixels, change: Callable[[NDArray[np.float64], int], NDArray[np.float64]]) -> Pixels:
    """`change` takes float64 grey levels and the number of the first image among them."""
    out = np.empty_like(pixels)
    for start in range(0, len(pixels), BLOCK):
        rows = slice(start, start + BLOCK)
        out[rows] = np.clip(np.rint(change(pixels[rows].astype(np.float64), start)), 0, 255)
    return out
