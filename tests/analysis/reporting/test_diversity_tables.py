"""Tables of a diversity study."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # for `diversity_study`

from diversity_study import diversity_of

from analysis.reporting.diversity_tables import (
    table_contrasts,
    table_generators,
    table_levels,
    table_mixtures,
    table_quantities,
    table_sources,
)


def test_levels_stand_by_place_with_their_gain() -> None:
    """Mean, each generator, the shared set, in-sample; one column for each k, and the gain but of in-sample images."""
    found = diversity_of()
    table = table_levels(found)
    assert table.header == ("k = 1", "k = 2", "k = 3", "gain of k = 3, points")
    assert [name for name, _ in table.groups] == [
        "mean over held-out generators", *(f"held out: {name}" for name in "abcd"), "far", "in-sample",
    ]  # fmt: skip
    gain = next(r for r in found.contrasts if r.id == "balanced_accuracy/augment@3-vs-augment@1/far/own")
    row = next(row for row in table.rows if row.heads == ("far", "augment"))
    assert row.cells[3].exact == gain.estimate
    assert table.rows[-1].cells[3].content == ""
    assert "mixtures share in-sample images" in table.reasons[-1]


def test_p_against_the_margin_stand_where_there_is_one() -> None:
    """Diversity and preprocessing are judged, their difference is tested against zero alone."""
    rows = {row.heads: row for row in table_contrasts(diversity_of()).rows}
    judged = [row for heads, row in rows.items() if "(instead)" not in heads[0]]
    assert all(row.cells[3].exact is not None and row.cells[5].content for row in judged)
    free = [row for heads, row in rows.items() if "(instead)" in heads[0]]
    assert free
    assert all(row.cells[1].exact is not None and row.cells[3].content == "" for row in free)


def test_classes_stand_apart() -> None:
    """Recall, specificity and AUC at the mean and on the shared set."""
    names = [name for name, _ in table_quantities(diversity_of()).groups]
    assert names == [
        f"{place}: {name}"
        for place in ("mean over held-out generators", "far")
        for name in ("recall, %", "specificity, %", "AUC")
    ]


def test_every_mixture_and_source_has_its_rows() -> None:
    """14 mixtures of two variants; of the shared set, recall of fakes and specificity of photographs."""
    found = diversity_of()
    assert len(table_mixtures(found).rows) == 2 * 14
    assert [name for name, _ in table_sources(found).groups] == ["camera: specificity", "painter: recall"]
    assert not table_sources(diversity_of(shared=False)).rows


def test_generators_with_their_corpora() -> None:
    """What each is and how many held-out images it has."""
    table = table_generators(diversity_of())
    assert [row.heads for row in table.rows] == [(name,) for name in "abcd"]
    assert [cell.content for cell in table.rows[0].cells] == ["generator <a>", "corpus of a", "20", "20"]
