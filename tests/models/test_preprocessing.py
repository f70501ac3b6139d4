from __future__ import annotations

import pytest
import torch

from isitcap.models.augmentation import augment, training_draws
from isitcap.models.autoencoder import build_autoencoder
from isitcap.models.classifier import build_classifier
from isitcap.models.controls import GaussianBlur, JpegRoundTrip
from isitcap.models.preprocessing import Detector, Preprocessing, Preprocessors, to_float
from isitcap.models.variants import PATHS
from isitcap.study.models import Augmentation, Autoencoder, Classifier

AUGMENTATION = Augmentation(probability=1)


@pytest.fixture
def preprocessors() -> Preprocessors:
    settings = Autoencoder(epochs=1, code_size=8, code_channels=2, width=4)
    return {
        "autoencoder": build_autoencoder(settings, 16, torch.Generator().manual_seed(0)).eval(),
        "blur": GaussianBlur(0.8, 16),
        "jpeg": JpegRoundTrip(20),
    }


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(1))


def test_pixels_become_fractions() -> None:
    """Bytes (N, H, W, 3) become float32 (N, 3, H, W) in [0, 1], and the bytes stay as they were."""
    pixels = torch.arange(2 * 4 * 4 * 3, dtype=torch.uint8).reshape(2, 4, 4, 3)
    pixels[0, 0, 0, 0], before = 255, pixels.clone()
    found = to_float(before)
    assert found.dtype == torch.float32
    assert found.shape == (2, 3, 4, 4)
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert found[1, 2, 3, 1].item() == pytest.approx(before[1, 3, 1, 2].item() / 255)
    assert to_float(torch.full((1, 1, 1, 3), 255, dtype=torch.uint8)).max() == 1


@pytest.mark.parametrize("name", list(PATHS))
def test_a_path_is_the_composition_of_its_steps(name: str, images: torch.Tensor, preprocessors: Preprocessors) -> None:
    """Augment first where the path does, then its preprocessing where it has one, without gradient."""
    path, draws = PATHS[name], training_draws(3, torch.Generator().manual_seed(2))
    expected = augment(images, draws, AUGMENTATION) if path.augment else images
    with torch.no_grad():
        expected = preprocessors[path.preprocess](expected) if path.preprocess != "none" else expected
    found = Preprocessing(path, AUGMENTATION, preprocessors)(images, draws)
    assert torch.equal(found, expected)
    assert not found.requires_grad
    assert torch.equal(found, images) == (name == "none")


def test_missing_parts_are_refused(images: torch.Tensor, preprocessors: Preprocessors) -> None:
    """A path needs the module of its preprocessing and no other, one that augments needs draws."""
    with pytest.raises(ValueError, match="`both` needs the preprocessing `autoencoder`"):
        Preprocessing(PATHS["both"], AUGMENTATION, {"blur": preprocessors["blur"]})
    with pytest.raises(ValueError, match="`jpeg` needs the preprocessing `jpeg`"):
        Preprocessing(PATHS["jpeg"], AUGMENTATION, {})
    with pytest.raises(ValueError, match="`augment` needs draws"):
        Preprocessing(PATHS["augment"], AUGMENTATION, {})(images, None)


@pytest.mark.parametrize("name", ["autoencoder", "blur", "jpeg"])
def test_a_detector_is_classifier_after_preprocessing(
    name: str, images: torch.Tensor, preprocessors: Preprocessors
) -> None:
    """The detector's logit is the classifier's on what the preprocessing made of the image."""
    classifier, module = build_classifier(Classifier(), 16, torch.Generator().manual_seed(3)), preprocessors[name]
    with torch.no_grad():
        assert torch.equal(Detector(classifier, None)(images), classifier(images))
        assert torch.equal(Detector(classifier, module)(images), classifier(module(images)))


@pytest.mark.parametrize("name", ["autoencoder", "blur"])
def test_a_detector_is_differentiable_down_to_the_image(
    name: str, images: torch.Tensor, preprocessors: Preprocessors
) -> None:
    """A gradient at the image is there wherever the preprocessing has one."""
    classifier = build_classifier(Classifier(), 16, torch.Generator().manual_seed(3))
    images.requires_grad_()
    Detector(classifier, preprocessors[name])(images).sum().backward()
    assert images.grad is not None
    assert images.grad.abs().max() > 0
