"""The PDF: readable, tagged, with bookmarks, and independent of the clock."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader
from weasyprint.urls import FatalURLFetchingError

from analysis.reporting import DOCUMENTS, Examples
from analysis.reporting.page import draw_page
from analysis.reporting.pdf import draw_pdf, fixed_epoch
from analysis.summary import Summary

PAGE = "<!doctype html><html lang=en><title>T</title><h1>One</h1><p>Text<h2>Two</h2>{}</html>"


@pytest.fixture(scope="module", params=list(DOCUMENTS))
def reader(request: pytest.FixtureRequest, report_files: dict[str, Path]) -> PdfReader:
    """Each document in turn."""
    return PdfReader(report_files[f"{request.param}.pdf"])


def titles(outline: list[Any]) -> list[str]:
    found = []
    for entry in outline:
        found += titles(entry) if isinstance(entry, list) else [entry.title]
    return found


@pytest.mark.slow
def test_bookmarks_are_the_headings(reader: PdfReader, summary: Summary) -> None:
    """The outline begins with the title and has the four parts in order."""
    found = titles(reader.outline)
    assert found[0] == summary.study.title
    assert [title for title in found if title in ("Verdict", "Evidence", "Method", "Provenance")] == [
        "Verdict",
        "Evidence",
        "Method",
        "Provenance",
    ]


@pytest.mark.slow
def test_it_is_tagged_and_says_its_language_and_kind(reader: PdfReader) -> None:
    """The document is marked as PDF/UA-1, tagged, titled and in English."""
    root: Any = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == "en"
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    metadata = root["/Metadata"].get_data().decode()
    assert "pdfuaid" in metadata


def nodes(reader: PdfReader) -> list[Any]:
    """All elements of the structure tree."""
    found: list[Any] = []
    waiting: list[Any] = [reader.trailer["/Root"]["/StructTreeRoot"]]  # type: ignore[index]
    while waiting:
        node = waiting.pop().get_object()
        if isinstance(node, list):
            waiting += [each for each in node if not isinstance(each, int)]
        elif isinstance(node, dict):
            found.append(node)
            if "/K" in node and not isinstance(node["/K"], int):
                waiting.append(node["/K"])
    return found


@pytest.mark.slow
def test_every_figure_tag_has_words(reader: PdfReader) -> None:
    """All tagged figures, charts and pictures alike, carry an alternative text."""
    figures = [node for node in nodes(reader) if node.get("/S") == "/Figure"]
    assert len(figures) > 10
    assert all(str(node.get("/Alt", "")).strip() for node in figures)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(DOCUMENTS))
def test_every_figure_stands_on_the_page_of_its_caption(
    name: str, summary: Summary, examples: Examples, report_files: dict[str, Path]
) -> None:
    """All charts of a figure and its caption are on one page; of one of many, the last of them and the caption."""
    reader = PdfReader(report_files[f"{name}.pdf"])
    texts = [" ".join(page.extract_text().split()) for page in reader.pages]
    at = {page.indirect_reference.idnum: position for position, page in enumerate(reader.pages)}  # type: ignore[union-attr]
    page_of = {
        str(node["/Alt"]): at[node.raw_get("/Pg").idnum] for node in nodes(reader) if node.get("/S") == "/Figure"
    }
    figures = DOCUMENTS[name].build(summary, examples).figures
    assert len(figures) > 2
    for figure in figures:
        pages = {page_of[panel.alt] for panel in figure.panels}
        assert len(pages) == 1 or len(figure.panels) > 4, figure.id
        assert max(pages) - min(pages) + 1 == len(pages), figure.id
        text = texts[max(pages)]
        assert f"Figure {figure.number}. " in text, figure.id


@pytest.mark.slow
@pytest.mark.parametrize("name", list(DOCUMENTS))
def test_no_table_is_cut_inside_a_row(
    name: str, summary: Summary, examples: Examples, report_files: dict[str, Path]
) -> None:
    """The PDF has as many rows below heads as the page it is made from: a row cut in two would be tagged twice."""
    html = draw_page(DOCUMENTS[name].build(summary, examples), summary, "print")
    bodies = re.findall(r"<tbody>(.*?)</tbody>", html, re.DOTALL)
    tagged = [node for node in nodes(PdfReader(report_files[f"{name}.pdf"])) if node.get("/S") == "/TBody"]
    rows = [kid for node in tagged for kid in node["/K"] if kid.get_object().get("/S") == "/TR"]
    assert len(rows) == sum(body.count("<tr") for body in bodies) > 20


@pytest.mark.slow
def test_first_page_has_the_verdict_and_its_figure(reader: PdfReader) -> None:
    """Label, verdict and first figure with its caption stand on the first page."""
    text = reader.pages[0].extract_text()
    for part in ("Demo data", "Verdict", " [−", "Figure 1.", "Bars: 9"):
        assert part in text


@pytest.mark.slow
def test_running_text_has_lines_that_are_easy_to_read(reader: PdfReader) -> None:
    """Lines of the verdict hold some 60 to 75 characters, whatever the font."""
    text = reader.pages[0].extract_text().partition("Verdict\n")[2].partition("Figure 1.")[0]
    lines = [line.strip() for line in text.splitlines()]
    full = [len(line) for line in lines if len(line) > 45]
    assert len(full) > 5
    assert max(full) <= 80
    assert 58 <= statistics.median(full) <= 75


WIDE = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>
<include>/etc/fonts/fonts.conf</include>
<selectfont><rejectfont><glob>*/liberation*</glob></rejectfont></selectfont></fontconfig>"""
DRAW = """
import pathlib, sys
from analysis.reporting.pdf import draw_pdf
for name in sys.argv[1:]:
    path = pathlib.Path(name)
    path.with_suffix(".pdf").write_bytes(draw_pdf(path.read_text(encoding="utf-8")))
"""


@pytest.mark.slow
def test_first_page_holds_the_figure_with_wide_fonts(summary: Summary, tmp_path: Path) -> None:
    """Without the Liberation fonts the letters are wider: verdict and figure still share a page of their own."""
    (tmp_path / "fonts.conf").write_text(WIDE, encoding="utf-8")
    for name, kind in DOCUMENTS.items():
        whole = kind.build(summary, Examples(seed=0))
        html = draw_page(replace(whole, sections=whole.sections[:1]), summary, "print")
        (tmp_path / f"{name}.html").write_text(html, encoding="utf-8")
    subprocess.run(
        [sys.executable, "-c", DRAW, *(str(tmp_path / f"{name}.html") for name in DOCUMENTS)],
        check=True,
        env={
            **os.environ,
            "FONTCONFIG_FILE": str(tmp_path / "fonts.conf"),
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        },
        timeout=500,
    )
    for name in DOCUMENTS:
        made = PdfReader(tmp_path / f"{name}.pdf")
        assert len(made.pages) == 1
        assert "Bars: 9" in made.pages[0].extract_text()
        fonts = {str(font.get_object()["/BaseFont"]) for font in made.pages[0]["/Resources"]["/Font"].values()}  # type: ignore[index]
        assert not any("Liberation" in font for font in fonts)


@pytest.mark.slow
def test_pages_are_a4_numbered_and_not_empty(reader: PdfReader, summary: Summary) -> None:
    """Every page is A4, says which it is of how many, and from the second on names report and study."""
    count = len(reader.pages)
    assert 5 <= count <= 26
    for position, page in enumerate(reader.pages):
        assert [round(float(side)) for side in page.mediabox[2:]] == [595, 842]
        text = page.extract_text()
        assert f"{position + 1} / {count}" in text
        assert len(text) > 60
        assert position == 0 or summary.study.title in text


@pytest.mark.slow
def test_the_study_file_and_the_command_are_printed(reader: PdfReader, summary: Summary) -> None:
    """Paper has no downloads: the study file stands in full at the end."""
    text = "\n".join(page.extract_text() for page in reader.pages[-3:])
    assert summary.provenance.command in text
    assert "seeds = [0, 1, 2]" in text


def test_epoch_is_set_for_the_build_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """SOURCE_DATE_EPOCH is fixed inside and as before afterwards, also when something fails."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "7")
    seen = []

    def build() -> None:
        with fixed_epoch(9):
            seen.append(os.environ["SOURCE_DATE_EPOCH"])
            raise KeyError

    with pytest.raises(KeyError):
        build()
    assert seen == ["9"]
    assert os.environ["SOURCE_DATE_EPOCH"] == "7"
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    with fixed_epoch():
        assert "SOURCE_DATE_EPOCH" in os.environ
    assert "SOURCE_DATE_EPOCH" not in os.environ


def test_nothing_outside_the_page_is_read(tmp_path: Path) -> None:
    """An address that is no `data:` address is refused, even a file's."""
    picture = tmp_path / "secret.svg"
    picture.write_text('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><text>secret</text></svg>')
    with pytest.raises(FatalURLFetchingError, match="secret"):
        draw_pdf(PAGE.format(f'<img alt="x" src="{picture.as_uri()}">'))
    with_data = draw_pdf(
        PAGE.format('<img alt="x" src="data:image/svg+xml,%3Csvg xmlns=%22http://www.w3.org/2000/svg%22/%3E">')
    )
    assert with_data.startswith(b"%PDF")
