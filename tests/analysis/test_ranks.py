from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import interpolate, optimize
from sklearn import metrics as reference

from analysis.errors import InputError
from analysis.ranks import (
    auc,
    average_precision,
    average_precision_influence,
    crossing,
    eer,
    order_codes,
    placements,
    recall_at_5_fpr,
    recall_at_allowed,
)

Logits = NDArray[np.float64]
Labels = NDArray[np.int64]
Metric = Callable[[Any, Any], NDArray[np.float64]]


def draw(seeds: int = 4, images: int = 150, number: int = 0, digits: int = 1) -> tuple[Logits, Labels]:
    """Logits rounded to few digits, so that there are ties."""
    rng = np.random.default_rng(number)
    labels = (rng.random(images) < 0.4).astype(int)
    return np.round(rng.normal(size=(seeds, images)) + labels, digits), labels


def eer_by_root(labels: Labels, row: Logits) -> float:
    """Where the ROC curve, drawn as straight lines between its points, meets the falling diagonal."""
    fpr, tpr, _ = reference.roc_curve(labels, row, drop_intermediate=False)
    curve = interpolate.interp1d(np.arange(len(fpr)), np.stack([fpr, tpr]))
    at = optimize.brentq(lambda t: curve(t)[0] - (1 - curve(t)[1]), 0, len(fpr) - 1, xtol=1e-14)
    return float(curve(at)[0])


def recall_by_curve(labels: Labels, row: Logits) -> float:
    fpr, tpr, _ = reference.roc_curve(labels, row, drop_intermediate=False)
    return float(tpr[fpr <= 0.05].max())


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (auc, reference.roc_auc_score),
        (average_precision, reference.average_precision_score),
        (eer, eer_by_root),
        (recall_at_5_fpr, recall_by_curve),
    ],
)
@pytest.mark.parametrize("digits", [0, 1, 6])
@pytest.mark.parametrize("number", range(3))
def test_agrees_with_scikit_learn(
    function: Metric, expected: Callable[[Labels, Logits], float], digits: int, number: int
) -> None:
    """Each metric of each seed is that of scikit-learn's curves, with many ties and with none."""
    logits, labels = draw(digits=digits, number=number)
    assert function(logits, labels) == pytest.approx([expected(labels, row) for row in logits], rel=1e-10)


def test_float32_logits_give_the_same() -> None:
    """Logits as they are stored give what the same numbers in float64 give."""
    logits, labels = draw(digits=6)
    single = logits.astype(np.float32)
    for function in (auc, average_precision, eer, recall_at_5_fpr):
        assert function(single, labels).tolist() == function(single.astype(np.float64), labels).tolist()


@pytest.mark.parametrize(("function", "name"), [(auc, "AUC"), (average_precision, "average precision"), (eer, "EER")])
def test_constant_logits_are_refused(function: Metric, name: str) -> None:
    """A seed that gives all images one logit has no order."""
    with pytest.raises(InputError, match=f"constant predictions: {name} is not defined"):
        function([[1.0, 2.0, 3.0], [0.5, 0.5, 0.5]], [0, 1, 1])


def test_placements_and_recall_of_constant_logits() -> None:
    """All placements of constant logits are one half, and no threshold finds anything at few false positives."""
    assert [v.tolist() for v in placements(np.zeros((1, 3)), [0, 1, 1])] == [[[0.5, 0.5]], [[0.5]]]
    assert recall_at_5_fpr(np.zeros((2, 6)), [0, 0, 1, 1, 1, 1]).tolist() == [0.0, 0.0]


def brute_placements(row: Logits, labels: Labels) -> tuple[Logits, Logits]:
    synthetic, real = row[labels == 1], row[labels == 0]
    wins = np.array([[(x > y) + 0.5 * (x == y) for y in real] for x in synthetic], dtype=float)
    return wins.mean(axis=1), wins.mean(axis=0)


def test_placements_agree_with_all_pairs() -> None:
    """Placements by ranks equal those by comparing every synthetic image with every real one."""
    logits, labels = draw(seeds=2, images=60)
    v10, v01 = placements(logits, labels)
    for s, row in enumerate(logits):
        expected = brute_placements(row, labels)
        assert v10[s] == pytest.approx(expected[0], rel=1e-12)
        assert v01[s] == pytest.approx(expected[1], rel=1e-12)


@pytest.mark.parametrize(("n_real", "allowed"), [(19, 0), (20, 1), (39, 1), (40, 2), (60, 3), (140, 7)])
def test_five_per_cent_of_real_images_are_allowed(n_real: int, allowed: int) -> None:
    """The threshold lies at the first real image too many, at whole numbers that floating point would miss, too."""
    real = np.arange(n_real, dtype=float)
    logits = np.concatenate([real, real + 0.5])[None]
    labels = np.repeat([0, 1], n_real)
    # A synthetic image stands above each real one: the allowed ones, and the one whose real image is the threshold.
    assert recall_at_5_fpr(logits, labels) == pytest.approx([(allowed + 1) / n_real])


def test_ties_at_the_threshold_are_taken_together() -> None:
    """Where the real images allowed tie with one too many, none of them may be called synthetic."""
    labels = np.repeat([0, 1], 20)
    logits = np.concatenate([np.arange(20.0), np.arange(20.0) + 0.5])
    logits[18] = 19.0
    assert recall_at_5_fpr(logits[None], labels).tolist() == [0.05]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ([4.0, 3.0, 2.0, 1.0], 0.0),
        ([1.0, 2.0, 3.0, 4.0], 1.0),
        ([4.0, 1.0, 3.0, 0.0], 0.5),
        ([2.0, 1.0, 1.0, 1.0], 1 / 3),
        ([1.0, 1.0, 1.0, 0.0], 1 / 3),
    ],
)
def test_known_equal_error_rates(row: list[float], expected: float) -> None:
    """Parted, upside down, interleaved, and crossing within a tie above or below."""
    assert eer([row], [1, 1, 0, 0]) == pytest.approx([expected])


def test_influences_sum_to_zero_in_each_class() -> None:
    """What one image adds to the average precision the others of its class take away."""
    logits, labels = draw()
    influence = average_precision_influence(logits, labels)
    for label in (0, 1):
        assert influence[:, labels == label].sum(axis=1) == pytest.approx(np.zeros(4), abs=1e-9)
    assert np.abs(influence).max() > 0.1


def test_unchecked_functions_are_those_that_check() -> None:
    """What the jackknife calls gives the metrics themselves."""
    logits, labels = draw()
    positive = labels == 1
    assert crossing(order_codes(logits, positive), positive).tolist() == eer(logits, labels).tolist()
    assert recall_at_allowed(logits, positive).tolist() == recall_at_5_fpr(logits, labels).tolist()


ordered = st.integers(2, 12).flatmap(
    lambda n: st.tuples(
        arrays(np.float64, (3, n), elements=st.integers(-4, 4).map(float)),
        arrays(np.int64, n, elements=st.integers(0, 1)).filter(lambda labels: 0 < labels.sum() < len(labels)),
    )
)


@given(ordered)
def test_only_the_order_counts(data: tuple[Logits, Labels]) -> None:
    """A growing function of the logits leaves every metric as it is, and all are fractions."""
    logits, labels = data
    assume(not (logits == logits[:, :1]).all(axis=1).any())
    for function in (auc, average_precision, eer, recall_at_5_fpr):
        values = function(logits, labels)
        assert function(np.exp(logits) + 3, labels).tolist() == values.tolist()
        assert ((values >= 0) & (values <= 1)).all()


@given(ordered)
def test_turning_round(data: tuple[Logits, Labels]) -> None:
    """Negated logits have the complementary AUC and EER; with the labels changed too, both are the same."""
    logits, labels = data
    assume(not (logits == logits[:, :1]).all(axis=1).any())
    for function in (auc, eer):
        assert function(-logits, labels) == pytest.approx(1 - function(logits, labels))
        assert function(-logits, 1 - labels) == pytest.approx(function(logits, labels))


@given(ordered, st.integers(0, 1000))
def test_images_may_come_in_any_order(data: tuple[Logits, Labels], number: int) -> None:
    """Permuted images change no metric and permute the influences."""
    logits, labels = data
    assume(not (logits == logits[:, :1]).all(axis=1).any())
    order = np.random.default_rng(number).permutation(len(labels))
    for function in (auc, average_precision, eer, recall_at_5_fpr):
        assert function(logits[:, order], labels[order]) == pytest.approx(function(logits, labels), abs=1e-12)
    expected = average_precision_influence(logits, labels)[:, order]
    assert average_precision_influence(logits[:, order], labels[order]) == pytest.approx(expected, abs=1e-9)
