from __future__ import annotations

from pathlib import Path

import pytest

from isitcap.records.directory import RunDirectory, Stage
from isitcap.records.freshness import damaged, stage_hashes, stale, vouch
from isitcap.study.models import Source, Split, Study

STUDY = Study(
    name="small",
    title="t",
    seeds=(0, 1),
    variants=("baseline", "augment"),
    sources={"files": Source(kind="images", labels={"a": "real", "b": "synthetic"})},
    split=Split(sources=("files",), train=8, validation=8, test=8),
)


def make(folder: Path, name: str, content: str = "content") -> None:
    """A finished stage of one file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.parquet").write_text(content)
    Stage(folder, name, {"content": content}).finish([folder / f"{name}.parquet"])


@pytest.fixture
def directory(tmp_path: Path) -> RunDirectory:
    """A run directory whose results are of its records; seed 5 is not of the study."""
    found = RunDirectory(tmp_path)
    for seed in (0, 1, 5):
        make(found.autoencoder(seed), "train")
        for variant in STUDY.variants:
            make(found.run(variant, seed), "predict")
            make(found.run(variant, seed) / "maps", "test.saliency.image")
    make(tmp_path / "images", "test")
    found.study.write_text("study")
    found.results.write_text("results")
    vouch(found, stage_hashes(found, STUDY))
    return found


def test_fresh_results(directory: RunDirectory) -> None:
    """As long as nothing changes, results are of the records; what is not of the study does not matter."""
    assert len(stage_hashes(directory, STUDY)) == 11
    assert stale(directory, STUDY) is None
    make(directory.run("baseline", 5), "predict", "other")
    make(directory.run("blur", 0), "predict")
    assert stale(directory, STUDY) is None


def test_more_maps_make_results_old(directory: RunDirectory) -> None:
    """Added and changed maps are counted, and the first is named."""
    maps = directory.run("augment", 1) / "maps"
    make(maps, "test.gradcam.image")
    make(maps, "test.saliency.image", "more")
    assert stale(directory, STUDY) == (
        "results.json is older than the maps (stages: 1 new, 1 changed; "
        "runs/augment/seed-1/maps/test.gradcam.image is the first)"
    )


def test_other_records_make_results_old(directory: RunDirectory) -> None:
    """A prediction made again and a stage that is gone."""
    make(directory.run("baseline", 0), "predict", "other")
    (directory.autoencoder(1) / "train.done.json").unlink()
    assert str(stale(directory, STUDY)).startswith(
        "results.json is older than the records (stages: 1 changed, 1 gone; runs/baseline/seed-0/predict"
    )


def test_results_of_something_else(directory: RunDirectory) -> None:
    """Another study, other results, no word on where they come from, or a damaged one."""
    directory.study.write_text("another")
    assert stale(directory, STUDY) == "results.json is older than study.toml"
    directory.results.write_text("edited")
    assert stale(directory, STUDY) == "results.json is not the one that was computed from the records"
    directory.results_mark.write_text("[]")
    assert str(stale(directory, STUDY)).startswith("results.done.json is damaged")
    directory.results_mark.unlink()
    assert stale(directory, STUDY) == "results.json does not say which records it is of"


def test_damaged_records_are_all_named(directory: RunDirectory) -> None:
    """Each stage with the file that is not what was written."""
    names = stage_hashes(directory, STUDY)
    assert damaged(directory, names) == []
    (directory.run("baseline", 0) / "predict.parquet").write_text("other")
    (directory.root / "images" / "test.parquet").unlink()
    assert damaged(directory, names) == [
        "images: test.parquet is missing",
        "runs/baseline/seed-0: predict.parquet is not what was written",
    ]
