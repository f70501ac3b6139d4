"""Perceptual hashes and the search for near pairs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from isitcap.data.audit import hashes as module
from isitcap.data.audit.hashes import (
    CORRELATION,
    RADIUS,
    correlations,
    flat,
    hash_input,
    near_pairs,
    perceptual_hashes,
    thumbnails,
)

Look = Callable[..., Image.Image]


@pytest.mark.parametrize(
    ("width", "height", "a", "b", "expected"),
    [
        (64, 48, 3, 5, "f05bf0a50fa50fa4"),
        (32, 32, 1, 7, "d57fd5802b802f8b"),
        (200, 100, 2, 1, "abfe544154c95475"),
    ],
)
def test_the_hash_is_that_of_imagehash(width: int, height: int, a: int, b: int, expected: str) -> None:
    """Bit by bit `str(imagehash.phash(image))`, made with imagehash 4.3.2 and Pillow's LANCZOS."""
    y, x = np.mgrid[:height, :width]
    waves = [127.5 + 127 * np.sin(x * a / 20 + y * b / 31 + channel) for channel in range(3)]
    image = Image.fromarray(np.stack(waves, axis=2).astype(np.uint8))
    assert f"{int(perceptual_hashes(hash_input(image)[None])[0]):016x}" == expected


def test_a_copy_that_was_resized_and_saved_again_is_near(picture: Look) -> None:
    """The hash hardly moves and the thumbnails correlate."""
    image = picture(1, size=96)
    other = image.resize((64, 64), Image.Resampling.BILINEAR)
    grey = np.stack([hash_input(image), hash_input(other)])
    first, second = perceptual_hashes(grey)
    assert int(first ^ second).bit_count() <= RADIUS
    assert correlations(thumbnails(grey), np.array([0]), np.array([1]))[0] >= CORRELATION


def test_the_search_finds_what_comparing_all_pairs_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each pair once, none missing and none beyond the radius, also when buckets are compared in small blocks."""
    rng = np.random.default_rng(3)
    n = 600
    hashes = rng.integers(0, 2**64, n, dtype=np.uint64)
    images = rng.integers(0, 256, (n, 256), dtype=np.uint8)
    for _ in range(150):
        one, two = rng.choice(n, 2, replace=False)
        hashes[two], images[two] = hashes[one], images[one]
        for bit in rng.choice(64, int(rng.integers(0, RADIUS + 3)), replace=False):
            hashes[two] ^= np.uint64(1) << np.uint64(bit)
    one, two = np.triu_indices(n, 1)
    near = np.bitwise_count(hashes[one] ^ hashes[two]) <= RADIUS
    near[near] = correlations(images, one[near], two[near]) >= CORRELATION
    expected = sorted(zip(one[near].tolist(), two[near].tolist(), strict=True))
    assert len(expected) > 50
    for block in (module._BLOCK, 7):
        monkeypatch.setattr(module, "_BLOCK", block)
        found = sorted((int(a), int(b)) for x, y in near_pairs(hashes, images) for a, b in zip(x, y, strict=True))
        assert found == expected


def test_equal_hashes_of_unlike_images_are_no_pair() -> None:
    """The thumbnails decide."""
    images = np.random.default_rng(4).integers(0, 256, (2, 256), dtype=np.uint8)
    assert not list(near_pairs(np.zeros(2, dtype=np.uint64), images))


def test_flat_images_are_left_out() -> None:
    """An image without contrast has no pairs, whatever its hash."""
    images = np.full((3, 256), 120, dtype=np.uint8)
    images[2, :128] = 20
    assert flat(images).tolist() == [True, True, False]
    assert not list(near_pairs(np.zeros(3, dtype=np.uint64), images))


def test_no_images_have_no_pairs() -> None:
    """An empty set is searched without complaint."""
    assert not list(near_pairs(np.empty(0, dtype=np.uint64), np.empty((0, 256), dtype=np.uint8)))
