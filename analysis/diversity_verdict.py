"""The answer of a diversity study in a few sentences, made from its rows alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from analysis.diversity_summary import (
    HELD_OUT,
    IN_SAMPLE,
    PLAIN,
    DiversityContrast,
    DiversityEstimate,
    DiversityVerdict,
)
from analysis.sentences import MINUS, NBSP, p_equals, telling_digits

AUGMENT = "augment"

NEAR_CHANCE = 0.6
"""Balanced accuracy below which all intervals must end for the verdict to call every variant near chance."""

WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def diversity_verdict(
    levels: Sequence[DiversityEstimate],
    contrasts: Sequence[DiversityContrast],
    *,
    baseline: str,
    margin: float,
    alpha: float,
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
        alpha: level of the tests against no change.
        margin_declared: what the margin was declared as; None where that is not known.
    """
    rows = {
        (row.kind, row.variant, row.k, row.versus): row
        for row in contrasts
        if row.quantity == "balanced_accuracy" and row.test_set == HELD_OUT
    }
    most = max(row.k for row in rows.values())
    gain = rows["diversity", baseline, most, baseline]
    augment, plain = (
        next((row for key, row in rows.items() if key[:2] == ("preprocessing", name)), None)
        for name in (AUGMENT, AUGMENT + PLAIN)
    )
    instead, instead_plain = (rows.get(("instead", baseline, most, name)) for name in (AUGMENT, AUGMENT + PLAIN))
    balanced = [row for row in levels if row.quantity == "balanced_accuracy" and row.source is None]
    at = {(row.test_set, row.variant, row.k): row.estimate for row in balanced}
    points = amount(margin)
    if margin_declared is not None and margin_declared != margin:
        points += f" (instead of the declared {amount(margin_declared)})"
    before, after = (at[HELD_OUT, baseline, k] for k in (gain.versus_k, gain.k))
    gained = (
        f"Trained on {generators(most)} instead of one, with as many images, the {baseline} changes by "
        f"{_change(gain, alpha)} of balanced accuracy on generators that it has not seen, from {per_cent(before)} to "
        f"{per_cent(after)}: {_against(gain, points)}."
    )
    sentences = [f"{_answer(gain, augment, alpha, points)}.", gained]
    if augment is not None:
        text = f"Augmentation, on one generator, changes it by {_change(augment, alpha)}: {_against(augment, points)}"
        sentences.append(f"{text}{_less(instead, alpha)}.")
    if plain is not None:
        text = (
            f"The same classifiers tested on plain images, not augmented ones, differ from the {baseline} by "
            f"{_change(plain, alpha)}: {_against(plain, points)}"
        )
        sentences.append(f"{text}{_less(instead_plain, alpha)}.")
    sentences += _limits(balanced, at, baseline, (gain.versus_k, gain.k), margin)
    used = [row.id for row in (gain, augment, instead, plain, instead_plain) if row is not None]
    return DiversityVerdict(
        sizes=most,
        diversity=gain.outcome or "undecided",
        augmentation=None if augment is None else augment.outcome,
        sentences=tuple(sentences),
        contrasts=tuple(used),
    )


def _limits(
    balanced: Sequence[DiversityEstimate],
    at: Mapping[tuple[str, str, int], float | None],
    baseline: str,
    sizes: tuple[int, int],
    margin: float,
) -> list[str]:
    """What bears on how far the answer reaches: nets near chance, and nets that fit more generators worse."""
    out = []
    held = [row for row in balanced if row.test_set == HELD_OUT]
    highest = [row.high for row in held if row.high is not None]
    if len(highest) == len(held) and max(highest) < NEAR_CHANCE:
        out.append(
            f"On generators not seen, every variant is near chance, 50{NBSP}%, at any number of generators: no "
            f"interval reaches above {per_cent(max(highest))}."
        )
    few, many = (at.get((IN_SAMPLE, baseline, k)) for k in sizes)
    if few is not None and many is not None:
        text = (
            f"In-sample the {baseline} decides {per_cent(few)} rightly with {generators(sizes[0])} and "
            f"{per_cent(many)} with {generators(sizes[1])}"
        )
        if many < few - margin:
            text += (
                ": classifiers of this size and training fit more generators less well, and what larger or longer "
                "trained ones would make of them is not known from this"
            )
        out.append(f"{text}.")
    return out


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


def _answer(gain: DiversityContrast, augment: DiversityContrast | None, alpha: float, points: str) -> str:
    augmentation = None if augment is None else augment.outcome
    if gain.outcome == "helps":
        end = {
            "does not help": "Diversity helps where augmentation did not",
            "helps": "Diversity helps, and augmentation helped, too",
            "undecided": "Diversity helps; whether augmentation did is undecided",
        }
        return end.get(augmentation or "", "Diversity helps")
    if gain.outcome == "does not help":
        # A gain can be told from zero and lie below the margin.
        small = gain.estimate is not None and gain.estimate > 0 and gain.p_holm is not None and gain.p_holm < alpha
        end = {
            "does not help": ", and neither did augmentation",
            "helps": ", where augmentation did",
            "undecided": "; whether augmentation did is undecided",
        }
        lead = f"Diversity gains less than {points}" if small else "Diversity does not help"
        return lead + ("" if small else end.get(augmentation or "", ""))
    return "Whether diversity helps is undecided"


def _change(row: DiversityContrast, alpha: float) -> str:
    """`+3.1 points [+1.2, +5.0] (a gain, p = 0.004)`: p is that of no change, after Holm's correction."""
    if row.estimate is None:
        return f"an undefined number of points ({row.reason})"
    digits = telling_digits(1, (row.low, row.high), (0.0, *((row.margin,) if row.margin else ())), 100)
    shown = f"{_signed(row.estimate * 100, digits)}{NBSP}points"
    if row.low is None or row.high is None:
        return f"{shown} (interval not defined)"
    shown += f" [{_signed(row.low * 100, digits)}, {_signed(row.high * 100, digits)}]"
    if row.p_holm is None:
        return shown
    told = "not told from none" if row.p_holm >= alpha else "a gain" if row.estimate > 0 else "a loss"
    return f"{shown} ({told}, p {p_equals(row.p_holm, alpha)})"


def _less(row: DiversityContrast | None, alpha: float) -> str:
    """The gain of diversity less that of augmentation, to be put behind a sentence on the latter."""
    if row is None or row.estimate is None:
        return ""
    return f"; the change by diversity less this one is {_change(row, alpha)}"


def _against(row: DiversityContrast, points: str) -> str:
    """What the outcome says of a gain as large as the margin."""
    if row.reason is not None and row.p_above is None:
        return f"a gain of {points} is neither shown nor excluded, since {row.reason}"
    if row.outcome == "helps":
        return f"a gain of more than {points} is shown"
    if row.outcome == "does not help":
        return f"a gain of {points} is excluded"
    return f"a gain of {points} is neither shown nor excluded"


def _signed(value: float, digits: int) -> str:
    text = _fixed(value, digits)
    return text if text.startswith(MINUS) or float(text) == 0 else f"+{text}"


def _fixed(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    return (text.removeprefix("-") if float(text) == 0 else text).replace("-", MINUS)
