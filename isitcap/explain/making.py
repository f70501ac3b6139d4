"""Making what `isitcap.explain.stages` plans: maps, their measures, and their faithfulness, written stage by stage."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import nn

from analysis.dispersion import measure
from analysis.regions import salient_regions
from isitcap.data.assemble import StudyData
from isitcap.explain.attributions import Maps, attribute, images_at
from isitcap.explain.faithfulness import areas, random_ranks, ranks
from isitcap.explain.methods import RULES
from isitcap.explain.stages import MapStage, Plan
from isitcap.explain.states import RANDOMISED, in_state, similarity
from isitcap.models.preprocessing import Detector, to_float
from isitcap.progress import bar
from isitcap.records.atomic import write_arrays, write_frame
from isitcap.records.directory import TRAINED
from isitcap.study.models import Study


def make(
    plan: Plan, detector: Detector, seed: int, stages: Iterable[MapStage], description: str, *, show: bool
) -> None:
    """Make those of a run's `stages` that are not done, on the detector's device.

    Raises:
        UserError: the detector cannot serve a method, or the disk is full.
    """
    todo = [stage for stage in stages if stage.stage.why()]
    images = sum(len(stage.rows) for stage in todo)
    with bar(images, description, "maps", show=show and bool(todo)) as progress:
        for _, of_set in groupby(todo, lambda stage: stage.images.name):
            # one for each test set, so that what it keeps is not more than a test set needs
            maker = _Maker(plan.study, plan.data, plan.background, detector, seed, progress.update)
            for stage in of_set:
                start = time.perf_counter()
                files = maker.faithfulness(stage) if stage.kind == "faithfulness" else maker.maps(stage)
                stage.stage.finish(files, seconds=time.perf_counter() - start)


@dataclass
class _Maker:
    """Makes the stages of one run and one test set; trained maps and random areas are needed more than once."""

    study: Study
    data: StudyData
    background: npt.NDArray[np.int32]
    detector: Detector
    seed: int
    done: Callable[[int], object]
    _trained: dict[tuple[str, str, int], Maps] = field(default_factory=dict)
    _random: dict[tuple[str, int], pd.DataFrame] = field(default_factory=dict)

    def maps(self, one: MapStage) -> list[Path]:
        """Maps of all rows, their measures in float32, and of the first `store` the arrays."""
        if one.state == TRAINED:
            made = self._trained_maps(one, self.done)
        else:
            made = self._attribute(self._in_state(one.state), one, self.done)
        table = measure(made.maps)
        table.insert(0, "image_id", self._image_ids(one))
        table["regions"], table["region_share"] = salient_regions(made.maps)
        table["completeness_error"] = np.nan if made.completeness_error is None else made.completeness_error
        table["similarity"] = np.nan if one.state == TRAINED else similarity(self._trained_maps(one).maps, made.maps)
        # not `with_suffix`, since names of test sets may hold dots
        files = [one.stage.folder / f"{one.stage.name}.{suffix}" for suffix in ("parquet", "safetensors")]
        write_frame(files[0], table)
        write_arrays(files[1], *_stored(one, made.maps, self.study.attribution.store))
        return files

    def faithfulness(self, one: MapStage) -> list[Path]:
        """Areas of deletion and insertion, by attribution and at random; null where a map has no order."""
        images, image_ids = self._images(one), self._image_ids(one)
        height, width = images.shape[2:]
        random = random_ranks(image_ids, self.study.split.seed, height, width)
        maps = self._trained_maps(one).maps
        usable: npt.NDArray[np.bool_] = np.isfinite(maps.sum(axis=(1, 2))) & (maps.max(axis=(1, 2)) > 0)
        table = self._areas(one, images, ranks(np.where(usable[:, None, None], maps, 0), random))
        key = (one.point, len(one.rows))
        if key not in self._random:
            self._random[key] = self._areas(one, images, random).add_prefix("random_")
        table = table.join(self._random[key])
        table.loc[~usable] = np.nan
        table.insert(0, "image_id", image_ids)
        self.done(len(one.rows))
        path = one.stage.folder / f"{one.stage.name}.parquet"
        write_frame(path, table)
        return [path]

    def _areas(self, one: MapStage, images: torch.Tensor, order: npt.NDArray[np.int32]) -> pd.DataFrame:
        model: nn.Module = self.detector.classifier if one.point == "classifier_input" else self.detector
        found = areas(model, images_at(self.detector, images, one.point), order)
        return pd.DataFrame({"deletion_area": found.deletion, "insertion_area": found.insertion})

    def _trained_maps(self, one: MapStage, done: Callable[[int], object] | None = None) -> Maps:
        """The trained classifier's maps for a stage, whatever the stage's own state; made once."""
        key = (one.method, one.point, len(one.rows))
        if key not in self._trained:
            self._trained[key] = self._attribute(self.detector, one, done)
        elif done is not None:
            done(len(one.rows))
        return self._trained[key]

    def _attribute(self, detector: Detector, one: MapStage, done: Callable[[int], object] | None) -> Maps:
        background = None
        if one.method == "gradient_shap":
            background = self._pixels(self.data.validation.pixels[self.background])
        return attribute(
            detector,
            self._images(one),
            one.method,
            one.point,
            self.study.attribution,
            image_ids=self._image_ids(one),
            seed=self.study.split.seed,
            background=background,
            done=done,
        )

    def _in_state(self, state: str) -> Detector:
        settings, size = self.study.classifier, self.study.image.size
        return Detector(in_state(self.detector.classifier, state, settings, size, self.seed), self.detector.preprocess)

    def _images(self, one: MapStage) -> torch.Tensor:
        return self._pixels(one.images.pixels[one.rows])

    def _pixels(self, pixels: npt.NDArray[np.uint8]) -> torch.Tensor:
        return to_float(torch.from_numpy(pixels).to(next(self.detector.parameters()).device))

    def _image_ids(self, one: MapStage) -> Sequence[str]:
        ids: list[str] = one.images.index["image_id"].to_numpy()[one.rows].tolist()
        return ids


def compact(maps: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float16], npt.NDArray[np.float32]]:
    """Maps (M, h, w) as they are stored: each divided by its maximum, float16; and the maxima (M,)."""
    scale = maps.max(axis=(1, 2), initial=0.0).astype(np.float32)
    with np.errstate(over="ignore"):  # of maps that are not finite
        shown = maps / np.where((scale > 0) & np.isfinite(scale), scale, 1)[:, None, None]
        return shown.astype(np.float16), scale


def _stored(
    one: MapStage, maps: npt.NDArray[np.float32], store: int
) -> tuple[dict[str, npt.NDArray[np.generic]], dict[str, str]]:
    """Arrays of the first `store` maps, and what they are."""
    halves, scale = compact(maps[:store])
    arrays: dict[str, npt.NDArray[np.generic]] = {
        "maps": halves,
        "scale": scale,
        "image_index": one.rows[: len(halves)].astype(np.int32),
    }
    about = {
        "method": one.method,
        "point": one.point,
        "channels": RULES[one.method].channels,
        "target": "logit",
        "model_state": one.state.replace(RANDOMISED, "randomised:"),
        "test_set": one.images.name,
    }
    return arrays, about
