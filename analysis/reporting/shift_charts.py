"""Charts of corruptions: a quantity over the levels of one, every variant with its band.

As in `analysis.reporting.charts`, Vega draws what was computed: it neither averages nor interpolates anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from analysis.reporting import theme
from analysis.reporting.charts import axis_of, data_of, tips_of
from analysis.reporting.curve_charts import DASHES, LINE
from analysis.reporting.quantities import Number

HEIGHT = 168
"""Pixels between the ends of the vertical axis; the labels stand above."""


@dataclass(frozen=True)
class LevelRow:
    """A variant's values at each level, `None` where there is none, and its mean over the levels."""

    variant: str
    values: tuple[Number | None, ...]
    mean: Number


def draw_levels(
    rows: Sequence[LevelRow], *, levels: Sequence[str], title: str, measure: str, limits: tuple[float, float]
) -> alt.LayerChart:
    """Curves over levels with bands of their intervals, and above them a line for each: its look, name and mean.

    Args:
        rows: One for each variant, in the order of the labels; as many values each as there are levels.
        levels: What stands below each position, from left to right, evenly spaced.
        title: Title of the horizontal axis.
        measure: Title of the vertical one.
        limits: Ends of the vertical axis, as fractions.
    """
    variants = [row.variant for row in rows]
    colours, shapes = theme.variant_colours(variants), theme.variant_shapes(variants)
    low, high = limits
    unit = (high - low) / HEIGHT
    top = high + (len(rows) + 0.5) * LINE * unit
    step = 10 if high - low > 0.25 else 5
    ticks = [at / 100 for at in range(0, 101, step) if low <= at / 100 <= high]

    positions = list(range(len(levels)))
    names = ", ".join(f"'{level}'" for level in levels)
    across = alt.Axis(title=title, values=positions, labelExpr=f"[{names}][datum.value]", grid=False)
    up = axis_of("percent", measure)
    up["values"], up["grid"] = ticks, True
    x = alt.X("x:Q", axis=across, scale=alt.Scale(domain=[-0.3, len(levels) - 0.7], nice=False))
    height = alt.Scale(domain=[low, top], nice=False)
    y, below = alt.Y("y:Q", axis=up, scale=height), alt.Y("low:Q", axis=up, scale=height)
    bands: list[alt.Chart] = []
    lines: list[alt.Chart] = []
    tips = tips_of(("variant", "variant"), ("level", "level"), ("shown", "estimate"), ("interval", "interval"))
    for place, row in enumerate(rows):
        colour, dash = colours[row.variant][0], DASHES[place % len(DASHES)]
        points, edges = [], []
        for position, (level, number) in enumerate(zip(levels, row.values, strict=True)):
            if number is None or number.raw[0] is None:
                continue
            estimate, least, most = number.raw
            shown = {"shown": f"{number.value}{number.unit}", "interval": number.interval or "not defined"}
            points.append({"x": position, "y": estimate, "variant": row.variant, "level": level, **shown})
            if least is not None and most is not None:
                edges.append({"x": position, "low": max(least, low), "high": min(most, high)})
        if edges:
            band = alt.Chart(data_of(edges)).mark_area(color=colour, opacity=0.14, line=False)
            bands.append(band.encode(x=x, y=below, y2=alt.Y2("high")))
        if points:
            base = alt.Chart(data_of(points)).encode(x=x, y=y, tooltip=tips)
            lines.append(base.mark_line(color=colour, strokeWidth=1.5, strokeDash=dash))
            lines.append(base.mark_point(color=colour, filled=True, size=26, opacity=1, shape=shapes[row.variant]))
        at = high + (len(rows) - place - 0.35) * LINE * unit
        width = len(levels) - 0.4
        sample = alt.Chart(data_of([{"x": -0.25, "y": at}, {"x": -0.25 + 0.09 * width, "y": at}]))
        lines.append(sample.mark_line(color=colour, strokeWidth=2, strokeDash=dash).encode(x=x, y=y))
        text = f"{row.variant}: {row.mean.value} {row.mean.interval or ''}".strip()
        label = alt.Chart(data_of([{"x": -0.25 + 0.115 * width, "y": at, "text": text}]))
        mark = label.mark_text(
            align="left", baseline="middle", fontSize=10.5, color=colour, limit=theme.PANEL_WIDTH - 84
        )
        lines.append(mark.encode(x=x, y=y, text=alt.Text("text:N")))
    layers = [*bands, *lines] or [alt.Chart(data_of([])).mark_text()]
    return alt.LayerChart(layer=layers).properties(
        width=theme.PANEL_WIDTH, height=HEIGHT + round((len(rows) + 0.5) * LINE)
    )


def limits_of(rows: Sequence[LevelRow]) -> tuple[float, float]:
    """Ends of an axis that holds all values and intervals, at whole steps of five points, within 0 … 1."""
    numbers = [number for row in rows for number in row.values if number is not None]
    found = [edge for number in numbers for edge in number.raw if edge is not None]
    if not found:
        return 0.0, 1.0
    low = max(0, int(min(found) * 20 - 1e-9)) / 20
    high = min(20, -int(-(max(found) * 20 + 1e-9) // 1)) / 20
    return (low, high) if high - low >= 0.1 else (max(0.0, high - 0.1), max(high, 0.1))
