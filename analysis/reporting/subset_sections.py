"""The section of the benchmark on subsets: greyscale images apart, and the content that two collections share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from analysis.reporting.blocks import Block, Cell, Paragraph, Row, Section, Table
from analysis.reporting.composition import present
from analysis.reporting.lookup import Lookup
from analysis.reporting.panels import position_of
from analysis.reporting.quantities import Kind, Number, counts, number, quantity
from analysis.reporting.tables import intervals
from analysis.shift import SHIFT_QUANTITIES
from analysis.subsets import FALL, class_subset
from analysis.summary import Estimate, SubsetRow, TestSetCard

IMAGES = {"all": "all", "classes": "shared classes", "difference": "difference"}
"""Which images the rows of a fall are of → how the table calls them."""

APART = {"specificity": "real", "recall": "synthetic"}
"""Quantities of one label → its images."""

CLASS = class_subset("")
"""What the names of single classes' rows begin with."""

SHARED = (
    "Photographs of another collection also show other things. Where the content of images is known, the fall from "
    "in-sample to out-of-sample images is given once more on the classes that both collections have, in the shares "
    "that they have out of sample: other cameras and other compression are left in it, other subjects mostly not. The "
    "difference of the two falls is what the choice of subjects makes."
)


@dataclass(frozen=True)
class _Rows:
    """A summary's rows on subsets, of the variants themselves, by their keys."""

    lookup: Lookup

    @cached_property
    def _found(self) -> dict[tuple[str, str, str, str, str], SubsetRow]:
        rows = (row for row in self.lookup.summary.subsets if row.versus is None)
        return {(row.part, str(row.subset), row.quantity, row.variant, row.test_set): row for row in rows}

    def row(self, part: str, subset: str, name: str, variant: str, card: TestSetCard) -> SubsetRow | None:
        return self._found.get((part, subset, name, variant, card.name))

    def cards(self, part: str) -> tuple[TestSetCard, ...]:
        """The quoted test sets that have rows of a part."""
        held = {key[4] for key in self._found if key[0] == part}
        return tuple(card for card in self.lookup.quoted if card.name in held)

    def shared(self, name: str, card: TestSetCard) -> str:
        """The shared classes of a quantity's images, with the numbers of images in-sample and out of sample."""
        baseline = self.lookup.baseline
        kinds = dict.fromkeys(key[1] for key in self._found if key[2:] == (name, baseline, card.name))
        listed = []
        for kind in (kind for kind in kinds if kind.startswith(CLASS)):
            sides = [self.row(part, kind, name, baseline, card) for part in ("inside", "outside")]
            n_inside, n_outside = (row.n_images if row is not None else 0 for row in sides)
            listed.append(f"{kind.removeprefix(CLASS)} ({n_inside:,} and {n_outside:,})")
        return f"of {APART[name]} images, in-sample and out of sample, {', '.join(listed)}"

    def quantities(self, card: TestSetCard) -> tuple[str, ...]:
        """What the fall of a test set is given of."""
        held = {key[2] for key in self._found if key[0] == "fall" and key[4] == card.name}
        return tuple(name for name in SHIFT_QUANTITIES if name in held)


def subset_section(lookup: Lookup) -> Section:
    """Greyscale images apart, then for each out-of-sample set the fall on shared classes; empty without such rows."""
    return Section("subsets", "Greyscale images apart, and the same subjects", 3, tuple(_blocks(_Rows(lookup))))


def _blocks(rows: _Rows) -> Iterator[Block]:
    yield from present(table_greyscale(rows))
    for position, card in enumerate(rows.cards("fall")):
        if position == 0:
            yield Paragraph((SHARED,))
        yield Paragraph(sentence_fall(rows, card))
        yield from present(table_fall(rows, card))


def table_greyscale(rows: _Rows) -> Table:
    """Both classes without greyscale images, what that changes, and greyscale images alone."""
    lookup = rows.lookup
    lines: list[Row] = []
    held: list[Estimate | None] = []
    how_many: list[str] = []
    for card in rows.cards("change"):
        for variant in lookup.variants:
            cells: list[Number] = []
            alone: list[Estimate | None] = []
            for name in ("specificity", "recall"):
                colour = rows.row("level", "colour", name, variant, card)
                held.append(colour)
                alone.append(rows.row("level", "greyscale", name, variant, card))
                cells += [number(colour), number(rows.row("change", "colour", name, variant, card), kind="points")]
            lines.append(Row((lookup.called(card.name), variant), tuple(map(Cell, [*cells, *map(number, alone)]))))
            if variant == lookup.baseline:
                real, fake = (row.n_images if row is not None and row.estimate is not None else 0 for row in alone)
                how_many.append(f"{real:,} real and {fake:,} synthetic of {lookup.called(card.name)}")
    caption = (
        "Specificity and recall of each variant along its own path without greyscale images (three equal channels in "
        "every pixel at the study’s size), what leaving them out changes, and both on greyscale images alone. "
        f"Greyscale are {'; '.join(how_many)}. Without them: {counts(held)}. {intervals(lookup)} Balanced accuracy, "
        "their mean, stands in tables/subsets.csv."
    )
    return Table(
        "table-greyscale",
        "Greyscale images apart",
        ("test set", "variant"),
        (
            "specificity, colour, %",
            "change, points",
            "recall, colour, %",
            "change, points",
            "specificity, greyscale, %",
            "recall, greyscale, %",
        ),
        tuple(lines),
        (caption,),
        grouped=True,
    )


def sentence_fall(rows: _Rows, card: TestSetCard) -> tuple[str | Number, ...]:
    """The baseline's fall on all images, on shared classes, and the difference."""
    text: list[str | Number] = []
    variant = rows.lookup.baseline
    for name in rows.quantities(card):
        found = {subset: rows.row("fall", subset, name, variant, card) for subset in IMAGES}
        if any(row is None or row.estimate is None for row in found.values()):
            continue
        every, shared, difference = (number(found[subset], kind="points") for subset in IMAGES)
        lead = " " if text else f"From in-sample images to {rows.lookup.called(card.name)}, "
        text += [
            lead,
            f"the {quantity(name).label} of {variant} falls by ",
            every,
            " on all images of these sources and by ",
            shared,
        ]
        text += [" on shared classes; the choice of subjects makes ", difference, " of it."]
    return tuple(text)


def table_fall(rows: _Rows, card: TestSetCard) -> Table:
    """In-sample, out of sample and the fall, of all images, of shared classes, and the difference."""
    lines: list[Row] = []
    held: list[Estimate | None] = []
    for name in rows.quantities(card):
        for variant in rows.lookup.variants:
            for subset, label in IMAGES.items():
                found = [rows.row(part, subset, name, variant, card) for part in FALL]
                held.append(found[1] if subset == "classes" else None)
                level: Kind = "points" if subset == "difference" else "percent"
                kinds: tuple[Kind, ...] = (level, level, "points")
                cells = tuple(Cell(number(row, kind=kind)) for row, kind in zip(found, kinds, strict=True))
                lines.append(Row((quantity(name).label, variant, label), cells))
    caption = (
        "Each variant along its own path. All: every in-sample image, and every out-of-sample image of the sources in "
        "which shared classes were found. Shared classes: the images of these classes, in-sample ones weighted to the "
        "classes’ shares out of sample. Difference: all less shared classes, in points; of the fall, what the choice "
        f"of subjects makes. Out of sample, of shared classes: {counts(held)}. Shared classes: "
        f"{'; '.join(rows.shared(name, card) for name in rows.quantities(card) if name in APART)}. Their shares are "
        f"taken as fixed. {intervals(rows.lookup)}"
    )
    return Table(
        f"table-shared-classes-{position_of(rows.lookup, card)}",
        f"The same subjects: {card.name}",
        ("quantity", "variant", "images"),
        ("in-sample, %", "out of sample, %", "fall, points"),
        tuple(lines),
        (caption,),
        grouped=True,
    )
