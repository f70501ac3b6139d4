"""The document `audit`: what could tell the label of images, or spoil a test, before a detector is trained."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from analysis.audit import Audit, AuditFigure, AuditPanel, AuditTable, Finding, Measure
from analysis.reporting.blocks import Block, Cell, Document, Figure, Listing, Panel, Paragraph, Row, Section, Table
from analysis.reporting.charts import Mark, draw_estimates
from analysis.reporting.composition import numbered
from analysis.reporting.files import write_atomically
from analysis.reporting.page import draw_page
from analysis.reporting.panels import alternative, panel
from analysis.reporting.pdf import draw_pdf
from analysis.reporting.quantities import NBSP, Kind, Number, grouped, value

NAME = "audit"

_KINDS: dict[str, Kind] = {"count": "count", "share": "percent", "auc": "plain", "plain": "plain"}

_DIGITS = re.compile(r"[\d\s.,()/<≤–−]+")

_LEVELS = {
    "leak": "leaks: the test is not what it says until they are mended",
    "risk": "risks: copies, and differences that a detector may rest on; some may be traces of the generator",
    "note": "notes: to be known when results are read",
}


def build_audit_report(audit: Audit, out_dir: Path) -> list[Path]:
    """Write `audit.html` and `audit.pdf` into `out_dir`; the same audit gives the same bytes.

    Raises:
        MissingLibraryError: The PDF's system library is missing; the HTML is there.
    """
    document = audit_document(audit)
    written = [write_atomically(out_dir / f"{NAME}.html", draw_page(document, None, "screen").encode("utf-8"))]
    return [*written, write_atomically(out_dir / f"{NAME}.pdf", draw_pdf(draw_page(document, None, "print")))]


def audit_document(audit: Audit) -> Document:
    """An audit as numbered parts, independent of any format."""
    sections = [
        Section("verdict", "Verdict", 2, tuple(Paragraph((line,), lead=True) for line in audit.verdict)),
        Section("findings", "Findings", 2, tuple(_findings(audit))),
    ]
    sections += [Section(name, title, 2, tuple(_blocks(audit, name))) for name, title in audit.sections]
    sections.append(Section("provenance", "Provenance", 2, tuple(_provenance(audit))))
    return Document(
        NAME, "Audit", audit.title, audit.question, audit.demo, numbered(each for each in sections if each.blocks)
    )


def measure_number(measure: Measure, *, digits: int | None = None) -> Number:
    """A number of the audit as text, with its interval where it is an estimate."""
    estimate = measure.low is not None or measure.high is not None
    limits = (measure.low, measure.high) if estimate or (measure.kind == "auc" and measure.reason) else None
    return value(
        measure.id, measure.value, _KINDS[measure.kind], limits, digits=_digits(measure, digits), reason=measure.reason
    )


def _digits(measure: Measure, digits: int | None) -> int | None:
    """Small shares need more digits than one, or 0.03 % would be none."""
    if digits is None and measure.kind == "share" and measure.value is not None and 0 < abs(measure.value) < 0.01:
        return 2
    return digits


def _findings(audit: Audit) -> Iterator[Block]:
    rows = tuple(_finding(finding) for finding in audit.findings)
    if rows:
        yield Table(
            "table-findings",
            "What was found, the gravest first",
            ("severity", "finding"),
            ("what it says", "what to do", "number", "of images"),
            rows,
            ("Intervals: 95 %. Tests and intervals are not corrected for their number.",),
            grouped=True,
        )
    for note in audit.notes:
        yield Paragraph((note,))


def _finding(finding: Finding) -> Row:
    measure = finding.measure
    number = Cell(_with_unit(measure, finding.unit)) if measure is not None else Cell("")
    n = Cell.counted(measure.n) if measure is not None else Cell("")
    # Numbers stand last: text to the left of its column, behind digits to the right of theirs, would run into them.
    return Row((_LEVELS[finding.severity], finding.id), (Cell(finding.says), Cell(finding.remedy), number, n))


def _with_unit(measure: Measure, unit: str) -> Number:
    """The number with what it is beside it, for a column of numbers of several kinds."""
    number = measure_number(measure)
    if measure.value is None:
        return number
    if measure.kind == "auc":
        return replace(number, value=f"AUC{NBSP}{number.value}")
    words = {"count": "image" if measure.value == 1 else "images", "share": "%"}
    return replace(number, value=f"{number.value}{NBSP}{unit or words.get(measure.kind, '')}".rstrip(NBSP))


def _blocks(audit: Audit, section: str) -> Iterator[Block]:
    for figure in audit.figures:
        if figure.section == section:
            yield _figure(figure)
    for table in audit.tables:
        if table.section == section:
            yield _table(table)


def _table(table: AuditTable) -> Table:
    rows = tuple(Row(row.heads, tuple(_cell(cell) for cell in row.cells)) for row in table.rows)
    is_grouped = len(table.row_header) == 2
    header = tuple(f"{name}, %" if _has_shares(table, column) else name for column, name in enumerate(table.header))
    return Table(
        table.id,
        table.title,
        table.row_header,
        header,
        rows,
        (table.caption,) if table.caption else (),
        grouped=is_grouped,
    )


def _has_shares(table: AuditTable, column: int) -> bool:
    cells = (row.cells[column] for row in table.rows)
    return any(isinstance(cell, Measure) and cell.kind == "share" for cell in cells)


def _cell(cell: Measure | str) -> Cell:
    if isinstance(cell, str):
        # Digits stand below digits, or they would run into those of the column before.
        return Cell(cell, count=_DIGITS.fullmatch(cell) is not None)
    if cell.kind == "count" and cell.value is not None:
        return Cell.counted(cell.value)
    return Cell(measure_number(cell))


def _figure(figure: AuditFigure) -> Figure:
    panels = tuple(_panel(figure.id, position, each) for position, each in enumerate(figure.panels))
    return Figure(figure.id, figure.title, panels, (figure.caption,))


def _panel(figure_id: str, position: int, shown: AuditPanel) -> Panel:
    # The colour says nothing here: every panel has the one of the first variant.
    marks = [
        Mark(mark.label, "baseline", measure_number(mark.measure), (), f"n = {grouped(mark.measure.n)}", "not defined")
        for mark in shown.marks
    ]
    chart = draw_estimates(marks, scale="plain", title=shown.axis, reference=shown.reference, domain=(0.0, 1.0))
    return panel(figure_id, position, shown.title, chart, alternative(shown.title, marks))


def _provenance(audit: Audit) -> Iterator[Block]:
    yield Listing((("command", audit.command),), code=True)
    if audit.facts:
        yield Listing(audit.facts)
    if audit.hashes:
        yield Listing(audit.hashes, code=True)
