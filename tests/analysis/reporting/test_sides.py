from __future__ import annotations

from collections.abc import Callable

import pytest

from analysis.reporting.sides import decide_side
from analysis.summary import Contrast, Estimate

WHERE = ("test", None, "own")


@pytest.mark.parametrize(
    ("low", "high", "side"),
    [
        (0.001, 0.02, "above"),
        (-0.02, -0.001, "below"),
        (-0.01, 0.01, "open"),
        (0.0, 0.02, "open"),
        (-0.02, 0.0, "open"),
        (None, None, "undefined"),
    ],
)
def test_without_a_family_the_side_is_decided_by_the_interval(
    estimate_row: Callable[..., Estimate], low: float | None, high: float | None, side: str
) -> None:
    """An interval that touches zero includes it; one that is missing decides nothing."""
    row = estimate_row("accuracy", "both", WHERE, 0.005, None, 10, versus="baseline")
    centre = None if low is None or high is None else (low + high) / 2
    assert decide_side(row.model_copy(update={"estimate": centre, "low": low, "high": high}), 0.05) == side


@pytest.mark.parametrize(
    ("p", "alpha", "side"), [(0.04, 0.05, "below"), (0.071, 0.05, "open"), (0.05, 0.05, "open"), (0.071, 0.1, "below")]
)
def test_side_is_decided_by_the_adjusted_p(p: float, alpha: float, side: str) -> None:
    """An interval that leaves zero out decides nothing where p after Holm's correction is not below the level."""
    row = Contrast(
        quantity="accuracy", variant="both", versus="baseline", test_set="test", path="own", estimate=-0.0105,
        low=-0.0208, high=-0.0002, p=0.048, p_holm=p, family="pairs", n_seeds=3, n_images=9,
    )  # fmt: skip
    assert decide_side(row, alpha) == side


def test_absent_and_undefined_estimates_decide_nothing(estimate_row: Callable[..., Estimate]) -> None:
    """No row and no estimate are both undefined."""
    assert decide_side(None, 0.05) == "undefined"
    assert decide_side(estimate_row("accuracy", "both", WHERE, None, None, 10, versus="baseline"), 0.05) == "undefined"
