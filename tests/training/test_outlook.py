"""What making runs would do to finished ones, told in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from isitcap.data.assemble import ImageSet, SetRole, StudyData
from isitcap.explain.stages import MapStage
from isitcap.records import directory
from isitcap.records.directory import RunDirectory, Stage
from isitcap.study.load import dump_study
from isitcap.study.models import Study
from isitcap.training import outlook, runs
from isitcap.training.environment import CODE_VERSION, Environment
from isitcap.training.runs import Runs

STUDY: dict[str, Any] = {
    "name": "stored",
    "title": "t",
    "seeds": (0, 7),
    "variants": ("baseline", "autoencoder"),
    "image": {"size": 16},
    "sources": {
        "files": {"kind": "images", "labels": {"a": "real", "b": "synthetic"}},
        "photos": {"kind": "images", "label": "real"},
        "fakes": {"kind": "images", "label": "synthetic"},
    },
    "split": {"sources": ("files",), "train": 8, "validation": 8, "test": 8},
    "test_sets": ({"name": "far", "real": ("photos",), "fake": ("fakes",)},),
    "attribution": {"images": 6, "methods": ("saliency", "gradcam"), "states": ("untrained",), "faithfulness": True},
}
PACKS = {"files@bilinear": "f", "photos@bilinear": "p", "fakes@bilinear": "q"}


def image_set(name: str, role: SetRole, sources: tuple[str, str], content: str) -> ImageSet:
    index = pd.DataFrame(
        {
            "image_id": [f"{sources[n % 2]}/{name}-{n}.png" for n in range(12)],
            "source": [sources[n % 2] for n in range(12)],
            "group": "",
            "label": np.array([0, 1] * 6, np.int8),
            "sha256": "0",
        }
    )
    return ImageSet(name, role, np.zeros((12, 16, 16, 3), np.uint8), index, "native", content, ())


def plan(folder: Path, packs: dict[str, str] = PACKS, threads: int = 2, sets: str = "far", **study: Any) -> Runs:
    """Runs of the study with changes; images of a source are others where its pack is."""
    found = Study.model_validate(STUDY | study)
    near, far = packs["files@bilinear"], packs["photos@bilinear"] + packs["fakes@bilinear"]
    validation = image_set("validation", "validation", ("files", "files"), f"validation {near}")
    test_sets = [validation, image_set("test", "in_sample", ("files", "files"), f"test {near}")]
    test_sets += [image_set(f"{name}@bilinear", "out_of_sample", ("photos", "fakes"), far) for name in sets.split()]
    train = image_set("train", "train", ("files", "files"), f"train {near}")
    data = StudyData(train, validation, tuple(test_sets), tuple(packs.items()), ())
    return Runs(found, data, RunDirectory(folder), Environment(torch.device("cpu"), None, threads))


def finish(stage: Stage, rows: int = 1) -> None:
    stage.folder.mkdir(parents=True, exist_ok=True)
    path = stage.folder / f"{stage.name}.parquet"
    pd.DataFrame({"x": range(rows)}).to_parquet(path)
    stage.finish([path])


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A run directory in which all is made."""
    found = plan(tmp_path)
    for one in found.image_stages():
        finish(one.stage)
    for _, stage in found.stages():
        finish(stage)
    for maps in all_maps(found):
        finish(maps.stage, len(maps.rows))
    found.directory.study.write_text(dump_study(found.study), "utf-8")
    found.directory.manifest.write_text(json.dumps({"packs": PACKS}), "utf-8")
    return tmp_path


def all_maps(found: Runs) -> list[MapStage]:
    return [maps for seed in found.study.seeds for key in found.keys(seed) for maps in found.map_stages(key)]


def reasons(found: Runs) -> dict[str, str]:
    return {name: reason for name, reason in outlook.explain(found) if reason != "kept"}


def test_every_stage_has_a_line(made: Path) -> None:
    """Images, training, tests, and the maps of every method and state; all are kept."""
    lines = list(outlook.explain(plan(made)))
    assert {reason for _, reason in lines} == {"kept"}
    names = [name for name, _ in lines]
    assert len(set(names)) == len(names)
    assert {"images validation", "images far@bilinear", "examples test", "autoencoder seed-7"} <= set(names)
    of_run = {name.removeprefix("autoencoder seed-0 ") for name in names if name.startswith("autoencoder seed-0 ")}
    maps = {"maps saliency", "maps gradcam", "maps saliency untrained"}
    assert of_run == {"train", "predict", *maps, "faithfulness saliency", "faithfulness gradcam"}
    assert outlook.untrained(plan(made)) is None
    assert outlook.loss(plan(made)) is None


def test_what_is_done_can_be_listed_without_reading_it(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same lines as with hashes, and no file of any stage is read for them; a lost file is still found."""
    lines = list(outlook.explain(plan(made)))
    (made / "runs/baseline/seed-7/predict.parquet").unlink()
    expected = [(name, "predict.parquet is missing" if name == "baseline seed-7 predict" else kept)
                for name, kept in lines]  # fmt: skip
    monkeypatch.setattr(directory, "sha256", lambda path: pytest.fail(f"{path} was read"))
    assert list(outlook.explain(plan(made), hashed=False)) == expected


def test_controls_have_lines(tmp_path: Path) -> None:
    """A control fitted to an autoencoder is a stage of each seed, where the study has it."""
    lines = dict(outlook.explain(plan(tmp_path, variants=("baseline", "jpeg"))))
    assert lines["autoencoder seed-0 jpeg"] == lines["autoencoder seed-7 jpeg"] == "not made yet"
    assert not any(name.endswith((" jpeg", " blur")) for name, _ in outlook.explain(plan(tmp_path)))


def test_settings_are_named_as_in_the_study_file(made: Path) -> None:
    """A changed number of epochs is told by key, and what hangs on it by what it hangs on."""
    found = reasons(plan(made, classifier={"epochs": 9}))
    assert found["baseline seed-0 train"] == "classifier.epochs 6 → 9"
    assert found["baseline seed-0 predict"] == "its classifier changed"
    assert found["baseline seed-0 maps saliency"] == "2 of 2: its classifier changed"
    assert "autoencoder seed-0" not in found
    found = reasons(plan(made, attribution=STUDY["attribution"] | {"images": 10}))
    assert found["baseline seed-7 maps saliency"] == "2 of 2: images of a test set 6 → 10"
    assert not any(name.endswith(("train", "predict")) for name in found)


def test_sources_are_named_where_hashes_differ(made: Path) -> None:
    """Of the sources of a split or test set, the one whose data changed; a declared change is told as such."""
    found = reasons(plan(made, PACKS | {"files@bilinear": "g"}))
    assert found["autoencoder seed-0"] == "data of source `files` changed"
    assert found["images test"] == "data of source `files` changed"
    assert "images far@bilinear" not in found
    found = reasons(plan(made, PACKS | {"fakes@bilinear": "g"}))
    assert found["baseline seed-0 predict"] == "data of source `fakes` changed"
    assert "baseline seed-0 train" not in found
    swapped = STUDY["sources"] | {"files": {"kind": "images", "labels": {"b": "real", "a": "synthetic"}}}
    found = reasons(plan(made, PACKS | {"files@bilinear": "g"}, sources=swapped))
    assert found["baseline seed-0 train"] == "sources.files.labels changed"
    found = reasons(plan(made, PACKS | {"files@bilinear": "g"}, split=STUDY["split"] | {"train": 6, "seed": 3}))
    assert found["autoencoder seed-0"] == "split.seed 0 → 3; split.train 8 → 6; data of source `files` changed"


def test_without_the_earlier_study_hashes_are_not_shown(made: Path) -> None:
    """Where study and manifest of then cannot be read, what changed is still told, and no hash with it."""
    (made / "study.toml").write_text("damaged", "utf-8")
    (made / "manifest.json").unlink()
    found = reasons(plan(made, PACKS | {"files@bilinear": "g", "fakes@bilinear": "g"}))
    assert found["baseline seed-0 train"] == "training images changed"
    assert found["images far@bilinear"] == "images of test set `far@bilinear` changed"


@pytest.mark.parametrize(
    ("change", "counts", "causes"),
    [
        ({"packs": PACKS | {"files@bilinear": "g"}}, (4, 0), ("data of source `files` changed",)),
        ({"packs": PACKS | {"photos@bilinear": "g"}}, (0, 4), ("data of source `photos` changed",)),
        ({"classifier": {"epochs": 9}}, (4, 0), ("classifier.epochs 6 → 9",)),
        ({"autoencoder": {"epochs": 9}}, (2, 2), ("autoencoder.epochs 2 → 9",)),
        ({"threads": 3}, (4, 0), ("CPU threads 2 → 3",)),
        ({"sets": ""}, (0, 4), ("test set `far@bilinear` is left out",)),
        ({"seeds": (7, 8), "classifier": {"epochs": 9}}, (2, 0), ("classifier.epochs 6 → 9",)),
    ],
)
def test_what_would_replace_finished_runs_is_a_loss(
    made: Path, change: dict[str, Any], counts: tuple[int, int], causes: tuple[str, ...]
) -> None:
    """Runs that would be trained or tested again are counted, with the cause and not what follows from it."""
    lost = outlook.loss(plan(made, **change))
    assert lost is not None
    assert (lost.trained, lost.tested) == counts
    assert lost.reasons == causes
    assert str(lost).startswith(f"{sum(counts)} finished runs would be lost (")


@pytest.mark.parametrize(
    "change",
    [
        {"seeds": (0, 7, 8)},
        {"variants": ("baseline", "augment", "autoencoder", "both")},
        {"variants": ("baseline", "autoencoder", "blur")},
        {"sets": "far farther"},
        {"attribution": {"images": 3}},
        {"title": "Another"},
    ],
)
def test_what_is_added_is_no_loss(made: Path, change: dict[str, Any]) -> None:
    """More seeds, variants, paths, test sets or maps replace no finished run."""
    assert outlook.loss(plan(made, **change)) is None


def test_what_is_damaged_or_unfinished_is_no_loss(made: Path) -> None:
    """It is made again as it was, and told as what it is."""
    found = plan(made)
    (found.directory.run("baseline", 0) / "train.parquet").unlink()
    (found.directory.run("baseline", 7) / "predict.done.json").unlink()
    (found.directory.autoencoder(7) / "train.done.json").write_text("{")
    assert outlook.loss(found) is None
    assert reasons(found) == {
        "baseline seed-0 train": "train.parquet is missing",
        "baseline seed-7 predict": "not made yet",
        "autoencoder seed-7": "train.done.json is damaged",
    }
    assert outlook.untrained(found) == ("baseline seed-0 train", "train.parquet is missing")


def test_another_version_of_the_code_is_a_loss(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an update makes otherwise is not made over unasked."""
    monkeypatch.setattr(runs, "CODE_VERSION", CODE_VERSION + 1)
    lost = outlook.loss(plan(made))
    assert lost is not None
    assert lost.trained == 4
    assert lost.reasons == (f"version of the code that bears on results {CODE_VERSION} → {CODE_VERSION + 1}",)
