"""Salient regions of a saliency map: how many there are, and how much of the map they cover.

A region is an 8-connected set of pixels strictly above Otsu's threshold of its own map (Otsu, IEEE Trans. Syst. Man
Cybern. 9, 1979; scikit-image, 256 bins between the map's least and greatest pixel). Unlike Gini and entropy, both
numbers depend on where the pixels are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from skimage.filters import threshold_otsu
from skimage.measure import label

from analysis.errors import InputError


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
    for position, given in enumerate(array):
        pixels = given.astype(np.float64)
        low, high = pixels.min(), pixels.max()
        # NaN fails every comparison, so these maps are left out, too.
        if not (low >= 0 and high > low and np.isfinite(high)):
            continue
        pixels = (pixels - low) / (high - low)
        salient = pixels > threshold_otsu(pixels)
        number[position] = label(salient, connectivity=2, return_num=True)[1]
        share[position] = salient.mean()
    return number, share
