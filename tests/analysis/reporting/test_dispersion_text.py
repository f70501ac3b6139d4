from __future__ import annotations

import pytest
from made_up_basis import TEST_SETS

from analysis.reporting.dispersion_lookup import Maps
from analysis.reporting.dispersion_text import (
    agreement_paragraph,
    dispersion_sentences,
    sentence_methods,
    sentence_smearing,
)
from analysis.reporting.lookup import Lookup
from analysis.reporting.quantities import plain
from analysis.summary import Contrast, Summary

CARD = TEST_SETS[1]


@pytest.fixture
def maps(summary: Summary) -> Maps:
    return Maps(Lookup(summary))


def with_contrasts(summary: Summary, rows: tuple[Contrast, ...]) -> Maps:
    return Maps(Lookup(summary.model_copy(update={"dispersion_contrasts": rows})))


def test_the_verdict_is_three_sentences(maps: Maps) -> None:
    """Claims with outcomes, what is left, what the methods say and how faithful; behind them, by what, what changed."""
    claims, smearing, methods, faithful, note, changed = (plain(text) for text in dispersion_sentences(maps))
    assert note == "Dispersed and concentrated go by Holm’s p; the intervals are not adjusted."
    assert changed == "Not as declared: judged at another margin or bound: preserved."
    verdict = maps.verdicts[0]
    assert claims.startswith(verdict.outcome.capitalize())
    assert verdict.says.rstrip(".") in claims
    assert "is left at the classifier’s input" in smearing or "are left at the classifier’s input" in smearing
    assert faithful.startswith("On test the maps of saliency rank pixels better")
    assert methods.startswith("Against augment the maps of autoencoder (test; Gini) are, at the image, ")


def test_without_claims_or_maps_the_differences_or_nothing_is_told(summary: Summary) -> None:
    """A study that claims nothing of maps has its differences; one without maps says that alone."""
    bare = Maps(Lookup(summary.model_copy(update={"verdicts": ()})))
    assert plain(dispersion_sentences(bare)[0]).startswith("Saliency maps (test; saliency) against baseline")
    none = Maps(Lookup(summary.model_copy(update={"dispersion": (), "dispersion_contrasts": ()})))
    assert [plain(text) for text in dispersion_sentences(none)] == ["No saliency map was measured."]


def test_the_share_is_the_rows_own(summary: Summary, maps: Maps) -> None:
    """What is left is printed in per cent with its interval; where no share is given, the reason stands for it."""
    row = maps.share("autoencoder", CARD)
    assert row is not None
    assert row.estimate == pytest.approx(0.06)
    assert "6.0\u00a0% [−14.0, 26.0] of that of autoencoder" in plain(sentence_smearing(maps, CARD))
    gone = tuple(
        row.model_copy(update={"estimate": None, "low": None, "high": None, "reason": "not significant"})
        if row.quantity.endswith("remaining_share")
        else row
        for row in summary.dispersion_contrasts
    )
    assert "nothing can be said of the part that the preprocessing itself has" in plain(
        sentence_smearing(with_contrasts(summary, gone), CARD)
    )
    assert "not significant" in plain(sentence_smearing(with_contrasts(summary, gone), CARD))
    without = tuple(row for row in summary.dispersion_contrasts if not row.quantity.endswith("remaining_share"))
    assert sentence_smearing(with_contrasts(summary, without), CARD) == ()


def test_one_method_is_no_finding(summary: Summary) -> None:
    """A study of a single method says that its sign is not a finding."""
    rows = tuple(row for row in summary.dispersion if row.path.startswith("saliency"))
    alone = Maps(Lookup(summary.model_copy(update={"dispersion": rows})))
    assert plain(sentence_methods(alone, CARD)).endswith("one method alone was run, and its sign is not a finding.")


def test_methods_that_disagree_are_said_to(maps: Maps) -> None:
    """Saliency at the image says more dispersed, occlusion more concentrated: the reader is told."""
    told = plain(agreement_paragraph(maps, CARD))
    assert "both is more dispersed by some and more concentrated by others" in told
