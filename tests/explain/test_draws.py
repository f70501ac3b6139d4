from __future__ import annotations

import numpy as np
import pytest

from isitcap.explain.draws import image_generator


def test_the_same_key_gives_the_same_draws() -> None:
    """Seed, purpose and image id decide the draws, and nothing else."""
    first, second = (image_generator(3, "noise", "a/1.png").random(4) for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.parametrize("other", [(4, "noise", "a/1.png"), (3, "order", "a/1.png"), (3, "noise", "a/2.png")])
def test_another_key_gives_other_draws(other: tuple[int, str, str]) -> None:
    """Each part of the key matters."""
    assert not np.allclose(image_generator(3, "noise", "a/1.png").random(4), image_generator(*other).random(4))


def test_the_global_generator_is_left_alone() -> None:
    """Making a generator and drawing from it does not move NumPy's own."""
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    image_generator(0, "noise", "x").random(100)
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002
