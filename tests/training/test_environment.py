from __future__ import annotations

import pytest
import torch

from isitcap.errors import UserError
from isitcap.training.environment import Environment, choose, deterministic


def settings() -> tuple[bool, bool, bool]:
    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.backends.cudnn.benchmark,
    )


@pytest.mark.parametrize("before", [(False, False, False), (False, False, True), (True, True, True)])
@pytest.mark.parametrize("fails", [False, True])
def test_settings_are_restored(before: tuple[bool, bool, bool], fails: bool) -> None:
    """Within the block torch is deterministic; after it, whether or not it failed, its settings are the old ones."""
    original = settings()
    torch.use_deterministic_algorithms(before[0], warn_only=before[1])
    torch.backends.cudnn.benchmark = before[2]
    try:
        try:
            with deterministic():
                assert settings() == (True, False, False)
                if fails:
                    raise LookupError
        except LookupError:
            assert fails
        assert settings() == before
    finally:
        torch.use_deterministic_algorithms(original[0], warn_only=original[1])
        torch.backends.cudnn.benchmark = original[2]


def test_cuda_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asking for a device that is not there is one line; `auto` takes the CPU then."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match=r"^--device cuda: .* give --device cpu or auto$"):
        choose("cuda")
    assert choose("auto") == choose("cpu")
    assert choose("auto").device.type == "cpu"


def test_identity_names_what_bears_on_results() -> None:
    """The identity is plain JSON and tells device, arithmetic and threads."""
    assert Environment(torch.device("cpu"), None, 2).identity() == {
        "device": "cpu",
        "autocast": "float32",
        "threads": 2,
    }
    assert Environment(torch.device("cpu"), torch.bfloat16, 1).identity()["autocast"] == "bfloat16"


def test_a_recorded_environment_stands_for_its_runs() -> None:
    """Runs that were trained elsewhere keep their identity; what is computed on now can still be told."""
    recorded = {"device": "cuda", "autocast": "bfloat16", "threads": 9}
    environment = Environment(torch.device("cpu"), None, 2, recorded)
    assert environment.identity() == recorded
    assert environment.own_identity() == Environment(torch.device("cpu"), None, 2).identity()


@pytest.mark.parametrize(("autocast", "expected"), [(None, torch.float32), (torch.bfloat16, torch.bfloat16)])
def test_autocast_is_on_where_a_type_is_given(autocast: torch.dtype | None, expected: torch.dtype) -> None:
    """Matrix products run in the environment's type within `mixed`, in float32 without one."""
    a = torch.ones(2, 2)
    with Environment(torch.device("cpu"), autocast, 1).mixed():
        assert (a @ a).dtype == expected
