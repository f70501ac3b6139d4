from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from isitcap.errors import UserError
from isitcap.explain import attributions, methods
from isitcap.explain.attributions import Maps, attribute, images_at
from isitcap.explain.methods import RULES, Rule
from isitcap.models.classifier import ConvClassifier
from isitcap.models.controls import JpegRoundTrip
from isitcap.models.preprocessing import Detector
from isitcap.study.models import Attribution

SIZE = 8
IDS = [f"files/{n}.png" for n in range(5)]
SETTINGS = Attribution(steps=8, samples=4)
GRADIENTS = [name for name, rule in RULES.items() if rule.gradient]


def explain(model: Detector, images: torch.Tensor, method: str, point: str = "image", **more: Any) -> Maps:
    given = {"image_ids": IDS[: len(images)], "seed": 3, "background": torch.full((2, 3, SIZE, SIZE), 0.5)} | more
    return attribute(model, images, method, point, given.pop("settings", SETTINGS), **given)


def test_saliency_of_a_linear_model_is_its_weights(linear: ConvClassifier, images: torch.Tensor) -> None:
    """The gradient of a linear logit is the weight, so the map is the largest |w| over channels, for every image."""
    weight = linear.layers[1].weight.detach().reshape(3, SIZE, SIZE)
    found = explain(Detector(linear, None), images, "saliency")
    assert found.maps.dtype == np.float32
    assert found.completeness_error is None
    np.testing.assert_allclose(found.maps, np.tile(weight.abs().amax(dim=0).numpy(), (5, 1, 1)), rtol=1e-5)


@pytest.mark.parametrize("method", ["input_x_gradient", "integrated_gradients"])
def test_products_are_summed_over_channels(linear: ConvClassifier, images: torch.Tensor, method: str) -> None:
    """Methods that multiply by the image give Σ|w·x| over channels for a linear logit."""
    weight = linear.layers[1].weight.detach().reshape(3, SIZE, SIZE)
    found = explain(Detector(linear, None), images, method)
    np.testing.assert_allclose(found.maps, (weight * images).abs().sum(dim=1).numpy(), rtol=1e-4, atol=1e-6)


def test_completeness_is_checked_on_every_map(detector: Detector, images: torch.Tensor) -> None:
    """The error of Integrated Gradients is that of its sums against the logits, and falls with the steps."""
    few, many = (
        explain(detector, images, "integrated_gradients", settings=Attribution(steps=steps)) for steps in (2, 256)
    )
    assert few.completeness_error is not None
    assert many.completeness_error is not None
    assert many.completeness_error.shape == (5,)
    assert many.completeness_error.max() < 2e-3
    assert few.completeness_error.max() > many.completeness_error.max()
    model = detector.eval()
    signed = RULES["integrated_gradients"].attribute(
        methods.Batch(
            model, model.classifier, images.clone().requires_grad_(), Attribution(steps=2), IDS, 0, images[:0]
        )
    )
    with torch.no_grad():
        rise = model(images) - model(torch.zeros_like(images[:1]))
    expected = (signed.detach().sum(dim=(1, 2, 3)) - rise).abs()
    np.testing.assert_allclose(few.completeness_error, expected.numpy(), atol=1e-5)


@pytest.mark.parametrize("method", list(RULES))
@pytest.mark.parametrize("point", ["image", "classifier_input"])
def test_batches_do_not_matter(
    detector: Detector, images: torch.Tensor, method: str, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A map depends on its image alone, whatever the size of the batch and whatever else is in it."""
    whole = explain(detector, images, method, point)
    assert whole.maps.shape == (5, SIZE, SIZE)
    assert whole.maps.min() >= 0
    assert whole.maps.max() > 0
    single = explain(detector, images[3:4], method, point, image_ids=IDS[3:4])
    np.testing.assert_allclose(single.maps[0], whole.maps[3], atol=1e-6)
    for module in (attributions, methods):
        monkeypatch.setattr(module, "BATCH", 2)
    seen: list[int] = []
    parts = explain(detector, images, method, point, done=seen.append)
    np.testing.assert_allclose(parts.maps, whole.maps, atol=1e-6)
    assert seen == [2, 2, 1]


@pytest.mark.parametrize("method", list(RULES))
def test_the_same_seed_gives_the_same_maps(detector: Detector, images: torch.Tensor, method: str) -> None:
    """Maps are equal to the bit with equal seeds; with another seed only those of a method that draws differ."""
    first, again, other = (explain(detector, images, method, seed=seed).maps for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert np.array_equal(first, other) == (not RULES[method].random)


@pytest.mark.parametrize("method", list(RULES))
def test_the_classifiers_input_is_the_reconstruction(detector: Detector, images: torch.Tensor, method: str) -> None:
    """The map at the classifier's input is the classifier's own map of the reconstruction."""
    copies = images_at(detector, images, "classifier_input")
    background = torch.full((2, 3, SIZE, SIZE), 0.5)
    own = explain(
        Detector(detector.classifier, None),
        copies,
        method,
        background=images_at(detector, background, "classifier_input"),
    )
    found = explain(detector, images, method, "classifier_input")
    np.testing.assert_allclose(found.maps, own.maps, atol=1e-6)
    at_image = explain(detector, images, method)
    # Grad-CAM weighs a layer behind the preprocessing, so that it is the same at both points
    assert np.allclose(found.maps, at_image.maps, atol=1e-7) == RULES[method].own_grid


def test_without_preprocessing_the_points_agree(alone: Detector, images: torch.Tensor) -> None:
    """A classifier alone has one attribution point under two names."""
    first, second = (explain(alone, images, "saliency", point) for point in ("image", "classifier_input"))
    assert np.array_equal(first.maps, second.maps)


@pytest.mark.parametrize("method", list(RULES))
def test_autocast_stays_near(detector: Detector, images: torch.Tensor, method: str) -> None:
    """In bfloat16 the maps are float32 still and differ by little, but differ."""
    plain = explain(detector, images, method, "classifier_input").maps
    settings = SETTINGS.model_copy(update={"autocast": True})
    rounded = explain(detector, images, method, "classifier_input", settings=settings).maps
    assert rounded.dtype == np.float32
    assert np.abs(rounded - plain).mean() < 0.05 * plain.max()
    assert not np.array_equal(rounded, plain)


class FailingError(Exception):
    pass


class Fails(nn.Module):
    """Passes images on until it is called for the third time."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        if self.calls > 2:
            raise FailingError
        return images


def traces(model: Detector, images: torch.Tensor) -> list[object]:
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return [
        [p.requires_grad for p in model.parameters()],
        [m.training for m in model.modules()],
        [p.grad for p in model.parameters()],
        [p.detach().flatten().tolist() for p in model.parameters()],
        [len(getattr(m, name)) for m in model.modules() for name in hooks],
        images.requires_grad,
        images.grad,
        torch.get_rng_state().tolist(),
        np.random.get_state()[1].tolist(),  # noqa: NPY002
    ]


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("method", list(RULES))
def test_the_detector_is_left_as_it_was(detector: Detector, images: torch.Tensor, method: str, fails: bool) -> None:
    """Flags, modes, gradients, weights, hooks and generators are the same afterwards, also when the model fails."""
    assert detector.preprocess is not None
    model = Detector(detector.classifier, nn.Sequential(detector.preprocess, Fails()) if fails else detector.preprocess)
    model.train()
    detector.preprocess.eval().requires_grad_(False)
    before = traces(model, images)
    if fails:
        with pytest.raises(FailingError):
            explain(model, images, method)
    else:
        explain(model, images, method)
    assert traces(model, images) == before


def test_a_failing_method_leaves_the_detector_as_it_was(
    detector: Detector, images: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same holds where the method itself fails."""

    def fail(_: object) -> torch.Tensor:
        raise FailingError

    monkeypatch.setitem(RULES, "saliency", Rule("maximum", fail))
    before = traces(detector.train(), images)
    with pytest.raises(FailingError):
        explain(detector, images, "saliency")
    assert traces(detector, images) == before


def test_another_size_is_refused(alone: Detector) -> None:
    """Images that the classifier does not take are one line with their size and the remedy."""
    with pytest.raises(UserError, match=r"^images of 12 × 12 pixels: the detector does not take them \(.+\); give"):
        explain(alone, torch.zeros(2, 3, 12, 12), "saliency")


@pytest.mark.parametrize("method", GRADIENTS)
def test_no_gradient_through_jpeg(alone: Detector, images: torch.Tensor, method: str) -> None:
    """A method that needs a gradient is refused at the image behind a JPEG round trip, and served behind it."""
    model = Detector(alone.classifier, JpegRoundTrip(75))
    with pytest.raises(
        UserError, match=rf"^attribution\.methods: {method} needs a gradient at the point `image` .*JPEG"
    ):
        explain(model, images, method)
    assert explain(model, images, method, "classifier_input").maps.max() > 0


def test_occlusion_needs_no_gradient(alone: Detector, images: torch.Tensor) -> None:
    """Occlusion looks at logits alone, so that it is served at the image behind a JPEG round trip as well."""
    assert explain(Detector(alone.classifier, JpegRoundTrip(75)), images, "occlusion").maps.max() > 0


class Detached(nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.detach()


def test_a_cut_graph_is_refused(alone: Detector, images: torch.Tensor) -> None:
    """Preprocessing that cuts the graph silently is noticed, too."""
    with pytest.raises(UserError, match="the logit does not depend on it differentiably"):
        explain(Detector(alone.classifier, Detached()), images, "saliency")


def test_draws_need_ids_and_a_background(alone: Detector, images: torch.Tensor) -> None:
    """A method that draws is not run without the keys of its draws, nor GradientSHAP without baselines."""
    with pytest.raises(ValueError, match="5 images need as many ids, not 2"):
        explain(alone, images, "smoothgrad", image_ids=IDS[:2])
    with pytest.raises(ValueError, match="needs a background"):
        explain(alone, images, "gradient_shap", background=None)
