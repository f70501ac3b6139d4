"""What the uncertainty is made of."""

from __future__ import annotations

import math

import pytest

from analysis.intervals import crossed_mean
from analysis.power import planned_error
from analysis.reporting.lookup import Lookup
from analysis.reporting.uncertainty_figures import (
    BESIDE,
    beside,
    figure_intervals,
    figure_power,
    figure_split,
    figure_spread,
    shares_of,
)
from analysis.summary import Contrast, Summary


def contrast(summary: Summary) -> Contrast:
    row = Lookup(summary).pair("accuracy", "both", "baseline", "test")
    assert row is not None
    return row


def test_shares_are_those_of_the_planned_error(summary: Summary) -> None:
    """The three shares add up to the squared standard error that planning gives for the same numbers."""
    row = contrast(summary)
    shares = shares_of(row)
    planned = planned_error(row, row.n_seeds, row.n_images)
    assert shares is not None
    assert planned is not None
    assert sum(shares) == pytest.approx(1)
    assert row.var_seed is not None
    assert shares[0] * planned[0] ** 2 == pytest.approx(row.var_seed / row.n_seeds)


def test_shares_follow_the_split_of_a_crossed_interval(summary: Summary) -> None:
    """Where seeds alone differ, all uncertainty is theirs."""
    found = crossed_mean([[0.1] * 6, [0.2] * 6, [0.4] * 6])
    split = {"var_seed": found.var_seed, "var_image": found.var_image, "var_residual": found.var_residual}
    shares = shares_of(contrast(summary).model_copy(update=split | {"n_seeds": 3, "n_images": 6}))
    assert shares is not None
    assert shares[0] == pytest.approx(1)


@pytest.mark.parametrize("split", [(None, 0.1, 0.1), (0.0, 0.0, 0.0)])
def test_unknown_and_absent_variance_has_no_shares(summary: Summary, split: tuple[float | None, float, float]) -> None:
    """Without a variance there is nothing to split."""
    names = ("var_seed", "var_image", "var_residual")
    assert shares_of(contrast(summary).model_copy(update=dict(zip(names, split, strict=True)))) is None


def test_intervals_stand_around_one_estimate(summary: Summary) -> None:
    """All four share the estimate and its digits, and each has its own limits."""
    row = contrast(summary)
    shown = [beside(row, prefix) for _, prefix in BESIDE]
    assert {number.value for number in shown} == {"0.10"}
    assert shown[0].raw == (row.estimate, row.low, row.high)
    assert shown[2].raw == (row.estimate, row.seed_t_low, row.seed_t_high)
    assert [number.id.removeprefix(row.id) for number in shown] == ["", "/bootstrap", "/seed_t", "/images"]


def test_panels_are_of_what_is_known(summary: Summary) -> None:
    """A difference without an interval has no panel of intervals, and no row where variances are not known."""
    lookup = Lookup(summary)
    assert len(figure_intervals(lookup).panels) == 5
    split = figure_split(lookup)
    assert ["augment" in panel.alt for panel in split.panels] == [True, False]


def test_power_compares_with_what_can_be_detected(summary: Summary) -> None:
    """The region of a difference that could be missed is as wide as what can be detected, at both sides of zero."""
    row = contrast(summary)
    panel = figure_power(Lookup(summary)).panels[0]
    bands = [each for rows in panel.spec["datasets"].values() for each in rows if set(each) == {"row", "value", "high"}]
    assert row.detectable is not None
    assert any(math.isclose(band["high"], row.detectable) for band in bands)
    assert all(math.isclose(band["value"], -band["high"]) for band in bands)


def test_spread_is_drawn_beside_one(summary: Summary) -> None:
    """The ratio stands beside the line at 1; one without an interval keeps its mark."""
    panel = figure_spread(Lookup(summary)).panels[0]
    rows = [each for rows in panel.spec["datasets"].values() for each in rows]
    assert {"value": 1.0} in rows
    assert sum("text" in each for each in rows) == 4
    assert sum("high" in each for each in rows) == 3
