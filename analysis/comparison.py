"""Two studies side by side: what differs between them, and differences of what both have estimated."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scipy import stats

from analysis.summary import Estimate, Summary

ABSENT = "–"
"""Stands for a setting that a study does not have."""


@dataclass(frozen=True)
class Unpaired:
    """A difference of two estimates of studies taken as independent; what is not defined is None, with the reason."""

    estimate: float | None
    low: float | None = None
    high: float | None = None
    df: float | None = None
    p: float | None = None
    reason: str | None = None


def unpaired_difference(
    first: Estimate | None, second: Estimate | None, levels: tuple[float, float] = (0.95, 0.95)
) -> Unpaired:
    """`second` - `first`, with an interval as of independent runs on independent images.

    se = √(se₁² + se₂²), with seᵢ the quoted half-width over t(1 - αᵢ/2, dfᵢ), and t of the smaller df: the interval is
    never narrower than the root of the summed squares of both half-widths. Welch and Satterthwaite's df would be larger
    than that; where few seeds and many images share in a standard error, they promise more than is known. A limit that
    was cut at the end of a quantity's range is not taken for the half-width, its other side is.

    Args:
        first: The estimate that is subtracted; None where its study has none.
        second: The same quantity of the other study.
        levels: Coverage of the intervals of both; the first is that of the result.
    """
    if first is None or second is None:
        return Unpaired(None, reason="not computed in both studies")
    if first.estimate is None or second.estimate is None:
        return Unpaired(None, reason=first.reason or second.reason or "not defined")
    difference = second.estimate - first.estimate
    errors, dfs = [], []
    for row, level in zip((first, second), levels, strict=True):
        if row.low is None or row.high is None or row.df is None or row.estimate is None:
            return Unpaired(difference, reason=row.reason or "interval not defined in both studies")
        half = max(row.high - row.estimate, row.estimate - row.low)
        errors.append(half / float(stats.t.ppf((1 + level) / 2, row.df)))
        dfs.append(row.df)
    error, df = math.hypot(*errors), min(dfs)
    if error == 0:
        return Unpaired(difference, reason="no variation: interval not defined")
    half = float(stats.t.ppf((1 + levels[0]) / 2, df)) * error
    p = 2 * float(stats.t.sf(abs(difference) / error, df))
    return Unpaired(difference, difference - half, difference + half, df, p)


def differing_settings(first: Summary, second: Summary) -> tuple[tuple[str, str, str], ...]:
    """(setting, value in the first, value in the second) of all that is not the same in both, by part.

    Settings are the keys of the study files, the levels of the analysis, numbers of images, hashes of the data, and the
    facts of the provenance but those that differ between any two runs, such as times.
    """
    sides = [dict(_settings(summary)) for summary in (first, second)]
    names = dict.fromkeys([*sides[0], *sides[1]])
    return tuple(
        (name, sides[0].get(name, ABSENT), sides[1].get(name, ABSENT))
        for name in names
        if sides[0].get(name) != sides[1].get(name)
    )


def _settings(summary: Summary) -> Iterator[tuple[str, str]]:
    yield "confidence", f"{summary.confidence:g}"
    yield "alpha", f"{summary.alpha:g}"
    for margin in summary.margins:
        yield f"margin {margin.role}", f"{margin.margin:g}"
    yield "seeds", ", ".join(map(str, summary.study.seeds))
    try:
        study = tomllib.loads(summary.study.study_toml)
    except tomllib.TOMLDecodeError:
        study = {}
    for key, value in _flat(study):
        if key not in ("seeds", "analysis.alpha", "analysis.confidence") and not key.startswith("claims."):
            yield f"study: {key}", value
    for card in summary.study.test_sets:
        yield f"test set {card.name}", f"{card.n_real:,} real, {card.n_synthetic:,} synthetic images; {card.pipeline}"
    for name, digest in summary.provenance.data_hashes:
        yield f"data: {name}", digest
    for name, value in summary.provenance.facts:
        if name.lower() not in ("started", "date", "seeds", "wall time", "peak memory"):
            yield f"made with: {name}", value


def _flat(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Leaves of nested tables by dotted key; tables in lists are named by their `name` or `id`, else by number."""
    if isinstance(value, Mapping):
        for name, below in value.items():
            yield from _flat(below, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list) and value and all(isinstance(each, Mapping) for each in value):
        for number, each in enumerate(value, 1):
            yield from _flat(each, f"{key}.{each.get('id', each.get('name', number))}")
    elif isinstance(value, list):
        yield key, ", ".join(map(str, value))
    else:
        yield key, str(value)
