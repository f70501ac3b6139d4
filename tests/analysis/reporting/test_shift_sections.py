"""Sections of the benchmark on control sets: every number is the summary's, and nothing stands where nothing is."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

from control_study import HOME, PIPELINES, make
from summary_numbers import numbers_of

from analysis.build import build_summary
from analysis.reporting import Examples
from analysis.reporting.benchmark_document import build_benchmark
from analysis.reporting.blocks import Figure, Paragraph, Section, Table
from analysis.reporting.downloads import table_csv
from analysis.reporting.lookup import Lookup
from analysis.reporting.page import draw_page
from analysis.reporting.quantities import Number
from analysis.reporting.shift_sections import shift_sections
from analysis.summary import Summary


@pytest.fixture(scope="module")
def summary() -> Summary:
    return build_summary(**make(np.random.default_rng(0)))


@pytest.fixture(scope="module")
def sections(summary: Summary) -> dict[str, Section]:
    return {section.id: section for section in shift_sections(Lookup(summary))}


def numbers(sections: dict[str, Section]) -> Iterator[Number]:
    for section in sections.values():
        for block in section.blocks:
            if isinstance(block, Paragraph):
                yield from (part for part in block.text if isinstance(part, Number))
            if isinstance(block, Table):
                yield from (
                    cell.content for row in block.rows for cell in row.cells if isinstance(cell.content, Number)
                )


def test_every_number_is_that_of_its_id(summary: Summary, sections: dict[str, Section]) -> None:
    """Each number in prose and tables has the value and limits of the row that its id names."""
    known = numbers_of(summary)
    found = [number for number in numbers(sections) if number.id]
    assert len(found) > 60
    for number in found:
        fields = known[number.id]
        if number.kind == "called_synthetic" and number.id.startswith("specificity/"):
            fields = tuple(None if each is None else 1 - each for each in (fields[0], fields[2], fields[1]))  # type: ignore[assignment]
        assert number.raw == pytest.approx(fields), number.id


def test_the_heat_table_hides_intervals_and_keeps_them(sections: dict[str, Section]) -> None:
    """Kernel × source shows bare shares, shaded by themselves, framed at the own pipeline; intervals are in the CSV."""
    tables = [b for b in sections["pipeline"].blocks if isinstance(b, Table) and "sources" in b.id]
    assert len(tables) == 2
    table = tables[0]
    assert table.header == ("nearest", "box", "bilinear")
    shown = [cell for row in table.rows for cell in row.cells if isinstance(cell.content, Number) and cell.content.id]
    assert len(shown) == 3 * len(PIPELINES)
    for cell in shown:
        assert isinstance(cell.content, Number)
        assert cell.content.interval is None
        assert cell.content.hidden is not None
        assert cell.shade == cell.content.raw[0]
    framed = [cell for cell in shown if cell.strong]
    assert len(framed) == 3
    assert all(isinstance(c.content, Number) and f"/{HOME}:" in c.content.id for c in framed)
    head, *lines = table_csv(table).splitlines()
    assert head.count(" low") == 3
    assert any(repr(shown[0].content.raw[1]) in line for line in lines if isinstance(shown[0].content, Number))


def test_the_prose_names_the_ends_of_the_range(summary: Summary, sections: dict[str, Section]) -> None:
    """The paragraph says the lowest and the highest share called synthetic among the pipelines, and of the set."""
    text = str(next(block for block in sections["pipeline"].blocks if isinstance(block, Paragraph)))
    shares = [
        1 - (row.estimate or 0.0)
        for row in summary.control_metrics
        if (row.quantity, row.variant, row.source) == ("specificity", "baseline", "photos")
    ]
    assert len(shares) == len(PIPELINES)
    for share in (min(shares), max(shares)):
        assert f"{100 * share:.1f}" in text
    assert "(nearest)" in text


def test_the_parts_are_drawn_with_their_definition(sections: dict[str, Section]) -> None:
    """One panel a variant, a row for the whole, corpus, generator and every other pipeline; words say what they are."""
    blocks = sections["shift"].blocks
    figure = next(block for block in blocks if isinstance(block, Figure))
    assert [panel.title for panel in figure.panels] == ["baseline", "autoencoder"]
    for panel in figure.panels:
        for label in ("loss, whole", "corpus", "generator", "+ nearest", "+ box"):
            assert label in panel.alt
    words = str(next(block for block in blocks if isinstance(block, Paragraph)))
    assert "parted exactly" in words
    assert "names no images of the training generator" not in words
    table = next(block for block in blocks if isinstance(block, Table))
    assert len(table.rows) == 2 * (3 + len(PIPELINES) - 1)


def test_without_the_training_generator_the_words_say_so() -> None:
    """Where no fakes of it are known, the definition says what stands where."""
    summary = build_summary(**make(np.random.default_rng(0), same=()))
    section = next(section for section in shift_sections(Lookup(summary)) if section.id == "shift")
    words = str(next(block for block in section.blocks if isinstance(block, Paragraph)))
    assert "names no images of the training generator in another collection" in words


def test_curves_have_a_panel_for_each_corruption(sections: dict[str, Section]) -> None:
    """Levels run from none to the strongest, with every variant's value in the alternative text."""
    figures = [block for block in sections["robustness"].blocks if isinstance(block, Figure)]
    assert [figure.title for figure in figures] == ["Robustness: test", f"Robustness: {HOME}"]
    jpeg, blur = figures[0].panels
    assert (jpeg.title, blur.title) == ("JPEG", "Blur")
    assert jpeg.alt.index("none") < jpeg.alt.index("50 ") < jpeg.alt.index("10 ")
    assert jpeg.alt.count("baseline") == jpeg.alt.count("autoencoder") == 1


def test_a_study_without_controls_has_none_of_it() -> None:
    """The sections are empty and not in the document."""
    summary = build_summary(**make(np.random.default_rng(0)) | {"controls": None})
    assert all(not section.blocks for section in shift_sections(Lookup(summary)))
    document = build_benchmark(summary, Examples(seed=0, sets=(), rule=""))
    assert not {"pipeline", "shift", "robustness"} & {section.id for section in document.sections}


def test_the_page_holds_the_intervals_under_the_pointer(summary: Summary) -> None:
    """On screen a bare share has its interval as a title, and the sections are in the document."""
    document = build_benchmark(summary, Examples(seed=0, sets=(), rule=""))
    assert {"pipeline", "shift", "robustness"} <= {section.id for section in document.sections}
    page = draw_page(document, summary, "screen")
    row = next(r for r in summary.control_metrics if r.id == f"specificity/baseline/{HOME}:photos/none")
    assert row.low is not None
    assert row.high is not None
    assert f'title="[{100 * (1 - row.high):.1f}, {100 * (1 - row.low):.1f}]"' in page
