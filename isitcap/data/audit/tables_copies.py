"""The tables of an audit about copies."""

from __future__ import annotations

import numpy as np

from analysis.audit import AuditRow, AuditTable, Measure
from isitcap.data.audit.duplicates import Kind, relations
from isitcap.data.audit.material import Material
from isitcap.data.audit.measures import SHOWN, WORDS


def copies_table(material: Material) -> AuditTable:
    """Copies inside and between the parts of the data."""
    rows = []
    size = np.bincount(material.cell, minlength=len(material.cells))
    for kind in ("bytes", "near"):
        for found in relations(material.groups(kind), material.cell):
            one, two = material.cells[found.first], material.cells[found.second]
            where = f"inside {one}" if one == two else f"{one} ↔ {two}"
            name = f"duplicates/{kind}/{one}/{two}"
            n = int(size[found.second])
            rows.append(
                AuditRow(
                    heads=(WORDS[kind], where),
                    cells=(
                        Measure(id=f"{name}/pairs", kind="count", value=found.pairs, n=n),
                        Measure(id=f"{name}/images", kind="count", value=found.images, n=n),
                        Measure(id=f"{name}/share", kind="share", value=found.images / n, n=n),
                    ),
                )
            )
    distinct = int(material.groups("bytes").max(initial=-1)) + 1
    pairs, near = (_pairs(material, kind) for kind in ("bytes", "near"))
    largest = int(np.bincount(material.groups("near"), minlength=1).max())
    return AuditTable(
        id="table-duplicates",
        section="duplicates",
        title="Copies inside and between the parts of the data",
        row_header=("kind", "where"),
        header=("pairs", "images", "share"),
        rows=tuple(rows),
        caption=f"{len(material.images):,} images are {distinct:,} distinct files ({pairs:,} byte-identical pairs). "
        "Images: those of the part named last with a copy in the other, or those beyond the first of each group of "
        "copies. Nearly identical images have perceptual hashes that differ in at most 6 of 64 bits and thumbnails "
        f"that correlate by 0.97 or more, directly or through others; byte-identical ones are among them ({near:,} "
        f"pairs: {pairs:,} byte-identical, {near - pairs:,} not). The largest group has {largest:,} images.",
    )


def pairs_table(material: Material) -> AuditTable:
    """Some nearly identical pairs."""
    pairs = material.duplicates.pairs
    one, two = pairs["first"].to_numpy(), pairs["second"].to_numpy()
    # What lies between two parts or labels first, then the surest.
    between = material.cell[one] != material.cell[two]
    order = np.lexsort((-pairs["correlation"].to_numpy(), ~between))[:SHOWN]
    ids = material.frame["image_id"]
    rows = [
        AuditRow(
            heads=(ids[one[k]],),
            cells=(
                ids[two[k]],
                Measure(id=f"pair/{k}", kind="plain", value=float(pairs["correlation"].iloc[k]), n=2),
            ),
        )
        for k in order
    ]
    more = " There are more than are kept." if material.duplicates.cut else ""
    others = _pairs(material, "near") - _pairs(material, "bytes") - len(pairs)
    if others and not material.duplicates.cut:
        more = (
            f" {others:,} more pairs that are not byte-identical are counted above as nearly identical, but are so "
            "through others (a copy of a copy, or two files of equal thumbnails) and not listed."
        )
    return AuditTable(
        id="table-pairs",
        section="duplicates",
        title="Some nearly identical pairs",
        row_header=("image",),
        header=("its copy", "correlation"),
        rows=tuple(rows),
        caption=f"The first {len(rows)} of {len(pairs):,} pairs, those between parts or labels first. All are in "
        f"pairs.csv.{more}",
    )


def _pairs(material: Material, kind: Kind) -> int:
    """All pairs of a kind, wherever they stand."""
    size = np.bincount(material.groups(kind), minlength=1)
    return int((size * (size - 1) // 2).sum())
