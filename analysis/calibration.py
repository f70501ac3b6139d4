"""Metrics of predicted probabilities, per seed: Brier score, log loss and calibration error.

Logits have shape (S, I): one row per seed, one column per image. Labels y have shape (I,): 1 = synthetic = positive.
A logit x gives the probability of synthetic p = 1/(1 + exp(-x)). Lower is better for all three.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from analysis.quantities import checked

BINS = 15
"""Bins of the calibration error, of equal width, each with its lower edge; the last one with both."""


def brier(logits: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """Brier score: mean of (p - y)², per seed (S,), from 0 to 1.

    Half of what Brier (Mon. Weather Rev. 78, 1950) defines, who sums over both classes.

    Raises:
        InputError: shapes do not fit, a logit is not finite, a label is neither 0 nor 1, or a class is missing.

    >>> brier([[0.0, 0.0], [50.0, -50.0]], [1, 0]).round(3).tolist()
    [0.25, 0.0]
    """
    values, positive = checked("brier", logits, labels)
    return np.asarray(squared_errors(values, positive).mean(axis=1))


def log_loss(logits: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """Log loss: mean of -ln(probability of the true class), per seed (S,), in nats, from 0 up.

    Computed from logits as ln(1 + exp(∓x)), which neither overflows nor needs a floor for sure errors.

    Raises:
        InputError: as `brier`.

    >>> log_loss([[0.0, 0.0], [-800.0, -800.0]], [1, 0]).round(3).tolist()
    [0.693, 400.0]
    """
    values, positive = checked("log_loss", logits, labels)
    return np.asarray(log_losses(values, positive).mean(axis=1))


def ece(logits: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """Expected calibration error with 15 bins of p, per seed (S,), from 0 to 1.

    Σ over bins of (share of the images in it) · |mean p - share of synthetic images in it|, with bins [k/15, (k+1)/15)
    of equal width (Naeini et al., AAAI 2015; of the probability of "synthetic", not of the more likely class). It is
    biased upwards, the more the fewer images there are.

    Raises:
        InputError: as `brier`.

    >>> ece([[0.0, 0.0, 0.0, 0.0]], [1, 0, 0, 0]).tolist()
    [0.25]
    """
    values, positive = checked("ece", logits, labels)
    return binned_error(probabilities(values), positive)


def probabilities(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """P(synthetic) (S, I) of logits (S, I), in float64."""
    return np.asarray(special.expit(values.astype(np.float64)))


def squared_errors(values: NDArray[np.floating], positive: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(p - y)² of every seed and image (S, I)."""
    return np.asarray(np.square(probabilities(values) - positive))


def log_losses(values: NDArray[np.floating], positive: NDArray[np.bool_]) -> NDArray[np.float64]:
    """-ln(probability of the true class) of every seed and image (S, I)."""
    return np.asarray(np.logaddexp(0.0, np.where(positive, -1.0, 1.0) * values.astype(np.float64)))


def bins_of(p: NDArray[np.float64]) -> NDArray[np.intp]:
    """The bin 0 … 14 of each probability, in the shape of `p`.

    >>> bins_of(np.array([0.0, 0.1, 1.0])).tolist()
    [0, 1, 14]
    """
    return np.minimum((p * BINS).astype(np.intp), BINS - 1)


def binned_error(p: NDArray[np.float64], positive: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The calibration error (S,) of probabilities (S, I) and a mask (I,) of the synthetic images; no checks."""
    n_seeds, n = p.shape
    bins = bins_of(p) + BINS * np.arange(n_seeds)[:, None]
    gaps = np.bincount(bins.ravel(), weights=(p - positive).ravel(), minlength=n_seeds * BINS)
    return np.asarray(np.abs(gaps).reshape(n_seeds, BINS).sum(axis=1) / n)
