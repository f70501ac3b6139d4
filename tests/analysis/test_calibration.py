from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from sklearn import metrics as reference

from analysis.calibration import binned_error, brier, ece, log_loss, probabilities
from analysis.errors import InputError

Logits = NDArray[np.float64]
Labels = NDArray[np.int64]


def draw(number: int = 0) -> tuple[Logits, Labels]:
    rng = np.random.default_rng(number)
    labels = (rng.random(500) < 0.4).astype(int)
    return rng.normal(size=(4, 500)) * 2 + labels, labels


def test_brier_score_and_log_loss_are_scikit_learns() -> None:
    """Both losses of each seed are scikit-learn's of the probabilities."""
    logits, labels = draw()
    p = 1 / (1 + np.exp(-logits))
    assert brier(logits, labels) == pytest.approx([reference.brier_score_loss(labels, row) for row in p], rel=1e-12)
    assert log_loss(logits, labels) == pytest.approx([reference.log_loss(labels, row) for row in p], rel=1e-12)


def by_histogram(p: Logits, labels: Labels) -> float:
    """Calibration error of one seed from counts and sums of a histogram, bin by bin."""
    edges = np.linspace(0, 1, 16)
    total = 0.0
    for k in range(15):
        inside = (p >= edges[k]) & ((p < edges[k + 1]) if k < 14 else (p <= 1))
        if inside.any():
            total += inside.mean() * abs(p[inside].mean() - labels[inside].mean())
    return total


@pytest.mark.parametrize("number", range(4))
def test_calibration_error_is_that_of_a_histogram(number: int) -> None:
    """The error of each seed is that of a slow count, bin by bin."""
    logits, labels = draw(number)
    p = 1 / (1 + np.exp(-logits))
    assert ece(logits, labels) == pytest.approx([by_histogram(row, labels) for row in p], rel=1e-12)


def test_edges_belong_to_the_bin_above() -> None:
    """Probabilities on an edge count in the bin that begins there, and 1 in the last bin."""
    # 0.6 = 9/15 and 0.62 share a bin, so that one error makes up for the other; 0.59 is in the bin below.
    p = np.array([[0.6, 0.62], [0.59, 0.62], [0.95, 1.0]])
    assert binned_error(p, np.array([True, False])) == pytest.approx([0.11, 0.515, 0.475])


def test_a_perfect_forecast_has_no_calibration_error() -> None:
    """Where the share of synthetic images is the probability given, the error is 0."""
    logits = np.full((1, 10), math.log(0.3 / 0.7))
    assert ece(logits, [1] * 3 + [0] * 7) == pytest.approx([0.0], abs=1e-12)


def test_sure_errors_stay_finite() -> None:
    """Logits of a thousand on the wrong side cost a thousand nats, not infinity."""
    assert log_loss([[1000.0, -1000.0]], [0, 1]).tolist() == [1000.0]
    assert brier([[1000.0, -1000.0]], [0, 1]).tolist() == [1.0]
    assert ece([[1000.0, -1000.0]], [0, 1]).tolist() == [1.0]
    assert log_loss([[1000.0, -1000.0]], [1, 0]).tolist() == [0.0]


def test_float32_logits_are_judged_in_double_precision() -> None:
    """The loss of float32 logits is that of the same numbers in float64."""
    logits, labels = draw()
    single = logits.astype(np.float32)
    assert log_loss(single, labels).tolist() == log_loss(single.astype(np.float64), labels).tolist()
    assert probabilities(single).dtype == np.float64


@pytest.mark.parametrize(("function", "name"), [(brier, "Brier score"), (log_loss, "log loss"), (ece, "ECE")])
def test_one_class_is_refused(function: Callable[[Any, Any], Any], name: str) -> None:
    """A loss over one class would be read as more than it is."""
    with pytest.raises(InputError, match=f"no real images: {name}"):
        function([[1.0, 2.0]], [1, 1])


forecasts = st.integers(2, 12).flatmap(
    lambda n: st.tuples(
        arrays(np.float64, (3, n), elements=st.floats(-30, 30)),
        arrays(np.int64, n, elements=st.integers(0, 1)).filter(lambda labels: 0 < labels.sum() < len(labels)),
    )
)


@given(forecasts)
def test_losses_do_not_know_which_class_is_positive(data: tuple[Logits, Labels]) -> None:
    """Brier score and log loss are the same when the classes change places."""
    logits, labels = data
    assert brier(-logits, 1 - labels) == pytest.approx(brier(logits, labels), rel=1e-9, abs=1e-15)
    assert log_loss(-logits, 1 - labels) == pytest.approx(log_loss(logits, labels), rel=1e-9, abs=1e-15)


@given(forecasts)
def test_bounds(data: tuple[Logits, Labels]) -> None:
    """Brier score and calibration error are fractions, and the error is at least the overall one."""
    logits, labels = data
    p = probabilities(logits)
    error = ece(logits, labels)
    assert ((brier(logits, labels) >= 0) & (brier(logits, labels) <= 1)).all()
    assert (error <= 1 + 1e-12).all()
    assert (error >= np.abs(p.mean(axis=1) - labels.mean()) - 1e-12).all()
