"""Altair charts of computed numbers: Vega draws what it is given, and never resamples, averages or jitters.

Each chart is one panel of `theme.PANEL_WIDTH` pixels; figures are panels side by side that wrap on narrow paper.
Values are fractions, as in the summary; the axis labels multiply by 100.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import altair as alt

from analysis.reporting import theme
from analysis.reporting.quantities import Number
from analysis.summary import HistoryRow

Scale = Literal["percent", "plain"]


@dataclass(frozen=True)
class Mark:
    """One row of a panel: an estimate with its interval and the seeds behind it.

    Attributes:
        label: Text on the vertical axis.
        variant: Decides colour and shape.
        number: What is drawn; its `raw` gives the exact positions.
        seeds: (seed, value) of single runs.
        n: Counts, for the tooltip.
        absent: What stands in place of a mark where there is no estimate.
    """

    label: str
    variant: str
    number: Number
    seeds: tuple[tuple[int, float], ...] = ()
    n: str = ""
    absent: str = "not defined"


def axis_of(scale: Scale, title: str, *, grid: bool = True) -> alt.Axis:
    """An axis of fractions, labelled in per cent or as they are; an empty title takes no room."""
    value = "datum.value * 100" if scale == "percent" else "datum.value"
    return alt.Axis(
        title=title or None, tickCount=4, labelExpr=f"format({value}, '~f')", grid=alt.Undefined if grid else False
    )


def data_of(rows: Sequence[Mapping[str, Any]]) -> alt.InlineData:
    """Rows as a chart's own data: a tuple, as Altair copies every row of a list each time it copies a chart."""
    return alt.InlineData(values=tuple(dict(row) for row in rows))


def tips_of(*fields: tuple[str, str]) -> list[alt.Tooltip]:
    """(field, title) as a tooltip of texts."""
    return [alt.Tooltip(field, type="nominal", title=title) for field, title in fields]


def draw_estimates(
    marks: Sequence[Mark],
    *,
    scale: Scale,
    title: str,
    zero: bool = False,
    reference: float | None = None,
    step: int = 32,
    domain: tuple[float, float] | None = None,
) -> alt.LayerChart:
    """Estimates with intervals, one row each, and below each the values of its seeds.

    Args:
        marks: The rows from top to bottom; labels must differ.
        scale: Whether the axis shows per cent or the value as it is.
        title: Title of the horizontal axis.
        zero: Draw a line at zero, for differences.
        reference: Draw a line at this value instead.
        step: Height of a row in pixels.
        domain: Ends of the horizontal axis, by default as the values need.
    """
    order = [mark.label for mark in marks]
    variants = list(dict.fromkeys(mark.variant for mark in marks))
    colours, shapes = theme.variant_colours(variants), theme.variant_shapes(variants)
    limits = alt.Scale(zero=False, nice=False, padding=16)
    if domain is not None:
        limits = alt.Scale(domain=list(domain), nice=False)
    y = alt.Y("label:N", sort=order, axis=alt.Axis(title=None), scale=alt.Scale(domain=order))
    x = alt.X("value:Q", axis=axis_of(scale, title), scale=limits)
    colour = alt.Color(
        "variant:N", scale=alt.Scale(domain=variants, range=[colours[name][0] for name in variants]), legend=None
    )
    shape = alt.Shape(
        "variant:N", scale=alt.Scale(domain=variants, range=[shapes[name] for name in variants]), legend=None
    )
    defined, bars, points, undefined = [], [], [], []
    for mark in marks:
        estimate, low, high = mark.number.raw
        row = {"label": mark.label, "variant": mark.variant, "n": mark.n}
        if estimate is None:
            undefined.append({**row, "text": mark.absent})
            continue
        shown = {"shown": f"{mark.number.value}{mark.number.unit}", "interval": mark.number.interval or "not defined"}
        defined.append({**row, **shown, "value": estimate, "text": mark.number.value})
        if low is not None and high is not None:
            bars.append({**row, **shown, "value": low, "high": high})
        points += [{**row, "seed": str(seed), "value": value, "shown": repr(value)} for seed, value in mark.seeds]
    tips = tips_of(("label", "row"), ("shown", "estimate"), ("interval", "interval"), ("n", "n"))
    layers: list[alt.Chart] = []
    line = 0.0 if zero and reference is None else reference
    if line is not None:
        layers.append(alt.Chart(data_of([{"value": line}])).mark_rule(color=theme.RULE, strokeDash=[3, 2]).encode(x=x))
    if points:
        seed_tips = tips_of(("label", "row"), ("seed", "seed"), ("shown", "value"))
        layers.append(
            alt.Chart(data_of(points))
            .mark_point(size=22, filled=False, strokeWidth=1, opacity=0.75, yOffset=9)
            .encode(x=x, y=y, color=colour, shape=shape, tooltip=seed_tips)
        )
    if bars:
        layers.append(
            alt.Chart(data_of(bars))
            .mark_rule(strokeWidth=2)
            .encode(x=x, x2=alt.X2("high"), y=y, color=colour, tooltip=tips)
        )
    if defined:
        base = alt.Chart(data_of(defined))
        layers.append(
            base.mark_point(size=64, filled=True, opacity=1).encode(x=x, y=y, color=colour, shape=shape, tooltip=tips)
        )
        layers.append(base.mark_text(dy=-10, fontSize=10.5, color=theme.INK).encode(x=x, y=y, text=alt.Text("text:N")))
    if undefined:
        layers.append(
            alt.Chart(data_of(undefined))
            .mark_text(align="left", fontStyle="italic", color=theme.MUTED)
            .encode(x=alt.value(4), y=y, text=alt.Text("text:N"))
        )
    if not layers:
        layers.append(alt.Chart(data_of([])).mark_text())
    return alt.LayerChart(layer=layers).properties(width=theme.PANEL_WIDTH, height=step * max(len(marks), 1))


def draw_curves(
    rows: Sequence[HistoryRow], *, variant: str, fields: Mapping[str, str], scale: Scale, title: str
) -> alt.LayerChart:
    """Curves over epochs, one line per seed and field; the first field solid, further ones dashed.

    Args:
        rows: Epochs of one variant's runs.
        variant: Decides the colour.
        fields: Field of `HistoryRow` → label.
        scale: Whether the axis shows per cent or the value as it is.
        title: Title of the vertical axis.
    """
    values = [
        {"epoch": row.epoch, "seed": str(row.seed), "value": getattr(row, field), "curve": label}
        for field, label in fields.items()
        for row in sorted(rows, key=lambda row: (row.seed, row.epoch))
        if getattr(row, field) is not None
    ]
    labels = list(fields.values())
    colour = theme.variant_colours([variant])[variant][0]
    epochs = sorted({row.epoch for row in rows})
    shown = [epoch for epoch in epochs if len(epochs) <= 8 or epoch % -(-len(epochs) // 6) == 0]
    base = alt.Chart(data_of(values)).encode(
        x=alt.X(
            "epoch:Q",
            axis=alt.Axis(title="epoch", values=shown, format="d", grid=False),
            scale=alt.Scale(zero=False, nice=False, padding=6),
        ),
        y=alt.Y(
            "value:Q",
            axis=axis_of(scale, title),
            scale=alt.Scale(zero=False, nice=False, padding=6),
        ),
        detail=alt.Detail("seed:N"),
    )
    dashes = [[1, 0], [4, 3], [1, 2]][: len(labels)]
    line = base.mark_line(color=colour, strokeWidth=1.5).encode(
        strokeDash=alt.StrokeDash("curve:N", scale=alt.Scale(domain=labels, range=dashes), legend=None)
    )
    tips = [
        *tips_of(("seed", "seed"), ("curve", "curve")),
        alt.Tooltip("epoch:Q"),
        alt.Tooltip("value:Q", format=".4f"),
    ]
    dots = base.mark_point(color=colour, filled=True, size=20, opacity=1).encode(tooltip=tips)
    return alt.LayerChart(layer=[line, dots]).properties(width=theme.PANEL_WIDTH, height=96)
