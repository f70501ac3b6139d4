from __future__ import annotations

import numpy as np
import pytest

from isitcap.data.photographs import TRAINING, patches


@pytest.fixture(scope="module")
def real() -> np.ndarray:
    """Real patches to learn from."""
    return patches(TRAINING, "train", 200, np.random.default_rng(0))[0]
