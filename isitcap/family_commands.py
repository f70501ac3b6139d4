"""`isitcap run` and `isitcap report` of a diversity study: one study for each mixture, then their findings together."""

from __future__ import annotations

import argparse
import datetime as dt
import resource
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from isitcap.data.cache import cache_folder
from isitcap.errors import ListedUserError, UserError
from isitcap.family_findings import FinishedFamily, compute_family, mixture_directory, open_family
from isitcap.family_plan import Prepared, check_sources, plan_lines, prepare, refuse_loss
from isitcap.progress import say, warn
from isitcap.records.directory import RunDirectory
from isitcap.run_commands import train, training
from isitcap.study.family import (
    Family,
    Mixture,
    dump_family,
    is_family,
    locate_family,
    parse_family,
    resolve_family,
)
from isitcap.study.load import parse_data, parse_seeds

if TYPE_CHECKING:
    from isitcap.training.environment import Environment

DOCUMENT = "diversity"


def run_family(given: argparse.Namespace, text: str, base: Path | None) -> None:
    """`isitcap run` of a diversity study: every mixture in a run directory of its own, then analysis and document.

    Raises:
        UserError: the study, its images or the folder are not fit for use.
    """
    if given.variants is not None:
        raise UserError("--variants: a diversity study names its variants in its file; copy it and change them there")
    family = parse_family(text, f"{given.study}.toml" if base is None else str(given.study))
    seeds = parse_seeds(given.seeds) if given.seeds is not None else None
    family = resolve_family(family, seeds=seeds, without=given.without)
    places = locate_family(family, base, parse_data(given.data))
    out = given.out or Path("runs") / family.name
    environment = training("run")(given.device)
    directory = RunDirectory(out)
    _refuse_other(directory, family)
    show, cache = not given.quiet, cache_folder(given.cache)
    check_sources(family, places, cache, show=show)
    mixtures = family.studies()
    if given.explain:
        for mixture in mixtures:
            sys.stdout.write(f"mixture {mixture.name}\n")
            train(given, mixture.study, _own(mixture, places), mixture_directory(out, mixture.name))
        return
    with directory.lock():
        prepared = [
            prepare(
                each,
                family,
                _own(each, places),
                cache,
                mixture_directory(out, each.name),
                environment,
                show=show,
            )
            for each in mixtures
        ]
        if not given.again:
            refuse_loss(out, prepared)
        for line in plan_lines(family, prepared, environment):
            say(line, show=show)
        session = _Session(given, family, directory, environment, prepared)
        session.begin(places)
        for position, found in enumerate(prepared):
            each, began = found.mixture, time.perf_counter()
            say(f"mixture {position + 1} of {len(mixtures)}: {each.name}", show=show)
            folder = mixture_directory(out, each.name)
            with RunDirectory(folder).lock():
                made = train(given, each.study, _own(each, places), folder)
            session.finish(each)
            if made:
                session.record()
            work, left = (
                sum(one.seconds(environment.threads) for one in some) for some in ([found], prepared[position + 1 :])
            )
            if work and left:
                hours = (time.perf_counter() - began) / work * left / 3600
                say(f"about {hours:.1f} h more at the pace of this mixture", show=show)
        say("analysis", show=show)
        compute_family(open_family(out))
        written = _write(open_family(out), family.output.formats, out / "reports", required=False)
    for path in written:
        sys.stdout.write(f"{path}\n")


def report_family(given: argparse.Namespace) -> None:
    """`isitcap report` of a diversity study's folder.

    Raises:
        UserError: results that are older than the records, or a document or option that there is not.
    """
    if given.document not in (None, DOCUMENT):
        raise UserError(
            f"report document `{given.document}`: a diversity study has one, `{DOCUMENT}`; name that or none"
        )
    if given.keep_inputs:
        raise UserError("--keep-inputs: the document is made of results.json alone; keep that file instead")
    found = open_family(given.run_dir)
    if not found.directory.results.exists():
        compute_family(found)
    elif (reason := found.stale()) is not None:
        raise UserError(f"{reason}; bring it up to date with `isitcap analyze {given.run_dir}`")
    formats = tuple(given.format.split(",")) if given.format else found.family.output.formats
    for path in _write(found, formats, given.out or found.directory.reports, required=bool(given.format)):
        sys.stdout.write(f"{path}\n")


def _write(found: FinishedFamily, formats: Sequence[str], out: Path, *, required: bool) -> list[Path]:
    from analysis.diversity_results import read_diversity
    from analysis.errors import MissingLibraryError
    from analysis.reporting.diversity_document import build_diversity_report
    from isitcap.report_checks import broken_links

    diversity = read_diversity(found.directory.results)
    try:
        written = build_diversity_report(diversity, out, formats)
    except MissingLibraryError as error:
        if required:
            raise
        warn(str(error))
        written = sorted(out.glob(f"{DOCUMENT}.html"))
    if links := broken_links(path for path in written if path.suffix == ".html"):
        raise ListedUserError(links)
    return list(written)


def _own(mixture: Mixture, places: Mapping[str, Path]) -> dict[str, Path]:
    """The places of a mixture's own sources."""
    return {name: places[name] for name in mixture.study.sources if name in places}


def _refuse_other(directory: RunDirectory, family: Family) -> None:
    """A folder holds one study: another's records would be made over."""
    if not directory.study.exists():
        return
    text = directory.study.read_text("utf-8")
    earlier = parse_family(text, str(directory.study)).name if is_family(text) else None
    if earlier is None and directory.study.exists():
        raise UserError(f"{directory.root}: holds records of a single study; choose another folder with --out")
    if earlier != family.name:
        raise UserError(
            f"{directory.root}: holds records of the study `{earlier}`, not of `{family.name}`; choose another folder "
            "with --out"
        )


class _Session:
    """What the family's own manifest says of this start of the program."""

    def __init__(
        self,
        given: argparse.Namespace,
        family: Family,
        directory: RunDirectory,
        environment: Environment,
        prepared: Sequence[Prepared],
    ) -> None:
        self._given, self._family, self._directory = given, family, directory
        self._environment, self._prepared = environment, prepared
        self._done = {each.mixture.name for each in prepared if not each.unfinished}
        self._started, self._clock = dt.datetime.now(dt.UTC).isoformat(timespec="seconds"), time.perf_counter()

    def begin(self, places: Mapping[str, Path]) -> None:
        """Write the study, and the manifest where there is none: what is declared, is declared now."""
        from isitcap.records.atomic import write_bytes

        write_bytes(self._directory.study, dump_family(self._family, places).encode())
        if not self._directory.manifest.exists():
            self.record()

    def finish(self, mixture: Mixture) -> None:
        """Note that all of a mixture is made; `record` writes it."""
        self._done.add(mixture.name)

    def record(self) -> None:
        """Write the manifest with the time until now."""
        from isitcap.records.manifest import write_manifest

        write_manifest(
            self._directory,
            command=["isitcap", *map(shlex.quote, self._given.words)],
            device=self._environment.own_identity(),
            packs=dict(pack for each in self._prepared for pack in each.packs),
            notes=list(dict.fromkeys(note for each in self._prepared for note in each.notes)),
            test_sets=[],
            done=[each.mixture.name for each in self._prepared if each.mixture.name in self._done],
            started=self._started,
            wall_seconds=time.perf_counter() - self._clock,
            peak_memory_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            declared=self._prepared[0].mixture.study.declared,
        )
