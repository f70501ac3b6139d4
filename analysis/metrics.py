"""Metrics of a detector, per seed, and the values per image that intervals are made of.

Logits have shape (S, I): one row per seed, one column per image. Labels have shape (I,): 1 = synthetic = positive.
A logit above 0 (a probability above 0.5) says "synthetic"; a logit of exactly 0 says "real".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from analysis.errors import InputError
from analysis.intervals import Stratum, strata_by_group

Quantity = Literal["accuracy", "balanced_accuracy", "recall", "specificity", "auc"]
"""The metrics by name, all fractions from 0 to 1."""

QUANTITIES: tuple[Quantity, ...] = get_args(Quantity)


def undefined_reason(quantity: Quantity, labels: ArrayLike) -> str | None:
    """Why a metric is not defined on images with these labels (I,), or None if it is.

    >>> undefined_reason("recall", [0, 0, 0])
    'no synthetic images: recall is not defined'
    >>> undefined_reason("specificity", [0, 0, 0]) is None
    True
    """
    given = np.asarray(labels)
    synthetic, real = bool((given == 1).any()), bool((given == 0).any())
    name = quantity.replace("_", " ") if quantity != "auc" else "AUC"
    if quantity != "specificity" and not synthetic:
        return f"no synthetic images: {name} is not defined"
    if quantity != "recall" and not real:
        return f"no real images: {name} is not defined"
    return None


def accuracy(logits: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """Share of correct decisions, per seed (S,).

    Like every metric but recall and specificity it asks for both classes: on one class it is another name of
    recall or specificity, and would be read as more.

    Raises:
        InputError: shapes do not fit, a logit is not finite, a label is neither 0 nor 1, or a class is missing.

    >>> accuracy([[2.0, -1.0, 0.0], [-2.0, 1.0, -3.0]], [1, 1, 0]).round(3).tolist()
    [0.667, 0.667]
    """
    return _per_seed("accuracy", logits, labels)


def balanced_accuracy(logits: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """Mean of recall and specificity, per seed (S,).

    Raises:
        InputError: as `accuracy`.

    >>> balanced_accuracy([[2.0, -1.0, -1.0]], [1, 1, 0]).tolist()
    [0.75]
    """
    return _per_seed("balanced_accuracy", logits, labels)


def recall(logits: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """Share of synthetic images called synthetic, per seed (S,).

    Raises:
        InputError: as `accuracy`, but only synthetic images are needed.

    >>> recall([[2.0, -1.0, -1.0]], [1, 1, 0]).tolist()
    [0.5]
    """
    return _per_seed("recall", logits, labels)


def specificity(logits: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """Share of real images called real, per seed (S,).

    Raises:
        InputError: as `accuracy`, but only real images are needed.

    >>> specificity([[2.0, -1.0, -1.0]], [1, 1, 0]).tolist()
    [1.0]
    """
    return _per_seed("specificity", logits, labels)


def auc(logits: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """Area under the ROC curve, per seed (S,): how often a synthetic image has a higher logit than a real one.

    It is the Mann–Whitney statistic over all pairs, ties count ½, computed by ranks.

    Raises:
        InputError: as `accuracy`.

    >>> auc([[2.0, 0.5, 0.5, -1.0]], [1, 1, 0, 0]).tolist()
    [0.875]
    """
    return _per_seed("auc", logits, labels)


METRICS: dict[Quantity, Callable[[ArrayLike, ArrayLike], NDArray[np.float64]]] = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "recall": recall,
    "specificity": specificity,
    "auc": auc,
}
"""Each metric's function by name."""


def placements(logits: ArrayLike, labels: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """DeLong's placements: V10 (S, n₁) of the synthetic images and V01 (S, n₀) of the real ones, in their order.

    V10 is the share of real images below a synthetic one, V01 the share of synthetic images above a real one, ties
    count ½; the mean of either is the AUC (DeLong, DeLong and Clarke-Pearson, Biometrics 44, 1988).

    Raises:
        InputError: as `auc`.

    >>> v10, v01 = placements([[2.0, 0.5, 0.5, -1.0]], [1, 1, 0, 0])
    >>> v10.tolist(), v01.tolist()
    ([[1.0, 0.75]], [[0.75, 1.0]])
    """
    values, positive = _checked("auc", logits, labels)
    among_all = stats.rankdata(values, axis=1)
    among_synthetic = stats.rankdata(values[:, positive], axis=1)
    among_real = stats.rankdata(values[:, ~positive], axis=1)
    v10 = (among_all[:, positive] - among_synthetic) / among_real.shape[1]
    v01 = 1 - (among_all[:, ~positive] - among_real) / among_synthetic.shape[1]
    return v10, v01


def per_image(quantity: Quantity, logits: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """Values D[s, i] whose mean over images is the metric T_s of each seed; shape (S, I), float64.

    Accuracy: correctness. Recall and specificity: correctness of the synthetic or real images alone, in their
    order, so I is their number. Balanced accuracy and AUC, which are no plain means: D = T_s + U_s,i with Σ_i U = 0,
    where U = I/(2 n_y) (Y - rate_y) and U = I/n₁ (V10 - AUC) or I/n₀ (V01 - AUC), with DeLong's `placements`.

    Raises:
        InputError: as `accuracy`.

    >>> per_image("balanced_accuracy", [[2.0, -1.0, -1.0]], [1, 1, 0]).tolist()
    [[1.125, 0.375, 0.75]]
    """
    values, positive = _checked(quantity, logits, labels)
    if quantity == "auc":
        v10, v01 = placements(logits, labels)
        result = np.empty(values.shape, dtype=np.float64)
        for v, mask in ((v10, positive), (v01, ~positive)):
            result[:, mask] = _linear(v, len(positive) / v.shape[1], v10.mean(axis=1, keepdims=True))
        return result
    correct: NDArray[np.float64] = ((values > 0) == positive).astype(np.float64)
    if quantity == "accuracy":
        return correct
    if quantity == "recall":
        return np.asarray(correct[:, positive])
    if quantity == "specificity":
        return np.asarray(correct[:, ~positive])
    rates = [correct[:, mask].mean(axis=1, keepdims=True) for mask in (positive, ~positive)]
    for mask in (positive, ~positive):
        correct[:, mask] = _linear(correct[:, mask], len(positive) / (2 * mask.sum()), (rates[0] + rates[1]) / 2)
    return correct


def strata(quantity: Quantity, logits: ArrayLike, labels: ArrayLike) -> tuple[Stratum, ...]:
    """`per_image` values in groups by label, weighted n_g / n: what `crossed_interval` asks for.

    Recall and specificity have one group. With one seed, the images-only variance of the AUC is DeLong's.

    Raises:
        InputError: as `accuracy`.
    """
    values = per_image(quantity, logits, labels)
    if quantity in {"recall", "specificity"}:
        return (Stratum(values),)
    return strata_by_group(values, labels)


def _linear(values: NDArray[np.float64], factor: float, centre: NDArray[np.float64]) -> NDArray[np.float64]:
    """`centre` (S, 1) plus `factor` times the deviation of `values` (S, n) from their own mean."""
    return np.asarray(centre + factor * (values - values.mean(axis=1, keepdims=True)))


def _per_seed(quantity: Quantity, logits: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    if quantity == "auc":
        return np.asarray(placements(logits, labels)[0].mean(axis=1))
    values, positive = _checked(quantity, logits, labels)
    correct = (values > 0) == positive
    if quantity == "accuracy":
        return np.asarray(correct.mean(axis=1))
    if quantity == "recall":
        return np.asarray(correct[:, positive].mean(axis=1))
    if quantity == "specificity":
        return np.asarray(correct[:, ~positive].mean(axis=1))
    return np.asarray((correct[:, positive].mean(axis=1) + correct[:, ~positive].mean(axis=1)) / 2)


def _checked(
    quantity: Quantity, logits: ArrayLike, labels: ArrayLike
) -> tuple[NDArray[np.floating], NDArray[np.bool_]]:
    """The logits as (S, I) and a mask (I,) of the synthetic images."""
    values = np.asarray(logits)
    given = np.asarray(labels)
    if values.ndim != 2 or values.shape[0] == 0 or given.shape != values.shape[1:]:
        raise InputError(f"logits of shape {values.shape} and labels of shape {given.shape}: need (S, I) and (I,)")
    if not np.isfinite(values).all():
        raise InputError("logits hold NaN or infinity: all must be finite")
    if not np.isin(given, (0, 1)).all():
        raise InputError("labels hold other values than 0 (real) and 1 (synthetic)")
    reason = undefined_reason(quantity, given)
    if reason is not None:
        raise InputError(reason)
    return values, given == 1
