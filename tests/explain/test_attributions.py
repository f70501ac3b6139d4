from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from isitcap.explain import attributions
from isitcap.explain.attributions import RULES, attribute
from isitcap.models.autoencoder import build_autoencoder
from isitcap.models.classifier import ConvClassifier
from isitcap.models.initialise import build
from isitcap.models.preprocessing import Detector
from isitcap.study.models import Autoencoder

SIZE = 8


def classifier(layers: Callable[[], list[nn.Module]]) -> ConvClassifier:
    return build(lambda: ConvClassifier(nn.Sequential(*layers())), torch.Generator().manual_seed(0))


def linear() -> ConvClassifier:
    return classifier(lambda: [nn.Flatten(), nn.Linear(3 * SIZE**2, 1)])


def detector(autoencoder: bool = True) -> Detector:
    net = classifier(lambda: [nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(4 * SIZE**2, 1)])
    settings = Autoencoder(epochs=1, code_size=4, code_channels=2, width=4)
    return Detector(net, build_autoencoder(settings, SIZE, torch.Generator().manual_seed(1)) if autoencoder else None)


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(5, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(2))


def test_saliency_of_a_linear_model_is_its_weights(images: torch.Tensor) -> None:
    """The gradient of a linear logit is the weight, so the map is the largest |w| over channels, for every image."""
    model = linear()
    weight = model.layers[1].weight.detach().reshape(3, SIZE, SIZE)
    maps = attribute(Detector(model, None), images, "saliency", "image")
    assert maps.dtype == np.float32
    np.testing.assert_allclose(maps, np.tile(weight.abs().amax(dim=0).numpy(), (5, 1, 1)), rtol=1e-5)


@pytest.mark.parametrize("method", ["input_x_gradient", "integrated_gradients"])
def test_products_of_a_linear_model_are_weight_times_image(images: torch.Tensor, method: str) -> None:
    """Both methods that multiply by the image give Σ|w·x| over channels for a linear logit."""
    model = linear()
    weight = model.layers[1].weight.detach().reshape(3, SIZE, SIZE)
    maps = attribute(Detector(model, None), images, method, "image")
    np.testing.assert_allclose(maps, (weight * images).abs().sum(dim=1).numpy(), rtol=1e-4, atol=1e-6)


def test_integrated_gradients_are_complete(images: torch.Tensor) -> None:
    """The signed attributions add up to the logit's difference from black."""
    model = detector().eval()
    found = RULES["integrated_gradients"].attribute(model, images.clone().requires_grad_(), 256)
    with torch.no_grad():
        expected = model(images) - model(torch.zeros_like(images))
    torch.testing.assert_close(found.sum(dim=(1, 2, 3)).float(), expected, atol=2e-3, rtol=0)
    maps = attribute(model, images, "integrated_gradients", "image", steps=256)
    np.testing.assert_allclose(maps, found.detach().abs().sum(dim=1).float().numpy(), atol=1e-6)


@pytest.mark.parametrize("method", list(RULES))
@pytest.mark.parametrize("point", ["image", "classifier_input"])
def test_batches_do_not_matter(images: torch.Tensor, method: str, point: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A map depends on its image alone, whatever the size of the batch."""
    model = detector()
    whole = attribute(model, images, method, point, steps=8)
    assert whole.shape == (5, SIZE, SIZE)
    assert whole.min() >= 0
    monkeypatch.setattr(attributions, "BATCH", 2)
    np.testing.assert_allclose(attribute(model, images, method, point, steps=8), whole, atol=1e-6)


@pytest.mark.parametrize("method", list(RULES))
def test_the_classifiers_input_is_the_reconstruction(images: torch.Tensor, method: str) -> None:
    """The map at the classifier's input is the classifier's own map of the reconstruction."""
    model = detector()
    assert model.autoencoder is not None
    with torch.no_grad():
        copies = model.autoencoder(images)
    own = attribute(Detector(model.classifier, None), copies, method, "image")
    found = attribute(model, images, method, "classifier_input")
    np.testing.assert_allclose(found, own, atol=1e-6)
    assert not np.allclose(found, attribute(model, images, method, "image"))


def test_without_an_autoencoder_the_points_agree(images: torch.Tensor) -> None:
    """A classifier alone has one attribution point under two names."""
    model = detector(autoencoder=False)
    first, second = (attribute(model, images, "saliency", point) for point in ("image", "classifier_input"))
    assert np.array_equal(first, second)


class FailingError(Exception):
    pass


@pytest.mark.parametrize("fails", [False, True])
def test_the_detector_is_left_as_it_was(images: torch.Tensor, fails: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gradient flags, every module's mode, weights and images are the same afterwards, also when a method fails."""
    model = detector()
    assert model.autoencoder is not None
    model.train()
    model.autoencoder.eval().requires_grad_(False)
    if fails:

        def fail(*_: object) -> torch.Tensor:
            raise FailingError

        monkeypatch.setitem(RULES, "saliency", attributions.Rule("maximum", fail))

    def state() -> list[object]:
        return [
            [p.requires_grad for p in model.parameters()],
            [m.training for m in model.modules()],
            [p.grad for p in model.parameters()],
            [p.detach().flatten().tolist() for p in model.parameters()],
            images.requires_grad,
        ]

    before, rng = state(), torch.get_rng_state()
    try:
        attribute(model, images, "saliency", "image")
        assert not fails
    except FailingError:
        assert fails
    assert state() == before
    assert torch.equal(rng, torch.get_rng_state())
