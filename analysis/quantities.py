"""The metrics of a detector by name, which of them exist on which images, and the checks of what they are made of.

Logits have shape (S, I): one row per seed, one column per image. Labels have shape (I,): 1 = synthetic = positive.
A logit above the threshold says "synthetic"; a logit exactly at the threshold says "real". A threshold of 0 is a
probability of 0.5.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.errors import InputError

Quantity = Literal[
    "accuracy",
    "balanced_accuracy",
    "recall",
    "specificity",
    "precision",
    "f1",
    "mcc",
    "auc",
    "average_precision",
    "eer",
    "recall_at_5_fpr",
    "brier",
    "log_loss",
    "ece",
    "accuracy_validated",
    "balanced_accuracy_validated",
]
"""The metrics by name. All are fractions from 0 to 1, but MCC (-1 … 1) and log loss (0 … ∞, nats)."""

QUANTITIES: tuple[Quantity, ...] = get_args(Quantity)

BASIC_QUANTITIES: tuple[Quantity, ...] = ("accuracy", "balanced_accuracy", "recall", "specificity", "auc")
"""Those given for every path an image can take; the others are given along a variant's own path."""

LOWER_IS_BETTER: frozenset[Quantity] = frozenset({"eer", "brier", "log_loss", "ece"})
"""Error rates and losses: a negative difference is an improvement."""

VALIDATED: dict[Quantity, Quantity] = {
    "accuracy_validated": "accuracy",
    "balanced_accuracy_validated": "balanced_accuracy",
}
"""Metrics at each seed's threshold fixed on validation images, and the metric that they are at that threshold."""

NOT_SMOOTH: frozenset[Quantity] = frozenset({"eer", "recall_at_5_fpr", "ece"})
"""Metrics without values per image: their variance comes from the grouped jackknife, and each draw of their bootstrap
is made of the images drawn."""

NEEDS_ORDER: frozenset[Quantity] = frozenset({"auc", "average_precision", "eer"})
"""Metrics of how a seed orders the images: constant logits order nothing."""

NAMES: dict[Quantity, str] = {
    "f1": "F1",
    "mcc": "MCC",
    "auc": "AUC",
    "eer": "EER",
    "recall_at_5_fpr": "recall at 5 % false positives",
    "brier": "Brier score",
    "ece": "ECE",
    "accuracy_validated": "accuracy at the validated threshold",
    "balanced_accuracy_validated": "balanced accuracy at the validated threshold",
}


def name_of(quantity: Quantity) -> str:
    """How a metric is called in a sentence.

    >>> name_of("auc"), name_of("average_precision")
    ('AUC', 'average precision')
    """
    return NAMES.get(quantity, quantity.replace("_", " "))


def undefined_reason(
    quantity: Quantity, labels: ArrayLike, logits: ArrayLike | None = None, threshold: ArrayLike = 0.0
) -> str | None:
    """Why a metric is not defined on images with these labels (I,), or None if it is.

    With `logits` (S, I), it also says whether some seed's decisions leave it undefined: precision where nothing is
    called synthetic, MCC where nothing or everything is, AUC, average precision and EER where all logits are equal.
    `threshold` is a number or one per seed (S,).

    Raises:
        InputError: with `logits`, shapes do not fit, or a logit or threshold is not finite.

    >>> undefined_reason("recall", [0, 0, 0])
    'no synthetic images: recall is not defined'
    >>> undefined_reason("specificity", [0, 0, 0]) is None
    True
    >>> undefined_reason("auc", [0, 1], [[2.0, 1.0], [0.5, 0.5]])
    'constant predictions: AUC is not defined'
    """
    given = np.asarray(labels)
    synthetic, real = bool((given == 1).any()), bool((given == 0).any())
    if quantity != "specificity" and not synthetic:
        return f"no synthetic images: {name_of(quantity)} is not defined"
    if quantity != "recall" and not real:
        return f"no real images: {name_of(quantity)} is not defined"
    if logits is None or quantity not in {"precision", "mcc"} | NEEDS_ORDER:
        return None
    values = _finite(logits, given)
    if quantity in NEEDS_ORDER:
        constant = bool((values == values[:, :1]).all(axis=1).any())
        return f"constant predictions: {name_of(quantity)} is not defined" if constant else None
    called = np.count_nonzero(values > column(threshold, len(values)), axis=1)
    if not called.all():
        return f"nothing called synthetic: {name_of(quantity)} is not defined"
    if quantity == "mcc" and (called == values.shape[1]).any():
        return f"everything called synthetic: {name_of(quantity)} is not defined"
    return None


def checked(
    quantity: Quantity,
    logits: ArrayLike,
    labels: ArrayLike,
    threshold: ArrayLike = 0.0,
    *,
    by_labels: bool = False,
) -> tuple[NDArray[np.floating], NDArray[np.bool_]]:
    """The logits as (S, I) and a mask (I,) of the synthetic images, where the metric is defined on them.

    With `by_labels` the labels alone decide whether it is.

    Raises:
        InputError: shapes do not fit, a logit or threshold is not finite, a label is neither 0 nor 1, or the metric
            is not defined (see `undefined_reason`).
    """
    given = np.asarray(labels)
    values = _finite(logits, given)
    if not np.isin(given, (0, 1)).all():
        raise InputError("labels hold other values than 0 (real) and 1 (synthetic)")
    reason = undefined_reason(quantity, given, None if by_labels else values, threshold)
    if reason is not None:
        raise InputError(reason)
    return values, given == 1


def column(threshold: ArrayLike, n_seeds: int) -> NDArray[np.float64]:
    """A threshold, a number or one per seed (S,), as it compares with logits (S, I): (1, 1) or (S, 1).

    Raises:
        InputError: its shape is another, or it is not finite.

    >>> column(0.5, 3).tolist(), column([0.1, 0.2], 2).tolist()
    ([[0.5]], [[0.1], [0.2]])
    """
    given = np.asarray(threshold, dtype=np.float64)
    if given.shape not in {(), (n_seeds,)}:
        raise InputError(f"threshold of shape {given.shape}: need a number or one per seed, ({n_seeds},)")
    if not np.isfinite(given).all():
        raise InputError("threshold is NaN or infinity: it must be finite")
    return given.reshape(-1, 1)


def _finite(logits: ArrayLike, labels: NDArray[np.generic]) -> NDArray[np.floating]:
    values = np.asarray(logits)
    if values.ndim != 2 or values.shape[0] == 0 or labels.shape != values.shape[1:]:
        raise InputError(f"logits of shape {values.shape} and labels of shape {labels.shape}: need (S, I) and (I,)")
    if not np.isfinite(values).all():
        raise InputError("logits hold NaN or infinity: all must be finite")
    return values
