"""The commands. Torch is imported inside the commands that train and explain, and nowhere else.

Exit codes: 0 done; 1 a defect of ours, with its traceback; 2 something the user can mend, in one line;
130 interrupted, the same command resumes.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import resource
import shlex
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from analysis.errors import InputError
from isitcap import __version__
from isitcap.errors import UserError
from isitcap.progress import say
from isitcap.records.directory import RunDirectory, Stage
from isitcap.study import SHIPPED, Study, dump_study, load_study, locate, parse_data, parse_seeds, resolve

if TYPE_CHECKING:
    from isitcap.training.environment import Environment


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    parser = _parser()
    words = list(sys.argv[1:] if arguments is None else arguments)
    given = parser.parse_args(words)
    given.words = words
    try:
        given.command(given)
    except (UserError, InputError) as error:
        sys.stderr.write(f"isitcap: {' '.join(str(error).split())}\n")
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
    parser = _Parser(prog="isitcap", description="Measure whether preprocessing helps a detector of synthetic images.")
    parser.add_argument("--version", action="version", version=f"isitcap {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    run = commands.add_parser("run", help="train, predict and explain a study, then analyze and report it")
    run.add_argument("study", metavar="STUDY", help=f"{', '.join(SHIPPED)}, or a TOML file")
    run.add_argument("--out", type=Path, help="run directory (default: runs/NAME); an unfinished one is resumed")
    run.add_argument("--seeds", help="how many (8), which (0,3,5) or a range (10-14)")
    run.add_argument(
        "--data",
        action="append",
        default=[],
        metavar="NAME=PATH|FOLDER",
        help="zip or folder of a source, or a folder that holds NAME.zip or NAME/ (repeatable)",
    )
    run.add_argument("--without", action="append", default=[], metavar="NAME", help="leave a test source out")
    run.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    run.add_argument("--cache", type=Path, help="where prepared images are kept (default: ~/.cache/isitcap)")
    run.add_argument("--explain", action="store_true", help="say what would be made and why, and make nothing")
    run.add_argument("--quiet", action="store_true", help="no progress")
    run.set_defaults(command=_run)

    explain = commands.add_parser(
        "explain", help="add attribution methods or images to a finished run, without training"
    )
    explain.add_argument("run_dir", metavar="RUN_DIR", type=Path)
    explain.add_argument("--methods", help="attribution methods to add, with commas: saliency,gradcam")
    explain.add_argument("--states", help="nulls to add, with commas: untrained,randomised")
    explain.add_argument("--faithfulness", action="store_true", help="add deletion and insertion curves")
    explain.add_argument("--images", type=int, metavar="N", help="explain N images of each test set, more than so far")
    explain.add_argument(
        "--data",
        action="append",
        default=[],
        metavar="NAME=PATH|FOLDER",
        help="where images lie now, if not where they were (repeatable)",
    )
    explain.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    explain.add_argument("--cache", type=Path, help="where prepared images are kept (default: ~/.cache/isitcap)")
    explain.add_argument("--quiet", action="store_true", help="no progress")
    explain.set_defaults(command=_explain)

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
    report.add_argument("run_dir", metavar="RUN_DIR", type=Path)
    report.add_argument("--document", help="benchmark, significance, dispersion, or several with commas (default: all)")
    report.add_argument("--format", help="html, pdf or html,pdf (default: the study's)")
    report.add_argument("--out", type=Path, help="where to (default: RUN_DIR/reports)")
    report.set_defaults(command=_report)
    return parser


def _run(given: argparse.Namespace) -> None:
    study, base = load_study(given.study)
    seeds = parse_seeds(given.seeds) if given.seeds is not None else None
    study = resolve(study, seeds=seeds, without=given.without)
    places = locate(study, base, parse_data(given.data))
    out = given.out or Path("runs") / study.name
    _train(given, study, places, out)
    if given.explain:
        return
    show = not given.quiet
    from isitcap.findings import analyze, open_run

    run = open_run(out)
    say("analysis", show=show)
    analyze(run)
    for path in _write_reports(out, study.output.formats, out / "reports", required=False):
        sys.stdout.write(f"{path}\n")


def _train(given: argparse.Namespace, study: Study, places: dict[str, Path], out: Path) -> None:
    choose = _training("run")
    show = not given.quiet
    directory, environment = RunDirectory(out), choose(given.device)
    _refuse_other_study(directory, study)
    if given.explain:
        from isitcap.data.assemble import assemble
        from isitcap.training.runs import Runs

        data = assemble(study, places, _cache(given.cache), show=show)
        for name, reason in Runs(study, data, directory, environment).explain():
            sys.stdout.write(f"{name}: {reason}\n")
        return
    if not _make(given, study, places, directory, environment):
        say("every run is done; nothing to train", show=show)


def _training(command: str) -> Callable[[str], Environment]:
    """`isitcap.training.environment.choose`, where the packages that training needs are installed."""
    try:
        import isitcap.training.runs
        from isitcap.training.environment import choose
    except ModuleNotFoundError as error:
        raise UserError(
            f"`isitcap {command}` needs {error.name}, which is not installed; "
            "install it with: pip install 'isitcap[train]'"
        ) from None
    assert isitcap.training.runs
    return choose


def _make(
    given: argparse.Namespace,
    study: Study,
    places: dict[str, Path],
    directory: RunDirectory,
    environment: Environment,
    check: Callable[[Mapping[str, str]], None] | None = None,
) -> bool:
    """Make the stages that are not done, holding the lock; whether there was one.

    `check` may refuse, before anything is written, what would be made: stages by name with the reason, or `kept`.
    """
    from isitcap.data.assemble import assemble
    from isitcap.records.atomic import write_bytes
    from isitcap.records.manifest import write_manifest
    from isitcap.training.runs import Runs

    show = not given.quiet
    started, clock = dt.datetime.now(dt.UTC).isoformat(timespec="seconds"), time.perf_counter()
    with directory.lock():
        data = assemble(study, places, _cache(given.cache), show=show)
        for note in data.notes:
            say(note, show=show)
        for images in data.test_sets:
            for source, note in images.notes:
                say(f"{source}: {note}", show=show)
        runs = Runs(study, data, directory, environment)
        reasons = dict(runs.explain())
        if check is not None:
            check(reasons)
        write_bytes(directory.study, dump_study(study, places).encode())
        if directory.manifest.exists() and all(reason == "kept" for reason in reasons.values()):
            return False

        def record() -> None:
            write_manifest(
                directory,
                command=["isitcap", *map(shlex.quote, given.words)],
                device=environment.own_identity(),
                packs=dict(data.packs),
                notes=data.notes,
                test_sets=[
                    {
                        "name": images.name,
                        "role": images.role,
                        "pipeline": images.pipeline,
                        "notes": [list(note) for note in images.notes],
                    }
                    for images in data.test_sets
                ],
                done=[name for name, reason in runs.explain() if reason == "kept"],
                started=started,
                wall_seconds=time.perf_counter() - clock,
                peak_memory_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                claims=study.claims,
                alpha=study.analysis.alpha,
            )

        record()
        runs.make(record, show=show)
    return True


def _explain(given: argparse.Namespace) -> None:
    choose = _training("explain")
    from isitcap.findings import open_run
    from isitcap.study.widen import widen

    run = open_run(given.run_dir)
    study = widen(
        run.study,
        methods=given.methods.split(",") if given.methods else (),
        states=given.states.split(",") if given.states else (),
        faithfulness=given.faithfulness,
        images=given.images,
    )
    places = locate(study, None, parse_data(given.data))
    first = Stage(run.directory.run(study.variants[0], study.seeds[0]), "train", {})
    # What was trained elsewhere stays as it is: only this environment's maps are added to it.
    environment = replace(choose(given.device), recorded=first.facts()["identity"]["environment"])

    def refuse_training(reasons: Mapping[str, str]) -> None:
        for name, reason in reasons.items():
            if reason != "kept" and not name.endswith(" maps"):
                raise UserError(
                    f"{given.run_dir}: {name}: {reason}; `isitcap explain` trains nothing, "
                    "bring the run up to date with `isitcap run`"
                )

    if _make(given, study, places, run.directory, environment, refuse_training):
        say(f"bring them into the results with: isitcap analyze {given.run_dir}", show=not given.quiet)
    else:
        say("every map is there; nothing to explain", show=not given.quiet)


def _analyze(given: argparse.Namespace) -> None:
    from isitcap.findings import analyze, open_run

    run = open_run(given.run_dir)
    analyze(run, margins=_margins(given.margin), alpha=given.alpha)
    sys.stdout.write(f"{run.directory.results}\n")


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
    from isitcap.findings import open_run

    run = open_run(given.run_dir)
    formats = tuple(given.format.split(",")) if given.format else run.study.output.formats
    documents = tuple(given.document.split(",")) if given.document else None
    out = given.out or run.directory.reports
    for path in _write_reports(given.run_dir, formats, out, documents, required=bool(given.format)):
        sys.stdout.write(f"{path}\n")


def _write_reports(
    folder: Path, formats: Sequence[str], out: Path, documents: Sequence[str] | None = None, *, required: bool
) -> list[Path]:
    """Write the reports, by default all.

    A PDF that cannot be made for want of a system library is an error only if asked for.
    """
    from analysis.reporting import DOCUMENTS, MissingLibraryError, build_report
    from isitcap.findings import examples_of, open_run, summary_of

    run = open_run(folder)
    summary, examples = summary_of(run), examples_of(run)
    try:
        return list(build_report(summary, examples, out, formats, documents or tuple(DOCUMENTS)).values())
    except MissingLibraryError as error:
        if required:
            raise
        say(f"isitcap: {error}")
        return sorted(out.glob("*.html"))


def _refuse_other_study(directory: RunDirectory, study: Study) -> None:
    """A run directory holds one study: another's records would be made over."""
    if not directory.study.exists():
        return
    from isitcap.study.load import parse_study

    earlier = parse_study(directory.study.read_text("utf-8"), str(directory.study))
    if earlier.name != study.name:
        raise UserError(
            f"{directory.root}: holds records of the study `{earlier.name}`, not of `{study.name}`; "
            "choose another folder with --out"
        )


def _cache(given: Path | None) -> Path:
    """`--cache`, `ISITCAP_CACHE`, or `isitcap` in the user's cache folder."""
    if given is not None:
        return given
    if named := os.environ.get("ISITCAP_CACHE"):
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "isitcap"
