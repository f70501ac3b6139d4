"""The path of an image into the classifier: augment? → preprocess? → classify."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from isitcap.models.augmentation import augment
from isitcap.models.classifier import ConvClassifier
from isitcap.models.variants import Path
from isitcap.study.models import Augmentation

Preprocessors = Mapping[str, nn.Module]
"""A seed's modules by the name a path gives its preprocessing: frozen, in evaluation mode, images to images."""


def to_float(pixels: torch.Tensor) -> torch.Tensor:
    """uint8 (N, H, W, 3) → float32 (N, 3, H, W) in [0, 1], channels-last in memory."""
    return pixels.permute(0, 3, 1, 2).float().div_(255)


class Preprocessing:
    """What a path does to images before the classifier; no gradient is taken through it.

    Args:
        path: which steps the path has.
        augmentation: ranges of the augmentation's parameters.
        preprocessors: the seed's modules; the one that the path names is needed.

    Raises:
        ValueError: the module that the path names is missing.
    """

    def __init__(self, path: Path, augmentation: Augmentation, preprocessors: Preprocessors) -> None:
        if path.preprocess != "none" and path.preprocess not in preprocessors:
            raise ValueError(f"the path `{path.name}` needs the preprocessing `{path.preprocess}`")
        self.path = path
        self.augmentation = augmentation
        self.module = preprocessors[path.preprocess] if path.preprocess != "none" else None

    @torch.no_grad()
    def __call__(self, images: torch.Tensor, draws: torch.Tensor | None) -> torch.Tensor:
        """Images (N, 3, H, W) in [0, 1] and their draws (N, DRAWS), if the path augments, to the classifier's input."""
        if self.path.augment:
            if draws is None:
                raise ValueError(f"the path `{self.path.name}` needs draws")
            images = augment(images, draws, self.augmentation)
        if self.module is not None:
            images = self.module(images).float()
        return images


class Detector(nn.Module):
    """Classifier behind an optional preprocessing module, as one function of the image: (N, 3, H, W) → (N,).

    It is differentiable where the preprocessing is.
    """

    def __init__(self, classifier: ConvClassifier, preprocess: nn.Module | None) -> None:
        super().__init__()
        self.classifier = classifier
        self.preprocess = preprocess

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logit of each image."""
        if self.preprocess is not None:
            images = self.preprocess(images)
        logits: torch.Tensor = self.classifier(images)
        return logits
