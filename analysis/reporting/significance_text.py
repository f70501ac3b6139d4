"""What the significance report says of claims: kinds of numbers, names of cases, and at most three sentences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
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
from analysis.sentences import IN_PER_CENT, departures, references_of, scale_of, telling_digits
from analysis.summary import Contrast
from analysis.verdicts import Outcome, Verdict, VerdictPart

OUTCOMES: tuple[Outcome, ...] = ("supported", "contradicted", "undecided")

NO_CLAIMS = "The study declares no claims; the differences below are estimates, and nothing is decided by them."

ROLES = {"validation": "on validation images", "in_sample": "in sample", "out_of_sample": "out of sample"}

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
    kind, limits = verdict_kind(verdict), (part.low, part.high)
    digits = None
    if part.low is not None and part.high is not None:
        # No end may look like the bound or margin that it is compared with.
        narrow = (part.high - part.low) / 2 < 0.01
        usual = {"percent": 1, "points": 2 if narrow else 1}.get(kind, 3)
        digits = telling_digits(usual, limits, references_of(verdict), scale_of(verdict))
    return value(part_id(verdict, position), part.estimate, kind, limits, digits=digits, reason=part.reason)


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
    return exactly(f"claim/{verdict.id}/{name}", declared, kind)


def exactly(number_id: str, amount: float, kind: Kind) -> Number:
    """A number that was chosen, with all its digits: `1 point`, `2.5 points`, `0.05`."""
    scaled = amount * (100 if kind in ("percent", "points") else 1)
    shown = value(number_id, amount, kind, digits=len(f"{scaled:.10g}".partition(".")[2]))
    return replace(shown, unit=shown.unit.removesuffix("s")) if shown.value == "1" else shown


def judged_text(verdict: Verdict) -> Text:
    """`judged at a margin of 20 points instead of the declared 1 point`, with ids; empty where it is as declared.

    A changed α, which is that of all claims, is left to `departure_text`.
    """
    out: list[str | Number] = []
    for name, now, then in (
        ("margin", verdict.margin, verdict.margin_declared),
        ("bound", verdict.bound, verdict.bound_declared),
    ):
        if now is None or then is None or now == then:
            continue
        at, kind = f"claim/{verdict.id}/{name}", verdict_kind(verdict)
        out += [" and " if out else "judged ", f"at a {name} of ", exactly(at, now, kind)]
        out += [" instead of the declared ", exactly(f"{at}_declared", then, kind)]
    return tuple(out)


def changed_names(verdicts: Iterable[Verdict]) -> str:
    """`a changed margin and α`: what of the verdicts is not as declared; empty where all is."""
    names = dict.fromkeys(name for verdict in verdicts for name, _, _ in departures(verdict))
    return f"a changed {' and '.join(names)}" if names else ""


def alpha_text(lookup: Lookup) -> str:
    """`α = 0.05`, with the declared level where that is another."""
    declared = lookup.summary.alpha_declared
    other = declared is not None and declared != lookup.alpha
    return f"α = {lookup.alpha:g}" + (f" instead of the declared {declared:g}" if other else "")


def margins_text(lookup: Lookup) -> str:
    """Which margins of the equivalence tests are not the study's; empty where all are."""
    told = [
        f"{exactly('', row.margin, 'points')} {ROLES[row.role]} instead of the declared "
        f"{exactly('', row.declared, 'points')}"
        for row in lookup.summary.margins
        if row.changed and row.declared is not None
    ]
    return ", ".join(told)


def warning_texts(lookup: Lookup) -> Sequence[Text]:
    """What stands before every verdict, a paragraph each."""
    return [(f"Read first. {warning}",) for warning in lookup.summary.warnings]


def departure_text(lookup: Lookup) -> Text:
    """What of the whole analysis is not as it was declared: levels, margins, claims; empty where all is."""
    summary, clauses = lookup.summary, list[Text]()
    level = summary.alpha_declared
    if level is not None and level != summary.alpha:
        used, then = exactly("alpha", summary.alpha, "plain"), exactly("alpha_declared", level, "plain")
        clauses.append(("tests are at α = ", used, " instead of ", then))
    coverage = summary.confidence_declared
    if coverage is not None and coverage != summary.confidence:
        used = exactly("confidence", summary.confidence, "percent")
        then = exactly("confidence_declared", coverage, "percent")
        clauses.append(("intervals are at ", used, " instead of ", then))
    for row in summary.margins:
        if row.changed and row.declared is not None:
            at = f"margin/{row.role}"
            used, then = exactly(at, row.margin, "points"), exactly(f"{at}/declared", row.declared, "points")
            clauses.append((f"the margin of equivalence {ROLES[row.role]} is ", used, " instead of ", then))
    if names := [verdict.id for verdict in summary.verdicts if judged_text(verdict)]:
        clauses.append((f"judged at another margin or bound: {', '.join(names)}",))
    if not clauses:
        return ()
    out: list[str | Number] = ["Not as declared: "]
    for position, clause in enumerate(clauses):
        out += ["; " if position else "", *clause]
    return (*(part for part in out if part != ""), ".")


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
    out: list[str | Number] = [f"{outcome.capitalize()} ({len(chosen)} of {total}{marked(chosen)}): "]
    for position, verdict in enumerate(chosen[:LISTED]):
        out += ["; " if position else "", *told(lookup, verdict)]
    if rest := [f"{verdict.id}{_at_changed(verdict)}" for verdict in chosen[LISTED:]]:
        out.append(f"; and {', '.join(rest)}")
    return (*(part for part in out if part != ""), ".")


def told(lookup: Lookup, verdict: Verdict) -> Text:
    """`“<says>”, judged at … instead of the declared … (<case>, <quantity> <number>)`."""
    judged = judged_text(verdict)
    case = f"({case_of(lookup, verdict.parts[verdict.decisive])}, {quantity(verdict.quantity).label} "
    says = f"“{verdict.says.rstrip('.')}”"
    number = part_number(verdict, verdict.decisive)
    return (f"{says}, ", *judged, f" {case}", number, ")") if judged else (f"{says} {case}", number, ")")


def marked(verdicts: Sequence[Verdict]) -> str:
    """`, 1 of them at a changed margin`, after an outcome that several claims share; empty where all is as declared."""
    changed = [verdict for verdict in verdicts if departures(verdict)]
    if not changed:
        return ""
    share = f"{len(changed)} of them " if len(changed) < len(verdicts) else ""
    return f", {share}at {changed_names(changed)}"


def _at_changed(verdict: Verdict) -> str:
    names = changed_names([verdict])
    return f" (at {names})" if names else ""


def level_text(level: float) -> str:
    """`95 %`."""
    return f"{fixed(level * 100, 0) if (level * 100).is_integer() else f'{level * 100:g}'}{NBSP}%"
