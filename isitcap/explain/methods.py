"""The attribution methods, each on one batch: signed attributions of the logit.

Attributions are of the logit, since the sigmoid's gradient vanishes where the classifier is sure. Captum computes
them; where one of its methods draws from a global generator (NoiseTunnel, GradientShap), the draws are ours, keyed by
image, and Captum gives the gradients. Of its two approximations of Shapley values GradientSHAP is offered and DeepLift
is not: the classifiers use one pooling module twice, which DeepLift's hooks cannot follow (Captum issues 200, 1104).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from captum.attr import InputXGradient, IntegratedGradients, LayerGradCam, Occlusion, Saliency
from torch import nn

from isitcap.errors import UserError
from isitcap.explain.draws import image_generator
from isitcap.models.classifier import ConvClassifier
from isitcap.study.models import Attribution

ChannelRule = Literal["maximum", "sum"]

BATCH = 128
"""Images, or copies of them, in a batch."""

AT_ONCE = 32
"""Of a batch, as many whose gradients are taken at once in float32, and twice as many in bfloat16.

Of more, activations are so large that the C library hands their memory back after each layer: it is asked for again,
page by page, which took 40 % of the time.
"""


@dataclass(frozen=True)
class Batch:
    """Some images at their attribution point, and what methods need beside them.

    model:      from the attribution point to the logit, (n, 3, H, W) → (n,).
    classifier: the part of it whose layers Grad-CAM weighs.
    images:     (n, 3, H, W), a leaf that asks for its gradient.
    image_ids:  n ids, which key the draws.
    seed:       the study's.
    background: (B, 3, H, W), images that GradientSHAP takes as baselines.
    """

    model: nn.Module
    classifier: ConvClassifier
    images: torch.Tensor
    settings: Attribution
    image_ids: Sequence[str]
    seed: int
    background: torch.Tensor


@dataclass(frozen=True)
class Rule:
    """A method, and how its attributions (n, C, h, w) become maps (n, h, w): the channel rule on absolute values.

    gradient: it needs the gradient of the logit at the attribution point.
    own_grid: its maps lie on the grid of a layer of the classifier, hence are the same at every attribution point.
    complete: its attributions add up to the logit's difference from a black image.
    random:   it draws; the draws are keyed by image.
    """

    channels: ChannelRule
    attribute: Callable[[Batch], torch.Tensor]
    gradient: bool = True
    own_grid: bool = False
    complete: bool = False
    random: bool = False


def _saliency(batch: Batch) -> torch.Tensor:
    """|∂logit/∂x| (Simonyan et al. 2014)."""
    return torch.cat([Saliency(batch.model).attribute(part, abs=True) for part in _parts(batch.images, batch)])


def _input_x_gradient(batch: Batch) -> torch.Tensor:
    """Image times gradient, x · ∂logit/∂x (Shrikumar et al. 2016)."""
    return torch.cat([InputXGradient(batch.model).attribute(part) for part in _parts(batch.images, batch)])


def _integrated_gradients(batch: Batch) -> torch.Tensor:
    """Image times mean gradient, x · ∫ ∂logit/∂x along the straight line from black (Sundararajan et al. 2017).

    By Gauss–Legendre quadrature.
    """
    # Sums are made over so many steps at a time: a map's last digits hang on that, and finished runs have them.
    together = min(max(1, BATCH // len(batch.images)), batch.settings.steps)
    return torch.cat(
        [
            IntegratedGradients(batch.model).attribute(
                part, baselines=0.0, n_steps=batch.settings.steps, internal_batch_size=len(part) * together
            )
            for part in _parts(batch.images, batch, together)
        ]
    )


def _smoothgrad(batch: Batch) -> torch.Tensor:
    """Mean of ∂logit/∂x over copies with Gaussian noise (Smilkov et al. 2017): signed, as they define it."""
    shape, settings = tuple(batch.images.shape[1:]), batch.settings
    generators = [image_generator(batch.seed, "smoothgrad", image_id) for image_id in batch.image_ids]
    images, total = batch.images.detach(), torch.zeros_like(batch.images)
    for _ in range(settings.samples):
        noise = np.stack([generator.standard_normal(shape, np.float32) for generator in generators])
        total += _gradient(batch, images + settings.noise * torch.from_numpy(noise).to(images.device))
    return total / settings.samples


def _gradient_shap(batch: Batch) -> torch.Tensor:
    """Mean of (x - b) · ∂logit/∂x at b + α (x - b), b drawn from the background, α uniform (Lundberg & Lee 2017).

    Known as expected gradients (Erion et al. 2021), with real and synthetic images as background.
    """
    settings, count = batch.settings, len(batch.background)
    generators = [image_generator(batch.seed, "gradient_shap", image_id) for image_id in batch.image_ids]
    rows = torch.from_numpy(np.stack([g.integers(count, size=settings.samples) for g in generators], axis=1))
    shares = torch.from_numpy(np.stack([g.random(settings.samples, np.float32) for g in generators], axis=1))
    images, total = batch.images.detach(), torch.zeros_like(batch.images)
    for row, share in zip(rows.to(images.device), shares.to(images.device), strict=True):
        away = images - batch.background[row]
        total += away * _gradient(batch, images - (1 - share)[:, None, None, None] * away)
    return total / settings.samples


def _gradcam(batch: Batch) -> torch.Tensor:
    """Σ_k (mean gradient of the channel) · activation, cut at 0 (Selvaraju et al. 2017), at the layer's own grid.

    The layer is the last convolution with its ReLU, before any pooling.
    """
    found: torch.Tensor = LayerGradCam(batch.model, last_activation(batch.classifier)).attribute(
        batch.images, relu_attributions=True
    )
    return found


def _occlusion(batch: Batch) -> torch.Tensor:
    """Fall of the logit where a window is filled with the image's mean colour (Zeiler & Fergus 2014).

    A pixel's value is the mean over the windows that cover it; the same for all channels.
    """
    images, window, stride = batch.images.detach(), batch.settings.window, batch.settings.stride
    found: torch.Tensor = Occlusion(batch.model).attribute(
        images,
        sliding_window_shapes=(images.shape[1], window, window),
        strides=(images.shape[1], stride, stride),
        baselines=images.mean(dim=(2, 3), keepdim=True).expand_as(images),
        perturbations_per_eval=max(1, BATCH // len(images)),
    )
    return found


RULES: dict[str, Rule] = {
    # the maximum over channels is the rule of Simonyan et al., who named the method
    "saliency": Rule("maximum", _saliency),
    "input_x_gradient": Rule("sum", _input_x_gradient),
    "integrated_gradients": Rule("sum", _integrated_gradients, complete=True),
    "smoothgrad": Rule("maximum", _smoothgrad, random=True),
    "gradient_shap": Rule("sum", _gradient_shap, random=True),
    "gradcam": Rule("maximum", _gradcam, own_grid=True),  # one channel
    "occlusion": Rule("maximum", _occlusion, gradient=False),  # equal channels
}
"""Methods by name."""


def last_activation(classifier: ConvClassifier) -> nn.Module:
    """The ReLU behind the last convolution, or the convolution itself where no ReLU follows it.

    Raises:
        UserError: there is no convolution.
    """
    layers = list(classifier.layers)
    last = max((n for n, layer in enumerate(layers) if isinstance(layer, nn.Conv2d)), default=None)
    if last is None:
        raise UserError(
            "attribution.methods: gradcam weighs the channels of a convolution and the classifier has none; "
            "remove the method"
        )
    behind = layers[last + 1] if last + 1 < len(layers) else None
    return behind if isinstance(behind, nn.ReLU) else layers[last]


def _gradient(batch: Batch, images: torch.Tensor) -> torch.Tensor:
    images = images.contiguous(memory_format=torch.channels_last)
    return torch.cat([Saliency(batch.model).attribute(part, abs=False) for part in _parts(images, batch)])


def _parts(images: torch.Tensor, batch: Batch, copies: int = 1) -> list[torch.Tensor]:
    """A batch's images in parts whose gradients are taken at once, each a leaf that asks for its own.

    They are of almost equal size: products with the few rows of a small rest would round differently.
    """
    size = max(1, AT_ONCE * (2 if batch.settings.autocast else 1) // copies)
    return [part.detach().requires_grad_() for part in images.tensor_split(math.ceil(len(images) / size))]
