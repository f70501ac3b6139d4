"""The operating characteristics of the intervals and tests: how often they were right in simulated studies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import resources

import pandas as pd

from analysis.operating import operating_characteristics, operating_facts, weak_cells
from analysis.reporting.blocks import Block, Cell, Paragraph, Row, Table
from analysis.reporting.quantities import quantity, value

PROCEDURES: Mapping[str, str] = {
    "quoted": "quoted",
    "crossed": "crossed alone",
    "multi_bootstrap": "multi-bootstrap",
    "seed_t": "seed t",
    "images_only": "images only",
    "quoted_t": "quoted t",
    "crossed_t": "crossed t alone",
    "tost": "TOST",
    "sign_flip": "sign-flip",
    "unadjusted": "unadjusted",
    "holm": "Holm",
}
"""Procedure → how it is called, in the order of columns."""

NOMINAL_DISTANCE = 0.25
"""Shading: a coverage this far from the nominal one is darkest."""


NAMED = 5
"""So many designs of one procedure and reason are named, the worst first."""


def committed() -> pd.DataFrame | None:
    """The table that travels with the package; `None` where a build has none."""
    if not (resources.files("analysis") / "operating_characteristics.csv").is_file():
        return None
    return operating_characteristics()


def committed_facts() -> tuple[tuple[str, str], ...]:
    """How the table that travels with the package was made, as pairs to print."""
    facts = operating_facts()
    pairs = [("Made with", facts["command"]), ("Model", facts["model"])]
    pairs += [(f"Repetitions, {where}", f"{count:,}") for where, count in facts["repetitions"].items()]
    pairs.append(("Versions", ", ".join(f"{name} {version}" for name, version in facts["versions"].items())))
    return tuple((str(label), str(text)) for label, text in pairs)


def operating_blocks(frame: pd.DataFrame | None) -> Iterable[Block]:
    """Coverage and size of every procedure in every design, and the weak cells by name; nothing without a table."""
    if frame is None or frame.empty:
        return
    weak = weak_cells(frame)
    yield _table(
        frame,
        weak,
        ("coverage",),
        "table-coverage",
        "Coverage of nominal 95 % intervals",
        "How often, in %, an interval held the true difference. 95 is right; below, it promises too much, above, it is "
        "wider than need be. Empty: not simulated.",
    )
    errors = frame[frame["measure"].isin(("size", "family-wise error"))]
    if len(errors):
        yield _table(
            errors,
            weak,
            ("size", "family-wise error"),
            "table-size",
            "Size of nominal 5 % tests",
            "How often, in %, a test rejected what was true: zero, for TOST a difference of its margin. "
            "5 is right; above, it promises too much. Empty: not simulated.",
        )
    binding = weak[weak["binding"].astype(bool)]
    bound = "no quoted procedure leaves its bounds with five seeds or more"
    lead = (
        f"{len(binding)} of them are of procedures that verdicts rest on, with five seeds or more"
        if len(binding)
        else bound
    )
    yield Paragraph((f"Cells outside the bounds (coverage 93–97 %, size up to 7 %): {len(weak)}; {lead}.",))
    if len(weak):
        yield _weak(weak)


def _table(
    frame: pd.DataFrame, weak: pd.DataFrame, measures: tuple[str, ...], table_id: str, title: str, says: str
) -> Table:
    part = frame[frame["measure"].isin(measures)]
    # Accuracy of two variants first, then by seeds and images.
    order = part.assign(other=part["quantity"] != "accuracy").sort_values(
        ["variants", "other", "quantity", "seeds", "images"], kind="stable"
    )
    present = set(part["procedure"])
    procedures = [name for name in PROCEDURES if name in present] + sorted(present - set(PROCEDURES))
    marked = set(zip(weak["design"], weak["procedure"], weak["measure"], strict=True))
    groups: dict[str, list[pd.Series]] = {}
    for _, row in order.iterrows():
        groups.setdefault(_design(row, truth=False), []).append(row)
    rows = [
        Row((name,), tuple(_cell([r for r in group if r["procedure"] == each], marked) for each in procedures))
        for name, group in groups.items()
    ]
    repeated = sorted({int(n) for n in part["repetitions"]})
    most = f"{repeated[0]:,}" if len(repeated) == 1 else f"{repeated[0]:,}–{repeated[-1]:,}"
    caption = (
        f"{says} A row is a simulated design: seeds × images; sc, sb, st: standard deviations of true seed effects, of "
        "what a variant makes of an image, and of thresholds, in units of the residual; each cell is the worst over "
        f"the true differences tried. Framed: outside the bounds. n = {most} simulated studies a cell; no intervals."
    )
    return Table(
        table_id, title, ("design",), tuple(PROCEDURES.get(name, name) for name in procedures), tuple(rows), (caption,)
    )


def _cell(rows: list[pd.Series], marked: set[tuple[str, str, str]]) -> Cell:
    """The worst of the rows: the one farthest from what it should be, of errors the most frequent."""
    if not rows:
        return Cell("", count=True)
    too_often = rows[0]["measure"] != "coverage"
    off = [float(row["value"]) - float(row["nominal"]) for row in rows]
    row = rows[max(range(len(rows)), key=lambda position: off[position] if too_often else abs(off[position]))]
    shown = value(f"operating/{row['design']}/{row['procedure']}/{row['measure']}", float(row["value"]), "percent")
    bad = (row["design"], row["procedure"], row["measure"]) in marked
    shade = min(1.0, abs(float(row["value"]) - float(row["nominal"])) / NOMINAL_DISTANCE)
    return Cell(shown, shade=shade, strong=bad)


def _design(row: pd.Series, *, truth: bool = True) -> str:
    parts = [f"{row['seeds']} × {row['images']:,}"]
    if row["quantity"] != "accuracy":
        parts.append(quantity(str(row["quantity"])).label)
    if row["variants"] > 2:
        parts.append(f"{row['variants']} variants")
    for label, column in (("sc", "seed_sd"), ("sb", "image_sd"), ("st", "threshold_sd"), ("tilt", "tilt")):
        if row[column]:
            parts.append(f"{label} {row[column]:g}")
    if truth and abs(row["truth"]) > 1e-9:
        parts.append(f"Δ {row['truth']:.3f}")
    return ", ".join(parts)


def _weak(weak: pd.DataFrame) -> Table:
    """One row for each procedure and reason, with the designs that it names."""
    rows = []
    for (procedure, reason), group in weak.groupby(["procedure", "reason"], sort=False):
        ordered = group.sort_values("value", kind="stable")
        shown = [
            value(f"operating/{row['design']}/{procedure}/{row['measure']}", float(row["value"]), "percent")
            for row in (ordered.iloc[0], ordered.iloc[-1])
        ]
        off = group.assign(off=(group["value"] - group["nominal"]).abs())
        farthest = off.sort_values("off", ascending=False, kind="stable")
        designs = list(dict.fromkeys(_design(row) for _, row in farthest.iterrows()))
        named = (
            designs
            if len(designs) <= NAMED
            else [*designs[: NAMED - 1], f"{len(designs) - NAMED + 1} more, framed above"]
        )
        rows.append(
            Row(
                (PROCEDURES.get(str(procedure), str(procedure)),),
                (
                    *(Cell(each) for each in shown),
                    Cell("yes" if group["binding"].any() else "no"),
                    Cell(str(reason)),
                    Cell("; ".join(named)),
                ),
            )
        )
    caption = (
        "Every cell outside the bounds, by procedure and reason. Binding: verdicts rest on the procedure, and one of "
        "the designs has five seeds or more."
    )
    return Table(
        "table-weak",
        "Weak cells",
        ("procedure",),
        ("lowest, %", "highest, %", "binding", "why", "designs, worst first"),
        tuple(rows),
        (caption,),
    )
