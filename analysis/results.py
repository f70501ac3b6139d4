"""`results.json` and the tables: a `Summary` on disk, written whole or not at all.

What may be absent and is None has no key in `results.json`, unless its object says why: a `reason` (or `…_reason`)
stands beside all that it may be about, written as null. What must be there always is, as null where it is undefined.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd
from pydantic import BaseModel, ValidationError
from pydantic_core import to_json

from analysis.errors import InputError
from analysis.sentences import judged_of
from analysis.summary import (
    SCHEMA_VERSION,
    Contrast,
    ControlCard,
    ControlContrast,
    Curve,
    Estimate,
    Frozen,
    ModelRow,
    RunInterval,
    RunTest,
    SeedValue,
    ShiftPart,
    SpreadRow,
    SubsetRow,
    Summary,
)
from analysis.verdicts import Verdict, VerdictPart


class VerdictRow(VerdictPart):
    """One cell of a claim beside the verdict of the whole claim, as a row of the table `verdicts`."""

    claim: str
    says: str
    judged: str | None
    """At what, where it was not judged as declared."""
    quantity: str
    kind: str
    outcome: str
    family: str
    alpha: float
    bound: float | None
    margin: float | None
    margin_declared: float | None
    bound_declared: float | None
    alpha_declared: float | None
    changed: str | None
    claim_p_support: float | None
    claim_p_contradict: float | None
    p_support_adjusted: float | None
    p_contradict_adjusted: float | None
    sentence: str

    @property
    def id(self) -> str:
        """`claim/<claim>/variant[-vs-variant]/test_set[-vs-test_set][:source]/path`."""
        who = self.variant if self.versus is None else f"{self.variant}-vs-{self.versus}"
        where = self.test_set if self.source is None else f"{self.test_set}:{self.source}"
        where = where if self.versus_test_set is None else f"{where}-vs-{self.versus_test_set}"
        return f"claim/{self.claim}/{who}/{where}/{self.path}"


class CurvePoint(Frozen):
    """One position of a curve, as a row of the table `curves`; a curve that is not defined is one row, its reason."""

    kind: str
    variant: str
    test_set: str
    path: str
    position: int
    x: float | None = None
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    n_seeds: int
    n_images: int
    reason: str | None = None

    @property
    def id(self) -> str:
        """`kind/variant/test_set/path/<position>`, from 0."""
        return f"{self.kind}/{self.variant}/{self.test_set}/{self.path}/{self.position}"


Row = Estimate | SeedValue | RunInterval | RunTest | ModelRow | SpreadRow | CurvePoint | ControlCard | VerdictRow

KINDS: dict[str, type[Row]] = {
    "metrics": Estimate,
    "contrasts": Contrast,
    "factorial": Contrast,
    "dispersion": Estimate,
    "dispersion_contrasts": Contrast,
    "dispersion_parts": Estimate,
    "agreement": Estimate,
    "faithfulness": Estimate,
    "seed_values": SeedValue,
    "run_intervals": RunInterval,
    "run_tests": RunTest,
    "model_checks": ModelRow,
    "seed_spread": SpreadRow,
    "curves": CurvePoint,
    "control_sets": ControlCard,
    "control_metrics": Estimate,
    "control_contrasts": ControlContrast,
    "shift": ShiftPart,
    "subsets": SubsetRow,
    "verdicts": VerdictRow,
}

_NO_NUMBER = re.compile(r'^ *(?:"\w+": )?-?(?:NaN|Infinity),?$', re.MULTILINE)

TABLES = tuple(KINDS)
"""The tables that `write_tables` makes, each as CSV and Parquet."""


def results_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of `results.json`; keys that are not required are absent where they are None."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Summary.model_json_schema()}


def write_results(summary: Summary, path: str | os.PathLike[str]) -> None:
    """Write `results.json`: the same summary always gives the same bytes, numbers are unrounded.

    The file appears complete or stays as it was.

    Raises:
        InputError: the file cannot be written.
    """
    text = to_json(_without_empty(summary), indent=1, inf_nan_mode="constants").decode()
    # The models refuse NaN, but `model_copy` checks nothing. A line break in a string is escaped: a line is a value.
    if ("NaN" in text or "Infinity" in text) and (found := _NO_NUMBER.search(text)):
        raise ValueError(f"`{found.group().strip()}` in the summary is not JSON compliant")
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

    Columns are the fields of the rows (`KINDS`) with `id` before them; fractions, unrounded; what is not defined is
    empty, with its `reason`.

    Raises:
        InputError: a file cannot be written.
    """
    place = Path(folder)
    written: list[Path] = []
    for name, kind in KINDS.items():
        frame = table_frame(table_rows(summary, name), kind)
        buffer = BytesIO()
        frame.to_parquet(buffer, index=False)
        text = frame.to_csv(index=False, lineterminator="\n")
        for path, content in ((place / f"{name}.csv", text.encode()), (place / f"{name}.parquet", buffer.getvalue())):
            _write_whole(path, content)
            written.append(path)
    return tuple(written)


def table_frame(rows: Iterable[Row], kind: type[Row]) -> pd.DataFrame:
    """A frame of a summary's rows, all of one `kind`: the columns stand even where there is no row.

    The id of a row of one seed is that of its quantity, with `seed-<n>` as the field.
    """
    records = [{"id": row_id(row), **row.model_dump()} for row in rows]
    frame = pd.DataFrame.from_records(records, columns=["id", *kind.model_fields])
    # Explicit types, since a column that is empty throughout would be taken for another.
    types: dict[object, str] = {
        float: "float64",
        float | None: "float64",
        int: "int64",
        int | None: "Int64",
        bool: "bool",
        bool | None: "boolean",
    }
    return frame.astype({"id": "string"} | {c: types.get(f.annotation, "string") for c, f in kind.model_fields.items()})


def table_rows(summary: Summary, name: str) -> Iterable[Row]:
    """The rows of one of `TABLES`."""
    match name:
        case "verdicts":
            return verdict_rows(summary.verdicts)
        case "curves":
            return curve_points(summary.curves)
    rows: tuple[Row, ...] = getattr(summary, name)
    return rows


def curve_points(curves: Iterable[Curve]) -> list[CurvePoint]:
    """A row for every position of every curve."""
    points = []
    for curve in curves:
        labels = curve.model_dump(exclude={"x", "mean", "low", "high"})
        if not curve.x:
            points.append(CurvePoint(**labels, position=0))
        for position, numbers in enumerate(zip(curve.x, curve.mean, curve.low, curve.high, strict=True)):
            fields = dict(zip(("x", "mean", "low", "high"), numbers, strict=True))
            points.append(CurvePoint(**labels, position=position, **fields))
    return points


def verdict_rows(verdicts: Iterable[Verdict]) -> list[VerdictRow]:
    """A row for every cell of every claim."""
    return [
        VerdictRow(
            **part.model_dump(),
            claim=verdict.id,
            says=verdict.says,
            judged=judged_of(verdict),
            quantity=verdict.quantity,
            kind=verdict.kind,
            outcome=verdict.outcome,
            family=verdict.family,
            alpha=verdict.alpha,
            bound=verdict.bound,
            margin=verdict.margin,
            margin_declared=verdict.margin_declared,
            bound_declared=verdict.bound_declared,
            alpha_declared=verdict.alpha_declared,
            changed=verdict.changed,
            claim_p_support=verdict.p_support,
            claim_p_contradict=verdict.p_contradict,
            p_support_adjusted=verdict.p_support_adjusted,
            p_contradict_adjusted=verdict.p_contradict_adjusted,
            sentence=verdict.sentence,
        )
        for verdict in verdicts
        for part in verdict.parts
    ]


def row_id(row: Row) -> str:
    """The id of a row, unique within its table."""
    match row:
        case Estimate() | VerdictRow() | CurvePoint() | ControlCard():
            return row.id
        case SeedValue():
            where = row.test_set if row.source is None else f"{row.test_set}:{row.source}"
            where = where if row.subset is None else f"{where}~{row.subset}"
            return f"{row.quantity}/{row.variant}/{where}/{row.path}/seed-{row.seed}"
        case RunInterval():
            return f"{row.quantity}/{row.variant}/{row.test_set}/own/seed-{row.seed}"
        case RunTest():
            who = f"{row.variant}-vs-{row.versus}" if row.variant is not None else "all"
            return f"{row.test}/{who}/{row.test_set}/own/seed-{row.seed}"
        case ModelRow():
            return f"{row.model}/{row.quantity}/{row.effect}/{row.test_set}/{row.path}"
        case SpreadRow():
            return f"seed-spread/{row.variant}/{row.test_set}"


def _without_empty(part: Any) -> Any:
    """Models as dictionaries without what may be absent, is None and has no reason beside it."""
    if isinstance(part, tuple):
        return [_without_empty(each) for each in part]
    if not isinstance(part, BaseModel):
        return part
    needed, reasons = _keys(type(part))
    fields = part.__dict__
    told = any(fields[name] is not None for name in reasons)
    return {
        name: _without_empty(value) for name, value in fields.items() if value is not None or told or name in needed
    }


@cache
def _keys(kind: type[BaseModel]) -> tuple[frozenset[str], tuple[str, ...]]:
    """Fields of a model that must be there, and those that say why others are None."""
    needed = frozenset(name for name, field in kind.model_fields.items() if field.is_required())
    return needed, tuple(name for name in kind.model_fields if name == "reason" or name.endswith("_reason"))


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
