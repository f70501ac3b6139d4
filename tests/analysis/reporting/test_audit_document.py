"""The page of an audit."""

from __future__ import annotations

from analysis.audit import Audit, AuditFigure, AuditMark, AuditPanel, AuditRow, AuditTable, Finding, Measure
from analysis.reporting.audit_document import audit_document, measure_number
from analysis.reporting.page import draw_page
from analysis.reporting.quantities import Number


def made_up() -> Audit:
    area = Measure(id="label/set/container", kind="auc", value=0.75, low=0.7, high=0.8, n=200)
    share = Measure(id="share/set", kind="share", value=0.004, n=200)
    count = Measure(id="copies/set", kind="count", value=1378, n=20000)
    return Audit(
        name="set",
        title="Audit of <set>",
        question="What?",
        verdict=("1 leak.",),
        findings=(
            Finding(id="copies/set", check="copies", severity="leak", says="Copies.", measure=count, remedy="Remove."),
            Finding(id="plain/set", check="plain", severity="note", says="Nothing else.", remedy="Nothing."),
        ),
        sections=(("label", "What tells the label"), ("empty", "Nothing here")),
        tables=(
            AuditTable(
                id="table-label",
                section="label",
                title="Told",
                row_header=("from",),
                header=("AUC", "share", "words"),
                rows=(AuditRow(heads=("container",), cells=(area, share, "text")),),
            ),
        ),
        figures=(
            AuditFigure(
                id="figure-label",
                section="label",
                title="Told",
                caption="AUC.",
                panels=(
                    AuditPanel(
                        title="set", axis="AUC", marks=(AuditMark(label="container", measure=area),), reference=0.5
                    ),
                ),
            ),
        ),
        command="isitcap data audit set",
        facts=(("Images", "200"),),
        hashes=(("set", "0" * 64),),
    )


def test_sections_come_in_order_and_empty_ones_go() -> None:
    """Verdict, findings by severity, then what holds something, then provenance."""
    document = audit_document(made_up())
    assert [section.id for section in document.sections] == ["verdict", "findings", "label", "provenance"]
    assert [table.number for table in document.tables] == [1, 2]
    groups = [name for name, _ in document.tables[0].groups]
    assert groups[0].startswith("leaks")
    assert groups[1].startswith("notes")
    assert document.tables[1].header == ("AUC", "share, %", "words")


def test_numbers_keep_their_ids_and_intervals() -> None:
    """An AUC has its limits, a small share two digits, a count its separator."""
    label, *_ = made_up().tables[0].rows[0].cells
    assert isinstance(label, Measure)
    assert str(measure_number(label)) == "0.750 [0.700, 0.800]"
    small = Measure(id="a", kind="share", value=0.004, n=200)
    assert measure_number(small).value == "0.40"
    assert measure_number(Measure(id="b", kind="count", value=1378, n=9)).value == "1,378"
    undefined = Measure(id="c", kind="auc", value=None, n=3, reason="one class alone")
    assert measure_number(undefined).reason == "one class alone"


def test_the_page_stands_alone() -> None:
    """Everything is escaped, and no link leads to an index that is not there."""
    page = draw_page(audit_document(made_up()), None, "screen")
    assert "Audit of &lt;set&gt;" in page
    assert "index.html" not in page
    assert 'data-id="copies/set"' in page
    assert "<script" not in draw_page(audit_document(made_up()), None, "print")


def test_numbers_of_several_kinds_carry_what_they_are() -> None:
    """Beside each finding stands its number with its unit; the raw value for downloads is unchanged."""
    shown = (
        (Measure(id="a", kind="auc", value=0.63, low=0.62, high=0.64, n=9), "", "AUC 0.630 [0.620, 0.640]"),
        (Measure(id="b", kind="share", value=0.833, n=9), "", "83.3 %"),
        (Measure(id="c", kind="share", value=0.0107, low=0.009, high=0.012, n=9), "points", "1.1 points [0.9, 1.2]"),
        (Measure(id="d", kind="count", value=378, n=20_000), "", "378 images"),
        (Measure(id="e", kind="count", value=1, n=20_000), "", "1 image"),
        (Measure(id="f", kind="count", value=4, n=9), "stretches", "4 stretches"),
        (Measure(id="g", kind="auc", value=None, n=9, reason="one class alone"), "", "–"),
    )
    findings = tuple(
        Finding(id=each.id, check="x", severity="note", says="Says.", measure=each, unit=unit, remedy="Nothing.")
        for each, unit, _ in shown
    )
    table = audit_document(made_up().model_copy(update={"findings": findings})).tables[0]
    assert table.header == ("what it says", "what to do", "number", "of images")
    numbers = [row.cells[2].content for row in table.rows]
    texts = [
        f"{number.value}{' ' + number.interval if number.interval else ''}".replace("\u00a0", " ")
        for number in numbers
        if isinstance(number, Number)
    ]
    assert texts == [text for *_, text in shown]
    assert [row.cells[2].exact for row in table.rows] == [each.value for each, *_ in shown]


def test_digits_in_texts_stand_below_digits() -> None:
    """A p or counts in a row go to the right like numbers; words stay at the left."""
    texts = ("≤ 0.01 (99)", "< 0.001", "9,811 / 9,789", "–", "real 0–23", "none", "")
    rows = tuple(AuditRow(heads=(str(n),), cells=(text,)) for n, text in enumerate(texts))
    told = AuditTable(id="table-x", section="label", title="X", row_header=("n",), header=("text",), rows=rows)
    document = audit_document(made_up().model_copy(update={"tables": (told,)}))
    cells = [row.cells[0] for row in document.tables[-1].rows]
    assert [cell.is_right for cell in cells] == [True] * 4 + [False] * 3
    assert [cell.content for cell in cells] == list(texts)
