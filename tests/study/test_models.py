from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from isitcap.study import models
from isitcap.study.models import Augmentation, Source, Study


def smallest(**changes: Any) -> dict[str, Any]:
    data = {
        "name": "small",
        "title": "Small",
        "seeds": (0,),
        "sources": {"a": {"kind": "images", "label": "real"}, "b": {"kind": "images", "label": "synthetic"}},
        "split": {"sources": ("a", "b"), "train": 8, "validation": 4, "test": 4},
    }
    return data | changes


def test_models_are_frozen() -> None:
    """A study cannot be changed after validation, neither can its parts."""
    study = Study.model_validate(smallest())
    with pytest.raises(ValidationError, match="frozen"):
        study.name = "other"
    with pytest.raises(ValidationError, match="frozen"):
        study.split.train = 9


def test_defaults_are_a_valid_study() -> None:
    """A study of required keys alone compares all four variants on 32 × 32 images."""
    study = Study.model_validate(smallest())
    assert study.variants == ("baseline", "augment", "autoencoder", "both")
    assert study.image.size == 32


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seeds": ()}, "at least 1"),
        ({"seeds": (0, 0)}, "`seeds` names one value twice"),
        ({"seeds": (2**32,)}, "less than 4294967296"),
        ({"variants": ("augment",)}, "lacks `baseline`"),
        ({"variants": ("baseline", "baseline")}, "`variants` names one value twice"),
        ({"variants": ("baseline", "other")}, "Input should be"),
        ({"variants": ("baseline", "jpeg"), "attribution": {"points": ("image",)}}, "no gradient at the image; add"),
        ({"split": {"sources": ("a", "c"), "train": 8, "validation": 4, "test": 4}}, "`c`, which is not declared"),
        ({"test_sets": ({"name": "x", "real": ("a",), "fake": ("c",)},)}, "test set `x` names the source `c`"),
        ({"test_sets": ({"name": "x", "real": ("a",), "fake": ("b",)},) * 2}, "same name"),
        ({"autoencoder": {"code_size": 5}}, "must divide"),
        ({"image": {"size": 48}}, "power of two"),
        ({"attribution": {"methods": ("deeplift",)}}, "Input should be"),
        ({"attribution": {"methods": ("gradcam", "gradcam")}}, "`methods` names one value twice"),
        ({"attribution": {"states": ("untrained", "untrained")}}, "`states` names one value twice"),
        ({"attribution": {"window": 3, "stride": 4}}, "`stride` = 4 skips pixels of `window` = 3"),
        ({"attribution": {"methods": ("occlusion",), "window": 33}}, "`attribution.window` = 33 is larger than"),
        ({"name": "../up"}, "pattern"),
        ({"sources": {"a/b": {"kind": "cifake"}}}, "pattern"),
    ],
)
def test_contradictions_are_refused(changes: dict[str, Any], message: str) -> None:
    """A study whose parts contradict each other is no study."""
    with pytest.raises(ValidationError, match=message):
        Study.model_validate(smallest(**changes))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"kind": "images"}, "exactly one"),
        ({"kind": "images", "label": "real", "labels": {"x": "real"}}, "exactly one"),
        ({"kind": "cifake", "label": "real"}, "knows its labels"),
        ({"kind": "embedded", "embedded": "x", "labels": {"y": "real"}}, "knows its labels"),
        ({"kind": "tiny-imagenet", "label": "synthetic"}, "is real"),
        ({"kind": "embedded"}, "names the set"),
        ({"kind": "cifake", "embedded": "x"}, "names the set"),
        ({"kind": "embedded", "embedded": "x", "path": "y"}, "no `path`"),
        ({"kind": "embedded", "embedded": "x", "first": 5}, "no columns and no `first`"),
        ({"kind": "cifake", "per_class": (5, 5)}, "`per_class` is of embedded sources"),
        ({"kind": "embedded", "embedded": "x", "per_class": (5, 0)}, "greater than 0"),
        ({"kind": "cifake", "part": "validation"}, "Input should be"),
        ({"kind": "images", "label": "real", "label_column": "cls"}, "give one of them"),
        ({"kind": "images", "label": "real", "first": 0}, "greater than 0"),
        ({"kind": "cifake", "limit": 0}, "greater than 0"),
    ],
)
def test_sources_declare_what_their_kind_needs(source: dict[str, Any], message: str) -> None:
    """A source's label, set and path must fit its kind."""
    with pytest.raises(ValidationError, match=message):
        Source.model_validate(source)


@pytest.mark.parametrize(("side", "missing"), [("real", "fake"), ("fake", "real")])
def test_a_test_set_needs_both_classes(side: str, missing: str) -> None:
    """A test set of one class is refused, and the message names the side that lacks."""
    with pytest.raises(ValidationError, match=f"`{missing}` names no source"):
        models.TestSet.model_validate({"name": "x", side: ("a",)})


@pytest.mark.parametrize("name", ["validation", "test"])
def test_names_of_the_split_are_taken(name: str) -> None:
    """A test set may not be called like a part of the split."""
    with pytest.raises(ValidationError, match=f"`{name}` belongs to the split"):
        models.TestSet(name=name, real=("a",), fake=("b",))


@pytest.mark.parametrize(
    ("ranges", "message"),
    [
        ({"area": (1.0, 0.9)}, "must rise"),
        ({"area": (0.5, 1.1)}, "must rise"),
        ({"blur_sigma": (0.0, 1.0)}, "must rise"),
        ({"aspect": (1.1, 1.3)}, "must contain 1"),
        ({"probability": 1.5}, "less than or equal to 1"),
        ({"brightness": float("nan")}, "finite"),
    ],
)
def test_augmentation_ranges_are_checked(ranges: dict[str, Any], message: str) -> None:
    """A range must rise within what the augmentation can do."""
    with pytest.raises(ValidationError, match=message):
        Augmentation.model_validate(ranges)


def claimed(**changes: Any) -> dict[str, Any]:
    claim = {"id": "one", "says": "It holds.", "quantity": "accuracy", "kind": "greater", "variants": ("augment",)}
    claim |= {"versus": "baseline", "role": "in_sample"}
    test_sets = ({"name": "far", "real": ("a",), "fake": ("b",)},)
    return smallest(test_sets=test_sets, claims=(claim | changes,))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"role": "out_of_sample"},
        {"role": None, "test_set": "test", "source": "a"},
        {"role": None, "test_set": "far", "source": "b"},
        {"versus": None, "role": "out_of_sample", "versus_test_set": "test"},
        {"quantity": "gini", "path": "saliency.classifier_input"},
    ],
)
def test_claims_about_what_the_study_has(changes: dict[str, Any]) -> None:
    """A claim may be about the study's variants, test sets, sources, methods and points."""
    claims = Study.model_validate(claimed(**changes)).claims
    assert [claim.id for claim in claims] == ["one"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"variants": ("nobody",)}, "claim `one`: the variant `nobody` is not of the study; known: baseline, augment"),
        ({"versus": "nobody"}, "the variant `nobody` is not of the study"),
        ({"role": None, "test_set": "near"}, "`test_set` = near is no test set of the study; known: test, far"),
        ({"versus": None, "versus_test_set": "near"}, "`versus_test_set` = near is no test set of the study"),
        ({"role": None, "test_set": "validation"}, "`test_set` = validation is no test set of the study"),
        ({"role": None, "test_set": "far", "source": "c"}, "`source` = c is not in test set `far`; known: a, b"),
        ({"quantity": "gini", "path": "grad_cam.image"}, "`grad_cam` is not among `attribution.methods`; known: sali"),
        ({"quantity": "gini", "path": "saliency.code"}, "`code` is not among `attribution.points`; known: image, cl"),
        ({"margin": 0.0, "kind": "equivalent"}, "claim `one`: `margin` = 0 must be above 0"),
    ],
)
def test_claims_about_what_the_study_lacks(changes: dict[str, Any], message: str) -> None:
    """A claim about something else is refused with what there is."""
    with pytest.raises(ValidationError, match=message):
        Study.model_validate(claimed(**changes))


def test_claims_need_their_role_and_an_id_of_their_own() -> None:
    """A study without out-of-sample sets claims nothing of them, and no two claims share an id."""
    data = claimed(role="out_of_sample")
    with pytest.raises(ValidationError, match="the study has no out-of-sample test set; add one under `test_sets`"):
        Study.model_validate(data | {"test_sets": ()})
    with pytest.raises(ValidationError, match="two claims have the id `one`; rename one"):
        Study.model_validate(data | {"claims": data["claims"] * 2})


@pytest.mark.parametrize("alpha", [0.0, 0.5, float("nan")])
def test_the_level_of_verdicts(alpha: float) -> None:
    """The level is 0.05 unless it says otherwise, and lies between 0 and 0.5."""
    assert Study.model_validate(smallest()).analysis.alpha == 0.05
    with pytest.raises(ValidationError, match=r"analysis\.alpha"):
        Study.model_validate(smallest(analysis={"alpha": alpha}))


FAR = {"test_sets": ({"name": "far", "real": ("a",), "fake": ("b",)},)}


def test_controls_and_robustness_are_none_unless_declared() -> None:
    """Without the tables nothing is made; with an empty one everything is, by its defaults."""
    assert Study.model_validate(smallest()).controls is None
    study = Study.model_validate(smallest(**FAR, controls={}, robustness={}))
    assert study.controls is not None
    assert study.robustness is not None
    assert len(study.controls.kernels) * len(study.controls.reencode) == 10
    assert sum(len(getattr(study.robustness, name)) for name in models.CORRUPTIONS) == 23


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"controls": {}}, "the study has none of; add `test_sets`"),
        (FAR | {"controls": {"kernels": ()}}, "at least 1"),
        (FAR | {"controls": {"kernels": ("box", "box")}}, "`kernels` names one value twice"),
        (FAR | {"controls": {"kernels": ("cubic",)}}, "Input should be"),
        (FAR | {"controls": {"same_generator": ("a",)}}, "`a`, which is no fake of a test set; known: b"),
        (FAR | {"controls": {"classes": {"cat": ("c/cat",)}}}, "`controls.classes.cat` names `c/cat`, of no source"),
        (
            FAR | {"controls": {"classes": {"cat": ("b/x",), "dog": ("b/x",)}}},
            "`b/x` stands twice in `classes.cat` and",
        ),
        (FAR | {"controls": {"classes": {"cat": ("b/x", "b/x")}}}, "`b/x` stands twice in `classes.cat`; keep one"),
        (FAR | {"controls": {"classes": {"cat": ()}}}, "at least 1"),
        (FAR | {"robustness": {"test_sets": ("near",)}}, "`near`, which is no test set; known: test, far"),
        ({"robustness": {"jpeg": (0,)}}, "greater than or equal to 1"),
        ({"robustness": {"jpeg": (50, 50)}}, "`jpeg` names one value twice"),
        ({"robustness": {"crop": (1.0,)}}, "less than 1"),
        ({"robustness": {"resize": (0.01,)}}, "`robustness.resize` = 0.01 leaves 0 of 32 pixels"),
        ({"robustness": {"crop": (0.99,)}}, "`robustness.crop` = 0.99 leaves 32 of 32 pixels"),
        ({"robustness": {"blur": (float("nan"),)}}, "finite"),
        ({"robustness": dict.fromkeys(models.CORRUPTIONS, ())}, "every corruption is empty"),
    ],
)
def test_controls_that_cannot_be_made_are_refused(changes: dict[str, Any], message: str) -> None:
    """What a control would be of must be in the study, and every level must change something."""
    with pytest.raises(ValidationError, match=message):
        Study.model_validate(smallest(**changes))


def test_a_training_generator_may_be_a_group() -> None:
    """`source/group` is accepted where the source is a fake of a test set; groups are known with the images."""
    study = Study.model_validate(smallest(**FAR, controls={"same_generator": ("b/Stable Diffusion 1.4",)}))
    assert study.controls is not None
    assert study.controls.same_generator == ("b/Stable Diffusion 1.4",)


def test_only_plain_images_name_a_column_of_groups() -> None:
    """A source whose kind knows its groups refuses the key."""
    assert Source.model_validate({"kind": "images", "label": "real", "groups": "generator"}).groups == "generator"
    assert Source.model_validate({"kind": "tiny-imagenet", "groups": "subject"}).groups == "subject"
    with pytest.raises(ValidationError, match="knows its groups; remove `groups`"):
        Source.model_validate({"kind": "cifake", "groups": "generator"})
