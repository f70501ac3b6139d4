"""Charts of the dispersion report: several variants within each row, with intervals and single seeds.

As in `analysis.reporting.charts`, Vega draws what was computed: it neither averages nor places anything by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from analysis.reporting import theme
from analysis.reporting.charts import Mark, axis_of, data_of, tips_of

BAND = 13
"""Pixels of one variant within a row."""


@dataclass(frozen=True)
class Strip:
    """A row of the chart: its label, and one mark per variant in the order of drawing."""

    label: str
    marks: tuple[Mark, ...]


def draw_strips(strips: Sequence[Strip], variants: Sequence[str], *, title: str) -> alt.LayerChart:
    """Estimates of all variants within each row: interval, mean, and the values of single seeds as open marks.

    Args:
        strips: From top to bottom; labels must differ.
        variants: In the order of drawing and of the legend.
        title: Title of the horizontal axis.
    """
    order = [strip.label for strip in strips]
    colours, shapes = theme.variant_colours(variants), theme.variant_shapes(variants)
    y = alt.Y("label:N", sort=order, axis=alt.Axis(title=None), scale=alt.Scale(domain=order, paddingInner=0.25))
    offset = alt.YOffset("variant:N", sort=list(variants), scale=alt.Scale(domain=list(variants)))
    x = alt.X("value:Q", axis=axis_of("plain", title), scale=alt.Scale(zero=False, nice=False, padding=10))
    legend = alt.Legend(
        orient="top", title=None, columns=3, labelColor=theme.INK, labelFontSize=11, symbolOpacity=1, offset=4
    )
    ends = [colours[name][0] for name in variants]
    colour = alt.Color("variant:N", scale=alt.Scale(domain=list(variants), range=ends), legend=legend)
    kinds = [shapes[name] for name in variants]
    shape = alt.Shape("variant:N", scale=alt.Scale(domain=list(variants), range=kinds), legend=legend)
    bars, points, seeds = [], [], []
    for strip in strips:
        for mark in strip.marks:
            estimate, low, high = mark.number.raw
            if estimate is None:
                continue
            row = {"label": strip.label, "variant": mark.variant, "n": mark.n, "shown": mark.number.value}
            row["interval"] = mark.number.interval or "not defined"
            points.append({**row, "value": estimate})
            if low is not None and high is not None:
                bars.append({**row, "value": low, "high": high})
            seeds += [
                {"label": strip.label, "variant": mark.variant, "seed": str(seed), "value": value, "shown": repr(value)}
                for seed, value in mark.seeds
            ]
    tips = tips_of(("label", "row"), ("variant", "variant"), ("shown", "mean"), ("interval", "interval"), ("n", "n"))
    layers: list[alt.Chart] = []
    if bars:
        bar = alt.Chart(data_of(bars)).mark_rule(strokeWidth=2)
        layers.append(bar.encode(x=x, x2=alt.X2("high"), y=y, yOffset=offset, color=colour, tooltip=tips))
    if seeds:
        seed_tips = tips_of(("label", "row"), ("variant", "variant"), ("seed", "seed"), ("shown", "value"))
        single = alt.Chart(data_of(seeds)).mark_point(size=18, filled=False, strokeWidth=1, opacity=1)
        layers.append(single.encode(x=x, y=y, yOffset=offset, color=colour, shape=shape, tooltip=seed_tips))
    if points:
        mean = alt.Chart(data_of(points)).mark_point(size=42, filled=True, opacity=1)
        layers.append(mean.encode(x=x, y=y, yOffset=offset, color=colour, shape=shape, tooltip=tips))
    if not layers:
        layers.append(alt.Chart(data_of([])).mark_text())
    height = max(len(strips), 1) * (BAND * len(variants) + 10)
    return alt.LayerChart(layer=layers).properties(width=theme.PANEL_WIDTH, height=height)
