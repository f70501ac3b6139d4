"""The embedded sets of the demonstration: real patches of photographs and three small generators, no download.

`train` has parts `train` and `test` with fakes of the generator `latent`. `real` holds patches of other photographs,
`quilt` and `leaves` fakes of other generators: the out-of-sample sets. All are fixed: the same for every study.

`latent-corpus`, `quilt-corpus` and `leaves-corpus` hold one generator each with a corpus of its own, photographs that
no other of the three has, in parts `train` and `test` of as many images as a study asks for (`per_class`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from isitcap.data.generators import dead_leaves, latent, quilting
from isitcap.data.photographs import OTHER, TRAINING, Region, patches
from isitcap.data.pixels import fit
from isitcap.data.pixels import reencode as jpeg_round_trip
from isitcap.data.sampling import draw, generator
from isitcap.data.store import FORMAT, Pack, PackWriter, Row, cached, digest
from isitcap.errors import UserError
from isitcap.progress import each
from isitcap.study.models import Image, Source

RECIPE = 2
"""Raised when an embedded set changes."""

TRAIN_PER_CLASS, TEST_PER_CLASS, OUTSIDE = 3200, 1100, 1000
_SEED = 20_240_501

Part = tuple[str, int, str, NDArray[np.uint8], list[str]]
Generate = Callable[[NDArray[np.uint8], int, np.random.Generator], NDArray[np.uint8]]


def embedded_sets() -> tuple[str, ...]:
    """The names of the embedded sets of fixed size."""
    return tuple(_SETS)


def corpus_sets() -> tuple[str, ...]:
    """The names of the embedded sets with a corpus of their own, whose size a study gives."""
    return tuple(_CORPORA)


def prepare_embedded(
    name: str,
    source: Source,
    image: Image,
    *,
    seed: int,
    cache: Path,
    progress: bool = True,
    title: str | None = None,
) -> Pack:
    """The pack of an embedded set; `image_id` is `<name>/<part>/<class>/<number>`, `sha256` of the bare pixels.

    The images are 32 px; another `image.size` resizes them by `image.kernel`. `source.reencode`, where given, overrides
    `image.reencode`. `seed` serves the draw of `source.limit` alone, `title` names the progress in place of `name`.

    Raises:
        UserError: no such set, or the cache cannot be written.
    """
    chosen = source.embedded
    if chosen is None or chosen not in {**_SETS, **_CORPORA}:
        known = ", ".join((*_SETS, *_CORPORA))
        raise UserError(f"sources.{name}.embedded = `{chosen}` is not known; choose one of {known}")
    if (source.per_class is not None) != (chosen in _CORPORA):
        what = "has a size of its own; remove it" if chosen in _SETS else "has none; give [TRAIN, TEST] images"
        raise UserError(f"sources.{name}.per_class: the embedded set `{chosen}` {what}")
    reencode = image.reencode if source.reencode is None else source.reencode
    key = digest(
        {
            "format": FORMAT,
            "recipe": RECIPE,
            "name": name,
            "set": chosen,
            "size": image.size,
            "kernel": image.kernel,
            "reencode": reencode,
            "limit": source.limit,
            "seed": seed if source.limit else None,
        }
        # absent from the keys of older packs
        | source.model_dump(include={"per_class", "part"}, exclude_none=True)
    )

    def build(folder: Path) -> None:
        made = _SETS[chosen]() if source.per_class is None else _corpus(chosen, source.per_class, source.part)
        kept = (part for part in made if source.part in (None, part[0]))
        parts = list(each(kept, f"{title or name} (making)", "parts", show=progress))
        if not parts:
            raise UserError(f"sources.{name}.part: the embedded set `{chosen}` has no parts; remove it")
        entries = [
            (part, label, group, pixels, f"{name}/{part + '/' if part else ''}{folder_name}/{number:04}.png")
            for part, label, folder_name, images, groups in parts
            for number, (pixels, group) in enumerate(zip(images, groups, strict=True))
        ]
        if source.limit:
            rows = draw(
                generator(seed, "limit"),
                [entry[:2] for entry in entries],
                [entry[2] for entry in entries],
                source.limit,
            )
            entries = [entries[row] for row in rows]
        with PackWriter(folder, name, image.size, image.kernel, reencoded=reencode, expected=len(entries)) as writer:
            for part, label, group, pixels, image_id in entries:
                picture = fit(PIL.Image.fromarray(pixels), image.size, image.kernel)
                if reencode:
                    picture = jpeg_round_trip(picture)
                writer.resized += pixels.shape[0] != image.size
                sha256 = hashlib.sha256(pixels.tobytes()).hexdigest()
                writer.add(Row(image_id, part, group, label, sha256), picture.tobytes())
            writer.finish()

    return cached(cache, name, key, build)


def _train() -> Iterator[Part]:
    sides: tuple[tuple[Region, int], ...] = (("train", TRAIN_PER_CLASS), ("test", TEST_PER_CLASS))
    for region, n in sides:
        real, groups = _patches(TRAINING, region, n)
        yield region, 0, "real", real, groups
        fake = latent.generate(real, n, generator(_SEED, f"latent {region}"))
        yield region, 1, "latent", fake, ["latent"] * n


def _real() -> Iterator[Part]:
    real, groups = _patches(OTHER, "all", OUTSIDE)
    yield "", 0, "real", real, groups


def _fakes(make: Generate, name: str) -> Iterator[Part]:
    models, _ = _patches(OTHER, "all", OUTSIDE)
    yield "", 1, name, make(models, OUTSIDE, generator(_SEED, name)), [name] * OUTSIDE


def _corpus(name: str, per_class: tuple[int, int], only: str | None = None) -> Iterator[Part]:
    """Parts `train` and `test`, or one of them: patches of a corpus, and fakes that its generator makes of them."""
    photographs, make, group = _CORPORA[name]
    sides: tuple[Region, Region] = ("train", "test")
    for region, n in zip(sides, per_class, strict=True):
        if only not in (None, region):  # the other part's fakes would take minutes
            continue
        real, groups = _patches(photographs, region, n)
        yield region, 0, "real", real, groups
        yield region, 1, group, make(real, n, generator(_SEED, f"{name} {region}")), [group] * n


def _patches(names: tuple[str, ...], region: Region, n: int) -> tuple[NDArray[np.uint8], list[str]]:
    return patches(names, region, n, generator(_SEED, f"patches {' '.join(names)} {region}"))


_SETS: dict[str, Callable[[], Iterator[Part]]] = {
    "train": _train,
    "real": _real,
    "quilt": lambda: _fakes(quilting.generate, "quilt"),
    "leaves": lambda: _fakes(dead_leaves.generate, "leaves"),
}

_CORPORA: dict[str, tuple[tuple[str, ...], Generate, str]] = {
    "latent-corpus": (("astronaut", "coffee", "retina"), latent.generate, "latent"),
    "quilt-corpus": (("rocket", "flower", "ihc"), quilting.generate, "quilt"),
    "leaves-corpus": (("china", "chelsea"), dead_leaves.generate, "leaves"),
}
"""Photographs, generator and name of the folder of its fakes; every photograph stands in one corpus."""
