"""What is explained of a study's runs: which stages there are and what they depend on.

A stage is the maps, or the faithfulness of the maps, of one run on one test set by one method at one attribution
point; `isitcap.explain.making` makes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from isitcap.data.assemble import ImageSet, StudyData
from isitcap.explain.attributions import Point
from isitcap.explain.faithfulness import STEPS
from isitcap.explain.methods import RULES
from isitcap.explain.sample import sample
from isitcap.explain.states import UNTRAINED, state_names
from isitcap.models.variants import Variant
from isitcap.records.atomic import digest
from isitcap.records.directory import TRAINED, RunDirectory, Stage, map_name
from isitcap.study.models import Study
from isitcap.training.environment import CODE_VERSION

WIDE = ("saliency", "input_x_gradient", "integrated_gradients")
"""Methods that are run on the whole sample and all seeds; the others on `detail_images` and `detail_seeds`."""

NULL_METHOD = "saliency"
"""The method whose maps of untrained and randomised classifiers are made."""

BACKGROUND = 64
"""Validation images that GradientSHAP draws its baselines from, half of them synthetic."""


@dataclass(frozen=True)
class MapStage:
    """One stage: maps of a classifier in some state, or the faithfulness of the trained one's; `rows` of `images`."""

    stage: Stage
    images: ImageSet
    rows: npt.NDArray[np.int32]
    method: str
    point: Point
    state: str = TRAINED
    kind: Literal["maps", "faithfulness"] = "maps"


class Plan:
    """All stages of a study's explanations.

    Args:
        study: as resolved.
        data: its images.
        directory: where the records go.

    Attributes:
        rows: for each test set that is explained, the rows of its images that are, in the order of the draw.
        background: rows of the validation images that serve as baselines.
    """

    def __init__(self, study: Study, data: StudyData, directory: RunDirectory) -> None:
        self.study = study
        self.data = data
        self.directory = directory
        self.rows: dict[str, npt.NDArray[np.int32]] = {
            images.name: sample(images.index, study.attribution.images, study.split.seed, images.name)
            for images in data.test_sets
            if images.role != "validation"
        }
        self.background = sample(data.validation.index, BACKGROUND, study.split.seed, "background")
        self._states = state_names(study.classifier, study.attribution.states)

    def stages(self, variant: Variant, seed: int, trained: Stage) -> Iterator[MapStage]:
        """The stages of a run whose classifier `trained` made, test set by test set.

        A variant has the points of its path, see `Variant.points_of`. Grad-CAM, whose maps are the same at every
        point, has one: the classifier's input where there is preprocessing.
        """
        settings = self.study.attribution
        detailed = seed in self.study.seeds[: settings.detail_seeds]
        run = _Run(self, variant, seed, digest(trained.identity))
        for images in self.data.test_sets:
            if images.name not in self.rows:
                continue
            rows = self.rows[images.name]
            few = rows[: settings.detail_images]
            for method in settings.methods:
                if method in WIDE or detailed:
                    yield from run.maps(images, rows if method in WIDE else few, method)
            for state in self._states:
                if state == UNTRAINED or detailed:
                    yield from run.maps(images, rows if state == UNTRAINED else few, NULL_METHOD, state)
            for method in settings.methods if settings.faithfulness and detailed else ():
                yield from run.faithfulness(images, few, method)

    def points(self, variant: Variant, method: str) -> tuple[Point, ...]:
        """The points that maps of a method are made at."""
        points = variant.points_of(self.study.attribution.points)
        behind: tuple[Point, ...] = tuple(point for point in points if point == "classifier_input")
        return behind if behind and RULES[method].own_grid else points


@dataclass(frozen=True)
class _Run:
    """The stages of one run; `classifier` is the digest of what its weights depend on, preprocessing included."""

    plan: Plan
    variant: Variant
    seed: int
    classifier: str

    def maps(
        self, images: ImageSet, rows: npt.NDArray[np.int32], method: str, state: str = TRAINED
    ) -> Iterator[MapStage]:
        folder = self.plan.directory.run(self.variant.name, self.seed) / "maps"
        for point in self.plan.points(self.variant, method):
            identity = self._identity(images, rows, method, point) | {"store": self.plan.study.attribution.store}
            if state != TRAINED:
                identity["state"] = state
            stage = Stage(folder, map_name(images.name, method, point, state), identity)
            yield MapStage(stage, images, rows, method, point, state)

    def faithfulness(self, images: ImageSet, rows: npt.NDArray[np.int32], method: str) -> Iterator[MapStage]:
        folder = self.plan.directory.faithfulness(self.variant.name, self.seed)
        for point in self.plan.points(self.variant, method):
            identity = self._identity(images, rows, method, point)
            identity |= {"faithfulness_steps": STEPS, "substitute": "mean colour", "study_seed": self._study_seed}
            stage = Stage(folder, map_name(images.name, method, point), identity)
            yield MapStage(stage, images, rows, method, point, kind="faithfulness")

    @property
    def _study_seed(self) -> int:
        return self.plan.study.split.seed

    def _identity(self, images: ImageSet, rows: npt.NDArray[np.int32], method: str, point: Point) -> dict[str, Any]:
        """What the maps of a method depend on; that of a method without settings must not change with them."""
        settings = self.plan.study.attribution
        identity: dict[str, Any] = {
            "code": CODE_VERSION,
            "classifier": self.classifier,
            "images": images.content,
            "rows": digest(rows.tolist()),
            "method": method,
            "point": point,
            "channels": RULES[method].channels,
        }
        if method == "integrated_gradients":
            identity["steps"] = settings.steps
        if RULES[method].random:
            identity |= {"samples": settings.samples, "study_seed": self._study_seed}
        if method == "smoothgrad":
            identity["noise"] = settings.noise
        if method == "gradient_shap":
            identity["background"] = [self.plan.data.validation.content, digest(self.plan.background.tolist())]
        if method == "occlusion":
            identity |= {"window": settings.window, "stride": settings.stride}
        if settings.autocast:
            identity["autocast"] = "bfloat16"
        return identity
