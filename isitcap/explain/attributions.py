"""Attributions of the logit, reduced over channels to maps a ≥ 0, for any number of images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from isitcap.errors import UserError
from isitcap.explain.methods import BATCH, RULES, Batch, Rule
from isitcap.models.classifier import pooled_first
from isitcap.models.preprocessing import Detector
from isitcap.study.models import Attribution

Point = Literal["image", "classifier_input"]


@dataclass(frozen=True)
class Maps:
    """Maps (N, h, w), float32, ≥ 0, in the units of the attribution (logits per unit of intensity for Saliency).

    `completeness_error` (N,), in logits: |Σ attributions - (logit(x) - logit(black))|; None for a method whose
    attributions have no such sum. h × w is the image's size, but for Grad-CAM that of the layer.
    """

    maps: npt.NDArray[np.float32]
    completeness_error: npt.NDArray[np.float64] | None


def attribute(
    detector: Detector,
    images: torch.Tensor,
    method: str,
    point: Point,
    settings: Attribution | None = None,
    *,
    image_ids: Sequence[str] = (),
    seed: int = 0,
    background: torch.Tensor | None = None,
    done: Callable[[int], object] | None = None,
) -> Maps:
    """Maps of a detector on images; a map depends on its own image alone.

    Args:
        detector: classifier behind optional preprocessing; its gradient flags, modes and hooks are the same
            afterwards, also after an exception. Weights are frozen meanwhile: do not train it in another thread.
        images: (N, 3, H, W) in [0, 1], N at least 1.
        method: one of `RULES`.
        point: `image`, or `classifier_input`: what the preprocessing made of the image. Without preprocessing the two
            are the same.
        settings: steps, samples, window and so on; the defaults if None. Its methods and points do not matter.
        image_ids: N ids, which key the draws of a method that draws.
        seed: the study's, for the same.
        background: (B, 3, H, W) in [0, 1], the images that GradientSHAP takes as baselines.
        done: called with the number of images after each batch.

    Raises:
        UserError: the model cannot serve the method, or does not take images of this size.
    """
    settings = settings or Attribution()
    rule = RULES[method]
    if rule.random and len(image_ids) != len(images):
        raise ValueError(f"{method} draws for every image: {len(images)} images need as many ids, not {len(image_ids)}")
    if method == "gradient_shap" and background is None:
        raise ValueError("gradient_shap needs a background")
    maps: list[npt.NDArray[np.float32]] = []
    errors: list[npt.NDArray[np.float64]] = []
    with _frozen(detector):
        # a method on a layer's grid needs the layers as they are
        classifier = detector.classifier if rule.own_grid else pooled_first(detector.classifier)
        model: nn.Module = classifier if point == "classifier_input" else Detector(classifier, detector.preprocess)
        behind = images_at(detector, images[:0] if background is None else background, point)
        _check(detector, images[:1], rule, method, point)
        for start in range(0, len(images), BATCH):
            part = images_at(detector, images[start : start + BATCH], point).detach().clone()
            ids = image_ids[start : start + BATCH]
            batch = Batch(model, classifier, part.requires_grad_(), settings, ids, seed, behind)
            with torch.autocast(part.device.type, dtype=torch.bfloat16, enabled=settings.autocast):
                found = rule.attribute(batch).detach()
            if rule.complete:
                errors.append(_completeness_error(model, part.detach(), found))
            absolute = found.abs()
            reduced = absolute.amax(dim=1) if rule.channels == "maximum" else absolute.sum(dim=1)
            maps.append(reduced.float().cpu().numpy())
            if done is not None:
                done(len(part))
    return Maps(np.concatenate(maps), np.concatenate(errors) if errors else None)


@torch.no_grad()
def images_at(detector: Detector, images: torch.Tensor, point: Point) -> torch.Tensor:
    """Images as they are at the attribution point: themselves, or what the preprocessing made of them."""
    if point == "image" or detector.preprocess is None or len(images) == 0:
        return images
    found: torch.Tensor = detector.preprocess(images)
    return found


@contextmanager
def _frozen(detector: Detector) -> Iterator[None]:
    """Evaluation mode and no gradient to any weight within the block; all as before after it."""
    flags = [(parameter, parameter.requires_grad) for parameter in detector.parameters()]
    modes = [(module, module.training) for module in detector.modules()]  # a frozen part may differ from the whole
    try:
        detector.eval().requires_grad_(False)  # the images' gradient alone is wanted
        yield
    finally:
        for parameter, flag in flags:
            parameter.requires_grad_(flag)
        for module, training in modes:
            module.training = training


def _check(detector: Detector, one: torch.Tensor, rule: Rule, method: str, point: Point) -> None:
    """Refuse in one line what would fail in the middle of a method.

    Raises:
        UserError: the detector does not take the image, or has no gradient where the method needs one.
    """
    try:
        with torch.no_grad():
            detector(one)
    except (RuntimeError, ValueError) as error:
        height, width = one.shape[2:]
        raise UserError(
            f"images of {height} × {width} pixels: the detector does not take them ({_first_line(error)}); "
            "give images of the size it was trained with"
        ) from None
    if not rule.gradient:
        return
    try:
        with torch.enable_grad():
            at_point = images_at(detector, one, point).detach().clone().requires_grad_()
            logit = (detector.classifier if point == "classifier_input" else detector)(at_point)
        reason = "" if logit.requires_grad else "the logit does not depend on it differentiably"
    except (RuntimeError, ValueError) as error:
        reason = _first_line(error)
    if reason:
        raise UserError(
            f"attribution.methods: {method} needs a gradient at the point `{point}` and the model has none ({reason}); "
            "choose another method or point"
        )


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


@torch.no_grad()
def _completeness_error(model: nn.Module, images: torch.Tensor, attributions: torch.Tensor) -> npt.NDArray[np.float64]:
    """Always of the float32 logits, so that it holds what bfloat16 lost as well."""
    difference = model(images).double() - model(torch.zeros_like(images[:1])).double()
    sums = attributions.double().sum(dim=(1, 2, 3))
    return np.asarray((sums - difference).abs().cpu().numpy())
