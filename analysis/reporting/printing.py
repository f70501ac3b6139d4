"""Pages to PDF in a second process, while this one goes on: the bytes are the same as in one.

The second process is a plain interpreter that is given pages and gives back files, in frames of eight bytes of length
and so many of content. It is no `multiprocessing` one: that would run the caller's script again.
"""

from __future__ import annotations

import atexit
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from analysis.errors import MissingLibraryError

_SERVE = """
import sys, types
for name, folder in zip(("analysis", "analysis.reporting"), sys.argv[1:]):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [folder]
from analysis.reporting.printing import serve
serve()
"""
"""The packages' own `__init__` would import all that makes a page, such as pandas and Altair, to draw what is made."""
_DONE, _MISSING = b"d", b"m"

Page = tuple[str, str]
"""Name of a file, and the page that it is made from."""


def available_processes() -> int:
    """Two where this process may use two processors, else one; more would wait for each other's pages."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(2, usable)


class Printer:
    """Pages waiting to become PDFs; with a second process, it draws them from the moment they are there."""

    def __init__(self, draw: Callable[[str], bytes], processes: int) -> None:
        self._draw = draw
        self._waiting: queue.SimpleQueue[Page | None] = queue.SimpleQueue()
        self._made: dict[str, bytes] = {}
        self._failed: list[BaseException] = []
        self._threads = [threading.Thread(target=self._serve_all, daemon=True) for _ in range(processes - 1)]
        for thread in self._threads:
            thread.start()

    def put(self, name: str, page: str) -> None:
        """Add a page."""
        self._waiting.put((name, page))

    def finish(self) -> dict[str, bytes]:
        """Draw what waits, wait for what is being drawn, and return name → bytes.

        Raises:
            MissingLibraryError: WeasyPrint's system library is missing.
            RuntimeError: the second process failed.
        """
        while not self._failed:
            try:
                taken = self._waiting.get_nowait()
            except queue.Empty:
                break
            if taken is not None:
                self._made[taken[0]] = self._draw(taken[1])
        for _ in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            thread.join()
        if self._failed:
            raise self._failed[0]
        return self._made

    def _serve_all(self) -> None:
        try:
            with _second_process() as process:
                while (taken := self._waiting.get()) is not None:
                    name, page = taken
                    self._made[name] = _ask(process, page)
        except BaseException as error:  # raised again by `finish`, in the thread that asked
            self._failed.append(error)


def serve() -> None:
    """Draw pages from standard input to standard output, until there are no more."""
    from analysis.reporting.pdf import draw_pdf

    # Ctrl-C goes to all processes of a terminal; the first one says what there is to say, and ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pages, files = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    # What a library prints must not stand among the files.
    os.dup2(2, 1)
    while (page := _read(pages)) is not None:
        try:
            _write(files, _DONE + draw_pdf(page.decode("utf-8")))
        except MissingLibraryError as error:
            _write(files, _MISSING + str(error).encode("utf-8"))


@contextmanager
def _second_process() -> Iterator[subprocess.Popen[bytes]]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    folder = Path(__file__).resolve().parent
    command = [sys.executable, "-c", _SERVE, str(folder.parent), str(folder)]
    # This interpreter and a fixed line: nothing of the caller's is run.
    with subprocess.Popen(  # noqa: S603
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as process:
        # The thread that waits for it is left where the interpreter is interrupted.
        atexit.register(process.kill)
        try:
            yield process
        except BaseException:
            process.kill()
            raise
        finally:
            atexit.unregister(process.kill)


def _ask(process: subprocess.Popen[bytes], page: str) -> bytes:
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        _write(process.stdin, page.encode("utf-8"))
        answer = _read(process.stdout)
    except BrokenPipeError:
        answer = None
    if answer is None:
        raise RuntimeError("the process that draws PDFs ended; what it said stands above")
    if answer[:1] == _MISSING:
        raise MissingLibraryError(answer[1:].decode("utf-8"))
    return answer[1:]


def _write(stream: IO[bytes], data: bytes) -> None:
    stream.write(len(data).to_bytes(8, "big") + data)
    stream.flush()


def _read(stream: IO[bytes]) -> bytes | None:
    head = stream.read(8)
    if len(head) < 8:
        return None
    size = int.from_bytes(head, "big")
    data = stream.read(size)
    return data if len(data) == size else None
