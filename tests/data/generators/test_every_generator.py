"""What all generators of the demo have in common."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from isitcap.data.generators import dead_leaves, latent, quilting

pytestmark = pytest.mark.parametrize("generator", [dead_leaves, latent, quilting])


def test_images_have_the_patches_size_and_are_no_patches(generator: ModuleType, real: np.ndarray) -> None:
    """Twelve uint8 images of 32 px, none of them flat, none a copy of a patch or of each other."""
    images = generator.generate(real, 12, np.random.default_rng(1))
    assert (images.shape, images.dtype) == ((12, 32, 32, 3), np.uint8)
    assert images.std(axis=(1, 2, 3)).min() > 1
    everything = np.concatenate([real, images]).reshape(212, -1)
    assert len(np.unique(everything, axis=0)) == len(np.unique(real.reshape(200, -1), axis=0)) + 12


def test_equal_generators_give_equal_images(generator: ModuleType, real: np.ndarray) -> None:
    """The generator alone decides; the patches are left as they were."""
    before = real.copy()
    first, again, other = (generator.generate(real, 5, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.array_equal(real, before)


def test_colours_are_those_of_the_patches(generator: ModuleType, real: np.ndarray) -> None:
    """Over many images the mean colour is near that of the patches."""
    images = generator.generate(real, 150, np.random.default_rng(3))
    assert np.abs(images.mean(axis=(0, 1, 2)) - real.mean(axis=(0, 1, 2))).max() < 25
