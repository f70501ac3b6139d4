"""Tables as data."""

from __future__ import annotations

import pytest

from analysis.reporting.blocks import Cell, Figure, Panel, Row, Table, letter
from analysis.reporting.quantities import Number, value


def number(amount: float | None, reason: str | None = None) -> Cell:
    return Cell(Number("id", "plain", "–" if amount is None else "x", "", None, reason, (amount, None, None)))


def table() -> Table:
    rows = (
        Row(("g", 'a "quoted", name'), (number(0.1 + 0.2), Cell("word"))),
        Row(("h", "b"), (number(None, "why"), Cell("1,000", count=True))),
        Row(("g", "c"), (number(None, "other"), Cell(""))),
        Row(("g", "d"), (number(None, "why"), Cell(""))),
    )
    return Table("t", "T", ("group", "row"), ("value", "note"), rows, grouped=True)


def test_reasons_are_lettered_once_each() -> None:
    """Equal reasons share a letter; a defined cell has none."""
    made = table()
    assert made.notes == (("a", "why"), ("b", "other"))
    assert [made.note(row.cells[0]) for row in made.rows] == ["", "a", "b", "a"]


def test_rows_are_grouped_in_order_of_appearance() -> None:
    """Rows with the same first head stand together."""
    assert [(name, [row.heads[1][0] for row in rows]) for name, rows in table().groups] == [
        ("g", ["a", "c", "d"]),
        ("h", ["b"]),
    ]


def test_columns_with_digits_are_headed_right() -> None:
    """A column with any number or count is aligned at the right."""
    assert table().right == (True, True)


def test_letters_go_on_after_z() -> None:
    """Notes do not run out of letters."""
    assert [letter(position) for position in (0, 25, 26, 27, 701, 702)] == ["a", "z", "aa", "ab", "zz", "aaa"]


def test_a_cell_knows_its_exact_number() -> None:
    """What a cell is sorted by is unrounded; text and what is undefined have none."""
    assert number(0.1 + 0.2).exact == 0.1 + 0.2
    assert number(None, "why").exact is None
    assert Cell("word").exact is None
    assert (Cell.counted(1000).content, Cell.counted(1000).exact) == ("1,000", 1000)
    assert (Cell.counted(0.98765, "0.988").content, Cell.counted(0.98765, "0.988").exact) == ("0.988", 0.98765)


def test_a_table_says_whether_it_holds_shares() -> None:
    """Numbers shown in per cent or points are downloaded as fractions, and the page says so."""
    assert not table().has_shares
    share = Row(("a",), (Cell(value("x", 0.5, "percent")),))
    assert Table("t", "T", ("row",), ("share, %",), (share,)).has_shares


def test_a_figure_that_no_sheet_holds_breaks_between_rows_of_panels() -> None:
    """By the number of panels, or by their heights, two side by side: 82 mm wide, as high as their shape makes them."""

    def figure(*heights: float) -> Figure:
        panels = (
            Panel(f"p-{n}", "", "", f'<svg class="chart" width="320" height="{height}" viewBox="0 0 1 1"></svg>', {})
            for n, height in enumerate(heights)
        )
        return Figure("f", "F", tuple(panels), ())

    assert figure(320).panels[0].height == pytest.approx(82)
    assert not figure(200, 200, 200, 200).tall
    assert figure(100, 100, 100, 100, 100).tall
    assert figure(616, 280, 520).tall
    assert not figure(500, 580).tall
    assert Panel("p", "", "", "<svg></svg>", {}).height == 0.0
