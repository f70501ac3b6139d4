"""Seeded draws in proportion to strata, by explicit generators."""

from __future__ import annotations

import zlib
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]


def generator(seed: int, purpose: str) -> np.random.Generator:
    """The random stream of one purpose: `SeedSequence([seed, crc32(purpose)])`."""
    return np.random.default_rng(np.random.SeedSequence([seed, zlib.crc32(purpose.encode())]))


def allocate(sizes: Sequence[int] | Rows, total: int) -> Rows:
    """Share `total` out in proportion to `sizes`, in whole numbers that add up: largest remainder, then first.

    No share is larger than its size. Needs 0 ≤ total ≤ sum of sizes.
    """
    counts = np.asarray(sizes, dtype=np.int64)
    whole = int(counts.sum())
    if not 0 <= total <= whole:
        raise ValueError(f"cannot share {total} out of {whole}")
    if whole == 0:
        return counts
    shares = counts * total // whole  # integers throughout: no rounding error decides a remainder
    remainders = counts * total % whole
    order = np.argsort(-remainders, kind="stable")
    shares[order[: total - int(shares.sum())]] += 1
    return shares


def draw(rng: np.random.Generator, strata: Sequence[Hashable], n: int) -> Rows:
    """Rows of `n` of the images, stratified; all of them when there are no more than `n`. Sorted.

    Strata are taken in sorted order of their keys, so that the draw does not depend on the rows' order of strata.
    """
    if n >= len(strata):
        return np.arange(len(strata), dtype=np.int64)
    members: dict[Hashable, list[int]] = {}
    for row, stratum in enumerate(strata):
        members.setdefault(stratum, []).append(row)
    keys = sorted(members, key=repr)
    shares = allocate([len(members[key]) for key in keys], n)
    chosen = [rng.choice(members[key], share, replace=False) for key, share in zip(keys, shares, strict=True)]
    return np.sort(np.concatenate(chosen)).astype(np.int64)
