"""Examples: what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from analysis.errors import InputError
from analysis.reporting import ExampleSet


def arguments(**changed: Any) -> dict[str, Any]:
    good: dict[str, Any] = {
        "test_set": "test",
        "pixels": np.zeros((2, 4, 4, 3), np.uint8),
        "image_ids": ("a", "b"),
        "labels": (0, 1),
        "sources": ("s", "s"),
        "maps": {("baseline", "saliency", "image"): np.full((2, 4, 4), 0.5)},
        "logits": {"baseline": np.zeros(2)},
    }
    return {**good, **changed}


def test_good_examples_are_taken() -> None:
    """Arrays that belong together are accepted."""
    assert ExampleSet(**arguments()).labels == (0, 1)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"pixels": np.zeros((2, 4, 4, 3))}, "expected uint8"),
        ({"pixels": np.zeros((2, 4, 4), np.uint8)}, "expected uint8"),
        ({"labels": (0,)}, "1 labels for 2 images"),
        ({"labels": (0, 2)}, "label 2"),
        ({"image_ids": ("a", "a")}, "occurs twice"),
        ({"maps": {("v", "m", "p"): np.zeros((2, 5, 4))}}, "expected (2, 4, 4)"),
        ({"maps": {("v", "m", "p"): np.full((2, 4, 4), 3.0)}}, "divide each map by its maximum"),
        ({"maps": {("v", "m", "p"): np.full((2, 4, 4), -0.1)}}, "expected 0 … 1"),
        ({"logits": {"v": np.zeros(3)}}, "expected (2,)"),
    ],
)
def test_arrays_that_do_not_belong_together_are_refused(changed: dict[str, Any], message: str) -> None:
    """Each wrong input gets one line that names what is wrong."""
    with pytest.raises(InputError) as caught:
        ExampleSet(**arguments(**changed))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_maps_that_are_not_finite_are_taken() -> None:
    """A map that could not be made is no error: it is shown as excluded."""
    maps = np.full((2, 4, 4), np.nan)
    assert ExampleSet(**arguments(maps={("v", "m", "p"): maps})).maps
