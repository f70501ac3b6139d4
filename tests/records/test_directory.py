from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from isitcap.errors import UserError
from isitcap.records import directory as records_directory
from isitcap.records.directory import (
    ABSENT,
    Change,
    RunDirectory,
    Stage,
    damage,
    differences,
    map_name,
    parse_map_name,
)

IDENTITY = {"study": {"seed": 1, "epochs": (1, 2)}, "data": "abc"}


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    made = Stage(tmp_path, "train", IDENTITY)
    made.finish([tmp_path / "a", tmp_path / "b"], epoch_seconds=[1.5])
    return made


def test_a_stage_is_not_made_at_first(tmp_path: Path) -> None:
    """Files without the mark do not count."""
    (tmp_path / "a").touch()
    assert Stage(tmp_path, "train", IDENTITY).why() == "not made yet"


def test_a_finished_stage_is_done(stage: Stage) -> None:
    """Under the same identity a finished stage is done, and its facts can be read."""
    assert stage.why() is None
    assert stage.facts()["epoch_seconds"] == [1.5]
    assert Stage(stage.folder, "other", IDENTITY).why() == "not made yet"


def test_a_changed_identity_names_the_key(stage: Stage) -> None:
    """What changed is named with its old and new value."""
    changed = {"study": {"seed": 2, "epochs": [1, 2]}, "data": "abc"}
    assert Stage(stage.folder, "train", changed).why() == "study.seed: 1 → 2"
    more = {"study": {"seed": 1, "epochs": [1, 2]}, "data": "abc", "new": 5}
    assert Stage(stage.folder, "train", more).why() == "new: absent → 5"
    many = {str(n): n for n in range(4)}
    assert str(Stage(stage.folder, "train", many).why()).endswith("(and 3 more)")


def test_changes_are_told_in_other_words(stage: Stage) -> None:
    """Who knows what an identity is about says what changed; without a change nobody is asked."""
    other = Stage(stage.folder, "train", IDENTITY | {"data": "abd"})
    assert other.changed() == (Change("data", "abc", "abd"),)
    assert other.why(lambda changes: [f"{change.key} is another" for change in changes]) == "data is another"
    assert stage.changed() == ()
    assert stage.why(lambda changes: ["something"]) is None


def test_damage_is_found_whatever_the_identity(stage: Stage) -> None:
    """A mark is asked for its files alone."""
    assert damage(stage.mark) is None
    (stage.folder / "a").write_text("x")
    assert damage(stage.mark) == "a is not what was written"
    stage.mark.write_text("{")
    assert damage(stage.mark) == "train.done.json is damaged"
    assert Stage(stage.folder, "train", {}).changed() == (), "a damaged mark says nothing of what changed"


def test_a_missing_file(stage: Stage) -> None:
    """A vouched file that is gone is named."""
    (stage.folder / "b").unlink()
    assert stage.why() == "b is missing"


@pytest.mark.parametrize("text", ["x", "longer", ""])
def test_an_altered_file(stage: Stage, text: str) -> None:
    """A file of other content is named, of the same length too."""
    (stage.folder / "a").write_text(text)
    assert stage.why() == "a is not what was written"


def test_sizes_alone_can_be_compared(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without hashes no file is read: one that is missing or of another length is found, other content is not."""
    monkeypatch.setattr(records_directory, "sha256", lambda path: pytest.fail(f"{path} was read"))
    assert stage.why(hashed=False) is None
    (stage.folder / "a").write_text("x")
    assert stage.why(hashed=False) is None
    (stage.folder / "a").write_text("longer")
    assert stage.why(hashed=False) == "a is not what was written"
    (stage.folder / "a").unlink()
    assert stage.why(hashed=False) == "a is missing"


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"files": 3, "identity": {}}'])
def test_a_damaged_mark(stage: Stage, text: str) -> None:
    """A mark that cannot be read makes the stage anew."""
    stage.mark.write_text(text)
    assert stage.why() == "train.done.json is damaged"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": (1, 2)}, {"a": [1, 2]}, []),
        ({"a": {"b": 1}}, {"a": {"b": 1.5}}, ["a.b: 1 → 1.5"]),
        ({"b": 1, "a": 1}, {}, ["a: 1 → absent", "b: 1 → absent"]),
        ({"a": "x" * 40}, {"a": "y"}, ["a: xxxxxxxxxxxx… → y"]),
    ],
)
def test_differences(old: Any, new: Any, expected: list[str]) -> None:
    """Differences are listed by dotted key, long values cut."""
    assert [str(change) for change in differences(old, new)] == expected
    assert all(change.new == ABSENT for change in differences({"a": 1}, {}))


LOCK = """
import sys
from pathlib import Path
from isitcap.errors import UserError
from isitcap.records.directory import RunDirectory
try:
    with RunDirectory(Path(sys.argv[1])).lock():
        print("locked", flush=True)
        if len(sys.argv) > 2:
            sys.stdin.read()
except UserError as error:
    print(error)
"""


def second(root: Path) -> str:
    return subprocess.run([sys.executable, "-c", LOCK, str(root)], capture_output=True, text=True, check=True).stdout


def test_one_process_writes(tmp_path: Path) -> None:
    """While one process holds the folder another gets one line, and the folder afterwards."""
    root = tmp_path / "run"
    with RunDirectory(root).lock():
        assert second(root) == (
            f"{root}: another isitcap is writing there; wait for it, or choose another folder with --out\n"
        )
    assert second(root) == "locked\n"


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    """The lock goes with the process, however it ends."""
    with subprocess.Popen(
        [sys.executable, "-c", LOCK, str(tmp_path), "wait"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        with pytest.raises(UserError, match="another isitcap"), RunDirectory(tmp_path).lock():
            pass
        process.kill()
    with RunDirectory(tmp_path).lock():
        pass


def test_nothing_is_left_where_nothing_was_written(tmp_path: Path) -> None:
    """The lock file goes, and the folders that were made for it; what was there before stays."""
    with pytest.raises(UserError, match="refused"), RunDirectory(tmp_path / "runs" / "new").lock():
        raise UserError("refused")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes").touch()
    with RunDirectory(tmp_path / "mine").lock():
        pass
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes"]


def test_a_reader_that_writes_elsewhere_holds_nothing(tmp_path: Path) -> None:
    """With results there and another place to write to, others may write here; not while one of them does."""
    directory = RunDirectory(tmp_path / "run")
    directory.root.mkdir()
    with directory.sole_writer(tmp_path / "out"):
        assert "another isitcap is writing there; wait" in second(directory.root), "results have to be made first"
    directory.results.touch()
    for inside in (None, directory.reports):
        with directory.sole_writer(inside):
            assert "another isitcap is writing there; wait" in second(directory.root)
    with directory.sole_writer(tmp_path / "out"):
        assert second(directory.root) == "locked\n"
    with directory.lock(), pytest.raises(UserError) as caught, directory.sole_writer(tmp_path / "out"):
        pass
    assert str(caught.value) == f"{directory.root}: another isitcap is writing there; wait for it"


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """Whoever opens a run directory says that there is none."""
    with RunDirectory(tmp_path / "none").sole_writer():
        assert list(tmp_path.iterdir()) == []


def test_the_lock_stays_where_something_was_written(tmp_path: Path) -> None:
    """A run directory keeps its lock file, and loses nothing at the next call."""
    for _ in range(2):
        with RunDirectory(tmp_path / "run").lock():
            (tmp_path / "run" / "study.toml").touch()
        assert {path.name for path in (tmp_path / "run").iterdir()} == {".lock", "study.toml"}


def test_the_layout_keeps_everything_apart(tmp_path: Path) -> None:
    """No two records share a place, and all lie within the root."""
    directory = RunDirectory(tmp_path)
    places = [directory.study, directory.manifest, directory.results, directory.results_mark]
    places += [directory.tables, directory.reports]
    places += [directory.autoencoder(seed) for seed in (0, 1)]
    places += [directory.images("x"), directory.examples("x"), directory.images("y")]
    places += [directory.run(variant, seed) for variant in ("a", "b") for seed in (0, 1)]
    places += [directory.maps("a", 0, "x", "m", point) for point in ("p", "q")]
    assert len(set(places)) == len(places)
    assert all(place.is_relative_to(tmp_path) for place in places)


@pytest.mark.parametrize("state", ["trained", "untrained", "randomised-conv1"])
def test_names_of_maps_can_be_read_back(state: str) -> None:
    """A map's name says test set, method, point and state, also where the set's name holds dots; trained is silent."""
    name = map_name("far.v1@bilinear", "input_x_gradient", "classifier_input", state)
    assert ("~" in name) == (state != "trained")
    assert parse_map_name(name) == ("far.v1@bilinear", "input_x_gradient", "classifier_input", state)
    assert parse_map_name("train") is None
