"""Seeded, stratified draws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isitcap.data.sampling import allocate, allocate_nested, draw, generator


def test_streams_differ_by_seed_and_by_purpose() -> None:
    """One seed and purpose give one stream; another of either gives another."""
    first = [generator(seed, purpose).integers(0, 2**32) for seed, purpose in ((1, "a"), (1, "a"), (2, "a"), (1, "b"))]
    assert first[0] == first[1]
    assert len(set(first)) == 3


@given(sizes=st.lists(st.integers(0, 500), min_size=1, max_size=20), data=st.data())
def test_shares_add_up_and_stay_within_one_of_proportion(sizes: list[int], data: st.DataObject) -> None:
    """Largest remainder: whole numbers that sum to the total, each within one of the exact share and in its size."""
    total = data.draw(st.integers(0, sum(sizes)))
    shares = allocate(sizes, total)
    assert shares.sum() == total
    assert (shares <= sizes).all()
    if total:
        assert (np.abs(shares - np.array(sizes) * total / sum(sizes)) < 1).all()


def test_largest_remainders_come_first() -> None:
    """Ten shared over 3 : 3 : 1 : 3 gives the tenth to the largest remainder."""
    assert allocate([30, 30, 10, 29], 10).tolist() == [3, 3, 1, 3]
    assert allocate([5, 5], 5).tolist() == [3, 2]


@pytest.mark.parametrize("total", [-1, 11])
def test_more_than_there_is_cannot_be_shared(total: int) -> None:
    """A total outside 0 … sum is a defect of the caller."""
    with pytest.raises(ValueError, match="cannot share"):
        allocate([4, 6], total)


def test_many_small_groups_do_not_unbalance_the_labels() -> None:
    """Half of 200 groups of three a label: 300 of each label, though every group's share has the same remainder."""
    outer = np.repeat([0, 1], 200)
    shares = allocate_nested(generator(0, "x"), outer, np.full(400, 3), 600)
    assert [shares[outer == label].sum() for label in (0, 1)] == [300, 300]
    assert set(shares) == {1, 2}
    assert shares[:100].sum() != shares[100:200].sum() or (shares[:200] != shares[200:]).any()


def test_equal_remainders_are_settled_by_the_draw() -> None:
    """Which of equal groups give the odd image depends on the seed, not on their order."""
    outer, sizes = np.zeros(50, dtype=np.int64), np.full(50, 3)
    shares = [allocate_nested(generator(seed, "x"), outer, sizes, 75).tolist() for seed in (0, 0, 1)]
    assert shares[0] == shares[1] != shares[2]


def test_a_draw_keeps_proportions() -> None:
    """A tenth of 900 and 100 is 90 and 10, without repeats, in ascending order."""
    outer = ["a"] * 900 + ["b"] * 100
    rows = draw(generator(0, "x"), outer, [""] * 1000, 100)
    assert (np.diff(rows) > 0).all()
    assert (rows < 900).sum() == 90


def test_a_draw_of_all_keeps_every_row() -> None:
    """No fewer than all there is: the rows as they are, the generator untouched."""
    rng = generator(0, "x")
    before = rng.bit_generator.state
    assert draw(rng, ["a", "b"], ["", ""], 5).tolist() == [0, 1]
    assert rng.bit_generator.state == before
