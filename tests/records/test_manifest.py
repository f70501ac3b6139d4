from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any

import pytest

from analysis.claims import Claim
from analysis.declared import Declared
from isitcap import __version__
from isitcap.errors import UserError
from isitcap.records.directory import SCHEMA_VERSION, RunDirectory
from isitcap.records.manifest import (
    declared_at_start,
    machine,
    read_manifest,
    versions,
    write_manifest,
)


def write(directory: RunDirectory, started: str, **changes: Any) -> None:
    write_manifest(
        directory,
        **{
            "command": ["run", "demo"],
            "device": {"device": "cpu"},
            "packs": {"a": "00"},
            "notes": ["one"],
            "test_sets": [{"name": "x"}],
            "done": ["baseline/seed-0"],
            "started": started,
            "wall_seconds": 1.234,
            "peak_memory_mib": 99.6,
            "declared": Declared(),
        }
        | changes,
    )


def test_sessions_add_up(tmp_path: Path) -> None:
    """Each start adds a session, writing the same one again replaces it, and the rest is the newest."""
    directory = RunDirectory(tmp_path)
    write(directory, "monday")
    write(directory, "tuesday")
    write(directory, "tuesday", wall_seconds=7, done=["both/seed-1"])
    manifest = read_manifest(directory)
    assert [(s["started"], s["wall_seconds"]) for s in manifest["sessions"]] == [("monday", 1.2), ("tuesday", 7)]
    assert manifest["done"] == ["both/seed-1"]
    assert manifest["schema_version"] == SCHEMA_VERSION
    assert manifest["sessions"][0]["versions"] == versions()
    assert manifest["sessions"][0]["peak_memory_mib"] == 100


def test_versions_and_machine() -> None:
    """Versions are those that run; the machine is described and not named."""
    assert versions()["isitcap"] == __version__
    assert versions()["python"] == platform.python_version()
    assert machine()["cores"] >= 1
    assert platform.node() not in json.dumps(machine()).split('"')


def test_a_folder_without_manifest(tmp_path: Path) -> None:
    """A folder, or a file, that is no run directory is said to be none."""
    with pytest.raises(UserError, match=r"no manifest\.json, so no run directory; give one"):
        read_manifest(RunDirectory(tmp_path))
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="a file, not a run directory; give one"):
        read_manifest(RunDirectory(tmp_path / "file"))


@pytest.mark.parametrize("text", ["", "[]", "{}", f'{{"schema_version": {SCHEMA_VERSION}, "sessions": []}}'])
def test_a_damaged_manifest(tmp_path: Path, text: str) -> None:
    """A manifest that is not whole is one line with the remedy."""
    RunDirectory(tmp_path).manifest.write_text(text)
    with pytest.raises(UserError, match=r"manifest\.json: damaged; run the study again"):
        read_manifest(RunDirectory(tmp_path))


def test_another_schema_version(tmp_path: Path) -> None:
    """Records of another schema are refused with both versions."""
    RunDirectory(tmp_path).manifest.write_text('{"schema_version": 999}')
    with pytest.raises(UserError, match=f"schema version 999, this isitcap reads {SCHEMA_VERSION}"):
        read_manifest(RunDirectory(tmp_path))


def claim(margin: float) -> Claim:
    return Claim(
        id="kept",
        says="Augmentation costs nothing.",
        quantity="accuracy",
        kind="non_inferior",
        margin=margin,
        variants=("augment",),
        versus="baseline",
        role="in_sample",
    )


def declared(margin: float, alpha: float = 0.05, confidence: float = 0.95) -> Declared:
    """A record whose margins are all one."""
    return Declared((claim(margin),), alpha, confidence, {"in_sample": margin, "out_of_sample": margin})


def test_what_was_declared_stays_as_it_was_at_the_start(tmp_path: Path) -> None:
    """Other claims, levels and margins, of a later session or the same one again, leave the first record as it is."""
    directory = RunDirectory(tmp_path)
    write(directory, "monday", declared=declared(0.01))
    write(directory, "monday", declared=declared(0.03, 0.1, 0.9))
    write(directory, "tuesday", declared=declared(0.02, 0.2, 0.8))
    assert declared_at_start(read_manifest(directory)) == declared(0.01)


def test_records_that_are_older_than_claims(tmp_path: Path) -> None:
    """Where the first session kept nothing, what a later one declares was not there at the start."""
    directory = RunDirectory(tmp_path)
    write(directory, "monday")
    old = json.loads(directory.manifest.read_text())
    del old["declared"]
    directory.manifest.write_text(json.dumps(old))
    nothing = Declared((), None, None, {})
    assert declared_at_start(read_manifest(directory)) == nothing
    write(directory, "tuesday", declared=declared(0.02))
    assert declared_at_start(read_manifest(directory)) == nothing


def test_records_that_are_older_than_margins(tmp_path: Path) -> None:
    """A manifest that kept the claims and α alone is read, and is not completed by a later session."""
    directory = RunDirectory(tmp_path)
    write(directory, "monday", declared=declared(0.01))
    old = json.loads(directory.manifest.read_text())
    del old["declared"]["margins"], old["declared"]["confidence"]
    directory.manifest.write_text(json.dumps(old))
    write(directory, "tuesday", declared=declared(0.02))
    assert declared_at_start(read_manifest(directory)) == Declared((claim(0.01),), 0.05, None, {})


@pytest.mark.parametrize(
    "kept", [{"claims": [{"id": "kept"}]}, {"claims": 3}, [], {"alpha": "high"}, {"margins": {"in_sample": "wide"}}]
)
def test_a_damaged_record_of_what_was_declared(kept: Any) -> None:
    """Claims, levels or margins on record that are none are one line, not a change."""
    with pytest.raises(UserError, match="declared at the start of the runs is damaged; restore the file"):
        declared_at_start({"declared": kept})
