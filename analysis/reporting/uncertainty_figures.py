"""The figures of uncertainty: what it is made of, which intervals there are, what could have been found."""

from __future__ import annotations

from analysis.reporting import charts
from analysis.reporting.blocks import Figure, Panel
from analysis.reporting.charts import Mark
from analysis.reporting.lookup import Lookup
from analysis.reporting.panels import alternative, interval_note, panel, percent_level
from analysis.reporting.quantities import MINUS, Number, counts, number, quantity, value
from analysis.reporting.significance_charts import ForestRow, ShareRow, draw_forest, draw_shares
from analysis.reporting.significance_figures import forest_words, scale_of, to_baseline, unit_of
from analysis.reporting.significance_text import difference_kind, digits_of
from analysis.summary import Contrast

SPLIT = ("seeds", "images", "rest")
"""What a difference's squared standard error is made of."""

BESIDE = (
    ("crossed (quoted)", None),
    ("multi-bootstrap", "bootstrap"),
    ("seed t", "seed_t"),
    ("images only", "images"),
)
"""Label of an interval → prefix of its fields in `Contrast`; the quoted one is the contrast's own."""


def shares_of(row: Contrast) -> tuple[float, float, float] | None:
    """Shares of seeds, images and the rest in a difference's squared standard error.

    σ²_seed/S, σ²_image/I and σ²_rest/(S·I), each over their sum; `None` where they are not known or all 0.
    """
    if row.var_seed is None or row.var_image is None or row.var_residual is None:
        return None
    parts = (
        row.var_seed / row.n_seeds,
        row.var_image / row.n_images,
        row.var_residual / (row.n_seeds * row.n_images),
    )
    whole = sum(parts)
    return None if whole == 0 else (parts[0] / whole, parts[1] / whole, parts[2] / whole)


def figure_split(lookup: Lookup) -> Figure:
    """What the uncertainty of each difference to the baseline comes from, stacked."""
    figure_id = "figure-split"
    panels: list[Panel] = []
    found: list[Contrast] = []
    for card in lookup.quoted:
        name = lookup.headline(card)
        rows = [(row, shares) for row in to_baseline(lookup, name, card) if (shares := shares_of(row)) is not None]
        if not rows:
            continue
        found += [row for row, _ in rows]
        bars = [ShareRow(row.variant, shares) for row, shares in rows]
        head = f"{card.name}: {quantity(name).label}"
        words = "; ".join(
            f"{bar.label} " + ", ".join(f"{n} {s * 100:.0f} %" for n, s in zip(SPLIT, bar.shares, strict=True))
            for bar in bars
        )
        chart = draw_shares(bars, names=SPLIT, title="share of the squared standard error, %")
        panels.append(panel(figure_id, len(panels), head, chart, f"{head}: {words}."))
    caption = (
        f"Where the uncertainty of each difference to {lookup.baseline} comes from: that other seeds would give other "
        "nets (dark), that other images would be judged otherwise (middle), and what belongs to one seed on one image "
        "(light). A large share of seeds asks for more seeds, one of images for more images; both lower the rest. "
        f"{counts(found)}. Estimates from so many seeds, no intervals."
    )
    return Figure(figure_id, "What the uncertainty is made of", tuple(panels), (caption,))


def beside(row: Contrast, prefix: str | None, digits: int | None = None) -> Number:
    """One of the intervals that stand beside the quoted one, around the same estimate."""
    digits = digits_of([row]) if digits is None else digits
    if prefix is None:
        return number(row, kind=difference_kind(row.quantity), digits=digits)
    limits = (getattr(row, f"{prefix}_low"), getattr(row, f"{prefix}_high"))
    return value(
        f"{row.id}/{prefix}", row.estimate, difference_kind(row.quantity), limits, digits=digits, reason=row.reason
    )


def figure_intervals(lookup: Lookup) -> Figure:
    """Four intervals of each difference to the baseline, on the first test set of each role."""
    figure_id = "figure-intervals"
    panels: list[Panel] = []
    found: list[Contrast] = []
    shown = [cards[0] for role in ("in_sample", "out_of_sample") if (cards := lookup.test_sets(role))]
    for card in shown:
        name = lookup.headline(card)
        for row in to_baseline(lookup, name, card):
            if row.estimate is None or all(getattr(row, f"{prefix}_low") is None for _, prefix in BESIDE[1:]):
                continue
            found.append(row)
            marks = [Mark(label, row.variant, beside(row, prefix), (), counts([row])) for label, prefix in BESIDE]
            head = f"{row.variant} {MINUS} {row.versus}, {card.name}: {quantity(name).label}"
            chart = charts.draw_estimates(marks, scale=scale_of(name), title=unit_of(name), zero=True, step=28)
            panels.append(panel(figure_id, len(panels), head, chart, alternative(head, marks)))
    caption = (
        "One estimate, four intervals, four questions. Crossed: new seeds and new images, the question of the study. "
        "Multi-bootstrap: the same question by resampling; too wide without seed effects, too narrow with few seeds. "
        "Seed t: new seeds on these very images. Images only: new images for these very nets. "
        f"{counts(found)}. Bars: {percent_level(lookup)} intervals over what their row says; no intervals are adjusted."
    )
    return Figure(figure_id, "Intervals side by side", tuple(panels), (caption,))


def figure_power(lookup: Lookup) -> Figure:
    """Each difference to the baseline against what these seeds and images could have found."""
    figure_id = "figure-power"
    panels: list[Panel] = []
    found: list[Contrast] = []
    for card in lookup.quoted:
        name = lookup.headline(card)
        rows = [row for row in to_baseline(lookup, name, card) if row.detectable is not None]
        if not rows:
            continue
        found += rows
        forest = []
        for row in rows:
            size = row.detectable or 0.0
            text = value(f"{row.id}/detectable", row.detectable, difference_kind(name))
            kind = f"{row.variant} {MINUS} {row.versus}"
            beyond = row.estimate is not None and abs(row.estimate) >= size
            note = f"detectable: {text.value}{text.unit}"
            shown = number(row, kind=difference_kind(name))
            forest.append(ForestRow(kind, note, shown, (-size, size), (-size, size), beyond))
        head = f"{card.name}: {quantity(name).label}"
        chart = draw_forest(forest, scale=scale_of(name), title=f"difference, {unit_of(name)}", zero=True)
        panels.append(panel(figure_id, len(panels), head, chart, forest_words(head, forest)))
    caption = (
        "Grey: differences too small for these seeds and images, which a two-sided test at α = "
        f"{lookup.alpha:g} would miss more than one time in five (power 0.8). An estimate within it (open mark) that "
        f"is not significant says little. {counts(found)}. {interval_note(lookup)}"
    )
    return Figure(figure_id, "What could have been found", tuple(panels), (caption,))


def figure_spread(lookup: Lookup) -> Figure:
    """The seeds' spread of in-sample accuracy over that of a calibrated ensemble."""
    figure_id = "figure-spread"
    panels: list[Panel] = []
    sets = list(dict.fromkeys(row.test_set for row in lookup.summary.seed_spread))
    for test_set in sets:
        marks = []
        for row in lookup.summary.seed_spread:
            if row.test_set == test_set:
                row_id = f"spread/{row.variant}/{row.test_set}"
                shown = value(row_id, row.ratio, "plain", (row.low, row.high), digits=2, reason=row.reason)
                marks.append(Mark(row.variant, row.variant, shown))
        chart = charts.draw_estimates(marks, scale="plain", title="ratio of standard deviations", reference=1.0)
        panels.append(panel(figure_id, len(panels), test_set, chart, alternative(f"Ratio, {test_set}", marks)))
    caption = (
        "Standard deviation of accuracy over seeds, divided by √(error / 2n), what runs that differ by chance alone "
        "would show on as many images if they are calibrated (Jordan, ICLR 2024). An interval right of the dashed "
        "line: the seeds differ in true quality, as in unfinished training, or are not calibrated, as out of sample. n "
        f"= {len(lookup.summary.study.seeds)} seeds. Bars: {percent_level(lookup)} intervals of the ratio from χ² over "
        "seeds; no intervals over images."
    )
    return Figure(figure_id, "Spread over seeds", tuple(panels), (caption,))
