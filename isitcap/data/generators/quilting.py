"""Generator `quilt`: image quilting (Efros & Freeman, SIGGRAPH 2001) from blocks of real patches.

Blocks are laid in raster order. Each is drawn among the candidates that agree best with what it overlaps, and is
joined along the path of least squared error through the overlap, from top to bottom and from left to right.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BLOCK = 12
OVERLAP = 4
CANDIDATES = 250
BEST = 4
_AT_ONCE = 50


def generate(real: NDArray[np.uint8], n: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Quilt `n` images (n, S, S, 3) from blocks of the patches `real` (N, S, S, 3), S ≥ 12, N ≥ 8.

    Every image has its own candidates, from the eight patches nearest in colour to a drawn one.
    """
    size = real.shape[1]
    step = BLOCK - OVERLAP
    across = -(-(size - OVERLAP) // step)
    canvas = across * step + OVERLAP
    colours = real.mean(axis=(1, 2))
    images = np.empty((n, size, size, 3), dtype=np.uint8)
    for start in range(0, n, _AT_ONCE):
        count = min(_AT_ONCE, n - start)
        blocks = np.stack([_blocks(real, colours, rng) for _ in range(count)])
        quilts = np.zeros((count, canvas, canvas, 3), dtype=np.float32)
        for y in range(0, across * step, step):
            for x in range(0, across * step, step):
                _lay(quilts[:, y : y + BLOCK, x : x + BLOCK], blocks, rng, top=y > 0, left=x > 0)
        images[start : start + count] = quilts[:, :size, :size]
    return images


def _blocks(real: NDArray[np.uint8], colours: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float32]:
    """Blocks (CANDIDATES, BLOCK, BLOCK, 3) at random places of the eight patches nearest in colour to a drawn one."""
    centre = colours[rng.integers(len(real))]
    near = np.argsort(((colours - centre) ** 2).sum(axis=1), kind="stable")[:8]
    windows = np.lib.stride_tricks.sliding_window_view(real[near], (BLOCK, BLOCK), axis=(1, 2))
    which = rng.integers(0, len(near), CANDIDATES)
    y, x = rng.integers(0, windows.shape[1], (2, CANDIDATES))
    return np.asarray(np.moveaxis(windows[which, y, x], 1, -1), dtype=np.float32)


def _lay(
    places: NDArray[np.float32], blocks: NDArray[np.float32], rng: np.random.Generator, *, top: bool, left: bool
) -> None:
    """Choose a block for each of `places` (B, BLOCK, BLOCK, 3), views of the quilts, and join it along the seams."""
    here = np.arange(len(places))
    errors = np.zeros(blocks.shape[:2], dtype=np.float32)
    if top:
        errors += _squared(blocks[:, :, :OVERLAP] - places[:, None, :OVERLAP])
    if left:
        errors += _squared(blocks[:, :, :, :OVERLAP] - places[:, None, :, :OVERLAP])
    if top or left:
        choice = np.argsort(errors, axis=1, kind="stable")[here, rng.integers(0, BEST, len(here))]
    else:
        choice = rng.integers(0, CANDIDATES, len(here))
    chosen = blocks[here, choice]
    new = np.ones(places.shape[:3], dtype=bool)
    error = ((chosen - places) ** 2).sum(axis=3)
    if left:
        new[:, :, :OVERLAP] &= _beyond_seam(error[:, :, :OVERLAP])
    if top:
        new[:, :OVERLAP] &= _beyond_seam(error[:, :OVERLAP].transpose(0, 2, 1)).transpose(0, 2, 1)
    places[new] = chosen[new]


def _squared(difference: NDArray[np.float32]) -> NDArray[np.float32]:
    flat = difference.reshape(*difference.shape[:2], -1)
    result: NDArray[np.float32] = np.einsum("bci,bci->bc", flat, flat)
    return result


def _beyond_seam(error: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which pixels of overlaps (B, length, width) lie on the new block's side of the cheapest path down the length."""
    count, length, width = error.shape
    total = error.copy()
    for row in range(1, length):
        above = np.pad(total[:, row - 1], ((0, 0), (1, 1)), constant_values=np.inf)
        total[:, row] += np.minimum(np.minimum(above[:, :-2], above[:, 1:-1]), above[:, 2:])
    seam = np.empty((count, length), dtype=np.int64)
    seam[:, -1] = total[:, -1].argmin(axis=1)
    for row in range(length - 2, -1, -1):
        reach = np.abs(np.arange(width) - seam[:, row + 1, None]) <= 1
        seam[:, row] = np.where(reach, total[:, row], np.inf).argmin(axis=1)
    return np.arange(width) >= seam[:, :, None]
