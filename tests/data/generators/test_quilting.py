"""The generator `quilting`."""

from __future__ import annotations

import numpy as np
import pytest

from isitcap.data.generators import quilting
from isitcap.data.photographs import TRAINING, patches


@pytest.fixture(scope="module")
def real() -> np.ndarray:
    """Real patches to learn from."""
    return patches(TRAINING, "train", 200, np.random.default_rng(0))[0]


def test_images_have_the_patches_size_and_are_no_patches(real: np.ndarray) -> None:
    """Twelve uint8 images of 32 px, none of them flat, none a copy of a patch or of each other."""
    images = quilting.generate(real, 12, np.random.default_rng(1))
    assert (images.shape, images.dtype) == ((12, 32, 32, 3), np.uint8)
    assert images.std(axis=(1, 2, 3)).min() > 1
    everything = np.concatenate([real, images]).reshape(212, -1)
    assert len(np.unique(everything, axis=0)) == len(np.unique(real.reshape(200, -1), axis=0)) + 12


def test_equal_generators_give_equal_images(real: np.ndarray) -> None:
    """The generator alone decides; the patches are left as they were."""
    before = real.copy()
    first, again, other = (quilting.generate(real, 5, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.array_equal(real, before)


def test_colours_are_those_of_the_patches(real: np.ndarray) -> None:
    """Over many images the mean colour is near that of the patches."""
    images = quilting.generate(real, 150, np.random.default_rng(3))
    assert np.abs(images.mean(axis=(0, 1, 2)) - real.mean(axis=(0, 1, 2))).max() < 25


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
