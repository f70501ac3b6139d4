"""From a study and the places of its images to the sets that training and testing use, in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from isitcap.data.demo import prepare_embedded
from isitcap.data.packs import Pack, prepare
from isitcap.data.splits import make_split
from isitcap.errors import UserError
from isitcap.study.models import Kernel, Study, TestSet

INDEX_COLUMNS = ["image_id", "source", "group", "label", "sha256"]

SetRole = Literal["train", "validation", "in_sample", "out_of_sample"]


@dataclass(frozen=True)
class ImageSet:
    """Images with their labels: pixels uint8 (N, H, W, 3), and an index with one row for each.

    `pipeline` says in one line how the pixels were made, `content` is a hash of pixels, ids and labels, `notes`
    holds what a reader must know (files kept out, broken images), by source.
    """

    name: str
    role: SetRole
    pixels: npt.NDArray[np.uint8]
    index: pd.DataFrame
    pipeline: str
    content: str
    notes: tuple[tuple[str, str], ...]

    @property
    def labels(self) -> npt.NDArray[np.int8]:
        """(N,), 1 = synthetic."""
        return self.index["label"].to_numpy(np.int8)

    def __len__(self) -> int:
        return len(self.pixels)


@dataclass(frozen=True)
class StudyData:
    """All images of a study, and the content hash of every pack they came from."""

    train: ImageSet
    validation: ImageSet
    test_sets: tuple[ImageSet, ...]
    """Every set that predictions are recorded of: validation, in-sample test, out-of-sample."""
    packs: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def assemble(study: Study, places: Mapping[str, Path], cache: Path, *, show: bool = True) -> StudyData:
    """Prepare every pack (or find it in `cache`), split the training sources, and gather the test sets.

    Raises:
        UserError: a source that cannot be used, or a test set that lacks a class.
    """
    packs: dict[tuple[str, Kernel, bool], Pack] = {}

    def pack(name: str, kernel: Kernel | None = None, reencode: bool | None = None) -> Pack:
        source = study.sources[name]
        kernel = kernel or study.image.kernel
        chosen = next(r for r in (source.reencode, reencode, study.image.reencode) if r is not None)
        key = (name, kernel, chosen)
        if key not in packs:
            if source.kind == "embedded":
                image = study.image.model_copy(update={"kernel": kernel, "reencode": chosen})
                packs[key] = prepare_embedded(name, source, image, seed=study.split.seed, cache=cache, progress=show)
            else:
                packs[key] = prepare(
                    name,
                    source,
                    places[name],
                    study.image,
                    kernel=kernel,
                    reencode=chosen,
                    seed=study.split.seed,
                    cache=cache,
                    progress=show,
                )
        return packs[key]

    train, validation, test, notes = _split(study, [pack(name) for name in study.split.sources])
    outside = tuple(
        _test_set(study, declared, {n: pack(n, declared.kernel, declared.reencode) for n in _sources(declared)})
        for declared in study.test_sets
    )
    hashes = tuple(
        (f"{name}@{kernel}{'+jpeg75' if jpeg else ''}", p.content_hash) for (name, kernel, jpeg), p in packs.items()
    )
    return StudyData(train, validation, (validation, test, *outside), hashes, notes)


def _sources(declared: TestSet) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*declared.real, *declared.fake)))


def _split(study: Study, packs: list[Pack]) -> tuple[ImageSet, ImageSet, ImageSet, tuple[str, ...]]:
    index = pd.concat([pack.index for pack in packs], ignore_index=True)
    split = make_split(index, study.split)
    starts = np.cumsum([0, *(len(pack.index) for pack in packs)])
    pipeline = "; ".join(_pipeline(pack) for pack in packs)
    broken = tuple(note for pack in packs for note in _broken(pack))

    def gather(name: str, role: SetRole, rows: npt.NDArray[np.int64]) -> ImageSet:
        parts = [
            np.asarray(pack.pixels[rows[(rows >= low) & (rows < high)] - low])
            for pack, low, high in zip(packs, starts[:-1], starts[1:], strict=True)
        ]
        return _image_set(name, role, np.concatenate(parts), index.iloc[rows], pipeline, broken)

    return (
        gather("train", "train", split.train),
        gather("validation", "validation", split.validation),
        gather("test", "in_sample", split.test),
        split.notes,
    )


def _test_set(study: Study, declared: TestSet, packs: Mapping[str, Pack]) -> ImageSet:
    kernel = declared.kernel or study.image.kernel
    jpeg = declared.reencode if declared.reencode is not None else study.image.reencode
    name = f"{declared.name}@{kernel}{'+jpeg75' if jpeg else ''}"
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
    notes = tuple(note for pack in packs.values() for note in _broken(pack))
    return _image_set(name, "out_of_sample", np.concatenate(pixels), index, "; ".join(pipelines), notes)


def _image_set(
    name: str,
    role: SetRole,
    pixels: npt.NDArray[np.uint8],
    index: pd.DataFrame,
    pipeline: str,
    notes: tuple[tuple[str, str], ...],
) -> ImageSet:
    index = index[INDEX_COLUMNS].reset_index(drop=True).astype({"label": np.int8})
    content = hashlib.sha256(np.ascontiguousarray(pixels).data)
    content.update("\n".join(index["image_id"]).encode())
    content.update(index["label"].to_numpy(np.int8).tobytes())
    return ImageSet(name, role, pixels, index, pipeline, content.hexdigest(), notes)


def _pipeline(pack: Pack) -> str:
    size = f"{pack.size} × {pack.size} px"
    kernel = pack.kernel if pack.kernel == "nearest" else f"{pack.kernel} (antialiased)"
    made = f"centre square, resized to {size} by {kernel}" if pack.resized else f"native {size}"
    return made + (", re-encoded as JPEG q75 4:2:0" if pack.reencoded else "")


def _broken(pack: Pack) -> tuple[tuple[str, str], ...]:
    if not pack.broken:
        return ()
    names = ", ".join(image_id for image_id, _ in pack.broken[:3])
    return ((pack.name, f"{len(pack.broken)} broken images left out ({names}{', …' if len(pack.broken) > 3 else ''})"),)
