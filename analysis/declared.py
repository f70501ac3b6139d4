"""What a study declares of its analysis, and what of it is no longer as a record has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.claims import Claim

AT_START, IN_STUDY = "when the runs began", "in the study file"
"""The two records that an analysis is compared with."""


@dataclass(frozen=True)
class Declared:
    """One record of what was declared: when the runs began, or in the study file. None: it is not on record.

    claims:     what was claimed; empty where nothing was.
    alpha:      level of all tests.
    confidence: coverage of intervals.
    margins:    of the tests of equivalence, by role of the test set, as fractions.
    """

    claims: Sequence[Claim] | None = None
    alpha: float | None = None
    confidence: float | None = None
    margins: Mapping[str, float] | None = None

    def claim(self, claim_id: str) -> Claim | None:
        """The claim of that id; None where there is none or no record."""
        return next((claim for claim in self.claims or () if claim.id == claim_id), None)

    def margin(self, role: str) -> float | None:
        """The margin on test sets of a role; None where there is none or no record."""
        return (self.margins or {}).get(role)


NOT_ON_RECORD = Declared()
"""No record to compare with."""


def declared_of(now: float | None, *records: float | None) -> float | None:
    """What a value was declared as, by the first of the records that differs from it, or else that has one.

    The records are in order: when the runs began, in the study file. None where none has a value.

    >>> declared_of(0.2, None, 0.01), declared_of(0.02, 0.01, 0.02), declared_of(0.02, 0.02, 0.05)
    (0.01, 0.01, 0.05)
    >>> declared_of(0.02, 0.02, 0.02), declared_of(0.02, None, None)
    (0.02, None)
    """
    known = [value for value in records if value is not None]
    return next((value for value in known if value != now), known[0] if known else None)


def changes_since(
    claim: Claim,
    at_start: Declared,
    in_study: Declared = NOT_ON_RECORD,
    *,
    alpha: float | None = None,
    confidence: float | None = None,
) -> str | None:
    """What of a claim is not as it was, such as `margin 0.01 when the runs began, 0.02 now`.

    It is compared with both records; None where nothing changed, or where there is nothing to compare with.

    Args:
        claim: as it is judged.
        at_start: what was declared when the runs began.
        in_study: what the study file declares.
        alpha: the level that it is judged at, to be compared too.
        confidence: the coverage of its intervals, to be compared too.

    >>> then = Claim(id="a", says="It costs nothing.", quantity="auc", kind="non_inferior", margin=0.01,
    ...              variants=("augment",), versus="baseline", role="in_sample")
    >>> changes_since(then.model_copy(update={"margin": 0.02}), Declared(claims=[then]))
    'margin 0.01 when the runs began, 0.02 now'
    """
    start, study = at_start.claim(claim.id), in_study.claim(claim.id)
    found = ["declared after the runs began"] if at_start.claims is not None and start is None else []
    for name in Claim.model_fields:
        records = [(getattr(of, name), when) for of, when in ((start, AT_START), (study, IN_STUDY)) if of is not None]
        found += _change(name, getattr(claim, name), records)
    for name, now in (("alpha", alpha), ("confidence", confidence)):
        if now is not None:
            levels = ((getattr(of, name), when) for of, when in ((at_start, AT_START), (in_study, IN_STUDY)))
            found += _change(name, now, [(level, when) for level, when in levels if level is not None])
    return "; ".join(found) or None


def withdrawn(claims: Sequence[Claim], at_start: Declared) -> tuple[Claim, ...]:
    """The claims of the start that are no longer claimed: a report that leaves them out makes a family smaller."""
    ids = {claim.id for claim in claims}
    return tuple(claim for claim in at_start.claims or () if claim.id not in ids)


def _change(name: str, now: object, records: Sequence[tuple[object, str]]) -> list[str]:
    """What a part of a claim was, if that is not what it is now; a value that was the same twice is said once."""
    earlier: dict[str, str] = {}
    for value, when in records:
        if value != now:
            earlier.setdefault(_shown(value), when)
    told = ", ".join(f"{value} {when}" for value, when in earlier.items())
    return [f"{name} {told}, {_shown(now)} now"] if told else []


def _shown(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if isinstance(value, float):
        return f"{value:.10g}"
    return f"\u201c{value}\u201d" if " " in str(value) else str(value)
