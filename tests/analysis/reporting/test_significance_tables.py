"""The tables of the significance report."""

from __future__ import annotations

from analysis.reporting.blocks import Table
from analysis.reporting.downloads import table_csv
from analysis.reporting.lookup import Lookup
from analysis.reporting.quantities import Number
from analysis.reporting.significance_tables import (
    table_claim_cases,
    table_claim_tests,
    table_claims,
    table_factorial,
    table_intervals,
    table_power,
    table_sizes,
    table_tests,
)
from analysis.summary import Summary


def column(table: Table, name: str) -> list[str]:
    position = table.header.index(name)
    return [
        str(cell.content if isinstance(cell.content, str) else cell.content.bare())
        for cell in (row.cells[position] for row in table.rows)
    ]


def test_claims_are_listed_with_their_outcome(summary: Summary) -> None:
    """A row for each claim in the study's order, grouped by family, with what it says."""
    table = table_claims(Lookup(summary))
    assert [row.heads for row in table.rows] == [(verdict.family, verdict.id) for verdict in summary.verdicts]
    assert column(table, "outcome") == [
        verdict.outcome + (" at a changed margin" if verdict.id == "preserved" else "") for verdict in summary.verdicts
    ]
    told = "Preprocessing preserves in-sample accuracy within a point & a half. (Judged at a margin of 1.5\u00a0points "
    told += "instead of the declared 1\u00a0point.)"
    assert column(table, "says") == [told if v.id == "preserved" else v.says for v in summary.verdicts]


def test_what_changed_since_the_start_is_printed(summary: Summary) -> None:
    """A margin that was another one when the runs began stands beside its claim; the others say nothing changed."""
    changed = dict(
        zip((v.id for v in summary.verdicts), column(table_claim_tests(Lookup(summary)), "changed"), strict=True)
    )
    assert changed["preserved"] == "margin 0.01 when the runs began, 0.015 now"
    assert changed["above-90"] == "nothing"


def test_a_sign_flip_test_shows_what_it_can_attain(summary: Summary) -> None:
    """Where it is the declared test, the lowest p that it can have stands beside its name."""
    tests = dict(zip((v.id for v in summary.verdicts), column(table_claim_tests(Lookup(summary)), "test"), strict=True))
    assert tests["none-helps"] == "sign-flip, p at least 0.25"
    assert tests["above-90"] == "crossed"


def test_the_decisive_case_is_framed(summary: Summary) -> None:
    """Of each claim about several cases exactly one is framed."""
    table = table_claim_cases(Lookup(summary))
    for verdict in summary.verdicts:
        framed = [row.cells[0].strong for row in table.rows if row.heads[0].partition(",")[0] == verdict.id]
        assert len(framed) == (len(verdict.parts) if len(verdict.parts) > 1 else 0)
        assert framed.count(True) == (len(verdict.parts) > 1)


def test_all_pairs_have_a_row_in_every_table(summary: Summary) -> None:
    """Six pairs of four variants on each quoted test set, and the reason where one is not defined."""
    lookup = Lookup(summary)
    for table in (table_tests(lookup), table_sizes(lookup), table_intervals(lookup), table_power(lookup)):
        assert len(table.rows) == 12
        assert table.reasons[0] == "fewer than three seeds"


def test_numbers_of_a_column_share_their_digits(summary: Summary) -> None:
    """Within a test set, differences have as many digits as the finest of them."""
    values = column(table_tests(Lookup(summary)), "difference")
    inside = {len(value.removesuffix("\u00a0points").partition(".")[2]) for value in values[:6]}
    assert inside == {2}


def test_p_values_are_downloaded_in_one_column(summary: Summary) -> None:
    """A p has no interval, and no empty columns for one."""
    head = table_csv(table_tests(Lookup(summary))).splitlines()[0]
    assert head == (
        "test set,difference,difference,difference low,difference high,p,Holm,sign-flip,attainable,paired t,Wilcoxon"
    )


def test_seeds_that_are_not_enough_are_explained(summary: Summary) -> None:
    """Where no number of seeds finds a difference of the margin, the note says so."""
    assert "no number of seeds up to 1,000 does on these images" in table_power(Lookup(summary)).reasons


def test_factorial_effects_come_in_threes(summary: Summary) -> None:
    """Two main effects and their interaction on each quoted test set, with their p."""
    table = table_factorial(Lookup(summary))
    assert [row.heads[1] for row in table.rows] == ["augmentation", "autoencoder", "interaction"] * 2
    assert all(isinstance(row.cells[1].content, Number) for row in table.rows)
