"""Signals to the program: an orderly end, in a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import signal, sys
from pathlib import Path
from isitcap import cli, compare_command
from isitcap.records.atomic import replacing

number, ignored, folder = int(sys.argv[1]), sys.argv[2] == "ignored", Path(sys.argv[3])
before = signal.SIG_IGN if ignored else {signal.SIGINT: signal.default_int_handler}.get(number, signal.SIG_DFL)
signal.signal(number, before)

def command(given):
    with replacing(folder / "whole") as temporary:
        temporary.write_text("half")
        signal.raise_signal(number)
        temporary.write_text("all")

compare_command._compare = command
code = cli.main(["compare", "a", "b"])
assert signal.getsignal(number) == before
sys.exit(code)
"""


def run(number: signal.Signals, state: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM, str(int(number)), state, str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_with_one_line_and_nothing_half_written(
    number: signal.Signals, code: int, tmp_path: Path
) -> None:
    """SIGTERM ends like Ctrl-C, with the exit code that a shell gives it."""
    ended = run(number, "heard", tmp_path)
    assert ended.stderr == "isitcap: interrupted; the same command goes on where this one stopped\n"
    assert ended.returncode == code
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_ignored_signal_stays_ignored(number: signal.Signals, tmp_path: Path) -> None:
    """What a background shell or `nohup` has the program ignore does not end it."""
    ended = run(number, "ignored", tmp_path)
    assert (ended.stderr, ended.returncode) == ("", 0)
    assert (tmp_path / "whole").read_text("utf-8") == "all"
