"""A small study with known frames, for the tests of `analysis`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.summary import (
    AutoencoderQuality,
    HistoryRow,
    Provenance,
    SourceCard,
    StudyCard,
    TestSetCard,
    VariantCard,
)

VARIANTS = {"baseline": "none", "augment": "augment", "autoencoder": "autoencode"}
TEST_SETS = {
    "inside": ("in_sample", {"camera": (14, 16)}),
    "outside": ("out_of_sample", {"photos": (11, 0), "painter": (0, 9), "mixture": (6, 5)}),
    "held-out": ("validation", {"camera": (8, 8)}),
}


def _images() -> pd.DataFrame:
    rows = [
        (test_set, f"{source}/{label}/{number:03d}.png", source, "group", label, f"{number:064x}")
        for test_set, (_, sources) in TEST_SETS.items()
        for source, counts in sources.items()
        for label in (0, 1)
        for number in range(counts[label])
    ]
    return pd.DataFrame(rows, columns=["test_set", "image_id", "source", "group", "label", "sha256"])


def _predictions(images: pd.DataFrame, seeds: tuple[int, ...], rng: np.random.Generator) -> pd.DataFrame:
    sign = 2.0 * images["label"].to_numpy() - 1
    hard = rng.normal(size=len(images))
    parts = []
    for variant in VARIANTS:
        for seed in seeds:
            for path in VARIANTS.values():
                logit = sign + hard + rng.normal(size=len(images)) + 0.2 * rng.normal()
                part = images[["test_set", "image_id"]].assign(
                    variant=variant, seed=seed, path=path, logit=logit.astype(np.float32)
                )
                parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _maps(images: pd.DataFrame, seeds: tuple[int, ...], rng: np.random.Generator) -> pd.DataFrame:
    sample = images[images["test_set"] != "held-out"].groupby(["test_set", "label"]).head(6)
    parts = []
    for variant in VARIANTS:
        for point in ("image", "classifier_input") if variant == "autoencoder" else ("image",):
            for seed in seeds:
                gini = rng.uniform(0.3, 0.5, len(sample))
                part = sample[["test_set", "image_id"]].assign(
                    variant=variant, seed=seed, method="saliency", point=point, gini=gini, entropy=1 - gini / 8
                )
                parts.append(part)
    return pd.concat(parts, ignore_index=True).assign(excluded=pd.Series(dtype=object))


@pytest.fixture
def small_study() -> Callable[..., dict[str, Any]]:
    """A function that makes the arguments of `build_summary`: three variants and test sets, some seeds."""

    def make(seeds: tuple[int, ...] = (0, 1, 2), draw: int = 20) -> dict[str, Any]:
        rng = np.random.default_rng(draw)
        images = _images()
        cards = tuple(
            TestSetCard(
                name=name,
                role=role,
                n_real=sum(real for real, _ in sources.values()),
                n_synthetic=sum(synthetic for _, synthetic in sources.values()),
                pipeline="as they are",
                sources=tuple(SourceCard(name=s, n_real=r, n_synthetic=f) for s, (r, f) in sources.items()),
            )
            for name, (role, sources) in TEST_SETS.items()
        )
        study = StudyCard(
            name="small",
            title="A small study",
            question="Does anything help?",
            demo=True,
            seeds=seeds,
            baseline="baseline",
            variants=tuple(VariantCard(name=v, path=p, description=v) for v, p in VARIANTS.items()),
            test_sets=cards,
            study_toml="",
        )
        return {
            "study": study,
            "provenance": Provenance(command="none", facts=(("version", "0"),), data_hashes=()),
            "predictions": _predictions(images, seeds, rng),
            "images": images,
            "maps": _maps(images, seeds, rng),
            "autoencoders": [
                AutoencoderQuality(seed=s, code="8×8×16", psnr=30.0, ssim=0.9, n_images=16) for s in seeds
            ],
            "histories": [
                HistoryRow(variant=v, seed=s, epoch=1, train_loss=0.4, validation_loss=0.5, seconds=1.0)
                for v in VARIANTS
                for s in seeds
            ],
        }

    return make
