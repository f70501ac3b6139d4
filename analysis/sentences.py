"""The sentence of a verdict, made from the verdict alone, so that no number in it can differ from the table's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.verdicts import Verdict, VerdictPart

NBSP = "\u00a0"
MINUS = "\u2212"

IN_PER_CENT = frozenset(
    {
        "accuracy",
        "balanced_accuracy",
        "recall",
        "specificity",
        "precision",
        "eer",
        "recall_at_5_fpr",
        "accuracy_validated",
        "balanced_accuracy_validated",
    }
)
"""Quantities shown in per cent, their differences in percentage points; all others are shown as they are."""

LABELS = {
    "f1": "F1",
    "mcc": "MCC",
    "auc": "AUC",
    "eer": "equal error rate",
    "recall_at_5_fpr": "recall at 5\u00a0% false positives",
    "brier": "Brier score",
    "ece": "calibration error",
    "accuracy_validated": "accuracy at the validated threshold",
    "balanced_accuracy_validated": "balanced accuracy at the validated threshold",
    "gini": "Gini coefficient",
    "a90": "A90",
    "hoyer": "Hoyer index",
}
"""What a quantity is called in a sentence, where its name alone does not say it."""

_LEVELS = ("above", "below")


def sentence_of(verdict: Verdict) -> str:
    """What a reader needs to know of a verdict, in words.

    The outcome and the claim; at what it was judged, if not as declared; the case that it hangs on, with its interval
    and the numbers of seeds and images; the adjusted p and the family; for an undecided claim, which difference could
    have been found and how many seeds would decide it; and what was changed since the runs began.
    """
    part = verdict.parts[verdict.decisive]
    sentences = [f"{outcome_of(verdict).capitalize()}: {verdict.says}"]
    if (judged := judged_of(verdict)) is not None:
        sentences.append(_begun(judged))
    sentences.append(f"{_lead(verdict)}{_case(verdict, part)}")
    if part.reason is None:
        sentences.append(_p(verdict))
    if verdict.test == "sign-flip" and part.attainable_p is not None:
        sentences.append(
            f"The test is the sign-flip test over seeds, whose p cannot go below {part.attainable_p:.2g} here; "
            "the interval is the crossed one"
        )
    if verdict.outcome == "undecided":
        sentences += _open(verdict, part)
    if verdict.changed is not None:
        late = verdict.changed.startswith("declared after")
        sentences.append(_begun(verdict.changed) if late else f"Changed since the runs began: {verdict.changed}")
    return " ".join(text if text.endswith((".", "!", "?")) else f"{text}." for text in sentences)


def outcome_of(verdict: Verdict) -> str:
    """The outcome, marked where the claim was not judged as it was declared: `supported at a changed margin`."""
    changed = [name for name, _, _ in departures(verdict)]
    return f"{verdict.outcome} at a changed {' and '.join(changed)}" if changed else verdict.outcome


def judged_of(verdict: Verdict, *, alpha: bool = True) -> str | None:
    """`judged at a margin of 20 points instead of the declared 1 point`; None where it was judged as declared.

    Args:
        verdict: of the claim.
        alpha: whether a changed α, which is that of all claims, is said too.
    """
    told = [
        f"at {'α = ' if name == 'α' else f'a {name} of '}{now} instead of the declared {then}"
        for name, now, then in departures(verdict)
        if alpha or name != "α"
    ]
    return f"judged {' and '.join(told)}" if told else None


def departures(verdict: Verdict) -> list[tuple[str, str, str]]:
    """What of `margin`, `bound` and `α` is not as declared: its name, the value used and the declared one, as text."""
    found = []
    for name, now, then in (
        ("margin", verdict.margin, verdict.margin_declared),
        ("bound", verdict.bound, verdict.bound_declared),
        ("α", verdict.alpha, verdict.alpha_declared),
    ):
        if now is not None and then is not None and now != then:
            used, declared = (f"{value:.10g}" if name == "α" else exact(verdict, value) for value in (now, then))
            found.append((name, used, declared))
    return found


def telling_digits(digits: int, limits: Sequence[float | None], references: Sequence[float], scale: float = 1.0) -> int:
    """So many digits behind the point, or more where a limit would look like a value that it is not.

    Args:
        digits: as many as the interval is worth.
        limits: its ends; None is left out.
        references: values whose side matters, such as zero or a margin.
        scale: what they are multiplied with before they are printed, such as 100 for per cent.

    >>> telling_digits(1, (-0.021, -0.0002), (0.0,), 100), telling_digits(1, (-0.021, 0.0), (0.0,), 100)
    (2, 1)
    """
    near = [
        (limit * scale, reference * scale)
        for limit in limits
        for reference in references
        # Closer than this is rounding of the computation, not a side.
        if limit is not None and abs(limit - reference) > 1e-9
    ]
    while any(_same(limit, reference, digits) for limit, reference in near):
        digits += 1
    return digits


def _same(first: float, second: float, digits: int) -> bool:
    return float(f"{first:.{digits}f}") == float(f"{second:.{digits}f}")


def _begun(text: str) -> str:
    """The text with a capital at its beginning."""
    return text[:1].upper() + text[1:]


def _lead(verdict: Verdict) -> str:
    """Which of several cells is spoken of."""
    count = len(verdict.parts)
    if count == 1:
        return ""
    if verdict.outcome == "contradicted":
        clear = "clearest" if verdict.conjunction == "all" else "least clear"
        return f"The {clear} case against it, of {count}: "
    return f"The weakest of {count} cases: " if verdict.conjunction == "all" else f"The strongest of {count} cases: "


def _case(verdict: Verdict, part: VerdictPart) -> str:
    who = part.variant if part.versus is None else f"{part.variant} {MINUS} {part.versus}"
    where = part.test_set if part.source is None else f"{part.source} of {part.test_set}"
    where = where if part.versus_test_set is None else f"{where} {MINUS} {part.versus_test_set}"
    path = "" if part.path == "own" else f" ({part.path})"
    label = LABELS.get(verdict.quantity, verdict.quantity.replace("_", " "))
    start = f"{who} on {where}, {label}{path}"
    if part.reason is not None:
        estimate = "" if part.estimate is None else f" {_number(verdict, part.estimate)}{_unit(verdict)}"
        return f"{start}{estimate}: {part.reason}"
    assert part.estimate is not None, "a cell without a reason has an estimate"
    assert part.low is not None, "a cell without a reason has an interval"
    assert part.high is not None, "a cell without a reason has an interval"
    assert part.confidence is not None, "an interval has a confidence"
    digits = telling_digits(
        _digits(verdict, (part.high - part.low) / 2), (part.low, part.high), references_of(verdict), scale_of(verdict)
    )
    low, high = (_number(verdict, limit, digits) for limit in (part.low, part.high))
    size = f"{part.n_seeds:,} seeds, {part.n_images:,} images"
    return (
        f"{start} {_number(verdict, part.estimate, digits)}{_unit(verdict)} [{low}, {high}] "
        f"({part.confidence * 100:g}{NBSP}% interval, unadjusted; {size}), against {_against(verdict)}"
    )


def _against(verdict: Verdict) -> str:
    """What the number is compared with."""
    if verdict.kind in _LEVELS:
        assert verdict.bound is not None, "a level has a bound"
        return f"a bound of {exact(verdict, verdict.bound)}"
    if verdict.margin is not None:
        return f"a margin of {exact(verdict, verdict.margin)}"
    return "no difference"


def _p(verdict: Verdict) -> str:
    others = f"{verdict.family_size} claim{'s' if verdict.family_size != 1 else ''} in family {verdict.family}"
    level = f"{others}, \u03b1 = {verdict.alpha:g}"
    if verdict.outcome == "supported":
        return f"Adjusted p {p_equals(verdict.p_support_adjusted, verdict.alpha)} ({level})"
    if verdict.outcome == "contradicted":
        return f"Adjusted p of the contrary {p_equals(verdict.p_contradict_adjusted, verdict.alpha)} ({level})"
    return (
        f"Adjusted p {p_equals(verdict.p_support_adjusted, verdict.alpha)} for the claim and "
        f"{p_equals(verdict.p_contradict_adjusted, verdict.alpha)} for its contrary ({level})"
    )


def _open(verdict: Verdict, part: VerdictPart) -> list[str]:
    """What would have decided an undecided claim."""
    out = []
    if part.detectable is not None:
        out.append(
            f"With power 0.8 these seeds and images find {_amount(verdict, part.detectable)} "
            f"from {_reference(verdict)}, before any correction for several claims"
        )
    if part.seeds_needed is not None:
        seeds = f"{part.seeds_needed:,} seed{'s' if part.seeds_needed != 1 else ''}"
        out.append(f"If the true value were the one estimated, {seeds} would decide this case on these images")
    elif part.seeds_reason is not None:
        out.append(f"How many seeds would decide it: {part.seeds_reason}")
    return out


def _reference(verdict: Verdict) -> str:
    if verdict.kind in _LEVELS:
        return "the bound"
    return "the margin" if verdict.margin is not None else "zero"


def _amount(verdict: Verdict, size: float) -> str:
    unit = f"{NBSP}points" if verdict.quantity in IN_PER_CENT else ""
    return f"a distance of {_number(verdict, size, _digits(verdict, size))}{unit}"


def _digits(verdict: Verdict, width: float) -> int:
    """Digits behind the point, as many as an interval of that half-width makes meaningful."""
    if verdict.quantity in IN_PER_CENT:
        return 1 if width >= 0.01 else 2
    return 3


def _number(verdict: Verdict, value: float, digits: int | None = None) -> str:
    text = f"{value * scale_of(verdict):.{_digits(verdict, 1.0) if digits is None else digits}f}"
    text = text.removeprefix("-") if float(text) == 0 else text
    return text.replace("-", MINUS)


def references_of(verdict: Verdict) -> tuple[float, ...]:
    """Values that an interval's ends must not be mistaken for: the bound, or zero and ± the margin."""
    if verdict.bound is not None:
        return (verdict.bound,)
    return (0.0,) if verdict.margin is None else (0.0, verdict.margin, -verdict.margin)


def scale_of(verdict: Verdict) -> float:
    """What the numbers of a claim are multiplied with before they are printed."""
    return 100.0 if verdict.quantity in IN_PER_CENT else 1.0


def exact(verdict: Verdict, value: float) -> str:
    """A declared number with all its digits."""
    text, unit = f"{value * scale_of(verdict):.10g}", _unit(verdict)
    return f"{text}{unit.removesuffix('s') if text == '1' else unit}".replace("-", MINUS)


def _unit(verdict: Verdict) -> str:
    if verdict.quantity not in IN_PER_CENT:
        return ""
    return f"{NBSP}%" if verdict.kind in _LEVELS else f"{NBSP}points"


def p_equals(p: float | None, alpha: float) -> str:
    """A p after its letter: `= 0.031`, `< 0.001`, `not defined`; one that is not α is not rounded to it."""
    if p is None:
        return "not defined"
    if p < 0.001:
        return "< 0.001" if alpha > 0.001 else f"= {p:.3g}"
    digits = 3 if p < 0.1 else 2
    while p != alpha and float(f"{p:.{digits}f}") == alpha:
        digits += 1
    return f"= {p:.{digits}f}"
