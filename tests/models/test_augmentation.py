from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.transforms.v2 import functional as reference

from isitcap.models.augmentation import (
    DRAWS,
    augment,
    blur,
    crop_and_scale,
    crop_parameters,
    jitter,
    test_draws,
    training_draws,
)
from isitcap.study.models import Augmentation

ALWAYS = Augmentation(probability=1, contrast=0.5, saturation=0.5)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(5, 3, 16, 16, generator=generator())


def test_blur_is_torchvisions(images: torch.Tensor) -> None:
    """Each image is blurred as torchvision blurs it alone with five taps and its own sigma."""
    sigma = torch.tensor([0.1, 0.5, 1.0, 2.0, 5.0])
    expected = [reference.gaussian_blur(i, [5, 5], [s.item()]) for i, s in zip(images, sigma, strict=True)]
    torch.testing.assert_close(blur(images, sigma), torch.stack(expected), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("position", "adjust"),
    [(0, reference.adjust_brightness), (1, reference.adjust_contrast), (2, reference.adjust_saturation)],
)
def test_jitter_is_torchvisions(images: torch.Tensor, position: int, adjust: object) -> None:
    """Brightness, contrast and saturation are torchvision's, each image with its own factor."""
    factors = torch.tensor([0.5, 0.8, 1.0, 1.2, 1.5])
    arguments = [torch.ones(5)] * 3
    arguments[position] = factors
    expected = [adjust(i, f.item()) for i, f in zip(images, factors, strict=True)]
    torch.testing.assert_close(jitter(images, *arguments), torch.stack(expected), atol=1e-5, rtol=0)


def test_jitter_applies_all_three_in_order(images: torch.Tensor) -> None:
    """Brightness comes first, then contrast, then saturation."""
    expected = reference.adjust_saturation(
        reference.adjust_contrast(reference.adjust_brightness(images, 1.4), 0.6), 1.3
    )
    found = jitter(images, *(torch.full((5,), f) for f in (1.4, 0.6, 1.3)))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_the_whole_image_is_the_identity_crop(images: torch.Tensor) -> None:
    """A crop of the whole image changes nothing."""
    one, zero = torch.ones(5), torch.zeros(5)
    torch.testing.assert_close(crop_and_scale(images, one, one, zero, zero), images, atol=1e-5, rtol=0)


def test_crop_is_that_of_torchvision(images: torch.Tensor) -> None:
    """Inside the box's border, a crop along pixels is the bilinear one of torchvision, box by box.

    At the border torchvision repeats the box's last pixel, whereas a crop by grid reads the pixel beside the box.
    """
    boxes = [(0, 0, 8, 8), (2, 4, 8, 12), (4, 0, 12, 16), (6, 8, 10, 8), (0, 0, 16, 16)]  # top, left, height, width
    top, left, height, width = (torch.tensor(v, dtype=torch.float32) / 16 for v in zip(*boxes, strict=True))
    found = crop_and_scale(images, width, height, left, top)
    for image, box, out in zip(images, boxes, found, strict=True):
        expected = reference.resized_crop(image, *box, size=[16, 16], antialias=False)
        torch.testing.assert_close(out[:, 1:-1, 1:-1], expected[:, 1:-1, 1:-1], atol=1e-5, rtol=0)


@given(seed=st.integers(0, 2**32), low=st.floats(0.05, 1.0), narrow=st.floats(0.2, 1.0), wide=st.floats(1.0, 5.0))
def test_crops_fit_and_keep_area_and_aspect(seed: int, low: float, narrow: float, wide: float) -> None:
    """A crop lies within the image, and its area and aspect lie in their ranges."""
    settings = Augmentation(area=(low, 1.0), aspect=(narrow, wide))
    width, height, left, top = crop_parameters(training_draws(64, generator(seed)), settings)
    for start, extent in ((left, width), (top, height)):
        assert (start >= 0).all()
        assert (extent > 0).all()
        assert (start + extent <= 1 + 1e-6).all()
    area, aspect = width * height, width / height
    assert (area >= low - 1e-5).all()
    assert (area <= 1 + 1e-5).all()
    assert (aspect >= narrow * (1 - 1e-4)).all()
    assert (aspect <= wide * (1 + 1e-4)).all()


def test_a_fixed_area_is_kept() -> None:
    """With area and aspect given, the area is exact, and wide and tall crops are equally frequent."""
    settings = Augmentation(area=(0.5, 0.5), aspect=(0.75, 4 / 3))
    width, height, _, _ = crop_parameters(training_draws(4000, generator()), settings)
    torch.testing.assert_close(width * height, torch.full((4000,), 0.5), atol=1e-5, rtol=0)
    assert (width > height).double().mean().item() == pytest.approx(0.5, abs=0.03)


def test_probability_zero_changes_nothing(images: torch.Tensor) -> None:
    """With probability 0, images come back to the bit."""
    out = augment(images, training_draws(5, generator()), Augmentation(probability=0))
    assert torch.equal(out, images)


def test_probability_one_changes_every_image(images: torch.Tensor) -> None:
    """With probability 1, every image is changed and stays in [0, 1]."""
    out = augment(images, training_draws(5, generator()), ALWAYS)
    assert (out != images).flatten(1).any(dim=1).all()
    assert out.shape == images.shape
    assert out.min() >= 0
    assert out.max() <= 1


def test_the_first_draw_says_who_is_augmented(images: torch.Tensor) -> None:
    """Images whose first draw lies below the probability are changed, the others are not."""
    draws = training_draws(5, generator())
    draws[:, 0] = torch.tensor([0.0, 0.69, 0.71, 0.5, 0.99])
    changed = (augment(images, draws, Augmentation(probability=0.7)) != images).flatten(1).any(dim=1)
    assert changed.tolist() == [True, True, False, True, False]


def test_parameters_differ_within_a_batch(images: torch.Tensor) -> None:
    """Equal images of one batch come out different from one another."""
    out = augment(images[:1].expand(5, -1, -1, -1), training_draws(5, generator()), ALWAYS)
    assert len({tuple(image.flatten().tolist()) for image in out}) == 5


def test_batches_do_not_matter(images: torch.Tensor) -> None:
    """An image with its draws gives the same result alone, in another batch and in another order."""
    draws = training_draws(5, generator())
    whole = augment(images, draws, ALWAYS)
    parts = [augment(i, d, ALWAYS) for i, d in zip(images.split(2), draws.split(2), strict=True)]
    torch.testing.assert_close(torch.cat(parts), whole, atol=1e-6, rtol=0)
    order = torch.tensor([3, 0, 4, 2, 1])
    torch.testing.assert_close(augment(images[order], draws[order], ALWAYS), whole[order], atol=1e-6, rtol=0)


def test_training_draws_come_from_the_generator() -> None:
    """Equal generators give equal draws in [0, 1)."""
    draws = training_draws(100, generator(4))
    assert torch.equal(draws, training_draws(100, generator(4)))
    assert draws.shape == (100, DRAWS)
    assert draws.min() >= 0
    assert draws.max() < 1


def test_draws_for_tests_depend_on_seed_and_id_alone() -> None:
    """An image's draws are its own, whatever stands beside it; another seed gives others."""
    names = [f"photos/{n}.png" for n in range(6)]
    draws = test_draws(names, 0)
    assert draws.shape == (6, DRAWS)
    assert draws.dtype == torch.float32
    assert torch.equal(test_draws(names[::-1], 0), draws.flip(0))
    assert torch.equal(test_draws(names[2:3], 0), draws[2:3])
    assert len(set(draws.flatten().tolist())) == draws.numel()
    assert not torch.isin(test_draws(names, 1), draws).any()


def test_draws_for_tests_are_uniform() -> None:
    """Each column of draws is uniform in [0, 1), independent of the next."""
    draws = test_draws((f"{n}" for n in range(4000)), 7)
    assert draws.min() >= 0
    assert draws.max() < 1
    expected = (torch.arange(4000) + 0.5) / 4000
    assert ((draws.sort(dim=0).values - expected[:, None]).abs().max(dim=0).values < 1.95 / 4000**0.5).all()
    correlation = torch.corrcoef(draws.T) - torch.eye(DRAWS)
    assert correlation.abs().max() < 0.08
