"""What `isitcap run` of a diversity study finds before it trains: images, what is done already, and for how long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.diversity_verdict import generators
from isitcap.errors import UserError
from isitcap.models.variants import VARIANTS
from isitcap.records.directory import RunDirectory
from isitcap.study.family import Family, Mixture, held_source, told_by_family
from isitcap.study.models import Study

if TYPE_CHECKING:
    from isitcap.data.assemble import StudyData
    from isitcap.training.environment import Environment
    from isitcap.training.outlook import Loss
    from isitcap.training.runs import Runs

CLASSIFIER_RATE = {1: 3300.0, 2: 6200.0}
"""Training images a second, by processor threads: measured with 32-px images, the small classifier and bfloat16."""

AUTOENCODER_RATE = {1: 1100.0, 2: 1750.0}

FORWARD = 1 / 3
"""Share of a training step that a forward pass takes."""


@dataclass(frozen=True)
class Prepared:
    """What was found of a mixture before anything is trained."""

    mixture: Mixture
    n_train: int
    n_tested: int
    """Images that every classifier is tested on."""
    packs: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    test_sets: tuple[tuple[str, int], ...]
    """Out-of-sample sets and how many images each has."""
    untrained: int
    """Seeds of which something is to be trained, and the rest tested."""
    untested: int
    """Seeds that are trained, and to be tested alone."""
    lost: Loss | None = None
    """Finished runs that would be made over."""

    @property
    def unfinished(self) -> int:
        """Seeds of which something is to be made."""
        return self.untrained + self.untested

    def seconds(self, threads: int) -> float:
        """Seconds of work by `seed_seconds`: a seed of which something is done counts as a whole one."""
        study = self.mixture.study
        whole = self.untrained * seed_seconds(study, self.n_tested, threads)
        return whole + self.untested * prediction_seconds(study, self.n_tested, threads)


def prepare(
    mixture: Mixture,
    family: Family,
    places: Mapping[str, Path],
    cache: Path,
    folder: Path,
    environment: Environment,
    *,
    show: bool,
) -> Prepared:
    """Assemble the images of a mixture, check them before hours of training, and see what is done; nothing is written.

    Args:
        mixture: one of the family's.
        family: as resolved.
        places: of the mixture's own sources.
        cache: where prepared images are kept.
        folder: the mixture's run directory, which need not be there.
        environment: what to compute on.
        show: progress.

    Raises:
        UserError: too few images, or a held-out image that is also trained on.
    """
    from isitcap.data.assemble import assemble
    from isitcap.training.outlook import loss
    from isitcap.training.runs import Runs

    data = assemble(mixture.study, places, cache, show=show)
    check_images(mixture, family, data)
    runs = Runs(mixture.study, data, RunDirectory(folder), environment)
    untrained, untested = _unfinished(runs)
    return Prepared(
        mixture,
        len(data.train),
        sum(map(len, data.test_sets)),
        data.packs,
        data.notes,
        tuple((each.name, len(each)) for each in data.test_sets if each.role == "out_of_sample"),
        untrained,
        untested,
        loss(runs),
    )


def _unfinished(runs: Runs) -> tuple[int, int]:
    """Seeds of which something is to be trained, and those to be tested alone; files are told by their sizes."""
    untrained = untested = 0
    for seed in runs.study.seeds:
        trained = [runs.autoencoder_stage(seed), *(runs.training_stage(key) for key in runs.keys(seed))]
        if any(stage.why(hashed=False) for stage in trained):
            untrained += 1
        elif any(runs.prediction_stage(key).why(hashed=False) for key in runs.keys(seed)):
            untested += 1
    return untrained, untested


def lost_of(prepared: Sequence[Prepared]) -> Loss | None:
    """Finished runs of all mixtures that would be made over, together; reasons in the family's own keys."""
    from isitcap.training.outlook import Loss

    lost = [each.lost for each in prepared if each.lost is not None]
    if not lost:
        return None
    reasons = (told_by_family(reason) for each in lost for reason in each.reasons)
    return Loss(sum(each.trained for each in lost), sum(each.tested for each in lost), tuple(dict.fromkeys(reasons)))


def refuse_loss(out: Path, prepared: Sequence[Prepared]) -> None:
    """Refuse, before anything is written, to make finished runs of any mixture over.

    Raises:
        UserError: one line for all mixtures, the first of which is named.
    """
    if (lost := lost_of(prepared)) is None:
        return
    hit = [each.mixture.name for each in prepared if each.lost is not None]
    first = hit[0] if len(hit) == 1 else f"{hit[0]} is the first"
    raise UserError(
        f"{out}: in {len(hit)} of {len(prepared)} mixtures ({first}), {lost}; "
        "give another folder with --out to keep them, or --again to make them over"
    )


def plan_lines(family: Family, prepared: Sequence[Prepared], environment: Environment) -> list[str]:
    """What will be made, of how many images, and for about how long, one line each.

    Args:
        family: as resolved.
        prepared: its mixtures.
        environment: what to compute on.
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
    from isitcap.training.outlook import MOST

    total = len(prepared) * seeds
    kept = total - sum(each.unfinished for each in prepared)
    if kept:
        lines.append(f"{kept} of {total} mixtures × seeds are finished already, and kept")
    if (lost := lost_of(prepared)) is not None:
        reasons = "; ".join(lost.reasons[:MOST]) + ("; …" if len(lost.reasons) > MOST else "")
        lines.append(f"finished runs that are made over: {lost.trained + lost.tested}, because of {reasons}")
    where = f"on {environment.device.type}, {environment.threads} thread{'' if environment.threads == 1 else 's'}"
    if environment.device.type != "cpu":
        lines.append(f"{where}: no rate is known; after the first mixture its pace tells how long")
        return lines
    seconds = sum(each.seconds(environment.threads) for each in prepared)
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
    classifier, autoencoder = _seconds_an_image(study, threads)
    seen = study.split.train * study.classifier.epochs
    seconds = (
        min(study.split.train, study.autoencoder.images or study.split.train) * study.autoencoder.epochs * autoencoder
    )
    for variant in (VARIANTS[name] for name in study.variants):
        behind = variant.path.autoencode or variant.mixes
        seconds += seen * (classifier + (FORWARD * autoencoder if behind else 0.0))
    return seconds + prediction_seconds(study, n_tested, threads)


def prediction_seconds(study: Study, n_tested: int, threads: int) -> float:
    """As `seed_seconds`, of a seed that is trained already."""
    classifier, autoencoder = _seconds_an_image(study, threads)
    seconds = n_tested * FORWARD * classifier * len(study.variants)
    # One reconstruction serves all variants on a path.
    paths = [VARIANTS[name].path for name in study.variants]
    return seconds + n_tested * FORWARD * autoencoder * len({path.name for path in paths if path.autoencode})


def _seconds_an_image(study: Study, threads: int) -> tuple[float, float]:
    """Seconds of a training step for one image, of the classifier and of the autoencoder."""
    pixels = (study.image.size / 32) ** 2
    classifier, autoencoder = (pixels / rate[1 if threads == 1 else 2] for rate in (CLASSIFIER_RATE, AUTOENCODER_RATE))
    return classifier, autoencoder


def check_sources(family: Family, places: Mapping[str, Path], cache: Path, *, show: bool) -> None:
    """Prepare the images of every generator, and see that they have the parts that mixtures are made of.

    Raises:
        UserError: a source that cannot be used, or one without both classes in parts `train` and `test`.
    """
    from isitcap.data.assemble import needed_packs, prepare_pack

    whole = family.whole()
    keys = {key[0]: key for key in reversed(needed_packs(whole))}  # of a source with several, the training images'
    for name, card in family.generators.items():
        pack = prepare_pack(whole, keys[card.source], places, cache, show=show)
        check_parts(name, family, pack.index)


def check_parts(name: str, family: Family, index: pd.DataFrame) -> None:
    """Both classes in both parts of a generator's source.

    Args:
        name: the generator.
        family: the generator's.
        index: `part` and `label` of every image of its source.

    Raises:
        UserError: something of it is not there.
    """
    source = family.generators[name].source
    there = {(str(part), int(label)) for part, label in zip(index["part"], index["label"], strict=True)}
    lacking = []
    for part in ("train", "test"):
        labels = [word for label, word in enumerate(("real", "synthetic")) if (part, label) not in there]
        lacking += (
            [f"no part `{part}`"] if len(labels) == 2 else [f"no {word} images in part `{part}`" for word in labels]
        )
    if not lacking:
        return
    card = family.sources[source]
    if card.part is not None:
        remedy = f"remove sources.{source}.part"
    elif card.kind == "images":
        remedy = "put its images under folders `train` and `test`"
    else:
        remedy = "choose a source that has"
    raise UserError(
        f"generators.{name}: its source needs parts `train` and `test`, both with real and synthetic images, and "
        f"sources.{source} has {' and '.join(lacking)}; {remedy}"
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
