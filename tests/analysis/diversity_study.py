"""Made-up decisions of a diversity study with a known truth, for tests."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from analysis.diversity import Design, diversity_rows
from analysis.diversity_summary import Diversity, DiversityCard, GeneratorCard, MixtureCard, PlaceCard
from analysis.diversity_verdict import diversity_verdict
from analysis.summary import Provenance, VariantCard

GENERATORS = ("a", "b", "c", "d")
FAR = "far"


def design_of(generators: Sequence[str] = GENERATORS, *, shared: bool = True, in_sample: bool = False) -> Design:
    """All mixtures of the generators, each held out in a set of its own."""
    members = {"+".join(chosen): chosen for k in range(1, len(generators)) for chosen in combinations(generators, k)}
    return Design(
        members,
        {name: f"held-out-{name}" for name in generators},
        (FAR,) if shared else (),
        {name: f"in-sample/{name}" for name in members} if in_sample else None,
    )


def decisions_of(
    design: Design,
    share: Callable[[str, int, str], float],
    *,
    variants: Sequence[str] = ("baseline", "augment"),
    seeds: Sequence[int] = (0, 1, 2),
    per_class: int = 20,
    seed: int = 0,
    seed_effect: float = 0.0,
    image_effect: float = 0.0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Decisions and images: right with probability `share(variant, k, test set)`, moved by seeds and images.

    The effect of a seed is drawn for every arm, that of an image is the same for all: both move the share.
    """
    rng = np.random.default_rng(seed)
    sets = [*design.held_out.values(), *design.shared, *(design.in_sample or {}).values()]
    ids = {name: [f"{name}/{number:04}" for number in range(2 * per_class)] for name in sets}
    labels = np.repeat([0, 1], per_class)
    images = pd.concat(
        pd.DataFrame(
            {"test_set": name, "image_id": ids[name], "source": np.where(labels, "painter", "camera"), "label": labels}
        )
        for name in sets
    )
    hard = {name: rng.normal(0, image_effect, 2 * per_class) for name in sets}
    of_arm = {(v, k, s): rng.normal(0, seed_effect) for v in variants for k in design.sizes for s in seeds}
    frames = []
    for variant in variants:
        for mixture, members in design.members.items():
            for one in seeds:
                for name in sets:
                    seen = {design.held_out[generator] for generator in members}
                    other = name.startswith("in-sample") and name != f"in-sample/{mixture}"
                    if name in seen or other:
                        continue
                    p = share(variant, len(members), name) + hard[name] + of_arm[variant, len(members), one]
                    right = rng.random(2 * per_class) < p
                    logit = np.where(right == (labels == 1), 1.0, -1.0) * rng.uniform(0.1, 2.0, 2 * per_class)
                    frames.append(
                        pd.DataFrame(
                            {
                                "variant": variant,
                                "mixture": mixture,
                                "seed": one,
                                "test_set": name,
                                "image_id": ids[name],
                                "logit": logit,
                            }
                        )
                    )
    return pd.concat(frames, ignore_index=True), images.reset_index(drop=True)


@functools.cache
def diversity_of(*, augment: bool = True, shared: bool = True, demo: bool = True, gain: float = 0.08) -> Diversity:
    """The findings of a small study of four generators."""
    design = design_of(shared=shared, in_sample=True)
    variants = ("baseline", "augment") if augment else ("baseline",)
    decisions, images = decisions_of(design, lambda _, k, __: 0.55 + gain * (k - 1), variants=variants)
    rows = diversity_rows(
        decisions, images, design, baseline="baseline", variants=variants, seeds=(0, 1, 2), margin=0.05
    )
    cards = tuple(
        GeneratorCard(
            name=name,
            source=f"source-{name}",
            corpus=f"corpus of {name}",
            description=f"generator <{name}>",
            test_set=test_set,
            n_real=20,
            n_synthetic=20,
        )
        for name, test_set in design.held_out.items()
    )
    place = PlaceCard(name=FAR, n_real=20, n_synthetic=20, pipeline="as is", sources=("camera", "painter"))
    return Diversity(
        confidence=0.95,
        alpha=0.05,
        margin=0.05,
        study=DiversityCard(
            name="made-up",
            title="Made <up>",
            question="Does it help?",
            demo=demo,
            seeds=(0, 1, 2),
            baseline="baseline",
            variants=tuple(VariantCard(name=name, path=name, description=name) for name in variants),
            generators=cards,
            mixtures=tuple(
                MixtureCard(name=name, generators=members, n_train=24) for name, members in design.members.items()
            ),
            shared=(place,) if shared else (),
            notes=("Something was left out.",),
            study_toml='name = "made-up"\n',
        ),
        provenance=Provenance(
            command="isitcap run made-up", facts=(("Seeds", "0, 1, 2"),), data_hashes=(("source-a", "0" * 64),)
        ),
        levels=rows.levels,
        mixtures=rows.mixtures,
        contrasts=rows.contrasts,
        verdict=diversity_verdict(rows.levels, rows.contrasts, baseline="baseline", margin=0.05, alpha=0.05),
    )
