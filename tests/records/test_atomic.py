from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from isitcap.errors import UserError
from isitcap.records.atomic import (
    check_folder,
    digest,
    read_arrays,
    replacing,
    sha256,
    write_arrays,
    write_bytes,
    write_frame,
    write_json,
)


def test_equal_frames_give_equal_bytes(tmp_path: Path) -> None:
    """Frames of equal content are equal files, whatever their index."""
    frame = pd.DataFrame({"id": ["a", "b", "a"], "logit": np.array([1, 2, 3], dtype=np.float32)})
    write_frame(tmp_path / "a.parquet", frame)
    write_frame(tmp_path / "b.parquet", frame.set_index(pd.Index([5, 6, 7])))
    write_frame(tmp_path / "c.parquet", frame.assign(logit=frame["logit"] + 1))
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    assert (tmp_path / "a.parquet").read_bytes() != (tmp_path / "c.parquet").read_bytes()
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "a.parquet"), frame)


def test_arrays_survive(tmp_path: Path) -> None:
    """Arrays come back with type, shape and metadata; the order they are given in leaves no trace."""
    arrays = {"b": np.arange(6, dtype=np.int32).reshape(2, 3).T, "a": np.ones((2, 2), dtype=np.float16)}
    write_arrays(tmp_path / "x", arrays, {"k": "v", "j": "w"})
    write_arrays(tmp_path / "y", dict(reversed(arrays.items())), {"j": "w", "k": "v"})
    assert (tmp_path / "x").read_bytes() == (tmp_path / "y").read_bytes()
    found, metadata = read_arrays(tmp_path / "x")
    assert metadata == {"k": "v", "j": "w"}
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        assert np.array_equal(found[name], array)


def test_files_that_hold_no_arrays(tmp_path: Path) -> None:
    """A damaged or missing file is one line with the remedy."""
    (tmp_path / "x").write_bytes(b"nothing")
    for name in ("x", "missing"):
        with pytest.raises(UserError, match=f"{name}: no readable safetensors file .*run the study again$"):
            read_arrays(tmp_path / name)


def test_failure_leaves_the_old_file(tmp_path: Path) -> None:
    """When writing fails half-way, the old file stands and nothing lies beside it."""
    write_bytes(tmp_path / "x", b"old")

    def fail() -> None:
        with replacing(tmp_path / "x") as temporary:
            temporary.write_bytes(b"ha")
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert [p.name for p in tmp_path.iterdir()] == ["x"]
    assert (tmp_path / "x").read_bytes() == b"old"


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ENOSPC, "no space left on the disk; free some"),
        (errno.EDQUOT, "quota is used up; free some"),
        (errno.EACCES, "no permission to write there; choose another place with --out"),
        (errno.EROFS, "read-only; choose another place with --out"),
    ],
)
def test_a_full_disk_is_one_line(tmp_path: Path, number: int, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the user can mend is one line that names the file; the old file stands."""
    write_bytes(tmp_path / "x", b"old")

    def full(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError) as error:
        write_bytes(tmp_path / "x", b"new")
    assert str(error.value).startswith(f"{tmp_path / 'x'}: ")
    assert reason in str(error.value)
    assert "\n" not in str(error.value)
    assert [p.name for p in tmp_path.iterdir()] == ["x"]
    assert (tmp_path / "x").read_bytes() == b"old"


def test_other_failures_are_no_users_business(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken disk keeps its own exception."""

    def broken(descriptor: int) -> None:
        raise OSError(errno.EIO, "input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="input/output error"):
        write_bytes(tmp_path / "x", b"new")
    assert list(tmp_path.iterdir()) == []


def test_a_file_where_a_folder_is_needed(tmp_path: Path) -> None:
    """A file in the way of the folder is one line."""
    (tmp_path / "x").touch()
    with pytest.raises(UserError, match="a file stands where a folder is needed"):
        write_bytes(tmp_path / "x" / "y", b"")


def test_json_is_canonical(tmp_path: Path) -> None:
    """Keys are sorted, and NaN, which is no JSON, is refused without a trace."""
    write_json(tmp_path / "x.json", {"b": 1, "a": [2]})
    write_json(tmp_path / "y.json", {"a": [2], "b": 1})
    assert (tmp_path / "x.json").read_bytes() == (tmp_path / "y.json").read_bytes()
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "z.json", float("nan"))
    assert not (tmp_path / "z.json").exists()


def test_hashes(tmp_path: Path) -> None:
    """A file's hash is that of its bytes; a value's does not depend on the order of keys."""
    (tmp_path / "x").write_bytes(b"abc")
    assert sha256(tmp_path / "x") == hashlib.sha256(b"abc").hexdigest()
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1}) != digest({"a": 1, "b": 3})


@pytest.mark.parametrize("number", [errno.ENOENT, errno.EPERM, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP])
def test_a_place_that_cannot_be_is_one_line(tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no folder can be made (as under /proc) the line names the place, and --out as the remedy."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "mkdir", refuse)
    for write in (lambda: write_bytes(tmp_path / "x/y", b""), lambda: check_folder(tmp_path / "x")):
        with pytest.raises(UserError, match="choose another place with --out") as error:
            write()
        assert str(error.value).startswith(f"{tmp_path / 'x'}")


def test_trying_a_folder_leaves_nothing(tmp_path: Path) -> None:
    """A folder that can be written stays as it was, or stays away; a file in its place is refused."""
    check_folder(tmp_path / "new/deeper")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "old").mkdir()
    write_bytes(tmp_path / "old/x", b"kept")
    check_folder(tmp_path / "old")
    check_folder(tmp_path / "old/new")
    assert [path.name for path in tmp_path.rglob("*")] == ["old", "x"]
    with pytest.raises(UserError, match="a file stands where a folder is needed"):
        check_folder(tmp_path / "old/x")
