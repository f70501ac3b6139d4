"""A study's runs, seed by seed and stage by stage: what is done is kept, what is not is made, nothing else.

For each seed: the autoencoder and the controls fitted to it, then the classifiers, then the predictions of all of them,
then the maps. Every stage vouches for its own files, so that a kill in the middle of one costs that stage alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import nn

from isitcap.data.assemble import ImageSet, StudyData
from isitcap.errors import UserError
from isitcap.explain.making import make
from isitcap.explain.stages import MapStage, Plan
from isitcap.models.autoencoder import ConvAutoencoder, build_autoencoder
from isitcap.models.classifier import ConvClassifier, build_classifier
from isitcap.models.preprocessing import Detector, Preprocessors
from isitcap.models.variants import CONTROLS, VARIANTS, Preprocess, controls_of
from isitcap.progress import say
from isitcap.records.atomic import Arrays, digest, read_arrays, write_arrays, write_frame
from isitcap.records.directory import RunDirectory, Stage
from isitcap.records.reader import read_frame
from isitcap.study.models import Study
from isitcap.training.control_sets import ControlPlan
from isitcap.training.controls import PARAMETERS, build_control, fit_control
from isitcap.training.environment import CODE_VERSION, Environment, deterministic
from isitcap.training.loop import Epoch
from isitcap.training.stages import (
    Quality,
    freeze,
    measure_quality,
    predict,
    train_autoencoder,
    train_classifier,
)
from isitcap.training.streams import stream


@dataclass(frozen=True)
class RunKey:
    """A run: a variant and a seed."""

    variant: str
    seed: int


@dataclass(frozen=True)
class ImageStage:
    """The index of a test set's images or, with `rows`, the pixels of those that reports show."""

    stage: Stage
    images: ImageSet
    rows: npt.NDArray[np.int32] | None = None


class Runs:
    """All stages of a study in a run directory.

    Args:
        study: as resolved.
        data: its images.
        directory: where records go; the caller holds its lock while `make` runs.
        environment: what to compute on.
    """

    def __init__(self, study: Study, data: StudyData, directory: RunDirectory, environment: Environment) -> None:
        self.study = study
        self.data = data
        self.directory = directory
        self.environment = environment
        self.explanations = Plan(study, data, directory)
        self.controls = ControlPlan(study, data, directory)

    # What each stage depends on ------------------------------------------------------------------------------------

    def autoencoder_stage(self, seed: int) -> Stage:
        """The autoencoder of a seed."""
        identity = {
            "code": CODE_VERSION,
            "seed": seed,
            "autoencoder": self.study.autoencoder.model_dump(mode="json"),
            "image_size": self.study.image.size,
            "train": self.data.train.content,
            "validation": self.data.validation.content,
            "environment": self.environment.identity(),
        }
        return Stage(self.directory.autoencoder(seed), "train", identity)

    def control_stage(self, seed: int, kind: Preprocess) -> Stage:
        """A control fitted to the autoencoder of a seed."""
        identity = {
            "code": CODE_VERSION,
            "control": kind,
            "autoencoder": digest(self.autoencoder_stage(seed).identity),
        }
        return Stage(self.directory.autoencoder(seed), kind, identity)

    def training_stage(self, key: RunKey) -> Stage:
        """The classifier of a run."""
        path = VARIANTS[key.variant].path
        identity: dict[str, Any] = {
            "code": CODE_VERSION,
            "variant": key.variant,
            "seed": key.seed,
            "classifier": self.study.classifier.model_dump(mode="json"),
            "image_size": self.study.image.size,
            "train": self.data.train.content,
            "validation": self.data.validation.content,
            "environment": self.environment.identity(),
        }
        if path.augment:
            identity["augmentation"] = self.study.augmentation.model_dump(mode="json")
            identity["study_seed"] = self.study.split.seed  # keys the validation images' draws
        if path.autoencode or VARIANTS[key.variant].mixes:
            identity["autoencoder"] = digest(self.autoencoder_stage(key.seed).identity)
        if VARIANTS[key.variant].mixes:
            identity["training_mix"] = self.study.training_mix
        if path.preprocess in CONTROLS:
            identity["control"] = digest(self.control_stage(key.seed, path.preprocess).identity)
        return Stage(self.directory.run(key.variant, key.seed), "train", identity)

    def prediction_stage(self, key: RunKey) -> Stage:
        """The predictions of a run on every test set through every path."""
        identity: dict[str, Any] = {
            "code": CODE_VERSION,
            "classifier": digest(self.training_stage(key).identity),
            "autoencoder": digest(self.autoencoder_stage(key.seed).identity),
            "augmentation": self.study.augmentation.model_dump(mode="json"),
            "study_seed": self.study.split.seed,
            "test_sets": {images.name: images.content for images in self.data.test_sets},
        }
        if self.study.tested_through != "all":
            paths = [path.name for path in VARIANTS[key.variant].own_paths]
            identity["tested_through"] = self.study.tested_through if len(paths) == 1 else paths
        # absent from a study of the poster's variants alone, whose records stay valid
        if controls := controls_of(self.study.variants):
            identity["controls"] = {kind: digest(self.control_stage(key.seed, kind).identity) for kind in controls}
        return Stage(self.directory.run(key.variant, key.seed), "predict", identity)

    def control_sets_stage(self, key: RunKey) -> Stage:
        """The predictions of a run on control sets, see `isitcap.training.control_sets`."""
        return self.controls.stage(key.variant, key.seed, self.training_stage(key), self.environment)

    def map_stages(self, key: RunKey) -> list[MapStage]:
        """The maps of a run and their faithfulness, see `isitcap.explain.stages`."""
        return list(self.explanations.stages(VARIANTS[key.variant], key.seed, self.training_stage(key)))

    def keys(self, seed: int) -> list[RunKey]:
        """The runs of a seed."""
        return [RunKey(variant, seed) for variant in self.study.variants]

    def image_stages(self) -> Iterator[ImageStage]:
        """The index of every test set's images, and the pixels of those that reports show."""
        for images in self.data.test_sets:
            identity: dict[str, Any] = {"content": images.content}
            index = identity
            if any(self.study.sources[source].groups for source in images.index["source"].unique()):
                index = identity | {"groups": digest(images.index["group"].tolist())}
            yield ImageStage(Stage(self.directory.root / "images", images.name, index), images)
            if images.name in self.explanations.rows:
                rows = self.explanations.rows[images.name][: self.study.attribution.store]
                identity = identity | {"rows": rows.tolist()}
                yield ImageStage(Stage(self.directory.root / "examples", images.name, identity), images, rows)

    def stages(self) -> Iterator[tuple[str, Stage]]:
        """Every stage of training and testing with its name, seed by seed."""
        for seed in self.study.seeds:
            yield f"autoencoder seed-{seed}", self.autoencoder_stage(seed)
            for kind in controls_of(self.study.variants):
                yield f"autoencoder seed-{seed} {kind}", self.control_stage(seed, kind)
            for key in self.keys(seed):
                yield f"{key.variant} seed-{seed} train", self.training_stage(key)
                yield f"{key.variant} seed-{seed} predict", self.prediction_stage(key)
                if self.controls:
                    yield f"{key.variant} seed-{seed} controls", self.control_sets_stage(key)

    # Making them ---------------------------------------------------------------------------------------------------

    def make(self, done: Callable[[], None], *, show: bool = True) -> None:
        """Make every stage that is not done; `done` is called after each.

        Raises:
            UserError: a training diverged, weights on the disk are damaged, or the disk is full.
        """
        with deterministic():
            self._make_images()
            for seed in self.study.seeds:
                self._make_seed(seed, done, show=show)

    def _make_seed(self, seed: int, done: Callable[[], None], *, show: bool) -> None:
        preprocessors: dict[str, nn.Module] = {"autoencoder": self._autoencoder(seed, show=show)}
        done()
        for kind in controls_of(self.study.variants):
            preprocessors[kind] = self._control(seed, kind, show=show)
            done()
        classifiers: dict[RunKey, ConvClassifier] = {}
        for key in self.keys(seed):
            classifiers[key] = self._classifier(key, preprocessors, show=show)
            done()
        self._predict(seed, classifiers, preprocessors, show=show)
        done()
        if self.controls:
            by_variant = {key.variant: model for key, model in classifiers.items()}
            stages = {key.variant: self.control_sets_stage(key) for key in classifiers}
            self.controls.predict(seed, stages, by_variant, preprocessors, self.environment, show=show)
            done()
        for key, classifier in classifiers.items():
            variant = VARIANTS[key.variant]
            make(
                self.explanations,
                Detector(classifier, preprocessors.get(variant.path.preprocess)),
                seed,
                self.map_stages(key),
                f"seed {seed} {key.variant} maps",
                show=show,
            )
            done()

    def _make_images(self) -> None:
        """The index of every test set, and the pixels of the images that reports show."""
        for one in self.image_stages():
            if one.stage.why() is None:
                continue
            if one.rows is None:
                path = self.directory.images(one.images.name)
                write_frame(path, one.images.index)
            else:
                path = self.directory.examples(one.images.name)
                arrays: Arrays = {"pixels": one.images.pixels[one.rows], "image_index": one.rows}
                write_arrays(path, arrays, {"test_set": one.images.name})
            one.stage.finish([path])
        if self.controls:
            self.controls.write()

    def _autoencoder(self, seed: int, *, show: bool) -> ConvAutoencoder:
        stage, device = self.autoencoder_stage(seed), self.environment.device
        weights = stage.folder / "weights.safetensors"
        if stage.why() is None:
            model = build_autoencoder(self.study.autoencoder, self.study.image.size, stream(seed, "autoencoder"))
            model = model.to(device)
            _load(model, weights)
        else:
            start = time.perf_counter()
            model, history, quality = train_autoencoder(
                self.study, seed, self.data.train, self.data.validation, self.environment, show=show
            )
            seconds = time.perf_counter() - start
            say(f"seed {seed} autoencoder: {quality.psnr:.1f} dB, SSIM {quality.ssim:.3f} ({seconds:.0f} s)", show=show)
            files = [weights, stage.folder / "history.parquet", stage.folder / "quality.parquet"]
            _save(model, weights)
            write_frame(files[1], _history_frame(history))
            write_frame(files[2], _quality_frame(quality, self.study))
            stage.finish(files, seconds=seconds, epoch_seconds=[epoch.seconds for epoch in history])
        freeze(model)
        return model

    def _control(self, seed: int, kind: Preprocess, *, show: bool) -> nn.Module:
        stage, device, name = self.control_stage(seed, kind), self.environment.device, PARAMETERS[kind]
        path = stage.folder / f"{kind}.parquet"
        if stage.why():
            start = time.perf_counter()
            pixels = torch.from_numpy(self.data.validation.pixels)
            target = float(read_frame(stage.folder / "quality.parquet")["psnr"].iloc[0])
            fit = fit_control(kind, pixels, target, device)
            model = build_control(kind, fit.parameter, self.study.image.size).to(device)
            found = measure_quality(model, pixels, device)
            reached = f"{found.psnr:.2f} dB (autoencoder {target:.2f} dB), SSIM {found.ssim:.3f}"
            say(f"seed {seed} {kind}: {name} {fit.parameter:.4g}, {reached}", show=show)
            row = {name: fit.parameter, "psnr": found.psnr, "autoencoder_psnr": target, "ssim": found.ssim}
            write_frame(path, pd.DataFrame([{**row, "images": found.images}]))
            stage.finish([path], seconds=time.perf_counter() - start)
        model = build_control(kind, float(read_frame(path)[name].iloc[0]), self.study.image.size).to(device)
        freeze(model)
        return model

    def _classifier(self, key: RunKey, preprocessors: Preprocessors, *, show: bool) -> ConvClassifier:
        stage, variant = self.training_stage(key), VARIANTS[key.variant]
        weights = stage.folder / "weights.safetensors"
        if stage.why() is None:
            model = build_classifier(self.study.classifier, self.study.image.size, stream(key.seed, "init"))
            model = model.to(self.environment.device)
            _load(model, weights)
        else:
            start = time.perf_counter()
            model, history = train_classifier(
                self.study,
                variant,
                key.seed,
                self.data.train,
                self.data.validation,
                preprocessors,
                self.environment,
                show=show,
            )
            seconds = time.perf_counter() - start
            accuracy = history[-1].validation_accuracy
            say(f"seed {key.seed} {key.variant}: validation {accuracy:.2%} ({seconds:.0f} s)", show=show)
            files = [weights, stage.folder / "history.parquet"]
            _save(model, weights)
            write_frame(files[1], _history_frame(history))
            stage.finish(files, seconds=seconds, epoch_seconds=[epoch.seconds for epoch in history])
        freeze(model)
        return model

    def _predict(
        self, seed: int, classifiers: dict[RunKey, ConvClassifier], preprocessors: Preprocessors, *, show: bool
    ) -> None:
        stages = {key.variant: self.prediction_stage(key) for key in classifiers}
        wanted = {key.variant: model for key, model in classifiers.items() if stages[key.variant].why()}
        if not wanted:
            return
        start = time.perf_counter()
        frames: dict[str, list[pd.DataFrame]] = {variant: [] for variant in wanted}
        found = predict(
            self.study,
            self.data.test_sets,
            wanted,
            preprocessors,
            self.environment,
            description=f"seed {seed} predictions",
            show=show,
        )
        for path, images, logits in found:
            for variant, values in logits.items():
                columns = {"test_set": images.name, "path": path, "image_id": images.index["image_id"], "logit": values}
                frames[variant].append(pd.DataFrame(columns))
        seconds = time.perf_counter() - start
        for variant, parts in frames.items():
            stage = stages[variant]
            write_frame(stage.folder / "predictions.parquet", pd.concat(parts, ignore_index=True))
            stage.finish([stage.folder / "predictions.parquet"], seconds=seconds / len(wanted))


def _save(model: nn.Module, path: Any) -> None:
    state = {name: value.detach().cpu().contiguous().numpy() for name, value in model.state_dict().items()}
    write_arrays(path, state, {"kind": type(model).__name__})


def _load(model: nn.Module, path: Any) -> None:
    """Weights from the disk into a model of the same shape; `Stage.why` has compared their hash already."""
    arrays, _ = read_arrays(path)
    for name, values in arrays.items():
        if not np.isfinite(values).all():
            raise UserError(f"{path}: `{name}` holds NaN or infinite weights; delete the file and run the study again")
    try:
        model.load_state_dict({name: torch.from_numpy(values) for name, values in arrays.items()})
    except RuntimeError as error:
        raise UserError(f"{path}: weights of another model ({str(error).splitlines()[0]}); delete the file") from None


def _history_frame(history: list[Epoch]) -> pd.DataFrame:
    """Without wall times, so that equal trainings give equal files; those stand in the stage's mark."""
    frame = pd.DataFrame([asdict(epoch) for epoch in history]).drop(columns="seconds")
    return frame.astype({"validation_accuracy": np.float64})


def _quality_frame(quality: Quality, study: Study) -> pd.DataFrame:
    settings = study.autoencoder
    code = f"{settings.code_size}×{settings.code_size}×{settings.code_channels}"
    return pd.DataFrame([{"code": code, "psnr": quality.psnr, "ssim": quality.ssim, "images": quality.images}])
