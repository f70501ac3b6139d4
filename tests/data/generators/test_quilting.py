"""The generator `quilting`."""

from __future__ import annotations

import numpy as np
import pytest

from isitcap.data.generators import quilting


def test_a_quilt_is_made_of_the_patches_pixels(real: np.ndarray) -> None:
    """Blocks are joined, not blended: every pixel's colour occurs in a patch."""
    known = {tuple(colour) for colour in real.reshape(-1, 3).tolist()}
    images = quilting.generate(real, 4, np.random.default_rng(2))
    assert {tuple(colour) for colour in images.reshape(-1, 3).tolist()} <= known


def test_the_seam_follows_the_least_error() -> None:
    """Of an overlap with one cheap path, exactly that path is the border."""
    error = np.ones((1, 6, 4), dtype=np.float32)
    path = [1, 2, 2, 1, 0, 1]
    error[0, range(6), path] = 0
    assert (quilting._beyond_seam(error)[0].argmax(axis=1) == path).all()


@pytest.mark.parametrize("size", [12, 20, 31, 40])
def test_any_size_is_covered(size: int) -> None:
    """Patches of other sizes give quilts of that size, filled to the edge."""
    patches_of_size = np.random.default_rng(0).integers(100, 200, (10, size, size, 3), dtype=np.uint8)
    images = quilting.generate(patches_of_size, 3, np.random.default_rng(1))
    assert images.shape == (3, size, size, 3)
    assert images.min() >= 100
