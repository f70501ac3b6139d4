"""A few figures of colour and sharpness, and the radial spectrum, of batches of images."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import fft

FIGURES = (
    "mean_red",
    "mean_green",
    "mean_blue",
    "sd_red",
    "sd_green",
    "sd_blue",
    "saturation",
    "laplacian",
    "high_share",
    "slope",
)
"""Columns of `colour_and_sharpness`: means and standard deviations of the channels (0 … 1); mean HSV saturation
(0 … 1); log10 of the variance of the luma's 4-neighbour Laplacian; share of the luma's energy without its mean above
half the Nyquist frequency (0 … 1); slope of log10 power on log10 frequency."""

_FLOOR = 1e-8  # of power and variance, in squared intensities: below one grey level over the whole image
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601, as JPEG's

Floats = npt.NDArray[np.float32]


def luma(pixels: npt.NDArray[np.uint8]) -> Floats:
    """Luma 0 … 1, (N, H, W), of RGB pixels (N, H, W, 3)."""
    return np.asarray(pixels.astype(np.float32) @ _LUMA / np.float32(255))


def colour_and_sharpness(pixels: npt.NDArray[np.uint8]) -> Floats:
    """The `FIGURES` of each image, (N, 10), of RGB pixels (N, H, W, 3)."""
    values = pixels.astype(np.float32) / np.float32(255)
    grey = luma(pixels)
    highest, lowest = values.max(axis=3), values.min(axis=3)
    saturation = ((highest - lowest) / np.maximum(highest, np.float32(1 / 255))).mean(axis=(1, 2))
    inner = grey[:, 1:-1, 1:-1]
    laplacian = grey[:, :-2, 1:-1] + grey[:, 2:, 1:-1] + grey[:, 1:-1, :-2] + grey[:, 1:-1, 2:] - 4 * inner
    power, radius = _power(grey)
    high = power[:, radius > 0.5].sum(axis=1) / np.maximum(power[:, radius > 0].sum(axis=1), _FLOOR)
    columns = [
        *values.mean(axis=(1, 2)).T,
        *values.std(axis=(1, 2)).T,
        saturation,
        np.log10(laplacian.var(axis=(1, 2)) + _FLOOR),
        high,
        _slope(spectrum(pixels)),
    ]
    return np.stack(columns, axis=1).astype(np.float32)


def spectrum(pixels: npt.NDArray[np.uint8]) -> Floats:
    """Radial log10 power of the luma, (N, bins): mean power at each whole frequency 1 … min(H, W)/2 cycles an image.

    The mean is taken out and a Hann window laid over the image, or its borders would put power at all frequencies.
    """
    grey = luma(pixels)
    height, width = grey.shape[1:]
    window = np.outer(np.hanning(height), np.hanning(width)).astype(np.float32)
    transformed = fft.rfft2((grey - grey.mean(axis=(1, 2), keepdims=True)) * window, axes=(1, 2))
    power = np.square(np.abs(transformed)).reshape(len(grey), -1) / np.float32(height * width)
    return np.asarray(np.log10(power @ _rings(height, width) + _FLOOR), dtype=np.float32)


def _slope(log_power: Floats) -> Floats:
    frequencies = np.log10(np.arange(1, log_power.shape[1] + 1))
    centred = (frequencies - frequencies.mean()).astype(np.float32)
    slopes = (log_power - log_power.mean(axis=1, keepdims=True)) @ centred / np.square(centred).sum()
    return np.asarray(slopes, dtype=np.float32)


def _power(grey: Floats) -> tuple[Floats, Floats]:
    """Power without the mean, (N, K), each frequency once, and its radius as a fraction of Nyquist's, (K,)."""
    height, width = grey.shape[1:]
    transformed = fft.rfft2(grey - grey.mean(axis=(1, 2), keepdims=True), axes=(1, 2))
    doubled, radius = _frequencies(height, width)
    return np.square(np.abs(transformed)).reshape(len(grey), -1) * doubled, radius


@lru_cache(maxsize=8)
def _frequencies(height: int, width: int) -> tuple[Floats, Floats]:
    """How often each entry of a real transform stands for, (K,), and its radius in units of the Nyquist frequency."""
    columns = np.arange(width // 2 + 1)
    # All columns but the first and, for an even width, the last stand for two frequencies each.
    twice = np.where((columns == 0) | (2 * columns == width), 1, 2)
    rows = np.fft.fftfreq(height) * 2
    radius = np.hypot(rows[:, None], columns[None] * 2 / width)
    return np.tile(twice, height).astype(np.float32), radius.ravel().astype(np.float32)


@lru_cache(maxsize=8)
def _rings(height: int, width: int) -> Floats:
    """(K, bins): averages over the entries whose radius rounds to 1, 2, … cycles an image (of the shorter side)."""
    doubled, radius = _frequencies(height, width)
    bins = min(height, width) // 2
    ring = np.rint(radius * min(height, width) / 2).astype(int)
    weights = np.stack([np.where(ring == number, doubled, 0) for number in range(1, bins + 1)], axis=1)
    return np.asarray(weights / np.maximum(weights.sum(axis=0), 1), dtype=np.float32)
