from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from isitcap.explain import faithfulness
from isitcap.explain.faithfulness import STEPS, areas, random_ranks, ranks

SIZE = 8
IDS = [f"x/{n}" for n in range(5)]


class Weighted(nn.Module):
    """Logit Σ w·x with weights that fall from pixel to pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.linspace(1, 0, SIZE**2).reshape(SIZE, SIZE).pow(4)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return (images * self.weight).sum(dim=(1, 2, 3))


@pytest.fixture
def peaked() -> torch.Tensor:
    """Images whose first pixels are bright, so that their attribution by weight is positive and falls."""
    image = torch.full((5, 3, SIZE, SIZE), 0.2)
    image[:, :, :2] = 0.9
    return image


def in_order() -> np.ndarray:
    return np.tile(np.arange(SIZE**2, dtype=np.int32).reshape(1, SIZE, SIZE), (5, 1, 1))


def test_curves_by_hand(peaked: torch.Tensor) -> None:
    """The areas are those of curves drawn pixel by pixel in a loop."""
    model, order = Weighted(), random_ranks(IDS, 0, SIZE, SIZE)
    found = areas(model, peaked, order)
    for n in range(5):
        image = peaked[n : n + 1]
        blank = image.mean(dim=(2, 3), keepdim=True).expand_as(image)
        deletion, insertion = [], []
        for k in range(STEPS + 1):
            out = torch.from_numpy(order[n] < k * SIZE**2 / STEPS)
            deletion.append(float(model(torch.where(out, blank, image))))
            insertion.append(float(model(torch.where(out, image, blank))))
        for curve, area in ((deletion, found.deletion[n]), (insertion, found.insertion[n])):
            assert area == pytest.approx(sum((a + b) / 2 for a, b in pairwise(curve)) / STEPS, rel=1e-5)


def test_a_faithful_order_is_better_than_random_and_its_reverse_worse(peaked: torch.Tensor) -> None:
    """Deletion falls early and insertion rises early in the order of what matters; the reverse does the opposite."""
    model = Weighted()
    good, random, bad = (
        areas(model, peaked, order)
        for order in (in_order(), random_ranks(IDS, 0, SIZE, SIZE), SIZE**2 - 1 - in_order())
    )
    assert (good.deletion < random.deletion).all()
    assert (random.deletion < bad.deletion).all()
    assert (good.insertion > random.insertion).all()
    assert (random.insertion > bad.insertion).all()


class Negative(Weighted):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return -super().forward(images)


def test_the_decided_class_is_followed(peaked: torch.Tensor) -> None:
    """An image that is called real has its logit turned round, so that both classes have areas of one meaning."""
    one, other = (areas(model, peaked, in_order()) for model in (Weighted(), Negative()))
    np.testing.assert_allclose(one.deletion, other.deletion)
    np.testing.assert_allclose(one.insertion, other.insertion)


def test_batches_do_not_matter_to_areas(peaked: torch.Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    """An image's areas are its own."""
    images = peaked * torch.rand(5, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    order = random_ranks(IDS, 0, SIZE, SIZE)
    whole = areas(Weighted(), images, order)
    monkeypatch.setattr(faithfulness, "BATCH", 2)
    parts = areas(Weighted(), images, order)
    np.testing.assert_allclose(parts.deletion, whole.deletion, rtol=1e-6)
    np.testing.assert_allclose(parts.insertion, whole.insertion, rtol=1e-6)


def test_ranks_fall_with_attribution() -> None:
    """The largest attribution has rank 0, and equal ones keep the order of the ties."""
    ties = np.array([[[0, 3], [2, 1]]], np.int32)
    assert ranks(np.array([[[0.1, 0.9], [0.5, 0.3]]], np.float32), ties).tolist() == [[[3, 0], [1, 2]]]
    assert ranks(np.array([[[0.0, 0.0], [0.0, 1.0]]], np.float32), ties).tolist() == [[[1, 3], [2, 0]]]
    assert np.array_equal(ranks(np.zeros((1, 2, 2), np.float32), ties), ties)


def test_a_coarse_map_is_brought_to_the_images_grid() -> None:
    """A map of a layer ranks the image's pixels after bilinear growth."""
    ties = random_ranks(["a"], 0, 4, 4)
    found = ranks(np.array([[[1.0, 0.0], [0.0, 0.0]]], np.float32), ties)
    assert sorted(found.ravel().tolist()) == list(range(16))
    assert found[0, 0, 0] == 0
    assert (found[0, :3, :3] < 9).all(), "what has any attribution comes first"


def test_random_orders_are_keyed_by_image() -> None:
    """An image's random order is its own, a permutation, and the same whatever stands beside it."""
    found = random_ranks(IDS, 0, 3, 3)
    assert all(sorted(order.ravel().tolist()) == list(range(9)) for order in found)
    assert np.array_equal(random_ranks(IDS[2:3], 0, 3, 3)[0], found[2])
    assert not np.array_equal(random_ranks(IDS, 1, 3, 3), found)
    assert not np.array_equal(found[0], found[1])
