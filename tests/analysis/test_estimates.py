from __future__ import annotations

import numpy as np

from analysis.estimates import Undefined, Where, estimate_row, seed_rows
from analysis.intervals import crossed_mean


def test_a_defined_row_has_the_intervals_numbers() -> None:
    """Every number of the interval stands in the row, under the labels given."""
    result = crossed_mean(np.random.default_rng(0).normal(size=(4, 30)))
    row = estimate_row(Where("gini", "both", "set", "saliency.image", versus="baseline"), result)
    assert row.id == "gini/both-vs-baseline/set/saliency.image"
    for name in ("estimate", "low", "high", "df", "p", "var_seed", "var_image", "var_residual", "n_seeds", "n_images"):
        assert getattr(row, name) == getattr(result, name)
    assert row.reason is None


def test_only_differences_have_a_p() -> None:
    """A metric itself is not tested against 0."""
    result = crossed_mean(np.random.default_rng(0).normal(size=(4, 30)))
    row = estimate_row(Where("accuracy", "both", "set", "both", "camera"), result)
    assert row.p is None
    assert row.low == result.low
    assert row.id == "accuracy/both/set:camera/both"


def test_an_undefined_row_has_its_reason() -> None:
    """What is not defined is None with a reason, and its numbers of seeds and images stay."""
    row = estimate_row(Where("recall", "both", "set", "both"), Undefined("no synthetic images", 5, 0))
    assert (row.estimate, row.low, row.df, row.reason) == (None, None, None, "no synthetic images")
    assert (row.n_seeds, row.n_images) == (5, 0)


def test_seed_rows_carry_values_or_the_reason() -> None:
    """There is one row per seed, defined or not."""
    where = Where("recall", "both", "set", "both", "camera")
    rows = list(seed_rows(where, (3, 5), [0.25, 0.75]))
    assert [(r.seed, r.value, r.reason, r.source) for r in rows] == [
        (3, 0.25, None, "camera"),
        (5, 0.75, None, "camera"),
    ]
    rows = list(seed_rows(where, (3, 5), None, "no synthetic images"))
    assert [(r.seed, r.value, r.reason) for r in rows] == [(s, None, "no synthetic images") for s in (3, 5)]
