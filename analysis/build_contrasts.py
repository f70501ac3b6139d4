"""Contrasts of a summary: every pair of variants and the 2 × 2 factorial, with what stands beside their intervals."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from analysis.beside import images_only_of, seed_t
from analysis.bootstrap import percentile_interval, pooled, resample_means
from analysis.bootstrap_ranks import resample_not_smooth
from analysis.claims import OWN_PATH
from analysis.equivalence import quoted_p, tost
from analysis.estimates import Undefined, Where, estimate_row
from analysis.factorial import EFFECTS, factorial_strata
from analysis.intervals import CrossedInterval, crossed_interval
from analysis.jackknife import of_images
from analysis.multiplicity import decision_family, with_holm
from analysis.places import Place, joined
from analysis.power import detectable_difference, opposite_share, seeds_needed
from analysis.quantities import BASIC_QUANTITIES, NOT_SMOOTH, Quantity
from analysis.significance import effect_sizes, paired_t, sign_flip, wilcoxon
from analysis.summary import Contrast

POOLED_QUANTITIES: frozenset[str] = frozenset(
    {
        "accuracy",
        "balanced_accuracy",
        "recall",
        "specificity",
        "auc",
        "accuracy_validated",
        "balanced_accuracy_validated",
    }
)
"""Quantities on the scale that the study's margin is declared on: shares of decisions, and the AUC."""

Draws = Mapping[tuple[str, Quantity], NDArray[np.float64]]
"""Multi-bootstrap draws (B,) of each variant and quantity at one place."""

DRAWS_NOT_SMOOTH = 2_000
"""Draws of EER, recall at 5 % false positives and ECE at most: each takes some ten times as long as one of a mean."""

FACTORIAL_QUANTITIES: tuple[Quantity, ...] = BASIC_QUANTITIES
"""Quantities whose factorial effects are given."""

FACTORIAL_VARIANTS = ("baseline", "augment", "autoencoder", "both")
"""None, A, E and AE of the 2 × 2 factorial."""


@dataclass(frozen=True)
class Levels:
    """What the study declared: coverage of intervals, level of tests, draws, and the margin of this test set."""

    confidence: float
    alpha: float
    draws: int
    margin: float | None


Sides = Mapping[str, Place]
"""Every variant at one place (a test set or a source of it), along its own path, in the study's order."""


def pairs_of(variants: Sequence[str], baseline: str) -> list[tuple[str, str]]:
    """Every pair as (variant, subtracted): those with the baseline first, then later - earlier.

    >>> pairs_of(["none", "a", "b"], "none")
    [('a', 'none'), ('b', 'none'), ('b', 'a')]
    """
    others = [name for name in variants if name != baseline]
    return [(name, baseline) for name in others] + [(later, earlier) for earlier, later in combinations(others, 2)]


def build_contrasts(
    sides: Sides,
    pairs: Sequence[tuple[str, str]],
    test_set: str,
    source: str | None,
    quantities: Sequence[Quantity],
    levels: Levels,
    draws: Draws,
) -> Iterator[Contrast]:
    """Pairs of variants (`pairs_of`) at one place; Holm over the pairs of each quantity."""
    for quantity in quantities:
        family = decision_family(quantity, test_set, source, "pairs")
        rows = []
        for variant, versus in pairs:
            where = Where(quantity, variant, test_set, OWN_PATH, source, versus=versus)
            outcome = sides[variant].contrast(sides[versus], quantity, levels.confidence)
            if isinstance(outcome, Undefined):
                rows.append(_undefined(where, outcome, family))
                continue
            thetas = _theta(sides[variant], quantity), _theta(sides[versus], quantity)
            drawn = (draws[variant, quantity] - draws[versus, quantity]) if (variant, quantity) in draws else None
            rows.append(contrast_row(where, outcome, thetas, drawn, family, levels))
        yield from with_holm(rows)


def build_factorial(
    sides: Sides, test_set: str, source: str | None, quantities: Sequence[Quantity], levels: Levels, draws: Draws
) -> Iterator[Contrast]:
    """Main effects of augmentation and autoencoder and their interaction at one place; Holm over the three.

    Nothing where the study lacks one of the four variants.
    """
    if not set(FACTORIAL_VARIANTS) <= set(sides):
        return
    chosen = [sides[name] for name in FACTORIAL_VARIANTS]
    for quantity in quantities:
        family = decision_family(quantity, test_set, source, "factorial")
        cells = [side.strata[quantity] for side in chosen]
        undefined = joined([*zip(FACTORIAL_VARIANTS, cells, strict=True)])
        if undefined is not None:
            for effect in EFFECTS:
                yield _undefined(Where(quantity, f"factorial-{effect}", test_set, OWN_PATH, source), undefined, family)
            continue
        effects = factorial_strata(*(cell for cell in cells if not isinstance(cell, Undefined)))
        drawn = [draws.get((name, quantity)) for name in FACTORIAL_VARIANTS]
        rows = []
        for effect in EFFECTS:
            outcome = of_images(crossed_interval(effects[effect], levels.confidence), chosen[0].n_images(quantity))
            where = Where(quantity, f"factorial-{effect}", test_set, OWN_PATH, source)
            rows.append(contrast_row(where, outcome, None, _effect(effect, drawn), family, levels))
        yield from with_holm(rows)


def contrast_row(
    where: Where,
    outcome: CrossedInterval,
    thetas: tuple[NDArray[np.float64], NDArray[np.float64]] | None,
    drawn: NDArray[np.float64] | None,
    family: str | None,
    levels: Levels,
) -> Contrast:
    """One contrast with all that stands beside it.

    Args:
        where: its labels.
        outcome: its crossed interval.
        thetas: values per seed (S,) of the two variants, where it is a difference of two.
        drawn: its multi-bootstrap draws, where there are any.
        family: name of the family that Holm's correction is over.
        levels: of intervals, tests and margin.
    """
    theta = np.asarray(outcome.per_seed)
    over_seeds, images = seed_t(theta, levels.confidence), images_only_of(outcome)
    boot = percentile_interval(drawn, levels.confidence) if drawn is not None else None
    # Random flips stand for all patterns only beyond the seeds that can be counted; keyed by their number alone.
    flip = sign_flip(theta, generator=np.random.default_rng(len(theta)))
    effects = effect_sizes(*thetas) if thetas is not None else None
    quoted = quoted_p(outcome) if outcome.low is not None else None
    margin = levels.margin if where.quantity in POOLED_QUANTITIES else None
    equal = tost(outcome, margin, levels.alpha) if margin is not None and outcome.low is not None else None
    planned = (
        detectable_difference(outcome, outcome.n_seeds, outcome.n_images, levels.alpha)
        if outcome.low is not None
        else None
    )
    needed = (
        seeds_needed(outcome, outcome.n_images, margin, levels.alpha).seeds
        if margin is not None and outcome.low is not None
        else None
    )
    base = estimate_row(where, outcome).model_dump()
    return Contrast.model_validate(
        base
        | {
            "p": quoted,
            "family": family,
            "images_low": images.low,
            "images_high": images.high,
            "seed_t_low": over_seeds.low,
            "seed_t_high": over_seeds.high,
            "bootstrap_low": boot.low if boot else None,
            "bootstrap_high": boot.high if boot else None,
            "sign_flip_p": flip.p if len(theta) > 1 else None,
            "attainable_p": flip.attainable if len(theta) > 1 else None,
            "paired_t_p": paired_t(theta).p,
            "wilcoxon_p": wilcoxon(theta).p if len(theta) > 1 else None,
            "cohen_dz": effects.cohen_dz if effects else None,
            "hedges_gz": effects.hedges_gz if effects else None,
            "cohen_d": effects.cohen_d_pooled if effects else None,
            "superiority": effects.probability_of_superiority if effects else None,
            "margin": margin,
            "tost_p": equal.p if equal else None,
            "tost_low": equal.low if equal else None,
            "tost_high": equal.high if equal else None,
            "detectable": planned,
            "seeds_needed": needed,
            "opposite_share": opposite_share(*thetas) if thetas is not None else None,
        }
    )


def _theta(place: Place, quantity: Quantity) -> NDArray[np.float64]:
    return np.asarray(place.per_seed(quantity)[0], dtype=np.float64)


def _undefined(where: Where, reason: Undefined, family: str) -> Contrast:
    return Contrast.model_validate(estimate_row(where, reason).model_dump() | {"family": family})


def _effect(effect: str, drawn: Sequence[NDArray[np.float64] | None]) -> NDArray[np.float64] | None:
    """Draws of a factorial effect from those of the four variants, which share their resamples."""
    cells = [draw for draw in drawn if draw is not None]
    if len(cells) < len(FACTORIAL_VARIANTS):
        return None
    none, a, e, ae = cells
    if effect == "augmentation":
        return ((a - none) + (ae - e)) / 2
    if effect == "autoencoder":
        return ((e - none) + (ae - a)) / 2
    return (ae - e) - (a - none)


def generator_of(groups: NDArray[np.int64]) -> np.random.Generator:
    """The generator of the multi-bootstrap over images in these `groups` (I,), as `analysis.bootstrap.pooled` says.

    Keyed by how many images each group has, and by nothing else: names are labels alone, and a result does not depend
    on what else is computed.
    """
    return np.random.default_rng([zlib.crc32(groups.tobytes()), len(groups)])


def place_draws(sides: Sides, quantities: Sequence[Quantity], levels: Levels) -> Draws:
    """Multi-bootstrap draws of every quantity of every variant; those on the same images share resamples.

    Those of `analysis.quantities.NOT_SMOOTH` have `DRAWS_NOT_SMOOTH` at most.
    """
    if levels.draws == 0:
        return {}
    layouts: dict[bytes, list[tuple[tuple[str, Quantity], NDArray[np.float64]]]] = {}
    groups: dict[bytes, NDArray[np.int64]] = {}
    for variant, side in sides.items():
        for quantity in quantities:
            strata = side.strata[quantity]
            if quantity in NOT_SMOOTH or isinstance(strata, Undefined):
                continue
            values, codes = pooled(strata)
            key = codes.tobytes()
            groups[key] = codes
            layouts.setdefault(key, []).append(((variant, quantity), values))
    found: dict[tuple[str, Quantity], NDArray[np.float64]] = {}
    for key, rows in layouts.items():
        stacked = np.stack([values for _, values in rows])
        means = resample_means(stacked, groups[key], draws=levels.draws, generator=generator_of(groups[key]))
        found.update({name: row for (name, _), row in zip(rows, means, strict=True)})
    return found | _not_smooth_draws(sides, [one for one in quantities if one in NOT_SMOOTH], levels)


def _not_smooth_draws(
    sides: Sides, quantities: Sequence[Quantity], levels: Levels
) -> dict[tuple[str, Quantity], NDArray[np.float64]]:
    found: dict[tuple[str, Quantity], NDArray[np.float64]] = {}
    for quantity in quantities:
        defined = [name for name, side in sides.items() if not isinstance(side.strata[quantity], Undefined)]
        layouts: dict[bytes, list[str]] = {}
        for variant in defined:
            layouts.setdefault(sides[variant].labels.tobytes(), []).append(variant)
        for variants in layouts.values():
            labels = sides[variants[0]].labels
            drawn = resample_not_smooth(
                [quantity],
                np.stack([sides[variant].logits for variant in variants]),
                labels,
                draws=min(levels.draws, DRAWS_NOT_SMOOTH),
                generator=generator_of(np.sort(labels).astype(np.int64)),
            )
            found.update({(variant, quantity): row for variant, row in zip(variants, drawn[quantity], strict=True)})
    return found
