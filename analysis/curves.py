"""ROC curves and reliability diagrams over seeds: what happened at every threshold, beside the metrics that sum it up.

Logits have shape (S, I): one row per seed, one column per image. Labels have shape (I,): 1 = synthetic = positive.
Images with equal logits are tied: no threshold parts them, and their order never counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.calibration import BINS, probabilities
from analysis.errors import InputError
from analysis.frames import Decisions
from analysis.quantities import checked, undefined_reason
from analysis.summary import Curve

STEPS = 100
"""A ROC curve is kept at the false-positive rates 0, 1/STEPS, … 1."""


def roc_points(logits: ArrayLike, labels: ArrayLike) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """The ROC curve of each seed: false-positive rates and recalls, both rising from 0 to 1, a point per threshold.

    A threshold stands at each distinct logit, "at or above" is called synthetic, and (0, 0) comes first; between two
    points the curve is straight (ties).

    Raises:
        InputError: shapes do not fit, a logit is not finite, a label is neither 0 nor 1, or a class is missing.

    >>> [(fpr.tolist(), tpr.tolist()) for fpr, tpr in roc_points([[2.0, 0.5, 0.5, -1.0]], [1, 1, 0, 0])]
    [([0.0, 0.0, 0.5, 1.0], [0.0, 0.5, 1.0, 1.0])]
    """
    values, positive = checked("auc", logits, labels, by_labels=True)
    return [_points(row, positive) for row in values]


def roc_on_grid(logits: ArrayLike, labels: ArrayLike, steps: int = STEPS) -> NDArray[np.float64]:
    """Recall of each seed at the false-positive rates 0, 1/steps, … 1, (S, steps + 1), to be averaged vertically.

    Where a curve rises straight up, it is the upper end: the most recall that the rate allows. In between it is
    interpolated linearly (Fawcett, Pattern Recognit. Lett. 27, 2006, algorithm 3).

    Raises:
        InputError: as `roc_points`, or `steps` is below 1.

    >>> roc_on_grid([[2.0, 0.5, 0.5, -1.0]], [1, 1, 0, 0], steps=4).tolist()
    [[0.5, 0.75, 1.0, 1.0, 1.0]]
    """
    if steps < 1:
        raise InputError(f"ROC curve on {steps} steps: needs one or more")
    grid = np.arange(steps + 1) / steps
    rows = []
    for fpr, tpr in roc_points(logits, labels):
        at = np.searchsorted(fpr, grid, side="right") - 1
        after = np.minimum(at + 1, len(fpr) - 1)
        width = fpr[after] - fpr[at]
        share = np.divide(grid - fpr[at], width, out=np.zeros_like(grid), where=width > 0)
        rows.append(tpr[at] + share * (tpr[after] - tpr[at]))
    return np.stack(rows)


def reliability(
    logits: ArrayLike, labels: ArrayLike, bins: int = BINS
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean predicted probability of synthetic and observed share of synthetic images per bin, each (S, B).

    Each seed's images are put in rising order of its own probability and cut into B bins of equal numbers of images
    (to one): equal mass, since a trained detector's probabilities crowd at both ends. B is `bins`, or the number of
    images where that is smaller. Tied images each count as their mean label, so that their order does not matter.

    Raises:
        InputError: as `roc_points`, or `bins` is below 1.

    >>> predicted, observed = reliability([[-50.0, -50.0, 0.0, 0.0]], [0, 0, 1, 0], bins=2)
    >>> predicted.round(3).tolist(), observed.tolist()
    ([[0.0, 0.5]], [[0.0, 0.5]])
    """
    if bins < 1:
        raise InputError(f"reliability diagram of {bins} bins: needs one or more")
    values, positive = checked("ece", logits, labels)
    n = len(positive)
    bins = min(bins, n)
    edges = np.arange(bins + 1) * n // bins
    predicted, observed = np.empty((len(values), bins)), np.empty((len(values), bins))
    for seed, row in enumerate(values):
        order = np.argsort(row, kind="stable")
        _, codes, sizes = np.unique(row[order], return_inverse=True, return_counts=True)
        label = (np.bincount(codes, weights=positive[order]) / sizes)[codes]
        p = probabilities(row[order])
        for number, (start, end) in enumerate(pairwise(edges)):
            predicted[seed, number] = p[start:end].mean()
            observed[seed, number] = label[start:end].mean()
    return predicted, observed


def curve_rows(own: Mapping[str, Decisions]) -> Iterator[Curve]:
    """The ROC curve and the reliability diagram of each variant on one test set, along the paths of `own`.

    Both are means over seeds, with the lowest and highest seed at each position: all that these runs showed, whatever
    their number, and no interval. A t interval at each position would promise more than a few seeds can hold, and
    would leave 0 … 1; the crossed interval stands beside the AUC and the ECE.
    """
    for variant, decisions in own.items():
        labels, logits = decisions.labels, decisions.logits
        if (reason := undefined_reason("auc", labels, logits)) is not None:
            yield _curve("roc", variant, decisions, reason=reason)
        else:
            grid = np.arange(STEPS + 1) / STEPS
            yield _curve("roc", variant, decisions, grid, roc_on_grid(logits, labels))
        if (reason := undefined_reason("ece", labels, logits)) is not None:
            yield _curve("calibration", variant, decisions, reason=reason)
        else:
            predicted, observed = reliability(logits, labels)
            yield _curve("calibration", variant, decisions, predicted.mean(axis=0), observed)


def _points(row: NDArray[np.floating], positive: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    order = np.argsort(-row, kind="stable")
    ranked, hits = row[order], np.cumsum(positive[order])
    last = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(row) - 1)
    found = np.concatenate([[0], hits[last]])
    called = np.concatenate([[0], last + 1])
    # Whole numbers divided once: a rate that is on the grid is met exactly.
    return (called - found) / np.count_nonzero(~positive), found / np.count_nonzero(positive)


def _curve(
    kind: str,
    variant: str,
    decisions: Decisions,
    x: NDArray[np.float64] | None = None,
    seeds: NDArray[np.float64] | None = None,
    reason: str | None = None,
) -> Curve:
    """A row of the summary from positions (G,) and the values of seeds (S, G), or the reason why there are none."""
    numbers: dict[str, list[float]] = {}
    if x is not None and seeds is not None:
        numbers = {
            "x": x.tolist(),
            "mean": seeds.mean(axis=0).tolist(),
            "low": seeds.min(axis=0).tolist(),
            "high": seeds.max(axis=0).tolist(),
        }
    labels = {
        "kind": kind,
        "variant": variant,
        "test_set": decisions.test_set,
        "path": decisions.path,
        "n_seeds": len(decisions.seeds),
        "n_images": len(decisions.labels),
        "reason": reason,
    }
    return Curve.model_validate(labels | numbers)
