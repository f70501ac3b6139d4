"""`results.json` and the tables of a diversity study: a `Diversity` on disk, written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import pandas as pd
from pydantic import ValidationError

from analysis.diversity_summary import Diversity, DiversityContrast, DiversityEstimate
from analysis.errors import InputError
from analysis.reporting.files import write_atomically

TABLES: dict[str, type[DiversityEstimate]] = {
    "levels": DiversityEstimate,
    "mixtures": DiversityEstimate,
    "contrasts": DiversityContrast,
}


def write_diversity(diversity: Diversity, path: str | os.PathLike[str]) -> None:
    """Write `results.json`: the same findings always give the same bytes, numbers are unrounded.

    Raises:
        InputError: the file cannot be written.
    """
    _write(Path(path), (diversity.model_dump_json(indent=1) + "\n").encode())


def read_diversity(path: str | os.PathLike[str]) -> Diversity:
    """Read what `write_diversity` wrote.

    Raises:
        InputError: the file cannot be read, or does not hold the findings of a diversity study.
    """
    try:
        return Diversity.model_validate_json(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give the path of a results.json") from error
    except (ValidationError, UnicodeDecodeError) as error:
        first = error.errors(include_url=False)[0] if isinstance(error, ValidationError) else None
        where = ".".join(map(str, first["loc"])) if first is not None else ""
        reason = f"{where or 'the whole'}: {first['msg']}" if first is not None else "is no text in UTF-8"
        raise InputError(f"{path}: {reason}; make it again with `isitcap analyze`") from error


def write_diversity_tables(diversity: Diversity, folder: str | os.PathLike[str]) -> tuple[Path, ...]:
    """Write `levels`, `mixtures`, `contrasts` and `seed_values` as CSV and Parquet; fractions, unrounded.

    Raises:
        InputError: a file cannot be written.
    """
    frames = {name: _frame(getattr(diversity, name), kind) for name, kind in TABLES.items()}
    frames["seed_values"] = pd.DataFrame(
        [
            (row.id, row.quantity, row.variant, row.k, row.test_set, row.source, row.mixture, seed, value)
            for row in (*diversity.levels, *diversity.mixtures)
            for seed, value in zip(diversity.study.seeds, row.per_seed, strict=True)
        ],
        columns=["id", "quantity", "variant", "k", "test_set", "source", "mixture", "seed", "value"],
    ).astype({"source": "string", "mixture": "string"})
    written = []
    for name, frame in frames.items():
        buffer = BytesIO()
        frame.to_parquet(buffer, index=False)
        text = frame.to_csv(index=False, lineterminator="\n")
        for suffix, content in (("csv", text.encode()), ("parquet", buffer.getvalue())):
            _write(Path(folder) / f"{name}.{suffix}", content)
            written.append(Path(folder) / f"{name}.{suffix}")
    return tuple(written)


def _frame(rows: Sequence[DiversityEstimate], kind: type[DiversityEstimate]) -> pd.DataFrame:
    """A frame of rows: explicit types, since a column that is empty throughout would be taken for another."""
    fields = {name: field.annotation for name, field in kind.model_fields.items() if name != "per_seed"}
    records = [{"id": row.id, **row.model_dump(exclude={"per_seed"})} for row in rows]
    types: dict[object, str] = {float: "float64", float | None: "float64", int: "int64"}
    frame = pd.DataFrame.from_records(records, columns=["id", *fields])
    return frame.astype({"id": "string"} | {name: types.get(found, "string") for name, found in fields.items()})


def _write(path: Path, content: bytes) -> None:
    try:
        write_atomically(path, content)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({error.strerror}); free space or choose another folder"
        ) from error
