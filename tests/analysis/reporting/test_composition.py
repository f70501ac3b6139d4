"""Sections that hold something, and the numbers of their parts."""

from __future__ import annotations

from analysis.reporting.blocks import Block, Figure, Paragraph, Row, Section, Table
from analysis.reporting.composition import document_of, present
from analysis.summary import Summary


def figure(name: str) -> Figure:
    return Figure(name, name, (), ())


def test_empty_sections_are_left_out(summary: Summary) -> None:
    """A section without parts stays only if one below it has some."""
    text: tuple[Block, ...] = (Paragraph(("x",)),)
    made = document_of(
        "n",
        "Label",
        summary,
        [
            Section("a", "A", 2, ()),
            Section("b", "B", 3, ()),
            Section("c", "C", 2, ()),
            Section("d", "D", 3, ()),
            Section("e", "E", 3, text),
            Section("f", "F", 2, text),
        ],
    )
    assert [section.id for section in made.sections] == ["c", "e", "f"]


def test_figures_and_tables_count_apart(summary: Summary) -> None:
    """Numbers go on from section to section, for figures and for tables."""
    table = Table("t", "T", ("x",), ("y",), (Row(("a",), ()),))
    made = document_of(
        "n", "L", summary, [Section("a", "A", 2, (figure("f"), table)), Section("b", "B", 2, (table, figure("g")))]
    )
    numbers = [[getattr(block, "number", None) for block in section.blocks] for section in made.sections]
    assert numbers == [[1, 1], [2, 2]]


def test_parts_with_nothing_to_show_are_not_present() -> None:
    """Figures without panels and tables without rows or columns are no parts."""
    empty = Table("t", "T", ("x",), ("y",), ())
    full = Table("t", "T", ("x",), ("y",), (Row(("a",), ()),))
    assert list(present(None, figure("f"), empty, full)) == [full]
