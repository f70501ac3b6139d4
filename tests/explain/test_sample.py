from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from isitcap.explain.sample import sample

SIZES = {("photos", 0): 40, ("scenes", 0): 3, ("mixed", 0): 20, ("mixed", 1): 30, ("painter", 1): 30}


@pytest.fixture
def index() -> pd.DataFrame:
    rows = [key for key, size in SIZES.items() for _ in range(size)]
    return pd.DataFrame(rows, columns=["source", "label"]).sample(frac=1, random_state=0, ignore_index=True)


def counts(index: pd.DataFrame, rows: np.ndarray) -> dict[tuple[str, int], int]:
    return index.iloc[rows].groupby(["source", "label"]).size().to_dict()


def test_labels_and_sources_share_equally(index: pd.DataFrame) -> None:
    """Labels have equal shares of the sample, and within a label its sources."""
    assert counts(index, sample(index, 12, 0, "x")) == {
        ("photos", 0): 2,
        ("scenes", 0): 2,
        ("mixed", 0): 2,
        ("mixed", 1): 3,
        ("painter", 1): 3,
    }


@pytest.mark.parametrize("count", [1, 2, 7, 31, 100])
def test_a_smaller_sample_is_the_beginning_of_a_larger(index: pd.DataFrame, count: int) -> None:
    """Asking for more keeps what was there, no row stands twice, and labels differ by one image at most."""
    rows = sample(index, count, 0, "x")
    assert len(set(rows.tolist())) == count
    assert np.array_equal(rows, sample(index, len(index), 0, "x")[:count])
    assert abs(np.diff(np.bincount(index["label"].to_numpy()[rows], minlength=2)).item()) <= 1


def test_exhausted_strata_pass_their_turn(index: pd.DataFrame) -> None:
    """A source that runs out leaves its share to the label's others."""
    found = counts(index, sample(index, 60, 0, "x"))
    assert found[("scenes", 0)] == 3
    assert sorted((found[("photos", 0)], found[("mixed", 0)])) == [13, 14]


def test_more_than_there_are_gives_all(index: pd.DataFrame) -> None:
    """A sample larger than the set is the whole set."""
    rows = sample(index, 1000, 0, "x")
    assert sorted(rows.tolist()) == list(range(len(index)))
    assert rows.dtype == np.int32


def test_the_draw_is_keyed_by_seed_and_name(index: pd.DataFrame) -> None:
    """The same seed and name give the same rows, another seed or name others."""
    rows = sample(index, 20, 0, "x").tolist()
    assert sample(index, 20, 0, "x").tolist() == rows
    assert sample(index, 20, 1, "x").tolist() != rows
    assert sample(index, 20, 0, "y").tolist() != rows


def test_one_label_alone(index: pd.DataFrame) -> None:
    """A set of one label is sampled from that label."""
    real = index[index["label"] == 0].reset_index(drop=True)
    assert len(sample(real, 9, 0, "x")) == 9
