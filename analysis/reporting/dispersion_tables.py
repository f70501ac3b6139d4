"""The tables of dispersion: measures, attribution points, methods, and how dispersion goes with decisions."""

from __future__ import annotations

from analysis.dispersion import HIGH_IS_CONCENTRATED, MEASURES
from analysis.dispersion_points import CLASSIFIER_POINT, IMAGE_POINT, POINTS_PATH
from analysis.map_relations import CONFIDENCE, CORRECTNESS
from analysis.reporting.blocks import Cell, Row, Table
from analysis.reporting.dispersion_lookup import OPEN, UNDEFINED, Maps, row_id
from analysis.reporting.panels import position_of
from analysis.reporting.quantities import (
    counts,
    grouped,
    method_label,
    number,
    point_label,
    quantity,
    value,
    where_label,
)
from analysis.reporting.tables import unadjusted
from analysis.summary import Estimate, TestSetCard

MAPS = "maps a seed"

MOST_SAYING = 3
"""With more variants than these, what a difference says has no room beside it: sign and frame must do."""

SUBSETS = (("real", "real"), ("synthetic", "synthetic"), ("correct", "all correct"), ("wrong", "all wrong"))
"""Subsets of a test set and what their columns are called."""


def direction(measure: str) -> str:
    """Which way a measure goes where a map becomes more dispersed; salient regions have no way of their own."""
    if measure not in MEASURES:
        return ""
    return "falls" if measure in HIGH_IS_CONCENTRATED else "rises"


def table_measures(maps: Maps, card: TestSetCard) -> Table:
    """Every measure of the main method's maps, and how many maps were excluded."""
    lookup = maps.lookup
    rows: list[Row] = []
    found: list[Estimate | None] = []
    excluded = {(c.variant, f"{c.method}.{c.point}"): c for c in lookup.summary.map_counts if c.test_set == card.name}
    for where in maps.wheres(card):
        head = where_label(where)
        for measure in maps.measures(card):
            found += [maps.row(measure, name, card, where) for name in lookup.variants]
            cells = [Cell(direction(measure))]
            cells += [Cell(maps.number(measure, name, card, where)) for name in lookup.variants]
            rows.append(Row((head, quantity(measure).label), tuple(cells)))
        image = f"{maps.main}.{IMAGE_POINT}"
        told = [
            excluded.get((name, where), None if name in maps.preprocessed(card) else excluded.get((name, image)))
            for name in lookup.variants
        ]
        counted = ["" if c is None else f"{grouped(c.excluded)} of {grouped(c.measured + c.excluded)}" for c in told]
        rows.append(Row((head, "maps excluded"), (Cell(""), *(Cell(text, count=True) for text in counted))))
    caption = (
        "Means over maps and seeds. A map that becomes more dispersed lets a measure rise or fall as said; salient "
        "regions are described only. Excluded: maps that are all zero or not finite. A variant without preprocessing "
        f"has one point, whose values stand at both. {counts(found, what=MAPS)}. {unadjusted(lookup)}"
    )
    return Table(
        f"table-measures-{position_of(lookup, card)}",
        f"All measures: {card.name}",
        ("attribution", "measure"),
        ("if dispersed", *lookup.variants),
        tuple(rows),
        (caption,),
        grouped=True,
    )


def table_measure_differences(maps: Maps, card: TestSetCard) -> Table:
    """The differences to the baseline in every measure."""
    lookup = maps.lookup
    rows: list[Row] = []
    found: list[Estimate | None] = []
    for where in maps.wheres(card):
        for measure in maps.measures(card):
            here = [maps.row(measure, name, card, where, versus=lookup.baseline) for name in lookup.others]
            found += here
            cells = [Cell(direction(measure))]
            cells += [
                Cell(
                    maps.number(measure, name, card, where, versus=lookup.baseline),
                    strong=measure in MEASURES and is_told(maps, row),
                )
                for name, row in zip(lookup.others, here, strict=True)
            ]
            rows.append(Row((where_label(where), quantity(measure).label), tuple(cells)))
    caption = (
        f"Variant minus {lookup.baseline}, paired by seed and image. Framed: p below α = {lookup.alpha:g} after Holm’s "
        f"correction over all pairs of variants. {counts(found, what=MAPS)}. {unadjusted(lookup)}"
    )
    return Table(
        f"table-measure-differences-{position_of(lookup, card)}",
        f"Differences to {lookup.baseline} in all measures: {card.name}",
        ("attribution", "measure"),
        ("if dispersed", *lookup.others),
        tuple(rows),
        (caption,),
        grouped=True,
    )


def is_told(maps: Maps, row: Estimate | None) -> bool:
    """Whether a difference has a Holm-adjusted p below the level: it is framed."""
    p = getattr(row, "p_holm", None)
    return p is not None and p < maps.lookup.alpha


def table_points(maps: Maps) -> Table:
    """Gini at both attribution points, their difference, and what is left of the difference to the baseline."""
    lookup = maps.lookup
    rows: list[Row] = []
    found: list[Estimate | None] = []
    for card in maps.cards:
        for name in maps.preprocessed(card):
            at, behind = (f"{maps.main}.{point}" for point in (IMAGE_POINT, CLASSIFIER_POINT))
            between = f"{maps.main}.{POINTS_PATH}"
            found += [maps.row("gini", name, card, where) for where in (at, behind)]
            between_row = maps.row("gini", name, card, between)
            difference = number(between_row, kind="difference", absent=row_id("gini", name, card, between))
            share = number(maps.share(name, card), kind="percent", absent=f"gini_remaining_share/{name}/{card.name}")
            cells = (
                Cell(maps.number("gini", name, card, at)),
                Cell(maps.number("gini", name, card, behind)),
                Cell(difference),
                Cell(share),
            )
            rows.append(Row((f"{card.name}: {maps.main}", name), cells))
    caption = (
        "Gini coefficient of the same classifier’s maps at the image and at the classifier’s input, their difference "
        f"paired by seed and image, and how much of the difference to {lookup.baseline} is left at the classifier’s "
        f"input; it is given where the difference at the image is significant. {counts(found, what=MAPS)}. "
        f"{unadjusted(lookup)}"
    )
    return Table(
        "table-points",
        "The two attribution points side by side",
        ("test set", "variant"),
        ("at the image", "at the classifier’s input", "difference", "left, %"),
        tuple(rows),
        (caption,),
        grouped=True,
    )


def table_methods(maps: Maps, card: TestSetCard) -> Table:
    """Whether attribution methods agree on the differences to the baseline, in sign and significance."""
    lookup = maps.lookup
    rows: list[Row] = []
    found: list[Estimate | None] = []
    wide = len(lookup.others) <= MOST_SAYING
    for method in maps.methods(card):
        for where in maps.wheres(card, method):
            cells: list[Cell] = []
            for name in lookup.others:
                row = maps.row("gini", name, card, where, versus=lookup.baseline)
                found.append(row)
                said = maps.says(row)
                cells.append(
                    Cell(maps.number("gini", name, card, where, versus=lookup.baseline), strong=is_told(maps, row))
                )
                if wide:
                    cells.append(Cell({UNDEFINED: "", OPEN: "open"}.get(said, said.removeprefix("more "))))
            rows.append(Row((method_label(method), point_label(where)), tuple(cells)))
    header = [part for name in lookup.others for part in ((name, "says") if wide else (name,))]
    caption = (
        f"Difference to {lookup.baseline} in Gini by each method at each point. One method’s sign is not a finding: "
        "look whether a column says the same from top to bottom; open: neither is shown. Framed: Holm-adjusted p "
        f"below α = {lookup.alpha:g}. "
        "Grad-CAM’s maps are smooth by construction and have a grid of their own, the same at both points: only its "
        f"sign compares. {counts(found, what=MAPS)}. {unadjusted(lookup)}"
    )
    return Table(
        f"table-methods-{position_of(lookup, card)}",
        f"Methods and points: {card.name}",
        ("method", "point"),
        tuple(header),
        tuple(rows),
        (caption,),
        grouped=True,
    )


def table_decisions(maps: Maps, card: TestSetCard) -> Table:
    """The differences to the baseline by class, and where all decisions were right or wrong."""
    lookup = maps.lookup
    rows: list[Row] = []
    found: list[Estimate | None] = []
    for where in maps.wheres(card):
        for name in lookup.others:
            cells = [Cell(maps.number("gini", name, card, where, versus=lookup.baseline))]
            for subset, _ in SUBSETS:
                row = maps.row("gini", name, card, where, versus=lookup.baseline, subset=subset)
                found.append(row)
                cells.append(Cell(maps.number("gini", name, card, where, versus=lookup.baseline, subset=subset)))
                if subset in ("correct", "wrong"):
                    cells.append(Cell("", count=True) if row is None else Cell.counted(row.n_images))
            rows.append(Row((where_label(where), name), tuple(cells)))
    caption = (
        f"Difference to {lookup.baseline} in Gini on all images, by class, and on those that every seed of both "
        "variants decided correctly, or wrongly, each along its own path (n beside them). If variants differ only "
        f"where they are right, dispersion follows the decision. {counts(found, what=MAPS)}. {unadjusted(lookup)}"
    )
    names = dict(SUBSETS)
    return Table(
        f"table-decisions-{position_of(lookup, card)}",
        f"By class and decision: {card.name}",
        ("attribution", "variant"),
        ("all", names["real"], names["synthetic"], names["correct"], "n", names["wrong"], "n "),
        tuple(rows),
        (caption,),
        grouped=True,
    )


def table_relations(maps: Maps, card: TestSetCard) -> Table:
    """How Gini goes with the detector's confidence and with its being right."""
    lookup = maps.lookup
    rows: list[Row] = []
    found: list[Estimate | None] = []
    for where in maps.wheres(card):
        for name in lookup.variants:
            cells: list[Cell] = []
            for suffix in (CONFIDENCE, CORRECTNESS):
                key = f"gini_{suffix}"
                row = maps.row(key, name, card, where)
                found.append(row)
                cells.append(Cell(maps.number(key, name, card, where)))
                p = value(
                    f"{row_id(key, name, card, where) if row is None else row.id}/p",
                    row.p if row else None,
                    "p",
                    reason=row.reason if row else "not computed in this study",
                )
                cells.append(Cell(p))
            rows.append(Row((where_label(where), name), tuple(cells)))
    if not any(row is not None for row in found):
        rows = []
    caption = (
        "Spearman’s rank correlation of Gini with the size of the logit, and the rank-biserial correlation with being "
        "right (positive: correct decisions have the more concentrated maps), over images, for each seed and averaged; "
        f"both from −1 to 1. p: of no correlation, one by one. {counts(found, what=MAPS)}. {unadjusted(lookup)}"
    )
    return Table(
        f"table-relations-{position_of(lookup, card)}",
        f"Dispersion, confidence and correctness: {card.name}",
        ("attribution", "variant"),
        ("with |logit|", "p", "with being right", "p "),
        tuple(rows),
        (caption,),
        grouped=True,
    )
