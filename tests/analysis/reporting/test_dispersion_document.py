from __future__ import annotations

import pytest

from analysis.reporting import render
from analysis.reporting.blocks import Figure, Table
from analysis.reporting.dispersion_document import build_dispersion_document
from analysis.reporting.inputs import Examples
from analysis.reporting.quantities import plain
from analysis.summary import Summary


def test_intervals_are_said_to_be_unadjusted_wherever_they_stand(
    summary: Summary, examples: Examples, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every caption that says what bars or brackets hold says once that they are not adjusted, and no other does."""
    monkeypatch.setattr(render, "svg", lambda *_, **__: "")  # captions need no drawing
    document = build_dispersion_document(summary, examples)
    parts = [part for section in document.sections for part in section.blocks if isinstance(part, Figure | Table)]
    captions = {part.id: plain(part.caption) for part in parts}
    held = {name for name, text in captions.items() if "Bars: " in text or "In brackets: " in text}
    assert {"figure-pairs-1", "figure-nulls-1", "table-methods-1", "table-relations-1"} <= held
    told = {name: text.count("not adjusted") for name, text in captions.items()}
    assert told == {name: int(name in held) for name in captions}
