"""From labelled frames to the frozen `Summary` that reports are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from analysis.agreement import MapStack, agreement_rows
from analysis.build_contrasts import (
    FACTORIAL_QUANTITIES,
    Levels,
    build_contrasts,
    build_factorial,
    pairs_of,
    place_draws,
)
from analysis.build_controls import build_controls
from analysis.build_dispersion import build_dispersion
from analysis.build_evidence import PlaceKey, StudyEvidence, trained_maps
from analysis.build_runs import Runs, model_rows, run_intervals, run_tests, spread_rows
from analysis.claims import Claim
from analysis.collapse import collapse_warnings
from analysis.control_frames import Controls
from analysis.curves import curve_rows
from analysis.declared import NOT_ON_RECORD, Declared, declared_of, withdrawn
from analysis.dispersion_subsets import own_decisions
from analysis.errors import InputError
from analysis.estimates import Where, estimate_row, seed_rows
from analysis.faithfulness import faithfulness_rows
from analysis.frames import Decisions, PredictionIndex, index_images, index_predictions
from analysis.map_checks import MEASURES, main_method, map_model_rows
from analysis.map_frames import index_maps
from analysis.places import Place, places_of, quantities_of, threshold_for, thresholds
from analysis.quantities import QUANTITIES
from analysis.ranges import levels_cut
from analysis.subsets import Subsets, subset_rows
from analysis.summary import (
    AutoencoderQuality,
    Contrast,
    Estimate,
    HistoryRow,
    Margin,
    Provenance,
    Role,
    SeedValue,
    StudyCard,
    Summary,
    TestSetCard,
)
from analysis.verdicts import decide

DRAWS = 10_000
"""Draws of the multi-bootstrap."""


def build_summary(
    *,
    study: StudyCard,
    provenance: Provenance,
    predictions: pd.DataFrame,
    images: pd.DataFrame,
    maps: pd.DataFrame | None,
    faithfulness: pd.DataFrame | None = None,
    stored_maps: Iterable[MapStack] = (),
    controls: Controls | None = None,
    subsets: Subsets | None = None,
    autoencoders: Iterable[AutoencoderQuality] = (),
    histories: Iterable[HistoryRow] = (),
    confidence: float = 0.95,
    alpha: float = 0.05,
    margins: Mapping[Role, float] | None = None,
    draws: int = DRAWS,
    claims: Sequence[Claim] = (),
    at_start: Declared = NOT_ON_RECORD,
    in_study: Declared = NOT_ON_RECORD,
    warnings: Iterable[str] = (),
) -> Summary:
    """Compute every number of the reports.

    Metrics are given for each variant, test set and path, for the whole test set and for each of its sources: all of
    them along the variant's own path, the basic ones (`analysis.metrics.BASIC_QUANTITIES`) along others. Contrasts of
    every pair and the factorial effects are along each variant's own path, with what stands beside their crossed
    intervals; dispersion is given per variant, test set, method and point. The thresholds of the validated metrics are
    fixed on the test sets of role `validation`, each variant's and seed's along its own path. Rows come in the study
    card's order. Test sets of role `validation` have metrics and contrasts to the baseline alone: nothing is claimed of
    images that a choice was made on. Limits of levels are cut to what the quantity can be (`analysis.ranges`).

    Args:
        study: what the study holds; its variants, seeds, test sets and sources must be those of the frames.
        provenance: passed on.
        predictions: see `analysis.frames.PREDICTION_COLUMNS`.
        images: see `analysis.frames.IMAGE_COLUMNS`.
        maps: see `analysis.map_frames.MAP_COLUMNS`; None or an empty frame where no maps were made.
        faithfulness: see `analysis.faithfulness.FAITHFULNESS_COLUMNS`; None or an empty frame where there is none.
        stored_maps: the arrays of some maps, for their agreement.
        controls: what was recorded of control sets; None where there are none.
        subsets: which images are greyscale or of known content; None where nothing is known.
        autoencoders: passed on, sorted by seed.
        histories: passed on, in their order.
        confidence: coverage of all intervals, between 0 and 1.
        alpha: level of all tests, between 0 and 0.5.
        margins: the largest difference that does not matter, by role of the test set, as a fraction; without one there
            is no test of equivalence.
        draws: of the multi-bootstrap, 0 for none.
        claims: what the study says it will find.
        at_start: what was declared when the runs began.
        in_study: what the study file declares, where the analysis may have been given other margins or levels.
        warnings: sentences that stand before every verdict; that classifiers learnt nothing is found here.

    Raises:
        InputError: a frame fails its checks or does not fit the study card, a claim does, or a level is out of range.
    """
    if not 0 < confidence < 1:
        raise InputError(f"confidence {confidence}: must lie between 0 and 1, such as 0.95")
    if not 0 < alpha < 0.5:
        raise InputError(f"alpha {alpha}: must lie between 0 and 0.5, such as 0.05")
    margins = dict(margins or {})
    for role, margin in margins.items():
        if not 0 < margin < 1:
            raise InputError(f"margin {margin} of {role} test sets: must lie between 0 and 1, such as 0.01 for a point")
    _check_names(study)
    table = index_images(images)
    variants = tuple(variant.name for variant in study.variants)
    index = index_predictions(predictions, table, variants=variants, seeds=study.seeds)
    _check_fit(study, index)
    cells = () if maps is None else index_maps(maps, table, variants=variants, seeds=study.seeds)

    controlled = build_controls(controls, index, study, confidence)
    fixed = thresholds(index, study)
    metrics: list[Estimate] = []
    contrasts: list[Contrast] = []
    factorial: list[Contrast] = []
    seed_values: list[SeedValue] = []
    known: dict[PlaceKey, Place] = {}
    runs: list[Runs] = []
    for card in study.test_sets:
        here: dict[str, list[Place]] = {}
        own: dict[str, Decisions] = {}
        for variant in study.variants:
            for path in _paths(index, study, variant.name, card.name):
                decisions = index.decisions(variant.name, path, card.name)
                threshold = threshold_for(card, fixed[variant.name])
                places = list(places_of(decisions, card, quantities_of(path, variant.path), threshold))
                if path == variant.path:
                    own[variant.name], here[variant.name] = decisions, places
                    known |= {(variant.name, card.name, place.source): place for place in places}
                for place in places:
                    for quantity in place.quantities:
                        where = Where(quantity, variant.name, card.name, path, place.source)
                        metrics.append(estimate_row(where, place.interval(quantity, confidence)))
                        seed_values.extend(seed_rows(where, index.seeds, *place.per_seed(quantity)))
        levels = Levels(confidence, alpha, draws if card.role != "validation" else 0, margins.get(card.role))
        for position, source in enumerate([None, *(source.name for source in card.sources)]):
            sides = {variant: places[position] for variant, places in here.items()}
            pairs = pairs_of(list(sides), study.baseline)
            if card.role == "validation":
                pairs = pairs[: len(sides) - 1]
            # A test set of one source is that source: the same draws.
            if position == 0 or len(card.sources) > 1:
                drawn = place_draws(sides, QUANTITIES, levels)
            contrasts.extend(build_contrasts(sides, pairs, card.name, source, QUANTITIES, levels, drawn))
            if card.role != "validation":
                factorial.extend(build_factorial(sides, card.name, source, FACTORIAL_QUANTITIES, levels, drawn))
        if card.role != "validation":
            runs.append(own)
    parts = build_dispersion(cells, table, study, confidence, own_decisions(index, study))
    main = main_method(cells)
    checked = [cell for cell in cells if cell.method == main]
    map_checks = map_model_rows(checked, table, study, measures=MEASURES, confidence=confidence)
    evidence = StudyEvidence(known, trained_maps(cells), table, confidence)
    # Nothing is claimed of validation images.
    roles = {card.name: card.role for card in study.test_sets if card.role != "validation"}
    return Summary(
        confidence=confidence,
        confidence_declared=declared_of(confidence, at_start.confidence, in_study.confidence),
        alpha=alpha,
        alpha_declared=declared_of(alpha, at_start.alpha, in_study.alpha),
        margins=tuple(
            Margin(role=role, margin=margin, declared=declared_of(margin, at_start.margin(role), in_study.margin(role)))
            for role, margin in margins.items()
        ),
        bootstrap_draws=draws,
        study=study,
        provenance=provenance,
        warnings=(*collapse_warnings(index, study), *warnings),
        metrics=levels_cut(metrics),
        contrasts=tuple(contrasts),
        factorial=tuple(factorial),
        dispersion=levels_cut(parts.dispersion),
        dispersion_contrasts=parts.contrasts,
        dispersion_parts=levels_cut(parts.parts),
        agreement=levels_cut(agreement_rows(stored_maps, study, confidence)),
        faithfulness=() if faithfulness is None else faithfulness_rows(faithfulness, table, study, confidence),
        seed_values=(*seed_values, *parts.seed_values),
        run_intervals=tuple(row for own in runs for row in run_intervals(own, confidence)),
        run_tests=tuple(row for own in runs for row in run_tests(own, study.baseline)),
        model_checks=(*(row for own in runs for row in model_rows(own, confidence)), *map_checks),
        seed_spread=tuple(row for own in runs for row in spread_rows(own, confidence)),
        curves=tuple(row for own in runs for row in curve_rows(own)),
        control_sets=controlled.control_sets,
        control_metrics=levels_cut(controlled.control_metrics),
        control_contrasts=controlled.control_contrasts,
        shift=controlled.shift,
        subsets=subset_rows(subsets, images, index, study, confidence),
        verdicts=decide(claims, evidence, alpha, test_sets=roles, at_start=at_start, in_study=in_study),
        withdrawn=tuple(claim.says for claim in withdrawn(claims, at_start)),
        map_counts=parts.counts,
        autoencoders=tuple(sorted(autoencoders, key=lambda quality: quality.seed)),
        histories=tuple(histories),
    )


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
