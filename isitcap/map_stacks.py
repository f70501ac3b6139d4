"""Stored maps of several seeds as arrays: what the analysis compares, and the mean maps that reports show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.agreement import MapStack
from analysis.reporting import MeanMaps
from isitcap.errors import UserError
from isitcap.records.directory import TRAINED, RunDirectory, parse_map_name
from isitcap.records.reader import read_maps


def map_stacks(
    directory: RunDirectory, variants: Iterable[str], seeds: Iterable[int], images: Mapping[str, pd.DataFrame]
) -> tuple[MapStack, ...]:
    """The stored maps of trained classifiers, by test set, method, point and variant.

    Seeds are those that every variant with maps of the test set by the method has at all its points.

    Args:
        directory: whose finished stages are read.
        variants: in the order wanted.
        seeds: of the study.
        images: index of each test set, its rows as on the disk.

    Raises:
        UserError: a record is damaged, or the runs of one place stored other images.
    """
    found: dict[tuple[str, str], dict[tuple[str, str], dict[int, Path]]] = {}
    for variant in variants:
        for seed in sorted(seeds):
            for mark in sorted((directory.run(variant, seed) / "maps").glob("*.done.json")):
                stem = mark.name.removesuffix(".done.json")
                parsed = parse_map_name(stem)
                if parsed is not None and parsed[3] == TRAINED and parsed[0] in images:
                    here = found.setdefault(parsed[:2], {}).setdefault((parsed[2], variant), {})
                    here[seed] = mark.with_name(f"{stem}.safetensors")
    stacks = []
    for (test_set, method), places in sorted(found.items()):
        shared = sorted(set.intersection(*(set(files) for files in places.values())))
        for (point, variant), files in places.items():
            if not shared:
                continue
            stored = [read_maps(files[seed]) for seed in shared]
            rows = stored[0].image_index
            if not len(rows):
                continue
            if any(not np.array_equal(rows, each.image_index) for each in stored):
                where = f"{variant} {test_set}.{method}.{point}"
                raise UserError(f"{directory.root}: the seeds of {where} stored maps of other images; explain it again")
            index = images[test_set].iloc[rows]
            stacks.append(
                MapStack(
                    variant,
                    test_set,
                    method,
                    point,
                    tuple(shared),
                    tuple(index["image_id"].astype(str)),
                    index["label"].to_numpy(np.int8),
                    np.stack([each.maps for each in stored]),
                )
            )
    return tuple(stacks)


def mean_maps(stacks: Iterable[MapStack], size: tuple[int, int]) -> tuple[MeanMaps, ...]:
    """The mean map of every test set, class, variant, method and point, on a grid of `size` (height, width).

    Each map enters as shares of its total times the number of pixels, so that 1 is the uniform map and all maps weigh
    the same; maps that are all zero or not finite are left out.
    """
    maps: dict[tuple[str, int], dict[tuple[str, str, str], npt.NDArray[np.float64]]] = {}
    counts: dict[tuple[str, int], list[tuple[int, int]]] = {}
    for stack in stacks:
        values = stack.maps.astype(np.float64)
        totals = values.sum(axis=(2, 3))
        usable = np.isfinite(totals) & (totals > 0)
        for label in (0, 1):
            kept = usable & (stack.labels == label)
            if not kept.any():
                continue
            shares = values[kept] / totals[kept][:, None, None]
            mean = shares.mean(axis=0) * values.shape[2] * values.shape[3]
            maps.setdefault((stack.test_set, label), {})[stack.variant, stack.method, stack.point] = on_grid(
                mean[None], *size
            )[0]
            counts.setdefault((stack.test_set, label), []).append(
                (len(stack.seeds), int((stack.labels == label).sum()))
            )
    return tuple(
        MeanMaps(
            test_set,
            label,
            max(n for n, _ in counts[test_set, label]),
            max(n for _, n in counts[test_set, label]),
            held,
        )
        for (test_set, label), held in maps.items()
    )


def on_grid(maps: npt.NDArray[np.floating], height: int, width: int) -> npt.NDArray[np.floating]:
    """Maps (M, h, w) of a layer at the image's size, each value as a block: to be looked at, not to be measured."""
    rows, columns = (np.arange(n) * own // n for n, own in zip((height, width), maps.shape[1:], strict=True))
    return maps[:, rows][:, :, columns]
