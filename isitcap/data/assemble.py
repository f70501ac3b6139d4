"""From a study and the places of its images to the sets that training and testing use, in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from isitcap.data.control_sets import ControlSet, control_sets, pipeline_name
from isitcap.data.demo import prepare_embedded
from isitcap.data.image_sets import INDEX_COLUMNS, ImageSet, SetRole, image_set
from isitcap.data.packs import Pack, prepare
from isitcap.data.splits import make_split
from isitcap.errors import UserError
from isitcap.study.models import Kernel, Study, TestSet

__all__ = ["INDEX_COLUMNS", "ImageSet", "PackKey", "SetRole", "StudyData", "assemble", "needed_packs", "prepare_pack"]

PackKey = tuple[str, Kernel, bool]
"""Source, kernel of the one resize, and whether each image then goes through one JPEG."""


@dataclass(frozen=True)
class StudyData:
    """All images of a study, and the content hash of every pack they came from."""

    train: ImageSet
    validation: ImageSet
    test_sets: tuple[ImageSet, ...]
    """Every set that predictions are recorded of: validation, in-sample test, out-of-sample."""
    packs: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    controls: tuple[ControlSet, ...] = ()
    """Test sets through other pipelines and after corruptions, made when asked for."""


def assemble(study: Study, places: Mapping[str, Path], cache: Path, *, show: bool = True) -> StudyData:
    """Prepare every pack (or find it in `cache`), split the training sources, and gather the test sets.

    Raises:
        UserError: a source that cannot be used, or a test set that lacks a class.
    """
    packs: dict[PackKey, Pack] = {}

    def pack(name: str, kernel: Kernel | None = None, reencode: bool | None = None) -> Pack:
        key = _pack_key(study, name, kernel, reencode)
        if key not in packs:
            packs[key] = prepare_pack(study, key, places, cache, show=show)
        return packs[key]

    train, validation, test, notes = _split(study, [pack(name) for name in study.split.sources])
    outside = tuple(
        _test_set(study, declared, {n: pack(n, declared.kernel, declared.reencode) for n in _sources(declared)})
        for declared in study.test_sets
    )

    def gather(declared: TestSet) -> tuple[dict[str, str], Callable[[], ImageSet]]:
        chosen = {n: pack(n, declared.kernel, declared.reencode) for n in _sources(declared)}
        return {n: p.content_hash for n, p in chosen.items()}, lambda: _test_set(study, declared, chosen)

    controls = control_sets(study, (test, *outside), gather)
    hashes = tuple(
        (pipeline_name(name, kernel, reencode=jpeg), p.content_hash) for (name, kernel, jpeg), p in packs.items()
    )
    if study.controls is not None:
        notes = (*notes, *_fixed_pipelines(study, packs))
    return StudyData(train, validation, (validation, test, *outside), hashes, notes, controls)


def needed_packs(study: Study) -> tuple[PackKey, ...]:
    """Every pack that `assemble` asks for: source, kernel, and whether it is re-encoded."""
    wanted = [_pack_key(study, name) for name in study.split.sources]
    for declared in study.test_sets:
        wanted += [_pack_key(study, name, declared.kernel, declared.reencode) for name in _sources(declared)]
        if study.controls is not None:
            crossed = ((kernel, jpeg) for jpeg in study.controls.reencode for kernel in study.controls.kernels)
            wanted += [_pack_key(study, name, *pair) for pair in crossed for name in _sources(declared)]
    return tuple(dict.fromkeys(wanted))


def prepare_pack(study: Study, key: PackKey, places: Mapping[str, Path], cache: Path, *, show: bool = True) -> Pack:
    """One pack of a study, from the cache or made; it is memory-mapped, not read.

    Raises:
        UserError: a source that cannot be used.
    """
    name, kernel, reencode = key
    source = study.sources[name]
    title = name if key == _pack_key(study, name) else pipeline_name(name, kernel, reencode=reencode)
    if source.kind == "embedded":
        image = study.image.model_copy(update={"kernel": kernel, "reencode": reencode})
        return prepare_embedded(name, source, image, seed=study.split.seed, cache=cache, progress=show, title=title)
    return prepare(
        name,
        source,
        places[name],
        study.image,
        kernel=kernel,
        reencode=reencode,
        seed=study.split.seed,
        cache=cache,
        progress=show,
        title=title,
    )


def _pack_key(study: Study, name: str, kernel: Kernel | None = None, reencode: bool | None = None) -> PackKey:
    chosen = next(r for r in (study.sources[name].reencode, reencode, study.image.reencode) if r is not None)
    return name, kernel or study.image.kernel, chosen


def _sources(declared: TestSet) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*declared.real, *declared.fake)))


def _split(study: Study, packs: list[Pack]) -> tuple[ImageSet, ImageSet, ImageSet, tuple[str, ...]]:
    index = pd.concat([pack.index for pack in packs], ignore_index=True)
    split = make_split(index, study.split)
    starts = np.cumsum([0, *(len(pack.index) for pack in packs)])
    pipeline = "; ".join(_pipeline(pack) for pack in packs)
    broken = tuple(note for pack in packs for note in _notes(pack))

    def gather(name: str, role: SetRole, rows: npt.NDArray[np.int64]) -> ImageSet:
        parts = [
            np.asarray(pack.pixels[rows[(rows >= low) & (rows < high)] - low])
            for pack, low, high in zip(packs, starts[:-1], starts[1:], strict=True)
        ]
        return image_set(name, role, np.concatenate(parts), index.iloc[rows], pipeline, broken)

    return (
        gather("train", "train", split.train),
        gather("validation", "validation", split.validation),
        gather("test", "in_sample", split.test),
        split.notes,
    )


def _test_set(study: Study, declared: TestSet, packs: Mapping[str, Pack]) -> ImageSet:
    kernel = declared.kernel or study.image.kernel
    jpeg = declared.reencode if declared.reencode is not None else study.image.reencode
    name = pipeline_name(declared.name, kernel, reencode=jpeg)
    pixels, frames = [], []
    for label, names in ((0, declared.real), (1, declared.fake)):
        for source in names:
            pack = packs[source]
            rows = np.flatnonzero(pack.index["label"].to_numpy() == label)
            if not len(rows):
                word = "synthetic" if label else "real"
                raise UserError(
                    f"test set `{declared.name}`: the source `{source}` holds no {word} image; "
                    f"take it out of `{'fake' if label else 'real'}` or correct its label"
                )
            pixels.append(np.asarray(pack.pixels[rows]))
            frames.append(pack.index.iloc[rows])
    index = pd.concat(frames, ignore_index=True)
    if index["image_id"].duplicated().any():
        raise UserError(f"test set `{declared.name}`: an image occurs twice; name every source once a side")
    pipelines = dict.fromkeys(_pipeline(pack) for pack in packs.values())
    notes = tuple(note for pack in packs.values() for note in _notes(pack))
    return image_set(name, "out_of_sample", np.concatenate(pixels), index, "; ".join(pipelines), notes)


def _fixed_pipelines(study: Study, packs: Mapping[PackKey, Pack]) -> Iterator[str]:
    """What of a control's pipeline does not reach the images of a source."""
    for name in dict.fromkeys(name for declared in study.test_sets for name in _sources(declared)):
        pack = next(pack for key, pack in packs.items() if key[0] == name)
        if not pack.resized:
            yield (
                f"Controls: the images of {name} are {pack.size} × {pack.size} px as they come, "
                "so that no resize kernel changes them."
            )
        if study.sources[name].reencode is not None:
            yield f"Controls: {name} declares its own `reencode`, which its images keep in every pipeline."


def _pipeline(pack: Pack) -> str:
    size = f"{pack.size} × {pack.size} px"
    kernel = pack.kernel if pack.kernel == "nearest" else f"{pack.kernel} (antialiased)"
    made = f"centre square, resized to {size} by {kernel}" if pack.resized else f"native {size}"
    return made + (", re-encoded as JPEG q75 4:2:0" if pack.reencoded else "")


def _notes(pack: Pack) -> tuple[tuple[str, str], ...]:
    notes = tuple((pack.name, note) for note in pack.notes)
    if not pack.broken:
        return notes
    names = ", ".join(image_id for image_id, _ in pack.broken[:3])
    more = ", …" if len(pack.broken) > 3 else ""
    return (*notes, (pack.name, f"{len(pack.broken)} broken images left out ({names}{more})"))
