"""Charts of curves with bands: ROC curves and reliability diagrams, all variants in one panel.

As in `analysis.reporting.charts`, Vega draws what was computed: it neither averages nor interpolates anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from analysis.reporting import theme
from analysis.reporting.charts import axis_of, data_of
from analysis.reporting.quantities import Number
from analysis.summary import Curve

DASHES = ([1, 0], [6, 2], [2, 2], [8, 2, 2, 2], [4, 4], [1, 3], [10, 3])
"""Dash patterns by place, which repeat what the colours say."""

SIDE, LINE = 232, 15
"""Pixels: height of the unit square, and of a line of labels above it."""


@dataclass(frozen=True)
class BandRow:
    """A variant's curve and the number that sums it up; without positions it has a label alone."""

    curve: Curve
    number: Number


def draw_bands(rows: Sequence[BandRow], *, name: str, x_title: str, y_title: str, dots: bool = False) -> alt.LayerChart:
    """Mean curves with their bands in the unit square, and above it a line for each: its look, name and number.

    Args:
        rows: One for each variant, in the order of the labels.
        name: What the numbers are, such as `AUC`.
        x_title: Title of the horizontal axis, in per cent.
        y_title: Title of the vertical axis, in per cent.
        dots: Mark the positions, where they are few.
    """
    variants = [row.curve.variant for row in rows]
    colours = theme.variant_colours(variants)
    shapes = theme.variant_shapes(variants)
    dashes = {variant: DASHES[position % len(DASHES)] for position, variant in enumerate(variants)}
    # The labels stand in the same coordinates, above 1: nothing hangs over the edge of the panel.
    top = 1 + (len(rows) + 0.5) * LINE / SIDE
    ticks = [0, 0.25, 0.5, 0.75, 1]

    across, up = axis_of("percent", x_title, grid=False), axis_of("percent", y_title)
    across["values"], up["values"] = ticks, ticks
    height = alt.Scale(domain=[0, top], nice=False)
    x = alt.X("x:Q", axis=across, scale=alt.Scale(domain=[0, 1], nice=False))
    y, low = alt.Y("y:Q", axis=up, scale=height), alt.Y("low:Q", axis=up, scale=height)
    diagonal = alt.Chart(data_of([{"x": 0, "y": 0}, {"x": 1, "y": 1}]))
    layers: list[alt.Chart] = [diagonal.mark_line(color=theme.RULE, strokeDash=[3, 2], strokeWidth=1).encode(x=x, y=y)]
    bands, lines = [], []
    for position, row in enumerate(rows):
        curve, colour = row.curve, colours[row.curve.variant][0]
        amount = f"{row.number.value} {row.number.interval or ''}".strip()
        known = amount if row.number.interval else f"{amount}, interval not defined"
        n = f"{curve.n_seeds} seeds × {curve.n_images:,} images"
        # One text for the whole curve: labels in every row would be most of the page.
        tip = alt.TooltipValue(f"{curve.variant}: {name} {known}; {n}")
        positions = zip(curve.x, curve.mean, curve.low, curve.high, strict=True)
        data = data_of([_rounded(x=a, y=mean, low=least, high=most) for a, mean, least, most in positions])
        base = alt.Chart(data)
        if curve.n_seeds > 1 and curve.x:
            band = base.mark_area(color=colour, opacity=0.16, line=False)
            bands.append(band.encode(x=x, y=low, y2=alt.Y2("high"), tooltip=tip))
        if curve.x:
            line = base.mark_line(color=colour, strokeWidth=1.5, strokeDash=dashes[curve.variant])
            lines.append(line.encode(x=x, y=y, tooltip=tip))
        if dots and curve.x:
            dot = base.mark_point(color=colour, filled=True, size=22, opacity=1, shape=shapes[curve.variant])
            lines.append(dot.encode(x=x, y=y, tooltip=tip))
        at = 1 + (len(rows) - position - 0.35) * LINE / SIDE
        sample = alt.Chart(data_of([{"x": 0.0, "y": at}, {"x": 0.09, "y": at}]))
        lines.append(sample.mark_line(color=colour, strokeWidth=2, strokeDash=dashes[curve.variant]).encode(x=x, y=y))
        # The colour of small text must stand out from both papers, as that of the curves does.
        text = alt.Chart(data_of([{"x": 0.115, "y": at, "text": f"{curve.variant}: {name} {amount}"}]))
        mark = text.mark_text(
            align="left", baseline="middle", fontSize=10.5, color=colour, limit=theme.PANEL_WIDTH - 84
        )
        lines.append(mark.encode(x=x, y=y, text=alt.Text("text:N"), tooltip=tip))
    return alt.LayerChart(layer=[*layers, *bands, *lines]).properties(width=theme.PANEL_WIDTH, height=round(SIDE * top))


def _rounded(**numbers: float) -> dict[str, float]:
    """To a hundredth of a pixel: curves have hundreds of positions, and the table `curves` has all digits."""
    return {name: round(value, 5) for name, value in numbers.items()}
