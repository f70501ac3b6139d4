"""Near duplicates: a perceptual hash finds candidates among very many images, their thumbnails confirm them.

The hash is the DCT hash of imagehash's `phash` (Krawetz; Zauner 2010), bit by bit, but taken of a whole batch at
once: imagehash makes it image by image, which for 120,000 images costs more than decoding them.

Candidates are found exactly and without comparing all pairs: two hashes of eight bytes that differ in at most six bits
share at least two bytes, so that images are put into buckets by each of the 28 pairs of bytes, and only those of a
bucket are compared (multi-index hashing: Norouzi, Punjani and Fleet, CVPR 2012). A hash of 64 bits says little of
smooth images; so a candidate counts only if its thumbnails correlate.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import fft

HASH_SIDE = 32
"""Side of the luma that is hashed, pixels."""

THUMBNAIL_SIDE = 16
"""Side of the thumbnails that confirm, pixels."""

RADIUS = 6
"""Most bits in which two hashes of near duplicates differ; the buckets are complete up to it."""

CORRELATION = 0.97
"""Least correlation of the thumbnails of near duplicates."""

FLAT = 4.0
"""Images whose thumbnail varies less (standard deviation, grey levels) are left out: their hash says nothing."""

MAX_PAIRS = 1_000_000
"""Of near pairs that are kept one by one; groups are complete beyond it."""

_BLOCK = 1 << 22  # comparisons at once: 32 MiB of hashes
_BYTES_OF_HASH = 8

Hashes = npt.NDArray[np.uint64]
Thumbnails = npt.NDArray[np.uint8]


def hash_input(image: Image.Image) -> npt.NDArray[np.uint8]:
    """The luma of a whole RGB image at `HASH_SIDE` × `HASH_SIDE`, whatever its proportions, as imagehash takes it."""
    grey = image.convert("L")
    if grey.size != (HASH_SIDE, HASH_SIDE):
        grey = grey.resize((HASH_SIDE, HASH_SIDE), Image.Resampling.LANCZOS)
    return np.asarray(grey)


def perceptual_hashes(grey: npt.NDArray[np.uint8]) -> Hashes:
    """The DCT hash of each image, (N,), of lumas (N, 32, 32).

    Of the 8 × 8 lowest coefficients each gives one bit: whether it lies above their median. The first bit is the
    highest one of the number, as in imagehash's hexadecimal text.
    """
    lowest = fft.dctn(grey.astype(np.float64), axes=(1, 2))[:, :8, :8].reshape(len(grey), 64)
    bits = lowest > np.median(lowest, axis=1, keepdims=True)
    return np.asarray(np.packbits(bits, axis=1).view(">u8").astype(np.uint64).ravel())


def thumbnails(grey: npt.NDArray[np.uint8]) -> Thumbnails:
    """Lumas (N, 32, 32) averaged down to (N, 256): 16 × 16 pixels each."""
    step = HASH_SIDE // THUMBNAIL_SIDE
    mean = grey.reshape(len(grey), THUMBNAIL_SIDE, step, THUMBNAIL_SIDE, step).mean(axis=(2, 4))
    return np.asarray(np.rint(mean), dtype=np.uint8).reshape(len(grey), THUMBNAIL_SIDE**2)


def flat(images: Thumbnails) -> npt.NDArray[np.bool_]:
    """Which thumbnails (N, K) vary too little to be compared; (N,)."""
    found = [part.std(axis=1) < FLAT for part in np.array_split(images, max(1, len(images) // 65536))]
    return np.concatenate(found)


def correlations(
    images: Thumbnails, first: npt.NDArray[np.int64], second: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """The correlation of each pair of thumbnails; a constant one correlates with nothing (0)."""
    a, b = (images[rows].astype(np.float32) for rows in (first, second))
    a -= a.mean(axis=1, keepdims=True)
    b -= b.mean(axis=1, keepdims=True)
    norm = np.sqrt(np.square(a).sum(axis=1) * np.square(b).sum(axis=1))
    return np.asarray(np.divide((a * b).sum(axis=1), norm, out=np.zeros_like(norm), where=norm > 0))


def near_pairs(hashes: Hashes, images: Thumbnails) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Pairs of near duplicates, in parts: rows (P,) and rows (P,), the first the smaller; each pair once.

    Memory is that of the hashes and of one block of comparisons, whatever the number of images and pairs; only a set
    of mostly alike images takes time in proportion to its pairs. Thumbnails that are equal should be given once.

    Args:
        hashes: (N,), see `perceptual_hashes`.
        images: (N, K), see `thumbnails`.
    """
    rows = np.flatnonzero(~flat(images)) if len(images) else np.empty(0, dtype=np.int64)
    parts = hashes[rows].byteswap().view(np.uint8).reshape(-1, _BYTES_OF_HASH)
    for one, other in combinations(range(_BYTES_OF_HASH), 2):
        keys = np.asarray(parts[:, one].astype(np.uint16) << 8 | parts[:, other], dtype=np.uint16)
        order = np.argsort(keys, kind="stable")
        for left, right in _in_buckets(keys[order]):
            first, second = order[left], order[right]
            differing = hashes[rows[first]] ^ hashes[rows[second]]
            close = np.bitwise_count(differing) <= RADIUS
            first, second, differing = first[close], second[close], differing[close]
            # A pair lies in as many buckets as it shares pairs of bytes: it is taken in the first of them.
            same = differing.byteswap().view(np.uint8).reshape(-1, _BYTES_OF_HASH) == 0
            leading = np.argsort(~same, axis=1, kind="stable")[:, :2]
            mine = (leading[:, 0] == one) & (leading[:, 1] == other)
            a, b = rows[first[mine]], rows[second[mine]]
            like = correlations(images, a, b) >= CORRELATION
            if like.any():
                yield np.minimum(a[like], b[like]), np.maximum(a[like], b[like])


def _in_buckets(keys: npt.NDArray[np.uint16]) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """All pairs of positions with equal keys, of sorted keys, about `_BLOCK` at once."""
    _, starts, sizes = np.unique(keys, return_index=True, return_counts=True)
    # Each position is paired with those after it in its bucket.
    after = np.repeat(starts + sizes, sizes) - np.arange(len(keys)) - 1
    total = np.concatenate([[0], np.cumsum(after)])
    low = 0
    while low < len(keys):
        high = max(low + 1, int(np.searchsorted(total, total[low] + _BLOCK, side="right")) - 1)
        counts = after[low:high]
        left = np.repeat(np.arange(low, high), counts)
        offset = np.arange(len(left)) - np.repeat(total[low:high] - total[low], counts)
        if len(left):
            yield left, left + 1 + offset
        low = high
