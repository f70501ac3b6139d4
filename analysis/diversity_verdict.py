"""The answer of a diversity study in three sentences, made from its rows alone."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.diversity_summary import (
    HELD_OUT,
    DiversityContrast,
    DiversityEstimate,
    DiversityVerdict,
    Outcome,
)
from analysis.sentences import MINUS, NBSP, telling_digits

AUGMENT = "augment"

WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def diversity_verdict(
    levels: Sequence[DiversityEstimate],
    contrasts: Sequence[DiversityContrast],
    *,
    baseline: str,
    margin: float,
    margin_declared: float | None = None,
) -> DiversityVerdict:
    """Whether the baseline gains from as many generators as there are, and whether that is where augmentation did not.

    The outcomes are those of balanced accuracy on generators that were left out, their mean, after Holm's correction
    within each family: all variants and numbers of generators, and all kinds of preprocessing on one generator.

    Args:
        levels: of the study, as `analysis.diversity.diversity_rows` gives them.
        contrasts: the same.
        baseline: the variant without preprocessing.
        margin: that the outcomes were judged at, as a fraction.
        margin_declared: what it was declared as; None where that is not known.
    """
    rows = {
        (row.kind, row.variant, row.k, row.versus): row
        for row in contrasts
        if row.quantity == "balanced_accuracy" and row.test_set == HELD_OUT
    }
    most = max(row.k for row in rows.values())
    gain = rows["diversity", baseline, most, baseline]
    augment = next((row for key, row in rows.items() if key[:2] == ("preprocessing", AUGMENT)), None)
    instead = next((row for key, row in rows.items() if key == ("instead", baseline, most, AUGMENT)), None)
    level = {
        row.k: row
        for row in levels
        if row.variant == baseline and row.quantity == "balanced_accuracy" and row.test_set == HELD_OUT
    }
    words = generators(most)
    points = amount(margin)
    judged = f"the margin of {points}"
    if margin_declared is not None and margin_declared != margin:
        judged += f" (instead of the declared {amount(margin_declared)})"
    before, after = level[gain.versus_k], level[gain.k]
    gained = (
        f"Trained on {words} instead of one, with as many images, the {baseline} {_gains(gain)} of balanced accuracy "
        f"on generators that it has not seen, from {per_cent(before.estimate)} to {per_cent(after.estimate)}: "
        f"{_against(gain, 'more generators help', judged)}."
    )
    sentences = [f"{_answer(gain.outcome, augment.outcome if augment is not None else None)}.", gained]
    if augment is not None:
        text = (
            f"Trained on one generator, augmentation {_gains(augment)} on the {baseline}: "
            f"{_against(augment, 'it helps', judged)}"
        )
        if instead is not None and instead.estimate is not None:
            text += f"; the gain of diversity less that of augmentation is {_difference(instead)}"
        sentences.append(f"{text}.")
    used = [row.id for row in (gain, augment, instead) if row is not None]
    return DiversityVerdict(
        sizes=most,
        diversity=gain.outcome or "undecided",
        augmentation=None if augment is None else augment.outcome,
        sentences=tuple(sentences),
        contrasts=tuple(used),
    )


def generators(count: int) -> str:
    """`one generator`, `three generators`."""
    word = WORDS[count] if count < len(WORDS) else str(count)
    return f"{word} generator{'' if count == 1 else 's'}"


def amount(value: float) -> str:
    r"""A margin in percentage points.

    >>> amount(0.05), amount(0.01), amount(0.025)
    ('5\xa0points', '1\xa0point', '2.5\xa0points')
    """
    return f"{value * 100:.10g}{NBSP}point{'' if value == 0.01 else 's'}"


def per_cent(value: float | None) -> str:
    """`61.2 %`, or that it is not defined."""
    return "an undefined figure" if value is None else f"{value * 100:.1f}{NBSP}%"


def _answer(diversity: Outcome | None, augmentation: Outcome | None) -> str:
    if diversity == "helps":
        end = {
            "does not help": "Diversity helps where augmentation did not",
            "helps": "Diversity helps, and augmentation helped, too",
            "undecided": "Diversity helps; whether augmentation did is undecided",
        }
        return end.get(augmentation or "", "Diversity helps")
    if diversity == "does not help":
        end = {
            "does not help": "Diversity does not help, no more than augmentation did",
            "helps": "Diversity does not help, where augmentation did",
            "undecided": "Diversity does not help; whether augmentation did is undecided",
        }
        return end.get(augmentation or "", "Diversity does not help")
    return "Whether diversity helps where augmentation did not is undecided"


def _gains(row: DiversityContrast) -> str:
    if row.estimate is None:
        return "gains an undefined number of points"
    verb = "gains" if row.estimate >= 0 else "loses"
    return f"{verb} {_difference(row)}"


def _difference(row: DiversityContrast) -> str:
    """`3.1 points [1.2, 5.0]`; a loss is shown without its sign, its interval with it."""
    assert row.estimate is not None
    digits = telling_digits(1, (row.low, row.high), (0.0, *((row.margin,) if row.margin else ())), 100)
    value = row.estimate if row.kind == "instead" else abs(row.estimate)
    shown = f"{_fixed(value * 100, digits)}{NBSP}points"
    if row.low is None or row.high is None:
        return f"{shown} (interval not defined)"
    return f"{shown} [{_fixed(row.low * 100, digits)}, {_fixed(row.high * 100, digits)}]"


def _against(row: DiversityContrast, helps: str, judged: str) -> str:
    """What the outcome says of the gain and the margin."""
    if row.reason is not None and row.p_above is None:
        return f"undecided against {judged}, since {row.reason}"
    if row.outcome == "helps":
        return f"more than {judged}, so {helps}"
    if row.outcome == "does not help":
        return f"less than {judged}"
    return f"undecided against {judged}"


def _fixed(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    return (text.removeprefix("-") if float(text) == 0 else text).replace("-", MINUS)
