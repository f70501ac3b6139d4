from __future__ import annotations

import pytest
from made_up_basis import TEST_SETS

from analysis.reporting.blocks import Table
from analysis.reporting.dispersion_lookup import Maps
from analysis.reporting.lookup import Lookup
from analysis.reporting.map_tables import (
    NO_BETTER,
    faithfulness_paragraph,
    table_agreement,
    table_faithfulness,
    table_map_models,
    table_nulls,
    table_similarity,
)
from analysis.reporting.quantities import plain
from analysis.summary import Summary

CARD = TEST_SETS[1]


@pytest.fixture
def maps(summary: Summary) -> Maps:
    return Maps(Lookup(summary))


def texts(table: Table) -> dict[tuple[str, ...], list[str]]:
    return {row.heads: [str(cell.content) for cell in row.cells] for row in table.rows}


def test_methods_no_better_than_random_are_marked(maps: Maps) -> None:
    """The last column says by which curve a method is better, or that it is by neither, or why it is not known."""
    rows = texts(table_faithfulness(maps, CARD))
    assert rows["saliency at the image", "both"][-1] == "● better by both"
    assert rows["occlusion at the image", "both"][-1] == f"○ {NO_BETTER}"
    assert rows["saliency at the classifier’s input", "both"][-1] == "no image has a measured map for every seed"
    told = plain(faithfulness_paragraph(maps, CARD))
    assert told.endswith("than a random order: occlusion at the image (all variants).")
    assert plain(faithfulness_paragraph(maps, CARD, "saliency")).startswith("On test the maps of saliency rank pixels")
    assert faithfulness_paragraph(maps, CARD, "gradcam") == ()


def test_worse_than_random_is_not_called_unshown(maps: Maps) -> None:
    """A curve on the bad side with a small p is worse; with the other on the good side both are said."""

    def said(deletion: float, insertion: float) -> str:
        size = {"deletion": deletion, "insertion": insertion}
        rows = tuple(
            row.model_copy(update={"estimate": size[row.quantity.partition("_")[0]], "p": 0.001})
            for row in maps.lookup.summary.faithfulness
        )
        changed = Maps(Lookup(maps.lookup.summary.model_copy(update={"faithfulness": rows})))
        return str(table_faithfulness(changed, CARD).rows[0].cells[-1])

    assert "worse by deletion and insertion" in said(1.0, -1.0)
    assert "better by insertion, worse by deletion" in said(1.0, 1.0)
    assert "better by both" in said(-1.0, 1.0)


def test_fewer_images_of_nulls_are_said_only_where_they_are(maps: Maps) -> None:
    """The caption names what is fewer, images or seeds, and nothing where all rows are of as many."""
    summary = maps.lookup.summary

    def caption(**of_nulls: int) -> str:
        rows = tuple(
            row.model_copy(update={"n_images": 50, "n_seeds": 3} | (of_nulls if "~" in row.path else {}))
            for row in summary.dispersion_contrasts
        )
        changed = Maps(Lookup(summary.model_copy(update={"dispersion_contrasts": rows})))
        return plain(table_nulls(changed, CARD).caption)

    assert "fewer" not in caption()
    assert "Randomised classifiers are of fewer images." in caption(n_images=20)
    assert "Randomised classifiers are of fewer images and seeds." in caption(n_images=20, n_seeds=2)


def test_all_faithful_or_none_tested_is_said(maps: Maps) -> None:
    """Where every method is better, or nothing could be tested, the paragraph says just that."""
    summary = maps.lookup.summary
    better = tuple(row for row in summary.faithfulness if row.path == "saliency.image")
    told = faithfulness_paragraph(Maps(Lookup(summary.model_copy(update={"faithfulness": better}))), CARD)
    assert "every method that was tested ranks pixels better" in plain(told)
    unknown = tuple(row.model_copy(update={"p": None}) for row in summary.faithfulness)
    told = faithfulness_paragraph(Maps(Lookup(summary.model_copy(update={"faithfulness": unknown}))), CARD)
    assert "no method could be tested" in plain(told)


def test_nulls_stand_below_the_trained(maps: Maps) -> None:
    """At each point the trained difference comes first, then the nulls' from the logit down."""
    heads = [row.heads for row in table_nulls(maps, CARD).rows]
    labels = [label for where, label in heads if where == "saliency at the image"]
    assert labels[:2] == ["trained", "untrained"]
    assert labels[-1] == "randomised down to conv1"
    assert len(table_similarity(maps, CARD).rows) == 10


def test_a_study_without_nulls_has_no_table_of_them(maps: Maps) -> None:
    """Without nulls there is nothing to stand beside."""
    summary = maps.lookup.summary
    rows = tuple(row for row in summary.dispersion if "~" not in row.path)
    bare = Maps(Lookup(summary.model_copy(update={"dispersion": rows})))
    assert table_nulls(bare, CARD).rows == ()
    assert table_similarity(bare, CARD).rows == ()


def test_agreement_is_shown_where_it_was_computed(maps: Maps) -> None:
    """Methods whose maps were not stored have no row."""
    assert [row.heads for row in table_agreement(maps, CARD).rows] == [
        ("saliency", "at the image"),
        ("saliency", "at the classifier’s input"),
    ]


def test_the_mixed_model_stands_beside_the_crossed_estimate(maps: Maps) -> None:
    """Each check has its own row, the image first; one that did not converge says so."""
    table = table_map_models(maps)
    assert table.rows[0].heads == ("test: Gini, saliency at the image", "autoencoder − baseline")
    crossed, mixed = (cell.content for cell in table.rows[0].cells)
    assert str(mixed) == "−0.043 [−0.050, −0.036]"
    assert str(crossed).startswith("−0.052")
    assert "the model did not converge" in table.reasons
