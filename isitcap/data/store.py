"""Packs on disk: pixels as one `.npy` that is memory-mapped, the index as Parquet, the rest as JSON, written last.

A pack is written into a temporary folder beside its place and renamed, so that it is there whole or not at all. Its
content hash goes into runs' identities, so a pack whose files were touched since is hashed again before it is used.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
import pandas as pd
import pyarrow as pa
from filelock import FileLock
from numpy.lib import format as npy

from isitcap.errors import UserError
from isitcap.study.models import Kernel

FORMAT = 1
"""Raised when the same source would give another pack."""

COLUMNS = ("image_id", "source", "part", "group", "label", "sha256")
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_CHUNK = 2**22


@dataclass(frozen=True)
class Pack:
    """All images of one source, decoded once.

    `pixels` is (N, H, W, 3) uint8, memory-mapped and read-only. `index` has one row per image, in the same order:
    `image_id`, `source`, `part` (`train`, `test` or empty), `group`, `label` (int8, 1 = synthetic), `sha256` (hex, of
    the original file's bytes).
    """

    name: str
    folder: Path
    pixels: np.memmap[Any, np.dtype[np.uint8]] = field(repr=False)
    index: pd.DataFrame = field(repr=False)
    content_hash: str
    """Hex SHA-256 over index and pixels: equal content, equal hash, wherever and whenever it was made."""
    kernel: Kernel
    reencoded: bool
    size: int
    broken: tuple[tuple[str, str], ...]
    """Image id and reason of every image that could not be decoded; these are not in the pack."""
    resized: int
    """How many images were not `size` × `size` and went through the kernel."""
    notes: tuple[str, ...] = ()
    """What a reader must know of where the images come from: a prefix of a stream, how it was drawn."""

    def __len__(self) -> int:
        return len(self.index)


@dataclass(frozen=True, slots=True)
class Row:
    """One image's entry in the index."""

    image_id: str
    part: str
    group: str
    label: int
    sha256: str


class PackWriter:
    """Takes images one by one and writes them in order; a few MiB of memory, whatever their number.

    Pixels go through `write`, not through a memory map: a full disk then is an `OSError`, not a SIGBUS.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        size: int,
        kernel: Kernel,
        *,
        reencoded: bool,
        expected: int = 0,
    ) -> None:
        self.folder, self.name, self.size, self.kernel, self.reencoded = folder, name, size, kernel, reencoded
        self.expected = expected
        """How many images there will be, for the message of a full disk."""
        self.notes: tuple[str, ...] = ()
        self.resized = 0
        self.broken: list[tuple[str, str]] = []
        # By column and as small as they go: a million images are an index of some 250 MB, as objects five times that.
        self._ids: list[str] = []
        self._parts: list[str] = []
        self._groups: list[str] = []
        self._labels = bytearray()
        self._sha256 = bytearray()
        self._hash = hashlib.sha256()
        self._buffer = bytearray()
        self._file: BinaryIO = (folder / "pixels.npy").open("wb")
        self._write_header()
        self._start = self._file.tell()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, at: object) -> None:
        with suppress(OSError):  # the reason why it is closed early matters more than a failing last flush
            self._file.close()
        if isinstance(error, OSError) and error.errno in _FULL:
            megabytes = -(-self.expected * self.size**2 * 3 // 10**6)
            raise UserError(
                f"no space left in {self.folder.parent} for the images of `{self.name}`: about {megabytes:,} MB are "
                "needed; free some, or choose another cache folder"
            ) from None

    def add(self, row: Row, pixels: bytes) -> None:
        """Append one image: `pixels` are its size × size × 3 bytes, row by row, RGB."""
        if len(pixels) != self.size * self.size * 3:
            raise ValueError(f"{row.image_id}: {len(pixels)} bytes are not {self.size} × {self.size} × 3")
        self._ids.append(row.image_id)
        self._parts.append(sys.intern(row.part))
        self._groups.append(sys.intern(row.group))
        self._labels.append(row.label)
        self._sha256 += bytes.fromhex(row.sha256)
        self._buffer += pixels
        if len(self._buffer) >= _CHUNK:
            self._flush()

    def finish(self) -> None:
        """Write what is left, the index and, last, `pack.json`; all of it on the disk when this returns."""
        self._flush()
        self._file.seek(0)
        self._write_header()
        if self._file.tell() != self._start:
            raise RuntimeError("the .npy header grew with the number of images")
        _sync(self._file)
        self._file.close()
        index = self._index()
        index.to_parquet(self.folder / "index.parquet", index=False)
        with (self.folder / "index.parquet").open("rb+") as file:
            _sync(file)
        content = _content(self._hash.digest(), self.size, index)
        about = {
            "format": FORMAT,
            "name": self.name,
            "images": len(index),
            "size": self.size,
            "kernel": self.kernel,
            "reencoded": self.reencoded,
            "resized": self.resized,
            "broken": self.broken,
            "notes": self.notes,
            "content_hash": content,
            "files": _state(self.folder),
        }
        with (self.folder / "pack.json").open("w", encoding="utf-8") as text:
            json.dump(about, text, indent=1)
            _sync(text)

    def _write_header(self) -> None:
        shape = (len(self._ids), self.size, self.size, 3)
        npy.write_array_header_1_0(self._file, {"descr": "|u1", "fortran_order": False, "shape": shape})

    def _flush(self) -> None:
        self._hash.update(self._buffer)
        self._file.write(self._buffer)
        self._buffer.clear()

    def _index(self) -> pd.DataFrame:
        n = len(self._ids)

        def text(values: Callable[[int, int], list[str]]) -> Any:
            chunks = [pa.array(values(low, min(low + 65_536, n)), pa.large_string()) for low in range(0, n, 65_536)]
            return pd.array(pa.chunked_array(chunks, pa.large_string()), dtype="str")

        ids, self._ids = text(lambda low, high: self._ids[low:high]), []
        return pd.DataFrame(
            {
                "image_id": ids,
                "source": text(lambda low, high: [self.name] * (high - low)),
                "part": text(lambda low, high: self._parts[low:high]),
                "group": text(lambda low, high: self._groups[low:high]),
                "label": np.frombuffer(bytes(self._labels), np.int8),
                "sha256": text(lambda low, high: [self._sha256[32 * r : 32 * r + 32].hex() for r in range(low, high)]),
            }
        )


def load(folder: Path) -> Pack | None:
    """Open a pack; none when there is none, not a whole one of this version, or not one of the content it names.

    Where size or time of its files are not those that `pack.json` holds (they were changed or copied, or the pack is
    of a version that noted neither), pixels and index are hashed and compared with its content hash.
    """
    try:
        about = json.loads((folder / "pack.json").read_text(encoding="utf-8"))
        if about["format"] != FORMAT:
            return None
        pixels = np.load(folder / "pixels.npy", mmap_mode="r", allow_pickle=False)
        index = pd.read_parquet(folder / "index.parquet")
        size = about["size"]
        if pixels.shape != (about["images"], size, size, 3) or tuple(index) != COLUMNS or len(index) != len(pixels):
            return None
        state = _state(folder)
        if about.get("files") != state:
            if pixels.dtype != np.uint8 or not pixels.flags.c_contiguous:
                return None
            if _content(_hash_after(folder / "pixels.npy", pixels.offset), size, index) != about["content_hash"]:
                return None
            _note_state(folder, about | {"files": state})
        return Pack(
            name=about["name"],
            folder=folder,
            pixels=pixels,
            index=index,
            content_hash=about["content_hash"],
            kernel=about["kernel"],
            reencoded=about["reencoded"],
            size=size,
            broken=tuple((image_id, reason) for image_id, reason in about["broken"]),
            resized=about["resized"],
            notes=tuple(about.get("notes", ())),
        )
    except (OSError, EOFError, ValueError, KeyError, TypeError):
        return None


def cached(cache: Path, name: str, key: str, build: Callable[[Path], None]) -> Pack:
    """The pack of `key` under `cache`, built by `build(temporary folder)` when it is not there yet.

    Of several processes one builds and the others wait. What a killed process left behind is removed.

    Args:
        cache: Folder of all packs; made when missing.
        name: The source's name, first part of the folder's name.
        key: Hex digest of all that the content depends on.
        build: Writes the whole pack into the folder it is given, with `PackWriter` (which reports a full disk).

    Raises:
        UserError: the folder cannot be written.
    """
    folder = cache / f"{name}-{key[:16]}"
    pack = load(folder)
    if pack is not None:
        with suppress(OSError):  # its last use, for `isitcap data clean`; a cache that is read-only stays as it is
            os.utime(folder / "pack.json")
        return pack
    part = cache / f".{folder.name}.part"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(cache / f".{folder.name}.lock"):
            pack = load(folder)
            if pack is not None:
                return pack
            for old in (part, folder):
                if old.exists():
                    shutil.rmtree(old)
            part.mkdir()
            try:
                build(part)
                part.rename(folder)
            except BaseException:
                shutil.rmtree(part, ignore_errors=True)
                raise
            _sync_folder(cache)
    except OSError as error:
        raise UserError(
            f"{error.filename or cache} cannot be written ({error.strerror or error}); choose another cache folder"
        ) from None
    pack = load(folder)
    if pack is None:
        raise RuntimeError(f"{folder} was just written and cannot be read")
    return pack


def digest(about: object) -> str:
    """Hex SHA-256 of anything JSON can hold."""
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


def _state(folder: Path) -> dict[str, list[int]]:
    """Size in bytes and modification time in ns of the files that the content hash is of."""
    states = {name: (folder / name).stat() for name in ("index.parquet", "pixels.npy")}
    return {name: [state.st_size, state.st_mtime_ns] for name, state in states.items()}


def _note_state(folder: Path, about: dict[str, Any]) -> None:
    """Write `pack.json` anew, so that the next start need not hash; a cache that is read-only stays as it is."""
    part = folder.with_name(f".{folder.name}.{os.getpid()}.json")  # in the folder it would be no part of a pack
    with suppress(OSError):
        try:
            with part.open("w", encoding="utf-8") as text:
                json.dump(about, text, indent=1)
                _sync(text)
            part.replace(folder / "pack.json")
        finally:
            part.unlink(missing_ok=True)


def _hash_after(file: Path, start: int) -> bytes:
    """SHA-256 of a file's bytes from `start` on; read, not mapped, since a bad disk then is an `OSError`."""
    with file.open("rb") as stream:
        stream.seek(start)
        return hashlib.file_digest(stream, "sha256").digest()


def _content(pixels: bytes, size: int, index: pd.DataFrame) -> str:
    """Hex SHA-256 over the pixels' (`pixels`) and the JSON of `[size, row, row, …]`, a few thousand rows at a time."""
    content = hashlib.sha256(pixels)
    content.update(f"[{size}".encode())
    for start in range(0, len(index), 4096):
        rows = index.iloc[start : start + 4096].to_numpy().tolist()
        content.update(f", {json.dumps(rows)[1:-1]}".encode())
    content.update(b"]")
    return content.hexdigest()


def _sync(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
