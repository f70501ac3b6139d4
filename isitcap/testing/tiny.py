"""A study that trains in seconds: noise with and without a pixel grid, which a classifier learns at once."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

SIZE = 16
"""Pixels on a side."""

STUDY = """\
name = "tiny"
title = "A tiny study"
seeds = [0, 1, 2]

[image]
size = 16
reencode = false

[sources.inside]
kind = "images"
path = "inside"
labels = {{ camera = "real", grid = "synthetic" }}

[sources.other-camera]
kind = "images"
path = "other-camera"
label = "real"

[sources.other-grid]
kind = "images"
path = "other-grid"
label = "synthetic"

[split]
sources = ["inside"]
train = {train}
validation = 40
test = 40

[[test_sets]]
name = "elsewhere"
real = ["other-camera"]
fake = ["other-grid"]

[classifier]
epochs = {epochs}
batch_size = 32

[autoencoder]
epochs = {epochs}
code_size = 8
width = 8
batch_size = 32

[attribution]
images = 16
store = 8
"""


def write_images(
    folder: Path, count: int, kind: Literal["real", "synthetic"], *, seed: int = 0, suffix: str = "png"
) -> None:
    """Write `count` RGB images of smooth noise, `SIZE` pixels on a side; the synthetic ones carry a faint grid."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng([seed, kind == "synthetic"])
    coarse = generator.uniform(60, 190, (count, SIZE // 4, SIZE // 4, 3))
    pixels = np.kron(coarse, np.ones((1, 4, 4, 1))) + generator.normal(0, 6, (count, SIZE, SIZE, 3))
    if kind == "synthetic":
        pixels[:, ::2, ::2] += 25
    for number, image in enumerate(pixels.clip(0, 255).astype(np.uint8)):
        Image.fromarray(image).save(folder / f"{number:04}.{suffix}")


def tiny_study(folder: Path, *, train: int = 160, epochs: int = 2, classes: int = 120) -> Path:
    """Write images and `tiny.toml` into `folder`, and return the study's path.

    Args:
        folder: made if missing.
        train: training images; `classes` × 2 must hold them and 80 more.
        epochs: of the autoencoder and the classifier.
        classes: images of each class in the training source.
    """
    write_images(folder / "inside" / "camera", classes, "real", seed=1)
    write_images(folder / "inside" / "grid", classes, "synthetic", seed=1)
    write_images(folder / "other-camera", 20, "real", seed=2)
    write_images(folder / "other-grid", 20, "synthetic", seed=2)
    path = folder / "tiny.toml"
    path.write_text(STUDY.format(train=train, epochs=epochs), encoding="utf-8")
    return path
