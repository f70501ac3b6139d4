"""What a study can find: planning from the split of the variance, and what a single seed would have said.

The three variances are those of a single value, per seed, per image and for the rest, as `CrossedInterval` and the
rows of a `Summary` hold them. They are estimates from the study at hand: with few seeds a plan is rough.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from analysis.beside import ROUNDING, check_confidence, checked_theta, is_constant
from analysis.errors import InputError
from analysis.intervals import MIN_IMAGES, MIN_SEEDS

NO_COMPONENTS = "the variances are not known"
NO_DISTANCE = "no number would, since the difference is 0"


class Components(Protocol):
    """Anything that holds the split of the variance, such as a `CrossedInterval` or an `Estimate`."""

    @property
    def var_seed(self) -> float | None:
        """Variance over seeds."""

    @property
    def var_image(self) -> float | None:
        """Variance over images."""

    @property
    def var_residual(self) -> float | None:
        """Variance of the rest: of an image by seed, and of chance."""


@dataclass(frozen=True)
class VarianceSplit:
    """Variances of a single value, for plans made without a study."""

    var_seed: float
    var_image: float
    var_residual: float


@dataclass(frozen=True)
class SeedsNeeded:
    """The fewest seeds that detect a difference, or None and the `reason` (a phrase without a full stop).

    `limit` is what no number of seeds goes below on these images: the difference that endless seeds would detect.
    """

    seeds: int | None
    reason: str | None = None
    limit: float | None = None


@dataclass(frozen=True)
class SeedSpread:
    """The standard deviation of accuracy over seeds, beside that of a calibrated ensemble.

    `ratio` is sd/calibrated with its interval from χ²(S - 1). What is not defined is None, with a reason.
    """

    sd: float | None
    calibrated: float | None
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    reason: str | None = None


def planned_error(components: Components, n_seeds: int, n_images: int) -> tuple[float, float] | None:
    """Standard error and degrees of freedom that a study of S′ seeds and I′ images would have.

    se = √(σ²_seed/S′ + σ²_image/I′ + σ²_rest/(S′I′)); with A = I′σ²_seed + σ²_rest and B = S′σ²_image,
    df = (A + B)²/(A²/(S′ - 1) + B²/(I′ - 1)), Satterthwaite's, as in `crossed_interval` (after Hillis, Stat. Med. 26,
    2007). Images are planned as one group with the mean variance of the study's groups.

    Args:
        components: variances of a single value, in the squared unit of the estimate.
        n_seeds: S′, at least 1.
        n_images: I′, at least 1.

    Returns:
        (se, df), or None where no interval is defined: fewer than 3 seeds or 2 images, a variance that is None, or
        no variance at all.

    Raises:
        InputError: a variance is negative or not finite, or a number is below 1.

    >>> error, df = planned_error(VarianceSplit(1e-4, 0.05, 0.1), n_seeds=10, n_images=2000)
    >>> round(error, 5), round(df, 1)
    (0.00632, 63.2)
    """
    split = _split(components)
    _check_counts(n_seeds, n_images)
    if split is None or n_seeds < MIN_SEEDS or n_images < MIN_IMAGES or max(split) == 0.0:
        return None
    errors, df = _plan(split, np.array([n_seeds]), n_images)
    return float(errors[0]), float(df[0])


def detectable_difference(
    components: Components, n_seeds: int, n_images: int, alpha: float = 0.05, power: float = 0.8
) -> float | None:
    """The difference that a two-sided crossed t at `alpha` finds with this power: (t_{1-α/2,df} + t_{power,df}) · se.

    In the unit of the estimate; None where `planned_error` is. The sum of quantiles stands for the noncentral t: at a
    power of .8 and α = .05 the test's true power is .77 with 2 degrees of freedom, .79 with 4, .80 from 9 on. For a
    one-sided test at α give 2α.

    Args:
        components: variances of a single value.
        n_seeds: S′, at least 1.
        n_images: I′, at least 1.
        alpha: two-sided level, between 0 and 1.
        power: chance to find the difference, at least 0.5 and below 1.

    Raises:
        InputError: as `planned_error`, or a level is out of its range.

    >>> round(detectable_difference(VarianceSplit(1e-4, 0.05, 0.1), n_seeds=10, n_images=2000), 4)
    0.018
    """
    _check_levels(alpha, power)
    planned = planned_error(components, n_seeds, n_images)
    if planned is None:
        return None
    return float(_quantiles(np.array([planned[1]]), alpha, power)[0]) * planned[0]


def seeds_needed(
    components: Components,
    n_images: int,
    difference: float,
    alpha: float = 0.05,
    power: float = 0.8,
    most: int = 1000,
) -> SeedsNeeded:
    """The fewest seeds, 3 to `most`, whose `detectable_difference` on `n_images` images is at most |difference|.

    More seeds do not help beyond what the images leave open: with endless seeds (t_{1-α/2,I′-1} + t_{power,I′-1}) ·
    √(σ²_image/I′) is still the least that can be detected, and stands as `limit`.

    Args:
        components: variances of a single value.
        n_images: I′, at least 1.
        difference: the true difference to be found, in the unit of the estimate; its sign does not matter.
        alpha: two-sided level, between 0 and 1.
        power: chance to find it, at least 0.5 and below 1.
        most: where the search ends, at least 3.

    Raises:
        InputError: as `detectable_difference`, or `difference` is not finite, or `most` is below 3.

    >>> split = VarianceSplit(1e-4, 0.05, 0.1)
    >>> seeds_needed(split, 2000, 0.02).seeds
    7
    >>> seeds_needed(split, 2000, 0.01).reason
    'no number would on 2,000 images: they are too few for this difference'
    """
    _check_levels(alpha, power)
    if not math.isfinite(difference):
        raise InputError(f"difference {difference}: must be a finite number")
    if most < MIN_SEEDS:
        raise InputError(f"most {most}: a search for seeds must go to {MIN_SEEDS} at least")
    split = _split(components)
    _check_counts(1, n_images)
    if split is None:
        return SeedsNeeded(None, NO_COMPONENTS)
    if n_images < MIN_IMAGES:
        return SeedsNeeded(None, "no number would on one image")
    limit = float(_quantiles(np.array([n_images - 1.0]), alpha, power)[0]) * math.sqrt(split[1] / n_images)
    distance = abs(difference)
    if distance == 0.0:
        return SeedsNeeded(None, NO_DISTANCE, limit)
    if max(split) == 0.0:
        return SeedsNeeded(MIN_SEEDS, limit=limit)
    seeds = np.arange(MIN_SEEDS, most + 1)
    errors, df = _plan(split, seeds, n_images)
    enough = np.flatnonzero(_quantiles(df, alpha, power) * errors <= distance)
    if len(enough):
        return SeedsNeeded(int(seeds[enough[0]]), limit=limit)
    if limit >= distance:
        return SeedsNeeded(None, f"no number would on {n_images:,} images: they are too few for this difference", limit)
    return SeedsNeeded(None, f"more than {most:,}", limit)


def opposite_share(theta_a: ArrayLike, theta_b: ArrayLike) -> float | None:
    """How often a single seed of each would have pointed the other way than the mean difference a - b.

    The share, 0 … 1, of all pairs (a seed of a, a seed of b) whose difference has the other sign; ties count half.
    None where the means are equal, so that there is no way to point.

    Args:
        theta_a: values per seed of the one, (S,).
        theta_b: values per seed of the other, (S′,).

    Raises:
        InputError: not a row of finite numbers.

    >>> round(opposite_share([0.95, 0.96, 0.94], [0.93, 0.95, 0.94]), 3)
    0.222
    """
    a, b = checked_theta(theta_a, "theta_a"), checked_theta(theta_b, "theta_b")
    rounding = ROUNDING * max(float(np.abs(a).max()), float(np.abs(b).max()))
    mean = float(a.mean()) - float(b.mean())
    if abs(mean) <= rounding:
        return None
    pairs = np.sign(mean) * (a[:, None] - b)
    return float(np.where(np.abs(pairs) <= rounding, 0.5, pairs < 0).mean())


def seed_spread(theta: ArrayLike, n_images: int, confidence: float = 0.95) -> SeedSpread:
    """The spread of accuracy over seeds beside √(err/2n), what a calibrated ensemble of runs would show.

    err = 1 - mean accuracy, n images (Jordan, On the variance of neural network training with respect to test sets
    and distributions, ICLR 2024: runs that differ by chance alone, and whose shares of votes are calibrated, spread so
    much on one test set). The limits are those of the standard deviation, √((S - 1) sd²/χ²(S - 1)), over the same.
    Above 1 the seeds differ in true quality, as in unfinished training; out of sample an excess is expected, since
    calibration fails there.

    Args:
        theta: accuracy per seed, (S,), fractions 0 … 1, of one variant on one in-sample test set.
        n_images: images of that test set, at least 1.
        confidence: coverage of the ratio's interval, between 0 and 1; it takes accuracies to be normal over seeds.

    Raises:
        InputError: a value is no fraction, or a number is out of its range.

    >>> spread = seed_spread([0.942, 0.948, 0.951, 0.939, 0.945], 2000)
    >>> round(spread.sd, 5), round(spread.calibrated, 5)
    (0.00474, 0.00371)
    >>> round(spread.ratio, 2), round(spread.low, 2), round(spread.high, 2)
    (1.28, 0.77, 3.68)
    """
    values = checked_theta(theta)
    check_confidence(confidence)
    _check_counts(1, n_images)
    if values.min() < 0 or values.max() > 1:
        wrong = values[(values < 0) | (values > 1)][0]
        raise InputError(f"accuracy {wrong}: must be a fraction between 0 and 1")
    calibrated = math.sqrt(max(1.0 - float(values.mean()), 0.0) / (2 * n_images))
    if len(values) == 1:
        return SeedSpread(None, calibrated, reason="one seed: spread over seeds not defined")
    sd = 0.0 if is_constant(values) else float(values.std(ddof=1))
    if values.min() == 1.0:
        return SeedSpread(sd, calibrated, reason="no errors: a calibrated ensemble does not spread, ratio not defined")
    ratio = sd / calibrated
    if sd == 0.0:
        return SeedSpread(sd, calibrated, ratio, reason="no variation: interval of the ratio not defined")
    df, tail = len(values) - 1, (1 - confidence) / 2
    low, high = (math.sqrt(df / float(special.chdtri(df, p))) for p in (tail, 1 - tail))
    return SeedSpread(sd, calibrated, ratio, ratio * low, ratio * high)


def _split(components: Components) -> tuple[float, float, float] | None:
    parts = components.var_seed, components.var_image, components.var_residual
    for name, value in zip(("var_seed", "var_image", "var_residual"), parts, strict=True):
        if value is not None and not (math.isfinite(value) and value >= 0):
            raise InputError(f"{name} {value}: a variance must be a finite number, 0 or above")
    seed, image, residual = parts
    return None if seed is None or image is None or residual is None else (seed, image, residual)


def _plan(
    split: tuple[float, float, float], n_seeds: NDArray[np.int_], n_images: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Standard errors and df for each number of seeds (K,); not all variances may be 0."""
    seed, image, residual = split
    a, b = (seed + residual / n_images) / n_seeds, image / n_images
    # Shares of the variance, not its square, which underflows for tiny values.
    share_a, share_b = a / (a + b), b / (a + b)
    return np.sqrt(a + b), 1.0 / (share_a**2 / (n_seeds - 1) + share_b**2 / (n_images - 1))


def _quantiles(df: NDArray[np.float64], alpha: float, power: float) -> NDArray[np.float64]:
    """t_{1-α/2,df} + t_{power,df}."""
    return np.asarray(special.stdtrit(df, 1 - alpha / 2) + special.stdtrit(df, power))


def _check_counts(n_seeds: int, n_images: int) -> None:
    for name, value in (("seeds", n_seeds), ("images", n_images)):
        if value < 1:
            raise InputError(f"{value} {name}: a plan needs at least 1")


def _check_levels(alpha: float, power: float) -> None:
    if not 0 < alpha < 1:
        raise InputError(f"alpha {alpha}: must lie between 0 and 1, such as 0.05")
    if not 0.5 <= power < 1:
        raise InputError(f"power {power}: must be at least 0.5 and below 1, such as 0.8")
