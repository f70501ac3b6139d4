from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from analysis.dispersion import MEASURES, measure
from analysis.regions import salient_regions
from isitcap.data.assemble import StudyData
from isitcap.explain.attributions import attribute
from isitcap.explain.faithfulness import areas, random_ranks, ranks
from isitcap.explain.making import compact, make
from isitcap.explain.methods import RULES
from isitcap.explain.stages import MapStage, Plan
from isitcap.explain.states import in_state, similarity
from isitcap.models.autoencoder import build_autoencoder
from isitcap.models.classifier import ConvClassifier, build_classifier
from isitcap.models.preprocessing import Detector, to_float
from isitcap.models.variants import VARIANTS
from isitcap.records.atomic import read_arrays
from isitcap.records.directory import RunDirectory, Stage
from isitcap.study.models import Study

Make = Callable[..., Study]
SEED = 4


@pytest.fixture
def model(make_study: Make) -> Detector:
    """The study's own classifier behind its own autoencoder."""
    study = make_study()
    classifier = build_classifier(study.classifier, study.image.size, torch.Generator().manual_seed(0))
    autoencoder = build_autoencoder(study.autoencoder, study.image.size, torch.Generator().manual_seed(1))
    return Detector(classifier, autoencoder).eval().requires_grad_(False)


def run(study: Study, data: StudyData, folder: Path, model: Detector) -> list[MapStage]:
    plan = Plan(study, data, RunDirectory(folder))
    found = list(plan.stages(VARIANTS["autoencoder"], SEED, Stage(folder, "train", {})))
    make(plan, model, SEED, found, "maps", show=False)
    return found


def stage(found: list[MapStage], name: str, kind: str = "maps") -> MapStage:
    return next(one for one in found if one.stage.name == name and one.kind == kind)


def table(one: MapStage) -> pd.DataFrame:
    return pd.read_parquet(one.stage.folder / f"{one.stage.name}.parquet")


def pixels(one: MapStage) -> torch.Tensor:
    return to_float(torch.from_numpy(one.images.pixels[one.rows]))


def test_measures_and_arrays_are_those_of_the_maps(
    make_study: Make, data: StudyData, model: Detector, tmp_path: Path
) -> None:
    """Every image has its measures in float32's precision; the first few have their map, over its maximum."""
    study = make_study(methods=("saliency", "integrated_gradients"))
    found = run(study, data, tmp_path, model)
    one = stage(found, "far.set.integrated_gradients.image")
    expected = attribute(model, pixels(one), "integrated_gradients", "image", study.attribution)
    frame = table(one)
    assert frame["image_id"].tolist() == [one.images.index["image_id"][row] for row in one.rows]
    pd.testing.assert_frame_equal(frame[[*MEASURES]], measure(expected.maps)[[*MEASURES]])
    assert frame["excluded"].isna().all()
    number, share = salient_regions(expected.maps)
    assert frame["regions"].tolist() == number.tolist()
    assert frame["region_share"].tolist() == share.tolist()
    assert frame["completeness_error"].tolist() == expected.completeness_error.tolist()
    assert frame["similarity"].isna().all()
    arrays, about = read_arrays(one.stage.folder / f"{one.stage.name}.safetensors")
    assert arrays["maps"].dtype == np.float16
    assert arrays["maps"].shape == (3, 8, 8)
    back = arrays["maps"].astype(np.float32) * arrays["scale"][:, None, None]
    np.testing.assert_allclose(back, expected.maps[:3], rtol=1e-3, atol=1e-3 * expected.maps.max())
    assert arrays["image_index"].tolist() == one.rows[:3].tolist()
    assert about == {
        "method": "integrated_gradients",
        "point": "image",
        "channels": "sum",
        "target": "logit",
        "model_state": "trained",
        "test_set": "far.set",
    }
    assert table(stage(found, "far.set.saliency.image"))["completeness_error"].isna().all()


def test_all_methods_are_made_and_kept(make_study: Make, data: StudyData, model: Detector, tmp_path: Path) -> None:
    """Every stage of every method, state and curve has its mark, and a second time none is made again."""
    study = make_study(methods=tuple(RULES), states=("untrained", "randomised"), faithfulness=True)
    data = replace(data, test_sets=data.test_sets[:2])
    found = run(study, data, tmp_path, model)
    assert not [one.stage.name for one in found if one.stage.why()]
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    run(study, data, tmp_path, model)
    assert times == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}


def test_records_do_not_depend_on_what_is_made_beside_them(
    make_study: Make, data: StudyData, model: Detector, tmp_path: Path
) -> None:
    """A stage made alone, after the others, has the bytes it has when all are made in one go."""
    study = make_study(methods=("saliency", "smoothgrad", "gradcam"), states=("untrained",), faithfulness=True)
    one_set = replace(data, test_sets=data.test_sets[:2])
    found = run(study, one_set, tmp_path, model)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.parquet")}
    for path in before:
        path.unlink()
    for one in found:
        make(Plan(study, one_set, RunDirectory(tmp_path)), model, SEED, [one], "maps", show=False)
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*.parquet")}


def test_nulls_are_compared_with_the_trained_maps(
    make_study: Make, data: StudyData, model: Detector, tmp_path: Path
) -> None:
    """A null's maps are of its own classifier behind the same preprocessing; its similarity is to the trained maps."""
    study = make_study(states=("untrained", "randomised"))
    found = run(study, data, tmp_path, model)
    for state in ("untrained", "randomised-dense2", "randomised-conv1"):
        one = stage(found, f"test.saliency.classifier_input~{state}")
        classifier = in_state(model.classifier, state, study.classifier, 8, SEED)
        own = attribute(Detector(classifier, model.preprocess), pixels(one), "saliency", "classifier_input").maps
        trained = attribute(model, pixels(one), "saliency", "classifier_input").maps
        frame = table(one)
        np.testing.assert_allclose(frame["gini"], measure(own)["gini"], rtol=1e-12)
        np.testing.assert_allclose(frame["similarity"], similarity(trained, own), rtol=1e-12)
        assert frame["similarity"].between(-1, 0.999).all()
        _, about = read_arrays(one.stage.folder / f"{one.stage.name}.safetensors")
        assert about["model_state"] == state.replace("-", ":")


def test_areas_are_those_of_the_maps(make_study: Make, data: StudyData, model: Detector, tmp_path: Path) -> None:
    """Areas are of the maps of the first images at their own point, and of each image's own random order."""
    study = make_study(methods=("gradcam", "saliency"), faithfulness=True)
    found = run(study, data, tmp_path, model)
    for method, point in (("saliency", "image"), ("gradcam", "classifier_input")):
        one = stage(found, f"test.{method}.{point}", "faithfulness")
        frame = table(one)
        ids = frame["image_id"].tolist()
        assert ids == [one.images.index["image_id"][row] for row in one.rows]
        images = pixels(one)
        random = random_ranks(ids, study.split.seed, 8, 8)
        order = ranks(attribute(model, images, method, point).maps, random)
        if point == "image":
            net: nn.Module = model
        else:
            net = model.classifier
            assert model.preprocess is not None
            with torch.no_grad():
                images = model.preprocess(images)
        own, chance = areas(net, images, order), areas(net, images, random)
        np.testing.assert_allclose(frame["deletion_area"], own.deletion, rtol=1e-5)
        np.testing.assert_allclose(frame["insertion_area"], own.insertion, rtol=1e-5)
        np.testing.assert_allclose(frame["random_deletion_area"], chance.deletion, rtol=1e-5)
        np.testing.assert_allclose(frame["random_insertion_area"], chance.insertion, rtol=1e-5)
        assert not np.allclose(own.deletion, chance.deletion, rtol=1e-5)


class Constant(ConvClassifier):
    """A logit that no pixel moves."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return super().forward(images) * 0


class Broken(ConvClassifier):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return super().forward(images) * torch.nan


@pytest.mark.parametrize(("kind", "reason"), [(Constant, "all zero"), (Broken, "not finite")])
def test_maps_that_cannot_be_measured(
    make_study: Make, data: StudyData, model: Detector, tmp_path: Path, kind: type[ConvClassifier], reason: str
) -> None:
    """A constant or NaN map is excluded with its reason, has no areas, and stops nothing."""
    study = make_study(faithfulness=True, states=("untrained",))
    found = run(study, data, tmp_path, Detector(kind(model.classifier.layers).eval(), None))
    frame = table(stage(found, "test.saliency.image"))
    assert set(frame["excluded"]) == {reason}
    assert frame[[*MEASURES, "regions", "region_share"]].isna().all(axis=None)
    curves = table(stage(found, "test.saliency.image", "faithfulness"))
    assert curves["image_id"].notna().all()
    assert curves.drop(columns="image_id").isna().all(axis=None)
    null = table(stage(found, "test.saliency.image~untrained"))
    assert null["gini"].notna().all()
    assert null["similarity"].isna().all()


def test_stored_maps_keep_their_measures() -> None:
    """Rounding to float16 moves Gini and entropy by less than 0.001, whatever the unit; the maximum is 1."""
    maps = np.random.default_rng(0).gamma(0.3, size=(50, 32, 32)).astype(np.float32) * np.float32(1e-9)
    halves, scale = compact(maps)
    assert halves.dtype == np.float16
    assert (halves.max(axis=(1, 2)) == 1).all()
    assert np.array_equal(scale, maps.max(axis=(1, 2)))
    before, after = measure(maps), measure(halves.astype(np.float32))
    for name in ("gini", "entropy"):
        assert (before[name] - after[name]).abs().max() < 1e-3
