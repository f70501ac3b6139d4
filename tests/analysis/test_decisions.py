from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import optimize
from sklearn import metrics as reference

from analysis import decisions
from analysis.decisions import correct, of_rates, validation_threshold
from analysis.errors import InputError
from analysis.quantities import Quantity

Logits = NDArray[np.float64]
Labels = NDArray[np.int64]

SCIKIT_LEARN: dict[Quantity, Callable[[Labels, Labels], float]] = {
    "accuracy": reference.accuracy_score,
    "balanced_accuracy": reference.balanced_accuracy_score,
    "recall": reference.recall_score,
    "specificity": lambda labels, said: reference.recall_score(labels, said, pos_label=0),
    "precision": reference.precision_score,
    "f1": reference.f1_score,
    "mcc": reference.matthews_corrcoef,
}


def of(quantity: Quantity, logits: Any, labels: Any, threshold: Any = 0.0) -> NDArray[np.float64]:
    found: NDArray[np.float64] = getattr(decisions, quantity)(logits, labels, threshold)
    return found


def draw(number: int = 0, digits: int = 1) -> tuple[Logits, Labels]:
    """Logits rounded to few digits, so that there are ties and zeros."""
    rng = np.random.default_rng(number)
    labels = (rng.random(60) < 0.4).astype(int)
    return np.round(rng.normal(size=(4, 60)) + labels, digits), labels


@pytest.mark.parametrize("quantity", SCIKIT_LEARN)
@pytest.mark.parametrize("digits", [0, 1, 6])
@pytest.mark.parametrize("threshold", [0.0, 0.7, [0.3, -0.2, 0.0, 1.0]])
def test_agrees_with_scikit_learn(quantity: Quantity, digits: int, threshold: float | list[float]) -> None:
    """Each metric of each seed is scikit-learn's, with many ties and with none, at one threshold or one per seed."""
    logits, labels = draw(digits=digits)
    cuts = np.broadcast_to(np.asarray(threshold), 4)
    expected = [SCIKIT_LEARN[quantity](labels, (row > cut).astype(int)) for row, cut in zip(logits, cuts, strict=True)]
    assert of(quantity, logits, labels, threshold) == pytest.approx(expected, rel=1e-12)


def test_a_logit_at_the_threshold_says_real() -> None:
    """The threshold is exclusive: an undecided image is not called synthetic."""
    assert of("recall", [[0.0, 1.0]], [1, 1]).tolist() == [0.5]
    assert of("specificity", [[0.0, 1.0]], [0, 0]).tolist() == [0.5]
    assert of("recall", [[0.0, 1.0]], [1, 1], threshold=1.0).tolist() == [0.0]


def test_thresholds_are_not_rounded_to_the_logits() -> None:
    """A threshold between two neighbouring float32 numbers parts them."""
    low = np.float32(0.1)
    high = np.nextafter(low, np.float32(1))
    middle = (float(low) + float(high)) / 2
    logits = np.array([[low, high]], dtype=np.float32)
    assert of("accuracy", logits, [0, 1], threshold=middle).tolist() == [1.0]
    assert of("accuracy", logits, [0, 1], threshold=[middle]).tolist() == [1.0]


def test_f1_of_a_seed_that_calls_nothing_synthetic_is_zero() -> None:
    """With synthetic images in the set F1 is always defined."""
    assert of("f1", [[-1.0, -2.0], [1.0, -1.0]], [1, 0]).tolist() == [0.0, 1.0]


@pytest.mark.parametrize(
    ("quantity", "logits", "words"),
    [
        ("precision", [[1.0, -1.0], [-1.0, -2.0]], "nothing called synthetic: precision"),
        ("mcc", [[1.0, -1.0], [-1.0, 0.0]], "nothing called synthetic: MCC"),
        ("mcc", [[1.0, -1.0], [1.0, 2.0]], "everything called synthetic: MCC"),
    ],
)
def test_empty_margins_are_refused(quantity: Quantity, logits: list[list[float]], words: str) -> None:
    """What would divide by 0 for one seed is refused for all."""
    with pytest.raises(InputError, match=words):
        of(quantity, logits, [1, 0])


@pytest.mark.parametrize("quantity", ["balanced_accuracy", "precision", "f1", "mcc"])
@pytest.mark.parametrize("rates", [(0.5, 0.9), (0.93, 0.4), (0.1, 0.2)])
def test_slopes_are_those_of_the_value(quantity: Quantity, rates: tuple[float, float]) -> None:
    """The two partial derivatives are the numerical ones."""

    def value(at: NDArray[np.float64]) -> float:
        return float(of_rates(quantity, at[:1], at[1:], 30, 70)[0][0])

    at = np.array(rates)
    _, *slopes = of_rates(quantity, at[:1], at[1:], 30, 70)
    expected = optimize.approx_fprime(at, value, 1e-7)
    assert np.concatenate(slopes) == pytest.approx(expected, rel=1e-5)


def test_correct_says_who_is_right() -> None:
    """Decisions agree with labels on both sides of the threshold."""
    right, positive = correct("accuracy", [[2.0, -1.0, -1.0, 2.0]], [1, 1, 0, 0])
    assert right.tolist() == [[True, False, True, False]]
    assert positive.tolist() == [True, True, False, False]


def best_by_trial(row: Logits, labels: Labels) -> float:
    """The best balanced accuracy over a grid that meets every gap between logits."""
    grid = np.unique(np.concatenate([row, row - 1e-6, [row.min() - 1, 0.0]]))
    return max(float(reference.balanced_accuracy_score(labels, row > cut)) for cut in grid)


@pytest.mark.parametrize("number", range(6))
def test_no_threshold_beats_the_validated_one(number: int) -> None:
    """The threshold's balanced accuracy is the largest that any threshold reaches."""
    logits, labels = draw(number)
    found = validation_threshold(logits, labels)
    assert of("balanced_accuracy", logits, labels, found) == pytest.approx(
        [best_by_trial(row, labels) for row in logits], rel=1e-12
    )


@pytest.mark.parametrize(
    ("row", "labels", "expected"),
    [
        ([1.0, 2.0, -1.0, -2.0], [1, 1, 0, 0], 0.0),
        ([3.0, 2.0, 1.0, 0.5], [1, 1, 0, 0], 1.5),
        ([-1.0, -2.0, -3.0, -4.0], [1, 1, 0, 0], -2.5),
        ([5.0, 5.0, 5.0, 5.0], [1, 1, 0, 0], 0.0),
        # Each of two gaps leaves one wrong: 4.5 and 1.5 are equally good, the nearer one is taken.
        ([5.0, 2.0, 4.0, 1.0], [1, 1, 0, 0], 1.5),
        # Upside down, nothing beats calling all images one class, and 0 does that.
        ([1.0, 2.0, 3.0, 4.0], [1, 1, 0, 0], 0.0),
        # Here no candidate but the outermost ones does.
        ([-1.0, -2.0, 3.0, 4.0], [1, 1, 0, 0], np.nextafter(-2.0, -np.inf)),
    ],
)
def test_ties_take_the_threshold_nearest_zero(row: list[float], labels: list[int], expected: float) -> None:
    """Of equally good thresholds it is 0 or the nearest to it; a gap is cut in its middle."""
    assert validation_threshold([row], labels).tolist() == [expected]


def test_a_threshold_between_neighbouring_numbers_parts_them() -> None:
    """Where no number lies between two logits, the lower one is the threshold."""
    low = 1.0
    logits = [[low, np.nextafter(low, 2.0)]]
    found = validation_threshold(logits, [0, 1])
    assert of("accuracy", logits, [0, 1], found).tolist() == [1.0]


def test_validation_needs_both_classes() -> None:
    """A threshold cannot be fixed on images of one class."""
    with pytest.raises(InputError, match="no real images: balanced accuracy"):
        validation_threshold([[1.0, 2.0]], [1, 1])


judged = st.integers(2, 12).flatmap(
    lambda n: st.tuples(
        arrays(np.float64, (3, n), elements=st.integers(-4, 4).filter(bool).map(float)),
        arrays(np.int64, n, elements=st.integers(0, 1)).filter(lambda labels: 0 < labels.sum() < len(labels)),
    )
)


@given(judged)
def test_relabelling_swaps_recall_and_specificity(data: tuple[Logits, Labels]) -> None:
    """Calling the other class positive swaps recall and specificity and leaves accuracies and MCC."""
    logits, labels = data
    assert of("recall", -logits, 1 - labels).tolist() == of("specificity", logits, labels).tolist()
    for quantity in ("accuracy", "balanced_accuracy"):
        expected = of(quantity, logits, labels)
        assert of(quantity, -logits, 1 - labels) == pytest.approx(expected, rel=1e-12)
    called = (logits > 0).sum(axis=1)
    assume(bool(((called > 0) & (called < len(labels))).all()))
    assert of("mcc", -logits, 1 - labels) == pytest.approx(of("mcc", logits, labels), abs=1e-12)


@given(judged)
def test_f1_is_the_harmonic_mean_of_precision_and_recall(data: tuple[Logits, Labels]) -> None:
    """Where precision is defined and something is found, F1 lies between precision and recall and is their mean."""
    logits, labels = data
    assume(bool(((logits > 0) & (labels == 1)).any(axis=1).all()))
    p, r, f = (of(name, logits, labels) for name in ("precision", "recall", "f1"))
    assert f == pytest.approx(2 / (1 / p + 1 / r), rel=1e-12)
    assert (np.minimum(p, r) - 1e-12 <= f).all()
    assert (f <= np.maximum(p, r) + 1e-12).all()


@given(judged)
def test_the_validated_threshold_is_never_worse_than_zero(data: tuple[Logits, Labels]) -> None:
    """On the images that fixed it, the threshold has at least the balanced accuracy of 0, and of one half."""
    logits, labels = data
    found = of("balanced_accuracy", logits, labels, validation_threshold(logits, labels))
    assert (found >= of("balanced_accuracy", logits, labels)).all()
    assert (found >= 0.5).all()
