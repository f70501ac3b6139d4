"""What two run directories are compared by."""

from __future__ import annotations

from pathlib import Path

from isitcap.records.atomic import sha256


def record_hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every record of a run directory by its place, but for marks, which hold wall times."""
    return {
        path.relative_to(folder).as_posix(): sha256(path)
        for part in ("images", "examples", "autoencoders", "runs")
        for path in sorted((folder / part).rglob("*"))
        if path.is_file() and not path.name.endswith(".done.json")
    }
