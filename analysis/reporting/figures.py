"""The figures: which estimates stand in which panel, and what the caption says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt

from analysis.reporting import charts, render
from analysis.reporting.blocks import Figure, MapGrid, MapRow, MapTable, Panel
from analysis.reporting.charts import Mark
from analysis.reporting.images import picture, saliency, scale_bar
from analysis.reporting.inputs import Examples, ExampleSet
from analysis.reporting.lookup import Lookup
from analysis.reporting.quantities import (
    NBSP,
    Kind,
    counts,
    fixed,
    number,
    quantity,
    where_label,
)
from analysis.summary import Estimate, HistoryRow, SourceCard, TestSetCard


def interval_note(lookup: Lookup) -> str:
    """What the bars hold."""
    return f"Bars: {percent_level(lookup)} intervals over seeds and images, crossed."


def percent_level(lookup: Lookup) -> str:
    """The confidence level, `95 %`."""
    return f"{lookup.summary.confidence * 100:g}{NBSP}%"


def _panel(figure_id: str, position: int, title: str, chart: alt.LayerChart, alternative: str) -> Panel:
    panel_id = f"{figure_id}-{position + 1}"
    spec = render.specification(chart)
    return Panel(panel_id, title, alternative, render.svg(spec, chart_id=panel_id, title=alternative), spec)


def _alternative(title: str, marks: Sequence[Mark]) -> str:
    shown = "; ".join(
        f"{mark.label} {mark.number if mark.number.raw[0] is not None else 'not defined'}" for mark in marks
    )
    return f"{title}: {shown or 'no values'}."


def _mark(
    label: str, variant: str, row: Estimate | None, seeds: Sequence[tuple[int, float]] = (), kind: Kind | None = None
) -> Mark:
    return Mark(label, variant, number(row, kind=kind), tuple(seeds), counts([row]) if row is not None else "")


def _seeds(lookup: Lookup, row: Estimate | None, *, called: bool = False) -> list[tuple[int, float]]:
    if row is None:
        return []
    values = lookup.seeds(row.quantity, row.variant, row.test_set, row.path, row.source)
    flip = called and row.quantity == "specificity"
    return [(value.seed, 1 - value.value if flip else value.value) for value in values if value.value is not None]


def figure_differences(lookup: Lookup) -> Figure:
    """Paired differences to the baseline on every quoted test set."""
    figure_id = "figure-differences"
    panels: list[Panel] = []
    rows: list[Estimate | None] = []
    for position, card in enumerate(lookup.quoted):
        name = lookup.headline(card)
        contrasts = [(variant, lookup.contrast(name, variant, card.name)) for variant in lookup.others]
        rows += [row for _, row in contrasts]
        marks = [_mark(variant, variant, row) for variant, row in contrasts]
        title = f"{card.name}: {quantity(name).label}"
        chart = charts.draw_estimates(
            marks,
            scale="percent",
            title=f"difference to {_short(lookup.baseline)}, percentage points",
            zero=True,
            step=32,
        )
        panels.append(
            _panel(figure_id, position, title, chart, _alternative(f"Difference to {lookup.baseline}, {title}", marks))
        )
    caption = (
        f"Each variant minus {lookup.baseline}, each tested along its own path, paired by seed and image; right of "
        f"the dashed line is better. {counts(rows)}. {interval_note(lookup)} The horizontal scales differ."
    )
    return Figure(figure_id, "Differences to the baseline", tuple(panels), (caption,))


def _short(name: str, limit: int = 18) -> str:
    return name if len(name) <= limit else name[: limit - 1] + "…"


def figure_metrics(lookup: Lookup, figure_id: str, title: str, names: Sequence[str]) -> Figure:
    """Some quantities of every variant, one panel per test set and quantity."""
    panels: list[Panel] = []
    rows: list[Estimate | None] = []
    for card in lookup.quoted:
        for name in names:
            found = [(variant, lookup.metric(name, variant, card.name)) for variant in lookup.variants]
            rows += [row for _, row in found]
            marks = [_mark(variant, variant, row, _seeds(lookup, row)) for variant, row in found]
            what = quantity(name)
            chart = charts.draw_estimates(marks, scale="percent", title=f"{what.label}, %", step=31)
            head = f"{card.name}: {what.label}"
            panels.append(_panel(figure_id, len(panels), head, chart, _alternative(head, marks)))
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
    figure_id = f"figure-sources-{_position(lookup, card)}"
    panels: list[Panel] = []
    rows: list[Estimate | None] = []
    for position, variant in enumerate(lookup.variants):
        marks = []
        for label, name, source in _source_labels(card):
            row = lookup.metric(name, variant, card.name, source=source)
            rows.append(row)
            marks.append(_mark(label, variant, row, _seeds(lookup, row, called=True), kind="called_synthetic"))
        chart = charts.draw_estimates(marks, scale="percent", title="called synthetic, %", step=32, domain=(0, 1))
        panels.append(
            _panel(figure_id, position, variant, chart, _alternative(f"Share called synthetic, {variant}", marks))
        )
    caption = (
        f"Share of each source’s images that are called synthetic ({card.name}). Of real sources (○, above) it "
        "should be near 0, of synthetic ones (●) near 100. Each variant along its own path; seeds as open marks. "
        f"{counts(rows)} a source. {interval_note(lookup)}"
    )
    return Figure(figure_id, f"Called synthetic, by source: {card.name}", tuple(panels), (caption,))


def _source_labels(card: TestSetCard) -> list[tuple[str, str, str]]:
    """(axis label, quantity, source); the sign before a name is its truth: ○ real, ● synthetic."""
    signs = {"real": "○", "synthetic": "●"}
    return [(f"{signs[truth]} {source.name}", name, source.name) for source, truth, name, _ in ordered_sources(card)]


def figure_source_differences(lookup: Lookup, card: TestSetCard) -> Figure:
    """Paired differences to the baseline by source, one panel per variant."""
    figure_id = f"figure-source-differences-{_position(lookup, card)}"
    panels: list[Panel] = []
    rows: list[Estimate | None] = []
    for position, variant in enumerate(lookup.others):
        marks = []
        for label, name, source in _source_labels(card):
            row = lookup.contrast(name, variant, card.name, source=source)
            rows.append(row)
            marks.append(_mark(label, variant, row))
        title = f"{_short(variant)} − {_short(lookup.baseline)}, percentage points"
        chart = charts.draw_estimates(marks, scale="percent", title=title, zero=True, step=24)
        head = f"{variant} − {lookup.baseline}"
        panels.append(_panel(figure_id, position, head, chart, _alternative(f"Difference, {head}", marks)))
    caption = (
        f"Difference in correct decisions by source ({card.name}): specificity of real sources (○), recall of "
        "synthetic ones (●); right of the dashed line is better. Moves in opposite directions are a shifted "
        f"threshold, not a better detector. {counts(rows)} a source. {interval_note(lookup)}"
    )
    return Figure(figure_id, f"Differences by source: {card.name}", tuple(panels), (caption,))


def _position(lookup: Lookup, card: TestSetCard) -> int:
    return lookup.quoted.index(card) + 1


def figure_dispersion(lookup: Lookup, card: TestSetCard) -> Figure:
    """Every dispersion measure at every attribution point."""
    figure_id = f"figure-dispersion-{_position(lookup, card)}"
    panels: list[Panel] = []
    rows: list[Estimate | None] = []
    for where in lookup.wheres(card.name):
        for name in lookup.dispersion_quantities():
            found = [(variant, lookup.dispersion(name, variant, card.name, where)) for variant in lookup.variants]
            rows += [row for _, row in found]
            marks = [_mark(variant, variant, row, _seeds(lookup, row)) for variant, row in found]
            head = f"{quantity(name).label}, {where_label(where)}"
            chart = charts.draw_estimates(marks, scale="plain", title=quantity(name).label, step=31)
            panels.append(_panel(figure_id, len(panels), head, chart, _alternative(f"{head} ({card.name})", marks)))
    notes = "; ".join(f"{quantity(name).label} {quantity(name).note}" for name in lookup.dispersion_quantities())
    caption = (
        f"{notes[:1].upper()}{notes[1:]}. Seeds as open marks. At the image, a gradient has passed "
        "the autoencoder’s own convolutions; at the classifier’s input it has not. "
        f"{counts(rows, what='maps a seed')}. {interval_note(lookup)} The horizontal scales differ."
    )
    return Figure(figure_id, f"Dispersion of the saliency maps: {card.name}", tuple(panels), (caption,))


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
        panels.append(_panel(figure_id, len(panels), variant, chart, alternative))
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


def figure_maps(lookup: Lookup, examples: Examples) -> list[MapGrid]:
    """Example maps, one grid for each test set, in it a table for each method and attribution point."""
    out: list[MapGrid] = []
    for example_set in examples.sets:
        count = len(example_set.image_ids)
        tables = []
        for where in dict.fromkeys((method, point) for _, method, point in example_set.maps):
            shown = tuple(name for name in lookup.variants if (name, *where) in example_set.maps)
            rows = tuple(_map_row(example_set, position, shown, where) for position in range(count))
            tables.append(MapTable(where_label(".".join(where)), shown, rows))
        if not (count and tables):
            continue
        caption = " ".join(
            part
            for part in (
                (
                    f"{count} images of {example_set.test_set} and their saliency maps under each variant, each along "
                    f"its own path; the same images for all. One seed ({examples.seed}), n = {count} images; no "
                    "intervals."
                ),
                "Each map is divided by its own maximum, so that brightness compares places within a map, not maps.",
                examples.rule,
                "Beneath a map: the logit; above 0 means synthetic." if example_set.logits else "",
            )
            if part
        )
        grid_id = f"figure-maps-{len(out) + 1}"
        out.append(MapGrid(grid_id, f"Example maps: {example_set.test_set}", tuple(tables), scale_bar(), (caption,)))
    return out


def _map_row(example_set: ExampleSet, position: int, variants: Sequence[str], where: tuple[str, str]) -> MapRow:
    maps = []
    for variant in variants:
        logits = example_set.logits.get(variant)
        beneath = "" if logits is None else fixed(float(logits[position]), 1)
        maps.append((saliency(example_set.maps[(variant, *where)][position]), beneath))
    return MapRow(
        picture(example_set.pixels[position]),
        example_set.image_ids[position],
        example_set.sources[position],
        "synthetic" if example_set.labels[position] else "real",
        tuple(maps),
    )
