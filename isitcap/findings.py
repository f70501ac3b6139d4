"""Records to findings: the frames and cards that `analysis` takes, made from a run directory."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.agreement import MapStack
from analysis.build import build_summary
from analysis.claims import Claim, with_margins
from analysis.control_frames import Controls
from analysis.reporting import Examples, ExampleSet
from analysis.results import read_results, write_results, write_tables
from analysis.subsets import Subsets
from analysis.summary import (
    AutoencoderQuality,
    HistoryRow,
    Provenance,
    Role,
    SourceCard,
    StudyCard,
    Summary,
    TestSetCard,
    VariantCard,
)
from isitcap.errors import UserError
from isitcap.map_stacks import map_stacks, mean_maps, on_grid
from isitcap.models.variants import VARIANTS, controls_of
from isitcap.records.agreement import unlike_runs
from isitcap.records.controls import read_controls, read_greyscale
from isitcap.records.directory import RunDirectory
from isitcap.records.manifest import declared_at_start, read_manifest
from isitcap.records.reader import Frames, read_examples, read_frame, read_frames, read_maps
from isitcap.study.load import parse_seeds, parse_study
from isitcap.study.models import Study

LEAST_ROWS = 4
"""Example images of a test set, at least, where its sources are few."""


CONTROL_UNITS = {"blur": ("sigma", " px", 3), "jpeg": ("quality", "", 0)}
"""Column of a control's parameter in its record, its unit, and the decimals worth showing."""


class _HistoryRecord(NamedTuple):
    """A row of the histories; `validation_accuracy` is NaN for the autoencoder."""

    variant: str
    seed: int
    epoch: int
    train_loss: float
    validation_loss: float
    validation_accuracy: float
    seconds: float


@dataclass(frozen=True)
class Finished:
    """A run directory whose runs are all there: its study and manifest."""

    directory: RunDirectory
    study: Study
    study_toml: str
    manifest: Mapping[str, Any]


def open_run(folder: Path) -> Finished:
    """Open a run directory.

    Raises:
        UserError: it is none, runs are missing, or some were made under other settings than the study's.
    """
    directory = RunDirectory(folder)
    manifest = read_manifest(directory)
    try:
        text = directory.study.read_text("utf-8")
    except OSError as error:
        raise UserError(f"{directory.study}: cannot be read ({error.strerror}); run the study again") from None
    study = parse_study(text, str(directory.study))
    missing = [
        f"{variant} seed {seed}"
        for variant in study.variants
        for seed in study.seeds
        if not (directory.run(variant, seed) / "predict.done.json").exists()
    ]
    if missing:
        raise UserError(
            f"{folder}: {len(missing)} of {len(study.variants) * len(study.seeds)} runs are not finished "
            f"({missing[0]} is the first); finish them with `isitcap run`"
        )
    if unlike := list(dict.fromkeys(unlike_runs(directory, study))):
        more = f" (and {len(unlike) - 1} more)" if len(unlike) > 1 else ""
        raise UserError(f"{folder}: {unlike[0]}{more}; finish with `isitcap run`")
    return Finished(directory, study, text, manifest)


def analyze(run: Finished, *, margins: Mapping[str, float] | None = None, alpha: float | None = None) -> Summary:
    """Compute the summary and write `results.json` and `tables/`.

    Args:
        run: whose records are read.
        margins: other margins than the study's, by claim or by role (`in_sample`, `out_of_sample`); `all` is all.
        alpha: another level of tests than the study's.

    Raises:
        UserError: a record is missing or damaged, or a margin is of nothing or no number above 0.
        analysis.errors.InputError: the records do not belong together, or a claim cannot have its margin.
    """
    settings, at_start = run.study.analysis, declared_at_start(run.manifest)
    roles, claims = _with_margins(settings.margins.by_role(), run.study.claims, margins or {})
    frames = read_frames(
        run.directory, run.study.variants, run.study.seeds, [card["name"] for card in run.manifest["test_sets"]]
    )
    summary = build_summary(
        study=_study_card(run, frames.images),
        provenance=provenance_of(run),
        predictions=frames.predictions,
        images=frames.images,
        maps=_with_nulls(frames.maps, frames.null_maps),
        faithfulness=frames.faithfulness,
        stored_maps=_stored_maps(run),
        controls=_controls(run),
        subsets=_subsets(run),
        autoencoders=_autoencoders(frames),
        histories=_histories(frames),
        confidence=settings.confidence,
        alpha=settings.alpha if alpha is None else alpha,
        margins=roles,
        draws=settings.draws,
        claims=claims,
        at_start=at_start,
        in_study=run.study.declared,
        warnings=control_warnings(run),
    )
    write_results(summary, run.directory.results)
    write_tables(summary, run.directory.tables)
    return summary


def _with_margins(
    roles: dict[Role, float], claims: tuple[Claim, ...], given: Mapping[str, float]
) -> tuple[dict[Role, float], tuple[Claim, ...]]:
    """The study's margins by role and its claims, with those that were given in their place.

    Raises:
        UserError: a margin is of no role and no claim, or is no finite number above 0.
        analysis.errors.InputError: a claim cannot have its margin.
    """
    wanted = {name: value for name, value in given.items() if name != "all"}
    known = (*roles, *(claim.id for claim in claims))
    for name in wanted:
        if name not in known:
            raise UserError(f"margin of `{name}`: no such role or claim; known: {', '.join(known)}")
    for name, value in given.items():
        if not (math.isfinite(value) and value > 0):
            where = "of all claims and tests" if name == "all" else f"of `{name}`"
            raise UserError(
                f"margin {value:g} {where}: must be a number above 0, since no data can show that there is no "
                "difference at all; give the largest difference that does not matter, such as 0.01 for one point"
            )
    if "all" in given:
        roles = dict.fromkeys(roles, given["all"])
        wanted = {claim.id: given["all"] for claim in claims if claim.margin is not None} | wanted
    roles = {role: wanted.pop(role, margin) for role, margin in roles.items()}
    return roles, with_margins(claims, wanted)


def summary_of(run: Finished) -> Summary:
    """The summary on the disk, or a new one where there is none."""
    return read_results(run.directory.results) if run.directory.results.exists() else analyze(run)


def examples_of(run: Finished) -> Examples:
    """Example images and maps of the first seed: for each source and label of a test set, the first few of the sample.

    Raises:
        UserError: a record is missing or damaged.
    """
    seed = run.study.seeds[0]
    predictions: dict[str, pd.DataFrame] = {
        variant: read_frame(run.directory.run(variant, seed) / "predictions.parquet") for variant in run.study.variants
    }
    sets = tuple(
        _example_set(run, card["name"], seed, predictions)
        for card in run.manifest["test_sets"]
        if run.directory.examples(card["name"]).exists()
    )
    rule = (
        "The images were drawn at random by a seed of the study, the first of each source and label, "
        "before anything was trained."
    )
    sizes = {each.pixels.shape[1:3] for each in sets}
    means = mean_maps(_stored_maps(run), sizes.pop()) if len(sizes) == 1 else ()
    return Examples(seed=seed, sets=sets, rule=rule, means=means)


def _stored_maps(run: Finished) -> tuple[MapStack, ...]:
    names = [card["name"] for card in run.manifest["test_sets"] if card["role"] != "validation"]
    images = {name: read_frame(run.directory.images(name)) for name in names}
    return map_stacks(run.directory, run.study.variants, run.study.seeds, images)


def _example_set(run: Finished, test_set: str, seed: int, predictions: Mapping[str, pd.DataFrame]) -> ExampleSet:
    pixels, rows = read_examples(run.directory, test_set)
    index = read_frame(run.directory.images(test_set)).iloc[rows].reset_index(drop=True)
    strata = index.groupby(["label", "source"], sort=False)
    each = max(run.study.output.examples, math.ceil(LEAST_ROWS / max(1, strata.ngroups)))
    shown = np.flatnonzero((strata.cumcount() < each).to_numpy() & (run.study.output.examples > 0))
    # real images above the synthetic ones, sources together
    shown = shown[np.lexsort((index["source"].to_numpy(str)[shown], index["label"].to_numpy()[shown]))]
    chosen = index.iloc[shown]
    maps: dict[tuple[str, str, str], npt.NDArray[np.float32]] = {}
    logits: dict[str, npt.NDArray[np.float32]] = {}
    for variant in run.study.variants:
        for method in run.study.attribution.methods:
            for point in run.study.attribution.points:
                path = run.directory.maps(variant, seed, test_set, method, point)
                path = path.with_name(f"{path.name}.safetensors")
                if path.exists() and len(stored := read_maps(path).maps) > shown.max(initial=-1):
                    maps[variant, method, point] = on_grid(stored[shown], *pixels.shape[1:3])
        frame = predictions[variant]
        own = frame[(frame["test_set"] == test_set) & (frame["path"] == VARIANTS[variant].path.name)]
        logits[variant] = own.set_index("image_id")["logit"].reindex(chosen["image_id"]).to_numpy(np.float32)
    return ExampleSet(
        test_set=test_set,
        pixels=pixels[shown],
        image_ids=tuple(chosen["image_id"]),
        labels=tuple(map(int, chosen["label"])),
        sources=tuple(chosen["source"]),
        maps=maps,
        logits=logits,
    )


def _study_card(run: Finished, images: pd.DataFrame) -> StudyCard:
    counts = images.groupby(["test_set", "source", "label"], observed=True, sort=False).size()
    cards = []
    for card in run.manifest["test_sets"]:
        found = counts[card["name"]]
        sources = []
        for source in dict.fromkeys(found.index.get_level_values("source")):
            n_real, n_synthetic = int(found.get((source, 0), 0)), int(found.get((source, 1), 0))
            notes = tuple(note for name, note in card["notes"] if name == source)
            description = run.study.sources[source].description
            notes = ((description,) if description else ()) + notes
            sources.append(SourceCard(name=source, n_real=n_real, n_synthetic=n_synthetic, notes=notes))
        cards.append(
            TestSetCard(
                name=card["name"],
                role=card["role"],
                n_real=sum(source.n_real for source in sources),
                n_synthetic=sum(source.n_synthetic for source in sources),
                pipeline=card["pipeline"],
                sources=tuple(sources),
            )
        )
    study = run.study
    return StudyCard(
        name=study.name,
        title=study.title,
        question=study.question,
        demo=study.demo,
        seeds=study.seeds,
        baseline="baseline",
        variants=tuple(
            VariantCard(name=name, path=VARIANTS[name].path.name, description=VARIANTS[name].description)
            for name in study.variants
        ),
        test_sets=tuple(cards),
        notes=(*run.manifest["notes"], *_control_notes(run), *study.notes),
        study_toml=run.study_toml,
    )


MATCHED = 1.0
"""Decibels by which a control's PSNR may differ from the autoencoder's; steps of JPEG quality are about half of it."""


def _control_notes(run: Finished) -> list[str]:
    """How strong each control is, and how far from the autoencoder it was fitted to."""
    notes = []
    for kind in controls_of(run.study.variants):
        folders = [run.directory.autoencoder(seed) for seed in run.study.seeds]
        found = pd.concat([read_frame(folder / f"{kind}.parquet") for folder in folders])
        name, unit, decimals = CONTROL_UNITS[kind]
        low, high = (f"{value:.{decimals}f}" for value in (found[name].min(), found[name].max()))
        gap = (found["psnr"] - found["autoencoder_psnr"]).abs().max()
        notes.append(
            f"Control {kind}: {name} {low if low == high else f'{low} to {high}'}{unit}, fitted on the validation "
            f"images; its PSNR differs from that of the seed's autoencoder by {gap:.2f} dB at most."
        )
    return notes


def control_warnings(run: Finished) -> list[str]:
    """Which controls are not as strong as the autoencoder that they stand for."""
    off = []
    for kind in controls_of(run.study.variants):
        folders = [run.directory.autoencoder(seed) for seed in run.study.seeds]
        found = pd.concat([read_frame(folder / f"{kind}.parquet") for folder in folders])
        if (found["psnr"] - found["autoencoder_psnr"]).abs().max() > MATCHED:
            off.append(kind)
    if not off:
        return []
    lead = f"Failed control: {' and '.join(off)} could not be brought to the PSNR of the seed's autoencoder"
    return [f"{lead} (by how much stands in the method of the benchmark): no control of an equal loss of detail."]


def provenance_of(run: Finished) -> Provenance:
    """Command, facts and data hashes, as the manifest has them."""
    sessions: Sequence[Mapping[str, Any]] = run.manifest["sessions"]
    last = sessions[-1]
    machine, device = last["machine"], last["device"]
    dirty = {True: " with uncommitted changes", False: "", None: ""}[last["dirty"]]
    seconds = sum(session["wall_seconds"] for session in sessions)
    in_sessions = f" in {len(sessions)} sessions" if len(sessions) > 1 else ""
    facts = [
        ("Commit", f"{last['commit'] or 'not recorded (installed package)'}{dirty}"),
        ("Seeds", _seeds(last["command"], run.study.seeds)),
        ("Started", sessions[0]["started"]),
        ("Wall time of the runs", f"{seconds / 60:.1f} min{in_sessions}"),
        ("Peak memory", f"{max(session['peak_memory_mib'] for session in sessions):,} MiB"),
        ("Processor", f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB"),
        ("Computed on", f"{device['device']}, {device['threads']} threads, training in {device['autocast']}"),
        *((name, version) for name, version in last["versions"].items()),
    ]
    return Provenance(
        command=" ".join(last["command"]),
        facts=tuple(facts),
        data_hashes=tuple(sorted(run.manifest["packs"].items())),
    )


def _seeds(command: Sequence[str], analysed: Sequence[int]) -> str:
    """The seeds that were analysed, beside those that the command names where these are others.

    A run that was resumed with other seeds, all of them made before, leaves the command of the earlier one on record.
    """
    shown = ", ".join(map(str, analysed))
    words = iter(shlex.split(" ".join(command)))
    named = None
    for word in words:
        option, equals, value = word.partition("=")
        if option == "--seeds":
            named = value if equals else next(words, "")
    try:
        known = None if named is None else parse_seeds(named)
    except UserError:
        known = None
    if known is None or set(known) == set(analysed):
        return shown
    lead = "of the seeds named in the command" if set(analysed) < set(known) else "not those named in the command"
    return f"{lead} ({named}), these are analysed: {shown}"


def _controls(run: Finished) -> Controls | None:
    """What was recorded of the study's control sets; None where it declares none."""
    study = run.study
    if study.controls is None and study.robustness is None:
        return None
    found = read_controls(run.directory, study.variants, study.seeds)
    if found is None:
        raise UserError(
            f"{run.directory.root}: the study declares control sets, of which there are no records; "
            "finish them with `isitcap run`"
        )
    same = study.controls.same_generator if study.controls is not None else ()
    return Controls(found.predictions, found.images, found.sets, same)


def _subsets(run: Finished) -> Subsets | None:
    """Which images are greyscale, and the content classes that the study names; None where it declares no controls.

    Of runs that were made before this was recorded nothing is known of colour, until `isitcap run` has looked.
    """
    controls = run.study.controls
    if controls is None:
        return None
    return Subsets(read_greyscale(run.directory) if controls.greyscale else None, controls.classes)


def _with_nulls(trained: pd.DataFrame, nulls: pd.DataFrame) -> pd.DataFrame:
    """Maps of trained classifiers and of the others, which the column `state` tells apart."""
    return pd.concat([part for part in (trained, nulls) if not part.empty] or [trained], ignore_index=True)


def _autoencoders(frames: Frames) -> list[AutoencoderQuality]:
    return [
        AutoencoderQuality(seed=row.seed, code=row.code, psnr=row.psnr, ssim=row.ssim, n_images=row.images)
        for row in frames.autoencoders.itertuples()
    ]


def _histories(frames: Frames) -> list[HistoryRow]:
    return [
        HistoryRow(
            variant=row.variant,
            seed=row.seed,
            epoch=row.epoch,
            train_loss=row.train_loss,
            validation_loss=row.validation_loss,
            validation_accuracy=None if math.isnan(row.validation_accuracy) else row.validation_accuracy,
            seconds=row.seconds,
        )
        for row in map(_HistoryRecord._make, frames.histories[list(_HistoryRecord._fields)].itertuples(index=False))
    ]
