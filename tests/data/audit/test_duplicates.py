"""Groups of copies, and between which parts they lie."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from isitcap.data.audit import duplicates as module
from isitcap.data.audit.duplicates import beyond_first, copies_in, find_duplicates, relations
from isitcap.data.audit.hashes import hash_input, perceptual_hashes, thumbnails

Look = Callable[..., Image.Image]


def found(images: list[Image.Image], digests: list[str]) -> module.Duplicates:
    grey = np.stack([hash_input(image) for image in images])
    return find_duplicates(pd.Series(digests, dtype="str"), perceptual_hashes(grey), thumbnails(grey))


def test_copies_are_grouped_by_bytes_and_by_look(picture: Look) -> None:
    """Equal files are one group of both kinds, a brighter copy is near, another picture is neither."""
    first = picture(1)
    brighter = Image.eval(first, lambda value: min(255, value + 9))
    result = found([first, picture(2), first, brighter], ["a", "b", "a", "c"])
    assert (result.bytes[0], result.bytes[2]) == (result.bytes[2], result.bytes[0])
    assert len(set(result.bytes.tolist())) == 3
    assert result.near[0] == result.near[2] == result.near[3] != result.near[1]
    assert result.pairs[["first", "second"]].to_numpy().tolist() == [[0, 3]]
    assert not result.cut


def test_groups_are_whole_when_pairs_are_cut(picture: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit pairs are no longer kept, and groups still join."""
    monkeypatch.setattr(module, "MAX_PAIRS", 2)
    first = picture(1)
    images = [Image.eval(first, lambda value, more=more: min(255, value + more)) for more in range(5)] + [picture(2)]
    result = found(images, list("abcdef"))
    assert len(result.pairs) == 2
    assert result.cut
    assert len(set(result.near[:5].tolist())) == 1
    assert result.near[5] != result.near[0]


def test_relations_count_pairs_and_images_between_cells() -> None:
    """Three copies in one cell are three pairs and two images too many; across cells those of the second count."""
    groups = np.array([0, 0, 0, 1, 1, 2, 3, 3])
    cells = np.array([0, 0, 0, 0, 1, 1, 1, -1])
    rows = {(r.first, r.second): (r.pairs, r.images) for r in relations(groups, cells)}
    assert rows == {(0, 0): (3, 2), (0, 1): (1, 1)}


def test_copies_in_another_part_and_beyond_the_first() -> None:
    """Masks pick the images of one side that have a copy on the other, and all but the first on one side."""
    groups = np.array([0, 0, 1, 1, 1])
    side = np.array([True, False, True, True, False])
    assert copies_in(groups, ~side, side).tolist() == [False, True, False, False, True]
    assert beyond_first(groups, side).tolist() == [False, False, False, True, False]
