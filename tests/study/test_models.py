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
        ({"split": {"sources": ("a", "c"), "train": 8, "validation": 4, "test": 4}}, "`c`, which is not declared"),
        ({"test_sets": ({"name": "x", "real": ("a",), "fake": ("c",)},)}, "test set `x` names the source `c`"),
        ({"test_sets": ({"name": "x", "real": ("a",), "fake": ("b",)},) * 2}, "same name"),
        ({"autoencoder": {"code_size": 5}}, "must divide"),
        ({"image": {"size": 48}}, "power of two"),
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
