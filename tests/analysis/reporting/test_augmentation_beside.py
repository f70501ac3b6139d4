"""Preprocessing against augmentation alone."""

from __future__ import annotations

import pytest
from made_up_basis import TEST_SETS

from analysis.reporting.augmentation_beside import (
    augmented,
    preprocessed_alone,
    sentence_beside_augmentation,
    table_beside_augmentation,
)
from analysis.reporting.blocks import Cell
from analysis.reporting.dispersion_lookup import Maps
from analysis.reporting.lookup import Lookup
from analysis.reporting.quantities import plain
from analysis.summary import Contrast, Summary

CARD = TEST_SETS[1]


def of(summary: Summary, **of_pair: float | None) -> Maps:
    """The made-up maps, with `of_pair` set in the trained difference autoencoder - augment at the image."""
    rows = tuple(
        row.model_copy(update=of_pair)
        if (row.quantity, row.variant, row.versus, row.test_set, row.path)
        == ("gini", "autoencoder", "augment", CARD.name, "saliency.image")
        else row
        for row in summary.dispersion_contrasts
    )
    return Maps(Lookup(summary.model_copy(update={"dispersion_contrasts": rows})))


def test_augmentation_alone_is_found_by_its_path(summary: Summary) -> None:
    """`augment` is compared with, `autoencoder` is compared, and `both` is neither."""
    maps = of(summary)
    assert augmented(maps) == "augment"
    assert preprocessed_alone(maps, CARD) == ("autoencoder",)


@pytest.mark.parametrize(
    ("estimate", "p_holm", "says", "framed"),
    [(-0.02, 0.4, "open", False), (-0.02, 0.01, "dispersed", True), (0.02, 0.01, "concentrated", True)],
)
def test_words_and_frame_go_by_holm(
    summary: Summary, estimate: float, p_holm: float, says: str, *, framed: bool
) -> None:
    """A lower Gini is more dispersed, said and framed where Holm's p is below the level alone."""
    maps = of(summary, estimate=estimate, low=estimate - 0.01, high=estimate + 0.01, p_holm=p_holm)
    table = table_beside_augmentation(maps, CARD)
    row = next(row for row in table.rows if row.heads == ("saliency, trained classifier", "at the image"))
    assert row.cells[1] == Cell(says)
    assert row.cells[0].strong is framed
    words = {"open": "not told apart"}.get(says, f"more {says}")
    assert f"are, at the image, {words} by saliency" in plain(sentence_beside_augmentation(maps, CARD))


def test_nulls_stand_beside_the_trained(summary: Summary) -> None:
    """A null's difference to augmentation has a row of its own behind the trained one's."""
    trained = next(
        row
        for row in summary.dispersion_contrasts
        if (row.variant, row.versus, row.path, row.test_set) == ("autoencoder", "augment", "saliency.image", CARD.name)
    )
    null = Contrast.model_validate(trained.model_dump() | {"path": "saliency.image~untrained", "estimate": -0.3})
    rows = (*summary.dispersion_contrasts, null)
    maps = Maps(Lookup(summary.model_copy(update={"dispersion_contrasts": rows})))
    heads = [row.heads[0] for row in table_beside_augmentation(maps, CARD).rows]
    assert heads[0] == "saliency, trained classifier"
    assert "saliency, untrained classifier" in heads


def test_without_augmentation_there_is_no_table(summary: Summary) -> None:
    """A study that lacks the variant has no rows and no sentence."""
    study = summary.study
    others = tuple(card for card in study.variants if card.path != "augment")
    bare = summary.model_copy(update={"study": study.model_copy(update={"variants": others})})
    maps = Maps(Lookup(bare))
    assert not table_beside_augmentation(maps, CARD).rows
    assert sentence_beside_augmentation(maps, CARD) == ()


def test_what_the_untrained_show_stands_in_the_sentence(summary: Summary) -> None:
    """Where untrained classifiers differ by themselves, the sentence says by how much, beside the trained ones."""
    trained = next(
        row
        for row in summary.dispersion_contrasts
        if (row.variant, row.versus, row.path, row.test_set) == ("autoencoder", "augment", "saliency.image", CARD.name)
    )

    def told(p_holm: float) -> str:
        numbers = {"estimate": 0.038, "low": 0.033, "high": 0.042, "p_holm": p_holm, "reason": None}
        null = Contrast.model_validate(trained.model_dump() | numbers | {"path": "saliency.image~untrained"})
        rows = (*summary.dispersion_contrasts, null)
        maps = Maps(Lookup(summary.model_copy(update={"dispersion_contrasts": rows})))
        return plain(sentence_beside_augmentation(maps, CARD))

    assert "Classifiers that have learnt nothing differ at the image by saliency by 0.038 [0.033, 0.042]" in told(0.001)
    assert "learnt nothing" not in told(0.4)
