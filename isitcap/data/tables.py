"""Parquet tables with a column of image files, as Hugging Face keeps them: read page by page, never whole.

The column is a struct `{bytes, path}` or plain binary. A label column is text, or whole numbers whose names stand in
the table's own metadata (`ClassLabel`).
"""

from __future__ import annotations

import json
import re
import sys
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from isitcap.data.archives import Archive, check_bytes, show
from isitcap.data.pixels import BrokenImageError
from isitcap.errors import UserError

MAX_RATIO, MAX_FREE = 100, 2**30
"""A column may unfold to more than `MAX_FREE` bytes only while that is less than `MAX_RATIO` times its size."""
_BATCH = 2**24
"""Bytes of images that are decompressed at once, about."""

_DAMAGE = (pa.ArrowException, OSError, ValueError, KeyError, IndexError, OverflowError)


def is_table(location: Path) -> bool:
    """Whether a file is Parquet, by its name or its first bytes."""
    if location.suffix.lower() == ".parquet":
        return True
    try:
        with location.open("rb") as file:
            return file.read(4) == b"PAR1"
    except OSError:
        return False


class Tables(Archive):
    """One Parquet file, or several of a folder in the order of their names, as one archive.

    A member is `<file>/<row>`, or `<row>` alone for one file; every row is an image. `first` stops after so many rows.

    Raises:
        UserError: no readable table, no such column or one of another type, a table that unfolds like a bomb.
    """

    tabular = True

    def __init__(
        self,
        location: Path,
        files: Sequence[str] | None,
        image_column: str | None,
        label_column: str | None,
        first: int | None,
    ) -> None:
        self.location = location
        self._image, self._label = image_column or "image", label_column or "label"
        self.files = tuple(sorted(files)) if files is not None else (location.name,)
        """The names of the tables, `/`-separated."""
        self._numbers = {name: number for number, name in enumerate(self.files)}
        self._tables: list[pq.ParquetFile] = []
        self._reading: _Rows | None = None
        starts, members = [0], []
        for name in self.files:
            path = location / name if files is not None else location
            table = self._opened(path)
            self._tables.append(table)
            rows = table.metadata.num_rows if first is None else min(table.metadata.num_rows, first - starts[-1])
            starts.append(starts[-1] + rows)
            members += [f"{name}/{row:09}" if files is not None else f"{row:09}" for row in range(rows)]
        self._starts = starts
        self.members = tuple(members)
        if first is not None and sum(table.metadata.num_rows for table in self._tables) > len(members):
            self.notes = (f"the first {first:,} rows were read, a prefix and no random sample of them",)

    @cached_property
    def images(self) -> tuple[str, ...]:
        """Every row."""
        return self.members

    @cached_property
    def labels(self) -> Sequence[str] | None:
        """Of each row the text or class name of the label column; the number as text where no names are known."""
        columns = [self._column(table, self._label) for table in self._tables]
        labels: list[str] = []
        for number, (table, column) in enumerate(zip(self._tables, columns, strict=True)):
            names = _class_names(table, self._label)
            where = f"{self.location}: {self.files[number]}: the column {show(self._label)}"
            kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
            if not (pa.types.is_integer(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind)):
                raise UserError(f"{where} holds {column.type}, no labels; name another with `label_column`")
            for value in self._values(table, self._label, self._starts[number + 1] - self._starts[number]):
                if value is None:
                    raise UserError(f"{where} lacks a value in row {len(labels) - self._starts[number]}; add it")
                if isinstance(value, int) and names and not 0 <= value < len(names):
                    raise UserError(f"{where} holds {value}, which is none of its {len(names)} classes; correct it")
                labels.append(sys.intern(names[value] if isinstance(value, int) and names else str(value)[:200]))
        return labels

    @property
    def has_labels(self) -> bool:
        """Whether every table has the label column."""
        return all(self._label in table.schema_arrow.names for table in self._tables)

    @property
    def has_texts(self) -> bool:
        """Whether every table has the label column, and texts in it."""
        if not self.has_labels:
            return False
        columns = [self._column(table, self._label).type for table in self._tables]
        kinds = [kind.value_type if pa.types.is_dictionary(kind) else kind for kind in columns]
        return all(pa.types.is_string(kind) or pa.types.is_large_string(kind) for kind in kinds)

    @cached_property
    def class_names(self) -> tuple[str, ...]:
        """The names that the tables' own metadata gives the numbers of the label column; empty where there are none."""
        return tuple(dict.fromkeys(name for table in self._tables for name in _class_names(table, self._label)))

    def paths(self) -> list[str]:
        """Of each row the file name that stands beside the image; empty where none does."""
        found: list[str] = []
        for number, table in enumerate(self._tables):
            n = self._starts[number + 1] - self._starts[number]
            if "path" in _children(self._column(table, self._image).type):
                found += [value or "" for value in self._values(table, f"{self._image}.path", n)]
            else:
                found += [""] * n
        return found

    def read(self, member: str) -> bytes:
        """As the base class says; rows in their own order cost one pass."""
        name, _, row = member.rpartition("/")
        number = self._numbers[name] if name else 0
        try:
            if self._reading is None or self._reading.number != number:
                self._reading = _Rows(number, self._tables[number], self._image)
            data = self._reading.row(int(row))
        except _DAMAGE as error:
            self._reading = None
            raise BrokenImageError(f"cannot be unpacked ({' '.join(str(error).split())[:200]})") from None
        if data is None:
            raise BrokenImageError("holds no bytes in its row")
        check_bytes(len(data))
        return data

    def part(self, member: str) -> str:
        """The name of a member's table without its folders."""
        return (member.rpartition("/")[0] or self.files[0]).rsplit("/", 1)[-1]

    def close(self) -> None:
        """Let go of the files."""
        self._reading = None
        for table in self._tables:
            table.close()

    def _opened(self, path: Path) -> pq.ParquetFile:
        try:
            table = pq.ParquetFile(
                path,
                memory_map=False,
                buffer_size=2**20,
                pre_buffer=False,
                thrift_string_size_limit=2**26,
                thrift_container_size_limit=2**22,
            )
        except FileNotFoundError:
            raise UserError(f"{path} does not exist; give the path of a table") from None
        except _DAMAGE as error:
            reason = " ".join(str(error).split())[:200]
            raise UserError(f"{path} is no readable Parquet table ({reason}); give an intact one") from None
        try:
            column = self._column(table, self._image)
            kind = column.type.field("bytes").type if "bytes" in _children(column.type) else column.type
            if not (pa.types.is_binary(kind) or pa.types.is_large_binary(kind)):
                raise UserError(
                    f"{path}: the column {show(self._image)} holds {column.type}, not the bytes of image files; "
                    "name another with `image_column`"
                )
            _refuse_bomb(path, table)
        except BaseException:
            table.close()
            raise
        return table

    def _column(self, table: pq.ParquetFile, name: str) -> pa.Field:
        names = table.schema_arrow.names
        if names.count(name) != 1:
            key = "image_column" if name == self._image else "label_column"
            shown = ", ".join(show(other) for other in names[:8])
            raise UserError(f"{self.location}: no column {show(name)}; name one of {shown} with `{key}`")
        return table.schema_arrow.field(name)

    def _values(self, table: pq.ParquetFile, column: str, n: int) -> Iterator[Any]:
        """The first `n` values of one column, with none of the others read."""
        try:
            for batch in table.iter_batches(batch_size=65_536, columns=[column], use_threads=False):
                values = batch.column(0)
                if pa.types.is_struct(values.type):
                    values = values.field(0)
                yield from values.to_pylist()[:n]
                n -= len(values)
                if n <= 0:
                    return
        except _DAMAGE as error:
            reason = " ".join(str(error).split())[:200]
            raise UserError(f"{self.location}: the column {show(column)} is damaged ({reason})") from None


class _Rows:
    """The images of one table, row after row; going back starts again at the row group."""

    def __init__(self, number: int, table: pq.ParquetFile, column: str) -> None:
        self.number = number
        self._table, self._column = table, column
        groups = [table.metadata.row_group(group) for group in range(table.metadata.num_row_groups)]
        self._starts = [0]
        for group in groups:
            self._starts.append(self._starts[-1] + group.num_rows)
        unfolded = sum(group.total_byte_size for group in groups)
        mean = max(1, unfolded // max(1, table.metadata.num_rows))
        self._batch_size = max(1, min(1024, _BATCH // mean))
        self._batches: Iterator[pa.RecordBatch] = iter(())
        self._values: pa.Array | None = None
        self._group = -1
        self._first = self._next = 0

    def row(self, row: int) -> bytes | None:
        """The bytes of one row; none where the table has none.

        Raises:
            ValueError or an error of Arrow's: the row group is damaged, or shorter than declared.
        """
        group = bisect_right(self._starts, row) - 1
        if group != self._group or row < self._first:
            # One group at a time, so that damage to one does not reach the batches of the one before it.
            self._group, self._first, self._next = group, self._starts[group], self._starts[group]
            struct = "bytes" in _children(self._table.schema_arrow.field(self._column).type)
            self._batches = self._table.iter_batches(
                batch_size=self._batch_size,
                row_groups=[group],
                columns=[f"{self._column}.bytes" if struct else self._column],
                use_threads=False,
            )
        while row >= self._next:
            batch = next(self._batches, None)
            if batch is None:
                raise ValueError("the table has fewer rows than it declares")
            values = batch.column(0)
            self._values = values.field(0) if pa.types.is_struct(values.type) else values
            self._first, self._next = self._next, self._next + len(values)
        assert self._values is not None
        value: bytes | None = self._values[row - self._first].as_py()
        return value


def _children(kind: pa.DataType) -> list[str]:
    return [kind.field(number).name for number in range(kind.num_fields)] if pa.types.is_struct(kind) else []


def _class_names(table: pq.ParquetFile, column: str) -> list[str]:
    """The names of a `ClassLabel` column in Hugging Face's metadata."""
    try:
        about = json.loads((table.schema_arrow.metadata or {})[b"huggingface"])
        feature = about["info"]["features"][column]
        return [str(name) for name in feature["names"]] if feature["_type"] == "ClassLabel" else []
    except (KeyError, TypeError, ValueError, RecursionError):
        return []


def _refuse_bomb(path: Path, table: pq.ParquetFile) -> None:
    for group in range(table.metadata.num_row_groups):
        about = table.metadata.row_group(group)
        for number in range(about.num_columns):
            column = about.column(number)
            unfolded, packed = column.total_uncompressed_size, column.total_compressed_size
            if unfolded > MAX_FREE and unfolded > MAX_RATIO * packed:
                raise UserError(
                    f"{path}: the column {show(column.path_in_schema)} would unfold {packed:,} bytes to {unfolded:,}, "
                    "as a decompression bomb does; use another table"
                )


def split_of(name: str) -> str:
    """`train`, `validation` or `test` by the beginning of a table's name, as Hugging Face names them; else empty."""
    found = re.match(r"(train|test|valid(?:ation)?|val)(?=[-._]|$)", name)
    return {"valid": "validation", "val": "validation"}.get(found[1], found[1]) if found else ""
