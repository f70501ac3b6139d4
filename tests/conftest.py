"""What holds for every test: hypothesis without a deadline, and no trace left in torch's global state."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))  # for `made_up_results`

# Times on a shared machine say nothing about a test.
settings.register_profile("isitcap", deadline=None)
settings.load_profile("isitcap")


@pytest.fixture(autouse=True)
def torch_state_is_kept() -> Iterator[None]:
    """Fail a test that changes torch's global settings or draws from its global generator.

    Torch is not imported for this: tests of the analysis alone stay free of it.
    """
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return

    def settings_now() -> dict[str, object]:
        return {
            "default dtype": torch.get_default_dtype(),
            "deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
            "deterministic warn-only": torch.is_deterministic_algorithms_warn_only_enabled(),
            "cudnn.benchmark": torch.backends.cudnn.benchmark,
            "grad mode": torch.is_grad_enabled(),
        }

    before, state = settings_now(), torch.get_rng_state()
    yield
    after, same_state = settings_now(), torch.equal(state, torch.get_rng_state())
    changed = [f"{key}: {before[key]} → {after[key]}" for key in before if before[key] != after[key]]
    if not same_state:
        changed.append("the global generator was drawn from or seeded")
    if changed:  # put it right, so that only the guilty test fails
        torch.set_default_dtype(before["default dtype"])
        torch.use_deterministic_algorithms(
            before["deterministic algorithms"], warn_only=before["deterministic warn-only"]
        )
        torch.backends.cudnn.benchmark = before["cudnn.benchmark"]
        torch.set_grad_enabled(before["grad mode"])
        torch.set_rng_state(state)
        pytest.fail("the test left torch changed: " + "; ".join(changed))
