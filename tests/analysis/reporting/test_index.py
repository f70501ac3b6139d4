"""The page that leads to the documents."""

from __future__ import annotations

from pathlib import Path

import pytest
from page_parser import Page

from analysis.reporting.documents import DOCUMENTS
from analysis.reporting.index import entries
from analysis.reporting.lookup import Lookup
from analysis.reporting.quantities import plain
from analysis.reporting.verdict import sentences
from analysis.summary import Summary


def test_only_what_is_there_is_listed(tmp_path: Path) -> None:
    """The index names the files that lie in the folder, in the order of reading."""
    for name in ("dispersion.pdf", "benchmark.html", "benchmark.pdf", "notes.html"):
        (tmp_path / name).touch()
    assert [(entry.label, entry.files) for entry in entries(tmp_path)] == [
        ("Benchmark", (("HTML", "benchmark.html"), ("PDF", "benchmark.pdf"))),
        ("Dispersion", (("PDF", "dispersion.pdf"),)),
    ]
    assert entries(tmp_path / "nowhere") == ()


@pytest.mark.slow
def test_it_leads_to_every_document(pages: dict[str, Page], report_files: dict[str, Path]) -> None:
    """Title, question, what each document answers, and a link to each file that is there."""
    page = pages["index"]
    linked = {address for address in page.addresses if not address.startswith(("#", "data:"))}
    assert linked == set(report_files) - {"index.html"}
    assert all(kind.answers in page.text for kind in DOCUMENTS.values())
    assert page.policy.count("script-src 'none'") == 1


@pytest.mark.slow
def test_it_holds_the_verdict_and_where_it_comes_from(pages: dict[str, Page], summary: Summary) -> None:
    """The three sentences are the benchmark's, and one line says command and commit."""
    page = pages["index"]
    text = " ".join(page.text.split())
    for sentence in sentences(Lookup(summary)):
        assert " ".join(plain(sentence).split()) in text
    assert summary.study.title in page.text
    assert summary.study.question in page.text
    assert summary.provenance.command in page.text
    assert dict(summary.provenance.facts)["commit"] in page.text
    assert "Demo data" in page.text
