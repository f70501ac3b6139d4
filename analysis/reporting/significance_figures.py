"""The first figures of the significance report: claims, seeds and their differences, equivalence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from analysis.reporting import charts
from analysis.reporting.blocks import Figure, Panel
from analysis.reporting.charts import Mark, Scale
from analysis.reporting.lookup import Lookup
from analysis.reporting.panels import alternative, interval_note, mark, panel, short
from analysis.reporting.quantities import MINUS, counts, number, p_text, quantity, value
from analysis.reporting.significance_charts import (
    ForestRow,
    SeedRow,
    draw_forest,
    draw_seeds,
)
from analysis.reporting.significance_text import (
    alpha_text,
    cases,
    difference_kind,
    level_text,
    margins_text,
    part_number,
    region,
    verdict_kind,
)
from analysis.sentences import IN_PER_CENT, departures, judged_of, outcome_of
from analysis.summary import Contrast, Estimate, TestSetCard
from analysis.verdicts import Verdict

DAGGER = "†"
"""Beside the outcome of a claim that was not judged as it was declared; too little room is there for words."""

_SHAPES = {"supported": ("circle", True), "contradicted": ("cross", True), "undecided": ("circle", False)}


def scale_of(name: str) -> Scale:
    """Whether a quantity's axis is in per cent."""
    return "percent" if name in IN_PER_CENT else "plain"


def unit_of(name: str) -> str:
    """What a difference of a quantity is measured in, for an axis title."""
    return "percentage points" if name in IN_PER_CENT else f"difference in {quantity(name).label}"


def figure_claims(lookup: Lookup) -> Figure:
    """The decisive case of every claim against its bound or margin; a panel for each scale."""
    figure_id = "figure-claims"
    groups: dict[tuple[str, Scale], list[Verdict]] = {}
    for verdict in lookup.verdicts:
        groups.setdefault((_claim_axis(verdict), scale_of(verdict.quantity)), []).append(verdict)
    panels: list[Panel] = []
    for (title, scale), verdicts in sorted(groups.items(), key=lambda group: -len(group[1])):
        rows = [_claim_row(lookup, verdict) for verdict in verdicts]
        chart = draw_forest(rows, scale=scale, title="", zero=not title.startswith("level"))
        words = forest_words(title, [_in_words(row, verdict) for row, verdict in zip(rows, verdicts, strict=True)])
        panels.append(panel(figure_id, len(panels), title[:1].upper() + title[1:], chart, words))
    parts = [verdict.parts[verdict.decisive] for verdict in lookup.verdicts]
    levels = " or ".join(dict.fromkeys(level_text(p.confidence) for p in parts if p.confidence is not None))
    known = [part for part in parts if part.estimate is not None]
    seeds, images = [part.n_seeds for part in known], [part.n_images for part in known]
    size = f"n = {_range(seeds)} seeds × {_range(images)} images a case"
    bars = f"Bars: {levels} intervals over seeds and images, crossed." if levels else "No case has an interval to draw."
    caption = (
        "The case that each claim hangs on. Grey: where the claim holds; stroke: its bound or margin; a bar within the "
        "grey speaks for it. ● supported, ✚ contradicted, ○ undecided, by p adjusted within families; bars "
        f"are not adjusted. {size}. {bars}{_not_as_declared(lookup)}"
    )
    return Figure(figure_id, "The claims against their bounds and margins", tuple(panels), (caption,))


def _not_as_declared(lookup: Lookup) -> str:
    """What the daggers in the figure of claims are about."""
    told = [f"{verdict.id} {judged}" for verdict in lookup.verdicts if (judged := judged_of(verdict, alpha=False))]
    if any(name == "α" for verdict in lookup.verdicts for name, _, _ in departures(verdict)):
        told.append(f"all judged at {alpha_text(lookup)}")
    return f" {DAGGER} Not as declared: {'; '.join(told)}." if told else ""


def _in_words(row: ForestRow, verdict: Verdict) -> ForestRow:
    """The row with words in place of its dagger."""
    return replace(row, note=row.note.replace(f"{verdict.outcome}{DAGGER}", outcome_of(verdict), 1))


def _claim_axis(verdict: Verdict) -> str:
    kind = verdict_kind(verdict)
    if kind in ("percent", "plain"):
        return "level, %" if kind == "percent" else f"level of {quantity(verdict.quantity).label}"
    if any(part.versus_test_set is not None for part in verdict.parts):
        between = "percentage points" if kind == "points" else quantity(verdict.quantity).label
        return f"difference between test sets, {between}"
    return "difference, percentage points" if kind == "points" else f"difference in {quantity(verdict.quantity).label}"


def _claim_row(lookup: Lookup, verdict: Verdict) -> ForestRow:
    band = region(verdict)
    shape, filled = _SHAPES[verdict.outcome]
    ticks = tuple(edge for edge in band if edge is not None)
    outcome = f"{verdict.outcome}{DAGGER if departures(verdict) else ''}"
    note = f"{outcome}: {cases(lookup, verdict, brief=True)}"
    return ForestRow(verdict.id, note, part_number(verdict, verdict.decisive), band, ticks, filled, shape)


def forest_words(title: str, rows: Sequence[ForestRow]) -> str:
    """All that a forest shows, in words."""
    return f"{title}: " + "; ".join(f"{row.label} {row.number}, {row.note}" for row in rows) + "."


def _range(values: Sequence[int]) -> str:
    low, high = min(values, default=0), max(values, default=0)
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"


def figure_estimation(lookup: Lookup) -> Figure:
    """All seeds of every variant, and beside them the paired differences to the baseline, per test set."""
    figure_id = "figure-estimation"
    panels: list[Panel] = []
    rows: list[Estimate | None] = []
    base = lookup.baseline
    for card in lookup.quoted:
        name = lookup.headline(card)
        label = quantity(name).label
        seeds = {variant: by_seed(lookup, name, variant, card) for variant in lookup.variants}
        if not any(seeds.values()):
            continue
        means = {variant: lookup.metric(name, variant, card.name) for variant in lookup.variants}
        points = [
            SeedRow(v, None if (row := means[v]) is None else row.estimate, tuple(seeds[v].items()))
            for v in lookup.variants
        ]
        unit = ", %" if name in IN_PER_CENT else ""
        chart = draw_seeds(points, scale=scale_of(name), title=f"{label}{unit}")
        words = "; ".join(f"{v} {number(means[v])}" for v in lookup.variants)
        panels.append(panel(figure_id, len(panels), f"{card.name}: {label}", chart, f"{label} by seed: {words}."))
        marks = []
        for variant in lookup.variants:
            row = lookup.pair(name, variant, base, card.name)
            if variant == base:
                marks.append(Mark(variant, variant, number(None), absent="reference"))
                continue
            rows.append(row)
            marks.append(mark(variant, variant, row, _paired(seeds[variant], seeds[base])))
        title = f"difference to {short(base)}, {unit_of(name)}" if name in IN_PER_CENT else unit_of(name)
        chart = charts.draw_estimates(marks, scale=scale_of(name), title=title, zero=True, step=40)
        head = f"{card.name}: minus {short(base)}"
        panels.append(panel(figure_id, len(panels), head, chart, alternative(head, marks)))
    caption = (
        "Left: every seed of every variant along its own path, its mean as a stroke; a grey line ties one seed "
        f"across variants. Right: the difference to {base}, paired by seed and image, and below it that of each "
        "seed. What counts is the right-hand side: where seeds move together, the difference varies less than "
        f"the values. {counts(rows)}. {interval_note(lookup)} The horizontal scales differ."
    )
    return Figure(figure_id, "All seeds, and their paired differences", tuple(panels), (caption,), across=2)


def by_seed(lookup: Lookup, name: str, variant: str, card: TestSetCard, source: str | None = None) -> dict[int, float]:
    """Seed → its value of a quantity along the variant's own path."""
    rows = lookup.seeds(name, variant, card.name, lookup.own_paths[variant], source)
    return {row.seed: row.value for row in rows if row.value is not None}


def _paired(values: Mapping[int, float], others: Mapping[int, float]) -> list[tuple[int, float]]:
    return [(seed, value - others[seed]) for seed, value in values.items() if seed in others]


def figure_equivalence(lookup: Lookup) -> Figure:
    """The 1 - 2α interval of every difference to the baseline, and the margin that it must lie within."""
    figure_id = "figure-equivalence"
    panels: list[Panel] = []
    found: list[Contrast] = []
    for card in lookup.quoted:
        name = lookup.headline(card)
        rows = [row for row in to_baseline(lookup, name, card) if row.margin is not None]
        if not rows:
            continue
        found += rows
        forest = [_equivalence_row(row, lookup.alpha) for row in rows]
        head = f"{card.name}: {quantity(name).label}"
        chart = draw_forest(forest, scale=scale_of(name), title=f"difference, {unit_of(name)}", zero=True)
        panels.append(panel(figure_id, len(panels), head, chart, forest_words(head, forest)))
    level = level_text(1 - 2 * lookup.alpha)
    margins = margins_text(lookup) or "as the study declares it"
    caption = (
        f"Grey, between the strokes: the margin within which a difference does not matter, {margins}. "
        f"Two variants are equivalent where the whole bar lies within it (filled mark), which is the two one-sided "
        f"tests at {alpha_text(lookup)}. A bar that includes zero but leaves the margin shows nothing. "
        f"{counts(found)}. Bars: {level} intervals over seeds and images, crossed; p not adjusted."
    )
    return Figure(figure_id, "Equivalence to the baseline", tuple(panels), (caption,))


def _equivalence_row(row: Contrast, alpha: float) -> ForestRow:
    assert row.margin is not None, "rows without a margin are left out before"
    limits = (row.tost_low, row.tost_high)
    shown = value(f"{row.id}/tost", row.estimate, difference_kind(row.quantity), limits, reason=row.reason)
    inside = row.tost_p is not None and row.tost_p < alpha
    if row.tost_p is None:
        note = row.reason or "not defined"
    else:
        p = p_text(row.tost_p)
        note = f"{'equivalent' if inside else 'equivalence not shown'}, p {p if p.startswith('<') else f'= {p}'}"
    margin = row.margin
    return ForestRow(f"{row.variant} {MINUS} {row.versus}", note, shown, (-margin, margin), (-margin, margin), inside)


def to_baseline(lookup: Lookup, name: str, card: TestSetCard) -> list[Contrast]:
    """The differences to the baseline that the summary holds, in the study's order."""
    rows = (lookup.pair(name, variant, lookup.baseline, card.name) for variant in lookup.others)
    return [row for row in rows if row is not None]
