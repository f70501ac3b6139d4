"""`isitcap run` of a diversity study: trained tiny, resumed, and what it refuses before it trains."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pandas as pd
import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`")

sys.path.insert(0, str(Path(__file__).parent))  # for `family_study`

from family_study import GENERATORS, mixtures, write_family  # noqa: E402

from analysis.diversity_results import read_diversity  # noqa: E402
from isitcap import family_commands  # noqa: E402
from isitcap.cli import main  # noqa: E402
from isitcap.family_findings import mixture_directory  # noqa: E402
from isitcap.testing import record_hashes  # noqa: E402


def run(study: Path, out: Path, *more: str) -> int:
    return main(["run", str(study), "--out", str(out), "--cache", str(study.parent / "cache"), *more])


def stopped_in_the_second(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ctrl-C as the second mixture begins; the names of those that were begun."""
    train = family_commands.train
    calls: list[str] = []

    def interrupted(given: object, one: object, places: object, folder: Path) -> bool:
        calls.append(folder.name)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return train(given, one, places, folder)  # type: ignore[arg-type]

    monkeypatch.setattr(family_commands, "train", interrupted)
    return calls


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A tiny study and the folder that one command filled."""
    folder = tmp_path_factory.mktemp("family")
    study = write_family(folder)
    assert run(study, folder / "out", "--quiet") == 0
    return study, folder / "out"


def test_one_command_leads_to_the_document(trained: tuple[Path, Path]) -> None:
    """Every mixture has a run directory of its own, the family has findings, tables and the page."""
    _, out = trained
    assert {path.name for path in (out / "mixtures").iterdir()} == {"+".join(chosen) for chosen in mixtures()}
    found = read_diversity(out / "results.json")
    assert {row.k for row in found.levels} == {1, 2}
    assert all(row.n_seeds == 3 for row in found.levels)
    assert (out / "reports" / "diversity.html").is_file()
    assert (out / "tables" / "contrasts.csv").is_file()
    assert found.verdict.sentences[0].endswith(".")


def test_held_out_images_are_those_of_unseen_generators(trained: tuple[Path, Path]) -> None:
    """A mixture has predictions on each generator that is not its own, the same images as every other mixture."""
    _, out = trained
    images: dict[str, pd.DataFrame] = {}
    for chosen in mixtures():
        folder = mixture_directory(out, "+".join(chosen))
        frame = pd.read_parquet(folder / "runs" / "baseline" / "seed-0" / "predictions.parquet")
        held = {name for name in frame["test_set"].unique() if name.startswith("held-out")}
        assert held == {f"held-out-{name}@bilinear" for name in GENERATORS if name not in chosen}
        for name in held:
            index = pd.read_parquet(folder / "images" / f"{name}.parquet")
            assert images.setdefault(name, index).equals(index)
            assert len(index) == 8


def test_a_second_start_trains_nothing_and_a_lost_stage_alone_is_made_again(
    trained: tuple[Path, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is finished is kept to the byte; of an interrupted mixture only what is missing is made."""
    study, out = trained
    before = {path.name: record_hashes(path) for path in (out / "mixtures").iterdir()}
    (mixture_directory(out, "two") / "runs" / "augment" / "seed-1" / "predict.done.json").unlink()
    made: list[str] = []
    train = family_commands.train

    def watched(given: object, study: object, places: object, folder: Path) -> bool:
        done = train(given, study, places, folder)  # type: ignore[arg-type]
        made.extend([folder.name] if done else [])
        return done

    monkeypatch.setattr(family_commands, "train", watched)
    assert run(study, out) == 0
    assert made == ["two"]
    text = capsys.readouterr().err
    assert "17 of 18 mixtures × seeds are finished already, and kept" in text
    assert text.count("nothing to train") == 5
    assert {path.name: record_hashes(path) for path in (out / "mixtures").iterdir()} == before


def test_an_interrupt_keeps_finished_mixtures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in the second mixture: exit code 130, the first one's runs and what was declared are on record."""
    study = write_family(tmp_path, seeds="[0]")
    calls = stopped_in_the_second(monkeypatch)
    assert run(study, tmp_path / "out") == 130
    assert "goes on where this one stopped" in capsys.readouterr().err
    assert calls == ["one", "two"]
    assert (mixture_directory(tmp_path / "out", "one") / "runs" / "augment" / "seed-0" / "predict.done.json").exists()
    assert (tmp_path / "out" / "manifest.json").exists()
    assert main(["report", str(tmp_path / "out")]) == 2
    assert "5 of 6 mixtures are not begun" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("train = 48", "train = 96", "split.train: a share of 48 real training images is asked of `set-one`"),
        ("held_out = 8", "held_out = 60", "mixtures.held_out = 60: the part `test` of `set-two` has 24 images"),
        ("test = 8\nheld", "test = 40\nheld", "split.validation and split.test: a share of 24 real test images"),
        ('path = "set-three"', 'path = "far/../near"', "source `set-three`"),
        ('path = "set-three"', 'path = "nowhere"', "no such file or folder"),
    ],
)
def test_too_few_images_end_in_one_line_before_training(
    tmp_path: Path, old: str, new: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, one line with key and number, and no run directory."""
    study = write_family(tmp_path)
    text = study.read_text("utf-8")
    assert text.count(old) == 1
    study.write_text(text.replace(old, new), "utf-8")
    assert run(study, tmp_path / "out", "--quiet") == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("isitcap:")]
    assert len(lines) == 1
    assert message in lines[0]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("train = 48", "train = 24", "36 finished runs would be lost (36 trained again)"),
        ("epochs = 1\nbatch_size", "epochs = 2\nbatch_size", "36 finished runs would be lost (36 trained again)"),
        ("held_out = 8", "held_out = 6", "36 finished runs would be lost (36 tested again)"),
    ],
)
def test_a_refusal_changes_nothing(
    trained: tuple[Path, Path], old: str, new: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without --again, changed settings end in one line for all mixtures, in the family's keys; no file is written."""
    study, out = trained
    text = study.read_text("utf-8")
    assert text.count(old) == 1
    changed = study.with_name("changed.toml")
    changed.write_text(text.replace(old, new), "utf-8")
    before = {path: path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}
    capsys.readouterr()
    assert run(changed, out, "--quiet") == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert f"{out}: in 6 of 6 mixtures (one is the first), {told}" in line
    key, _, was = old.partition("\n")[0].partition(" = ")
    key = {"epochs": "classifier.epochs"}.get(key, f"mixtures.{key}")
    assert f"no longer the same: {key} {was} → {new.partition(' = ')[2].partition(chr(10))[0]}; give" in line
    assert {path: path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()} == before


def test_an_interrupted_change_is_not_analysed(
    trained: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """--again stopped after the first mixture: the plan kept nothing, `analyze` names a mixture, `run` goes on."""
    study, done = trained
    out = tmp_path / "out"
    shutil.copytree(done, out)
    changed = study.with_name("changed.toml")
    text = study.read_text("utf-8").replace("epochs = 1\nbatch_size", "epochs = 2\nbatch_size")
    changed.write_text(text, "utf-8")
    stopped_in_the_second(monkeypatch)
    capsys.readouterr()
    assert run(changed, out, "--again") == 130
    plan = capsys.readouterr().err
    assert "finished already" not in plan
    assert "finished runs that are made over: 36, because of classifier.epochs 1 → 2" in plan
    assert main(["analyze", str(out)]) == 2
    said = capsys.readouterr().err
    assert f"{out}/mixtures/two: classifier.epochs = 1, the study says 2; finish with `isitcap run`" in said
    monkeypatch.undo()
    assert run(changed, out, "--again", "--seeds", "0,", "--quiet") == 0
    assert main(["analyze", str(out)]) == 0


def test_a_generator_without_parts_is_named_before_anything_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2 and the keys that the study has, from `run` and from `run --explain`."""
    study = write_family(tmp_path)
    for kind in ("camera", "grid"):
        (tmp_path / "set-three" / "train" / kind).rename(tmp_path / "set-three" / kind)
    shutil.rmtree(tmp_path / "set-three" / "test")
    (tmp_path / "set-three" / "train").rmdir()
    for more in ((), ("--explain",)):
        assert run(study, tmp_path / "out", "--quiet", *more) == 2
        line = capsys.readouterr().err
        assert line.count("\n") == 1
        assert "generators.three: its source needs parts `train` and `test`" in line
        assert "sources.set-three has no part `train` and no part `test`" in line
        assert "held-out" not in line
    assert not (tmp_path / "out").exists()


def test_other_folders_are_refused(
    trained: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder of another family, and one of a single study."""
    study, out = trained
    other = tmp_path / "other.toml"
    text = study.read_text("utf-8").replace('path = "', f'path = "{study.parent}/')
    other.write_text(text.replace('name = "tiny-diversity"', 'name = "other"'), "utf-8")
    assert run(other, out) == 2
    assert "holds records of the study `tiny-diversity`, not of `other`" in capsys.readouterr().err
    assert run(study, mixture_directory(out, "one")) == 2
    assert "holds records of a single study" in capsys.readouterr().err


def test_missing_images_say_how_to_give_them_or_leave_them_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The shipped study without CIFAKE names both ways; with two generators left there is nothing to compare."""
    assert main(["run", "diversity", "--out", str(tmp_path / "out")]) == 2
    text = capsys.readouterr().err
    assert "--data cifake=PATH" in text
    assert "--without cifake" in text
    assert main(["run", "diversity-demo", "--without", "leaves", "--out", str(tmp_path / "out")]) == 2
    assert "`generators` names 2 (latent, quilting)" in capsys.readouterr().err
