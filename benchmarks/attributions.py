"""Maps per second beside Captum's loop over single images, and what bfloat16 and float16 do to the measures.

    python benchmarks/attributions.py [--scale F] [--run RUN_DIR] [--variant NAME] [--seed N] [--processor]

Prints one JSON object a line: `name`, `peer`, `ours`, `ratio`, `bar`, `n` (maps), `machine`. With `--run` the weights
and the example images are those of a finished run, else initial weights and random images: speed is the same, but the
rows on measures want a trained classifier. Nothing is judged here: other programs on the machine move times by a
factor of two. Where some run, set OMP_NUM_THREADS=1 and give `--processor`.
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from captum.attr import IntegratedGradients, Saliency
from torch import nn

from analysis.dispersion import measure
from isitcap.explain.attributions import attribute
from isitcap.explain.making import compact
from isitcap.models.autoencoder import build_autoencoder
from isitcap.models.classifier import build_classifier
from isitcap.models.preprocessing import Detector, to_float
from isitcap.models.variants import VARIANTS
from isitcap.records.atomic import read_arrays
from isitcap.records.directory import RunDirectory
from isitcap.records.manifest import machine
from isitcap.records.reader import read_examples
from isitcap.study.load import parse_study
from isitcap.study.models import Attribution, Autoencoder, Classifier

STEPS, IMAGES, TIMES = 32, 1024, 3
BARS = {"saliency": 5.0, "integrated_gradients": 4.0}
"""Times the speed of the loop, at least."""
LOSS = 1e-3
"""Change of Gini and entropy by float16 storage, at most."""


def plain(model: nn.Module, images: torch.Tensor, method: str) -> list[torch.Tensor]:
    """The loop a user writes: one image at a time, float32, Captum's defaults."""
    explainer = Saliency(model) if method == "saliency" else IntegratedGradients(model)
    options = {} if method == "saliency" else {"n_steps": STEPS}
    maps = []
    for image in images:
        found = explainer.attribute(image[None].requires_grad_(), **options).abs()
        maps.append((found.amax(dim=1) if method == "saliency" else found.sum(dim=1)).detach())
    return maps


def rates(works: dict[str, tuple[Callable[[], object], int]], clock: Callable[[], float]) -> dict[str, float]:
    """Maps per second by a clock: medians of some turns, in each of which all work is done once, after one in vain."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(TIMES + 1):
        for name, (work, _) in works.items():
            start = clock()
            work()
            seconds[name].append(clock() - start)
    return {name: works[name][1] / statistics.median(found[1:]) for name, found in seconds.items()}


def subjects(given: argparse.Namespace) -> Iterator[tuple[str, Detector, torch.Tensor]]:
    """Detectors with their images: of a run, or fresh ones with and without an autoencoder."""
    count = max(8, round(IMAGES * given.scale))
    if given.run is not None:
        directory = RunDirectory(given.run)
        study = parse_study(directory.study.read_text("utf-8"), str(directory.study))
        classifier = build_classifier(study.classifier, study.image.size, torch.Generator())
        load(classifier, directory.run(given.variant, given.seed))
        kind, preprocess = VARIANTS[given.variant].path.preprocess, None
        if kind not in ("none", "autoencoder"):
            raise SystemExit(f"--variant {given.variant}: give one without a control")
        if kind == "autoencoder":
            preprocess = build_autoencoder(study.autoencoder, study.image.size, torch.Generator())
            load(preprocess, directory.autoencoder(given.seed))
        sets = sorted(path.stem for path in (directory.root / "examples").glob("*.safetensors"))
        pixels = np.concatenate([read_examples(directory, name)[0] for name in sets])[:count]
        yield given.variant, Detector(classifier, preprocess).eval(), to_float(torch.from_numpy(pixels))
        return
    generator = torch.Generator().manual_seed(0)
    classifier = build_classifier(Classifier(), 32, generator)
    autoencoder = build_autoencoder(Autoencoder(epochs=1), 32, generator)
    images = torch.rand(count, 3, 32, 32, generator=generator).contiguous(memory_format=torch.channels_last)
    yield "classifier", Detector(classifier, None).eval(), images
    # behind the autoencoder both sides are about ten times slower
    yield "classifier behind autoencoder", Detector(classifier, autoencoder).eval(), images[: max(8, count // 8)]


def load(model: nn.Module, folder: Path) -> None:
    """Weights of a finished run."""
    arrays, _ = read_arrays(folder / "weights.safetensors")
    model.load_state_dict({name: torch.from_numpy(values) for name, values in arrays.items()})


def rows(given: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """All measurements."""
    for who, detector, images in subjects(given):
        # channels first, as a loader hands images out and as layers are made
        ordinary, usual = images.contiguous(), copy.deepcopy(detector).to(memory_format=torch.contiguous_format)
        for method, bar in BARS.items():
            # the loop is slow, and its speed does not depend on how many images it is given
            few = ordinary[: max(4, len(images) // (8 if method == "saliency" else 32))]
            works = {
                kind: (partial(attribute, detector, images, method, "image", settings), len(images))
                for kind, settings in (
                    ("float32", Attribution(steps=STEPS)),
                    ("bfloat16", Attribution(steps=STEPS, autocast=True)),
                )
            }
            speeds = rates(works | {"loop": (partial(plain, usual, few, method), len(few))}, given.clock)
            loop = speeds["loop"]
            found = {}
            for kind in ("float32", "bfloat16"):
                speed = speeds[kind]
                maps = works[kind][0]().maps
                found[kind] = measure(maps), maps
                name = f"{method}, {who}, {kind}, maps/s"
                yield {"name": name, "peer": loop, "ours": speed, "ratio": speed / loop, "bar": bar, "n": len(images)}
            exact, maps = found["float32"]
            stored = measure(compact(maps)[0].astype(np.float32))
            for what, other, most in (("bfloat16", found["bfloat16"][0], None), ("float16 storage", stored, LOSS)):
                for quantity in ("gini", "entropy"):
                    change = (exact[quantity] - other[quantity]).abs()
                    for statistic, value in (("largest", change.max()), ("mean", change.mean())):
                        name = f"{method}, {who}, {statistic} change of {quantity} by {what}"
                        yield {"name": name, "peer": None, "ours": value, "ratio": None, "bar": most, "n": len(images)}


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--scale", type=float, default=1.0, help="times the number of images (default 1)")
    parser.add_argument("--run", type=Path, help="a finished run directory")
    parser.add_argument("--variant", default="autoencoder", help="of the run (default autoencoder)")
    parser.add_argument("--seed", type=int, default=0, help="of the run (default 0)")
    parser.add_argument("--processor", action="store_true", help="seconds of the processors instead of the clock's")
    about = machine()
    where = (
        f"{about['processor']}, {about['cores']} cores, torch {torch.__version__}, {torch.get_num_threads()} threads"
    )
    given = parser.parse_args()
    given.clock = time.process_time if given.processor else time.perf_counter
    for row in rows(given):
        print(json.dumps(row | {"machine": where}), flush=True)


if __name__ == "__main__":
    main()
