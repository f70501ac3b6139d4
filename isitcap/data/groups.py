"""Groups of images from a table beside them, where the folders do not tell them."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

from isitcap.data.archives import Archive, show
from isitcap.data.pixels import BrokenImageError
from isitcap.data.sources import Item
from isitcap.errors import UserError

TABLE = "index.csv"
"""The table's name; its paths start at the folder that it lies in."""

PATH_COLUMN = "file"
"""The column of the images' paths."""


def has_table(archive: Archive) -> bool:
    """Whether a table lies beside the images."""
    return any(member.rsplit("/", 1)[-1] == TABLE for member in archive.members)


def with_groups(name: str, column: str, archive: Archive, items: list[Item]) -> list[Item]:
    """The images of the source `name`, each with the group that `column` of the table beside it names.

    Raises:
        UserError: there is no table, it lacks a column, or an image is not in it.
    """
    found: dict[str, str] = {}
    tables = [member for member in archive.members if member.rsplit("/", 1)[-1] == TABLE]
    for table in tables:
        folder = table.removesuffix(TABLE)
        where = f"source `{name}`: {archive.location}: {show(table)}"
        try:
            text = archive.read(table).decode("utf-8-sig")
        except (BrokenImageError, UnicodeDecodeError) as error:
            raise UserError(f"{where} cannot be read as a table in UTF-8 ({error}); mend it") from None
        rows = csv.DictReader(io.StringIO(text, newline=""))
        for needed in (PATH_COLUMN, column):
            if needed not in (rows.fieldnames or ()):
                known = ", ".join(rows.fieldnames or ()) or "none"
                raise UserError(f"{where} has no column `{needed}` (columns: {known}); correct sources.{name}.groups")
        found |= {folder + (row[PATH_COLUMN] or ""): row[column] or "" for row in rows}
    if not tables:
        raise UserError(
            f"source `{name}`: {archive.location} holds no {TABLE}, which sources.{name}.groups = {column!r} names a "
            "column of; add it, or remove the key"
        )
    for item in items:
        if item.member not in found:
            raise UserError(
                f"source `{name}`: {archive.location}: {TABLE} lacks the image {show(item.member)}; add its row"
            )
    return [replace(item, group=found[item.member]) for item in items]
