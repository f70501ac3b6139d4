from __future__ import annotations

import math

import pytest

from analysis.ranges import cut_to_range, levels_cut, range_of
from analysis.summary import Estimate


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        ("accuracy", (0.0, 1.0)),
        ("ece", (0.0, 1.0)),
        ("mcc", (-1.0, 1.0)),
        ("log_loss", (0.0, math.inf)),
        ("gini", (0.0, 1.0)),
        ("spread", (0.0, math.sqrt(3))),
        ("similarity", (-1.0, 1.0)),
        ("gini_correct_rank_biserial", (-1.0, 1.0)),
        ("deletion_over_random", (-math.inf, math.inf)),
    ],
)
def test_ranges_are_what_quantities_can_be(quantity: str, expected: tuple[float, float]) -> None:
    """Shares, correlations, losses and measures of maps have their ranges; what is not known has none."""
    assert range_of(quantity) == expected


def test_limits_are_cut_and_hold_the_estimate() -> None:
    """Only what lies beyond the range goes; an estimate a last digit beyond it stays inside; None stays None."""
    assert cut_to_range("accuracy", 0.5, 0.4, 0.6) == (0.4, 0.6)
    assert cut_to_range("accuracy", 0.02, -0.01, 0.05) == (0.0, 0.05)
    assert cut_to_range("auc", 1 + 1e-16 * 4, 0.99, 1.01)[1] == 1 + 1e-16 * 4
    assert cut_to_range("accuracy", 0.5, None, None) == (None, None)
    assert cut_to_range("deletion_over_random", 0.0, -9.0, 9.0) == (-9.0, 9.0)


def test_rows_of_levels_keep_all_but_their_limits() -> None:
    """df, p and variances are those of the uncut interval, and rows within their range are the same objects."""
    labels = {"variant": "both", "test_set": "test", "path": "own", "n_seeds": 3, "n_images": 9}
    wide = Estimate(quantity="recall", estimate=0.99, low=0.97, high=1.01, df=4.0, var_seed=0.1, **labels)
    kept = Estimate(quantity="recall", estimate=0.5, low=0.4, high=0.6, df=4.0, **labels)
    rows = levels_cut([wide, kept])
    assert rows[0] == wide.model_copy(update={"high": 1.0})
    assert rows[1] is kept
