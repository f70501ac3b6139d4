"""Metrics of a detector, per seed, and the values per image that intervals are made of: the registry of all of them.

Logits have shape (S, I): one row per seed, one column per image. Labels have shape (I,): 1 = synthetic = positive.
A logit above the threshold says "synthetic"; a logit exactly at it says "real". The threshold is 0 (a probability of
0.5) unless given, as a number or one per seed (S,). The metrics `accuracy_validated` and `balanced_accuracy_validated`
are accuracy and balanced accuracy at the thresholds that `validation_threshold` fixed on other images: give them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.calibration import binned_error, brier, ece, log_loss, log_losses, probabilities, squared_errors
from analysis.decisions import (
    accuracy,
    balanced_accuracy,
    correct,
    f1,
    mcc,
    of_rates,
    precision,
    recall,
    specificity,
    validation_threshold,
)
from analysis.errors import InputError
from analysis.intervals import Stratum, strata_by_group
from analysis.jackknife import Statistic, grouped_jackknife
from analysis.quantities import (
    BASIC_QUANTITIES,
    LOWER_IS_BETTER,
    NOT_SMOOTH,
    QUANTITIES,
    VALIDATED,
    Quantity,
    checked,
    name_of,
    undefined_reason,
)
from analysis.ranks import (
    auc,
    average_precision,
    average_precision_influence,
    crossing,
    eer,
    order_codes,
    placements,
    recall_at_5_fpr,
    recall_at_allowed,
)

__all__ = [
    "BASIC_QUANTITIES",
    "LOWER_IS_BETTER",
    "METRICS",
    "QUANTITIES",
    "Quantity",
    "accuracy",
    "auc",
    "average_precision",
    "balanced_accuracy",
    "brier",
    "ece",
    "eer",
    "f1",
    "log_loss",
    "mcc",
    "metric",
    "per_image",
    "placements",
    "precision",
    "recall",
    "recall_at_5_fpr",
    "specificity",
    "strata",
    "undefined_reason",
    "validation_threshold",
]

_AT_THRESHOLD: dict[Quantity, Callable[[ArrayLike, ArrayLike, ArrayLike], NDArray[np.float64]]] = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "recall": recall,
    "specificity": specificity,
    "precision": precision,
    "f1": f1,
    "mcc": mcc,
    "accuracy_validated": accuracy,
    "balanced_accuracy_validated": balanced_accuracy,
}

_WITHOUT_THRESHOLD: dict[Quantity, Callable[[ArrayLike, ArrayLike], NDArray[np.float64]]] = {
    "auc": auc,
    "average_precision": average_precision,
    "eer": eer,
    "recall_at_5_fpr": recall_at_5_fpr,
    "brier": brier,
    "log_loss": log_loss,
    "ece": ece,
}

METRICS: dict[Quantity, Callable[..., NDArray[np.float64]]] = {**_AT_THRESHOLD, **_WITHOUT_THRESHOLD}
"""Each metric's function by name: of logits and labels, and for those of decisions of a threshold, too."""

_JACKKNIFED: dict[Quantity, tuple[Callable[..., NDArray[Any]], Statistic]] = {
    "eer": (order_codes, crossing),
    "recall_at_5_fpr": (lambda values, _: values, recall_at_allowed),
    "ece": (lambda values, _: probabilities(values), binned_error),
}
"""Metrics that are not smooth: what is made of the logits once, and the metric of that with some images left out."""


def metric(quantity: Quantity, logits: ArrayLike, labels: ArrayLike, threshold: ArrayLike = 0.0) -> NDArray[np.float64]:
    """A metric by name, per seed (S,); those that are not about decisions ignore the threshold.

    Raises:
        InputError: as the metric's function.

    >>> metric("recall", [[2.0, -1.0, -1.0], [2.0, -1.0, -1.0]], [1, 1, 0], threshold=[0.0, -1.5]).tolist()
    [0.5, 1.0]
    >>> metric("auc", [[2.0, 0.5, 0.5, -1.0]], [1, 1, 0, 0]).tolist()
    [0.875]
    """
    if quantity in _AT_THRESHOLD:
        return _AT_THRESHOLD[quantity](logits, labels, threshold)
    return _WITHOUT_THRESHOLD[quantity](logits, labels)


def per_image(
    quantity: Quantity, logits: ArrayLike, labels: ArrayLike, threshold: ArrayLike = 0.0
) -> NDArray[np.float64]:
    """Values D[s, i] whose mean over images is the metric T_s of each seed; shape (S, I), float64.

    Plain means are made of themselves: accuracy of correctness, recall and specificity of the correctness of the
    synthetic or real images alone (in their order, so I is their number), Brier score and log loss of each image's
    loss. The others are D = T_s + U_s,i with Σ_i U = 0 within each class, U the infinitesimal jackknife's:

    - balanced accuracy, precision, F1, MCC, which are g(recall, specificity): U = I/n₁ ∂g/∂recall (Y - recall) for
      synthetic images and I/n₀ ∂g/∂specificity (Y - specificity) for real ones (delta method);
    - AUC: U = I/n₁ (V10 - AUC) and I/n₀ (V01 - AUC), with DeLong's `placements`;
    - average precision: its influence function (`analysis.ranks.average_precision_influence`).

    Thresholds are taken as given: what they owe to validation images is part of the seed.

    Raises:
        InputError: as the metric's function; or the metric is EER, recall at 5 % false positives or ECE, which are
            not smooth and have no values per image (see `strata`).

    >>> per_image("balanced_accuracy", [[2.0, -1.0, -1.0]], [1, 1, 0]).tolist()
    [[1.125, 0.375, 0.75]]
    """
    if quantity in NOT_SMOOTH:
        raise InputError(f"{name_of(quantity)} has no values per image; take its `strata`, which are of groups")
    if quantity in {"brier", "log_loss"}:
        losses = squared_errors if quantity == "brier" else log_losses
        return losses(*checked(quantity, logits, labels))
    if quantity == "average_precision":
        return average_precision(logits, labels)[:, None] + average_precision_influence(logits, labels)
    if quantity == "auc":
        _, positive = checked(quantity, logits, labels)
        v10, v01 = placements(logits, labels)
        n = len(positive)
        steps = [np.full((len(v10), 1), n / v.shape[1]) for v in (v10, v01)]
        return _linear(v10, v01, positive, steps, v10.mean(axis=1, keepdims=True))
    right, positive = correct(VALIDATED.get(quantity, quantity), logits, labels, threshold)
    if quantity in {"accuracy", "accuracy_validated"}:
        return right.astype(np.float64)
    if quantity in {"recall", "specificity"}:
        return right[:, positive if quantity == "recall" else ~positive].astype(np.float64)
    masks = (positive, ~positive)
    parts = [right[:, mask].astype(np.float64) for mask in masks]
    n_synthetic, n_real = (int(mask.sum()) for mask in masks)
    rates = [part.mean(axis=1) for part in parts]
    value, *slopes = of_rates(VALIDATED.get(quantity, quantity), rates[0], rates[1], n_synthetic, n_real)
    steps = [(len(positive) / n * slope)[:, None] for n, slope in zip((n_synthetic, n_real), slopes, strict=True)]
    return _linear(parts[0], parts[1], positive, steps, value[:, None])


def strata(quantity: Quantity, logits: ArrayLike, labels: ArrayLike, threshold: ArrayLike = 0.0) -> tuple[Stratum, ...]:
    """Values per seed and image in groups of images, weighted: what `crossed_interval` asks for.

    Smooth metrics: `per_image` values by label, weighted n_g / n (recall and specificity have one group). With one
    seed, the images-only variance of the AUC is DeLong's. EER, recall at 5 % false positives and ECE: one stratum
    (S, G) of weight 1 with the grouped jackknife's pseudo-values of G = 40 groups of images, fewer where a class has
    fewer images; `analysis.jackknife.of_images` gives their interval the number of images. Where a class has one
    image it holds the metric alone, so that there is an estimate and no interval.

    Raises:
        InputError: as the metric's function.

    >>> [(group.values.tolist(), group.weight) for group in strata("accuracy", [[2.0, -1.0, -1.0, 3.0]], [1, 1, 0, 0])]
    [([[1.0, 0.0]], 0.5), ([[1.0, 0.0]], 0.5)]
    """
    if quantity in NOT_SMOOTH:
        given, positive = checked(quantity, logits, labels)
        prepare, statistic = _JACKKNIFED[quantity]
        values = prepare(given, positive)
        if min(positive.sum(), (~positive).sum()) < 2:
            return (Stratum(statistic(values, positive)[:, None]),)
        return (Stratum(grouped_jackknife(statistic, values, positive)),)
    values = per_image(quantity, logits, labels, threshold)
    if quantity in {"recall", "specificity"}:
        return (Stratum(values),)
    return strata_by_group(values, labels)


def _linear(
    synthetic: NDArray[np.float64],
    real: NDArray[np.float64],
    positive: NDArray[np.bool_],
    steps: list[NDArray[np.float64]],
    centre: NDArray[np.float64],
) -> NDArray[np.float64]:
    """`centre` (S, 1) plus `steps` (S, 1), one a class, times each class's deviations from their own mean."""
    result = np.empty((len(centre), len(positive)), dtype=np.float64)
    for values, mask, step in zip((synthetic, real), (positive, ~positive), steps, strict=True):
        result[:, mask] = centre + step * (values - values.mean(axis=1, keepdims=True))
    return result
