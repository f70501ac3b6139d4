"""A made-up study with awkward names and gaps, in the shape that the statistics hand over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from analysis.reporting import Examples, ExampleSet
from analysis.summary import (
    AutoencoderQuality,
    Estimate,
    HistoryRow,
    MapCount,
    Provenance,
    SeedValue,
    SourceCard,
    StudyCard,
    Summary,
    TestSetCard,
    VariantCard,
)

SCRIPT = "<script>alert(1)</script>"
BRACES = "{{ 7 * 7 }} & co"
LONG = "a-generator-with-a-very-long-name-" + "that-goes-on-and-on-" * 8
SEEDS = (0, 1, 2)
PATHS = {"baseline": "none", "augment": "augment", "autoencoder": "autoencode", "both": "both"}
OUT = "out-of-sample@bilinear+jpeg75"
WHERES = ("saliency.image", "saliency.classifier_input")


def source(name: str, real: int, synthetic: int, *notes: str) -> SourceCard:
    return SourceCard(name=name, n_real=real, n_synthetic=synthetic, notes=notes)


TEST_SETS = (
    TestSetCard(
        name="validation",
        role="validation",
        n_real=5000,
        n_synthetic=5000,
        pipeline="32 px as published",
        sources=(source("cifake", 5000, 5000),),
    ),
    TestSetCard(
        name="test",
        role="in_sample",
        n_real=5000,
        n_synthetic=4811,
        pipeline="32 px as published",
        sources=(
            source("cifake", 5000, 4811, "189 synthetic images kept out: the same bytes stand in the training set."),
        ),
    ),
    TestSetCard(
        name=OUT,
        role="out_of_sample",
        n_real=2000,
        n_synthetic=1900,
        pipeline="short side to 64 px, then 32 px by antialiased bilinear (Pillow); re-encoded as JPEG q75 4:2:0",
        sources=(
            source("tiny-imagenet-val", 1000, 0),
            source("intel-scenes-test", 1000, 0),
            source("drawbench-glance", 0, 200),
            source("sdfd-sd21", 0, 300),
            source("imagen-ldm", 0, 300),
            source("imagen-midjourney", 0, 300),
            source(SCRIPT, 0, 300),
            source(BRACES, 0, 300),
            source(LONG, 0, 200, "3 broken images kept out."),
        ),
    ),
)


class Maker:
    """Draws estimates around stated values; the numbers mean nothing, but hang together."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(7)
        self.seed_values: list[SeedValue] = []

    def level(
        self, quantity: str, variant: str, where: tuple[str, str | None, str], value: float, half: float, n: int
    ) -> Estimate:
        test_set, of_source, path = where
        seeds = value + half * 0.5 * self.rng.standard_normal(len(SEEDS))
        mean = float(seeds.mean())
        self.seed_values += [
            SeedValue(
                quantity=quantity,
                variant=variant,
                seed=seed,
                test_set=test_set,
                source=of_source,
                path=path,
                value=float(v),
            )
            for seed, v in zip(SEEDS, seeds, strict=True)
        ]
        return estimate(quantity, variant, where, mean, half, n)

    def contrast(
        self, quantity: str, variant: str, where: tuple[str, str | None, str], value: float, half: float, n: int
    ) -> Estimate:
        return estimate(quantity, variant, where, value, half, n, versus="baseline")


def estimate(
    quantity: str,
    variant: str,
    where: tuple[str, str | None, str],
    value: float | None,
    half: float | None,
    n: int,
    *,
    versus: str | None = None,
    reason: str | None = None,
) -> Estimate:
    test_set, of_source, path = where
    bounded = value is not None and half is not None
    return Estimate(
        quantity=quantity,
        variant=variant,
        versus=versus,
        test_set=test_set,
        source=of_source,
        path=path,
        estimate=value,
        low=value - half if bounded else None,
        high=value + half if bounded else None,
        df=7.3 if bounded else None,
        p=0.031 if bounded and versus else None,
        n_seeds=len(SEEDS),
        n_images=n,
        reason=reason,
    )


IN_LEVELS = {"accuracy": 0.929, "balanced_accuracy": 0.9291, "recall": 0.921, "specificity": 0.937, "auc": 0.981}
OUT_LEVELS = {"accuracy": 0.571, "balanced_accuracy": 0.5683, "recall": 0.263, "specificity": 0.874, "auc": 0.652}
SHIFTS = {"baseline": 0.0, "augment": -0.012, "autoencoder": -0.0061, "both": 0.001}
GINI = {
    "saliency.image": {"baseline": 0.471, "augment": 0.462, "autoencoder": 0.419, "both": 0.411},
    "saliency.classifier_input": {"baseline": 0.471, "augment": 0.462, "autoencoder": 0.468, "both": 0.4702},
}


def make_summary(*, demo: bool = True) -> Summary:
    maker = Maker()
    metrics: list[Estimate] = []
    contrasts: list[Estimate] = []
    for card in TEST_SETS:
        levels = OUT_LEVELS if card.role == "out_of_sample" else IN_LEVELS
        n = card.n_real + card.n_synthetic
        half = 0.021 if card.role == "out_of_sample" else 0.004
        for variant, own in PATHS.items():
            for path in PATHS.values():
                off = 0.0 if path == own else -0.05 * (1 + len(path) % 3)
                for quantity, level in levels.items():
                    value = level + SHIFTS[variant] + off
                    metrics.append(maker.level(quantity, variant, (card.name, None, path), value, half, n))
            if variant != "baseline":
                for quantity in levels:
                    sign = -2.5 if quantity == "specificity" else 1.0
                    where = (card.name, None, "own")
                    contrasts.append(maker.contrast(quantity, variant, where, sign * SHIFTS[variant], half / 2, n))
            for position, of in enumerate(card.sources):
                for quantity, count in (("specificity", of.n_real), ("recall", of.n_synthetic)):
                    where = (card.name, of.name, own)
                    if not count:
                        word = "real" if quantity == "specificity" else "synthetic"
                        why = f"no {word} images: {quantity} is not defined"
                        metrics.append(
                            estimate(quantity, variant, where, None, None, of.n_real + of.n_synthetic, reason=why)
                        )
                        continue
                    level = 0.88 if quantity == "specificity" else 0.1 + 0.09 * position
                    metrics.append(maker.level(quantity, variant, where, level + SHIFTS[variant], 0.03, count))
                    if variant != "baseline":
                        where = (card.name, of.name, "own")
                        shift = SHIFTS[variant] * (1 + position / 2)
                        contrasts.append(maker.contrast(quantity, variant, where, shift, 0.012 + position / 500, count))
    # One difference out of sample has no interval, as happens with too few seeds.
    contrasts = [
        row.model_copy(update={"low": None, "high": None, "df": None, "p": None, "reason": "fewer than three seeds"})
        if (row.variant, row.test_set, row.source, row.quantity) == ("augment", OUT, None, "balanced_accuracy")
        else row
        for row in contrasts
    ]
    dispersion: list[Estimate] = []
    dispersion_contrasts: list[Estimate] = []
    counts: list[MapCount] = []
    for test_set in ("test", OUT):
        for where, levels in GINI.items():
            for variant, level in levels.items():
                for quantity, value in (("gini", level), ("entropy", 1.13 - 0.4 * level), ("hoyer", level + 0.02)):
                    place = (test_set, None, where)
                    dispersion.append(maker.level(quantity, variant, place, value, 0.008, 200))
                    if variant != "baseline":
                        shift = (level - levels["baseline"]) * (-0.4 if quantity == "entropy" else 1)
                        dispersion_contrasts.append(maker.contrast(quantity, variant, place, shift, 0.0021, 200))
                method, point = where.split(".")
                counts.append(
                    MapCount(
                        variant=variant,
                        test_set=test_set,
                        method=method,
                        point=point,
                        measured=598 if variant == "both" else 600,
                        excluded=2 if variant == "both" else 0,
                    )
                )
    histories = [
        HistoryRow(
            variant=variant,
            seed=seed,
            epoch=epoch,
            train_loss=0.6 / epoch + 0.01 * seed,
            validation_loss=0.62 / epoch + 0.02 * seed,
            validation_accuracy=None if variant == "autoencoder-weights" else 0.95 - 0.1 / epoch - 0.002 * seed,
            seconds=11.5,
        )
        for variant in (*PATHS, "autoencoder-weights")
        for seed in SEEDS
        for epoch in range(1, 7)
    ]
    return Summary(
        confidence=0.95,
        study=StudyCard(
            name="made-up",
            title="Does an autoencoder in front help a detector of synthetic images?",
            question="Four ways to prepare an image, one classifier: who is right on known and on unknown generators?",
            demo=demo,
            seeds=SEEDS,
            baseline="baseline",
            variants=(
                VariantCard(name="baseline", path="none", description="The image as it is."),
                VariantCard(
                    name="augment",
                    path="augment",
                    description="Random blur, crop and scale, and colour jitter, in training and in testing.",
                ),
                VariantCard(
                    name="autoencoder",
                    path="autoencode",
                    description="The image through a frozen autoencoder (16×16×8 code).",
                ),
                VariantCard(name="both", path="both", description="Augmented, then through the autoencoder."),
            ),
            test_sets=TEST_SETS,
            notes=(
                "The poster’s own code had its autoencoder always behind the augmentation; here it may stand alone.",
            ),
            study_toml='name = "made-up"\nseeds = [0, 1, 2]\n# </pre><script>alert(2)</script>\n',
        ),
        provenance=Provenance(
            command="isitcap run made-up.toml --out runs/made-up",
            facts=(
                ("commit", "0123456789abcdef0123456789abcdef01234567 (clean)"),
                ("date", "2026-01-15"),
                ("versions", "isitcap 0.1.0, torch 2.14.0, NumPy 2.4.6, Captum 0.9.0"),
                ("hardware", "2 CPU cores, bfloat16"),
                ("wall time", "3 min 12 s"),
            ),
            data_hashes=(("test", "sha256:" + "ab" * 32), (OUT, "sha256:" + "cd" * 32)),
        ),
        metrics=tuple(metrics),
        contrasts=tuple(contrasts),
        dispersion=tuple(dispersion),
        dispersion_contrasts=tuple(dispersion_contrasts),
        seed_values=tuple(maker.seed_values),
        map_counts=tuple(counts),
        autoencoders=tuple(
            AutoencoderQuality(
                seed=seed, code="16×16×8", psnr=33.4 + 0.4 * seed, ssim=0.981 + 0.001 * seed, n_images=10000
            )
            for seed in SEEDS
        ),
        histories=tuple(histories),
    )


def make_examples(*, count: int = 6, size: int = 32) -> Examples:
    rng = np.random.default_rng(11)
    grid = np.linspace(-1, 1, size)
    sets = []
    for card in TEST_SETS[1:]:
        names = [card.sources[position % len(card.sources)] for position in range(count)]
        pixels = np.zeros((count, size, size, 3), np.uint8)
        maps = {}
        for position in range(count):
            for channel in range(3):
                wave = np.sin(3 * grid[:, None] * (channel + 1) + position) * np.cos(2 * grid[None, :] + channel)
                pixels[position, :, :, channel] = np.clip(
                    128 + 90 * wave + 12 * rng.standard_normal((size, size)), 0, 255
                )
        for variant in PATHS:
            for point in ("image", "classifier_input"):
                noise = np.abs(rng.standard_normal((count, size, size))) * np.exp(
                    -2 * (grid[:, None] ** 2 + grid[None] ** 2)
                )
                maps[variant, "saliency", point] = noise / noise.max(axis=(1, 2), keepdims=True)
        maps["both", "saliency", "image"][1] = 0
        sets.append(
            ExampleSet(
                test_set=card.name,
                pixels=pixels,
                image_ids=tuple(f"{of.name}/{position:04d}.png" for position, of in enumerate(names)),
                labels=tuple(
                    position % 2 if of.n_real and of.n_synthetic else int(of.n_synthetic > 0)
                    for position, of in enumerate(names)
                ),
                sources=tuple(of.name for of in names),
                maps=maps,
                logits={variant: rng.normal(0, 3, count) for variant in PATHS},
            )
        )
    return Examples(
        seed=0, sets=tuple(sets), rule="Picked by study seed: the first six of a seeded shuffle, sources in turn."
    )


@pytest.fixture(scope="session")
def summary() -> Summary:
    """The made-up study."""
    return make_summary()


@pytest.fixture(scope="session")
def examples() -> Examples:
    """Six images of each quoted test set."""
    return make_examples()


@pytest.fixture
def estimate_row() -> Callable[..., Estimate]:
    """Makes one estimate: quantity, variant, (test set, source, path), value, half-width, n."""
    return estimate


@pytest.fixture(scope="session")
def report_files(summary: Summary, examples: Examples, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Both documents of the made-up study, built once."""
    from analysis.reporting import build_report

    return build_report(summary, examples, tmp_path_factory.mktemp("report"))
