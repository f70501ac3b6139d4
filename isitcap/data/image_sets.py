"""Images with their labels in memory: what training and testing use."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

INDEX_COLUMNS = ["image_id", "source", "group", "label", "sha256"]

SetRole = Literal["train", "validation", "in_sample", "out_of_sample"]


@dataclass(frozen=True)
class ImageSet:
    """Images with their labels: pixels uint8 (N, H, W, 3), and an index with one row for each.

    `pipeline` says in one line how the pixels were made, `content` is a hash of pixels, ids and labels, `notes`
    holds what a reader must know (files kept out, broken images), by source.
    """

    name: str
    role: SetRole
    pixels: npt.NDArray[np.uint8]
    index: pd.DataFrame
    pipeline: str
    content: str
    notes: tuple[tuple[str, str], ...]

    @property
    def labels(self) -> npt.NDArray[np.int8]:
        """(N,), 1 = synthetic."""
        return self.index["label"].to_numpy(np.int8)

    def __len__(self) -> int:
        return len(self.pixels)


def image_set(
    name: str,
    role: SetRole,
    pixels: npt.NDArray[np.uint8],
    index: pd.DataFrame,
    pipeline: str,
    notes: tuple[tuple[str, str], ...],
) -> ImageSet:
    """An image set with its content hash; `index` may have more columns than are kept."""
    index = index[INDEX_COLUMNS].reset_index(drop=True).astype({"label": np.int8})
    content = hashlib.sha256(np.ascontiguousarray(pixels).data)
    content.update("\n".join(index["image_id"]).encode())
    content.update(index["label"].to_numpy(np.int8).tobytes())
    return ImageSet(name, role, pixels, index, pipeline, content.hexdigest(), notes)
