"""Words of panels."""

from __future__ import annotations

from analysis.reporting.charts import Mark
from analysis.reporting.lookup import Lookup
from analysis.reporting.panels import alternative, mark, percent_level, seed_points, short
from analysis.reporting.quantities import number
from analysis.summary import Summary


def test_alternative_text_says_all_that_is_shown(summary: Summary) -> None:
    """Every row is told with its number, or with what stands in its place."""
    row = Lookup(summary).metric("accuracy", "both", "test")
    text = alternative("T", [mark("both", "both", row), Mark("x", "x", number(None), absent="reference")])
    assert text == f"T: both {number(row)}; x reference."
    assert alternative("T", []) == "T: no values."


def test_seeds_turn_round_with_specificity(summary: Summary) -> None:
    """As a share called synthetic, the seeds of a specificity are one minus their value."""
    lookup = Lookup(summary)
    row = lookup.metric("specificity", "both", "test")
    straight, turned = seed_points(lookup, row), seed_points(lookup, row, called=True)
    assert [(seed, 1 - value) for seed, value in straight] == turned
    assert seed_points(lookup, None) == []


def test_long_names_are_cut_for_axes(summary: Summary) -> None:
    """An axis title keeps its length; the level is a per cent."""
    assert short("x" * 30) == "x" * 17 + "…"
    assert short("baseline") == "baseline"
    assert percent_level(Lookup(summary)) == "95\u00a0%"
