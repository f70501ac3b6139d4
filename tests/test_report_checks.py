from __future__ import annotations

from pathlib import Path

import pytest

from isitcap.errors import UserError
from isitcap.records.directory import RunDirectory
from isitcap.report_checks import broken_links, problems

PAGE = """<!doctype html><html><body><script>if (1 < 2) document.write('<a href="#nowhere">')</script>
<h1 id="top">t</h1><a href="#top">up</a> <a href="index.html">index</a> <a href="other%20page.html#x">other</a>
<a href="https://example.org/#y">away</a> <a href="data:text/csv,1">file</a> <svg><a href="#mark"></a></svg>
<p id="mark">m</p></body></html>"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    (tmp_path / "index.html").write_text("<p>index</p>")
    (tmp_path / "other page.html").write_text("<p>other</p>")
    (tmp_path / "page.html").write_text(PAGE)
    return tmp_path / "page.html"


def test_links_that_lead_somewhere(page: Path) -> None:
    """Anchors of the page, files beside it, and addresses elsewhere are right; scripts are not read."""
    assert broken_links([page]) == []


def test_links_that_lead_nowhere(page: Path) -> None:
    """An anchor without an element and a page that is not there are named, each once."""
    page.write_text(PAGE.replace('id="top"', "") + '<a href="#top">again</a>')
    (page.parent / "other page.html").unlink()
    assert broken_links([page]) == [
        f"{page}: leads to `#top`, which no element of it is called",
        f"{page}: leads to `other%20page.html#x`, which does not exist",
    ]


def test_a_folder_without_a_run(tmp_path: Path) -> None:
    """What is no run directory is told as such."""
    with pytest.raises(UserError, match="no run directory"):
        problems(RunDirectory(tmp_path))
