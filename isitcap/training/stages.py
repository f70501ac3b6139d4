"""What one stage computes, on arrays and modules; what is written where is `isitcap.training.runs`' business."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import nn
from torch.nn import functional

from isitcap.data.assemble import ImageSet
from isitcap.errors import UserError
from isitcap.models.augmentation import test_draws, training_draws
from isitcap.models.autoencoder import ConvAutoencoder, build_autoencoder
from isitcap.models.classifier import ConvClassifier, build_classifier
from isitcap.models.preprocessing import Preprocessing, Preprocessors, to_float
from isitcap.models.variants import PATHS, VARIANTS, Variant, paths_of
from isitcap.progress import bar
from isitcap.study.models import Study
from isitcap.training.environment import Environment
from isitcap.training.loop import Epoch, fit
from isitcap.training.streams import stream

EVALUATION_BATCH = 512
"""Images at a time without gradients: larger is no faster here and takes more memory."""

CACHE_TYPE = torch.float16
"""Reconstructions kept for training: rounding them to float16 errs by less than a fortieth of a grey level."""


@dataclass(frozen=True)
class Quality:
    """Reconstruction quality on validation images: PSNR in dB over all of them, mean SSIM."""

    psnr: float
    ssim: float
    images: int


def train_autoencoder(
    study: Study, seed: int, train: ImageSet, validation: ImageSet, environment: Environment, *, show: bool = True
) -> tuple[ConvAutoencoder, list[Epoch], Quality]:
    """Train a seed's autoencoder on plain training images (mean squared error) and measure it on validation images.

    Raises:
        UserError: the loss is no longer finite.
    """
    settings, device, generator = study.autoencoder, environment.device, stream(seed, "autoencoder")
    model = build_autoencoder(settings, study.image.size, generator).to(device)
    pixels = torch.from_numpy(train.pixels)
    if settings.images is not None and settings.images < len(pixels):
        pixels = pixels[torch.randperm(len(pixels), generator=generator)[: settings.images].sort().values]
    held_out = torch.from_numpy(validation.pixels)

    def loss(indices: torch.Tensor) -> torch.Tensor:
        images = to_float(pixels[indices].to(device))
        return functional.mse_loss(model(images).float(), images)

    def validate() -> tuple[float, None]:
        errors = [float(functional.mse_loss(model(x), x)) * len(x) for x in _batches(held_out, device)]
        return sum(errors) / len(held_out), None

    with torch.enable_grad():
        history = fit(
            model,
            loss,
            torch.no_grad()(validate),
            count=len(pixels),
            settings=settings,
            order=generator,
            environment=environment,
            description=f"seed {seed} autoencoder",
            show=show,
        )
    return model, history, measure_quality(model, held_out, device)


@torch.no_grad()
def measure_quality(model: nn.Module, pixels: torch.Tensor, device: torch.device) -> Quality:
    """PSNR over all images together, and the mean over images of SSIM (Wang et al. 2004; 7 × 7 window, RGB)."""
    originals, copies = [], []
    for images in _batches(pixels, device):
        originals.append(images.permute(0, 2, 3, 1).cpu().numpy())
        copies.append(model(images).clamp(0, 1).permute(0, 2, 3, 1).cpu().numpy())
    original, copy = np.concatenate(originals), np.concatenate(copies)
    ssim = [structural_similarity(a, b, channel_axis=-1, data_range=1.0) for a, b in zip(original, copy, strict=True)]
    psnr = float(peak_signal_noise_ratio(original, copy, data_range=1.0))
    return Quality(psnr, float(np.mean(ssim)), len(pixels))


def train_classifier(
    study: Study,
    variant: Variant,
    seed: int,
    train: ImageSet,
    validation: ImageSet,
    preprocessors: Preprocessors,
    environment: Environment,
    *,
    show: bool = True,
) -> tuple[ConvClassifier, list[Epoch]]:
    """Train a variant's classifier through its own path (binary cross-entropy), validating through the same path.

    Initial weights and order are those of the seed, whatever the variant. `preprocessors` are the seed's modules.

    Raises:
        UserError: the loss is no longer finite.
    """
    device = environment.device
    path = Preprocessing(variant.path, study.augmentation, preprocessors)
    model = build_classifier(study.classifier, study.image.size, stream(seed, "init")).to(device)
    draws = stream(seed, "augment")
    labels = torch.from_numpy(train.labels.astype(np.float32)).to(device)
    fetch = _training_inputs(path, torch.from_numpy(train.pixels), environment)
    if variant.mixes:
        fetch = _mixed_inputs(fetch, study, seed, train, preprocessors, environment)
    held_out = [
        (inputs.cpu(), truth)
        for inputs, truth in zip(
            inputs_of(path, validation, study.split.seed, device),
            torch.from_numpy(validation.labels.astype(np.float32)).split(EVALUATION_BATCH),
            strict=True,
        )
    ]

    def loss(indices: torch.Tensor) -> torch.Tensor:
        uniform = training_draws(len(indices), draws) if path.path.augment else None
        return functional.binary_cross_entropy_with_logits(model(fetch(indices, uniform)).float(), labels[indices])

    def validate() -> tuple[float, float]:
        logits = torch.cat([model(inputs.to(device)).cpu() for inputs, _ in held_out])
        truth = torch.cat([truth for _, truth in held_out])
        accuracy = float(((logits > 0) == (truth > 0.5)).double().mean())
        return float(functional.binary_cross_entropy_with_logits(logits, truth)), accuracy

    history = fit(
        model,
        loss,
        torch.no_grad()(validate),
        count=len(train),
        settings=study.classifier,
        order=stream(seed, "order"),
        environment=environment,
        description=f"seed {seed} {variant.name}",
        show=show,
    )
    return model, history


@torch.no_grad()
def predict(
    study: Study,
    sets: Iterable[ImageSet],
    models: Mapping[str, ConvClassifier],
    preprocessors: Preprocessors,
    environment: Environment,
    *,
    description: str,
    show: bool = True,
) -> Iterator[tuple[str, ImageSet, dict[str, npt.NDArray[np.float32]]]]:
    """Logits of every model on every set through every path, in float32: yields (path, set, {model: (N,)}).

    The paths are those of `paths_of` the study's variants, or where `tested_through` is `own`, each model's own and
    that without augmentation. Each is computed once for all models.

    Raises:
        UserError: a logit is not finite.
    """
    sets = list(sets)
    for model in models.values():
        model.eval()
    tested = {
        path: [name for name in models if study.tested_through == "all" or path in VARIANTS[name].own_paths]
        for path in paths_of(study.variants)
    }
    paths = [path for path, names in tested.items() if names]
    with bar(len(paths) * sum(map(len, sets)), description, "images", show=show) as progress:
        for path in paths:
            preprocessing = Preprocessing(path, study.augmentation, preprocessors)
            for images in sets:
                logits: dict[str, list[torch.Tensor]] = {name: [] for name in tested[path]}
                for inputs in inputs_of(preprocessing, images, study.split.seed, environment.device):
                    for name in logits:
                        logits[name].append(models[name](inputs).float().cpu())
                    progress.update(len(inputs))
                found = {name: torch.cat(parts).numpy() for name, parts in logits.items()}
                for name, values in found.items():
                    if not np.isfinite(values).all():
                        raise UserError(
                            f"{name}, path {path.name}, test set {images.name}: "
                            f"{int((~np.isfinite(values)).sum())} logits are not finite; lower the learning rate"
                        )
                yield path.name, images, found


def _training_inputs(
    path: Preprocessing, pixels: torch.Tensor, environment: Environment
) -> Callable[[torch.Tensor, torch.Tensor | None], torch.Tensor]:
    """From indices and draws to the classifier's inputs.

    A path that is the same every epoch and not free is computed once for all images.
    """
    device = environment.device
    if path.module is None or path.path.augment:
        return lambda indices, uniform: path(to_float(pixels[indices].to(device)), uniform)
    # Filled in place: parts put together at the end would hold everything twice.
    shape = (len(pixels), pixels.shape[3], *pixels.shape[1:3])
    kept = torch.empty(shape, dtype=CACHE_TYPE, memory_format=torch.channels_last)
    for start in range(0, len(pixels), EVALUATION_BATCH):
        rows = slice(start, start + EVALUATION_BATCH)
        with environment.mixed():
            kept[rows] = path(to_float(pixels[rows].to(device)), None).to("cpu", CACHE_TYPE)
    return lambda indices, _: kept[indices].to(device).float()


def _mixed_inputs(
    plain: Callable[[torch.Tensor, torch.Tensor | None], torch.Tensor],
    study: Study,
    seed: int,
    train: ImageSet,
    preprocessors: Preprocessors,
    environment: Environment,
) -> Callable[[torch.Tensor, torch.Tensor | None], torch.Tensor]:
    """As `plain`, each image with probability `training_mix` replaced by its reconstruction, drawn at every use."""
    through = Preprocessing(PATHS["autoencode"], study.augmentation, preprocessors)
    reconstructed = _training_inputs(through, torch.from_numpy(train.pixels), environment)
    draws = stream(seed, "mix")

    def fetch(indices: torch.Tensor, uniform: torch.Tensor | None) -> torch.Tensor:
        chosen = torch.rand(len(indices), generator=draws) < study.training_mix
        images = plain(indices, uniform)
        images[chosen.to(images.device)] = reconstructed(indices[chosen], None)
        return images

    return fetch


def inputs_of(path: Preprocessing, images: ImageSet, seed: int, device: torch.device) -> Iterator[torch.Tensor]:
    """The inputs of the classifier for every image of a set, batch by batch; `seed` keys the augmentation's draws."""
    draws = test_draws(images.index["image_id"], seed) if path.path.augment else None
    pixels = torch.from_numpy(images.pixels)
    for start in range(0, len(pixels), EVALUATION_BATCH):
        rows = slice(start, start + EVALUATION_BATCH)
        yield path(to_float(pixels[rows].to(device)), None if draws is None else draws[rows])


def _batches(pixels: torch.Tensor, device: torch.device) -> Iterator[torch.Tensor]:
    for part in pixels.split(EVALUATION_BATCH):
        yield to_float(part.to(device))


def freeze(model: nn.Module) -> None:
    """Evaluation mode, and no gradient to any weight."""
    model.eval().requires_grad_(False)
