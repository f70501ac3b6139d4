"""A made-up study with control sets, for tests: correct decisions drawn with a known truth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from analysis.control_frames import Controls
from analysis.summary import Provenance, SourceCard, StudyCard, TestSetCard, VariantCard

HOME = "far@bilinear+jpeg75"
PIPELINES = (HOME, "far@nearest", "far@box+jpeg75")
LEVELS = {"jpeg": (50.0, 10.0), "blur": (1.0,)}
VARIANTS = {"baseline": "none", "autoencoder": "autoencode"}

SOURCES = {"test": {"inside": (60, 60)}, HOME: {"photos": (50, 0), "old": (0, 30), "new": (0, 40)}}
"""Test set → source → numbers of real and synthetic images; `old` holds fakes of two generators in turn."""


def images_of(sources: dict[str, tuple[int, int]], scale: int = 1) -> pd.DataFrame:
    rows = [
        (f"{source}/{label}-{n:05}.png", source, f"model {n % 2}" if source == "old" else "", label)
        for source, counts in sources.items()
        for label in (0, 1)
        for n in range(counts[label] * scale)
    ]
    return pd.DataFrame(rows, columns=["image_id", "source", "group", "label"])


def card(name: str, role: Any, scale: int) -> TestSetCard:
    sources = tuple(
        SourceCard(name=source, n_real=real * scale, n_synthetic=fake * scale)
        for source, (real, fake) in SOURCES[name].items()
    )
    return TestSetCard(
        name=name,
        role=role,
        n_real=sum(source.n_real for source in sources),
        n_synthetic=sum(source.n_synthetic for source in sources),
        pipeline="as they are",
        sources=sources,
    )


def make(
    rng: np.random.Generator,
    seeds: int = 4,
    scale: int = 1,
    *,
    same: tuple[str, ...] = ("old/model 0",),
    seed_sd: float = 0.3,
    image_sd: float = 1.0,
) -> dict[str, Any]:
    """The arguments of `build_summary` with `controls`.

    A decision's logit towards the truth is a level of its set plus effects of seed and image and noise, so that a
    set's expected rates follow from the level.
    """
    study = StudyCard(
        name="made-up",
        title="Made up",
        question="",
        demo=True,
        seeds=tuple(range(seeds)),
        baseline="baseline",
        variants=tuple(VariantCard(name=name, path=path, description=name) for name, path in VARIANTS.items()),
        test_sets=(card("test", "in_sample", scale), card(HOME, "out_of_sample", scale)),
        study_toml="",
    )
    tables = {name: images_of(sources, scale) for name, sources in SOURCES.items()}
    sample = {
        name: table.groupby(["source", "label"]).head(12 * scale).reset_index(drop=True)
        for name, table in tables.items()
    }
    sets: list[dict[str, Any]] = [
        {
            "name": name,
            "base": HOME,
            "kind": "pipeline",
            "kernel": name.partition("@")[2].partition("+")[0],
            "reencode": name.endswith("+jpeg75"),
            "corruption": None,
            "level": None,
        }
        for name in PIPELINES
    ]
    members = dict.fromkeys(PIPELINES, tables[HOME])
    for base, table in sample.items():
        for corruption, levels in LEVELS.items():
            for level in levels:
                name = f"{base}~{corruption}-{level:g}"
                labels = {"kernel": None, "reencode": None, "corruption": corruption, "level": level}
                sets.append({"name": name, "base": base, "kind": "corruption", **labels})
                members[name] = table
    easy = {
        name: dict(zip(table["image_id"], rng.normal(0, image_sd, len(table)), strict=True))
        for name, table in tables.items()
    }
    seed_effects = rng.normal(0, seed_sd, (len(VARIANTS), seeds))

    def predictions(name: str, base: str, table: pd.DataFrame, fall: float) -> list[pd.DataFrame]:
        parts = []
        for v, (variant, path) in enumerate(VARIANTS.items()):
            label = table["label"].to_numpy()
            old = table["group"].eq("model 0").to_numpy()
            level = np.where(label == 0, 1.0, np.where(old, 0.8, 0.2)) - fall * np.where(label == 0, 1.5, 0.5)
            if base == "test":
                level = np.full(len(table), 1.6) - fall
            for seed in range(seeds):
                towards = level + seed_effects[v, seed] + table["image_id"].map(easy[base]).to_numpy()
                towards = towards + rng.normal(0, 0.7, len(table))
                parts.append(
                    pd.DataFrame(
                        {
                            "variant": variant,
                            "seed": seed,
                            "path": path,
                            "test_set": name,
                            "image_id": table["image_id"],
                            "logit": (towards * (2 * label - 1)).astype(np.float32),
                        }
                    )
                )
        return parts

    own = {name: predictions(name, name, table, 0.0) for name, table in tables.items()}
    falls = {"far@nearest": 1.0, "far@box+jpeg75": 0.4}
    controlled = [
        part
        for row in sets
        for part in (
            own[HOME]
            if row["name"] == HOME
            else predictions(row["name"], row["base"], members[row["name"]], falls.get(row["name"], 0.6))
        )
    ]
    return {
        "study": study,
        "provenance": Provenance(command="none", facts=(), data_hashes=()),
        "predictions": pd.concat([part for parts in own.values() for part in parts], ignore_index=True),
        "images": pd.concat([t.assign(test_set=n, sha256="0") for n, t in tables.items()], ignore_index=True),
        "maps": None,
        "draws": 0,
        "controls": Controls(
            pd.concat(controlled, ignore_index=True),
            pd.concat([members[row["name"]].assign(test_set=row["name"]) for row in sets], ignore_index=True),
            pd.DataFrame(sets),
            same,
        ),
    }
