"""Paired differences of two variants, with the crossed interval.

Both variants judged the same images with the same seeds, so a difference is taken for every seed and image, and the
images' own difficulty drops out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from analysis.errors import InputError
from analysis.frames import Decisions
from analysis.intervals import CrossedInterval, Stratum, crossed_interval
from analysis.jackknife import of_images
from analysis.metrics import Quantity, strata


def paired_difference(first: Sequence[Stratum], second: Sequence[Stratum]) -> tuple[Stratum, ...]:
    """The strata of first - second, value by value.

    Raises:
        InputError: the two differ in groups, weights, seeds or images.
    """
    shapes = [[(np.shape(s.values), s.weight) for s in side] for side in (first, second)]
    if shapes[0] != shapes[1]:
        raise InputError(f"a paired difference of (shape, weight) {shapes[0]} and {shapes[1]}: both must be the same")
    return tuple(Stratum(a.values - b.values, a.weight) for a, b in zip(first, second, strict=True))


def paired_contrast(first: Sequence[Stratum], second: Sequence[Stratum], confidence: float = 0.95) -> CrossedInterval:
    """The crossed interval of first - second; `p` is that of the crossed t, two-sided.

    Raises:
        InputError: as `paired_difference` and `crossed_interval`.
    """
    return crossed_interval(paired_difference(first, second), confidence)


def metric_contrast(
    quantity: Quantity,
    logits: ArrayLike,
    baseline: ArrayLike,
    labels: ArrayLike,
    confidence: float = 0.95,
    *,
    threshold: ArrayLike = 0.0,
    baseline_threshold: ArrayLike = 0.0,
) -> CrossedInterval:
    """A metric's difference between two variants, from logits (S, I) of each with seeds and images in one order.

    The thresholds, a number or one per seed (S,), are those of `analysis.metrics.strata`. Where the metric has no
    values per image (EER, recall at 5 % false positives, ECE) the interval is that of groups of images.

    Raises:
        InputError: shapes differ, or as `analysis.metrics.accuracy`.

    >>> labels = [1, 1, 0, 0]
    >>> worse, better = [[1, -1, -1, 1], [1, 1, -1, 1], [-1, 1, -1, -1]], [[1, 1, -1, -1]] * 3
    >>> result = metric_contrast("accuracy", worse, better, labels)
    >>> round(result.estimate, 3), result.per_seed
    (-0.333, (-0.5, -0.25, -0.25))
    """
    first = strata(quantity, logits, labels, threshold)
    second = strata(quantity, baseline, labels, baseline_threshold)
    n_images = first[0].values.shape[1] if quantity in {"recall", "specificity"} else len(np.asarray(labels))
    return of_images(paired_contrast(first, second, confidence), n_images)


def decisions_contrast(
    quantity: Quantity, variant: Decisions, baseline: Decisions, confidence: float = 0.95
) -> CrossedInterval:
    """A metric's difference between two variants' decisions, each along its own path.

    Raises:
        InputError: the two hold other seeds, images or labels.
    """
    who = f"{variant.variant} and {baseline.variant} on {variant.test_set} and {baseline.test_set}"
    if variant.seeds != baseline.seeds:
        raise InputError(f"{who}: seeds {variant.seeds} and {baseline.seeds} differ; a contrast is paired by seed")
    if not np.array_equal(variant.image_ids, baseline.image_ids):
        raise InputError(f"{who}: the images differ; a contrast is paired by image")
    if not np.array_equal(variant.labels, baseline.labels):
        raise InputError(f"{who}: the labels of the same images differ; correct the image table")
    return metric_contrast(quantity, variant.logits, baseline.logits, variant.labels, confidence)
