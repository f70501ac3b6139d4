"""What changed since records were made, in words: identities hold hashes, a reader wants the key or the source."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from isitcap.data.assemble import StudyData
from isitcap.errors import UserError
from isitcap.records.directory import ABSENT, Change, RunDirectory, parse_map_name, short
from isitcap.study.load import parse_study
from isitcap.study.models import IN_SAMPLE_SET, Model, Study

INHERITED = ("its autoencoder changed", "its classifier changed", "its control changed")
"""Changes whose cause is told with the stage that they come from."""

ENVIRONMENT = {"threads": "CPU threads", "device": "device", "autocast": "number type in training"}
SETTINGS_OF_MAPS = ("steps", "samples", "noise", "window", "stride", "store", "autocast")
SPLIT = ("sources", "train", "validation", "test", "seed")
DECLARED = ("kind", "label", "labels", "limit", "reencode", "groups")
"""What a source declares that bears on its images."""


class Words:
    """Puts changes of identities into words, with the study and manifest that a run directory was made with.

    Args:
        study: as it is now.
        data: its images.
        directory: holds what was made.
    """

    def __init__(self, study: Study, data: StudyData, directory: RunDirectory) -> None:
        self._study = study
        self._data = data
        self._earlier = earlier_study(directory)
        self._packs = _recorded_packs(directory)

    def tell(self, stage: str, changes: Iterable[Change], rows: tuple[int, int] | None = None) -> list[str]:
        """Each change once, in words.

        Args:
            stage: the stage's name.
            changes: as `Stage.changed` found them.
            rows: for maps, of how many images they were and are to be.
        """
        told = [word for change in changes for word in self._words(stage, change, rows)]
        return list(dict.fromkeys(told))

    def _words(self, stage: str, change: Change, rows: tuple[int, int] | None) -> Sequence[str]:
        head, _, rest = change.key.partition(".")
        move = f"{short(change.old)} → {short(change.new)}"
        match head:
            case "code":
                return (f"version of the code that bears on results {move}",)
            case "train" | "validation":
                return self._training_images()
            case "image_size":
                return (f"image.size {move}",)
            case "study_seed":
                return (f"split.seed {move}",)
            case "environment":
                return (f"{ENVIRONMENT.get(rest, rest)} {move}",)
            case "autoencoder" | "classifier" | "control" if not rest:
                return (f"its {head} changed",)
            case "autoencoder" | "classifier" | "augmentation":
                return (f"{change.key} {move}",)
            case "controls":
                return _coming_or_going(change, f"path `{rest}`", (f"control `{rest}` changed",))
            case "test_sets":
                return _coming_or_going(change, f"test set `{rest}`", self._test_images(rest))
            case "control_sets":
                return _coming_or_going(change, f"control set `{rest}`", (f"control set `{rest}` changed",))
            case "groups":
                return ("groups of images changed",)
            case "control_sets":
                return _coming_or_going(change, f"control set `{rest}`", (f"images of control set `{rest}` changed",))
            case "groups":
                return (f"groups of test set `{stage}` changed",)
            case "images" | "content":
                parsed = parse_map_name(stage)
                return self._test_images(stage if parsed is None else parsed[0])
            case "rows" if rows is not None and rows[0] != rows[1]:
                return (f"images of a test set {rows[0]} → {rows[1]}",)
            case "rows":
                return ("other images drawn",)
            case "background":
                return ("images that baselines are drawn from changed",)
        if head in SETTINGS_OF_MAPS:
            return (f"attribution.{head} {move}",)
        hashes = all(isinstance(value, str) and len(value) == 64 for value in (change.old, change.new))
        return (f"{change.key} changed" if hashes else f"{change.key} {move}",)

    def _training_images(self) -> list[str]:
        """Why the images of the split are others."""
        if self._earlier is None:
            return ["training images changed"]
        found = _settings(self._earlier.split, self._study.split, "split", SPLIT)
        found += self._pixels()
        found += self._sources(self._study.split.sources)
        return found or ["training images changed"]

    def _test_images(self, test_set: str) -> list[str]:
        """Why the images of a test set are others; its name is that of the records, with the pipeline behind."""
        name = test_set.partition("@")[0]
        if name in ("validation", IN_SAMPLE_SET):
            return self._training_images()
        declared = {each.name: each for each in self._study.test_sets}.get(name)
        if self._earlier is None or declared is None:
            return [f"images of test set `{test_set}` changed"]
        before = {each.name: each for each in self._earlier.test_sets}.get(name)
        found = [] if before is None else _settings(before, declared, f"test_sets.{name}", ("real", "fake"))
        found += self._pixels()
        found += self._sources((*declared.real, *declared.fake))
        return found or [f"images of test set `{test_set}` changed"]

    def _pixels(self) -> list[str]:
        assert self._earlier is not None
        return _settings(self._earlier.image, self._study.image, "image", ("size", "kernel", "reencode"))

    def _sources(self, names: Iterable[str]) -> list[str]:
        """Which of the sources declare or hold something else than they did."""
        assert self._earlier is not None
        now, found = dict(self._data.packs), []
        for name in names:
            before = self._earlier.sources.get(name)
            declared = [] if before is None else _settings(before, self._study.sources[name], "", DECLARED)
            if declared:
                found += [f"sources.{name}.{one}" for one in declared]
                continue
            packs = [pack for pack in now if pack.partition("@")[0] == name and pack in self._packs]
            if any(self._packs[pack] != now[pack] for pack in packs):
                found.append(f"data of source `{name}` changed")
        return found


def earlier_study(directory: RunDirectory) -> Study | None:
    """The study that a run directory was last made with; none where there is none, or none that can be read."""
    try:
        return parse_study(directory.study.read_text("utf-8"), str(directory.study))
    except (OSError, UserError, UnicodeDecodeError):
        return None


def _recorded_packs(directory: RunDirectory) -> dict[str, str]:
    try:
        return dict(json.loads(directory.manifest.read_text("utf-8"))["packs"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _coming_or_going(change: Change, what: str, otherwise: Sequence[str]) -> Sequence[str]:
    if change.old == ABSENT:
        return (f"{what} is new",)
    return (f"{what} is left out",) if change.new == ABSENT else otherwise


def _settings(old: Model, new: Model, prefix: str, keys: Iterable[str]) -> list[str]:
    """Settings that differ between two models of a kind, as `key old → new`."""
    found = []
    for key in keys:
        before, after = getattr(old, key), getattr(new, key)
        if before != after:
            name = f"{prefix}.{key}" if prefix else key
            simple = not isinstance(before, Mapping | tuple) and not isinstance(after, Mapping | tuple)
            found.append(f"{name} {_shown(before)} → {_shown(after)}" if simple else f"{name} changed")
    return sorted(found)


def _shown(value: Any) -> str:
    return "none" if value is None else str(value)
