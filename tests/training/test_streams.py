from __future__ import annotations

from itertools import product
from typing import get_args

import torch

from isitcap.training.streams import Purpose, stream


def test_a_stream_is_its_seed_and_purpose() -> None:
    """Asking again gives the same numbers, and nothing comes from torch's global generator."""
    state = torch.get_rng_state()
    assert torch.equal(torch.rand(8, generator=stream(3, "init")), torch.rand(8, generator=stream(3, "init")))
    assert torch.equal(state, torch.get_rng_state())


def test_streams_differ() -> None:
    """No two seeds or purposes share a stream, the largest seed included."""
    keys = list(product((0, 1, 2**32 - 1), get_args(Purpose)))
    first = {float(torch.rand((), generator=stream(*key), dtype=torch.float64)) for key in keys}
    assert len(first) == len(keys)
