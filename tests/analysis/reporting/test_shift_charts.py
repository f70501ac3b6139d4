"""Charts of corruptions: what is drawn is what was computed."""

from __future__ import annotations

from analysis.reporting.quantities import Number
from analysis.reporting.render import specification, svg
from analysis.reporting.shift_charts import LevelRow, draw_levels, limits_of


def number(value: float | None, half: float | None = None) -> Number:
    raw = (value, None, None) if value is None or half is None else (value, value - half, value + half)
    shown = "–" if value is None else f"{100 * value:.1f}"
    interval = None if raw[1] is None else f"[{100 * raw[1]:.1f}, {100 * (raw[2] or 0):.1f}]"
    return Number("id", "percent", shown, " %", interval, None, raw)


ROWS = [
    LevelRow("baseline", (number(0.92, 0.02), number(0.81, 0.03), number(0.66, 0.05)), number(0.735, 0.03)),
    LevelRow("augment", (number(0.91), None, number(None)), number(None)),
]
LEVELS = ("none", "90", "50")


def test_values_and_bands_stand_at_their_levels() -> None:
    """Each level has an even place; a band holds the interval; a level without a value has no mark."""
    spec = specification(draw_levels(ROWS, levels=LEVELS, title="quality", measure="", limits=limits_of(ROWS)))
    layers = [spec["datasets"][layer["data"]["name"]] for layer in spec["layer"]]
    points = [row for values in layers for row in values if "shown" in row]
    first = {(row["variant"], row["level"]): (row["x"], row["y"]) for row in points}
    assert first["baseline", "50"] == (2, 0.66)
    assert ("augment", "90") not in first
    assert ("augment", "50") not in first
    bands = [values for values in layers if values and "low" in values[0]]
    assert len(bands) == 1, "one seed alone has no interval, and no band"
    assert [(row["low"], row["high"]) for row in bands[0]] == [
        (0.9, 0.9400000000000001),
        (0.78, 0.8400000000000001),
        (0.61, 0.7100000000000001),
    ]
    texts = [row["text"] for values in layers for row in values if "text" in row]
    assert texts == ["baseline: 73.5 [70.5, 76.5]", "augment: –"]


def test_the_levels_are_the_axis_labels() -> None:
    """The drawn axis has the levels below it, in their order."""
    spec = specification(draw_levels(ROWS, levels=LEVELS, title="quality", measure="accuracy, %", limits=(0.6, 0.95)))
    drawn = svg(spec, chart_id="chart-1", title="words")
    places = [drawn.index(f">{level}<") for level in LEVELS]
    assert places == sorted(places)
    assert ">quality<" in drawn
    assert ">accuracy, %<" in drawn


def test_limits_hold_all_and_stay_within_the_scale() -> None:
    """Whole steps of five points around all intervals, at least ten apart, never beyond 0 and 1."""
    assert limits_of(ROWS) == (0.6, 0.95)
    assert limits_of([LevelRow("v", (number(0.99, 0.05),), number(0.99))]) == (0.9, 1.0)
    assert limits_of([LevelRow("v", (number(0.5),), number(0.5))]) == (0.45, 0.55)
    assert limits_of([LevelRow("v", (None,), number(None))]) == (0.0, 1.0)
