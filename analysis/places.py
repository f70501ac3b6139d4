"""A test set, or one source of it, as one variant saw it: its metrics with their intervals, and paired contrasts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from analysis.contrasts import paired_contrast
from analysis.estimates import Undefined
from analysis.frames import Decisions, PredictionIndex
from analysis.intervals import CrossedInterval, Stratum, crossed_interval
from analysis.jackknife import of_images
from analysis.metrics import (
    BASIC_QUANTITIES,
    QUANTITIES,
    Quantity,
    metric,
    strata,
    undefined_reason,
    validation_threshold,
)
from analysis.quantities import VALIDATED
from analysis.summary import StudyCard, TestSetCard

NO_VALIDATION = "no validation images"
SAME_IMAGES = "the threshold was fixed on these very images"

Threshold = NDArray[np.float64] | str
"""Each seed's threshold (S,) fixed on validation images, or the reason why there is none."""


@dataclass(frozen=True)
class Place:
    """A test set, or one source of it, as one variant saw it through one path.

    `strata` holds the values of each metric asked for, or why it is not defined here.
    """

    variant: str
    source: str | None
    logits: NDArray[np.floating]
    labels: NDArray[np.int8]
    threshold: Threshold
    strata: dict[Quantity, tuple[Stratum, ...] | Undefined]

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """The metrics that were asked for, in their order."""
        return tuple(self.strata)

    def per_seed(self, quantity: Quantity) -> tuple[list[float] | None, str | None]:
        """The metric of each seed, or None and the reason."""
        outcome = self.strata[quantity]
        if isinstance(outcome, Undefined):
            return None, outcome.reason
        return metric(quantity, self.logits, self.labels, _cut(quantity, self.threshold)).tolist(), None

    def n_images(self, quantity: Quantity) -> int:
        """How many images a metric is of: those of one class for recall and specificity."""
        return _counted(quantity, self.labels)

    def interval(self, quantity: Quantity, confidence: float) -> CrossedInterval | Undefined:
        """The metric's crossed interval, or why it is not defined."""
        outcome = self.strata[quantity]
        if isinstance(outcome, Undefined):
            return outcome
        return of_images(crossed_interval(outcome, confidence), self.n_images(quantity))

    def contrast(self, other: Place, quantity: Quantity, confidence: float) -> CrossedInterval | Undefined:
        """The crossed interval of this place's metric less another's, on the same images and seeds in one order.

        Where one variant alone leaves the metric undefined, the reason names it.

        Raises:
            InputError: the two hold other seeds or images.
        """
        first, second = self.strata[quantity], other.strata[quantity]
        if not isinstance(first, Undefined) and not isinstance(second, Undefined):
            return of_images(paired_contrast(first, second, confidence), self.n_images(quantity))
        undefined = joined([(self.variant, first), (other.variant, second)])
        assert undefined is not None, "one of the two is"
        return undefined


def joined(outcomes: Sequence[tuple[str, tuple[Stratum, ...] | Undefined]]) -> Undefined | None:
    """Why a difference of variants is not defined, from each variant's values or why it has none; None if all have.

    A reason that is not the same of all names its variant.

    >>> joined([("augment", Undefined("constant predictions", 3, 9)), ("both", ())]).reason
    'augment: constant predictions'
    """
    missing = [(variant, outcome) for variant, outcome in outcomes if isinstance(outcome, Undefined)]
    if not missing:
        return None
    first = missing[0][1]
    if len(missing) == len(outcomes) and len({outcome.reason for _, outcome in missing}) == 1:
        return first
    return replace(first, reason="; ".join(f"{variant}: {outcome.reason}" for variant, outcome in missing))


def places_of(
    decisions: Decisions, card: TestSetCard, quantities: tuple[Quantity, ...], threshold: Threshold = NO_VALIDATION
) -> Iterator[Place]:
    """The whole test set, then its sources in the card's order, with the metrics asked for."""
    yield _place(decisions.variant, None, decisions.logits, decisions.labels, quantities, threshold)
    for source in card.sources:
        mask = decisions.sources == source.name
        logits, labels = decisions.logits[:, mask], decisions.labels[mask]
        yield _place(decisions.variant, source.name, logits, labels, quantities, threshold)


def quantities_of(path: str, own_path: str) -> tuple[Quantity, ...]:
    """The metrics given for a path: all along the variant's own, the basic ones elsewhere."""
    return QUANTITIES if path == own_path else BASIC_QUANTITIES


def thresholds(index: PredictionIndex, study: StudyCard) -> dict[str, Threshold]:
    """For each variant its seeds' thresholds, fixed on all validation images seen through its own path.

    Where the study has no test set of role `validation`, or they lack a class, it is the reason.
    """
    names = [card.name for card in study.test_sets if card.role == "validation"]
    found: dict[str, Threshold] = {}
    for variant in study.variants:
        if not names:
            found[variant.name] = NO_VALIDATION
            continue
        seen = [index.decisions(variant.name, variant.path, name) for name in names]
        labels = np.concatenate([one.labels for one in seen])
        reason = undefined_reason("balanced_accuracy", labels)
        if reason is not None:
            found[variant.name] = f"validation: {reason}"
            continue
        found[variant.name] = validation_threshold(np.concatenate([one.logits for one in seen], axis=1), labels)
    return found


def threshold_for(card: TestSetCard, fixed: Threshold) -> Threshold:
    """The threshold that a test set is judged at: none on the validation images that fixed it."""
    return SAME_IMAGES if card.role == "validation" and not isinstance(fixed, str) else fixed


def _place(
    variant: str,
    source: str | None,
    logits: NDArray[np.floating],
    labels: NDArray[np.int8],
    quantities: tuple[Quantity, ...],
    threshold: Threshold,
) -> Place:
    outcomes: dict[Quantity, tuple[Stratum, ...] | Undefined] = {}
    for quantity in quantities:
        cut = _cut(quantity, threshold)
        reason = undefined_reason(quantity, labels, logits, cut)
        if reason is None and quantity in VALIDATED and isinstance(threshold, str):
            reason = threshold
        if reason is None:
            outcomes[quantity] = strata(quantity, logits, labels, cut)
        else:
            outcomes[quantity] = Undefined(reason, len(logits), _counted(quantity, labels))
    return Place(variant, source, logits, labels, threshold, outcomes)


def _cut(quantity: Quantity, threshold: Threshold) -> NDArray[np.float64] | float:
    return threshold if quantity in VALIDATED and not isinstance(threshold, str) else 0.0


def _counted(quantity: Quantity, labels: NDArray[np.int8]) -> int:
    if quantity in {"recall", "specificity"}:
        return int((labels == (1 if quantity == "recall" else 0)).sum())
    return len(labels)
