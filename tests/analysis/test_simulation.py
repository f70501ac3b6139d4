from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analysis.errors import InputError
from analysis.metrics import METRICS
from analysis.simulation import (
    DIFFICULTY_SD,
    Design,
    draw_logits,
    true_components,
    true_difference,
    true_values,
)

EVERYTHING: dict[str, float] = {"seed_sd": 0.3, "image_sd": 0.5, "threshold_sd": 0.4, "gain": 0.04, "tilt": 0.03}


def studies(design: Design, repetitions: int, number: int = 0) -> Any:
    """All logits (R, V, S, I) of a simulation."""
    return np.concatenate(list(draw_logits(design, repetitions, np.random.default_rng(number))))


@pytest.mark.parametrize("quantity", ["accuracy", "balanced_accuracy", "auc"])
def test_the_truth_is_what_many_studies_find(quantity: Any) -> None:
    """Metrics of simulated studies scatter around the stated true values of both variants."""
    design = Design(2, 100, quantity=quantity, **EVERYTHING)  # type: ignore[arg-type]
    found = np.array([[METRICS[quantity](v, design.labels).mean() for v in study] for study in studies(design, 1000)])
    errors = found.std(axis=0, ddof=1) / math.sqrt(len(found))
    assert np.abs(found.mean(axis=0) - true_values(design)) == pytest.approx(0, abs=4 * errors.max())
    difference = found[:, 0] - found[:, 1]
    error = difference.std(ddof=1) / math.sqrt(len(found))
    assert difference.mean() == pytest.approx(true_difference(design), abs=4 * error)
    assert abs(true_difference(design)) > 4 * error


def test_the_truth_is_that_of_quadrature() -> None:
    """Rates and AUC are the integrals over seeds of what a seed of given quality and threshold reaches."""
    design = Design(5, 100, **EVERYTHING)  # type: ignore[arg-type]
    rest = 1 + DIFFICULTY_SD**2 + design.image_sd**2
    real, synthetic = design.margins()[0]

    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    weights = weights / weights.sum()
    u, t = design.seed_sd * nodes[:, None], design.threshold_sd * nodes
    recall = stats.norm.cdf((synthetic + u + t) / math.sqrt(rest))
    specificity = stats.norm.cdf((real + u - t) / math.sqrt(rest))
    assert weights @ (recall + specificity) / 2 @ weights == pytest.approx(true_values(design)[0], abs=1e-9)
    assert true_values(design)[0] == pytest.approx(0.89)

    auc = Design(5, 100, quantity="auc", **EVERYTHING)  # type: ignore[arg-type]
    above = stats.norm.cdf((synthetic + real + 2 * u[:, 0]) / math.sqrt(2 * rest))
    assert weights @ above == pytest.approx(true_values(auc)[0], abs=1e-9)


def test_a_moved_threshold_trades_recall_for_specificity() -> None:
    """A tilt raises recall and lowers specificity by the same amount, and leaves accuracy where it is."""
    design = Design(2, 2000, tilt=0.1)
    sides = studies(design, 100)[:, 0]
    wrong = (sides > 0) != design.labels
    assert wrong[..., design.labels == 1].mean() == pytest.approx(0.05, abs=0.005)
    assert wrong[..., design.labels == 0].mean() == pytest.approx(0.25, abs=0.01)
    assert true_difference(design) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("gain", [0.0, 0.06])
def test_components_are_bivariate_normal_probabilities(gain: float) -> None:
    """The split of the variance is that from the chance that two decisions are both correct."""
    design = Design(5, 100, seed_sd=0.3, image_sd=0.5, gain=gain)
    limits = design.margins()[:, 0] / math.sqrt(design.variance)

    def both(shared: float, one: int, other: int) -> float:
        """Chance that two decisions that share this much variance are correct, less that of independent ones."""
        rho = shared / design.variance
        pair = stats.multivariate_normal.cdf(limits[[one, other]], cov=[[1, rho], [rho, 1]])
        return float(pair - stats.norm.cdf(limits[one]) * stats.norm.cdf(limits[other]))

    rates = stats.norm.cdf(limits)
    seed = both(0.3**2, 0, 0) + both(0.3**2, 1, 1)
    image = both(1.25, 0, 0) + both(1.25, 1, 1) - 2 * both(1.0, 0, 1)
    total = float((rates * (1 - rates)).sum()) - 2 * both(1.0, 0, 1)
    split = true_components(design)
    assert split.var_seed == pytest.approx(seed, rel=1e-4)
    assert split.var_image == pytest.approx(image, rel=1e-4)
    assert split.var_residual == pytest.approx(total - seed - image, rel=1e-4)


def test_components_are_the_expected_mean_squares() -> None:
    """E MS_s = I σ²_seed + σ²_rest and E MS_i = S σ²_image + σ²_rest, over many simulated studies."""
    design = Design(4, 60, seed_sd=0.3, image_sd=0.5)
    correct = ((studies(design, 3000) > 0) == design.labels).astype(float)
    values = correct[:, 0] - correct[:, 1]
    split = true_components(design)
    ms_seed = 60 * values.mean(axis=2).var(axis=1, ddof=1)
    ms_image = 4 * values.mean(axis=1).var(axis=1, ddof=1)
    for found, expected in (
        (ms_seed, 60 * split.var_seed + split.var_residual),
        (ms_image, 4 * split.var_image + split.var_residual),
    ):
        assert found.mean() == pytest.approx(expected, abs=4 * found.std() / math.sqrt(3000))


def test_what_is_not_in_a_design_has_no_variance() -> None:
    """Without seed effects, or without what one variant makes of one image, that component is 0."""
    split = true_components(Design(5, 100, image_sd=0.5))
    assert split.var_seed == pytest.approx(0, abs=1e-15)
    assert split.var_image > 0.01
    assert true_components(Design(5, 100, seed_sd=0.3)).var_image == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("change", [{"quantity": "auc"}, {"tilt": 0.1}, {"threshold_sd": 0.2}])
def test_components_are_refused_where_they_are_not_exact(change: dict[str, Any]) -> None:
    """A design whose split is not known in closed form is named."""
    with pytest.raises(InputError, match="need accuracy and a threshold that does not move"):
        true_components(Design(5, 100, **change))


def test_chunks_hold_all_studies_and_one_generator_gives_one_simulation() -> None:
    """The chunks add up to the repetitions asked for, are small, and are the same for the same seed."""
    design = Design(3, 400)
    chunks = list(draw_logits(design, 250, np.random.default_rng(5)))
    assert sum(len(chunk) for chunk in chunks) == 250
    assert len(chunks) > 1
    assert {chunk.dtype for chunk in chunks} == {np.dtype(np.float32)}
    assert (np.concatenate(chunks) == studies(design, 250, 5)).all()
    assert not (np.concatenate(chunks) == studies(design, 250, 6)).any()
    with pytest.raises(InputError, match="repetitions 0"):
        next(draw_logits(design, 0, np.random.default_rng(0)))


def test_variants_but_the_baseline_are_equal() -> None:
    """In a family all variants but the last share their true values."""
    values = true_values(Design(3, 100, gain=0.05, variants=4))
    assert values == pytest.approx([0.9, 0.9, 0.9, 0.85])


@given(
    st.tuples(st.sampled_from([3, 5]), st.sampled_from([500, 2000]), st.sampled_from([0.0, 0.15, 0.151])),
    st.tuples(st.sampled_from([3, 5]), st.sampled_from([500, 2000]), st.sampled_from([0.0, 0.15, 0.151])),
)
def test_names_tell_designs_apart(one: tuple[int, int, float], other: tuple[int, int, float]) -> None:
    """Two designs have one name where, and only where, they are equal."""
    first, second = (Design(seeds, images, seed_sd=sd) for seeds, images, sd in (one, other))
    assert (first.name == second.name) == (first == second)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"seeds": 0}, "0 seeds"),
        ({"variants": 0}, "0 variants"),
        ({"images": 101}, "101 images"),
        ({"images": 2}, "2 images"),
        ({"image_sd": -0.1}, "none may be negative"),
        ({"gain": 0.2}, "must lie between 0 and 1"),
        ({"rate": 0.5, "tilt": 0.6}, "must lie between 0 and 1"),
    ],
)
def test_impossible_designs_are_refused(arguments: dict[str, Any], words: str) -> None:
    """A design that cannot be says what is wrong with it."""
    with pytest.raises(InputError, match=words):
        Design(**{"seeds": 3, "images": 100, **arguments})
