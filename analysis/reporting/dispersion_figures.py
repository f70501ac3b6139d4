"""The figures of dispersion: measures of the maps by variant, source and class, their differences, and nulls."""

from __future__ import annotations

from dataclasses import replace

from analysis.dispersion_points import CLASSIFIER_POINT, IMAGE_POINT
from analysis.reporting import charts
from analysis.reporting.blocks import Figure, Panel
from analysis.reporting.dispersion_charts import Strip, draw_strips
from analysis.reporting.dispersion_lookup import Maps
from analysis.reporting.lookup import Lookup
from analysis.reporting.panels import (
    NOT_ADJUSTED,
    alternative,
    interval_note,
    mark,
    panel,
    percent_level,
    position_of,
    seed_points,
    short,
)
from analysis.reporting.quantities import MINUS, counts, number, p_text, point_label, quantity, where_label
from analysis.reporting.significance_charts import ForestRow, draw_forest
from analysis.reporting.significance_figures import figure_claims, forest_words
from analysis.summary import Contrast, Estimate, SeedValue, TestSetCard

MAPS = "maps a seed"


def figure_verdict(maps: Maps) -> Figure:
    """The claims on dispersion, and what is left of the differences at the classifier's input."""
    if maps.verdicts:
        chosen = maps.lookup.summary.model_copy(update={"verdicts": maps.verdicts})
        figure = figure_claims(Lookup(chosen))
    else:
        figure = figure_dispersion_differences(maps)
    if not maps.cards:
        return figure
    card = maps.cards[0]
    rows, found = _smearing(maps, card)
    if not rows:
        return figure
    head = f"Difference to {short(maps.lookup.baseline)} in Gini, {maps.lookup.called(card.name)}: at the two points"
    chart = draw_forest(rows, scale="plain", title="", zero=True)
    more = panel(figure.id, len(figure.panels), head, chart, forest_words(head, rows))
    caption = (
        f"Last panel: the difference to {maps.lookup.baseline} where the gradient has passed the preprocessing (at the "
        f"image) and where it has not; left of zero is more dispersed. {counts(found, what=MAPS)}."
    )
    return replace(figure, panels=(*figure.panels, more), caption=(*figure.caption, " ", caption))


def _smearing(maps: Maps, card: TestSetCard) -> tuple[list[ForestRow], list[Estimate | None]]:
    """Differences to the baseline in Gini at both points, of the variants that have both."""
    rows: list[ForestRow] = []
    found: list[Estimate | None] = []
    for name in maps.preprocessed(card):
        for point in (IMAGE_POINT, CLASSIFIER_POINT):
            row = maps.row("gini", name, card, f"{maps.main}.{point}", versus=maps.lookup.baseline)
            if row is None:
                continue
            found.append(row)
            share = maps.share(name, card) if point == CLASSIFIER_POINT else None
            left = "" if share is None or share.estimate is None else f", {number(share, kind='percent').bare()} left"
            rows.append(ForestRow(name, f"{point_label(f'.{point}')}{left}", number(row, kind="difference")))
    return rows, found


def figure_dispersion_differences(maps: Maps) -> Figure:
    """Paired differences of the Gini coefficient to the baseline: one panel per test set and point."""
    figure_id = "figure-dispersion-differences"
    lookup = maps.lookup
    panels: list[Panel] = []
    rows: list[Estimate | None] = []
    for card in maps.cards:
        for where in maps.wheres(card):
            found = [(name, maps.row("gini", name, card, where, versus=lookup.baseline)) for name in lookup.others]
            if all(row is None for _, row in found):
                continue
            rows += [row for _, row in found]
            marks = [mark(name, name, row) for name, row in found]
            head = f"{card.name}: {where_label(where)}"
            title = f"difference in Gini to {short(lookup.baseline)}"
            chart = charts.draw_estimates(marks, scale="plain", title=title, zero=True)
            panels.append(panel(figure_id, len(panels), head, chart, alternative(f"{title}, {head}", marks)))
    caption = (
        f"Gini coefficient of each variant’s maps minus that of {lookup.baseline}, paired by seed and image; left of "
        f"the dashed line is more dispersed. {counts(rows, what=MAPS)}. {interval_note(lookup)} {NOT_ADJUSTED} "
        "The horizontal scales differ."
    )
    return Figure(figure_id, "Differences in dispersion to the baseline", tuple(panels), (caption,))


def figure_dispersion(maps: Maps, card: TestSetCard) -> Figure:
    """Gini and entropy of the main method's maps at every attribution point, with all seeds."""
    lookup = maps.lookup
    figure_id = f"figure-dispersion-{position_of(lookup, card)}"
    panels: list[Panel] = []
    rows: list[Estimate | None] = []
    for where in maps.wheres(card):
        for name in lookup.dispersion_quantities():
            found = [(variant, maps.row(name, variant, card, where)) for variant in lookup.variants]
            rows += [row for _, row in found]
            marks = [mark(variant, variant, row, seed_points(lookup, row)) for variant, row in found]
            head = f"{quantity(name).label}, {where_label(where)}"
            chart = charts.draw_estimates(marks, scale="plain", title=quantity(name).label, step=31)
            panels.append(panel(figure_id, len(panels), head, chart, alternative(f"{head} ({card.name})", marks)))
    notes = "; ".join(f"{quantity(name).label} {quantity(name).note}" for name in lookup.dispersion_quantities())
    caption = (
        f"{notes[:1].upper()}{notes[1:]}. Seeds as open marks. At the image, a gradient has passed "
        "the autoencoder’s own convolutions; at the classifier’s input it has not. "
        f"{counts(rows, what=MAPS)}. {interval_note(lookup)} {NOT_ADJUSTED} "
        "The horizontal scales differ."
    )
    return Figure(figure_id, f"Dispersion of the saliency maps: {card.name}", tuple(panels), (caption,))


def figure_parts(maps: Maps, card: TestSetCard) -> Figure:
    """Gini by class and source, all variants in each row."""
    lookup = maps.lookup
    figure_id = f"figure-parts-{position_of(lookup, card)}"
    places: list[tuple[str, str | None, str | None]] = [
        ("all real", None, "real"),
        ("all synthetic", None, "synthetic"),
    ]
    places += [(source.name, source.name, None) for source in card.sources] if len(card.sources) > 1 else []
    by_place = _part_seeds(maps, card)
    panels: list[Panel] = []
    rows: list[Estimate | None] = []
    for where in maps.wheres(card):
        strips = []
        for label, source, subset in places:
            found = [
                (name, maps.row("gini", name, card, where, source=source, subset=subset)) for name in lookup.variants
            ]
            if all(row is None or row.estimate is None for _, row in found):
                continue
            rows += [row for _, row in found if row is not None]
            strips.append(
                Strip(
                    label, tuple(mark(name, name, row, by_place.get(row.id if row else "", ())) for name, row in found)
                )
            )
        if not strips:
            continue
        head = f"Gini, {where_label(where)}"
        chart = draw_strips(strips, lookup.variants, title="Gini")
        words = "; ".join(
            f"{strip.label}: {', '.join(f'{each.variant} {each.number}' for each in strip.marks)}" for strip in strips
        )
        panels.append(panel(figure_id, len(panels), head, chart, f"{head} ({card.name}): {words}."))
    caption = (
        "Mean of each variant’s maps within a class or source, single seeds as open marks. What differs between "
        "sources whatever the variant is in the images; a finding about a variant shows in most rows. "
        f"{counts(rows, what='maps a seed and row')}. {interval_note(lookup)} {NOT_ADJUSTED} "
        "The horizontal scales differ."
    )
    return Figure(figure_id, f"Dispersion by class and source: {card.name}", tuple(panels), (caption,), across=2)


def _part_seeds(maps: Maps, card: TestSetCard) -> dict[str, list[tuple[int, float]]]:
    """Id of a mean of a part → its seeds' values."""
    held: dict[tuple[str, str, str | None, str | None, str], list[SeedValue]] = {}
    for value in maps.lookup.summary.seed_values:
        if value.test_set == card.name and (value.source is not None or value.subset is not None):
            key = (value.quantity, value.variant, value.source, value.subset, value.path)
            held.setdefault(key, []).append(value)
    return {
        row.id: [
            (value.seed, value.value)
            for value in sorted(
                held.get((row.quantity, row.variant, row.source, row.subset, row.path), []), key=lambda v: v.seed
            )
            if value.value is not None
        ]
        for row in maps.lookup.summary.dispersion_parts
        if row.test_set == card.name
    }


def figure_pairs(maps: Maps, card: TestSetCard) -> Figure:
    """The differences of every pair of variants in Gini, a panel for each point."""
    lookup = maps.lookup
    figure_id = f"figure-pairs-{position_of(lookup, card)}"
    panels: list[Panel] = []
    found: list[Contrast] = []
    missing: dict[str, None] = {}
    for where in maps.wheres(card):
        wanted = ("gini", card.name, where, None, None)
        pairs = [
            row
            for row in lookup.summary.dispersion_contrasts
            if (row.quantity, row.test_set, row.path, row.source, row.subset) == wanted and row.versus is not None
        ]
        found += pairs
        missing |= dict.fromkeys(row.reason or "" for row in pairs if row.estimate is None)
        rows = [_pair(maps, row) for row in pairs if row.estimate is not None]
        if not rows:
            continue
        head = f"{card.name}: {where_label(where)}"
        chart = draw_forest(rows, scale="plain", title="difference in Gini", zero=True)
        panels.append(panel(figure_id, len(panels), head, chart, forest_words(head, rows)))
    left_out = f" Left out: {'; '.join(missing)}." if missing else ""
    caption = (
        "Every pair of variants, paired by seed and image; left of zero the first of the two is more dispersed. "
        f"Filled: p after Holm’s correction over the pairs of a panel is below α = {lookup.alpha:g}. "
        f"{counts([row for row in found if row.estimate is not None], what=MAPS)}. {interval_note(lookup)} "
        f"{NOT_ADJUSTED} The horizontal scales differ.{left_out}"
    )
    return Figure(figure_id, f"Every pair of variants: {card.name}", tuple(panels), (caption,), across=2)


def _pair(maps: Maps, row: Contrast) -> ForestRow:
    said = maps.says(row)
    p = "" if row.p_holm is None else p_text(row.p_holm)
    told = "" if row.p_holm is None else f", Holm p {p if p.startswith('<') else f'= {p}'}"
    note = row.reason or said if row.estimate is None else f"{said}{told}"
    filled = row.p_holm is not None and row.p_holm < maps.lookup.alpha
    return ForestRow(f"{row.variant} {MINUS} {row.versus}", note, number(row, kind="difference"), filled=filled)


def figure_smearing(maps: Maps) -> Figure:
    """What is left at the classifier's input of every preprocessed variant's difference to the baseline."""
    figure_id = "figure-remaining"
    lookup = maps.lookup
    panels: list[Panel] = []
    found: list[Estimate | None] = []
    for card in maps.cards:
        rows = []
        for name in maps.preprocessed(card):
            for measure in lookup.dispersion_quantities():
                share = maps.share(name, card, measure)
                if share is None:
                    continue
                found.append(share)
                note = share.reason if share.estimate is None and share.reason else "of the difference is left"
                rows.append(
                    ForestRow(
                        f"{name}, {quantity(measure).label}", note, number(share, kind="percent"), ticks=(0.0, 1.0)
                    )
                )
        if any(row.number.raw[0] is not None for row in rows):
            head = f"{card.name}: {maps.main}"
            chart = draw_forest(rows, scale="percent", title=f"left of the difference to {short(lookup.baseline)}, %")
            panels.append(panel(figure_id, len(panels), head, chart, forest_words(head, rows)))
    caption = (
        f"The difference to {lookup.baseline} at the classifier’s input over that at the image, with strokes at 0 and "
        "100 %. At 100 % the preprocessing itself has no part in the difference at the image, at 0 it makes all of it; "
        "above 100 % it works against it, below 0 the difference turns. "
        f" {counts(found, what=MAPS)}. Bars: {percent_level(lookup)} intervals over seeds and "
        f"images, crossed, by the delta method. {NOT_ADJUSTED}"
    )
    return Figure(figure_id, "What is left at the classifier’s input", tuple(panels), (caption,), across=2)


def figure_nulls(maps: Maps, card: TestSetCard) -> Figure:
    """Gini of trained classifiers beside the same of the untrained and of the randomised ones."""
    lookup = maps.lookup
    figure_id = f"figure-nulls-{position_of(lookup, card)}"
    panels: list[Panel] = []
    rows: list[Estimate | None] = []
    states = maps.states(card)
    for where in maps.wheres(card) if states else ():
        strips = []
        for state in ("", *states):
            place = f"{where}~{state}" if state else where
            found = [(name, maps.row("gini", name, card, place)) for name in lookup.variants]
            if all(row is None or row.estimate is None for _, row in found):
                continue
            rows += [row for _, row in found if row is not None]
            label = state.removeprefix("randomised-") or "trained"
            strips.append(Strip(label, tuple(mark(n, n, row, seed_points(lookup, row)) for n, row in found)))
        head = f"Gini, {where_label(where)}"
        chart = draw_strips(strips, lookup.variants, title="Gini")
        words = "; ".join(f"{s.label}: {', '.join(f'{m.variant} {m.number}' for m in s.marks)}" for s in strips)
        panels.append(panel(figure_id, len(panels), head, chart, f"{head} ({card.name}): {words}."))
    caption = (
        "The same measure for classifiers that have learnt nothing (untrained: the initial weights behind the trained "
        "preprocessing) or less and less (the weights replaced from the logit down to the layer named). A difference "
        "between variants that the untrained show as well, or those randomised down to their first layer, is not "
        "learnt by the classifier; randomised less far, it keeps layers that were trained. "
        f"{counts(rows, what='maps a seed and row')}. {interval_note(lookup)} {NOT_ADJUSTED} "
        "The horizontal scales differ."
    )
    return Figure(figure_id, f"Nulls beside trained classifiers: {card.name}", tuple(panels), (caption,), across=2)
