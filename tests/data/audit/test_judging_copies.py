"""Planted copies are found, with their numbers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

pytest.importorskip("sklearn", reason="needs scikit-learn")

from PIL import Image
from planted import N, by_id, numbers

from analysis.audit import Audit
from isitcap.data.audit.material import Material

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
