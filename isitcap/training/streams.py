"""Independent random streams of a seed, one for each purpose."""

from __future__ import annotations

import zlib
from typing import Literal

import numpy as np
import torch

Purpose = Literal["init", "order", "augment", "autoencoder", "randomise", "mix"]


def stream(seed: int, purpose: Purpose) -> torch.Generator:
    """A torch generator keyed by seed and purpose: `SeedSequence([seed, crc32(purpose)])`.

    Variants of one seed ask for the same streams, hence share initial weights and order, and a purpose that one
    variant does not use leaves the others' untouched.
    """
    words = np.random.SeedSequence([seed, zlib.crc32(purpose.encode())]).generate_state(1, np.uint64)
    generator = torch.Generator()
    generator.manual_seed(int(words[0]) >> 1)  # torch takes the seed as a signed number
    return generator
