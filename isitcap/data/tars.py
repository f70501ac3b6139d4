"""Tars: plain or gzip, whole or in pieces, one or the shards of a folder (WebDataset), read as streams.

A tar in pieces (`x.tar.gz.000`, `x.tar.gz.001`, …) is one stream; where later pieces are missing it is read up to the
cut. Only numbers are kept of each member (volume, offset, size), and no header is trusted with memory.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import sys
import tarfile
import zlib
from array import array
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from isitcap.data.archives import Archive, check_bytes, climbs_out, find, is_image, show, twice
from isitcap.data.joined import Joined
from isitcap.data.pixels import BrokenImageError
from isitcap.errors import UserError

TAR_NAME = re.compile(r"(?P<stem>.+)\.(?:tar|tar\.gz|tgz)(?:\.(?P<piece>\d{1,6}))?", re.IGNORECASE)

MAX_HEADER = 2**20
"""Largest header (long names, extended attributes) and largest label file that is read, in bytes."""
MAX_RATIO, MAX_FREE = 100, 2**30
"""A gzip stream may declare members of more than `MAX_FREE` bytes only while they are less than `MAX_RATIO` times the
size of the file: photographs hardly compress, a decompression bomb does (gzip reaches 1,032)."""
MAX_MEMBERS = 20_000_000

_GZIP = b"\x1f\x8b"
_DAMAGE = (tarfile.TarError, EOFError, zlib.error, OSError, ValueError, OverflowError)


@dataclass(frozen=True, slots=True)
class Volume:
    """One tar: what its members' names begin with, and the file or the pieces it is kept in."""

    prefix: str
    pieces: tuple[Path, ...]
    in_pieces: bool


def is_tar(location: Path) -> bool:
    """Whether a file is a tar by its name, or by its first bytes where the name says nothing."""
    if TAR_NAME.fullmatch(location.name):
        return True
    try:
        with location.open("rb") as file:
            head = file.read(512)
    except OSError:
        return False
    return head[:2] == _GZIP or head[257:262] == b"ustar"


def pieces_beside(location: Path) -> list[Path]:
    """All pieces of the tar that `location` is a piece of, in order; `location` alone where it is none."""
    found = TAR_NAME.fullmatch(location.name)
    if not found or found["piece"] is None:
        return [location]
    start = location.name[: -len(found["piece"])]
    beside = [path for path in location.parent.iterdir() if path.name.startswith(start)]
    return sorted((path for path in beside if path.name[len(start) :].isdigit()), key=_number)


def volumes_of(location: Path, members: Sequence[str] | None) -> list[Volume]:
    """The tars at a location: a file (`members` none), or the `members` of a folder that are tars or pieces.

    Raises:
        UserError: pieces that do not follow each other.
    """
    if members is None:
        pieces = pieces_beside(location)
        split = len(pieces) > 1 or _piece(pieces[0]) is not None
        _refuse_gap(location, pieces)
        return [Volume("", tuple(pieces), split)]
    groups: dict[str, list[Path]] = {}
    for member in members:
        number = _piece(location / member)
        groups.setdefault(member if number is None else member[: -len(number) - 1], []).append(location / member)
    volumes = []
    for name, unsorted in sorted(groups.items()):
        split = _piece(unsorted[0]) is not None
        pieces = sorted(unsorted, key=_number) if split else unsorted
        _refuse_gap(location, pieces)
        volumes.append(Volume("" if len(groups) == 1 else f"{name}/", tuple(pieces), split))
    return volumes


class Tars(Archive):
    """One tar or several as one archive; the members of several begin with the tar's own name.

    `label_column` names where the label of each image stands beside it: the suffix of a file of the same key (`cls`),
    or `json.FIELD`. `first` stops after so many images.

    Raises:
        UserError: a tar that is damaged or cut (pieces may be), names or links that lead out, a bomb.
    """

    def __init__(self, location: Path, volumes: Sequence[Volume], label_column: str | None, first: int | None) -> None:
        self.location = location
        self._volumes = volumes
        self._label_column = label_column
        self._first = first
        self._open: tuple[int, TarStream] | None = None
        self._found = _Found()
        self._zipped = False
        self._counted = 0
        notes: list[str] = []
        for number, volume in enumerate(volumes):
            if not self._enough():
                notes += self._list(number, volume)
        if first is not None and self._found.images < first:
            notes.append(f"{self._found.images:,} images are all there are; the first {first:,} were asked for")
        elif first is not None:
            notes.append(f"the first {first:,} images of the stream were read, a prefix and no random sample of it")
        self.notes = tuple(notes)
        names, self._found.names = self._found.names, []
        order = sorted(range(len(names)), key=names.__getitem__)
        self.members = tuple(names[row] for row in order)
        for one, other in zip(self.members, self.members[1:], strict=False):
            if one == other:
                raise twice(location, one)
        self._volume = array("l", (self._found.volume[row] for row in order))
        self._offset = array("q", (self._found.offset[row] for row in order))
        self._size = array("q", (self._found.size[row] for row in order))
        self.sequential = self._zipped

    @cached_property
    def labels(self) -> Sequence[str] | None:
        """Of each image the label in the file beside it; none without `label_column`."""
        if self._label_column is None:
            return None
        found = self._found.labels
        missing = next((image for image in self.images if _key(image) not in found), None)
        if missing is not None:
            raise UserError(
                f"{self.location}: {show(missing)} has no label beside it ({show(self._label_column)}); "
                "correct `label_column`, or add the file"
            )
        return [found[_key(image)] for image in self.images]

    def read(self, member: str) -> bytes:
        """As the base class says."""
        row = find(self.members, member)
        check_bytes(self._size[row])
        number = self._volume[row]
        try:
            if self._open is None or self._open[0] != number:
                self.close()
                self._open = number, TarStream(Pieces(self._volumes[number].pieces))
            stream = self._open[1]
            stream.seek(self._offset[row])
            data = stream.read_exactly(self._size[row])
        except _DAMAGE as error:
            self.close()
            raise BrokenImageError(f"cannot be unpacked ({' '.join(str(error).split())})") from None
        return data

    def stream(self, members: Sequence[str]) -> Iterator[tuple[int, bytes | BrokenImageError]]:
        """As the base class says; gzip is read once from start to end, in the order of the file."""
        if not self.sequential:
            yield from super().stream(members)
            return
        rows = [find(self.members, member) for member in members]
        for position in sorted(range(len(rows)), key=lambda at: (self._volume[rows[at]], self._offset[rows[at]])):
            try:
                yield position, self.read(members[position])
            except BrokenImageError as error:
                yield position, error

    def close(self) -> None:
        """Let go of the file."""
        if self._open is not None:
            self._open[1].close()
            self._open = None

    def _enough(self) -> bool:
        return self._first is not None and self._found.images >= self._first

    def _list(self, number: int, volume: Volume) -> list[str]:
        """Take down every member of one tar; notes of a cut."""
        where = volume.pieces[0]
        try:
            stream = TarStream(Pieces(volume.pieces))
        except OSError as error:
            raise UserError(f"{where} cannot be read ({error.strerror or error}); make it readable") from None
        before = len(self._found.names)
        with stream:
            self._zipped = self._zipped or stream.zipped
            walk = Walk(stream, str(where), self._counted)
            for info in walk:
                self._take(number, volume, info, stream)
                if self._enough():
                    return []
            self._counted = walk.counted
            problem, cut = walk.problem, walk.cut
        if not problem:
            return []
        if len(self._found.names) > before and self._found.end() > stream.furthest:
            self._found.drop_last()
        n = len(self._found.names) - before
        if not n:
            raise UserError(f"{where} is not a readable tar ({problem}); give an intact one")
        if volume.in_pieces and cut:
            cut_note = (
                f"{where.name}: the pieces end in the middle of the tar; the {n:,} files before the cut were read"
            )
            return [f"{cut_note}, a prefix and no random sample of it"]
        raise UserError(
            f"{where} ends or is damaged after {n:,} files ({problem}); "
            "fetch it again, or read a sound beginning alone with `first`"
        )

    def _take(self, number: int, volume: Volume, info: tarfile.TarInfo, stream: TarStream) -> None:
        name = volume.prefix + plain_name(info)
        self._found.add(name, number, info.offset_data, info.size, is_image(name))
        if self._label_column is not None and (label := self._label(name, info, stream)) is not None:
            self._found.labels[_key(name)] = sys.intern(label)

    def _label(self, name: str, info: tarfile.TarInfo, stream: TarStream) -> str | None:
        """The label that a file beside an image holds; none where this is no such file."""
        assert self._label_column is not None
        suffix, _, wanted = self._label_column.partition(".")
        if name.rsplit("/", 1)[-1].partition(".")[2] != suffix:
            return None
        where = f"{self.location}: {show(name)}"
        if info.size > MAX_HEADER:
            raise UserError(f"{where} should hold a label and declares {info.size:,} bytes; use another archive")
        stream.seek(info.offset_data)
        text = stream.read_exactly(info.size).decode("utf-8", "replace")
        if not wanted:
            return text.strip()[:200]
        try:
            value = json.loads(text)[wanted]
        except (ValueError, RecursionError, KeyError, TypeError):
            raise UserError(f"{where} is no JSON with the field {show(wanted)}; correct `label_column`") from None
        return str(value)[:200]


class Walk:
    """The files of a tar one by one, none of them read; afterwards `problem` says why it ended early, if it did.

    Args:
        stream: Of the tar.
        where: Names it in messages.
        counted: How many members came before, of `MAX_MEMBERS` in all.

    Raises:
        UserError: names or links that lead out, devices, sparse files, too many members, or sizes as of a bomb.
    """

    def __init__(self, stream: TarStream, where: str, counted: int = 0) -> None:
        self._stream = stream
        self._where = where
        self.problem = ""
        """Empty after the end mark of a whole tar."""
        self.cut = False
        """Whether the problem is that the bytes end, and not that they are damaged."""
        self.counted = counted
        """Members so far, folders among them."""

    def __iter__(self) -> Iterator[tarfile.TarInfo]:
        stream = self._stream
        try:
            tar = tarfile.open(fileobj=stream, mode="r:", encoding="utf-8", errors="surrogateescape")  # noqa: SIM115
            while (info := tar.next()) is not None:
                tar.members = []  # type: ignore[attr-defined]  # a million of them would be a gigabyte
                if self._is_file(info):
                    yield info
            self.problem, self.cut = stream.why_it_ended()
            if not self.problem:
                stream.finish()
        except RecursionError:  # `tarfile` calls itself after each header that only says something of the next
            self.problem = "too many headers before one member"
        except _DAMAGE as error:
            self.problem = " ".join(str(error).split()) or type(error).__name__
            self.cut = stream.at_end and not isinstance(error, (zlib.error, gzip.BadGzipFile))

    def _is_file(self, info: tarfile.TarInfo) -> bool:
        where = f"{self._where}: the member {show(info.name)}"
        if climbs_out(info.name) or "\0" in info.name:
            raise UserError(f"{where} climbs out of the archive; nothing of it was read, use another archive")
        if info.issym() or info.islnk():
            raise UserError(f"{where} is a link; nothing of it was read, use an archive without links")
        if not (info.isreg() or info.isdir()) or info.issparse():
            raise UserError(
                f"{where} is a device, a pipe or a sparse file; nothing of it was read, use another archive"
            )
        self.counted += 1  # folders, too: a small gzip may hold a billion of them, and each takes time
        if self.counted > MAX_MEMBERS:
            raise UserError(f"{self._where} holds more than {MAX_MEMBERS:,} files and folders; give a smaller archive")
        size = 0 if info.isdir() else info.size
        end = info.offset_data + size
        if size < 0 or (self._stream.zipped and end > MAX_FREE and end > MAX_RATIO * self._stream.size):
            raise UserError(
                f"{where} declares {size:,} bytes and would unfold {self._stream.size:,} bytes to {end:,}, "
                "as a decompression bomb does; nothing of it was read, use another archive"
            )
        return not info.isdir()


def plain_name(info: tarfile.TarInfo) -> str:
    """A member's name without the `./` that some tars begin every name with."""
    return re.sub(r"^(\./)+", "", info.name)


@dataclass(slots=True)
class _Found:
    """What was taken down of the members so far."""

    names: list[str] = field(default_factory=list)
    volume: array[int] = field(default_factory=lambda: array("l"))
    offset: array[int] = field(default_factory=lambda: array("q"))
    size: array[int] = field(default_factory=lambda: array("q"))
    images: int = 0
    labels: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, volume: int, offset: int, size: int, image: bool) -> None:
        self.names.append(name)
        self.volume.append(volume)
        self.offset.append(offset)
        self.size.append(size)
        self.images += image

    def end(self) -> int:
        """Where the last member ends."""
        return self.offset[-1] + self.size[-1]

    def drop_last(self) -> None:
        self.images -= is_image(self.names.pop())
        for numbers in (self.volume, self.offset, self.size):
            numbers.pop()


class TarStream(io.RawIOBase):
    """The bytes of a tar, decompressed, as `tarfile` wants them; what it may ask for at once is bounded.

    A header that declares a gigabyte of attributes, or a negative size, would otherwise be read whole into memory.

    Args:
        pieces: A raw stream with its `size` in bytes; closed together with this one.
    """

    def __init__(self, pieces: Any) -> None:
        self._pieces = pieces
        self.size: int = pieces.size
        self._raw = io.BufferedReader(pieces, 2**18)
        self.zipped = self._raw.peek(2)[:2] == _GZIP
        self._file: IO[bytes] = gzip.GzipFile(fileobj=self._raw) if self.zipped else self._raw  # type: ignore[assignment]
        self._last = b""
        self.furthest = 0
        """Up to where there are bytes for certain."""

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def read(self, size: int = -1) -> bytes:
        """At most `MAX_HEADER` bytes, for `tarfile`."""
        if not 0 <= size <= MAX_HEADER:
            raise tarfile.ReadError(f"a header declares {size:,} bytes; at most {MAX_HEADER:,} are read")
        self._last = self._file.read(size)
        if self._last:
            self.furthest = max(self.furthest, self._file.tell())
        return self._last

    def read_exactly(self, size: int) -> bytes:
        """So many bytes; their number was checked by the caller.

        Raises:
            EOFError: the stream ends before.
        """
        # The last byte apart stays in the buffer: `tarfile` steps back to it, which otherwise would decompress anew.
        data = self._file.read(size - 1) + self._file.read(1) if size else b""
        if len(data) != size:
            raise EOFError(f"ends after {len(data):,} of {size:,} bytes")
        return data

    def skip(self, size: int) -> None:
        """Read so many bytes and forget them.

        Raises:
            EOFError: the stream ends before.
        """
        while size > 0:
            n = min(size, MAX_HEADER)
            self.read_exactly(n)
            size -= n

    def finish(self) -> None:
        """Read on to the end, where gzip keeps its checksum: damage to a stored image is found by nothing else.

        Raises:
            gzip.BadGzipFile: the checksum does not fit.
        """
        for _ in range(64 if self.zipped else 0):
            if not self._file.read(MAX_HEADER):
                return

    def seek(self, offset: int, whence: int = 0) -> int:
        """A place in bytes from the start; backwards, gzip decompresses anew."""
        if whence != 0:
            raise ValueError("only places from the start")
        return self._file.seek(offset)

    def tell(self) -> int:
        """Bytes from the start, decompressed."""
        return self._file.tell()

    def close(self) -> None:
        """Let go of the file."""
        if not self.closed:
            with suppress(OSError, EOFError, zlib.error):
                self._file.close()
            self._raw.close()
        super().close()

    @property
    def at_end(self) -> bool:
        """Whether the file or its pieces were read to the end."""
        return self._raw.tell() >= self.size

    def why_it_ended(self) -> tuple[str, bool]:
        """Nothing after the empty block that ends a tar; else what is wrong, and whether the file is cut.

        To be called right after the last header was asked for.
        """
        if len(self._last) == tarfile.BLOCKSIZE:
            return ("a damaged header", False) if self._last.strip(b"\0") else ("", False)
        return "no end mark", self.at_end


class Pieces(Joined):
    """Files one after another as one, for reading; `size` is theirs together, in bytes."""

    def __init__(self, paths: Sequence[Path]) -> None:
        super().__init__(path.stat().st_size for path in paths)
        self._paths = tuple(paths)
        self._number, self._file = 0, self._paths[0].open("rb", buffering=0)

    def read_piece(self, number: int, inside: int, buffer: memoryview) -> int:
        """Some of a file's bytes; one file is open at a time."""
        if number != self._number:
            self._file.close()
            self._number, self._file = number, self._paths[number].open("rb", buffering=0)
        self._file.seek(inside)
        return self._file.readinto(buffer)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
        super().close()


def _piece(path: Path) -> str | None:
    """The digits of a piece's number; none for a whole tar."""
    found = TAR_NAME.fullmatch(path.name)
    return found["piece"] if found else None


def _number(path: Path) -> int:
    return int(path.name.rsplit(".", 1)[-1])


def _refuse_gap(location: Path, pieces: Sequence[Path]) -> None:
    """Pieces are numbered one by one from 0 or 1; without the first the rest cannot be read."""
    if _piece(pieces[0]) is None:
        return
    numbers = [_number(piece) for piece in pieces]
    first = min(numbers[0], 1)
    missing = next((n for n in range(first, numbers[-1]) if n not in set(numbers)), None)
    if len(set(numbers)) != len(numbers):
        raise UserError(f"{location}: two pieces have the same number ({pieces[0].name}, …); remove one")
    if missing is not None:
        name = pieces[0].name.rsplit(".", 1)[0]
        raise UserError(f"{location}: the piece {missing} of {show(name)} is missing; add it, or remove those after it")


def _key(member: str) -> str:
    """A member's name up to the first point of its last part: what the files of one sample share (WebDataset)."""
    folder, slash, name = member.rpartition("/")
    return folder + slash + name.partition(".")[0]
