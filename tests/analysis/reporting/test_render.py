"""Charts to SVG."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from analysis.reporting import render, theme
from analysis.reporting.charts import Mark, draw_curves, draw_estimates
from analysis.reporting.quantities import Number
from analysis.summary import HistoryRow

SVG = "{http://www.w3.org/2000/svg}"


def mark(label: str, variant: str, value: float | None, half: float = 0.01) -> Mark:
    raw = (value, None, None) if value is None else (value, value - half, value + half)
    text = "–" if value is None else f"{100 * value:.1f}"
    return Mark(label, variant, Number("id", "percent", text, " %", "[…]", None, raw), ((0, value or 0),), "n = 1")


def drawn(marks: list[Mark], chart_id: str = "c") -> ET.Element:
    spec = render.specification(draw_estimates(marks, scale="percent", title="accuracy, %", zero=True))
    return ET.fromstring(render.svg(spec, chart_id=chart_id, title="A <title> & more"))


def texts(root: ET.Element) -> list[str]:
    return [element.text or "" for element in root.iter(f"{SVG}text")]


def test_title_comes_first_and_is_escaped() -> None:
    """The alternative text is the first child, as WeasyPrint wants it."""
    root = drawn([mark("both", "both", 0.9)])
    assert root[0].tag == f"{SVG}title"
    assert root[0].text == "A <title> & more"


def test_same_chart_gives_the_same_text_and_ids_of_its_own() -> None:
    """Vega's counters do not show: two renderings are equal, and two charts share no id."""
    spec = render.specification(draw_estimates([mark("both", "both", 0.9)], scale="percent", title="x"))
    first = render.svg(spec, chart_id="one", title="t")
    assert render.svg(spec, chart_id="one", title="t") == first
    history = [
        HistoryRow(variant="both", seed=0, epoch=e, train_loss=1 / e, validation_loss=1 / e, seconds=1) for e in (1, 2)
    ]
    curves = render.specification(
        draw_curves(history, variant="both", fields={"train_loss": "training"}, scale="plain", title="loss")
    )
    ids = [
        {element.get("id") for element in ET.fromstring(text).iter() if element.get("id")}
        for text in (render.svg(curves, chart_id="a", title="t"), render.svg(curves, chart_id="b", title="t"))
    ]
    assert not ids[0] & ids[1]


def test_panel_is_as_wide_as_it_says() -> None:
    """Whatever the labels, a panel's width is the one that fits a telephone."""
    for label in ("x", "a-very-long-name-" * 20):
        assert float(drawn([mark(label, "both", 0.9)]).get("width", "0")) == theme.PANEL_WIDTH


def test_undefined_rows_are_said() -> None:
    """A row without an estimate keeps its place, with words instead of a mark."""
    found = texts(drawn([mark("both", "both", None), mark("augment", "augment", 0.5)]))
    assert "not defined" in found
    assert "50.0" in found
    assert {"both", "augment"} <= set(found)


def test_nothing_but_undefined_rows_is_drawn() -> None:
    """A panel without a single number is still a panel."""
    assert texts(drawn([mark("both", "both", None)])).count("not defined") == 1


def test_no_rows_at_all_are_drawn() -> None:
    """A panel without rows does not fail."""
    assert drawn([]).tag == f"{SVG}svg"


def test_axis_shows_per_cent_of_fractions() -> None:
    """Positions are fractions, labels per cent."""
    root = drawn([mark("both", "both", 0.012)])
    assert "0" in texts(root)
    assert "1" in texts(root)


def test_a_chart_has_no_element_that_draws_nothing() -> None:
    """Groups say where or how their content is drawn and hold some; every path has a colour."""
    for element in drawn([mark("both", "both", 0.9), mark("augment", "augment", 0.5)]).iter():
        if element.tag == f"{SVG}g":
            assert element.attrib
            assert len(element)
        if element.tag == f"{SVG}path":
            assert {"fill", "stroke"} & set(element.attrib)


def test_only_what_is_filled_or_stroked_alone_has_its_opacity() -> None:
    """Opacity of a mark with one colour is that of the colour, which looks the same; with two, of the mark."""
    stroked = '<path d="M0,0h1" fill="none" stroke="#123456" opacity="0.75"/>'
    filled = '<path d="M0,0h1" fill="#123456" opacity="0.1"/>'
    both = '<path d="M0,0h1" fill="#123456" stroke="#123456" opacity="0.5"/>'
    group = '<g fill="#123456" opacity="0.5"><path fill="#123456"/></g>'
    found = render._lighter(f"{stroked}{filled}{both}{group}")
    assert found == (
        f"{stroked.replace(' opacity', ' stroke-opacity')}{filled.replace(' opacity', ' fill-opacity')}{both}{group}"
    )


def test_groups_without_a_word_are_left_out() -> None:
    """What they hold stays where it is; a group that holds nothing goes with all around it that is then empty."""
    text = '<g transform="translate(0,0)"><g><g transform="translate(1,2)"><text>a</text></g></g></g>'
    assert render._lighter(text) == '<g transform="translate(1,2)"><text>a</text></g>'
    assert render._lighter('<g transform="translate(1,2)"/><g/>') == ""
    assert (
        render._lighter('<g transform="translate(1,2)"><g clip-path="x"><path d="M0,0h1"/></g></g><b>b</b>')
        == "<b>b</b>"
    )


def test_bundle_can_stand_in_a_script_element() -> None:
    """The bundle offers Vega-Embed and holds nothing that ends a script element."""
    script = render.bundle()
    assert "vegaEmbed" in script
    assert "</script" not in script.lower()
