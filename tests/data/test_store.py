"""Packs on disk: whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from isitcap.data import store
from isitcap.data.store import PackWriter, Row, cached, digest, load

Refuses = Callable[..., AbstractContextManager[None]]


def row(number: int) -> Row:
    return Row(f"set/{number}.png", "train", "cat", number % 2, f"{number:064x}")


def pixels(n: int, size: int = 8) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, size, size, 3), dtype=np.uint8)


def writing(n: int = 5, size: int = 8) -> Callable[[Path], None]:
    def build(folder: Path) -> None:
        with PackWriter(folder, "set", size, "box", reencoded=True, expected=n) as writer:
            for number, image in enumerate(pixels(n, size)):
                writer.add(row(number), image.tobytes())
            writer.broken.append(("set/x.png", "not an image"))
            writer.resized = 3
            writer.finish()

    return build


def never(folder: Path) -> None:
    raise AssertionError(f"{folder} was built again")


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    """Pixels, index and all particulars return as they were, the pixels as a read-only map."""
    pack = cached(tmp_path / "cache", "set", digest(1), writing())
    assert np.array_equal(pack.pixels, pixels(5))
    assert isinstance(pack.pixels, np.memmap)
    assert not pack.pixels.flags.writeable
    assert pack.index["label"].dtype == np.int8
    assert pack.index.iloc[1].to_dict() == {
        "image_id": "set/1.png",
        "source": "set",
        "part": "train",
        "group": "cat",
        "label": 1,
        "sha256": f"{1:064x}",
    }
    about = (pack.name, pack.kernel, pack.reencoded, pack.size, pack.broken, pack.resized, len(pack))
    assert about == ("set", "box", True, 8, (("set/x.png", "not an image"),), 3, 5)


@pytest.mark.parametrize("n", [0, 1, 9, 10, 2000])
def test_any_number_of_images_fits_the_header(tmp_path: Path, n: int) -> None:
    """The number is known at the end only; NumPy reads the file as written."""
    writing(n)(tmp_path)
    assert np.array_equal(np.load(tmp_path / "pixels.npy"), pixels(n))


def test_a_pack_that_is_there_is_not_built_again(tmp_path: Path) -> None:
    """The second call finds the first one's pack, even where nothing can be written any more."""
    first = cached(tmp_path, "set", digest(1), writing())
    second = cached(tmp_path, "set", digest(1), never)
    assert second.content_hash == first.content_hash
    with pytest.raises(AssertionError, match="built again"):
        cached(tmp_path, "set", digest(2), never)


def test_equal_content_has_equal_hashes_wherever_it_lies(tmp_path: Path) -> None:
    """The content hash is of index and pixels, not of time or place; one pixel or label changes it."""
    hashes = [cached(tmp_path / place, "set", digest(place), writing()).content_hash for place in ("a", "b")]
    assert hashes[0] == hashes[1]

    def other(folder: Path, label: int, flip: int) -> None:
        with PackWriter(folder, "set", 8, "box", reencoded=True, expected=5) as writer:
            for number, image in enumerate(pixels(5)):
                image[0, 0, 0] ^= flip
                entry = row(number)
                writer.add(
                    Row(entry.image_id, entry.part, entry.group, entry.label ^ label, entry.sha256), image.tobytes()
                )
            writer.finish()

    changed = [
        cached(tmp_path, "set", digest([label, flip]), lambda folder, a=label, b=flip: other(folder, a, b)).content_hash
        for label, flip in ((0, 0), (1, 0), (0, 1))
    ]
    assert changed[0] == hashes[0]
    assert len(set(changed)) == 3


@pytest.mark.parametrize("damage", ["pack.json", "index.parquet", "pixels.npy"])
@pytest.mark.parametrize("how", ["missing", "cut", "empty"])
def test_a_damaged_pack_is_no_pack_and_is_made_again(tmp_path: Path, damage: str, how: str) -> None:
    """Whatever of its files is missing or cut short, it is replaced."""
    pack = cached(tmp_path, "set", digest(1), writing())
    file = pack.folder / damage
    data = file.read_bytes()
    del pack
    if how == "missing":
        file.unlink()
    else:
        file.write_bytes(data[: len(data) // 2 if how == "cut" else 0])
    assert load(file.parent) is None
    assert len(cached(tmp_path, "set", digest(1), writing())) == 5


def test_a_pack_of_another_format_is_no_pack(tmp_path: Path) -> None:
    """A later version's pack is not guessed at."""
    pack = cached(tmp_path, "set", digest(1), writing())
    about = json.loads((pack.folder / "pack.json").read_text())
    (pack.folder / "pack.json").write_text(json.dumps(about | {"format": 999}))
    assert load(pack.folder) is None


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_an_interrupted_build_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    """Neither a pack nor a temporary folder stays behind."""

    def build(folder: Path) -> None:
        (folder / "pixels.npy").write_bytes(b"half")
        raise error

    with pytest.raises(error):
        cached(tmp_path, "set", digest(1), build)
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    """A temporary folder of an earlier process does not stand in the way."""
    left = tmp_path / f".set-{digest(1)[:16]}.part"
    left.mkdir()
    (left / "pixels.npy").write_bytes(b"half")
    assert len(cached(tmp_path, "set", digest(1), writing())) == 5
    assert not left.exists()


def test_a_wrong_number_of_bytes_is_a_defect(tmp_path: Path) -> None:
    """An image of another size cannot slip into a pack."""
    with (
        PackWriter(tmp_path, "set", 8, "box", reencoded=False, expected=1) as writer,
        pytest.raises(ValueError, match="8 × 8"),
    ):
        writer.add(row(0), b"12")


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    """A file that may not grow (the path of a full disk) gives one line with folder and MB, and nothing stays."""
    program = f"""
import resource, sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).resolve().parents[2])!r})
from isitcap.data.store import PackWriter, Row, cached, digest
from isitcap.errors import UserError
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
def build(folder):
    with PackWriter(folder, "set", 32, "box", reencoded=False, expected=4000) as writer:
        for n in range(4000):
            writer.add(Row(str(n), "", "", 0, ""), bytes(3072))
        writer.finish()
try:
    cached(Path({str(tmp_path / "cache")!r}), "set", digest(1), build)
except UserError as error:
    print(error)
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.count("\n") == 1
    for word in ("no space left", "cache", "`set`", "13 MB"):
        assert word in result.stdout
    assert not [path for path in (tmp_path / "cache").iterdir() if path.is_dir()]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 300_000


def test_a_cache_that_is_a_file_is_one_line(tmp_path: Path, refuses: Refuses) -> None:
    """A cache folder that cannot be made is named."""
    (tmp_path / "cache").write_text("a file")
    with refuses("cache", "cannot be written"):
        cached(tmp_path / "cache", "set", digest(1), writing())


def test_two_processes_build_once(tmp_path: Path) -> None:
    """Of two processes that want one pack, one builds and the other waits for it."""
    program = f"""
import sys, time
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).resolve().parents[2])!r})
from isitcap.data.store import PackWriter, Row, cached, digest
def build(folder):
    print("built")
    time.sleep(0.5)
    with PackWriter(folder, "set", 8, "box", reencoded=False, expected=1) as writer:
        writer.add(Row("a", "", "", 0, ""), bytes(192))
        writer.finish()
assert len(cached(Path({str(tmp_path)!r}), "set", digest(1), build)) == 1
"""
    both = [subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    output = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted(output) == ["", "built\n"]


@pytest.mark.parametrize("damage", ["pixel", "label"])
@pytest.mark.parametrize("noted", [True, False])
def test_an_altered_pack_is_made_again(tmp_path: Path, damage: str, noted: bool) -> None:
    """One other pixel or label, and it is no longer the pack of its content hash, even if an older version made it."""
    folder = cached(tmp_path, "set", digest(1), writing()).folder
    if not noted:
        forget(folder)
    if damage == "pixel":
        with (folder / "pixels.npy").open("rb+") as file:
            file.seek(-1, 2)
            last = file.read(1)[0]
            file.seek(-1, 2)
            file.write(bytes([last ^ 1]))
    else:
        index = pd.read_parquet(folder / "index.parquet")
        index.loc[0, "label"] ^= 1
        index.to_parquet(folder / "index.parquet", index=False)
    for name in ("pixels.npy", "index.parquet"):  # a clock may be coarser than this test is fast
        os.utime(folder / name, ns=(1, 1))
    assert load(folder) is None
    pack = cached(tmp_path, "set", digest(1), writing())
    assert np.array_equal(pack.pixels, pixels(5))
    assert pack.index["label"].tolist() == [0, 1, 0, 1, 0]


@pytest.mark.parametrize("how", ["copied", "older"])
def test_a_pack_of_other_times_is_hashed_once_and_kept(
    tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copied cache, or a pack of a version that noted no times, is not built again; a second start hashes nothing."""
    first = cached(tmp_path / "a", "set", digest(1), writing())
    cache = tmp_path / "a"
    if how == "copied":
        cache = tmp_path / "b"
        shutil.copytree(tmp_path / "a", cache, copy_function=shutil.copyfile)
        os.utime(cache / first.folder.name / "pixels.npy", ns=(1, 1))
    else:
        forget(first.folder)
    hashed = []
    original = store._hash_after
    monkeypatch.setattr(store, "_hash_after", lambda *given: hashed.append(1) or original(*given))
    for _ in range(2):
        assert cached(cache, "set", digest(1), never).content_hash == first.content_hash
    assert len(hashed) == 1
    assert {path.name for path in (cache / first.folder.name).iterdir()} == {
        "pack.json",
        "index.parquet",
        "pixels.npy",
    }
    assert not list(cache.glob(".*.json"))


def test_a_read_only_cache_is_hashed_and_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be noted the pack is hashed at every start, and is as good."""
    folder = cached(tmp_path, "set", digest(1), writing()).folder
    forget(folder)
    before = (folder / "pack.json").read_bytes()

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(store, "_sync", refuse)
    assert len(cached(tmp_path, "set", digest(1), never)) == 5
    assert (folder / "pack.json").read_bytes() == before


def forget(folder: Path) -> None:
    """The pack as older versions left it, without sizes and times."""
    about = json.loads((folder / "pack.json").read_text())
    del about["files"]
    (folder / "pack.json").write_text(json.dumps(about))
