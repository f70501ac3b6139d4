"""Finished records that are not all of one study are told apart by the marks of their stages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from isitcap.records.agreement import told_change, unlike_runs
from isitcap.records.atomic import digest
from isitcap.records.directory import ABSENT, Change, RunDirectory, Stage
from isitcap.study import Study, load_study, resolve


@pytest.fixture(name="study")
def study_fixture() -> Study:
    return resolve(load_study("demo")[0], seeds=[0, 1])


def mark(directory: RunDirectory, study: Study, variant: str, seed: int, **other: Any) -> None:
    """A run's marks as training and testing leave them, with other settings or images."""
    folder = directory.run(variant, seed)
    identity = {
        "classifier": study.classifier.model_dump(mode="json"),
        "image_size": study.image.size,
        "train": "images",
        "validation": "others",
    } | {key: value for key, value in other.items() if key != "test_sets"}
    Stage(folder, "train", identity).finish([])
    tested = {"classifier": digest(identity), "test_sets": other.get("test_sets", {"test": "c"})}
    Stage(folder, "predict", tested).finish([])


def marked(root: Path, study: Study) -> RunDirectory:
    directory = RunDirectory(root)
    for variant in study.variants:
        for seed in study.seeds:
            mark(directory, study, variant, seed)
    return directory


def test_records_of_one_study_agree(tmp_path: Path, study: Study) -> None:
    """Nothing is told where all are alike; nor of records that hold less, as older versions wrote them."""
    directory = marked(tmp_path, study)
    assert list(unlike_runs(directory, study)) == []
    Stage(directory.run("both", 1), "train", {"made": "up"}).finish([])
    Stage(directory.run("both", 1), "predict", {"made": "up"}).finish([])
    assert list(unlike_runs(directory, study)) == []


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"image_size": 8}, "runs/both/seed-1 has picture = 8, the study says 32"),
        ({"train": "less"}, "runs/both/seed-1 was trained on other images than runs/baseline/seed-0"),
        ({"test_sets": {"test": "d"}}, "runs/both/seed-1 was tested on other images than runs/baseline/seed-0"),
    ],
)
def test_a_run_of_other_settings_or_images_is_named(
    tmp_path: Path, study: Study, other: dict[str, Any], told: str
) -> None:
    """One run that was left as it was among those made over, by the names that the reader knows keys by."""
    directory = marked(tmp_path, study)
    mark(directory, study, "both", 1, **other)
    assert list(unlike_runs(directory, study, lambda key: "picture" if key == "image.size" else key)) == [told]


def test_a_run_that_was_trained_again_has_old_predictions(tmp_path: Path, study: Study) -> None:
    """Predictions name the classifier that made them."""
    directory = marked(tmp_path, study)
    Stage(directory.run("both", 1), "train", {"train": "images", "validation": "others"}).finish([])
    assert list(unlike_runs(directory, study)) == ["runs/both/seed-1 was trained again, and not tested since"]


def test_what_one_of_both_lacks_is_said() -> None:
    """A key that only the records or only the study has."""
    assert told_change(Change("test_sets.far", ABSENT, {"real": []})).startswith("test_sets.far is not in it")
    assert told_change(Change("test_sets.far", {"real": []}, ABSENT)).startswith("test_sets.far is in it")
    assert told_change(Change("sources.far.limit", 5, None)) == "sources.far.limit = 5, the study says none"
