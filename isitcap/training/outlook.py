"""What making a study's runs would do to a run directory, and why: nothing is made here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow.parquet as pq

from isitcap.records.directory import ABSENT, TRAINED, Stage
from isitcap.training.changes import INHERITED, Words
from isitcap.training.runs import Runs

MOST = 5
"""Reasons that are named; the rest are counted."""


@dataclass(frozen=True)
class Loss:
    """Finished runs that would be made again: how many trained, how many only tested, and what changed."""

    trained: int
    tested: int
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        parts = ((self.trained, "trained"), (self.tested, "tested"))
        counts = " and ".join(f"{count} {word} again" for count, word in parts if count)
        more = f" (and {len(self.reasons) - MOST} more)" if len(self.reasons) > MOST else ""
        runs = "finished run" if self.trained + self.tested == 1 else "finished runs"
        return (
            f"{self.trained + self.tested} {runs} would be lost ({counts}), since what bears on them is no longer the "
            f"same: {'; '.join(self.reasons[:MOST])}{more}"
        )


def explain(runs: Runs, *, hashed: bool = True) -> Iterator[tuple[str, str]]:
    """For each stage, its name and why it will be made, or `kept`; maps of a run, method and state have one line.

    Args:
        runs: whose stages.
        hashed: whether the files of all stages are read, as `Stage.why` does, or their sizes alone compared.
    """
    words = Words(runs.study, runs.data, runs.directory)
    for image_stage in runs.image_stages():
        stage = image_stage.stage
        yield f"{stage.folder.name} {stage.name}", _why(words, stage, hashed=hashed) or "kept"
    if runs.controls:
        yield "images of control sets", runs.controls.why(hashed=hashed) or "kept"
    for name, stage in runs.stages():
        yield name, _why(words, stage, hashed=hashed) or "kept"
    for key in (key for seed in runs.study.seeds for key in runs.keys(seed)):
        lines: dict[str, list[str | None]] = {}
        for one in runs.map_stages(key):
            what = f"{one.kind} {one.method}" + ("" if one.state == TRAINED else f" {one.state}")
            lines.setdefault(what, []).append(_why(words, one.stage, len(one.rows), hashed=hashed))
        for what, reasons in lines.items():
            again = [reason for reason in reasons if reason]
            yield (
                f"{key.variant} seed-{key.seed} {what}",
                f"{len(again)} of {len(reasons)}: {again[0]}" if again else "kept",
            )


def untrained(runs: Runs) -> tuple[str, str] | None:
    """The first stage of training or testing that is not done, and why; none if all are."""
    words = Words(runs.study, runs.data, runs.directory)
    found = ((name, _why(words, stage)) for name, stage in runs.stages())
    return next(((name, reason) for name, reason in found if reason is not None), None)


def loss(runs: Runs) -> Loss | None:
    """Which finished runs would be replaced by others, since something that bears on them has changed.

    What is unfinished, damaged or new (a seed, a variant, a test set) replaces nothing.
    """
    words = Words(runs.study, runs.data, runs.directory)
    told: list[str] = []
    trained = tested = 0
    for seed in runs.study.seeds:
        of_seed: list[str] = []
        for key in runs.keys(seed):
            train, test = runs.training_stage(key), runs.prediction_stage(key)
            replaced = tuple(change for change in test.changed() if change.old != ABSENT)
            trained += bool(train.changed())
            tested += bool(replaced and not train.changed())
            of_seed += words.tell(train.name, train.changed()) + words.tell(test.name, replaced)
        if of_seed:
            autoencoder = runs.autoencoder_stage(seed)
            told += words.tell(autoencoder.name, autoencoder.changed()) + of_seed
    if not told:
        return None
    reasons = tuple(dict.fromkeys(told))
    causes = tuple(reason for reason in reasons if reason not in INHERITED)
    return Loss(trained, tested, causes or reasons)


def _why(words: Words, stage: Stage, rows: int | None = None, *, hashed: bool = True) -> str | None:
    """Why a stage must be made, in words; `rows` is of how many images its maps are to be."""
    path = stage.folder / f"{stage.name}.parquet"
    counts = (pq.read_metadata(path).num_rows, rows) if rows is not None and path.exists() else None
    return stage.why(lambda changes: words.tell(stage.name, changes, counts), hashed=hashed)
