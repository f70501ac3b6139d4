"""Finding control rows: orders of pipelines and levels."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from control_study import HOME, make

from analysis.build import build_summary
from analysis.reporting.lookup import Lookup
from analysis.reporting.shift_lookup import Shift, kernels_of, pipeline_label
from analysis.summary import ControlCard


@pytest.fixture(scope="module")
def shift() -> Shift:
    return Shift(Lookup(build_summary(**make(np.random.default_rng(0)))))


def test_pipelines_come_in_a_fixed_order(shift: Shift) -> None:
    """Re-encoded first, kernels from one pixel to many, whatever the order recorded."""
    cards = shift.pipelines(HOME)
    assert [pipeline_label(card) for card in cards] == ["box,\u00a0JPEG", "bilinear,\u00a0JPEG", "nearest"]
    assert kernels_of(cards) == ("nearest", "box", "bilinear")


@pytest.mark.parametrize(
    ("corruption", "levels", "expected"),
    [
        ("jpeg", (10, 90, 50), ["none", "90", "50", "10"]),
        ("blur", (2.0, 0.5), ["none", "0.5", "2"]),
        ("crop", (0.5, 0.9), ["none", "0.9", "0.5"]),
        ("brightness", (1.5, 0.5), ["0.5", "none", "1.5"]),
    ],
)
def test_levels_rise_from_none(shift: Shift, corruption: str, levels: tuple[float, ...], expected: list[str]) -> None:
    """A curve runs from the uncorrupted images to the strongest level; of brightness, through them."""
    cards = tuple(
        ControlCard(
            name=f"test~{corruption}-{level:g}", base="test", kind="corruption", corruption=corruption, level=level
        )
        for level in levels
    )
    summary = shift.lookup.summary.model_copy(update={"control_sets": cards})
    points = Shift(Lookup(summary)).levels("test", corruption)
    assert [label for label, _ in points] == expected
    assert dict(points)["none"] == "test~none"


def test_rows_are_found_by_what_they_are(shift: Shift) -> None:
    """A metric, a part and each kind of difference; what is not there is None."""
    metric = shift.metric("recall", "baseline", "far@nearest", "new")
    assert metric is not None
    assert metric.source == "new"
    part = shift.part("pipeline", "recall", "baseline", "far@nearest")
    assert part is not None
    assert part.versus is None
    fall = shift.contrast("balanced_accuracy", "autoencoder", "test~jpeg", versus="baseline", base="test")
    assert fall is not None
    assert (fall.versus, fall.versus_test_set) == ("baseline", "test")
    assert shift.part("pipeline", "recall", "baseline", HOME) is None
    assert [card.name for card in shift.bases("corruption")] == ["test", HOME]
    assert shift.corruptions("test") == ("jpeg", "blur")
