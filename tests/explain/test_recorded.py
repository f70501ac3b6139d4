from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from isitcap.data.assemble import StudyData
from isitcap.explain.recorded import recorded, with_recorded
from isitcap.explain.stages import Plan
from isitcap.models.variants import VARIANTS
from isitcap.records.directory import RunDirectory, Stage
from isitcap.study.models import Study

Make = Callable[..., Study]


def explained(study: Study, data: StudyData, folder: Path) -> RunDirectory:
    """A run directory that holds marks and tables of all maps of a study."""
    directory = RunDirectory(folder)
    plan = Plan(study, data, directory)
    for seed in study.seeds:
        for variant in study.variants:
            for one in plan.stages(VARIANTS[variant], seed, Stage(folder, "train", {})):
                path = one.stage.folder / f"{one.stage.name}.parquet"
                path.parent.mkdir(parents=True, exist_ok=True)
                pd.DataFrame({"gini": [0.5] * len(one.rows)}).to_parquet(path)
                one.stage.finish([path])
    return directory


def test_what_covers_no_more_changes_nothing(make_study: Make, data: StudyData, tmp_path: Path) -> None:
    """An empty directory, the study's own maps, and fewer than it asks for leave it as it is."""
    study = make_study(methods=("saliency", "gradcam"))
    assert with_recorded(study, RunDirectory(tmp_path)) == (study, ())
    directory = explained(study, data, tmp_path)
    assert with_recorded(study, directory) == (study, ())
    larger = make_study(methods=("gradcam", "saliency", "occlusion"), images=9, store=5, detail_images=4)
    assert with_recorded(larger, directory) == (larger, ())


def test_more_than_is_asked_for_is_kept(make_study: Make, data: StudyData, tmp_path: Path) -> None:
    """Methods, states, curves, images and seeds of the records are added, and named."""
    wide = make_study(
        methods=("saliency", "gradcam"),
        states=("untrained", "randomised"),
        faithfulness=True,
        images=10,
        store=7,
        detail_images=5,
        detail_seeds=2,
    )
    directory = explained(wide, data, tmp_path)
    study, words = with_recorded(make_study(), directory)
    assert study == wide
    assert words == (
        "methods: also gradcam",
        "states: also untrained, randomised",
        "faithfulness",
        "images: 10 instead of 6",
        "detail_images: 5 instead of 2",
        "detail_seeds: 2 instead of 1",
        "store: 7 instead of 3",
    )


def test_what_is_asked_for_and_was_never_made_does_not_count(make_study: Make, data: StudyData, tmp_path: Path) -> None:
    """More images than a test set has are those that it has, and a damaged record covers nothing."""
    directory = explained(make_study(images=500), data, tmp_path)
    assert with_recorded(make_study(images=12), directory)[1] == ()
    assert with_recorded(make_study(images=11), directory)[1] == ("images: 12 instead of 11",)
    for mark in tmp_path.rglob("*.done.json"):
        mark.write_text("{")
    assert recorded(make_study(), directory).images == 0
    assert with_recorded(make_study(), directory)[1] == ()


def test_other_runs_do_not_count(make_study: Make, data: StudyData, tmp_path: Path) -> None:
    """Maps of a variant or seed that the study does not have ask nothing of it."""
    wide = make_study(images=10)
    explained(wide.model_copy(update={"seeds": (9,)}), data, tmp_path)
    explained(wide.model_copy(update={"variants": ("augment",)}), data, tmp_path)
    assert with_recorded(make_study(), RunDirectory(tmp_path))[1] == ()
