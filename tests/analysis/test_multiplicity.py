from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from analysis.errors import InputError
from analysis.multiplicity import attainable_p, decision_family, holm, map_family, sign_flip_can_reject, with_holm
from analysis.significance import sign_flip
from analysis.summary import Contrast


def by_hand(p: list[float]) -> list[float]:
    """Holm's adjusted p by his definition: the largest of the multiplied p up to each in order, cut at 1."""
    order = sorted(range(len(p)), key=lambda n: p[n])
    adjusted, largest = [0.0] * len(p), 0.0
    for rank, n in enumerate(order):
        largest = max(largest, (len(p) - rank) * p[n])
        adjusted[n] = min(1.0, largest)
    return adjusted


def test_holm_of_worked_examples() -> None:
    """The adjusted p of Holm's step-down procedure, worked out by hand: R's `p.adjust(p, "holm")` gives the same."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02], rel=1e-12)
    assert holm([0.2, 0.3, 0.9]) == pytest.approx([0.6, 0.6, 0.9], rel=1e-12)
    assert holm([0.5, 0.6]) == [1.0, 1.0]


@pytest.mark.parametrize("size", [1, 2, 6, 40])
def test_holm_agrees_with_statsmodels(size: int) -> None:
    """Adjusted p are those of `multipletests`, ties included."""
    p = np.random.default_rng(size).beta(0.3, 3, size=size).round(3)
    assert holm(p.tolist()) == pytest.approx(multipletests(p, method="holm")[1].tolist(), rel=1e-12)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_by_its_definition(p: list[float]) -> None:
    """Adjusted p are those of the definition, written out, with ties and zeros."""
    assert holm(p) == pytest.approx(by_hand(p), rel=1e-12)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_holm_is_monotone(p: list[float], random: object) -> None:
    """Adjusted p keep the order of p, never fall below it or above m times it, and do not depend on positions."""
    adjusted = holm(p)
    for (one, first), (other, second) in itertools.product(zip(p, adjusted, strict=True), repeat=2):
        assert first is not None
        assert second is not None
        assert one <= first <= min(1.0, len(p) * one * (1 + 1e-12))
        assert one > other or first <= second
    order = list(range(len(p)))
    random.shuffle(order)  # type: ignore[attr-defined]
    assert holm([p[n] for n in order]) == [adjusted[n] for n in order]


@given(st.lists(st.none() | st.floats(0, 1), max_size=8))
def test_undefined_p_pass_through_and_do_not_count(p: list[float | None]) -> None:
    """None stays None in its place, and the others are adjusted as if it were not there."""
    adjusted = holm(p)
    assert [value is None for value in adjusted] == [value is None for value in p]
    assert [value for value in adjusted if value is not None] == holm([value for value in p if value is not None])


def test_nothing_to_adjust() -> None:
    """An empty family and one of undefined tests have no adjusted p."""
    assert holm([]) == []
    assert holm([None, None]) == [None, None]
    assert holm([0.03]) == [0.03]


def test_holm_is_taken_within_each_family() -> None:
    """The smallest of three p is multiplied by three, the next by two, whatever stands in another family or in none."""
    labels = {"quantity": "gini", "variant": "both", "test_set": "test", "path": "own", "n_seeds": 4, "n_images": 6}
    told = [("x", 0.03), ("y", 0.03), ("x", 0.001), ("x", None), ("x", 0.02), (None, 0.02)]
    rows = [Contrast(**labels, estimate=0.1 * n, family=family, p=p) for n, (family, p) in enumerate(told)]
    adjusted = with_holm(rows)
    expected = [0.04, 0.03, 0.003, None, 0.04, None]
    assert [row.p_holm for row in adjusted] == [value if value is None else pytest.approx(value) for value in expected]
    assert [row.model_copy(update={"p_holm": None}) for row in adjusted] == rows


def test_families_are_told_apart_by_what_they_hold() -> None:
    """The name of a family holds its quantity, its images and what was compared, and nothing of the pair."""
    assert decision_family("accuracy", "test", None, "pairs") == "accuracy, test, pairs"
    assert decision_family("accuracy", "far", "painter", "factorial") == "accuracy, far:painter, factorial"
    assert map_family("gini", "test", None, None, "saliency.image") == "gini/test/saliency.image"
    assert map_family("gini", "far", "painter", "wrong", "gradcam.image") == "gini/far:painter~wrong/gradcam.image"


@pytest.mark.parametrize("wrong", [-0.01, 1.01, float("nan"), float("inf")])
def test_a_p_that_is_none_is_refused(wrong: float) -> None:
    """What is no probability is refused in one line that names it."""
    with pytest.raises(InputError, match=rf"^p {wrong}: must lie between 0 and 1"):
        holm([0.5, wrong])


@pytest.mark.parametrize(("n_seeds", "zeros"), [(1, 0), (1, 1), (3, 0), (5, 0), (6, 2), (8, 0), (10, 4), (4, 4)])
def test_attainable_p_counts_sign_patterns(n_seeds: int, zeros: int) -> None:
    """The lowest p is the share of all sign patterns as extreme as differences that all point one way."""
    differences = np.array([0.0] * zeros + [1.0 + n for n in range(n_seeds - zeros)])
    patterns = np.array(list(itertools.product((-1, 1), repeat=n_seeds)))
    lowest = float(np.mean(np.abs(patterns @ differences) >= abs(differences.sum())))
    assert attainable_p(n_seeds, zeros) == lowest == sign_flip(differences).p == sign_flip(differences).attainable


def test_attainable_p_of_the_usual_numbers_of_seeds() -> None:
    """The floors that a study is planned with."""
    assert [round(attainable_p(n), 4) for n in (5, 6, 8, 10)] == [0.0625, 0.0312, 0.0078, 0.002]


@pytest.mark.parametrize("family", [1, 2, 3, 6])
@pytest.mark.parametrize("n_seeds", range(1, 11))
def test_can_reject_where_holm_lets_it(n_seeds: int, family: int) -> None:
    """The guard says what Holm says of a family in which one test reached its floor and the others did not."""
    smallest = holm([attainable_p(n_seeds)] + [1.0] * (family - 1))[0]
    assert smallest is not None
    assert sign_flip_can_reject(n_seeds, family) == (smallest < 0.05)


def test_below_eight_seeds_nothing_is_rejected_among_six_pairs() -> None:
    """With Holm over six pairs of variants eight seeds are the fewest, and zeros count as missing seeds."""
    assert [n for n in range(1, 12) if sign_flip_can_reject(n, 6)] == [8, 9, 10, 11]
    assert not sign_flip_can_reject(8, 6, zeros=1)
    assert sign_flip_can_reject(5, 1, alpha=0.1)
    assert not sign_flip_can_reject(5, 1, alpha=0.0625)


def test_refusals() -> None:
    """Numbers out of range are refused in one line."""
    with pytest.raises(InputError, match=r"^0 seeds: "):
        attainable_p(0)
    for zeros in (-1, 4):
        with pytest.raises(InputError, match=rf"^{zeros} differences of 0 among 3 seeds"):
            attainable_p(3, zeros)
    with pytest.raises(InputError, match=r"^a family of 0 tests"):
        sign_flip_can_reject(5, 0)
    for alpha in (0.0, 1.0, float("nan")):
        with pytest.raises(InputError, match=f"^alpha {alpha}"):
            sign_flip_can_reject(5, 1, alpha)
