"""Figures of control sets: the parts of the loss, and curves over corruptions."""

from __future__ import annotations

from analysis.reporting import charts
from analysis.reporting.blocks import Figure, Panel
from analysis.reporting.charts import Mark
from analysis.reporting.panels import alternative, interval_note, panel, percent_level, position_of
from analysis.reporting.quantities import counts, number
from analysis.reporting.shift_charts import LevelRow, draw_levels, limits_of
from analysis.reporting.shift_lookup import CORRUPTION_LABELS, Shift, pipeline_label
from analysis.summary import Estimate, TestSetCard


def figure_parts(shift: Shift, card: TestSetCard) -> Figure:
    """The parts of the loss in points of balanced accuracy, one panel per variant."""
    lookup = shift.lookup
    figure_id = f"figure-shift-{position_of(lookup, card)}"
    plan = [("loss", "loss, whole", card.name), ("corpus", "corpus", card.name), ("generator", "generator", card.name)]
    others = [each for each in shift.pipelines(card.name) if each.name != card.name]
    plan += [("pipeline", f"+ {pipeline_label(each)}", each.name) for each in others]
    panels: list[Panel] = []
    held: list[Estimate | None] = []
    for variant in lookup.variants:
        found = [(label, shift.part(part, "balanced_accuracy", variant, name)) for part, label, name in plan]
        if all(row is None for _, row in found):
            continue
        held += [row for _, row in found]
        marks = [
            Mark(label, variant, number(row, kind="points"), (), counts([row]))
            for label, row in found
            if row is not None
        ]
        chart = charts.draw_estimates(
            marks, scale="percent", title="balanced accuracy lost, percentage points", zero=True, step=26
        )
        panels.append(
            panel(figure_id, len(panels), variant, chart, alternative(f"Parts of the loss, {variant}", marks))
        )
    caption = (
        f"What balanced accuracy loses from in-sample images to {card.name}, each variant along its own path: the "
        "whole, its parts from other photographs (corpus) and other generators, and what another resize kernel or "
        "format would add to it (+); right of the dashed line is lost. Below zero, that pipeline’s figure is better, "
        f"on the same images; the table has the classes apart, which may cancel. {counts(held)}. "
        f"{interval_note(lookup)} The horizontal scales differ."
    )
    return Figure(figure_id, f"What the loss is made of: {card.name}", tuple(panels), (caption,))


def figure_robustness(shift: Shift, card: TestSetCard) -> Figure:
    """Balanced accuracy over the levels of every corruption, one panel each."""
    lookup = shift.lookup
    figure_id = f"figure-robustness-{position_of(lookup, card)}"
    made: list[tuple[str, tuple[str, ...], list[LevelRow]]] = []
    held: list[Estimate | None] = []
    for corruption in shift.corruptions(card.name):
        points = shift.levels(card.name, corruption)
        rows = []
        for variant in lookup.variants:
            found = [shift.metric("balanced_accuracy", variant, name) for _, name in points]
            held += found
            values = tuple(None if row is None else number(row) for row in found)
            mean = number(shift.metric("balanced_accuracy", variant, f"{card.name}~{corruption}"))
            rows.append(LevelRow(variant, values, mean))
        made.append((corruption, tuple(label for label, _ in points), rows))
    limits = limits_of([row for _, _, rows in made for row in rows])
    panels: list[Panel] = []
    for corruption, levels, rows in made:
        label, unit = CORRUPTION_LABELS.get(corruption, (corruption, "level"))
        chart = draw_levels(rows, levels=levels, title=unit, measure="balanced accuracy, %", limits=limits)
        head = f"{label[:1].upper()}{label[1:]}"
        words = "; ".join(
            f"{row.variant} "
            + ", ".join(f"{at} {value}" for at, value in zip(levels, row.values, strict=True) if value is not None)
            for row in rows
        )
        panels.append(panel(figure_id, len(panels), head, chart, f"{head} ({unit}), balanced accuracy: {words}."))
    caption = (
        f"Balanced accuracy in % on corrupted images ({card.name}), by level, each variant along its own path; none: "
        "the same images without. Above, each variant’s mean over the levels. "
        f"{counts(held)}. Bands and brackets: {percent_level(lookup)} intervals over seeds and images, crossed. "
        "The vertical scale is the same in all panels and does not begin at zero."
    )
    return Figure(figure_id, f"Robustness: {card.name}", tuple(panels), (caption,))
