"""A run directory as labelled frames: what the analysis takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from isitcap.errors import UserError
from isitcap.records.atomic import read_arrays
from isitcap.records.directory import TRAINED, RunDirectory, Stage, parse_map_name

AUTOENCODER = "autoencoder-weights"
"""What the autoencoder's own training is called among the histories."""


@dataclass(frozen=True)
class Frames:
    """All records of a run directory, as `analysis.build.build_summary` takes them.

    predictions: variant, seed, path, test_set, image_id, logit
    images:      test_set, image_id, source, group, label, sha256
    maps:        variant, seed, test_set, method, point, state, image_id, measures …, excluded, completeness_error,
                 similarity; of trained classifiers
    null_maps:   the same, of classifiers in other states (`untrained`, `randomised-<layer>`)
    faithfulness: variant, seed, test_set, method, point, image_id, deletion_area, insertion_area,
                 random_deletion_area, random_insertion_area
    histories:   variant (or `AUTOENCODER`), seed, epoch, train_loss, validation_loss, validation_accuracy, seconds
    autoencoders: seed, code, psnr, ssim, images
    """

    predictions: pd.DataFrame
    images: pd.DataFrame
    maps: pd.DataFrame
    null_maps: pd.DataFrame
    faithfulness: pd.DataFrame
    histories: pd.DataFrame
    autoencoders: pd.DataFrame


@dataclass(frozen=True)
class StoredMaps:
    """Maps kept as arrays: (M, H, W) each divided by its maximum, and the rows of the test set's index they show."""

    maps: npt.NDArray[np.float32]
    image_index: npt.NDArray[np.int32]


def read_frames(
    directory: RunDirectory, variants: Iterable[str], seeds: Iterable[int], test_sets: Iterable[str]
) -> Frames:
    """Read the records of a study's runs; other runs in the directory are left alone.

    Raises:
        UserError: a record is missing or damaged.
    """
    runs = [(variant, seed) for variant in variants for seed in seeds]
    return Frames(
        united(_predictions(directory, runs)),
        united(
            read_frame(directory.images(name)).assign(test_set=constant(name, n))
            for name in test_sets
            for n in [pq.read_metadata(directory.images(name)).num_rows]
        ),
        *_maps(directory, runs, set(test_sets)),
        _faithfulness(directory, runs, set(test_sets)),
        _histories(directory, runs),
        united(
            read_frame(directory.autoencoder(seed) / "quality.parquet").assign(seed=seed)
            for seed in sorted({seed for _, seed in runs})
        ),
    )


def read_frame(path: Path) -> pd.DataFrame:
    """Read Parquet, repeated strings as categories.

    Raises:
        UserError: the file is missing or no Parquet.
    """
    try:
        table = pq.read_table(path)
    except FileNotFoundError:
        raise UserError(f"{path}: missing; run the study again to make it") from None
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{path}: not readable ({reason}); delete it and run the study again") from None
    frame: pd.DataFrame = table.to_pandas()
    return frame


def read_examples(directory: RunDirectory, test_set: str) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]:
    """Pixels (M, H, W, 3) of the images that reports may show, and their rows in the test set's index."""
    arrays, _ = read_arrays(directory.examples(test_set))
    return arrays["pixels"], arrays["image_index"]


def read_maps(path: Path) -> StoredMaps:
    """The stored maps of one run, test set, method and point."""
    arrays, _ = read_arrays(path)
    return StoredMaps(arrays["maps"].astype(np.float32), arrays["image_index"])


def _predictions(directory: RunDirectory, runs: list[tuple[str, int]]) -> Iterator[pd.DataFrame]:
    for variant, seed in runs:
        frame = read_frame(directory.run(variant, seed) / "predictions.parquet")
        # as categories, or a million rows of names would weigh more than their numbers
        frame = frame.astype({"test_set": "category", "path": "category", "image_id": "category"})
        yield frame.assign(variant=constant(variant, len(frame)), seed=np.int64(seed))


def _maps(
    directory: RunDirectory, runs: list[tuple[str, int]], test_sets: set[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Measures of the maps of trained classifiers, and of the others; columns that older records lack are NaN."""
    trained: list[pd.DataFrame] = []
    others: list[pd.DataFrame] = []
    for variant, seed in runs:
        for frame in _explained(directory.run(variant, seed) / "maps", test_sets):
            missing = {column: np.nan for column in ("completeness_error", "similarity") if column not in frame}
            part = frame.assign(variant=variant, seed=seed, **missing)
            (trained if (part["state"] == TRAINED).all() else others).append(part)
    return united(trained), united(others)


def _faithfulness(directory: RunDirectory, runs: list[tuple[str, int]], test_sets: set[str]) -> pd.DataFrame:
    return united(
        frame.drop(columns="state").assign(variant=variant, seed=seed)
        for variant, seed in runs
        for frame in _explained(directory.faithfulness(variant, seed), test_sets)
    )


def _explained(folder: Path, test_sets: set[str]) -> Iterator[pd.DataFrame]:
    """Every table in a folder that a mark vouches for, with what its name says."""
    for mark in sorted(folder.glob("*.done.json")):
        stem = mark.name.removesuffix(".done.json")
        parsed = parse_map_name(stem)
        if parsed is None or parsed[0] not in test_sets:
            continue
        frame = read_frame(mark.with_name(f"{stem}.parquet"))
        yield frame.assign(**dict(zip(("test_set", "method", "point", "state"), parsed, strict=True)))


def _histories(directory: RunDirectory, runs: list[tuple[str, int]]) -> pd.DataFrame:
    folders = [(AUTOENCODER, seed, directory.autoencoder(seed)) for seed in sorted({seed for _, seed in runs})]
    folders += [(variant, seed, directory.run(variant, seed)) for variant, seed in runs]
    parts = []
    for variant, seed, folder in folders:
        facts: dict[str, Any] = Stage(folder, "train", {}).facts()
        frame = read_frame(folder / "history.parquet")
        parts.append(frame.assign(variant=variant, seed=seed, seconds=facts["epoch_seconds"]))
    return united(parts)


def constant(value: str, count: int) -> pd.Categorical[str]:
    """A column of `count` times one value."""
    return pd.Categorical.from_codes(np.zeros(count, np.int8), pd.Index([value]))


def united(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """One below the other; categories are united, so that strings stay codes."""
    frames = list(parts)
    if not frames:
        return pd.DataFrame()
    frame = pd.concat(frames, ignore_index=True)
    for column in frames[0].columns:
        # unequal categories come out of `concat` as object, or as str since pandas 3
        if all(isinstance(part[column].dtype, pd.CategoricalDtype) for part in frames) and not isinstance(
            frame[column].dtype, pd.CategoricalDtype
        ):
            joined = pd.api.types.union_categoricals([part[column] for part in frames])
            frame[column] = joined
    return frame
