"""The stage `controls`: every run's predictions on control sets, each variant through its own path alone.

It stands beside the predictions and touches neither them nor what depends on them, so that controls may be added to a
finished run. The pixels of one control set at a time are in memory.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from isitcap.data.assemble import StudyData
from isitcap.data.control_sets import ControlSet
from isitcap.data.image_sets import ImageSet
from isitcap.data.pixels import is_grey
from isitcap.errors import UserError
from isitcap.models.classifier import ConvClassifier
from isitcap.models.preprocessing import Preprocessing, Preprocessors
from isitcap.models.variants import VARIANTS
from isitcap.progress import bar
from isitcap.records.atomic import digest, write_frame
from isitcap.records.controls import GREYSCALE, STAGE, listed, write_listing
from isitcap.records.directory import RunDirectory, Stage
from isitcap.study.models import Study
from isitcap.training.environment import CODE_VERSION, Environment
from isitcap.training.stages import inputs_of


class ControlPlan:
    """The control sets of a study, what they hold, and the stages that predict them.

    A set's content hash is known where its index stands in the run directory, made from the same recipe; else its
    pixels are made once to take it.

    Args:
        study: as resolved.
        data: its images.
        directory: where records go.
    """

    def __init__(self, study: Study, data: StudyData, directory: RunDirectory) -> None:
        self._study = study
        self._sets = data.controls
        self._directory = directory
        self._own = {images.name for images in data.test_sets}
        self._tested = [images for images in data.test_sets if images.role != "validation"]
        self._contents: dict[str, str] = {}
        self._rows = [control.row for control in data.controls]

    def __bool__(self) -> bool:
        return bool(self._sets)

    def contents(self, *, show: bool = False) -> dict[str, str]:
        """The content hash of every control set, by name; taken once, with progress if `show`."""
        todo: list[ControlSet] = []
        for control in self._sets:
            if control.name in self._contents:
                continue
            if (content := self._known(control)) is not None:
                self._contents[control.name] = content
            else:
                todo.append(control)
        if todo:
            with bar(sum(map(len, todo)), self._called, "images", show=show) as progress:
                for control in todo:
                    self._contents[control.name] = control.load().content
                    progress.update(len(control))
        return {control.name: self._contents[control.name] for control in self._sets}

    def why(self, *, hashed: bool = True) -> str | None:
        """Why the list of control sets or the index of one must be written, or `None` when they stand; see `Stage`."""
        reasons = [stage.why(hashed=hashed) for _, stage in self.index_stages()]
        if (greyscale := self._greyscale_stage()) is not None:
            reasons.append(greyscale.why(hashed=hashed))
        if again := [reason for reason in reasons if reason]:
            return f"{len(again)} of {len(reasons)}: {again[0]}"
        return None if self._rows == listed(self._directory) else "other control sets than listed"

    def stage(self, variant: str, seed: int, trained: Stage, environment: Environment) -> Stage:
        """The stage of a run whose classifier `trained` made."""
        identity = {
            "code": CODE_VERSION,
            "classifier": digest(trained.identity),
            "control_sets": self.contents(),
            "environment": environment.identity(),
        }
        return Stage(self._directory.run(variant, seed), STAGE, identity)

    def index_stages(self) -> Iterator[tuple[ControlSet, Stage]]:
        """The control sets whose index is not that of a test set, with the stages that write it."""
        for control in self._sets:
            if control.name not in self._own:
                yield control, self._index_stage(control)

    def write(self) -> None:
        """Write which images are greyscale, the list of control sets, and the index of each, where not there yet."""
        if (greyscale := self._greyscale_stage()) is not None and greyscale.why():
            path = self._directory.images(GREYSCALE)
            write_frame(path, greyscale_images(self._tested))
            greyscale.finish([path])
        contents = self.contents()
        for control, stage in self.index_stages():
            if stage.why():
                path = self._directory.images(control.name)
                write_frame(path, control.index)
                stage.finish([path], content=contents[control.name])
        if self._rows != listed(self._directory):
            write_listing(self._directory, self._rows)

    def predict(
        self,
        seed: int,
        stages: Mapping[str, Stage],
        models: Mapping[str, ConvClassifier],
        preprocessors: Preprocessors,
        environment: Environment,
        *,
        show: bool = True,
    ) -> None:
        """Make the stages (by variant) of a seed that are not done.

        Raises:
            UserError: a logit is not finite, or the disk is full.
        """
        wanted = {variant: model for variant, model in models.items() if stages[variant].why()}
        if not wanted:
            return
        start = time.perf_counter()
        frames: dict[str, list[pd.DataFrame]] = {variant: [] for variant in wanted}
        total = len(wanted) * sum(map(len, self._sets))
        with bar(total, f"seed {seed} {self._called}", "images", show=show) as progress:
            for control in self._sets:
                images = control.load()
                for variant, model in wanted.items():
                    path = VARIANTS[variant].path
                    preprocessing = Preprocessing(path, self._study.augmentation, preprocessors)
                    logits = predict_own(model, preprocessing, images, self._study.split.seed, environment.device)
                    if not np.isfinite(logits).all():
                        count = int((~np.isfinite(logits)).sum())
                        raise UserError(
                            f"{variant}, control set {control.name}: {count} logits are not finite; "
                            "lower the learning rate"
                        )
                    columns: dict[str, Any] = {"test_set": control.name, "path": path.name}
                    columns |= {"image_id": images.index["image_id"], "logit": logits}
                    frames[variant].append(pd.DataFrame(columns))
                    progress.update(len(images))
        seconds = time.perf_counter() - start
        for variant, parts in frames.items():
            file = stages[variant].folder / f"{STAGE}.parquet"
            write_frame(file, pd.concat(parts, ignore_index=True))
            stages[variant].finish([file], seconds=seconds / len(wanted))

    @property
    def _called(self) -> str:
        """What the sets are called in progress."""
        kinds = {control.kind for control in self._sets}
        if "corruption" not in kinds:
            return "control sets"
        return "corrupted sets" if len(kinds) == 1 else "control and corrupted sets"

    def _index_stage(self, control: ControlSet) -> Stage:
        return Stage(self._directory.root / "images", control.name, {"recipe": dict(control.recipe)})

    def _greyscale_stage(self) -> Stage | None:
        if self._study.controls is None or not self._study.controls.greyscale:
            return None
        contents = {images.name: images.content for images in self._tested}
        return Stage(self._directory.root / "images", GREYSCALE, {"version": 1, "test_sets": contents})

    def _known(self, control: ControlSet) -> str | None:
        if control.name in self._own:
            return str(control.recipe["content"])
        stage = self._index_stage(control)
        return str(stage.facts()["content"]) if stage.why() is None else None


def greyscale_images(test_sets: Iterable[ImageSet]) -> pd.DataFrame:
    """`test_set` and `image_id` of the images whose channels are equal in every pixel, at the study's size."""
    ids = {images.name: images.index["image_id"][is_grey(images.pixels)] for images in test_sets}
    rows = [(name, image) for name, found in ids.items() for image in found]
    return pd.DataFrame(rows, columns=["test_set", "image_id"], dtype=str)


@torch.no_grad()
def predict_own(
    model: ConvClassifier, preprocessing: Preprocessing, images: ImageSet, seed: int, device: torch.device
) -> npt.NDArray[np.float32]:
    """Logits (N,) of a classifier behind a path, float32; `seed` is the study's and keys the augmentation's draws."""
    model.eval()
    parts = [model(inputs).float().cpu() for inputs in inputs_of(preprocessing, images, seed, device)]
    return torch.cat(parts).numpy()
