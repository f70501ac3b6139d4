"""Time and memory of the documents of a study of full size, in one process and in two.

    python benchmarks/report_speed.py [--scale F] [--keep FOLDER]

Prints one JSON object a line: `name` (with the unit), `peer`, `ours`, `ratio`, `bar`, `n`, `machine`. The study is made
up: 4 variants × 10 seeds × 5 test sets with sources, all paths, claims, saliency maps at both points, nulls,
faithfulness, and example images. Its numbers mean nothing, but it has as many of them as a real one. `--scale` is the
number of seeds over 10 (three at least). Nothing is judged here: other programs on the machine move times by a factor
of two, so there is user and system time beside the clock.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from analysis_speed import TEST_SETS, VARIANTS, machine

from analysis import build_summary
from analysis.agreement import MapStack
from analysis.claims import Claim
from analysis.dispersion import MEASURES
from analysis.faithfulness import FAITHFULNESS_COLUMNS
from analysis.reporting import Examples, ExampleSet, MeanMaps, build_report
from analysis.reporting.kept_inputs import keep_inputs, read_inputs
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

SEEDS, EPOCHS, SIZE = 10, 12, 32
EACH, SAMPLE, STORED, SHOWN = 80, 24, 8, 12
"""Images: of a label in each source, with measured maps of each label, with stored maps, shown as examples."""
SECONDS, BYTES = 20.0, 2.0**30
"""The bars: all documents in both formats, and the memory of all processes together."""
SOURCES = {"in_sample": (("inside", True, True),), "validation": (("inside", True, True),)}
OUTSIDE = (
    ("photographs", True, False),
    ("scenes", True, False),
    *((f"generator-{letter}", False, True) for letter in "abcdef"),
)


def made_up(n_seeds: int) -> tuple[Summary, Examples]:
    """A study's summary and examples."""
    rng = np.random.default_rng(0)
    seeds = tuple(range(n_seeds))
    images = pd.DataFrame(
        [
            (test_set, f"{source}/{label}/{number:04d}.png", source, "", label, "")
            for test_set, role in TEST_SETS.items()
            for source, *held in SOURCES.get(role, OUTSIDE)
            for label in (0, 1)
            if held[label]
            for number in range(EACH)
        ],
        columns=["test_set", "image_id", "source", "group", "label", "sha256"],
    )
    label = images["label"].to_numpy()
    hard = rng.normal(size=len(images))
    parts = []
    for variant in VARIANTS:
        for seed in seeds:
            for path in VARIANTS.values():
                noise = rng.normal(size=len(images)) + 0.15 * rng.normal()
                logit = (1.4 * (2 * label - 1) + hard + noise).astype(np.float32)
                keys = images[["test_set", "image_id"]]
                parts.append(keys.assign(variant=variant, seed=seed, path=path, logit=logit))
    maps = _maps(images, seeds, rng)
    keys = ["variant", "seed", "test_set", "image_id", "method", "point"]
    trained = maps[maps["state"] == "trained"]
    areas = {name: rng.normal(size=len(trained)) for name in FAITHFULNESS_COLUMNS[len(keys) :]}
    examples, stacks = _pictures(images, seeds, rng)
    summary = build_summary(
        study=_card(images, seeds),
        provenance=Provenance(command="benchmarks/report_speed.py", facts=(("Seeds", str(n_seeds)),), data_hashes=()),
        predictions=pd.concat(parts, ignore_index=True),
        images=images,
        maps=maps,
        faithfulness=trained[keys].assign(**areas),
        stored_maps=stacks,
        autoencoders=[AutoencoderQuality(seed=s, code="16×16×8", psnr=30.0, ssim=0.96, n_images=9) for s in seeds],
        histories=[
            HistoryRow(
                variant=variant,
                seed=seed,
                epoch=epoch,
                train_loss=1 / epoch + 0.01 * seed,
                validation_loss=1.1 / epoch,
                validation_accuracy=1 - 0.4 / epoch,
                seconds=1.0,
            )
            for variant in VARIANTS
            for seed in seeds
            for epoch in range(1, EPOCHS + 1)
        ],
        margins={"in_sample": 0.01, "out_of_sample": 0.05},
        draws=200,
        claims=_claims(),
    )
    return summary, examples


def _card(images: pd.DataFrame, seeds: tuple[int, ...]) -> StudyCard:
    counts = images.groupby(["test_set", "source", "label"], sort=False).size()
    cards = []
    for test_set, role in TEST_SETS.items():
        found = counts[test_set]
        sources = tuple(
            SourceCard(name=name, n_real=int(found.get((name, 0), 0)), n_synthetic=int(found.get((name, 1), 0)))
            for name in dict.fromkeys(found.index.get_level_values("source"))
        )
        real, synthetic = sum(each.n_real for each in sources), sum(each.n_synthetic for each in sources)
        cards.append(
            TestSetCard(name=test_set, role=role, n_real=real, n_synthetic=synthetic, pipeline="drawn", sources=sources)
        )
    return StudyCard(
        name="speed",
        title="A study of drawn decisions",
        question="How long do its documents take?",
        demo=True,
        seeds=seeds,
        baseline="baseline",
        variants=tuple(VariantCard(name=name, path=path, description=name) for name, path in VARIANTS.items()),
        test_sets=tuple(cards),
        study_toml="name = 'speed'\n",
    )


def _maps(images: pd.DataFrame, seeds: tuple[int, ...], rng: np.random.Generator) -> pd.DataFrame:
    quoted = images[images["test_set"] != "held-out"].groupby(["test_set", "label"]).head(SAMPLE)
    parts = []
    for variant in VARIANTS:
        points = ("image", "classifier_input") if variant in ("autoencoder", "both") else ("image",)
        for method, state in (("saliency", "trained"), ("saliency", "untrained"), ("gradcam", "trained")):
            for point in points:
                for seed in seeds:
                    values = {name: rng.uniform(0.3, 0.6, len(quoted)) for name in MEASURES}
                    part = quoted[["test_set", "image_id"]].assign(variant=variant, seed=seed, method=method)
                    parts.append(part.assign(point=point, state=state, **values))
    return pd.concat(parts, ignore_index=True).assign(excluded=pd.Series(dtype=object))


def _pictures(
    images: pd.DataFrame, seeds: tuple[int, ...], rng: np.random.Generator
) -> tuple[Examples, list[MapStack]]:
    sets, stacks, means = [], [], []
    for test_set in [name for name, role in TEST_SETS.items() if role != "validation"]:
        shown = images[images["test_set"] == test_set].groupby("source").head(SHOWN // 2).head(SHOWN)
        n, square = len(shown), (SIZE, SIZE)
        maps: dict[tuple[str, str, str], Any] = {}
        for variant in VARIANTS:
            for point in ("image", "classifier_input") if variant in ("autoencoder", "both") else ("image",):
                for method in ("saliency", "gradcam"):
                    values = rng.random((n, *square)) ** 3
                    maps[variant, method, point] = values / values.max(axis=(1, 2), keepdims=True)
                stored = rng.random((len(seeds), STORED, *square)).astype(np.float16)
                kept = images[images["test_set"] == test_set].head(STORED)
                ids, labels = tuple(kept["image_id"]), kept["label"].to_numpy(np.int8)
                stacks.append(MapStack(variant, test_set, "saliency", point, seeds, ids, labels, stored))
        pixels = rng.integers(0, 256, (n, *square, 3), dtype=np.uint8)
        logits = {variant: rng.normal(size=n) for variant in VARIANTS}
        texts = (tuple(shown["image_id"]), tuple(map(int, shown["label"])), tuple(shown["source"]))
        sets.append(ExampleSet(test_set, pixels, *texts, maps, logits))
        average = {key: values.mean(axis=0) * 4 for key, values in maps.items()}
        means += [MeanMaps(test_set, label, len(seeds), n, average) for label in (0, 1)]
    return Examples(seed=0, sets=tuple(sets), rule="Drawn.", means=tuple(means)), stacks


def _claims() -> list[Claim]:
    others = tuple(name for name in VARIANTS if name != "baseline")
    every = {"quantity": "balanced_accuracy", "versus": "baseline", "role": "out_of_sample"}
    return [
        Claim.model_validate(
            {"id": f"claim-{number}", "says": f"Claim {number} holds.", "variants": names, **every, **more}
        )
        for number, (names, more) in enumerate(
            (
                (("augment",), {"kind": "greater"}),
                (others, {"kind": "not_superior", "margin": 0.05}),
                (others, {"kind": "equivalent", "margin": 0.05}),
                (others, {"kind": "equivalent", "margin": 0.01, "role": "in_sample"}),
                (("both",), {"kind": "superior", "margin": 0.01}),
            )
        )
    ]


def report_case(inputs: Path, processes: int) -> dict[str, Any]:
    """Seconds by the clock and of the processors, the peak of memory, and a digest of all that was written."""
    sampler = Sampler()
    start = time.perf_counter()
    summary, examples = read_inputs(inputs)
    with tempfile.TemporaryDirectory() as place:
        written = build_report(summary, examples, Path(place), processes=processes)
        seconds = time.perf_counter() - start
        contents = {name: path.read_bytes() for name, path in written.items()}
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return {
        "seconds": seconds,
        "processor": sum(each.ru_utime + each.ru_stime for each in used),
        "peak": sampler.stop(),
        "sizes": {name: len(data) for name, data in contents.items()},
        "digest": hashlib.sha256(b"".join(contents.values())).hexdigest(),
    }


class Sampler:
    """Peak of the memory of this process and its children together, looked at ten times a second.

    Proportional set size: what processes share is counted once.
    """

    def __init__(self) -> None:
        self.peak = 0.0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> float:
        """End the watch and return the peak in bytes."""
        self._end.set()
        self._thread.join()
        return self.peak

    def _watch(self) -> None:
        while not self._end.wait(0.1):
            self.peak = max(self.peak, sum(_resident(pid) for pid in ("self", *_children("self"))))


def _children(pid: str) -> list[str]:
    found = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = path.read_text().split()
        except OSError:  # the thread has ended since
            continue
        for child in children:
            found += [child, *_children(child)]
    return found


def _resident(pid: str) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has just ended
        return 0.0
    return sum(float(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def rows(scale: float, keep: Path | None) -> list[dict[str, Any]]:
    """All measurements."""
    n_seeds = max(3, round(SEEDS * scale))
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) if keep is None else keep
        summary, examples = made_up(n_seeds)
        keep_inputs(summary, examples, folder)
        n = len(VARIANTS) * n_seeds * len(TEST_SETS)
        one, two = (_fresh(folder, processes) for processes in (1, 2))
    if one["digest"] != two["digest"]:
        sys.exit("two processes wrote other bytes than one")
    found = []
    for name, key, bar in (
        ("all documents, s", "seconds", SECONDS),
        ("all documents, s of processors", "processor", None),
        ("all documents, peak bytes", "peak", BYTES),
    ):
        ratio = one[key] / two[key]
        told = f"{name}, two processes beside one"
        found.append({"name": told, "peer": one[key], "ours": two[key], "ratio": ratio, "bar": bar, "n": n})
    size = max(two["sizes"].values())
    found.append({"name": "largest document, bytes", "peer": None, "ours": size, "ratio": None, "bar": None, "n": n})
    return [row | {"machine": machine()} for row in found]


def _fresh(inputs: Path, processes: int) -> dict[str, Any]:
    command = [sys.executable, __file__, "--case", str(inputs), str(processes)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def main() -> None:
    """Run all cases, or the one asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--scale", type=float, default=1.0, help="times the number of seeds (default 1)")
    parser.add_argument("--keep", type=Path, help="keep the made-up inputs in a folder")
    parser.add_argument("--case", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.case:
        print(json.dumps(report_case(Path(given.case[0]), int(given.case[1]))))
        return
    for row in rows(given.scale, given.keep):
        print(json.dumps(row, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
