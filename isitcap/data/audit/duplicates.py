"""Which images are copies of each other, byte by byte or nearly, and between which parts of the data that is so."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from isitcap.data.audit.hashes import MAX_PAIRS, Hashes, Thumbnails, correlations, near_pairs

Kind = Literal["bytes", "near"]
Groups = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Duplicates:
    """Copies among N images.

    `bytes` and `near` (N,) number the groups: images with one number are copies, byte by byte or at least nearly, of
    one another, directly or through others. `pairs` holds near pairs that are not byte duplicates, up to a limit:
    `first`, `second` (rows), `correlation` of the thumbnails.
    """

    bytes: Groups = field(repr=False)
    near: Groups = field(repr=False)
    pairs: pd.DataFrame = field(repr=False)
    cut: bool
    """Whether there are more pairs than were kept."""

    def groups(self, kind: Kind) -> Groups:
        """The numbers of the groups of a kind."""
        return self.bytes if kind == "bytes" else self.near


@dataclass(frozen=True)
class Relation:
    """How many copies lie between two cells of the data, or inside one where both are the same."""

    first: int
    second: int
    pairs: int
    images: int
    """Images of `second` with a copy in `first`; inside one cell, the images beyond the first of each group."""


def find_duplicates(sha256: pd.Series[str], hashes: Hashes, images: Thumbnails) -> Duplicates:
    """Group N images by their bytes' hash and by what they show.

    Args:
        sha256: (N,), of the files' bytes.
        hashes: (N,), see `isitcap.data.audit.hashes.perceptual_hashes`.
        images: (N, K), their thumbnails.
    """
    by_bytes = np.asarray(pd.factorize(sha256)[0], dtype=np.int64)
    by_look = np.unique(_keys(images), return_inverse=True)[1].astype(np.int64)
    # Equal files look equal; of each look one image is compared with the others.
    _, chosen = np.unique(by_look, return_index=True)
    edges: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]] = []
    kept = 0
    group = np.arange(len(chosen), dtype=np.int64)
    firsts: list[npt.NDArray[np.int64]] = []
    seconds: list[npt.NDArray[np.int64]] = []
    cut = False
    for first, second in near_pairs(hashes[chosen], images[chosen]):
        edges.append((group[first], group[second]))
        if sum(len(a) for a, _ in edges) > MAX_PAIRS:  # the edges of groups known already say nothing new
            group, edges = _components(len(group), edges, group), []
        room = max(0, MAX_PAIRS - kept)
        cut |= len(first) > room
        one, two = chosen[first[:room]], chosen[second[:room]]
        firsts.append(np.minimum(one, two))
        seconds.append(np.maximum(one, two))
        kept += min(len(first), room)
    group = _components(int(group.max(initial=-1)) + 1, edges, group)
    low, high = (np.concatenate(part) if part else np.empty(0, dtype=np.int64) for part in (firsts, seconds))
    pairs = pd.DataFrame({"first": low, "second": high, "correlation": correlations(images, low, high)})
    near = np.unique(group[by_look], return_inverse=True)[1].astype(np.int64)
    return Duplicates(by_bytes, near, pairs.sort_values(["first", "second"], ignore_index=True), cut)


def relations(groups: Groups, cells: npt.NDArray[np.int64]) -> list[Relation]:
    """Copies inside each cell and between each two, those that there are, in the cells' order.

    Args:
        groups: (N,), the number of each image's group of copies.
        cells: (N,), the number of each image's cell (a part of a source, a label, …), below 0 for none.
    """
    size = np.bincount(groups, minlength=1)
    rows = np.flatnonzero((size[groups] > 1) & (cells >= 0))
    found, inverse = np.unique(groups[rows], return_inverse=True)
    width = int(cells.max(initial=0)) + 1
    counts = coo_array((np.ones(len(rows), dtype=np.int64), (inverse, cells[rows])), shape=(len(found), width)).tocsc()
    out = []
    for a in range(width):
        in_a = counts[:, [a]].toarray().ravel()
        for b in range(a, width):
            in_b = counts[:, [b]].toarray().ravel()
            if a == b:
                pairs, images = int((in_a * (in_a - 1) // 2).sum()), int(np.maximum(in_a - 1, 0).sum())
            else:
                pairs, images = int((in_a * in_b).sum()), int(in_b[in_a > 0].sum())
            if pairs:
                out.append(Relation(a, b, pairs, images))
    return out


def copies_in(groups: Groups, rows: npt.NDArray[np.bool_], others: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Which of the N images are in `rows` and have a copy in `others`."""
    there = np.zeros(int(groups.max(initial=0)) + 1, dtype=bool)
    there[groups[others]] = True
    return np.asarray(rows & there[groups])


def beyond_first(groups: Groups, rows: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Which of the N images are in `rows` behind another of their group."""
    out = np.zeros(len(groups), dtype=bool)
    positions = np.flatnonzero(rows)
    out[positions] = pd.Series(groups[positions]).duplicated().to_numpy()
    return out


def _keys(images: Thumbnails) -> npt.NDArray[np.uint64]:
    """A 64-bit number of each thumbnail: equal ones have equal numbers, and unequal ones almost surely not."""
    factors = (
        np.random.default_rng(0).integers(0, 2**64, images.shape[1] if images.ndim == 2 else 0, dtype=np.uint64) | 1
    )
    out = np.empty(len(images), dtype=np.uint64)
    for low in range(0, len(images), 8192):
        out[low : low + 8192] = (images[low : low + 8192].astype(np.uint64) * factors).sum(axis=1, dtype=np.uint64)
    return out


def _components(count: int, edges: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]], group: Groups) -> Groups:
    """The group of each image when the groups that `edges` join become one."""
    if not edges:
        return group
    one, two = (np.concatenate(side) for side in zip(*edges, strict=True))
    graph = coo_array((np.ones(len(one), dtype=np.int8), (one, two)), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)[group]
