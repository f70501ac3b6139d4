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
    numbers = {
        "estimate": 0.112,
        "low": 0.08,
        "high": 0.144,
        "n_seeds": 5,
        "n_images": 100,
        "p_above": 0.01,
        "p_holm": 0.002,
    }
    arms = {"kind": kind, "variant": variant, "k": k, "versus": versus, "versus_k": 1, "outcome": outcome}
    return DiversityContrast.model_validate(labels | numbers | {"margin": 0.05} | arms | more)


def rows(diversity: Outcome, augmentation: Outcome | None, **more: object) -> list[DiversityContrast]:
    found = [
        contrast("diversity", "baseline", 2, "baseline", "undecided"),
        contrast("diversity", "baseline", 3, "baseline", diversity, **more),
    ]
    if augmentation is not None:
        found += [
            contrast(
                "preprocessing",
                "augment",
                1,
                "baseline",
                augmentation,
                estimate=-0.01,
                low=-0.03,
                high=0.01,
                p_holm=0.3,
            ),
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
        ("does not help", "does not help", "Diversity does not help, and neither did augmentation."),
        ("does not help", "helps", "Diversity does not help, where augmentation did."),
        ("does not help", "undecided", "Diversity does not help; whether augmentation did is undecided."),
        ("does not help", None, "Diversity does not help."),
        ("undecided", "does not help", "Whether diversity helps is undecided."),
        ("undecided", "helps", "Whether diversity helps is undecided."),
        ("undecided", None, "Whether diversity helps is undecided."),
    ],
)
def test_every_pair_of_outcomes_has_its_answer(diversity: Outcome, augmentation: Outcome | None, answer: str) -> None:
    """The first sentence follows from both outcomes at the largest k."""
    more = {"p_holm": 0.4} if diversity == "does not help" else {}
    verdict = diversity_verdict(
        LEVELS, rows(diversity, augmentation, **more), baseline="baseline", margin=0.05, alpha=0.05
    )
    assert verdict.sentences[0] == answer
    assert (verdict.diversity, verdict.augmentation, verdict.sizes) == (diversity, augmentation, 3)
    assert len(verdict.sentences) == (2 if augmentation is None else 3)
    assert len(verdict.contrasts) == (1 if augmentation is None else 3)


def test_the_numbers_are_those_of_the_rows() -> None:
    """Levels, signed changes, intervals and p in the sentences; only what Holm's p tells is a gain or a loss."""
    verdict = diversity_verdict(LEVELS, rows("helps", "does not help"), baseline="baseline", margin=0.05, alpha=0.05)
    _, gained, augmentation = (text.replace(NBSP, " ") for text in verdict.sentences)
    assert "Trained on three generators instead of one" in gained
    assert "changes by +11.2 points [+8.0, +14.4] (a gain, p = 0.002) of" in gained
    assert "from 60.0 % to 71.2 %: a gain of more than 5 points is shown." in gained
    assert "changes it by −1.0 points [−3.0, +1.0] (not told from none, p = 0.30): a gain of 5 points" in augmentation
    assert "is excluded; the change by diversity less this one is +12.2 points [+9.0, +15.4] (a gain, p" in augmentation


def test_a_gain_short_of_the_margin_is_called_one() -> None:
    """What is told from zero and below the margin is no failure to help at all."""
    small = {"estimate": 0.03, "low": 0.01, "high": 0.045, "p_holm": 0.01, "p_above": 1.0}
    verdict = diversity_verdict(
        LEVELS, rows("does not help", None, **small), baseline="baseline", margin=0.05, alpha=0.05
    )
    assert verdict.sentences[0].replace(NBSP, " ") == "Diversity gains less than 5 points."


def test_a_loss_is_called_one() -> None:
    """Where fewer are decided rightly, and Holm's p tells it, the sentence says so beside the excluded gain."""
    lost = {"estimate": -0.027, "low": -0.047, "high": -0.007, "p_holm": 0.033, "p_above": 1.0}
    verdict = diversity_verdict(
        LEVELS, rows("does not help", None, **lost), baseline="baseline", margin=0.05, alpha=0.05
    )
    text = verdict.sentences[1].replace(NBSP, " ")
    assert "changes by −2.7 points [−4.7, −0.7] (a loss, p = 0.033)" in text
    assert text.endswith("a gain of 5 points is excluded.")


def test_classifiers_tested_on_plain_images_have_a_sentence_of_their_own() -> None:
    """Beside augmentation in training and test stands what it does in training alone."""
    found = rows("does not help", "does not help")
    found += [
        contrast("preprocessing", "augment-plain", 1, "baseline", "undecided", estimate=0.04, low=0.01, high=0.07),
        contrast("instead", "baseline", 3, "augment-plain", None, estimate=-0.05, low=-0.08, high=-0.02, margin=None),
    ]
    verdict = diversity_verdict(LEVELS, found, baseline="baseline", margin=0.05, alpha=0.05)
    text = verdict.sentences[3].replace(NBSP, " ")
    assert "tested on plain images, not augmented ones, differ from the baseline by +4.0 points [+1.0, +7.0]" in text
    assert "neither shown nor excluded; the change by diversity less this one is −5.0 points [−8.0, −2.0]" in text
    assert len(verdict.contrasts) == 5


def test_nets_near_chance_or_that_fit_worse_are_said() -> None:
    """The reach of the answer: the highest end of any interval, and in-sample accuracy that falls with k."""
    held = [row.model_copy(update={"estimate": 0.51, "low": 0.48, "high": 0.5 + 0.02 * row.k}) for row in LEVELS]
    inside = [
        row.model_copy(update={"test_set": "in-sample", "estimate": value})
        for row, value in zip(LEVELS, (0.81, 0.76, 0.727), strict=True)
    ]
    arguments = {"baseline": "baseline", "margin": 0.05, "alpha": 0.05}
    verdict = diversity_verdict((*held, *inside), rows("does not help", None), **arguments)  # type: ignore[arg-type]
    chance, fits = (text.replace(NBSP, " ") for text in verdict.sentences[2:])
    assert "no interval reaches above 56.0 %" in chance
    assert fits.startswith("In-sample the baseline decides 81.0 % rightly with one generator and 72.7 % with three gen")
    assert "fit more generators less well" in fits
    kept = [row.model_copy(update={"estimate": 0.8}) for row in inside]
    high = [row.model_copy(update={"high": 0.7}) for row in held]
    verdict = diversity_verdict((*high, *kept), rows("does not help", None), **arguments)  # type: ignore[arg-type]
    assert len(verdict.sentences) == 3
    assert verdict.sentences[2].endswith("with three generators.")


def test_an_end_near_the_margin_gets_the_digits_that_show_its_side() -> None:
    """5.03 points are not printed as the margin of 5.0."""
    verdict = diversity_verdict(LEVELS, rows("helps", None, low=0.0503), baseline="baseline", margin=0.05, alpha=0.05)
    assert "[+5.03, +14.40]" in verdict.sentences[1]


def test_another_margin_than_the_declared_is_said() -> None:
    """Where the margin was changed, the declared one stands beside it."""
    verdict = diversity_verdict(
        LEVELS, rows("undecided", None), baseline="baseline", margin=0.1, alpha=0.05, margin_declared=0.05
    )
    text = verdict.sentences[1].replace(NBSP, " ")
    assert "a gain of 10 points (instead of the declared 5 points) is neither shown nor excluded" in text


def test_without_an_interval_the_reason_is_said() -> None:
    """Two seeds give no interval and no verdict."""
    lost = {"low": None, "high": None, "p_above": None, "reason": "two seeds: crossed interval not defined"}
    verdict = diversity_verdict(LEVELS, rows("undecided", None, **lost), baseline="baseline", margin=0.05, alpha=0.05)
    assert "(interval not defined)" in verdict.sentences[1]
    assert "since two seeds" in verdict.sentences[1]


def test_words() -> None:
    """Numbers of generators, margins and shares in words."""
    assert [generators(1), generators(3), generators(12)] == ["one generator", "three generators", "12 generators"]
    assert amount(0.025).replace(NBSP, " ") == "2.5 points"
    assert per_cent(None) == "an undefined figure"
