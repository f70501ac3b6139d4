from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any

import pytest

from analysis.claims import Claim
from isitcap import __version__
from isitcap.errors import UserError
from isitcap.records.directory import SCHEMA_VERSION, RunDirectory
from isitcap.records.manifest import (
    alpha_at_start,
    claims_at_start,
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


def test_claims_stay_as_they_were_at_the_start(tmp_path: Path) -> None:
    """A later session with other claims, and the same one written again, leave the first record as it is."""
    directory = RunDirectory(tmp_path)
    write(directory, "monday", claims=[claim(0.01)], alpha=0.05)
    write(directory, "monday", claims=[claim(0.03)], alpha=0.1)
    write(directory, "tuesday", claims=[claim(0.02), claim(0.04)], alpha=0.2)
    manifest = read_manifest(directory)
    assert claims_at_start(manifest) == (claim(0.01),)
    assert alpha_at_start(manifest) == 0.05


def test_records_that_are_older_than_claims(tmp_path: Path) -> None:
    """Where the first session kept no claims, those of a later one were not there at the start."""
    directory = RunDirectory(tmp_path)
    write(directory, "monday")
    old = json.loads(directory.manifest.read_text())
    del old["declared"]
    directory.manifest.write_text(json.dumps(old))
    assert (claims_at_start(read_manifest(directory)), alpha_at_start(read_manifest(directory))) == ((), None)
    write(directory, "tuesday", claims=[claim(0.02)], alpha=0.05)
    assert (claims_at_start(read_manifest(directory)), alpha_at_start(read_manifest(directory))) == ((), None)


@pytest.mark.parametrize("declared", [{"claims": [{"id": "kept"}]}, {"claims": 3}, []])
def test_a_damaged_record_of_the_claims(declared: Any) -> None:
    """Claims on record that are none are one line, not a claim that changed."""
    with pytest.raises(UserError, match="claims at the start of the runs is damaged; restore the file"):
        claims_at_start({"declared": declared})
