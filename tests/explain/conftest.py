"""Tiny detectors of 8 × 8 images."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from isitcap.data.assemble import ImageSet, SetRole, StudyData
from isitcap.models.autoencoder import build_autoencoder
from isitcap.models.classifier import ConvClassifier
from isitcap.models.initialise import build
from isitcap.models.preprocessing import Detector
from isitcap.study.models import Attribution, Autoencoder, Image, Source, Split, Study

SIZE = 8


def _classifier(layers: Callable[[], list[nn.Module]]) -> ConvClassifier:
    return build(lambda: ConvClassifier(nn.Sequential(*layers())), torch.Generator().manual_seed(0))


@pytest.fixture
def linear() -> ConvClassifier:
    """A classifier whose logit is linear in the image."""
    return _classifier(lambda: [nn.Flatten(), nn.Linear(3 * SIZE**2, 1)])


@pytest.fixture
def alone() -> Detector:
    """A convolutional classifier without preprocessing."""
    return Detector(
        _classifier(
            lambda: [
                nn.Conv2d(3, 4, 3, padding=1),
                nn.ReLU(),
                nn.MaxPool2d(2),
                nn.Flatten(),
                nn.Linear(4 * (SIZE // 2) ** 2, 1),
            ]
        ),
        None,
    )


@pytest.fixture
def detector(alone: Detector) -> Detector:
    """The same behind an autoencoder."""
    settings = Autoencoder(epochs=1, code_size=4, code_channels=2, width=4)
    return Detector(alone.classifier, build_autoencoder(settings, SIZE, torch.Generator().manual_seed(1)))


@pytest.fixture
def images() -> torch.Tensor:
    """Five images."""
    return torch.rand(5, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(2))


def _image_set(name: str, role: SetRole, count: int) -> ImageSet:
    generator = np.random.default_rng(len(name))
    index = pd.DataFrame(
        {
            "image_id": [f"files/{name}-{n}.png" for n in range(count)],
            "source": "files",
            "group": "",
            "label": np.arange(count, dtype=np.int8) % 2,
            "sha256": "0",
        }
    )
    pixels = generator.integers(0, 256, (count, SIZE, SIZE, 3), dtype=np.uint8)
    return ImageSet(name, role, pixels, index, "native", f"content of {name}", ())


@pytest.fixture
def data() -> StudyData:
    """A validation set and two test sets of twelve random images each."""
    validation = _image_set("validation", "validation", 12)
    sets = (validation, _image_set("test", "in_sample", 12), _image_set("far.set", "out_of_sample", 12))
    return StudyData(_image_set("train", "train", 4), validation, sets, (), ())


@pytest.fixture
def make_study() -> Callable[..., Study]:
    """A study of three seeds with settings of its attribution as given; two images and one seed have detail."""

    def make(**attribution: object) -> Study:
        given: dict[str, object] = {"images": 6, "store": 3, "steps": 4, "samples": 2, "window": 4, "stride": 4}
        return Study(
            name="small",
            title="t",
            seeds=(4, 5, 6),
            variants=("baseline", "autoencoder", "blur", "jpeg"),
            image=Image(size=SIZE),
            sources={"files": Source(kind="images", labels={"a": "real", "b": "synthetic"})},
            split=Split(sources=("files",), train=4, validation=12, test=12, seed=2),
            autoencoder=Autoencoder(epochs=1, code_size=4),
            attribution=Attribution.model_validate(given | {"detail_images": 2, "detail_seeds": 1} | attribution),
        )

    return make
