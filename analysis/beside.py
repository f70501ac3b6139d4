"""What stands beside the crossed interval: intervals that answer a narrower question, and say which.

The t interval over seeds is about new seeds on this test set; the images-only interval is about new images with these
seeds. Neither says what a new study, with new seeds and new images, would find.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from analysis.errors import InputError
from analysis.intervals import NO_VARIATION, CrossedInterval, Stratum, crossed_interval

ROUNDING = 1e-10
"""Values that differ by less than this share of the largest are equal: differences of metrics carry their rounding."""


@dataclass(frozen=True)
class Interval:
    """Limits of an interval; where it is not defined both are None and `reason` says why."""

    low: float | None = None
    high: float | None = None
    reason: str | None = None


def seed_t(theta: ArrayLike, confidence: float = 0.95) -> Interval:
    """Student's t interval of the mean of `theta` (S,), one value per seed: this test set, new seeds.

    θ̄ ± t(1 - α/2, S - 1) · s/√S. With constant values, or with one seed, it is not defined.

    Raises:
        InputError: `theta` is no row of finite numbers, or `confidence` lies outside (0, 1).

    >>> interval = seed_t([0.01, 0.02, 0.04, 0.01])
    >>> round(interval.low, 4), round(interval.high, 4)
    (-0.0025, 0.0425)
    >>> seed_t([0.01, 0.01, 0.01]).reason
    'no variation: interval not defined'
    """
    values = checked_theta(theta)
    check_confidence(confidence)
    if len(values) == 1:
        return Interval(reason="one seed: interval over seeds not defined")
    if is_constant(values):
        return Interval(reason=NO_VARIATION)
    half = float(special.stdtrit(len(values) - 1, 0.5 + confidence / 2)) * float(values.std(ddof=1))
    centre, half = float(values.mean()), half / math.sqrt(len(values))
    return Interval(centre - half, centre + half)


def images_only(strata: Sequence[Stratum], confidence: float = 0.95) -> Interval:
    """The t interval over images of the mean over seeds: these seeds, new images.

    θ̄ ± t(1 - α/2, I - G) · √(Σ_g w_g² s²_g / I_g), with s²_g the variance of the G groups' means per image. One seed
    is enough.

    Raises:
        InputError: as `analysis.intervals.crossed_interval`.

    >>> interval = images_only([Stratum(np.array([[0.0, 1, 0, 0], [0, 1, 1, 0]]))])
    >>> round(interval.low, 3), round(interval.high, 3)
    (-0.387, 1.137)
    """
    return images_only_of(crossed_interval(strata, confidence))


def images_only_of(result: CrossedInterval) -> Interval:
    """The images-only interval from a crossed one that has been made already, at the same confidence.

    >>> from analysis.intervals import crossed_mean
    >>> images_only_of(crossed_mean([[0.5, 0.5], [0.5, 0.5]])).reason
    'no variation: interval not defined'
    """
    half = result.half_width_images
    if half is None:
        return Interval(reason=result.reason)
    if half == 0.0:
        return Interval(reason=NO_VARIATION)
    return Interval(result.estimate - half, result.estimate + half)


def checked_theta(theta: ArrayLike, name: str = "theta") -> NDArray[np.float64]:
    """Values per seed as an array (S,), S at least 1.

    Raises:
        InputError: another shape, no value, or a value that is not finite.
    """
    values = np.asarray(theta, dtype=np.float64)
    if values.ndim != 1 or not len(values):
        raise InputError(f"{name} of shape {values.shape}: need one value per seed, at least one")
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        raise InputError(f"{name}: value {int(bad[0])} is {values[bad[0]]}; give finite values or leave the test out")
    return values


def check_confidence(confidence: float) -> None:
    """Refuse a confidence that is not a fraction.

    Raises:
        InputError: `confidence` lies outside (0, 1).
    """
    if not 0 < confidence < 1:
        raise InputError(f"confidence {confidence}: must lie between 0 and 1, such as 0.95")


def is_constant(values: NDArray[np.float64], scale: float | None = None) -> bool:
    """Whether all values are equal but for rounding; `scale` is the size of what they were computed from."""
    size = float(np.abs(values).max()) if scale is None else scale
    return bool(np.ptp(values) <= ROUNDING * size)
