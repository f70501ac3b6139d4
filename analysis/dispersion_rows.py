"""From cells of measured maps to rows: what the parts of the dispersion analysis share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.equivalence import quoted_p
from analysis.estimates import Undefined, Where, estimate_row
from analysis.intervals import CrossedInterval, Stratum, crossed_interval, strata_by_group
from analysis.multiplicity import map_family
from analysis.summary import Contrast, Estimate

NO_MAPS = "no image has a measured map for every seed"


@dataclass(frozen=True)
class Part:
    """The images that a row is about: of one source, or a named subset; neither is the whole test set."""

    source: str | None = None
    subset: str | None = None


WHOLE = Part()


def label_strata(values: NDArray[np.float64], labels: NDArray[np.int8]) -> Sequence[Stratum]:
    """`values` (S, I) in groups by label, as the images were sampled; one group where a label has a single image."""
    _, counts = np.unique(labels, return_counts=True)
    if counts.min() < 2:
        return (Stratum(values),)
    return strata_by_group(values, labels)


def crossed_outcome(
    values: NDArray[np.float64], labels: NDArray[np.int8], confidence: float, *, at_least: int = 1
) -> CrossedInterval | Undefined:
    """The crossed interval of the mean of `values` (S, I) over the images that have a value for every seed.

    Fewer of them than `at_least` give no number but the reason.
    """
    kept = np.isfinite(values).all(axis=0)
    count = int(kept.sum())
    if count == 0:
        return Undefined(NO_MAPS, len(values), 0)
    if count < at_least:
        return Undefined(f"{count} images: fewer than {at_least} are not compared", len(values), count)
    return crossed_interval(label_strata(values[:, kept], labels[kept]), confidence)


def contrast_row(
    where: Where, outcome: CrossedInterval | Undefined, part: Part = WHOLE, *, family: bool = True
) -> Contrast:
    """A difference as a row; without a `family` it carries neither p nor adjustment."""
    fields = estimate_row(where, outcome).model_dump() | {"source": part.source, "subset": part.subset}
    p = quoted_p(outcome) if isinstance(outcome, CrossedInterval) and family else None
    name = map_family(where.quantity, where.test_set, part.source, part.subset, where.path) if family else None
    return Contrast.model_validate(fields | {"p": p, "family": name})


def row_with_p(where: Where, outcome: CrossedInterval | Undefined) -> Estimate:
    """A row of a quantity that is 0 where there is nothing to find, such as a correlation: it has a p."""
    p = quoted_p(outcome) if isinstance(outcome, CrossedInterval) else None
    return estimate_row(where, outcome).model_copy(update={"p": p})
