"""The grouped jackknife over images: variance of a metric that is no smooth function of means.

Images are put into groups, each group is left out once, and what the metric becomes without it says how much the
images in it weigh. One group at a time, since leaving out single images fails where a metric jumps (Shao and Tu, The
Jackknife and Bootstrap, 1995, chapters 2 and 3).

It errs on the safe side where images are few. Simulated with normal logits of both classes: the variance told is 1.4
times (EER) and 1.6 times (recall at 5 % false positives) the true one with 400 + 400 images, 1.1 and 1.2 times with
5,000 + 5,000; for the ECE it is right where a detector is not calibrated, and 2.6 times where it is perfectly so, since
the ECE then consists of noise alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.errors import InputError
from analysis.intervals import CrossedInterval

GROUPS = 40
"""As many groups as images allow: variances then have 39 degrees of freedom, and a group holds 1/40 of the images."""

Statistic = Callable[[NDArray[Any], NDArray[np.bool_]], NDArray[np.float64]]
"""A metric (S,) of values (S, I), such as logits, and a mask (I,) of the synthetic images, whatever their order."""


def group_numbers(labels: ArrayLike, groups: int = GROUPS) -> NDArray[np.intp]:
    """The group 0 … G - 1 of each image (I,): both classes spread evenly over all groups.

    G is `groups`, or the number of images of the rarer class where that is smaller. Within a class, the images are
    shuffled by a generator seeded with their number alone and dealt out in turn: the same labels always give the same
    groups, so that two variants on the same images are paired.

    Raises:
        InputError: `groups` is below 2, `labels` is no row, or a class has fewer than two images.

    >>> group_numbers([1, 1, 1, 0, 0, 0, 0], groups=2).tolist()
    [0, 1, 0, 1, 0, 1, 0]
    """
    given = np.asarray(labels)
    if groups < 2:
        raise InputError(f"{groups} groups of images: a jackknife needs two or more")
    if given.ndim != 1:
        raise InputError(f"labels of shape {given.shape}: need (I,)")
    positive = given == 1
    counts = {"synthetic": int(positive.sum()), "real": int((~positive).sum())}
    for name, count in counts.items():
        if count < 2:
            raise InputError(f"{count} {name} images: a jackknife needs two or more of each class")
    n_groups = min(groups, *counts.values())
    result = np.empty(len(given), dtype=np.intp)
    for mask in (positive, ~positive):
        n = int(mask.sum())
        numbers = np.empty(n, dtype=np.intp)
        numbers[np.random.default_rng(n).permutation(n)] = np.arange(n) % n_groups
        result[mask] = numbers
    return result


def grouped_jackknife(
    statistic: Statistic, values: ArrayLike, labels: ArrayLike, groups: int = GROUPS
) -> NDArray[np.float64]:
    """Pseudo-values (S, G) of a metric, one per group of images, whose mean is the metric T_s of each seed.

    With T_s,(g) the metric without group g: D[s, g] = T_s + (G - 1)(mean over groups of T_s,(g) - T_s,(g)), so that
    the variance of their mean is the delete-a-group jackknife's, (G - 1)/G Σ_g (T_(g) - mean)². They are centred on
    T_s itself: the jackknife's correction of bias is not made.

    Args:
        statistic: the metric; it must be defined with any one group left out.
        values: (S, I), one row per seed: logits, or what the metric is made of.
        labels: (I,), 1 = synthetic.
        groups: see `group_numbers`.

    Raises:
        InputError: as `group_numbers`, or the shapes do not fit.

    >>> mean = lambda values, positive: values.mean(axis=1)
    >>> grouped_jackknife(mean, [[1.0, 2.0, 3.0, 6.0]], [1, 1, 0, 0], groups=2).tolist()
    [[2.0, 4.0]]
    """
    table, positive = np.asarray(values), np.asarray(labels) == 1
    if table.ndim != 2 or positive.shape != table.shape[1:]:
        raise InputError(f"values of shape {table.shape} and labels of shape {positive.shape}: need (S, I) and (I,)")
    numbers = group_numbers(positive, groups)
    kept = [np.flatnonzero(numbers != group) for group in range(int(numbers.max()) + 1)]
    without = np.stack([statistic(table[:, rest], positive[rest]) for rest in kept], axis=1)
    spread = (len(kept) - 1) * (without.mean(axis=1, keepdims=True) - without)
    return np.asarray(statistic(table, positive)[:, None] + spread)


def of_images(interval: CrossedInterval, n_images: int) -> CrossedInterval:
    """An interval of pseudo-values with the number of images behind them, and its components per single image.

    A group stands for I/G images: the variances of a single image's value are I/G times those of a group's. Limits,
    degrees of freedom and p stay. An interval of values per image is returned as it is.

    Raises:
        InputError: `n_images` is smaller than the number of values.

    >>> from analysis.intervals import crossed_mean
    >>> groups = crossed_mean([[0.0, 1.0, 0.0, 0.5], [0.0, 1.0, 0.5, 0.25], [0.25, 1.0, 0.0, 0.0]])
    >>> images = of_images(groups, 400)
    >>> images.n_images, round(images.var_image / groups.var_image), images.low == groups.low
    (400, 100, True)
    """
    if n_images < interval.n_images:
        raise InputError(f"{interval.n_images} values of {n_images} images: there cannot be more values than images")
    scale = n_images / interval.n_images
    return replace(
        interval,
        n_images=n_images,
        var_image=None if interval.var_image is None else interval.var_image * scale,
        var_residual=None if interval.var_residual is None else interval.var_residual * scale,
    )
