"""`isitcap run` and `isitcap report` of a diversity study: one study for each mixture, then their findings together."""

from __future__ import annotations

import argparse
import datetime as dt
import resource
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from analysis.diversity_verdict import generators
from isitcap.data.cache import cache_folder
from isitcap.errors import ListedUserError, UserError
from isitcap.family_findings import FinishedFamily, compute_family, mixture_directory, open_family
from isitcap.models.variants import VARIANTS
from isitcap.progress import say, warn
from isitcap.records.directory import RunDirectory
from isitcap.run_commands import train, training
from isitcap.study.family import (
    Family,
    Mixture,
    dump_family,
    held_source,
    is_family,
    locate_family,
    parse_family,
    resolve_family,
)
from isitcap.study.load import parse_data, parse_seeds
from isitcap.study.models import Study

if TYPE_CHECKING:
    from isitcap.data.assemble import StudyData
    from isitcap.training.environment import Environment

CLASSIFIER_RATE = {1: 3300.0, 2: 6200.0}
"""Training images a second, by processor threads: measured with 32-px images, the small classifier and bfloat16."""

AUTOENCODER_RATE = {1: 1100.0, 2: 1750.0}

FORWARD = 1 / 3
"""Share of a training step that a forward pass takes."""

DOCUMENT = "diversity"


@dataclass(frozen=True)
class Prepared:
    """What was found of a mixture before anything is trained: image counts, and seconds of work per seed."""

    mixture: Mixture
    n_train: int
    n_tested: int
    packs: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    test_sets: tuple[tuple[str, int], ...]


def run_family(given: argparse.Namespace, text: str, base: Path | None) -> None:
    """`isitcap run` of a diversity study: every mixture in a run directory of its own, then analysis and document.

    Raises:
        UserError: the study, its images or the folder are not fit for use.
    """
    family = parse_family(text, f"{given.study}.toml" if base is None else str(given.study))
    seeds = parse_seeds(given.seeds) if given.seeds is not None else None
    family = resolve_family(family, seeds=seeds, without=given.without)
    places = locate_family(family, base, parse_data(given.data))
    out = given.out or Path("runs") / family.name
    environment = training("run")(given.device)
    directory = RunDirectory(out)
    _refuse_other(directory, family)
    mixtures = family.studies()
    if given.explain:
        for mixture in mixtures:
            sys.stdout.write(f"mixture {mixture.name}\n")
            train(given, mixture.study, _own(mixture, places), mixture_directory(out, mixture.name))
        return
    show = not given.quiet
    with directory.lock():
        prepared = [_prepare(each, family, places, given) for each in mixtures]
        for line in plan_lines(family, prepared, environment, _done(out, mixtures)):
            say(line, show=show)
        session = _Session(given, family, directory, environment, prepared)
        session.begin(places)
        for position, each in enumerate(mixtures):
            began, missing = time.perf_counter(), _missing(out, each)
            say(f"mixture {position + 1} of {len(mixtures)}: {each.name}", show=show)
            folder = mixture_directory(out, each.name)
            with RunDirectory(folder).lock():
                made = train(given, each.study, _own(each, places), folder)
            if made:
                session.record()
            left = sum(_missing(out, other) for other in mixtures[position + 1 :])
            if missing and left:
                hours = (time.perf_counter() - began) / missing * left / 3600
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


def plan_lines(
    family: Family, prepared: Sequence[Prepared], environment: Environment, done: Mapping[str, int]
) -> list[str]:
    """What will be made, of how many images, and for about how long, one line each.

    Args:
        family: as resolved.
        prepared: its mixtures.
        environment: what to compute on.
        done: mixture → seeds that are finished.
    """
    counts = ", ".join(
        f"{sum(len(each.mixture.generators) == k for each in prepared)} of {generators(k)}" for k in family.sizes
    )
    seeds, variants = len(family.seeds), len(family.variants)
    held = dict(each for one in prepared for each in one.test_sets)
    tested = ", ".join(f"{name} {count:,}" for name, count in held.items())
    many = f"{len(prepared) * seeds * variants:,} classifiers and {len(prepared) * seeds:,} autoencoders"
    epochs = f"{family.classifier.epochs} and {family.autoencoder.epochs} epochs"
    lines = [
        f"{family.name}: {len(prepared)} mixtures ({counts}) × {seeds} seeds × {variants} variants: {many}",
        f"training images: {family.mixtures.train:,} in every mixture, in equal shares of its generators; {epochs}",
        f"test images: {tested}; a mixture is tested on generators that it has not seen",
    ]
    kept = sum(done.values())
    if kept:
        lines.append(f"{kept} of {len(prepared) * seeds} mixtures × seeds are finished already, and kept")
    where = f"on {environment.device.type}, {environment.threads} thread{'' if environment.threads == 1 else 's'}"
    if environment.device.type != "cpu":
        lines.append(f"{where}: no rate is known; after the first mixture its pace tells how long")
        return lines
    seconds = sum(
        (seeds - done.get(each.mixture.name, 0)) * seed_seconds(each.mixture.study, each.n_tested, environment.threads)
        for each in prepared
    )
    threads = 1 if environment.threads == 1 else 2
    lines.append(
        f"{where}: about {seconds / 3600:.1f} h, at {CLASSIFIER_RATE[threads]:,.0f} training images a second for the "
        f"classifier and {AUTOENCODER_RATE[threads]:,.0f} for the autoencoder, as measured with 32-px images"
    )
    return lines


def seed_seconds(study: Study, n_tested: int, threads: int) -> float:
    """Seconds that one seed of a study takes on a processor, by measured rates; above two threads, as with two.

    Args:
        study: whose images count by their number of pixels.
        n_tested: images that every classifier is tested on along its own path.
        threads: of the processor.
    """
    pixels = (study.image.size / 32) ** 2
    rates = [rate[1 if threads == 1 else 2] / pixels for rate in (CLASSIFIER_RATE, AUTOENCODER_RATE)]
    classifier, autoencoder = (1 / rate for rate in rates)
    variants = [VARIANTS[name] for name in study.variants]
    seen = study.split.train * study.classifier.epochs
    seconds = (
        min(study.split.train, study.autoencoder.images or study.split.train) * study.autoencoder.epochs * autoencoder
    )
    for variant in variants:
        behind = variant.path.autoencode or variant.mixes
        seconds += seen * (classifier + (FORWARD * autoencoder if behind else 0.0))
    seconds += n_tested * FORWARD * classifier * len(variants)
    # One reconstruction serves all variants on a path.
    return seconds + n_tested * FORWARD * autoencoder * len({v.path.name for v in variants if v.path.autoencode})


def _prepare(mixture: Mixture, family: Family, places: Mapping[str, Path], given: argparse.Namespace) -> Prepared:
    """Assemble the images of a mixture and check them, before hours of training.

    Raises:
        UserError: too few images, or a held-out image that is also trained on.
    """
    from isitcap.data.assemble import assemble

    data = assemble(mixture.study, _own(mixture, places), cache_folder(given.cache), show=not given.quiet)
    check_images(mixture, family, data)
    return Prepared(
        mixture,
        len(data.train),
        sum(map(len, data.test_sets)),
        data.packs,
        data.notes,
        tuple((each.name, len(each)) for each in data.test_sets if each.role == "out_of_sample"),
    )


def check_images(mixture: Mixture, family: Family, data: StudyData) -> None:
    """Equal numbers for every mixture, and nothing of a test set among its training images.

    Raises:
        UserError: one of these does not hold.
    """
    mixing = family.mixtures
    sides = (("train", data.train), ("validation", data.validation), ("test", data.test_sets[1]))
    for key, images in sides:
        if len(images) != getattr(mixing, key):
            raise UserError(
                f"mixture {mixture.name}: {len(images):,} images for mixtures.{key} = {getattr(mixing, key):,}; lower "
                "it, since all mixtures must have equally many"
            )
    trained = set(data.train.index["sha256"])
    held = {held_source(card.source): card.source for card in family.generators.values()}
    for images in data.test_sets:
        if images.role != "out_of_sample":
            continue
        sources = set(images.index["source"])
        for name in sources & set(held):
            labels = images.index["label"].to_numpy()
            if len(images) < mixing.held_out or min(np.bincount(labels, minlength=2)) < mixing.held_out // 4:
                raise UserError(
                    f"mixtures.held_out = {mixing.held_out:,}: the part `test` of `{held[name]}` has {len(images):,} "
                    f"images, {int((labels == 0).sum()):,} of them real; lower it, or give more images"
                )
        if seen := trained & set(images.index["sha256"]):
            first = images.index.loc[images.index["sha256"].isin(seen), "image_id"].iloc[0]
            raise UserError(
                f"mixture {mixture.name}: {len(seen):,} images of the test set `{images.name}` are also training "
                f"images ({first} is the first); remove them from one of the two"
            )


def _own(mixture: Mixture, places: Mapping[str, Path]) -> dict[str, Path]:
    """The places of a mixture's own sources."""
    return {name: places[name] for name in mixture.study.sources if name in places}


def _missing(out: Path, mixture: Mixture) -> int:
    """How many seeds of a mixture are not finished."""
    directory, study = RunDirectory(mixture_directory(out, mixture.name)), mixture.study
    return sum(
        not all((directory.run(variant, seed) / "predict.done.json").exists() for variant in study.variants)
        for seed in study.seeds
    )


def _done(out: Path, mixtures: Sequence[Mixture]) -> dict[str, int]:
    return {each.name: len(each.study.seeds) - _missing(out, each) for each in mixtures}


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
        self._started, self._clock = dt.datetime.now(dt.UTC).isoformat(timespec="seconds"), time.perf_counter()

    def begin(self, places: Mapping[str, Path]) -> None:
        """Write the study, and the manifest where there is none: what is declared, is declared now."""
        from isitcap.records.atomic import write_bytes

        write_bytes(self._directory.study, dump_family(self._family, places).encode())
        if not self._directory.manifest.exists():
            self.record()

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
            done=[each.mixture.name for each in self._prepared if not _missing(self._directory.root, each.mixture)],
            started=self._started,
            wall_seconds=time.perf_counter() - self._clock,
            peak_memory_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            declared=self._prepared[0].mixture.study.declared,
        )
