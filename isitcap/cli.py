"""The program: its commands and their exit codes. Torch is imported inside the commands that need it alone.

Exit codes: 0 done; 1 a defect of ours, with its traceback; 2 something the user can mend, in one line or a list of
lines; 130 interrupted, the same command resumes.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
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
        given.command(given)
    except (UserError, InputError) as error:
        for line in error.lines if isinstance(error, ListedUserError) else (str(error),):
            sys.stderr.write(f"isitcap: {' '.join(line.split())}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("isitcap: interrupted; the same command goes on where this one stopped\n")
        return 130
    except BrokenPipeError:
        # the reader of our output has gone; Python would complain once more when it closes standard output
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return 0


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
