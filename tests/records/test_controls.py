"""Reading control sets back: complete, with categories, and refused where they are not whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from isitcap.errors import UserError
from isitcap.records.atomic import write_frame
from isitcap.records.controls import listed, listing, read_controls, write_listing
from isitcap.records.directory import RunDirectory

ROWS: list[dict[str, Any]] = [
    {
        "name": "far@box",
        "base": "far@bilinear",
        "kind": "pipeline",
        "kernel": "box",
        "reencode": False,
        "corruption": None,
        "level": None,
    },
    {
        "name": "test~blur-1",
        "base": "test",
        "kind": "corruption",
        "kernel": None,
        "reencode": None,
        "corruption": "blur",
        "level": 1.0,
    },
]
VARIANTS, SEEDS = ("baseline", "both"), (0, 3)


@pytest.fixture
def directory(tmp_path: Path) -> RunDirectory:
    directory = RunDirectory(tmp_path)
    write_listing(directory, ROWS)
    ids = [f"source/{n}.png" for n in range(4)]
    for row in ROWS:
        index = {"image_id": ids, "source": "source", "group": "", "label": np.array([0, 1] * 2, np.int8)}
        write_frame(directory.images(str(row["name"])), pd.DataFrame(index | {"sha256": "0"}))
    for variant in VARIANTS:
        for seed in SEEDS:
            parts = [
                pd.DataFrame(
                    {"test_set": row["name"], "path": "none", "image_id": ids, "logit": np.arange(4, dtype=np.float32)}
                )
                for row in ROWS
            ]
            write_frame(directory.run(variant, seed) / "controls.parquet", pd.concat(parts, ignore_index=True))
    return directory


def test_frames_hold_every_run_and_set(directory: RunDirectory) -> None:
    """Predictions of all runs, images of all sets, and one row for each set with null where nothing applies."""
    found = read_controls(directory, VARIANTS, SEEDS)
    assert found is not None
    assert len(found.predictions) == 2 * 2 * 2 * 4
    assert list(found.predictions) == ["test_set", "path", "image_id", "logit", "variant", "seed"]
    for column in ("variant", "test_set", "path", "image_id"):
        assert isinstance(found.predictions[column].dtype, pd.CategoricalDtype)
    assert list(found.images) == ["image_id", "source", "group", "label", "test_set"]
    assert list(found.sets["name"]) == ["far@box", "test~blur-1"]
    assert found.sets["kernel"].isna().tolist() == [False, True]
    assert found.sets["reencode"].isna().tolist() == [False, True]
    assert found.sets["level"].isna().tolist() == [True, False]
    assert listed(directory) == ROWS


def test_no_list_no_controls(tmp_path: Path) -> None:
    """A run directory of a study without controls has none, and neither has an empty list."""
    directory = RunDirectory(tmp_path)
    assert read_controls(directory, VARIANTS, SEEDS) is None
    write_listing(directory, [])
    assert read_controls(directory, VARIANTS, SEEDS) is None


@pytest.mark.parametrize("text", ["", "{}", '{"schema_version": 9, "sets": []}', '{"schema_version": 1, "sets": [{}]}'])
def test_a_damaged_list_is_refused(directory: RunDirectory, text: str) -> None:
    """What is no list of this version is refused with the file and the remedy."""
    listing(directory).write_text(text, "utf-8")
    assert listed(directory) is None
    with pytest.raises(UserError, match=r"controls\.json: damaged; run the study again"):
        read_controls(directory, VARIANTS, SEEDS)


def test_a_run_of_other_sets_is_refused(directory: RunDirectory) -> None:
    """Predictions that an interrupted change left behind do not pass for those of the sets listed."""
    write_listing(directory, ROWS[:1])
    with pytest.raises(UserError, match="holds other control sets than"):
        read_controls(directory, VARIANTS, SEEDS)


def test_a_missing_run_is_named(directory: RunDirectory) -> None:
    """The file that lacks is in the message."""
    (directory.run("both", 3) / "controls.parquet").unlink()
    with pytest.raises(UserError, match=r"both/seed-3/controls\.parquet: missing"):
        read_controls(directory, VARIANTS, SEEDS)
