"""The figures of the benchmark: which estimates stand in which panel, and what the caption says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from analysis.reporting import charts
from analysis.reporting.blocks import Figure, Panel
from analysis.reporting.lookup import Lookup
from analysis.reporting.panels import (
    NOT_ADJUSTED,
    alternative,
    interval_note,
    mark,
    panel,
    position_of,
    seed_points,
    short,
)
from analysis.reporting.quantities import counts, fixed, quantity
from analysis.summary import Estimate, HistoryRow, SourceCard, TestSetCard


def figure_differences(lookup: Lookup) -> Figure:
    """Paired differences to the baseline on every quoted test set."""
    figure_id = "figure-differences"
    panels: list[Panel] = []
    rows: list[Estimate | None] = []
    for position, card in enumerate(lookup.quoted):
        name = lookup.headline(card)
        contrasts = [(variant, lookup.contrast(name, variant, card.name)) for variant in lookup.others]
        rows += [row for _, row in contrasts]
        marks = [mark(variant, variant, row) for variant, row in contrasts]
        title = f"{card.name}: {quantity(name).label}"
        chart = charts.draw_estimates(
            marks,
            scale="percent",
            title=f"difference to {short(lookup.baseline)}, percentage points",
            zero=True,
            step=32,
        )
        panels.append(
            panel(figure_id, position, title, chart, alternative(f"Difference to {lookup.baseline}, {title}", marks))
        )
    caption = (
        f"Each variant minus {lookup.baseline}, each tested along its own path, paired by seed and image; right of "
        f"the dashed line is better. {counts(rows)}. {interval_note(lookup)} {NOT_ADJUSTED} The horizontal scales "
        "differ."
    )
    return Figure(figure_id, "Differences to the baseline", tuple(panels), (caption,))


def figure_metrics(lookup: Lookup, figure_id: str, title: str, names: Sequence[str]) -> Figure:
    """Some quantities of every variant, one panel per test set and quantity."""
    panels: list[Panel] = []
    rows: list[Estimate | None] = []
    for card in lookup.quoted:
        for name in names:
            found = [(variant, lookup.metric(name, variant, card.name)) for variant in lookup.variants]
            rows += [row for _, row in found]
            marks = [mark(variant, variant, row, seed_points(lookup, row)) for variant, row in found]
            what = quantity(name)
            chart = charts.draw_estimates(marks, scale="percent", title=f"{what.label}, %", step=31)
            head = f"{card.name}: {what.label}"
            panels.append(panel(figure_id, len(panels), head, chart, alternative(head, marks)))
    notes = "; ".join(f"{quantity(name).label} is the {quantity(name).note}" for name in names if quantity(name).note)
    caption = (
        "Each variant tested along its own path: the estimate above, each seed as an open mark below it. "
        f"{notes[:1].upper()}{notes[1:]}{'. ' if notes else ''}{counts(rows)}. {interval_note(lookup)} "
        "The horizontal scales differ and do not begin at zero."
    )
    return Figure(figure_id, title, tuple(panels), (caption,))


def source_truths(source: SourceCard) -> tuple[tuple[str, str, int], ...]:
    """(truth, quantity that is right there, number of images) for each label that a source holds."""
    both = (("real", "specificity", source.n_real), ("synthetic", "recall", source.n_synthetic))
    return tuple(row for row in both if row[2] > 0)


def ordered_sources(card: TestSetCard) -> tuple[tuple[SourceCard, str, str, int], ...]:
    """Sources with their truth: real ones first, each in the study's order."""
    rows = [(source, *truth) for source in card.sources for truth in source_truths(source)]
    return tuple(sorted(rows, key=lambda row: row[1] != "real"))


def figure_sources(lookup: Lookup, card: TestSetCard) -> Figure:
    """Share called synthetic by source, one panel per variant."""
    figure_id = f"figure-sources-{position_of(lookup, card)}"
    panels: list[Panel] = []
    rows: list[Estimate | None] = []
    for position, variant in enumerate(lookup.variants):
        marks = []
        for label, name, source in source_labels(card):
            row = lookup.metric(name, variant, card.name, source=source)
            rows.append(row)
            marks.append(mark(label, variant, row, seed_points(lookup, row, called=True), kind="called_synthetic"))
        chart = charts.draw_estimates(marks, scale="percent", title="called synthetic, %", step=32, domain=(0, 1))
        panels.append(
            panel(figure_id, position, variant, chart, alternative(f"Share called synthetic, {variant}", marks))
        )
    caption = (
        f"Share of each source’s images that are called synthetic ({card.name}). Of real sources (○, above) it "
        "should be near 0, of synthetic ones (●) near 100. Each variant along its own path; seeds as open marks. "
        f"{counts(rows)} a source. {interval_note(lookup)}"
    )
    return Figure(figure_id, f"Called synthetic, by source: {card.name}", tuple(panels), (caption,))


def source_labels(card: TestSetCard) -> list[tuple[str, str, str]]:
    """(axis label, quantity, source); the sign before a name is its truth: ○ real, ● synthetic."""
    signs = {"real": "○", "synthetic": "●"}
    return [(f"{signs[truth]} {source.name}", name, source.name) for source, truth, name, _ in ordered_sources(card)]


def figure_source_differences(lookup: Lookup, card: TestSetCard) -> Figure:
    """Paired differences to the baseline by source, one panel per variant."""
    figure_id = f"figure-source-differences-{position_of(lookup, card)}"
    panels: list[Panel] = []
    rows: list[Estimate | None] = []
    for position, variant in enumerate(lookup.others):
        marks = []
        for label, name, source in source_labels(card):
            row = lookup.contrast(name, variant, card.name, source=source)
            rows.append(row)
            marks.append(mark(label, variant, row))
        title = f"{short(variant)} − {short(lookup.baseline)}, percentage points"
        chart = charts.draw_estimates(marks, scale="percent", title=title, zero=True, step=24)
        head = f"{variant} − {lookup.baseline}"
        panels.append(panel(figure_id, position, head, chart, alternative(f"Difference, {head}", marks)))
    caption = (
        f"Difference in correct decisions by source ({card.name}): specificity of real sources (○), recall of "
        "synthetic ones (●); right of the dashed line is better. Moves in opposite directions can be "
        f"a shifted threshold alone; AUC tells. {counts(rows)} a source. {interval_note(lookup)} {NOT_ADJUSTED}"
    )
    return Figure(figure_id, f"Differences by source: {card.name}", tuple(panels), (caption,))


def figure_curves(
    lookup: Lookup, figure_id: str, title: str, fields: Mapping[str, str], scale: charts.Scale, note: str
) -> Figure:
    """Fields of the histories by epoch: a panel per variant, a line per seed; the first field solid, others dashed."""
    names = list(dict.fromkeys(row.variant for row in lookup.summary.histories))
    ordered = [*(name for name in lookup.variants if name in names), *(n for n in names if n not in lookup.variants)]
    panels: list[Panel] = []
    seeds: set[int] = set()
    first = next(iter(fields))
    for variant in ordered:
        rows = [row for row in lookup.summary.histories if row.variant == variant]
        if not any(getattr(row, field) is not None for row in rows for field in fields):
            continue
        seeds |= {row.seed for row in rows}
        chart = charts.draw_curves(
            rows, variant=variant, fields=fields, scale=scale, title=title.removeprefix("validation ")
        )
        alternative = f"{title}, {variant}, after the last epoch: {_last(rows, first, scale)}."
        panels.append(panel(figure_id, len(panels), variant, chart, alternative))
    head = title[:1].upper() + title[1:]
    caption = f"{head} by epoch, one line per seed. {note} n = {len(seeds)} seeds; no intervals."
    return Figure(figure_id, f"Learning curves: {title.partition(',')[0]}", tuple(panels), (caption,))


def _last(rows: Sequence[HistoryRow], field: str, scale: charts.Scale) -> str:
    ends = []
    for seed in sorted({row.seed for row in rows}):
        value = getattr(max((row for row in rows if row.seed == seed), key=lambda row: row.epoch), field)
        if value is not None:
            ends.append(f"seed {seed} {fixed(value * 100, 1) if scale == 'percent' else fixed(value, 4)}")
    return ", ".join(ends)
