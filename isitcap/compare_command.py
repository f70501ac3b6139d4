"""`isitcap compare`: two studies' summaries side by side. Torch is not needed."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from isitcap.errors import UserError
from isitcap.study.family import is_family_run


def add_compare_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `compare` to the program's commands."""
    compare = commands.add_parser("compare", help="put the results of two studies side by side in one document")
    for name in ("first", "second"):
        compare.add_argument(
            name, metavar=f"RUN_{'A' if name == 'first' else 'B'}", type=Path, help="run directory, or results.json"
        )
    compare.add_argument("--out", type=Path, default=Path("comparison"), help="where to (default: comparison)")
    compare.add_argument("--format", default="html,pdf", help="html, pdf or html,pdf (default)")
    compare.set_defaults(command=_compare)


def _compare(given: argparse.Namespace) -> None:
    from analysis.reporting.compare_document import build_comparison_report
    from analysis.results import read_results

    paths = [_results(path) for path in (given.first, given.second)]
    if paths[0].samefile(paths[1]) or paths[0].read_bytes() == paths[1].read_bytes():
        raise UserError(f"{given.first} and {given.second}: both are the same results; give two different runs")
    first, second = (read_results(path) for path in paths)
    formats = tuple(given.format.split(","))
    written = build_comparison_report(first, second, given.out, formats, _names(given.first, given.second))
    for path in written.values():
        sys.stdout.write(f"{path}\n")


def _results(given: Path) -> Path:
    """The results of a run directory.

    Raises:
        UserError: there are none, or they are of a diversity study.
    """
    path = given / "results.json" if given.is_dir() else given
    if is_family_run(path.parent):
        raise UserError(f"{given}: of a diversity study, which stands for many; give two of its mixtures")
    if not path.is_file():
        raise UserError(f"{path}: is not there; make it with `isitcap analyze {given}`, or give a run directory")
    return path


def _names(first: Path, second: Path) -> tuple[str, str]:
    """What the runs are called: their folders' names, where these differ."""
    names = tuple((path if path.is_dir() else path.parent).resolve().name for path in (first, second))
    if names[0] != names[1] and all(names):
        return names[0], names[1]
    return f"{names[0]} (A)", f"{names[1]} (B)"
