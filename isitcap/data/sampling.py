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


def allocate_nested(rng: np.random.Generator, outer: Rows, sizes: Rows, total: int) -> Rows:
    """Share `total` out over strata of `sizes` (K,), each within a larger one of number `outer` (K,).

    First the larger strata are in proportion, within one image; then the strata inside each. Among equal remainders
    the draw decides: a fixed order would give every odd image of many small groups to the groups that come first, and
    with labels among the strata unbalance the labels.
    """
    shares = np.zeros(len(sizes), dtype=np.int64)
    found, inverse = np.unique(outer, return_inverse=True)
    whole = np.bincount(inverse, weights=sizes, minlength=len(found)).astype(np.int64)
    for number, share in enumerate(allocate(whole, total)):
        inside = rng.permutation(np.flatnonzero(inverse == number))
        shares[inside] = allocate(sizes[inside], int(share))
    return shares


def draw(rng: np.random.Generator, outer: Sequence[Hashable], inner: Sequence[Hashable], n: int) -> Rows:
    """Rows of `n` of the images, in proportion to `outer` and, within each, to `inner`; sorted.

    All of them when there are no more than `n`. Both name the stratum of each image.
    """
    if n >= len(outer):
        return np.arange(len(outer), dtype=np.int64)
    members: dict[tuple[Hashable, Hashable], list[int]] = {}
    for row, stratum in enumerate(zip(outer, inner, strict=True)):
        members.setdefault(stratum, []).append(row)
    keys = sorted(members, key=repr)  # not the order of the files: a renamed file changes no other draw
    larger = sorted({key[0] for key in keys}, key=repr)
    shares = allocate_nested(
        rng,
        np.array([larger.index(key[0]) for key in keys], dtype=np.int64),
        np.array([len(members[key]) for key in keys], dtype=np.int64),
        n,
    )
    chosen = [rng.choice(members[key], share, replace=False) for key, share in zip(keys, shares, strict=True)]
    return np.sort(np.concatenate(chosen)).astype(np.int64)
