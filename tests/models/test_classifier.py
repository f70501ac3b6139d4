from __future__ import annotations

import pytest
import torch

from isitcap.models.classifier import build_classifier, pooled_first
from isitcap.study.models import Classifier


@pytest.mark.parametrize(("architecture", "parameters"), [("cifake", 141_345), ("poster", 2_111_585)])
def test_architectures_have_the_published_size(architecture: str, parameters: int) -> None:
    """Each architecture has the parameters that its description gives at 32 px, all of them trainable."""
    model = build_classifier(Classifier(architecture=architecture), 32, torch.Generator().manual_seed(0))
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) == parameters


@pytest.mark.parametrize("architecture", ["cifake", "poster"])
@pytest.mark.parametrize("size", [16, 32])
@pytest.mark.parametrize("count", [1, 3])
def test_an_image_gives_one_logit(architecture: str, size: int, count: int) -> None:
    """A batch of N images gives shape (N,), N = 1 included, unbounded by a sigmoid and apart from the batch."""
    model = build_classifier(Classifier(architecture=architecture), size, torch.Generator().manual_seed(0))
    images = torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        logits = model(images)
        assert logits.shape == (count,)
        torch.testing.assert_close(logits[:1], model(images[:1]))
        assert model(1e4 * images).abs().max() > 1


@pytest.mark.parametrize("architecture", ["cifake", "poster"])
def test_pooling_before_the_relu_changes_no_bit(architecture: str) -> None:
    """Logits and gradients are equal, also where a window is flat or holds no positive value; the layers are shared."""
    model = build_classifier(Classifier(architecture=architecture), 32, torch.Generator().manual_seed(0)).eval()
    other = pooled_first(model)
    kinds = [[type(layer).__name__ for layer in each.layers[:6]] for each in (model, other)]
    assert kinds == [["Conv2d", "ReLU", "MaxPool2d"] * 2, ["Conv2d", "MaxPool2d", "ReLU"] * 2]
    assert {id(p) for p in model.parameters()} == {id(p) for p in other.parameters()}
    images = torch.rand(8, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    images[1], images[2, :, 8:20] = 0.0, 1.0
    found = []
    for each in (model, other):
        leaf = images.clone().requires_grad_()
        logits = each(leaf)
        found.append((logits.detach(), torch.autograd.grad(logits.sum(), leaf)[0]))
    assert all(torch.equal(first, second) for first, second in zip(*found, strict=True))
    assert found[0][1].count_nonzero() > 0
