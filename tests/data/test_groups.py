"""Groups of images from the table beside them."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from isitcap.data.packs import prepare
from isitcap.errors import UserError
from isitcap.study.models import Image, Source
from isitcap.testing.tiny import SIZE, write_images

TABLE = "file,generator\n" + "".join(f"{n:04}.png,model {n % 2}\n" for n in range(6))


def zipped(folder: Path, table: str | None) -> Path:
    write_images(folder / "images", 6, "synthetic")
    path = folder / "source.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for image in sorted((folder / "images").iterdir()):
            archive.write(image, f"deep/{image.name}")
        if table is not None:
            archive.writestr("deep/index.csv", table)
    return path


def groups(folder: Path, location: Path, column: str | None) -> list[str]:
    source = Source(kind="images", label="synthetic", groups=column)
    pack = prepare(
        "fakes", source, location, Image(size=SIZE), kernel="box", reencode=False, seed=0, cache=folder / "c",
        progress=False,
    )  # fmt: skip
    return list(pack.index["group"])


def test_groups_are_those_of_the_column(tmp_path: Path) -> None:
    """Every image has the group that the table names, and without the key its folder's name, in packs of their own."""
    location = zipped(tmp_path, TABLE)
    assert groups(tmp_path, location, "generator") == ["model 0", "model 1"] * 3
    assert groups(tmp_path, location, None) == ["deep"] * 6


@pytest.mark.parametrize(
    ("table", "column", "message"),
    [
        (None, "generator", "holds no index.csv"),
        (TABLE, "model", "has no column `model` (columns: file, generator)"),
        (TABLE.replace("file", "path"), "generator", "has no column `file`"),
        (TABLE.replace("0003.png", "0009.png"), "generator", "lacks the image `deep/0003.png`"),
    ],
)
def test_a_table_that_does_not_tell_is_refused(tmp_path: Path, table: str | None, column: str, message: str) -> None:
    """No table, no such column, or an image that is not in it: one line."""
    location = zipped(tmp_path, table)
    with pytest.raises(UserError) as refused:
        groups(tmp_path, location, column)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_tiny_imagenet_takes_them_where_its_layout_tells_none(tmp_path: Path) -> None:
    """A flat collection has groups from the table; the official layout knows its own, and needs none."""
    write_images(tmp_path / "images", 2, "real")
    files = [file.read_bytes() for file in sorted((tmp_path / "images").iterdir())]
    flat, official = tmp_path / "flat.zip", tmp_path / "official.zip"
    with zipfile.ZipFile(flat, "w") as archive:
        archive.writestr("index.csv", "file,subject\nval_0.JPEG,n1 cat\nval_1.JPEG,n2 dog\n")
        for number, data in enumerate(files):
            archive.writestr(f"val_{number}.JPEG", data)
    with zipfile.ZipFile(official, "w") as archive:
        archive.writestr("t/val/val_annotations.txt", "val_0.JPEG\tn3\t0\nval_1.JPEG\tn4\t0\n")
        for number, data in enumerate(files):
            archive.writestr(f"t/val/images/val_{number}.JPEG", data)
    source = Source(kind="tiny-imagenet", groups="subject")
    for location, wanted in ((flat, ["n1 cat", "n2 dog"]), (official, ["n3", "n4"])):
        pack = prepare(
            "photos", source, location, Image(size=SIZE), kernel="box", reencode=False, seed=0, cache=tmp_path / "c",
            progress=False,
        )  # fmt: skip
        assert list(pack.index["group"]) == wanted
