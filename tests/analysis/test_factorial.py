from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from statsmodels.formula.api import ols

from analysis.contrasts import paired_contrast
from analysis.errors import InputError
from analysis.factorial import COEFFICIENTS, EFFECTS, Effect, effect_values, factorial_effects, factorial_strata
from analysis.intervals import NO_VARIATION, Stratum, strata_by_group

Values = NDArray[np.float64]


def draw(number: int = 0, seeds: int = 5, images: int = 80) -> list[Values]:
    """Correctness of none, augment, autoencoder and both."""
    rng = np.random.default_rng(number)
    easy = rng.normal(size=images)
    return [(level + easy + rng.normal(size=(seeds, images)) > 0).astype(np.float64) for level in (0.5, 1.1, 0.7, 0.9)]


def test_agrees_with_a_regression_of_statsmodels() -> None:
    """The estimates are the coefficients of least squares on factors coded by halves, and of their product."""
    cells = draw()
    rows = [
        {"value": value, "a": a - 0.5, "e": e - 0.5}
        for (e, a), cell in zip(product((0, 1), (0, 1)), cells, strict=True)
        for value in cell.ravel()
    ]
    fit = ols("value ~ a * e", data=pd.DataFrame(rows)).fit()
    effects = factorial_effects(*([Stratum(cell)] for cell in cells))
    expected = {"augmentation": fit.params["a"], "autoencoder": fit.params["e"], "interaction": fit.params["a:e"]}
    assert {name: effect.estimate for name, effect in effects.items()} == pytest.approx(expected, rel=1e-9)


def test_effects_by_the_formulas() -> None:
    """Main effects are means of the simple effects, the interaction is their difference, value by value."""
    none, augment, autoencoder, both = draw(1)
    values = effect_values(none, augment, autoencoder, both)
    assert tuple(values) == EFFECTS == tuple(COEFFICIENTS)
    np.testing.assert_allclose(values["augmentation"], ((augment - none) + (both - autoencoder)) / 2)
    np.testing.assert_allclose(values["autoencoder"], ((autoencoder - none) + (both - augment)) / 2)
    np.testing.assert_allclose(values["interaction"], (both - autoencoder) - (augment - none))


def test_a_second_factor_that_does_nothing_leaves_the_pair() -> None:
    """If the autoencoder changes nothing, augmentation's effect is the pair's contrast and the others do not vary."""
    none, augment, *_ = ([Stratum(cell)] for cell in draw(2))
    effects = factorial_effects(none, augment, none, augment)
    assert effects["augmentation"] == paired_contrast(augment, none)
    for effect in (effects["autoencoder"], effects["interaction"]):
        assert (effect.estimate, effect.reason) == (0.0, NO_VARIATION)


def test_rounding_is_no_interaction() -> None:
    """Effects that add up exactly have no variation in the interaction, however their sums are rounded."""
    rng = np.random.default_rng(3)
    none, augmentation, autoencoder = (rng.random((4, 30)) for _ in range(3))
    cells = [none, none + augmentation, none + autoencoder, none + augmentation + autoencoder]
    raw = cells[3] - cells[2] - (cells[1] - cells[0])
    assert np.abs(raw).max() > 0, "the example must show rounding"
    effects = factorial_effects(*([Stratum(cell)] for cell in cells))
    assert effects["interaction"].reason == NO_VARIATION
    assert effects["interaction"].p is None
    assert effects["augmentation"].estimate == pytest.approx(augmentation.mean())


def test_groups_and_weights_are_kept() -> None:
    """Each effect has the groups of the variants, with their weights."""
    labels = np.arange(80) % 3
    cells = draw(4)
    strata = factorial_strata(*(strata_by_group(cell, labels) for cell in cells))
    for effect, values in effect_values(*cells).items():
        for mine, other in zip(strata[effect], strata_by_group(values, labels), strict=True):
            assert mine.weight == other.weight
            np.testing.assert_array_equal(mine.values, other.values)
    result = factorial_effects(*(strata_by_group(cell, labels) for cell in cells), confidence=0.9)
    assert {effect.confidence for effect in result.values()} == {0.9}


tables = arrays(np.float64, (4, 3, 5), elements=st.floats(-10, 10, width=16))


@given(tables)
def test_renaming_the_factors_swaps_their_effects(cells: Values) -> None:
    """With the two factors exchanged the main effects change places and the interaction stays."""
    none, augment, autoencoder, both = cells
    there, back = effect_values(none, augment, autoencoder, both), effect_values(none, autoencoder, augment, both)
    np.testing.assert_allclose(there["augmentation"], back["autoencoder"], atol=1e-12)
    np.testing.assert_allclose(there["interaction"], back["interaction"], atol=1e-12)


@given(tables)
def test_reversing_a_factor_flips_its_sign(cells: Values) -> None:
    """With augmentation's levels exchanged its effect and the interaction change sign, the other stays."""
    none, augment, autoencoder, both = cells
    there, back = effect_values(none, augment, autoencoder, both), effect_values(augment, none, both, autoencoder)
    signs: dict[Effect, int] = {"augmentation": -1, "autoencoder": 1, "interaction": -1}
    for effect, sign in signs.items():
        np.testing.assert_allclose(there[effect], sign * back[effect], atol=1e-12)


def test_refusals() -> None:
    """Variants with other seeds, images, groups or weights, and NaN, are refused in one line."""
    none, augment, autoencoder, both = draw(5)
    with pytest.raises(InputError, match=r"^a factorial of four variants of shapes .*\(5, 79\)"):
        effect_values(none, augment, autoencoder, both[:, 1:])
    first, second, third = ([Stratum(cell)] for cell in (none, augment, autoencoder))
    for wrong in ([Stratum(both, 0.5)], [Stratum(both[1:])], [Stratum(both)] * 2):
        with pytest.raises(InputError, match=r"^a factorial of four variants of \(shape, weight\)"):
            factorial_effects(first, second, third, wrong)
    with pytest.raises(InputError, match="NaN"):
        factorial_effects(first, second, third, [Stratum(np.full_like(both, np.nan))])
    with pytest.raises(InputError, match="no group"):
        factorial_effects([], [], [], [])
