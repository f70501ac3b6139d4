"""ROC curves and reliability diagrams against scikit-learn and closed forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats
from sklearn.calibration import calibration_curve
from sklearn.metrics import roc_curve

from analysis.build import build_summary
from analysis.calibration import ece
from analysis.curves import STEPS, curve_rows, reliability, roc_on_grid, roc_points
from analysis.errors import InputError
from analysis.frames import Decisions
from analysis.ranks import auc, recall_at_5_fpr


def drawn(seeds: int = 3, images: int = 300, *, ties: bool = False) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seeds * images)
    labels = (np.arange(images) % 3 == 0).astype(np.int8)
    logits = 1.2 * (2 * labels - 1) + 1.5 * rng.standard_normal((seeds, images))
    return np.round(logits, 1 if ties else 12), labels


@pytest.mark.parametrize("ties", [False, True])
def test_points_are_those_of_scikit_learn(ties: bool) -> None:
    """Each seed's curve has scikit-learn's points, with ties and without."""
    logits, labels = drawn(ties=ties)
    for row, (fpr, tpr) in zip(logits, roc_points(logits, labels), strict=True):
        expected = roc_curve(labels, row, drop_intermediate=False)
        np.testing.assert_allclose(fpr, expected[0], atol=1e-15)
        np.testing.assert_allclose(tpr, expected[1], atol=1e-15)


@pytest.mark.parametrize("ties", [False, True])
def test_the_area_below_the_points_is_the_auc(ties: bool) -> None:
    """Trapezoids below a curve add up to the AUC that is quoted beside it."""
    logits, labels = drawn(ties=ties)
    areas = [np.trapezoid(tpr, fpr) for fpr, tpr in roc_points(logits, labels)]
    np.testing.assert_allclose(areas, auc(logits, labels), rtol=1e-12)


def test_grid_between_points_is_linear() -> None:
    """Between scikit-learn's points the grid lies on straight lines, wherever these do not rise straight up."""
    logits, labels = drawn(ties=True)
    for row, found in zip(logits, roc_on_grid(logits, labels, 1000), strict=True):
        fpr, tpr, _ = roc_curve(labels, row)
        grid = np.arange(1001) / 1000
        off = ~np.isclose(grid[:, None], fpr[None], atol=1e-9).any(axis=1)
        assert off.sum() > 800
        np.testing.assert_allclose(found[off], np.interp(grid[off], fpr, tpr), atol=1e-12)


def test_at_a_rise_it_is_the_upper_end() -> None:
    """At a rate that a threshold meets exactly, it is the most recall which that rate allows."""
    logits, labels = drawn(images=300)
    assert (labels == 0).sum() == 200
    found = roc_on_grid(logits, labels, 20)
    np.testing.assert_array_equal(found[:, 1], recall_at_5_fpr(logits, labels))
    highest_real = logits[:, labels == 0].max(axis=1, keepdims=True)
    np.testing.assert_array_equal(found[:, 0], (logits[:, labels == 1] > highest_real).mean(axis=1))
    np.testing.assert_array_equal(found[:, -1], 1)


def test_binormal_curve_is_met() -> None:
    """With normal logits of equal variance the curve is Φ(d + Φ⁻¹(f)), up to the noise of many images."""
    rng = np.random.default_rng(8)
    labels = np.repeat([0, 1], 200_000)
    found = roc_on_grid(rng.standard_normal((1, 400_000)) + 1.3 * labels, labels)[0]
    grid = np.arange(1, STEPS) / STEPS
    np.testing.assert_allclose(found[1:-1], stats.norm.cdf(1.3 + stats.norm.ppf(grid)), atol=0.006)


def test_constant_logits_are_the_diagonal() -> None:
    """Where nothing parts the images the curve is the diagonal, and a reversed one is mirrored at the centre."""
    labels = np.array([0, 1, 0, 1, 1])
    np.testing.assert_allclose(roc_on_grid(np.zeros((2, 5)), labels, 4), np.tile(np.arange(5) / 4, (2, 1)))
    perfect = np.where(labels == 1, 3.0, -3.0)[None]
    assert roc_on_grid(perfect, labels, 4).tolist() == [[1.0] * 5]
    assert roc_on_grid(-perfect, labels, 4).tolist() == [[0.0] * 4 + [1.0]]


@given(st.lists(st.integers(-3, 3), min_size=4, max_size=24), st.randoms(use_true_random=False))
def test_neither_order_nor_scale_counts(values: list[int], random: Any) -> None:
    """Shuffled images give the same curve and bins, rescaled logits the same curve; recall never falls."""
    labels = np.arange(len(values)) % 2
    logits = np.array([values], dtype=np.float64)
    order = list(range(len(values)))
    random.shuffle(order)
    curve = roc_on_grid(logits, labels, 10)
    np.testing.assert_array_equal(roc_on_grid(logits[:, order], labels[order], 10), curve)
    np.testing.assert_array_equal(roc_on_grid(7 * logits - 2, labels, 10), curve)
    assert (np.diff(curve) >= 0).all()
    assert curve.min() >= 0
    assert curve[0, -1] == 1
    for one, two in zip(reliability(logits, labels, 3), reliability(logits[:, order], labels[order], 3), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-12)


def test_bins_are_those_of_scikit_learn() -> None:
    """Without ties, and where the bins can be equal, they are scikit-learn's of equal mass."""
    logits, labels = drawn(images=300)
    predicted, observed = reliability(logits, labels, 15)
    for seed, row in enumerate(logits):
        share, mean = calibration_curve(labels, special.expit(row), n_bins=15, strategy="quantile")
        np.testing.assert_allclose(observed[seed], share, atol=1e-12)
        np.testing.assert_allclose(predicted[seed], mean, atol=1e-12)


@pytest.mark.parametrize("images", [7, 14, 100, 299])
def test_bins_add_up_to_the_whole(images: int) -> None:
    """Bins differ by one image at most, and weighted by their images give the shares of the whole set."""
    logits, labels = drawn(images=images, ties=True)
    bins = min(15, images)
    sizes = np.diff(np.arange(bins + 1) * images // bins)
    assert sizes.max() - sizes.min() <= 1
    predicted, observed = reliability(logits, labels)
    assert predicted.shape == observed.shape == (3, bins)
    np.testing.assert_allclose((observed * sizes).sum(axis=1), labels.sum(), rtol=1e-12)
    np.testing.assert_allclose((predicted * sizes).sum(axis=1), special.expit(logits).sum(axis=1), rtol=1e-12)
    assert (np.diff(predicted) >= 0).all()


def test_a_calibrated_detector_lies_on_the_diagonal() -> None:
    """Labels drawn with the predicted probability give equal coordinates, up to the noise of 40,000 images."""
    rng = np.random.default_rng(4)
    logits = 2 * rng.standard_normal((1, 40_000))
    labels = (rng.random(40_000) < special.expit(logits[0])).astype(int)
    predicted, observed = reliability(logits, labels)
    np.testing.assert_allclose(observed, predicted, atol=0.04)
    assert ece(logits, labels)[0] < 0.02
    # Twice as sure as it should be: too low below one half, too high above it.
    predicted, observed = reliability(2 * logits, labels)
    assert (observed - predicted)[0, 1] > 0.02
    assert (observed - predicted)[0, -2] < -0.02


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: roc_on_grid([[1.0, 2.0]], [1, 1]), "no real images"),
        (lambda: roc_on_grid([[1.0, 2.0]], [0, 1], 0), "needs one or more"),
        (lambda: reliability([[1.0, np.nan]], [0, 1]), "finite"),
        (lambda: reliability([[1.0, 2.0]], [0, 2]), "other values than 0"),
        (lambda: reliability([[1.0, 2.0]], [0, 1], 0), "needs one or more"),
    ],
)
def test_bad_arrays_are_refused(call: Callable[[], object], words: str) -> None:
    """One line says what is wrong."""
    with pytest.raises(InputError, match=words):
        call()


def decisions(logits: np.ndarray, labels: np.ndarray) -> Decisions:
    n = len(labels)
    names = np.array([f"{i:04d}" for i in range(n)], dtype=object)
    sources = np.full(n, "one", dtype=object)
    return Decisions("both", "both", "far", logits, labels, sources, names, tuple(range(len(logits))))


def test_a_row_holds_mean_and_extremes_of_its_seeds() -> None:
    """Mean, lowest and highest seed at each position, with the numbers of seeds and images."""
    logits, labels = drawn()
    roc, bins = curve_rows({"both": decisions(logits, labels)})
    seeds = roc_on_grid(logits, labels)
    assert (roc.id, bins.id) == ("roc/both/far/both", "calibration/both/far/both")
    assert (roc.n_seeds, roc.n_images, len(roc.x)) == (3, 300, 101)
    assert roc.mean == tuple(seeds.mean(axis=0))
    assert (roc.low, roc.high) == (tuple(seeds.min(axis=0)), tuple(seeds.max(axis=0)))
    predicted, observed = reliability(logits, labels)
    assert bins.x == tuple(predicted.mean(axis=0))
    assert bins.mean == tuple(observed.mean(axis=0))


def test_what_is_not_defined_has_a_reason() -> None:
    """One class, or constant logits, leave a row without positions that says why."""
    logits, labels = drawn()
    for row in curve_rows({"both": decisions(logits, np.ones_like(labels))}):
        assert (row.x, row.mean) == ((), ())
        assert "no real images" in str(row.reason)
    roc, bins = curve_rows({"both": decisions(np.zeros((3, 300)), labels)})
    assert roc.reason == "constant predictions: AUC is not defined"
    np.testing.assert_allclose(bins.x, 0.5)
    np.testing.assert_allclose(bins.mean, 1 / 3)


def test_the_summary_has_both_curves_of_every_quoted_set(small_study: Callable[..., dict[str, Any]]) -> None:
    """Every variant along its own path, in and out of sample; validation images are no result."""
    study = small_study()
    summary = build_summary(**study)
    found = [(row.kind, row.variant, row.test_set, row.path) for row in summary.curves]
    own = {card.name: card.path for card in summary.study.variants}
    assert sorted(found) == sorted(
        (kind, variant, test_set, path)
        for kind in ("roc", "calibration")
        for test_set in ("inside", "outside")
        for variant, path in own.items()
    )
    areas = {(row.variant, row.test_set): row.estimate for row in summary.metrics if row.quantity == "auc"}
    assert all(row.x and row.reason is None for row in summary.curves)
    assert set(areas) >= {(row.variant, row.test_set) for row in summary.curves}
