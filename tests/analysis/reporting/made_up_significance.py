"""Claims, tests and single runs of the made-up study."""

from __future__ import annotations

import numpy as np
from made_up_basis import OUT, PATHS, SEEDS, TEST_SETS, Maker, estimate

from analysis.claims import Cell, Claim
from analysis.declared import Declared
from analysis.intervals import CrossedInterval, crossed_mean
from analysis.summary import FACTORIAL_EFFECTS, Contrast, Estimate, ModelRow, RunInterval, RunTest, SpreadRow
from analysis.verdicts import Verdict, decide

MARGINS = {"test": 0.01, OUT: 0.05}
EFFECT_SIZES = dict(zip(FACTORIAL_EFFECTS, (-0.002, 0.0035, 0.019), strict=True))

CLAIMS = (
    Claim(
        id="above-90",
        says="In-sample accuracy is above 90 % with every kind of preprocessing.",
        quantity="accuracy",
        kind="above",
        bound=0.9,
        variants=tuple(PATHS),
        role="in_sample",
        family="in-sample",
    ),
    Claim(
        id="preserved",
        says="Preprocessing preserves in-sample accuracy within a point & a half.",
        quantity="accuracy",
        kind="equivalent",
        margin=0.015,
        variants=("augment", "autoencoder", "both"),
        versus="baseline",
        role="in_sample",
        family="in-sample",
    ),
    Claim(
        id="autoencoder-helps",
        says="The autoencoder helps out of sample.",
        quantity="balanced_accuracy",
        kind="greater",
        variants=("autoencoder",),
        versus="baseline",
        role="out_of_sample",
        family="out-of-sample",
    ),
    Claim(
        id="none-helps",
        says="No preprocessing gains 5 points out of sample.",
        quantity="balanced_accuracy",
        kind="not_superior",
        margin=0.05,
        variants=("augment", "autoencoder", "both"),
        versus="baseline",
        role="out_of_sample",
        family="out-of-sample",
        test="sign-flip",
    ),
    Claim(
        id="falls",
        says="Balanced accuracy falls out of sample.",
        quantity="balanced_accuracy",
        kind="less",
        variants=("baseline",),
        role="out_of_sample",
        versus_role="in_sample",
        family="out-of-sample",
    ),
    Claim(
        id="dispersed",
        says="Saliency is more dispersed behind the autoencoder.",
        quantity="gini",
        kind="less",
        variants=("autoencoder",),
        versus="augment",
        role="in_sample",
        path="saliency.image",
        family="dispersion",
    ),
    Claim(
        id="never-computed",
        says="Entropy of maps through nothing is high.",
        quantity="entropy",
        kind="above",
        bound=0.5,
        variants=("baseline",),
        role="in_sample",
        path="saliency.nowhere",
        family="dispersion",
    ),
)


def make_verdicts() -> tuple[Verdict, ...]:
    """Verdicts of claims on drawn evidence: supported, contradicted, undecided and without evidence."""
    rng = np.random.default_rng(5)
    centres = {
        "accuracy": (0.93, -0.006),
        "balanced_accuracy": (0.56, 0.004),
        "gini": (0.45, 0.03),
    }

    def evidence(cell: Cell) -> CrossedInterval | None:
        if cell.quantity not in centres:
            return None
        level, difference = centres[cell.quantity]
        centre = -0.36 if cell.versus_test_set else level if cell.versus is None else difference
        spread = 0.02 if cell.quantity == "accuracy" else 0.2
        return crossed_mean(centre + spread * rng.standard_normal((len(SEEDS), 400)))

    started = tuple(claim.model_copy(update={"margin": 0.01}) if claim.id == "preserved" else claim for claim in CLAIMS)
    roles = {card.name: card.role for card in TEST_SETS}
    return decide(CLAIMS, evidence, test_sets=roles, at_start=Declared(started, alpha=0.05))


def widened(row: Estimate) -> Contrast:
    """A contrast with all that stands beside it, made from its estimate and interval."""
    if row.estimate is None or row.low is None or row.high is None:
        return Contrast.model_validate(row.model_dump())
    half, margin = (row.high - row.low) / 2, MARGINS.get(row.test_set)
    at = row.estimate
    return Contrast.model_validate(
        row.model_dump()
        | {
            "p": 0.0004 if abs(at) > half else 0.31,
            "p_holm": 0.0012 if abs(at) > half else 0.62,
            "family": "pairs",
            "var_seed": 1e-5,
            "var_image": 0.02,
            "var_residual": 0.06,
            "images_low": at - 0.8 * half,
            "images_high": at + 0.8 * half,
            "seed_t_low": at - 0.9 * half,
            "seed_t_high": at + 0.9 * half,
            "bootstrap_low": at - 0.95 * half,
            "bootstrap_high": at + 1.05 * half,
            "sign_flip_p": 0.25,
            "attainable_p": 0.25,
            "paired_t_p": 0.0213,
            "wilcoxon_p": 0.25,
            "cohen_dz": -1.234,
            "hedges_gz": -0.697,
            "cohen_d": -0.8,
            "superiority": 1 / 3,
            "margin": margin,
            "tost_p": None if margin is None else 0.012 if abs(at) + half < margin else 0.21,
            "tost_low": None if margin is None else at - 0.84 * half,
            "tost_high": None if margin is None else at + 0.84 * half,
            "detectable": 1.4 * half,
            "seeds_needed": None if row.test_set == OUT else 6,
            "opposite_share": 2 / 9,
        }
    )


def make_factorial(maker: Maker) -> tuple[Contrast, ...]:
    """Factorial effects on every quoted set and its sources."""
    rows = []
    for card in TEST_SETS[1:]:
        n, half = card.n_real + card.n_synthetic, 0.003 if card.role == "in_sample" else 0.012
        places = [(name, None, n) for name in ("accuracy", "balanced_accuracy")]
        places += [
            ("recall" if of.n_synthetic else "specificity", of.name, of.n_real + of.n_synthetic) for of in card.sources
        ]
        for name, of_source, count in places:
            for effect, size in EFFECT_SIZES.items():
                row = estimate(name, effect, (card.name, of_source, "own"), size, half, count)
                rows.append(widened(row).model_copy(update={"p": 0.04}))
    return tuple(rows)


def make_run_intervals() -> tuple[RunInterval, ...]:
    rng = np.random.default_rng(3)
    rows = []
    for card in TEST_SETS[1:]:
        for variant in PATHS:
            for seed in SEEDS:
                labels = {"variant": variant, "seed": seed, "test_set": card.name, "n_images": 3900}
                share = 0.9 + 0.01 * float(rng.random())
                limits = {
                    "wilson_low": share - 0.009,
                    "wilson_high": share + 0.008,
                    "clopper_pearson_low": share - 0.0095,
                    "clopper_pearson_high": share + 0.0085,
                }
                rows.append(RunInterval.model_validate(labels | {"quantity": "accuracy", "value": share} | limits))
                # One AUC has no interval, as where the classes are parted completely.
                parted = seed == 2 and variant == "both"
                ends = {} if parted else {"delong_low": 0.96, "delong_high": 0.985}
                rows.append(RunInterval.model_validate(labels | {"quantity": "auc", "value": 0.97} | ends))
    return tuple(rows)


def make_run_tests() -> tuple[RunTest, ...]:
    rows = []
    for card in TEST_SETS[1:]:
        for seed in SEEDS:
            for position, variant in enumerate(name for name in PATHS if name != "baseline"):
                rows.append(
                    RunTest(
                        test="mcnemar",
                        seed=seed,
                        test_set=card.name,
                        variant=variant,
                        versus="baseline",
                        only_first=1200 + seed,
                        only_second=1300 + position,
                        statistic=4.1,
                        p=0.043 / (1 + position),
                    )
                )
            rows.append(RunTest(test="cochran_q", seed=seed, test_set=card.name, statistic=14.2, df=3, p=0.0026))
    return tuple(rows)


def make_model_checks() -> tuple[ModelRow, ...]:
    return tuple(
        ModelRow(
            model=model,
            quantity="accuracy",
            effect=effect,
            test_set="test",
            estimate=None if model.startswith("mixed") and "interaction" in effect else size,
            low=None if model.startswith("mixed") and "interaction" in effect else size - 0.002,
            high=None if model.startswith("mixed") and "interaction" in effect else size + 0.002,
            p=0.01,
            n=9811,
            reason="the fit did not converge" if model.startswith("mixed") and "interaction" in effect else None,
        )
        for model in ("GEE, identity link", "GEE, logit link", "mixed model, REML")
        for effect, size in EFFECT_SIZES.items()
    )


def make_spread() -> tuple[SpreadRow, ...]:
    return tuple(
        SpreadRow(
            variant=variant,
            test_set="test",
            sd=0.0021 + 0.0004 * position,
            calibrated=0.0019,
            ratio=(0.0021 + 0.0004 * position) / 0.0019,
            low=None if variant == "both" else 0.6,
            high=None if variant == "both" else 6.9,
            reason="no variation: interval of the ratio not defined" if variant == "both" else None,
        )
        for position, variant in enumerate(PATHS)
    )
