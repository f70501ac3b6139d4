"""The folder that keeps packs: what is in it, how large, when last used; and clearing out what nobody uses.

A pack's last use is the modification time of its `pack.json`, which `isitcap.data.store.cached` renews.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from isitcap.errors import UserError

FILES = frozenset({"pack.json", "index.parquet", "pixels.npy"})
_NAME = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)-[0-9a-f]{16}")
_PART = re.compile(r"\.(?P<folder>[A-Za-z0-9][A-Za-z0-9._-]*-[0-9a-f]{16})\.part")


@dataclass(frozen=True, slots=True)
class CachedPack:
    """One pack in the cache. `bytes` is its size on disk, `used` the time of its last use (seconds since 1970)."""

    name: str
    folder: Path
    images: int
    pipeline: str
    bytes: int
    used: float


def cache_folder(given: Path | None = None) -> Path:
    """`given`, else `ISITCAP_CACHE`, else `isitcap` in the user's cache folder."""
    if given is not None:
        return given
    if named := os.environ.get("ISITCAP_CACHE"):
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "isitcap"


def cached_packs(cache: Path) -> list[CachedPack]:
    """The packs in `cache`, most recently used first. Anything there that is not certainly a pack is passed over.

    Raises:
        UserError: the folder cannot be read.
    """
    try:
        folders = sorted(cache.iterdir()) if cache.exists() else []
    except OSError as error:
        raise UserError(f"{cache} cannot be read ({error.strerror}); give another folder with --cache") from None
    packs = [pack for folder in folders if (pack := _pack(folder)) is not None]
    return sorted(packs, key=lambda pack: (-pack.used, pack.folder.name))


def clean(cache: Path, older: float) -> tuple[list[CachedPack], list[CachedPack]]:
    """Remove the packs not used for `older` days, and what killed processes left half written.

    A pack that another process is making is left alone (its lock is held). One that another process has open stays
    readable there: its files go when the last reader lets go of them.

    Returns:
        The packs removed, and those that were in the way of a lock or of missing permissions.

    Raises:
        UserError: the folder cannot be read.
    """
    limit = time.time() - older * 86_400
    removed: list[CachedPack] = []
    kept: list[CachedPack] = []
    for pack in cached_packs(cache):
        if pack.used <= limit:
            (removed if _remove(pack.folder, limit) else kept).append(pack)
    for part in sorted(cache.glob(".*.part")) if cache.exists() else ():
        found = _PART.fullmatch(part.name)
        if found and part.is_dir() and not part.is_symlink() and part.stat().st_mtime <= limit:
            _remove_left(part, found["folder"])
    return removed, kept


def _pack(folder: Path) -> CachedPack | None:
    """The pack in `folder`; none where the name, the files or their content are not those of a pack."""
    found = _NAME.fullmatch(folder.name)
    if not found or folder.is_symlink() or not folder.is_dir():
        return None
    try:
        entries = list(os.scandir(folder))
        if {entry.name for entry in entries} != FILES or not all(e.is_file(follow_symlinks=False) for e in entries):
            return None
        about = json.loads((folder / "pack.json").read_text("utf-8"))
        pipeline = f"{about['size']} px, {about['kernel']}{'+jpeg75' if about['reencoded'] else ''}"
        stats = {entry.name: entry.stat() for entry in entries}
        return CachedPack(
            name=str(about["name"]),
            folder=folder,
            images=int(about["images"]),
            pipeline=pipeline,
            bytes=sum(stat.st_size for stat in stats.values()),
            used=stats["pack.json"].st_mtime,
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _remove(folder: Path, limit: float) -> bool:
    """Remove one pack while holding its lock, unless it was used since."""
    try:
        with FileLock(folder.parent / f".{folder.name}.lock", timeout=0):
            pack = _pack(folder)
            if pack is None or pack.used > limit:
                return False
            # Out of sight in one step first: a reader finds the whole pack or none.
            doomed = folder.parent / f".{folder.name}.part"
            folder.rename(doomed)
            shutil.rmtree(doomed)
    except (Timeout, OSError):
        return False
    return True


def _remove_left(part: Path, name: str) -> None:
    try:
        with FileLock(part.parent / f".{name}.lock", timeout=0):
            shutil.rmtree(part, ignore_errors=True)
    except (Timeout, OSError):
        return
