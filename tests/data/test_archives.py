"""Folders and zips through one interface, and what is refused of them."""

from __future__ import annotations

import os
import stat
import sys
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from isitcap.data import archives
from isitcap.data.archives import fingerprint, is_image, open_archive, show
from isitcap.data.pixels import BrokenImageError

Write = Callable[[str, Mapping[str, bytes]], Path]
Refuses = Callable[..., AbstractContextManager[None]]


def test_members_are_sorted_and_other_files_ignored(write: Write) -> None:
    """Folder and zip list the same members by code point, and images by suffix alone."""
    files = {
        "b/2.jpg": b"2",
        "b/10.JPEG": b"10",
        "A/x.png": b"x",
        "notes.txt": b"n",
        "b/._2.jpg": b"",
        "__MACOSX/b/2.jpg": b"",
    }
    with open_archive(write("set", files)) as archive:
        assert archive.images == ("A/x.png", "b/10.JPEG", "b/2.jpg")
        assert archive.members == tuple(sorted(files))
        assert [archive.read(member) for member in archive.images] == [b"x", b"10", b"2"]


@pytest.mark.parametrize("member", ["a.jpg", "A.JPG", "x/y.jpeg", "z.webp", "t.tiff", ".hidden/a.png"])
def test_images_are_known_by_their_suffix(member: str) -> None:
    """The usual suffixes count, in either case."""
    assert is_image(member)


@pytest.mark.parametrize("member", ["a.txt", "jpg", "a.jpg.html", "._a.jpg", "__MACOSX/a.jpg", "x/.DS_Store", "a.svg"])
def test_other_files_are_no_images(member: str) -> None:
    """Texts, vector graphics and macOS's companions do not count."""
    assert not is_image(member)


@pytest.mark.parametrize(
    "name",
    [
        "../evil.jpg",
        "a/../../evil.jpg",
        "/etc/evil.jpg",
        "C:/evil.jpg",
        "..\\evil.jpg",
        "\\\\host\\x.jpg",
        "c:evil.jpg",
    ],
)
def test_a_zip_that_climbs_out_is_refused_whole(zipped: Write, name: str, refuses: Refuses) -> None:
    """A name that points outside refuses the archive, though its other members are fine."""
    path = zipped("set", {"good.jpg": b"x", name: b"x"})
    with refuses("set.zip", "evil" if "evil" in name else "host", "climbs out"):
        open_archive(path)
    assert not list(path.parent.glob("**/*evil*"))


def test_dots_within_a_name_do_not_climb(zipped: Write) -> None:
    """Two dots inside a name, or a colon later in it, are ordinary."""
    with open_archive(zipped("set", {"a..b/c...jpg": b"x", "10:30.jpg": b"y"})) as archive:
        assert len(archive.images) == 2


def test_a_link_in_a_zip_is_refused(tmp_path: Path, refuses: Refuses) -> None:
    """A symbolic link stored in a zip refuses the archive and is named."""
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("good.jpg", b"x")
        link = zipfile.ZipInfo("link.jpg")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    with refuses("set.zip", "`link.jpg` is a link"):
        open_archive(path)


def test_a_link_that_leaves_the_folder_is_refused(foldered: Write, tmp_path: Path, refuses: Refuses) -> None:
    """A symbolic link to a file or folder outside refuses the folder and is named."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.jpg").write_bytes(b"secret")
    for target in ("outside", "outside/secret.jpg"):
        root = foldered("set", {"good.jpg": b"x"})
        (root / "sub.jpg").symlink_to(tmp_path / target)
        with refuses("`sub.jpg` is a link that leaves the folder"):
            open_archive(root)
        (root / "sub.jpg").unlink()


def test_a_link_within_the_folder_is_read_once(foldered: Write) -> None:
    """A link to a file inside is a member; one to a folder inside is not followed, nor does it make a loop."""
    root = foldered("set", {"a/1.jpg": b"1"})
    (root / "2.jpg").symlink_to(root / "a" / "1.jpg")
    (root / "loop").symlink_to(root)
    with open_archive(root) as archive:
        assert archive.images == ("2.jpg", "a/1.jpg")
        assert archive.read("2.jpg") == b"1"


def test_an_encrypted_zip_is_refused(zipped: Write, refuses: Refuses) -> None:
    """A zip whose members need a password is refused with the remedy."""
    path = zipped("set", {"a.jpg": b"x" * 50})
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    path.write_bytes(data)
    with refuses("`a.jpg` is encrypted", "password"):
        open_archive(path)


def test_a_member_that_occurs_twice_is_refused(tmp_path: Path, refuses: Refuses) -> None:
    """Two members of one name leave open which is meant."""
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.jpg", b"1")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.jpg", b"2")
    with refuses("`a.jpg` occurs twice"):
        open_archive(path)


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_an_open_archive_holds_a_few_numbers_of_each_member(tmp_path: Path, kind: str) -> None:
    """Besides its name, of which there is one copy, less than a hundred bytes: a million members fit a gigabyte."""
    path = tmp_path / f"set.{kind}"
    names = [f"class-{n % 9}/a-name-of-usual-length-{n:07}.png" for n in range(5000)]
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(zipfile.ZipInfo(name), b"x")
    else:
        with tarfile.open(path, "w") as tar:
            for name in names:
                tar.addfile(tarfile.TarInfo(name))
    open_archive(path).close()  # what it imports is no part of an archive
    tracemalloc.start()
    try:
        with open_archive(path) as opened:
            held = tracemalloc.get_traced_memory()[0]
            assert len(opened.images) == 5000
    finally:
        tracemalloc.stop()
    text = sum(map(sys.getsizeof, names))
    assert (held - text) / 5000 < 100


def test_a_zip_behind_another_file_is_refused(zipped: Write, encoded: Callable[..., bytes], refuses: Refuses) -> None:
    """A JPEG with a zip appended is two files in one, and which is meant is not guessed at."""
    path = zipped("set", {"a.jpg": b"x"})
    path.write_bytes(encoded(0) + path.read_bytes())
    with refuses("set.zip", "another file with a zip behind it", "give the zip alone"):
        open_archive(path)


def test_a_zip_whose_members_share_bytes_is_refused(zipped: Write, refuses: Refuses) -> None:
    """Entries that point into each other unfold far beyond the file's size."""
    path = zipped("set", {"a.jpg": b"A" * 400, "b.jpg": b"B" * 400})
    data = bytearray(path.read_bytes())
    second = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 1)
    data[second + 42 : second + 46] = (10).to_bytes(4, "little")  # its place: within the first member
    path.write_bytes(data)
    with refuses("set.zip", "overlaps the next one", "decompression bomb"):
        open_archive(path)


def test_a_name_with_a_nul_is_refused(zipped: Write, refuses: Refuses) -> None:
    """A name that ends earlier for one reader than for another is not trusted."""
    path = zipped("set", {"a.jpg": b"x", "bXjpg": b"y"})
    path.write_bytes(path.read_bytes().replace(b"bXjpg", b"b\0jpg"))
    with refuses("set.zip", r"`b\x00jpg`"):
        open_archive(path)


def test_a_stream_counts_what_is_broken_and_goes_on(zipped: Write) -> None:
    """Every member comes with its position, damaged ones as the reason."""
    path = zipped("set", {"a.jpg": b"A" * 100, "b.jpg": b"B" * 100})
    path.write_bytes(path.read_bytes().replace(b"A" * 100, b"A" * 99 + b"Z"))
    with open_archive(path) as archive:
        found = dict(archive.stream(("b.jpg", "a.jpg")))
    assert found[0] == b"B" * 100
    assert isinstance(found[1], BrokenImageError)


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04" + b"\0" * 100, b"\xff\xd8\xff\xe0JFIF"])
def test_a_file_that_is_no_zip_is_refused(tmp_path: Path, content: bytes, refuses: Refuses) -> None:
    """Any other file is refused in one line."""
    path = tmp_path / "set.zip"
    path.write_bytes(content)
    with refuses("set.zip", "not a readable zip"):
        open_archive(path)


@pytest.mark.parametrize("cut", [0.2, 0.5, 0.9, 0.999])
def test_a_zip_cut_short_is_refused(zipped: Write, cut: float, refuses: Refuses) -> None:
    """Half a download is no zip."""
    path = zipped("set", {f"{i}.jpg": os.urandom(200) for i in range(20)})
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * cut)])
    with refuses("set.zip"):
        open_archive(path)


def test_an_empty_folder_is_refused(tmp_path: Path, refuses: Refuses) -> None:
    """A folder without files is called empty."""
    with refuses(str(tmp_path), "is empty"):
        open_archive(tmp_path)


def test_an_archive_without_images_is_refused(write: Write, refuses: Refuses) -> None:
    """Files that are no images do not make a source."""
    with refuses("holds no images", ".jpg"):
        open_archive(write("set", {"readme.txt": b"x"}))


def test_a_missing_path_is_refused(tmp_path: Path, refuses: Refuses) -> None:
    """What is not there is said to be not there."""
    with refuses("nowhere does not exist"):
        open_archive(tmp_path / "nowhere")


def test_a_damaged_member_is_broken_alone(zipped: Write) -> None:
    """A member whose bytes do not fit their checksum is broken; its neighbours are read."""
    path = zipped("set", {"a.jpg": b"A" * 100, "b.jpg": b"B" * 100})
    path.write_bytes(path.read_bytes().replace(b"A" * 100, b"A" * 99 + b"Z"))
    with open_archive(path) as archive:
        with pytest.raises(BrokenImageError, match="CRC"):
            archive.read("a.jpg")
        assert archive.read("b.jpg") == b"B" * 100


def test_a_member_of_absurd_size_is_broken(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file above the limit in bytes is not read into memory."""
    path = write("set", {"a.jpg": b"x" * 2000, "b.jpg": b"x"})
    monkeypatch.setattr(archives, "MAX_BYTES", 1000)
    with open_archive(path) as archive:
        with pytest.raises(BrokenImageError, match="2,000 bytes"):
            archive.read("a.jpg")
        assert archive.read("b.jpg") == b"x"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_named_as_an_image_does_not_hold_the_program(foldered: Write) -> None:
    """A named pipe is broken at once instead of being waited for."""
    root = foldered("set", {"a.jpg": b"x"})
    os.mkfifo(root / "pipe.jpg")
    with open_archive(root) as archive, pytest.raises(BrokenImageError, match="not a regular file"):
        archive.read("pipe.jpg")


def test_an_unreadable_file_is_broken(foldered: Write) -> None:
    """A dangling link is named as unreadable; so is a file without permission, where permissions bind."""
    root = foldered("set", {"a.jpg": b"x", "b.jpg": b"x"})
    (root / "gone.jpg").symlink_to(root / "nothing.jpg")
    with open_archive(root) as archive:
        with pytest.raises(BrokenImageError, match="cannot be read"):
            archive.read("gone.jpg")
        if os.geteuid():
            (root / "b.jpg").chmod(0)
            with pytest.raises(BrokenImageError, match="cannot be read"):
                archive.read("b.jpg")


def test_the_fingerprint_follows_every_change(write: Write) -> None:
    """Another size or another time of a file gives another fingerprint; none of them the same one."""
    path = write("set", {"a.jpg": b"x"})
    before = fingerprint(path)
    assert fingerprint(path) == before
    file = path if path.is_file() else path / "a.jpg"
    os.utime(file, ns=(1, 1))
    assert fingerprint(path) != before


def test_names_are_shown_on_one_line() -> None:
    """Line breaks and stray bytes in a name cannot break a message; letters of any script stay."""
    assert show("a\nb\udcff.jpg") == r"`a\nb\udcff.jpg`"
    assert show("été.jpg") == "`été.jpg`"


@pytest.mark.parametrize("field", ["file_size", "compress_size", "header_offset"])
def test_a_zip_of_numbers_that_no_file_has_is_refused(tmp_path: Path, field: str, refuses: Refuses) -> None:
    """Zip64 can declare 2⁶⁴ − 1 bytes, or a place as far: the archive is refused and the member named."""
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("a.jpg", "b.jpg"):
            archive.writestr(name, b"x")
        setattr(archive.filelist[0], field, 2**64 - 1)
    with refuses("set.zip", "`a.jpg`", "18,446,744,073,709,551,615", "use another archive"):
        open_archive(path)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_of_two_names_for_one_member_breaks_that_member(tmp_path: Path, compression: int) -> None:
    """Where the name before the data is no UTF-8 but is declared so, the member is broken and its neighbour is read."""
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name in ("é.jpg", "b.jpg"):
            archive.writestr(name, b"x")
    path.write_bytes(path.read_bytes().replace("é".encode(), b"\xff\xfe", 1))
    with open_archive(path) as archive:
        found = dict(archive.stream(archive.images))
    assert found[0] == b"x"
    assert isinstance(found[1], BrokenImageError)
    assert "\n" not in str(found[1])
