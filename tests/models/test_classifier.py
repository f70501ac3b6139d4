from __future__ import annotations

import pytest
import torch

from isitcap.models.classifier import build_classifier
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
