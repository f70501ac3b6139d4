"""Weights drawn from an explicit generator: torch's layers themselves would draw from the global one."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn

M = TypeVar("M", bound=nn.Module)


def build(make: Callable[[], M], generator: torch.Generator) -> M:
    """Make a module without touching the global generator, and draw its weights from `generator`.

    The distribution is torch's default for `Conv2d` and `Linear`: uniform in ±1/√fan_in, weights and biases
    (He et al. 2015 with a = √5). Layers are visited in order, so that equal shapes get equal weights.

    Raises:
        TypeError: the module has parameters in a layer of another kind.
    """
    with torch.device("meta"):
        module = make()
    module = module.to_empty(device="cpu")
    for layer in module.modules():
        own = list(layer.parameters(recurse=False))
        if not own:
            continue
        if not isinstance(layer, nn.Conv2d | nn.Linear):
            raise TypeError(f"no initialisation is known for {type(layer).__name__}")
        bound = 1 / math.sqrt(layer.weight[0].numel())
        for parameter in own:
            nn.init.uniform_(parameter, -bound, bound, generator=generator)
    return module.to(memory_format=torch.channels_last)
