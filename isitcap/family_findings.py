"""Records of a diversity study to findings: the frames and cards that `analysis.diversity` takes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.declared import Declared, declared_of
from analysis.diversity import Design, diversity_rows
from analysis.diversity_results import write_diversity, write_diversity_tables
from analysis.diversity_summary import PLAIN, Diversity, DiversityCard, GeneratorCard, MixtureCard, PlaceCard
from analysis.diversity_verdict import diversity_verdict
from analysis.summary import VariantCard
from isitcap.data.control_sets import pipeline_name
from isitcap.errors import UserError
from isitcap.family_agreement import refuse_unlike
from isitcap.findings import Finished, open_run, provenance_of
from isitcap.models.variants import VARIANTS
from isitcap.records.directory import RunDirectory
from isitcap.records.freshness import stage_hashes, stale_since, vouch
from isitcap.records.manifest import declared_at_start, read_manifest
from isitcap.records.reader import constant, read_frame, united
from isitcap.study.family import Family, Mixture, held_set, parse_family

BASELINE = "baseline"


@dataclass(frozen=True)
class FinishedFamily:
    """A diversity study's folder whose mixtures are all finished."""

    directory: RunDirectory
    family: Family
    text: str
    manifest: Mapping[str, Any]
    runs: tuple[tuple[Mixture, Finished], ...]

    def held_out(self, generator: str) -> str:
        """The full name of the test set of a generator's held-out images."""
        image = self.family.image
        return pipeline_name(held_set(generator), image.kernel, reencode=image.reencode)

    @property
    def shared(self) -> tuple[str, ...]:
        """The full names of the shared test sets."""
        image = self.family.image
        return tuple(
            pipeline_name(
                each.name,
                each.kernel or image.kernel,
                reencode=image.reencode if each.reencode is None else each.reencode,
            )
            for each in self.family.test_sets
        )

    def stages(self) -> dict[str, str]:
        """As `stage_hashes`, of the stages of all mixtures."""
        return {
            f"{run.directory.root.relative_to(self.directory.root).as_posix()}/{name}": value
            for _, run in self.runs
            for name, value in stage_hashes(run.directory, run.study).items()
        }

    def stale(self) -> str | None:
        """Why `results.json` may not be of the records as they are; None if it is."""
        return stale_since(self.directory, self.stages)


def mixture_directory(root: Path, mixture: str) -> Path:
    """The run directory of a mixture."""
    return root / "mixtures" / mixture


def open_family(folder: Path) -> FinishedFamily:
    """Open the folder of a diversity study.

    Raises:
        UserError: it is none, or runs are missing or were not made under its settings.
    """
    directory = RunDirectory(folder)
    manifest = read_manifest(directory)
    text = directory.study.read_text("utf-8")
    family = parse_family(text, str(directory.study))
    mixtures = family.studies()
    missing = [each for each in mixtures if not RunDirectory(mixture_directory(folder, each.name)).manifest.exists()]
    if missing:
        raise UserError(
            f"{folder}: {len(missing)} of {len(mixtures)} mixtures are not begun ({missing[0].name} is the first); "
            "finish them with `isitcap run`"
        )
    runs = []
    for each in mixtures:
        run = open_run(mixture_directory(folder, each.name))
        refuse_unlike(run.directory, run.study, family, each)
        runs.append((each, run))
    return FinishedFamily(directory, family, text, manifest, tuple(runs))


def compute_family(
    found: FinishedFamily, *, margins: Mapping[str, float] | None = None, alpha: float | None = None
) -> Diversity:
    """Compute and write `results.json` and `tables/`, and which records they are of.

    Args:
        found: whose records are read.
        margins: another margin than the study's, as `all` or `out_of_sample`.
        alpha: another level of tests than the study's.

    Raises:
        UserError: a record is missing or damaged, or a margin is of something else or out of its range.
        analysis.errors.InputError: the records do not belong together.
    """
    stages = found.stages()  # before they are read: what is written meanwhile makes the results old
    diversity = diversity_of(found, margin=_margin(found.family, margins or {}), alpha=alpha)
    write_diversity(diversity, found.directory.results)
    write_diversity_tables(diversity, found.directory.tables)
    vouch(found.directory, stages)
    return diversity


def diversity_of(found: FinishedFamily, *, margin: float | None = None, alpha: float | None = None) -> Diversity:
    """All numbers of a diversity study, from its records."""
    family, settings, at_start = found.family, found.family.analysis, declared_at_start(found.manifest)
    margin = settings.margins.out_of_sample if margin is None else margin
    alpha = settings.alpha if alpha is None else alpha
    images = _images(found)
    design = Design(
        members={mixture.name: mixture.generators for mixture, _ in found.runs},
        held_out={generator: found.held_out(generator) for generator in family.generators},
        shared=found.shared,
        in_sample={mixture.name: _in_sample(mixture) for mixture, _ in found.runs},
    )
    rows = diversity_rows(
        united(_decisions(found)),
        images,
        design,
        baseline=BASELINE,
        variants=tuple(arm.name for arm in _arms(family)),
        seeds=family.seeds,
        margin=margin,
        alpha=alpha,
        confidence=settings.confidence,
    )
    declared = _declared(at_start, margin, settings.margins.out_of_sample)
    verdict = diversity_verdict(
        rows.levels, rows.contrasts, baseline=BASELINE, margin=margin, alpha=alpha, margin_declared=declared
    )
    return Diversity(
        confidence=settings.confidence,
        alpha=alpha,
        margin=margin,
        alpha_declared=declared_of(alpha, at_start.alpha, settings.alpha),
        margin_declared=declared,
        study=_card(found, images),
        provenance=provenance_of(Finished(found.directory, found.runs[0][1].study, found.text, found.manifest)),
        levels=rows.levels,
        mixtures=rows.mixtures,
        contrasts=rows.contrasts,
        verdict=verdict,
    )


def _declared(at_start: Declared, margin: float, in_study: float) -> float | None:
    return declared_of(margin, at_start.margin("out_of_sample"), in_study)


def _margin(family: Family, given: Mapping[str, float]) -> float:
    """The margin to judge at.

    Raises:
        UserError: a margin of something else, or none between 0 and 1.
    """
    for name, value in given.items():
        if name not in ("all", "out_of_sample"):
            raise UserError(
                f"margin of `{name}`: a diversity study has one margin, `out_of_sample`; give a number alone"
            )
        if not (math.isfinite(value) and 0 < value < 1):
            raise UserError(
                f"margin {value:g}: must lie between 0 and 1; give the largest gain that does not matter, such as 0.05 "
                "for five points"
            )
    return given.get("out_of_sample", given.get("all", family.analysis.margins.out_of_sample))


def _in_sample(mixture: Mixture) -> str:
    return f"in-sample/{mixture.name}"


def _wanted(found: FinishedFamily, mixture: Mixture) -> dict[str, str]:
    """Test sets of a mixture's run that are analysed → what they are called here."""
    unseen = [found.held_out(name) for name in found.family.generators if name not in mixture.generators]
    return {name: name for name in (*unseen, *found.shared)} | {"test": _in_sample(mixture)}


@dataclass(frozen=True)
class _Tested:
    """A variant tested along one path; `name` is what it is called in findings."""

    name: str
    variant: str
    path: str
    description: str


def _arms(family: Family) -> tuple[_Tested, ...]:
    """Every variant along its own path and, where that augments, along the same without augmentation."""
    out = []
    for name in family.variants:
        variant = VARIANTS[name]
        out.append(_Tested(name, name, variant.path.name, variant.description))
        if variant.path.augment:
            out.append(
                _Tested(
                    name + PLAIN,
                    name,
                    variant.path.plain.name,
                    f"The classifiers of {name}, tested without augmentation.",
                )
            )
    return tuple(out)


def _decisions(found: FinishedFamily) -> Iterator[pd.DataFrame]:
    """Each run's decisions along the paths of `_arms`."""
    for mixture, run in found.runs:
        wanted = _wanted(found, mixture)
        for arm in _arms(found.family):
            for seed in found.family.seeds:
                frame = read_frame(run.directory.run(arm.variant, seed) / "predictions.parquet")
                own = (frame["path"] == arm.path) & frame["test_set"].isin(wanted)
                frame = frame.loc[own, ["test_set", "image_id", "logit"]]
                frame["test_set"] = frame["test_set"].map(wanted)
                frame = frame.astype({"test_set": "category", "image_id": "category"}).reset_index(drop=True)
                yield frame.assign(
                    variant=constant(arm.name, len(frame)),
                    mixture=constant(mixture.name, len(frame)),
                    seed=pd.Series(seed, index=frame.index, dtype="int64"),
                )


def _images(found: FinishedFamily) -> pd.DataFrame:
    """The images of every set that is analysed; a set that several mixtures were tested on, once.

    Raises:
        UserError: two mixtures were tested on other images under one name.
    """
    frames: dict[str, pd.DataFrame] = {}
    for mixture, run in found.runs:
        for name, called in _wanted(found, mixture).items():
            frame = read_frame(run.directory.images(name))[["image_id", "source", "label", "sha256"]]
            if called in frames and not frames[called].equals(frame):
                raise UserError(
                    f"{run.directory.root}: other images in the test set `{name}` than the mixtures before it have; "
                    "make it again with `isitcap run --again`"
                )
            frames.setdefault(called, frame)
    return united(frame.assign(test_set=constant(name, len(frame))) for name, frame in frames.items())


def _notes(found: FinishedFamily) -> tuple[str, ...]:
    """What was left out of mixtures; the numbers of images are the same for all, and stand in the design."""
    notes = dict.fromkeys(note for _, run in found.runs for note in run.manifest["notes"])
    return tuple(note for note in notes if not note.startswith(("Train:", "Validation:", "Test:")))


def _card(found: FinishedFamily, images: pd.DataFrame) -> DiversityCard:
    family = found.family
    counts = images.groupby(["test_set", "label"], observed=True).size()
    pipelines = {card["name"]: card["pipeline"] for _, run in found.runs for card in run.manifest["test_sets"]}

    def number(test_set: str, label: int) -> int:
        return int(counts.get((test_set, label), 0))

    generators = tuple(
        GeneratorCard(
            name=name,
            source=card.source,
            corpus=card.corpus,
            description=family.sources[card.source].description,
            test_set=found.held_out(name),
            n_real=number(found.held_out(name), 0),
            n_synthetic=number(found.held_out(name), 1),
        )
        for name, card in family.generators.items()
    )
    shared = tuple(
        PlaceCard(
            name=name,
            n_real=number(name, 0),
            n_synthetic=number(name, 1),
            pipeline=pipelines[name],
            sources=(*declared.real, *declared.fake),
        )
        for name, declared in zip(found.shared, family.test_sets, strict=True)
    )
    return DiversityCard(
        name=family.name,
        title=family.title,
        question=family.question,
        demo=family.demo,
        seeds=family.seeds,
        baseline=BASELINE,
        variants=tuple(VariantCard(name=arm.name, path=arm.path, description=arm.description) for arm in _arms(family)),
        generators=generators,
        mixtures=tuple(
            MixtureCard(name=mixture.name, generators=mixture.generators, n_train=family.mixtures.train)
            for mixture, _ in found.runs
        ),
        shared=shared,
        notes=(*_notes(found), *family.notes),
        study_toml=found.text,
    )
