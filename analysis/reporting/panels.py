"""What all figures are put together from: panels, rows of panels, and the words that go with them."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from analysis.reporting import render
from analysis.reporting.blocks import Panel
from analysis.reporting.charts import Mark
from analysis.reporting.lookup import Lookup
from analysis.reporting.quantities import NBSP, Kind, counts, number
from analysis.summary import Estimate, TestSetCard

NOT_ADJUSTED = "They are not adjusted for the number of comparisons."
"""Of intervals of differences, behind what says which they are."""


def interval_note(lookup: Lookup) -> str:
    """What the bars hold."""
    return f"Bars: {percent_level(lookup)} intervals over seeds and images, crossed."


def percent_level(lookup: Lookup) -> str:
    """The confidence level, `95 %`."""
    return f"{lookup.summary.confidence * 100:g}{NBSP}%"


def panel(figure_id: str, position: int, title: str, chart: alt.LayerChart, words: str) -> Panel:
    """A chart with its title; `words` are its alternative text."""
    panel_id = f"{figure_id}-{position + 1}"
    spec = render.specification(chart)
    return Panel(panel_id, title, words, render.svg(spec, chart_id=panel_id, title=words), spec)


def alternative(title: str, marks: Sequence[Mark]) -> str:
    """All that a panel shows, in words."""
    shown = "; ".join(
        f"{each.label} {each.number if each.number.raw[0] is not None else each.absent}" for each in marks
    )
    return f"{title}: {shown or 'no values'}."


def mark(
    label: str, variant: str, row: Estimate | None, seeds: Sequence[tuple[int, float]] = (), kind: Kind | None = None
) -> Mark:
    """An estimate as a row of a panel."""
    return Mark(label, variant, number(row, kind=kind), tuple(seeds), counts([row]) if row is not None else "")


def seed_points(lookup: Lookup, row: Estimate | None, *, called: bool = False) -> list[tuple[int, float]]:
    """(seed, value) behind an estimate; `called` turns specificity into the share called synthetic."""
    if row is None:
        return []
    values = lookup.seeds(row.quantity, row.variant, row.test_set, row.path, row.source)
    flip = called and row.quantity == "specificity"
    return [(value.seed, 1 - value.value if flip else value.value) for value in values if value.value is not None]


def short(name: str, limit: int = 18) -> str:
    """A name cut to what an axis title has room for."""
    return name if len(name) <= limit else name[: limit - 1] + "…"


def position_of(lookup: Lookup, card: TestSetCard) -> int:
    """Number of a quoted test set, from 1, for ids."""
    return lookup.quoted.index(card) + 1
