"""Bad input gets one line that names what is wrong and what to do, exit code 2, no traceback, and no records."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra `train`")

from isitcap.cli import main
from isitcap.testing import tiny_study, write_images

Spoil = Callable[[Path], list[str]]
"""Spoils a tiny study in a folder, and returns further arguments for `isitcap run`."""


def edit(old: str, new: str) -> Spoil:
    def spoil(folder: Path) -> list[str]:
        study = folder / "tiny.toml"
        text = study.read_text("utf-8")
        assert old in text
        study.write_text(text.replace(old, new), "utf-8")
        return []

    return spoil


def arguments(*words: str) -> Spoil:
    return lambda folder: [word.replace("FOLDER", str(folder)) for word in words]


def truncated(folder: Path) -> list[str]:
    for path in sorted((folder / "other-grid").iterdir())[:5]:
        path.write_bytes(path.read_bytes()[:200])
    return []


def not_images(folder: Path) -> list[str]:
    for path in sorted((folder / "other-grid").iterdir())[:5]:
        path.write_bytes(b"%PDF-1.7 this is no picture at all\n" * 20)
    return []


def empty_folder(folder: Path) -> list[str]:
    shutil.rmtree(folder / "other-grid")
    (folder / "other-grid").mkdir()
    return []


def one_class(folder: Path) -> list[str]:
    shutil.rmtree(folder / "inside" / "grid")
    return []


def inverted(folder: Path) -> list[str]:
    (folder / "other-grid").rename(folder / "moved")
    (folder / "other-grid").mkdir()
    (folder / "moved").rename(folder / "other-grid" / "real")
    return []


def unknown_folder(folder: Path) -> list[str]:
    write_images(folder / "inside" / "drawings", 3, "real", seed=9)
    return []


def climbing_zip(folder: Path) -> list[str]:
    with zipfile.ZipFile(folder / "climbs.zip", "w") as archive:
        archive.write(folder / "other-grid" / "0000.png", "../../outside.png")
    return ["--data", f"other-grid={folder / 'climbs.zip'}"]


def climbing_tar(folder: Path) -> list[str]:
    with tarfile.open(folder / "climbs.tar.gz", "w:gz") as archive:
        archive.add(folder / "other-grid" / "0000.png", "../../outside.png")
    return ["--data", f"other-grid={folder / 'climbs.tar.gz'}"]


def linked_tar(folder: Path) -> list[str]:
    with tarfile.open(folder / "linked.tar", "w") as archive:
        info = tarfile.TarInfo("0000.png")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(info)
    return ["--data", f"other-grid={folder / 'linked.tar'}"]


def broken_table(folder: Path) -> list[str]:
    (folder / "broken.parquet").write_bytes(b"PAR1 and then nothing")
    return ["--data", f"other-grid={folder / 'broken.parquet'}"]


def broken_zip(folder: Path) -> list[str]:
    (folder / "broken.zip").write_bytes(b"PK\x03\x04 and then nothing")
    return ["--data", f"other-grid={folder / 'broken.zip'}"]


def two_labels(folder: Path) -> list[str]:
    shutil.copy(folder / "inside/camera/0000.png", folder / "inside/grid/0000.png")
    return []


def used_folder(folder: Path) -> list[str]:
    (folder / "out").write_text("a file stands here", "utf-8")
    return []


CASES: dict[str, tuple[Spoil, tuple[str, ...]]] = {
    "not TOML": (edit("[image]", "[image"), ("tiny.toml", "TOML")),
    "no such study": (lambda folder: (folder / "tiny.toml").unlink() or [], ("tiny.toml", "no such study")),  # type: ignore[func-returns-value]
    "wrong key": (edit("epochs = 2\nbatch_size = 32\n\n[auto", "epoch = 2\n\n[auto"), ("classifier.epoch", "`epochs`")),
    "NaN": (edit("[classifier]", "[classifier]\nlearning_rate = nan"), ("classifier.learning_rate", "nan", "finite")),
    "negative": (edit("validation = 40", "validation = -40"), ("split.validation", "-40")),
    "text for a number": (edit("size = 16", 'size = "16"'), ("image.size", "'16'")),
    "unknown kernel": (edit("size = 16\n", 'size = 16\nkernel = "sinc"\n'), ("image.kernel", "sinc", "lanczos")),
    "unknown source": (edit('real = ["other-camera"]', 'real = ["camera"]'), ("`camera`", "other-camera")),
    "test set of one class": (edit('fake = ["other-grid"]', "fake = []"), ("test_sets", "fake")),
    "no label": (edit('path = "other-grid"\nlabel = "synthetic"', 'path = "other-grid"'), ("label", "other-grid")),
    "missing folder": (edit('path = "other-grid"', 'path = "nowhere"'), ("sources.other-grid.path", "nowhere")),
    "truncated images": (truncated, ("other-grid", "5", "0000.png", "max_broken")),
    "files that are no images": (not_images, ("other-grid", "5", "0000.png")),
    "empty folder": (empty_folder, ("other-grid", "empty")),
    "one class only": (one_class, ("inside", "synthetic", "labels")),
    "inverted label names": (inverted, ("other-grid", "real", "synthetic")),
    "folder without a label": (unknown_folder, ("drawings", "labels")),
    "a zip that climbs out": (climbing_zip, ("climbs.zip", "outside.png")),
    "no zip": (broken_zip, ("broken.zip",)),
    "a tar that climbs out": (climbing_tar, ("climbs.tar.gz", "outside.png")),
    "a link in a tar": (linked_tar, ("linked.tar", "0000.png", "link")),
    "no table": (broken_table, ("broken.parquet", "Parquet")),
    "one file under both labels": (two_labels, ("0000.png", "label")),
    "too few images": (edit("train = 160", "train = 1600"), ("split.train", "1600", "240")),
    "seeds that are none": (arguments("--seeds", "many"), ("--seeds many", "8")),
    "data of no source": (arguments("--data", "imagenet=FOLDER"), ("imagenet", "known")),
    "without what it trains on": (arguments("--without", "inside"), ("inside", "trains")),
    "out is a file": (used_folder, ("out", "--out")),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_refused_in_one_line(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each says what and what to do in one line, ends with 2, and leaves no run behind."""
    spoil, words = CASES[name]
    study = tiny_study(tmp_path)
    more = spoil(tmp_path)
    code = main(
        ["run", str(study), "--out", str(tmp_path / "out"), "--cache", str(tmp_path / "cache"), "--quiet", *more]
    )
    error = capsys.readouterr().err
    assert code == 2, error
    assert len(error.splitlines()) == 1, error
    assert "Traceback" not in error
    for word in words:
        assert word in error, error
    assert not (tmp_path / "out").is_dir(), "nothing is left behind"
    assert not list(tmp_path.rglob("*.part"))
    assert not list(tmp_path.parent.glob("outside.png"))


def test_a_full_disk_costs_one_line_and_can_be_mended(tmp_path: Path) -> None:
    """Writing fails; one line says so, nothing half written stays, and with space again the same command succeeds."""
    study = tiny_study(tmp_path)
    command = [sys.executable, "-m", "isitcap", "run", str(study), "--out", str(tmp_path / "out")]
    command += ["--cache", str(tmp_path / "cache"), "--quiet"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}

    def limit() -> None:
        """No file above 40 kB: the pixels of the packs are larger."""
        import resource
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))

    failed = subprocess.run(command, capture_output=True, text=True, env=environment, preexec_fn=limit, cwd=tmp_path)
    assert failed.returncode == 2, failed.stderr
    assert len(failed.stderr.splitlines()) == 1, failed.stderr
    assert "Traceback" not in failed.stderr
    assert not list(tmp_path.rglob("*.part"))
    again = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert again.returncode == 0, again.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["report", "nowhere"], "no run directory"),
        (["analyze", "nowhere"], "no run directory"),
        (["run", "demo", "--device", "cuda", "--out", "x"], "--device cpu"),
    ],
)
def test_other_commands_refuse_in_one_line(
    words: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder that is no run directory, or a device that is not there."""
    torch = pytest.importorskip("torch")
    if "cuda" in words and torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    assert says in error
