"""What a run computes on: device, autocast type, threads; and determinism while it does."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from isitcap.errors import UserError

CODE_VERSION = 1
"""Of the code that bears on results; raised by hand when a change makes other numbers from the same study."""


@dataclass(frozen=True)
class Environment:
    """Device type, autocast type (`None`: float32 throughout) and CPU threads; part of a run's identity.

    `recorded` is the identity of the environment that runs were trained in, where those are to be kept and explained
    in another.
    """

    device: torch.device
    autocast: torch.dtype | None
    threads: int
    recorded: Mapping[str, str | int] | None = None

    def identity(self) -> dict[str, str | int]:
        """What of it bears on results; where training was elsewhere, what bore on its."""
        return self.own_identity() if self.recorded is None else dict(self.recorded)

    def own_identity(self) -> dict[str, str | int]:
        """The same of this environment, whatever is recorded."""
        return {
            "device": self.device.type,
            "autocast": str(self.autocast or torch.float32).removeprefix("torch."),
            "threads": self.threads,
        }

    def mixed(self) -> torch.autocast:
        """Autocast for training, where the processor has the type in hardware."""
        return torch.autocast(
            self.device.type, dtype=self.autocast or torch.bfloat16, enabled=self.autocast is not None
        )


def choose(device: str) -> Environment:
    """The environment for `--device auto|cpu|cuda`.

    Raises:
        UserError: CUDA is asked for and not there.
    """
    cuda = torch.cuda.is_available()
    if device == "cuda" and not cuda:
        raise UserError("--device cuda: no CUDA device is available here; give --device cpu or auto")
    threads = torch.get_num_threads()
    if device == "cuda" or (device == "auto" and cuda):
        # Deterministic matrix products need this before the first of them.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        supported = torch.cuda.is_bf16_supported(including_emulation=False)
        return Environment(torch.device("cuda"), torch.bfloat16 if supported else None, threads)
    return Environment(torch.device("cpu"), torch.bfloat16 if _cpu_has_bfloat16() else None, threads)


@contextmanager
def deterministic() -> Iterator[None]:
    """Deterministic algorithms within the block; torch's settings are as before after it."""
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    benchmark = torch.backends.cudnn.benchmark
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        torch.backends.cudnn.benchmark = benchmark


def _cpu_has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 in hardware: emulated, it would be slower than float32."""
    capabilities: Mapping[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16"))
