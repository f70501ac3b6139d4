"""What intervals and tests say in many simulated studies of known truth, and how often they are right.

`repeat` applies what the reports quote, and what stands beside it, to studies drawn by `analysis.simulation`;
`operating_rows` counts; `simulate` does both for one design. `analysis.operating` holds the committed table.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from analysis.beside import Interval, images_only_of, seed_t
from analysis.bootstrap import percentile_interval, pooled, resample_means
from analysis.contrasts import paired_difference
from analysis.equivalence import quoted_p, tost
from analysis.errors import InputError
from analysis.intervals import CrossedInterval, crossed_interval
from analysis.metrics import strata
from analysis.multiplicity import holm
from analysis.power import planned_error
from analysis.significance import sign_flip
from analysis.simulation import Design, draw_logits, true_components, true_difference

CONFIDENCE = 0.95
"""Nominal coverage of every interval."""

ALPHA = 0.05
"""Nominal level of every test."""

DRAWS = 500
"""Resamples of a multi-bootstrap."""

INTERVALS = ("quoted", "crossed", "seed_t", "images_only", "multi_bootstrap")
"""The interval of the reports; the crossed one before the wider of two is taken; what stands beside it."""

TESTS = ("quoted_t", "crossed_t", "sign_flip")
"""Tests that the difference is 0, two-sided: the p of the reports, the crossed t alone, the exact sign-flip."""

FAMILY = ("unadjusted", "holm")
"""The smallest quoted p over all pairs of a family, without and with Holm's correction."""

COLUMNS = {
    "design": "string",
    "quantity": "string",
    "seeds": "int64",
    "images": "int64",
    "variants": "int64",
    "rate": "float64",
    "seed_sd": "float64",
    "image_sd": "float64",
    "threshold_sd": "float64",
    "tilt": "float64",
    "truth": "float64",
    "procedure": "string",
    "measure": "string",
    "margin": "float64",
    "nominal": "float64",
    "value": "float64",
    "mc_error": "float64",
    "half_width": "float64",
    "undefined": "int64",
    "repetitions": "int64",
}
"""Columns of the rows that `operating_rows` makes, with their types."""


def simulate(
    design: Design,
    repetitions: int,
    seed: int,
    *,
    margins: Sequence[float] = (),
    bootstrap: int = 0,
    flips: int | None = None,
    advance: Callable[[], object] = lambda: None,
) -> pd.DataFrame:
    """The operating characteristics of one design; the arguments are those of `repeat`, the rows `operating_rows`'.

    With more than two variants it is the family of their pairs that is counted (`repeat_family`). The generator
    depends on `seed` and the design alone, not on what else is simulated.

    Raises:
        InputError: as `repeat`.
    """
    key = hashlib.sha256(design.name.encode()).digest()
    words = tuple(int.from_bytes(key[start : start + 4], "little") for start in range(0, 16, 4))
    generator = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=words))
    if design.variants > 2:
        return operating_rows(design, repeat_family(design, repetitions, generator, advance=advance))
    frame = repeat(design, repetitions, generator, margins=margins, bootstrap=bootstrap, flips=flips, advance=advance)
    return operating_rows(design, frame, bootstrap=bootstrap, flips=flips)


def repeat(
    design: Design,
    repetitions: int,
    generator: np.random.Generator,
    *,
    margins: Sequence[float] = (),
    bootstrap: int = 0,
    draws: int = DRAWS,
    flips: int | None = None,
    advance: Callable[[], object] = lambda: None,
) -> pd.DataFrame:
    """Limits and p of every procedure in `repetitions` studies of the first variant against the last; one row each.

    Args:
        design: the studies, of two variants or more.
        repetitions: number of studies.
        generator: source of randomness; the studies do not depend on the other arguments.
        margins: margins of the TOST, in the unit of the metric.
        bootstrap: the multi-bootstrap is made in so many of the studies.
        draws: resamples of the multi-bootstrap.
        flips: the sign-flip test is made in so many of the studies; None for all.
        advance: called after each study.

    Returns:
        Columns `estimate`, `<interval>_low` and `<interval>_high` for `INTERVALS`, `<test>_p` for `TESTS` and
        `tost_<margin>_p`; NaN where a procedure is not defined or was not made.

    Raises:
        InputError: repetitions below 1, fewer than two variants, or a margin that is not above 0.
    """
    if design.variants < 2:
        raise InputError(f"design {design.name} has one variant: a difference needs two")
    studies, resamples = generator.spawn(2)
    rows: list[dict[str, float | None]] = []
    for logits in (study for chunk in draw_logits(design, repetitions, studies) for study in chunk):
        sides = [strata(design.quantity, logits[v], design.labels) for v in (0, -1)]
        parts = paired_difference(*sides)
        result = crossed_interval(parts, CONFIDENCE)
        intervals = _intervals(result)
        row = {"estimate": result.estimate, "quoted_t_p": quoted_p(result), "crossed_t_p": result.p}
        row |= {f"tost_{margin:g}_p": tost(result, margin, ALPHA).p for margin in margins}
        if len(rows) < bootstrap:
            values, groups = pooled(parts)
            means = resample_means(values, groups, draws=draws, generator=resamples)
            intervals["multi_bootstrap"] = percentile_interval(means[0], CONFIDENCE)
        if flips is None or len(rows) < flips:
            row["sign_flip_p"] = sign_flip(result.per_seed, generator=resamples).p
        for name, interval in intervals.items():
            row |= {f"{name}_low": interval.low, f"{name}_high": interval.high}
        rows.append(row)
        advance()
    limits = [f"{name}_{side}" for name in INTERVALS for side in ("low", "high")]
    tests = [*(f"{name}_p" for name in TESTS), *(f"tost_{margin:g}_p" for margin in margins)]
    return pd.DataFrame(rows, columns=["estimate", *limits, *tests], dtype=np.float64)


def repeat_family(
    design: Design, repetitions: int, generator: np.random.Generator, *, advance: Callable[[], object] = lambda: None
) -> pd.DataFrame:
    """The smallest p over all pairs of variants in every study: `unadjusted_p` as quoted, and `holm_p`.

    Raises:
        InputError: repetitions below 1 or fewer than two variants.
    """
    if design.variants < 2:
        raise InputError(f"design {design.name} has one variant: a pair needs two")
    studies, _ = generator.spawn(2)
    rows: list[list[float]] = []
    pairs = [(a, b) for a in range(design.variants) for b in range(a)]
    for logits in (study for chunk in draw_logits(design, repetitions, studies) for study in chunk):
        sides = [strata(design.quantity, values, design.labels) for values in logits]
        p = [quoted_p(crossed_interval(paired_difference(sides[a], sides[b]), CONFIDENCE)) for a, b in pairs]
        rows.append([min((q for q in values if q is not None), default=math.nan) for values in (p, holm(p))])
        advance()
    return pd.DataFrame(rows, columns=[f"{name}_p" for name in FAMILY])


def operating_rows(
    design: Design, frame: pd.DataFrame, *, bootstrap: int | None = None, flips: int | None = None
) -> pd.DataFrame:
    """Count what `repeat` or `repeat_family` found: one row per procedure.

    `measure` says what the share `value` is: coverage of an interval; size of a test where its hypothesis is true, for
    a TOST with the truth at its margin or beyond; power where it is not; family-wise error where a family of true
    hypotheses is tested. `nominal` is the share to be expected: for the power of the crossed t that of a noncentral t
    with the design's exact variances, where they are known. `mc_error` is the standard error of `value` (at
    (k + 2)/(n + 4), so that it is not 0 at the bounds), `half_width` the mean over repetitions. `undefined` counts the
    repetitions without an interval, which are left out of its coverage, or without a p, which reject nothing.

    Args:
        design: what was simulated.
        frame: what came of it.
        bootstrap: in how many of the repetitions, from the first, the multi-bootstrap was made; None for all.
        flips: the same for the sign-flip test.

    Returns:
        A frame of `COLUMNS`.
    """
    truth = true_difference(design)
    rows: list[dict[str, Any]] = []
    for name in INTERVALS:
        if f"{name}_low" not in frame or (name == "multi_bootstrap" and bootstrap == 0):
            continue
        low, high = (frame[f"{name}_{side}"].to_numpy() for side in ("low", "high"))
        if name == "multi_bootstrap":
            low, high = low[:bootstrap], high[:bootstrap]
        known = np.isfinite(low)
        row = {"procedure": name, "measure": "coverage", "nominal": CONFIDENCE, "undefined": int((~known).sum())}
        covers = (low[known] <= truth) & (truth <= high[known])
        width = float((high[known] - low[known]).mean() / 2) if known.any() else math.nan
        rows.append(row | _share(covers) | {"half_width": width})
    for column in (str(column) for column in frame if str(column).endswith("_p")):
        name, p = column.removesuffix("_p"), frame[column].to_numpy()
        if name == "sign_flip":
            p = p[:flips]
        if len(p):
            row = _meaning(name, truth, design) | {"undefined": int(np.isnan(p).sum())}
            rows.append(row | _share(p < ALPHA))
    told = {
        "design": design.name,
        "quantity": design.quantity,
        "seeds": design.seeds,
        "images": design.images,
        "variants": design.variants,
        "rate": design.rate,
        "seed_sd": design.seed_sd,
        "image_sd": design.image_sd,
        "threshold_sd": design.threshold_sd,
        "tilt": design.tilt,
        "truth": truth,
    }
    return pd.DataFrame([told | row for row in rows], columns=list(COLUMNS)).astype(COLUMNS)


def planned_power(design: Design) -> float:
    """Chance that the crossed t at `ALPHA` finds the design's difference, from its exact variances; NaN if unknown.

    The noncentral t of `analysis.power.planned_error`'s standard error and degrees of freedom, two-sided.

    >>> round(planned_power(Design(10, 2000, seed_sd=0.15, gain=0.05)), 3)
    0.991
    """
    if design.quantity != "accuracy" or design.tilt or design.threshold_sd:
        return math.nan
    planned = planned_error(true_components(design), design.seeds, design.images)
    if planned is None:
        return math.nan
    error, df = planned
    bound, centre = stats.t.isf(ALPHA / 2, df), true_difference(design) / error
    return float(stats.nct.sf(bound, df, centre) + stats.nct.cdf(-bound, df, centre))


def _intervals(result: CrossedInterval) -> dict[str, Interval]:
    crossed, centre = result.half_width_crossed, result.estimate
    return {
        "quoted": Interval(result.low, result.high),
        "crossed": Interval() if crossed is None else Interval(centre - crossed, centre + crossed),
        "seed_t": seed_t(result.per_seed, CONFIDENCE),
        "images_only": images_only_of(result),
    }


def _meaning(name: str, truth: float, design: Design) -> dict[str, Any]:
    """Procedure, measure, margin and nominal share of a test."""
    if name in FAMILY:
        return {"procedure": name, "measure": "family-wise error", "nominal": ALPHA}
    if name.startswith("tost_"):
        margin = float(name.removeprefix("tost_"))
        # The margin's name is rounded.
        inside = abs(truth) < margin * (1 - 1e-5)
        row = {"procedure": "tost", "margin": margin}
        return row | ({"measure": "power"} if inside else {"measure": "size", "nominal": ALPHA})
    if abs(truth) < 1e-12:
        return {"procedure": name, "measure": "size", "nominal": ALPHA}
    return {
        "procedure": name,
        "measure": "power",
        "nominal": math.nan if name == "sign_flip" else planned_power(design),
    }


def _share(hits: NDArray[np.bool_]) -> dict[str, Any]:
    n, k = len(hits), int(hits.sum())
    steady = (k + 2) / (n + 4)
    error = math.sqrt(steady * (1 - steady) / n) if n else math.nan
    return {"value": k / n if n else math.nan, "mc_error": error, "repetitions": n}
