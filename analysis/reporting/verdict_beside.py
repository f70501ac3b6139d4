"""What stands beside a verdict on accuracy, so that it is not misread: plain test images, the margin, and controls."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.reporting.lookup import Lookup
from analysis.reporting.quantities import Number, Text, join, number, quantity, value
from analysis.reporting.sides import Side, decide_side
from analysis.summary import TestSetCard

PLAIN_PATHS = {"augment": "none", "both": "autoencode"}
"""A path with augmentation → the same without it."""

PREPROCESSOR = "autoencoder"
CONTROLS = {"blur": "a blur", "jpeg": "a JPEG round trip"}
"""Variants that lose as much of the image as the autoencoder does → what they are, in words."""

_SAYS: dict[Side, str] = {"above": "better", "below": "worse", "open": "not told apart"}


def sentence_beside(lookup: Lookup, card: TestSetCard) -> Text:
    """What a reader of the differences to the baseline on a test set must know of them; nothing where nothing is.

    Augmenting variants tested without augmentation, which variants the test of equivalence puts within the margin,
    and what a blur or JPEG of the autoencoder's PSNR does in its place.
    """
    clauses = [clause for clause in (_plain(lookup, card), _within(lookup, card), _controls(lookup, card)) if clause]
    if not clauses:
        return ()
    role = "In sample" if card.role == "in_sample" else "Out of sample"
    lead = f"{role} ({lookup.called(card.name)}; {quantity(lookup.headline(card)).label})."
    return (lead, *(part for clause in clauses for part in (" ", *clause)))


def _plain(lookup: Lookup, card: TestSetCard) -> Text:
    name = lookup.headline(card)
    augmenting = {variant: PLAIN_PATHS[path] for variant, path in lookup.own_paths.items() if path in PLAIN_PATHS}
    if not augmenting:
        return ()
    found = {variant: lookup.metric(name, variant, card.name, path=path) for variant, path in augmenting.items()}
    names = join([(variant,) for variant in augmenting])
    spoilt = ("The test images of ", *names, " are augmented, too, which may spoil them")
    if all(row is None for row in found.values()):
        return (*spoilt, "; on plain ones it was not tested." if len(found) == 1 else "; on plain ones they were not.")
    items: list[Text] = [(number(row), f" with the classifiers of {variant}") for variant, row in found.items() if row]
    return (*spoilt, ": on plain ones it is ", *join(items), ".")


def _within(lookup: Lookup, card: TestSetCard) -> Text:
    name = lookup.headline(card)
    rows = [lookup.pair(name, variant, lookup.baseline, card.name) for variant in lookup.others]
    inside = [row for row in rows if row is not None and row.tost_p is not None and row.tost_p < lookup.alpha]
    if not inside:
        return ()
    margin = value(f"{inside[0].id}/margin", inside[0].margin, "points", digits=1)
    names = join([(str(row.variant),) for row in inside])
    return ("Equivalent to ", lookup.baseline, " at a margin of ", margin, ": ", *names, ".")


def _controls(lookup: Lookup, card: TestSetCard) -> Text:
    if PREPROCESSOR not in lookup.variants:
        return ()
    items = list(_against(lookup, card))
    if not items:
        return ()
    return ("Of the ", PREPROCESSOR, "’s PSNR and in its place, against it: ", *join(items), ".")


def _against(lookup: Lookup, card: TestSetCard) -> Iterator[Text]:
    name = lookup.headline(card)
    for control, words in CONTROLS.items():
        row = lookup.pair(name, control, PREPROCESSOR, card.name)
        if row is None or row.estimate is None:
            continue
        shown: Number = number(row)
        yield (f"{words} ", shown, f" ({_SAYS.get(decide_side(row, lookup.alpha), 'no interval')})")
