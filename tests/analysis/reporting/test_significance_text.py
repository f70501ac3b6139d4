"""The sentences of verdicts, and where a claim holds."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from analysis.claims import Claim
from analysis.intervals import crossed_mean
from analysis.reporting.lookup import Lookup
from analysis.reporting.quantities import Number, plain
from analysis.reporting.significance_text import (
    LISTED,
    against,
    case_of,
    digits_of,
    judged_text,
    marked,
    part_number,
    region,
    verdict_sentences,
)
from analysis.sentences import judged_of
from analysis.summary import Summary
from analysis.verdicts import Verdict, decide

MakeVerdict = Callable[..., Verdict]


@pytest.fixture
def make_verdict() -> MakeVerdict:
    """A verdict of a claim of some kind, on the same drawn evidence."""

    def make(kind: str, quantity: str = "accuracy", **more: object) -> Verdict:
        told = {"id": kind, "says": "It is so.", "quantity": quantity, "kind": kind, "variants": ("both",)}
        claim = Claim.model_validate(told | {"role": "in_sample"} | more)
        found = crossed_mean([[0.9, 0.95, 0.92, 0.97], [0.91, 0.96, 0.94, 0.95], [0.9, 0.93, 0.95, 0.99]])
        return decide([claim], lambda _: found, test_sets={"test": "in_sample"})[0]

    return make


@pytest.mark.parametrize(
    ("kind", "more", "expected"),
    [
        ("above", {"bound": 0.9}, (0.9, None)),
        ("below", {"bound": 0.9}, (None, 0.9)),
        ("greater", {"versus": "baseline"}, (0.0, None)),
        ("less", {"versus": "baseline"}, (None, 0.0)),
        ("superior", {"versus": "baseline", "margin": 0.02}, (0.02, None)),
        ("not_superior", {"versus": "baseline", "margin": 0.02}, (None, 0.02)),
        ("non_inferior", {"versus": "baseline", "margin": 0.02}, (-0.02, None)),
        ("equivalent", {"versus": "baseline", "margin": 0.02}, (-0.02, 0.02)),
        ("superior", {"versus": "baseline", "margin": 0.02, "quantity": "eer"}, (None, -0.02)),
    ],
)
def test_region_is_where_the_claim_holds(
    make_verdict: MakeVerdict, kind: str, more: dict[str, object], expected: tuple[float | None, float | None]
) -> None:
    """Every kind of claim has its side of a value, mirrored where less is better."""
    assert region(make_verdict(kind, **more)) == expected


@pytest.mark.parametrize(
    ("kind", "more", "text"),
    [
        ("above", {"bound": 0.9}, "90\u00a0%"),
        ("above", {"bound": 0.875}, "87.5\u00a0%"),
        ("equivalent", {"versus": "baseline", "margin": 0.015}, "1.5\u00a0points"),
        ("equivalent", {"versus": "baseline", "margin": 0.01, "quantity": "auc"}, "0.01"),
        ("greater", {"versus": "baseline"}, "0"),
    ],
)
def test_declared_values_keep_all_their_digits(
    make_verdict: MakeVerdict, kind: str, more: dict[str, object], text: str
) -> None:
    """A bound or margin is printed as it was declared."""
    assert str(against(make_verdict(kind, **more))) == text


def test_levels_are_per_cent_and_differences_points(make_verdict: MakeVerdict) -> None:
    """The kind of a claim decides the unit of its number."""
    kinds = [
        part_number(make_verdict("above", bound=0.9), 0).kind,
        part_number(make_verdict("greater", versus="baseline"), 0).kind,
        part_number(make_verdict("greater", "auc", versus="baseline"), 0).kind,
        part_number(make_verdict("above", "auc", bound=0.9), 0).kind,
    ]
    assert kinds == ["percent", "points", "difference", "plain"]


def test_there_is_one_sentence_for_each_outcome_that_occurs(summary: Summary) -> None:
    """At most three sentences, which count and name all claims; of many, the later ones by their id."""
    lookup = Lookup(summary)
    texts = [plain(text) for text in verdict_sentences(lookup)]
    outcomes = [verdict.outcome for verdict in summary.verdicts]
    assert len(texts) == len(set(outcomes)) <= 3
    for outcome in set(outcomes):
        text = next(text for text in texts if text.startswith(outcome.capitalize()))
        assert f"({outcomes.count(outcome)} of {len(outcomes)} claims" in text
        chosen = [verdict for verdict in summary.verdicts if verdict.outcome == outcome]
        assert all(verdict.says.rstrip(".") in text for verdict in chosen[:LISTED])
        assert all(verdict.id in text for verdict in chosen[LISTED:])
        assert text.endswith(".")


def test_numbers_of_the_sentences_are_the_decisive_cases(summary: Summary) -> None:
    """Each number in the verdict is that of the case that the claim hangs on."""
    shown = [part for text in verdict_sentences(Lookup(summary)) for part in text if isinstance(part, Number)]
    assert shown
    for number in shown:
        _, name, position = number.id.split("/")
        if position.startswith("margin"):
            continue
        verdict = next(verdict for verdict in summary.verdicts if verdict.id == name)
        assert int(position) == verdict.decisive
        part = verdict.parts[verdict.decisive]
        assert number.raw == (part.estimate, part.low, part.high)


def test_cases_name_both_sides(summary: Summary) -> None:
    """A case names the variants, the test sets without their pixels, and the maps."""
    lookup = Lookup(summary)
    cases = {verdict.id: case_of(lookup, verdict.parts[0]) for verdict in summary.verdicts}
    assert cases["above-90"] == "baseline on test"
    assert cases["falls"] == "baseline on out-of-sample − test"
    assert cases["dispersed"] == "autoencoder − augment on test (saliency at the image)"
    dispersed = next(verdict for verdict in summary.verdicts if verdict.id == "dispersed")
    assert case_of(lookup, dispersed.parts[0], brief=True) == "autoencoder − augment on test (at the image)"


def test_digits_are_those_of_the_finest_interval(summary: Summary) -> None:
    """Differences in one column share their digits."""
    rows = Lookup(summary).pairs("accuracy", "test")
    assert digits_of(rows) == 2
    assert digits_of([]) == 1


def test_a_changed_margin_stands_at_the_claim(summary: Summary) -> None:
    """The lead says how many of an outcome's claims are marked, and at each what it was judged at, with ids."""
    lookup = Lookup(summary)
    verdict = next(verdict for verdict in summary.verdicts if verdict.id == "preserved")
    assert plain(judged_text(verdict)) == judged_of(verdict)
    ids = [part.id for part in judged_text(verdict) if isinstance(part, Number)]
    assert ids == ["claim/preserved/margin", "claim/preserved/margin_declared"]
    text = next(text for text in map(plain, verdict_sentences(lookup)) if verdict.says.rstrip(".") in text)
    assert f"“{verdict.says.rstrip('.')}”, {judged_of(verdict)} (" in text
    assert "at a changed margin): " in text
    assert marked([v for v in summary.verdicts if v.id != "preserved"]) == ""
