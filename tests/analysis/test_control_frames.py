"""Control frames: what they must hold, and how they are paired with the test sets that they are of."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from control_study import HOME, make

from analysis.control_frames import ControlIndex, Controls, index_controls, paired, seen
from analysis.errors import InputError
from analysis.frames import Decisions, index_predictions


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return make(np.random.default_rng(3))


def indexed(made: dict[str, Any], controls: Controls | None = None) -> ControlIndex:
    study = made["study"]
    variants = [card.name for card in study.variants]
    own = index_predictions(made["predictions"], made["images"], variants=variants, seeds=study.seeds)
    return index_controls(made["controls"] if controls is None else controls, own, study)


def test_control_sets_are_found_by_base_and_kind(made: dict[str, Any]) -> None:
    """Pipelines and corruptions of a test set come in the order recorded."""
    index = indexed(made)
    assert [card.name for card in index.of(HOME, "pipeline")] == [HOME, "far@nearest", "far@box+jpeg75"]
    assert [card.level for card in index.of("test", "corruption")] == [50.0, 10.0, 1.0]
    assert (index.bases("pipeline"), index.bases("corruption")) == ((HOME,), ("test", HOME))


def test_decisions_are_those_at_half_a_probability(made: dict[str, Any]) -> None:
    """A logit above 0 says synthetic; right is what agrees with the label."""
    labels = np.array([1, 1, 0], np.int8)
    names = np.array(["a", "b", "c"], object)
    decisions = Decisions("v", "none", "set", np.array([[1.0, -1.0, 0.0]]), labels, names, names, (0,))
    assert seen(decisions).right.tolist() == [[1.0, 0.0, 1.0]]


def test_images_are_paired_by_id(made: dict[str, Any]) -> None:
    """A corruption's sample meets the same images of its test set, in its own order."""
    index = indexed(made)
    sample = index.control("baseline", f"{HOME}~blur-1")
    first, second = paired(sample, index.base("baseline", HOME))
    assert first is sample
    assert (second.image_ids == sample.image_ids).all()
    whole = index.base("baseline", HOME)
    position = int(np.flatnonzero(whole.image_ids == sample.image_ids[5])[0])
    assert (second.right[:, 5] == whole.right[:, position]).all()


def test_the_training_generator_is_a_source_or_a_group(made: dict[str, Any]) -> None:
    """`source/group` names the group's fakes, `source` all of them."""
    group = indexed(made).same
    assert len(group) == 15
    assert all(name.startswith("old/1-") and int(name[-9:-4]) % 2 == 0 for name in group)
    assert len(indexed(made, replace(made["controls"], same_generator=("old",))).same) == 30
    assert indexed(made, replace(made["controls"], same_generator=())).same == frozenset()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"same_generator": ("old/model 7",)}, "no synthetic out-of-sample image is of it"),
        ({"same_generator": ("photos",)}, "no synthetic out-of-sample image is of it"),
        ({"base": "elsewhere"}, "is of 'elsewhere', no test set of the study"),
        ({"kernel": None}, "does not say what was done to it"),
        ({"twice": True}, "a name occurs twice"),
        ({"column": "level"}, "'level' is missing"),
        ({"drop": "far@nearest"}, "far@nearest"),
    ],
)
def test_frames_that_do_not_fit_are_refused(made: dict[str, Any], change: dict[str, Any], message: str) -> None:
    """An unknown base, an incomplete or repeated row, a missing set or an unknown generator: one line."""
    controls: Controls = made["controls"]
    sets = controls.sets.copy()
    if "base" in change:
        sets.loc[1, "base"] = change["base"]
    if "kernel" in change:
        sets["kernel"] = sets["kernel"].astype(object)
        sets.loc[1, "kernel"] = None
    if "twice" in change:
        sets = pd.concat([sets, sets.iloc[:1]], ignore_index=True)
    if "column" in change:
        sets = sets.drop(columns=change["column"])
    predictions = controls.predictions
    if "drop" in change:
        predictions = predictions[predictions["test_set"] != change["drop"]]
    same = change.get("same_generator", controls.same_generator)
    with pytest.raises(InputError, match=message):
        indexed(made, Controls(predictions, controls.images, sets, same))


def test_a_control_of_other_images_is_refused(made: dict[str, Any]) -> None:
    """A control set must hold images of its test set, with their labels."""
    index = indexed(made)
    sample, whole = index.control("baseline", "test~jpeg-50"), index.base("baseline", HOME)
    with pytest.raises(InputError, match="is not in the second"):
        paired(sample, whole)
    inside = index.base("baseline", "test")
    with pytest.raises(InputError, match="another label"):
        paired(replace(sample, labels=1 - sample.labels), inside)
