"""Progress on standard error, the same everywhere: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
from typing import Any

from tqdm import tqdm

LOG_INTERVAL = 15.0
"""Seconds between two lines where standard error is no terminal."""


def bar(total: int | None, description: str, unit: str, *, show: bool = True, leave: bool = False) -> tqdm[Any]:
    """A progress bar to update by hand; use it as a context manager."""
    terminal = sys.stderr.isatty()
    return tqdm(
        total=total,
        desc=description,
        unit=f" {unit}",
        unit_scale=True,
        leave=leave and terminal,
        disable=not show,
        dynamic_ncols=terminal,
        mininterval=0.2 if terminal else LOG_INTERVAL,
        maxinterval=LOG_INTERVAL,
        ascii=not terminal,
    )


def say(line: str, *, show: bool = True) -> None:
    """A line of plain text on standard error, kept apart from any bar."""
    if show:
        tqdm.write(line, file=sys.stderr)
