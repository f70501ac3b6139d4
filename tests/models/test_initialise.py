from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from isitcap.models.initialise import build


def make() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 32, 3), nn.ReLU(), nn.Flatten(), nn.Linear(800, 64))


def weights(seed: int) -> list[torch.Tensor]:
    return [p.detach() for p in build(make, torch.Generator().manual_seed(seed)).parameters()]


def test_global_generator_is_left_alone() -> None:
    """Building draws nothing from torch's global generator."""
    state = torch.get_rng_state()
    weights(0)
    assert torch.equal(state, torch.get_rng_state())


def test_weights_depend_on_the_generator_alone() -> None:
    """Equal generators give equal weights, other generators other ones."""
    assert all(torch.equal(a, b) for a, b in zip(weights(0), weights(0), strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(weights(0), weights(1), strict=True))


@pytest.mark.parametrize(("layer", "fan_in"), [(0, 27), (3, 800)])
def test_weights_are_uniform_within_the_bound(layer: int, fan_in: int) -> None:
    """Weights and biases are uniform in ±1/√fan_in, torch's default."""
    module = build(make, torch.Generator().manual_seed(0))[layer]
    bound = 1 / math.sqrt(fan_in)
    for parameter in module.parameters():
        assert parameter.abs().max() <= bound
        assert parameter.abs().max() > 0.85 * bound
    scaled = (module.weight.detach().flatten() / bound + 1) / 2
    quantiles = scaled.sort().values
    expected = (torch.arange(len(quantiles)) + 0.5) / len(quantiles)
    assert (quantiles - expected).abs().max() < 1.63 / math.sqrt(len(quantiles))  # Kolmogorov–Smirnov at 1 %


def test_the_bound_is_that_of_torch() -> None:
    """Torch's own layers stay within the same bound and fill it."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        own = nn.Linear(800, 64)
    ours = build(lambda: nn.Linear(800, 64), torch.Generator().manual_seed(0))
    assert ours.weight.std().item() == pytest.approx(own.weight.std().item(), rel=0.02)
    assert ours.weight.abs().max().item() == pytest.approx(own.weight.abs().max().item(), rel=0.01)


def test_unknown_layers_are_refused() -> None:
    """A layer with parameters of another kind would stay uninitialised, so it is an error."""
    with pytest.raises(TypeError, match="BatchNorm2d"):
        build(lambda: nn.Sequential(nn.BatchNorm2d(3)), torch.Generator())
