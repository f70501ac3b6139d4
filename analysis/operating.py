"""The committed table of operating characteristics, and its weak cells.

It was made by `benchmarks/operating_characteristics.py`, with what stands in `operating_characteristics.json`: how
often intervals of nominal 95 % held the truth and tests of nominal 5 % were wrong in simulated studies.
"""

from __future__ import annotations

import json
import math
from collections.abc import Hashable
from importlib import resources
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.errors import InputError
from analysis.repetitions import COLUMNS

COVERAGE = (0.93, 0.97)
"""Where the coverage of a nominal 95 % interval should lie."""

SIZE = 0.07
"""What the size of a nominal 5 % test should not exceed."""

QUOTED = ("quoted", "quoted_t", "tost", "holm")
"""The procedures that verdicts rest on; the others stand beside them and are described."""

FEWEST_SEEDS = 5
"""From so many seeds on the quoted procedures are held to the bounds; with fewer they are described."""

UNEXPLAINED = "nothing in the design explains it"
"""The reason of a weak cell for which none is known."""

ERRORS = ("size", "family-wise error")
"""Measures that `SIZE` bounds."""


def operating_characteristics() -> pd.DataFrame:
    """The committed table, one row per design and procedure (`analysis.repetitions.operating_rows`).

    >>> sorted(operating_characteristics()["seeds"].unique().tolist())
    [3, 5, 8, 10, 20]
    """
    with resources.as_file(resources.files("analysis") / "operating_characteristics.csv") as path:
        return read_table(path)


def operating_facts() -> dict[str, Any]:
    """What the committed table was made with: command, seed, repetitions and versions.

    >>> operating_facts()["confidence"]
    0.95
    """
    text = (resources.files("analysis") / "operating_characteristics.json").read_text("utf-8")
    facts: dict[str, Any] = json.loads(text)
    return facts


def read_table(path: Path) -> pd.DataFrame:
    """A table of operating characteristics from a CSV file, with the types of `analysis.repetitions.COLUMNS`.

    Raises:
        InputError: the file cannot be read or has other columns.
    """
    try:
        frame = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as a table ({error}); make it again") from error
    if list(frame.columns) != list(COLUMNS):
        raise InputError(f"{path}: has columns {', '.join(frame.columns)}; needs {', '.join(COLUMNS)}; make it again")
    return frame.astype(COLUMNS)


def weak_cells(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows whose coverage lies outside `COVERAGE` or whose size or family-wise error lies above `SIZE`.

    Args:
        frame: of `analysis.repetitions.COLUMNS`.

    Returns:
        These rows, in their order, with `binding`: whether verdicts rest on the procedure with this number of seeds;
        `within_chance`: whether the bound lies within two Monte Carlo errors of the share found; `reason`.

    >>> weak = weak_cells(operating_characteristics())
    >>> set(weak["reason"].str.len() > 0)
    {True}
    """
    coverage, error = frame["measure"] == "coverage", frame["measure"].isin(ERRORS)
    bound = pd.Series(math.nan, index=frame.index)
    bound[coverage & (frame["value"] < COVERAGE[0])] = COVERAGE[0]
    bound[coverage & (frame["value"] > COVERAGE[1])] = COVERAGE[1]
    bound[error & (frame["value"] > SIZE)] = SIZE
    weak = frame[bound.notna()].copy()
    weak["binding"] = weak["procedure"].isin(QUOTED) & (weak["seeds"] >= FEWEST_SEEDS)
    weak["within_chance"] = (weak["value"] - bound[weak.index]).abs() <= 2 * weak["mc_error"]
    weak["reason"] = [_reason(row) for row in weak.to_dict("records")]
    return weak.reset_index(drop=True)


def _reason(row: dict[Hashable, Any]) -> str:
    """Why a cell is weak, from what the procedure leaves out and what the design holds."""
    seeds_differ = row["seed_sd"] > 0 or (row["threshold_sd"] > 0 and row["quantity"] != "auc")
    images_differ = row["image_sd"] > 0 or abs(row["truth"]) > 1e-9
    few = f"with {row['seeds']} seeds the variance over seeds is estimated with {row['seeds'] - 1} degrees of freedom"
    wide = row["measure"] == "coverage" and row["value"] > COVERAGE[1]
    match row["procedure"]:
        case "quoted" if wide and not seeds_differ:
            return (
                "seeds do not differ in truth: the crossed and the images-only interval both hold, the wider is quoted"
            )
        case "multi_bootstrap" if wide and not seeds_differ:
            return "seeds do not differ in truth: the residual is counted twice, over seeds and over images"
        case "images_only" if not wide and seeds_differ:
            return "seeds differ in truth, and this interval is about these seeds alone"
        case "multi_bootstrap" if not wide and seeds_differ:
            return f"resampling {row['seeds']} seeds understates their variance, and its quantiles are not those of t"
        case "seed_t" | "sign_flip" if not wide and images_differ:
            return "variants differ image by image, the same for every seed, and it is about these images alone"
        case "quoted" | "crossed" | "quoted_t" | "crossed_t" | "tost" | "holm" if (
            not wide and row["seeds"] < FEWEST_SEEDS
        ):
            return f"{few}: too short where they agree by chance"
        case "unadjusted":
            return "the smallest p of all pairs is taken without correction"
    return few if row["seeds"] < FEWEST_SEEDS else UNEXPLAINED
