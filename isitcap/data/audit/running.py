"""An audit from a plan to its files: the page, `audit.json`, tables as CSV and Parquet."""

from __future__ import annotations

import csv
import hashlib
import io
import platform
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.audit import Audit, Measure
from analysis.errors import MissingLibraryError
from analysis.reporting.audit_document import build_audit_report
from isitcap import __version__
from isitcap.data.audit.charts import figures_of
from isitcap.data.audit.duplicates import beyond_first, copies_in
from isitcap.data.audit.figures import FIGURES
from isitcap.data.audit.hashes import CORRELATION, FLAT, RADIUS
from isitcap.data.audit.judging import judge, verdict
from isitcap.data.audit.material import Material
from isitcap.data.audit.tables import SECTIONS, tables_of
from isitcap.progress import say
from isitcap.records.atomic import write_bytes, write_frame

DUPLICATES = "duplicates.parquet"
"""In an audit's folder: a row for each image that has a copy, with its groups' numbers and what it would cost."""


def audit_of(material: Material, command: str) -> Audit:
    """Everything that the page shows; `command` is how it was asked for."""
    findings = judge(material)
    image = material.plan.image
    frame = material.frame
    hashes = tuple(
        (place.name, hashlib.sha256("".join(frame["sha256"][frame["source"] == place.name]).encode()).hexdigest())
        for place in material.plan.places
    )
    pipeline = f"{image.size} × {image.size} px by {image.kernel}" + (", JPEG q75 4:2:0" if image.reencode else "")
    return Audit(
        name=material.plan.name,
        title=material.plan.title,
        question="What could tell real from synthetic, or spoil the test, before a detector is trained?",
        demo=material.plan.demo,
        verdict=verdict(material, findings),
        findings=findings,
        sections=SECTIONS,
        tables=tables_of(material),
        figures=figures_of(material),
        command=command,
        facts=(
            ("Images", f"{len(frame):,}"),
            ("Pixels that features are of", pipeline),
            (
                "Nearly identical",
                f"at most {RADIUS} of 64 bits, correlation of {CORRELATION} or more, contrast of {FLAT:g} up",
            ),
            ("Seed", str(material.plan.seed)),
            ("isitcap", __version__),
            ("Python", platform.python_version()),
        ),
        hashes=hashes,
    )


def duplicate_rows(material: Material) -> pd.DataFrame:
    """A row for each image with a copy.

    `bytes_group` and `near_group` number the groups; `test_copies_train_bytes` and `…_near` say that it is of the test
    side while a copy is of the training side (the study's split where there is one, else the parts of its source; one
    that nothing is trained on is of no training side, whatever its parts are called), and
    `again_bytes` and `again_near` that another of its group comes first on the same side.
    """
    frame = material.frame
    parts = frame["part"].to_numpy(str)
    if material.training.any():
        parts = np.where(material.training, parts, "")
    side = np.where(material.side != "", material.side, parts)
    train, rest = side == "train", (side != "train") & (side != "")
    if material.training.any():
        rest |= ~material.training
    out = frame[["image_id", "source", "part", "label", "sha256"]].copy()
    out["side"] = side
    kept = np.zeros(len(frame), dtype=bool)
    for kind in ("bytes", "near"):
        groups = material.groups(kind)
        out[f"{kind}_group"] = groups
        out[f"test_copies_train_{kind}"] = copies_in(groups, rest, train)
        again = np.zeros(len(frame), dtype=bool)
        for name in np.unique(side):
            again |= beyond_first(groups, side == name)
        out[f"again_{kind}"] = again
        kept |= np.bincount(groups)[groups] > 1
    return out[kept].reset_index(drop=True)


def write_audit(material: Material, audit: Audit, out: Path, *, show: bool = True) -> list[Path]:
    """Write the page (HTML, and PDF where its library is there) and all tables into `out`; return the paths.

    Raises:
        UserError: `out` cannot be written.
    """
    written = [out / "audit.json"]
    write_bytes(written[0], (audit.model_dump_json(indent=1) + "\n").encode())
    for table in audit.tables:
        path = out / "tables" / f"{table.id.removeprefix('table-')}.csv"
        lines: list[Sequence[str]] = [[*table.row_header, *_heads(table.header)]]
        lines += [[*row.heads, *(text for cell in row.cells for text in _texts(cell))] for row in table.rows]
        _write_csv(path, lines)
        written.append(path)
    frames = {
        "images": _image_rows(material),
        "duplicates": duplicate_rows(material),
        "pairs": _named_pairs(material),
        "suspects": _suspects(material),
        "broken": pd.DataFrame(material.images.broken, columns=["image_id", "reason"]).astype("str"),
    }
    for name, frame in frames.items():
        write_frame(out / f"{name}.parquet", frame)
        written.append(out / f"{name}.parquet")
        if name != "images":
            write_bytes(out / f"{name}.csv", frame.to_csv(index=False).encode())
            written.append(out / f"{name}.csv")
    try:
        written = [*build_audit_report(audit, out), *written]
    except MissingLibraryError as error:
        say(f"isitcap: {error}", show=show)
        written = [out / "audit.html", *written]
    return written


def _heads(header: Sequence[str]) -> list[str]:
    return [text for name in header for text in (name, f"{name} low", f"{name} high", f"{name} n")]


def _texts(cell: Measure | str) -> list[str]:
    if isinstance(cell, str):
        return [cell, "", "", ""]
    return ["" if value is None else repr(value) for value in (cell.value, cell.low, cell.high, cell.n)]


def _write_csv(path: Path, lines: Sequence[Sequence[str]]) -> None:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(lines)
    write_bytes(path, buffer.getvalue().encode())


def _image_rows(material: Material) -> pd.DataFrame:
    frame = material.frame.assign(
        side=pd.array(material.side.tolist(), dtype="str"),
        phash=[f"{value:016x}" for value in material.images.hashes.tolist()],
        bytes_group=material.groups("bytes"),
        near_group=material.groups("near"),
    )
    return frame[[*(name for name in frame if name not in FIGURES), *FIGURES]]


def _named_pairs(material: Material) -> pd.DataFrame:
    pairs, ids = material.duplicates.pairs, material.frame["image_id"]
    one, two = ids.iloc[pairs["first"]].array, ids.iloc[pairs["second"]].array
    return pd.DataFrame({"first": one, "second": two, "correlation": pairs["correlation"].to_numpy()})


def _suspects(material: Material) -> pd.DataFrame:
    parts = [
        each.probes.suspects.assign(images=each.comparison.name)
        for each in material.compared
        if each.probes is not None and len(each.probes.suspects)
    ]
    empty = pd.DataFrame({name: [] for name in ("image_id", "label", "probability", "images")})
    return pd.concat(parts, ignore_index=True) if parts else empty
