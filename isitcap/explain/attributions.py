"""Attributions of the logit, reduced over channels to maps a ≥ 0."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from captum.attr import InputXGradient, IntegratedGradients, Saliency
from torch import nn

from isitcap.models.preprocessing import Detector

Method = Literal["saliency", "input_x_gradient", "integrated_gradients"]
Point = Literal["image", "classifier_input"]
ChannelRule = Literal["maximum", "sum"]

BATCH = 128
"""Images at a time; a result does not depend on it."""


@dataclass(frozen=True)
class Rule:
    """How a method's attributions (N, 3, H, W) become maps (N, H, W): the channel rule on absolute values."""

    channels: ChannelRule
    attribute: Callable[[nn.Module, torch.Tensor, int], torch.Tensor]


def _saliency(model: nn.Module, images: torch.Tensor, steps: int) -> torch.Tensor:  # noqa: ARG001
    found: torch.Tensor = Saliency(model).attribute(images, abs=True)
    return found


def _input_x_gradient(model: nn.Module, images: torch.Tensor, steps: int) -> torch.Tensor:  # noqa: ARG001
    found: torch.Tensor = InputXGradient(model).attribute(images)
    return found


def _integrated_gradients(model: nn.Module, images: torch.Tensor, steps: int) -> torch.Tensor:
    found: torch.Tensor = IntegratedGradients(model).attribute(
        images, baselines=0.0, n_steps=steps, internal_batch_size=BATCH
    )
    return found


RULES: dict[str, Rule] = {
    # the maximum over channels is the rule of Simonyan et al. (2014), who named the method
    "saliency": Rule("maximum", _saliency),
    "input_x_gradient": Rule("sum", _input_x_gradient),
    "integrated_gradients": Rule("sum", _integrated_gradients),
}
"""Methods by name. Attributions are of the logit: the sigmoid's gradient vanishes where the classifier is sure."""


def attribute(
    detector: Detector, images: torch.Tensor, method: Method, point: Point, *, steps: int = 32
) -> npt.NDArray[np.float32]:
    """Maps of a detector on images.

    Args:
        detector: classifier behind an optional autoencoder; its gradient flags and modes are the same afterwards.
        images: (N, 3, H, W) in [0, 1].
        method: one of `RULES`.
        point: `image`, or `classifier_input`: what the autoencoder made of the image. Without an autoencoder the
            two are the same.
        steps: of Integrated Gradients (baseline: black).

    Returns:
        (N, H, W), float32, ≥ 0, in the units of the attribution (logits per unit of intensity for Saliency).
    """
    rule, maps = RULES[method], []
    flags = [(parameter, parameter.requires_grad) for parameter in detector.parameters()]
    modes = [(module, module.training) for module in detector.modules()]  # a frozen part may differ from the whole
    try:
        detector.eval().requires_grad_(False)  # the images' gradient alone is wanted
        for batch in images.split(BATCH):
            model: nn.Module = detector
            if point == "classifier_input":
                model = detector.classifier
                if detector.autoencoder is not None:
                    with torch.no_grad():
                        batch = detector.autoencoder(batch)
            found = rule.attribute(model, batch.detach().clone().requires_grad_(), steps).detach().abs()
            reduced = found.amax(dim=1) if rule.channels == "maximum" else found.sum(dim=1)
            maps.append(reduced.float().cpu().numpy())
    finally:
        for parameter, flag in flags:
            parameter.requires_grad_(flag)
        for module, training in modes:
            module.training = training
    return np.concatenate(maps)
