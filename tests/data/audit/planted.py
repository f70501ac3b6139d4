"""Reading an audit of files among which something was planted."""

from __future__ import annotations

from typing import Any

from analysis.audit import Audit, Finding

N = 40
"""Files in each folder of the set without defects."""


def by_id(audit: Audit) -> dict[str, Finding]:
    return {finding.id: finding for finding in audit.findings}


def numbers(finding: Finding) -> tuple[Any, ...]:
    assert finding.measure is not None
    return finding.severity, finding.measure.value, finding.measure.n
