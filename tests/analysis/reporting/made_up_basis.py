"""The basis of the made-up study: awkward names, test sets, and how its estimates are drawn."""

from __future__ import annotations

import numpy as np

from analysis.summary import Estimate, SeedValue, SourceCard, TestSetCard

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
