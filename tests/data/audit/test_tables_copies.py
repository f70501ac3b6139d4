"""The tables of copies, against the files themselves."""

from __future__ import annotations

import pytest

pytest.importorskip("sklearn", reason="needs scikit-learn")

import hashlib
from dataclasses import replace

import numpy as np
from planted import cells

from isitcap.data.audit.material import Material
from isitcap.data.audit.running import duplicate_rows
from isitcap.data.audit.tables_copies import copies_table, pairs_table
from isitcap.study.models import Split

pytestmark = pytest.mark.slow

Planted = tuple[dict[str, bytes], Material]
BETWEEN = "main train, synthetic ↔ main test, synthetic"


def test_copies_are_counted_between_the_parts_they_stand_in(planted: Planted) -> None:
    """One file twice and one re-saved, as pairs, images and share of the test fakes; the caption counts all files."""
    files, material = planted
    fakes = sum(name.startswith("main/test/fake/") for name in files)
    table = copies_table(material)
    assert cells(table) == {
        ("byte-identical", BETWEEN): (1, 1, pytest.approx(1 / fakes)),
        ("nearly identical", BETWEEN): (2, 2, pytest.approx(2 / fakes)),
    }
    read = [data for name, data in files.items() if "bad" not in name]
    distinct = len({hashlib.sha256(data).hexdigest() for data in read})
    assert table.caption.startswith(f"{len(read)} images are {distinct} distinct files (1 byte-identical pairs).")
    assert "largest group has 2 images" in table.caption
    assert "(2 pairs: 1 byte-identical, 1 not)" in table.caption


def test_a_nearly_identical_pair_is_shown_with_its_correlation(planted: Planted) -> None:
    """The pair of a file and its re-saved copy; the correlation is that of their thumbnails by NumPy."""
    _, material = planted
    ((heads, (copy, correlation)),) = cells(pairs_table(material)).items()
    assert {heads[0], copy} == {"main/test/fake/near.jpg", "main/train/fake/009.jpg"}
    rows = material.frame.index[material.frame["image_id"].isin([heads[0], copy])]
    expected = np.corrcoef(material.images.thumbnails[rows].astype(float))[0, 1]
    assert correlation == pytest.approx(expected, abs=1e-3)


def test_pairs_through_others_are_counted_in_the_caption(planted: Planted) -> None:
    """A third image in the group of one listed pair makes three pairs, of which two are not listed."""
    _, material = planted
    assert "through others" not in pairs_table(material).caption
    near = material.groups("near").copy()
    ids = material.frame["image_id"].tolist()
    near[ids.index("main/train/fake/012.jpg")] = near[ids.index("main/train/fake/009.jpg")]
    joined = replace(material, duplicates=replace(material.duplicates, near=near))
    caption = pairs_table(joined).caption
    assert "The first 1 of 1 pairs" in caption
    assert "2 more pairs that are not byte-identical" in caption


def test_an_untrained_source_is_of_no_training_side(planted: Planted) -> None:
    """A part called `train` of a source that is only tested on holds no training images; its first copy stays."""
    _, material = planted
    frame = material.frame.copy()
    other = frame["source"] == "other"
    frame.loc[other, "part"] = "train"
    groups = material.groups("bytes").copy()
    first, second = np.flatnonzero(other)[:2]
    groups[second] = groups[first]
    copies = replace(material.duplicates, bytes=groups)
    plan = replace(material.plan, split=Split(sources=("main",), train=8, validation=4, test=4))
    changed = replace(material, plan=plan, duplicates=copies, images=replace(material.images, frame=frame))
    found = duplicate_rows(changed).set_index("image_id")
    ids = frame["image_id"].tolist()
    assert found.loc[[ids[first], ids[second]], "test_copies_train_bytes"].tolist() == [False, False]
    assert found.loc[[ids[first], ids[second]], "again_bytes"].tolist() == [False, True]
