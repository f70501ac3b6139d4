"""The folder of packs: listed with size and last use, and cleared of what nobody uses."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from isitcap.data.cache import cache_folder, cached_packs, clean
from isitcap.data.store import PackWriter, Row, cached, digest

DAY = 86_400


def pack(cache: Path, name: str, age: float = 0.0) -> Path:
    def build(folder: Path) -> None:
        with PackWriter(folder, name, 8, "box", reencoded=True, expected=2) as writer:
            for number in range(2):
                writer.add(Row(f"{name}/{number}", "", "", 0, f"{number:064x}"), bytes(192))
            writer.finish()

    folder = cached(cache, name, digest(name), build).folder
    used = time.time() - age * DAY
    os.utime(folder / "pack.json", (used, used))
    return folder


def test_packs_are_listed_with_what_matters(tmp_path: Path) -> None:
    """Name, number of images, how they were made, bytes on disk and last use, the latest first."""
    old, new = pack(tmp_path, "old", 5), pack(tmp_path, "new")
    found = cached_packs(tmp_path)
    assert [entry.folder for entry in found] == [new, old]
    assert (found[1].name, found[1].images, found[1].pipeline) == ("old", 2, "8 px, box+jpeg75")
    assert found[1].bytes == sum(file.stat().st_size for file in old.iterdir())
    assert abs(time.time() - 5 * DAY - found[1].used) < 60
    assert cached_packs(tmp_path / "nowhere") == []


def test_using_a_pack_is_its_last_use(tmp_path: Path) -> None:
    """A second start renews the time."""
    folder = pack(tmp_path, "set", 50)
    cached(tmp_path, "set", digest("set"), lambda _: pytest.fail("built again"))
    assert time.time() - cached_packs(tmp_path)[0].used < 60
    assert clean(tmp_path, 30) == ([], [])
    assert folder.exists()


def test_only_packs_that_were_not_used_go(tmp_path: Path) -> None:
    """Those older than the limit are removed whole; the others stay, and can be used."""
    old, new = pack(tmp_path, "old", 40), pack(tmp_path, "new", 20)
    removed, kept = clean(tmp_path, 30)
    assert ([entry.folder for entry in removed], kept) == ([old], [])
    assert not old.exists()
    assert len(cached(tmp_path, "new", digest("new"), lambda _: pytest.fail("built again"))) == 2
    assert new.exists()


def test_what_is_not_ours_stays(tmp_path: Path) -> None:
    """Folders of other names, with other files in them, links, and files are never touched."""
    mine = pack(tmp_path, "set", 99)
    strange = tmp_path / f"photos-{'a' * 16}"
    strange.mkdir()
    (strange / "holiday.jpg").write_bytes(b"x")
    mixed = pack(tmp_path, "mixed", 99)
    (mixed / "notes.txt").write_text("keep me")
    outside = pack(tmp_path / "elsewhere", "linked", 99)
    (tmp_path / outside.name).symlink_to(outside)
    (tmp_path / "plain").mkdir()
    assert [entry.folder for entry in clean(tmp_path, 0)[0]] == [mine]
    for place in (strange / "holiday.jpg", mixed / "notes.txt", outside / "pack.json", tmp_path / "plain"):
        assert place.exists()


def test_a_pack_that_is_being_made_stays(tmp_path: Path) -> None:
    """While another process holds its lock it is left alone, and named."""
    folder = pack(tmp_path, "set", 99)
    with FileLock(tmp_path / f".{folder.name}.lock"):
        removed, kept = clean(tmp_path, 30)
    assert (removed, [entry.folder for entry in kept]) == ([], [folder])
    assert folder.exists()


def test_a_pack_in_use_stays_readable(tmp_path: Path) -> None:
    """A process that has mapped the pixels reads them on, though the files are gone."""
    folder = pack(tmp_path, "set")
    mapped = np.load(folder / "pixels.npy", mmap_mode="r")
    clean(tmp_path, 0)
    assert not folder.exists()
    assert int(mapped.sum()) == 0


def test_what_a_killed_process_left_goes(tmp_path: Path) -> None:
    """A half-written pack older than the limit is removed, one of just now is not."""
    for name, age in (("old", 40), ("new", 0)):
        part = tmp_path / f".{name}-{'0' * 16}.part"
        part.mkdir()
        (part / "pixels.npy").write_bytes(b"half")
        os.utime(part, (time.time() - age * DAY,) * 2)
    clean(tmp_path, 30)
    assert sorted(path.name for path in tmp_path.glob(".*.part")) == [f".new-{'0' * 16}.part"]


def test_the_folder_is_given_named_or_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--cache`, then ISITCAP_CACHE, then XDG_CACHE_HOME, then the home folder."""
    monkeypatch.setenv("ISITCAP_CACHE", "/named")
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert cache_folder(tmp_path) == tmp_path
    assert cache_folder() == Path("/named")
    monkeypatch.delenv("ISITCAP_CACHE")
    assert cache_folder() == Path("/xdg/isitcap")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "isitcap"
