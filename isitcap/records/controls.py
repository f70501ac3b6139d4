"""Control sets in a run directory: which there are, and what every run said of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from isitcap.errors import UserError
from isitcap.records.atomic import write_json
from isitcap.records.directory import RunDirectory
from isitcap.records.reader import constant, read_frame, united

SCHEMA_VERSION = 1
"""Of `images/controls.json`."""

STAGE = "controls"
"""The stage of a run that predicts control sets; its file is `controls.parquet`."""

GREYSCALE = "controls~greyscale"
"""The stage beside the test sets' indices that says which images have no colour; no test set can have its name."""

SET_COLUMNS = ("name", "base", "kind", "kernel", "reencode", "corruption", "level")


@dataclass(frozen=True)
class ControlFrames:
    """What the runs of a study said of its control sets.

    predictions: variant, seed, test_set, path, image_id, logit; each variant through its own path alone
    images:      test_set, image_id, source, group, label
    sets:        name, base, kind, kernel, reencode, corruption, level; null where it does not apply
    """

    predictions: pd.DataFrame
    images: pd.DataFrame
    sets: pd.DataFrame


def listing(directory: RunDirectory) -> Path:
    """The file that lists all control sets."""
    return directory.root / "images" / "controls.json"


def write_listing(directory: RunDirectory, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the list of control sets, one row (`SET_COLUMNS`) for each."""
    write_json(listing(directory), {"schema_version": SCHEMA_VERSION, "sets": [dict(row) for row in rows]})


def listed(directory: RunDirectory) -> list[dict[str, Any]] | None:
    """The rows that `write_listing` wrote; none where there is no readable list of this version."""
    try:
        held = json.loads(listing(directory).read_text("utf-8"))
        if held["schema_version"] != SCHEMA_VERSION:
            return None
        return [{column: row[column] for column in SET_COLUMNS} for row in held["sets"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def read_greyscale(directory: RunDirectory) -> pd.DataFrame | None:
    """`test_set` and `image_id` of the images without colour; none where no record says which they are.

    Raises:
        UserError: the record is damaged.
    """
    path = directory.images(GREYSCALE)
    return read_frame(path).astype(str) if path.exists() else None


def read_controls(directory: RunDirectory, variants: Iterable[str], seeds: Iterable[int]) -> ControlFrames | None:
    """Read the control predictions of a study's runs; none where the directory has no control sets.

    Raises:
        UserError: the list is damaged, a record is missing or damaged, or a run was made with other control sets.
    """
    if not listing(directory).exists():
        return None
    rows = listed(directory)
    if rows is None:
        raise UserError(f"{listing(directory)}: damaged; run the study again to write it anew")
    if not rows:
        return None
    names = [row["name"] for row in rows]
    runs = [(variant, seed) for variant in variants for seed in seeds]
    sets = pd.DataFrame(rows, columns=list(SET_COLUMNS))
    sets = sets.astype({"reencode": "boolean", "level": "float64"})
    return ControlFrames(united(_predictions(directory, runs, names)), united(_images(directory, names)), sets)


def _predictions(directory: RunDirectory, runs: list[tuple[str, int]], names: list[str]) -> Iterator[pd.DataFrame]:
    for variant, seed in runs:
        path = directory.run(variant, seed) / f"{STAGE}.parquet"
        frame = read_frame(path).astype({"test_set": "category", "path": "category", "image_id": "category"})
        if set(frame["test_set"].cat.categories) != set(names):
            raise UserError(f"{path}: holds other control sets than {listing(directory)}; finish with `isitcap run`")
        yield frame.assign(variant=constant(variant, len(frame)), seed=np.int64(seed))


def _images(directory: RunDirectory, names: list[str]) -> Iterator[pd.DataFrame]:
    for name in names:
        frame = read_frame(directory.images(name))[["image_id", "source", "group", "label"]]
        yield frame.assign(test_set=constant(name, len(frame)))
