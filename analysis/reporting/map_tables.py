"""The tables of what could be mistaken for a finding: nulls, agreement, faithfulness, and another model."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.agreement import SEEDS, VARIANTS
from analysis.dispersion_points import IMAGE_POINT
from analysis.faithfulness import DELETION, INSERTION, Faithfulness, judge_faithfulness
from analysis.map_checks import MODEL
from analysis.reporting.blocks import Cell, Row, Table
from analysis.reporting.dispersion_lookup import Maps, row_id, state_label
from analysis.reporting.panels import percent_level, position_of
from analysis.reporting.quantities import (
    MINUS,
    Number,
    Text,
    counts,
    method_label,
    point_label,
    quantity,
    value,
    where_label,
)
from analysis.reporting.tables import unadjusted
from analysis.summary import Estimate, ModelRow, TestSetCard

MAPS = "maps a seed"
NO_BETTER = "not shown to be better"


def table_nulls(maps: Maps, card: TestSetCard) -> Table:
    """The differences to the baseline in Gini of trained classifiers and of nulls."""
    lookup = maps.lookup
    rows: list[Row] = []
    found: list[Estimate | None] = []
    for where in maps.wheres(card) if maps.states(card) else ():
        for state in ("", *maps.states(card)):
            place = f"{where}~{state}" if state else where
            here = [maps.row("gini", name, card, place, versus=lookup.baseline) for name in lookup.others]
            if all(row is None for row in here):
                continue
            found += here
            cells = tuple(
                Cell(maps.number("gini", name, card, place, versus=lookup.baseline)) for name in lookup.others
            )
            rows.append(Row((where_label(where), state_label(state)), cells))
    caption = (
        f"Difference to {lookup.baseline} in Gini, both classifiers in the same state. What an untrained classifier "
        "shows as well is the work of the preprocessing and the architecture. "
        f"{_fewer(found)}{counts(found, what=MAPS)}. {unadjusted(lookup)}"
    )
    return Table(
        f"table-nulls-{position_of(lookup, card)}",
        f"Differences of the nulls: {card.name}",
        ("attribution", "classifier"),
        lookup.others,
        tuple(rows),
        (caption,),
        grouped=True,
    )


def _fewer(rows: Sequence[Estimate | None]) -> str:
    """That the rows are not all of as many images and seeds, where that is so."""
    held = [row for row in rows if row is not None and row.estimate is not None]
    unlike = [
        what
        for what, numbers in (
            ("images", {row.n_images for row in held}),
            ("seeds", {row.n_seeds for row in held}),
        )
        if len(numbers) > 1
    ]
    return f"Randomised classifiers are of fewer {' and '.join(unlike)}. " if unlike else ""


def table_similarity(maps: Maps, card: TestSetCard) -> Table:
    """How like the trained classifier's maps those of the nulls are."""
    lookup = maps.lookup
    rows: list[Row] = []
    found: list[Estimate | None] = []
    for where in maps.wheres(card):
        for state in maps.states(card):
            place = f"{where}~{state}"
            here = [maps.row("similarity", name, card, place) for name in lookup.variants]
            if all(row is None for row in here):
                continue
            found += here
            cells = tuple(Cell(maps.number("similarity", name, card, place)) for name in lookup.variants)
            rows.append(Row((where_label(where), state_label(state)), cells))
    caption = (
        "Spearman’s rank correlation over pixels between the map of a null and the trained classifier’s map of the "
        "same image. Maps that stay alike when the weights are random tell of the image, not of what was learnt. "
        f"{counts(found, what=MAPS)}. {unadjusted(lookup)}"
    )
    return Table(
        f"table-similarity-{position_of(lookup, card)}",
        f"Likeness of the nulls’ maps to the trained ones: {card.name}",
        ("attribution", "classifier"),
        lookup.variants,
        tuple(rows),
        (caption,),
        grouped=True,
    )


def table_agreement(maps: Maps, card: TestSetCard) -> Table:
    """Whether the maps of different seeds of a variant are alike."""
    lookup = maps.lookup
    held = [row for row in lookup.summary.agreement if row.test_set == card.name]
    rows: list[Row] = []
    for method in maps.methods(card):
        for where in maps.wheres(card, method):
            if any(row.path == where and row.quantity == SEEDS for row in held):
                cells = tuple(Cell(maps.number(SEEDS, name, card, where)) for name in lookup.variants)
                rows.append(Row((method_label(method), point_label(where)), cells))
    shown = [row for row in held if row.quantity == SEEDS]
    caption = (
        "Mean Spearman correlation over pixels between the maps of two seeds for the same image, over all pairs of "
        "seeds. Near 0, a map tells of one training and not of the variant. "
        f"{counts(shown, what='stored maps a seed')}. {unadjusted(lookup)}"
    )
    return Table(
        f"table-agreement-{position_of(lookup, card)}",
        f"Agreement between seeds: {card.name}",
        ("method", "point"),
        lookup.variants,
        tuple(rows),
        (caption,),
        grouped=True,
    )


def table_variant_agreement(maps: Maps, card: TestSetCard) -> Table:
    """Whether the maps of two variants with the same seed are alike, by the main method."""
    lookup = maps.lookup
    wheres = maps.wheres(card)
    held = [row for row in lookup.summary.agreement if row.test_set == card.name and row.quantity == VARIANTS]
    shown = [row for row in held if row.path in wheres]
    rows = []
    for variant, versus in dict.fromkeys((row.variant, row.versus) for row in shown):
        assert versus is not None, "an agreement of variants has two"
        keys = [row_id(VARIANTS, variant, card, where, versus=versus) for where in wheres]
        by_id = {row.id: row for row in shown}
        rows.append(Row((f"{variant} and {versus}",), tuple(Cell(_agreement(by_id.get(key), key)) for key in keys)))
    caption = (
        "Mean Spearman correlation over pixels between the maps of two variants with the same seed for the same image. "
        f"{counts(shown, what='stored maps a seed')}. {unadjusted(lookup)}"
    )
    return Table(
        f"table-variant-agreement-{position_of(lookup, card)}",
        f"Agreement between variants, {method_label(maps.main)}: {card.name}",
        ("variants",),
        tuple(point_label(where) for where in wheres),
        tuple(rows),
        (caption,),
    )


def _agreement(row: Estimate | None, key: str) -> Number:
    if row is None:
        return value(key, None, "plain", (None, None), reason="not computed in this study")
    return value(key, row.estimate, "plain", (row.low, row.high), reason=row.reason)


def table_faithfulness(maps: Maps, card: TestSetCard) -> Table:
    """Areas of deletion and insertion less those of a random order; methods that are no better are marked."""
    lookup = maps.lookup
    held = {row.id: row for row in lookup.summary.faithfulness if row.test_set == card.name}
    rows = []
    order = [where for method in maps.methods(card) for where in lookup.wheres(card.name) if _method(where) == method]
    places = dict.fromkeys((row.path, row.variant) for row in held.values())
    for path, variant in sorted(places, key=lambda place: order.index(place[0]) if place[0] in order else len(order)):
        keys = [row_id(name, variant, card, path) for name in (DELETION, INSERTION)]
        found = [held.get(key) for key in keys]
        verdict = None
        if found[0] is not None and found[1] is not None:
            verdict = judge_faithfulness(found[0], found[1], lookup.alpha)
        said = "" if verdict is None else _said(verdict)
        cells = [Cell(_agreement(row, key)) for row, key in zip(found, keys, strict=True)]
        rows.append(Row((where_label(path), variant), (*cells, Cell(said))))
    caption = (
        "Area under the curve of deletion (pixels taken out by falling attribution) and of insertion (put in), less "
        "that of a random order of the same image, in logits of the class decided. Below 0 for deletion and above 0 "
        f"for insertion is better than random; each is tested at α/2 = {lookup.alpha / 2:g}, without correction for "
        "the number of rows. ○ marks a method that is shown to be better by neither, or to be worse. Logits differ in "
        "scale between variants: sizes compare between methods of one variant. "
        f"{counts(list(held.values()), what='images a seed')}. {unadjusted(lookup)}"
    )
    return Table(
        f"table-faithfulness-{position_of(lookup, card)}",
        f"Faithfulness: {card.name}",
        ("method", "variant"),
        ("deletion", "insertion", "against random"),
        tuple(rows),
        (caption,),
        grouped=True,
    )


def _method(where: str) -> str:
    return where.rpartition(".")[0]


def faithfulness_paragraph(maps: Maps, card: TestSetCard, method: str | None = None) -> Text:
    """The methods whose maps are not shown to rank pixels better than random, and of which variants.

    Args:
        maps: the maps of a study.
        card: the test set.
        method: speak of this one alone; nothing is said where it was not tested.
    """
    held = [row for row in maps.lookup.summary.faithfulness if row.test_set == card.name]
    if method is not None:
        held = [row for row in held if _method(row.path) == method]
        if not held:
            return ()
    pairs = {(row.path, row.variant): row for row in held if row.quantity == DELETION}
    poor: dict[str, list[str]] = {}
    tested: dict[str, int] = {}
    for row in held:
        deletion = pairs.get((row.path, row.variant))
        if row.quantity != INSERTION or deletion is None:
            continue
        better = judge_faithfulness(deletion, row, maps.lookup.alpha).better
        tested[row.path] = tested.get(row.path, 0) + (better is not None)
        if better is False:
            poor.setdefault(row.path, []).append(row.variant)
    where = maps.lookup.called(card.name)
    if not any(tested.values()):
        return (f"On {where} no method could be tested against a random order.",)
    if not poor:
        every = "every method that was tested ranks" if method is None else f"the maps of {method_label(method)} rank"
        return (f"On {where} {every} pixels better than a random order.",)
    told = [
        f"{where_label(path)} ({'all variants' if len(names) == tested[path] else ', '.join(names)})"
        for path, names in poor.items()
    ]
    return (f"On {where} these are not shown to rank pixels better than a random order: {'; '.join(told)}.",)


def _said(verdict: Faithfulness) -> str:
    if verdict.better is None:
        return verdict.reason or "not tested"
    by = [name for name, told in (("deletion", verdict.deletion), ("insertion", verdict.insertion)) if told]
    if verdict.better and verdict.worse:
        return f"◐ better by {by[0]}, worse by {verdict.worse[0]}"
    if verdict.worse:
        return f"○ worse by {' and '.join(verdict.worse)}"
    if not by:
        return f"○ {NO_BETTER}"
    return "● better by both" if len(by) == 2 else f"● better by {by[0]}"


def table_map_models(maps: Maps) -> Table:
    """The mixed model's differences to the baseline beside the crossed ones."""
    lookup = maps.lookup
    names = [card.name for card in maps.cards]
    held = (row for row in lookup.summary.model_checks if row.model == MODEL and row.test_set in names)
    checks = sorted(held, key=lambda row: (names.index(row.test_set), not row.path.endswith(f".{IMAGE_POINT}")))
    rows = []
    for row in checks:
        card = maps.cards[names.index(row.test_set)]
        variant, _, versus = row.effect.partition("-vs-")
        head = f"{card.name}: {quantity(row.quantity).label}, {where_label(row.path)}"
        crossed = maps.number(row.quantity, variant, card, row.path, versus=versus)
        rows.append(Row((head, f"{variant} {MINUS} {versus}"), (Cell(crossed), Cell(_model(row)))))
    caption = (
        "A check, not a result: a linear mixed model with variants as fixed and images, seeds and runs as random "
        "effects, fitted by REML to at most 40 images of a test set, so that its estimate is near the crossed one and "
        f"not the same. Its {percent_level(lookup)} intervals use normal quantiles, too short with few seeds; those of "
        "the crossed estimate are over seeds and images. Neither is adjusted."
    )
    return Table(
        "table-map-models",
        "A mixed model of the same maps",
        ("test set and measure", "difference"),
        ("crossed (quoted)", "mixed model"),
        tuple(rows),
        (caption,),
        grouped=True,
    )


def _model(row: ModelRow) -> Number:
    key = f"model/{row.model}/{row.quantity}/{row.effect}/{row.test_set}/{row.path}"
    return value(key, row.estimate, "difference", (row.low, row.high), reason=row.reason)
