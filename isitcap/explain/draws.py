"""Randomness of one image: keyed by the study's seed, a purpose and the image's id.

So a map depends neither on the batch its image came in nor on the variant, the seed or the device, and nothing draws
from a global generator.
"""

from __future__ import annotations

import hashlib

import numpy as np


def image_generator(seed: int, purpose: str, image_id: str) -> np.random.Generator:
    """A generator of its own for every seed, purpose and image id."""
    words = hashlib.blake2b(f"{seed}:{purpose}:{image_id}".encode(), digest_size=16).digest()
    return np.random.default_rng(np.frombuffer(words, dtype="<u4"))
