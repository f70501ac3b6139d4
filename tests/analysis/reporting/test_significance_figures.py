"""The first figures of the significance report."""

from __future__ import annotations

from analysis.reporting.lookup import Lookup
from analysis.reporting.quantities import plain
from analysis.reporting.significance_figures import figure_claims, figure_equivalence, figure_estimation, to_baseline
from analysis.summary import Margin, Summary


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


def test_claims_that_are_not_judged_as_declared_are_marked(summary: Summary) -> None:
    """A dagger stands at the outcome, the caption says what it is about, and the alternative text says it in words."""
    figure = figure_claims(Lookup(summary))
    caption = plain(figure.caption).replace("\u00a0", " ")
    assert caption.endswith(
        "† Not as declared: preserved judged at a margin of 1.5 points instead of the declared 1 point."
    )
    notes = [
        row["note"] for p in figure.panels for rows in p.spec["datasets"].values() for row in rows if "note" in row
    ]
    assert sum("†:" in note for note in notes) == 1
    words = " ".join(panel.alt for panel in figure.panels)
    assert " at a changed margin: " in words
    assert "†" not in words


def test_without_any_interval_no_bars_are_spoken_of(summary: Summary) -> None:
    """Where no case has an interval the caption says so."""
    bare = summary.model_copy(update={"verdicts": tuple(v for v in summary.verdicts if v.id == "never-computed")})
    caption = plain(figure_claims(Lookup(bare)).caption)
    assert "No case has an interval to draw." in caption
    assert "Bars: " not in caption


def test_another_margin_of_equivalence_is_named(summary: Summary) -> None:
    """The caption says which margin was used in place of the declared one, and at which level; else that it is it."""
    assert "does not matter, as the study declares it." in plain(figure_equivalence(Lookup(summary)).caption)
    margins = (Margin(role="in_sample", margin=0.2, declared=0.01), Margin(role="out_of_sample", margin=0.05))
    changed = summary.model_copy(update={"margins": margins, "alpha": 0.1, "alpha_declared": 0.05})
    caption = plain(figure_equivalence(Lookup(changed)).caption).replace("\u00a0", " ")
    assert "does not matter, 20 points in sample instead of the declared 1 point." in caption
    assert "tests at α = 0.1 instead of the declared 0.05." in caption
