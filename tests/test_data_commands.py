"""`isitcap data`: list, prepare and clean, from the command line."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="isitcap.testing needs the extra `train`")

from isitcap.cli import main
from isitcap.data.cache import cached_packs
from isitcap.testing import tiny_study

Captured = pytest.CaptureFixture[str]


def run(capsys: Captured, *words: str | Path) -> tuple[int, str, str]:
    code = main([str(word) for word in words])
    out, err = capsys.readouterr()
    return code, out, err


def test_list_says_where_sources_lie_and_what_can_be_fetched(tmp_path: Path, capsys: Captured) -> None:
    """Each source with its kind and place, or that none is given; the known sets; and the cache."""
    study = tiny_study(tmp_path)
    code, out, _ = run(capsys, "data", "list", study, "--cache", tmp_path / "cache")
    assert code == 0
    row = next(line for line in out.splitlines() if line.strip().startswith("other-grid "))
    assert str(tmp_path / "other-grid") in row
    assert "0 packs" in out
    code, out, _ = run(capsys, "data", "list", "--cache", tmp_path / "cache")
    assert code == 0
    assert "built in" in out
    assert "not given" in out
    assert "IFv1-CC1M" in out


def test_list_says_what_sources_are_that_nobody_described(tmp_path: Path, capsys: Captured) -> None:
    """By kind and labels; a description of the study's own stands as it is."""
    sources = {
        "a": 'kind = "images"\nlabel = "real"',
        "b": 'kind = "images"\nlabels = {one = "real", two = "synthetic"}',
        "c": 'kind = "cifake"',
        "d": 'kind = "tiny-imagenet"',
        "e": 'kind = "embedded"\nembedded = "demo-train"',
        "f": 'kind = "images"\nlabel = "synthetic"\ndescription = "my own words"',
    }
    text = "\n".join(f"[sources.{name}]\n{body}" for name, body in sources.items())
    text = f'name = "x"\ntitle = "X"\nseeds = [0]\n{text}\n[split]\nsources = {list(sources)}\n'
    study = tmp_path / "x.toml"
    study.write_text(f"{text}train = 8\nvalidation = 4\ntest = 4\n", "utf-8")
    code, out, err = run(capsys, "data", "list", study, "--cache", tmp_path / "cache")
    assert code == 0, err
    cells = [re.split(r"  +", line.strip()) for line in out.splitlines()[2:8]]
    assert {cell[0]: cell[3] for cell in cells} == {
        "a": "real images",
        "b": "images, one = real, two = synthetic",
        "c": "CIFAKE, real and synthetic",
        "d": "Tiny ImageNet, real",
        "e": "embedded set `demo-train`",
        "f": "my own words",
    }


def test_progress_names_a_pipeline_that_is_not_the_studys_own(tmp_path: Path, capsys: Captured) -> None:
    """A source that is prepared several times is told apart by kernel and JPEG."""
    study = tiny_study(tmp_path)
    study.write_text(study.read_text("utf-8") + '\n[controls]\nkernels = ["box"]\nreencode = [true, false]\n', "utf-8")
    code, _, err = run(capsys, "data", "prepare", study, "other-grid", "--cache", tmp_path / "cache")
    assert code == 0
    told = [line.partition(":")[0] for line in err.splitlines() if "20 images" in line]
    assert told == ["other-grid", "other-grid@box+jpeg75", "other-grid@box"]


def test_prepare_makes_packs_that_list_shows_and_a_second_call_finds(tmp_path: Path, capsys: Captured) -> None:
    """Every pack of the study, once, without a run directory; chosen sources alone where they are named."""
    study = tiny_study(tmp_path)
    cache = tmp_path / "cache"
    code, out, _ = run(capsys, "data", "prepare", study, "other-grid", "--cache", cache, "--quiet")
    assert code == 0
    assert out.startswith("other-grid: 20 images")
    assert [pack.name for pack in cached_packs(cache)] == ["other-grid"]
    code, out, _ = run(capsys, "data", "prepare", study, "--cache", cache, "--quiet")
    assert code == 0
    assert {pack.name for pack in cached_packs(cache)} == {"inside", "other-camera", "other-grid"}
    before = {pack.folder: (pack.folder / "pixels.npy").stat().st_mtime_ns for pack in cached_packs(cache)}
    run(capsys, "data", "prepare", study, "--cache", cache, "--quiet")
    assert before == {pack.folder: (pack.folder / "pixels.npy").stat().st_mtime_ns for pack in cached_packs(cache)}
    assert not (tmp_path / "runs").exists()
    _, out, _ = run(capsys, "data", "list", study, "--cache", cache)
    assert "3 packs" in out
    assert "16 px, bilinear" in out


def test_what_is_prepared_is_what_a_run_uses(tmp_path: Path, capsys: Captured) -> None:
    """After `prepare` the assembly of the study makes no further pack."""
    from isitcap.data.assemble import assemble
    from isitcap.study import load_study, locate, parse_data

    path = tiny_study(tmp_path)
    run(capsys, "data", "prepare", path, "--cache", tmp_path / "cache", "--quiet")
    before = {pack.folder for pack in cached_packs(tmp_path / "cache")}
    study, base = load_study(str(path))
    assemble(study, locate(study, base, parse_data([])), tmp_path / "cache", show=False)
    assert {pack.folder for pack in cached_packs(tmp_path / "cache")} == before


def test_clean_removes_what_was_not_used(tmp_path: Path, capsys: Captured) -> None:
    """Only packs unused for so many days go, and each is named with its size."""
    study = tiny_study(tmp_path)
    cache = tmp_path / "cache"
    run(capsys, "data", "prepare", study, "--cache", cache, "--quiet")
    old = next(pack.folder for pack in cached_packs(cache) if pack.name == "other-grid")
    os.utime(old / "pack.json", (time.time() - 40 * 86_400,) * 2)
    code, out, _ = run(capsys, "data", "clean", "--cache", cache)
    assert (code, out) == (0, f"removed {old} (0.0 MB)\n")
    assert {pack.name for pack in cached_packs(cache)} == {"inside", "other-camera"}
    code, out, err = run(capsys, "data", "clean", "--cache", cache)
    assert (code, out) == (0, "")
    assert "nothing in" in err
    run(capsys, "data", "clean", "--older", "0", "--cache", cache)
    assert cached_packs(cache) == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["prepare", "imagenet"], "neither a study"),
        (["prepare", "nowhere.toml"], "no such study"),
        (["prepare", "cifake"], "sources.cifake: no images given"),
        (["prepare", "poster", "cifake", "--data", "imagenet=/"], "--data imagenet"),
        (["prepare", "demo", "--without", "cifake"], "no such source"),
        (["clean", "--older", "-1"], "--older -1"),
        (["clean", "--older", "nan"], "--older nan"),
        (["list", "nowhere.toml"], "no such study"),
        (["fetch", "imagenet"], "no such set"),
        (["fetch", "cifake", "--from", "official"], "huggingface, kaggle"),
    ],
)
def test_mistakes_are_one_line(
    words: list[str], says: str, capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each ends with 2 and says what and what to do, before anything is made."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ISITCAP_CACHE", str(tmp_path / "cache"))
    code, out, err = run(capsys, "data", *words)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert says in err
    assert list(tmp_path.iterdir()) == []
