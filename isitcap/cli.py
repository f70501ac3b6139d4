"""The program: its commands and their exit codes. Torch is imported inside the commands that need it alone.

Exit codes: 0 done; 1 a defect of ours, with its traceback; 2 something the user can mend, in one line or a list of
lines; 130 interrupted and 143 ended by SIGTERM, the same command resumes.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn

from analysis.errors import InputError
from isitcap import __version__
from isitcap.compare_command import add_compare_command
from isitcap.data_commands import add_data_commands
from isitcap.errors import ListedUserError, UserError
from isitcap.report_commands import add_report_commands
from isitcap.run_commands import add_run_commands


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    parser = _parser()
    words = list(sys.argv[1:] if arguments is None else arguments)
    given = parser.parse_args(words)
    given.words = words
    try:
        with _terminable():
            given.command(given)
    except (UserError, InputError) as error:
        for line in error.lines if isinstance(error, ListedUserError) else (str(error),):
            sys.stderr.write(f"isitcap: {' '.join(line.split())}\n")
        return 2
    except KeyboardInterrupt as stop:
        sys.stderr.write("isitcap: interrupted; the same command goes on where this one stopped\n")
        return 128 + (signal.SIGTERM if isinstance(stop, _Terminated) else signal.SIGINT)
    except BrokenPipeError:
        # the reader of our output has gone; Python would complain once more when it closes standard output
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return 0


class _Terminated(KeyboardInterrupt):
    """SIGTERM came."""


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM interrupt like Ctrl-C, which ends what is half written and the processes that were started.

    Where it is ignored, or the caller has a handler of its own, that stays; so does SIGINT, whatever it does.
    """
    ours = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    if not ours:
        yield
        return

    def interrupt(_number: int, _frame: object) -> None:
        raise _Terminated

    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


class _Parser(argparse.ArgumentParser):
    """Refuses in one line, like everything else here."""

    def error(self, message: str) -> NoReturn:
        sys.stderr.write(f"{self.prog}: {message}; see `{self.prog} --help`\n")
        sys.exit(2)


def _parser() -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = _Parser(
        prog="isitcap", description="Measure whether preprocessing helps a detector of synthetic images."
    )
    parser.add_argument("--version", action="version", version=f"isitcap {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    add_run_commands(commands)
    add_data_commands(commands)
    add_report_commands(commands)
    add_compare_command(commands)
    return parser
