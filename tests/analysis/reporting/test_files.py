"""Atomic writing."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.reporting.files import write_atomically


def test_file_is_replaced_whole(tmp_path: Path) -> None:
    """The new bytes take the place of the old ones, and nothing else is left."""
    path = tmp_path / "folder" / "report.html"
    write_atomically(path, b"old")
    assert write_atomically(path, b"new") == path
    assert path.read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]


def test_failure_leaves_the_old_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When writing fails, the old file is untouched and the temporary one is gone."""
    path = write_atomically(tmp_path / "report.html", b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
