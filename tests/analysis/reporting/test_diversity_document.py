"""The document of a diversity study: what stands where, the numbers of its rows, and the same bytes each time."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))  # for `diversity_study`

from diversity_study import diversity_of

from analysis.errors import InputError, MissingLibraryError
from analysis.reporting.diversity_document import build_diversity_report, diversity_document
from analysis.reporting.page import DEMO_LABEL, draw_page


def test_the_first_section_is_the_verdict_with_one_figure() -> None:
    """The sentences, then balanced accuracy against k: the mean over held-out generators, and the shared set."""
    found = diversity_of()
    first = diversity_document(found).sections[0]
    assert first.id == "verdict"
    *sentences, figure = first.blocks
    assert [str(block) for block in sentences] == list(found.verdict.sentences)
    assert [panel.title for panel in figure.panels] == ["Mean over held-out generators", "Far"]
    assert "n = 3 seeds" in str(figure.caption)
    assert "not over generators, which are fixed" in str(figure.caption)


def test_sections_without_anything_go() -> None:
    """Without shared sets there is no table of their sources; without other variants no other family."""
    whole, less = (diversity_document(found) for found in (diversity_of(), diversity_of(augment=False, shared=False)))
    parts = "verdict evidence gains generators quantities mixtures sources method data provenance"
    expected = parts.split()
    assert [section.id for section in whole.sections] == expected
    assert "sources" not in [section.id for section in less.sections]
    gains = next(table for table in less.tables if table.id == "table-gains")
    assert len(gains.groups) == 1


def test_tables_hold_the_numbers_of_the_rows() -> None:
    """Balanced accuracy of every arm and place, and each contrast with its p and outcome."""
    found = diversity_of()
    tables = {table.id: table for table in diversity_document(found).tables}
    level = next(row for row in found.levels if row.id == "balanced_accuracy/augment@2/held-out-c/own")
    row = next(row for row in tables["table-levels"].rows if row.heads == ("held out: c", "augment"))
    assert row.cells[1].exact == level.estimate
    gains = [row for row in found.contrasts if (row.quantity, row.test_set) == ("balanced_accuracy", "held-out")]
    shown = tables["table-gains"].rows
    assert [row.cells[0].exact for row in shown] == [row.estimate for row in gains]
    assert [row.cells[5].content for row in shown] == [row.outcome or "" for row in gains]
    assert [row.cells[2].exact for row in shown] == [row.p_holm for row in gains]


def test_a_mixture_is_not_judged_on_what_it_was_trained_on() -> None:
    """The table of mixtures says `trained` there, and has a figure elsewhere."""
    table = next(table for table in diversity_document(diversity_of()).tables if table.id == "table-mixtures")
    assert table.header == ("a", "b", "c", "d", "far")
    row = next(row for row in table.rows if row.heads == ("baseline", "a+c"))
    assert [cell.exact is None for cell in row.cells] == [True, False, True, False, False]
    assert [cell.content for cell in row.cells if cell.exact is None] == ["trained", "trained"]


def test_the_page_is_escaped_and_labelled_and_its_links_lead_somewhere() -> None:
    """Names are text, demo data are labelled, and no link leads to an index that is not there."""
    page = draw_page(diversity_document(diversity_of()), None, "screen")
    assert "Made &lt;up&gt;" in page
    assert "generator &lt;b&gt;" in page
    assert DEMO_LABEL in page
    assert "index.html" not in page
    assert DEMO_LABEL not in draw_page(diversity_document(diversity_of(demo=False)), None, "screen")


def test_the_same_findings_give_the_same_bytes(tmp_path: Path) -> None:
    """HTML and PDF, built twice."""
    try:
        for name in ("a", "b"):
            build_diversity_report(diversity_of(), tmp_path / name)
    except MissingLibraryError as error:
        pytest.skip(str(error))
    for name in ("diversity.html", "diversity.pdf"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_formats(tmp_path: Path) -> None:
    """HTML alone where that is asked; an unknown format is refused."""
    written = build_diversity_report(diversity_of(), tmp_path, ("html",))
    assert [path.name for path in written] == ["diversity.html"]
    assert not (tmp_path / "diversity.pdf").exists()
    with pytest.raises(InputError, match="docx"):
        build_diversity_report(diversity_of(), tmp_path, ("docx",))
