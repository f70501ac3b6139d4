"""Figures of a diversity study: balanced accuracy against the number of generators, and gains against the margin."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.diversity_summary import HELD_OUT, Diversity, DiversityContrast
from analysis.reporting.blocks import Figure, Panel
from analysis.reporting.diversity_lookup import DiversityLookup
from analysis.reporting.panels import panel
from analysis.reporting.quantities import counts, number
from analysis.reporting.shift_charts import LevelRow, draw_levels, limits_of
from analysis.reporting.significance_charts import ForestRow, draw_forest

HEADLINE = "balanced_accuracy"


def figure_means(found: Diversity) -> Figure:
    """Balanced accuracy against k: the mean over held-out generators, and the shared sets."""
    places = (HELD_OUT, *(card.name for card in found.study.shared))
    what = (
        "Balanced accuracy in % by the number of generators in training, with as many images in all: on held-out "
        "generators a line that rises says that diversity helps that variant; 50 % is chance. "
    )
    if found.study.shared:
        what += (
            "Shared sets may hold images of a generator that some mixtures were trained on, a larger share of them the "
            "larger k is: there a line may rise for that reason alone. "
        )
    return _curves(found, "figure-diversity", "More generators, as many images", places, what)


def figure_generators(found: Diversity) -> Figure:
    """Balanced accuracy against k on each held-out generator."""
    places = tuple(card.test_set for card in found.study.generators)
    what = (
        "The same for each generator that was left out, with real images of its corpus. The mean above may be made of "
        "unlike parts; below 50 % the two classes are told the wrong way round. "
    )
    return _curves(found, "figure-generators", "By held-out generator", places, what)


def figure_gains(found: Diversity) -> Figure:
    """Gains at the mean over held-out generators, against the margin."""
    lookup = DiversityLookup(found)
    figure_id = "figure-gains"
    titles = {
        "diversity": "More generators instead of one",
        "preprocessing": f"Preprocessing against {found.study.baseline}, both on one generator",
        "instead": "Difference of the two gains",
    }
    rows = [row for row in found.contrasts if row.quantity == HEADLINE and row.test_set == HELD_OUT]
    panels: list[Panel] = []
    for kind, title in titles.items():
        chosen = [row for row in rows if row.kind == kind]
        if not chosen:
            continue
        band = (-found.margin, found.margin)
        drawn = [
            ForestRow(
                gain_label(row), row.outcome or "", number(row, kind="points"), None if kind == "instead" else band
            )
            for row in chosen
        ]
        chart = draw_forest(drawn, scale="percent", title="balanced accuracy gained, percentage points", zero=True)
        words = "; ".join(f"{each.label} {each.number} {each.note}".rstrip() for each in drawn)
        panels.append(panel(figure_id, len(panels), title, chart, f"{title}: {words}."))
    caption = (
        "Gains of balanced accuracy, mean over held-out generators, paired by seed and image: right of the line is "
        f"gained. Shaded: no more than the margin of {found.margin * 100:g} points either way; what helps lies beyond "
        "it, what does not help below its upper end. Difference of the two gains: what diversity gains the baseline "
        f"less what the preprocessing gains it on one generator. {counts(rows)}. Bars: {lookup.level_text} intervals "
        "over seeds and images, crossed, not over generators, which are fixed; not adjusted for their number, as the "
        "outcomes are."
    )
    return Figure(figure_id, "Gains on generators that were not seen", tuple(panels), (caption,))


def gain_label(row: DiversityContrast) -> str:
    """What a contrast is of, in a few words."""
    if row.kind == "diversity":
        return f"{row.variant}, k = {row.k}"
    if row.kind == "preprocessing":
        return str(row.variant)
    return f"k = {row.k}, less {row.versus}"


def _curves(found: Diversity, figure_id: str, title: str, places: Sequence[str], what: str) -> Figure:
    lookup = DiversityLookup(found)
    made, held = [], []
    for place in places:
        rows = []
        for variant in lookup.variants:
            levels = [lookup.level(HEADLINE, variant, k, place) for k in lookup.sizes]
            held += [row for row in levels if row is not None]
            gain = number(
                lookup.gain(HEADLINE, variant, lookup.most, place), kind="points", absent=f"{variant}/{place}"
            )
            rows.append(LevelRow(variant, tuple(None if row is None else number(row) for row in levels), gain))
        made.append((place, rows))
    limits = limits_of([row for _, rows in made for row in rows])
    panels: list[Panel] = []
    for place, rows in made:
        label = lookup.label(place)
        names = tuple(map(str, lookup.sizes))
        chart = draw_levels(
            rows, levels=names, title="generators in training", measure="balanced accuracy, %", limits=limits
        )
        words = "; ".join(
            f"{row.variant} "
            + ", ".join(f"k = {k} {value}" for k, value in zip(names, row.values, strict=True) if value is not None)
            for row in rows
        )
        head = f"{label[:1].upper()}{label[1:]}"
        panels.append(panel(figure_id, len(panels), head, chart, f"{head}, balanced accuracy: {words}."))
    caption = (
        f"{what}Above the lines: what {lookup.most} generators gain on one, in points. {counts(held)}. Bands and "
        f"brackets: {lookup.level_text} intervals over seeds and images, crossed; not over generators, which are "
        "fixed. The vertical scale is the same in all panels and does not begin at zero."
    )
    return Figure(figure_id, title, tuple(panels), (caption,))
