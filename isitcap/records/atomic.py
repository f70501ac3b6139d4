"""Files appear whole or not at all: written beside their place, flushed to the disk, then renamed."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from isitcap.errors import UserError

PART = ".part"
"""How the names of unfinished files end."""

METADATA = "isitcap"
"""The key of safetensors metadata under which ours stand, as JSON."""

Arrays = dict[str, np.ndarray[Any, Any]]


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`; on success it is flushed and takes the place of `path`, else it goes.

    Raises:
        UserError: no space left, or no permission to write there.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}{PART}")
    with writing(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            with temporary.open("rb+") as stream:
                os.fsync(stream.fileno())
            temporary.replace(path)
            _sync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


def check_folder(folder: Path) -> None:
    """Try whether files can be written into a folder, before hours are spent on what is to stand there.

    It is made for the trial, and nothing stays of it.

    Raises:
        UserError: it cannot be made or written.
    """
    probe = folder / f".{os.getpid()}{PART}"
    made: list[Path] = []
    with writing(folder):
        try:
            made += [path for path in (folder, *folder.parents) if not path.exists()]
            folder.mkdir(parents=True, exist_ok=True)
            probe.touch()
        finally:
            with suppress(OSError):
                probe.unlink(missing_ok=True)
            for path in made:
                with suppress(OSError):  # somebody else has written into it by now
                    path.rmdir()


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what a user can mend about writing to `path` into one line.

    Raises:
        UserError: no space left, no permission to write there, or no such place.
    """
    try:
        yield
    except OSError as error:
        reasons = {
            errno.ENOSPC: "no space left on the disk; free some and start again, finished runs are kept",
            errno.EDQUOT: "the disk quota is used up; free some space and start again, finished runs are kept",
            errno.EFBIG: "the file would be larger than allowed here; raise the limit and start again",
            errno.ENOENT: "no such folder is there, nor can it be made; choose another place with --out",
            errno.EACCES: "no permission to write there; choose another place with --out",
            errno.EPERM: "no permission to write there; choose another place with --out",
            errno.EROFS: "the disk is read-only; choose another place with --out",
            errno.ENOTDIR: "a file stands where a folder is needed; choose another place with --out",
            errno.EEXIST: "a file stands where a folder is needed; choose another place with --out",
            errno.EISDIR: "a folder stands where a file is needed; choose another place with --out",
            errno.ENAMETOOLONG: "the name is too long; choose another place with --out",
            errno.ELOOP: "links that lead in a circle; choose another place with --out",
        }
        if error.errno in reasons:
            raise UserError(f"{path}: {reasons[error.errno]}") from None
        raise


def write_bytes(path: Path, data: bytes) -> None:
    """Write bytes."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: Path, value: object) -> None:
    """Write JSON with sorted keys, indented; NaN is refused with `ValueError`."""
    write_bytes(path, (json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n").encode())


def write_frame(path: Path, frame: pd.DataFrame) -> None:
    """Write Parquet, without the index and without pandas' own metadata: equal frames give equal bytes."""
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    with replacing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray[Any, Any]], metadata: Mapping[str, str]) -> None:
    """Write arrays as safetensors; equal arrays and metadata give equal bytes."""
    # Under one key, since safetensors writes several in an order of its own that differs each time.
    about = {METADATA: json.dumps(metadata, sort_keys=True)}
    write_bytes(path, save({name: np.ascontiguousarray(arrays[name]) for name in sorted(arrays)}, about))


def read_arrays(path: Path) -> tuple[Arrays, dict[str, str]]:
    """Read arrays and the metadata that `write_arrays` was given.

    Raises:
        UserError: not a safetensors file.
    """
    try:
        with safe_open(path, framework="numpy") as stream:
            arrays = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118
            return arrays, json.loads((stream.metadata() or {}).get(METADATA, "{}"))
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path}: no readable safetensors file ({error}); delete it and run the study again") from None


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest(value: object) -> str:
    """Hexadecimal SHA-256 of a value's canonical JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, allow_nan=False).encode()).hexdigest()


def _sync_folder(folder: Path) -> None:
    """Make a rename survive a power cut, where the system lets a folder be flushed."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
