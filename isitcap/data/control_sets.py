"""Control sets: the images of a test set through another pipeline, or after a corruption.

They are declared and named here, and made one at a time, when they are asked for: a study may have a hundred of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
import PIL
import scipy

from analysis.errors import InputError
from analysis.subsets import classes_of
from isitcap.data.corruptions import corrupt
from isitcap.data.image_sets import ImageSet, image_set
from isitcap.data.sampling import Rows, draw, generator
from isitcap.data.store import digest
from isitcap.errors import UserError
from isitcap.study.models import CORRUPTIONS, IN_SAMPLE_SET, Controls, Kernel, Robustness, Study, TestSet

VERSION = 1
"""Raised by hand when a change here or in `isitcap.data.corruptions` makes other pixels."""

Gather = Callable[[TestSet], tuple[Mapping[str, str], Callable[[], ImageSet]]]
"""From a test set with another pipeline to its sources' content hashes and to what makes its images."""


@dataclass(frozen=True)
class ControlSet:
    """A test set's images once more: `kind` says whether through another pipeline or after a corruption.

    `index` has a row per image, without pixels. `recipe` holds what the pixels are made from and by; `load` makes
    them, new each time.
    """

    name: str
    base: str
    """Full name of the test set that it is of."""
    kind: Literal["pipeline", "corruption"]
    index: pd.DataFrame = field(repr=False)
    recipe: Mapping[str, Any] = field(repr=False)
    load: Callable[[], ImageSet] = field(repr=False)
    kernel: Kernel | None = None
    reencode: bool | None = None
    corruption: str | None = None
    level: float | None = None

    def __len__(self) -> int:
        return len(self.index)

    @property
    def row(self) -> dict[str, Any]:
        """What `images/controls.json` says of it."""
        keys = ("name", "base", "kind", "kernel", "reencode", "corruption", "level")
        return {key: getattr(self, key) for key in keys}


def pipeline_name(test_set: str, kernel: Kernel, *, reencode: bool) -> str:
    """The full name of an out-of-sample test set: its own, and the pipeline that its images went through.

    >>> pipeline_name("far", "box", reencode=True)
    'far@box+jpeg75'
    """
    return f"{test_set}@{kernel}{'+jpeg75' if reencode else ''}"


def corruption_name(base: str, corruption: str, level: float) -> str:
    """The name of a corrupted test set, after the full name of the one that it is of.

    >>> corruption_name("far@box", "blur", 1.50), corruption_name("test", "jpeg", 50)
    ('far@box~blur-1.5', 'test~jpeg-50')
    """
    return f"{base}~{corruption}-{level:g}"


def control_sets(study: Study, test_sets: Sequence[ImageSet], gather: Gather) -> tuple[ControlSet, ...]:
    """Every control set of a study: pipelines first, then corruptions, test set by test set.

    Args:
        study: as resolved.
        test_sets: its in-sample set, then the out-of-sample ones in its order.
        gather: see `Gather`.

    Raises:
        UserError: `controls.same_generator` or `controls.classes` names a group that the images do not have.
    """
    inside, outside = test_sets[0], dict(zip(study.test_sets, test_sets[1:], strict=True))
    made: list[ControlSet] = []
    if study.controls is not None:
        _check_generator(study.controls, test_sets[1:])
        _check_classes(study.controls, test_sets)
        for declared, base in outside.items():
            made += _pipelines(study.controls, declared, base, gather)
    if study.robustness is not None:
        by_name = {IN_SAMPLE_SET: inside} | {declared.name: base for declared, base in outside.items()}
        for name in study.robustness.test_sets or by_name:
            made += _corruptions(study.robustness, name, by_name[name], study.split.seed)
    return tuple(made)


def _pipelines(controls: Controls, declared: TestSet, base: ImageSet, gather: Gather) -> Iterator[ControlSet]:
    """The test set's own pipeline first, then the others in the study's order."""
    yield from (
        _pipeline(declared, base, kernel, reencode, gather)
        for own in (True, False)
        for kernel, reencode in _crossed(controls, base.name, declared.name)
        if (pipeline_name(declared.name, kernel, reencode=reencode) == base.name) is own
    )


def _crossed(controls: Controls, full: str, name: str) -> list[tuple[Kernel, bool]]:
    """Kernels × re-encoding, with the pipeline that is in a test set's full name in any case."""
    kernel, _, jpeg = full.removeprefix(f"{name}@").partition("+")
    pairs: list[tuple[Kernel, bool]] = [(k, r) for r in controls.reencode for k in controls.kernels]
    own: tuple[Any, bool] = (kernel, bool(jpeg))
    return pairs if own in pairs else [own, *pairs]


def _pipeline(declared: TestSet, base: ImageSet, kernel: Kernel, reencode: bool, gather: Gather) -> ControlSet:
    name = pipeline_name(declared.name, kernel, reencode=reencode)
    facts: dict[str, Any] = {"kind": "pipeline", "kernel": kernel, "reencode": reencode}
    if name == base.name:
        return ControlSet(
            name, base.name, index=base.index, recipe={"content": base.content}, load=lambda: base, **facts
        )
    packs, make = gather(declared.model_copy(update={"kernel": kernel, "reencode": reencode}))

    def load() -> ImageSet:
        images = make()
        if not images.index["image_id"].equals(base.index["image_id"]):
            raise UserError(
                f"test set `{name}` holds other images than `{base.name}`: a source has changed on the disk since it "
                "was read; start again"
            )
        return images

    recipe = {"version": VERSION, "base": base.content, "packs": dict(packs)}
    return ControlSet(name, base.name, index=base.index, recipe=recipe, load=load, **facts)


def _corruptions(robustness: Robustness, declared: str, base: ImageSet, seed: int) -> Iterator[ControlSet]:
    rows = draw(
        generator(seed, f"robustness {declared}"),
        base.index["label"].tolist(),
        base.index["source"].tolist(),
        robustness.images,
    )
    for corruption in CORRUPTIONS:
        for level in getattr(robustness, corruption):
            yield _corruption(corruption, float(level), base, rows, seed)


def _corruption(corruption: str, level: float, base: ImageSet, rows: Rows, seed: int) -> ControlSet:
    name, index = corruption_name(base.name, corruption, level), base.index.iloc[rows].reset_index(drop=True)
    recipe = {
        "version": VERSION,
        "base": base.content,
        "rows": digest(rows.tolist()),
        "corruption": corruption,
        "level": level,
        "seed": seed if corruption == "noise" else None,
        "libraries": {"numpy": np.__version__, "pillow": PIL.__version__, "scipy": scipy.__version__},
    }

    def load() -> ImageSet:
        pixels = corrupt(corruption, level, base.pixels[rows], index["image_id"], seed)
        return image_set(name, base.role, pixels, index, f"{base.pipeline}, then {corruption} {level:g}", base.notes)

    return ControlSet(name, base.name, "corruption", index, recipe, load, corruption=corruption, level=level)


def _check_generator(controls: Controls, test_sets: Sequence[ImageSet]) -> None:
    for name in controls.same_generator:
        source, slash, group = name.partition("/")
        for images in test_sets:
            fakes = images.index[(images.index["source"] == source) & (images.index["label"] == 1)]
            groups = sorted(set(fakes["group"]))
            if slash and len(fakes) and group not in groups:
                listed = ", ".join(f"`{known}`" for known in groups[:8])
                raise UserError(
                    f"controls.same_generator names `{name}`, but the fakes of `{source}` are of the groups {listed}; "
                    f"name one of them, or the source's column with sources.{source}.groups"
                )


def _check_classes(controls: Controls, test_sets: Sequence[ImageSet]) -> None:
    """Refuse what the analysis would refuse after hours of training."""
    images = pd.concat([each.index.assign(test_set=each.name) for each in test_sets], ignore_index=True)
    try:
        classes_of(images, controls.classes, [each.name for each in test_sets])
    except InputError as error:
        raise UserError(f"controls.classes: {error} (groups come from folders, or with sources.NAME.groups)") from None
