"""Charts of curves with bands."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import pytest
from made_up_curves import make_curves

from analysis.reporting import render, theme
from analysis.reporting.curve_charts import BandRow, draw_bands
from analysis.reporting.quantities import Number
from analysis.summary import Curve

NUMBER = Number("auc/x", "plain", "0.981", "", "[0.970, 0.990]", None, (0.981, 0.97, 0.99))
CURVES = [curve for curve in make_curves() if (curve.kind, curve.test_set) == ("roc", "test")]


def spec_of(curves: list[Curve], *, dots: bool = False) -> dict[str, Any]:
    rows = [BandRow(curve, NUMBER) for curve in curves]
    return render.specification(draw_bands(rows, name="AUC", x_title="x, %", y_title="y, %", dots=dots))


def marks(spec: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [layer for layer in spec["layer"] if layer["mark"]["type"] == kind]


def test_band_and_line_are_the_curve() -> None:
    """The band reaches from the lowest to the highest seed, the line is the mean, at every position."""
    spec = spec_of(CURVES[:1])
    (band,) = marks(spec, "area")
    rows = spec["datasets"][band["data"]["name"]]
    assert [row["low"] for row in rows] == pytest.approx(CURVES[0].low, abs=1e-5)
    assert [row["high"] for row in rows] == pytest.approx(CURVES[0].high, abs=1e-5)
    assert [row["y"] for row in rows] == pytest.approx(CURVES[0].mean, abs=1e-5)
    assert [row["x"] for row in rows] == pytest.approx(CURVES[0].x, abs=1e-5)
    assert (band["encoding"]["y"]["field"], band["encoding"]["y2"]["field"]) == ("low", "high")
    assert any(layer["data"] == band["data"] for layer in marks(spec, "line"))


def test_one_seed_has_no_band() -> None:
    """A band of one seed would be a line that looks like certainty."""
    assert not marks(spec_of([CURVES[0].model_copy(update={"n_seeds": 1})]), "area")


def test_each_variant_is_told_apart_without_colour() -> None:
    """Dashes differ as colours do, the sample beside a name is drawn as its curve, and the name stands beside it."""
    spec = spec_of(CURVES)
    looks = [(layer["mark"]["color"], tuple(layer["mark"]["strokeDash"])) for layer in marks(spec, "line")[1:]]
    assert all(looks.count(look) == 2 for look in looks)
    assert len({dash for _, dash in looks}) == len({colour for colour, _ in looks}) == len(CURVES)
    texts = ["".join(each.itertext()) for each in ET.fromstring(render.svg(spec, chart_id="c", title="t")).iter()]
    for curve in CURVES:
        assert f"{curve.variant}: AUC 0.981 [0.970, 0.990]" in texts


def test_labels_do_not_hang_over_the_edge() -> None:
    """However many variants there are, the panel is as wide as all others and as high as its labels need."""
    heights = []
    for count in (1, 4, 7):
        curves = [CURVES[0].model_copy(update={"variant": f"variant-{n}-" + 20 * "long"}) for n in range(count)]
        root = ET.fromstring(render.svg(spec_of(curves), chart_id="c", title="t"))
        assert float(root.get("width", "0")) == theme.PANEL_WIDTH
        heights.append(float(root.get("height", "0")))
    assert heights[2] - heights[1] == pytest.approx(45, abs=1)
    assert heights[1] - heights[0] == pytest.approx(45, abs=1)


def test_few_positions_are_marked() -> None:
    """Bins are marks that a line joins; a ROC curve has too many positions to mark."""
    assert len(marks(spec_of(CURVES, dots=True), "point")) == len(CURVES)
    assert not marks(spec_of(CURVES), "point")


def test_a_curve_that_is_not_defined_keeps_its_label() -> None:
    """Without positions there is a line of words and nothing else."""
    gone = CURVES[1].model_copy(update={"x": (), "mean": (), "low": (), "high": (), "reason": "one class"})
    spec = spec_of([CURVES[0], gone])
    assert len(marks(spec, "area")) == 1
    assert len(marks(spec, "text")) == 2
