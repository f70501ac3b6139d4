"""Fitting the controls: how strong a blur or a JPEG must be to lose as much of an image as an autoencoder does."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from isitcap.models.controls import GaussianBlur, JpegRoundTrip
from isitcap.models.preprocessing import to_float
from isitcap.models.variants import Preprocess

BATCH = 512
"""Images at a time."""

SIGMA = 0.05
"""The weakest blur in pixels: none at all to float32."""

TOLERANCE = 1e-3
"""A blur's PSNR may miss the one asked for by this many dB."""

QUALITIES = (1, 100)
"""The worst and the best quality of a JPEG (Pillow's scale)."""

PARAMETERS: dict[str, str] = {"blur": "sigma", "jpeg": "quality"}
"""What is fitted: standard deviation in pixels, or Pillow's quality."""


@dataclass(frozen=True)
class Fit:
    """A control's parameter and the PSNR (dB) that it reaches where `target` was asked for."""

    parameter: float
    psnr: float
    target: float


def build_control(kind: Preprocess, parameter: float, size: int) -> nn.Module:
    """The module of a control for `size` × `size` images.

    Raises:
        ValueError: `kind` is no control.
    """
    if kind == "blur":
        return GaussianBlur(parameter, size)
    if kind == "jpeg":
        return JpegRoundTrip(int(parameter))
    raise ValueError(f"`{kind}` is no control")


def fit_control(kind: Preprocess, pixels: torch.Tensor, target: float, device: torch.device) -> Fit:
    """Find the parameter whose PSNR over all images together is closest to `target`.

    The blur's σ by bisection to within `TOLERANCE`, JPEG's quality among all of them by bisection (PSNR rises with
    it) and the better of the last two. Where even the strongest control keeps more than the autoencoder, or the
    weakest less, the end of the range is what there is; `Fit.psnr` tells.

    Args:
        kind: `blur` or `jpeg`.
        pixels: uint8 (N, H, W, 3), the validation images.
        target: PSNR in dB.
        device: what to compute on.

    Raises:
        ValueError: `kind` is no control.
    """
    size = pixels.shape[1]

    def psnr(parameter: float) -> float:
        return measure_psnr(build_control(kind, parameter, size).to(device), pixels, device)

    if kind == "blur":
        return _fit_sigma(psnr, target, float(size))
    return _fit_quality(psnr, target)


@torch.no_grad()
def measure_psnr(module: nn.Module, pixels: torch.Tensor, device: torch.device) -> float:
    """PSNR in dB over all images together, for intensities in [0, 1]; infinite where nothing is lost."""
    total = 0.0
    for part in pixels.split(BATCH):
        images = to_float(part.to(device))
        total += float((module(images).clamp(0, 1) - images).double().square().sum())
    return -10 * math.log10(total / pixels.numel()) if total > 0 else math.inf


def _fit_sigma(psnr: Callable[[float], float], target: float, largest: float) -> Fit:
    low, high = SIGMA, largest
    for end, beyond in ((low, psnr(low) <= target), (high, psnr(high) >= target)):
        if beyond:
            return Fit(end, psnr(end), target)
    while True:
        sigma = math.sqrt(low * high)
        found = psnr(sigma)
        if abs(found - target) <= TOLERANCE or high - low < 1e-6:
            return Fit(sigma, found, target)
        low, high = (sigma, high) if found > target else (low, sigma)


def _fit_quality(psnr: Callable[[float], float], target: float) -> Fit:
    low, high = QUALITIES
    found = {quality: psnr(quality) for quality in QUALITIES}
    while high - low > 1:
        quality = (low + high) // 2
        found[quality] = psnr(quality)
        low, high = (quality, high) if found[quality] < target else (low, quality)
    best = min((low, high), key=lambda quality: abs(found[quality] - target))
    return Fit(best, found[best], target)
