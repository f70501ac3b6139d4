from __future__ import annotations

import subprocess
import sys
from typing import get_args

import pytest

from isitcap.models.variants import CONTROLS, PATHS, VARIANTS, PathName, PointName, Preprocess, controls_of, paths_of
from isitcap.study.models import VariantName

BOTH: tuple[PointName, ...] = ("image", "classifier_input")


@pytest.mark.parametrize(
    ("variant", "path", "augments", "preprocess"),
    [
        ("baseline", "none", False, "none"),
        ("augment", "augment", True, "none"),
        ("autoencoder", "autoencode", False, "autoencoder"),
        ("both", "both", True, "autoencoder"),
        ("blur", "blur", False, "blur"),
        ("jpeg", "jpeg", False, "jpeg"),
        ("mix", "none", False, "none"),
    ],
)
def test_each_variant_has_its_own_path(variant: str, path: str, augments: bool, preprocess: str) -> None:
    """A variant is trained through one path: that of its name, or, for `mix`, none."""
    found = VARIANTS[variant].path
    assert found is PATHS[path]
    assert (found.augment, found.preprocess) == (augments, preprocess)
    assert found.autoencode == (preprocess == "autoencoder")


def test_names_are_those_of_studies() -> None:
    """Variants and paths are registered under their own names, and a study may name exactly these variants."""
    assert all(key == variant.name for key, variant in VARIANTS.items())
    assert all(key == path.name for key, path in PATHS.items())
    assert tuple(VARIANTS) == get_args(VariantName)
    assert tuple(PATHS) == get_args(PathName)
    assert {path.preprocess for path in PATHS.values()} == set(get_args(Preprocess))


@pytest.mark.parametrize(
    ("variant", "asked", "points"),
    [
        ("baseline", BOTH, ("image",)),
        ("augment", ("classifier_input",), ("image",)),
        ("autoencoder", BOTH, BOTH),
        ("both", ("classifier_input", "image"), ("classifier_input", "image")),
        ("both", ("image",), ("image",)),
        ("blur", BOTH, BOTH),
        ("jpeg", BOTH, ("classifier_input",)),
        ("jpeg", ("image",), ()),
        ("mix", BOTH, ("image",)),
    ],
)
def test_points_follow_from_the_preprocessing(
    variant: str, asked: tuple[PointName, ...], points: tuple[PointName, ...]
) -> None:
    """One point where nothing stands between image and classifier, both where a gradient passes, else the second."""
    assert VARIANTS[variant].points_of(asked) == points
    assert set(points) <= set(VARIANTS[variant].points)


def test_every_study_is_tested_through_the_posters_paths_and_its_own() -> None:
    """The poster's four paths always, the controls' where a variant of the study has them."""
    poster = ["none", "augment", "autoencode", "both"]
    assert [path.name for path in paths_of(["baseline"])] == poster
    assert [path.name for path in paths_of(["both", "augment", "autoencoder", "baseline"])] == poster
    assert [path.name for path in paths_of(["jpeg", "baseline"])] == [*poster, "jpeg"]
    assert [path.name for path in paths_of(VARIANTS)] == list(PATHS)


def test_controls_are_fitted_only_where_they_are_needed() -> None:
    """A study names its controls by its variants."""
    assert controls_of(["baseline", "augment", "autoencoder", "both"]) == ()
    assert controls_of(["jpeg", "baseline"]) == ("jpeg",)
    assert controls_of(VARIANTS) == CONTROLS


def test_names_need_no_torch() -> None:
    """The names can be had where torch is not installed."""
    code = "import sys, isitcap.models.variants; raise SystemExit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_path_without_augmentation() -> None:
    """What augments is tested without it as well; the rest along its own path alone."""
    assert {name: path.plain.name for name, path in PATHS.items()} == {
        "none": "none",
        "augment": "none",
        "autoencode": "autoencode",
        "both": "autoencode",
        "blur": "blur",
        "jpeg": "jpeg",
    }
    assert [path.name for path in VARIANTS["both"].own_paths] == ["both", "autoencode"]
    assert [path.name for path in VARIANTS["mix"].own_paths] == ["none"]
