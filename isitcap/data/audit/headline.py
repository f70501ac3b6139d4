"""The headline of a run with and without the images that have copies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.audit import SEVERITIES, Audit, AuditRow, AuditTable, Finding, Measure
from analysis.estimates import Undefined
from analysis.frames import Decisions, index_images, index_predictions
from analysis.intervals import CrossedInterval
from analysis.places import Place, places_of
from analysis.quantities import Quantity
from analysis.summary import TestSetCard
from isitcap.data.audit.duplicates import Kind
from isitcap.data.audit.judging import verdict
from isitcap.data.audit.material import Material
from isitcap.data.audit.measures import WORDS
from isitcap.data.audit.running import DUPLICATES
from isitcap.errors import UserError
from isitcap.findings import Finished
from isitcap.models.variants import VARIANTS
from isitcap.records.reader import constant, read_frame, united
from isitcap.study.models import IN_SAMPLE_SET

SECTION = ("headline", "The headline with and without copies")
QUOTED: tuple[Quantity, ...] = ("accuracy", "balanced_accuracy", "recall", "specificity")
KINDS: tuple[Kind, ...] = ("bytes", "near")

PRINTED = 0.001
"""A tenth of a point, one step of the last digit that reports print: a smaller change of a share is a note."""

Dropped = Mapping[Kind, frozenset[str]]
"""Kind of copies → ids of the images that go."""

Outcome = CrossedInterval | Undefined


@dataclass(frozen=True)
class HeadlineRow:
    """A headline number of all images, and of those that are left without copies of each kind.

    `versus` names the variant that is subtracted. `left` and `n` are by kind.
    """

    quantity: Quantity
    variant: str
    versus: str | None
    test_set: str
    whole: Outcome
    left: Mapping[Kind, Outcome]


def dropped_images(duplicates: pd.DataFrame) -> Dropped:
    """Which images go: those of the test side with a copy on the training side, and all but the first of each group.

    Args:
        duplicates: An audit's `duplicates.parquet`, see `isitcap.data.audit.running.duplicate_rows`.
    """
    found: dict[Kind, frozenset[str]] = {}
    for kind in KINDS:
        gone = duplicates[f"test_copies_train_{kind}"] | duplicates[f"again_{kind}"]
        found[kind] = frozenset(duplicates["image_id"][gone])
    return found


def recorded_copies(run: Finished) -> Dropped:
    """As `dropped_images`, from the records alone: byte-identical images within each test set, and no others."""
    gone: set[str] = set()
    for card in run.manifest["test_sets"]:
        index = read_frame(run.directory.images(card["name"]))
        gone |= set(index["image_id"][index["sha256"].astype(str).duplicated()])
    return {"bytes": frozenset(gone)}


def read_dropped(folder: Path) -> Dropped:
    """As `dropped_images`, of an audit on the disk.

    Raises:
        UserError: it has no such table.
    """
    path = folder / DUPLICATES
    if not path.is_file():
        raise UserError(f"{path}: missing; make the audit with `isitcap data audit STUDY --out {folder}`")
    return dropped_images(read_frame(path))


def headline(run: Finished, dropped: Dropped) -> list[HeadlineRow]:
    """The headline of a run, each variant along its own path, of all images and without those that are dropped.

    Metrics with their crossed intervals, then the differences to the study's baseline, paired by seed and image, as
    `analysis.build_summary` has them; validation images are left out.

    Raises:
        UserError: a record is missing or damaged.
        analysis.errors.InputError: the records do not belong together.
    """
    cards = [card for card in run.manifest["test_sets"] if card["role"] != "validation"]
    names = [card["name"] for card in cards]
    table = index_images(
        united(
            frame.assign(test_set=constant(name, len(frame)))
            for name in names
            for frame in [read_frame(run.directory.images(name))]
        )
    )
    variants, seeds = run.study.variants, run.study.seeds
    index = index_predictions(united(_own(run, names)), table, variants=variants, seeds=seeds)
    confidence = run.study.analysis.confidence
    rows: list[HeadlineRow] = []
    for card in cards:
        name = card["name"]
        whole: dict[str, Place] = {}
        left: dict[str, dict[Kind, Place]] = {}
        for variant in variants:
            decisions = index.decisions(variant, VARIANTS[variant].path.name, name)
            shown = TestSetCard(
                name=name, role=card["role"], n_real=0, n_synthetic=0, pipeline=card["pipeline"], sources=()
            )
            whole[variant] = _place(decisions, shown)
            left[variant] = {kind: _place(_without(decisions, gone), shown) for kind, gone in dropped.items()}
        for quantity in QUOTED:
            for variant in variants:
                kept = {kind: place.interval(quantity, confidence) for kind, place in left[variant].items()}
                rows.append(
                    HeadlineRow(quantity, variant, None, name, whole[variant].interval(quantity, confidence), kept)
                )
        for quantity in QUOTED[:2]:
            for variant in variants[1:]:
                base = variants[0]
                kept = {
                    kind: place.contrast(left[base][kind], quantity, confidence)
                    for kind, place in left[variant].items()
                }
                difference = whole[variant].contrast(whole[base], quantity, confidence)
                rows.append(HeadlineRow(quantity, variant, base, name, difference, kept))
    return rows


def headline_table(rows: list[HeadlineRow], dropped: Dropped) -> AuditTable:
    """The headline as a table of the audit: all images, and then without copies."""
    kinds = list(dropped)
    seeds = max((row.whole.n_seeds for row in rows), default=0)
    body = []
    for row in rows:
        who = row.variant if row.versus is None else f"{row.variant} − {row.versus}"
        name = f"headline/{row.quantity}/{who.replace(' − ', '-vs-')}/{row.test_set}"
        cells: list[Measure | str] = [_measure(f"{name}/all", row.whole)]
        cells += [_measure(f"{name}/{kind}", row.left[kind]) for kind in kinds]
        counts = [row.whole.n_images, *(row.left[kind].n_images for kind in kinds)]
        body.append(
            AuditRow(
                heads=(f"{row.test_set}: {row.quantity.replace('_', ' ')}", who),
                cells=(*cells, " / ".join(f"{count:,}" for count in counts)),
            )
        )
    return AuditTable(
        id="table-headline",
        section=SECTION[0],
        title="Each variant through its own path, of all test images and without copies",
        row_header=("test set", "variant"),
        header=("all images", *(f"without {WORDS[kind]}" for kind in kinds), "images"),
        rows=tuple(body),
        caption=f"n = {seeds} seed{'' if seeds == 1 else 's'}; the images are counted in the last column. Crossed "
        "intervals over seeds and images; differences are paired by both. Left out: images of the test side with a "
        "copy on the training side, whether the study draws that copy or not, and all but the first of each group of "
        "copies on one side. Nearly identical ones include byte-identical ones.",
    )


def headline_sentence(table: AuditTable) -> str:
    """The largest change of any in-sample and of any out-of-sample number without copies; empty of no rows."""
    changes = list(_changes(table))
    parts = []
    for where in ("in-sample", "out-of-sample"):
        found = [change for change in changes if change is not None and change.where == where]
        if found:
            most = max(found, key=lambda change: abs(change.by))
            parts.append(f"{abs(most.by) * 100:.2f} points {where} ({most.says})")
    if not parts:
        return ""
    undefined = sum(change is None for change in changes)
    rest = f" {undefined:,} comparison{' is' if undefined == 1 else 's are'} not defined." if undefined else ""
    return f"Without copies the largest change of a result is {' and '.join(parts)}.{rest}"


def with_headline(audit: Audit, table: AuditTable, material: Material) -> Audit:
    """The audit of a run's images, led by its headline with and without copies.

    What the split leaves is a note where no in-sample number changes by a digit that is printed.
    """
    changes = [change for change in _changes(table) if change is not None and change.where == "in-sample"]
    most = max((abs(change.by) for change in changes), default=None)
    findings = tuple(sorted((_weighed(f, most) for f in audit.findings), key=lambda f: SEVERITIES.index(f.severity)))
    lead = headline_sentence(table)
    return audit.model_copy(
        update={
            "verdict": (*((lead,) if lead else ()), *verdict(material, findings)),
            "findings": findings,
            "sections": (SECTION, *audit.sections),
            "tables": (table, *audit.tables),
        }
    )


def _weighed(finding: Finding, most: float | None) -> Finding:
    if finding.check != "duplicates-after-split" or most is None:
        return finding
    says = f"{finding.says} Without copies the largest change of an in-sample result is {most * 100:.2f} points."
    severity = "note" if most < PRINTED else finding.severity
    return finding.model_copy(update={"says": says, "severity": severity, "remedy": "See the headline without copies."})


@dataclass(frozen=True)
class _Change:
    """By how much a number changes without copies; `says` is which number, and how it was and is."""

    where: str
    by: float
    says: str


def _changes(table: AuditTable) -> Iterator[_Change | None]:
    """The change of each number of the table by each kind of copies; None where one of the two is not defined."""
    for row in table.rows:
        test_set, quantity = row.heads[0].rsplit(": ", 1)
        # A corrupted set is named after the one that it is of.
        where = "in-sample" if test_set.split("~")[0] == IN_SAMPLE_SET else "out-of-sample"
        unit = "points" if " − " in row.heads[1] else "%"
        whole, *left = (cell for cell in row.cells if isinstance(cell, Measure))
        for name, kept in zip(table.header[1:], left, strict=False):
            if whole.value is None or kept.value is None:
                yield None
                continue
            on = "" if test_set == IN_SAMPLE_SET else f" on {test_set}"
            numbers = f"{_hundredfold(whole.value)} {unit} of all images, {_hundredfold(kept.value)} {unit} {name} ones"
            yield _Change(where, kept.value - whole.value, f"{quantity} of {row.heads[1]}{on}: {numbers}")


def _hundredfold(share: float) -> str:
    return f"{100 * share:.2f}".replace("-", "−")


def headline_text(table: AuditTable) -> str:
    """The largest changes in a sentence, then the table as lines of plain text."""
    head = [*table.row_header, *table.header]
    lines = [[*row.heads, *(_shown(cell) for cell in row.cells)] for row in table.rows]
    widths = [max(len(line[column]) for line in [head, *lines]) for column in range(len(head))]
    body = "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in [head, *lines]
    )
    return "\n".join(text for text in (headline_sentence(table), body) if text)


def _own(run: Finished, names: list[str]) -> Iterator[pd.DataFrame]:
    for variant in run.study.variants:
        for seed in run.study.seeds:
            frame = read_frame(run.directory.run(variant, seed) / "predictions.parquet")
            own = frame[(frame["path"] == VARIANTS[variant].path.name) & frame["test_set"].isin(names)]
            own = own.astype({"test_set": "category", "path": "category", "image_id": "category"})
            yield own.assign(variant=constant(variant, len(own)), seed=np.int64(seed))


def _place(decisions: Decisions, card: TestSetCard) -> Place:
    return next(places_of(decisions, card, QUOTED))


def _without(decisions: Decisions, gone: frozenset[str]) -> Decisions:
    kept: npt.NDArray[np.bool_] = ~np.isin(decisions.image_ids.astype(str), np.array(sorted(gone), dtype=str))
    return replace(
        decisions,
        logits=decisions.logits[:, kept],
        labels=decisions.labels[kept],
        sources=decisions.sources[kept],
        image_ids=decisions.image_ids[kept],
    )


def _measure(measure_id: str, outcome: Outcome) -> Measure:
    if isinstance(outcome, Undefined):
        return Measure(id=measure_id, kind="share", value=None, n=outcome.n_images, reason=outcome.reason)
    return Measure(
        id=measure_id,
        kind="share",
        value=outcome.estimate,
        low=outcome.low,
        high=outcome.high,
        n=outcome.n_images,
        reason=outcome.reason,
    )


def _shown(cell: Measure | str) -> str:
    if isinstance(cell, str):
        return cell
    if cell.value is None:
        return f"– ({cell.reason})"
    if cell.low is None or cell.high is None:
        return f"{cell.value:.2%}"
    return f"{cell.value:.2%} [{cell.low:.2%}, {cell.high:.2%}]"
