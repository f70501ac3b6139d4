"""The generator `dead_leaves`."""

from __future__ import annotations

import numpy as np

from isitcap.data.generators import dead_leaves


def test_one_colour_gives_one_colour() -> None:
    """From grey patches come grey images: no hue is invented."""
    grey = np.full((3, 32, 32, 3), 128, dtype=np.uint8)
    images = dead_leaves.generate(grey, 20, np.random.default_rng(2)).astype(float)
    assert np.abs(images - 128).mean() < 12
    assert np.abs(images[..., 0] - images[..., 2]).mean() < 4
