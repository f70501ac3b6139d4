"""Labelled frames: their columns, the checks they must pass, and the way from rows to named arrays.

Two frames describe what detectors said. `predictions` has one row per variant, seed, path, test set and image;
`images` has one row per test set and image. Strings may be categoricals. Rows may come in any order: everything
that leaves this module is sorted, by seed and by (test set, image id).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.errors import InputError

PREDICTION_COLUMNS = ("variant", "seed", "path", "test_set", "image_id", "logit")
"""Columns of the prediction frame; `logit` is positive for synthetic."""

IMAGE_COLUMNS = ("test_set", "image_id", "source", "group", "label", "sha256")
"""Columns of the image frame; `label` is 1 for synthetic. `group` and `sha256` are not needed here."""

USED_IMAGE_COLUMNS = ("test_set", "image_id", "source", "label")


def require_columns(frame: pd.DataFrame, columns: Iterable[str], name: str) -> None:
    """Refuse a frame that lacks one of `columns`; `name` is how the message calls the frame.

    Raises:
        InputError: a column is missing.
    """
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        has = ", ".join(str(column) for column in frame.columns) or "none"
        raise InputError(f"{name}: column {missing[0]!r} is missing (columns: {has}); add it")


def encode(frame: pd.DataFrame, column: str, names: pd.Index, name: str) -> NDArray[np.int32]:
    """Positions of a column's values in `names` (unique), -1 for a value that is not there; shape (rows,).

    Raises:
        InputError: a value is missing (null).
    """
    series = frame[column]
    if isinstance(series.dtype, pd.CategoricalDtype):
        codes, uniques = np.asarray(series.cat.codes), series.cat.categories
    else:
        codes, uniques = pd.factorize(series)
        codes = np.asarray(codes)
    if len(codes) and codes.min() < 0:
        row = int(np.argmin(codes))
        raise InputError(f"{name}: column {column!r} has no value in row {row}; every row needs one")
    positions = names.get_indexer(pd.Index(np.asarray(uniques, dtype=object))).astype(np.int32)
    return np.asarray(positions[codes], dtype=np.int32)


def value_at(frame: pd.DataFrame, column: str, row: int) -> object:
    """The value of a column in the row at position `row`, as a plain Python object."""
    value = frame[column].iloc[row]
    return value.item() if isinstance(value, np.generic) else value


def distinct(frame: pd.DataFrame, column: str) -> list[str]:
    """The distinct values of a column of names, sorted; nulls are left out."""
    return sorted(str(value) for value in frame[column].dropna().unique())


def distinct_seeds(frame: pd.DataFrame, name: str) -> tuple[int, ...]:
    """The distinct seeds of a frame, ascending.

    Raises:
        InputError: the column does not hold integers.
    """
    column = frame["seed"]
    kind = column.cat.categories.dtype if isinstance(column.dtype, pd.CategoricalDtype) else column.dtype
    if not pd.api.types.is_integer_dtype(kind):
        raise InputError(f"{name}: column 'seed' has type {kind}; it must hold integers")
    return tuple(sorted(int(value) for value in column.dropna().unique()))


@dataclass(frozen=True)
class ImageTable:
    """All images of all test sets, N rows sorted by (test set, image id), with one span of rows per test set."""

    test_sets: tuple[str, ...]
    spans: tuple[slice, ...]
    image_ids: NDArray[np.object_]
    sources: NDArray[np.object_]
    labels: NDArray[np.int8]
    ids: pd.Index
    rows: NDArray[np.int32]

    def span(self, test_set: str) -> slice:
        """The rows of one test set."""
        return self.spans[self.test_sets.index(test_set)]

    def locate(self, frame: pd.DataFrame, name: str) -> NDArray[np.int32]:
        """For each row of a frame with `test_set` and `image_id`, the row of its image in this table.

        Raises:
            InputError: a test set or an image is unknown here, or has no name.
        """
        sets = encode(frame, "test_set", pd.Index(self.test_sets, dtype=object), name)
        if len(sets) and sets.min() < 0:
            value = value_at(frame, "test_set", int(np.argmin(sets)))
            raise InputError(f"{name}: test set {value!r} is not in the image table; add its images")
        codes = encode(frame, "image_id", self.ids, name)
        found = np.where(codes < 0, np.int32(-1), self.rows[sets, codes])
        if len(found) and found.min() < 0:
            row = int(np.argmin(found))
            where, which = value_at(frame, "test_set", row), value_at(frame, "image_id", row)
            raise InputError(f"{name}: image {which!r} of test set {where!r} is not in the image table; add its row")
        return found


def index_images(images: pd.DataFrame) -> ImageTable:
    """Check the image frame and sort it.

    Raises:
        InputError: a column or a value is missing, an image occurs twice in a test set, or a label is neither 0 nor 1.
    """
    require_columns(images, USED_IMAGE_COLUMNS, "images")
    if images.empty:
        raise InputError("images: the table is empty; it needs one row for each test image")
    sets = distinct(images, "test_set")
    ids = pd.Index(distinct(images, "image_id"), dtype=object)
    set_codes = encode(images, "test_set", pd.Index(sets, dtype=object), "images")
    id_codes = encode(images, "image_id", ids, "images")
    sources = pd.Index(distinct(images, "source"), dtype=object)
    source_codes = encode(images, "source", sources, "images")
    order = np.lexsort((id_codes, set_codes))
    keys = set_codes[order].astype(np.int64) * len(ids) + id_codes[order]
    same = np.flatnonzero(keys[1:] == keys[:-1])
    if len(same):
        row = int(order[same[0]])
        where, which = value_at(images, "test_set", row), value_at(images, "image_id", row)
        raise InputError(f"images: image {which!r} occurs twice in test set {where!r}; keep one row")
    labels = pd.to_numeric(images["label"], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = np.flatnonzero(~np.isin(labels, (0.0, 1.0)))
    if len(wrong):
        row = int(wrong[0])
        where, what = value_at(images, "image_id", row), value_at(images, "label", row)
        raise InputError(f"images: image {where!r} has label {what!r}; it must be 0 (real) or 1 (synthetic)")
    rows = np.full((len(sets), len(ids)), -1, dtype=np.int32)
    rows.ravel()[keys] = np.arange(len(keys), dtype=np.int32)
    bounds = np.searchsorted(set_codes[order], np.arange(len(sets) + 1))
    return ImageTable(
        test_sets=tuple(sets),
        spans=tuple(slice(int(a), int(b)) for a, b in pairwise(bounds)),
        image_ids=np.asarray(ids, dtype=object)[id_codes[order]],
        sources=np.asarray(sources, dtype=object)[source_codes[order]],
        labels=labels[order].astype(np.int8),
        ids=ids,
        rows=rows,
    )


@dataclass(frozen=True)
class Decisions:
    """What one variant said of one test set through one path: S seeds × I images, both sorted."""

    variant: str
    path: str
    test_set: str
    logits: NDArray[np.floating]
    labels: NDArray[np.int8]
    sources: NDArray[np.object_]
    image_ids: NDArray[np.object_]
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class PredictionIndex:
    """All predictions as one array of logits (V, S, P, N), NaN where a variant was not tested through a path."""

    variants: tuple[str, ...]
    seeds: tuple[int, ...]
    paths: tuple[str, ...]
    test_sets: tuple[str, ...]
    images: ImageTable
    logits: NDArray[np.floating]

    def paths_of(self, variant: str, test_set: str) -> tuple[str, ...]:
        """The paths through which a variant was tested on a test set."""
        first = self.images.span(test_set).start
        tested = ~np.isnan(self.logits[self.variants.index(variant), 0, :, first])
        return tuple(path for path, there in zip(self.paths, tested, strict=True) if there)

    def decisions(self, variant: str, path: str, test_set: str) -> Decisions:
        """The arrays of one cell of the grid; `logits` is a view of shape (S, I), not a copy.

        Raises:
            InputError: there are no predictions of that cell.
        """
        known = variant in self.variants and test_set in self.test_sets
        if not known or path not in self.paths_of(variant, test_set):
            raise InputError(f"predictions: variant {variant!r} was not tested on {test_set!r} through path {path!r}")
        span = self.images.span(test_set)
        return Decisions(
            variant=variant,
            path=path,
            test_set=test_set,
            logits=self.logits[self.variants.index(variant), :, self.paths.index(path), span],
            labels=self.images.labels[span],
            sources=self.images.sources[span],
            image_ids=self.images.image_ids[span],
            seeds=self.seeds,
        )


def index_predictions(
    predictions: pd.DataFrame,
    images: pd.DataFrame | ImageTable,
    *,
    variants: Sequence[str] | None = None,
    seeds: Sequence[int] | None = None,
) -> PredictionIndex:
    """Check the prediction frame against the image frame and turn it into arrays.

    `variants` and `seeds` are those that must be there; without them, all that occur are crossed. A path may be
    missing for a variant, but never for some of its seeds or images only.

    Raises:
        InputError: a column or value is missing, a logit is NaN or infinite, a row occurs twice, an image, variant
            or seed is unknown, a variant lacks a seed, or two runs saw different images.
    """
    name = "predictions"
    require_columns(predictions, PREDICTION_COLUMNS, name)
    if predictions.empty:
        raise InputError("predictions: the table is empty; it needs one row for each decision")
    table = images if isinstance(images, ImageTable) else index_images(images)
    found_seeds = distinct_seeds(predictions, name)
    all_variants = tuple(distinct(predictions, "variant") if variants is None else variants)
    all_seeds = found_seeds if seeds is None else tuple(sorted(seeds))
    paths = tuple(distinct(predictions, "path"))
    axes: dict[str, tuple[object, ...]] = {"variant": all_variants, "seed": all_seeds, "path": paths}
    shape = (*(len(axis) for axis in axes.values()), len(table.labels))
    flat: NDArray[np.int64] = np.zeros(len(predictions), dtype=np.int64)
    for column, axis in axes.items():
        codes = encode(predictions, column, pd.Index(axis, dtype=object), name)
        if codes.min() < 0:
            value = value_at(predictions, column, int(np.argmin(codes)))
            raise InputError(f"{name}: {column} {value!r} is not of the study ({_listed(axis)}); remove its rows")
        flat *= len(axis)
        flat += codes
    flat *= shape[-1]
    flat += table.locate(predictions, name)

    values = _logits(predictions)
    cube = np.full(shape, np.nan, dtype=values.dtype)
    cube.ravel()[flat] = values
    if int(np.count_nonzero(~np.isnan(cube))) != len(flat):
        raise InputError(f"{name}: {_row(predictions, _first_repeat(flat))} occurs twice; keep one row")
    index = PredictionIndex(
        variants=all_variants,
        seeds=all_seeds,
        paths=paths,
        test_sets=tuple(distinct(predictions, "test_set")),
        images=table,
        logits=cube,
    )
    _check_complete(index)
    return index


def decisions_of(
    predictions: pd.DataFrame, images: pd.DataFrame, *, variant: str, path: str, test_set: str
) -> Decisions:
    """The arrays of one cell straight from the frames; to read many cells, call `index_predictions` once.

    Raises:
        InputError: as `index_predictions`, or there are no predictions of that cell.
    """
    return index_predictions(predictions, images).decisions(variant, path, test_set)


def _logits(predictions: pd.DataFrame) -> NDArray[np.floating]:
    column = predictions["logit"]
    if not pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_bool_dtype(column.dtype):
        raise InputError(f"predictions: column 'logit' has type {column.dtype}; it must hold numbers")
    # The threshold and ties are judged on the numbers as given: float64 is not rounded to float32.
    kind = np.float32 if str(column.dtype).lower() in {"float16", "float32"} else np.float64
    values: NDArray[np.floating] = column.to_numpy(dtype=kind, na_value=np.nan)
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        row = int(bad[0])
        raise InputError(
            f"predictions: {_row(predictions, row)} has logit {values[row]} ({len(bad)} such rows); "
            "logits must be finite: make this run again"
        )
    return values


def _first_repeat(flat: NDArray[np.int64]) -> int:
    """The position of a row whose place another row takes, too."""
    order = np.argsort(flat, kind="stable")
    same = np.flatnonzero(flat[order][1:] == flat[order][:-1])
    return int(order[same[0] + 1])


def _row(frame: pd.DataFrame, row: int) -> str:
    keys = [column for column in PREDICTION_COLUMNS if column != "logit"]
    return ", ".join(f"{column} {value_at(frame, column, row)}" for column in keys)


def _listed(values: Iterable[object]) -> str:
    return ", ".join(str(value) for value in values)


def _check_complete(index: PredictionIndex) -> None:
    """Refuse missing runs and runs that saw other images than the image table names."""
    for test_set in index.test_sets:
        span = index.images.span(test_set)
        seen = ~np.isnan(index.logits[..., span])
        counts = seen.sum(axis=-1)
        for v, variant in enumerate(index.variants):
            if not counts[v].any():
                raise InputError(
                    f"predictions: variant {variant!r} has no predictions on test set {test_set!r}; make its runs"
                )
            for p, path in enumerate(index.paths):
                if not counts[v, :, p].any():
                    continue
                for s, seed in enumerate(index.seeds):
                    where = f"variant {variant!r}, seed {seed}, path {path!r}, test set {test_set!r}"
                    if counts[v, s, p] == 0:
                        raise InputError(f"predictions: {where} is missing; make this run")
                    if counts[v, s, p] < seen.shape[-1]:
                        first = index.images.image_ids[span][int(np.argmin(seen[v, s, p]))]
                        raise InputError(
                            f"predictions: {where} saw {counts[v, s, p]} of {seen.shape[-1]} images "
                            f"(not {first!r}); all runs must see the same images"
                        )
