"""Whether `results.json` is of the records that lie beside it: it comes with a file that says what it was made from."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping

from isitcap.records.atomic import sha256, write_json
from isitcap.records.directory import SCHEMA_VERSION, RunDirectory, damage
from isitcap.study.models import Study

MAPS = ("/maps/", "/faithfulness/")
"""In the names of stages that `isitcap explain` makes."""


def stage_hashes(directory: RunDirectory, study: Study) -> dict[str, str]:
    """SHA-256 of the mark of every stage of the study's runs, by its place in the run directory."""
    folders = [directory.root / "images"]
    folders += [directory.autoencoder(seed) for seed in study.seeds]
    folders += [directory.run(variant, seed) for variant in study.variants for seed in study.seeds]
    marks = (mark for folder in folders for mark in sorted(folder.rglob("*.done.json")))
    return {mark.relative_to(directory.root).as_posix(): sha256(mark) for mark in marks}


def vouch(directory: RunDirectory, stages: Mapping[str, str]) -> None:
    """Write beside `results.json` what it was computed from: `stages` as they were before it was, and the study."""
    write_json(
        directory.results_mark,
        {
            "schema_version": SCHEMA_VERSION,
            "results": sha256(directory.results),
            "study": sha256(directory.study),
            "stages": dict(stages),
        },
    )


def stale(directory: RunDirectory, study: Study) -> str | None:
    """Why `results.json` may not be of the records as they are, in one line without the remedy; `None` if it is."""
    return stale_since(directory, lambda: stage_hashes(directory, study))


def stale_since(directory: RunDirectory, stages: Callable[[], Mapping[str, str]]) -> str | None:
    """As `stale`, of results that were computed from other stages than those of one study."""
    try:
        made_from = json.loads(directory.results_mark.read_text("utf-8"))
        before, results, of_study = dict(made_from["stages"]), made_from["results"], made_from["study"]
    except FileNotFoundError:
        return "results.json does not say which records it is of"
    except (OSError, ValueError, KeyError, TypeError):
        return f"{directory.results_mark.name} is damaged, which says which records results.json is of"
    if results != sha256(directory.results):
        return "results.json is not the one that was computed from the records"
    now = stages()
    differing = {
        "new": [name for name in now if name not in before],
        "changed": [name for name in now if name in before and now[name] != before[name]],
        "gone": [name for name in before if name not in now],
    }
    names = [name for kind in differing.values() for name in kind]
    if names:
        counts = ", ".join(f"{len(kind)} {word}" for word, kind in differing.items() if kind)
        what = "maps" if all(any(part in name for part in MAPS) for name in names) else "records"
        first = names[0].removesuffix(".done.json")
        return f"results.json is older than the {what} (stages: {counts}; {first} is the first)"
    if of_study != sha256(directory.study):
        return "results.json is older than study.toml"
    return None


def damaged(directory: RunDirectory, names: Iterable[str]) -> list[str]:
    """Each of the stages (as of `stage_hashes`) whose files are not those that its mark vouches for, and why."""
    found = ((name, damage(directory.root / name)) for name in names)
    return [f"{name.rpartition('/')[0]}: {reason}" for name, reason in found if reason is not None]
