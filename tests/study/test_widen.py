from __future__ import annotations

from typing import Any

import pytest

from isitcap.errors import UserError
from isitcap.study.models import Study
from isitcap.study.widen import widen


def study(**attribution: Any) -> Study:
    return Study.model_validate(
        {
            "name": "small",
            "title": "Small",
            "seeds": (0,),
            "sources": {"a": {"kind": "images", "label": "real"}, "b": {"kind": "images", "label": "synthetic"}},
            "split": {"sources": ("a", "b"), "train": 8, "validation": 4, "test": 4},
            "attribution": {"images": 20} | attribution,
        }
    )


def test_nothing_asked_for_changes_nothing() -> None:
    """Without an option the study is the same."""
    assert widen(study()) == study()


def test_what_is_asked_for_is_added() -> None:
    """Methods and states come behind those there are, each once, and nothing is taken away."""
    before = study(methods=("integrated_gradients", "saliency"), faithfulness=True)
    after = widen(before, methods=["gradcam", " saliency"], states=["untrained"], images=30)
    assert after.attribution.methods == ("integrated_gradients", "saliency", "gradcam")
    assert after.attribution.states == ("untrained",)
    assert after.attribution.faithfulness
    assert after.attribution.images == 30
    changed = {"methods", "states", "images"}
    assert after.attribution.model_dump(exclude=changed) == before.attribution.model_dump(exclude=changed)
    assert after.model_dump(exclude={"attribution"}) == before.model_dump(exclude={"attribution"})


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"methods": ["deeplift"]}, r"^--methods deeplift: no such name; known: saliency, "),
        ({"states": ["trained"]}, r"^--states trained: no such name; known: untrained, randomised$"),
        ({"images": 19}, r"^--images 19: the run has maps of 20 already; give that or more$"),
        ({"images": -5}, r"^--images -5: "),
        ({"methods": ["occlusion"]}, r"^small: `attribution\.window` = 40 is larger than `image\.size` = 32; give"),
    ],
)
def test_what_cannot_be_added_is_refused_in_one_line(more: dict[str, Any], message: str) -> None:
    """Unknown names, fewer images, and a method that the study's settings rule out."""
    with pytest.raises(UserError, match=message) as caught:
        widen(study(window=40), **more)
    assert "\n" not in str(caught.value)
