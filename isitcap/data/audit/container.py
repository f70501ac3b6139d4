"""What a file says of itself without its pixels: format, size, colour mode, JPEG tables, chroma, metadata, name."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, JpegImagePlugin

CHROMA = {0: "4:4:4", 1: "4:2:2", 2: "4:2:0"}
"""Pillow's codes of JPEG chroma subsampling."""

# Table K.1 of ITU-T T.81 (luminance), row by row.
_LUMINANCE = np.array(
    [
        *(16, 11, 10, 16, 24, 40, 51, 61),
        *(12, 12, 14, 19, 26, 58, 60, 55),
        *(14, 13, 16, 24, 40, 57, 69, 56),
        *(14, 17, 22, 29, 51, 87, 80, 62),
        *(18, 22, 37, 56, 68, 109, 103, 77),
        *(24, 35, 55, 64, 81, 104, 113, 92),
        *(49, 64, 78, 87, 103, 121, 120, 101),
        *(72, 92, 95, 98, 112, 100, 103, 99),
    ]
)


@dataclass(frozen=True, slots=True)
class ContainerFacts:
    """What one file says without its pixels; texts are empty where the format knows no such thing."""

    bytes: int
    format: str
    mode: str
    width: int
    height: int
    quantisation: str
    """`q75` where the luminance table is that of the IJG's library at this quality, otherwise `table 1a2b3c4d`; the
    chroma's table is part of the name where it is not the same for all files of one luminance table."""
    chroma: str
    """`4:2:0`, `4:2:2`, `4:4:4`, `grey` or `other`."""
    progressive: bool
    exif: bool
    icc: bool
    trailing: bool = False
    """Whether bytes follow the image's end, as where a second file hangs behind it."""


def container_facts(data: bytes, image: Image.Image) -> ContainerFacts:
    """Facts of a file from its bytes and the image that was decoded from them."""
    tables, chroma = "", ""
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        tables = quantisation_name(tuple(tuple(table) for _, table in sorted(image.quantization.items())))
        code = JpegImagePlugin.get_sampling(image)
        chroma = "grey" if image.mode == "L" else CHROMA.get(code, "other")
    return ContainerFacts(
        bytes=len(data),
        format=image.format or "",
        mode=image.mode,
        width=image.size[0],
        height=image.size[1],
        quantisation=tables,
        chroma=chroma,
        progressive=bool(image.info.get("progressive") or image.info.get("interlace")),
        exif="exif" in image.info,
        icc="icc_profile" in image.info,
        trailing=has_trailing(data, image.format or ""),
    )


def has_trailing(data: bytes, form: str) -> bool:
    """Whether bytes that are not all zero follow the end of a JPEG, PNG, BMP or WebP; False for other formats.

    A JPEG ends with its last end-of-image marker: bytes behind it are found, an appended JPEG alone is not.
    """
    end = len(data)
    if form == "JPEG":
        end = data.rfind(b"\xff\xd9") + 2
    elif form == "PNG":
        at = data.find(b"IEND", data.rfind(b"IDAT"))
        end = at + 8 if at >= 0 else end
    elif form == "BMP":
        end = int.from_bytes(data[2:6], "little")
    elif form == "WEBP":
        end = int.from_bytes(data[4:8], "little") + 8
    return end > 2 and bool(data[end:].strip(b"\0"))


@lru_cache(maxsize=4096)
def quantisation_name(tables: tuple[tuple[int, ...], ...]) -> str:
    """A short name of a JPEG's quantisation tables: equal tables, equal names.

    `q75` where the luminance table is the IJG's at quality 75 and the chroma table, if any, too; else a hash.
    """
    if not tables:
        return "none"
    quality = _quality(tables[0])
    name = hashlib.sha256(repr(tables).encode()).hexdigest()[:8]
    if quality is None:
        return f"table {name}"
    standard = _pillow_tables(quality)
    return f"q{quality}" if tables in (standard, standard[:1]) else f"q{quality}, chroma {name}"


def _quality(luminance: tuple[int, ...]) -> int | None:
    return next((q for q in range(1, 101) if tuple(_scaled(_LUMINANCE, q).tolist()) == luminance), None)


def _scaled(table: np.ndarray, quality: int) -> np.ndarray:
    """The IJG's scaling of a table (libjpeg, jcparam.c): 5000/q below 50, 200 − 2q above, per cent, in 1 … 255."""
    factor = 5000 // quality if quality < 50 else 200 - 2 * quality
    return np.asarray(np.clip((table * factor + 50) // 100, 1, 255))


# Table K.2 of ITU-T T.81 (chrominance): 99 but for its low frequencies.
_CHROMINANCE = np.full((8, 8), 99)
_CHROMINANCE[:4, :4] = [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]]


def _pillow_tables(quality: int) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(_scaled(table, quality).tolist()) for table in (_LUMINANCE, _CHROMINANCE.ravel()))


def name_pattern(member: str) -> str:
    """A file's name with every run of digits as `#`, in lower case: `0012 (3).JPG` → `# (#).jpg`.

    The folders are left out: they hold the label by construction.
    """
    return re.sub(r"\d+", "#", member.rsplit("/", 1)[-1].lower())


def name_number(member: str) -> int:
    """The first number in a file's name, −1 where there is none or it is longer than 15 digits."""
    found = re.search(r"\d+", member.rsplit("/", 1)[-1])
    return int(found[0]) if found and len(found[0]) <= 15 else -1
