"""`isitcap run` and `isitcap explain`: making records. Torch is imported inside the commands alone."""

from __future__ import annotations

import argparse
import datetime as dt
import resource
import shlex
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from isitcap.data.cache import cache_folder
from isitcap.errors import UserError
from isitcap.progress import say, warn
from isitcap.records.directory import RunDirectory, Stage
from isitcap.report_commands import compute_results, write_reports
from isitcap.study import (
    FAMILIES,
    SHIPPED,
    Study,
    dump_study,
    load_study,
    locate,
    parse_data,
    parse_seeds,
    parse_variants,
    resolve,
)
from isitcap.study.family import family_text
from isitcap.study.models import VariantName

if TYPE_CHECKING:
    from isitcap.data.assemble import StudyData
    from isitcap.training.environment import Environment
    from isitcap.training.runs import Runs


def add_run_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `run` and `explain` to the program's commands."""
    run = commands.add_parser("run", help="train, predict and explain a study, then analyze and report it")
    run.add_argument("study", metavar="STUDY", help=f"{', '.join((*SHIPPED, *FAMILIES))}, or a TOML file")
    run.add_argument("--out", type=Path, help="run directory (default: runs/NAME); an unfinished one is resumed")
    run.add_argument("--seeds", help="how many (8), which (0,3,5) or a range (10-14)")
    run.add_argument(
        "--data",
        action="append",
        default=[],
        metavar="NAME=PATH|FOLDER",
        help="zip or folder of a source, or a folder that holds NAME.zip or NAME/ (repeatable)",
    )
    run.add_argument(
        "--variants",
        metavar="NAME,…",
        help=f"instead of the study's, with commas, of {', '.join(get_args(VariantName))}: baseline,autoencoder,blur",
    )
    run.add_argument("--without", action="append", default=[], metavar="NAME", help="leave a test source out")
    run.add_argument(
        "--explain",
        action="store_true",
        help="say what would be made and why, and train nothing; images may be prepared in the cache for that",
    )
    run.add_argument(
        "--again", action="store_true", help="make finished runs over where what bears on them has changed"
    )
    _where_and_how(run)
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
    _where_and_how(explain)
    explain.set_defaults(command=_explain)


def _where_and_how(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--cache", type=Path, help="where prepared images are kept (default: ~/.cache/isitcap)")
    parser.add_argument("--quiet", action="store_true", help="no progress")


def _run(given: argparse.Namespace) -> None:
    if (family := family_text(given.study)) is not None:
        from isitcap.family_commands import run_family

        run_family(given, *family)
        return
    declared, base = load_study(given.study)
    seeds = parse_seeds(given.seeds) if given.seeds is not None else None
    variants = parse_variants(given.variants) if given.variants is not None else None
    study = resolve(declared, seeds=seeds, variants=variants, without=given.without)
    if lost := [claim.id for claim in declared.claims if claim.id not in {kept.id for kept in study.claims}]:
        words = [f"--without {', '.join(given.without)}"] * bool(given.without)
        words += [f"--variants {given.variants}"] * (variants is not None)
        warn(f"{' '.join(words)}: the study's claims about what is left out fall away: {', '.join(lost)}")
    places = locate(study, base, parse_data(given.data))
    out = given.out or Path("runs") / study.name
    if given.explain:
        train(given, study, places, out)
        return
    from isitcap.findings import open_run

    with RunDirectory(out).lock():  # until the reports stand: they are of the records as they were analyzed
        train(given, study, places, out)
        say("analysis", show=not given.quiet)
        compute_results(open_run(out))
        written = write_reports(open_run(out), study.output.formats, out / "reports", required=False)
    for path in written:
        sys.stdout.write(f"{path}\n")


def train(given: argparse.Namespace, study: Study, places: dict[str, Path], out: Path) -> bool:
    """Make what is not done of a study in a run directory, or with `--explain` only say what that is.

    The caller holds the directory's lock, except with `--explain`.

    Returns:
        Whether anything was made.

    Raises:
        UserError: the folder holds another study, or finished runs would be lost and `--again` is not given.
    """
    choose = training("run")
    show = not given.quiet
    directory, environment = RunDirectory(out), choose(given.device)
    _refuse_other_study(directory, study)
    from isitcap.explain.recorded import with_recorded

    study, more = with_recorded(study, directory)

    def warn_of_study(data: StudyData) -> None:
        if more:
            warn(f"{out}: the maps there cover more than the study asks for; that is kept: {'; '.join(more)}")
        _warn_of_small_training(study, data)

    if given.explain:
        from isitcap.data.assemble import assemble
        from isitcap.training.outlook import explain
        from isitcap.training.runs import Runs

        data = assemble(study, places, cache_folder(given.cache), show=show)
        warn_of_study(data)
        for name, reason in explain(Runs(study, data, directory, environment)):
            sys.stdout.write(f"{name}: {reason}\n")
        return False

    def refuse_loss(runs: Runs) -> None:
        from isitcap.training.outlook import loss

        if not given.again and (lost := loss(runs)) is not None:
            raise UserError(f"{out}: {lost}; give another folder with --out to keep them, or --again to make them over")
        warn_of_study(runs.data)

    made = _make(given, study, places, directory, environment, refuse_loss)
    if not made:
        say("every run is done; nothing to train", show=show)
    return made


def training(command: str) -> Callable[[str], Environment]:
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
    check: Callable[[Runs], None],
) -> bool:
    """Make the stages that are not done; whether there was one. The caller holds the lock.

    `check` may refuse, before anything is written, what would be made.
    """
    from isitcap.data.assemble import assemble
    from isitcap.records.atomic import write_bytes
    from isitcap.records.manifest import write_manifest
    from isitcap.training.outlook import explain
    from isitcap.training.runs import Runs

    show = not given.quiet
    started, clock = dt.datetime.now(dt.UTC).isoformat(timespec="seconds"), time.perf_counter()
    data = assemble(study, places, cache_folder(given.cache), show=show)
    for note in data.notes:
        say(note, show=show)
    for images in data.test_sets:
        for source, note in images.notes:
            say(f"{source}: {note}", show=show)
    runs = Runs(study, data, directory, environment)
    runs.controls.contents(show=show)  # with progress, since taking their hashes makes them once
    check(runs)
    todo = [name for name, reason in explain(runs) if reason != "kept"]
    write_bytes(directory.study, dump_study(study, places).encode())
    if directory.manifest.exists() and not todo:
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
            # all were read above, and each is vouched for by its mark since: reading them again after every
            # stage would read the whole run directory as many times as it has stages
            done=[name for name, reason in explain(runs, hashed=False) if reason == "kept"],
            started=started,
            wall_seconds=time.perf_counter() - clock,
            peak_memory_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            declared=study.declared,
        )

    record()
    runs.make(record, show=show)
    return True


def _warn_of_small_training(study: Study, data: StudyData) -> None:
    """One step an epoch, of all images there are, is hardly a training."""
    count = len(data.train)
    sizes = {
        "classifier": (study.classifier.batch_size, count),
        "autoencoder": (study.autoencoder.batch_size, min(count, study.autoencoder.images or count)),
    }
    small = [
        f"{key}.batch_size = {batch} for {images} images" for key, (batch, images) in sizes.items() if images < batch
    ]
    if small:
        warn(f"every epoch of training is one step, with {' and '.join(small)}; give a smaller batch_size")


def _explain(given: argparse.Namespace) -> None:
    choose = training("explain")
    with RunDirectory(given.run_dir).sole_writer():
        _add_maps(given, choose)


def _add_maps(given: argparse.Namespace, choose: Callable[[str], Environment]) -> None:
    """`isitcap explain`, with the lock held."""
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

    def refuse_training(runs: Runs) -> None:
        from isitcap.training.outlook import untrained

        if (found := untrained(runs)) is not None:
            name, reason = found
            raise UserError(
                f"{given.run_dir}: {name}: {reason}; `isitcap explain` trains nothing, "
                "bring the run up to date with `isitcap run`"
            )
        small = {images.name: len(images) for images in runs.data.test_sets if images.role != "validation"}
        few = [f"`{name}` has {count:,}" for name, count in small.items() if count < (given.images or 0)]
        if few:
            warn(f"--images {given.images}: not every test set has as many, {', '.join(few)}; all of them are taken")

    if _make(given, study, places, run.directory, environment, refuse_training):
        say(
            f"bring them into the results with `isitcap analyze {given.run_dir}`, "
            f"then into the reports with `isitcap report {given.run_dir}`",
            show=not given.quiet,
        )
    else:
        say("every map is there; nothing to explain", show=not given.quiet)


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
