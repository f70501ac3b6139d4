from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from isitcap.data.assemble import ImageSet
from isitcap.models.classifier import ConvClassifier, build_classifier
from isitcap.models.controls import GaussianBlur, JpegRoundTrip
from isitcap.models.preprocessing import Preprocessors, to_float
from isitcap.models.variants import VARIANTS
from isitcap.study.models import Classifier, Image, Source, Split, Study, VariantName
from isitcap.training import stages
from isitcap.training.environment import Environment
from isitcap.training.stages import measure_quality, predict, train_classifier

SIZE, CPU = 16, Environment(torch.device("cpu"), torch.bfloat16, 1)


class Counted(nn.Module):
    """Counts the images that pass a module, and remembers them."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module
        self.seen = 0

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.seen += len(images)
        out: torch.Tensor = self.module(images)
        return out


@pytest.fixture
def images() -> ImageSet:
    pixels = np.random.default_rng(0).integers(0, 256, (24, SIZE, SIZE, 3), dtype=np.uint8)
    index = pd.DataFrame({"image_id": [f"a/{n}" for n in range(24)], "label": np.array([0, 1] * 12, np.int8)})
    return ImageSet("test", "in_sample", pixels, index, "native", "content", ())


def study(*variants: VariantName) -> Study:
    return Study(
        name="stages",
        title="t",
        seeds=(0,),
        variants=("baseline", *variants),
        image=Image(size=SIZE),
        sources={"a": Source(kind="images", labels={"a": "real", "b": "synthetic"})},
        split=Split(sources=("a",), train=24, validation=24, test=24),
        classifier=Classifier(epochs=3, batch_size=8),
    )


@pytest.mark.parametrize("name", ["blur", "jpeg"])
def test_controls_are_computed_once_for_training(name: str, images: ImageSet) -> None:
    """Training and validation images pass the control once each, not once an epoch."""
    module = Counted({"blur": GaussianBlur(0.8, SIZE), "jpeg": JpegRoundTrip(30)}[name])
    _, history = train_classifier(study(), VARIANTS[name], 0, images, images, {name: module}, CPU, show=False)
    assert len(history) == 3
    assert module.seen == 2 * len(images)


@pytest.mark.parametrize(("share", "low", "high"), [(1.0, 72, 72), (0.5, 20, 52)])
def test_a_mix_trains_on_images_and_reconstructions(share: float, low: int, high: int, images: ImageSet) -> None:
    """Each use of a training image is its reconstruction with the declared probability, and validation is plain."""
    inputs: list[torch.Tensor] = []

    class Black(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return torch.zeros_like(images)

    class Seen(nn.Module):
        def __init__(self, layers: nn.Module) -> None:
            super().__init__()
            self.layers = layers

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            inputs.append(images.detach())
            out: torch.Tensor = self.layers(images)
            return out

    def build(*arguments: Any) -> ConvClassifier:
        model = build_classifier(*arguments)
        model.layers = nn.Sequential(Seen(model.layers))
        return model

    mixed = study("mix").model_copy(update={"training_mix": share})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stages, "build_classifier", build)
        train_classifier(mixed, VARIANTS["mix"], 0, images, images, {"autoencoder": Black()}, CPU, show=False)
    trained = torch.cat([batch for batch in inputs if len(batch) == 8])
    held_out = torch.cat([batch for batch in inputs if len(batch) == 24])
    assert len(trained) == len(held_out) == 3 * 24
    black = (trained == 0).all(dim=(1, 2, 3))
    assert low <= int(black.sum()) <= high
    assert not (held_out == 0).all(dim=(1, 2, 3)).any()
    plain = {bytes(image.numpy().tobytes()) for image in to_float(torch.from_numpy(images.pixels)).contiguous()}
    assert all(bytes(image.contiguous().numpy().tobytes()) in plain for image in trained[~black])


def test_predictions_go_through_the_paths_of_the_study(images: ImageSet) -> None:
    """Through a control's path a model's logit is that of the control's output, and unknown paths are left alone."""
    preprocessors: Preprocessors = {
        "autoencoder": nn.Identity(),
        "blur": GaussianBlur(0.8, SIZE),
        "jpeg": JpegRoundTrip(9),
    }
    model = build_classifier(Classifier(), SIZE, torch.Generator().manual_seed(1)).eval()

    def found(*variants: VariantName) -> dict[str, np.ndarray]:
        rows = predict(study(*variants), [images], {"m": model}, preprocessors, CPU, description="", show=False)
        return {path: logits["m"] for path, _, logits in rows}

    assert list(found()) == ["none", "augment", "autoencode", "both"]
    logits, plain = found("jpeg", "blur"), to_float(torch.from_numpy(images.pixels))
    assert list(logits) == ["none", "augment", "autoencode", "both", "blur", "jpeg"]
    for name in ("blur", "jpeg"):
        with torch.no_grad():
            expected = model(preprocessors[name](plain)).numpy()
        np.testing.assert_allclose(logits[name], expected, atol=1e-6)
        assert not np.allclose(logits[name], logits["none"], atol=1e-6)


def test_predictions_along_the_own_path_alone(images: ImageSet) -> None:
    """`tested_through = own`: its own path and that without augmentation, with the logits it has there among all."""
    preprocessors: Preprocessors = {"autoencoder": GaussianBlur(0.8, SIZE)}
    models = {
        name: build_classifier(Classifier(), SIZE, torch.Generator().manual_seed(seed)).eval()
        for seed, name in enumerate(("baseline", "autoencoder", "both"))
    }

    def found(told: Study) -> dict[tuple[str, str], np.ndarray]:
        rows = predict(told, [images], models, preprocessors, CPU, description="", show=False)
        return {(path, name): values for path, _, logits in rows for name, values in logits.items()}

    every = study("autoencoder")
    own = found(every.model_copy(update={"tested_through": "own"}))
    assert list(own) == [
        ("none", "baseline"),
        ("autoencode", "autoencoder"),
        ("autoencode", "both"),
        ("both", "both"),
    ]
    among = found(every)
    assert len(among) == 12
    for key, values in own.items():
        np.testing.assert_array_equal(values, among[key])


def test_quality_is_measured_of_any_module(images: ImageSet) -> None:
    """The identity loses nothing that SSIM sees; a blur loses what it does."""
    pixels = torch.from_numpy(images.pixels)
    found = measure_quality(GaussianBlur(0.8, SIZE), pixels, CPU.device)
    weaker = measure_quality(GaussianBlur(0.5, SIZE), pixels, CPU.device)
    assert found.images == 24
    assert found.psnr < weaker.psnr
    assert found.ssim < weaker.ssim < 1
