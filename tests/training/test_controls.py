from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from skimage.metrics import peak_signal_noise_ratio
from torch import nn

from isitcap.models.controls import GaussianBlur, JpegRoundTrip
from isitcap.training.controls import QUALITIES, TOLERANCE, build_control, fit_control, measure_psnr

SIZE, CPU = 16, torch.device("cpu")


@pytest.fixture(scope="module")
def pixels() -> torch.Tensor:
    """Smooth noise with some grain, more than one batch of it."""
    noise = np.random.default_rng(3).uniform(0, 255, (520, SIZE, SIZE, 3))
    smooth = gaussian_filter(noise, (0, 2, 2, 0))
    stretched = (smooth - smooth.min()) / (smooth.max() - smooth.min()) * 220 + noise / 10
    return torch.from_numpy(stretched.clip(0, 255).astype(np.uint8))


def test_psnr_is_that_of_all_images_together(pixels: torch.Tensor) -> None:
    """The figure is scikit-image's over the whole set, as the autoencoder's is, whatever the batches."""
    original = pixels.numpy() / 255
    blurred = np.stack([gaussian_filter(image, (0.7, 0.7, 0)) for image in original])
    expected = peak_signal_noise_ratio(original, blurred, data_range=1.0)
    assert measure_psnr(GaussianBlur(0.7, SIZE), pixels, CPU) == pytest.approx(expected, abs=1e-4)


def test_nothing_lost_is_an_infinite_psnr(pixels: torch.Tensor) -> None:
    """The identity has no error to take a logarithm of."""
    assert measure_psnr(nn.Identity(), pixels, CPU) == math.inf


def test_a_known_blur_is_found_again(pixels: torch.Tensor) -> None:
    """Asked for the PSNR of a blur, the fit gives that blur's σ and reaches the PSNR."""
    target = measure_psnr(GaussianBlur(0.83, SIZE), pixels, CPU)
    fit = fit_control("blur", pixels, target, CPU)
    assert fit.parameter == pytest.approx(0.83, rel=1e-3)
    assert abs(fit.psnr - target) <= TOLERANCE
    assert fit.psnr == measure_psnr(build_control("blur", fit.parameter, SIZE), pixels, CPU)
    assert fit.target == target


def test_the_nearest_quality_is_found(pixels: torch.Tensor) -> None:
    """No other quality comes closer to the PSNR asked for."""
    found = np.array([measure_psnr(JpegRoundTrip(quality), pixels[:40], CPU) for quality in range(1, 101)])
    for target in (found[4], found[60] + 0.04, float(np.mean(found[[89, 90]])) - 0.01):
        fit = fit_control("jpeg", pixels[:40], float(target), CPU)
        assert abs(fit.psnr - target) == np.abs(found - target).min()
        assert found[int(fit.parameter) - 1] == fit.psnr


@pytest.mark.parametrize(("target", "end"), [(1.0, 0), (90.0, 1)])
def test_what_cannot_be_reached_ends_at_the_range(pixels: torch.Tensor, target: float, end: int) -> None:
    """An autoencoder worse than any control, or better, gets the nearest there is, and the PSNR tells."""
    jpeg, blur = (fit_control(kind, pixels[:40], target, CPU) for kind in ("jpeg", "blur"))
    assert jpeg.parameter == QUALITIES[end]
    assert abs(jpeg.psnr - target) > 1
    if end == 0:
        assert blur.parameter == SIZE
        assert blur.psnr > target
    else:
        assert blur.psnr == pytest.approx(target, abs=TOLERANCE)


def test_other_preprocessing_is_no_control(pixels: torch.Tensor) -> None:
    """The autoencoder is not fitted to itself."""
    with pytest.raises(ValueError, match="`autoencoder` is no control"):
        build_control("autoencoder", 1.0, SIZE)
    with pytest.raises(ValueError, match="`none` is no control"):
        fit_control("none", pixels, 20.0, CPU)
