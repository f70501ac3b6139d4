"""The manifest: what made the records, on what, from which data, and how long it took."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from analysis.claims import Claim
from analysis.declared import Declared
from isitcap import __version__
from isitcap.errors import UserError
from isitcap.records.atomic import write_json
from isitcap.records.directory import SCHEMA_VERSION, RunDirectory

PACKAGES = ("torch", "torchvision", "captum", "numpy", "scipy", "pandas", "scikit-image", "pillow", "safetensors")
"""Whose versions bear on the numbers."""


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that bear on the numbers."""
    found = {"isitcap": __version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "absent"
    return found


def commit() -> dict[str, Any]:
    """Commit and dirty flag of the checkout that this code runs from; both `None` for an installed wheel."""
    here = Path(__file__).resolve().parent
    git = shutil.which("git")
    if git is None or not (here.parents[1] / ".git").exists():
        return {"commit": None, "dirty": None}
    # a checkout's own settings must not change what is asked
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    try:
        head, status = (
            subprocess.run(  # noqa: S603  # fixed arguments
                [git, "-C", str(here.parents[1]), *arguments],
                capture_output=True,
                text=True,
                check=True,
                timeout=20,
                env=environment,
            ).stdout.strip()
            for arguments in (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no"])
        )
    except (subprocess.SubprocessError, OSError):
        return {"commit": None, "dirty": None}
    return {"commit": head, "dirty": bool(status)}


def machine() -> dict[str, Any]:
    """Processor, cores and memory; nothing that names the machine."""
    info = Path("/proc/cpuinfo")
    model = re.search(r"^model name\s*:\s*(.+)$", info.read_text("utf-8"), re.MULTILINE) if info.exists() else None
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0
    return {
        "processor": model[1] if model else platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(pages / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
    }


def write_manifest(
    directory: RunDirectory,
    *,
    command: Sequence[str],
    device: Mapping[str, Any],
    packs: Mapping[str, str],
    notes: Sequence[str],
    test_sets: Sequence[Mapping[str, Any]],
    done: Sequence[str],
    started: str,
    wall_seconds: float,
    peak_memory_mib: float,
    declared: Declared,
) -> None:
    """Write `manifest.json`; times and memory add up over the sessions that made the records.

    `declared` is kept as the first session had it; what later ones say of it is in their study alone.
    """
    earlier = read_manifest(directory) if directory.manifest.exists() else {}
    at_start = {
        "alpha": declared.alpha,
        "confidence": declared.confidence,
        "margins": dict(declared.margins or {}),
        "claims": [claim.model_dump(mode="json", exclude_none=True) for claim in declared.claims or ()],
    }
    if earlier:  # a manifest without it is older than claims: they were declared after its runs began
        at_start = earlier.get("declared", {"alpha": None, "claims": []})
    sessions = [s for s in earlier.get("sessions", []) if s["started"] != started]
    sessions.append(
        {
            "started": started,
            "command": list(command),
            "wall_seconds": round(wall_seconds, 1),
            "peak_memory_mib": round(peak_memory_mib),
            "versions": versions(),
            **commit(),
            "device": dict(device),
            "machine": machine(),
        }
    )
    write_json(
        directory.manifest,
        {
            "schema_version": SCHEMA_VERSION,
            "packs": dict(packs),
            "notes": list(notes),
            "test_sets": [dict(test_set) for test_set in test_sets],
            "done": list(done),
            "declared": at_start,
            "sessions": sessions,
        },
    )


def read_manifest(directory: RunDirectory) -> dict[str, Any]:
    """Read `manifest.json`.

    Raises:
        UserError: missing or damaged.
    """
    try:
        manifest: dict[str, Any] = json.loads(directory.manifest.read_text("utf-8"))
        if manifest["schema_version"] != SCHEMA_VERSION:
            raise UserError(
                f"{directory.manifest}: schema version {manifest['schema_version']}, this isitcap reads "
                f"{SCHEMA_VERSION}; use the version that made it"
            )
        manifest["sessions"][-1]["versions"]
    except FileNotFoundError:
        raise UserError(
            f"{directory.root}: no manifest.json, so no run directory; give one that `isitcap run` made"
        ) from None
    except NotADirectoryError:
        raise UserError(f"{directory.root}: a file, not a run directory; give one that `isitcap run` made") from None
    except (ValueError, KeyError, TypeError, IndexError):
        raise UserError(f"{directory.manifest}: damaged; run the study again to write it anew") from None
    return manifest


def declared_at_start(manifest: Mapping[str, Any]) -> Declared:
    """What was declared when the runs began; of records older than claims none, and of others what they do not hold.

    Raises:
        UserError: what the manifest holds are no claims, levels or margins.
    """
    try:
        kept = manifest.get("declared", {})
        alpha, confidence = (None if kept.get(name) is None else float(kept[name]) for name in ("alpha", "confidence"))
        return Declared(
            claims=tuple(Claim.model_validate(claim) for claim in kept.get("claims", ())),
            alpha=alpha,
            confidence=confidence,
            margins={role: float(margin) for role, margin in kept.get("margins", {}).items()},
        )
    except (ValidationError, AttributeError, TypeError, ValueError):
        raise UserError(
            "manifest.json: its record of what was declared at the start of the runs is damaged; restore the file"
        ) from None
