"""`isitcap analyze` and `isitcap report`: from records to numbers, and from those to documents. Torch is not needed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from isitcap.errors import ListedUserError, UserError
from isitcap.progress import warn
from isitcap.records.directory import RunDirectory
from isitcap.study.family import is_family_run

if TYPE_CHECKING:
    from analysis.reporting import Examples
    from analysis.summary import Summary
    from isitcap.findings import Finished


def add_report_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `analyze` and `report` to the program's commands."""
    analyze = commands.add_parser("analyze", help="compute results.json and tables/ of a run directory")
    analyze.add_argument("run_dir", metavar="RUN_DIR", type=Path)
    analyze.add_argument(
        "--margin",
        action="append",
        default=[],
        metavar="[CLAIM|ROLE=]NUMBER",
        help="another margin for all claims and tests, or for one claim or role (in_sample, out_of_sample); repeatable",
    )
    analyze.add_argument("--alpha", type=float, metavar="NUMBER", help="another level of tests than the study's")
    analyze.set_defaults(command=_analyze)

    report = commands.add_parser("report", help="write the reports of a run directory")
    report.add_argument("run_dir", metavar="RUN_DIR", type=Path, help="a run directory, or inputs that were kept")
    report.add_argument(
        "--document",
        help="benchmark, significance, dispersion, or several with commas (default: all); of a diversity study its one",
    )
    report.add_argument("--format", help="html, pdf or html,pdf (default: the study's)")
    report.add_argument("--out", type=Path, help="where to (default: RUN_DIR/reports)")
    report.add_argument(
        "--keep-inputs",
        action="store_true",
        help="also write inputs/ beside the documents: a small folder that they can be made from again, as RUN_DIR",
    )
    report.set_defaults(command=_report)


def _analyze(given: argparse.Namespace) -> None:
    from isitcap.family_findings import compute_family, open_family
    from isitcap.findings import open_run

    directory, margins = RunDirectory(given.run_dir), _margins(given.margin)
    with directory.sole_writer():
        if is_family_run(given.run_dir):
            compute_family(open_family(given.run_dir), margins=margins, alpha=given.alpha)
        else:
            compute_results(open_run(given.run_dir), margins=margins, alpha=given.alpha)
    sys.stdout.write(f"{directory.results}\n")


def compute_results(run: Finished, *, margins: Mapping[str, float] | None = None, alpha: float | None = None) -> None:
    """Write `results.json` and `tables/`, see `isitcap.findings.analyze`, and which records they are of.

    Raises:
        UserError: a record is missing or damaged.
        analysis.errors.InputError: the records do not belong together.
    """
    from isitcap.findings import analyze
    from isitcap.records.freshness import stage_hashes, vouch

    # Before they are read: what is written meanwhile makes the results old.
    stages = stage_hashes(run.directory, run.study)
    analyze(run, margins=margins, alpha=alpha)
    vouch(run.directory, stages)


def _margins(words: Sequence[str]) -> dict[str, float]:
    """`0.02` for all, `NAME=0.02` for one.

    Raises:
        UserError: what should be a number is none.
    """
    found: dict[str, float] = {}
    for word in words:
        name, _, number = word.rpartition("=")
        try:
            found[name or "all"] = float(number)
        except ValueError:
            raise UserError(f"--margin {word}: `{number}` is no number; give one such as 0.01 for a point") from None
    return found


def _report(given: argparse.Namespace) -> None:
    if is_family_run(given.run_dir):
        from isitcap.family_commands import report_family

        with RunDirectory(given.run_dir).sole_writer(given.out):
            report_family(given)
        return
    from analysis.reporting.kept_inputs import is_kept, read_inputs
    from isitcap.findings import examples_of, open_run, summary_of
    from isitcap.report_checks import problems

    documents = tuple(given.document.split(",")) if given.document else None
    if is_kept(given.run_dir):
        formats = tuple((given.format or "html,pdf").split(","))
        out = given.out or given.run_dir / "reports"
        made_from = read_inputs(given.run_dir)
        _show(given, made_from, write_documents(*made_from, formats, out, documents, required=bool(given.format)))
        return
    directory = RunDirectory(given.run_dir)
    with directory.sole_writer(given.out):
        if found := problems(directory):
            raise ListedUserError(found)
        run = open_run(given.run_dir)
        if not directory.results.exists():
            compute_results(run)
        formats = tuple(given.format.split(",")) if given.format else run.study.output.formats
        made_from = summary_of(run), examples_of(run)
        out = given.out or directory.reports
        _show(given, made_from, write_documents(*made_from, formats, out, documents, required=bool(given.format)))


def _show(given: argparse.Namespace, made_from: tuple[Summary, Examples], written: Sequence[Path]) -> None:
    """Print what was written, and what it can be made from again if that is to be kept."""
    from analysis.reporting.kept_inputs import keep_digests, keep_inputs

    shown = list(written)
    if given.keep_inputs and written:
        folder = written[0].parent / "inputs"
        shown += keep_inputs(*made_from, folder).values()
        shown.append(keep_digests({path.name: path for path in written}, folder))
    for path in shown:
        sys.stdout.write(f"{path}\n")


def write_reports(
    run: Finished, formats: Sequence[str], out: Path, documents: Sequence[str] | None = None, *, required: bool
) -> list[Path]:
    """Write the reports of a run whose results are there, by default all; see `write_documents`."""
    from isitcap.findings import examples_of, summary_of

    return write_documents(summary_of(run), examples_of(run), formats, out, documents, required=required)


def write_documents(
    summary: Summary,
    examples: Examples,
    formats: Sequence[str],
    out: Path,
    documents: Sequence[str] | None = None,
    *,
    required: bool,
) -> list[Path]:
    """Write documents, by default all.

    A PDF that cannot be made for want of a system library is an error only if `required`.

    Raises:
        UserError: a page has links that lead nowhere.
    """
    from analysis.reporting import DOCUMENTS, MissingLibraryError, build_report
    from isitcap.report_checks import broken_links

    try:
        written = list(build_report(summary, examples, out, formats, documents or tuple(DOCUMENTS)).values())
    except MissingLibraryError as error:
        if required:
            raise
        warn(str(error))
        written = sorted(out.glob("*.html"))
    if found := broken_links(path for path in written if path.suffix == ".html"):
        raise ListedUserError(found)
    return written
