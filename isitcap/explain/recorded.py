"""What the maps in a run directory cover, so that a study that asks for less keeps them.

`isitcap explain` makes more maps than the study asked for; running the study again must not make them over for fewer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from isitcap.explain.stages import WIDE
from isitcap.explain.states import UNTRAINED
from isitcap.records.directory import TRAINED, RunDirectory, parse_map_name
from isitcap.study.models import Attribution, MethodName, StateName, Study


@dataclass
class Recorded:
    """What the recorded maps of a study's runs cover."""

    methods: set[str] = field(default_factory=set)
    points: set[str] = field(default_factory=set)
    states: set[str] = field(default_factory=set)
    faithfulness: bool = False
    images: int = 0
    """The most images of a test set of which there is what is made of the whole sample."""
    detail_images: int = 0
    """The same for what is made of the first images alone."""
    detail_seeds: set[int] = field(default_factory=set)
    store: int = 0


def recorded(study: Study, directory: RunDirectory) -> Recorded:
    """What the finished maps of the study's variants and seeds cover; a damaged mark or table covers nothing."""
    found = Recorded()
    for seed in study.seeds:
        for variant in study.variants:
            for mark, identity in _marks(directory.run(variant, seed) / "maps"):
                _add(found, seed, mark, identity, faithfulness=False)
            for mark, identity in _marks(directory.faithfulness(variant, seed)):
                _add(found, seed, mark, identity, faithfulness=True)
    return found


def with_recorded(study: Study, directory: RunDirectory) -> tuple[Study, tuple[str, ...]]:
    """The study, asking for whatever more the recorded maps cover, and that in words; the same study if nothing."""
    found, now = recorded(study, directory), study.attribution
    first = 0  # seeds without a gap from the first: a wider setting must not ask for more than there is
    while first < len(study.seeds) and study.seeds[first] in found.detail_seeds:
        first += 1
    wider = {
        "methods": (*now.methods, *(name for name in get_args(MethodName) if name in found.methods - set(now.methods))),
        "points": (*now.points, *sorted(found.points - set(now.points))),
        "states": (*now.states, *(name for name in get_args(StateName) if name in found.states - set(now.states))),
        "faithfulness": now.faithfulness or found.faithfulness,
        "images": max(now.images, found.images),
        "detail_images": max(now.detail_images, found.detail_images),
        "detail_seeds": max(now.detail_seeds, first),
        "store": max(now.store, found.store),
    }
    words = tuple(_words(now, wider))
    if not words:
        return study, ()
    data = study.model_dump(exclude_none=True)
    data["attribution"] |= wider
    try:
        return Study.model_validate(data), words
    except ValidationError:  # maps of a method that this study's images do not allow, such as too large a window
        return study, ()


def _marks(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    for mark in sorted(folder.glob("*.done.json")):
        try:
            yield mark, dict(json.loads(mark.read_text("utf-8"))["identity"])
        except (ValueError, KeyError, TypeError):
            continue


def _add(found: Recorded, seed: int, mark: Path, identity: dict[str, Any], *, faithfulness: bool) -> None:
    stem = mark.name.removesuffix(".done.json")
    parsed = parse_map_name(stem)
    try:
        rows = pq.read_metadata(mark.with_name(f"{stem}.parquet")).num_rows
    except (OSError, pa.ArrowException):
        parsed = None
    if parsed is None:
        return
    _, method, point, state = parsed
    found.points.add(point)
    if faithfulness:
        found.faithfulness = True
    elif state == TRAINED:
        found.methods.add(method)
    else:
        found.states.add(state.partition("-")[0])
    found.store = max(found.store, int(identity.get("store", 0)))
    if not faithfulness and (method in WIDE if state == TRAINED else state == UNTRAINED):
        found.images = max(found.images, rows)
    else:
        found.detail_images = max(found.detail_images, rows)
        found.detail_seeds.add(seed)


def _words(now: Attribution, wider: dict[str, Any]) -> Iterator[str]:
    for key, value in wider.items():
        asked = getattr(now, key)
        if value == asked:
            continue
        if isinstance(value, tuple):
            yield f"{key}: also {', '.join(name for name in value if name not in asked)}"
        elif isinstance(value, bool):
            yield key
        else:
            yield f"{key}: {value} instead of {asked}"
