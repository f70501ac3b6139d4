"""Salient regions of a saliency map: how many there are, and how much of the map they cover.

A region is an 8-connected set of pixels strictly above Otsu's threshold of its own map (Otsu, IEEE Trans. Syst. Man
Cybern. 9, 1979; 256 bins between the map's least and greatest pixel). Unlike Gini and entropy, both numbers depend on
where the pixels are. They are those of scikit-image, which takes one map at a time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from analysis.errors import InputError

_BINS = 256
_BLOCK = 1 << 17  # pixels worked on at once: 1 MiB in float64, so that they stay in the processor's cache

_Pixels = NDArray[np.float64]


def salient_regions(maps: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Number of salient regions (M,), 1 or more, and the share of pixels in them (M,), between 0 and 1.

    Maps are (M, H, W), non-negative; each is brought to 0 … 1 first, so that its unit does not matter. A map that is
    not finite, has a negative pixel, or is constant (all zero among them) has no threshold: both are NaN.

    Raises:
        InputError: `maps` is not (M, H, W) of real numbers, or has fewer than two pixels.

    >>> number, share = salient_regions([[[9, 0, 0], [0, 8, 0], [0, 0, 0], [0, 0, 9]], [[1, 1, 1]] * 4])
    >>> number.tolist(), share.tolist()
    ([2.0, nan], [0.25, nan])
    """
    array = np.asarray(maps)
    if array.ndim != 3 or array.shape[1] * array.shape[2] < 2:
        raise InputError(f"maps of shape {array.shape}: need (maps, height, width) with two pixels or more")
    if array.dtype.kind not in "buif":
        raise InputError(f"maps of type {array.dtype}: need real numbers")
    number = np.full(len(array), np.nan)
    share = np.full(len(array), np.nan)
    step = max(1, _BLOCK // (array.shape[1] * array.shape[2]))
    for start in range(0, len(array), step):
        pixels = array[start : start + step].astype(np.float64)
        low, high = pixels.min(axis=(1, 2)), pixels.max(axis=(1, 2))
        # NaN fails every comparison, so these maps are left out, too.
        kept = np.flatnonzero((low >= 0) & (high > low) & np.isfinite(high))
        if len(kept) == 0:
            continue
        low, high = low[kept, None, None], high[kept, None, None]
        units = (pixels[kept] - low) / (high - low)
        salient = units > _otsu(units)[:, None, None]
        number[start + kept] = _count(salient)
        share[start + kept] = salient.mean(axis=(1, 2))
    return number, share


def _otsu(units: _Pixels) -> _Pixels:
    """Otsu's threshold (m,) of maps that reach from 0 to 1: to the bit that of scikit-image 0.26."""
    count = len(units)
    # 256 is a power of two, so that no pixel changes its bin by rounding
    bins = np.minimum((units * _BINS).astype(np.int64), _BINS - 1).reshape(count, -1)
    bins += np.arange(count)[:, None] * _BINS
    counts = np.bincount(bins.ravel(), minlength=count * _BINS).reshape(count, _BINS).astype(np.float32)
    centres = (np.arange(_BINS) + 0.5) / _BINS
    moments = counts * centres
    below, above = np.cumsum(counts, axis=1), np.cumsum(counts[:, ::-1], axis=1)[:, ::-1]
    # the first and the last bin hold a pixel each, so that no class is empty
    mean_below = np.cumsum(moments, axis=1) / below
    mean_above = np.cumsum(moments[:, ::-1], axis=1)[:, ::-1] / above
    between = below[:, :-1] * above[:, 1:] * (mean_below[:, :-1] - mean_above[:, 1:]) ** 2
    return np.asarray(centres[np.argmax(between, axis=1)])


def _count(salient: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Number of 8-connected regions of each map (m,): all maps are labelled at once, unconnected to each other."""
    neighbours = np.zeros((3, 3, 3), dtype=bool)
    neighbours[1] = True
    labels, total = ndimage.label(salient, neighbours)
    owner = np.zeros(total + 1, dtype=np.int64)
    where = np.nonzero(salient)
    owner[labels[where]] = where[0]
    return np.bincount(owner[1:], minlength=len(salient))
