"""What the dispersion report says in words: three sentences, each from rows that stand in its tables."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.dispersion_points import CLASSIFIER_POINT
from analysis.reporting.augmentation_beside import sentence_beside_augmentation
from analysis.reporting.dispersion_lookup import CONCENTRATED, DISPERSED, OPEN, UNDEFINED, Maps
from analysis.reporting.map_tables import faithfulness_paragraph
from analysis.reporting.quantities import Number, Text, join, method_label, number, point_label
from analysis.reporting.significance_text import OUTCOMES, departure_text, marked, told, warning_texts
from analysis.reporting.verdict import holm_note, sentence_dispersion
from analysis.summary import Estimate, TestSetCard


def dispersion_sentences(maps: Maps) -> Sequence[Text]:
    """The verdict: the claims on dispersion, what the autoencoder's smearing explains, and whether methods agree."""
    if not maps.cards:
        return [sentence_dispersion(maps.lookup)]
    card = maps.cards[0]
    first = sentence_claims(maps) if maps.verdicts else sentence_dispersion(maps.lookup)
    note = holm_note(maps.lookup, of_maps=True)
    methods = sentence_beside_augmentation(maps, card) or sentence_methods(maps, card)
    faithful = tuple(part for each in maps.cards for part in _after(faithfulness_paragraph(maps, each, maps.main)))
    texts = (first, sentence_smearing(maps, card), methods, faithful[1:], note, departure_text(maps.lookup))
    return [*warning_texts(maps.lookup), *(text for text in texts if text)]


def _after(text: Text) -> Text:
    return (" ", *text) if text else ()


def sentence_claims(maps: Maps) -> Text:
    """Every claim on dispersion with its outcome and the estimate it hangs on."""
    clauses: list[Text] = []
    for outcome in OUTCOMES:
        chosen = [verdict for verdict in maps.verdicts if verdict.outcome == outcome]
        if chosen:
            items = [told(maps.lookup, verdict) for verdict in chosen]
            lead = f"{outcome}{marked(chosen)}: "
            clauses.append((lead, *(part for n, each in enumerate(items) for part in ("; " if n else "", *each))))
    out: list[str | Number] = []
    for position, clause in enumerate(clauses):
        out += [". " if position else "", *_capital(clause)]
    return (*(part for part in out if part != ""), ".")


def _capital(text: Text) -> Text:
    first = text[0]
    return (first[:1].upper() + first[1:], *text[1:]) if isinstance(first, str) else text


def sentence_smearing(maps: Maps, card: TestSetCard) -> Text:
    """How much of each variant's difference to the baseline is left where its own preprocessing is not in the way."""
    base = maps.lookup.baseline
    shares = {name: maps.share(name, card) for name in maps.preprocessed(card) if name != base}
    given = {name: row for name, row in shares.items() if row is not None}
    if not given:
        return ()
    defined = {name: row for name, row in given.items() if row.estimate is not None}
    lead = f"Of the difference to {base} in Gini at the image ({maps.lookup.called(card.name)}; {maps.main})"
    if not defined:
        whys = dict.fromkeys(row.reason or "not defined" for row in given.values())
        return (f"{lead}, nothing can be said of the part that the preprocessing itself has in it: {'; '.join(whys)}.",)
    items: list[Text] = [(number(row, kind="percent"), f" of that of {name}") for name, row in defined.items()]
    out: list[str | Number] = [f"{lead}, ", *join(items)]
    out.append(" is left at the classifier’s input" if len(items) == 1 else " are left at the classifier’s input")
    out.append(", where the preprocessing itself is not in the way")
    for why in dict.fromkeys(row.reason for name, row in given.items() if name not in defined):
        rest = [name for name, row in given.items() if name not in defined and row.reason == why]
        out.append(f"; for {_listed(rest)} {why or 'it is not defined'}")
    return (*out, ".")


def sentence_methods(maps: Maps, card: TestSetCard) -> Text:
    """Which methods find the preprocessed variant, or else the last, more dispersed than the baseline."""
    lookup = maps.lookup
    methods = maps.methods(card)
    others = [name for name in maps.preprocessed(card) if name != lookup.baseline] or list(lookup.others)
    if not others:
        return ()
    variant = others[0]
    point = CLASSIFIER_POINT if any(where.endswith(CLASSIFIER_POINT) for where in lookup.wheres(card.name)) else "image"
    found: dict[str, list[str]] = {}
    for method in methods:
        row = maps.row("gini", variant, card, f"{method}.{point}", versus=lookup.baseline)
        found.setdefault(maps.says(row), []).append(method_label(method))
    clauses = [
        f"{word} by {_listed(found[word])}" for word in (DISPERSED, CONCENTRATED, OPEN, UNDEFINED) if word in found
    ]
    alone = "; one method alone was run, and its sign is not a finding" if len(methods) == 1 else ""
    where = point_label(f".{point}").capitalize()
    lead = f"{where} the maps of {variant} are, against {lookup.baseline} and by Gini, "
    return (f"{lead}{'; '.join(clauses)}{alone}.",)


def _listed(names: Sequence[str]) -> str:
    return "".join(str(part) for part in join([(name,) for name in names]))


def agreement_paragraph(maps: Maps, card: TestSetCard) -> Text:
    """Whether the methods agree on every variant at every point."""
    told: list[str] = []
    for variant in maps.lookup.others:
        rows: list[Estimate | None] = [
            maps.row("gini", variant, card, where, versus=maps.lookup.baseline)
            for method in maps.methods(card)
            for where in maps.wheres(card, method)
        ]
        words = {maps.says(row) for row in rows} - {UNDEFINED}
        if not words:
            told.append(f"{variant} is not defined by any")
        elif len(words) == 1:
            told.append(f"{variant} is {words.pop()} by all")
        elif OPEN in words and len(words) == 2:
            told.append(f"{variant} is {next(iter(words - {OPEN}))} by some and not told apart by others")
        else:
            told.append(f"{variant} is more dispersed by some and more concentrated by others")
    return (f"Over all methods and points of {maps.lookup.called(card.name)}: {'; '.join(told)}.",)
