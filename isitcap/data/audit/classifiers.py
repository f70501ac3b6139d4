"""Can the label be told from a few columns? A small classifier, cross-validated, with an interval and a null."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import special

from analysis.ranks import placements
from isitcap.errors import UserError

FOLDS = 5
LEAST = 2 * FOLDS
"""Groups that hold an image of a class, at least, for both classes."""

Kind = Literal["tree", "logistic"]
Columns = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int8]
Groups = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Told:
    """How well a classifier told label 1 from label 0 on images that it had not seen.

    `auc` is the mean over folds, `p` the share of label permutations that reached it (one-sided), `scores` (N,) the
    probability of label 1 that each image was given. What is not defined is None, and `reason` says why.
    """

    n: int
    auc: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    permutations: int = 0
    balanced: float | None = None
    """Mean share of each class that was decided rightly, at a probability of one half."""
    reason: str | None = None
    scores: npt.NDArray[np.float64] | None = field(default=None, repr=False)


def cross_validate(
    columns: Columns,
    labels: Labels,
    groups: Groups,
    kind: Kind,
    rng: np.random.Generator,
    *,
    permutations: int = 0,
    confidence: float = 0.95,
) -> Told:
    """The cross-validated AUC of a classifier of `kind`; all images of a group are in one fold.

    The interval is that of LeDell, Petersen and van der Laan (Electron. J. Stat. 9, 2015): DeLong's placements within
    each fold, summed over the images of a group, since copies count once. Where a fold parts the classes completely in
    every case, the variance is 0, and the lower limit is Clopper and Pearson's of the smaller class without an error.
    Where there is nothing to tell, folds depend on each other and it covers about .8 at nominal .95 (measured on 200
    and 1,000 images of noise, 120 draws each); with an AUC of .64 and more it covers .89 to .98. So the null, and not
    the interval, says whether anything is told: it fits anew to labels that were permuted among groups of equal size
    and within them.

    Args:
        columns: (N, F), finite.
        labels: (N,), 0 or 1.
        groups: (N,), images that are copies of each other share a number.
        kind: `logistic` is L2-regularised on standardised columns, `tree` a decision tree of depth 6.
        rng: Of the folds and permutations.
        permutations: How many the null has; 0 for none.
        confidence: Of the interval.

    Raises:
        UserError: scikit-learn is not installed.
    """
    counts = [len(np.unique(groups[labels == label])) for label in (0, 1)]
    if min(counts) < LEAST:
        return Told(len(labels), reason=f"fewer than {LEAST} distinct images of a class")
    folds = _folds(labels, groups, rng)
    scores = _scores(columns, labels, folds, kind)
    auc, variance = _auc(scores, labels, groups, folds)
    half = float(special.ndtri(0.5 + confidence / 2)) * float(np.sqrt(variance))
    low, high = max(0.0, auc - half), min(1.0, auc + half)
    if variance < 1e-24 and auc == 1:
        low = float(((1 - confidence) / 2) ** (1 / min(counts)))
    reached = 0
    for _ in range(permutations):
        shuffled = permute(labels, groups, rng)
        # Folds are drawn anew for each: the same rule, for labels that lie otherwise.
        parts = _folds(shuffled, groups, rng)
        reached += _auc(_scores(columns, shuffled, parts, kind), shuffled, groups, parts)[0] >= auc
    called = scores > 0.5
    return Told(
        n=len(labels),
        auc=auc,
        low=low,
        high=high,
        p=(1 + reached) / (1 + permutations) if permutations else None,
        permutations=permutations,
        balanced=float((called[labels == 1].mean() + (~called[labels == 0]).mean()) / 2),
        scores=scores,
    )


def fitted_scores(columns: Columns, labels: Labels, others: Columns, kind: Kind) -> npt.NDArray[np.float64]:
    """The probability of label 1 of `others` (M, F), by a classifier fitted to all of `columns` (N, F)."""
    model = _model(kind, len(labels))
    from sklearn import config_context

    # Its checks of settings, which are ours, take as long as a small fit.
    with config_context(skip_parameter_validation=True, assume_finite=True):
        return np.asarray(model.fit(columns, labels).predict_proba(others)[:, 1])


def permute(labels: Labels, groups: Groups, rng: np.random.Generator) -> Labels:
    """Labels permuted among groups of equal size, as wholes, and then within each group."""
    out = np.empty_like(labels)
    order = np.argsort(groups, kind="stable")
    _, starts, sizes = np.unique(groups[order], return_index=True, return_counts=True)
    for size in np.unique(sizes):
        rows = order[starts[sizes == size][:, None] + np.arange(size)]
        out[rows] = rng.permuted(labels[rows][rng.permutation(len(rows))], axis=1)
    return out


def sample(labels: Labels, groups: Groups, most: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Rows of at most `most` images, half of them of each class where there are enough; whole groups first."""
    rank = rng.permutation(int(groups.max(initial=0)) + 1)[groups]
    chosen = []
    for label in (0, 1):
        rows = np.flatnonzero(labels == label)
        chosen.append(rows[np.argsort(rank[rows], kind="stable")][: most // 2])
    return np.sort(np.concatenate(chosen))


def _folds(labels: Labels, groups: Groups, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """(N,) number of the fold; groups with the same labels are spread evenly."""
    _, inverse = np.unique(groups, return_inverse=True)
    size = np.bincount(inverse)
    stratum = np.sign(np.bincount(inverse, weights=labels) - size / 2)
    # Large groups first, or the last fold might get them all.
    order = np.lexsort((rng.permutation(len(size)), -size, stratum))
    fold = np.empty(len(size), dtype=np.int64)
    fold[order] = np.arange(len(size)) % FOLDS
    return np.asarray(fold[inverse])


def _scores(columns: Columns, labels: Labels, folds: npt.NDArray[np.int64], kind: Kind) -> npt.NDArray[np.float64]:
    scores = np.empty(len(labels))
    for fold in range(FOLDS):
        here = folds == fold
        if len(np.unique(labels[~here])) == 2:
            scores[here] = fitted_scores(columns[~here], labels[~here], columns[here], kind)
        else:
            scores[here] = labels[~here].mean()
    return scores


def _auc(
    scores: npt.NDArray[np.float64], labels: Labels, groups: Groups, folds: npt.NDArray[np.int64]
) -> tuple[float, float]:
    """Mean over folds of the AUC, and its variance; a fold with one class is left out."""
    areas = []
    influence = np.zeros(len(labels))
    for fold in range(FOLDS):
        rows = np.flatnonzero(folds == fold)
        positive = labels[rows] == 1
        if positive.all() or not positive.any():
            continue
        v10, v01 = placements(scores[rows][None], labels[rows])
        area = float(v10.mean())
        areas.append(area)
        influence[rows[positive]] = (v10[0] - area) / positive.sum()
        influence[rows[~positive]] = (v01[0] - area) / (~positive).sum()
    by_group = np.bincount(np.unique(groups, return_inverse=True)[1], weights=influence / len(areas))
    return float(np.mean(areas)), float(np.square(by_group).sum())


def _model(kind: Kind, n: int) -> Any:
    try:
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
        from sklearn.tree import DecisionTreeClassifier
    except ModuleNotFoundError:
        raise UserError(
            "`isitcap data audit` needs scikit-learn, which is not installed; install it with: "
            "pip install 'isitcap[audit]'"
        ) from None
    if kind == "tree":
        return DecisionTreeClassifier(
            max_depth=6, min_samples_leaf=max(2, n // 400), class_weight="balanced", random_state=0
        )
    return make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=2000))
