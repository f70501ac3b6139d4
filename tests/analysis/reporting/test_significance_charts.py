"""Charts of the significance report."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import altair as alt
import pytest

from analysis.reporting import render, theme
from analysis.reporting.quantities import Number
from analysis.reporting.significance_charts import (
    ForestRow,
    SeedRow,
    ShareRow,
    draw_forest,
    draw_seeds,
    draw_shares,
)

SVG = "{http://www.w3.org/2000/svg}"


def drawn(chart: alt.LayerChart) -> ET.Element:
    return ET.fromstring(render.svg(render.specification(chart), chart_id="c", title="t"))


def texts(root: ET.Element) -> list[str]:
    return [element.text or "" for element in root.iter(f"{SVG}text")]


def values(chart: alt.LayerChart) -> list[dict[str, Any]]:
    return [row for rows in render.specification(chart)["datasets"].values() for row in rows]


def forest_row(value: float | None, half: float = 0.01, **more: Any) -> ForestRow:
    raw = (value, None, None) if value is None else (value, value - half, value + half)
    number = Number("id", "points", "–" if value is None else f"{value * 100:.1f}", " points", "[…]", None, raw)
    return ForestRow("a <claim>", "undecided: both on test", number, **more)


def test_forest_writes_its_rows_above_them() -> None:
    """Label, note and number of every row stand in the chart, and its text is no element."""
    found = texts(drawn(draw_forest([forest_row(0.02), forest_row(None)], scale="percent", title="points", zero=True)))
    assert found.count("a <claim>") == 2
    assert found.count("undecided: both on test") == 2
    assert "2.0 points […]" in found


def test_forest_shades_to_the_end_of_the_axis() -> None:
    """An open region reaches the end, a closed one its bounds, and every bound is within the axis."""
    chart = draw_forest(
        [forest_row(0.02, band=(0.5, None), ticks=(0.5,)), forest_row(0.0, band=(-0.3, 0.3), ticks=(-0.3, 0.3))],
        scale="percent",
        title="x",
    )
    bands = [row for row in values(chart) if set(row) == {"row", "value", "high"}]
    assert bands[0]["value"] == 0.5
    assert bands[0]["high"] > 0.5
    assert (bands[1]["value"], bands[1]["high"]) == (-0.3, 0.3)


@pytest.mark.parametrize("rows", [[], [forest_row(None)], [forest_row(0.0, half=0.0)]])
def test_forest_of_next_to_nothing_is_drawn(rows: list[ForestRow]) -> None:
    """No rows, nothing defined and no width do not fail."""
    assert drawn(draw_forest(rows, scale="plain", title="x")).tag == f"{SVG}svg"


def test_seeds_are_marks_and_the_mean_a_stroke() -> None:
    """Every seed is drawn as it is, tied across variants by its number."""
    rows = [
        SeedRow("baseline", 0.5, ((0, 0.4), (1, 0.6))),
        SeedRow("both", None, ((0, 0.7),)),
        SeedRow("mine", 0.2, ()),
    ]
    chart = draw_seeds(rows, scale="percent", title="accuracy, %")
    marks = {(row["label"], row["seed"], row["value"]) for row in values(chart) if "seed" in row}
    assert marks == {("baseline", "0", 0.4), ("baseline", "1", 0.6), ("both", "0", 0.7)}
    means = {(row["label"], row["value"]) for row in values(chart) if "seed" not in row}
    assert means == {("baseline", 0.5), ("mine", 0.2)}
    assert {"baseline", "both", "mine"} <= set(texts(drawn(chart)))


def test_no_seeds_at_all_are_drawn() -> None:
    """A panel without seeds is still a panel, as wide as all."""
    root = drawn(draw_seeds([SeedRow("both", None, ())], scale="plain", title="x"))
    assert float(root.get("width", "0")) == theme.PANEL_WIDTH


def test_shares_stack_to_the_whole() -> None:
    """Segments begin where the one before ends, the last at 1, and each share is written."""
    chart = draw_shares([ShareRow("both", (0.5, 0.25, 0.25))], names=("a", "b", "c"), title="share, %")
    parts = [(row["part"], row["value"], row["high"]) for row in values(chart) if "part" in row]
    assert parts == [("a", 0.0, 0.5), ("b", 0.5, 0.75), ("c", 0.75, 1.0)]
    assert "a 50 · b 25 · c 25" in texts(drawn(chart))
