"""Control rows of a summary: on the disk and back, unique by id, absent where there are none."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from control_study import make

from analysis.build import build_summary
from analysis.build_controls import ControlRows, build_controls
from analysis.frames import index_predictions
from analysis.results import read_results, write_results, write_tables
from analysis.summary import Summary

FIELDS = ("control_sets", "control_metrics", "control_contrasts", "shift")


@pytest.fixture(scope="module")
def summary() -> Summary:
    return build_summary(**make(np.random.default_rng(0)))


def test_rows_survive_the_disk(summary: Summary, tmp_path: Path) -> None:
    """`results.json` gives the summary back, and each table holds every row once by its id."""
    write_results(summary, tmp_path / "results.json")
    assert read_results(tmp_path / "results.json") == summary
    write_tables(summary, tmp_path)
    for name in FIELDS:
        rows = getattr(summary, name)
        assert rows
        for frame in (pd.read_parquet(tmp_path / f"{name}.parquet"), pd.read_csv(tmp_path / f"{name}.csv")):
            assert list(frame["id"]) == [row.id for row in rows]
            assert frame["id"].is_unique


def test_ids_say_what_is_subtracted() -> None:
    """A row's id names variants, test sets and source in the order of the contract."""
    summary = build_summary(**make(np.random.default_rng(0)))
    ids = {row.id for name in FIELDS for row in getattr(summary, name)}
    home = "far@bilinear+jpeg75"
    assert f"specificity/baseline/far@nearest-vs-{home}:photos/none" in ids
    assert f"balanced_accuracy/autoencoder-vs-baseline/{home}~jpeg-vs-{home}/own" in ids
    assert "shift-pipeline/recall/baseline/far@nearest/none" in ids
    assert f"shift-corpus/balanced_accuracy/autoencoder-vs-baseline/{home}/own" in ids


def test_a_study_without_controls_has_no_rows() -> None:
    """Nothing declared, nothing in the summary; the rest of it is as ever."""
    made = make(np.random.default_rng(0))
    without = build_summary(**made | {"controls": None})
    assert all(getattr(without, name) == () for name in FIELDS)
    assert without.metrics == build_summary(**made).metrics
    own = index_predictions(made["predictions"], made["images"])
    assert build_controls(None, own, made["study"], 0.95) == ControlRows()
