"""A set without defects is not accused, and small defects are noted."""

from __future__ import annotations

from collections.abc import Callable

import pytest

pytest.importorskip("sklearn", reason="needs scikit-learn")

from planted import N, by_id

from analysis.audit import Audit
from isitcap.data.audit.material import Material

Audited = Callable[..., tuple[Material, Audit]]

# One process of these costs seconds a set: the classifiers' null fits hundreds of times.
pytestmark = pytest.mark.slow


def test_a_clean_set_has_neither_leak_nor_risk(audited: Audited, clean: dict[str, bytes]) -> None:
    """Nothing tells the label, and the verdict says so with counts."""
    _, audit = audited(clean)
    assert [f.says for f in audit.findings if f.severity != "note"] == []
    assert audit.verdict[0].startswith("0 leaks, 0 risks and ")
    assert f"{2 * N} real and {2 * N} synthetic" in audit.verdict[0]


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


def test_bytes_behind_an_image_are_counted(audited: Audited, clean: dict[str, bytes]) -> None:
    """A polyglot is read as the image that it is, counted, and named."""
    name = "test/fake/003.jpg"
    files = clean | {name: clean[name] + b"PK\x03\x04 and a whole archive"}
    material, audit = audited(files)
    found = by_id(audit)["trailing"]
    assert found.severity == "note"
    assert f"1 of {len(files)} files have bytes behind the end of their image (set/{name}" in found.says
    assert material.frame["trailing"].sum() == 1
