"""Control sets from a study to its records: added to a finished run, nothing else is made again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("torch", reason="needs the extra `train`")

import torch

from isitcap.cli import main
from isitcap.data.assemble import StudyData
from isitcap.data.control_sets import ControlSet
from isitcap.data.image_sets import ImageSet, SetRole
from isitcap.models.variants import VARIANTS
from isitcap.records.atomic import digest, sha256, write_frame
from isitcap.records.controls import GREYSCALE, read_greyscale
from isitcap.records.directory import RunDirectory
from isitcap.study.models import Controls, Image, Source, Split, Study
from isitcap.testing import tiny_study
from isitcap.training.control_sets import ControlPlan, greyscale_images
from isitcap.training.environment import Environment
from isitcap.training.runs import RunKey, Runs

CONTROLS = """
[controls]
kernels = ["nearest", "bilinear"]
same_generator = ["other-grid"]

[controls.classes]
camera = ["inside/camera", "other-camera"]
grid = ["inside/grid", "other-grid"]

[robustness]
images = 20
jpeg = [50]
blur = [1.0]
noise = [0.05]
resize = []
crop = []
brightness = []
"""
SEEDS = (0, 1, 2)

STORED = "e2eb62312555f982"
"""Digest of a control stage's identity as the first version wrote it into marks."""


# Identities --------------------------------------------------------------------------------------------------------


def images(name: str, role: SetRole) -> ImageSet:
    index = pd.DataFrame(
        {
            "image_id": [f"files/{name}-{n}.png" for n in range(8)],
            "source": "files",
            "group": "",
            "label": np.array([0, 1] * 4, np.int8),
            "sha256": "0",
        }
    )
    return ImageSet(name, role, np.zeros((8, 16, 16, 3), np.uint8), index, "native", f"content of {name}", ())


def control(name: str, content: str, asked: list[str]) -> ControlSet:
    made = images(name, "in_sample")

    def load() -> ImageSet:
        asked.append(name)
        return ImageSet(name, "in_sample", made.pixels, made.index, "native", content, ())

    return ControlSet(name, "test", "corruption", made.index, {"from": content}, load, corruption="blur", level=1.0)


def runs(controls: tuple[ControlSet, ...], folder: Path = Path("nowhere"), threads: int = 2) -> Runs:
    study = Study(
        name="stored",
        title="t",
        seeds=(0,),
        image=Image(size=16),
        sources={"files": Source(kind="images", labels={"a": "real", "b": "synthetic"})},
        split=Split(sources=("files",), train=8, validation=8, test=8),
    )
    validation, test = images("validation", "validation"), images("test", "in_sample")
    data = StudyData(images("train", "train"), validation, (validation, test), (), (), controls)
    return Runs(study, data, RunDirectory(folder), Environment(torch.device("cpu"), None, threads))


def test_controls_move_no_other_identity() -> None:
    """Training, predictions and maps depend on no control set."""
    key = RunKey("both", 0)
    without, with_controls = runs(()), runs((control("test~blur-1", "c", []),))
    assert with_controls.autoencoder_stage(0).identity == without.autoencoder_stage(0).identity
    assert with_controls.training_stage(key).identity == without.training_stage(key).identity
    assert with_controls.prediction_stage(key).identity == without.prediction_stage(key).identity
    maps = [[stage.stage.identity for stage in found.map_stages(key)] for found in (with_controls, without)]
    assert maps[0] == maps[1]
    assert not any(name.endswith("controls") for name, _ in without.stages())


def test_the_identity_is_that_of_stored_records() -> None:
    """Control predictions that an earlier version recorded are still valid."""
    stage = runs((control("test~blur-1", "c", []),)).control_sets_stage(RunKey("both", 0))
    assert stage.name == "controls"
    assert digest(stage.identity)[:16] == STORED


def test_the_identity_is_of_weights_images_and_environment() -> None:
    """Another classifier, other pixels, another set or other threads ask for other predictions."""
    base = runs((control("a", "c", []),)).control_sets_stage(RunKey("both", 0)).identity
    others = [
        runs((control("a", "c", []),)).control_sets_stage(RunKey("baseline", 0)),
        runs((control("a", "d", []),)).control_sets_stage(RunKey("both", 0)),
        runs((control("a", "c", []), control("b", "c", []))).control_sets_stage(RunKey("both", 0)),
        runs((control("a", "c", []),), threads=1).control_sets_stage(RunKey("both", 0)),
    ]
    assert all(stage.identity != base for stage in others)


def test_pixels_are_made_once_and_not_at_all_where_the_index_stands(tmp_path: Path) -> None:
    """A content hash is taken once, kept in the directory with the index, and made anew from another recipe."""
    asked: list[str] = []
    made = runs((control("test~blur-1", "c", asked),), tmp_path)
    assert made.controls.contents() == made.controls.contents() == {"test~blur-1": "c"}
    assert made.controls.why() == "1 of 1: not made yet"
    made.controls.write()
    assert asked == ["test~blur-1"]
    again = runs((control("test~blur-1", "c", asked),), tmp_path)
    assert again.controls.contents() == {"test~blur-1": "c"}
    assert again.controls.why() is None
    assert asked == ["test~blur-1"]
    other = runs((control("test~blur-1", "d", asked),), tmp_path)
    assert other.controls.contents() == {"test~blur-1": "d"}
    assert asked == ["test~blur-1"] * 2


@pytest.mark.parametrize(
    ("kinds", "name"),
    [
        (("pipeline",), "control sets"),
        (("corruption",), "corrupted sets"),
        (("pipeline", "corruption"), "control and corrupted sets"),
    ],
)
def test_progress_says_which_sets_there_are(
    kinds: tuple[Literal["pipeline", "corruption"], ...], name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Corrupted sets are not called control sets alone; eight images of each are counted."""
    sets = tuple(replace(control(kind, kind, []), kind=kind) for kind in kinds)
    runs(sets, tmp_path).controls.contents(show=True)
    assert capsys.readouterr().err.startswith(f"{name}: {8 * len(kinds)} images (")


def test_a_set_that_is_left_out_changes_the_list(tmp_path: Path) -> None:
    """Without one of its sets the study's list must be written again."""
    both = (control("test~blur-1", "c", []), control("test~blur-2", "d", []))
    runs(both, tmp_path).controls.write()
    assert runs(both[:1], tmp_path).controls.why() == "other control sets than listed"


# The whole way -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished tiny study, run without controls and then again with them."""
    folder = tmp_path_factory.mktemp("controls")
    study = tiny_study(folder)
    study.write_text(study.read_text("utf-8") + '\n[output]\nformats = ["html"]\n', "utf-8")
    assert run(folder) == 0
    files = records(folder / "out", "weights.safetensors", "predictions.parquet", "*.safetensors")
    study.write_text(study.read_text("utf-8") + CONTROLS, "utf-8")
    assert run(folder) == 0
    assert records(folder / "out", "weights.safetensors", "predictions.parquet", "*.safetensors") == files
    return folder


def run(place: Path, *more: str, out: str = "out") -> int:
    words = ["run", str(place / "tiny.toml"), "--out", str(place / out), "--cache", str(place / "cache"), "--quiet"]
    return main([*words, *more])


def records(folder: Path, *patterns: str) -> dict[str, tuple[str, int]]:
    """Hash and time of writing of every file below `runs` and `autoencoders`."""
    return {
        str(path.relative_to(folder)): (sha256(path), path.stat().st_mtime_ns)
        for part in ("runs", "autoencoders")
        for pattern in patterns
        for path in (folder / part).rglob(pattern)
    }


def test_every_run_has_its_own_path_on_every_set(place: Path) -> None:
    """One path a variant, every control set, as many rows as it has images."""
    sets = json.loads((place / "out/images/controls.json").read_text("utf-8"))["sets"]
    names = [row["name"] for row in sets]
    assert names[0] == "elsewhere@bilinear"
    assert {"elsewhere@nearest+jpeg75", "test~blur-1", "elsewhere@bilinear~noise-0.05"} <= set(names)
    for variant, known in VARIANTS.items():
        for seed in SEEDS:
            folder = place / "out/runs" / variant / f"seed-{seed}"
            if not folder.exists():
                continue
            frame = pd.read_parquet(folder / "controls.parquet")
            assert set(frame["path"]) == {known.path.name}
            counts = frame.groupby("test_set").size()
            for name in names:
                assert counts[name] == len(pd.read_parquet(place / "out/images" / f"{name}.parquet"))


@pytest.mark.parametrize("variant", ["baseline", "augment", "autoencoder", "both"])
def test_the_own_pipeline_is_predicted_as_before(place: Path, variant: str) -> None:
    """On the test set's own pipeline the logits are those of the predictions, bit by bit."""
    folder = place / "out/runs" / variant / "seed-1"
    path = VARIANTS[variant].path.name
    frames = [pd.read_parquet(folder / f"{name}.parquet") for name in ("controls", "predictions")]
    before, after = (
        frame[(frame["test_set"] == "elsewhere@bilinear") & (frame["path"] == path)].set_index("image_id")["logit"]
        for frame in frames
    )
    assert before.equals(after)
    assert not after.empty


def test_everything_is_kept_afterwards(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run with controls that is complete makes nothing again."""
    assert run(place, "--explain") == 0
    lines = capsys.readouterr().out.splitlines()
    assert "images of control sets: kept" in lines
    assert "both seed-2 controls: kept" in lines
    assert all(line.endswith(": kept") for line in lines)


def test_a_level_more_predicts_controls_alone(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Another level is a reason for the stage of controls, told by its set's name, and for nothing else."""
    study = place / "tiny.toml"
    text = study.read_text("utf-8")
    study.write_text(text.replace("jpeg = [50]", "jpeg = [50, 10]"), "utf-8")
    try:
        assert run(place, "--explain") == 0
    finally:
        study.write_text(text, "utf-8")
    lines = [line for line in capsys.readouterr().out.splitlines() if not line.endswith(": kept")]
    assert lines[0] == "images of control sets: 2 of 12: not made yet"
    rest = lines[1:]
    assert len(rest) == 4 * len(SEEDS)
    assert all(" controls: control set `elsewhere@bilinear~jpeg-10` is new" in line for line in rest)


def test_a_damaged_record_is_made_again_and_equal(place: Path) -> None:
    """What a run said of its control sets is made again where it was lost, to the byte, and its weights stay."""
    folder = place / "out/runs/augment/seed-1"
    file, weights = folder / "controls.parquet", folder / "weights.safetensors"
    before, written = file.read_bytes(), weights.stat().st_mtime_ns
    file.write_bytes(before[:-4])
    assert run(place) == 0
    assert file.read_bytes() == before
    assert weights.stat().st_mtime_ns == written


def test_greyscale_images_are_those_with_equal_channels(tmp_path: Path) -> None:
    """Listed by test set and id, validation left out; the list is made once, and anew for other images."""
    pixels = np.random.default_rng(0).integers(0, 256, (8, 16, 16, 3), dtype=np.uint8)
    pixels[[2, 5]] = pixels[[2, 5], :, :, :1]
    pixels[5, 0, 0, 2] ^= 1  # one pixel that is not
    some = replace(images("test", "in_sample"), pixels=pixels)
    frame = greyscale_images([some])
    assert frame.to_numpy().tolist() == [["test", "files/test-2.png"]]
    study = runs((control("test~blur-1", "c", []),)).study
    study = study.model_copy(update={"controls": Controls()})

    def plan(test: ImageSet, study: Study = study) -> ControlPlan:
        sets = (images("validation", "validation"), test)
        data = StudyData(images("train", "train"), sets[0], sets, (), (), (control("test~blur-1", "c", []),))
        return ControlPlan(study, data, RunDirectory(tmp_path))

    assert plan(some).why() == "2 of 2: not made yet"
    plan(some).write()
    assert plan(some).why() is None
    found = read_greyscale(RunDirectory(tmp_path))
    assert found is not None
    assert found.to_numpy().tolist() == frame.to_numpy().tolist()
    assert str(plan(replace(some, content="other")).why()).startswith("1 of 2: ")
    blind = study.model_copy(update={"controls": Controls(greyscale=False)})
    assert plan(replace(some, content="other"), blind).why() is None


def test_no_greyscale_image_is_a_record_too(tmp_path: Path) -> None:
    """Nothing found is an empty table of two columns of names, which reads as such."""
    frame = greyscale_images([])
    assert list(frame.columns) == ["test_set", "image_id"]
    write_frame(tmp_path / "images" / f"{GREYSCALE}.parquet", frame)
    found = read_greyscale(RunDirectory(tmp_path))
    assert found is not None
    assert found.empty
    assert read_greyscale(RunDirectory(tmp_path / "elsewhere")) is None


def test_shared_classes_are_in_the_results(place: Path) -> None:
    """Each label's one class is whole collections here: the fall on it is the fall, and the difference nothing."""
    results: dict[str, Any] = json.loads((place / "out/results.json").read_text("utf-8"))
    rows = [row for row in results["subsets"] if row["part"] == "fall" and row.get("versus") is None]
    assert {row["quantity"] for row in rows} == {"balanced_accuracy", "specificity", "recall"}
    loss = {(r["quantity"], r["variant"]): r["estimate"] for r in results["shift"] if r["part"] == "loss"
            and r["test_set"] == "elsewhere@bilinear" and r.get("versus") is None}  # fmt: skip
    for row in rows:
        wanted = 0.0 if row["subset"] == "difference" else loss[row["quantity"], row["variant"]]
        assert row["estimate"] == pytest.approx(wanted, abs=1e-12)
    assert "the same subjects" in (place / "out/reports/benchmark.html").read_text("utf-8")


def test_the_results_have_them_and_the_page_shows_them(place: Path) -> None:
    """Parts of the loss and curves are in `results.json`, and the benchmark has their sections."""
    results: dict[str, Any] = json.loads((place / "out/results.json").read_text("utf-8"))
    assert {row["part"] for row in results["shift"]} == {"loss", "corpus", "generator", "pipeline"}
    assert any(row["test_set"] == "test~noise" for row in results["control_metrics"])
    page = (place / "out/reports/benchmark.html").read_text("utf-8")
    assert 'id="pipeline"' in page
    assert "What the pipeline decides" in page
    assert "no resize kernel changes them" in page


def test_a_plan_without_controls_is_nothing() -> None:
    """Nothing declared, no stage, no list."""
    plan = runs(()).controls
    assert isinstance(plan, ControlPlan)
    assert not plan
    assert plan.contents() == {}
