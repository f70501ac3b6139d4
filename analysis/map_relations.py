"""How dispersion goes with the detector's confidence and with its being right, over images and for each seed.

Neither is a plain mean, so each seed's statistic T_s is carried by values per image, D[s, i] = T_s + U[s, i] with
Σ_i U = 0 and U the influence of an image on T_s (Hampel, JASA 69, 1974): the crossed interval of D then knows of
seeds and of images. Along a path with augmentation the decision is of the augmented image, the map of the plain one.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.dispersion_rows import NO_MAPS, row_with_p
from analysis.dispersion_subsets import OwnDecisions
from analysis.errors import InputError
from analysis.estimates import Undefined, Where, seed_rows
from analysis.intervals import CrossedInterval, Stratum, crossed_interval
from analysis.map_frames import MapCell
from analysis.summary import Estimate, SeedValue

CONFIDENCE = "confidence_spearman"
"""Suffix of a measure: its rank correlation with |logit|."""

CORRECTNESS = "correct_rank_biserial"
"""Suffix of a measure: positive where correct decisions have the higher values."""

SMALLEST_SIDE = 10
"""Each seed needs as many correct and as many wrong decisions; and as many images for a rank correlation."""


def relations(cell: MapCell, decisions: OwnDecisions, confidence: float) -> Iterator[tuple[Estimate, list[SeedValue]]]:
    """Both relations of every measure of a cell, each with the values of its seeds."""
    sure, correct = np.abs(decisions.of(cell)), decisions.correct(cell)
    for measure, values in cell.measures.items():
        kept = np.isfinite(values).all(axis=0)
        for name, outcome in (
            (CONFIDENCE, _confidence(values[:, kept], sure[:, kept], confidence)),
            (CORRECTNESS, _correctness(values[:, kept], correct[:, kept], confidence)),
        ):
            where = Where(f"{measure}_{name}", cell.variant, cell.test_set, f"{cell.method}.{cell.place}")
            per_seed = outcome.per_seed if isinstance(outcome, CrossedInterval) else None
            yield row_with_p(where, outcome), list(seed_rows(where, cell.seeds, per_seed, outcome.reason))


def spearman_per_image(first: ArrayLike, second: ArrayLike) -> NDArray[np.float64]:
    """Values (S, I) whose mean over images is each seed's Spearman correlation of `first` and `second`, both (S, I).

    With u, v the midranks over I, centred, N = mean(uv), A = mean(u²), B = mean(v²): ρ = N/√(AB), and an image moves
    N by uv + h(v) + k(u) - 3N, where h(v)_i is the mean of v over the images above i in `first` (ties ½) and k
    likewise in `second`; A by u² + 2 h(u) - 3A, and B likewise. Both enter by the delta method, so that ties count.

    Raises:
        InputError: the shapes differ or are not (S, I), a value is not finite, or a seed's values are all equal.

    >>> spearman_per_image([[1.0, 2.0, 3.0, 4.0]], [[1.0, 3.0, 2.0, 4.0]]).mean(axis=1).round(3).tolist()
    [0.8]
    """
    x, y = (np.asarray(values, dtype=np.float64) for values in (first, second))
    if x.ndim != 2 or x.shape != y.shape or x.shape[1] == 0:
        raise InputError(f"values of shape {x.shape} and {y.shape}: need (S, I) for both, with one image or more")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise InputError("values hold NaN or infinity: all must be finite")
    if any((np.ptp(values, axis=1) == 0).any() for values in (x, y)):
        raise InputError("all values of a seed are equal: a rank correlation is not defined")
    result = np.empty(x.shape)
    for s in range(len(x)):
        first_order, second_order = _Order(x[s]), _Order(y[s])
        u, v = first_order.ranks(), second_order.ranks()
        cross, a, b = float(np.mean(u * v)), float(np.mean(u * u)), float(np.mean(v * v))
        rho = cross / np.sqrt(a * b)
        d_cross = u * v + first_order.mean_above(v) + second_order.mean_above(u) - 3 * cross
        d_a = u * u + 2 * first_order.mean_above(u) - 3 * a
        d_b = v * v + 2 * second_order.mean_above(v) - 3 * b
        result[s] = rho + d_cross / np.sqrt(a * b) - rho * (d_a / (2 * a) + d_b / (2 * b))
    return result


def rank_biserial_per_image(values: ArrayLike, correct: ArrayLike) -> NDArray[np.float64]:
    """Values (S, I) whose mean over images is each seed's rank-biserial correlation (Cureton, Psychometrika 21, 1956).

    r = 2 P(a correct decision's value is above a wrong one's) - 1, ties ½, from -1 to 1: 2·AUC - 1, with DeLong's
    placements. `values` (S, I) are a measure, `correct` (S, I) says who was right.

    Raises:
        InputError: the shapes differ or are not (S, I), a value is not finite, or a seed has no correct or no wrong
            decision.

    >>> rank_biserial_per_image([[0.1, 0.2, 0.3, 0.4]], [[False, True, False, True]]).mean(axis=1).tolist()
    [0.5]
    """
    table, right = np.asarray(values, dtype=np.float64), np.asarray(correct, dtype=bool)
    if table.ndim != 2 or table.shape != right.shape:
        raise InputError(f"values of shape {table.shape} and correctness of shape {right.shape}: need (S, I) for both")
    if not np.isfinite(table).all():
        raise InputError("values hold NaN or infinity: all must be finite")
    if not (right.any(axis=1) & (~right).any(axis=1)).all():
        raise InputError("a seed has no correct or no wrong decision: a rank-biserial correlation is not defined")
    n = table.shape[1]
    result = np.empty(table.shape)
    for s in range(len(table)):
        sides = [(right[s], _share_below(table[s, ~right[s]], table[s, right[s]]))]
        sides.append((~right[s], 1 - _share_below(table[s, right[s]], table[s, ~right[s]])))
        area = sides[0][1].mean()
        for mask, placed in sides:
            result[s, mask] = 2 * area - 1 + 2 * n / len(placed) * (placed - area)
    return result


def _confidence(
    values: NDArray[np.float64], sure: NDArray[np.floating], confidence: float
) -> CrossedInterval | Undefined:
    n_seeds, n_images = values.shape
    if n_images < SMALLEST_SIDE:
        return Undefined(_too_few(n_images, "images"), n_seeds, n_images)
    if (np.ptp(values, axis=1) == 0).any() or (np.ptp(sure, axis=1) == 0).any():
        return Undefined("all values of a seed are equal: a rank correlation is not defined", n_seeds, n_images)
    return crossed_interval([Stratum(spearman_per_image(values, sure))], confidence)


def _correctness(
    values: NDArray[np.float64], correct: NDArray[np.bool_], confidence: float
) -> CrossedInterval | Undefined:
    n_seeds, n_images = values.shape
    if n_images == 0:
        return Undefined(NO_MAPS, n_seeds, 0)
    for name, side in (("correct decisions", correct), ("wrong decisions", ~correct)):
        least = int(side.sum(axis=1).min())
        if least < SMALLEST_SIDE:
            return Undefined(_too_few(least, f"{name} of a seed"), n_seeds, n_images)
    return crossed_interval([Stratum(rank_biserial_per_image(values, correct))], confidence)


def _too_few(count: int, what: str) -> str:
    return (
        NO_MAPS if what == "images" and count == 0 else f"{count} {what}: fewer than {SMALLEST_SIDE} give no relation"
    )


def _share_below(others: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each of `values` the share of `others` below it, ties ½."""
    ordered = np.sort(others)
    below, not_above = (np.searchsorted(ordered, values, side) for side in ("left", "right"))
    return np.asarray((below + not_above) / (2 * len(others)))


class _Order:
    """How the n values of one seed are ordered, ties ½: sorted once for the ranks and for all sums over them."""

    def __init__(self, values: NDArray[np.float64]) -> None:
        self.n = len(values)
        self.order = np.argsort(values)
        ordered = values[self.order]
        self.below, self.not_above = (np.searchsorted(ordered, values, side) for side in ("left", "right"))

    def ranks(self) -> NDArray[np.float64]:
        """Midranks over n, centred, (n,)."""
        return np.asarray((self.below + self.not_above - self.n) / (2 * self.n))

    def mean_above(self, given: NDArray[np.float64]) -> NDArray[np.float64]:
        """For each i the sum of `given` (n,) over the values above value i, over n."""
        sums = np.concatenate([[0.0], np.cumsum(given[self.order])])
        return np.asarray((sums[-1] - (sums[self.below] + sums[self.not_above]) / 2) / self.n)
