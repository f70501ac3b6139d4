"""A summary and a few example arrays → one self-contained HTML file and one PDF."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from analysis.errors import InputError, MissingLibraryError
from analysis.reporting.document import build_document
from analysis.reporting.files import write_atomically
from analysis.reporting.inputs import Examples, ExampleSet
from analysis.reporting.page import draw_page
from analysis.reporting.pdf import draw_pdf
from analysis.summary import Summary

FORMATS = ("html", "pdf")

__all__ = ["FORMATS", "ExampleSet", "Examples", "MissingLibraryError", "build_report"]


def build_report(
    summary: Summary, examples: Examples, out_dir: Path, formats: Sequence[str] = FORMATS
) -> dict[str, Path]:
    """Write `report.html` and `report.pdf` into `out_dir`; the same inputs give the same bytes.

    The HTML is written first, so that it is there even where the PDF cannot be made.

    Args:
        summary: All numbers.
        examples: Images and maps to show; may hold none.
        out_dir: Made if missing.
        formats: `html`, `pdf` or both.

    Returns:
        Format → the file written.

    Raises:
        InputError: A format is unknown, the summary holds an id twice, or the PDF's system library is missing.
    """
    if unknown := [name for name in formats if name not in FORMATS]:
        raise InputError(f"report format {unknown[0]!r}: not known; choose from {', '.join(FORMATS)}")
    document = build_document(summary, examples)
    written: dict[str, Path] = {}
    if "html" in formats:
        page = draw_page(document, summary, "screen")
        written["html"] = write_atomically(Path(out_dir) / f"{document.name}.html", page.encode("utf-8"))
    if "pdf" in formats:
        data = draw_pdf(draw_page(document, summary, "print"))
        written["pdf"] = write_atomically(Path(out_dir) / f"{document.name}.pdf", data)
    return written
