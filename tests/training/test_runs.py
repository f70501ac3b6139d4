"""Identities of stages: what they must not depend on, and what they were in records that are to stay valid."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from isitcap.data.assemble import ImageSet, SetRole, StudyData
from isitcap.records.atomic import digest
from isitcap.records.directory import RunDirectory, Stage
from isitcap.study.models import Attribution, Image, Source, Split, Study, VariantName
from isitcap.training.environment import Environment
from isitcap.training.runs import RunKey, Runs

POSTER: tuple[VariantName, ...] = ("baseline", "augment", "autoencoder", "both")
SEED = 7

# Digests of identities as the first version wrote them into marks (train, predict, maps of each variant). A run
# directory of then is kept only while these hold; whoever changes one makes every finished training again.
AUTOENCODER = "bc61819465fb8ebfe8313ef6b35e14ad9808cd0af44fa05b6b86dfcfe3d02a46"
STORED = {
    "baseline": ("b22d10b68125b27d", "608adbce0fbb15bd", "adcc9e37e83454be"),
    "augment": ("4573fe77ff9f9c0f", "2a0c6706ccd24a50", "e67d2a006f3046e6"),
    "autoencoder": ("f8d2e87f9937505f", "7d6a4f53d35f218d", "714d35a300fbb0ce"),
    "both": ("7c834e83d9900632", "2fc0fcafc17f0333", "b896fcbb6d6d882e"),
}


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


def runs(variants: Sequence[VariantName], folder: Path = Path("nowhere")) -> Runs:
    study = Study(
        name="stored",
        title="t",
        seeds=(0, SEED),
        variants=tuple(variants),
        image=Image(size=16),
        sources={"files": Source(kind="images", labels={"a": "real", "b": "synthetic"})},
        split=Split(sources=("files",), train=8, validation=8, test=8),
        attribution=Attribution(images=6, methods=("saliency", "integrated_gradients")),
    )
    validation = images("validation", "validation")
    test_sets = (validation, images("test", "in_sample"), images("far", "out_of_sample"))
    data = StudyData(images("train", "train"), validation, test_sets, (), ())
    return Runs(study, data, RunDirectory(folder), Environment(torch.device("cpu"), None, 2))


def identities(found: Runs, variant: str) -> tuple[str, str, str]:
    key = RunKey(variant, SEED)
    maps = [[maps.stage.name, dict(maps.stage.identity)] for maps in found.map_stages(key)]
    parts = (found.training_stage(key).identity, found.prediction_stage(key).identity, maps)
    train, predict, explained = (digest(part)[:16] for part in parts)
    return train, predict, explained


@pytest.mark.parametrize("variant", POSTER)
def test_identities_are_those_of_stored_records(variant: str) -> None:
    """Records of the poster's four variants that an earlier version wrote are still valid."""
    found = runs(POSTER)
    assert digest(found.autoencoder_stage(SEED).identity) == AUTOENCODER
    assert identities(found, variant) == STORED[variant]


@pytest.mark.parametrize("variant", POSTER)
def test_controls_touch_predictions_alone(variant: str) -> None:
    """A control added to a study trains and explains no other variant again, but tests it through one more path."""
    train, predict, maps = identities(runs((*POSTER, "blur")), variant)
    assert (train, maps) == (STORED[variant][0], STORED[variant][2])
    assert predict != STORED[variant][1]
    assert predict != identities(runs((*POSTER, "jpeg")), variant)[1]


def test_other_paths_touch_predictions_alone() -> None:
    """Testing along the own path alone makes the predictions anew, and trains and explains nothing again."""
    found = runs(POSTER)
    found.study = found.study.model_copy(update={"tested_through": "own"})
    for variant in POSTER:
        train, predict, maps = identities(found, variant)
        assert (train, maps) == (STORED[variant][0], STORED[variant][2])
        assert predict != STORED[variant][1]


def test_a_control_depends_on_its_autoencoder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another autoencoder fits the control, trains its classifier and predicts anew."""
    found = runs((*POSTER, "blur", "jpeg"))
    before = {variant: identities(found, variant) for variant in ("baseline", "blur", "jpeg")}
    controls = found.control_stage(SEED, "blur").identity, found.control_stage(SEED, "jpeg").identity
    assert controls[0] != controls[1]
    monkeypatch.setattr(
        found, "autoencoder_stage", lambda seed: Stage(found.directory.autoencoder(seed), "train", {"another": seed})
    )
    after = {variant: identities(found, variant) for variant in before}
    assert found.control_stage(SEED, "blur").identity != controls[0]
    assert before["baseline"][0] == after["baseline"][0]
    assert before["baseline"][1] != after["baseline"][1]
    for variant in ("blur", "jpeg"):
        assert all(one != other for one, other in zip(before[variant], after[variant], strict=True))


def test_a_mix_depends_on_its_autoencoder_and_share() -> None:
    """The mix trains anew with another share or autoencoder, and touches nothing of the other variants."""
    found, other = runs((*POSTER, "mix")), runs((*POSTER, "mix"))
    for variant in POSTER:
        assert identities(found, variant) == STORED[variant]
    other.study = other.study.model_copy(update={"training_mix": 0.25})
    assert identities(found, "mix")[0] != identities(other, "mix")[0]
    identity = found.training_stage(RunKey("mix", SEED)).identity
    assert identity["autoencoder"] == digest(found.autoencoder_stage(SEED).identity)


def test_points_of_the_controls() -> None:
    """The blur is explained at both points, the JPEG round trip at the classifier's input alone."""
    found = runs((*POSTER, "blur", "jpeg"))
    points = {
        variant: {maps.point for maps in found.map_stages(RunKey(variant, SEED))} for variant in found.study.variants
    }
    both = {"image", "classifier_input"}
    assert points == {
        "baseline": {"image"},
        "augment": {"image"},
        "autoencoder": both,
        "both": both,
        "blur": both,
        "jpeg": {"classifier_input"},
    }
