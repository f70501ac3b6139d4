"""The frame of measured saliency maps: its checks, and the way from rows to arrays.

One row per variant, seed, test set, image, method and attribution point, with the measures of the map (see
`analysis.dispersion`) and `excluded`: null, or why the map could not be measured. The images of a test set are a
sample, the same for every variant, seed and point of a method.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.dispersion import MEASURES
from analysis.errors import InputError
from analysis.frames import ImageTable, distinct, distinct_seeds, encode, require_columns, value_at

MAP_KEYS = ("variant", "seed", "test_set", "image_id", "method", "point")
"""What names a map."""

MAP_COLUMNS = (*MAP_KEYS, "gini", "entropy", "excluded")
"""Columns that the frame of maps must have; the other measures are used where they are there."""


@dataclass(frozen=True)
class MapCell:
    """The measures of one variant's maps: S seeds × I images, both sorted; NaN where a map was excluded."""

    variant: str
    test_set: str
    method: str
    point: str
    seeds: tuple[int, ...]
    image_rows: NDArray[np.int32]
    measures: dict[str, NDArray[np.float64]]
    excluded: int

    @property
    def total(self) -> int:
        """All maps of the cell, measured or excluded."""
        return len(self.seeds) * len(self.image_rows)


def index_maps(
    maps: pd.DataFrame, images: ImageTable, *, variants: Sequence[str], seeds: Sequence[int]
) -> tuple[MapCell, ...]:
    """Check the frame of maps and turn it into arrays, one cell per variant, test set, method and point.

    A method may have been run on some of the study's seeds, but then on the same ones for every variant.
    `MapCell.image_rows` points into `images`.

    Raises:
        InputError: a column or value is missing, a row occurs twice, an image, variant or seed is unknown, a map that
            is not excluded lacks a measure, or the variants and seeds of a method saw different images.
    """
    require_columns(maps, MAP_COLUMNS, "maps")
    if maps.empty:
        return ()
    distinct_seeds(maps, "maps")
    all_seeds = tuple(sorted(seeds))
    axes: dict[str, tuple[object, ...]] = {
        "test_set": images.test_sets,
        "method": tuple(distinct(maps, "method")),
        "point": tuple(distinct(maps, "point")),
        "variant": tuple(variants),
        "seed": all_seeds,
    }
    codes: dict[str, NDArray[np.int32]] = {}
    for column, axis in axes.items():
        codes[column] = encode(maps, column, pd.Index(axis, dtype=object), "maps")
        # An unknown test set is named by `locate`.
        if column != "test_set" and codes[column].min() < 0:
            value = value_at(maps, column, int(np.argmin(codes[column])))
            known = ", ".join(str(name) for name in axis)
            raise InputError(f"maps: {column} {value!r} is not of the study ({known}); remove its rows")
    rows = images.locate(maps, "maps")
    values, excluded = _measures(maps)
    order = np.lexsort((rows, *(codes[column] for column in ("seed", "variant", "point", "method", "test_set"))))
    keys = np.stack([*(codes[column] for column in axes), rows])[:, order]
    same = np.flatnonzero((keys[:, 1:] == keys[:, :-1]).all(axis=0))
    if len(same):
        raise InputError(f"maps: {_row(maps, int(order[same[0]]))} occurs twice; keep one row")

    cells: list[MapCell] = []
    for start, stop in _runs(keys[:2]):
        block = keys[:, start:stop]
        sample, seed_codes = np.unique(block[5]), np.unique(block[4])
        test_set, method = str(axes["test_set"][block[0, 0]]), str(axes["method"][block[1, 0]])
        _check_variants(block, tuple(variants), f"test set {test_set!r}, method {method!r}")
        for a, b in _runs(block[2:4]):
            point, variant = str(axes["point"][block[2, a]]), str(axes["variant"][block[3, a]])
            _check_cell(block[4:, a:b], seed_codes, sample, all_seeds, images, f"{variant} {test_set} {method} {point}")
            take = order[start + a : start + b]
            shape = (len(seed_codes), len(sample))
            cells.append(
                MapCell(
                    variant=variant,
                    test_set=test_set,
                    method=method,
                    point=point,
                    seeds=tuple(all_seeds[code] for code in seed_codes),
                    image_rows=sample.astype(np.int32),
                    measures={name: column[take].reshape(shape) for name, column in values.items()},
                    excluded=int(excluded[take].sum()),
                )
            )
    return tuple(cells)


def _measures(maps: pd.DataFrame) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.bool_]]:
    """The measures there are, NaN where excluded, and which maps are excluded."""
    excluded = maps["excluded"].notna().to_numpy(dtype=bool)
    values: dict[str, NDArray[np.float64]] = {}
    for name in (measure for measure in MEASURES if measure in maps.columns):
        column = pd.to_numeric(maps[name], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        bad = np.flatnonzero(~np.isfinite(column) & ~excluded)
        if len(bad):
            row = int(bad[0])
            raise InputError(
                f"maps: {_row(maps, row)} has {name} {value_at(maps, name, row)!r} and is not excluded; "
                "give the reason in 'excluded' or measure it again"
            )
        values[name] = np.where(excluded, np.nan, column)
    return values, excluded


def _runs(keys: NDArray[np.int32]) -> Iterator[tuple[int, int]]:
    """Start and stop of each run of equal columns."""
    changes = np.flatnonzero((keys[:, 1:] != keys[:, :-1]).any(axis=0)) + 1
    bounds = [0, *(int(change) for change in changes), keys.shape[1]]
    return pairwise(bounds)


def _row(maps: pd.DataFrame, row: int) -> str:
    return ", ".join(f"{column} {value_at(maps, column, row)}" for column in MAP_KEYS)


def _check_variants(block: NDArray[np.int32], variants: tuple[str, ...], where: str) -> None:
    missing = sorted(set(range(len(variants))) - set(np.unique(block[3]).tolist()))
    if missing:
        raise InputError(f"maps: {where}: variant {variants[missing[0]]!r} has no maps; make them")


def _check_cell(
    found: NDArray[np.int32],
    seed_codes: NDArray[np.int32],
    sample: NDArray[np.int32],
    seeds: tuple[int, ...],
    images: ImageTable,
    where: str,
) -> None:
    """Refuse a cell whose (seed, image) rows, sorted, are not all seeds × all images of the method's sample."""
    for code in seed_codes:
        seen = found[1, found[0] == code]
        if len(seen) == 0:
            raise InputError(f"maps: {where}: seed {seeds[code]} has no maps, other variants have; make them")
        if len(seen) != len(sample):
            first = images.image_ids[np.setdiff1d(sample, seen)[0]]
            raise InputError(
                f"maps: {where}, seed {seeds[code]}: {len(seen)} of {len(sample)} images (not {first!r}); "
                "all variants and seeds need maps of the same images"
            )
