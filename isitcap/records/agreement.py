"""Whether finished records are of one study: a run that makes them over and is stopped leaves some as they were."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isitcap.records.atomic import digest
from isitcap.records.directory import ABSENT, Change, RunDirectory, Stage, short

if TYPE_CHECKING:
    from isitcap.study.models import Study


def unlike_runs(directory: RunDirectory, study: Study, called: Callable[[str], str] = str) -> Iterator[str]:
    """What of the stages' marks is not as the study says, or not as in the first run; a line each.

    Only what a mark holds and the study knows is compared: records of an older version have less.

    Args:
        directory: the records.
        study: what they should be of.
        called: the names that the reader knows the study's keys by.
    """
    settings = {
        "classifier": study.classifier.model_dump(mode="json"),
        "autoencoder": study.autoencoder.model_dump(mode="json"),
        "augmentation": study.augmentation.model_dump(mode="json"),
        "image_size": study.image.size,
        "study_seed": study.split.seed,
    }
    keys = {"image_size": "image.size", "study_seed": "split.seed"}
    first: dict[tuple[str, str], tuple[str, Any]] = {}
    for seed in study.seeds:
        folders = [directory.autoencoder(seed), *(directory.run(variant, seed) for variant in study.variants)]
        for folder in folders:
            where = folder.relative_to(directory.root).as_posix()
            marks = {name: _identity(folder / f"{name}.done.json") for name in ("train", "predict")}
            for name, identity in marks.items():
                for change in Stage(folder, name, settings).changed():
                    nested = change.key.partition(".")[0] in ("classifier", "autoencoder") and "." not in change.key
                    if nested or ABSENT in (change.old, change.new):
                        continue  # of a mark that has none, or the digest of another stage alone
                    key = keys.get(change.key, change.key)
                    yield f"{where} has {told_change(Change(key, change.old, change.new), called)}"
                for part in ("train", "validation", "test_sets"):
                    if part not in identity:
                        continue
                    like, value = first.setdefault((name, part), (where, identity[part]))
                    if identity[part] != value:
                        what = "tested" if part == "test_sets" else "trained"
                        yield f"{where} was {what} on other images than {like}"
            of = marks["predict"].get("classifier")
            if of is not None and marks["train"] and of != digest(marks["train"]):
                yield f"{where} was trained again, and not tested since"


def _identity(mark: Path) -> dict[str, Any]:
    """The identity that a mark holds; nothing where there is none to be read."""
    try:
        return dict(json.loads(mark.read_text("utf-8"))["identity"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def told_change(change: Change, called: Callable[[str], str] = str) -> str:
    """What the records have of a key, and what the study says, in words."""
    key = called(change.key)
    if change.old == ABSENT:
        return f"{key} is not in it, the study has it"
    if change.new == ABSENT:
        return f"{key} is in it, the study does not have it"
    was, now = ("none" if value is None else short(value) for value in (change.old, change.new))
    return f"{key} = {was}, the study says {now}"
