from __future__ import annotations

import math

import numpy as np
import pytest

from analysis.errors import InputError
from analysis.quantities import (
    BASIC_QUANTITIES,
    LOWER_IS_BETTER,
    NEEDS_ORDER,
    NOT_SMOOTH,
    QUANTITIES,
    VALIDATED,
    Quantity,
    checked,
    column,
    name_of,
    undefined_reason,
)


def test_every_list_names_quantities_once() -> None:
    """No list of metrics names one that does not exist, or one twice."""
    assert len(set(QUANTITIES)) == len(QUANTITIES) == 16
    for names in (BASIC_QUANTITIES, LOWER_IS_BETTER, NEEDS_ORDER, NOT_SMOOTH, VALIDATED, VALIDATED.values()):
        assert set(names) <= set(QUANTITIES)
    assert BASIC_QUANTITIES == ("accuracy", "balanced_accuracy", "recall", "specificity", "auc")


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_one_class_leaves_metrics_undefined(quantity: Quantity) -> None:
    """Of one class there is its own rate alone; everything else has a reason that names the missing class."""
    for labels, own, missing in (([1, 1], "recall", "real"), ([0, 0], "specificity", "synthetic")):
        expected = None if quantity == own else f"no {missing} images: {name_of(quantity)} is not defined"
        assert undefined_reason(quantity, labels) == expected
    assert undefined_reason(quantity, [0, 1]) is None
    assert undefined_reason(quantity, []) is not None


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_constant_logits_have_no_order(quantity: Quantity) -> None:
    """Where one seed gives all images the same logit, AUC, average precision and EER are not defined."""
    reason = undefined_reason(quantity, [0, 1, 1], [[1.0, 2.0, 3.0], [0.25, 0.25, 0.25]], threshold=[1.5, 0.25])
    if quantity in {"auc", "average_precision", "eer"}:
        assert reason == f"constant predictions: {name_of(quantity)} is not defined"
    elif quantity in {"precision", "mcc"}:
        assert reason == f"nothing called synthetic: {name_of(quantity)} is not defined"
    else:
        assert reason is None


def test_mcc_needs_both_decisions() -> None:
    """Where a seed calls everything synthetic, its MCC divides by 0; its precision does not."""
    logits = [[1.0, -1.0, 2.0], [1.0, 0.5, 2.0]]
    assert undefined_reason("mcc", [0, 1, 1], logits) == "everything called synthetic: MCC is not defined"
    assert undefined_reason("mcc", [0, 1, 1], logits, threshold=0.75) is None
    assert undefined_reason("precision", [0, 1, 1], logits) is None


@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize(
    ("logits", "labels", "words"),
    [
        (np.zeros(3), [0, 1, 1], r"\(3,\)"),
        (np.zeros((2, 3)), [0, 1], r"\(2, 3\)"),
        (np.zeros((0, 2)), [0, 1], r"\(0, 2\)"),
        ([[0.0, math.nan]], [0, 1], "NaN"),
        ([[0.0, math.inf]], [0, 1], "infinity"),
        ([[0.0, 1.0]], [0, 2], "labels"),
    ],
)
def test_refuses_wrong_arrays(quantity: Quantity, logits: object, labels: list[int], words: str) -> None:
    """Shapes, logits and labels that cannot be judged are refused."""
    with pytest.raises(InputError, match=words):
        checked(quantity, logits, labels)  # type: ignore[arg-type]


def test_checks_turn_into_arrays() -> None:
    """What passes comes back as logits and a mask of the synthetic images."""
    values, positive = checked("auc", [[1.0, 2.0]], [1, 0])
    assert (values.tolist(), positive.tolist()) == ([[1.0, 2.0]], [True, False])
    with pytest.raises(InputError, match="constant predictions: AUC"):
        checked("auc", [[2.0, 2.0]], [1, 0])
    assert checked("auc", [[2.0, 2.0]], [1, 0], by_labels=True)[0].tolist() == [[2.0, 2.0]]


@pytest.mark.parametrize("threshold", [[0.0, 1.0, 2.0], [[0.0], [1.0]], math.nan, [0.0, math.inf]])
def test_refuses_thresholds_that_are_not_one_per_seed(threshold: object) -> None:
    """A threshold is one finite number, or one per seed."""
    with pytest.raises(InputError, match="threshold"):
        column(threshold, 2)  # type: ignore[arg-type]
