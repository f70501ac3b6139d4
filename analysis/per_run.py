"""Intervals and tests of a single run: one seed, new images, nothing about other seeds.

Logits here have shape (I,), one per image; labels have shape (I,): 1 = synthetic = positive.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special
from statsmodels.stats.proportion import proportion_confint

from analysis.errors import InputError
from analysis.ranks import placements


@dataclass(frozen=True)
class ProportionInterval:
    """A proportion of `n` images and its limits, as fractions."""

    estimate: float
    low: float
    high: float
    n: int
    confidence: float


@dataclass(frozen=True)
class AucInterval:
    """An AUC and its limits, 0 … 1; where they are not defined they are None and `reason` says why."""

    estimate: float
    standard_error: float | None
    low: float | None
    high: float | None
    confidence: float
    reason: str | None = None


@dataclass(frozen=True)
class AucTest:
    """The difference of two AUCs on the same images, first - second, z = difference / standard error, two-sided p."""

    difference: float
    standard_error: float | None
    z: float | None
    p: float | None
    reason: str | None = None


def wilson(successes: int, n: int, confidence: float = 0.95) -> ProportionInterval:
    """Wilson's score interval of a proportion (J. Am. Stat. Assoc. 22, 1927), such as one run's accuracy.

    Raises:
        InputError: `n` is below 1, `successes` lies outside 0 … `n`, or `confidence` outside (0, 1).

    >>> result = wilson(81, 263)
    >>> round(result.low, 4), round(result.high, 4)
    (0.2553, 0.3662)
    """
    return _proportion(successes, n, confidence, "wilson")


def clopper_pearson(successes: int, n: int, confidence: float = 0.95) -> ProportionInterval:
    """The exact interval of a proportion (Clopper and Pearson, Biometrika 26, 1934): never too narrow, often too wide.

    Raises:
        InputError: as `wilson`.

    >>> result = clopper_pearson(81, 263)
    >>> round(result.low, 4), round(result.high, 4)
    (0.2527, 0.3676)
    """
    return _proportion(successes, n, confidence, "beta")


def delong_interval(logits: ArrayLike, labels: ArrayLike, confidence: float = 0.95) -> AucInterval:
    """DeLong's interval of one run's AUC: AUC ± z·√(s²(V10)/n₁ + s²(V01)/n₀), cut to 0 … 1.

    (DeLong, DeLong and Clarke-Pearson, Biometrics 44, 1988.) Where the classes are parted completely the variance is 0
    and the interval is not defined; so it is with one image in a class.

    Raises:
        InputError: `logits` is no row of finite numbers or all are equal, `labels` do not fit it or lack a class, or
            `confidence` lies outside (0, 1).

    >>> result = delong_interval([2.0, 0.5, 1.0, -1.0, 0.5, 0.0], [1, 1, 1, 0, 0, 0])
    >>> round(result.estimate, 4), round(result.low, 4), result.high
    (0.9444, 0.7905, 1.0)
    """
    _check_confidence(confidence)
    v10, v01 = _row_placements(logits, labels)
    area = float(v10.mean())
    variance, reason = _variance(v10, v01)
    if reason is not None:
        return AucInterval(area, None, None, None, confidence, f"{reason}: interval not defined")
    error = math.sqrt(variance)
    half = float(special.ndtri(0.5 + confidence / 2)) * error
    return AucInterval(area, error, max(area - half, 0.0), min(area + half, 1.0), confidence)


def delong_test(logits_a: ArrayLike, logits_b: ArrayLike, labels: ArrayLike) -> AucTest:
    """DeLong's test that two runs have equal AUCs on the same images; paired, two-sided, asymptotic.

    The variance is that of the placements' differences, which holds their covariance (DeLong et al. 1988).

    Raises:
        InputError: as `delong_interval`, or the runs have different numbers of images.

    >>> labels = [1, 1, 1, 1, 0, 0, 0, 0]
    >>> result = delong_test([3, 2, 1, 0, 1, 0, -1, -2], [0, 3, 1, -1, 2, 0, -1, 1], labels)
    >>> result.difference, round(result.p, 4)
    (0.34375, 0.0494)
    """
    first, second = _row_placements(logits_a, labels), _row_placements(logits_b, labels)
    difference = float(first[0].mean() - second[0].mean())
    variance, reason = _variance(first[0] - second[0], first[1] - second[1])
    if reason is not None:
        return AucTest(difference, None, None, None, f"{reason}: test not defined")
    error = math.sqrt(variance)
    z = difference / error
    return AucTest(difference, error, z, float(2 * special.ndtr(-abs(z))))


def _proportion(successes: int, n: int, confidence: float, method: str) -> ProportionInterval:
    _check_confidence(confidence)
    if n < 1 or not 0 <= successes <= n:
        raise InputError(f"{successes} of {n} images: needs one image or more, and no more successes than images")
    low, high = proportion_confint(successes, n, alpha=1 - confidence, method=method)
    return ProportionInterval(successes / n, float(low), float(high), n, confidence)


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise InputError(f"confidence {confidence}: must lie between 0 and 1, such as 0.95")


def _row_placements(logits: ArrayLike, labels: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    values = np.asarray(logits)
    if values.ndim != 1:
        raise InputError(f"logits of shape {values.shape}: one run has (I,)")
    v10, v01 = placements(values[None], labels)
    if (values == values[0]).all():
        raise InputError("constant predictions: AUC is not defined")
    return v10[0], v01[0]


def _variance(synthetic: NDArray[np.float64], real: NDArray[np.float64]) -> tuple[float, str | None]:
    """The variance of the sum of two means, or the reason why it is not defined."""
    if min(len(synthetic), len(real)) < 2:
        return math.nan, "one image of a class"
    # Equal placements differ by the rounding of ranks.
    parts = [float(part.var(ddof=1)) / len(part) for part in (synthetic, real)]
    return sum(parts), "no variation" if sum(parts) < 1e-24 else None
