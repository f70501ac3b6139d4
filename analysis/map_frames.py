"""The frame of measured saliency maps: its checks, and the way from rows to arrays.

One row per variant, seed, test set, image, method and attribution point, with the measures of the map (see
`analysis.dispersion`) and `excluded`: null, or why the map could not be measured. The images of a test set are a
sample, the same for every variant, seed and point of a method. A column `state` says of which classifier a map is:
`trained` (also where the column is missing), or a null such as `untrained` or `randomised-<layer>`. Nulls are cells
of their own, with a sample and seeds of their own, and need not be there for every variant.
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

OPTIONAL_MEASURES = ("regions", "region_share", "similarity")
"""Measures that a map may lack although it is not excluded: a constant map has no salient regions.

`regions` and `region_share` are `analysis.regions.salient_regions`; `similarity` is a null's rank correlation with the
trained classifier's map of the same image.
"""

TRAINED = "trained"
"""The state of the classifier that the study is about; every other is a null."""


def place_name(point: str, state: str = TRAINED) -> str:
    """`<point>`, for a null `<point>~<state>`: so that the two never share a row.

    >>> place_name("image"), place_name("image", "untrained")
    ('image', 'image~untrained')
    """
    return point if state == TRAINED else f"{point}~{state}"


@dataclass(frozen=True)
class MapCell:
    """The measures of one variant's maps: S seeds × I images, both sorted; NaN where a map was excluded or has none."""

    variant: str
    test_set: str
    method: str
    point: str
    seeds: tuple[int, ...]
    image_rows: NDArray[np.int32]
    measures: dict[str, NDArray[np.float64]]
    excluded: int
    state: str = TRAINED

    @property
    def place(self) -> str:
        """See `place_name`."""
        return place_name(self.point, self.state)

    @property
    def total(self) -> int:
        """All maps of the cell, measured or excluded."""
        return len(self.seeds) * len(self.image_rows)


def index_maps(
    maps: pd.DataFrame, images: ImageTable, *, variants: Sequence[str], seeds: Sequence[int]
) -> tuple[MapCell, ...]:
    """Check the frame of maps and turn it into arrays, one cell per variant, test set, method, state and point.

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
    if "state" not in maps.columns:
        maps = maps.assign(state=TRAINED)
    axes: dict[str, tuple[object, ...]] = {
        "test_set": images.test_sets,
        "method": tuple(distinct(maps, "method")),
        "state": tuple(distinct(maps, "state")),
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
    order = np.lexsort((rows, *(codes[column] for column in reversed(axes))))
    keys = np.stack([*(codes[column] for column in axes), rows])[:, order]
    same = np.flatnonzero((keys[:, 1:] == keys[:, :-1]).all(axis=0))
    if len(same):
        raise InputError(f"maps: {_row(maps, int(order[same[0]]))} occurs twice; keep one row")

    cells: list[MapCell] = []
    for start, stop in _runs(keys[:3]):
        block = keys[:, start:stop]
        sample, seed_codes = np.unique(block[6]), np.unique(block[5])
        test_set, method, state = (str(axes[name][code]) for name, code in zip(axes, block[:3, 0], strict=False))
        if state == TRAINED:
            _check_variants(block[4], tuple(variants), f"test set {test_set!r}, method {method!r}")
        for a, b in _runs(block[3:5]):
            point, variant = str(axes["point"][block[3, a]]), str(axes["variant"][block[4, a]])
            where = f"{variant} {test_set} {method} {place_name(point, state)}"
            _check_cell(block[5:, a:b], seed_codes, sample, all_seeds, images, where)
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
                    # What no map of a cell has is no measure of it: nulls alone have a similarity.
                    measures={
                        name: column[take].reshape(shape)
                        for name, column in values.items()
                        if name in MEASURES or not np.isnan(column[take]).all()
                    },
                    excluded=int(excluded[take].sum()),
                    state=state,
                )
            )
    return tuple(cells)


def _measures(maps: pd.DataFrame) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.bool_]]:
    """The measures there are, NaN where excluded, and which maps are excluded."""
    excluded = maps["excluded"].notna().to_numpy(dtype=bool)
    values: dict[str, NDArray[np.float64]] = {}
    for name in (measure for measure in (*MEASURES, *OPTIONAL_MEASURES) if measure in maps.columns):
        column = pd.to_numeric(maps[name], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        missing = maps[name].isna().to_numpy(dtype=bool) & (name in OPTIONAL_MEASURES)
        bad = np.flatnonzero(~np.isfinite(column) & ~excluded & ~missing)
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
    told = ", ".join(f"{column} {value_at(maps, column, row)}" for column in MAP_KEYS)
    state = value_at(maps, "state", row)
    return told if state == TRAINED else f"{told}, state {state}"


def _check_variants(found: NDArray[np.int32], variants: tuple[str, ...], where: str) -> None:
    missing = sorted(set(range(len(variants))) - set(np.unique(found).tolist()))
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
