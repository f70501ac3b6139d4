"""What an audit of images found: findings, and the tables behind them. Frozen; `audit.json` is its text.

An audit is made elsewhere, from files; `analysis.reporting.audit_document` draws it. Shares are fractions (0 … 1), an
AUC lies between 0 and 1, and what is not defined is None with a `reason`, never NaN.
"""

from __future__ import annotations

from typing import Literal

from analysis.summary import Frozen

SCHEMA_VERSION: Literal[1] = 1

Severity = Literal["leak", "risk", "note"]
"""`leak`: the test is not what it says until this is mended. `risk`: copies, or a difference between the classes or
sources that a detector may rest on, and that may or may not be a trace of the generator. `note`: to be known when the
results are read."""

SEVERITIES: tuple[Severity, ...] = ("leak", "risk", "note")


class Measure(Frozen):
    """One number: a count, a share, an AUC or a plain value; `low` and `high` where it is an estimate.

    `n` is how many images it is of.
    """

    id: str
    kind: Literal["count", "share", "auc", "plain"]
    value: float | None
    low: float | None = None
    high: float | None = None
    n: int
    reason: str | None = None


class Finding(Frozen):
    """One thing that the audit found: `check` says by which rule, `id` names it within the audit.

    `unit` says what `measure` counts, or `points` where it is a difference of shares; empty where its kind says enough:
    images, a share in per cent, an AUC.
    """

    id: str
    check: str
    severity: Severity
    says: str
    measure: Measure | None = None
    unit: str = ""
    remedy: str


class AuditRow(Frozen):
    """A row: the texts that head it, then texts and numbers."""

    heads: tuple[str, ...]
    cells: tuple[Measure | str, ...]


class AuditTable(Frozen):
    """A table of the audit; a row has one head for each of `row_header` and one cell for each of `header`."""

    id: str
    section: str
    title: str
    row_header: tuple[str, ...]
    header: tuple[str, ...]
    rows: tuple[AuditRow, ...]
    caption: str = ""


class AuditMark(Frozen):
    """One estimate of a chart, labelled."""

    label: str
    measure: Measure


class AuditPanel(Frozen):
    """Estimates one below the other, with a line at `reference`."""

    title: str
    axis: str
    marks: tuple[AuditMark, ...]
    reference: float | None = None


class AuditFigure(Frozen):
    """Panels with one caption."""

    id: str
    section: str
    title: str
    caption: str
    panels: tuple[AuditPanel, ...]


class Audit(Frozen):
    """All that the audit's page shows."""

    schema_version: Literal[1] = SCHEMA_VERSION
    name: str
    title: str
    question: str
    demo: bool = False
    verdict: tuple[str, ...]
    findings: tuple[Finding, ...]
    sections: tuple[tuple[str, str], ...]
    """(id, title) in the order of reading."""
    tables: tuple[AuditTable, ...]
    figures: tuple[AuditFigure, ...] = ()
    notes: tuple[str, ...] = ()
    command: str
    facts: tuple[tuple[str, str], ...]
    hashes: tuple[tuple[str, str], ...]
    """Source → SHA-256 over its files' hashes, in their order."""
