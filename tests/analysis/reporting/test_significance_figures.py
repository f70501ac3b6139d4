"""The first figures of the significance report."""

from __future__ import annotations

from analysis.reporting.lookup import Lookup
from analysis.reporting.significance_figures import figure_claims, figure_equivalence, figure_estimation, to_baseline
from analysis.summary import Summary


def test_every_claim_is_drawn_once(summary: Summary) -> None:
    """Each claim is a row of one panel, on the scale of its quantity."""
    figure = figure_claims(Lookup(summary))
    labels = [
        row["label"]
        for panel in figure.panels
        for rows in panel.spec["datasets"].values()
        for row in rows
        if "note" in row
    ]
    assert sorted(labels) == sorted(verdict.id for verdict in summary.verdicts)


def test_claims_on_different_scales_have_different_panels(summary: Summary) -> None:
    """Levels, differences, differences between test sets and other quantities do not share an axis."""
    titles = [panel.title for panel in figure_claims(Lookup(summary)).panels]
    assert len(titles) == len(set(titles))
    assert {"Level, %", "Difference, percentage points", "Difference in Gini"} <= set(titles)
    assert "Difference between test sets, percentage points" in titles


def test_equivalence_is_shown_only_within_the_margin(summary: Summary) -> None:
    """Words and mark say the same as the p of the two one-sided tests."""
    lookup = Lookup(summary)
    panel = figure_equivalence(lookup).panels[0]
    rows = [row for rows in panel.spec["datasets"].values() for row in rows]
    filled = [row["filled"] for row in rows if "filled" in row]
    notes = [row["note"] for row in rows if "note" in row]
    decided = [
        row.tost_p is not None and row.tost_p < lookup.alpha
        for row in to_baseline(lookup, "accuracy", lookup.quoted[0])
    ]
    assert sorted(filled) == sorted(decided)
    assert [note.startswith("equivalent") for note in notes] == decided
    assert True in decided
    assert False in decided


def test_differences_stand_beside_their_seeds(summary: Summary) -> None:
    """Two panels for each test set, side by side; the baseline is the reference of the second."""
    figure = figure_estimation(Lookup(summary))
    assert figure.columns == 2
    assert len(figure.panels) == 4
    assert "baseline reference" in figure.panels[1].alt
