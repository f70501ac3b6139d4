"""Tables of control sets: pipeline × source, the parts of the loss, means over corruptions."""

from __future__ import annotations

from analysis.build_contrasts import pairs_of
from analysis.reporting.blocks import Cell, Row, Table
from analysis.reporting.figures import ordered_sources
from analysis.reporting.panels import percent_level, position_of
from analysis.reporting.quantities import MINUS, counts, number
from analysis.reporting.shift_lookup import CORRUPTION_LABELS, Shift, kernels_of, pipeline_label
from analysis.reporting.tables import intervals
from analysis.summary import ControlCard, Estimate, TestSetCard

FORMATS = {True: "re-encoded as JPEG q75 4:2:0", False: "not re-encoded"}
"""What re-encoding is called in tables."""

LIKE_AUTOENCODER = ("autoencoder", "blur", "jpeg")
"""Preprocessing that loses as much of an image, by an autoencoder or without one."""


def table_pipelines(shift: Shift, card: TestSetCard) -> Table:
    """Balanced accuracy of every variant through every pipeline."""
    cards = shift.pipelines(card.name)
    kernels, found = kernels_of(cards), _by_pipeline(cards)
    rows: list[Row] = []
    held: list[Estimate | None] = []
    for reencode in _formats(cards):
        for variant in shift.lookup.variants:
            cells = []
            for kernel in kernels:
                pipeline = found.get((kernel, reencode))
                row = shift.metric("balanced_accuracy", variant, pipeline.name) if pipeline else None
                held.append(row)
                cells.append(Cell(number(row), strong=pipeline is not None and pipeline.name == card.name))
            rows.append(Row((FORMATS[reencode], variant), tuple(cells)))
    caption = (
        "Balanced accuracy in % of each variant along its own path, when the same images reach it through another "
        f"resize kernel, with and without re-encoding; framed: the pipeline of all other results. {counts(held)}. "
        f"{intervals(shift.lookup)}"
    )
    return Table(
        f"table-pipelines-{position_of(shift.lookup, card)}",
        f"Balanced accuracy by pipeline: {card.name}",
        ("format", "variant"),
        kernels,
        tuple(rows),
        (caption,),
        corner="resize kernel",
        grouped=True,
    )


def table_pipeline_sources(shift: Shift, card: TestSetCard, variant: str) -> Table:
    """Share called synthetic of every source through every pipeline, by one variant, as a heat table."""
    cards = shift.pipelines(card.name)
    kernels, found = kernels_of(cards), _by_pipeline(cards)
    rows: list[Row] = []
    held: list[Estimate] = []
    for reencode in _formats(cards):
        for source, truth, name, _ in ordered_sources(card):
            cells = []
            for kernel in kernels:
                pipeline = found.get((kernel, reencode))
                row = shift.metric(name, variant, pipeline.name, source.name) if pipeline else None
                shown = number(row, kind="called_synthetic").hovering()
                if row is not None:
                    held.append(row)
                own = pipeline is not None and pipeline.name == card.name
                cells.append(Cell(shown, shade=shown.raw[0], strong=own))
            rows.append(Row((FORMATS[reencode], source.name, truth), tuple(cells)))
    halves = [(row.high - row.low) / 2 for row in held if row.low is not None and row.high is not None]
    widths = f" Half-widths of {percent_level(shift.lookup)} intervals over seeds and images: up to {_most(halves)}."
    caption = (
        f"Share of each source’s images that {variant} calls synthetic, in %, by resize kernel and format: of real "
        "sources it should be near 0, of synthetic ones near 100. A row is of the same images throughout. Framed: the "
        f"pipeline of all other results. {counts(held)} a source.{widths if halves else ''} Each interval stands in "
        "the CSV, on screen also under the pointer."
    )
    return Table(
        f"table-pipeline-sources-{position_of(shift.lookup, card)}-{shift.lookup.variants.index(variant) + 1}",
        f"Called synthetic, by pipeline and source: {variant}, {card.name}",
        ("format", "source", "truth"),
        kernels,
        tuple(rows),
        (caption,),
        corner="resize kernel",
        grouped=True,
    )


def table_parts(shift: Shift, card: TestSetCard) -> Table:
    """The parts of the loss in points of balanced accuracy, and of each class apart."""
    plan = [("loss", "loss, whole", card.name), ("corpus", "corpus", card.name), ("generator", "generator", card.name)]
    others = [each for each in shift.pipelines(card.name) if each.name != card.name]
    plan += [("pipeline", f"pipeline: {pipeline_label(each)}", each.name) for each in others]
    columns = {"balanced_accuracy": "balanced accuracy", "specificity": "specificity", "recall": "recall"}
    rows: list[Row] = []
    held: list[Estimate | None] = []
    for variant in shift.lookup.variants:
        for part, label, name in plan:
            found = [shift.part(part, quantity, variant, name) for quantity in columns]
            held += found
            absent = f"shift-{part}/{variant}/{name}"
            cells = tuple(
                Cell("does not apply") if row is None else Cell(number(row, kind="points", absent=absent))
                for row in found
            )
            rows.append(Row((variant, label), cells))
    caption = (
        "What the fall from in-sample images is made of, in percentage points; positive is worse out of sample. The "
        "whole is corpus + generator at the pipeline of all other results; through another pipeline, its shift is "
        f"added. Specificity and recall are parted alike; balanced accuracy is their mean. {counts(held)}. "
        f"{intervals(shift.lookup)}"
    )
    return Table(
        f"table-shift-{position_of(shift.lookup, card)}",
        f"Parts of the loss: {card.name}",
        ("variant", "part"),
        tuple(columns.values()),
        tuple(rows),
        (caption,),
        grouped=True,
    )


def table_robustness(shift: Shift, card: TestSetCard) -> Table:
    """Means over the levels of each corruption, and the fall from the same images uncorrupted."""
    rows: list[Row] = []
    held: list[Estimate | None] = []
    for name in shift.corruptions(card.name):
        label = CORRUPTION_LABELS.get(name, (name, ""))[0]
        at = f"{card.name}~{name}"
        for variant in shift.lookup.variants:
            mean = shift.metric("balanced_accuracy", variant, at)
            fall = shift.contrast("balanced_accuracy", variant, at, base=card.name)
            held.append(fall)
            rows.append(Row((label, variant), (Cell(number(mean)), Cell(number(fall, kind="points")))))
    caption = (
        "Balanced accuracy, the mean over the levels of each corruption, and its difference to the same images "
        f"uncorrupted, each variant along its own path. {counts(held)}. {intervals(shift.lookup)}"
    )
    return Table(
        f"table-robustness-{position_of(shift.lookup, card)}",
        f"Corrupted images: {card.name}",
        ("corruption", "variant"),
        ("mean over levels, %", "difference to uncorrupted, points"),
        tuple(rows),
        (caption,),
        grouped=True,
    )


def table_robustness_pairs(shift: Shift, card: TestSetCard) -> Table:
    """Differences between variants on corrupted images, of the level and of the fall."""
    lookup = shift.lookup
    chosen = [
        pair
        for pair in pairs_of(lookup.variants, lookup.baseline)
        if lookup.baseline in pair or set(pair) <= set(LIKE_AUTOENCODER)
    ]
    rows: list[Row] = []
    held: list[Estimate | None] = []
    for name in shift.corruptions(card.name):
        label, at = CORRUPTION_LABELS.get(name, (name, ""))[0], f"{card.name}~{name}"
        for variant, versus in chosen:
            pair = [
                shift.contrast("balanced_accuracy", variant, at, versus=versus, base=base) for base in (None, card.name)
            ]
            held += pair
            cells = tuple(Cell(number(row, kind="points")) for row in pair)
            rows.append(Row((label, f"{variant} {MINUS} {versus}"), cells))
    caption = (
        "Two variants on the same corrupted images, mean over the levels of each corruption, in points of balanced "
        "accuracy; beside it the same of their differences to uncorrupted images: above zero, the first loses less. "
        f"Paired by seed and image. {counts(held)}. {intervals(lookup)} Holm’s p over the pairs stands in "
        "tables/control_contrasts.csv."
    )
    return Table(
        f"table-robustness-pairs-{position_of(lookup, card)}",
        f"Variants on corrupted images: {card.name}",
        ("corruption", "variants"),
        ("difference, points", "difference of falls, points"),
        tuple(rows),
        (caption,),
        grouped=True,
    )


def _by_pipeline(cards: tuple[ControlCard, ...]) -> dict[tuple[str, bool], ControlCard]:
    return {(str(card.kernel), bool(card.reencode)): card for card in cards}


def _formats(cards: tuple[ControlCard, ...]) -> list[bool]:
    held = {bool(card.reencode) for card in cards}
    return [reencode for reencode in (True, False) if reencode in held]


def _most(halves: list[float]) -> str:
    return f"{100 * max(halves):.1f} points" if halves else "not defined"
