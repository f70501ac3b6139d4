"""The tables of files, against Pillow, the standard library and SciPy."""

from __future__ import annotations

import pytest

pytest.importorskip("sklearn", reason="needs scikit-learn")

import io
import statistics
from collections import Counter
from dataclasses import replace

from PIL import Image
from planted import cells, measure
from scipy import stats

from isitcap.data.audit.material import Material
from isitcap.data.audit.measures import SHOWN
from isitcap.data.audit.tables_files import broken_table, classes_table, facts_table, sizes_table, values_table

pytestmark = pytest.mark.slow

Planted = tuple[dict[str, bytes], Material]


def of_class(files: dict[str, bytes], label: str) -> list[bytes]:
    return [data for name, data in files.items() if f"/{label}/" in name and "bad" not in name]


def formats(files: dict[str, bytes], label: str) -> Counter[str | None]:
    return Counter(Image.open(io.BytesIO(data)).format for data in of_class(files, label))


def test_values_are_counted_by_class(planted: Planted) -> None:
    """Formats are as Pillow tells them; the colour mode of the two files of one channel is L; no file has EXIF."""
    files, material = planted
    found = cells(values_table(material, material.compared[0]))
    real, fake = formats(files, "real"), formats(files, "fake")
    assert found["file format", "PNG"] == (real["PNG"], fake["PNG"]) == (6, 0)
    assert found["file format", "JPEG"] == (real["JPEG"], fake["JPEG"])
    assert found["colour mode", "L"] == (2, 0)
    assert found["JPEG quantisation table", "q60"] == (0, 1)
    assert found["presence of EXIF", "no"] == (sum(real.values()), sum(fake.values()))


def test_a_fact_tells_as_much_as_its_shares_differ(planted: Planted) -> None:
    """The format: half of one and the distance of the shares of PNG, with the χ² test by SciPy."""
    files, material = planted
    real, fake = formats(files, "real"), formats(files, "fake")
    balanced, p, values = cells(facts_table(material.compared[0]))["file format",]
    assert balanced == pytest.approx((1 + real["PNG"] / sum(real.values()) - fake["PNG"] / sum(fake.values())) / 2)
    table = [[count["JPEG"], count["PNG"]] for count in (real, fake)]
    assert p == f"{stats.chi2_contingency(table).pvalue:.3f}"
    assert values == 2


def test_facts_that_do_not_vary_are_named_in_the_caption_alone(planted: Planted) -> None:
    """No file has EXIF, a colour profile or is progressive; the format varies and has its row."""
    _, material = planted
    table = facts_table(material.compared[0])
    rows = {heads[0] for heads in cells(table)}
    assert {"file format", "colour mode", "width"} <= rows
    constant = ("progressive or interlaced storage", "presence of EXIF", "presence of a colour profile")
    assert not rows & set(constant)
    assert f"do not vary (3): {', '.join(constant)}." in table.caption


def test_sizes_are_those_of_the_files(planted: Planted) -> None:
    """Least, median and most bytes of each class; of the fakes one is 48 × 40 pixels."""
    files, material = planted
    table = sizes_table(material, material.compared[0])
    for label, folder in (("real", "real"), ("synthetic", "fake")):
        sizes = [len(data) for data in of_class(files, folder)]
        least, _, median, _, most = cells(table)["file size, bytes", label]
        assert (least, median, most) == (min(sizes), statistics.median(sizes), max(sizes))
    assert [measure(table, f"sizes/main/{side}/synthetic/most").value for side in ("width", "height")] == [48, 40]


def test_classes_and_numbering_stand_by_part(planted: Planted) -> None:
    """Images of each class in each part, and the numbers in their names; what cannot be read is not among them."""
    _, material = planted
    table = classes_table(material)
    assert cells(table) == {
        ("main", "train"): ("real 0–23, synthetic 0–23", 24, 25, 2),
        ("main", "test"): ("real 0–23, synthetic 0–23", 24, 26, 2),
        ("other", "all"): ("real 0–23", 24, 0, 1),
    }
    assert "main: 4 stretches of one label (50 in a random order)" in table.caption


def test_broken_files_are_named_with_the_reason(planted: Planted) -> None:
    """The file that is no image; of many, only as many as are shown, and the caption counts all."""
    _, material = planted
    assert cells(broken_table(material)) == {("main/train/fake/bad.jpg",): ("not an image of a known format",)}
    many = replace(material, images=replace(material.images, broken=tuple((f"{n}", "cut") for n in range(SHOWN + 5))))
    table = broken_table(many)
    assert len(table.rows) == SHOWN
    assert f"At most {SHOWN} of {SHOWN + 5}" in table.caption
