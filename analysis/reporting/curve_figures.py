"""The figures of curves: what each panel holds, and what the caption says of it."""

from __future__ import annotations

from analysis.reporting.blocks import Figure, Panel
from analysis.reporting.curve_charts import BandRow, draw_bands
from analysis.reporting.lookup import Lookup
from analysis.reporting.panels import panel, percent_level
from analysis.reporting.quantities import NBSP, fixed, number, quantity, span
from analysis.summary import Curve, TestSetCard

FEW_FALSE_POSITIVES = 0.05
"""The rate of false positives at which alternative texts read a ROC curve."""


def figure_roc(lookup: Lookup) -> Figure:
    """The ROC curves of all variants, one panel per quoted test set."""
    panels: list[Panel] = []
    curves: list[Curve] = []
    for card in lookup.quoted:
        rows = _rows(lookup, card, "roc", "auc")
        if not any(row.curve.x for row in rows):
            continue
        curves += [row.curve for row in rows]
        words = f"ROC curves on {card.name}: " + "; ".join(_roc_words(row) for row in rows) + "."
        chart = draw_bands(
            rows, name="AUC", x_title="real images called synthetic, %", y_title="synthetic images called so, %"
        )
        panels.append(panel("figure-roc", len(panels), card.name, chart, words))
    caption = (
        "Recall against the rate of false positives at every threshold, each variant along its own path; the dashed "
        "diagonal is chance. A curve is the mean of its seeds’ recalls at each rate. The band reaches from the lowest "
        "to the highest seed: it shows how far apart these runs are, and is no interval. In brackets: "
        f"{percent_level(lookup)} intervals over seeds and images, crossed. {_counts(curves)}."
    )
    return Figure("figure-roc", "ROC curves", tuple(panels), (caption,))


def figure_calibration(lookup: Lookup) -> Figure:
    """The reliability diagrams of all variants, one panel per quoted test set."""
    panels: list[Panel] = []
    curves: list[Curve] = []
    for card in lookup.quoted:
        rows = _rows(lookup, card, "calibration", "ece")
        if not any(row.curve.x for row in rows):
            continue
        curves += [row.curve for row in rows]
        words = f"Calibration on {card.name}: " + "; ".join(_calibration_words(row) for row in rows) + "."
        chart = draw_bands(
            rows,
            name="ECE",
            x_title="mean predicted probability of synthetic, %",
            y_title="synthetic images, %",
            dots=True,
        )
        panels.append(panel("figure-calibration", len(panels), card.name, chart, words))
    bins = span(len(curve.x) for curve in curves if curve.x)
    caption = (
        f"Each seed’s images by rising probability of synthetic, in {bins} bins of equal numbers of images: what a bin "
        "was predicted to hold, and what it holds. On the dashed diagonal a probability means what it says; below it, "
        "images are called synthetic with more certainty than is right. The share of synthetic images in a test set "
        "was chosen by somebody, and moves the whole curve. Marks are means over seeds; the band reaches from the "
        f"lowest to the highest seed and is no interval. ECE: {quantity('ece').label} in bins of equal width; in "
        f"brackets: {percent_level(lookup)} intervals over seeds and images, crossed. {_counts(curves)}."
    )
    return Figure("figure-calibration", "Calibration", tuple(panels), (caption,))


def _rows(lookup: Lookup, card: TestSetCard, kind: str, summed_up: str) -> list[BandRow]:
    found = {
        curve.variant: curve
        for curve in lookup.summary.curves
        if (curve.kind, curve.test_set, curve.path) == (kind, card.name, lookup.own_paths.get(curve.variant))
    }
    absent = f"{summed_up}/{card.name}"
    return [
        BandRow(found[variant], number(lookup.metric(summed_up, variant, card.name), absent=absent))
        for variant in lookup.variants
        if variant in found
    ]


def _roc_words(row: BandRow) -> str:
    curve, summed_up = row.curve, f"{row.curve.variant} AUC {row.number}"
    if not curve.x:
        return f"{curve.variant}: {curve.reason}"
    at = min(range(len(curve.x)), key=lambda position: abs(curve.x[position] - FEW_FALSE_POSITIVES))
    rate = f"{fixed(curve.x[at] * 100, 0)}{NBSP}%"
    return (
        f"{summed_up}, recall at {rate} false positives {fixed(curve.mean[at] * 100, 1)}{NBSP}%, "
        f"from {fixed(curve.low[at] * 100, 1)} to {fixed(curve.high[at] * 100, 1)} over seeds"
    )


def _calibration_words(row: BandRow) -> str:
    curve = row.curve
    if not curve.x:
        return f"{curve.variant}: {curve.reason}"
    first, last = (
        f"{fixed(curve.mean[at] * 100, 1)}{NBSP}% where {fixed(curve.x[at] * 100, 1)}{NBSP}% are predicted"
        for at in (0, -1)
    )
    return f"{curve.variant} ECE {row.number}, {first} and {last}"


def _counts(curves: list[Curve]) -> str:
    return f"n = {span(curve.n_seeds for curve in curves)} seeds × {span(curve.n_images for curve in curves)} images"
