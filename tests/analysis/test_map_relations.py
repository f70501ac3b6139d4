from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from analysis.dispersion_subsets import OwnDecisions
from analysis.errors import InputError
from analysis.map_frames import MapCell
from analysis.map_relations import rank_biserial_per_image, relations, spearman_per_image

Array = NDArray[np.float64]


def weighted_spearman(x: Array, y: Array, w: Array) -> float:
    """Pearson's correlation of the weighted middle distribution functions."""
    w = w / w.sum()
    columns = [((v[None] < v[:, None]) + 0.5 * (v[None] == v[:, None])) @ w for v in (x, y)]
    covariance = np.cov(np.stack(columns), aweights=w, bias=True)
    return float(covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1]))


def weighted_rank_biserial(x: Array, y: Array, w: Array) -> float:
    """The weighted share of pairs (right, wrong) that x puts in order, less the share it does not."""
    right, wrong = y == 1, y == 0
    signs = np.sign(x[right][:, None] - x[wrong][None])
    return float(w[right] @ signs @ w[wrong] / (w[right].sum() * w[wrong].sum()))


def moved(statistic: Callable[[Array, Array, Array], float], x: Array, y: Array) -> Array:
    """The infinitesimal jackknife: the statistic plus n times its slope in each image's weight."""
    n, step = len(x), 1e-5
    slopes = []
    for i in range(n):
        ups = np.ones(n), np.ones(n)
        ups[0][i] += step
        ups[1][i] -= step
        slopes.append((statistic(x, y, ups[0]) - statistic(x, y, ups[1])) / (2 * step))
    return statistic(x, y, np.ones(n)) + n * np.array(slopes)


def draws(ties: bool) -> tuple[Array, Array]:
    rng = np.random.default_rng(7)
    x = rng.normal(size=(3, 25))
    y = 0.7 * x + rng.normal(size=(3, 25))
    return (np.round(x), np.round(y)) if ties else (x, y)


@pytest.mark.parametrize("ties", [False, True])
def test_spearman_is_scipys_and_moves_as_weights_do(ties: bool) -> None:
    """Each seed's mean is SciPy's correlation, each value what that image's weight moves, with ties too."""
    x, y = draws(ties)
    found = spearman_per_image(x, y)
    for s in range(3):
        assert found[s].mean() == pytest.approx(stats.spearmanr(x[s], y[s]).statistic, abs=1e-12)
        np.testing.assert_allclose(found[s], moved(weighted_spearman, x[s], y[s]), atol=1e-6)


@pytest.mark.parametrize("ties", [False, True])
def test_rank_biserial_is_that_of_mann_and_whitney(ties: bool) -> None:
    """Each seed's mean is 2U/(n₁n₀) - 1 by SciPy, each value what that image's weight moves."""
    x, other = draws(ties)
    right = other > np.array([[0.0], [0.5], [-0.5]])
    found = rank_biserial_per_image(x, right)
    for s in range(3):
        u = stats.mannwhitneyu(x[s][right[s]], x[s][~right[s]]).statistic
        assert found[s].mean() == pytest.approx(2 * u / (right[s].sum() * (~right[s]).sum()) - 1, abs=1e-12)
        np.testing.assert_allclose(found[s], moved(weighted_rank_biserial, x[s], right[s].astype(float)), atol=1e-6)


def test_perfect_and_opposite_order() -> None:
    """Values in one order, or in the opposite one, have correlation 1 and -1 for both."""
    x = np.arange(12.0)[None]
    right = x >= 5
    assert spearman_per_image(x, x**3).mean() == pytest.approx(1)
    assert spearman_per_image(x, -x).mean() == pytest.approx(-1)
    assert rank_biserial_per_image(x, right).mean() == pytest.approx(1)
    assert rank_biserial_per_image(-x, right).mean() == pytest.approx(-1)


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        (np.ones((2, 4)), np.zeros((2, 5)), "shape"),
        (np.ones((1, 4)), np.arange(4.0)[None], "equal"),
        (np.arange(4.0)[None], np.array([[0.0, np.nan, 1.0, 2.0]]), "NaN"),
    ],
)
def test_what_has_no_rank_correlation_is_refused(x: Array, y: Array, words: str) -> None:
    """Shapes that differ, constants and NaN are no input."""
    with pytest.raises(InputError, match=words):
        spearman_per_image(x, y)


def test_a_seed_without_wrong_decisions_is_refused() -> None:
    """The rank-biserial correlation needs both sides."""
    with pytest.raises(InputError, match="no wrong"):
        rank_biserial_per_image([[0.1, 0.2]], [[True, True]])
    with pytest.raises(InputError, match="NaN"):
        rank_biserial_per_image([[0.1, np.nan]], [[True, False]])
    with pytest.raises(InputError, match="shape"):
        rank_biserial_per_image([[0.1, 0.2]], [True, True])


def planted(wrong: int = 20) -> tuple[MapCell, OwnDecisions]:
    """Sixty images whose entropy falls with |logit|; some of them are decided wrongly, at high entropy."""
    rng = np.random.default_rng(8)
    labels = (np.arange(60) % 2).astype(np.int8)
    sure = np.linspace(0.2, 4.0, 60) + 0.05 * rng.random((4, 60))
    sign = np.where(labels == 1, 1.0, -1.0) * np.where(np.arange(60) < wrong, -1.0, 1.0)
    entropy = 0.9 - sure / 10 + 0.02 * rng.normal(size=(4, 60))
    measures = {"entropy": entropy, "gini": np.full((4, 60), 0.5)}
    rows = np.arange(60, dtype=np.int32)
    cell = MapCell("augment", "inside", "saliency", "image", (0, 1, 2, 3), rows, measures, 0)
    return cell, OwnDecisions((0, 1, 2, 3), {"augment": sure * sign}, labels)


def test_planted_relations_are_found() -> None:
    """Entropy goes down with |logit| and is higher in wrong decisions; every seed's value stands beside."""
    cell, decisions = planted()
    rows = {row.id: (row, values) for row, values in relations(cell, decisions, 0.95)}
    row, values = rows["entropy_confidence_spearman/augment/inside/saliency.image"]
    expected = [
        stats.spearmanr(v, np.abs(z)).statistic
        for v, z in zip(cell.measures["entropy"], decisions.of(cell), strict=True)
    ]
    assert [value.value for value in values] == pytest.approx(expected)
    assert row.estimate == pytest.approx(np.mean(expected))
    assert row.high is not None
    assert row.high < 0
    assert row.p is not None
    assert row.p < 1e-6
    row, _ = rows["entropy_correct_rank_biserial/augment/inside/saliency.image"]
    assert row.high is not None
    assert row.high < 0


def test_what_cannot_be_related_says_why() -> None:
    """A constant measure, few wrong decisions, few images and no image at all each have their reason."""
    cell, decisions = planted(wrong=9)
    rows = {row.quantity: row for row, _ in relations(cell, decisions, 0.95)}
    assert "equal" in str(rows["gini_confidence_spearman"].reason)
    assert rows["entropy_correct_rank_biserial"].reason == "9 wrong decisions of a seed: fewer than 10 give no relation"
    cell.measures["entropy"][0, 9:] = np.nan
    rows = {row.quantity: row for row, _ in relations(cell, decisions, 0.95)}
    assert rows["entropy_confidence_spearman"].reason == "9 images: fewer than 10 give no relation"
    cell.measures["entropy"][1] = np.nan
    for row, values in relations(cell, decisions, 0.95):
        if row.quantity.startswith("entropy"):
            assert (row.estimate, row.n_images, row.reason) == (None, 0, "no image has a measured map for every seed")
            assert all(value.value is None for value in values)
