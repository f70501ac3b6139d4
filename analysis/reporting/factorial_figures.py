"""The figures of the 2 × 2 factorial: main effects and interaction of augmentation and autoencoder."""

from __future__ import annotations

from analysis.reporting import charts
from analysis.reporting.blocks import Figure, Panel
from analysis.reporting.charts import Mark
from analysis.reporting.figures import source_labels
from analysis.reporting.lookup import Lookup
from analysis.reporting.panels import alternative, interval_note, panel, position_of
from analysis.reporting.quantities import counts, number, quantity
from analysis.reporting.significance_figures import by_seed, scale_of, unit_of
from analysis.reporting.significance_text import difference_kind
from analysis.summary import Estimate, TestSetCard

EFFECT_LABELS = {
    "factorial-augmentation": ("augmentation", "augment"),
    "factorial-autoencoder": ("autoencoder", "autoencoder"),
    "factorial-interaction": ("interaction", "both"),
}
"""Effect → its label, and the variant whose colour it has."""


def figure_factorial(lookup: Lookup) -> Figure:
    """The effects of the two factors on each test set, and the two differences that the interaction is made of."""
    figure_id = "figure-factorial"
    panels: list[Panel] = []
    rows: list[Estimate | None] = []
    for card in lookup.quoted:
        name = lookup.headline(card)
        effects = {effect: lookup.effect(name, effect, card.name) for effect in EFFECT_LABELS}
        if all(row is None for row in effects.values()):
            continue
        alone = lookup.pair(name, "autoencoder", "baseline", card.name)
        behind = lookup.pair(name, "both", "augment", card.name)
        seeds = _effect_seeds(lookup, name, card)
        plan = [
            ("augmentation", "augment", effects["factorial-augmentation"]),
            ("autoencoder", "autoencoder", effects["factorial-autoencoder"]),
            ("AE without augm.", "autoencoder", alone),
            ("AE with augm.", "both", behind),
            ("interaction", "both", effects["factorial-interaction"]),
        ]
        rows += [row for *_, row in plan]
        marks = [
            Mark(label, colour, number(row, kind=difference_kind(name)), tuple(seeds.get(label, ())), counts([row]))
            for label, colour, row in plan
        ]
        chart = charts.draw_estimates(marks, scale=scale_of(name), title=unit_of(name), zero=True, step=36)
        head = f"{card.name}: {quantity(name).label}"
        panels.append(panel(figure_id, len(panels), head, chart, alternative(head, marks)))
    caption = (
        "The two preprocessings as two factors. Augmentation and autoencoder: what adding each changes, averaged over "
        "the other one being absent and present. Interaction: the autoencoder’s difference with augmentation (AE with "
        "augm.: both − augment) minus that without (autoencoder − baseline); at zero, the two simply add up. Seeds as "
        f"open marks. {counts(rows)}. {interval_note(lookup)} The horizontal scales differ."
    )
    return Figure(figure_id, "Two factors: main effects and interaction", tuple(panels), (caption,))


def _effect_seeds(lookup: Lookup, name: str, card: TestSetCard) -> dict[str, list[tuple[int, float]]]:
    """Label of a row → the value of each seed that has all four variants."""
    cells = [
        by_seed(lookup, name, v, card) if v in lookup.variants else {}
        for v in ("baseline", "augment", "autoencoder", "both")
    ]
    out: dict[str, list[tuple[int, float]]] = {}
    for seed in sorted(set(cells[0]).intersection(*cells[1:])):
        none, a, e, ae = (cell[seed] for cell in cells)
        for label, amount in (
            ("augmentation", ((a - none) + (ae - e)) / 2),
            ("autoencoder", ((e - none) + (ae - a)) / 2),
            ("AE without augm.", e - none),
            ("AE with augm.", ae - a),
            ("interaction", (ae - a) - (e - none)),
        ):
            out.setdefault(label, []).append((seed, amount))
    return out


def figure_factorial_sources(lookup: Lookup, card: TestSetCard) -> Figure:
    """The factorial effects on every source of a test set, one panel per effect."""
    figure_id = f"figure-factorial-sources-{position_of(lookup, card)}"
    panels: list[Panel] = []
    rows: list[Estimate | None] = []
    for effect, (label, colour) in EFFECT_LABELS.items():
        found = [
            (at, lookup.effect(name, effect, card.name, source=source)) for at, name, source in source_labels(card)
        ]
        if all(row is None for _, row in found):
            continue
        rows += [row for _, row in found]
        marks = [Mark(at, colour, number(row, kind="points"), (), counts([row])) for at, row in found]
        chart = charts.draw_estimates(marks, scale="percent", title=f"{label}, percentage points", zero=True, step=24)
        panels.append(panel(figure_id, len(panels), label, chart, alternative(f"{label} by source", marks)))
    caption = (
        f"The effects by source ({card.name}): on the specificity of real sources (○) and the recall of synthetic ones "
        f"(●); right of the dashed line is better. {counts(rows)} a source. {interval_note(lookup)}"
    )
    return Figure(figure_id, f"Two factors, by source: {card.name}", tuple(panels), (caption,))
