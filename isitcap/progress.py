"""Progress on standard error, the same everywhere: a bar on a terminal, plain lines in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sized
from types import TracebackType
from typing import Protocol, Self, TypeVar

from tqdm import tqdm

Item = TypeVar("Item")

LOG_INTERVAL = 60.0
"""Seconds between two lines of a stage where standard error is no terminal."""


class Progress(Protocol):
    """What a stage tells of its progress."""

    def __enter__(self) -> Progress: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None, /
    ) -> object: ...

    def update(self, n: int = 1) -> object:
        """`n` more are done."""

    def set_postfix_str(self, s: str) -> object:
        """What stands behind the numbers from now on."""


def bar(total: int | None, description: str, unit: str, *, show: bool = True, tells_end: bool = False) -> Progress:
    """Progress to update by hand; use it as a context manager.

    Args:
        total: how many there are; none = unknown.
        description: names the stage.
        unit: what is counted, in the plural.
        show: whether to show anything.
        tells_end: the caller says a line of its own when the stage is finished; a log gets that alone.
    """
    if sys.stderr.isatty():
        made: Progress = tqdm(
            total=total,
            desc=description,
            unit=f" {unit}",
            unit_scale=True,
            leave=False,
            disable=not show,
            dynamic_ncols=True,
            mininterval=0.2,
        )
        return made
    return _Lines(total, description, unit, show=show, tells_end=tells_end)


def each(items: Iterable[Item], description: str, unit: str, *, show: bool = True) -> Iterator[Item]:
    """The items one by one, with progress as of `bar`."""
    with bar(len(items) if isinstance(items, Sized) else None, description, unit, show=show) as progress:
        for item in items:
            yield item
            progress.update()


class _Lines:
    """Progress for logs: now and then a line, and one when the stage is finished; no carriage returns."""

    def __init__(self, total: int | None, description: str, unit: str, *, show: bool, tells_end: bool) -> None:
        self._total = total
        self._description = description
        self._unit = unit
        self._show = show
        self._tells_end = tells_end
        self._done = 0
        self._postfix = ""
        self._start = self._told = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None and not self._tells_end:
            say(f"{self._description}: {self._done:,} {self._unit} ({self._seconds:.0f} s)", show=self._show)

    def update(self, n: int = 1) -> None:
        self._done += n
        if time.monotonic() - self._told >= LOG_INTERVAL and self._done != self._total:
            self._told = time.monotonic()
            of = "" if self._total is None else f" of {self._total:,}"
            behind = f", {self._postfix}" if self._postfix else ""
            line = f"{self._description}: {self._done:,}{of} {self._unit} ({self._seconds:.0f} s){behind}"
            say(line, show=self._show)

    def set_postfix_str(self, s: str) -> None:
        self._postfix = s

    @property
    def _seconds(self) -> float:
        return time.monotonic() - self._start


def say(line: str, *, show: bool = True) -> None:
    """A line of plain text on standard error, kept apart from any bar."""
    if show:
        tqdm.write(line, file=sys.stderr)


def warn(line: str) -> None:
    """A line that the user should see even where no progress is wanted."""
    say(f"isitcap: {line}")
