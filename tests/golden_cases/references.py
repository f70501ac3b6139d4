"""Inputs with their seeds, and the references that several comparisons share."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import interpolate, optimize, stats
from sklearn import calibration, metrics
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

Array = NDArray[np.float64]

CROSSED = (
    "estimate",
    "low",
    "high",
    "df",
    "p",
    "standard_error",
    "half_width_crossed",
    "half_width_images",
    "standard_error_images",
    "df_images",
    "var_seed",
    "var_image",
    "var_residual",
)
"""Fields of a crossed interval, in the order that `crossed` gives them."""

BY_ANOVA = "mean squares by statsmodels anova_lm, t by scipy.stats.t"
"""How `crossed` comes by its numbers; the formulas are those of Hillis, Stat. Med. 26, 2007."""


def studies(seeds: int = 3, images: int = 80, count: int = 6) -> Iterator[tuple[Array, NDArray[np.int64], Array]]:
    """Logits (S, I), labels (I,) and a threshold per seed, of generators 0, 1, …: with ties and without, one float32.

    The share of synthetic images is .4, in the last study .15.
    """
    for number in range(count):
        rng = np.random.default_rng(number)
        labels = np.zeros(images, dtype=int)
        labels[: round(images * (0.15 if number == count - 1 else 0.4))] = 1
        rng.shuffle(labels)
        logits = np.round(rng.normal(size=(seeds, images)) + 1.2 * labels - 0.5, 1 if number % 2 == 0 else 8)
        yield logits.astype(np.float32 if number == 4 else np.float64), labels, np.round(rng.normal(size=seeds) / 4, 1)


def tables(count: int = 6) -> Iterator[tuple[Array, Array, Array]]:
    """Values (S, I) of two arms and groups of images (I,), with seed, image and arm-by-image effects."""
    for number in range(count):
        rng = np.random.default_rng(100 + number)
        n_seeds, n_images = (3, 5, 8)[number % 3], (16, 30)[number % 2]
        image = rng.normal(size=n_images)
        arms = [
            image
            + 0.2 * arm
            + 0.4 * rng.normal(size=n_images)
            + 0.3 * rng.normal(size=(n_seeds, 1))
            + rng.normal(size=(n_seeds, n_images))
            for arm in (1, 0)
        ]
        if number >= 3:
            arms = [(arm > -0.5).astype(float) for arm in arms]
        yield arms[0], arms[1], (rng.random(n_images) < 0.4).astype(float)


def mean_squares(values: Array) -> tuple[float, float, float]:
    """Mean squares of seed, image and residual of a two-way layout (S, I)."""
    n_seeds, n_images = values.shape
    frame = pd.DataFrame(
        {"y": values.ravel(), "s": np.repeat(range(n_seeds), n_images), "i": np.tile(range(n_images), n_seeds)}
    )
    found = anova_lm(ols("y ~ C(s) + C(i)", frame).fit())["mean_sq"]
    return float(found["C(s)"]), float(found["C(i)"]), float(found["Residual"])


def crossed(strata: Sequence[tuple[Array, float]], confidence: float = 0.95) -> dict[str, float]:
    """`CROSSED` of Σ w · mean, from analyses of variance of each group of images (S, I_g) with its weight."""
    n_seeds, n = len(strata[0][0]), sum(values.shape[1] for values, _ in strata)
    theta = sum(weight * pd.DataFrame(values).mean(axis=1) for values, weight in strata)
    squares = [mean_squares(values) for values, _ in strata]
    sizes, weights = [values.shape[1] for values, _ in strata], [weight for _, weight in strata]
    a = stats.sem(theta) ** 2
    if len(strata) == 1:
        a = weights[0] ** 2 * squares[0][0] / (n_seeds * n)
    b = [w**2 * max(i - e, 0) / (n_seeds * m) for w, m, (_, i, e) in zip(weights, sizes, squares, strict=True)]
    error = math.sqrt(a + sum(b))
    df = (a + sum(b)) ** 2 / (a**2 / (n_seeds - 1) + sum(x**2 / (m - 1) for x, m in zip(b, sizes, strict=True)))
    rest = sum(w**2 * e / m for w, m, (_, _, e) in zip(weights, sizes, squares, strict=True))
    error_images = math.hypot(*(w * stats.sem(values.mean(axis=0)) for values, w in strata))
    upper = (1 + confidence) / 2
    half, half_images = stats.t.ppf(upper, df) * error, stats.t.ppf(upper, n - len(strata)) * error_images
    estimate = float(np.mean(theta))
    numbers = (
        estimate,
        estimate - max(half, half_images),
        estimate + max(half, half_images),
        df,
        2 * stats.t.sf(abs(estimate) / error, df),
        error,
        half,
        half_images,
        error_images,
        n - len(strata),
        max(n_seeds * a - rest, 0),
        n * sum(b),
        n * rest,
    )
    return dict(zip(CROSSED, map(float, numbers), strict=True))


def fields(result: Any) -> list[float]:
    """`CROSSED` of a crossed interval."""
    return [getattr(result, name) for name in CROSSED]


def split(values: Array, groups: Array) -> list[tuple[Array, float]]:
    """Groups of images with their shares as weights, for `crossed`."""
    return [(values[:, groups == name], float(np.mean(groups == name))) for name in np.unique(groups)]


def sigmoid(values: Array) -> Array:
    """1/(1 + exp(-x)) as ½(1 + tanh(x/2))."""
    return (1 + np.tanh(np.asarray(values, dtype=np.float64) / 2)) / 2


def eer_by_root(labels: NDArray[np.int64], row: Array) -> float:
    """Where the ROC curve, drawn as straight lines between its points, meets the falling diagonal."""
    fpr, tpr, _ = metrics.roc_curve(labels, row, drop_intermediate=False)
    curve = interpolate.interp1d(np.arange(len(fpr)), np.stack([fpr, tpr]))
    at = optimize.brentq(lambda t: curve(t)[0] - (1 - curve(t)[1]), 0, len(fpr) - 1, xtol=1e-14)
    return float(curve(at)[0])


def recall_by_curve(labels: NDArray[np.int64], row: Array) -> float:
    """The highest recall on the ROC curve with at most 5 % false positives."""
    fpr, tpr, _ = metrics.roc_curve(labels, row, drop_intermediate=False)
    return float(tpr[fpr <= 0.05].max())


def ece_by_curve(labels: NDArray[np.int64], row: Array) -> float:
    """The calibration error from scikit-learn's curve and the counts of a histogram."""
    p = sigmoid(row)
    share, mean = calibration.calibration_curve(labels, p, n_bins=15, strategy="uniform")
    counts = np.histogram(p, bins=15, range=(0, 1))[0]
    return float(np.average(np.abs(share - mean), weights=counts[counts > 0]))


Metric = Callable[..., float]


def _decided(function: Callable[..., float], **options: Any) -> Metric:
    return lambda labels, row, cut=0.0, weights=None: function(labels, row > cut, sample_weight=weights, **options)


def _ranked(function: Callable[..., float]) -> Metric:
    return lambda labels, row, cut=0.0, weights=None: function(labels, row, sample_weight=weights)


def _judged(function: Callable[..., float]) -> Metric:
    return lambda labels, row, cut=0.0, weights=None: function(labels, sigmoid(row), sample_weight=weights)


SKLEARN: dict[str, tuple[str, Metric]] = {
    "accuracy": ("accuracy_score", _decided(metrics.accuracy_score)),
    "balanced_accuracy": ("balanced_accuracy_score", _decided(metrics.balanced_accuracy_score)),
    "recall": ("recall_score", _decided(metrics.recall_score)),
    "specificity": ("recall_score(pos_label=0)", _decided(metrics.recall_score, pos_label=0)),
    "precision": ("precision_score", _decided(metrics.precision_score)),
    "f1": ("f1_score", _decided(metrics.f1_score)),
    "mcc": ("matthews_corrcoef", _decided(metrics.matthews_corrcoef)),
    "auc": ("roc_auc_score", _ranked(metrics.roc_auc_score)),
    "average_precision": ("average_precision_score", _ranked(metrics.average_precision_score)),
    "brier": ("brier_score_loss", _judged(metrics.brier_score_loss)),
    "log_loss": ("log_loss", _judged(metrics.log_loss)),
}
"""Smooth metrics: scikit-learn's function and a call (labels, logits, threshold, weights of images)."""

NOT_SMOOTH: dict[str, tuple[str, Callable[[NDArray[np.int64], Array], float]]] = {
    "eer": ("sklearn.metrics.roc_curve and scipy.optimize.brentq on its diagonal", eer_by_root),
    "recall_at_5_fpr": ("sklearn.metrics.roc_curve, highest recall with FPR ≤ .05", recall_by_curve),
    "ece": ("sklearn.calibration.calibration_curve(n_bins=15), numpy.histogram", ece_by_curve),
}


def slopes(function: Callable[[Array], float], at: Array, step: float = 2e-3) -> Array:
    """The gradient of a function of an array, by five-point central differences."""
    result = np.empty(at.shape)
    for place in itertools.product(*map(range, at.shape)):

        def moved(by: float, place: tuple[int, ...] = place) -> float:
            changed = at.copy()
            changed[place] += by
            return float(function(changed))

        near, far = moved(step) - moved(-step), moved(2 * step) - moved(-2 * step)
        result[place] = (8 * near - far) / (12 * step)
    return result


def centred_within(values: Array, groups: NDArray[Any]) -> Array:
    """Values (I,) less the mean of their group."""
    return values - pd.Series(values).groupby(groups).transform("mean").to_numpy()
