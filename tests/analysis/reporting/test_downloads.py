"""Tables as files inside the page."""

from __future__ import annotations

import base64
import csv
import io
import json

from analysis.reporting.blocks import Cell, Row, Table
from analysis.reporting.downloads import csv_address, exact_text, json_address, table_csv, table_json
from analysis.reporting.quantities import Number, value


def number(amount: float | None, reason: str | None = None) -> Cell:
    return Cell(Number("id", "plain", "–" if amount is None else "x", "", None, reason, (amount, None, None)))


def table() -> Table:
    rows = (
        Row(("g", 'a "quoted", name'), (number(0.1 + 0.2), Cell("word"))),
        Row(("h", "b"), (number(None, "why"), Cell.counted(1000))),
    )
    return Table("t", "T", ("group", "row"), ("value", "note"), rows, ("n = ", value("x", 3, "count")), grouped=True)


def lines(made: Table) -> list[list[str]]:
    return list(csv.reader(io.StringIO(table_csv(made))))


def test_csv_is_unrounded_and_quoted() -> None:
    """The download holds full precision, empty fields for what is undefined, and survives awkward names."""
    found = lines(table())
    assert found[0] == ["group", "row", "value", "value low", "value high", "note"]
    assert found[1] == ["g", 'a "quoted", name', "0.30000000000000004", "", "", "word"]
    assert found[2][2:] == ["", "", "", "1000"]


def test_single_values_take_one_column_in_the_download() -> None:
    """A column of p-values has no columns for limits, and whole numbers stay whole."""
    rows = (
        Row(("a",), (Cell(value("x", 0.031, "p")), Cell(value("y", 6, "count")))),
        Row(("b",), (Cell(value("x", None, "p", reason="one seed")), Cell(value("y", None, "count")))),
    )
    assert lines(Table("t", "T", ("row",), ("p", "n"), rows)) == [["row", "p", "n"], ["a", "0.031", "6"], ["b", "", ""]]


def test_json_keeps_ids_kinds_limits_and_reasons() -> None:
    """An estimate is an object with its id, a count a number, a name a text; nothing is rounded."""
    found = json.loads(table_json(table()))
    assert (found["id"], found["title"], found["caption"]) == ("t", "T", "n = 3")
    assert found["columns"] == ["group", "row", "value", "note"]
    limits = {"id": "id", "kind": "plain", "low": None, "high": None}
    assert found["rows"] == [
        ["g", 'a "quoted", name', {**limits, "value": 0.1 + 0.2}, "word"],
        ["h", "b", {**limits, "value": None, "reason": "why"}, 1000],
    ]
    single = Table("t", "T", ("row",), ("p",), (Row(("a",), (Cell(value("x", 0.031, "p")),)),))
    assert json.loads(table_json(single))["rows"] == [["a", {"id": "x", "kind": "p", "value": 0.031}]]


def test_addresses_hold_the_files() -> None:
    """Both stand inside the page, base64, with their media types."""
    for address, text, kind in (
        (csv_address(table()), table_csv(table()), "text/csv"),
        (json_address(table()), table_json(table()), "application/json"),
    ):
        head, _, data = address.partition(",")
        assert head == f"data:{kind};base64"
        assert base64.b64decode(data).decode("utf-8") == text


def test_numbers_are_written_with_all_digits() -> None:
    """Reading gives the same number, and whole ones have no point."""
    assert exact_text(7) == "7"
    assert float(exact_text(1 / 3)) == 1 / 3
