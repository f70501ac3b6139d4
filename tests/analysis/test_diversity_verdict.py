"""The answer of a diversity study: every combination of outcomes, and numbers that are those of the rows."""

from __future__ import annotations

import pytest

from analysis.diversity_summary import HELD_OUT, DiversityContrast, DiversityEstimate, Outcome
from analysis.diversity_verdict import amount, diversity_verdict, generators, per_cent
from analysis.sentences import NBSP

LEVELS = tuple(
    DiversityEstimate(
        quantity="balanced_accuracy",
        variant="baseline",
        k=k,
        test_set=HELD_OUT,
        path="own",
        estimate=estimate,
        n_seeds=5,
        n_images=100,
        n_mixtures=4,
    )
    for k, estimate in ((1, 0.6), (2, 0.63), (3, 0.712))
)


def contrast(
    kind: str, variant: str, k: int, versus: str, outcome: Outcome | None, **more: object
) -> DiversityContrast:
    labels = {"quantity": "balanced_accuracy", "test_set": HELD_OUT, "path": "own", "family": kind, "n_mixtures": 4}
    numbers = {"estimate": 0.112, "low": 0.08, "high": 0.144, "n_seeds": 5, "n_images": 100, "p_above": 0.01}
    arms = {"kind": kind, "variant": variant, "k": k, "versus": versus, "versus_k": 1, "outcome": outcome}
    return DiversityContrast.model_validate(labels | numbers | {"margin": 0.05} | arms | more)


def rows(diversity: Outcome, augmentation: Outcome | None, **more: object) -> list[DiversityContrast]:
    found = [
        contrast("diversity", "baseline", 2, "baseline", "undecided"),
        contrast("diversity", "baseline", 3, "baseline", diversity, **more),
    ]
    if augmentation is not None:
        found += [
            contrast("preprocessing", "augment", 1, "baseline", augmentation, estimate=-0.01, low=-0.03, high=0.01),
            contrast("instead", "baseline", 3, "augment", None, estimate=0.122, low=0.09, high=0.154, margin=None),
        ]
    return found


@pytest.mark.parametrize(
    ("diversity", "augmentation", "answer"),
    [
        ("helps", "does not help", "Diversity helps where augmentation did not."),
        ("helps", "helps", "Diversity helps, and augmentation helped, too."),
        ("helps", "undecided", "Diversity helps; whether augmentation did is undecided."),
        ("helps", None, "Diversity helps."),
        ("does not help", "does not help", "Diversity does not help, no more than augmentation did."),
        ("does not help", "helps", "Diversity does not help, where augmentation did."),
        ("does not help", "undecided", "Diversity does not help; whether augmentation did is undecided."),
        ("does not help", None, "Diversity does not help."),
        ("undecided", "does not help", "Whether diversity helps where augmentation did not is undecided."),
        ("undecided", "helps", "Whether diversity helps where augmentation did not is undecided."),
        ("undecided", None, "Whether diversity helps where augmentation did not is undecided."),
    ],
)
def test_every_pair_of_outcomes_has_its_answer(diversity: Outcome, augmentation: Outcome | None, answer: str) -> None:
    """The first sentence follows from both outcomes at the largest k."""
    verdict = diversity_verdict(LEVELS, rows(diversity, augmentation), baseline="baseline", margin=0.05)
    assert verdict.sentences[0] == answer
    assert (verdict.diversity, verdict.augmentation, verdict.sizes) == (diversity, augmentation, 3)
    assert len(verdict.sentences) == (2 if augmentation is None else 3)
    assert len(verdict.contrasts) == (1 if augmentation is None else 3)


def test_the_numbers_are_those_of_the_rows() -> None:
    """Levels, gains and intervals in the sentences; a loss is called one."""
    verdict = diversity_verdict(LEVELS, rows("helps", "does not help"), baseline="baseline", margin=0.05)
    _, gained, augmentation = (text.replace(NBSP, " ") for text in verdict.sentences)
    assert "Trained on three generators instead of one" in gained
    assert "gains 11.2 points [8.0, 14.4]" in gained
    assert "from 60.0 % to 71.2 %: more than the margin of 5 points, so more generators help" in gained
    assert "augmentation loses 1.0 points [−3.0, 1.0] on the baseline: less than the margin of 5 points" in augmentation
    assert "less that of augmentation is 12.2 points [9.0, 15.4]" in augmentation


def test_an_end_near_the_margin_gets_the_digits_that_show_its_side() -> None:
    """5.03 points are not printed as the margin of 5.0."""
    verdict = diversity_verdict(LEVELS, rows("helps", None, low=0.0503), baseline="baseline", margin=0.05)
    assert "[5.03, 14.40]" in verdict.sentences[1]


def test_another_margin_than_the_declared_is_said() -> None:
    """Where the margin was changed, the declared one stands beside it."""
    verdict = diversity_verdict(LEVELS, rows("undecided", None), baseline="baseline", margin=0.1, margin_declared=0.05)
    text = verdict.sentences[1].replace(NBSP, " ")
    assert "undecided against the margin of 10 points (instead of the declared 5 points)" in text


def test_without_an_interval_the_reason_is_said() -> None:
    """Two seeds give no interval and no verdict."""
    lost = {"low": None, "high": None, "p_above": None, "reason": "two seeds: crossed interval not defined"}
    verdict = diversity_verdict(LEVELS, rows("undecided", None, **lost), baseline="baseline", margin=0.05)
    assert "(interval not defined)" in verdict.sentences[1]
    assert "since two seeds" in verdict.sentences[1]


def test_words() -> None:
    """Numbers of generators, margins and shares in words."""
    assert [generators(1), generators(3), generators(12)] == ["one generator", "three generators", "12 generators"]
    assert amount(0.025).replace(NBSP, " ") == "2.5 points"
    assert per_cent(None) == "an undefined figure"
