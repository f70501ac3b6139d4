"""Parquet tables with a column of images: read batch by batch, labels mapped by name."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from isitcap.data import tables
from isitcap.data.archives import open_archive
from isitcap.data.packs import prepare
from isitcap.data.pixels import BrokenImageError
from isitcap.data.sources import list_items
from isitcap.data.tables import Tables, split_of
from isitcap.study.models import Image, Source

Write = Callable[[str, Mapping[str, bytes]], Path]
Refuses = Callable[..., AbstractContextManager[None]]
Encoded = Callable[..., bytes]

NAMED = Source(kind="images", labels={"FAKE": "synthetic", "REAL": "real"})


def table(
    path: Path,
    images: Sequence[bytes | None],
    labels: Sequence[Any] | None = None,
    *,
    names: Sequence[str] = (),
    paths: Sequence[str] | None = None,
    column: str = "image",
    rows: int = 4,
) -> Path:
    """A table as Hugging Face writes it, in row groups of `rows`."""
    path.parent.mkdir(exist_ok=True, parents=True)
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    beside = paths or [None] * len(images)
    columns = {column: pa.array([{"bytes": d, "path": p} for d, p in zip(images, beside, strict=True)], kind)}
    features: dict[str, Any] = {column: {"_type": "Image"}}
    if labels is not None:
        columns["label"] = pa.array(labels)
        features["label"] = {"names": list(names), "_type": "ClassLabel"} if names else {"_type": "Value"}
    made = pa.table(columns).replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(made, path, row_group_size=rows)
    return path


def test_every_row_is_an_image(tmp_path: Path) -> None:
    """Members are rows in order, read forwards, backwards and across row groups alike; a file alone or of a folder."""
    data = [os.urandom(300) for _ in range(23)]
    table(tmp_path / "set" / "b.parquet", data[10:])
    table(tmp_path / "set" / "a.parquet", data[:10])
    with open_archive(tmp_path / "set") as archive:
        assert archive.members[:2] == ("a.parquet/000000000", "a.parquet/000000001")
        assert [found for _, found in archive.stream(archive.images)] == data
        for row in (22, 0, 13, 12, 11, 3):
            assert archive.read(archive.images[row]) == data[row]
    with open_archive(tmp_path / "set" / "b.parquet") as archive:
        assert archive.members[-1] == "000000012"
        assert archive.read(archive.members[-1]) == data[22]


def test_a_table_gives_the_pixels_of_the_files_in_it(tmp_path: Path, encoded: Encoded) -> None:
    """A pack of a table holds the decoded images; rows without bytes and rows that are no images are named."""
    data = [encoded(0), None, encoded(1, (64, 48)), b"no image", encoded(2)]
    source = Source(kind="images", label="real", max_broken=0.5)
    place = table(tmp_path / "t.parquet", data)
    pack = prepare("mine", source, place, Image(), kernel="box", reencode=False, seed=0, cache=tmp_path / "cache")
    assert pack.index["image_id"].tolist() == ["mine/000000000", "mine/000000002", "mine/000000004"]
    assert pack.broken == (
        ("mine/000000001", "holds no bytes in its row"),
        ("mine/000000003", "not an image of a known format"),
    )
    assert pack.resized == 1


@pytest.mark.parametrize("labels", [(0, 1, 1, 0), ("FAKE", "REAL", "REAL", "FAKE")])
def test_labels_are_mapped_by_their_names(tmp_path: Path, labels: tuple[Any, ...]) -> None:
    """Numbers are mapped by the names in the table's own metadata, text by itself; FAKE may be 0."""
    names = ("FAKE", "REAL") if isinstance(labels[0], int) else ()
    place = table(tmp_path / "t.parquet", [b"x"] * 4, labels, names=names)
    items = list_items("mine", NAMED, place)
    assert [(item.label, item.group) for item in items] == [(1, "FAKE"), (0, "REAL"), (0, "REAL"), (1, "FAKE")]


def test_numbers_without_names_are_mapped_as_they_are(tmp_path: Path) -> None:
    """Where the metadata names no classes, `labels` maps the numbers."""
    place = table(tmp_path / "t.parquet", [b"x"] * 3, [1, 0, 1])
    source = Source(kind="images", labels={"0": "real", "1": "synthetic"})
    assert [item.label for item in list_items("mine", source, place)] == [1, 0, 1]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (Source(kind="images", labels={"FAKE": "real", "REAL": "synthetic"}), ("inverted", "`FAKE`")),
        (Source(kind="images", labels={"0": "real", "1": "synthetic"}), ("`FAKE`, `REAL`", "does not map")),
        (Source(kind="images", labels={"FAKE": "synthetic", "photo": "real"}), ("`REAL`", "does not map")),
        (Source(kind="images", label="real"), ('label = "real"', "a class `FAKE`")),
        (NAMED.model_copy(update={"label_column": "kind"}), ("no column `kind`", "`label`", "label_column")),
        (NAMED.model_copy(update={"image_column": "img"}), ("no column `img`", "image_column")),
        (NAMED.model_copy(update={"image_column": "label"}), ("not the bytes of image files",)),
        (NAMED.model_copy(update={"label_column": "image"}), ("no labels", "label_column")),
    ],
)
def test_labels_and_columns_that_do_not_fit_are_refused(
    tmp_path: Path, source: Source, words: tuple[str, ...], refuses: Refuses
) -> None:
    """An inverted, unknown or contradicted name, and a column that is not there or of another type, are named."""
    place = table(tmp_path / "t.parquet", [b"x"] * 4, [0, 1, 1, 0], names=("FAKE", "REAL"))
    with refuses(*words):
        list_items("mine", source, place)


def test_a_text_that_contradicts_the_one_label_is_refused(tmp_path: Path, refuses: Refuses) -> None:
    """Where `label` holds for all images, a table that calls some the other thing is not believed silently."""
    place = table(tmp_path / "t.parquet", [b"x"] * 3, ["cat", "Fake_Images", "dog"])
    with refuses('label = "real"', "a class `Fake_Images`"):
        list_items("mine", Source(kind="images", label="real"), place)
    assert len(list_items("mine", Source(kind="images", label="synthetic"), place)) == 3
    numbers = table(tmp_path / "n.parquet", [b"x"] * 3, [0, 1, 0])
    assert len(list_items("mine", Source(kind="images", label="real"), numbers)) == 3


@pytest.mark.parametrize(("labels", "word"), [([0, None, 1], "row 1"), ([0, 1, 7], "7"), ([0, -1, 1], "-1")])
def test_a_label_that_is_none_is_refused(tmp_path: Path, labels: list[Any], word: str, refuses: Refuses) -> None:
    """A missing label, or a number outside the classes, is not guessed at."""
    place = table(tmp_path / "t.parquet", [b"x"] * 3, labels, names=("FAKE", "REAL"))
    with refuses("`label`", word):
        list_items("mine", NAMED, place)


def test_columns_of_files_are_a_mistake(foldered: Write, refuses: Refuses) -> None:
    """A folder of images has no columns and no beginning: a key that would do nothing is refused."""
    place = foldered("set", {"a/1.jpg": b"x", "b/2.jpg": b"x"})
    labels = {"a": "real", "b": "synthetic"}
    for key, value in (("image_column", "image"), ("label_column", "cls"), ("first", 3)):
        source = Source.model_validate({"kind": "images", "labels": labels, key: value})
        with refuses("source `mine`", "use `limit`" if key == "first" else f"remove `{key}`"):
            list_items("mine", source, place)


def test_a_beginning_can_be_asked_for(tmp_path: Path) -> None:
    """`first` reads so many rows, over the borders of files, and says that they are a prefix."""
    for name in ("a", "b"):
        table(tmp_path / "set" / f"{name}.parquet", [b"x"] * 5, ["REAL", "FAKE"] * 2 + ["REAL"])
    with open_archive(tmp_path / "set", first=7) as archive:
        assert len(archive.images) == 7
        assert archive.labels is not None
        assert len(archive.labels) == 7
        assert "the first 7 rows were read, a prefix" in archive.notes[0]


def test_cifake_is_read_from_its_tables(tmp_path: Path, encoded: Encoded, tiny_cifake: Any, refuses: Refuses) -> None:
    """Parts come from the tables' names, labels from the classes, groups from the file names beside the images."""
    files = tiny_cifake()
    for part in ("train", "test"):
        chosen = {name: data for name, data in files.items() if name.startswith(part)}
        labels = [("FAKE", "REAL").index(name.split("/")[1]) for name in chosen]
        paths = [name.rsplit("/", 1)[-1] for name in chosen]
        table(tmp_path / "set" / f"{part}-00000-of-00001.parquet", list(chosen.values()), labels,
              names=("FAKE", "REAL"), paths=paths)  # fmt: skip
    items = list_items("cifake", Source(kind="cifake"), tmp_path / "set")
    assert len(items) == 12
    assert {(i.part, i.group, i.label) for i in items} == {
        (part, group, label)
        for part in ("train", "test")
        for group in ("airplane", "automobile", "truck")
        for label in (0, 1)
    }
    table(tmp_path / "set" / "extra.parquet", [b"x"], [0], names=("FAKE", "REAL"))
    with refuses("`extra.parquet`", "neither `train…` nor"):
        list_items("cifake", Source(kind="cifake"), tmp_path / "set")
    (tmp_path / "set" / "extra.parquet").unlink()
    table(tmp_path / "set" / "test-00000-of-00001.parquet", [b"x"], [0], names=("fake", "true"))
    with refuses("`fake`", "not the names REAL and FAKE"):
        list_items("cifake", Source(kind="cifake"), tmp_path / "set")
    (tmp_path / "set" / "test-00000-of-00001.parquet").unlink()
    with refuses("lacks images in test/REAL"):
        list_items("cifake", Source(kind="cifake"), tmp_path / "set")


def test_tiny_imagenet_is_read_from_its_tables(tmp_path: Path, refuses: Refuses) -> None:
    """Of the tables `train…` and `valid…` only the validation images are read; the class is the group."""
    for name, n in (("train-0.parquet", 3), ("valid-0.parquet", 2)):
        table(tmp_path / "set" / name, [b"x"] * n, [0, 1, 1][:n], names=("n01443537", "n01629819"))
    items = list_items("tiny", Source(kind="tiny-imagenet"), tmp_path / "set")
    assert [(i.image_id, i.group, i.label) for i in items] == [
        ("tiny/valid-0.parquet/000000000", "n01443537", 0),
        ("tiny/valid-0.parquet/000000001", "n01629819", 0),
    ]
    (tmp_path / "set" / "valid-0.parquet").unlink()
    with refuses("no table `valid…`"):
        list_items("tiny", Source(kind="tiny-imagenet"), tmp_path / "set")


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + b"\0" * 50 + b"PAR1", b"PK\x03\x04not a table"])
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes, refuses: Refuses) -> None:
    """Any other content under a table's name is one line."""
    (tmp_path / "t.parquet").write_bytes(content)
    with refuses("t.parquet", "no readable Parquet table"):
        open_archive(tmp_path / "t.parquet")


def test_a_damaged_page_is_broken_images_alone(tmp_path: Path) -> None:
    """Damage inside a row group breaks its images; those of the other groups are read."""
    data = [os.urandom(5000) for _ in range(8)]
    place = table(tmp_path / "t.parquet", data)
    with pq.ParquetFile(place) as whole:
        at = whole.metadata.row_group(1).column(0).data_page_offset
    raw = bytearray(place.read_bytes())
    raw[at : at + 60] = b"\xff" * 60
    place.write_bytes(raw)
    with open_archive(place) as archive:
        found = [bytes_or_error for _, bytes_or_error in archive.stream(archive.images)]
    assert found[:4] == data[:4]
    assert all(isinstance(entry, BrokenImageError) for entry in found[4:])


def test_a_bomb_is_refused_before_it_unfolds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refuses: Refuses) -> None:
    """A column that compresses as no photograph does is refused by the table's own metadata."""
    monkeypatch.setattr(tables, "MAX_FREE", 100_000)
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    column = pa.array([{"bytes": bytes(500_000 + n), "path": None} for n in range(4)], kind)
    pq.write_table(pa.table({"image": column}), tmp_path / "t.parquet", compression="zstd")
    with refuses("t.parquet", "decompression bomb", "`image.bytes`"):
        open_archive(tmp_path / "t.parquet")


def test_a_row_above_the_limit_is_broken_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One absurdly large row is counted as broken."""
    monkeypatch.setattr("isitcap.data.archives.MAX_BYTES", 1000)
    with open_archive(table(tmp_path / "t.parquet", [os.urandom(2000), b"x"])) as archive:
        found = dict(archive.stream(archive.images))
        assert "2,000 bytes" in str(found[0])
        assert found[1] == b"x"


def test_images_are_read_a_few_at_a_time(tmp_path: Path) -> None:
    """A row group of 64 MB in pages of a megabyte is not held in memory: Arrow's own pool never grows near it."""
    values = pa.array([np.random.default_rng(n).bytes(10**6) for n in range(64)], pa.binary())
    place = tmp_path / "t.parquet"
    pq.write_table(pa.table({"image": values}), place, write_batch_size=1, use_dictionary=False)
    del values
    pool = pa.default_memory_pool()
    before, most = pool.bytes_allocated(), 0
    with open_archive(place) as archive:
        for _, data in archive.stream(archive.images):
            assert not isinstance(data, BrokenImageError)
            most = max(most, pool.bytes_allocated() - before)
    assert most < 40e6


def test_a_folder_of_tables_and_tars_is_refused(tmp_path: Path, refuses: Refuses) -> None:
    """Two kinds of containers beside each other leave open which is meant."""
    table(tmp_path / "set" / "a.parquet", [b"x"])
    (tmp_path / "set" / "b.tar").write_bytes(b"")
    with refuses("tables (`a.parquet`)", "tars (`b.tar`)"):
        open_archive(tmp_path / "set")


def test_file_names_beside_the_images_are_read_without_them(tmp_path: Path) -> None:
    """`paths` gives the names, empty where a table has none."""
    place = table(tmp_path / "t.parquet", [b"x", b"y"], paths=["a.jpg", None])  # type: ignore[list-item]
    with open_archive(place) as archive:
        assert isinstance(archive, Tables)
        assert archive.paths() == ["a.jpg", ""]
    pq.write_table(pa.table({"image": pa.array([b"x"], pa.large_binary())}), tmp_path / "u.parquet")
    with open_archive(tmp_path / "u.parquet") as archive:
        assert isinstance(archive, Tables)
        assert (archive.paths(), archive.read("000000000")) == ([""], b"x")


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train-00000-of-00002.parquet", "train"),
        ("test.parquet", "test"),
        ("valid-0.parquet", "validation"),
        ("validation_1.parquet", "validation"),
        ("val.parquet", "validation"),
        ("trainee.parquet", ""),
        ("data.parquet", ""),
    ],
)
def test_splits_are_known_by_the_tables_names(name: str, split: str) -> None:
    """Only a whole word at the beginning counts."""
    assert split_of(name) == split
