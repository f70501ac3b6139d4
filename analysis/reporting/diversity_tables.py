"""Tables of a diversity study: levels, contrasts, single mixtures, sources, and what the generators are."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.diversity_summary import HELD_OUT, IN_SAMPLE, Diversity, DiversityEstimate
from analysis.reporting.blocks import Cell, Row, Table
from analysis.reporting.diversity_figures import HEADLINE, gain_label
from analysis.reporting.diversity_lookup import DiversityLookup
from analysis.reporting.quantities import counts, number, quantity, value

KINDS = {
    "diversity": "more generators instead of one, within a variant (diversity)",
    "preprocessing": "preprocessing less the baseline, on one generator (preprocessing)",
    "instead": "what diversity gains the baseline, less what the preprocessing gains it (instead)",
}


def table_levels(found: Diversity) -> Table:
    """Balanced accuracy of every variant and k at every place, and what the most generators gain."""
    lookup = DiversityLookup(found)
    places = (
        HELD_OUT,
        *(card.test_set for card in found.study.generators),
        *(card.name for card in found.study.shared),
        IN_SAMPLE,
    )
    rows, shown = [], []
    for place in places:
        for variant in lookup.variants:
            cells = [lookup.level(HEADLINE, variant, k, place) for k in lookup.sizes]
            if not any(cells):
                continue
            shown += cells if place != IN_SAMPLE else []
            gain = lookup.gain(HEADLINE, variant, lookup.most, place)
            last = (
                Cell("") if place == IN_SAMPLE else Cell(number(gain, kind="points", absent=f"gain/{variant}/{place}"))
            )
            numbers = [Cell(number(row, absent=f"{variant}/{place}")) for row in cells]
            rows.append(Row((lookup.label(place), variant), (*numbers, last)))
    caption = (
        "Balanced accuracy in % by number of generators in training, with as many images in all, and the paired gain "
        f"of the most generators in percentage points. {counts(shown)}. {_brackets(lookup)} In-sample: each mixture on "
        "test images of its own generators, the mean over mixtures."
    )
    return Table(
        "table-levels",
        "Balanced accuracy by number of generators",
        ("test images", "variant"),
        (*_sizes(lookup), f"gain of k = {lookup.most}, points"),
        tuple(rows),
        (caption,),
        grouped=True,
    )


def table_contrasts(found: Diversity) -> Table:
    """The three families at the mean over held-out generators, with p and outcomes."""
    lookup = DiversityLookup(found)
    chosen = [row for row in found.contrasts if row.quantity == HEADLINE and row.test_set == HELD_OUT]
    rows = []
    for row in chosen:
        p = [value(f"{row.id}/{name}", getattr(row, name), "p", reason=row.reason) for name in ("p", "p_holm")]
        sides: list[Cell] = [
            Cell(value(f"{row.id}/{name}", getattr(row, name), "p", reason=row.reason)) if row.margin else Cell("")
            for name in ("p_above", "p_below")
        ]
        cells = (Cell(number(row, kind="points")), *map(Cell, p), *sides, Cell(row.outcome or ""))
        rows.append(Row((KINDS[row.kind], gain_label(row)), cells))
    caption = (
        "Differences of balanced accuracy in percentage points, mean over held-out generators. p: two-sided, of no "
        f"difference; beyond and short of: one-sided against {found.margin * 100:g} points, doubled. Holm’s correction "
        f"within each of the three families. {counts(chosen)}. {_brackets(lookup)} Intervals are not adjusted."
    )
    header = ("difference, points", "p", "p, Holm", "p beyond the margin, Holm", "p short of it, Holm", "outcome")
    return Table(
        "table-gains", "Gains and outcomes", ("family", "contrast"), header, tuple(rows), (caption,), grouped=True
    )


def table_quantities(found: Diversity) -> Table:
    """Recall, specificity and AUC at the mean over held-out generators and on the shared sets."""
    lookup = DiversityLookup(found)
    rows, shown = [], []
    for place in (HELD_OUT, *(card.name for card in found.study.shared)):
        for name in ("recall", "specificity", "auc"):
            unit = ", %" if quantity(name).proportion else ""
            for variant in lookup.variants:
                cells = [lookup.level(name, variant, k, place) for k in lookup.sizes]
                shown += cells
                gain = number(lookup.gain(name, variant, lookup.most, place), absent=f"{name}/{variant}/{place}")
                rows.append(
                    Row(
                        (f"{lookup.label(place)}: {quantity(name).label}{unit}", variant),
                        (*(Cell(number(row, absent=f"{name}/{variant}/{place}")) for row in cells), Cell(gain)),
                    )
                )
    caption = (
        "Recall is of synthetic images of the generators that were left out, specificity of real ones of their "
        "corpora: a shifted threshold moves them in opposite directions, and AUC not at all. Gains of recall and "
        f"specificity in percentage points. {counts(shown)}. {_brackets(lookup)}"
    )
    return Table(
        "table-quantities",
        "Recall, specificity and AUC by number of generators",
        ("quantity", "variant"),
        (*_sizes(lookup), f"gain of k = {lookup.most}"),
        tuple(rows),
        (caption,),
        grouped=True,
    )


def table_mixtures(found: Diversity) -> Table:
    """Balanced accuracy of every mixture on what it has not seen."""
    lookup = DiversityLookup(found)
    places = (*(card.test_set for card in found.study.generators), *(card.name for card in found.study.shared))
    rows, shown = [], []
    for variant in lookup.variants:
        for card in found.study.mixtures:
            cells = [lookup.mixture(variant, card.name, place) for place in places]
            shown += [row for row in cells if row is not None]
            rows.append(Row((variant, card.name), tuple(map(_seen, cells))))
    caption = (
        "Balanced accuracy in % of each mixture on held-out images of each generator that it was not trained on "
        f"(trained: it was) and on the shared sets. {counts(shown)}. {_brackets(lookup)}"
    )
    header = tuple(lookup.label(place).removeprefix("held out: ") for place in places)
    return Table(
        "table-mixtures", "Every mixture", ("variant", "trained on"), header, tuple(rows), (caption,), grouped=True
    )


def table_sources(found: Diversity) -> Table:
    """Recall or specificity of each source of the shared sets."""
    lookup = DiversityLookup(found)
    rows, shown = [], []
    for card in found.study.shared:
        for source in card.sources:
            for name in ("specificity", "recall"):
                for variant in lookup.variants:
                    cells = [lookup.level(name, variant, k, card.name, source) for k in lookup.sizes]
                    if not any(cells):
                        continue
                    shown += cells
                    gain = number(lookup.gain(name, variant, lookup.most, card.name, source), absent=source)
                    heads = (f"{source}: {quantity(name).label}", variant)
                    rows.append(Row(heads, (*(Cell(number(row, absent=source)) for row in cells), Cell(gain))))
    caption = (
        "Recall of each source of synthetic images and specificity of each source of real ones, in %, and gains in "
        f"percentage points. {counts(shown)}. {_brackets(lookup)}"
    )
    header = (*_sizes(lookup), f"gain of k = {lookup.most}, points")
    return Table(
        "table-sources", "Shared sets by source", ("source", "variant"), header, tuple(rows), (caption,), grouped=True
    )


def table_generators(found: Diversity) -> Table:
    """What the generators and their corpora are."""
    rows = tuple(
        Row(
            (card.name,),
            (Cell(card.description), Cell(card.corpus), Cell.counted(card.n_real), Cell.counted(card.n_synthetic)),
        )
        for card in found.study.generators
    )
    caption = "Each generator with its corpus of real images; the numbers are of its held-out test images."
    header = ("what it is", "corpus", "real", "synthetic")
    return Table("table-generators", "The generators", ("generator",), header, rows, (caption,))


def _seen(row: DiversityEstimate | None) -> Cell:
    return Cell("trained") if row is None else Cell(number(row))


def _sizes(lookup: DiversityLookup) -> Sequence[str]:
    return tuple(f"k = {k}" for k in lookup.sizes)


def _brackets(lookup: DiversityLookup) -> str:
    return (
        f"In brackets: {lookup.level_text} intervals over seeds and images, crossed; generators and corpora are fixed."
    )
