"""A made-up study with awkward names and gaps, in the shape that the statistics hand over."""

from __future__ import annotations

import numpy as np
from made_up_basis import OUT, PATHS, SEEDS, TEST_SETS, Maker, estimate
from made_up_curves import make_curves
from made_up_dispersion import (
    make_agreement,
    make_faithfulness,
    make_map_contrasts,
    make_map_levels,
    make_map_models,
    make_means,
    make_parts,
)
from made_up_significance import (
    make_factorial,
    make_model_checks,
    make_run_intervals,
    make_run_tests,
    make_spread,
    make_verdicts,
    widened,
)

from analysis.reporting import Examples, ExampleSet
from analysis.summary import (
    AutoencoderQuality,
    Contrast,
    Estimate,
    HistoryRow,
    MapCount,
    Provenance,
    StudyCard,
    Summary,
    VariantCard,
)

IN_LEVELS = {"accuracy": 0.929, "balanced_accuracy": 0.9291, "recall": 0.921, "specificity": 0.937, "auc": 0.981}
OUT_LEVELS = {"accuracy": 0.571, "balanced_accuracy": 0.5683, "recall": 0.263, "specificity": 0.874, "auc": 0.652}
SHIFTS = {"baseline": 0.0, "augment": -0.012, "autoencoder": -0.0061, "both": 0.001}
GINI = {
    "saliency.image": {"baseline": 0.471, "augment": 0.462, "autoencoder": 0.419, "both": 0.411},
    "saliency.classifier_input": {"baseline": 0.471, "augment": 0.462, "autoencoder": 0.468, "both": 0.4702},
}


def adjusted(row: Estimate) -> float | None:
    """An adjusted p that says what the interval says."""
    includes_zero = row.low is not None and row.high is not None and row.low <= 0 <= row.high
    return 0.6 if includes_zero else row.p


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
    dispersion += make_map_levels(maker)
    parts = make_parts(maker)
    later = [
        estimate(quantity, first, (card.name, None, "own"), 0.006, 0.007, 3900, versus=second)
        for card in TEST_SETS[1:]
        for quantity in ("accuracy", "balanced_accuracy")
        for first, second in (("autoencoder", "augment"), ("both", "augment"), ("both", "autoencoder"))
    ]
    return Summary(
        confidence=0.95,
        alpha=0.05,
        bootstrap_draws=2000,
        withdrawn=("Augmentation helps out of sample.",),
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
        contrasts=tuple(widened(row) for row in (*contrasts, *later)),
        factorial=make_factorial(maker),
        dispersion=tuple(dispersion),
        dispersion_contrasts=(
            *(Contrast.model_validate(row.model_dump() | {"p_holm": adjusted(row)}) for row in dispersion_contrasts),
            *make_map_contrasts(),
        ),
        dispersion_parts=parts,
        agreement=make_agreement(),
        faithfulness=make_faithfulness(),
        seed_values=tuple(maker.seed_values),
        run_intervals=make_run_intervals(),
        run_tests=make_run_tests(),
        model_checks=(*make_model_checks(), *make_map_models()),
        seed_spread=make_spread(),
        curves=make_curves(),
        map_counts=tuple(counts),
        autoencoders=tuple(
            AutoencoderQuality(
                seed=seed, code="16×16×8", psnr=33.4 + 0.4 * seed, ssim=0.981 + 0.001 * seed, n_images=10000
            )
            for seed in SEEDS
        ),
        histories=tuple(histories),
        verdicts=make_verdicts(),
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
        seed=0,
        sets=tuple(sets),
        rule="Picked by study seed: the first six of a seeded shuffle, sources in turn.",
        means=make_means(),
    )
