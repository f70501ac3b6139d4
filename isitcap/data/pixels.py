"""From a file's bytes to `size` × `size` RGB: decode, centre square, one resize by a named kernel, perhaps one JPEG."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import get_args
from warnings import catch_warnings, simplefilter

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from isitcap.study.models import Kernel

KERNELS: Mapping[Kernel, Image.Resampling] = MappingProxyType(
    {name: Image.Resampling[name.upper()] for name in get_args(Kernel)}
)
"""Pillow's resampling filters by their names in a study; all but `nearest` are antialiased when shrinking."""

MAX_PIXELS = 50_000_000
"""Largest declared width × height that is decoded; a larger image counts as broken (decompression bomb)."""

MAX_SIDE = 32_768
"""Longest declared side: beyond it, a centre square is no longer what the file shows."""

# The common raster formats alone: Pillow's other readers (EPS, PDF, …) start programs or take far more code to trust.
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF")

_ORIENTATION = 0x0112
_ROTATED = "exif", "xmp", "Raw profile type exif", "XML:com.adobe.xmp", "tiff"


class BrokenImageError(ValueError):
    """An image that cannot be decoded; its text is the reason, on one line."""


def decode(data: bytes) -> Image.Image:
    """Decode one image file (JPEG, PNG, BMP, GIF, WebP or TIFF; the first frame of several).

    The content decides the format, not the file's name. Bytes after the image's end are ignored.

    Raises:
        BrokenImageError: not an image, truncated, corrupt, or of more than `MAX_PIXELS` declared pixels or `MAX_SIDE`
            on a side.
    """
    # WeasyPrint switches this on for the whole process when it is imported; half an image must stay a broken one.
    before, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, False
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise BrokenImageError(f"declares {width} × {height} pixels; at most {MAX_PIXELS:,} are decoded")
        if max(width, height) > MAX_SIDE:
            raise BrokenImageError(f"declares {width} × {height} pixels; at most {MAX_SIDE:,} on a side are decoded")
        image.load()
    except BrokenImageError:
        raise
    except UnidentifiedImageError:
        kind = "an empty file" if not data else "not an image of a known format"
        raise BrokenImageError(kind) from None
    except (MemoryError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise BrokenImageError(f"declares more than {MAX_PIXELS:,} pixels") from None
    except Exception as error:  # Pillow's readers raise nearly every type on corrupt input
        text = " ".join(str(error).split()) or type(error).__name__
        raise BrokenImageError(text[:200]) from None
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before
    return image


@contextmanager
def decoding() -> Iterator[None]:
    """Around a loop of `decode`: Pillow's remarks on odd metadata stay silent, its alarm on bombs is an error."""
    with catch_warnings():
        simplefilter("ignore", UserWarning)
        simplefilter("error", Image.DecompressionBombWarning)
        yield


def to_rgb(image: Image.Image) -> Image.Image:
    """Eight-bit RGB, upright.

    EXIF orientation is applied. Greyscale is repeated over the channels, a palette is looked up, transparency is
    composited on white (what a reader of the web page would see), and 16-bit greyscale is divided by 257.

    Raises:
        BrokenImageError: floating-point or 32-bit integer samples, whose range is not known.
    """
    if image.format != "JPEG" or any(key in image.info for key in _ROTATED):
        image = _upright(image)
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode == "F":
        raise BrokenImageError("holds floating-point samples, whose range is not known")
    if image.mode.startswith("I"):
        samples = np.asarray(image)
        if samples.min() < 0 or samples.max() > 65535:
            raise BrokenImageError("holds 32-bit samples, whose range is not known")
        return Image.fromarray(np.round(samples / 257).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        with_alpha = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, with_alpha).convert("RGB")
    return image.convert("RGB")


def _upright(image: Image.Image) -> Image.Image:
    try:
        turned = image.getexif().get(_ORIENTATION, 1) != 1
    except Exception:  # unreadable metadata says nothing of the orientation: the image stands as stored
        return image
    return ImageOps.exif_transpose(image) if turned else image


def fit(image: Image.Image, size: int, kernel: Kernel) -> Image.Image:
    """`size` × `size` RGB: `to_rgb`, then the centre square, then one resize by `kernel`.

    An image of `size` × `size` keeps its pixels, whatever the kernel. A smaller one is enlarged by the same kernel.
    An odd margin loses its extra pixel at the right or at the bottom.

    Raises:
        BrokenImageError: see `to_rgb`.
    """
    image = to_rgb(image)
    width, height = image.size
    side = min(width, height)
    if width != height:
        left, top = (width - side) // 2, (height - side) // 2
        image = image.crop((left, top, left + side, top + side))
    if side == size:
        return image
    return image.resize((size, size), KERNELS[kernel])


def is_grey(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Whether the three channels of every pixel are equal; (N,) of (N, H, W, 3)."""
    same = (pixels[..., 0] == pixels[..., 1]) & (pixels[..., 1] == pixels[..., 2])
    return np.asarray(same.all(axis=(1, 2)))


def reencode(image: Image.Image, quality: int = 75) -> Image.Image:
    """One JPEG round trip in memory with 4:2:0 chroma; quality 75 is the format of CIFAKE's own files."""
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=quality, subsampling="4:2:0")
    buffer.seek(0)
    result = Image.open(buffer, formats=("JPEG",))
    result.load()
    return result
