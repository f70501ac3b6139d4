"""Charts of the significance report: forests against a bound, seeds tied by lines, stacked shares.

As in `analysis.reporting.charts`, Vega draws what was computed: it neither averages nor places anything by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from analysis.reporting import theme
from analysis.reporting.charts import Scale, axis_of, data_of, tips_of
from analysis.reporting.quantities import Number

SHARE_COLOURS = (theme.MUTED, theme.RULE, theme.FAINT)
"""Seeds, images, rest: greys, since colours belong to variants."""


@dataclass(frozen=True)
class ForestRow:
    """One row of a forest: two lines of text, and below them an estimate with its interval.

    Attributes:
        label: First line, at the left; the number stands at its right.
        note: Second line.
        number: What is drawn.
        band: Region to shade, such as where a claim holds; `None` for an open end.
        ticks: Values to mark, such as a bound.
        filled: Whether the mark is filled.
        shape: Of the mark.
    """

    label: str
    note: str
    number: Number
    band: tuple[float | None, float | None] | None = None
    ticks: tuple[float, ...] = ()
    filled: bool = True
    shape: str = "circle"


def draw_forest(
    rows: Sequence[ForestRow], *, scale: Scale, title: str, zero: bool = False, step: int = 48
) -> alt.LayerChart:
    """Estimates with intervals against bounds, one row each, the row's text above it over the whole width.

    Args:
        rows: From top to bottom.
        scale: Whether the axis shows per cent or the value as it is.
        title: Title of the horizontal axis.
        zero: Mark zero in every row, for differences.
        step: Height of a row in pixels.
    """
    low, high = _limits(rows, zero=zero)
    order = [str(position) for position in range(len(rows))]
    y = alt.Y("row:N", sort=order, axis=None, scale=alt.Scale(domain=order))
    x = alt.X("value:Q", axis=axis_of(scale, title, grid=False), scale=alt.Scale(domain=[low, high], nice=False))
    bands, ticks, bars, points, texts = [], [], [], [], []
    for key, row in zip(order, rows, strict=True):
        estimate, start, end = row.number.raw
        amount = f"{row.number.value}{row.number.unit}"
        interval = row.number.interval or ""
        texts.append({"row": key, "label": row.label, "note": row.note, "shown": f"{amount} {interval}".strip()})
        if row.band is not None:
            edges = (low if row.band[0] is None else row.band[0], high if row.band[1] is None else row.band[1])
            bands.append({"row": key, "value": edges[0], "high": edges[1]})
        ticks += [{"row": key, "value": value} for value in row.ticks]
        mark = {"row": key, "label": row.label, "shown": amount, "interval": interval or "not defined"}
        if start is not None and end is not None:
            bars.append({**mark, "value": start, "high": end})
        if estimate is not None:
            points.append({**mark, "value": estimate, "filled": row.filled, "shape": row.shape})
    tips = tips_of(("label", "row"), ("shown", "estimate"), ("interval", "interval"))
    down = 12
    layers: list[alt.Chart] = []
    if bands:
        band = alt.Chart(data_of(bands)).mark_bar(size=15, color=theme.FAINT, yOffset=down)
        layers.append(band.encode(x=x, x2=alt.X2("high"), y=y))
    if zero:
        # Not across the text of the rows.
        line = alt.Chart(data_of([{"row": key, "value": 0} for key in order]))
        layers.append(line.mark_tick(color=theme.RULE, thickness=1, size=15, yOffset=down).encode(x=x, y=y))
    if ticks:
        tick = alt.Chart(data_of(ticks)).mark_tick(color=theme.INK, thickness=1.5, size=15, yOffset=down)
        layers.append(tick.encode(x=x, y=y))
    if bars:
        bar = alt.Chart(data_of(bars)).mark_rule(strokeWidth=2, color=theme.INK, yOffset=down)
        layers.append(bar.encode(x=x, x2=alt.X2("high"), y=y, tooltip=tips))
    for filled in (True, False):
        for shape in dict.fromkeys(str(point["shape"]) for point in points if point["filled"] is filled):
            chosen = [p for p in points if p["filled"] is filled and p["shape"] == shape]
            point = alt.Chart(data_of(chosen)).mark_point(
                size=70, filled=filled, opacity=1, shape=shape, color=theme.INK, strokeWidth=2, yOffset=down
            )
            layers.append(point.encode(x=x, y=y, tooltip=tips))
    base = alt.Chart(data_of(texts))
    left, right = alt.value(0), alt.value("width")
    # As text stands in the middle of its row, so do two lines of it above a mark that is moved down.
    label = base.mark_text(align="left", dy=-16, limit=190, fontSize=10.5, fontWeight=600, color=theme.INK)
    shown = base.mark_text(align="right", dy=-16, limit=150, fontSize=10.5, color=theme.INK)
    note = base.mark_text(align="left", dy=-3, limit=308, fontSize=10.5, color=theme.MUTED)
    layers.append(label.encode(x=left, y=y, text=alt.Text("label:N")))
    layers.append(shown.encode(x=right, y=y, text=alt.Text("shown:N")))
    layers.append(note.encode(x=left, y=y, text=alt.Text("note:N")))
    return alt.LayerChart(layer=layers).properties(width=theme.PANEL_WIDTH, height=step * max(len(rows), 1))


def _limits(rows: Sequence[ForestRow], *, zero: bool) -> tuple[float, float]:
    """Ends of the axis: all that is drawn, with room at both sides."""
    values = [value for row in rows for value in (*row.number.raw, *row.ticks, *(row.band or ())) if value is not None]
    if zero or not values:
        values.append(0.0)
    room = 0.08 * (max(values) - min(values)) or 0.01
    return min(values) - room, max(values) + room


@dataclass(frozen=True)
class SeedRow:
    """The values of a variant's seeds, and their mean."""

    variant: str
    mean: float | None
    seeds: tuple[tuple[int, float], ...]


def draw_seeds(rows: Sequence[SeedRow], *, scale: Scale, title: str, step: int = 40) -> alt.LayerChart:
    """Every seed of every variant as a mark, the same seed tied across variants by a line, the mean as a tick.

    Args:
        rows: The variants from top to bottom.
        scale: Whether the axis shows per cent or the value as it is.
        title: Title of the horizontal axis.
        step: Height of a row in pixels.
    """
    order = [row.variant for row in rows]
    colours, shapes = theme.variant_colours(order), theme.variant_shapes(order)
    y = alt.Y("label:N", sort=order, axis=alt.Axis(title=None), scale=alt.Scale(domain=order))
    x = alt.X("value:Q", axis=axis_of(scale, title), scale=alt.Scale(zero=False, nice=False, padding=16))
    colour = alt.Color("label:N", scale=alt.Scale(domain=order, range=[colours[n][0] for n in order]), legend=None)
    shape = alt.Shape("label:N", scale=alt.Scale(domain=order, range=[shapes[n] for n in order]), legend=None)
    points = [
        {"label": row.variant, "position": position, "seed": str(seed), "value": value, "shown": repr(value)}
        for position, row in enumerate(rows)
        for seed, value in row.seeds
    ]
    means = [{"label": row.variant, "value": row.mean} for row in rows if row.mean is not None]
    layers: list[alt.Chart] = []
    if points:
        line = alt.Chart(data_of(points)).mark_line(color=theme.RULE, strokeWidth=0.7, opacity=0.8)
        layers.append(line.encode(x=x, y=y, detail=alt.Detail("seed:N"), order=alt.Order("position:Q")))
    if means:
        layers.append(
            alt.Chart(data_of(means)).mark_tick(thickness=2.5, size=20, opacity=1).encode(x=x, y=y, color=colour)
        )
    if points:
        tips = tips_of(("label", "variant"), ("seed", "seed"), ("shown", "value"))
        mark = alt.Chart(data_of(points)).mark_point(size=30, filled=False, strokeWidth=1.2, opacity=1)
        layers.append(mark.encode(x=x, y=y, color=colour, shape=shape, tooltip=tips))
    if not layers:
        layers.append(alt.Chart(data_of([])).mark_text())
    return alt.LayerChart(layer=layers).properties(width=theme.PANEL_WIDTH, height=step * max(len(rows), 1))


@dataclass(frozen=True)
class ShareRow:
    """Shares of a whole, which add up to 1."""

    label: str
    shares: tuple[float, ...]


def draw_shares(rows: Sequence[ShareRow], *, names: Sequence[str], title: str, step: int = 38) -> alt.LayerChart:
    """Shares stacked along the row, from the left in the order of `names`, and written above it.

    Args:
        rows: From top to bottom; labels must differ.
        names: What the shares are of.
        title: Title of the horizontal axis.
        step: Height of a row in pixels.
    """
    order = [row.label for row in rows]
    y = alt.Y("label:N", sort=order, axis=alt.Axis(title=None), scale=alt.Scale(domain=order))
    x = alt.X("value:Q", axis=axis_of("percent", title), scale=alt.Scale(domain=[0, 1], nice=False))
    layers: list[alt.Chart] = []
    for number, (name, colour) in enumerate(zip(names, SHARE_COLOURS, strict=True)):
        values = [
            {
                "label": row.label,
                "part": name,
                "value": sum(row.shares[:number]),
                "high": sum(row.shares[: number + 1]),
                "shown": f"{row.shares[number] * 100:.1f} %",
            }
            for row in rows
        ]
        tips = tips_of(("label", "row"), ("part", "part"), ("shown", "share"))
        bar = alt.Chart(data_of(values)).mark_bar(size=11, color=colour, yOffset=6)
        layers.append(bar.encode(x=x, x2=alt.X2("high"), y=y, tooltip=tips))
    texts = [
        {
            "label": row.label,
            "value": 0,
            "text": " · ".join(f"{n} {s * 100:.0f}" for n, s in zip(names, row.shares, strict=True)),
        }
        for row in rows
    ]
    text = alt.Chart(data_of(texts)).mark_text(align="left", dy=-8, fontSize=10.5, color=theme.INK)
    layers.append(text.encode(x=x, y=y, text=alt.Text("text:N")))
    return alt.LayerChart(layer=layers).properties(width=theme.PANEL_WIDTH, height=step * max(len(rows), 1))
