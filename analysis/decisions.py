"""Metrics of decisions at a threshold, per seed, and the threshold that validation images fix.

Logits have shape (S, I): one row per seed, one column per image. Labels have shape (I,): 1 = synthetic = positive.
A logit above the threshold says "synthetic", one exactly at it says "real". `threshold` is a number (0 is a
probability of 0.5) or one per seed (S,).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.quantities import Quantity, checked, column


def accuracy(logits: ArrayLike, labels: ArrayLike, threshold: ArrayLike = 0.0) -> NDArray[np.float64]:
    """Share of correct decisions, per seed (S,).

    Like every metric but recall and specificity it asks for both classes: on one class it is another name of
    recall or specificity, and would be read as more.

    Raises:
        InputError: shapes do not fit, a logit or threshold is not finite, a label is neither 0 nor 1, or a class is
            missing.

    >>> accuracy([[2.0, -1.0, 0.0], [-2.0, 1.0, -3.0]], [1, 1, 0]).round(3).tolist()
    [0.667, 0.667]
    """
    right, _ = correct("accuracy", logits, labels, threshold)
    return np.asarray(right.mean(axis=1))


def balanced_accuracy(logits: ArrayLike, labels: ArrayLike, threshold: ArrayLike = 0.0) -> NDArray[np.float64]:
    """Mean of recall and specificity, per seed (S,).

    Raises:
        InputError: as `accuracy`.

    >>> balanced_accuracy([[2.0, -1.0, -1.0]], [1, 1, 0]).tolist()
    [0.75]
    """
    right, positive = correct("balanced_accuracy", logits, labels, threshold)
    return np.asarray((right[:, positive].mean(axis=1) + right[:, ~positive].mean(axis=1)) / 2)


def recall(logits: ArrayLike, labels: ArrayLike, threshold: ArrayLike = 0.0) -> NDArray[np.float64]:
    """Share of synthetic images called synthetic, per seed (S,).

    Raises:
        InputError: as `accuracy`, but only synthetic images are needed.

    >>> recall([[2.0, -1.0, -1.0]], [1, 1, 0]).tolist()
    [0.5]
    """
    right, positive = correct("recall", logits, labels, threshold)
    return np.asarray(right[:, positive].mean(axis=1))


def specificity(logits: ArrayLike, labels: ArrayLike, threshold: ArrayLike = 0.0) -> NDArray[np.float64]:
    """Share of real images called real, per seed (S,).

    Raises:
        InputError: as `accuracy`, but only real images are needed.

    >>> specificity([[2.0, -1.0, -1.0]], [1, 1, 0]).tolist()
    [1.0]
    """
    right, positive = correct("specificity", logits, labels, threshold)
    return np.asarray(right[:, ~positive].mean(axis=1))


def precision(logits: ArrayLike, labels: ArrayLike, threshold: ArrayLike = 0.0) -> NDArray[np.float64]:
    """Share of images called synthetic that are, TP/(TP + FP), per seed (S,).

    It depends on how many images of each class the set holds.

    Raises:
        InputError: as `accuracy`, or a seed calls nothing synthetic.

    >>> precision([[2.0, 1.0, -1.0, 3.0]], [1, 1, 1, 0]).round(3).tolist()
    [0.667]
    """
    return _of_rates("precision", logits, labels, threshold)


def f1(logits: ArrayLike, labels: ArrayLike, threshold: ArrayLike = 0.0) -> NDArray[np.float64]:
    """Harmonic mean of precision and recall, 2 TP/(2 TP + FP + FN), per seed (S,).

    It is 0 where a seed calls nothing synthetic, and depends on how many images of each class the set holds.

    Raises:
        InputError: as `accuracy`.

    >>> f1([[2.0, 1.0, -1.0, 3.0]], [1, 1, 1, 0]).round(3).tolist()
    [0.667]
    """
    return _of_rates("f1", logits, labels, threshold)


def mcc(logits: ArrayLike, labels: ArrayLike, threshold: ArrayLike = 0.0) -> NDArray[np.float64]:
    """Matthews' correlation of decisions and labels, per seed (S,), from -1 to 1 (Biochim. Biophys. Acta 405, 1975).

    (TP·TN - FP·FN)/√((TP + FP)(TP + FN)(TN + FP)(TN + FN)).

    Raises:
        InputError: as `accuracy`, or a seed calls nothing or everything synthetic.

    >>> mcc([[2.0, 1.0, -1.0, 3.0, -2.0]], [1, 1, 1, 0, 0]).round(3).tolist()
    [0.167]
    """
    return _of_rates("mcc", logits, labels, threshold)


def validation_threshold(logits: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """The threshold that maximises balanced accuracy on validation images, one logit per seed (S,).

    Candidates are 0, the middle between any two neighbouring logits of the seed, and a threshold below and one at
    its outermost logits. Of equally good candidates it is the one nearest 0; of two at one distance, the lower.

    Raises:
        InputError: as `balanced_accuracy`.

    >>> validation_threshold([[3.0, 2.0, 1.0, -1.0], [1.0, 2.0, -1.0, -2.0]], [1, 1, 0, 0]).tolist()
    [1.5, 0.0]
    """
    given, positive = checked("balanced_accuracy", logits, labels)
    values = given.astype(np.float64)
    order = np.argsort(values, axis=1, kind="stable")
    ranked, synthetic = np.take_along_axis(values, order, axis=1), positive[order]
    n_synthetic, n_real = int(positive.sum()), int((~positive).sum())
    # Column k of these is about a threshold with k images at or below it.
    missed = _from_zero(np.cumsum(synthetic, axis=1))
    kept = _from_zero(np.cumsum(~synthetic, axis=1))
    score = n_real * (n_synthetic - missed) + n_synthetic * kept
    below, above = ranked[:, :-1], ranked[:, 1:]
    middle = below / 2 + above / 2
    # Between neighbouring floats the middle may round up to the upper one, which would then be called real.
    middle = np.where(middle < above, middle, below)
    outermost = np.nextafter(ranked[:, :1], -np.inf), ranked[:, -1:]
    candidates = np.concatenate([outermost[0], middle, outermost[1]], axis=1)
    score[:, 1:-1][below == above] = -1
    # At 0 itself: as many images lie at or below it as negative or zero logits.
    at_zero = np.count_nonzero(values <= 0, axis=1)[:, None]
    score = np.concatenate([score, np.take_along_axis(score, at_zero, axis=1)], axis=1)
    candidates = np.concatenate([candidates, np.zeros((len(values), 1))], axis=1)
    best = score == score.max(axis=1, keepdims=True)
    distance = np.where(best, np.abs(candidates), np.inf)
    return np.asarray(np.take_along_axis(candidates, distance.argmin(axis=1)[:, None], axis=1)[:, 0])


def correct(
    quantity: Quantity, logits: ArrayLike, labels: ArrayLike, threshold: ArrayLike = 0.0
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which decisions are right (S, I), and which images are synthetic (I,), for a metric that is defined on them.

    Raises:
        InputError: as the metric's function.

    >>> correct("recall", [[2.0, -1.0, -1.0]], [1, 1, 0])[0].tolist()
    [[True, False, True]]
    """
    values, positive = checked(quantity, logits, labels, threshold)
    return (values > column(threshold, len(values))) == positive, positive


def of_rates(
    quantity: Quantity,
    recall: NDArray[np.float64],
    specificity: NDArray[np.float64],
    n_synthetic: int,
    n_real: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """A metric g(recall, specificity) at the set's numbers of images, and its two partial derivatives, each (S,).

    With TP = n₁ recall and FP = n₀ (1 - specificity); `quantity` is balanced_accuracy, precision, f1 or mcc, and
    must be defined at these rates.

    >>> value, by_recall, by_specificity = of_rates("precision", np.array([0.5]), np.array([0.75]), 4, 8)
    >>> value.tolist(), by_recall.tolist(), by_specificity.tolist()
    ([0.5], [0.5], [1.0])
    """
    if quantity == "balanced_accuracy":
        half = np.full(len(recall), 0.5)
        return (recall + specificity) / 2, half, half
    hits, alarms = n_synthetic * recall, n_real * (1 - specificity)
    called = hits + alarms
    if quantity == "precision":
        return hits / called, n_synthetic * alarms / called**2, n_real * hits / called**2
    if quantity == "f1":
        total = called + n_synthetic
        by_recall = 2 * n_synthetic * (alarms + n_synthetic) / total**2
        return 2 * hits / total, by_recall, 2 * hits * n_real / total**2
    # MCC = √(n₁ n₀) (recall + specificity - 1) / √h, h = M (n - M), M = the number called synthetic.
    n = n_synthetic + n_real
    h = called * (n - called)
    scale = np.sqrt(n_synthetic * n_real / h)
    value = scale * (recall + specificity - 1)
    slope = value * (n - 2 * called) / (2 * h)
    return value, scale - slope * n_synthetic, scale + slope * n_real


def _of_rates(quantity: Quantity, logits: ArrayLike, labels: ArrayLike, threshold: ArrayLike) -> NDArray[np.float64]:
    right, positive = correct(quantity, logits, labels, threshold)
    rates = [right[:, mask].mean(axis=1) for mask in (positive, ~positive)]
    return of_rates(quantity, rates[0], rates[1], int(positive.sum()), int((~positive).sum()))[0]


def _from_zero(sums: NDArray[np.int_]) -> NDArray[np.int_]:
    return np.concatenate([np.zeros((len(sums), 1), dtype=sums.dtype), sums], axis=1)
