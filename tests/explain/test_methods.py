"""Each method where its answer is known: linear and quadratic logits, and Captum's own classes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from captum.attr import GradientShap, NoiseTunnel, Saliency
from torch import nn

from isitcap.errors import UserError
from isitcap.explain.draws import image_generator
from isitcap.explain.methods import RULES, Batch, last_activation
from isitcap.models.classifier import ConvClassifier, build_classifier
from isitcap.models.initialise import build
from isitcap.models.preprocessing import Detector
from isitcap.study.models import Attribution, Classifier


class Square(nn.Module):
    """Logit Σ x²/2, whose gradient is the image itself."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.square().sum(dim=(1, 2, 3)) / 2


def batch(model: nn.Module, images: torch.Tensor, background: torch.Tensor | None = None, **settings: object) -> Batch:
    classifier = model if isinstance(model, ConvClassifier) else ConvClassifier(nn.Sequential())
    if isinstance(model, Detector):
        classifier = model.classifier
    return Batch(
        model=model.eval().requires_grad_(False),
        classifier=classifier,
        images=images.clone().requires_grad_(),
        settings=Attribution(**settings),
        image_ids=[f"image/{n}" for n in range(len(images))],
        seed=5,
        background=images[:0] if background is None else background,
    )


def attributions(method: str, *arguments: object, **settings: object) -> torch.Tensor:
    found = RULES[method].attribute(batch(*arguments, **settings))
    return found.detach()


def weights(linear: ConvClassifier, images: torch.Tensor) -> torch.Tensor:
    return linear.layers[1].weight.detach().reshape(images.shape[1:])


@pytest.mark.parametrize("method", ["input_x_gradient", "integrated_gradients"])
def test_products_of_a_linear_model_are_weight_times_image(
    linear: ConvClassifier, images: torch.Tensor, method: str
) -> None:
    """Both methods that multiply by the image give w·x for a linear logit, signed."""
    torch.testing.assert_close(
        attributions(method, linear, images), weights(linear, images) * images, rtol=1e-4, atol=1e-6
    )


def test_noise_does_not_matter_to_a_linear_model(linear: ConvClassifier, images: torch.Tensor) -> None:
    """SmoothGrad of a linear logit is its weight."""
    found = attributions("smoothgrad", linear, images, noise=0.5, samples=3)
    torch.testing.assert_close(found, weights(linear, images).expand_as(found))


def test_smoothgrad_is_the_mean_gradient_of_the_noisy_images(images: torch.Tensor) -> None:
    """Where the gradient is the image itself, SmoothGrad is the image plus the mean of its own noise."""
    found = attributions("smoothgrad", Square(), images, noise=0.2, samples=6)
    shape = tuple(images.shape[1:])
    noise = [image_generator(5, "smoothgrad", f"image/{n}").standard_normal((6, *shape), np.float32) for n in range(5)]
    expected = images + 0.2 * torch.from_numpy(np.stack(noise).mean(axis=1))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    assert not torch.allclose(found, images, atol=1e-2)


def test_smoothgrad_agrees_with_the_noise_tunnel(alone: Detector, images: torch.Tensor) -> None:
    """With many samples it is what Captum's NoiseTunnel over signed gradients gives with a generator of its own."""
    settings = {"noise": 0.1, "samples": 400}
    ours = attributions("smoothgrad", alone, images, **settings)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        tunnel = NoiseTunnel(Saliency(alone.eval()))
        theirs = tunnel.attribute(images.clone().requires_grad_(), nt_samples=400, stdevs=0.1, abs=False)
    assert float((ours - theirs.detach()).abs().max()) < 0.1 * float(ours.abs().max())
    plain = attributions("saliency", alone, images)
    assert float((ours.abs() - plain).abs().max()) > 0.1 * float(ours.abs().max()), "the noise must matter"


def test_gradient_shap_of_a_linear_model(linear: ConvClassifier, images: torch.Tensor) -> None:
    """With one baseline it is w·(x - b), whatever is drawn."""
    black = torch.full_like(images[:1], 0.25)
    found = attributions("gradient_shap", linear, images, black, samples=2)
    torch.testing.assert_close(found, weights(linear, images) * (images - black), rtol=1e-4, atol=1e-6)


def test_gradient_shap_adds_up_to_the_difference_from_the_background(images: torch.Tensor) -> None:
    """Its sums approach the logit less the background's mean logit, as Shapley values do."""
    images = images * torch.linspace(0.2, 1.0, 5)[:, None, None, None]
    model, background = Square(), torch.rand(7, 3, 8, 8, generator=torch.Generator().manual_seed(9))
    found = attributions("gradient_shap", model, images, background, samples=900).sum(dim=(1, 2, 3))
    expected = model(images) - model(background).mean()
    torch.testing.assert_close(found, expected, atol=1.0, rtol=0)
    assert float(expected.min()) < -25


def test_gradient_shap_agrees_with_captum(alone: Detector, images: torch.Tensor) -> None:
    """It approaches Captum's GradientShap, which draws from global generators."""
    background = torch.rand(6, 3, 8, 8, generator=torch.Generator().manual_seed(9))
    ours = attributions("gradient_shap", alone, images, background, samples=600)
    state = np.random.get_state()  # noqa: NPY002
    try:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            np.random.seed(0)  # noqa: NPY002
            explainer = GradientShap(alone.eval())
            theirs = explainer.attribute(images.clone().requires_grad_(), background, n_samples=600).detach()
    finally:
        np.random.set_state(state)  # noqa: NPY002
    scale = float(theirs.abs().max())
    assert float((ours - theirs).abs().mean()) < 0.02 * scale


def test_gradcam_by_hand(alone: Detector, images: torch.Tensor) -> None:
    """The channels' activations, weighed by their mean gradients and cut at zero, at the layer's own grid."""
    found = attributions("gradcam", alone, images)
    convolution, _, pool, flatten, dense = alone.classifier.layers
    with torch.enable_grad():
        active = convolution(images).relu().detach().requires_grad_()
        (gradient,) = torch.autograd.grad(dense(flatten(pool(active))).sum(), active)
    expected = (gradient.mean(dim=(2, 3), keepdim=True) * active).sum(dim=1, keepdim=True).relu()
    torch.testing.assert_close(found, expected.detach())
    assert found.shape == (5, 1, 8, 8)
    assert float(found.max()) > 0


@pytest.mark.parametrize(("architecture", "grid"), [("cifake", 8), ("poster", 16)])
def test_gradcam_takes_the_last_convolution_of_both_classifiers(architecture: str, grid: int) -> None:
    """The ReLU behind the second convolution, before its pool: half the size for `cifake`, all of it for `poster`."""
    model = build_classifier(Classifier(architecture=architecture), 16, torch.Generator().manual_seed(0))
    assert last_activation(model) is model.layers[4]
    images = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    assert attributions("gradcam", model, images).shape == (2, 1, grid, grid)


def test_gradcam_without_a_relu_and_without_a_convolution(linear: ConvClassifier) -> None:
    """A convolution that no ReLU follows is taken itself; a classifier without one is refused in one line."""
    bare = build(
        lambda: ConvClassifier(nn.Sequential(nn.Conv2d(3, 2, 1), nn.Flatten(), nn.Linear(128, 1))), torch.Generator()
    )
    assert last_activation(bare) is bare.layers[0]
    with pytest.raises(
        UserError, match=r"^attribution\.methods: gradcam .* the classifier has none; remove the method$"
    ):
        last_activation(linear)


def test_occlusion_of_a_linear_model(linear: ConvClassifier, images: torch.Tensor) -> None:
    """Windows that tile the image fall by Σ w·(x - mean colour) over the window, the same for all its pixels."""
    found = attributions("occlusion", linear, images, window=4, stride=4)
    away = weights(linear, images) * (images - images.mean(dim=(2, 3), keepdim=True))
    falls = away.sum(dim=1).unflatten(1, (2, 4)).unflatten(3, (2, 4)).sum(dim=(2, 4))
    expected = falls.repeat_interleave(4, dim=1).repeat_interleave(4, dim=2)[:, None].expand_as(found)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_overlapping_windows_are_averaged(linear: ConvClassifier, images: torch.Tensor) -> None:
    """A pixel's value is the mean over the windows that cover it, the last of which the edge cuts off."""
    found = attributions("occlusion", linear, images, window=3, stride=2)
    away = (weights(linear, images) * (images - images.mean(dim=(2, 3), keepdim=True))).sum(dim=1)
    total, times = torch.zeros_like(away), torch.zeros_like(away)
    for top in (0, 2, 4, 6):
        for left in (0, 2, 4, 6):
            window = (slice(None), slice(top, top + 3), slice(left, left + 3))
            total[window] += away[window].sum(dim=(1, 2), keepdim=True)
            times[window] += 1
    torch.testing.assert_close(found[:, 0], total / times, atol=1e-5, rtol=1e-4)
