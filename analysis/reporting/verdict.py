"""The verdict: about three sentences made from contrasts, each branch decided by an interval."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from analysis.reporting.lookup import Lookup
from analysis.reporting.quantities import Number, Text, grouped, join, number, point_label, quantity
from analysis.summary import Estimate, TestSetCard

Side = Literal["above", "below", "open", "undefined"]


def decide_side(contrast: Estimate | None) -> Side:
    """On which side of zero a contrast's interval lies; an interval that touches zero includes it."""
    if contrast is None or contrast.estimate is None or contrast.low is None or contrast.high is None:
        return "undefined"
    if contrast.low > 0:
        return "above"
    if contrast.high < 0:
        return "below"
    return "open"


def _why(contrast: Estimate | None) -> str:
    return "not computed in this study" if contrast is None else contrast.reason or "no reason is recorded"


def _grouped_clauses(contrasts: Mapping[str, Estimate | None], phrases: Mapping[Side, Callable[[int], str]]) -> Text:
    """`<phrase> a (−0.61 points […]) and b (…); <phrase> c (…)`: one clause for each side that occurs."""
    clauses: list[Text] = []
    for side, phrase in phrases.items():
        names = [name for name, row in contrasts.items() if decide_side(row) == side]
        if not names:
            continue
        if side == "undefined":
            items: list[Text] = [(f"{name} ({_why(contrasts[name])})",) for name in names]
        else:
            items = [(f"{name} (", number(contrasts[name]), ")") for name in names]
        before, _, after = phrase(len(names)).partition("{}")
        clauses.append((before, *join(items), after))
    out: list[str | Number] = []
    for position, clause in enumerate(clauses):
        out.extend(("; " if position else "", *clause))
    return tuple(part for part in out if part != "")


def _plural(one: str, many: str) -> Callable[[int], str]:
    return lambda count: one if count == 1 else many


def _accuracy_clauses(contrasts: Mapping[str, Estimate | None]) -> Text:
    return _grouped_clauses(
        contrasts,
        {
            "above": _plural("{} is better", "{} are better"),
            "below": _plural("{} is worse", "{} are worse"),
            "open": _plural(
                "{} cannot be told from it, since the interval includes zero",
                "{} cannot be told from it, since their intervals include zero",
            ),
            "undefined": _plural(
                "the difference is not defined for {}",
                "the difference is not defined for {}",
            ),
        },
    )


def _size(row: Estimate) -> str:
    return f"{grouped(row.n_images)} images, {grouped(row.n_seeds)} seed{'s' if row.n_seeds != 1 else ''}"


def sentence_accuracy(lookup: Lookup, card: TestSetCard) -> Text:
    """How often the baseline is right on a test set, and on which side of it every other variant lies."""
    name = lookup.headline(card)
    label = quantity(name).label
    base = lookup.metric(name, lookup.baseline, card.name)
    contrasts = {variant: lookup.contrast(name, variant, card.name) for variant in lookup.others}
    role = "In sample" if card.role == "in_sample" else "Out of sample"
    if base is None or base.estimate is None:
        return (f"{role} ({card.name}) the {label} of {lookup.baseline} is not defined: {_why(base)}.",)
    parts: list[str | Number] = [
        f"{role} ({card.name}; {_size(base)}) the {label} of {lookup.baseline} is ",
        number(base),
    ]
    if card.role == "out_of_sample":
        parts += _apart(lookup, card)
    if not contrasts:
        return (*parts, ".")
    sides = [decide_side(row) for row in contrasts.values()]
    if len(sides) > 1 and all(side == "open" for side in sides):
        lead = "; no variant differs from it by more than its interval allows: "
    elif len(sides) > 1 and "above" not in sides and "undefined" not in sides:
        lead = "; no variant is shown to be better: "
    else:
        lead = "; "
    return (*parts, lead, *_accuracy_clauses(contrasts), ".")


def _apart(lookup: Lookup, card: TestSetCard) -> Text:
    rows = [(name, lookup.metric(name, lookup.baseline, card.name)) for name in ("recall", "specificity")]
    items: list[Text] = [(f"{name} ", number(row).bare()) for name, row in rows if row is not None]
    return (" (", *join(items), ")") if items else ()


_OPPOSITE: dict[Side, Side] = {"above": "below", "below": "above", "open": "open", "undefined": "undefined"}


def sentence_dispersion(lookup: Lookup) -> Text:
    """On which side of the baseline the maps' Gini lies, at every attribution point of the first method."""
    card = next((card for card in lookup.quoted if lookup.wheres(card.name)), None)
    if card is None:
        return ("No saliency map was measured.",)
    wheres = lookup.wheres(card.name)
    method = wheres[0].rpartition(".")[0]
    wheres = tuple(where for where in wheres if where.rpartition(".")[0] == method)
    out: list[str | Number] = [
        f"Saliency maps ({card.name}; {method}) against {lookup.baseline}, by Gini coefficient: "
    ]
    agree = True
    for position, where in enumerate(wheres):
        contrasts = {name: lookup.dispersion_contrast("gini", name, card.name, where) for name in lookup.others}
        entropy = {name: lookup.dispersion_contrast("entropy", name, card.name, where) for name in lookup.others}
        agree = agree and all(
            decide_side(entropy[name]) == _OPPOSITE[decide_side(row)] for name, row in contrasts.items()
        )
        clauses = _grouped_clauses(
            contrasts,
            {
                "below": _plural("more dispersed for {}", "more dispersed for {}"),
                "above": _plural("more concentrated for {}", "more concentrated for {}"),
                "open": _plural("not told apart for {}", "not told apart for {}"),
                "undefined": _plural("not defined for {}", "not defined for {}"),
            },
        )
        out += ["; " if position else "", f"{point_label(where)}, ", *clauses]
    if "entropy" in lookup.dispersion_quantities():
        out.append(
            ". Entropy says the same in every case." if agree else ". Entropy does not say the same in every case."
        )
    else:
        out.append(".")
    return tuple(part for part in out if part != "")


def sentences(lookup: Lookup) -> Sequence[Text]:
    """The verdict: in-sample, out-of-sample, dispersion; what the study does not have is said, not left out."""
    out: list[Text] = []
    for role, called in (("in_sample", "in-sample"), ("out_of_sample", "out-of-sample")):
        cards = lookup.test_sets(role)
        if not cards:
            out.append((f"The study has no {called} test set.",))
            continue
        out.append(sentence_accuracy(lookup, cards[0]))
        if len(cards) > 1:
            out.append((f"{len(cards) - 1} more {called} test set{'s' if len(cards) > 2 else ''} stand below.",))
    out.append(sentence_dispersion(lookup))
    return out
