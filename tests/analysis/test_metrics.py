from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import stats
from sklearn import metrics as reference

from analysis import metrics
from analysis.contrasts import metric_contrast
from analysis.errors import InputError
from analysis.intervals import Stratum, crossed_interval
from analysis.metrics import METRICS, QUANTITIES, Quantity, metric, per_image, strata, undefined_reason
from analysis.quantities import NOT_SMOOTH

Logits = NDArray[np.float64]
Labels = NDArray[np.int64]

SMOOTH = [quantity for quantity in QUANTITIES if quantity not in NOT_SMOOTH]


def draw(seeds: int = 4, images: int = 60, number: int = 0, digits: int = 1) -> tuple[Logits, Labels]:
    """Logits rounded to few digits, so that there are ties and zeros."""
    rng = np.random.default_rng(number)
    labels = (rng.random(images) < 0.4).astype(int)
    return np.round(rng.normal(size=(seeds, images)) + labels, digits), labels


def test_every_metric_has_its_function() -> None:
    """The registry holds each metric once, under the name of its function, and `metric` calls it."""
    logits, labels = draw()
    assert set(METRICS) == set(QUANTITIES)
    for quantity in QUANTITIES:
        name = quantity.removesuffix("_validated")
        assert METRICS[quantity] is getattr(metrics, name)
        assert metric(quantity, logits, labels).tolist() == getattr(metrics, name)(logits, labels).tolist()


@pytest.mark.parametrize("quantity", ["accuracy", "precision", "mcc", "accuracy_validated"])
def test_thresholds_reach_the_metrics_of_decisions(quantity: Quantity) -> None:
    """One threshold per seed is used for metrics of decisions and their values per image."""
    logits, labels = draw()
    cuts = np.array([0.5, -0.5, 0.25, 0.0])
    expected = [METRICS[quantity](logits[s : s + 1] - cut, labels)[0] for s, cut in enumerate(cuts)]
    assert metric(quantity, logits, labels, cuts) == pytest.approx(expected, rel=1e-12)
    assert per_image(quantity, logits, labels, cuts).mean(axis=1) == pytest.approx(expected, rel=1e-12)
    assert crossed_interval(strata(quantity, logits, labels, cuts)).per_seed == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("quantity", ["auc", "brier", "ece", "eer"])
def test_other_metrics_know_no_threshold(quantity: Quantity) -> None:
    """A threshold changes nothing where no decision is made."""
    logits, labels = draw()
    assert metric(quantity, logits, labels, 0.7).tolist() == metric(quantity, logits, labels).tolist()


@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("digits", [0, 1, 6])
def test_values_average_to_the_metric(quantity: Quantity, digits: int) -> None:
    """The weighted mean over strata is the metric of each seed, and so is the mean over images of D[s, i]."""
    logits, labels = draw(digits=digits)
    expected = METRICS[quantity](logits, labels)
    result = crossed_interval(strata(quantity, logits, labels))
    assert result.per_seed == pytest.approx(expected, rel=1e-12)
    if quantity not in NOT_SMOOTH:
        assert per_image(quantity, logits, labels).mean(axis=1) == pytest.approx(expected, rel=1e-12)


WEIGHTED: dict[Quantity, Callable[[Labels, Logits, Logits], float]] = {
    "balanced_accuracy": lambda y, x, w: reference.balanced_accuracy_score(y, x > 0, sample_weight=w),
    "precision": lambda y, x, w: reference.precision_score(y, x > 0, sample_weight=w),
    "f1": lambda y, x, w: reference.f1_score(y, x > 0, sample_weight=w),
    "mcc": lambda y, x, w: reference.matthews_corrcoef(y, x > 0, sample_weight=w),
    "auc": lambda y, x, w: reference.roc_auc_score(y, x, sample_weight=w),
    "average_precision": lambda y, x, w: reference.average_precision_score(y, x, sample_weight=w),
}


@pytest.mark.parametrize("quantity", WEIGHTED)
@pytest.mark.parametrize("digits", [0, 1, 6])
def test_values_per_image_are_the_infinitesimal_jackknifes(quantity: Quantity, digits: int) -> None:
    """U of an image is I times the slope of scikit-learn's metric in that image's weight, class totals held fixed."""
    logits, labels = draw(seeds=2, images=40, digits=digits)
    step = 1e-5
    expected = np.empty(logits.shape)
    for s, row in enumerate(logits):
        for i in range(len(labels)):
            same = labels == labels[i]
            direction = np.where(same, -1 / same.sum(), 0.0)
            direction[i] += 1
            ends = [WEIGHTED[quantity](labels, row, 1 + sign * step * direction) for sign in (1, -1)]
            expected[s, i] = len(labels) * (ends[0] - ends[1]) / (2 * step)
    values = per_image(quantity, logits, labels)
    assert values - values.mean(axis=1, keepdims=True) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("quantity", NOT_SMOOTH)
def test_what_is_not_smooth_has_groups(quantity: Quantity) -> None:
    """EER, recall at few false positives and ECE have one stratum of 40 groups, and no values per image."""
    logits, labels = draw(images=200)
    (stratum,) = strata(quantity, logits, labels)
    assert (stratum.values.shape, stratum.weight) == ((4, 40), 1.0)
    with pytest.raises(InputError, match="no values per image"):
        per_image(quantity, logits, labels)


@pytest.mark.parametrize("quantity", [*NOT_SMOOTH, "auc", "precision"])
def test_one_image_of_a_class_gives_an_estimate_alone(quantity: Quantity) -> None:
    """With one synthetic image there is the metric of each seed, and no interval."""
    logits, labels = np.array([[1.0, -1.0, 2.0], [1.0, 0.5, -2.0], [3.0, 1.0, 2.0]]), [1, 0, 0]
    result = crossed_interval(strata(quantity, logits, labels))
    assert result.per_seed == pytest.approx(METRICS[quantity](logits, labels))
    assert result.reason == "a group of one image: interval not defined"


def brute_placements(row: Logits, labels: Labels) -> tuple[Logits, Logits]:
    synthetic, real = row[labels == 1], row[labels == 0]
    wins = np.array([[(x > y) + 0.5 * (x == y) for y in real] for x in synthetic], dtype=float)
    return wins.mean(axis=1), wins.mean(axis=0)


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


@pytest.mark.parametrize("quantity", ["precision", "f1", "mcc", "average_precision"])
def test_standard_errors_are_those_of_new_images(quantity: Quantity) -> None:
    """Over many test sets the variance told by the values per image is on average the variance that the metric has."""
    rng = np.random.default_rng(3)
    labels = np.repeat([0, 1], [300, 150])
    logits = rng.normal(size=(2000, 450)) + 1.5 * labels
    groups = strata(quantity, logits, labels)
    told = sum(g.weight**2 * g.values.var(axis=1, ddof=1) / g.values.shape[1] for g in groups)
    true = METRICS[quantity](logits, labels).var(ddof=1)
    assert 0.9 < np.mean(told) / true < 1.1


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_undefined_metrics_are_refused_with_their_reason(quantity: Quantity) -> None:
    """What has a reason is refused with it, by the metric and by its values."""
    cases: list[tuple[Any, list[int]]] = [
        (np.ones((2, 2)), [1, 1]),
        (np.ones((2, 2)), [0, 0]),
        (np.ones((2, 0)), []),
        ([[1.0, 2.0], [0.5, 0.5]], [0, 1]),
        ([[1.0, 2.0], [-0.5, -1.5]], [0, 1]),
    ]
    refused = 0
    for logits, labels in cases:
        reason = undefined_reason(quantity, labels, logits)
        if reason is None:
            assert np.isfinite(METRICS[quantity](logits, labels)).all()
            continue
        refused += 1
        for function in (METRICS[quantity], lambda x, y: strata(quantity, x, y)):
            with pytest.raises(InputError) as caught:
                function(logits, labels)
            assert str(caught.value).rpartition(":")[0] == reason.rpartition(":")[0]
    assert refused >= 2


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
def test_refuses_wrong_arrays(logits: Any, labels: list[int], words: str) -> None:
    """Shapes, logits and labels that cannot be judged are refused by every metric."""
    for quantity in QUANTITIES:
        for function in (METRICS[quantity], lambda x, y, q=quantity: strata(q, x, y)):
            with pytest.raises(InputError, match=words):
                function(logits, labels)


judged = st.integers(2, 12).flatmap(
    lambda n: st.tuples(
        arrays(np.float64, (3, n), elements=st.integers(-4, 4).filter(bool).map(float)),
        arrays(np.int64, n, elements=st.integers(0, 1)).filter(lambda labels: 0 < labels.sum() < len(labels)),
    )
)


@given(judged, st.sampled_from(QUANTITIES))
def test_metrics_lie_on_their_scales(data: tuple[Logits, Labels], quantity: Quantity) -> None:
    """All metrics are fractions, but MCC from -1 to 1 and log loss from 0 up."""
    logits, labels = data
    assume(undefined_reason(quantity, labels, logits) is None)
    values = METRICS[quantity](logits, labels)
    assert (values >= (-1.0 if quantity == "mcc" else 0.0) - 1e-12).all()
    assert (values <= (math.inf if quantity == "log_loss" else 1.0) + 1e-12).all()


@given(judged, st.sampled_from(SMOOTH), st.integers(0, 1000))
def test_images_and_seeds_may_come_in_any_order(data: tuple[Logits, Labels], quantity: Quantity, number: int) -> None:
    """Permuted images and seeds give the same interval."""
    logits, labels = data
    assume(undefined_reason(quantity, labels, logits) is None)
    rng = np.random.default_rng(number)
    images, seeds = rng.permutation(len(labels)), rng.permutation(len(logits))
    one = crossed_interval(strata(quantity, logits, labels))
    two = crossed_interval(strata(quantity, logits[seeds][:, images], labels[images]))
    assert two.estimate == pytest.approx(one.estimate, abs=1e-12)
    assert two.half_width_images == pytest.approx(one.half_width_images, abs=1e-9)
