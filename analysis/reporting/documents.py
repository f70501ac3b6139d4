"""The documents by name, and what each answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from analysis.reporting.benchmark_document import build_benchmark
from analysis.reporting.blocks import Document
from analysis.reporting.dispersion_document import build_dispersion_document
from analysis.reporting.inputs import Examples
from analysis.reporting.significance_document import build_significance
from analysis.summary import Summary


@dataclass(frozen=True)
class Kind:
    """A kind of document: its label, what it answers in one sentence, and how it is built."""

    label: str
    answers: str
    build: Callable[[Summary, Examples], Document]


DOCUMENTS: dict[str, Kind] = {
    "benchmark": Kind(
        "Benchmark",
        "How often is each variant right, on which images, through which path?",
        build_benchmark,
    ),
    "significance": Kind(
        "Significance",
        "Which claims do these seeds and images decide, which do they leave open, and what would decide those?",
        lambda summary, _: build_significance(summary),
    ),
    "dispersion": Kind(
        "Dispersion",
        "How far over the image is what each variant looks at spread?",
        build_dispersion_document,
    ),
}
"""Name of a document's files → its kind, in the order of reading."""
