from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import stats
from sklearn import metrics as reference

from analysis.contrasts import metric_contrast
from analysis.errors import InputError
from analysis.intervals import Stratum, crossed_interval
from analysis.metrics import METRICS, QUANTITIES, Quantity, per_image, placements, strata, undefined_reason

Logits = NDArray[np.float64]
Labels = NDArray[np.int64]


def draw(seeds: int = 4, images: int = 60, number: int = 0, digits: int = 1) -> tuple[Logits, Labels]:
    """Logits rounded to few digits, so that there are ties and zeros."""
    rng = np.random.default_rng(number)
    labels = (rng.random(images) < 0.4).astype(int)
    return np.round(rng.normal(size=(seeds, images)) + labels, digits), labels


def sklearn_value(quantity: Quantity, logits: Logits, labels: Labels) -> float:
    said = (logits > 0).astype(int)
    if quantity == "accuracy":
        return float(reference.accuracy_score(labels, said))
    if quantity == "balanced_accuracy":
        return float(reference.balanced_accuracy_score(labels, said))
    if quantity == "recall":
        return float(reference.recall_score(labels, said))
    if quantity == "specificity":
        return float(reference.recall_score(labels, said, pos_label=0))
    return float(reference.roc_auc_score(labels, logits))


@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("digits", [0, 1, 6])
def test_agrees_with_scikit_learn(quantity: Quantity, digits: int) -> None:
    """Each metric of each seed is scikit-learn's, with many ties and with none."""
    logits, labels = draw(digits=digits)
    expected = [sklearn_value(quantity, row, labels) for row in logits]
    assert METRICS[quantity](logits, labels) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_values_per_image_average_to_the_metric(quantity: Quantity) -> None:
    """The mean over images of D[s, i] is the metric of seed s, and so is the weighted sum over strata."""
    logits, labels = draw()
    expected = METRICS[quantity](logits, labels)
    assert per_image(quantity, logits, labels).mean(axis=1) == pytest.approx(expected, rel=1e-12)
    result = crossed_interval(strata(quantity, logits, labels))
    assert result.per_seed == pytest.approx(expected, rel=1e-12)


def test_logit_zero_says_real() -> None:
    """The threshold is exclusive: an undecided image is not called synthetic."""
    assert METRICS["recall"]([[0.0, 1.0]], [1, 1]).tolist() == [0.5]
    assert METRICS["specificity"]([[0.0, 1.0]], [0, 0]).tolist() == [0.5]


def test_auc_of_constant_logits_is_one_half() -> None:
    """Ties everywhere count half."""
    assert METRICS["auc"](np.zeros((2, 6)), [0, 0, 1, 1, 1, 1]).tolist() == [0.5, 0.5]


def brute_placements(row: Logits, labels: Labels) -> tuple[Logits, Logits]:
    synthetic, real = row[labels == 1], row[labels == 0]
    wins = np.array([[(x > y) + 0.5 * (x == y) for y in real] for x in synthetic], dtype=float)
    return wins.mean(axis=1), wins.mean(axis=0)


def test_placements_agree_with_all_pairs() -> None:
    """Placements by ranks equal those by comparing every synthetic image with every real one."""
    logits, labels = draw(seeds=2)
    v10, v01 = placements(logits, labels)
    for s, row in enumerate(logits):
        expected = brute_placements(row, labels)
        assert v10[s] == pytest.approx(expected[0], rel=1e-12)
        assert v01[s] == pytest.approx(expected[1], rel=1e-12)


def test_variance_over_images_of_one_seeds_auc_is_delongs() -> None:
    """With one seed the images-only half-width holds DeLong's variance, computed over all pairs."""
    logits, labels = draw(seeds=1, images=80)
    v10, v01 = brute_placements(logits[0], labels)
    variance = v10.var(ddof=1) / len(v10) + v01.var(ddof=1) / len(v01)
    expected = stats.t.ppf(0.975, 78) * math.sqrt(variance)
    assert crossed_interval(strata("auc", logits, labels)).half_width_images == pytest.approx(expected, rel=1e-10)


def test_variance_of_a_difference_of_aucs_is_delongs() -> None:
    """With one seed the paired difference of two AUCs has DeLong's variance with its covariance."""
    (first, labels), (second, _) = draw(1, 80, 1), draw(1, 80, 2)
    second = second + first
    parts = [brute_placements(row, labels) for row in (first[0], second[0])]
    variance = 0.0
    for which in (0, 1):
        covariance = np.cov(parts[0][which], parts[1][which])
        variance += (covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]) / len(parts[0][which])
    expected = stats.t.ppf(0.975, 78) * math.sqrt(variance)
    result = metric_contrast("auc", first, second, labels)
    assert result.half_width_images == pytest.approx(expected, rel=1e-10)


def test_balanced_accuracy_is_the_half_and_half_contrast() -> None:
    """Through pseudo-values the interval is the same as with recall and specificity as strata of weight one half."""
    logits, labels = draw(seeds=5)
    correct = ((logits > 0) == (labels == 1)).astype(float)
    expected = crossed_interval([Stratum(correct[:, labels == 1], 0.5), Stratum(correct[:, labels == 0], 0.5)])
    result = crossed_interval(strata("balanced_accuracy", logits, labels))
    assert result.low == pytest.approx(expected.low, rel=1e-10)
    assert (result.df, result.var_image) == pytest.approx((expected.df, expected.var_image))


@pytest.mark.parametrize(
    ("quantity", "labels", "words"),
    [
        ("accuracy", [1, 1], "no real images: accuracy"),
        ("balanced_accuracy", [0, 0], "no synthetic images: balanced accuracy"),
        ("auc", [1, 1], "no real images: AUC"),
        ("recall", [0, 0], "no synthetic images: recall"),
        ("specificity", [1, 1], "no real images: specificity"),
        ("recall", [], "no synthetic images"),
    ],
)
def test_one_class_leaves_metrics_undefined(quantity: Quantity, labels: list[int], words: str) -> None:
    """What one class cannot give has a reason, and asking for it is refused with that reason."""
    reason = undefined_reason(quantity, labels)
    assert reason is not None
    assert words in reason
    with pytest.raises(InputError, match=words):
        METRICS[quantity](np.ones((2, len(labels))), labels)


def test_one_class_defines_its_own_metric() -> None:
    """Recall needs synthetic images alone, specificity real ones alone."""
    assert undefined_reason("recall", [1, 1]) is None
    assert undefined_reason("specificity", [0]) is None


@pytest.mark.parametrize(
    ("logits", "labels", "words"),
    [
        (np.zeros(3), [0, 1, 1], r"\(3,\)"),
        (np.zeros((2, 3)), [0, 1], r"\(2, 3\)"),
        (np.zeros((0, 2)), [0, 1], r"\(0, 2\)"),
        ([[0.0, math.nan]], [0, 1], "NaN"),
        ([[0.0, math.inf]], [0, 1], "infinity"),
        ([[0.0, 1.0]], [0, 2], "labels"),
    ],
)
def test_refuses_wrong_arrays(logits: Logits, labels: list[int], words: str) -> None:
    """Shapes, logits and labels that cannot be judged are refused."""
    for quantity in QUANTITIES:
        with pytest.raises(InputError, match=words):
            METRICS[quantity](logits, labels)


judged = st.integers(2, 12).flatmap(
    lambda n: st.tuples(
        arrays(np.float64, (3, n), elements=st.integers(-4, 4).filter(bool).map(float)),
        arrays(np.int64, n, elements=st.integers(0, 1)).filter(lambda labels: 0 < labels.sum() < len(labels)),
    )
)


@given(judged)
def test_relabelling_swaps_recall_and_specificity(data: tuple[Logits, Labels]) -> None:
    """Calling the other class positive swaps recall and specificity and leaves the rest."""
    logits, labels = data
    assert METRICS["recall"](-logits, 1 - labels).tolist() == METRICS["specificity"](logits, labels).tolist()
    for quantity in ("accuracy", "balanced_accuracy", "auc"):
        expected = METRICS[quantity](logits, labels)
        assert METRICS[quantity](-logits, 1 - labels) == pytest.approx(expected, rel=1e-12)


@given(judged)
def test_metrics_are_fractions_and_negation_mirrors_the_auc(data: tuple[Logits, Labels]) -> None:
    """All metrics lie between 0 and 1, and negated logits have the complementary AUC."""
    logits, labels = data
    for quantity in QUANTITIES:
        values = METRICS[quantity](logits, labels)
        assert (values >= 0).all()
        assert (values <= 1).all()
    assert METRICS["auc"](-logits, labels) == pytest.approx(1 - METRICS["auc"](logits, labels))


@given(judged)
def test_auc_sees_ranks_alone(data: tuple[Logits, Labels]) -> None:
    """A growing function of the logits leaves the AUC as it is."""
    logits, labels = data
    assert METRICS["auc"](np.exp(logits) + 3, labels).tolist() == METRICS["auc"](logits, labels).tolist()
