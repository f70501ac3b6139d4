from __future__ import annotations

import numpy as np

from analysis.dispersion_rows import NO_MAPS, Part, contrast_row, crossed_outcome, row_with_p
from analysis.equivalence import quoted_p
from analysis.estimates import Undefined, Where
from analysis.intervals import CrossedInterval, crossed_interval, strata_by_group

LABELS = np.array([0, 0, 0, 1, 1, 1], np.int8)
WHERE = Where("gini", "both", "inside", "saliency.image", versus="augment")


def values(draw: int = 15, shift: float = 0.3) -> np.ndarray:
    return shift + np.random.default_rng(draw).normal(size=(4, 6))


def test_images_without_a_value_for_every_seed_leave() -> None:
    """The interval is that of the others, with labels as strata."""
    table = values()
    table[2, 1] = np.nan
    kept = np.delete(table, 1, axis=1)
    expected = crossed_interval(strata_by_group(kept, np.delete(LABELS, 1)))
    assert crossed_outcome(table, LABELS, 0.95) == expected


def test_too_few_images_have_a_reason() -> None:
    """None at all and fewer than asked for are told apart."""
    table = values()
    table[0, :3] = np.nan
    assert crossed_outcome(table, LABELS, 0.95, at_least=4) == Undefined(
        "3 images: fewer than 4 are not compared", 4, 3
    )
    assert isinstance(crossed_outcome(table, LABELS, 0.95, at_least=3), CrossedInterval)
    table[1] = np.nan
    assert crossed_outcome(table, LABELS, 0.95, at_least=4) == Undefined(NO_MAPS, 4, 0)


def test_a_contrast_has_its_part_family_and_p() -> None:
    """The id names source or subset, the family leaves the pair out, p is that of the quoted interval."""
    outcome = crossed_outcome(values(), LABELS, 0.95)
    assert isinstance(outcome, CrossedInterval)
    row = contrast_row(WHERE, outcome, Part(source="photos"))
    assert row.id == "gini/both-vs-augment/inside:photos/saliency.image"
    assert row.family == "gini/inside:photos/saliency.image"
    assert (row.p, row.low) == (quoted_p(outcome), outcome.low)
    row = contrast_row(WHERE, outcome, Part(subset="wrong"), family=False)
    assert row.id == "gini/both-vs-augment/inside~wrong/saliency.image"
    assert (row.family, row.p) == (None, None)
    assert row_with_p(WHERE, outcome).p == quoted_p(outcome)
    assert row_with_p(WHERE, Undefined("none", 4, 0)).p is None
