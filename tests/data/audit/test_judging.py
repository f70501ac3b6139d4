"""Planted defects are found, and sets without them are not accused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("sklearn", reason="needs scikit-learn")

from PIL import Image

from analysis.audit import Audit, Finding
from isitcap.data.audit.material import Material

Look = Callable[..., Image.Image]
Save = Callable[..., bytes]
Audited = Callable[..., tuple[Material, Audit]]

N = 40

# One process of these costs seconds a set: the classifiers' null fits hundreds of times.
pytestmark = pytest.mark.slow


@pytest.fixture
def clean(picture: Look, saved: Save) -> dict[str, bytes]:
    """Real and synthetic images in two parts that differ in nothing but their folder."""
    folders = [f"{part}/{label}" for part in ("train", "test") for label in ("real", "fake")]
    return {
        f"{folder}/{number:03}.jpg": saved(picture(1000 * position + number))
        for position, folder in enumerate(folders)
        for number in range(N)
    }


def by_id(audit: Audit) -> dict[str, Finding]:
    return {finding.id: finding for finding in audit.findings}


def numbers(finding: Finding) -> tuple[Any, ...]:
    assert finding.measure is not None
    return finding.severity, finding.measure.value, finding.measure.n


def test_a_clean_set_has_neither_leak_nor_risk(audited: Audited, clean: dict[str, bytes]) -> None:
    """Nothing tells the label, and the verdict says so with counts."""
    _, audit = audited(clean)
    assert [f.says for f in audit.findings if f.severity != "note"] == []
    assert audit.verdict[0].startswith("0 leaks, 0 risks and ")
    assert f"{2 * N} real and {2 * N} synthetic" in audit.verdict[0]


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


def test_an_inverted_label_is_found_where_classes_differ(
    audited: Audited, clean: dict[str, bytes], picture: Look, saved: Save
) -> None:
    """Among warm reals and cold fakes a cold one called real is the suspect, without any copy of it."""
    for name in list(clean):
        seed = 5000 + list(clean).index(name)
        clean[name] = saved(picture(seed, warm=50 if "/real/" in name else -50))
    clean["train/real/wrong.jpg"] = saved(picture(9999, warm=-50))
    material, audit = audited(clean)
    found = by_id(audit)
    assert numbers(found["label-suspects/set"])[:2] == ("risk", 1)
    assert "set/train/real/wrong.jpg" in found["label-suspects/set"].says
    probes = material.compared[0].probes
    assert probes is not None
    assert probes.suspects["image_id"].tolist() == ["set/train/real/wrong.jpg"]


def test_a_format_that_goes_with_the_class_is_found(
    audited: Audited, clean: dict[str, bytes], picture: Look, saved: Save
) -> None:
    """Fakes as PNG are a leak, by the single fact and by the classifier."""
    files = {
        name.replace(".jpg", ".png") if "/fake/" in name else name: saved(picture(n), "PNG")
        if "/fake/" in name
        else data
        for n, (name, data) in enumerate(clean.items(), 7000)
    }
    found = by_id(audited(files)[1])
    assert found["container-fact/set/leak"].severity == "leak"
    assert "file format (100.0%)" in found["container-fact/set/leak"].says
    assert numbers(found["container-classifier/set"]) == ("leak", 1, 4 * N)
    assert found["name-classifier/set"].severity == "risk", "the suffix tells it too"


def test_a_quality_that_goes_with_the_class_is_found(
    audited: Audited, clean: dict[str, bytes], picture: Look, saved: Save
) -> None:
    """All files are JPEGs, and the quantisation table gives the fakes away."""
    for n, name in enumerate(clean, 8000):
        clean[name] = saved(picture(n), quality=95 if "/fake/" in name else 75)
    found = by_id(audited(clean)[1])
    assert "JPEG quantisation table (100.0%)" in found["container-fact/set/leak"].says
    assert "2 quantisation tables" in found["jpeg-tables/set"].says


def test_greyscale_in_one_class_is_found(audited: Audited, clean: dict[str, bytes], picture: Look, saved: Save) -> None:
    """A quarter of the reals in grey is a risk with an interval, and one table of JPEG a note."""
    for n, name in enumerate(clean, 9000):
        grey = "/real/" in name and n % 4 == 0
        clean[name] = saved(picture(n).convert("L").convert("RGB") if grey else picture(n))
    found = by_id(audited(clean)[1])
    grey = found["greyscale/set"]
    assert grey.severity == "risk"
    assert grey.measure is not None
    assert grey.measure.value == -0.25
    assert grey.measure.low is not None
    assert grey.measure.high is not None
    assert grey.measure.low < -0.25 < grey.measure.high < 0
    assert "one quantisation table (q75)" in found["jpeg-tables/set"].says


def test_order_balance_and_broken_files_are_noted(audited: Audited, clean: dict[str, bytes]) -> None:
    """Sorted folders tell the label, few fakes are called few, a file that is no image is named."""
    files = {name: data for name, data in clean.items() if "/real/" in name or name.startswith("test/fake/00")}
    files |= {name: data for name, data in clean.items() if name.startswith("train/fake/00")}
    files["train/real/bad.jpg"] = b"no image"
    material, audit = audited(files)
    found = by_id(audit)
    assert found["order/set"].severity == found["balance/set"].severity == "note"
    assert "20.0% of the 100" in found["balance/set"].says
    assert "set/train/real/bad.jpg" in found["broken"].says
    assert len(material.images) == 100


def test_one_class_alone_is_not_judged(audited: Audited, clean: dict[str, bytes]) -> None:
    """Of reals alone nothing is said about what tells the classes apart."""
    files = {name: data for name, data in clean.items() if name.startswith("train/real")}
    found = by_id(audited(files, label="real")[1])
    assert found["one-class/set"].severity == "note"
    assert not {"container-classifier/set", "figures-classifier/set"} & set(found)
