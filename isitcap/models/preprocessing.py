"""The path of an image into the classifier: augment? → autoencode? → classify."""

from __future__ import annotations

import torch
from torch import nn

from isitcap.models.augmentation import augment
from isitcap.models.autoencoder import ConvAutoencoder
from isitcap.models.classifier import ConvClassifier
from isitcap.models.variants import Path
from isitcap.study.models import Augmentation


def to_float(pixels: torch.Tensor) -> torch.Tensor:
    """uint8 (N, H, W, 3) → float32 (N, 3, H, W) in [0, 1], channels-last in memory."""
    return pixels.permute(0, 3, 1, 2).float().div_(255)


class Preprocessing:
    """What a path does to images before the classifier; no gradient is taken through it.

    Args:
        path: which steps the path has.
        augmentation: ranges of the augmentation's parameters.
        autoencoder: the seed's frozen autoencoder, in evaluation mode; needed where the path has it.

    Raises:
        ValueError: the path needs an autoencoder and there is none.
    """

    def __init__(self, path: Path, augmentation: Augmentation, autoencoder: ConvAutoencoder | None) -> None:
        if path.autoencode and autoencoder is None:
            raise ValueError(f"the path `{path.name}` needs an autoencoder")
        self.path = path
        self.augmentation = augmentation
        self.autoencoder = autoencoder if path.autoencode else None

    @torch.no_grad()
    def __call__(self, images: torch.Tensor, draws: torch.Tensor | None) -> torch.Tensor:
        """Images (N, 3, H, W) in [0, 1] and their draws (N, DRAWS), if the path augments, to the classifier's input."""
        if self.path.augment:
            if draws is None:
                raise ValueError(f"the path `{self.path.name}` needs draws")
            images = augment(images, draws, self.augmentation)
        if self.autoencoder is not None:
            images = self.autoencoder(images).float()
        return images


class Detector(nn.Module):
    """Classifier behind an optional autoencoder, as one differentiable function of the image: (N, 3, H, W) → (N,)."""

    def __init__(self, classifier: ConvClassifier, autoencoder: ConvAutoencoder | None) -> None:
        super().__init__()
        self.classifier = classifier
        self.autoencoder = autoencoder

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logit of each image."""
        if self.autoencoder is not None:
            images = self.autoencoder(images)
        logits: torch.Tensor = self.classifier(images)
        return logits
