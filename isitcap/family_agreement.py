"""Whether a mixture's records are of the diversity study that it is analysed with: a study changed half way is not one.

A run of the program that makes mixtures over with other settings and is stopped leaves some as they were, and within
one some runs; each of them is a finished record.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from isitcap.errors import UserError
from isitcap.records.atomic import digest
from isitcap.records.directory import ABSENT, Change, RunDirectory, Stage, differences, short
from isitcap.study.family import Family, Mixture, told_by_family
from isitcap.study.models import Study

MAY_DIFFER = frozenset(
    (
        "schema_version",
        "name",
        "title",
        "question",
        "demo",
        "notes",
        "seeds",  # a mixture may have more of them
        "variants",
        "tested_through",  # as may the paths: those that are wanting are told when decisions are read
        "attribution",
        "analysis",
        "output",
        "controls",
        "robustness",
        "claims",
    )
)
"""What a mixture's own study may say otherwise: no decision along a variant's own path depends on it."""

OF_SOURCES = frozenset(("path", "description", "max_broken"))
"""The same of its sources: the images' hashes tell whether they are the same, wherever they lie."""


def refuse_unlike(directory: RunDirectory, made: Study, family: Family, mixture: Mixture) -> None:
    """Refuse a mixture whose records were not, or not all, made under the family's settings.

    Args:
        directory: the mixture's.
        made: the study that it was last made with.
        family: what it is analysed with.
        mixture: the same of the family.

    Raises:
        UserError: naming the mixture, the first setting or run, and both values.
    """
    wanting = (set(family.seeds) - set(made.seeds)) or (set(family.variants) - set(made.variants))
    if wanting:
        raise UserError(
            f"{directory.root}: has no runs of {', '.join(map(str, sorted(wanting, key=str)))}; "
            "finish them with `isitcap run`"
        )
    told = [_told(change) for change in differences(_settings(made), _settings(mixture.study))]
    told = list(dict.fromkeys(told)) or list(dict.fromkeys(_of_runs(directory, mixture.study)))
    if told:
        more = f" (and {len(told) - 1} more)" if len(told) > 1 else ""
        raise UserError(f"{directory.root}: {told[0]}{more}; finish with `isitcap run`")


def _settings(study: Study) -> dict[str, Any]:
    data = study.model_dump(mode="json", exclude=set(MAY_DIFFER))
    data["sources"] = {
        name: {key: value for key, value in source.items() if key not in OF_SOURCES}
        for name, source in data["sources"].items()
    }
    data["test_sets"] = {each["name"]: each for each in data["test_sets"]}
    return data


def _told(change: Change) -> str:
    key = told_by_family(change.key)
    if change.old == ABSENT:
        return f"{key} is not in it, the study has it"
    if change.new == ABSENT:
        return f"{key} is in it, the study does not have it"
    was, now = ("none" if value is None else short(value) for value in (change.old, change.new))
    return f"{key} = {was}, the study says {now}"


def _of_runs(directory: RunDirectory, study: Study) -> Iterator[str]:
    """What of the stages' marks is not as the study says, or not as in the first run.

    Only what a mark holds and the study knows is compared: records of an older version have less.
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
                    yield f"{where} has {_told(Change(key, change.old, change.new))}"
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
