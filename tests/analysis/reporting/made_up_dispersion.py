"""Maps of the made-up study: methods, nulls, parts of test sets, agreement, faithfulness and mean maps."""

from __future__ import annotations

import numpy as np
from made_up_basis import OUT, PATHS, SEEDS, TEST_SETS, Maker, estimate

from analysis.agreement import SEEDS as SEED_AGREEMENT
from analysis.agreement import VARIANTS as VARIANT_AGREEMENT
from analysis.faithfulness import DELETION, INSERTION
from analysis.map_checks import MODEL
from analysis.reporting import MeanMaps
from analysis.summary import Contrast, Estimate, ModelRow

BEHIND = ("autoencoder", "both")
"""Variants whose maps differ between the two points."""

STATES = ("untrained", "randomised-conv1", "randomised-conv2", "randomised-dense1", "randomised-dense2")


def _contrast(row: Estimate, p_holm: float | None, subset: str | None = None) -> Contrast:
    fields = row.model_dump() | {"subset": subset, "p_holm": p_holm}
    return Contrast.model_validate(fields)


def make_map_contrasts() -> tuple[Contrast, ...]:
    """Pairs beyond those to the baseline, subsets, the two points, what is left, and another method that disagrees."""
    rows: list[Contrast] = []
    for card in TEST_SETS[1:]:
        for point in ("image", "classifier_input"):
            where = (card.name, None, f"saliency.{point}")
            for first, second in (("autoencoder", "augment"), ("both", "augment"), ("both", "autoencoder")):
                rows.append(_contrast(estimate("gini", first, where, -0.02, 0.03, 200, versus=second), 0.4))
            for variant in BEHIND:
                for subset in ("real", "synthetic", "correct", "wrong"):
                    n = 11 if subset == "wrong" else 90
                    why = f"{n} images: fewer than 20 are not compared" if subset == "wrong" else None
                    value = None if subset == "wrong" else -0.04
                    row = estimate("gini", variant, where, value, 0.01, n, versus="baseline", reason=why)
                    rows.append(_contrast(row, None, subset))
            for state in STATES:
                place = (card.name, None, f"saliency.{point}~{state}")
                rows += [
                    _contrast(estimate("gini", variant, place, -0.011, 0.02, 60, versus="baseline"), 0.7)
                    for variant in BEHIND
                ]
        for variant in BEHIND:
            place = (card.name, None, "saliency.image-vs-classifier_input")
            rows.append(_contrast(estimate("gini", variant, place, -0.05, 0.01, 200), 0.001))
            left = (card.name, None, "saliency.classifier_input")
            for measure in ("gini", "entropy"):
                gone = variant == "both" and measure == "entropy"
                why = "the difference at the image is not significant: no share of it is given" if gone else None
                share = estimate(f"{measure}_remaining_share", variant, left, None if gone else 0.06, 0.2, 200)
                rows.append(_contrast(share.model_copy(update={"versus": "baseline", "reason": why}), None))
        for variant in ("augment", *BEHIND):
            place = (card.name, None, "occlusion.image")
            rows.append(_contrast(estimate("gini", variant, place, 0.03, 0.01, 60, versus="baseline"), 0.002))
    return tuple(rows)


def make_map_levels(maker: Maker) -> tuple[Estimate, ...]:
    """Levels of another method and of nulls, and relations to decisions."""
    rows: list[Estimate] = []
    for card in TEST_SETS[1:]:
        for variant in PATHS:
            points = ("image", "classifier_input") if variant in BEHIND else ("image",)
            rows.append(maker.level("gini", variant, (card.name, None, "occlusion.image"), 0.6, 0.01, 60))
            for point in points:
                for state in STATES:
                    place = (card.name, None, f"saliency.{point}~{state}")
                    rows.append(maker.level("gini", variant, place, 0.4, 0.02, 60))
                    rows.append(maker.level("similarity", variant, place, 0.2, 0.05, 60))
                for suffix in ("confidence_spearman", "correct_rank_biserial"):
                    place = (card.name, None, f"saliency.{point}")
                    row = maker.level(f"gini_{suffix}", variant, place, -0.12, 0.1, 200)
                    rows.append(row.model_copy(update={"p": 0.02}))
    return tuple(rows)


def make_parts(maker: Maker) -> tuple[Estimate, ...]:
    """Gini by class, and by source out of sample; the seeds' values beside them."""
    rows: list[Estimate] = []
    for card in TEST_SETS[1:]:
        for variant in PATHS:
            for point in ("image", "classifier_input") if variant in BEHIND else ("image",):
                for source, subset in (
                    (None, "real"),
                    (None, "synthetic"),
                    *((each.name, None) for each in card.sources if card.name == OUT),
                ):
                    before = len(maker.seed_values)
                    row = maker.level("gini", variant, (card.name, source, f"saliency.{point}"), 0.45, 0.01, 40)
                    rows.append(row.model_copy(update={"subset": subset}))
                    maker.seed_values[before:] = [
                        value.model_copy(update={"subset": subset}) for value in maker.seed_values[before:]
                    ]
    return tuple(rows)


def make_agreement() -> tuple[Estimate, ...]:
    rows = []
    for card in TEST_SETS[1:]:
        place = (card.name, None, "saliency.image")
        rows += [estimate(SEED_AGREEMENT, variant, place, 0.31, 0.05, 64) for variant in PATHS]
        rows.append(estimate(VARIANT_AGREEMENT, "both", place, 0.22, 0.05, 64, versus="baseline"))
        behind = (card.name, None, "saliency.classifier_input")
        rows.append(estimate(SEED_AGREEMENT, "both", behind, 0.28, 0.05, 64))
    return tuple(rows)


def make_faithfulness() -> tuple[Estimate, ...]:
    """Saliency is better than random by both curves, occlusion by neither, and once nothing could be tested."""
    rows = []
    for card in TEST_SETS[1:]:
        for variant in ("baseline", "both"):
            for method, size, p in (("saliency", 2.1, 0.001), ("occlusion", 0.1, 0.6)):
                place = (card.name, None, f"{method}.image")
                for quantity, sign in ((DELETION, -1), (INSERTION, 1)):
                    row = estimate(quantity, variant, place, sign * size, 1.0, 60)
                    rows.append(row.model_copy(update={"p": p}))
        place = (card.name, None, "saliency.classifier_input")
        why = "no image has a measured map for every seed"
        rows += [estimate(quantity, "both", place, None, None, 0, reason=why) for quantity in (DELETION, INSERTION)]
    return tuple(rows)


def make_map_models() -> tuple[ModelRow, ...]:
    return tuple(
        ModelRow(
            model=MODEL,
            quantity="gini",
            effect=f"{variant}-vs-baseline",
            test_set=card.name,
            path=f"saliency.{point}",
            estimate=None if variant == "both" else -0.043,
            low=None if variant == "both" else -0.05,
            high=None if variant == "both" else -0.036,
            p=0.01,
            n=480,
            reason="the model did not converge" if variant == "both" else None,
        )
        for card in TEST_SETS[1:]
        for point in ("classifier_input", "image")
        for variant in BEHIND
    )


def make_means(size: int = 32) -> tuple[MeanMaps, ...]:
    grid = np.linspace(-1, 1, size)
    hill = np.exp(-2 * (grid[:, None] ** 2 + grid[None] ** 2))
    return tuple(
        MeanMaps(
            test_set=card.name,
            label=label,
            n_seeds=len(SEEDS),
            n_images=32,
            maps={
                (variant, "saliency", point): hill / hill.mean() * (1 + label / 10)
                for variant in PATHS
                for point in (("image", "classifier_input") if variant in BEHIND else ("image",))
            },
        )
        for card in TEST_SETS[1:]
        for label in (0, 1)
    )
