from __future__ import annotations

from typing import Any

import pytest

from analysis.sentences import judged_of, outcome_of, sentence_of
from analysis.verdicts import Verdict, VerdictPart


def part(**changes: Any) -> VerdictPart:
    data: dict[str, Any] = {
        "variant": "augment",
        "versus": "baseline",
        "test_set": "test",
        "path": "own",
        "estimate": 0.0123,
        "low": -0.004,
        "high": 0.0286,
        "confidence": 0.95,
        "n_seeds": 8,
        "n_images": 10000,
        "p_support": 0.02,
        "p_contradict": 1.0,
        "detectable": 0.0234,
        "seeds_needed": 14,
    }
    return VerdictPart.model_validate(data | changes)


def verdict(*parts: VerdictPart, **changes: Any) -> Verdict:
    data: dict[str, Any] = {
        "id": "one",
        "says": "Augmentation helps.",
        "quantity": "accuracy",
        "kind": "greater",
        "conjunction": "all",
        "test": "crossed",
        "outcome": "supported",
        "family": "main",
        "family_size": 2,
        "alpha": 0.05,
        "p_support": 0.02,
        "p_contradict": 1.0,
        "p_support_adjusted": 0.04,
        "p_contradict_adjusted": 1.0,
        "decisive": 0,
        "parts": parts or (part(),),
    }
    return Verdict.model_validate(data | changes)


def text(one: Verdict) -> str:
    """The sentence with plain spaces and minus signs."""
    return sentence_of(one).replace("\u00a0", " ").replace("\u2212", "-").replace("\u03b1", "alpha")


def test_supported() -> None:
    """A supported claim says how much, on what, and at which p."""
    assert text(verdict()) == (
        "Supported: Augmentation helps. augment - baseline on test, accuracy 1.2 points [-0.4, 2.9] "
        "(95 % interval, unadjusted; 8 seeds, 10,000 images), against no difference. "
        "Adjusted p = 0.040 (2 claims in family main, alpha = 0.05)."
    )


def test_contradicted() -> None:
    """A contradicted claim says at which p its contrary holds."""
    one = verdict(outcome="contradicted", p_contradict_adjusted=0.00001, family_size=1)
    assert text(one).startswith("Contradicted: Augmentation helps. ")
    assert text(one).endswith("Adjusted p of the contrary < 0.001 (1 claim in family main, alpha = 0.05).")


def test_undecided() -> None:
    """An undecided claim says what these seeds and images could have found, and how many seeds would decide."""
    one = verdict(outcome="undecided", p_support_adjusted=0.123, p_contradict_adjusted=1.0)
    assert text(one).endswith(
        "Adjusted p = 0.12 for the claim and = 1.00 for its contrary (2 claims in family main, alpha = 0.05). "
        "With power 0.8 these seeds and images find a distance of 2.3 points from zero, before any correction for "
        "several claims. If the true value were the one estimated, 14 seeds would decide this case on these images."
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"seeds_needed": None, "seeds_reason": "no number would"}, "How many seeds would decide it: no number would."),
        ({"seeds_needed": 1}, "1 seed would decide this case on these images."),
        ({"seeds_needed": None}, "before any correction for several claims."),
        ({"seeds_needed": None, "detectable": None}, "(2 claims in family main, alpha = 0.05)."),
    ],
)
def test_plans_that_there_are(changes: dict[str, Any], expected: str) -> None:
    """Only what was computed is said."""
    assert text(verdict(part(**changes), outcome="undecided")).endswith(expected)


@pytest.mark.parametrize("outcome", ["supported", "contradicted"])
def test_plans_are_for_the_undecided(outcome: str) -> None:
    """What would decide a claim is not said of one that is decided."""
    assert "would decide" not in text(verdict(outcome=outcome))


@pytest.mark.parametrize(
    ("outcome", "conjunction", "lead"),
    [
        ("supported", "all", "The weakest of 2 cases: both"),
        ("undecided", "all", "The weakest of 2 cases: both"),
        ("supported", "any", "The strongest of 2 cases: both"),
        ("undecided", "any", "The strongest of 2 cases: both"),
        ("contradicted", "all", "The clearest case against it, of 2: both"),
        ("contradicted", "any", "The least clear case against it, of 2: both"),
    ],
)
def test_of_several_cells_the_decisive_one_is_spoken_of(outcome: str, conjunction: str, lead: str) -> None:
    """The sentence names the cell that the outcome hangs on, and says what it is among how many."""
    one = verdict(part(), part(variant="both"), decisive=1, outcome=outcome, conjunction=conjunction)
    assert lead in text(one)
    assert "augment - baseline" not in text(one)


@pytest.mark.parametrize(
    ("changes", "fields", "expected"),
    [
        (
            {"kind": "above", "bound": 0.9},
            {"versus": None, "estimate": 0.9312, "low": 0.925, "high": 0.937},
            (
                "augment on test, accuracy 93.12 % [92.50, 93.70] (95 % interval, unadjusted; 8 seeds, 10,000 images), "
                "against a bound of 90 %."
            ),
        ),
        ({"kind": "equivalent", "margin": 0.01}, {"confidence": 0.9}, "(90 % interval, unadjusted; 8 seeds, 10,000"),
        ({"kind": "equivalent", "margin": 0.01}, {}, "against a margin of 1 point."),
        ({"kind": "non_inferior", "margin": 0.025}, {}, "against a margin of 2.5 points."),
        ({"kind": "less"}, {"source": "painter", "test_set": "far"}, "augment - baseline on painter of far, accuracy"),
        ({"kind": "less"}, {"versus": None, "versus_test_set": "far"}, "augment on test - far, accuracy 1.2 points"),
        (
            {"quantity": "gini", "kind": "less"},
            {"path": "saliency.image", "estimate": -0.0123},
            "augment - baseline on test, Gini coefficient (saliency.image) -0.012 [-0.004, 0.029]",
        ),
        ({"quantity": "balanced_accuracy"}, {}, "on test, balanced accuracy 1.2 points"),
        ({"quantity": "auc", "kind": "superior", "margin": 0.05}, {}, "AUC 0.012 [-0.004, 0.029]"),
        ({"quantity": "auc", "kind": "superior", "margin": 0.05}, {}, "against a margin of 0.05."),
        ({"quantity": "mcc", "kind": "above", "bound": -0.5}, {"versus": None}, "against a bound of -0.5."),
        ({"kind": "less"}, {"estimate": -0.00001, "low": -0.001, "high": 0.001}, "accuracy 0.00 points [-0.10, 0.10]"),
        ({"kind": "less"}, {"estimate": 0.01}, "accuracy 1.0 points ["),
    ],
)
def test_what_is_compared(changes: dict[str, Any], fields: dict[str, Any], expected: str) -> None:
    """Levels, differences of variants and of test sets, metrics and maps, each in its units."""
    assert expected in text(verdict(part(**fields), **changes))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "from zero"),
        ({"kind": "above", "bound": 0.9}, "from the bound"),
        ({"kind": "equivalent", "margin": 0.01}, "from the margin"),
        ({"quantity": "auc"}, "find a distance of 0.023 from zero"),
    ],
)
def test_what_a_distance_is_from(changes: dict[str, Any], expected: str) -> None:
    """The detectable distance is from the value that was tested."""
    assert expected in text(verdict(outcome="undecided", **changes))


def test_a_cell_that_is_not_defined() -> None:
    """The reason stands in place of interval, p and plan; a point estimate is still shown."""
    nothing = {"low": None, "high": None, "confidence": None, "p_support": None, "p_contradict": None}
    nothing |= {"detectable": None, "seeds_needed": None}
    one = verdict(part(**nothing, reason="two seeds: not defined"), outcome="undecided", p_support_adjusted=None)
    assert text(one) == (
        "Undecided: Augmentation helps. augment - baseline on test, accuracy 1.2 points: two seeds: not defined."
    )
    one = verdict(part(**nothing | {"estimate": None}, reason="no images"), outcome="undecided")
    assert text(one) == "Undecided: Augmentation helps. augment - baseline on test, accuracy: no images."


def test_a_p_that_is_not_defined() -> None:
    """Where another cell is not defined, one of the p is not, and is called so."""
    one = verdict(outcome="undecided", p_support_adjusted=None, p_contradict_adjusted=0.3)
    assert "Adjusted p not defined for the claim and = 0.30 for its contrary" in text(one)


@pytest.mark.parametrize(
    ("p", "alpha", "expected"),
    [
        (0.05, 0.05, "= 0.050 ("),
        (0.04996, 0.05, "= 0.04996 ("),
        (0.0004, 0.05, "< 0.001 ("),
        (0.0004, 0.0005, "= 0.0004 ("),
        (0.0996, 0.1, "= 0.0996 ("),
        (0.31, 0.4, "= 0.31 ("),
    ],
)
def test_p_is_never_rounded_to_the_level(p: float, alpha: float, expected: str) -> None:
    """A p beside α is shown with enough digits to see on which side it lies."""
    assert f"Adjusted p {expected}" in text(verdict(p_support_adjusted=p, alpha=alpha))


def test_sign_flip_shows_what_it_can_attain() -> None:
    """The lowest attainable p stands beside a sign-flip test, and only there."""
    said = "The test is the sign-flip test over seeds, whose p cannot go below 0.0078 here"
    assert said in text(verdict(part(attainable_p=2 / 2**8), test="sign-flip"))
    assert "sign-flip" not in text(verdict(part()))
    undefined = part(reason="one seed", low=None, high=None, confidence=None)
    assert "sign-flip" not in text(verdict(undefined, test="sign-flip", outcome="undecided"))


def test_changes_stand_at_the_end() -> None:
    """What was changed after the runs began is the last that is said."""
    one = verdict(changed="margin 0.01 when the runs began, 0.02 now")
    assert text(one).endswith("Changed since the runs began: margin 0.01 when the runs began, 0.02 now.")


@pytest.mark.parametrize(("says", "start"), [("It holds", "It holds. "), ("It holds!", "It holds! ")])
def test_every_sentence_ends(says: str, start: str) -> None:
    """A claim's own words are closed by a full stop where they have none."""
    assert text(verdict(says=says)).startswith(f"Supported: {start}augment")


def test_what_was_not_judged_as_declared_is_said_at_the_claim() -> None:
    """The outcome is marked and the margins stand right behind the claim's own words, which have the old one."""
    one = verdict(kind="non_inferior", margin=0.2, margin_declared=0.01)
    assert text(one).startswith(
        "Supported at a changed margin: Augmentation helps. "
        "Judged at a margin of 20 points instead of the declared 1 point. augment"
    )
    both = verdict(kind="above", bound=0.8, bound_declared=0.9, alpha=0.1, alpha_declared=0.05)
    assert judged_of(both) == (
        "judged at a bound of 80\u00a0% instead of the declared 90\u00a0% "
        "and at \u03b1 = 0.1 instead of the declared 0.05"
    )
    assert judged_of(both, alpha=False) == "judged at a bound of 80\u00a0% instead of the declared 90\u00a0%"
    assert outcome_of(both) == "supported at a changed bound and \u03b1"
    same = verdict(kind="non_inferior", margin=0.2, margin_declared=0.2, alpha_declared=0.05)
    assert (judged_of(same), outcome_of(same)) == (None, "supported")


@pytest.mark.parametrize(
    ("changes", "fields", "expected"),
    [
        ({}, {"estimate": -0.0105, "low": -0.0208, "high": -0.0002}, "-1.05 points [-2.08, -0.02]"),
        ({}, {"estimate": -0.0105, "low": -0.021, "high": 0.0}, "-1.1 points [-2.1, 0.0]"),
        ({"kind": "non_inferior", "margin": 0.01}, {"low": -0.00998, "high": 0.02}, "[-0.998, 2.000]"),
        ({"kind": "non_inferior", "margin": 0.01}, {"low": -0.0096, "high": 0.02}, "[-0.96, 2.00]"),
        (
            {"kind": "above", "bound": 0.9},
            {"versus": None, "estimate": 0.92, "low": 0.9002, "high": 0.94},
            "[90.02, 94.00]",
        ),
    ],
)
def test_limits_do_not_look_like_what_they_are_compared_with(
    changes: dict[str, Any], fields: dict[str, Any], expected: str
) -> None:
    """A digit is added where rounding would hide on which side of zero, bound or margin a limit lies."""
    assert expected in text(verdict(part(**fields), **changes))


def test_a_late_claim_is_said_to_be_one() -> None:
    """That a claim was declared after the runs began is no change since then."""
    one = verdict(changed="declared after the runs began; margin 0.01 in the study file, 0.2 now")
    assert text(one).endswith(" Declared after the runs began; margin 0.01 in the study file, 0.2 now.")
