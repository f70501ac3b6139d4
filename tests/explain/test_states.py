from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from isitcap.explain.states import in_state, layers, similarity, state_names
from isitcap.models.classifier import ConvClassifier, build_classifier
from isitcap.study.models import Classifier
from isitcap.training.streams import stream

SETTINGS = Classifier()
SIZE, SEED = 8, 11


@pytest.fixture
def trained() -> ConvClassifier:
    """A classifier whose weights are neither those of its start nor of the randomisation."""
    model = build_classifier(SETTINGS, SIZE, torch.Generator().manual_seed(1))
    return model.eval().requires_grad_(False)


def weights(model: ConvClassifier) -> dict[str, list[float]]:
    return {name: layer.weight.flatten().tolist() for name, layer in layers(model).items()}


def test_layers_are_named_from_the_image_to_the_logit(trained: ConvClassifier) -> None:
    """Convolutions and dense layers are numbered in the order they are passed."""
    assert list(layers(trained)) == ["conv1", "conv2", "dense1", "dense2"]
    assert layers(trained)["conv1"] is trained.layers[0]
    assert layers(trained)["dense2"] is trained.layers[-1]


@pytest.mark.parametrize(
    ("architecture", "expected"),
    [("cifake", ("dense2", "dense1", "conv2", "conv1")), ("poster", ("dense3", "dense2", "dense1", "conv2", "conv1"))],
)
def test_randomisation_goes_from_the_logit_down(architecture: str, expected: tuple[str, ...]) -> None:
    """`randomised` stands for one state for each layer, the logit's first."""
    settings = Classifier(architecture=architecture)
    names = tuple(f"randomised-{layer}" for layer in expected)
    assert state_names(settings, ("randomised", "untrained")) == ("untrained", *names)
    assert state_names(settings, ("untrained",)) == ("untrained",)
    assert state_names(settings, ()) == ()


def test_untrained_has_the_weights_training_began_with(trained: ConvClassifier) -> None:
    """The untrained classifier is that of the seed's own stream."""
    found = in_state(trained, "untrained", SETTINGS, SIZE, SEED)
    assert weights(found) == weights(build_classifier(SETTINGS, SIZE, stream(SEED, "init")))
    assert not found.training
    assert not any(parameter.requires_grad for parameter in found.parameters())


def test_randomisation_cascades(trained: ConvClassifier) -> None:
    """Layers from the logit down to the named one are random, those before it as trained."""
    before = weights(trained)
    names, last = list(layers(trained)), {}
    for count, name in enumerate(reversed(names), 1):
        found = weights(in_state(trained, f"randomised-{name}", SETTINGS, SIZE, SEED))
        changed = {layer for layer in names if found[layer] != before[layer]}
        assert changed == set(names[-count:])
        assert all(found[layer] == last[layer] for layer in last if layer in names[-count + 1 :] and count > 1)
        last = found
    assert weights(trained) == before, "the trained classifier is left alone"


def test_random_weights_are_keyed_by_seed_and_are_not_the_initial_ones(trained: ConvClassifier) -> None:
    """The same seed gives the same random weights, another seed others, and none are those of the start."""
    once, again, other = (
        weights(in_state(trained, "randomised-conv1", SETTINGS, SIZE, seed)) for seed in (SEED, SEED, SEED + 1)
    )
    assert once == again
    assert once != other
    assert once["conv1"] != weights(in_state(trained, "untrained", SETTINGS, SIZE, SEED))["conv1"]


def test_trained_is_the_classifier_itself(trained: ConvClassifier) -> None:
    """The trained state needs no copy."""
    assert in_state(trained, "trained", SETTINGS, SIZE, SEED) is trained


def test_similarity_is_spearmans() -> None:
    """Rank correlation over pixels as SciPy gives it, 1 for a monotone change, NaN for a constant or broken map."""
    generator = np.random.default_rng(0)
    first = generator.random((6, 4, 5), dtype=np.float32)
    second = generator.random((6, 4, 5), dtype=np.float32).round(1)  # with ties
    second[1] = first[1] ** 3
    second[2] = 0.5
    second[3, 0, 0] = np.nan
    found = similarity(first, second)
    for row in (0, 4, 5):
        assert found[row] == pytest.approx(spearmanr(first[row].ravel(), second[row].ravel()).statistic)
    assert found[1] == pytest.approx(1)
    assert np.isnan(found[2:4]).all()
