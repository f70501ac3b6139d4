"""`results.json` and the tables: a `Summary` on disk, written whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd
from pydantic import ValidationError

from analysis.errors import InputError
from analysis.summary import SCHEMA_VERSION, Estimate, SeedValue, Summary

TABLES = ("metrics", "contrasts", "dispersion", "dispersion_contrasts", "seed_values")
"""The tables that `write_tables` makes, each as CSV and Parquet."""


def results_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of `results.json`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Summary.model_json_schema(mode="serialization"),
    }


def write_results(summary: Summary, path: str | os.PathLike[str]) -> None:
    """Write `results.json`: the same summary always gives the same bytes, numbers are unrounded.

    The file appears complete or stays as it was.

    Raises:
        InputError: the file cannot be written.
    """
    text = json.dumps(summary.model_dump(mode="json"), allow_nan=False, ensure_ascii=False, indent=1)
    _write_whole(Path(path), (text + "\n").encode())


def read_results(path: str | os.PathLike[str]) -> Summary:
    """Read what `write_results` wrote.

    Raises:
        InputError: the file cannot be read, is not JSON, has another schema version, or does not fit the schema.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        data = json.loads(text, parse_constant=_refuse_constant)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give the path of a results.json") from error
    except RecursionError as error:
        raise InputError(f"{path}: is nested too deeply for a results.json; make it again from the records") from error
    except ValueError as error:
        raise InputError(f"{path}: is not valid JSON ({error}); make it again from the records") from error
    version = data.get("schema_version") if isinstance(data, dict) else None
    if version != SCHEMA_VERSION or isinstance(version, bool):
        raise InputError(
            f"{path}: schema version {version!r}, this program reads {SCHEMA_VERSION}; make it again from the records"
        )
    try:
        return Summary.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise InputError(f"{path}: {where}: {first['msg']}; make it again from the records") from error


def write_tables(summary: Summary, folder: str | os.PathLike[str]) -> tuple[Path, ...]:
    """Write every table of `TABLES` as CSV and Parquet into `folder`, made if need be, and return the files.

    Columns are the fields of `Estimate` or `SeedValue` with `id` before them; fractions, unrounded; what is not
    defined is empty, with its `reason`.

    Raises:
        InputError: a file cannot be written.
    """
    place = Path(folder)
    written: list[Path] = []
    for name in TABLES:
        frame = table_frame(getattr(summary, name), SeedValue if name == "seed_values" else Estimate)
        buffer = BytesIO()
        frame.to_parquet(buffer, index=False)
        text = frame.to_csv(index=False, lineterminator="\n")
        for path, content in ((place / f"{name}.csv", text.encode()), (place / f"{name}.parquet", buffer.getvalue())):
            _write_whole(path, content)
            written.append(path)
    return tuple(written)


def table_frame(rows: Iterable[Estimate | SeedValue], kind: type[Estimate] | type[SeedValue]) -> pd.DataFrame:
    """A frame of a summary's rows, all of one `kind`: the columns stand even where there is no row.

    The id of a `SeedValue` is that of its quantity, with `seed-<n>` as the field.
    """
    records = [{"id": _id(row), **row.model_dump()} for row in rows]
    frame = pd.DataFrame.from_records(records, columns=["id", *kind.model_fields])
    # Explicit types, since a column that is empty throughout would be taken for another.
    types: dict[object, str] = {float: "float64", float | None: "float64", int: "int64"}
    return frame.astype({"id": "string"} | {c: types.get(f.annotation, "string") for c, f in kind.model_fields.items()})


def _id(row: Estimate | SeedValue) -> str:
    if isinstance(row, Estimate):
        return row.id
    where = row.test_set if row.source is None else f"{row.test_set}:{row.source}"
    return f"{row.quantity}/{row.variant}/{where}/{row.path}/seed-{row.seed}"


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _write_whole(path: Path, content: bytes) -> None:
    """Write beside `path`, flush to the disk, then rename: no reader ever sees half a file."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({error.strerror}); free space or choose another folder"
        ) from error
