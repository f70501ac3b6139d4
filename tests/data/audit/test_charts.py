"""The charts of an audit show the numbers of its tables."""

from __future__ import annotations

import pytest

pytest.importorskip("sklearn", reason="needs scikit-learn")

from planted import measure

from isitcap.data.audit.charts import figures_of
from isitcap.data.audit.material import Material
from isitcap.data.audit.tables_label import classifiers_table
from isitcap.data.audit.tables_pixels import sources_table

pytestmark = pytest.mark.slow


def test_charts_show_the_measures_of_the_tables(planted: tuple[dict[str, bytes], Material]) -> None:
    """One mark for each classifier and for each pipeline of the other source, with a line at chance."""
    _, material = planted
    label, sources = figures_of(material)
    assert [panel.title for panel in label.panels] == ["main"]
    assert [panel.title for panel in sources.panels] == ["other against main"]
    assert {panel.reference for figure in (label, sources) for panel in figure.panels} == {0.5}
    for figure, table, marks in ((label, classifiers_table(material), 4), (sources, sources_table(material), 10)):
        shown = [mark.measure for panel in figure.panels for mark in panel.marks]
        assert shown == [measure(table, one.id) for one in shown]
        assert len(shown) == marks
