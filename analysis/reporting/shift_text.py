"""Prose on control sets, made from the numbers of the summary."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.reporting.blocks import Paragraph
from analysis.reporting.figures import ordered_sources
from analysis.reporting.quantities import Number, Text, number
from analysis.reporting.shift_lookup import Shift, pipeline_label
from analysis.summary import ControlCard, Estimate, TestSetCard

PARTS = (
    "The loss is in-sample minus out-of-sample balanced accuracy, and is parted exactly. Corpus: half the fall of "
    "specificity to other photographs, and half the fall of recall to synthetic images of the training generator in "
    "another collection. It holds all that differs between the collections at the pipeline of the test set, subjects "
    "and cameras as well as how in-sample images were made small, which cannot be undone. Generator: the rest of the "
    "fall of recall, to all synthetic images of the test set, those of the training generator included in the share "
    "they have there. It belongs to these generators with their subjects, which are not kept apart here. Pipeline: the "
    "same images through the test set’s own pipeline minus through another."
)

NO_SAME = (
    " This study names no images of the training generator in another collection: the whole fall of recall stands "
    "under generator, and the corpus part is of real images alone."
)


WHOLE = (
    ("specificity", "On all images of the test set its specificity goes from "),
    ("recall", ", its recall from "),
    ("balanced_accuracy", ", and its balanced accuracy from "),
)
"""What is said of the whole set, and with which words."""


def pipeline_paragraphs(shift: Shift, card: TestSetCard) -> Iterator[Paragraph]:
    """How far a figure moves by the pipeline alone: of the source that moves most, and of the whole set."""
    variant = shift.lookup.baseline
    cards = shift.pipelines(card.name)
    moves: list[tuple[float, str, str, list[tuple[ControlCard, Estimate]]]] = []
    for source, truth, name, _ in ordered_sources(card):
        found = [(each, row) for each in cards if (row := shift.metric(name, variant, each.name, source.name))]
        values = [row.estimate for _, row in found if row.estimate is not None]
        if truth == "real" and values:
            moves.append((max(values) - min(values), source.name, truth, found))
    text: list[str | Number] = []
    if moves:
        _, name, _, found = max(moves, key=lambda move: move[0])
        ends = sorted((row.estimate or 0.0, position) for position, (_, row) in enumerate(found))
        # the highest specificity is the lowest share called synthetic
        text += [f"Of the same real images of {name}, {variant} calls "]
        text += _end(found[ends[-1][1]], "called_synthetic")
        text += [" synthetic, or "]
        text += _end(found[ends[0][1]], "called_synthetic")
        text += [". "]
    for quantity, words in WHOLE:
        whole = [(each, row) for each in cards if (row := shift.metric(quantity, variant, each.name))]
        ends = sorted((row.estimate, position) for position, (_, row) in enumerate(whole) if row.estimate is not None)
        if ends:
            text += [words, *_end(whole[ends[0][1]], "percent"), " to ", *_end(whole[ends[-1][1]], "percent")]
    if text:
        text.append(
            ". Nothing but the last step of preparation differs. Where specificity and recall move against each other, "
            "balanced accuracy hides most of it."
        )
        yield Paragraph(tuple(text))


def parts_paragraph(shift: Shift, card: TestSetCard) -> Paragraph:
    """What the parts of the loss are, and are not."""
    row = shift.part("corpus", "recall", shift.lookup.baseline, card.name)
    return Paragraph((PARTS + (NO_SAME if row is None or row.estimate is None else ""),))


def _end(found: tuple[ControlCard, Estimate], kind: str) -> Text:
    card, row = found
    shown = number(row, kind="called_synthetic" if kind == "called_synthetic" else "percent")
    return (shown, f" ({pipeline_label(card)})")
