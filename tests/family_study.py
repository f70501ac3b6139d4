"""A tiny diversity study of image folders, and records of it that nobody trained, for tests."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from isitcap.family_findings import mixture_directory
from isitcap.models.variants import VARIANTS
from isitcap.records.atomic import write_bytes, write_frame
from isitcap.records.directory import RunDirectory, Stage
from isitcap.records.manifest import write_manifest
from isitcap.study.family import Family, dump_family, parse_family
from isitcap.study.load import dump_study
from isitcap.testing import write_images

GENERATORS = ("one", "two", "three")

TEXT = """
name = "tiny-diversity"
title = "A tiny diversity study"
question = "Does it help?"
demo = true
seeds = {seeds}
variants = ["baseline", "augment"]

[mixtures]
train = 48
validation = 8
test = 8
held_out = 8

[image]
size = 16
reencode = false

[classifier]
epochs = 1
batch_size = 16

[autoencoder]
epochs = 1
code_size = 8
width = 8
batch_size = 16

[output]
formats = ["html"]

[[test_sets]]
name = "elsewhere"
real = ["far"]
fake = ["near"]

[sources.far]
kind = "images"
path = "far"
label = "real"

[sources.near]
kind = "images"
path = "near"
label = "synthetic"
"""

SOURCE = """
[generators.{name}]
source = "set-{name}"
corpus = "noise of {name}"

[sources.set-{name}]
kind = "images"
path = "set-{name}"
labels = {{ camera = "real", grid = "synthetic" }}
"""


def write_family(folder: Path, seeds: str = "[0, 1, 2]", generators: tuple[str, ...] = GENERATORS) -> Path:
    """Write images of smooth noise and `family.toml`, and return the study's path."""
    text = TEXT.format(seeds=seeds)
    for number, name in enumerate(generators):
        text += SOURCE.format(name=name)
        for part, count in (("train", 24), ("test", 12)):
            for kind, label in (("camera", "real"), ("grid", "synthetic")):
                where = folder / f"set-{name}" / part / kind
                write_images(where, count, label, seed=10 * number + (part == "test"))  # type: ignore[arg-type]
    write_images(folder / "far", 10, "real", seed=97)
    write_images(folder / "near", 10, "synthetic", seed=97)
    path = folder / "family.toml"
    path.write_text(text, encoding="utf-8")
    return path


def made_up_records(out: Path, *, per_class: int = 10, gain: float = 0.2) -> tuple[Family, pd.DataFrame]:
    """Records of a finished study whose decisions are drawn: right with 60 % and `gain` more for a second generator.

    Returns:
        The study, and every decision along its variant's own path, or the plain one (`augment-plain`): variant,
        mixture, seed, test_set, image_id, label, logit.
    """
    text = TEXT.format(seeds="[0, 1, 2]") + "".join(SOURCE.format(name=name) for name in GENERATORS)
    family = parse_family(text, "family.toml")
    rng = np.random.default_rng(5)
    every = []
    write_bytes(out / "study.toml", dump_family(family).encode())
    _manifest(out, family.studies()[0].study, [])
    for mixture in family.studies():
        directory = RunDirectory(mixture_directory(out, mixture.name))
        write_bytes(directory.study, dump_study(mixture.study).encode())
        unseen = [name for name in GENERATORS if name not in mixture.generators]
        names = ["test", *(f"held-out-{name}@bilinear" for name in unseen), "elsewhere@bilinear"]
        _manifest(directory.root, mixture.study, names)
        labels = np.repeat([0, 1], per_class)
        for name in names:
            ids = [f"{name}/{number:03}" for number in range(2 * per_class)]
            source = np.where(labels == 1, "near", "far") if name.startswith("elsewhere") else np.full(len(ids), "set")
            columns = {"image_id": ids, "source": source, "group": "", "label": labels, "sha256": ids}
            write_frame(directory.images(name), pd.DataFrame(columns))
        for variant in family.variants:
            for seed in family.seeds:
                frames = []
                for name in names:
                    ids = [f"{name}/{number:03}" for number in range(2 * per_class)]
                    own = VARIANTS[variant].path
                    found = {}
                    for path in dict.fromkeys((own, own.plain)):
                        right = rng.random(2 * per_class) < 0.6 + gain * (len(mixture.generators) - 1)
                        logit = np.where(right == (labels == 1), 1.0, -1.0).astype(np.float32)
                        found[path.name] = logit
                        rows = pd.DataFrame({"test_set": name, "image_id": ids, "logit": logit})
                        called = variant if path is own else f"{variant}-plain"
                        every.append(rows.assign(variant=called, mixture=mixture.name, seed=seed, label=labels))
                    for path_name in (
                        "none",
                        "augment",
                        "autoencode",
                        "both",
                    ):  # other paths than these say the contrary
                        logit = found.get(path_name, -found[own.name])
                        frames.append(
                            pd.DataFrame({"test_set": name, "image_id": ids, "path": path_name, "logit": logit})
                        )
                stage = Stage(directory.run(variant, seed), "predict", {"made": "up"})
                path_of = stage.folder / "predictions.parquet"
                write_frame(path_of, pd.concat(frames, ignore_index=True)[["test_set", "path", "image_id", "logit"]])
                stage.finish([path_of])
    return family, pd.concat(every, ignore_index=True)


def mixtures() -> list[tuple[str, ...]]:
    """All mixtures, small ones first."""
    return [chosen for k in (1, 2) for chosen in combinations(GENERATORS, k)]


def _manifest(folder: Path, study: object, names: list[str]) -> None:
    roles = {"test": "in_sample"}
    write_manifest(
        RunDirectory(folder),
        command=["isitcap", "run", "family.toml"],
        device={"device": "cpu", "autocast": "float32", "threads": 1},
        packs={"set-one@bilinear": "0" * 64},
        notes=["Train: 24 real and 24 synthetic images.", "Something was kept out."],
        test_sets=[
            {"name": name, "role": roles.get(name, "out_of_sample"), "pipeline": "as is", "notes": []} for name in names
        ],
        done=[],
        started="2026-01-01T00:00:00+00:00",
        wall_seconds=1.0,
        peak_memory_mib=1.0,
        declared=study.declared,  # type: ignore[attr-defined]
    )
