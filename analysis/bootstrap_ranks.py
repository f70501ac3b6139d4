"""The multi-bootstrap of metrics that are no smooth function of means: EER, recall at 5 % false positives and ECE.

Every draw is exact: it is the metric of the images drawn, each as often as it was drawn. Nothing is sorted again. Each
run's logits are sorted once, and a draw is a vector of counts. Where a threshold moves to is decided near the one of
all images, by the cumulated counts of a window that holds it in nearly every draw; for the few others the whole order
is cumulated. The ECE's bins are fixed, so that its sums are matrix products.

Simulated with normal logits, 2 standard deviations apart, the standard error over images is .82 – .97 of the grouped
jackknife's for EER and recall, and .94 – 1.17 of the true one (`benchmarks/NOTES.md`). The ECE of a resample is biased
upwards once more, beyond that of the images themselves: its draws are for differences of variants, where that cancels
in part.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.bootstrap import check_draws
from analysis.calibration import BINS, bins_of, probabilities
from analysis.errors import InputError
from analysis.image_counts import BLOCK_BYTES, image_counts, product, seed_weights
from analysis.quantities import NOT_SMOOTH, Quantity, checked
from analysis.ranks import allowed_alarms, where_rates_cross

DEVIATIONS = 4.0
"""Half the width of a window, in standard deviations of the sum that decides where the threshold lies."""

Counts = NDArray[np.float32]
"""How often each image was drawn, (draws, I); whole numbers."""


def resample_not_smooth(
    quantities: Sequence[Quantity],
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    draws: int = 10_000,
    generator: np.random.Generator,
    block_bytes: int = BLOCK_BYTES,
) -> dict[Quantity, NDArray[np.float64]]:
    """EER, recall at 5 % false positives or ECE of K variants under resampling of seeds and images, (K, draws) each.

    Draw b of variant k is Σ_s w_s T(k, s, b) / S, with w_s the counts of S seeds drawn with replacement and T the
    metric of run s on the images drawn with replacement within their class: for the images as often as they were drawn
    it is what `analysis.metrics.metric` gives, to within 1e-12. Seeds and images are those that
    `analysis.bootstrap.resample_means` draws from the same generator state for images sorted by label, so that all
    variants, and these metrics and the others, are paired.

    Args:
        quantities: of `analysis.quantities.NOT_SMOOTH`.
        logits: (K, S, I), or (S, I) for one variant.
        labels: (I,), 1 = synthetic.
        draws: number of draws.
        generator: source of randomness, able to spawn others.
        block_bytes: memory for one block of counts; a block holds at least 64 draws.

    Raises:
        InputError: as the metrics' functions, a quantity is another, or draws or block_bytes are below 1.

    >>> logits, labels = [[3.0, 1.0, 2.0, 0.0], [3.0, 2.0, 1.0, 0.0]], [1, 1, 0, 0]
    >>> found = resample_not_smooth(["eer"], logits, labels, draws=500, generator=np.random.default_rng(0))
    >>> found["eer"].shape, round(float(found["eer"].mean()), 2)
    ((1, 500), 0.15)
    """
    table = np.asarray(logits)
    table = table[None] if table.ndim == 2 else table
    if table.ndim != 3 or 0 in table.shape:
        raise InputError(f"logits of shape {np.shape(logits)}: need (variants, seeds, images), at least one of each")
    check_draws(draws, block_bytes)
    n_variants, n_seeds, n_images = table.shape
    runs = table.reshape(-1, n_images)
    for quantity in quantities:
        if quantity not in NOT_SMOOTH:
            raise InputError(f"{quantity} is a function of means: take `resample_means` of its values per image")
        checked(quantity, runs, labels)
    positive = np.asarray(labels) == 1
    by_class = np.argsort(positive, kind="stable")
    runs, positive = runs[:, by_class], positive[by_class]
    seeds, images = generator.spawn(2)
    weights = seed_weights(n_seeds, draws, seeds)
    found = {quantity: np.empty((n_variants, draws)) for quantity in quantities}
    parts = {quantity: _PARTS[quantity](runs, positive) for quantity in found}
    done = 0
    # counts and the errors' sums in float64
    per_draw = 8 * n_images + 16 * BINS * len(runs)
    for counts in image_counts(positive.astype(np.int64), draws, images, block_bytes, per_draw):
        kept = min(len(counts), draws - done)
        share = weights[done : done + kept]
        for quantity, part in parts.items():
            values = part.of(counts[:kept]).reshape(kept, n_variants, n_seeds)
            found[quantity][:, done : done + kept] = np.einsum("bks,bs->kb", values, share)
        done += kept
    return found


class _Ece:
    """Calibration errors of all runs: sums of p - y over the images of each bin."""

    def __init__(self, runs: NDArray[np.floating], positive: NDArray[np.bool_]) -> None:
        p = probabilities(runs)
        self._gaps = np.zeros((len(runs), BINS, len(positive)))
        np.put_along_axis(self._gaps, bins_of(p)[:, None], (p - positive)[:, None], axis=1)

    def of(self, counts: Counts) -> NDArray[np.float64]:
        """Every run's error under every draw, (draws, runs)."""
        n_runs, _, n_images = self._gaps.shape
        gaps = product(counts.astype(np.float64), self._gaps.reshape(-1, n_images))
        return np.asarray(np.abs(gaps).reshape(-1, n_runs, BINS).sum(axis=2) / n_images)


@dataclass(frozen=True)
class _Below:
    """How many images drawn lie at or below a logit, (draws,) each: real and synthetic ones."""

    real: NDArray[np.float64]
    synthetic: NDArray[np.float64]


class _Threshold:
    """The threshold of one run, which moves with the images drawn.

    It is the lowest logit at which `by_real` · (real images drawn at or below) + `by_synthetic` · (synthetic ones)
    exceeds `limit`. The sum only grows with the logit, so that it is enough to look where it may cross the limit.
    """

    def __init__(
        self, logits: NDArray[np.floating], positive: NDArray[np.bool_], by_real: int, by_synthetic: int, limit: int
    ) -> None:
        self._order = np.argsort(logits, kind="stable")
        ranked, synthetic = logits[self._order], positive[self._order]
        self._synthetic = synthetic.astype(np.float32)
        self._by_real, self._by_synthetic, self._limit = by_real, by_synthetic, limit
        n_synthetic = int(positive.sum())
        n_real = len(positive) - n_synthetic
        # Whole numbers below 2²⁴ are exact in float32.
        self._exact = np.float32 if by_real * n_real + by_synthetic * n_synthetic < 2**24 else np.float64
        # A threshold takes ties together: it lies at the last image of one.
        self._ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
        m = np.cumsum(synthetic)[self._ends]
        r = self._ends + 1 - m
        expected = by_real * r + by_synthetic * m - limit
        variance = by_real**2 * r * (1 - r / n_real) + by_synthetic**2 * m * (1 - m / n_synthetic)
        margin = DEVIATIONS * np.sqrt(variance)
        below, above = np.flatnonzero(expected < -margin), np.flatnonzero(expected > margin)
        self._first = int(below[-1]) if len(below) else 0
        self._last = int(above[0]) if len(above) else len(self._ends) - 1

    def before_window(self) -> NDArray[np.bool_]:
        """Which images (I,) lie below the window."""
        found = np.zeros(len(self._order), dtype=np.bool_)
        found[self._order[: self._start(self._first)]] = True
        return found

    def below(self, counts: Counts, base: _Below) -> tuple[_Below, _Below]:
        """What lies at or below the threshold, and at or below the next lower logit; `base` lies below the window."""
        at, under, outside = self._search(counts, base, self._first, self._last)
        if len(outside):
            nothing = np.zeros(len(outside))
            every = self._search(counts[outside], _Below(nothing, nothing), 0, len(self._ends) - 1)
            for part, exact in ((at, every[0]), (under, every[1])):
                part.real[outside], part.synthetic[outside] = exact.real, exact.synthetic
        return at, under

    def _start(self, first: int) -> int:
        return int(self._ends[first - 1]) + 1 if first else 0

    def _search(self, counts: Counts, base: _Below, first: int, last: int) -> tuple[_Below, _Below, NDArray[np.intp]]:
        """As `below`, among the ends of ties `first` … `last`; and the draws whose threshold is none of them."""
        start, stop = self._start(first), int(self._ends[last]) + 1
        here = counts.take(self._order[start:stop], axis=1)
        synthetic = np.cumsum(here * self._synthetic[start:stop], axis=1)
        both = np.cumsum(here, axis=1, out=here)
        if last - first + 1 < stop - start:
            columns = self._ends[first : last + 1] - start
            synthetic, both = synthetic[:, columns], both[:, columns]
        left = self._limit - self._by_real * base.real - self._by_synthetic * base.synthetic
        more = self._by_synthetic - self._by_real
        reached = np.multiply(both, self._by_real, dtype=self._exact)
        if more:
            reached += np.multiply(synthetic, more, dtype=self._exact)
        past = reached > left[:, None].astype(self._exact)
        place = past.argmax(axis=1)
        outside = np.flatnonzero((left < 0) | ~past[:, -1])
        rows = np.arange(len(counts))

        def sums(columns: NDArray[np.intp], some: NDArray[np.bool_]) -> _Below:
            m = np.where(some, synthetic[rows, columns], 0.0)
            return _Below(base.real + np.where(some, both[rows, columns], 0.0) - m, base.synthetic + m)

        return sums(place, np.ones(len(counts), dtype=np.bool_)), sums(np.maximum(place - 1, 0), place > 0), outside


class _Thresholded(ABC):
    """A metric that is made of what lies below each run's threshold."""

    def __init__(self, runs: NDArray[np.floating], positive: NDArray[np.bool_]) -> None:
        self._n_synthetic = int(positive.sum())
        self._n_real = len(positive) - self._n_synthetic
        self._thresholds = [_Threshold(row, positive, *self._criterion()) for row in runs]
        before = np.stack([threshold.before_window() for threshold in self._thresholds])
        self._before = np.concatenate([before & ~positive, before & positive]).astype(np.float32)

    def of(self, counts: Counts) -> NDArray[np.float64]:
        """Every run's metric under every draw, (draws, runs)."""
        base = product(counts, self._before).astype(np.float64)
        real, synthetic = np.split(base, 2, axis=1)
        found = np.empty(real.shape)
        for run, threshold in enumerate(self._thresholds):
            found[:, run] = self._metric(*threshold.below(counts, _Below(real[:, run], synthetic[:, run])))
        return found

    @abstractmethod
    def _criterion(self) -> tuple[int, int, int]:
        """Weights of a real and of a synthetic image, and the limit (`_Threshold`)."""

    @abstractmethod
    def _metric(self, at: _Below, under: _Below, /) -> NDArray[np.float64]:
        """The metric (draws,) of what lies at or below the threshold and the next lower logit."""


class _Eer(_Thresholded):
    """The threshold is the lowest at which misses are more frequent than false alarms."""

    def _criterion(self) -> tuple[int, int, int]:
        # Misses M of n₁ exceed the alarms n₀ - R of n₀ where n₀ M + n₁ R > n₀ n₁; divided by the common factor.
        common = math.gcd(self._n_real, self._n_synthetic)
        return self._n_synthetic // common, self._n_real // common, self._n_real * self._n_synthetic // common

    def _metric(self, at: _Below, under: _Below, /) -> NDArray[np.float64]:
        return where_rates_cross(
            (under.synthetic, self._n_real - under.real),
            (at.synthetic, self._n_real - at.real),
            self._n_synthetic,
            self._n_real,
        )


class _Recall(_Thresholded):
    """The threshold is the lowest with no more real images above it than are allowed."""

    def _criterion(self) -> tuple[int, int, int]:
        return 1, 0, self._n_real - allowed_alarms(self._n_real) - 1

    def _metric(self, at: _Below, _: _Below, /) -> NDArray[np.float64]:
        return np.asarray((self._n_synthetic - at.synthetic) / self._n_synthetic)


_PARTS: dict[Quantity, type[_Ece] | type[_Thresholded]] = {"eer": _Eer, "recall_at_5_fpr": _Recall, "ece": _Ece}
