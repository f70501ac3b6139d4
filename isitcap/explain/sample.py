"""Which images are explained: the same for every variant and seed."""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt
import pandas as pd


def sample(index: pd.DataFrame, count: int, seed: int, name: str) -> npt.NDArray[np.int32]:
    """Rows of about `count` images, shared equally between the labels and, within a label, between its sources.

    The strata take turns, each in a random order of its own keyed by `seed` and `name`; so any first part of the
    result is a balanced sample as well, and asking for more keeps what was there. A stratum that runs out gives
    its turns to the others.

    Args:
        index: `source` and `label` of every image.
        count: how many rows; all of them if there are fewer.
        seed: the study's.
        name: the test set's.

    Returns:
        Row numbers, in the order drawn.
    """
    generator = np.random.default_rng([seed, zlib.crc32(f"explain:{name}".encode())])
    by_label: list[list[int]] = []
    for label in (0, 1):
        strata = [
            generator.permutation(np.flatnonzero((index["label"] == label) & (index["source"] == source))).tolist()
            for source in sorted(index.loc[index["label"] == label, "source"].unique())
        ]
        by_label.append(_take_turns(strata))
    return np.array(_take_turns(by_label)[:count], dtype=np.int32)


def _take_turns(rows: list[list[int]]) -> list[int]:
    """One from each list in turn until all are empty."""
    longest = max((len(part) for part in rows), default=0)
    return [part[turn] for turn in range(longest) for part in rows if turn < len(part)]
