"""The page that leads to the documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from analysis.reporting.documents import DOCUMENTS
from analysis.reporting.lookup import Lookup
from analysis.reporting.page import DEMO_LABEL, environment, source
from analysis.reporting.verdict import sentences
from analysis.summary import Summary

FORMATS = ("html", "pdf")
"""Formats of a document, which are also the endings of its files."""


@dataclass(frozen=True)
class Entry:
    """A document as the index lists it: (format, address) of every file that is there."""

    label: str
    answers: str
    files: tuple[tuple[str, str], ...]


def entries(folder: Path) -> tuple[Entry, ...]:
    """The documents that lie in a folder, in the order of reading."""
    found = []
    for name, kind in DOCUMENTS.items():
        files = tuple((made.upper(), f"{name}.{made}") for made in FORMATS if (folder / f"{name}.{made}").is_file())
        if files:
            found.append(Entry(kind.label, kind.answers, files))
    return tuple(found)


def draw_index(summary: Summary, listed: Sequence[Entry]) -> str:
    """Title, question, verdict, the documents, and where the numbers come from, as one HTML page."""
    page = environment().get_template("index.html.j2")
    return page.render(
        document=summary.study,
        summary=summary,
        sentences=sentences(Lookup(summary)),
        entries=listed,
        provenance=_line(summary),
        medium="screen",
        demo_label=DEMO_LABEL,
        # A file of the package; no data is in it.
        style=Markup("\n".join((source("style/common.css"), source("style/screen.css")))),  # noqa: S704
        script_hashes="",
    )


def _line(summary: Summary) -> str:
    """`isitcap run … · Commit … · Seeds …`."""
    facts = summary.provenance
    shown = [
        f"{label} {text}" for label, text in facts.facts if label.lower() in ("commit", "seeds", "started", "date")
    ]
    return " · ".join((facts.command, *shown))
