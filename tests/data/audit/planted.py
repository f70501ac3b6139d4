"""Reading an audit of files among which something was planted."""

from __future__ import annotations

from typing import Any

from analysis.audit import Audit, AuditTable, Finding, Measure

N = 40
"""Files in each folder of the set without defects."""


def by_id(audit: Audit) -> dict[str, Finding]:
    return {finding.id: finding for finding in audit.findings}


def numbers(finding: Finding) -> tuple[Any, ...]:
    assert finding.measure is not None
    return finding.severity, finding.measure.value, finding.measure.n


def cells(table: AuditTable) -> dict[tuple[str, ...], tuple[Any, ...]]:
    """Heads of each row → its texts, and the values of its numbers."""
    return {row.heads: tuple(c if isinstance(c, str) else c.value for c in row.cells) for row in table.rows}


def measure(table: AuditTable, measure_id: str) -> Measure:
    """The number of that id."""
    (found,) = (c for row in table.rows for c in row.cells if isinstance(c, Measure) and c.id == measure_id)
    return found
