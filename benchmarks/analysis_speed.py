"""Time and memory of a whole analysis, and of resampling means beside SciPy's bootstrap.

    python benchmarks/analysis_speed.py [--scale F]

Prints one JSON object a line: `name` (with the unit), `peer`, `ours`, `ratio`, `bar`, `n` (decisions of the data),
`machine`. Every case runs in a process of its own, so that the peak of memory is its own. The resampling of means is
timed in processor time of one thread, in turns with SciPy's. Nothing is judged here: other programs on the machine move
times by a factor of two.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import stats

from analysis import build_summary
from analysis.bootstrap import resample_means, resample_means_over_images
from analysis.metrics import per_image
from analysis.quantities import Quantity
from analysis.simulation import Design, draw_logits
from analysis.summary import Provenance, SourceCard, StudyCard, TestSetCard, VariantCard

VARIANTS = {"baseline": "none", "augment": "augment", "autoencoder": "autoencode", "both": "both"}
TEST_SETS: dict[str, Literal["validation", "in_sample", "out_of_sample"]] = {
    "held-out": "validation",
    "inside": "in_sample",
    "first": "out_of_sample",
    "second": "out_of_sample",
    "third": "out_of_sample",
}
SEEDS, IMAGES = 10, 10_000
DRAWS, PEER_DRAWS, TURNS = 10_000, 40, 5
ONE_SEED: tuple[Quantity, ...] = (
    "accuracy",
    "balanced_accuracy",
    "precision",
    "f1",
    "mcc",
    "auc",
    "average_precision",
    "brier",
    "log_loss",
)
"""Metrics of all images that are functions of means."""

SECONDS, BYTES, GROWTH, FASTER = 60.0, 2.0 * 2**30, 1.5, 50.0
"""The bars: seconds and bytes of the whole analysis at most, its growth over linear at most, speed over SciPy's at
least."""


def study(n_seeds: int, n_images: int) -> dict[str, Any]:
    """Arguments of `build_summary`: four variants along their own paths on five test sets of simulated images."""
    design = Design(n_seeds, n_images, seed_sd=0.15, image_sd=0.5, gain=0.01, variants=len(VARIANTS))
    half = n_images // 2
    ids = pd.Index([f"{number:06d}" for number in range(n_images)])
    shape = (len(TEST_SETS), len(VARIANTS), n_seeds, n_images)
    generator = np.random.default_rng(0)
    logits = np.stack([next(draw_logits(design, 1, generator))[0] for _ in TEST_SETS])

    def column(axis: int, names: Any) -> Any:
        sizes = [n if position == axis else 1 for position, n in enumerate(shape)]
        codes = np.broadcast_to(np.arange(shape[axis]).reshape(sizes), shape).ravel()
        return pd.Categorical.from_codes(codes, pd.Index(names))

    predictions = pd.DataFrame(
        {
            "variant": column(1, list(VARIANTS)),
            "seed": np.broadcast_to(np.arange(n_seeds)[:, None], shape).ravel(),
            "path": column(1, list(VARIANTS.values())),
            "test_set": column(0, list(TEST_SETS)),
            "image_id": column(3, ids),
            "logit": logits.ravel(),
        }
    )
    images = pd.DataFrame(
        {
            "test_set": np.repeat(list(TEST_SETS), n_images),
            "image_id": np.tile(ids, len(TEST_SETS)),
            "source": "one",
            "group": "",
            "label": np.tile(design.labels, len(TEST_SETS)),
            "sha256": "",
        }
    )
    source = SourceCard(name="one", n_real=half, n_synthetic=half)
    card = StudyCard(
        name="speed",
        title="A study of simulated decisions",
        question="How long does its analysis take?",
        demo=True,
        seeds=tuple(range(n_seeds)),
        baseline="baseline",
        variants=tuple(VariantCard(name=name, path=path, description=name) for name, path in VARIANTS.items()),
        test_sets=tuple(
            TestSetCard(name=name, role=role, n_real=half, n_synthetic=half, pipeline="simulated", sources=(source,))
            for name, role in TEST_SETS.items()
        ),
        study_toml="",
    )
    told = Provenance(command="benchmarks/analysis_speed.py", facts=(), data_hashes=())
    return {"study": card, "provenance": told, "predictions": predictions, "images": images, "maps": None}


def build_case(n_seeds: int, n_images: int) -> dict[str, float]:
    """Seconds from frames to a summary, and the peak of memory of the whole process, in bytes."""
    inputs = study(n_seeds, n_images)
    start = time.perf_counter()
    build_summary(**inputs)
    return {"seconds": time.perf_counter() - start, "peak": peak_bytes()}


def resample_case(n_seeds: int, n_images: int) -> dict[str, float]:
    """Seconds per draw of means of four variants, by SciPy and by ours, each on the same task.

    `crossed`: of correctness; seeds and images are drawn and crossed again, with the same draws for all variants; SciPy
    does so where it resamples their indices. `images`: of correctness; images are drawn, for every variant and seed at
    once; SciPy does so for the rows of a table. `one_seed`: as `images`, of the metrics of one seed of each variant.
    """
    design = Design(n_seeds, n_images, seed_sd=0.15, image_sd=0.5, variants=len(VARIANTS))
    logits = next(draw_logits(design, 1, np.random.default_rng(0)))[0]
    values = ((logits > 0) == design.labels).astype(np.float64)
    rows = values.reshape(-1, n_images)
    generator = np.random.default_rng(1)
    # One draw at a time: SciPy's default holds all of them at once, and is slower.
    options: dict[str, Any] = {"method": "percentile", "batch": 1, "rng": generator, "n_resamples": PEER_DRAWS}

    def crossed_peer() -> None:
        def means(seeds: Any, images: Any) -> Any:
            return values[:, seeds[:, None], images].mean(axis=(1, 2))

        stats.bootstrap((np.arange(n_seeds), np.arange(n_images)), means, vectorized=False, **options)

    def images_peer() -> None:
        stats.bootstrap((rows,), np.mean, axis=-1, vectorized=True, **options)

    def crossed() -> None:
        resample_means(values, design.labels, draws=DRAWS, generator=generator)

    def images() -> None:
        resample_means_over_images(rows[:, None], design.labels, draws=DRAWS, generator=generator)

    of_one = np.concatenate([per_image(name, logits[:, 0], design.labels) for name in ONE_SEED])

    def one_seed_peer() -> None:
        stats.bootstrap((of_one,), np.mean, axis=-1, vectorized=True, **options)

    def one_seed() -> None:
        resample_means_over_images(of_one[:, None], design.labels, draws=DRAWS, generator=generator)

    found: dict[str, float] = {}
    tasks = {"crossed": (crossed_peer, crossed), "images": (images_peer, images), "one_seed": (one_seed_peer, one_seed)}
    for name, (peer, ours) in tasks.items():
        seconds = np.median([(spent(peer) / PEER_DRAWS, spent(ours) / DRAWS) for _ in range(TURNS)], axis=0)
        found[f"{name}_peer"], found[name] = float(seconds[0]), float(seconds[1])
    return found


def spent(work: Callable[[], None]) -> float:
    """Seconds of processor time."""
    start = time.process_time()
    work()
    return time.process_time() - start


def peak_bytes() -> float:
    """Peak of resident memory of this process; not that of the process that started it, as `getrusage` would say."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return float(line.split()[1]) * 1024
    # Bytes on macOS.
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def machine() -> str:
    """The processor, its cores and the versions, in one line."""
    name = platform.processor() or platform.machine()
    cpu = Path("/proc/cpuinfo")
    if cpu.exists():
        found = [
            line.partition(":")[2].strip() for line in cpu.read_text().splitlines() if line.startswith("model name")
        ]
        name = found[0] if found else name
    return f"{name}, {os.cpu_count()} cores, Python {platform.python_version()}, NumPy {np.__version__}"


def fresh(case: str, n_seeds: int, n_images: int) -> dict[str, float]:
    """The result of a case in a new process."""
    command = [sys.executable, __file__, "--case", case, str(n_seeds), str(n_images)]
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    env = os.environ | (one_thread if case == "resample" else {})
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=env)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def rows(scale: float) -> list[dict[str, Any]]:
    """All measurements; `scale` shrinks the number of images."""
    n_images = max(40, round(IMAGES * scale / 4) * 4)
    n = len(VARIANTS) * SEEDS * len(TEST_SETS) * n_images
    whole = fresh("build", SEEDS, n_images)
    found: list[dict[str, Any]] = [
        {"name": "whole analysis, s", "peer": None, "ours": whole["seconds"], "ratio": None, "bar": SECONDS, "n": n},
        {
            "name": "whole analysis, peak bytes",
            "peer": None,
            "ours": whole["peak"],
            "ratio": None,
            "bar": BYTES,
            "n": n,
        },
    ]
    for half, seeds, images in (("seeds", SEEDS // 2, n_images), ("images", SEEDS, n_images // 2)):
        linear = 2 * fresh("build", seeds, images)["seconds"]
        ratio = whole["seconds"] / linear
        name = f"whole analysis, s, beside twice that of half the {half}"
        found.append({"name": name, "peer": linear, "ours": whole["seconds"], "ratio": ratio, "bar": GROWTH, "n": n})
    drawn = fresh("resample", SEEDS, n_images)
    size = len(VARIANTS) * SEEDS * n_images
    for task, what in (
        ("crossed", f"4 variants × {SEEDS} seeds, seeds and images drawn"),
        ("images", f"4 variants × {SEEDS} seeds, images drawn"),
        ("one_seed", f"4 variants × {len(ONE_SEED)} metrics of one seed, images drawn"),
    ):
        peer, ours = drawn[f"{task}_peer"], drawn[task]
        name = f"means of {what}, s of processor per draw, beside scipy.stats.bootstrap"
        found.append({"name": name, "peer": peer, "ours": ours, "ratio": peer / ours, "bar": FASTER, "n": size})
    told = machine()
    return [row | {"machine": told} for row in found]


def main() -> None:
    """Run all cases, or the one asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--scale", type=float, default=1.0, help="times the number of images (default 1)")
    parser.add_argument("--case", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.case:
        name, seeds, images = given.case
        case = {"build": build_case, "resample": resample_case}[name]
        print(json.dumps(case(int(seeds), int(images))))
        return
    for row in rows(given.scale):
        print(json.dumps(row, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
