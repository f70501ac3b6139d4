"""The effects of the two factors, seed by seed."""

from __future__ import annotations

import pytest

from analysis.reporting.factorial_figures import figure_factorial, figure_factorial_sources
from analysis.reporting.lookup import Lookup
from analysis.summary import Summary


def seeds_of(summary: Summary, variant: str, path: str) -> dict[str, float]:
    return {
        str(row.seed): row.value
        for row in summary.seed_values
        if (row.quantity, row.variant, row.test_set, row.source, row.path) == ("accuracy", variant, "test", None, path)
        and row.value is not None
    }


def test_seeds_of_effects_follow_their_definition(summary: Summary) -> None:
    """Each seed's main effects and interaction are those of its four values."""
    panel = figure_factorial(Lookup(summary)).panels[0]
    drawn = {
        (row["label"], row["seed"]): row["value"]
        for rows in panel.spec["datasets"].values()
        for row in rows
        if "seed" in row
    }
    none, a = seeds_of(summary, "baseline", "none"), seeds_of(summary, "augment", "augment")
    e, ae = seeds_of(summary, "autoencoder", "autoencode"), seeds_of(summary, "both", "both")
    assert len(drawn) == 5 * len(none)
    for seed in none:
        assert drawn["augmentation", seed] == pytest.approx(0.5 * (a[seed] - none[seed]) + 0.5 * (ae[seed] - e[seed]))
        assert drawn["autoencoder", seed] == pytest.approx(0.5 * (e[seed] - none[seed]) + 0.5 * (ae[seed] - a[seed]))
        assert drawn["interaction", seed] == pytest.approx(ae[seed] - e[seed] - a[seed] + none[seed])
        apart = drawn["AE with augm.", seed] - drawn["AE without augm.", seed]
        assert drawn["interaction", seed] == pytest.approx(apart)


def test_effects_are_the_summarys(summary: Summary) -> None:
    """The marks are the factorial contrasts, unrounded."""
    lookup = Lookup(summary)
    panel = figure_factorial(lookup).panels[0]
    marks = {row["label"]: row["value"] for rows in panel.spec["datasets"].values() for row in rows if "text" in row}
    for label, effect in (("augmentation", "factorial-augmentation"), ("interaction", "factorial-interaction")):
        found = lookup.effect("accuracy", effect, "test")
        assert found is not None
        assert marks[label] == found.estimate


def test_sources_have_a_panel_for_each_effect(summary: Summary) -> None:
    """By source, the effects stand apart, and real sources come before synthetic ones."""
    lookup = Lookup(summary)
    figure = figure_factorial_sources(lookup, lookup.test_sets("out_of_sample")[0])
    assert [panel.title for panel in figure.panels] == ["augmentation", "autoencoder", "interaction"]
    labels = [row["label"] for rows in figure.panels[0].spec["datasets"].values() for row in rows if "text" in row]
    assert labels[0].startswith("○")
    assert labels[-1].startswith("●")


def test_no_effects_make_no_panels(summary: Summary) -> None:
    """A study without the four variants has no panel, and so no figure."""
    lookup = Lookup(summary.model_copy(update={"factorial": ()}))
    assert figure_factorial(lookup).panels == ()
    assert figure_factorial_sources(lookup, lookup.test_sets("out_of_sample")[0]).panels == ()
