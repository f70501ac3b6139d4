"""PDFs in a second process."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from analysis.errors import MissingLibraryError
from analysis.reporting import printing
from analysis.reporting.pdf import draw_pdf
from analysis.reporting.printing import Printer, available_processes

PAGES = {
    f"{number}.pdf": f"<html lang=en><title>é {number}</title><h1>Page {number}</h1></html>" for number in range(4)
}

WITHOUT_PANGO = """
from analysis.errors import MissingLibraryError
from analysis.reporting import pdf, printing

def draw(page):
    raise MissingLibraryError("no Pango")

pdf.draw_pdf = draw
printing.serve()
"""


def made(processes: int) -> dict[str, bytes]:
    printer = Printer(draw_pdf, processes)
    for name, page in PAGES.items():
        printer.put(name, page)
    return printer.finish()


@pytest.mark.slow
def test_the_number_of_processes_changes_no_byte() -> None:
    """Whoever draws a page, its PDF is the same."""
    one, two = made(1), made(2)
    assert set(one) == set(PAGES)
    assert one == two
    assert len(set(one.values())) == len(PAGES)


@pytest.mark.slow
def test_the_second_process_draws_while_this_one_goes_on(tmp_path: Path) -> None:
    """A page is drawn before anybody asks for it; this process need not draw at all."""
    drawn = threading.Event()
    real = printing._ask

    def watched(process: object, page: str) -> bytes:
        data = real(process, page)  # type: ignore[arg-type]
        drawn.set()
        return data

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(printing, "_ask", watched)
        printer = Printer(lambda _: pytest.fail("drawn here"), 2)
        printer.put("a.pdf", PAGES["0.pdf"])
        assert drawn.wait(300)
        assert printer.finish() == {"a.pdf": draw_pdf(PAGES["0.pdf"])}


def test_one_process_draws_in_turn() -> None:
    """Without a second process, pages are drawn here and in their order."""
    seen: list[str] = []

    def draw(page: str) -> bytes:
        seen.append(page)
        return page.encode()

    printer = Printer(draw, 1)
    printer.put("a", "first")
    printer.put("b", "second")
    assert printer.finish() == {"a": b"first", "b": b"second"}
    assert seen == ["first", "second"]


@pytest.mark.parametrize(
    ("line", "error", "words"),
    [
        ("raise SystemExit(3)", RuntimeError, "process that draws PDFs ended"),
        (
            WITHOUT_PANGO,
            MissingLibraryError,
            "no Pango",
        ),
    ],
)
def test_failures_there_are_raised_here(
    line: str, error: type[Exception], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that ends, or that lacks a library, is told by `finish`, and nothing hangs."""
    monkeypatch.setattr(printing, "_SERVE", line)
    failed = threading.Event()

    def draw(_: str) -> bytes:
        assert failed.wait(300)
        return b""

    printer = Printer(draw, 2)
    printer.put("a", "page")
    for thread in printer._threads:
        thread.join(300)
    failed.set()
    with pytest.raises(error, match=words):
        printer.finish()


DEAF = """
import signal
from analysis.reporting import pdf, printing

signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever was inherited

def draw(page):
    signal.raise_signal(signal.SIGINT)
    return page.encode()

pdf.draw_pdf = draw
printing.serve()
"""

LEFT = """
import threading
from analysis.reporting import printing

printing._SERVE = "import time; time.sleep(600)"
begun = threading.Event()

def ask(process, page):
    begun.set()
    threading.Event().wait()

printing._ask = ask
printing.Printer(str.encode, 2).put("a", "page")
begun.wait()
"""


def test_the_second_process_leaves_control_c_to_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal sends it to both; the second one goes on until it is ended, and says nothing."""
    monkeypatch.setattr(printing, "_SERVE", DEAF)
    drawn = threading.Event()
    real = printing._ask

    def watched(process: subprocess.Popen[bytes], page: str) -> bytes:
        try:
            return real(process, page)
        finally:
            drawn.set()

    monkeypatch.setattr(printing, "_ask", watched)
    printer = Printer(lambda _: pytest.fail("drawn here"), 2)
    printer.put("a", "page")
    assert drawn.wait(300)
    assert printer.finish() == {"a": b"page"}


def test_the_second_process_ends_with_the_first() -> None:
    """Whoever stops before the PDFs are there leaves nobody behind who holds his streams."""
    # returns when all have ended that hold the pipe, the second process among them
    ended = subprocess.run([sys.executable, "-c", LEFT], stderr=subprocess.PIPE, check=False, timeout=300)
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_the_second_process_imports_what_draws_pdfs_alone() -> None:
    """It is given pages that are made: what makes them would cost it seconds and half its memory."""
    with printing._second_process() as process:
        pid = process.pid
        drawn = printing._ask(process, PAGES["0.pdf"])
        maps = Path(f"/proc/{pid}/maps")
        loaded = maps.read_text() if maps.is_file() else pytest.skip("this system does not tell what is loaded")
    assert drawn.startswith(b"%PDF")
    assert "pango" in loaded
    assert "pandas" not in loaded
    assert "vl_convert" not in loaded


def test_processes_are_one_or_two() -> None:
    """Never more processes than processors, and never more than two."""
    assert available_processes() in (1, 2)
