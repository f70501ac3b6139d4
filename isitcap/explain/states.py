"""Classifiers that maps are compared with: not trained yet, or trained and then randomised layer by layer.

If maps look the same when the weights are random, they tell of the image and the architecture, not of what the
classifier has learnt (Adebayo et al., NeurIPS 2018).
"""

from __future__ import annotations

import copy

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from analysis.agreement import pair_agreement
from isitcap.models.classifier import ConvClassifier, build_classifier
from isitcap.records.directory import TRAINED
from isitcap.study.models import Classifier
from isitcap.training.streams import stream

UNTRAINED = "untrained"
"""The classifier with the initial weights of its seed, behind the trained preprocessing."""

RANDOMISED = "randomised-"
"""Begins the states of cascading randomisation: all layers from the logit down to the one that is named."""


def layers(classifier: ConvClassifier) -> dict[str, nn.Module]:
    """The layers with weights, `conv1`, `conv2`, …, `dense1`, …, from the image to the logit."""
    found: dict[str, nn.Module] = {}
    for kind, name in ((nn.Conv2d, "conv"), (nn.Linear, "dense")):
        of_kind = [layer for layer in classifier.layers if isinstance(layer, kind)]
        found |= {f"{name}{number}": layer for number, layer in enumerate(of_kind, 1)}
    return found


def state_names(settings: Classifier, asked: tuple[str, ...]) -> tuple[str, ...]:
    """The states that `attribution.states` stands for; `randomised` is one for each layer, the logit's first."""
    names: list[str] = [UNTRAINED] if UNTRAINED in asked else []
    if "randomised" in asked:
        # The smallest image will do: layers do not depend on the size.
        sketch = build_classifier(settings, 8, torch.Generator())
        names += [f"{RANDOMISED}{layer}" for layer in reversed(layers(sketch))]
    return tuple(names)


def in_state(classifier: ConvClassifier, state: str, settings: Classifier, size: int, seed: int) -> ConvClassifier:
    """A classifier in another state, on the same device; the one given is not changed.

    Args:
        classifier: as trained.
        state: `trained`, `untrained` or `randomised-<layer>`.
        settings: its own.
        size: pixels on a side of its images.
        seed: the run's: initial weights are those the training began with, random ones have a stream of their own.
    """
    if state == TRAINED:
        return classifier
    device = next(classifier.parameters()).device
    if state == UNTRAINED:
        return build_classifier(settings, size, stream(seed, "init")).to(device).eval().requires_grad_(False)
    changed = copy.deepcopy(classifier)
    own, fresh = layers(changed), layers(build_classifier(settings, size, stream(seed, "randomise")))
    names = list(own)
    for name in names[names.index(state.removeprefix(RANDOMISED)) :]:
        own[name].load_state_dict(fresh[name].state_dict())
    return changed


def similarity(trained: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Spearman's rank correlation over the pixels of two maps of the same image, (M,), from -1 to 1.

    Both are (M, H, W); NaN where either map is constant or not finite.
    """
    return np.asarray(pair_agreement(trained[None], other[None])[0])
