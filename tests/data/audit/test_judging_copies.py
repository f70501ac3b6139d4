"""Planted copies are found, with their numbers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

pytest.importorskip("sklearn", reason="needs scikit-learn")

from dataclasses import replace

import numpy as np
from PIL import Image
from planted import N, by_id, numbers

from analysis.audit import Audit, Finding
from isitcap.data.audit.judging_copies import duplicates
from isitcap.data.audit.material import Material
from isitcap.study.models import Split

Look = Callable[..., Image.Image]
Save = Callable[..., bytes]
Audited = Callable[..., tuple[Material, Audit]]

# One process of these costs seconds a set: the classifiers' null fits hundreds of times.
pytestmark = pytest.mark.slow


def test_a_leaked_image_is_found(audited: Audited, clean: dict[str, bytes], picture: Look, saved: Save) -> None:
    """A training file among the test files, and a re-saved smaller one, each with its number."""
    clean["test/fake/leak.jpg"] = clean["train/fake/007.jpg"]
    clean["test/real/near.jpg"] = saved(picture(5), quality=60)
    clean["test/real/resized.png"] = saved(picture(9).resize((48, 48), Image.Resampling.BICUBIC), "PNG")
    found = by_id(audited(clean)[1])
    assert numbers(found["duplicates-across-parts/set/bytes"]) == ("leak", 1, 2 * N + 3)
    assert numbers(found["duplicates-across-parts/set/near"]) == ("leak", 2, 2 * N + 3)
    assert "1 synthetic" in found["duplicates-across-parts/set/bytes"].says
    assert "two-labels/bytes" not in found


def test_copies_inside_a_part_are_a_risk(audited: Audited, clean: dict[str, bytes]) -> None:
    """Two more copies of one file are two images too many."""
    clean |= {f"train/real/again{n}.jpg": clean["train/real/001.jpg"] for n in range(2)}
    assert numbers(by_id(audited(clean)[1])["duplicates-inside/set-train/bytes"]) == ("risk", 2, 2 * N + 2)


def test_one_file_under_both_labels_is_found(
    audited: Audited, clean: dict[str, bytes], picture: Look, saved: Save
) -> None:
    """The inverted label of a copy is a leak; that of a re-saved copy a risk; both name the images."""
    clean["train/fake/inverted.jpg"] = clean["train/real/011.jpg"]
    clean["train/fake/resaved.jpg"] = saved(picture(12), quality=70)
    found = by_id(audited(clean)[1])
    assert numbers(found["two-labels/bytes"])[:2] == ("leak", 2)
    assert "set/train/real/011.jpg" in found["two-labels/bytes"].says
    assert numbers(found["two-labels/near"])[:2] == ("risk", 2)


def split_findings(material: Material, *, left_out: tuple[str, ...]) -> dict[str, Finding]:
    """Findings about copies where a study draws all parts of `main` but the files of those names."""
    frame = material.frame
    out = frame["image_id"].str.rsplit("/", n=1).str[1].isin(left_out) & (frame["label"] == 1)
    side = np.where(out | (frame["source"] != "main"), "", frame["part"]).astype("<U10")
    plan = replace(material.plan, split=Split(sources=("main",), train=1, validation=1, test=1))
    return {finding.id: finding for finding in duplicates(replace(material, plan=plan, side=side))}


def test_what_the_study_leaves_out_is_a_note(planted: tuple[dict[str, bytes], Material]) -> None:
    """The copy that is not drawn is said to be left out; the one that stays is a leak of one in so many images."""
    _, material = planted
    found = split_findings(material, left_out=("leak.jpg",))
    across = found["duplicates-across-parts/main/bytes"]
    assert numbers(across) == ("note", 1, 50)
    assert across.says.endswith("; the study's split has left all of them out.")
    near = found["duplicates-across-parts/main/near"]
    assert numbers(near) == ("note", 1, 50)
    assert "of them the study tests with 1 whose copy it trains on" in near.says
    after = found["duplicates-after-split/near"]
    assert numbers(after) == ("leak", 1, 49)
    assert "at most 2.04 points" in after.says, "one of 49"
    assert "does not draw" not in after.says


def test_a_copy_that_the_study_tests_with_stays_a_leak(planted: tuple[dict[str, bytes], Material]) -> None:
    """A split that keeps a byte-identical file is not said to leave it out."""
    _, material = planted
    across = split_findings(material, left_out=())["duplicates-across-parts/main/bytes"]
    assert numbers(across) == ("leak", 1, 50)
    assert "left all of them out" not in across.says


def test_copies_of_training_images_that_are_not_drawn_are_counted_apart(
    planted: tuple[dict[str, bytes], Material],
) -> None:
    """Of two copies in the test side one is of an image that the study does not draw from the training part."""
    _, material = planted
    frame = material.frame
    names = frame["image_id"].to_numpy()
    side = np.where(frame["source"] == "main", frame["part"], "").astype("<U10")
    side[names == "main/train/fake/007.jpg"] = ""
    plan = replace(material.plan, split=Split(sources=("main",), train=1, validation=1, test=1))
    found = {each.id: each for each in duplicates(replace(material, plan=plan, side=side))}
    after = found["duplicates-after-split/near"]
    assert numbers(after) == ("leak", 1, 50)
    assert "(2 with the training images that it does not draw, 1;" in after.says
