"""The 2 × 2 factorial: augmentation and autoencoder as two factors, and whether one changes what the other does.

Four variants are the cells of the design: neither (`none`), `augment`, `autoencoder` and `both`. An effect is a
contrast of the four, taken for every seed and image, so that the crossed interval is that of any paired difference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.errors import InputError
from analysis.intervals import CrossedInterval, Stratum, crossed_interval

Effect = Literal["augmentation", "autoencoder", "interaction"]

EFFECTS: tuple[Effect, ...] = get_args(Effect)

COEFFICIENTS: Mapping[Effect, tuple[float, float, float, float]] = {
    "augmentation": (-0.5, 0.5, -0.5, 0.5),
    "autoencoder": (-0.5, -0.5, 0.5, 0.5),
    "interaction": (1.0, -1.0, -1.0, 1.0),
}
"""What each effect takes of (none, augment, autoencoder, both). The main effects are means of the two simple effects,
½[(A - 0) + (AE - E)] and ½[(E - 0) + (AE - A)]; the interaction is their difference, (AE - E) - (A - 0)."""

_ROUNDING = 1e-13


def effect_values(
    none: ArrayLike, augment: ArrayLike, autoencoder: ArrayLike, both: ArrayLike
) -> dict[Effect, NDArray[np.float64]]:
    """Each effect, value by value, in the unit of the values; all arrays of one shape, such as (S, I).

    A sum that is 0 but for the rounding of its terms is 0, so that an effect that is absent for every seed and image
    has no variation rather than that of rounding.

    Raises:
        InputError: the shapes differ.

    >>> for effect, value in effect_values([[0.90]], [[0.92]], [[0.91]], [[0.95]]).items():
    ...     print(effect, value.round(3).tolist())
    augmentation [[0.03]]
    autoencoder [[0.02]]
    interaction [[0.02]]
    """
    cells = [np.asarray(values, dtype=np.float64) for values in (none, augment, autoencoder, both)]
    shapes = [cell.shape for cell in cells]
    if len(set(shapes)) > 1:
        raise InputError(f"a factorial of four variants of shapes {shapes}: all must have the same seeds and images")
    floor = _ROUNDING * max((float(np.abs(cell).max(initial=0.0)) for cell in cells), default=0.0)
    effects: dict[Effect, NDArray[np.float64]] = {}
    for effect, coefficients in COEFFICIENTS.items():
        total = np.zeros(shapes[0])
        for coefficient, cell in zip(coefficients, cells, strict=True):
            total += coefficient * cell
        # A NaN is kept: the interval refuses it.
        total[np.abs(total) <= floor] = 0.0
        effects[effect] = total
    return effects


def factorial_strata(
    none: Sequence[Stratum], augment: Sequence[Stratum], autoencoder: Sequence[Stratum], both: Sequence[Stratum]
) -> dict[Effect, tuple[Stratum, ...]]:
    """The strata of each effect, from those of the four variants: values (S, I_g) per group, the weights unchanged.

    Raises:
        InputError: the four differ in groups, weights, seeds or images.

    >>> cells = ([Stratum(np.full((3, 2), level))] for level in (0.90, 0.92, 0.91, 0.95))
    >>> strata = factorial_strata(*cells)
    >>> {effect: round(float(groups[0].values.mean()), 3) for effect, groups in strata.items()}
    {'augmentation': 0.03, 'autoencoder': 0.02, 'interaction': 0.02}
    """
    cells = (none, augment, autoencoder, both)
    shapes = [[(np.shape(stratum.values), stratum.weight) for stratum in cell] for cell in cells]
    if any(shape != shapes[0] for shape in shapes):
        raise InputError(f"a factorial of four variants of (shape, weight) {shapes}: all must be the same")
    groups = [(effect_values(*(s.values for s in group)), group[0].weight) for group in zip(*cells, strict=True)]
    return {effect: tuple(Stratum(values[effect], weight) for values, weight in groups) for effect in EFFECTS}


def factorial_effects(
    none: Sequence[Stratum],
    augment: Sequence[Stratum],
    autoencoder: Sequence[Stratum],
    both: Sequence[Stratum],
    *,
    confidence: float = 0.95,
) -> dict[Effect, CrossedInterval]:
    """The crossed interval of each effect, paired by seed and image.

    Raises:
        InputError: as `factorial_strata` and `crossed_interval`.

    >>> rng = np.random.default_rng(0)
    >>> cells = [[Stratum((rng.random((5, 200)) < rate).astype(float))] for rate in (0.8, 0.9, 0.8, 0.9)]
    >>> effects = factorial_effects(*cells)
    >>> effects["augmentation"].low > 0, effects["interaction"].low < 0 < effects["interaction"].high
    (True, True)
    """
    strata = factorial_strata(none, augment, autoencoder, both)
    return {effect: crossed_interval(groups, confidence) for effect, groups in strata.items()}
