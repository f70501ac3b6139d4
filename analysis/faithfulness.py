"""Whether maps rank pixels by what they do to the decision: areas of deletion and insertion against a random order.

A faithful order makes the logit of the decided class fall early under deletion, so that the area is small, and rise
early under insertion, so that it is large (Petsiuk et al., BMVC 2018). Logits differ in scale between classifiers, and
images in how much of them is needed: so each area is taken less that of a random order of the same image's pixels.
Only the sign of the difference is compared between variants, and between methods at one point its size.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.dispersion_points import IMAGE_POINT
from analysis.dispersion_rows import crossed_outcome, row_with_p
from analysis.errors import InputError
from analysis.estimates import Where
from analysis.frames import ImageTable, distinct, distinct_seeds, require_columns
from analysis.summary import Estimate, StudyCard

KEYS = ("variant", "seed", "test_set", "image_id", "method", "point")
AREAS = ("deletion_area", "insertion_area")

FAITHFULNESS_COLUMNS = (*KEYS, *AREAS, *(f"random_{area}" for area in AREAS))
"""Columns of the frame: one row per variant, seed, test set, image, method and point; areas in logits, null where a map
has no order."""

DELETION = "deletion_over_random"
"""Quantity: area of deletion less that of a random order, in logits; below 0 is better than random."""

INSERTION = "insertion_over_random"
"""Quantity: area of insertion less that of a random order, in logits; above 0 is better than random."""

_QUANTITIES = dict(zip((DELETION, INSERTION), AREAS, strict=True))


def faithfulness_rows(
    frame: pd.DataFrame, images: ImageTable, study: StudyCard, confidence: float = 0.95
) -> tuple[Estimate, ...]:
    """`DELETION` and `INSERTION` of every method, variant and point, with crossed intervals over seeds and images.

    Rows come by test set, method and point (the image first), variants in the study's order. `p` is two-sided, that
    the area is that of a random order. An image without areas for one seed is left out for all.

    Raises:
        InputError: a column is missing, a row occurs twice, a variant, test set, seed or image is unknown, an area is
            infinite, or a variant's seeds saw different images.
    """
    if frame.empty:
        return ()
    require_columns(frame, FAITHFULNESS_COLUMNS, "faithfulness")
    distinct_seeds(frame, "faithfulness")
    variants, sets = [card.name for card in study.variants], [card.name for card in study.test_sets]
    known: dict[str, Iterable[object]] = {"variant": variants, "test_set": sets, "seed": study.seeds}
    for column, names in known.items():
        strangers = [value for value in frame[column].unique() if value not in names]
        if strangers:
            listed = ", ".join(map(str, names))
            value = strangers[0].item() if isinstance(strangers[0], np.generic) else strangers[0]
            raise InputError(f"faithfulness: {column} {value!r} is not of the study ({listed}); remove its rows")
    frame = frame.assign(row=images.locate(frame, "faithfulness"))
    for column in FAITHFULNESS_COLUMNS[len(KEYS) :]:
        if np.isinf(frame[column].to_numpy(dtype=np.float64, na_value=np.nan)).any():
            raise InputError(f"faithfulness: {column} holds an infinite area; make the curves again")
    rows: list[Estimate] = []
    methods = distinct(frame, "method")
    points = sorted(distinct(frame, "point"), key=lambda point: (point != IMAGE_POINT, point))
    order = (sets, methods, points, variants)
    groups = {
        tuple(str(part) for part in key): part
        for key, part in frame.groupby(["test_set", "method", "point", "variant"], observed=True, sort=False)
    }
    for key in sorted(groups, key=lambda key: tuple(names.index(part) for names, part in zip(order, key, strict=True))):
        rows.extend(_rows(key, groups[key], images, confidence))
    return tuple(rows)


def _rows(key: tuple[str, ...], part: pd.DataFrame, images: ImageTable, confidence: float) -> Iterator[Estimate]:
    test_set, method, point, variant = key
    place = f"{variant} {test_set} {method}.{point}"
    if part.duplicated(["seed", "row"]).any():
        raise InputError(f"faithfulness: {place}: an image occurs twice for a seed; keep one row")
    shape = (part["seed"].nunique(), part["row"].nunique())
    if len(part) != shape[0] * shape[1]:
        raise InputError(f"faithfulness: {place}: seeds saw different images; all need curves of the same")
    part = part.sort_values(["seed", "row"])
    labels: NDArray[np.int8] = images.labels[part["row"].to_numpy()[: shape[1]]]
    for quantity, area in _QUANTITIES.items():
        own, random = (part[name].to_numpy(np.float64, na_value=np.nan) for name in (area, f"random_{area}"))
        outcome = crossed_outcome((own - random).reshape(shape), labels, confidence)
        yield row_with_p(Where(quantity, variant, test_set, f"{method}.{point}"), outcome)


@dataclass(frozen=True)
class Faithfulness:
    """Whether an order is shown to be better than random, by each curve; None where no p is, for the `reason` given."""

    deletion: bool | None
    insertion: bool | None
    reason: str | None = None
    worse: tuple[str, ...] = ()
    """Which of `deletion` and `insertion` show it to be worse than random."""

    @property
    def better(self) -> bool | None:
        """Whether either curve is better than random; None where neither could be tested."""
        known = [each for each in (self.deletion, self.insertion) if each is not None]
        return any(known) if known else None


def judge_faithfulness(deletion: Estimate, insertion: Estimate, alpha: float = 0.05) -> Faithfulness:
    """A method's order at one place: a curve is better than random where its p is below `alpha`/2 on the good side.

    Two curves are two chances of being called better by luck: each has half of `alpha`. What is not shown to be
    better is no better than random as far as these seeds and images tell.

    >>> base = {"variant": "a", "test_set": "t", "path": "saliency.image", "n_seeds": 3, "n_images": 9}
    >>> good = Estimate(quantity=DELETION, estimate=-2.0, p=0.001, **base)
    >>> poor = Estimate(quantity=INSERTION, estimate=-1.0, p=0.001, **base)
    >>> judge_faithfulness(good, poor).better, judge_faithfulness(poor, poor).deletion
    (True, True)
    """

    def side(row: Estimate, sign: float) -> bool | None:
        if row.p is None or row.estimate is None:
            return None
        return bool(row.p < alpha / 2 and sign * row.estimate > 0)

    better = side(deletion, -1.0), side(insertion, 1.0)
    worse = tuple(
        name for name, told in (("deletion", side(deletion, 1.0)), ("insertion", side(insertion, -1.0))) if told
    )
    return Faithfulness(*better, deletion.reason or insertion.reason, worse)
