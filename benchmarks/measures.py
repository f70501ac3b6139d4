"""Seconds of the measures of many maps, and their rate beside Quantus 0.6 on the same maps.

    python benchmarks/measures.py [--scale F]

Prints one JSON object a line: `name`, `peer`, `ours`, `ratio`, `bar`, `n` (maps), `machine`. Quantus is no dependency:
`pip install 'quantus==0.6.*'`; without it the row beside it is left out. Its two measures with a counterpart here are
Sparseness (Gini) and Complexity (entropy), called as its users do.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
import warnings
from collections.abc import Callable

import numpy as np

from analysis.dispersion import entropy, gini, measure
from analysis.regions import salient_regions
from isitcap.records.manifest import machine

MAPS, SIZE, TURNS, PEERS = 100_000, 32, 3, 2_000
SECONDS, TIMES = 5.0, 40.0
"""At most, for `MAPS` maps; and times the speed of Quantus, at least."""


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """By the clock and of the processors."""
    start = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - start[0], time.process_time() - start[1]


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--scale", type=float, default=1.0, help="times the number of maps (default 1)")
    count = max(100, round(MAPS * parser.parse_args().scale))
    maps = np.abs(np.random.default_rng(0).standard_normal((count, SIZE, SIZE), np.float32))
    about = machine()
    where = f"{about['processor']}, {about['cores']} cores"
    for name, work in (("measures", measure), ("regions", salient_regions)):
        clock, processor = map(
            statistics.median, zip(*(seconds(lambda work=work: work(maps)) for _ in range(TURNS)), strict=True)
        )
        for kind, value in (("s", clock), ("s of processors", processor)):
            row = {"name": f"{name} of maps, {kind}", "peer": None, "ours": value, "ratio": None}
            bar = SECONDS * count / MAPS if name == "measures" and kind == "s" else None
            print(json.dumps(row | {"bar": bar, "n": count, "machine": where}), flush=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import quantus
    except ImportError:
        print("Quantus is not there: pip install 'quantus==0.6.*'", file=sys.stderr)
        return
    few = maps[: max(100, round(PEERS * count / MAPS))]
    peers = [
        kind(disable_warnings=True, display_progressbar=False) for kind in (quantus.Sparseness, quantus.Complexity)
    ]

    def theirs() -> None:
        images = np.zeros((len(few), 1, SIZE, SIZE), np.float32)
        for peer in peers:
            for start in range(len(few)):  # its normalisation is over all maps passed, so one at a time
                one = slice(start, start + 1)
                peer(model=None, x_batch=images[one], y_batch=np.zeros(1, int), a_batch=few[one, None].copy())

    works = (theirs, lambda: (gini(maps), entropy(maps)), lambda: measure(maps))
    turns = [[seconds(work) for work in works] for _ in range(TURNS)]  # in turn
    for kind, place in (("s", 0), ("s of processors", 1)):
        taken = [[work[place] for work in turn] for turn in turns]
        peer, same, every = map(statistics.median, zip(*taken, strict=True))
        for what, ours in (("the same two", same), ("all of `measure`", every)):
            name = f"maps per {kind}, Quantus: Gini and entropy of one map at a time, here: {what}"
            row = {"name": name, "peer": len(few) / peer, "ours": count / ours}
            bar = TIMES if kind == "s" else None
            print(json.dumps(row | {"ratio": row["ours"] / row["peer"], "bar": bar, "n": count, "machine": where}))


if __name__ == "__main__":
    main()
