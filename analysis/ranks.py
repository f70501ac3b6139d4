"""Metrics of how a detector orders images, per seed: no threshold of ours is in them.

Logits have shape (S, I): one row per seed, one column per image. Labels have shape (I,): 1 = synthetic = positive.
Images with equal logits are tied: no threshold parts them, and every metric takes them together.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from analysis.quantities import checked

ALLOWED_PERCENT = 5
"""False positives that `recall_at_5_fpr` allows, in per cent of the real images."""


def auc(logits: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """Area under the ROC curve, per seed (S,): how often a synthetic image has a higher logit than a real one.

    It is the Mann–Whitney statistic over all pairs, ties count ½, computed by ranks.

    Raises:
        InputError: shapes do not fit, a logit is not finite, a label is neither 0 nor 1, a class is missing, or all
            logits of a seed are equal.

    >>> auc([[2.0, 0.5, 0.5, -1.0]], [1, 1, 0, 0]).tolist()
    [0.875]
    """
    values, positive = checked("auc", logits, labels)
    return np.asarray(_placements(values, positive)[0].mean(axis=1))


def placements(logits: ArrayLike, labels: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """DeLong's placements: V10 (S, n₁) of the synthetic images and V01 (S, n₀) of the real ones, in their order.

    V10 is the share of real images below a synthetic one, V01 the share of synthetic images above a real one, ties
    count ½; the mean of either is the AUC (DeLong, DeLong and Clarke-Pearson, Biometrics 44, 1988).

    Raises:
        InputError: as `auc`, but constant logits are allowed: all placements are ½.

    >>> v10, v01 = placements([[2.0, 0.5, 0.5, -1.0]], [1, 1, 0, 0])
    >>> v10.tolist(), v01.tolist()
    ([[1.0, 0.75]], [[0.75, 1.0]])
    """
    return _placements(*checked("auc", logits, labels, by_labels=True))


def average_precision(logits: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """Average precision, per seed (S,): the mean over synthetic images of the precision at their own logit.

    AP = Σ_k (R_k - R_{k-1}) P_k over the distinct logits in falling order, with recall R and precision P of "at or
    above"; not interpolated (as scikit-learn's). It depends on the share of synthetic images, which is the AP of
    an order by chance.

    Raises:
        InputError: as `auc`.

    >>> average_precision([[3.0, 2.0, 1.0, 0.0]], [1, 0, 1, 0]).round(4).tolist()
    [0.8333]
    """
    values, positive = checked("average_precision", logits, labels)
    synthetic, hits, called, _ = _at_or_above(values, positive)[:4]
    return np.asarray((synthetic * hits / called).sum(axis=1) / positive.sum())


def average_precision_influence(logits: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """What each image contributes to the average precision: I · ∂AP/∂(weight of the image), (S, I), Σ_i = 0.

    With A_j and N_j the synthetic and all images at or above image j, at weights of 1 and their sum within each
    class held fixed (infinitesimal jackknife, Efron 1982; images are drawn within their class):

        synthetic k:  I/n₁ · ( A_k/N_k + Σ_{j synthetic, x_j ≤ x_k} (N_j - A_j)/N_j² )   less the mean over synthetic
        real k:      -I/n₁ · Σ_{j synthetic, x_j ≤ x_k} A_j/N_j²                         less the mean over real

    Raises:
        InputError: as `auc`.

    >>> average_precision_influence([[3.0, 2.0, 1.0, 0.0]], [1, 0, 1, 0]).round(4).tolist()
    [[0.3333, -0.2222, -0.3333, 0.2222]]
    """
    values, positive = checked("average_precision", logits, labels)
    synthetic, hits, called, last, order = _at_or_above(values, positive)
    lifted = np.take_along_axis(np.cumsum(synthetic * (called - hits) / called**2, axis=1), last, axis=1)
    lowered = np.take_along_axis(np.cumsum(synthetic * hits / called**2, axis=1), last, axis=1)
    change = np.where(synthetic, hits / called + lifted, -lowered)
    result = np.empty(values.shape, dtype=np.float64)
    np.put_along_axis(result, order, change * (len(positive) / positive.sum()), axis=1)
    for mask in (positive, ~positive):
        result[:, mask] -= result[:, mask].mean(axis=1, keepdims=True)
    return result


def eer(logits: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """Equal error rate, per seed (S,): where false positives and false negatives are equally frequent; 0 … 1.

    The rates cross between two neighbouring points of the ROC curve, one per distinct logit; between them both are
    interpolated linearly. Below the diagonal it exceeds ½.

    Raises:
        InputError: as `auc`.

    >>> eer([[3.0, 2.0, 1.0, 0.0], [3.0, 2.0, 1.0, 0.0]], [1, 0, 1, 0]).tolist()
    [0.5, 0.5]
    >>> eer([[3.0, 2.0, 2.0, 0.0]], [1, 0, 1, 0]).tolist()
    [0.25]
    """
    values, positive = checked("eer", logits, labels)
    return crossing(order_codes(values, positive), positive)


def recall_at_5_fpr(logits: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """Recall at the lowest threshold with at most 5 % false positives on these images, per seed (S,).

    The threshold is chosen on the set's own real images and not interpolated: with n₀ real images, at most ⌊n₀/20⌋
    of them lie above it. It says how the images are ordered, not how a threshold fixed before would do.

    Raises:
        InputError: as `auc`, but constant logits are allowed: nothing can be called synthetic, the recall is 0.

    >>> recall_at_5_fpr([[3.0, 1.5, 2.0, 1.0]], [1, 1, 0, 0]).tolist()
    [0.5]
    """
    return recall_at_allowed(*checked("recall_at_5_fpr", logits, labels))


def order_codes(values: NDArray[np.floating], positive: NDArray[np.bool_]) -> NDArray[np.int32]:
    """2 · (dense rank of an image's logit among those of its seed) + 1 if it is synthetic, (S, I).

    Sorting these sorts the labels along, and they are sorted faster than logits.
    """
    return 2 * stats.rankdata(values, method="dense", axis=1).astype(np.int32) + positive.astype(np.int32)


def crossing(codes: NDArray[np.int32], positive: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The equal error rate (S,) of `order_codes` (S, I) and a mask (I,) of the synthetic images; no checks."""
    n_synthetic, n_real = int(positive.sum()), int((~positive).sum())
    ranked = np.sort(codes, axis=1)
    rank = ranked >> 1
    rows, place = np.arange(len(codes)), np.arange(1, len(positive) + 1)
    # With the threshold at an image's logit it and all before it are called real: so many misses and false alarms.
    misses = np.cumsum(ranked & 1, axis=1, dtype=np.int64)
    alarms = n_real + misses - place
    past = misses * n_real > alarms * n_synthetic
    past[:, :-1] &= rank[:, 1:] != rank[:, :-1]
    after = past.argmax(axis=1)
    # The point before is below the whole tie; before the first logit, everything is called synthetic.
    before = np.count_nonzero(rank < rank[rows, after][:, None], axis=1) - 1
    earlier = np.where(before < 0, 0, misses[rows, before]), np.where(before < 0, n_real, alarms[rows, before])
    return where_rates_cross(earlier, (misses[rows, after], alarms[rows, after]), n_synthetic, n_real)


def where_rates_cross(
    before: tuple[NDArray[Any], NDArray[Any]],
    after: tuple[NDArray[Any], NDArray[Any]],
    n_synthetic: int,
    n_real: int,
) -> NDArray[np.float64]:
    """The equal error rate between two points of the ROC curve, each the numbers of misses and of false alarms.

    At the first point misses are at most as frequent as false alarms, at the second more frequent.

    >>> where_rates_cross((np.array([0]), np.array([2])), (np.array([1]), np.array([0])), 4, 4).tolist()
    [0.16666666666666666]
    """
    fnr, fpr = before[0] / n_synthetic, before[1] / n_real
    rise, fall = after[0] / n_synthetic - fnr, fpr - after[1] / n_real
    return np.asarray(fnr + (fpr - fnr) * rise / (rise + fall))


def allowed_alarms(n_real: int) -> int:
    """How many of so many real images `recall_at_5_fpr` lets lie above the threshold.

    >>> allowed_alarms(19), allowed_alarms(40)
    (0, 2)
    """
    # In integers: 0.05 · 20 is no whole number in floating point.
    return n_real * ALLOWED_PERCENT // 100


def recall_at_allowed(values: NDArray[np.floating], positive: NDArray[np.bool_]) -> NDArray[np.float64]:
    """`recall_at_5_fpr` (S,) of logits (S, I) and a mask (I,) of the synthetic images; no checks."""
    real = values[:, ~positive]
    at = real.shape[1] - 1 - allowed_alarms(real.shape[1])
    threshold = np.partition(real, at, axis=1)[:, at : at + 1]
    return np.asarray((values[:, positive] > threshold).mean(axis=1))


def _placements(
    values: NDArray[np.floating], positive: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    among_all = stats.rankdata(values, axis=1)
    among_synthetic = stats.rankdata(values[:, positive], axis=1)
    among_real = stats.rankdata(values[:, ~positive], axis=1)
    v10 = (among_all[:, positive] - among_synthetic) / among_real.shape[1]
    v01 = 1 - (among_all[:, ~positive] - among_real) / among_synthetic.shape[1]
    return v10, v01


def _at_or_above(
    values: NDArray[np.floating], positive: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.int_], NDArray[np.int_], NDArray[np.int_], NDArray[np.intp]]:
    """For images in rising order of logits, each (S, I): who is synthetic; how many synthetic and how many images
    are at or above; the last position of the tie; and the order itself.
    """
    order = np.argsort(values, axis=1, kind="stable")
    ranked, synthetic = np.take_along_axis(values, order, axis=1), positive[order]
    n = values.shape[1]
    place = np.arange(n)
    starts = np.ones(values.shape, dtype=np.bool_)
    starts[:, 1:] = ranked[:, 1:] != ranked[:, :-1]
    ends = np.ones(values.shape, dtype=np.bool_)
    ends[:, :-1] = starts[:, 1:]
    first = np.maximum.accumulate(np.where(starts, place, 0), axis=1)
    last = np.minimum.accumulate(np.where(ends, place, n)[:, ::-1], axis=1)[:, ::-1]
    below: NDArray[np.int_] = np.cumsum(synthetic, axis=1) - synthetic
    hits = positive.sum() - np.take_along_axis(below, first, axis=1)
    return synthetic, hits, n - first, last, order
