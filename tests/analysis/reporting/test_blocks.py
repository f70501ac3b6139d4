"""Tables as data."""

from __future__ import annotations

import csv
import io

from analysis.reporting.blocks import Cell, Row, Table, letter
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


def test_csv_is_unrounded_and_quoted() -> None:
    """The download holds full precision, empty fields for what is undefined, and survives awkward names."""
    lines = list(csv.reader(io.StringIO(table().csv)))
    assert lines[0] == ["group", "row", "value", "value low", "value high", "note"]
    assert lines[1] == ["g", 'a "quoted", name', "0.30000000000000004", "", "", "word"]
    assert lines[2][2:] == ["", "", "", "1,000"]


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


def test_single_values_take_one_column_in_the_download() -> None:
    """A column of p-values has no columns for limits, and whole numbers stay whole."""
    rows = (
        Row(("a",), (Cell(value("x", 0.031, "p")), Cell(value("y", 6, "count")))),
        Row(("b",), (Cell(value("x", None, "p", reason="one seed")), Cell(value("y", None, "count")))),
    )
    lines = list(csv.reader(io.StringIO(Table("t", "T", ("row",), ("p", "n"), rows).csv)))
    assert lines == [["row", "p", "n"], ["a", "0.031", "6"], ["b", "", ""]]
