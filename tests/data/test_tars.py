"""Tars, plain and gzip, whole and in pieces, and the shards of a folder; and what is refused of them."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import tarfile
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest

from isitcap.data import tars
from isitcap.data.archives import fingerprint, open_archive
from isitcap.data.packs import prepare
from isitcap.data.pixels import BrokenImageError
from isitcap.data.sources import list_items
from isitcap.data.tars import Pieces, pieces_beside
from isitcap.study.models import Image, Source

Write = Callable[[str, Mapping[str, bytes]], Path]
Refuses = Callable[..., AbstractContextManager[None]]
Encoded = Callable[..., bytes]

REAL = Source(kind="images", label="real")


def member(name: str, data: bytes = b"x" * 700, **changes: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in changes.items():
        setattr(info, key, value)
    return info, data


def tar_of(path: Path, *members: tuple[tarfile.TarInfo, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for info, data in members:
            archive.addfile(info, io.BytesIO(data))
    return path


def in_pieces(data: bytes, folder: Path, name: str, size: int, first: int = 0) -> list[Path]:
    folder.mkdir(exist_ok=True)
    pieces = []
    for number, start in enumerate(range(0, len(data), size)):
        pieces.append(folder / f"{name}.{number + first:03}")
        pieces[-1].write_bytes(data[start : start + size])
    return pieces


def test_a_tar_is_read_as_a_folder_is(tarred: Write, foldered: Write, encoded: Encoded, tmp_path: Path) -> None:
    """Members are sorted and read alike; the pack of a tar, whose order differs, has the folder's content hash."""
    files = {f"{n % 3}/{n}.jpg": encoded(n, (40, 40)) for n in (7, 2, 9, 4, 1)} | {"notes.txt": b"n", "bad.jpg": b"no"}
    path = tarred("set", files)
    with open_archive(path) as archive:
        assert archive.members == tuple(sorted(files))
        assert [archive.read(name) for name in archive.images] == [files[name] for name in archive.images]
        positions = dict(archive.stream(archive.images))
        assert [positions[n] for n in range(6)] == [files[name] for name in archive.images]
        assert archive.sequential == (path.suffix == ".gz")
    source = Source(kind="images", label="real", max_broken=0.5)
    made = [
        prepare("mine", source, place, Image(), kernel="box", reencode=True, seed=0, cache=tmp_path / "cache")
        for place in (path, foldered("set", files))
    ]
    assert made[0].content_hash == made[1].content_hash
    assert made[0].broken == made[1].broken
    assert np.array_equal(made[0].pixels, made[1].pixels)
    assert {entry.name for entry in made[0].folder.iterdir()} == {"pack.json", "index.parquet", "pixels.npy"}


@pytest.mark.parametrize("start", ["./", "././"])
def test_a_leading_dot_is_no_part_of_the_name(tmp_path: Path, start: str) -> None:
    """`tar -c .` writes `./` before every name; image ids do not carry it."""
    path = tar_of(tmp_path / "set.tar", member(f"{start}a/1.jpg"))
    assert [item.image_id for item in list_items("mine", REAL, path)] == ["mine/a/1.jpg"]


@pytest.mark.parametrize("gzipped", [True, False])
@pytest.mark.parametrize("first", [0, 1])
def test_pieces_are_one_stream(tmp_path: Path, gzipped: bool, first: int) -> None:
    """Numbered pieces, given as a folder or by any one of them, are read across their borders."""
    files = {f"{n:02}.jpg": random.Random(n).randbytes(900) for n in range(20)}
    whole = tar_of(
        tmp_path / "w", *(member(name, data) for name, data in files.items()), mode="w:gz" if gzipped else "w"
    )
    pieces = in_pieces(whole.read_bytes(), tmp_path / "set", "x.tar.gz" if gzipped else "x.tar", 4001, first)
    assert len(pieces) > 3
    for place in (tmp_path / "set", pieces[0], pieces[2]):
        with open_archive(place) as archive:
            assert archive.notes == ()
            assert {name: archive.read(name) for name in archive.images} == files
    before = fingerprint(pieces[0])
    os.utime(pieces[1], ns=(1, 1))
    assert fingerprint(pieces[0]) != before


@pytest.mark.parametrize("gzipped", [True, False])
@pytest.mark.parametrize("size", [700, 1024])
@pytest.mark.parametrize("cut", [3000, 7777, 10_240, 12_345])
def test_the_first_piece_is_read_up_to_its_cut(tmp_path: Path, gzipped: bool, cut: int, size: int) -> None:
    """Every file that is whole before the cut is there with its bytes, none after; the note counts them."""
    files = {f"{n:02}.jpg": os.urandom(size) for n in range(20)}
    whole = tar_of(
        tmp_path / "w", *(member(name, data) for name, data in files.items()), mode="w:gz" if gzipped else "w"
    )
    first = tmp_path / ("x.tar.gz.000" if gzipped else "x.tar.000")
    first.write_bytes(whole.read_bytes()[:cut])
    with open_archive(first) as archive:
        n = len(archive.images)
        assert {name: archive.read(name) for name in archive.images} == dict(list(files.items())[:n])
        assert f"the {n} files before the cut were read, a prefix" in archive.notes[0]
    record = 512 + -(-size // 512) * 512
    assert n == cut // record if not gzipped else cut / record - 2 < n <= cut / (size / 1.1)


def test_a_piece_that_is_missing_is_named(tmp_path: Path, refuses: Refuses) -> None:
    """Without a piece in the middle, or the first, what comes after cannot be read."""
    whole = tar_of(tmp_path / "w", *(member(f"{n}.jpg", os.urandom(900)) for n in range(20)))
    pieces = in_pieces(whole.read_bytes(), tmp_path / "set", "x.tar", 4000)
    pieces[2].unlink()
    with refuses("piece 2", "`x.tar`", "missing"):
        open_archive(tmp_path / "set")
    for piece in pieces[:4]:
        piece.unlink(missing_ok=True)
    with refuses("missing"):
        open_archive(tmp_path / "set")


def test_a_beginning_can_be_asked_for(tarred: Write, tmp_path: Path) -> None:
    """`first` stops after so many images and says that it is a prefix; damage after them is never met."""
    files = {f"{n:02}.jpg": random.Random(n).randbytes(900) for n in range(20)}
    path = tarred("set", {"a.txt": b"t", **files})
    path.write_bytes(path.read_bytes()[:9000])
    source = Source(kind="images", label="real", first=5)
    with open_archive(path, first=5) as archive:
        assert archive.images == tuple(list(files)[:5])
        assert archive.notes == ("the first 5 images of the stream were read, a prefix and no random sample of it",)
    pack_ids = [item.member for item in list_items("mine", source, path)]
    assert pack_ids == list(files)[:5]


@pytest.mark.parametrize("cut", [0.3, 0.7])
def test_a_whole_tar_that_is_cut_is_refused(tarred: Write, cut: float, refuses: Refuses) -> None:
    """Half a download of one file is not taken for the set."""
    path = tarred("set", {f"{n}.jpg": random.Random(n).randbytes(900) for n in range(20)})
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * cut)])
    with refuses("set.tar", "ends or is damaged after", "`first`"):
        open_archive(path)


@pytest.mark.parametrize("place", [0.2, 0.5])
def test_damage_in_the_middle_is_no_end(tarred: Write, place: float, refuses: Refuses) -> None:
    """A damaged header or a damaged stream does not silently hide the files after it, in pieces neither."""
    path = tarred("set", {f"{n}.jpg": random.Random(n).randbytes(900) for n in range(20)})
    data = bytearray(path.read_bytes())
    at = int(len(data) * place) // 1536 * 1536 if path.suffix == ".tar" else int(len(data) * place)
    data[at : at + 40] = bytes(value ^ 0x5A for value in data[at : at + 40])
    path.write_bytes(data)
    with refuses("set.tar", "damaged"):
        open_archive(path)
    piece = path.with_name(f"{path.name}.00")
    path.rename(piece)
    with refuses("set.tar", "damaged"):
        open_archive(piece)


@pytest.mark.parametrize("content", [b"", b"not a tar at all", b"\x1f\x8b" + b"\0" * 100, b"\0" * 200])
@pytest.mark.parametrize("name", ["set.tar", "set.tar.gz", "set.tar.gz.000"])
def test_what_is_no_tar_is_refused(tmp_path: Path, name: str, content: bytes, refuses: Refuses) -> None:
    """Any other content under a tar's name is one line."""
    (tmp_path / name).write_bytes(content)
    with refuses(name):
        open_archive(tmp_path / name)


@pytest.mark.parametrize("name", ["../evil.jpg", "a/../../evil.jpg", "/etc/evil.jpg", "C:/evil.jpg", "..\\evil.jpg"])
@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_tar_that_climbs_out_is_refused_whole(tmp_path: Path, name: str, mode: str, refuses: Refuses) -> None:
    """A name that points outside refuses the archive, though its other members are fine, and nothing is written."""
    path = tar_of(tmp_path / "set.tar", member("good.jpg"), member(name), mode=mode)
    with refuses("set.tar", "evil", "climbs out"):
        open_archive(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["set.tar"]


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        (tarfile.SYMTYPE, "link"),
        (tarfile.LNKTYPE, "link"),
        (tarfile.CHRTYPE, "device"),
        (tarfile.BLKTYPE, "device"),
        (tarfile.FIFOTYPE, "pipe"),
        (tarfile.CONTTYPE, ""),
    ],
)
def test_links_and_devices_are_refused(tmp_path: Path, kind: bytes, word: str, refuses: Refuses) -> None:
    """Symbolic and hard links, devices and pipes refuse the archive and are named; contiguous files are files."""
    data = b"x" * 30 if kind == tarfile.CONTTYPE else b""
    path = tar_of(tmp_path / "set.tar", member("good.jpg"), member("odd.jpg", data, type=kind, linkname="/etc/passwd"))
    if not word:
        with open_archive(path) as archive:
            assert archive.read("odd.jpg") == data
        return
    with refuses("`odd.jpg` is a", word):
        open_archive(path)


def test_a_sparse_file_is_refused(tmp_path: Path, refuses: Refuses) -> None:
    """A sparse file may declare any size for a few bytes."""
    info, _ = member("holes.jpg", b"y" * 512)
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "99999999999"}
    info.pax_headers["GNU.sparse.name"] = "holes.jpg"
    path = tmp_path / "set.tar"
    body = b"1\n0\n1\n" + b"\0" * 506
    info.size = len(body)
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(info, io.BytesIO(body))
    with refuses("set.tar"):
        open_archive(path)


def test_a_member_that_occurs_twice_is_refused(tarred: Write, tmp_path: Path, refuses: Refuses) -> None:
    """Two members of one name leave open which is meant; `./a` and `a` are one name."""
    path = tar_of(tmp_path / "set.tar", member("a.jpg", b"1"), member("./a.jpg", b"2"))
    with refuses("`a.jpg` occurs twice"):
        open_archive(path)


def test_names_of_stray_bytes_are_kept_apart_and_shown(tmp_path: Path, refuses: Refuses) -> None:
    """A name that is no UTF-8 is escaped in its image id; one with a NUL in an extended header is refused."""
    raw = bytearray(tar_of(tmp_path / "set.tar", member("aX.jpg")).read_bytes())
    raw[1] = 0xFF
    header = bytes(raw[:148]) + b" " * 8 + bytes(raw[156:512])
    raw[148:156] = f"{sum(header):06o}\0 ".encode()
    (tmp_path / "set.tar").write_bytes(raw)
    assert [item.image_id for item in list_items("mine", REAL, tmp_path / "set.tar")] == [r"mine/a\udcff.jpg"]
    info, data = member("b.jpg")
    info.pax_headers = {"path": "b\0.jpg"}
    with tarfile.open(tmp_path / "nul.tar", "w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(info, io.BytesIO(data))
    with refuses("nul.tar", r"`b\x00.jpg`"):
        open_archive(tmp_path / "nul.tar")


@pytest.mark.parametrize("size", [2**33, -(2**40)])
def test_a_header_is_not_trusted_with_memory(tmp_path: Path, size: int, refuses: Refuses) -> None:
    """An extended header that declares gigabytes, or a negative size, is refused without being read."""
    good, data = member("good.jpg")
    info = tarfile.TarInfo("x")
    info.type = tarfile.XHDTYPE
    head = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    head[124:136] = (b"\x80" if size > 0 else b"\xff") + (size % 2**88).to_bytes(11, "big")
    head[148:156] = b" " * 8
    head[148:156] = f"{sum(head):06o}\0 ".encode()
    path = tmp_path / "set.tar"
    path.write_bytes(good.tobuf() + data + bytes(-len(data) % 512) + head + bytes(4096))
    with refuses("set.tar", "damaged"):
        open_archive(path)


def test_a_bomb_is_refused_before_it_unfolds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refuses: Refuses) -> None:
    """A gzip of a few kilobytes whose member declares far more is refused by its header; a plain tar cannot lie so."""
    monkeypatch.setattr(tars, "MAX_FREE", 100_000)
    path = tar_of(
        tmp_path / "bomb.tar.gz", member("good.jpg", os.urandom(50)), member("b.jpg", bytes(10**6)), mode="w:gz"
    )
    with refuses("bomb.tar.gz", "`b.jpg`", "1,000,000", "decompression bomb"):
        open_archive(path)
    with open_archive(tar_of(tmp_path / "plain.tar", member("b.jpg", bytes(10**6)))) as archive:
        assert len(archive.images) == 1


def test_a_member_above_the_limit_is_broken_alone(tarred: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """One absurdly large file is counted as broken; its neighbours are read."""
    path = tarred("set", {"a.jpg": os.urandom(2000), "b.jpg": b"x"})
    monkeypatch.setattr("isitcap.data.archives.MAX_BYTES", 1000)
    with open_archive(path) as archive:
        found = dict(archive.stream(archive.images))
        assert isinstance(found[0], BrokenImageError)
        assert "2,000 bytes" in str(found[0])
        assert found[1] == b"x"


def test_a_polyglot_is_what_its_bytes_as_an_image_say(tarred: Write, encoded: Encoded, tmp_path: Path) -> None:
    """A JPEG with a zip behind it is that JPEG, a tar named as an image is broken, one named a tar is passed over."""
    inner = tar_of(tmp_path / "inner", member("secret.jpg", encoded(1))).read_bytes()
    files = {"a.jpg": encoded(0) + b"PK\x03\x04" + b"evil" * 50, "b.jpg": inner, "c.tar": inner}
    source = Source(kind="images", label="real", max_broken=0.5)
    pack = prepare(
        "mine", source, tarred("set", files), Image(), kernel="box", reencode=False, seed=0, cache=tmp_path / "cache"
    )
    assert pack.index["image_id"].tolist() == ["mine/a.jpg"]
    assert pack.broken == (("mine/b.jpg", "not an image of a known format"),)


def test_shards_are_one_source_and_their_labels_mapped(tmp_path: Path, encoded: Encoded, refuses: Refuses) -> None:
    """WebDataset: `key.jpg` with `key.cls` or a field of `key.json`; a value that is not mapped is refused by name."""
    (tmp_path / "set").mkdir()
    for shard in range(2):
        members = []
        for n in range(3):
            key, label = f"{shard}{n}", str((shard + n) % 2)
            about = json.dumps({"generator": "camera" if label == "0" else "sd15"}).encode()
            members += [member(f"{key}.cls", f"{label}\n".encode()), member(f"{key}.jpg", encoded(n))]
            members += [member(f"{key}.json", about)]
        tar_of(tmp_path / "set" / f"{shard:05}.tar", *members)
    by_number = Source(kind="images", labels={"0": "real", "1": "synthetic"}, label_column="cls")
    items = list_items("mine", by_number, tmp_path / "set")
    assert [(item.image_id, item.label, item.group) for item in items][:2] == [
        ("mine/00000.tar/00.jpg", 0, "0"),
        ("mine/00000.tar/01.jpg", 1, "1"),
    ]
    by_name = Source(kind="images", labels={"camera": "real", "sd15": "synthetic"}, label_column="json.generator")
    assert [item.label for item in list_items("mine", by_name, tmp_path / "set")] == [item.label for item in items]
    for labels, words in (
        ({"camera": "real"}, ("`sd15`", "does not map")),
        ({"camera": "real", "sd15": "synthetic", "fake": "real"}, ("inverted", "`fake`")),
        ({"camera": "real", "sd15": "real", "sd21": "synthetic"}, ("no image of the class `synthetic`",)),
    ):
        with refuses("source `mine`", *words):
            list_items("mine", by_name.model_copy(update={"labels": labels}), tmp_path / "set")
    with refuses("00.jpg", "no label beside it", "txt"):
        list_items("mine", by_number.model_copy(update={"label_column": "txt"}), tmp_path / "set")
    with refuses("no JSON with the field `seed`"):
        list_items("mine", by_number.model_copy(update={"label_column": "json.seed"}), tmp_path / "set")
    one = list_items("mine", Source(kind="images", label="synthetic"), tmp_path / "set")
    assert {(item.label, item.group) for item in one} == {(1, "")}


def test_a_labels_file_of_gigabytes_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refuses: Refuses
) -> None:
    """The file beside an image is read only while it is small."""
    monkeypatch.setattr(tars, "MAX_HEADER", 1024)
    path = tar_of(tmp_path / "set.tar", member("a.cls", b"1" * 2000), member("a.jpg"))
    with refuses("`a.cls`", "2,000 bytes"):
        open_archive(path, label_column="cls")


def test_pieces_read_like_one_file(tmp_path: Path) -> None:
    """Reading and seeking over the borders gives what the joined file would."""
    data = os.urandom(1000)
    pieces = in_pieces(data, tmp_path / "p", "x.tar", 333)
    with io.BufferedReader(Pieces(pieces), 16) as stream:
        assert stream.read() == data
        for start in (990, 332, 0, 666):
            stream.seek(start)
            assert stream.read(340) == data[start : start + 340]
    assert pieces_beside(pieces[1]) == pieces


def test_a_gzip_tar_is_read_once_from_start_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Listing and streaming never decompress anew, whatever the order of the names and the sizes of the files."""
    sizes = [511, 512, 513, 1024, 20_480, 8191, 8192, 300_000]
    names = [f"{n}.jpg" for n in (5, 3, 7, 1, 6, 0, 4, 2)]
    files = {name: os.urandom(size) for name, size in zip(names, sizes, strict=True)}
    members = [pair for name in names for pair in (member(name, files[name]), member(name[:2] + "cls", b"1" * 512))]
    path = tar_of(tmp_path / "set.tar.gz", *members, mode="w:gz")
    rewinds = []
    original = gzip._GzipReader._rewind  # type: ignore[attr-defined]
    monkeypatch.setattr(gzip._GzipReader, "_rewind", lambda self: rewinds.append(1) or original(self))  # type: ignore[attr-defined]
    with open_archive(path, label_column="cls") as archive:
        found = dict(archive.stream(archive.images))
        assert [found[n] for n in range(8)] == [files[name] for name in sorted(names)]
    assert not rewinds


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
def test_headers_that_only_announce_others_are_damage(tmp_path: Path, kind: bytes, refuses: Refuses) -> None:
    """Three thousand extended headers, or long names, before one file are a damaged tar, not a defect of ours."""
    good, data = member("good.jpg")
    said = b"11 a=bbbbb\n" if kind == tarfile.XHDTYPE else b"b.jpg\0"
    announcing = tarfile.TarInfo("x")
    announcing.type, announcing.size = kind, len(said)
    file = good.tobuf() + data + bytes(-len(data) % 512)
    path = tmp_path / "set.tar"
    path.write_bytes(file + (announcing.tobuf(tarfile.GNU_FORMAT) + said.ljust(512, b"\0")) * 3000 + file + bytes(1024))
    with refuses("set.tar", "after 1 files", "too many headers before one member"):
        open_archive(path)


def test_folders_count_as_members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refuses: Refuses) -> None:
    """Folders without end, in one tar or over several, are refused as files are; as many as allowed are passed over."""
    (tmp_path / "set").mkdir()
    folder = tarfile.TarInfo("d")
    folder.type = tarfile.DIRTYPE
    for name in ("a.tar.gz", "b.tar.gz"):
        tar_of(tmp_path / "set" / name, member(f"{name}.jpg"), *[(folder, b"")] * 9, mode="w:gz")
    monkeypatch.setattr(tars, "MAX_MEMBERS", 20)
    with open_archive(tmp_path / "set") as archive:
        assert len(archive.images) == 2
    monkeypatch.setattr(tars, "MAX_MEMBERS", 19)
    with refuses("b.tar.gz", "more than 19 files and folders"):
        open_archive(tmp_path / "set")


def test_a_bomb_of_folders_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refuses: Refuses) -> None:
    """A gzip of folders is refused once it has unfolded too far for its size; a plain tar is as large as it is."""
    monkeypatch.setattr(tars, "MAX_FREE", 100_000)
    folder = tarfile.TarInfo("d")
    folder.type = tarfile.DIRTYPE
    members = [member("good.jpg"), *[(folder, b"")] * 2000]
    with refuses("bomb.tar.gz", "`d`", "decompression bomb"):
        open_archive(tar_of(tmp_path / "bomb.tar.gz", *members, mode="w:gz"))
    with open_archive(tar_of(tmp_path / "plain.tar", *members)) as archive:
        assert archive.images == ("good.jpg",)
