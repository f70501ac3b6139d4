"""The tables of single runs and of model checks."""

from __future__ import annotations

from analysis.reporting.lookup import Lookup
from analysis.reporting.run_tables import KNOWS_NOTHING, table_models, table_run_tests, table_runs, table_spread
from analysis.summary import Summary


def test_every_run_has_a_row_and_says_what_it_does_not_know(summary: Summary) -> None:
    """Twelve runs with three intervals each, under a caption that they know nothing of seeds."""
    lookup = Lookup(summary)
    table = table_runs(lookup, lookup.quoted[0])
    assert len(table.rows) == 12
    assert KNOWS_NOTHING in str(table.caption[0])
    first = summary.run_intervals[0]
    raws = [cell.content.raw for cell in table.rows[0].cells if not isinstance(cell.content, str)]
    assert raws[0] == (first.value, first.wilson_low, first.wilson_high)
    assert raws[1] == (first.value, first.clopper_pearson_low, first.clopper_pearson_high)


def test_tests_of_single_runs_show_who_was_right_alone(summary: Summary) -> None:
    """For each seed the discordant images and p of every variant against the baseline, and Cochran's Q."""
    lookup = Lookup(summary)
    table = table_run_tests(lookup, lookup.quoted[0])
    assert table.header[:2] == ("augment b\u00a0:\u00a0c", "augment p")
    assert table.header[-1] == "Cochran’s Q: p"
    assert [row.heads for row in table.rows] == [(f"seed\u00a0{seed}",) for seed in summary.study.seeds]
    assert table.rows[1].cells[0].content == "1,201\u00a0:\u00a01,300"
    assert KNOWS_NOTHING in str(table.caption[0])


def test_models_stand_beside_the_crossed_estimate(summary: Summary) -> None:
    """Each effect has the crossed estimate first; log odds are no percentage points; a failed fit says so."""
    table = table_models(Lookup(summary))
    assert table.header[0] == "crossed (quoted)"
    kinds = [cell.content.kind for cell in table.rows[0].cells if not isinstance(cell.content, str)]
    assert kinds == ["points", "points", "plain", "points"]
    assert "the fit did not converge" in table.reasons


def test_spread_has_both_deviations_and_their_ratio(summary: Summary) -> None:
    """A ratio without an interval keeps its value, with the reason."""
    table = table_spread(Lookup(summary))
    assert len(table.rows) == 4
    assert table.reasons == ("no variation: interval of the ratio not defined",)


def test_nothing_on_a_set_is_no_rows(summary: Summary) -> None:
    """A test set without run intervals or tests has tables without rows, which are left out."""
    lookup = Lookup(summary.model_copy(update={"run_intervals": (), "run_tests": ()}))
    assert table_runs(lookup, lookup.quoted[0]).rows == ()
    assert table_run_tests(lookup, lookup.quoted[0]).rows == ()
