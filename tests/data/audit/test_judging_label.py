"""What goes with the label is found, and what does not is not accused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("sklearn", reason="needs scikit-learn")

from PIL import Image
from planted import N, by_id, numbers

from analysis.audit import Audit
from isitcap.data.audit.material import Material, gather, plan_of
from isitcap.data.audit.running import audit_of
from isitcap.study.load import load_study
from isitcap.testing import tiny_study

Look = Callable[..., Image.Image]
Save = Callable[..., bytes]
Audited = Callable[..., tuple[Material, Audit]]

# One process of these costs seconds a set: the classifiers' null fits hundreds of times.
pytestmark = pytest.mark.slow


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


def test_one_class_alone_is_not_judged(audited: Audited, clean: dict[str, bytes]) -> None:
    """Of reals alone nothing is said about what tells the classes apart."""
    files = {name: data for name, data in clean.items() if name.startswith("train/real")}
    found = by_id(audited(files, label="real")[1])
    assert found["one-class/set"].severity == "note"
    assert not {"container-classifier/set", "figures-classifier/set"} & set(found)


@pytest.mark.parametrize("inverted", [True, False])
def test_an_inverted_test_set_is_told_by_the_training_set(tmp_path: Path, *, inverted: bool) -> None:
    """A test set with all labels the wrong way round is a risk, told with its AUC; the same one right is none."""
    path = tiny_study(tmp_path)
    if inverted:
        (tmp_path / "other-camera").rename(tmp_path / "aside")
        (tmp_path / "other-grid").rename(tmp_path / "other-camera")
        (tmp_path / "aside").rename(tmp_path / "other-grid")
    study, _ = load_study(str(path))
    places = {name: tmp_path / str(source.path) for name, source in study.sources.items()}
    audit = audit_of(gather(plan_of(study, places), cache=tmp_path / "cache", show=False), "isitcap data audit tiny")
    found = [finding for finding in audit.findings if finding.check == "turned-round"]
    assert [finding.severity for finding in found] == ["risk"] * inverted
    for finding in found:
        assert finding.measure is not None
        assert finding.measure.value == 0.0
        assert "inverted" in (finding.remedy or "")
