"""Make `analysis/operating_characteristics.csv` again: what intervals and tests are worth, on a grid of designs.

    python benchmarks/operating_characteristics.py [--seed N] [--scale F] [--out FILE.csv] [--only WORD]

One process, about eight minutes of one core. What is done so far stands in FILE.csv.part, written whole after every
design; started again with the same seed, scale, versions and sources, it goes on where it stopped. The finished table
gets a JSON file beside it, with the command and the versions.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import json
import platform
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy
from tqdm import tqdm

from analysis.operating import read_table
from analysis.repetitions import ALPHA, CONFIDENCE, DRAWS, simulate
from analysis.reporting.files import write_atomically
from analysis.simulation import DIFFICULTY_SD, Design, true_difference

OUT = Path(__file__).resolve().parents[1] / "analysis" / "operating_characteristics.csv"
SEED = 20240611
MARGIN = 0.05

REPETITIONS = 3000
LARGE_REPETITIONS = 1000
"""With more than `LARGE` images."""
LARGE = 2000

BOOTSTRAP = 1000
"""Repetitions with a multi-bootstrap, in the designs of `BOOTSTRAPPED`."""

FLIPS = 1000
"""Repetitions with an exact sign-flip test over 20 seeds, where each counts half a million sign patterns."""

SOURCES = (
    "beside",
    "bootstrap",
    "contrasts",
    "decisions",
    "equivalence",
    "intervals",
    "metrics",
    "multiplicity",
    "quantities",
    "ranks",
    "repetitions",
    "significance",
    "simulation",
)
"""Modules of `analysis` that decide what the table says: a run goes on only where they are as they were."""


def grid() -> list[Design]:
    """All designs, in the order of the table."""
    effects = [(0.0, 0.0), (0.0, 0.5), (0.15, 0.0), (0.15, 0.5)]
    designs = [
        Design(seeds, images, seed_sd=sc, image_sd=sb)
        for seeds in (3, 5, 8, 10, 20)
        for images in (500, 2000)
        for sc, sb in effects
    ]
    designs += [
        Design(seeds, images, seed_sd=sc, image_sd=sb, gain=gain)
        for seeds in (3, 5, 8, 10, 20)
        for images, gain in ((500, 0.05), (2000, 0.02))
        for sc, sb in ((0.0, 0.5), (0.15, 0.5))
    ]
    designs += [Design(seeds, 20_000, seed_sd=0.15, image_sd=0.5) for seeds in (3, 5, 8, 10, 20)]
    designs += [Design(seeds, 20_000, image_sd=0.5) for seeds in (5, 10)]
    designs += [Design(seeds, 20_000, seed_sd=0.15, image_sd=0.5, gain=0.02) for seeds in (5, 10)]
    # Few errors to tell apart, and hardly more than chance.
    designs += [Design(5, 2000, seed_sd=0.15, image_sd=0.5, rate=rate) for rate in (0.97, 0.6)]
    designs += [
        Design(5, 2000, quantity="balanced_accuracy", seed_sd=0.15, image_sd=0.5, threshold_sd=0.3, tilt=0.05),
        Design(10, 500, quantity="balanced_accuracy", seed_sd=0.15, image_sd=0.5, threshold_sd=0.3, gain=0.05),
        Design(5, 2000, quantity="auc", seed_sd=0.15, image_sd=0.5, threshold_sd=0.3),
        Design(10, 500, quantity="auc", seed_sd=0.15, image_sd=0.5, threshold_sd=0.3, gain=0.05),
    ]
    # All six pairs of four variants that are equal in truth.
    designs += [
        Design(8, 2000, seed_sd=0.15, image_sd=0.5, variants=4),
        Design(5, 500, image_sd=0.5, variants=4),
    ]
    return designs


BOOTSTRAPPED = {
    Design(3, 500, image_sd=0.5),
    Design(3, 2000, seed_sd=0.15),
    Design(3, 2000, seed_sd=0.15, image_sd=0.5),
    Design(5, 500, image_sd=0.5),
    Design(5, 2000, seed_sd=0.15, image_sd=0.5),
    Design(8, 2000, seed_sd=0.15, image_sd=0.5),
    Design(10, 500, image_sd=0.5),
    Design(10, 2000),
    Design(10, 2000, image_sd=0.5),
    Design(10, 2000, seed_sd=0.15, image_sd=0.5),
    Design(20, 2000, seed_sd=0.15, image_sd=0.5),
    Design(5, 20_000, seed_sd=0.15, image_sd=0.5),
}


def facts(seed: int, scale: float) -> dict[str, Any]:
    """What the table was made with: equal facts give an equal table."""
    return {
        "command": f"python benchmarks/operating_characteristics.py --seed {seed}"
        + (f" --scale {scale:g}" if scale != 1 else ""),
        "seed": seed,
        "repetitions": {
            f"up to {LARGE} images": scaled(REPETITIONS, scale),
            f"above {LARGE} images": scaled(LARGE_REPETITIONS, scale),
            "multi-bootstrap": scaled(BOOTSTRAP, scale),
            "sign-flip with 20 seeds": scaled(FLIPS, scale),
        },
        "bootstrap_draws": DRAWS,
        "confidence": CONFIDENCE,
        "alpha": ALPHA,
        "model": f"probit, residual SD 1, image difficulty SD {DIFFICULTY_SD:g} (analysis/simulation.py)",
        "versions": {"python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__},
    }


def fingerprint() -> str:
    """SHA-256 of `SOURCES`."""
    digest = hashlib.sha256()
    for name in SOURCES:
        file = import_module(f"analysis.{name}").__file__
        assert file is not None
        digest.update(Path(file).read_bytes())
    return digest.hexdigest()


def scaled(number: int, scale: float) -> int:
    """A number of repetitions, at least 1."""
    return max(1, round(number * scale))


def rows_of(design: Design, seed: int, scale: float, bar: tqdm[Any]) -> pd.DataFrame:
    """The rows of one design."""
    # The truth itself, too: where a TOST must not claim equivalence.
    edge = float(f"{abs(true_difference(design)):.6g}")
    return simulate(
        design,
        repetitions_of(design, scale),
        seed,
        margins=sorted({MARGIN, edge} if edge > 1e-9 else {MARGIN}),
        bootstrap=scaled(BOOTSTRAP, scale) if design in BOOTSTRAPPED else 0,
        flips=scaled(FLIPS, scale) if design.seeds >= 20 else None,
        advance=bar.update,
    )


def repetitions_of(design: Design, scale: float) -> int:
    """How often a design is repeated."""
    return scaled(REPETITIONS if design.images <= LARGE else LARGE_REPETITIONS, scale)


def main() -> None:
    """Run the grid, or what is missing of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--scale", type=float, default=1.0, help="times the number of repetitions (default 1)")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--only", default="", help="only designs whose name holds this word; needs another --out")
    given = parser.parse_args()
    if given.only and given.out.resolve() == OUT:
        parser.error("--only makes a part of the table: give --out another file than the committed one")
    designs = [design for design in grid() if given.only in design.name]
    told = facts(given.seed, given.scale)
    part, note = (given.out.with_name(f"{given.out.stem}{end}.part") for end in (".csv", ".json"))
    state = {"facts": told, "only": given.only, "sources": fingerprint()}
    done: dict[str, pd.DataFrame] = {}
    if part.exists() and note.exists() and json.loads(note.read_text("utf-8")) == state:
        done = {str(name): rows for name, rows in read_table(part).groupby("design", sort=False)}
    # statsmodels collects garbage in every correction; what is loaded by now need not be looked at each time.
    gc.freeze()
    total = sum(repetitions_of(design, given.scale) for design in designs)
    with tqdm(total=total, unit="study", mininterval=5.0) as bar:
        for design in designs:
            bar.set_postfix_str(design.name, refresh=False)
            if design.name in done:
                bar.update(repetitions_of(design, given.scale))
                continue
            done[design.name] = rows_of(design, given.seed, given.scale, bar)
            write_atomically(part, csv(pd.concat(done.values())))
            write_atomically(note, json_of(state))
    write_atomically(given.out, csv(pd.concat(done.values())))
    write_atomically(given.out.with_suffix(".json"), json_of(told))
    part.unlink(missing_ok=True)
    note.unlink(missing_ok=True)


def csv(table: pd.DataFrame) -> bytes:
    """The table as CSV, to six digits."""
    return table.to_csv(index=False, float_format="%.6g").encode()


def json_of(facts: dict[str, Any]) -> bytes:
    """JSON as it is committed."""
    return (json.dumps(facts, indent=1) + "\n").encode()


if __name__ == "__main__":
    main()
