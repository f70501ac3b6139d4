"""The classifiers: a batch of images (N, 3, H, W) in [0, 1] to N logits, positive = synthetic."""

from __future__ import annotations

import torch
from torch import nn

from isitcap.models.initialise import build
from isitcap.study.models import Classifier


class ConvClassifier(nn.Module):
    """Two convolutions with pooling, dense layers, one logit. Returns shape (N,)."""

    def __init__(self, layers: nn.Sequential) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) → (N,)."""
        logits: torch.Tensor = self.layers(images)
        return logits.squeeze(1)


def pooled_first(classifier: ConvClassifier) -> ConvClassifier:
    """The same function with the same layers, but each ReLU in front of a max-pool put behind it.

    Both are monotone, so the logit is equal to the bit, and the gradient as well: where a window's largest value is
    not above 0, either order passes nothing on. A pool that shrinks the image leaves the ReLU less to do. A classifier
    that does more than its layers is returned as it is.
    """
    if type(classifier) is not ConvClassifier:
        return classifier
    layers = list(classifier.layers)
    for number in range(len(layers) - 1):
        if isinstance(layers[number], nn.ReLU) and isinstance(layers[number + 1], nn.MaxPool2d):
            layers[number : number + 2] = layers[number + 1], layers[number]
    return ConvClassifier(nn.Sequential(*layers)).train(classifier.training)


def build_classifier(settings: Classifier, size: int, generator: torch.Generator) -> ConvClassifier:
    """A classifier for `size` × `size` images with weights drawn from `generator`.

    `cifake`: the best of the 36 topologies of Bird & Lotfi (IEEE Access 12, 2024), with padding 1: 141,345
    parameters at 32 px. `poster`: the wider net of the poster's published code, whose pools do not shrink the image
    (3 × 3, stride 1): 2,111,585 parameters at 32 px. Weights are torch's default initialisation.
    """
    pool: nn.Module
    dense: tuple[int, ...]
    if settings.architecture == "cifake":
        pool, features, dense = nn.MaxPool2d(2), 32 * (size // 4) ** 2, (64,)
    else:
        pool, features, dense = nn.MaxPool2d(3, stride=1, padding=1), 32 * size**2, (64, 64)

    def layers() -> ConvClassifier:
        modules: list[nn.Module] = []
        for channels in (3, 32):
            modules += [nn.Conv2d(channels, 32, 3, padding=1), nn.ReLU(), pool]
        modules.append(nn.Flatten())
        width = features
        for hidden in dense:
            modules += [nn.Linear(width, hidden), nn.ReLU()]
            width = hidden
        modules.append(nn.Linear(width, 1))
        return ConvClassifier(nn.Sequential(*modules))

    return build(layers, generator)
