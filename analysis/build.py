"""From labelled frames to the frozen `Summary` that reports are made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.build_dispersion import build_dispersion
from analysis.contrasts import paired_contrast
from analysis.errors import InputError
from analysis.estimates import Undefined, Where, estimate_row, seed_rows
from analysis.frames import Decisions, PredictionIndex, index_images, index_predictions
from analysis.intervals import CrossedInterval, Stratum, crossed_interval
from analysis.map_frames import index_maps
from analysis.metrics import METRICS, QUANTITIES, Quantity, strata, undefined_reason
from analysis.summary import (
    AutoencoderQuality,
    Estimate,
    HistoryRow,
    Provenance,
    SeedValue,
    StudyCard,
    Summary,
    TestSetCard,
)

OWN_PATH = "own"
"""The path of a contrast: each variant along its own."""


def build_summary(
    *,
    study: StudyCard,
    provenance: Provenance,
    predictions: pd.DataFrame,
    images: pd.DataFrame,
    maps: pd.DataFrame | None,
    autoencoders: Iterable[AutoencoderQuality] = (),
    histories: Iterable[HistoryRow] = (),
    confidence: float = 0.95,
) -> Summary:
    """Compute every number of the reports.

    Metrics are given for each variant, test set and path, for the whole test set and for each of its sources;
    contrasts to the baseline along each variant's own path; dispersion per variant, test set, method and point.
    Rows come in the study card's order. Test sets of role `validation` are computed like the others.

    Args:
        study: what the study holds; its variants, seeds, test sets and sources must be those of the frames.
        provenance: passed on.
        predictions: see `analysis.frames.PREDICTION_COLUMNS`.
        images: see `analysis.frames.IMAGE_COLUMNS`.
        maps: see `analysis.map_frames.MAP_COLUMNS`; None or an empty frame where no maps were made.
        autoencoders: passed on, sorted by seed.
        histories: passed on, in their order.
        confidence: coverage of all intervals, between 0 and 1.

    Raises:
        InputError: a frame fails its checks, or does not fit the study card.
    """
    if not 0 < confidence < 1:
        raise InputError(f"confidence {confidence}: must lie between 0 and 1, such as 0.95")
    _check_names(study)
    table = index_images(images)
    variants = tuple(variant.name for variant in study.variants)
    index = index_predictions(predictions, table, variants=variants, seeds=study.seeds)
    _check_fit(study, index)
    cells = () if maps is None else index_maps(maps, table, variants=variants, seeds=study.seeds)

    metrics: list[Estimate] = []
    contrasts: list[Estimate] = []
    seed_values: list[SeedValue] = []
    for card in study.test_sets:
        own: dict[str, list[_Place]] = {}
        for variant in study.variants:
            for path in _paths(index, study, variant.name, card.name):
                places = list(_places(index.decisions(variant.name, path, card.name), card))
                if path == variant.path:
                    own[variant.name] = places
                for place, quantity in ((place, quantity) for place in places for quantity in QUANTITIES):
                    where = Where(quantity, variant.name, card.name, path, place.source)
                    metrics.append(estimate_row(where, _interval(place.strata[quantity], confidence)))
                    seed_values.extend(seed_rows(where, index.seeds, *place.per_seed(quantity)))
        for variant in study.variants:
            if variant.name != study.baseline:
                contrasts.extend(
                    _contrasts(
                        variant.name, study.baseline, card.name, own[variant.name], own[study.baseline], confidence
                    )
                )
    parts = build_dispersion(cells, table, study, confidence)
    return Summary(
        confidence=confidence,
        study=study,
        provenance=provenance,
        metrics=tuple(metrics),
        contrasts=tuple(contrasts),
        dispersion=parts.dispersion,
        dispersion_contrasts=parts.contrasts,
        seed_values=(*seed_values, *parts.seed_values),
        map_counts=parts.counts,
        autoencoders=tuple(sorted(autoencoders, key=lambda quality: quality.seed)),
        histories=tuple(histories),
    )


@dataclass(frozen=True)
class _Place:
    """A test set, or one source of it, as one variant saw it through one path."""

    source: str | None
    logits: NDArray[np.floating]
    labels: NDArray[np.int8]
    strata: dict[Quantity, tuple[Stratum, ...] | Undefined]

    def per_seed(self, quantity: Quantity) -> tuple[list[float] | None, str | None]:
        """The metric of each seed, or None and the reason."""
        outcome = self.strata[quantity]
        if isinstance(outcome, Undefined):
            return None, outcome.reason
        return METRICS[quantity](self.logits, self.labels).tolist(), None


def _places(decisions: Decisions, card: TestSetCard) -> Iterator[_Place]:
    """The whole test set, then its sources in the card's order."""
    yield _place(None, decisions.logits, decisions.labels)
    for source in card.sources:
        mask = decisions.sources == source.name
        yield _place(source.name, decisions.logits[:, mask], decisions.labels[mask])


def _place(source: str | None, logits: NDArray[np.floating], labels: NDArray[np.int8]) -> _Place:
    outcomes: dict[Quantity, tuple[Stratum, ...] | Undefined] = {}
    for quantity in QUANTITIES:
        reason = undefined_reason(quantity, labels)
        if reason is None:
            outcomes[quantity] = strata(quantity, logits, labels)
        else:
            counted = (
                labels == (1 if quantity == "recall" else 0) if quantity in {"recall", "specificity"} else labels >= 0
            )
            outcomes[quantity] = Undefined(reason, len(logits), int(counted.sum()))
    return _Place(source, logits, labels, outcomes)


def _interval(outcome: tuple[Stratum, ...] | Undefined, confidence: float) -> CrossedInterval | Undefined:
    return outcome if isinstance(outcome, Undefined) else crossed_interval(outcome, confidence)


def _contrasts(
    variant: str,
    baseline: str,
    test_set: str,
    places: Sequence[_Place],
    baseline_places: Sequence[_Place],
    confidence: float,
) -> Iterator[Estimate]:
    """Differences of every metric, for the test set and for each source."""
    for place, other in zip(places, baseline_places, strict=True):
        for quantity in QUANTITIES:
            where = Where(quantity, variant, test_set, OWN_PATH, place.source, versus=baseline)
            first, second = place.strata[quantity], other.strata[quantity]
            if isinstance(first, Undefined):
                yield estimate_row(where, first)
                continue
            assert not isinstance(second, Undefined), "both variants saw the same images"
            yield estimate_row(where, paired_contrast(first, second, confidence))


def _paths(index: PredictionIndex, study: StudyCard, variant: str, test_set: str) -> list[str]:
    """The paths a variant was tested through, in the order of the variants whose own they are, then by name."""
    own = [card.path for card in study.variants]
    return sorted(index.paths_of(variant, test_set), key=lambda p: (own.index(p) if p in own else len(own), p))


def _check_names(study: StudyCard) -> None:
    """Refuse a study card that names nothing, or something twice."""
    named: list[tuple[str, list[str]]] = [
        ("variant", [variant.name for variant in study.variants]),
        ("seed", [str(seed) for seed in study.seeds]),
        ("test set", [card.name for card in study.test_sets]),
        *((f"source of {card.name!r}", [source.name for source in card.sources]) for card in study.test_sets),
    ]
    for what, names in named:
        if not names or len(set(names)) != len(names):
            listed = ", ".join(names) or "none"
            raise InputError(f"study {study.name!r}: needs one {what} or more, each once; has: {listed}")
    if study.baseline not in named[0][1]:
        listed = ", ".join(named[0][1])
        raise InputError(f"study {study.name!r}: baseline {study.baseline!r} is none of its variants ({listed})")


def _check_fit(study: StudyCard, index: PredictionIndex) -> None:
    """Refuse a study card that does not describe the frames."""
    named = {card.name for card in study.test_sets}
    for test_set in index.images.test_sets:
        if test_set not in named:
            raise InputError(f"images: test set {test_set!r} is not of study {study.name!r}; remove its rows")
    for card in study.test_sets:
        if card.name not in index.test_sets:
            raise InputError(f"predictions: test set {card.name!r} of study {study.name!r} is missing; make its runs")
        _check_card(card, index)
        for variant in study.variants:
            if variant.path not in index.paths_of(variant.name, card.name):
                raise InputError(
                    f"predictions: variant {variant.name!r} was not tested on {card.name!r} through its own path "
                    f"{variant.path!r}; make these predictions"
                )


def _check_card(card: TestSetCard, index: PredictionIndex) -> None:
    """Refuse a card whose numbers of images are not those of the image table."""
    span = index.images.span(card.name)
    labels, sources = index.images.labels[span], index.images.sources[span]
    found = {name: labels[sources == name] for name in sorted(set(sources))}
    told = {source.name: (source.n_real, source.n_synthetic) for source in card.sources}
    has = {name: (int((part == 0).sum()), int((part == 1).sum())) for name, part in found.items()}
    told[""], has[""] = (card.n_real, card.n_synthetic), (int((labels == 0).sum()), int((labels == 1).sum()))
    for name in sorted(told.keys() | has.keys()):
        if told.get(name, (0, 0)) != has.get(name, (0, 0)):
            where = f"test set {card.name!r}" + (f", source {name!r}" if name else "")
            raise InputError(
                f"{where}: the study card says {told.get(name, (0, 0))} real and synthetic images, the image table "
                f"has {has.get(name, (0, 0))}; make the card from the table"
            )
