"""The generator `latent`."""

from __future__ import annotations

import numpy as np

from isitcap.data.generators import latent


def test_the_decoder_leaves_a_checkerboard(real: np.ndarray) -> None:
    """Uneven overlap of the transposed convolution: power at half the sampling rate, which photographs lack."""

    def at_nyquist(images: np.ndarray) -> float:
        grey = images.mean(axis=3)
        power = np.abs(np.fft.fft2(grey - grey.mean(axis=(1, 2), keepdims=True))) ** 2
        return float(np.median((power[:, 16, 0] + power[:, 0, 16]) / power.mean(axis=(1, 2))))

    assert at_nyquist(latent.generate(real, 100, np.random.default_rng(2))) > 10 * at_nyquist(real)
