"""The crossed interval over seeds and images.

A study crosses S seeds (few, drawn at random) with I images (many, drawn at random). `crossed_interval` estimates a
weighted sum of means over groups of images and the uncertainty of it that comes from both. It is the analysis of
multi-reader multi-case studies with seeds as readers (Obuchowski and Rockette, Commun. Stat. Simul. Comput. 24, 1995;
Hillis, Stat. Med. 26, 2007), with Satterthwaite's degrees of freedom.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from analysis.errors import InputError

MIN_SEEDS = 3
"""With two seeds the crossed interval covers .888 at nominal .95 and may divide 0 by 0: it is not defined."""

MIN_IMAGES = 2
"""A group of one image has no variance over images."""

NO_VARIATION = "no variation: interval not defined"
NO_EXCESS = "seeds and images vary no more than the residual: interval not defined"

_ROUNDING = 1e-13


@dataclass(frozen=True)
class Stratum:
    """A group of images: `values` (S, I_g), one per seed and image, and the weight of its mean in the estimate."""

    values: NDArray[np.float64]
    weight: float = 1.0


@dataclass(frozen=True)
class CrossedInterval:
    """An estimate, its interval and where its uncertainty comes from.

    `low` and `high` are the quoted limits: estimate ± the larger of `half_width_crossed` and `half_width_images`
    (these seeds, new images). `df` and `p` (two-sided, of the hypothesis that the estimand is 0) are the crossed t's.
    `var_seed`, `var_image` and `var_residual` are variances of a single value, so that the standard error with S′
    seeds and I′ images is √(var_seed/S′ + var_image/I′ + var_residual/(S′I′)). `standard_error_images` and `df_images`
    are those that `half_width_images` is made of. What is not defined is None, and `reason` says why the interval is
    not.
    """

    estimate: float
    per_seed: tuple[float, ...]
    n_seeds: int
    n_images: int
    confidence: float
    low: float | None = None
    high: float | None = None
    df: float | None = None
    p: float | None = None
    standard_error: float | None = None
    half_width_crossed: float | None = None
    half_width_images: float | None = None
    var_seed: float | None = None
    var_image: float | None = None
    var_residual: float | None = None
    reason: str | None = None
    standard_error_images: float | None = None
    df_images: int | None = None


def crossed_mean(values: ArrayLike, confidence: float = 0.95) -> CrossedInterval:
    """The crossed interval of the mean of `values` (S, I): one group of images with weight 1.

    Raises:
        InputError: as `crossed_interval`.

    >>> result = crossed_mean([[0, 1, 0, 0], [0, 1, 1, 0], [1, 1, 0, 0]])
    >>> round(result.estimate, 4), round(result.df, 4), round(result.low, 4), round(result.high, 4)
    (0.4167, 4.2857, -0.2507, 1.0841)
    """
    return crossed_interval([Stratum(np.asarray(values, dtype=np.float64))], confidence)


def strata_by_group(values: ArrayLike, groups: ArrayLike) -> tuple[Stratum, ...]:
    """Split `values` (S, I) by `groups` (I,) into strata weighted n_g / n, so that the estimate is the plain mean.

    Raises:
        InputError: `values` is not two-dimensional or `groups` does not fit it.
    """
    table = np.asarray(values, dtype=np.float64)
    labels = np.asarray(groups)
    if table.ndim != 2 or labels.shape != table.shape[1:]:
        raise InputError(f"values of shape {table.shape} and groups of shape {labels.shape}: need (S, I) and (I,)")
    names, codes = np.unique(labels, return_inverse=True)
    masks = [codes == code for code in range(len(names))]
    return tuple(Stratum(table[:, mask], float(mask.sum() / len(labels))) for mask in masks)


def crossed_interval(strata: Sequence[Stratum], confidence: float = 0.95) -> CrossedInterval:
    """The crossed interval of θ = Σ_g w_g · mean over seeds and images of group g.

    With θ_s the value of seed s and the mean squares taken within each group: A = s²(θ_s)/S,
    B_g = w_g² max(MS_i,g - MS_e,g, 0)/(S I_g), var = A + Σ B_g, df = var² / (A²/(S-1) + Σ B_g²/(I_g-1)).

    Args:
        strata: groups of different images, all with the same S seeds in the same order. An image that occurs in
            two arms enters once, as the difference of its values.
        confidence: coverage of the interval, between 0 and 1.

    Raises:
        InputError: no strata, no images in a stratum, unequal numbers of seeds, a value that is not finite, or a
            confidence outside (0, 1).
    """
    groups = _checked(strata, confidence)
    weights = [float(stratum.weight) for stratum in strata]
    n_seeds = groups[0].shape[0]
    n_images = sum(group.shape[1] for group in groups)
    theta = np.sum([w * group.mean(axis=1) for w, group in zip(weights, groups, strict=True)], axis=0)
    estimate = float(theta.mean())
    result = CrossedInterval(estimate, tuple(float(value) for value in theta), n_seeds, n_images, confidence)
    if min(group.shape[1] for group in groups) < MIN_IMAGES:
        return replace(result, reason="a group of one image: interval not defined")

    # Equal numbers give unequal means by rounding: what is below the floor is 0.
    floor = (_ROUNDING * max(abs(w) * float(np.abs(g).max()) for w, g in zip(weights, groups, strict=True))) ** 2
    quantile = 0.5 + confidence / 2
    images_only = residual = 0.0
    parts: list[tuple[float, int]] = []
    for w, group in zip(weights, groups, strict=True):
        n = group.shape[1]
        images_only += w**2 * float(group.mean(axis=0).var(ddof=1)) / n
        if n_seeds > 1:
            ms_i, ms_e = _mean_squares(group)
            residual += w**2 * ms_e / n
            excess = w**2 * max(ms_i - ms_e, 0.0) / (n_seeds * n)
            parts.append((excess if excess * n_seeds * n > floor else 0.0, n))
    images_only = images_only if images_only > floor else 0.0
    df_images, error_images = n_images - len(groups), math.sqrt(images_only)
    half_images = float(special.stdtrit(df_images, quantile)) * error_images
    result = replace(result, half_width_images=half_images, standard_error_images=error_images, df_images=df_images)
    if n_seeds == 1:
        return replace(result, reason="one seed: interval over seeds not defined (3 or more are needed)")

    spread = float(theta.var(ddof=1))
    a = spread / n_seeds if spread > floor else 0.0
    variance = a + sum(b for b, _ in parts)
    result = replace(
        result,
        var_seed=max(spread - residual, 0.0) if a else 0.0,
        var_image=n_images * sum(b for b, _ in parts),
        var_residual=n_images * residual if residual > floor else 0.0,
    )
    if n_seeds < MIN_SEEDS:
        return replace(result, reason="two seeds: crossed interval not defined (3 or more are needed)")
    if variance == 0.0:
        still = images_only == 0.0 and result.var_residual == 0.0
        return replace(result, reason=NO_VARIATION if still else NO_EXCESS)

    # Shares of the variance, not its square, which underflows for tiny values.
    df = 1.0 / ((a / variance) ** 2 / (n_seeds - 1) + sum((b / variance) ** 2 / (n - 1) for b, n in parts))
    error = math.sqrt(variance)
    half_crossed = float(special.stdtrit(df, quantile)) * error
    half = max(half_crossed, half_images)
    return replace(
        result,
        low=estimate - half,
        high=estimate + half,
        df=df,
        p=float(2 * special.stdtr(df, -abs(estimate) / error)),
        standard_error=error,
        half_width_crossed=half_crossed,
    )


def _checked(strata: Sequence[Stratum], confidence: float) -> list[NDArray[np.float64]]:
    if not 0 < confidence < 1:
        raise InputError(f"confidence {confidence}: must lie between 0 and 1, such as 0.95")
    if not strata:
        raise InputError("no group of images: at least one is needed")
    # One memory layout, so that equal values are summed in one order.
    groups = [np.ascontiguousarray(np.asarray(stratum.values, dtype=np.float64)) for stratum in strata]
    for group in groups:
        if group.ndim != 2 or 0 in group.shape:
            raise InputError(f"values of shape {group.shape}: need (seeds, images), at least one of each")
        if group.shape[0] != groups[0].shape[0]:
            raise InputError(f"groups of {groups[0].shape[0]} and {group.shape[0]} seeds: all need the same seeds")
        if not np.isfinite(group).all():
            raise InputError("values per seed and image hold NaN or infinity: all must be finite")
    return groups


def _mean_squares(values: NDArray[np.float64]) -> tuple[float, float]:
    """MS_i and MS_e of the two-way layout without replication (S, I), S and I at least 2."""
    n_seeds, n_images = values.shape
    centred = values - values.mean(axis=1, keepdims=True)
    by_image = centred.mean(axis=0)
    ms_i = n_seeds * float(np.square(by_image).sum()) / (n_images - 1)
    ms_e = float(np.square(centred - by_image).sum()) / ((n_seeds - 1) * (n_images - 1))
    return ms_i, ms_e
