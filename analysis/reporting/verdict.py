"""The verdict: about three sentences made from contrasts, each branch decided by a p adjusted within its family."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from analysis.reporting.dispersion_lookup import Maps
from analysis.reporting.lookup import Lookup
from analysis.reporting.quantities import (
    Number,
    Text,
    grouped,
    join,
    method_label,
    number,
    point_label,
    quantity,
    value,
)
from analysis.reporting.sides import Row, Side, adjusted_p, decide_side, leaves_zero
from analysis.reporting.significance_text import departure_text, exactly, warning_texts
from analysis.summary import Estimate, TestSetCard


def _only_adjusted(row: Row, alpha: float) -> bool:
    """Whether a contrast is open although its interval, which is not adjusted, leaves zero out."""
    return decide_side(row, alpha) == "open" and leaves_zero(row)


def _why(contrast: Row) -> str:
    return "not computed in this study" if contrast is None else contrast.reason or "no reason is recorded"


def _grouped_clauses(
    contrasts: Mapping[str, Row], phrases: Mapping[Side, Callable[[Sequence[Row]], str]], alpha: float
) -> Text:
    """`<phrase> a (−0.61 points […]) and b (…); <phrase> c (…)`: one clause for each side that occurs.

    Where an interval leaves zero out and the adjusted p does not decide, that p stands beside the interval.
    """
    clauses: list[Text] = []
    for side, phrase in phrases.items():
        names = [name for name, row in contrasts.items() if decide_side(row, alpha) == side]
        if not names:
            continue
        if side == "undefined":
            items: list[Text] = [
                (f"{''.join(map(str, join([(name,) for name in names if _why(contrasts[name]) == why])))} ({why})",)
                for why in dict.fromkeys(_why(contrasts[name]) for name in names)  # one that several share, once
            ]
        else:
            items = [(f"{name} (", number(contrasts[name]), *_p_beside(contrasts[name], alpha), ")") for name in names]
        before, _, after = phrase([contrasts[name] for name in names]).partition("{}")
        clauses.append((before, *join(items), after))
    out: list[str | Number] = []
    for position, clause in enumerate(clauses):
        out.extend(("; " if position else "", *clause))
    return tuple(part for part in out if part != "")


def _p_beside(row: Row, alpha: float) -> Text:
    if row is None or not _only_adjusted(row, alpha):
        return ()
    return (", adjusted p ", value(f"{row.id}/p_holm", adjusted_p(row), "p"))


def _plural(one: str, many: str) -> Callable[[Sequence[Row]], str]:
    return lambda rows: one if len(rows) == 1 else many


def _accuracy_clauses(contrasts: Mapping[str, Row], alpha: float) -> Text:
    def undecided(rows: Sequence[Row]) -> str:
        if any(_only_adjusted(row, alpha) for row in rows):
            return "{} cannot be told from it"
        reason = "the interval includes zero" if len(rows) == 1 else "their intervals include zero"
        return f"{{}} cannot be told from it, since {reason}"

    return _grouped_clauses(
        contrasts,
        {
            "above": _plural("{} is better", "{} are better"),
            "below": _plural("{} is worse", "{} are worse"),
            "open": undecided,
            "undefined": lambda _: "the difference is not defined for {}",
        },
        alpha,
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
    sides = [decide_side(row, lookup.alpha) for row in contrasts.values()]
    if len(sides) > 1 and all(side == "open" for side in sides):
        lead = "; no variant is shown to differ from it: "
    elif len(sides) > 1 and "above" not in sides and "undefined" not in sides:
        lead = "; no variant is shown to be better: "
    else:
        lead = "; "
    return (*parts, lead, *_accuracy_clauses(contrasts, lookup.alpha), ".")


def _apart(lookup: Lookup, card: TestSetCard) -> Text:
    rows = [(name, lookup.metric(name, lookup.baseline, card.name)) for name in ("recall", "specificity", "auc")]
    items: list[Text] = [(f"{quantity(name).label} ", number(row).bare()) for name, row in rows if row is not None]
    return (" (", *join(items), *_by_source(lookup, card), ")") if items else ()


def _by_source(lookup: Lookup, card: TestSetCard) -> Text:
    """The sources whose synthetic images are recognised least and most often: one mean may hide all that matters."""
    rows = [lookup.metric("recall", lookup.baseline, card.name, source=source.name) for source in card.sources]
    held = sorted((row for row in rows if row is not None and row.estimate is not None), key=_estimate)
    if len(held) < 2:
        return ()
    least, most = held[0], held[-1]
    ends = (number(least).bare(), f" ({least.source}) to ", number(most).bare(), f" ({most.source})")
    return ("; by source recall is ", *ends)


def _estimate(row: Estimate) -> float:
    return row.estimate or 0.0


_OPPOSITE: dict[Side, Side] = {"above": "below", "below": "above", "open": "open", "undefined": "undefined"}


def sentence_dispersion(lookup: Lookup) -> Text:
    """On which side of the baseline the maps' Gini lies, at every attribution point of the study's main method."""
    maps = Maps(lookup)
    card = next((card for card in maps.cards if maps.wheres(card)), None)
    if card is None:
        return ("No saliency map was measured.",)
    place = f"{lookup.called(card.name)}; {method_label(maps.main)}"
    out: list[str | Number] = [f"Saliency maps ({place}) against {lookup.baseline}, by Gini coefficient: "]
    told: dict[str, tuple[Side, Side]] = {}
    for position, where in enumerate(maps.wheres(card)):
        gini, entropy = (
            {name: maps.row(measure, name, card, where, versus=lookup.baseline) for name in lookup.others}
            for measure in ("gini", "entropy")
        )
        for n in lookup.others:
            case = f"{n} {point_label(where)}"
            told[case] = (decide_side(gini[n], lookup.alpha), decide_side(entropy[n], lookup.alpha))
        clauses = _grouped_clauses(
            gini,
            {
                "below": lambda _: "more dispersed for {}",
                "above": lambda _: "more concentrated for {}",
                "open": lambda _: "not told apart for {}",
                "undefined": lambda _: "not defined for {}",
            },
            lookup.alpha,
        )
        out += ["; " if position else "", f"{point_label(where)}, ", *clauses]
    entropy_says = _entropy(told) if "entropy" in lookup.dispersion_quantities() else ""
    return (*(part for part in out if part != ""), f".{entropy_says}")


def _entropy(told: Mapping[str, tuple[Side, Side]]) -> str:
    """Whether entropy, which rises where Gini falls, says the same in every case, or in which not.

    Args:
        told: the sides of Gini and of entropy, by case.
    """
    cases = {name: sides for name, sides in told.items() if sides != ("undefined", "undefined")}
    if not cases:
        return ""
    unlike = [name for name, (gini, entropy) in cases.items() if entropy != _OPPOSITE[gini]]
    if unlike:
        return f" Entropy does not say the same of {'; '.join(unlike)}."
    return f" Entropy says the same in every {'case' if len(cases) == len(told) else 'case that is defined'}."


def holm_note(lookup: Lookup, *, of_maps: bool = False) -> Text:
    """By what is decided which words stand in the verdict; nothing where no p is adjusted.

    Args:
        lookup: the summary.
        of_maps: whether dispersion alone is spoken of.
    """
    rows = (*(() if of_maps else lookup.summary.contrasts), *lookup.summary.dispersion_contrasts)
    if all(adjusted_p(row) is None for row in rows):
        return ()
    if of_maps:
        return ("Dispersed and concentrated go by Holm’s p; the intervals are not adjusted.",)
    lead = "Better, worse, dispersed and concentrated are said where p is below α = "
    level = exactly("alpha", lookup.alpha, "plain")
    return (lead, level, " after Holm’s correction over all pairs of variants; the intervals are not adjusted.")


def sentences(lookup: Lookup) -> Sequence[Text]:
    """The verdict: in-sample, out-of-sample, dispersion; what the study does not have is said, not left out.

    Behind them, by what they are decided, and what of the analysis is not as it was declared.
    """
    out: list[Text] = list(warning_texts(lookup))
    for role, called in (("in_sample", "in-sample"), ("out_of_sample", "out-of-sample")):
        cards = lookup.test_sets(role)
        if not cards:
            out.append((f"The study has no {called} test set.",))
            continue
        out.append(sentence_accuracy(lookup, cards[0]))
        if len(cards) > 1:
            more = f"{len(cards) - 1} more {called} test set{'s stand' if len(cards) > 2 else ' stands'}"
            out.append((f"{more} in the evidence of the benchmark.",))
    out.append(sentence_dispersion(lookup))
    return [*out, *(text for text in (holm_note(lookup), departure_text(lookup)) if text)]
