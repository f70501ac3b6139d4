"""The committed sample: small, whole, and made again from what is committed beside it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from analysis.reporting import DOCUMENTS, build_report
from analysis.reporting.kept_inputs import made_with, read_inputs, text_digest

SAMPLE = Path(__file__).resolve().parents[1] / "reports" / "demo"
AGAIN = "make the sample again, see CONTRIBUTING.md"
OF_PDF = ("pango", "fonts", "weasyprint", "fonttools", "pydyf")
"""What bears on PDFs alone."""

pytestmark = pytest.mark.skipif(not SAMPLE.is_dir(), reason="tests without the checkout have no sample")


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    path = SAMPLE / "inputs" / "documents.json"
    assert path.is_file(), f"{path} is missing; {AGAIN}"
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The sample's pages, made again."""
    written = build_report(*read_inputs(SAMPLE / "inputs"), tmp_path_factory.mktemp("sample"), ("html",))
    return {name: path.read_bytes() for name, path in written.items() if name != "index.html"}


def test_inputs_are_small() -> None:
    """What the documents are made from takes 1.5 MB at most."""
    assert sum(path.stat().st_size for path in (SAMPLE / "inputs").iterdir()) <= 1_500_000


def test_committed_documents_are_those_of_the_inputs(told: dict[str, Any]) -> None:
    """Every document that lies in the sample is one that its inputs were written down with."""
    found = [path for path in sorted(SAMPLE.iterdir()) if path.suffix in (".html", ".pdf")]
    assert {f"{name}.pdf" for name in DOCUMENTS} <= {path.name for path in found}
    for path in found:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert digest == told["documents"][path.name]["sha256"], f"{path.name}: {AGAIN}"


@pytest.mark.slow
def test_pages_made_again_say_the_same(told: dict[str, Any], pages: dict[str, bytes]) -> None:
    """Whatever the versions of the chart libraries, the text and all numbers are the same."""
    assert set(pages) == {f"{name}.html" for name in DOCUMENTS}
    for name, data in pages.items():
        assert text_digest(data) == told["documents"][name]["text_sha256"], f"{name}: {AGAIN}"


@pytest.mark.slow
def test_pages_made_again_are_the_same_bytes(told: dict[str, Any], pages: dict[str, bytes]) -> None:
    """With the same versions, pages are equal to the byte."""
    if differs := [name for name, value in made_with().items() if told["made_with"].get(name) != value]:
        others = [name for name in differs if name not in OF_PDF]
        if others:
            pytest.skip(f"made with other versions of {', '.join(others)}")
    for name, data in pages.items():
        assert hashlib.sha256(data).hexdigest() == told["documents"][name]["sha256"], f"{name}: {AGAIN}"


@pytest.mark.slow
def test_pdfs_made_again_are_the_same_bytes(told: dict[str, Any], tmp_path: Path) -> None:
    """With the same Pango and fonts, PDFs are equal to the byte, drawn in one process."""
    if differs := [name for name, value in made_with().items() if told["made_with"].get(name) != value]:
        pytest.skip(f"made with other {', '.join(differs)}")
    written = build_report(*read_inputs(SAMPLE / "inputs"), tmp_path, ("pdf",), processes=1)
    for name in DOCUMENTS:
        digest = hashlib.sha256(written[f"{name}.pdf"].read_bytes()).hexdigest()
        assert digest == told["documents"][f"{name}.pdf"]["sha256"], f"{name}.pdf: {AGAIN}"
