"""What the significance report says of claims: kinds of numbers, names of cases, and at most three sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from analysis.claims import LEVELS, Claim, hypothesis_of
from analysis.reporting.lookup import Lookup
from analysis.reporting.quantities import (
    MINUS,
    NBSP,
    Kind,
    Number,
    Text,
    decimals,
    fixed,
    point_label,
    quantity,
    value,
    where_label,
)
from analysis.sentences import IN_PER_CENT
from analysis.summary import Contrast
from analysis.verdicts import Outcome, Verdict, VerdictPart

OUTCOMES: tuple[Outcome, ...] = ("supported", "contradicted", "undecided")

NO_CLAIMS = "The study declares no claims; the differences below are estimates, and nothing is decided by them."

LISTED = 3
"""So many claims of one outcome are told in words on the first page; the table has all."""


def verdict_kind(verdict: Verdict) -> Kind:
    """How the numbers of a claim are shown."""
    if verdict.kind in LEVELS:
        return "percent" if verdict.quantity in IN_PER_CENT else "plain"
    return difference_kind(verdict.quantity)


def difference_kind(name: str) -> Kind:
    """How a difference of a quantity is shown."""
    return "points" if name in IN_PER_CENT else "difference"


def digits_of(rows: Sequence[Contrast]) -> int:
    """Digits behind the point for all of some differences of one quantity: as many as the finest needs."""
    return max((decimals(row, difference_kind(row.quantity)) for row in rows), default=1)


def part_number(verdict: Verdict, position: int) -> Number:
    """The estimate of a claim's cell with its interval."""
    part = verdict.parts[position]
    limits = (part.low, part.high)
    return value(part_id(verdict, position), part.estimate, verdict_kind(verdict), limits, reason=part.reason)


def part_id(verdict: Verdict, position: int) -> str:
    """Id of a claim's cell: `claim/<claim>/<number of the cell>`."""
    return f"claim/{verdict.id}/{position}"


def case_of(lookup: Lookup, part: VerdictPart, *, brief: bool = False) -> str:
    """`autoencoder − baseline on test`; `brief` leaves out the method that made saliency maps."""
    who = part.variant if part.versus is None else f"{part.variant} {MINUS} {part.versus}"
    where = lookup.called(part.test_set)
    where = where if part.source is None else f"{part.source} of {where}"
    where = where if part.versus_test_set is None else f"{where} {MINUS} {lookup.called(part.versus_test_set)}"
    return (
        f"{who} on {where}"
        if part.path == "own"
        else f"{who} on {where} ({(point_label if brief else where_label)(part.path)})"
    )


def cases(lookup: Lookup, verdict: Verdict, *, brief: bool = False) -> str:
    """The case that the outcome hangs on, and of how many."""
    count = len(verdict.parts)
    return case_of(lookup, verdict.parts[verdict.decisive], brief=brief) + (f" (of {count} cases)" if count > 1 else "")


def region(verdict: Verdict) -> tuple[float | None, float | None]:
    """Where the value must lie for the claim to hold; `None` for an open end.

    >>> from analysis.claims import cells_of
    >>> from analysis.verdicts import decide
    >>> claim = Claim(id="a", says="A.", quantity="accuracy", kind="non_inferior", margin=0.01,
    ...               variants=("both",), versus="baseline", test_set="test")
    >>> region(decide([claim], {}, test_sets={"test": "in_sample"})[0])
    (-0.01, None)
    """
    told: dict[str, Any] = {name: getattr(verdict, name) for name in ("quantity", "kind", "bound", "margin")}
    asked = hypothesis_of(Claim.model_construct(**told))
    if asked.side == "within":
        return -asked.value, asked.value
    return (asked.value, None) if asked.side == "greater" else (None, asked.value)


def against(verdict: Verdict) -> Number:
    """The bound or margin that a claim declares, with all its digits; zero where it has neither."""
    declared = verdict.bound if verdict.bound is not None else verdict.margin
    name = "bound" if verdict.bound is not None else "margin"
    kind = verdict_kind(verdict)
    if declared is None:
        return Number(f"claim/{verdict.id}/margin", kind, "0", "", None, None, (0.0, None, None), True)
    scaled = declared * (100 if kind in ("percent", "points") else 1)
    digits = len(f"{scaled:.10g}".partition(".")[2])
    return value(f"claim/{verdict.id}/{name}", declared, kind, digits=digits)


def verdict_sentences(lookup: Lookup) -> Sequence[Text]:
    """At most three sentences: what is supported, what is contradicted, what is undecided."""
    verdicts = lookup.verdicts
    if not verdicts:
        return [(NO_CLAIMS,)]
    return [_sentence(lookup, outcome) for outcome in OUTCOMES if any(v.outcome == outcome for v in verdicts)]


def _sentence(lookup: Lookup, outcome: Outcome) -> Text:
    verdicts = lookup.verdicts
    chosen = [verdict for verdict in verdicts if verdict.outcome == outcome]
    total = f"{len(verdicts)} claim{'s' if len(verdicts) != 1 else ''}"
    out: list[str | Number] = [f"{outcome.capitalize()} ({len(chosen)} of {total}): "]
    for position, verdict in enumerate(chosen[:LISTED]):
        says = verdict.says.rstrip(".")
        what = quantity(verdict.quantity).label
        out += ["; " if position else "", f"“{says}” ({case_of(lookup, verdict.parts[verdict.decisive])}, {what} "]
        out += [part_number(verdict, verdict.decisive), ")"]
    if rest := [verdict.id for verdict in chosen[LISTED:]]:
        out.append(f"; and {', '.join(rest)}")
    return (*(part for part in out if part != ""), ".")


def level_text(level: float) -> str:
    """`95 %`."""
    return f"{fixed(level * 100, 0) if (level * 100).is_integer() else f'{level * 100:g}'}{NBSP}%"
