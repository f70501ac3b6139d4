"""The tables: which estimates stand in which row and column."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.reporting.blocks import Cell, Row, Table
from analysis.reporting.figures import ordered_sources
from analysis.reporting.lookup import Lookup
from analysis.reporting.panels import NOT_ADJUSTED, percent_level
from analysis.reporting.quantities import (
    Number,
    Quantity,
    counts,
    decimals,
    fixed,
    kind_of,
    number,
    quantity,
)
from analysis.summary import Estimate, TestSetCard

METRICS = ("accuracy", "balanced_accuracy", "recall", "specificity", "auc")


def intervals(lookup: Lookup) -> str:
    """What the brackets hold."""
    return f"In brackets: {percent_level(lookup)} intervals over seeds and images, crossed."


def unadjusted(lookup: Lookup) -> str:
    """The same where many of them stand side by side: they are not adjusted."""
    return f"{intervals(lookup)} {NOT_ADJUSTED}"


def _heading(name: str, *, difference: bool = False) -> str:
    card: Quantity = quantity(name)
    unit = (", points" if difference else ", %") if card.proportion else ", difference" if difference else ""
    return f"{card.label}{unit}"


def _numbers(rows: Sequence[Estimate | None], *, absent: str) -> list[Number]:
    """Numbers of one column, with as many digits for all as the finest needs."""
    real = [row for row in rows if row is not None]
    digits = max((decimals(row, kind_of(row)) for row in real), default=0)
    return [number(row, digits=digits, absent=absent) for row in rows]


def _by_variant(
    table_id: str,
    title: str,
    columns: Sequence[tuple[str, list[Estimate | None]]],
    names: Sequence[str],
    caption: str,
) -> Table:
    """A table with a row per variant and a column of estimates each."""
    filled = [_numbers(rows, absent=heading) for heading, rows in columns]
    body = tuple(
        Row((name,), tuple(Cell(column[position]) for column in filled)) for position, name in enumerate(names)
    )
    return Table(table_id, title, ("variant",), tuple(heading for heading, _ in columns), body, (caption,))


def table_metrics(lookup: Lookup, card: TestSetCard) -> Table:
    """Every variant's quantities on one test set, along its own path."""
    shown = [name for name in METRICS if any(lookup.metric(name, v, card.name) for v in lookup.variants)]
    columns = [(_heading(name), [lookup.metric(name, v, card.name) for v in lookup.variants]) for name in shown]
    rows = [row for _, column in columns for row in column]
    caption = f"Each variant tested along its own path. {counts(rows)}. {intervals(lookup)}"
    return _by_variant(
        f"table-metrics-{lookup.quoted.index(card) + 1}",
        f"Results on {card.name}",
        columns,
        lookup.variants,
        caption,
    )


def table_contrasts(lookup: Lookup, card: TestSetCard) -> Table:
    """Every other variant minus the baseline on one test set."""
    shown = [name for name in METRICS if any(lookup.contrast(name, v, card.name) for v in lookup.others)]
    columns = [
        (_heading(name, difference=True), [lookup.contrast(name, v, card.name) for v in lookup.others])
        for name in shown
    ]
    rows = [row for _, column in columns for row in column]
    caption = (
        f"Variant minus {lookup.baseline}, paired by seed and image, each along its own path. {counts(rows)}. "
        f"{unadjusted(lookup)} An interval that includes zero does not show that two variants are equal."
    )
    return _by_variant(
        f"table-contrasts-{lookup.quoted.index(card) + 1}",
        f"Differences to {lookup.baseline} on {card.name}",
        columns,
        lookup.others,
        caption,
    )


def table_grid(lookup: Lookup, card: TestSetCard) -> Table:
    """Trained as (rows) × tested through (columns)."""
    name = lookup.headline(card)
    paths = list(
        dict.fromkeys(row.path for row in lookup.summary.metrics if row.quantity == name and row.test_set == card.name)
    )
    found = {(v, p): lookup.metric(name, v, card.name, path=p) for v in lookup.variants for p in paths}
    values = [row.estimate for row in found.values() if row is not None and row.estimate is not None]
    low, high = (min(values), max(values)) if values else (0.0, 0.0)

    def cell(variant: str, path: str) -> Cell:
        row = found[variant, path]
        value = None if row is None else row.estimate
        shade = None if value is None else ((value - low) / (high - low) if high > low else 0.5)
        shown = number(row, absent=f"{name}/{variant}/{card.name}/{path}")
        return Cell(shown, shade=shade, strong=path == lookup.own_paths[variant])

    # A variant tested along its own path alone has no grid.
    crossed = any(row is not None and path != lookup.own_paths[variant] for (variant, path), row in found.items())
    body = tuple(Row((v,), tuple(cell(v, p) for p in paths)) for v in lookup.variants if crossed)
    caption = (
        f"{quantity(name).label.capitalize()} in % of each variant (row: trained as) when the images reach it "
        f"through each path (column: tested through); framed: its own path. Darker is higher within this table. "
        f"{counts(list(found.values()))}. {intervals(lookup)}"
    )
    return Table(
        f"table-grid-{lookup.quoted.index(card) + 1}",
        f"Trained as × tested through: {card.name}",
        ("trained as",),
        tuple(paths),
        body,
        (caption,),
        corner="tested through",
    )


def table_sources(lookup: Lookup, card: TestSetCard) -> Table:
    """Share called synthetic by source and truth."""
    rows, found = [], []
    for source, truth, name, count in ordered_sources(card):
        estimates = [lookup.metric(name, v, card.name, source=source.name) for v in lookup.variants]
        found += estimates
        absent = f"{name}/{card.name}:{source.name}"
        cells = tuple(Cell(number(row, kind="called_synthetic", absent=absent)) for row in estimates)
        rows.append(Row((source.name, truth), (Cell.counted(count), *cells)))
    caption = (
        "Share of images called synthetic, in %. For synthetic sources this is the recall; for real ones the "
        f"specificity is 100 minus it. {counts(found)} a source. {intervals(lookup)}"
    )
    return Table(
        f"table-sources-{lookup.quoted.index(card) + 1}",
        f"Called synthetic, by source: {card.name}",
        ("source", "truth"),
        ("images", *lookup.variants),
        tuple(rows),
        (caption,),
    )


def table_autoencoders(lookup: Lookup) -> Table:
    """Reconstruction quality of each seed's autoencoder."""
    body = tuple(
        Row(
            (str(row.seed),),
            (
                Cell(row.code),
                Cell.counted(row.psnr, fixed(row.psnr, 2)),
                Cell.counted(row.ssim, fixed(row.ssim, 4)),
                Cell.counted(row.n_images),
            ),
        )
        for row in lookup.summary.autoencoders
    )
    caption = "How well each seed’s autoencoder gives validation images back; one seed each, no intervals."
    return Table(
        "table-autoencoders",
        "Reconstruction quality",
        ("seed",),
        ("code", "PSNR, dB", "SSIM", "images"),
        body,
        (caption,),
    )


def table_variants(lookup: Lookup) -> Table:
    """What the variants are."""
    body = tuple(Row((card.name,), (Cell(card.path), Cell(card.description))) for card in lookup.summary.study.variants)
    return Table("table-variants", "The variants", ("variant",), ("own path", "what it is"), body)


def table_data(lookup: Lookup) -> Table:
    """The data card: every source of every test set, and what was kept out of it."""
    rows = [
        Row(
            (card.name, source.name),
            (
                Cell.counted(source.n_real),
                Cell.counted(source.n_synthetic),
                Cell(" ".join(source.notes)),
            ),
        )
        for card in lookup.summary.study.test_sets
        for source in card.sources
    ]
    return Table(
        "table-data",
        "Images by source",
        ("test set", "source"),
        ("real", "synthetic", "notes"),
        tuple(rows),
        grouped=True,
    )


def table_test_sets(lookup: Lookup) -> Table:
    """Every test set with its role and how its pixels were made."""
    roles = {"validation": "validation, not a result", "in_sample": "in-sample", "out_of_sample": "out-of-sample"}
    body = tuple(
        Row(
            (card.name,),
            (
                Cell(roles[card.role]),
                Cell.counted(card.n_real),
                Cell.counted(card.n_synthetic),
                Cell(card.pipeline),
            ),
        )
        for card in lookup.summary.study.test_sets
    )
    return Table(
        "table-test-sets",
        "The test sets",
        ("test set",),
        ("role", "real", "synthetic", "how the pixels were made"),
        body,
    )
