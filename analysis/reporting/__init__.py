"""A summary and a few example arrays → three documents, each one HTML file and one PDF, and a page that leads there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from altair.utils.schemapi import debug_mode

from analysis.errors import InputError, MissingLibraryError
from analysis.reporting.documents import DOCUMENTS
from analysis.reporting.files import write_atomically
from analysis.reporting.garbage import uncollected
from analysis.reporting.index import FORMATS, draw_index, entries
from analysis.reporting.inputs import Examples, ExampleSet, MeanMaps
from analysis.reporting.page import INDEX, draw_page
from analysis.reporting.pdf import draw_pdf
from analysis.reporting.printing import Printer, available_processes
from analysis.summary import Summary

__all__ = ["DOCUMENTS", "FORMATS", "ExampleSet", "Examples", "MeanMaps", "MissingLibraryError", "build_report"]


def build_report(
    summary: Summary,
    examples: Examples,
    out_dir: Path,
    formats: Sequence[str] = FORMATS,
    documents: Sequence[str] = tuple(DOCUMENTS),
    processes: int | None = None,
) -> dict[str, Path]:
    """Write the documents and `index.html` into `out_dir`; the same inputs give the same bytes.

    All HTML is written first, so that it is there even where no PDF can be made. The index lists what lies in
    `out_dir` then: a document that was not asked for, but made before, stays in it.

    Args:
        summary: All numbers.
        examples: Images and maps to show; may hold none.
        out_dir: Made if missing.
        formats: `html`, `pdf` or both.
        documents: Names among `DOCUMENTS`.
        processes: How many draw PDFs, by default two where there are two processors; the bytes are the same.

    Returns:
        Name of a file → where it was written, in the order of reading, the index last.

    Raises:
        InputError: A format or document is unknown, or the summary holds an id twice.
        MissingLibraryError: The PDF's system library is missing; the HTML is there.
    """
    _check("format", formats, FORMATS)
    _check("document", documents, tuple(DOCUMENTS))
    out_dir = Path(out_dir)
    wanted = [name for name in DOCUMENTS if name in documents]
    several = len(wanted) > 1 and "pdf" in formats
    printer = Printer(draw_pdf, (processes or available_processes()) if several else 1)
    # The last ones have the most pages: with them first, two processes end at about the same time.
    for name in reversed(wanted):
        # Altair would hold every part of every chart against its schema, where each is made: the tests do.
        with uncollected(), debug_mode(False):
            document = DOCUMENTS[name].build(summary, examples)
            if "pdf" in formats:
                printer.put(f"{name}.pdf", draw_page(document, summary, "print"))
            if "html" in formats:
                write_atomically(out_dir / f"{name}.html", draw_page(document, summary, "screen").encode("utf-8"))
    written: dict[str, Path] = {}
    if "html" in formats:
        written = {f"{name}.html": out_dir / f"{name}.html" for name in wanted}
        _write_index(summary, out_dir)
    if "pdf" in formats:
        made = printer.finish()
        written |= {f"{name}.pdf": write_atomically(out_dir / f"{name}.pdf", made[f"{name}.pdf"]) for name in wanted}
    written[INDEX] = _write_index(summary, out_dir)
    return written


def _write_index(summary: Summary, out_dir: Path) -> Path:
    return write_atomically(out_dir / INDEX, draw_index(summary, entries(out_dir)).encode("utf-8"))


def _check(what: str, given: Sequence[str], known: Sequence[str]) -> None:
    if unknown := [name for name in given if name not in known]:
        raise InputError(f"report {what} {unknown[0]!r}: not known; choose from {', '.join(known)}")
    if not given:
        raise InputError(f"report: no {what} is asked for; choose from {', '.join(known)}")
