"""Which images an audit reads, and what of their names it can write down."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image as PillowImage

from isitcap.data.audit.reading import Place, read_places
from isitcap.data.packs import prepare
from isitcap.records.atomic import write_frame
from isitcap.study.models import Image, Source

Look = Callable[..., PillowImage.Image]
Save = Callable[..., bytes]


@pytest.mark.parametrize("limit", [None, 5])
@pytest.mark.parametrize("part", [None, "train", "test"])
def test_an_audit_reads_the_images_of_the_pack(
    clean: dict[str, bytes], tmp_path: Path, part: str | None, limit: int | None
) -> None:
    """With `part`, `groups` and `limit` together or apart, an audit and a run are of the same images in one order."""
    files = {name: data for name, data in clean.items() if name.split("/")[-1] < "012"}
    for name, data in files.items():
        (tmp_path / "set" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "set" / name).write_bytes(data)
    rows = [f"{name},{number % 3}" for number, name in enumerate(files)]
    (tmp_path / "set/index.csv").write_text("\n".join(["file,kind", *rows]))
    labels = {"real": "real", "fake": "synthetic"}
    source = Source.model_validate({"kind": "images", "labels": labels, "part": part, "groups": "kind", "limit": limit})
    image = Image()
    pack = prepare(
        "mine",
        source,
        tmp_path / "set",
        image,
        kernel=image.kernel,
        reencode=image.reencode,
        seed=7,
        cache=tmp_path / "cache",
        progress=False,
    )
    place = Place("mine", source, tmp_path / "set")
    frame = read_places([place], image, seed=7, cache=tmp_path / "cache", show=False).frame
    columns = ["image_id", "part", "group", "label", "sha256"]
    assert frame[columns].to_numpy().tolist() == pack.index[columns].to_numpy().tolist()
    assert len(frame) == (limit or 48 // (1 if part is None else 2))


def test_a_name_of_stray_bytes_can_be_written_down(tmp_path: Path, picture: Look, saved: Save) -> None:
    """A file name that is no UTF-8 has an escaped pattern, so that the audit's tables hold it."""
    (tmp_path / "set").mkdir()
    for number, name in enumerate((b"12\xff.PNG", b"7.png")):
        try:
            Path(os.fsdecode(os.fsencode(tmp_path) + b"/set/" + name)).write_bytes(saved(picture(number), "PNG"))
        except OSError:
            pytest.skip("this file system takes no such names")
    place = Place("mine", Source(kind="images", label="real"), tmp_path / "set")
    frame = read_places([place], Image(), seed=0, cache=tmp_path / "cache", show=False).frame
    assert frame["pattern"].tolist() == [r"#\udcff.png", "#.png"]
    assert frame["number"].tolist() == [12, 7]
    write_frame(tmp_path / "images.parquet", frame)
