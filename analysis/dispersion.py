"""How dispersed a saliency map is.

Maps have shape (M, H, W) and are non-negative: |attribution|, reduced over channels. All measures are computed in
float64 on the n = H·W pixels of each map and do not change when a map is multiplied by a positive number: nothing is
added to any denominator. A map that is not finite, has a negative pixel or is all zero has no dispersion: its value
is NaN. Gini, entropy, effective share, A90 and Hoyer ignore where the pixels are; `spread` does not.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from analysis.errors import InputError

MEASURES = ("gini", "entropy", "effective_share", "a90", "hoyer", "spread")
"""The measures of `measure`, in order."""

HIGH_IS_CONCENTRATED = frozenset({"gini", "hoyer"})
"""The measures that fall when a map becomes more dispersed; the others rise."""

NOT_FINITE = "not finite"
NEGATIVE = "negative"
ALL_ZERO = "all zero"

_BLOCK = 1 << 17  # pixels worked on at once: 1 MiB in float64, so that they stay in the processor's cache

_THREADS = min(4, os.cpu_count() or 1)

_NARROW = (np.dtype(np.float16), np.dtype(np.float32))
"""Types whose numbers float32 holds."""

_Block = NDArray[np.float64]


def gini(maps: ArrayLike) -> NDArray[np.float64]:
    """Gini index of each map (M,): Σ_k (2k - n - 1) a_(k) / (n Σ a), pixels sorted upwards.

    From 0 (uniform) to (n - 1)/n (one pixel); high is concentrated.

    Raises:
        InputError: `maps` is not (M, H, W) of real numbers, or has fewer than two pixels.

    >>> gini([[[1.0, 1.0], [1.0, 1.0]], [[0.0, 0.0], [0.0, 5.0]], [[0.0, 0.0], [0.0, 0.0]]]).tolist()
    [0.0, 0.75, nan]
    """
    return _each_map(maps, _gini, ordered=True)


def entropy(maps: ArrayLike) -> NDArray[np.float64]:
    """Shannon entropy of each map's shares q = a/Σa, over that of the uniform map (M,): -Σ q ln q / ln n.

    From 0 (one pixel) to 1 (uniform); high is dispersed.

    Raises:
        InputError: as `gini`.

    >>> entropy([[[1.0, 1.0], [1.0, 1.0]], [[0.0, 0.0], [0.0, 5.0]], [[2.0, 2.0], [0.0, 0.0]]]).tolist()
    [1.0, 0.0, 0.5]
    """
    return _each_map(maps, lambda block: _entropy(_nats(block), _pixels(block)))


def effective_share(maps: ArrayLike) -> NDArray[np.float64]:
    """Effective number of pixels as a share of all (M,): exp(-Σ q ln q) / n.

    From 1/n (one pixel) to 1 (uniform); high is dispersed.

    Raises:
        InputError: as `gini`.

    >>> effective_share([[[2.0, 2.0], [0.0, 0.0]]]).round(12).tolist()
    [0.5]
    """
    return _each_map(maps, lambda block: _effective_share(_nats(block), _pixels(block)))


def a90(maps: ArrayLike) -> NDArray[np.float64]:
    """Smallest share of pixels that holds 90 % of the map's sum (M,).

    From 1/n (one pixel) to ⌈.9 n⌉/n (uniform); high is dispersed. A cumulated sum of .9 Σa (1 - 1e-12) counts as
    90 %, since sums round.

    Raises:
        InputError: as `gini`.

    >>> a90([[[9.0, 1.0], [0.0, 0.0]], [[1.0, 1.0], [1.0, 1.0]]]).tolist()
    [0.25, 1.0]
    """
    return _each_map(maps, _a90, ordered=True)


def hoyer(maps: ArrayLike) -> NDArray[np.float64]:
    """Hoyer's sparseness of each map (M,): (√n - Σa/√Σa²) / (√n - 1) (Hoyer, JMLR 5, 2004).

    From 0 (uniform) to 1 (one pixel); high is concentrated.

    Raises:
        InputError: as `gini`.

    >>> hoyer([[[0.0, 0.0], [0.0, 3.0]], [[1.0, 1.0], [1.0, 1.0]]]).tolist()
    [1.0, 0.0]
    """
    return _each_map(maps, _hoyer)


def spread(maps: ArrayLike) -> NDArray[np.float64]:
    """Root mean square distance from the map's centre, over that of the uniform map (M,).

    √Σ q‖x - x̄‖² with x̄ = Σ q x, x the pixel's position. From 0 (one pixel) to √(3(h-1)/(h+1)) for h × h (two
    opposite corners); 1 is the uniform map; high is dispersed.

    Raises:
        InputError: as `gini`.

    >>> spread([[[1.0, 1.0], [1.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]], [[0.0, 0.0], [0.0, 1.0]]]).tolist()
    [1.0, 1.0, 0.0]
    """
    return _each_map(maps, _spread)


def measure(maps: ArrayLike) -> pd.DataFrame:
    """All measures of each map: one row per map, columns `MEASURES` (NaN where excluded) and `excluded`.

    `excluded` is None or the first of 'not finite', 'negative', 'all zero' that holds.

    Raises:
        InputError: as `gini`.

    >>> measure([[[0.0, 1.0], [1.0, 0.0]], [[0.0, -1.0], [1.0, 0.0]]])[["gini", "entropy", "excluded"]]
       gini  entropy  excluded
    0   0.5      0.5      None
    1   NaN      NaN  negative
    """
    array = _checked(maps)
    values = np.full((len(array), len(MEASURES)), np.nan)
    excluded = np.full(len(array), None, dtype=object)

    def fill(rows: slice) -> None:
        block, kept, high, excluded[rows] = _prepared(array[rows])
        ordered = _ordered(array[rows], block, kept, high)
        nats, n = _nats(block), _pixels(block)
        columns = (
            _gini(ordered),
            _entropy(nats, n),
            _effective_share(nats, n),
            _a90(ordered),
            _hoyer(block),
            _spread(block),
        )
        values[rows.start + kept] = np.column_stack(columns)

    _for_each_block(array, fill)
    frame = pd.DataFrame(values, columns=list(MEASURES))
    frame["excluded"] = pd.Series(excluded, dtype=object)
    return frame


def _checked(maps: ArrayLike) -> NDArray[np.generic]:
    array = np.asarray(maps)
    if array.ndim != 3 or array.shape[1] * array.shape[2] < 2:
        raise InputError(f"maps of shape {array.shape}: need (maps, height, width) with two pixels or more")
    if array.dtype.kind not in "buif":
        raise InputError(f"maps of type {array.dtype}: need real numbers")
    return array


def _for_each_block(array: NDArray[np.generic], fill: Callable[[slice], None]) -> None:
    """Call `fill` with the rows of each block of maps, on all cores.

    Every map is measured alone, so that values depend on neither blocks nor threads; NumPy lets go of the
    interpreter's lock while it sorts and sums.
    """
    step = max(1, _BLOCK // (array.shape[1] * array.shape[2]))
    blocks = [slice(start, min(start + step, len(array))) for start in range(0, len(array), step)]
    if len(blocks) < 2:
        for rows in blocks:
            fill(rows)
        return
    with ThreadPoolExecutor(min(_THREADS, len(blocks))) as pool:
        list(pool.map(fill, blocks))


def _prepared(maps: NDArray[np.generic]) -> tuple[_Block, NDArray[np.intp], NDArray[np.float64], NDArray[np.object_]]:
    """The maps that can be measured, over their maxima, float64; positions; maxima; for all maps None or why not."""
    block = maps.astype(np.float64)
    reasons = np.full(len(block), None, dtype=object)
    finite = np.isfinite(block).all(axis=(1, 2))
    low, high = block.min(axis=(1, 2)), block.max(axis=(1, 2))
    reasons[high == 0] = ALL_ZERO
    reasons[low < 0] = NEGATIVE
    reasons[~finite] = NOT_FINITE
    kept = np.flatnonzero(finite & (low >= 0) & (high > 0))
    # Over the maximum, so that sums and squares of huge or tiny maps neither overflow nor vanish.
    return block[kept] / high[kept][:, None, None], kept, high[kept], reasons


def _each_map(
    maps: ArrayLike, function: Callable[[_Block], NDArray[np.float64]], *, ordered: bool = False
) -> NDArray[np.float64]:
    """`function` of each block of maps (m, H, W), or where it wants them `ordered`, of their sorted pixels (m, n)."""
    array = _checked(maps)
    result = np.full(len(array), np.nan)

    def fill(rows: slice) -> None:
        block, kept, high, _ = _prepared(array[rows])
        result[rows.start + kept] = function(_ordered(array[rows], block, kept, high) if ordered else block)

    _for_each_block(array, fill)
    return result


def _floats(values: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(values, dtype=np.float64)


def _flat(block: _Block) -> _Block:
    """Pixels in one row per map, (m, n); -1 would not do where m is 0."""
    return block.reshape(len(block), _pixels(block))


def _pixels(block: NDArray[np.floating]) -> int:
    return int(block.shape[1] * block.shape[2])


def _ordered(maps: NDArray[np.generic], block: _Block, kept: NDArray[np.intp], high: NDArray[np.float64]) -> _Block:
    """Pixels of the maps that are kept, over their maxima and sorted upwards, (m, n)."""
    if maps.dtype in _NARROW:  # sorted before they are widened, which is as good and faster
        return _sorted(maps[kept].astype(np.float32)) / high[:, None]
    return _sorted(block)


def _sorted(block: NDArray[np.floating]) -> _Block:
    """Pixels sorted upwards, (m, n)."""
    return _floats(np.sort(block.reshape(len(block), _pixels(block)), axis=1))


def _gini(ordered: _Block) -> NDArray[np.float64]:
    n = ordered.shape[1]
    weights = 2.0 * np.arange(1, n + 1) - n - 1
    return _floats(np.clip((ordered * weights).sum(axis=1) / (n * ordered.sum(axis=1)), 0.0, (n - 1) / n))


def _nats(block: _Block) -> NDArray[np.float64]:
    """Shannon entropy in nats; 0 ln 0 = 0."""
    shares = _flat(block)
    shares = shares / shares.sum(axis=1, keepdims=True)
    logs = np.log(shares, where=shares > 0, out=np.zeros_like(shares))
    # abs: a single pixel's entropy is 0, not -0.
    return _floats(np.abs((shares * logs).sum(axis=1)))


def _entropy(nats: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    return _floats(np.clip(nats / np.log(n), 0.0, 1.0))


def _effective_share(nats: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    return _floats(np.clip(np.exp(nats) / n, 1 / n, 1.0))


def _a90(ordered: _Block) -> NDArray[np.float64]:
    held = np.cumsum(ordered[:, ::-1], axis=1)
    enough = held >= 0.9 * held[:, -1:] * (1 - 1e-12)
    return _floats((np.argmax(enough, axis=1) + 1) / ordered.shape[1])


def _hoyer(block: _Block) -> NDArray[np.float64]:
    flat = _flat(block)
    root = np.sqrt(flat.shape[1])
    ratio = flat.sum(axis=1) / np.sqrt(np.square(flat).sum(axis=1))
    return _floats(np.clip((root - ratio) / (root - 1), 0.0, 1.0))


def _spread(block: _Block) -> NDArray[np.float64]:
    height, width = block.shape[1:]
    variance = np.zeros(len(block))
    for marginal in (block.sum(axis=2), block.sum(axis=1)):
        shares = marginal / marginal.sum(axis=1, keepdims=True)
        place = np.arange(shares.shape[1], dtype=np.float64)
        centre = (shares * place).sum(axis=1)
        variance += (shares * np.square(place - centre[:, None])).sum(axis=1)
    return _floats(np.sqrt(variance / ((height**2 - 1 + width**2 - 1) / 12)))
