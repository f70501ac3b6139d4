"""One way to read images wherever they are kept: sorted member names, and the bytes of one.

Folders and zips are here; tars and shards in `isitcap.data.tars`, tables in `isitcap.data.tables`. Nothing is ever
extracted to disk. An archive whose names or links lead out of it is refused whole.
"""

from __future__ import annotations

import hashlib
import lzma
import os
import re
import stat
import struct
import zipfile
import zlib
from abc import ABC, abstractmethod
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from isitcap.data.pixels import BrokenImageError
from isitcap.errors import UserError

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff"})
MAX_BYTES = 256 * 2**20
"""Largest file that is read as an image, in bytes after decompression."""

_ABSURD = 2**62
"""No size or place in a zip reaches this; sums of two fit into 64 bits below."""


class Archive(ABC):
    """A folder, zip, tar or table. `members` holds every path inside, `/`-separated and sorted by code point.

    A context manager; `read` and `stream` may be called between entering and leaving.
    """

    location: Path
    members: tuple[str, ...]
    notes: tuple[str, ...] = ()
    """What a reader must know: that a stream of pieces was cut, or which prefix was read."""
    sequential: bool = False
    """Whether reading out of order means decompressing from the start again; `stream` then keeps its own order."""
    tabular: bool = False
    """Whether it is a table with columns instead of files."""

    @cached_property
    def labels(self) -> Sequence[str] | None:
        """The label of each of `images`, as the archive itself names it; none where names and folders are all.

        Raises:
            UserError: the column or file that should hold it does not, or not for every image.
        """
        return None

    @cached_property
    def images(self) -> tuple[str, ...]:
        """The members that are images by their suffix, without macOS's `__MACOSX/` and `._` companions."""
        return tuple(member for member in self.members if is_image(member))

    @abstractmethod
    def read(self, member: str) -> bytes:
        """The bytes of one member.

        Raises:
            BrokenImageError: it cannot be read (damaged, no permission, too large); the text says why.
        """

    def stream(self, members: Sequence[str]) -> Iterator[tuple[int, bytes | BrokenImageError]]:
        """The bytes of all of `members`, with the position of each, or why it cannot be read.

        In the given order, unless the archive is `sequential`.
        """
        for position, member in enumerate(members):
            try:
                yield position, self.read(member)
            except BrokenImageError as error:
                yield position, error

    @abstractmethod
    def close(self) -> None:
        """Let go of the file."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def open_archive(
    location: Path, *, image_column: str | None = None, label_column: str | None = None, first: int | None = None
) -> Archive:
    """Open a folder, a zip, a tar (plain, gzip, in pieces, shards of a folder) or Parquet tables.

    Args:
        location: Folder or file; of a tar in pieces (`x.tar.gz.00`, …) any piece or the folder of them.
        image_column: Of a table; by default `image`.
        label_column: Of a table, by default `label`; of shards the suffix of the file that holds an image's label
            (`cls`), or `json.FIELD`.
        first: Read only the first so many images of a tar or table, in its own order.

    Raises:
        UserError: it is missing, of no known kind, encrypted, without images, or leads out of itself.
    """
    from isitcap.data.tables import Tables, is_table  # these two build on this module
    from isitcap.data.tars import TAR_NAME, Tars, is_tar, volumes_of

    try:
        mode = location.stat().st_mode
    except FileNotFoundError:
        raise UserError(f"{location} does not exist; give the path of a folder or archive of images") from None
    except OSError as error:
        raise UserError(f"{location} cannot be read ({error.strerror}); make it readable") from None
    archive: Archive
    if stat.S_ISDIR(mode):
        archive = _Folder(location)
        if not archive.images:
            tables = [member for member in archive.members if member.endswith(".parquet")]
            tars = [member for member in archive.members if TAR_NAME.fullmatch(member)]
            if tables and tars:
                raise UserError(
                    f"{location} holds tables ({show(tables[0])}) and tars ({show(tars[0])}); give a folder of one kind"
                )
            if tables:
                archive = Tables(location, tables, image_column, label_column, first)
            elif tars:
                archive = Tars(location, volumes_of(location, tars), label_column, first)
    elif not stat.S_ISREG(mode):
        raise UserError(f"{location} is neither a folder nor a file; give the path of one")
    elif is_table(location):
        archive = Tables(location, None, image_column, label_column, first)
    elif is_tar(location):
        archive = Tars(location, volumes_of(location, None), label_column, first)
    else:
        archive = _Zip(location)
    if not archive.images:
        archive.close()
        what = "is empty" if not archive.members else f"holds no images ({', '.join(sorted(IMAGE_SUFFIXES))})"
        raise UserError(f"{location} {what}; give the folder or archive that holds the images")
    return archive


def fingerprint(location: Path) -> str:
    """Hex digest of the archive's state on disk (names, sizes, modification times); opens no archive and no image.

    Raises:
        UserError: the location is missing or cannot be read.
    """
    from isitcap.data.tars import pieces_beside

    if location.is_file():
        pieces = pieces_beside(location)
        if pieces == [location]:
            state = location.stat()
            return hashlib.sha256(f"{state.st_size} {state.st_mtime_ns}".encode()).hexdigest()
        states = [(piece.name, piece.stat().st_size, piece.stat().st_mtime_ns) for piece in pieces]
        return hashlib.sha256(repr(states).encode("utf-8", "surrogatepass")).hexdigest()
    if not location.exists():
        raise UserError(f"{location} does not exist; give the path of a folder or archive of images")
    folder = _Folder(location)  # a folder's state is its listing
    if not folder.members:
        raise UserError(f"{location} is empty; give the folder or archive that holds the images")
    return folder.state()


def is_image(member: str) -> bool:
    """Whether a member's name is that of an image."""
    *folders, name = member.split("/")
    suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122 - ten times faster than Path, for 120,000 names
    return suffix in IMAGE_SUFFIXES and not name.startswith("._") and "__MACOSX" not in folders


class _Folder(Archive):
    """A folder, read in depth; links to folders inside it are not followed, or their images would count twice."""

    def __init__(self, location: Path) -> None:
        self.location = location
        self._root = location.resolve()
        self._stats: list[tuple[str, int, int]] = []
        for folder, subfolders, names in os.walk(self._root, onerror=self._refuse, followlinks=False):
            for name in (*subfolders, *names):
                path = os.path.join(folder, name)  # noqa: PTH118 - as above
                inside = os.path.relpath(path, self._root) if folder != str(self._root) else name
                state = os.lstat(path)
                if stat.S_ISLNK(state.st_mode):
                    if not Path(os.path.realpath(path)).is_relative_to(self._root):
                        raise UserError(f"{location}: {show(inside)} is a link that leaves the folder; remove it")
                    if Path(path).is_dir():
                        continue
                elif stat.S_ISDIR(state.st_mode):
                    continue
                self._stats.append((inside.replace(os.sep, "/"), state.st_size, state.st_mtime_ns))
        self._stats.sort()
        self.members = tuple(member for member, _, _ in self._stats)

    def _refuse(self, error: OSError) -> None:
        raise UserError(f"{error.filename} cannot be read ({error.strerror}); make it readable") from None

    def read(self, member: str) -> bytes:
        try:
            # Opened without waiting: a named pipe called x.jpg would otherwise hold the program forever.
            handle = os.open(self._root / member, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
            with os.fdopen(handle, "rb") as file:
                state = os.fstat(handle)
                if not stat.S_ISREG(state.st_mode):
                    raise BrokenImageError("not a regular file")
                check_bytes(state.st_size)
                return file.read(MAX_BYTES)
        except OSError as error:
            raise BrokenImageError(f"cannot be read ({error.strerror})") from None

    def state(self) -> str:
        """Hex digest of every file's name, size and modification time."""
        digest = hashlib.sha256(b"[")  # of the list's `repr`, which in one piece would be as large as the list again
        for number, entry in enumerate(self._stats):
            digest.update(f"{', ' if number else ''}{entry!r}".encode("utf-8", "surrogatepass"))
        digest.update(b"]")
        return digest.hexdigest()

    def close(self) -> None:
        pass


class _Zip(Archive):
    """A zip. Of a million members the sizes and places are kept as numbers, a tenth of what `ZipInfo`s would take."""

    def __init__(self, location: Path) -> None:
        self.location = location
        try:
            self._zip = zipfile.ZipFile(location)
        except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, OverflowError, struct.error) as error:
            raise UserError(f"{location} is not a readable zip ({error}); give a folder or an intact archive") from None
        except OSError as error:
            raise UserError(f"{location} cannot be read ({error.strerror or error}); make it readable") from None
        try:
            self._index()
        except BaseException:
            self._zip.close()
            raise

    def _index(self) -> None:
        with self.location.open("rb") as file:
            if file.read(2) != b"PK":
                raise UserError(
                    f"{self.location} is another file with a zip behind it, and which of the two is meant cannot be "
                    "known; give the zip alone"
                )
        infos = self._zip.infolist()
        for info in infos:
            self._check(info)
        infos = [info for info in infos if not info.is_dir()]
        infos.sort(key=lambda info: info.filename)
        for info, following in pairwise(infos):
            if info.filename == following.filename:
                raise twice(self.location, info.filename)
        self.members = tuple(info.filename for info in infos)
        self._offset = array("q", (info.header_offset for info in infos))
        self._size = array("q", (info.file_size for info in infos))
        self._packed = array("q", (info.compress_size for info in infos))
        self._crc = array("L", (info.CRC for info in infos))
        self._method = array("H", (info.compress_type for info in infos))
        self._flags = array("H", (info.flag_bits for info in infos))
        self._zip.filelist.clear()
        self._zip.NameToInfo.clear()
        self._refuse_overlap()

    def _check(self, info: zipfile.ZipInfo) -> None:
        where = f"{self.location}: the member {show(info.orig_filename)}"
        if climbs_out(info.filename) or "\0" in info.orig_filename:
            raise UserError(f"{where} climbs out of the archive; nothing of it was read, use another archive")
        if stat.S_ISLNK(info.external_attr >> 16):
            raise UserError(f"{where} is a link; nothing of it was read, use an archive without links")
        if info.flag_bits & 0x1:
            raise UserError(f"{where} is encrypted; unpack the zip with its password and give the folder")
        if max(info.file_size, info.compress_size, info.header_offset) >= _ABSURD:
            raise UserError(
                f"{where} declares {info.file_size:,} bytes, packed {info.compress_size:,}, at the place "
                f"{info.header_offset:,}, which no file has; nothing of it was read, use another archive"
            )

    def _refuse_overlap(self) -> None:
        """Members that share bytes unfold far beyond the file's size (Fifield 2019, "A better zip bomb")."""
        order = np.argsort(np.asarray(self._offset), kind="stable")
        start, packed = np.asarray(self._offset)[order], np.asarray(self._packed)[order]
        inside = np.flatnonzero(start[:-1] + zipfile.sizeFileHeader + packed[:-1] > start[1:])  # type: ignore[attr-defined]
        if len(inside):
            raise UserError(
                f"{self.location}: the member {show(self.members[order[inside[0]]])} overlaps the next one, as in a "
                "decompression bomb; nothing of it was read, use another archive"
            )

    def read(self, member: str) -> bytes:
        row = find(self.members, member)
        check_bytes(self._size[row])
        info = zipfile.ZipInfo(member)
        info.header_offset, info.file_size, info.compress_size = self._offset[row], self._size[row], self._packed[row]
        info.CRC, info.compress_type, info.flag_bits = self._crc[row], self._method[row], self._flags[row]
        try:
            return self._zip.read(info)
        except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError, ValueError) as error:
            # ValueError: its own header has a name that is no UTF-8, or lies before the file's start
            raise BrokenImageError(f"cannot be unpacked ({' '.join(str(error).split())})") from None

    def close(self) -> None:
        self._zip.close()


def find(members: Sequence[str], member: str) -> int:
    """The row of a member among sorted ones; a million names need no table of their own for it."""
    row = bisect_left(members, member)
    if row == len(members) or members[row] != member:
        raise KeyError(member)
    return row


def twice(location: Path, name: str) -> UserError:
    """The refusal of two members of one name."""
    return UserError(
        f"{location}: the member {show(name)} occurs twice, and which one is meant cannot be known; remove one"
    )


def climbs_out(name: str) -> bool:
    """Whether a member's name points outside: absolute, with a drive letter, or with a `..` on the way."""
    if ".." not in name and name[:1] not in ("/", "\\") and name[1:2] != ":":
        return False  # nearly all names, and there may be a million of them
    parts = re.split(r"[/\\]", name)
    return parts[0] == "" or bool(re.match(r"[A-Za-z]:", name)) or ".." in parts


def check_bytes(size: int) -> None:
    """Refuse to read a file of more than `MAX_BYTES`.

    Raises:
        BrokenImageError: it declares more.
    """
    if size > MAX_BYTES:
        raise BrokenImageError(f"declares {size:,} bytes; at most {MAX_BYTES:,} are read")


def show(name: str) -> str:
    """A file's name for a message: on one line, whatever it holds."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name[:200])
    return f"`{shown}`"
