"""What a word on the command line asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from isitcap.data.audit.asked import place_plan, plan_for

Write = Callable[[str, Mapping[str, bytes]], Path]
Refuses = Callable[..., AbstractContextManager[None]]
Encoded = Callable[..., bytes]


def test_published_layouts_and_plain_names_are_known(
    write: Write, tiny_cifake: Callable[..., dict[str, bytes]], encoded: Encoded
) -> None:
    """CIFAKE, Tiny ImageNet and folders called real or fake need no labels."""
    kinds = {
        name: place_plan(write(name, files)).places[0].source
        for name, files in {
            "cifake": tiny_cifake(),
            "tiny": {"val_3.JPEG": encoded(0)},
            "named": {"a/Real/1.jpg": encoded(1), "a/Fake/2.jpg": encoded(2)},
        }.items()
    }
    assert kinds["cifake"].kind == "cifake"
    assert kinds["cifake"].reencode is False
    assert kinds["tiny"].kind == "tiny-imagenet"
    assert kinds["named"].labels == {"Fake": "synthetic", "Real": "real"}


def test_unknown_and_inverted_labels_are_refused(write: Write, encoded: Encoded, refuses: Refuses) -> None:
    """Names that say nothing ask for a label; a label that is none, or two kinds of them, is refused."""
    path = write("odd", {"cats/1.jpg": encoded(1)})
    with refuses("odd", "cats", "--label"):
        place_plan(path)
    with refuses("--label", "fake", "real or synthetic"):
        place_plan(path, "fake")
    with refuses("--labels cats", "FOLDER=real"):
        place_plan(path, labels=["cats"])
    with refuses("--label real", "one of them"):
        place_plan(path, "real", ["cats=real"])
    assert place_plan(path, labels=["cats=synthetic"]).places[0].source.labels == {"cats": "synthetic"}


def test_a_study_is_planned_with_its_comparisons(refuses: Refuses) -> None:
    """The demo's training set comes first, then each test set; single sources are possible, strangers are not."""
    plan = plan_for("demo")
    assert plan.comparisons[0][0] == "training"
    assert plan.split is not None
    names = [place.name for place in plan.places]
    one = plan_for("demo", sources=names[-1:])
    assert [place.name for place in one.places] == names[-1:]
    assert one.split is None
    with refuses("nobody", "known:"):
        plan_for("demo", sources=["nobody"])
    with refuses("no-such-thing", "neither a study"):
        plan_for("no-such-thing")
    with refuses("demo", "--label"):
        plan_for("demo", label="real")
