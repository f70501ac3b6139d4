"""The page of an audit."""

from __future__ import annotations

from analysis.audit import Audit, AuditFigure, AuditMark, AuditPanel, AuditRow, AuditTable, Finding, Measure
from analysis.reporting.audit_document import audit_document, measure_number
from analysis.reporting.page import draw_page


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
