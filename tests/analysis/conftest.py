"""A small study with known frames, for the tests of `analysis`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.agreement import MapStack
from analysis.build import build_summary
from analysis.claims import Claim
from analysis.control_frames import Controls
from analysis.declared import Declared
from analysis.faithfulness import FAITHFULNESS_COLUMNS
from analysis.subsets import Subsets
from analysis.summary import (
    AutoencoderQuality,
    HistoryRow,
    Provenance,
    SourceCard,
    StudyCard,
    Summary,
    TestSetCard,
    VariantCard,
)

sys.path.insert(0, str(Path(__file__).parent))  # for `made_up_claims`

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


def _predictions(
    images: pd.DataFrame, variants: dict[str, str], seeds: tuple[int, ...], rng: np.random.Generator
) -> pd.DataFrame:
    sign = 2.0 * images["label"].to_numpy() - 1
    hard = rng.normal(size=len(images))
    parts = []
    for variant in variants:
        for seed in seeds:
            for path in variants.values():
                logit = sign + hard + rng.normal(size=len(images)) + 0.2 * rng.normal()
                part = images[["test_set", "image_id"]].assign(
                    variant=variant, seed=seed, path=path, logit=logit.astype(np.float32)
                )
                parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _maps(
    images: pd.DataFrame, variants: dict[str, str], seeds: tuple[int, ...], rng: np.random.Generator
) -> pd.DataFrame:
    sample = images[images["test_set"] != "held-out"].groupby(["test_set", "label"]).head(6)
    parts = []
    for variant in variants:
        for point in ("image", "classifier_input") if variant in ("autoencoder", "both") else ("image",):
            for seed in seeds:
                gini = rng.uniform(0.3, 0.5, len(sample))
                part = sample[["test_set", "image_id"]].assign(
                    variant=variant, seed=seed, method="saliency", point=point, gini=gini, entropy=1 - gini / 8
                )
                parts.append(part)
    return pd.concat(parts, ignore_index=True).assign(excluded=pd.Series(dtype=object))


@pytest.fixture(scope="session")
def small_study() -> Callable[..., dict[str, Any]]:
    """A function that makes the arguments of `build_summary`: three variants (or all four) and test sets, some seeds.

    The multi-bootstrap has few draws, so that tests stay fast.
    """

    def make(seeds: tuple[int, ...] = (0, 1, 2), draw: int = 20, *, four: bool = False) -> dict[str, Any]:
        rng = np.random.default_rng(draw)
        variants = VARIANTS | {"both": "both"} if four else VARIANTS
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
            variants=tuple(VariantCard(name=v, path=p, description=v) for v, p in variants.items()),
            test_sets=cards,
            study_toml="",
        )
        return {
            "study": study,
            "provenance": Provenance(command="none", facts=(("version", "0"),), data_hashes=()),
            "predictions": _predictions(images, variants, seeds, rng),
            "images": images,
            "maps": _maps(images, variants, seeds, rng),
            "draws": 200,
            "autoencoders": [
                AutoencoderQuality(seed=s, code="8×8×16", psnr=30.0, ssim=0.9, n_images=16) for s in seeds
            ],
            "histories": [
                HistoryRow(variant=v, seed=s, epoch=1, train_loss=0.4, validation_loss=0.5, seconds=1.0)
                for v in variants
                for s in seeds
            ],
        }

    return make


@pytest.fixture(scope="session")
def small_summary(small_study: Callable[..., dict[str, Any]]) -> Summary:
    """The summary of the small study, made once."""
    return build_summary(**small_study())


def _controls(made: dict[str, Any]) -> Controls:
    """The set `outside` through its own pipeline and another, and blurred: shifted logits of each own path."""
    own = {card.name: card.path for card in made["study"].variants}
    frame, images = made["predictions"], made["images"]
    frame = frame[(frame["test_set"] == "outside") & (frame["path"] == frame["variant"].map(own))]
    images = images[images["test_set"] == "outside"]
    names = ("outside", "outside@nearest", "outside~blur-1")
    pipeline = {"base": "outside", "kind": "pipeline", "corruption": None, "level": None}
    rows: list[dict[str, Any]] = [
        {"name": names[0], "kernel": "bilinear", "reencode": True, **pipeline},
        {"name": names[1], "kernel": "nearest", "reencode": False, **pipeline},
        pipeline
        | {
            "name": names[2],
            "kind": "corruption",
            "kernel": None,
            "reencode": None,
            "corruption": "blur",
            "level": 1.0,
        },
    ]
    logits = (frame["logit"] - 0.4 * number for number in range(3))
    parts = [frame.assign(test_set=name, logit=logit) for name, logit in zip(names, logits, strict=True)]
    members = [images.assign(test_set=name) for name in names]
    return Controls(pd.concat(parts), pd.concat(members), pd.DataFrame(rows), ("painter",))


@pytest.fixture(scope="session")
def full_summary(small_study: Callable[..., dict[str, Any]]) -> Summary:
    """A summary in which every table has rows: four variants, margins, claims that changed and one withdrawn."""
    claims = (
        Claim(
            id="preserved",
            says="Accuracy is preserved.",
            quantity="accuracy",
            kind="equivalent",
            margin=0.2,
            variants=("augment", "both"),
            versus="baseline",
            role="in_sample",
        ),
        Claim(
            id="photos",
            says="Real photographs are recognised.",
            quantity="specificity",
            kind="above",
            bound=0.6,
            variants=("baseline",),
            test_set="outside",
            source="photos",
        ),
        Claim(
            id="falls",
            says="Accuracy falls out of sample.",
            quantity="balanced_accuracy",
            kind="less",
            variants=("baseline", "autoencoder"),
            role="out_of_sample",
            versus_role="in_sample",
            family="falls",
        ),
        Claim(
            id="dispersed",
            says="Maps of the autoencoder are dispersed.",
            quantity="gini",
            kind="less",
            variants=("autoencoder",),
            versus="augment",
            role="in_sample",
            path="saliency.classifier_input",
            family="maps",
        ),
    )
    earlier = claims[0].model_copy(update={"margin": 0.1})
    withdrawn = claims[1].model_copy(update={"id": "gone", "says": "It was said once."})
    study = small_study(four=True)
    rng = np.random.default_rng(5)
    keys = ["variant", "seed", "test_set", "image_id", "method", "point"]
    areas = {name: rng.normal(size=len(study["maps"])) for name in FAITHFULNESS_COLUMNS[len(keys) :]}
    stacks = [
        MapStack(
            variant=variant,
            test_set="inside",
            method="saliency",
            point="image",
            seeds=(0, 1, 2),
            image_ids=("camera/0/000.png", "camera/0/001.png", "camera/1/000.png", "camera/1/001.png"),
            labels=np.array([0, 0, 1, 1], dtype=np.int8),
            maps=rng.random((3, 4, 5, 5)),
        )
        for variant in ("baseline", "augment")
    ]
    return build_summary(
        **study,
        faithfulness=study["maps"][keys].assign(**areas),
        stored_maps=stacks,
        controls=_controls(study),
        subsets=Subsets(study["images"].groupby("test_set").head(5), {"scene": ("camera", "photos")}),
        margins={"in_sample": 0.1, "out_of_sample": 0.2},
        claims=claims,
        at_start=Declared((earlier, *claims[1:], withdrawn), alpha=0.05, confidence=0.95),
        warnings=["A control failed."],
    )
