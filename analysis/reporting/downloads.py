"""Tables as files inside the page: numbers unrounded, shares and differences of shares as fractions."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from analysis.reporting.blocks import Cell, Table
from analysis.reporting.images import attachment
from analysis.reporting.quantities import Number, plain

UNITS = (
    "Numbers are unrounded. Of kind percent, points or called_synthetic they are fractions; called_synthetic under the "
    "id of a specificity is 1 minus it. Null is undefined, for the reason given."
)


def table_csv(table: Table) -> str:
    """A table as CSV (RFC 4180): an estimate takes three columns, its value and the ends of its interval."""
    wide = [any(row.cells[column].has_interval for row in table.rows) for column in range(len(table.header))]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    head = list(table.row_header)
    for name, is_wide in zip(table.header, wide, strict=True):
        head += [name, f"{name} low", f"{name} high"] if is_wide else [name]
    writer.writerow(head)
    for row in table.rows:
        line: list[str] = list(row.heads)
        for cell, is_wide in zip(row.cells, wide, strict=True):
            line += _fields(cell)[: 3 if is_wide else 1]
        writer.writerow(line)
    return buffer.getvalue()


def table_json(table: Table) -> str:
    """A table as JSON: `columns`, and `rows` of texts, plain numbers, and estimates with id, kind, value and limits."""
    content = {
        "id": table.id,
        "title": table.title,
        "caption": plain(table.caption),
        "units": UNITS,
        "columns": [*table.row_header, *table.header],
        "rows": [[*row.heads, *(_entry(cell) for cell in row.cells)] for row in table.rows],
    }
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def csv_address(table: Table) -> str:
    """The CSV as a `data:` address."""
    return attachment(table_csv(table).encode("utf-8"), "text/csv")


def json_address(table: Table) -> str:
    """The JSON as a `data:` address."""
    return attachment(table_json(table).encode("utf-8"), "application/json")


def exact_text(value: float) -> str:
    """A number with all its digits, so that reading it gives the same number."""
    return str(value) if isinstance(value, int) else repr(float(value))


def _fields(cell: Cell) -> list[str]:
    if isinstance(cell.content, Number):
        return ["" if value is None else exact_text(value) for value in cell.content.raw]
    return [cell.content if cell.amount is None else exact_text(cell.amount), "", ""]


def _entry(cell: Cell) -> Any:
    if not isinstance(cell.content, Number):
        return cell.content if cell.amount is None else cell.amount
    number = cell.content
    value, low, high = number.raw
    limits = {} if number.single else {"low": low, "high": high}
    reason = {"reason": number.reason} if number.reason else {}
    return {"id": number.id, "kind": number.kind, "value": value, **limits, **reason}
