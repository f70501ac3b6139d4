from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from isitcap.data.assemble import StudyData
from isitcap.explain.methods import RULES
from isitcap.explain.stages import MapStage, Plan
from isitcap.models.variants import VARIANTS
from isitcap.records.directory import RunDirectory, Stage
from isitcap.study.models import Study

Make = Callable[..., Study]
ALL = tuple(RULES)


def plan(study: Study, data: StudyData) -> Plan:
    return Plan(study, data, RunDirectory(Path("nowhere")))


def stages(study: Study, data: StudyData, variant: str = "autoencoder", seed: int = 4) -> list[MapStage]:
    trained = Stage(Path("nowhere"), "train", {"variant": variant, "seed": seed})
    return list(plan(study, data).stages(VARIANTS[variant], seed, trained))


def names(found: list[MapStage]) -> set[str]:
    return {f"{one.kind} {one.stage.name}" for one in found}


def identity(found: list[MapStage], name: str) -> dict[str, object]:
    return next(dict(one.stage.identity) for one in found if one.stage.name == name and one.kind == "maps")


def test_by_default_there_is_saliency_alone(make_study: Make, data: StudyData) -> None:
    """Every test set but validation has maps of the trained classifier at the variant's points."""
    expected = {f"maps {name}.saliency.{point}" for name in ("test", "far.set") for point in VARIANTS["both"].points}
    assert names(stages(make_study(), data)) == expected
    assert names(stages(make_study(), data, "baseline")) == {"maps test.saliency.image", "maps far.set.saliency.image"}


@pytest.mark.parametrize("method", ["saliency", "input_x_gradient", "integrated_gradients"])
def test_other_settings_leave_the_gradients_alone(make_study: Make, data: StudyData, method: str) -> None:
    """No setting of another method, of nulls or of faithfulness makes the gradients of one point anew."""
    plain = stages(make_study(methods=(method,)), data)
    changed = stages(
        make_study(
            methods=ALL,
            states=("untrained", "randomised"),
            faithfulness=True,
            samples=9,
            noise=0.3,
            window=2,
            stride=1,
            detail_images=5,
            detail_seeds=2,
        ),
        data,
    )
    for one in plain:
        assert identity(changed, one.stage.name) == one.stage.identity
        assert set(one.stage.identity) - {"steps"} == {
            *("code", "classifier", "images", "rows", "store", "method", "point", "channels"),
        }


@pytest.mark.parametrize(
    ("method", "setting"),
    [
        ("integrated_gradients", {"steps": 9}),
        ("smoothgrad", {"samples": 9}),
        ("smoothgrad", {"noise": 0.3}),
        ("gradient_shap", {"samples": 9}),
        ("occlusion", {"window": 5}),
        ("occlusion", {"stride": 1}),
        ("gradcam", {"autocast": True}),
        ("saliency", {"autocast": True}),
    ],
)
def test_a_setting_makes_the_maps_that_it_bears_on_anew(
    make_study: Make, data: StudyData, method: str, setting: dict[str, object]
) -> None:
    """What bears on a method's maps is in their identity, and in no other method's but for autocast."""
    before, after = (stages(make_study(methods=ALL, **more), data) for more in ({}, setting))
    changed = {
        one.method for one, other in zip(before, after, strict=True) if one.stage.identity != other.stage.identity
    }
    assert method in changed
    if "autocast" not in setting:
        assert changed <= {name for name in RULES if RULES[name].random or name == method}


def test_costly_methods_have_few_images_and_seeds(make_study: Make, data: StudyData) -> None:
    """They are run on the first images of the sample and the first seeds; the others on all."""
    study = make_study(methods=ALL)
    first, second = (stages(study, data, seed=seed) for seed in (4, 5))
    wide = {"saliency", "input_x_gradient", "integrated_gradients"}
    assert {one.method for one in second} == wide
    assert {one.method for one in first} == set(ALL)
    whole = plan(study, data).rows
    for one in first:
        rows = whole[one.images.name]
        assert np.array_equal(one.rows, rows if one.method in wide else rows[:2])


def test_nulls_are_of_saliency(make_study: Make, data: StudyData) -> None:
    """Untrained classifiers have maps of the whole sample for every seed, randomised ones of few for the first."""
    study = make_study(methods=("integrated_gradients",), states=("untrained", "randomised"))
    first, second = ([one for one in stages(study, data, seed=seed) if one.state != "trained"] for seed in (4, 5))
    assert {one.method for one in (*first, *second)} == {"saliency"}
    assert {one.state for one in second} == {"untrained"}
    layers = {f"randomised-{layer}" for layer in ("dense2", "dense1", "conv2", "conv1")}
    assert {one.state for one in first} == {"untrained", *layers}
    assert {len(one.rows) for one in first if one.state == "untrained"} == {6}
    assert {len(one.rows) for one in first if one.state in layers} == {2}
    assert "maps far.set.saliency.classifier_input~randomised-conv2" in names(first)
    identities = [str(one.stage.identity) for one in first]
    assert len(set(identities)) == len(identities)


def test_points_of_each_method(make_study: Make, data: StudyData) -> None:
    """Grad-CAM has one point, at the classifier's input where there is one; JPEG has no other for any method."""
    study = make_study(methods=("saliency", "gradcam"))
    points = {
        variant: {
            method: {one.point for one in stages(study, data, variant) if one.method == method}
            for method in ("saliency", "gradcam")
        }
        for variant in study.variants
    }
    both, behind = {"image", "classifier_input"}, {"classifier_input"}
    assert points == {
        "baseline": {"saliency": {"image"}, "gradcam": {"image"}},
        "autoencoder": {"saliency": both, "gradcam": behind},
        "blur": {"saliency": both, "gradcam": behind},
        "jpeg": {"saliency": behind, "gradcam": behind},
    }
    turned = make_study(methods=("gradcam",), points=("classifier_input", "image"))
    assert {one.point for one in stages(turned, data)} == behind


def test_faithfulness_is_of_every_method(make_study: Make, data: StudyData) -> None:
    """Each method and point of the first seeds has curves of few images, in a folder of their own."""
    study = make_study(methods=("saliency", "occlusion"), faithfulness=True)
    found = [one for one in stages(study, data) if one.kind == "faithfulness"]
    assert {one.stage.name for one in found} == {
        f"{name}.{method}.{point}"
        for name in ("test", "far.set")
        for method in ("saliency", "occlusion")
        for point in ("image", "classifier_input")
    }
    assert {one.stage.folder for one in found} == {Path("nowhere/runs/autoencoder/seed-4/faithfulness")}
    assert {len(one.rows) for one in found} == {2}
    assert not [one for one in stages(study, data, seed=5) if one.kind == "faithfulness"]


def test_the_background_is_balanced(make_study: Make, data: StudyData) -> None:
    """GradientSHAP's baselines are validation images, half of them synthetic, the same for every run."""
    rows = plan(make_study(), data).background
    assert np.bincount(data.validation.labels[rows]).tolist() == [6, 6]
    assert np.array_equal(rows, plan(make_study(methods=ALL), data).background)
