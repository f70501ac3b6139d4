"""Figures of colour and sharpness."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageFilter

from isitcap.data.audit.figures import FIGURES, colour_and_sharpness, luma, spectrum
from isitcap.data.pixels import is_grey

Look = Callable[..., Image.Image]


def figure(pixels: np.ndarray, name: str) -> np.ndarray:
    return colour_and_sharpness(pixels)[:, FIGURES.index(name)]


def test_means_and_deviations_are_those_of_the_channels(picture: Look) -> None:
    """In intensities 0 … 1, channel by channel."""
    pixels = np.stack([np.asarray(picture(seed)) for seed in range(3)])
    expected = pixels.reshape(3, -1, 3) / 255
    found = colour_and_sharpness(pixels)
    assert found[:, :3] == pytest.approx(expected.mean(axis=1), abs=1e-5)
    assert found[:, 3:6] == pytest.approx(expected.std(axis=1), abs=1e-5)


def test_saturation_is_none_for_grey_and_full_for_a_pure_colour() -> None:
    """HSV's saturation, averaged."""
    pixels = np.zeros((2, 32, 32, 3), dtype=np.uint8)
    pixels[0] = 90
    pixels[1, ..., 0] = 200
    assert figure(pixels, "saturation").tolist() == [0.0, 1.0]
    assert is_grey(pixels).tolist() == [True, False]


def test_a_wave_stands_in_its_own_ring() -> None:
    """The radial spectrum of a wave of k cycles an image is largest at k."""
    x = np.arange(32)
    for cycles in (3, 7, 12):
        wave = (127 + 100 * np.sin(2 * np.pi * cycles * x / 32))[None, None, :, None] * np.ones((1, 32, 1, 3))
        assert int(spectrum(wave.astype(np.uint8))[0].argmax()) == cycles - 1


def test_energy_is_split_at_half_the_nyquist_frequency() -> None:
    """Half of the energy lies high when two waves of equal size stand below and above; Parseval's theorem holds."""
    x = np.arange(32)
    waves = 127 + 50 * np.sin(2 * np.pi * 3 * x / 32) + 50 * np.sin(2 * np.pi * 12 * x / 32)
    pixels = np.broadcast_to(waves[None, None, :, None], (1, 32, 32, 3)).round().astype(np.uint8)
    assert figure(pixels, "high_share")[0] == pytest.approx(0.5, abs=0.01)


def test_a_blurred_image_is_smoother_in_every_figure_of_sharpness(picture: Look) -> None:
    """Laplacian, energy at high frequencies and slope fall."""
    image = picture(5)
    pixels = np.stack([np.asarray(image), np.asarray(image.filter(ImageFilter.GaussianBlur(1)))])
    for name in ("laplacian", "high_share", "slope"):
        sharp, smooth = figure(pixels, name)
        assert smooth < sharp, name


def test_flat_and_odd_sized_images_have_finite_figures() -> None:
    """Nothing is NaN for a black image or one of 9 × 13 pixels."""
    assert np.isfinite(colour_and_sharpness(np.zeros((2, 32, 32, 3), dtype=np.uint8))).all()
    rng = np.random.default_rng(0)
    assert np.isfinite(colour_and_sharpness(rng.integers(0, 256, (2, 9, 13, 3), dtype=np.uint8))).all()


def test_luma_is_that_of_jpeg() -> None:
    """Weights of BT.601."""
    assert luma(np.array([[[[255, 0, 0]]]], dtype=np.uint8))[0, 0, 0] == pytest.approx(0.299)
