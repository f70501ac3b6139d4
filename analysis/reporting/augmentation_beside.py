"""The poster's claim on dispersion, by every method: preprocessing against augmentation alone, and nulls beside it."""

from __future__ import annotations

from analysis.reporting.blocks import Cell, Row, Table
from analysis.reporting.dispersion_lookup import CONCENTRATED, DISPERSED, OPEN, UNDEFINED, Maps, state_label
from analysis.reporting.dispersion_tables import is_told
from analysis.reporting.panels import position_of
from analysis.reporting.quantities import Number, Text, counts, join, method_label, number, point_label
from analysis.reporting.tables import unadjusted
from analysis.summary import Estimate, TestSetCard

AUGMENTED_PATHS = ("augment", "both")
"""Paths with augmentation; the first is augmentation alone."""

UNTRAINED = "untrained"
"""The state of classifiers that have learnt nothing, behind trained preprocessing."""


def augmented(maps: Maps) -> str | None:
    """The variant that is augmented and nothing else; None in a study without one."""
    found = (card.name for card in maps.lookup.summary.study.variants if card.path == AUGMENTED_PATHS[0])
    return next(found, None)


def preprocessed_alone(maps: Maps, card: TestSetCard) -> tuple[str, ...]:
    """The variants with preprocessing and without augmentation that are compared with it on a test set."""
    beside = augmented(maps)
    wheres = [where for method in maps.methods(card) for where in maps.wheres(card, method)]
    behind = {
        each.name
        for each in maps.lookup.summary.study.variants
        if each.path not in (*AUGMENTED_PATHS, "none") and each.name != beside
    }
    return tuple(
        name
        for name in maps.lookup.variants
        if name in behind
        and beside is not None
        and any(maps.row("gini", name, card, where, versus=beside) is not None for where in wheres)
    )


def table_beside_augmentation(maps: Maps, card: TestSetCard) -> Table:
    """Differences to augmentation alone in Gini by every method at every point, nulls of the main one among them."""
    lookup, beside = maps.lookup, augmented(maps)
    names = preprocessed_alone(maps, card)
    rows: list[Row] = []
    found: list[Estimate | None] = []
    for method in maps.methods(card) if names else ():
        for state in ("", *(maps.states(card) if method == maps.main else ())):
            for where in maps.wheres(card, method):
                place = f"{where}~{state}" if state else where
                here = [maps.row("gini", name, card, place, versus=beside) for name in names]
                if all(row is None for row in here):
                    continue
                found += here
                cells: list[Cell] = []
                for name, row in zip(names, here, strict=True):
                    said = maps.says(row)
                    cells += [
                        Cell(maps.number("gini", name, card, place, versus=beside), strong=is_told(maps, row)),
                        Cell({UNDEFINED: "", OPEN: "open"}.get(said, said.removeprefix("more "))),
                    ]
                head = f"{method_label(method)}, {state_label(state)} classifier"
                rows.append(Row((head, point_label(where)), tuple(cells)))
    caption = (
        f"Variant minus {beside} in Gini, paired by seed and image, by each method at each point; below zero its maps "
        f"are the more dispersed. Framed: p below α = {lookup.alpha:g} after Holm’s correction over all pairs of "
        "variants; open: neither is shown. What untrained classifiers show as well is no work of what was learnt "
        "(randomised ones keep the layers before the one named), and what blur or JPEG at the autoencoder’s PSNR show "
        f"as well is no work of the autoencoder’s own. {counts(found, what='maps a seed')}. {unadjusted(lookup)}"
    )
    return Table(
        f"table-beside-augmentation-{position_of(lookup, card)}",
        f"Against augmentation alone: {card.name}",
        ("maps", "point"),
        tuple(part for name in names for part in (f"{name} − {beside}", "says")),
        tuple(rows),
        (caption,),
        grouped=True,
    )


def sentence_beside_augmentation(maps: Maps, card: TestSetCard) -> Text:
    """What methods find of the first preprocessed variant against augmentation alone, at both points."""
    names = preprocessed_alone(maps, card)
    if not names:
        return ()
    variant, beside = names[0], augmented(maps)
    by_point: dict[str, dict[str, list[str]]] = {}
    for method in maps.methods(card):
        for where in maps.wheres(card, method):
            row = maps.row("gini", variant, card, where, versus=beside)
            by_point.setdefault(point_label(where), {}).setdefault(maps.says(row), []).append(method_label(method))
    clauses = [
        f"{point}, "
        + "; ".join(
            f"{word} by {''.join(str(part) for part in join([(name,) for name in said[word]]))}"
            for word in (DISPERSED, CONCENTRATED, OPEN, UNDEFINED)
            if word in said
        )
        for point, said in by_point.items()
    ]
    lead = f"Against {beside} the maps of {variant} ({maps.lookup.called(card.name)}; Gini) are, "
    alone = "; one method alone was run, and its sign is not a finding" if len(maps.methods(card)) == 1 else ""
    return (f"{lead}{'. And '.join(clauses)}{alone}.", *_untrained(maps, card, variant, beside))


def _untrained(maps: Maps, card: TestSetCard, variant: str, beside: str | None) -> Text:
    """What classifiers that have learnt nothing show of the same, by the main method; only where it is told."""
    out: list[str | Number] = []
    for where in maps.wheres(card, maps.main):
        row = maps.row("gini", variant, card, f"{where}~{UNTRAINED}", versus=beside)
        trained = maps.row("gini", variant, card, where, versus=beside)
        if row is not None and trained is not None and is_told(maps, row):
            of = f"{point_label(where)} by {method_label(maps.main)}"
            out += [f" Classifiers that have learnt nothing differ {of} by ", number(row)]
            out += [", trained ones by ", number(trained), "."]
    return tuple(out)
