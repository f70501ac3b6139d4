"""The parts that a document is made of; a template macro of the same name draws each.

A document is a list of sections, a section a list of parts, so that another document is another composition.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar

from analysis.reporting.images import attachment
from analysis.reporting.quantities import Number, Text, grouped, plain

PANEL_WIDTH, MOST_HEIGHT = 82.0, 150.0
"""Millimetres: width of a panel in print (`templates/style/print.css`), and what a sheet has below two headings."""


@dataclass(frozen=True)
class Panel:
    """One chart of a figure: its title as text, its alternative text, the SVG and the Vega-Lite specification."""

    id: str
    title: str
    alt: str
    svg: str
    spec: dict[str, Any]

    @property
    def address(self) -> str:
        """The SVG as a `data:` address."""
        return attachment(self.svg.encode("utf-8"), "image/svg+xml")

    @property
    def height(self) -> float:
        """Millimetres on paper; 0 of an SVG that does not say how large it is."""
        found = re.search(r'<svg\b[^>]*? width="([\d.]+)"[^>]*? height="([\d.]+)"', self.svg)
        return PANEL_WIDTH * float(found[2]) / float(found[1]) if found else 0.0


@dataclass(frozen=True)
class Figure:
    """Panels with one caption."""

    part: ClassVar[str] = "figure"
    id: str
    title: str
    panels: tuple[Panel, ...]
    caption: Text
    number: int = 0
    across: int = 0

    @property
    def columns(self) -> int:
        """Panels side by side on a wide screen: `across` where panels belong together, else so that rows are full."""
        if self.across:
            return self.across
        return 2 if len(self.panels) == 2 or len(self.panels) % 4 == 0 else 3

    @property
    def tall(self) -> bool:
        """Whether it is too high to stand below headings on one sheet, and breaks between rows of panels there.

        Of more than four panels, or of so high ones: two panels side by side, as print has them.
        """
        heights = [panel.height for panel in self.panels]
        rows = [max(heights[at : at + 2]) for at in range(0, len(heights), 2)]
        return len(self.panels) > 4 or sum(rows) > MOST_HEIGHT


@dataclass(frozen=True)
class Cell:
    """A table's cell: text, a count or a number; `shade` 0 … 1 tints it, `strong` frames it.

    `amount` is the exact number behind a count's text.
    """

    content: str | Number
    count: bool = False
    shade: float | None = None
    strong: bool = False
    amount: float | None = None

    @classmethod
    def counted(cls, amount: float, text: str = "") -> Cell:
        """A number that is no estimate of the summary, as `text` or else with its thousands set apart."""
        return cls(text or grouped(round(amount)), count=True, amount=amount)

    @property
    def exact(self) -> float | None:
        """The unrounded number that the cell is sorted by; `None` for text and for what is undefined."""
        return self.content.raw[0] if isinstance(self.content, Number) else self.amount

    @property
    def is_number(self) -> bool:
        """Whether the content is a number of the summary."""
        return isinstance(self.content, Number)

    @property
    def has_interval(self) -> bool:
        """Whether it is downloaded in three columns: value, low, high."""
        return isinstance(self.content, Number) and not self.content.single

    @property
    def is_right(self) -> bool:
        """Whether digits stand below digits."""
        return self.count or self.is_number


@dataclass(frozen=True)
class Row:
    """A table's row: the texts that head it, then its cells."""

    heads: tuple[str, ...]
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Table:
    """A table with caption and notes; `row_header` names the columns that head the rows.

    `grouped` turns the first of two heads into a line above the rows that share it.
    """

    part: ClassVar[str] = "table"
    id: str
    title: str
    row_header: tuple[str, ...]
    header: tuple[str, ...]
    rows: tuple[Row, ...]
    caption: Text = ()
    corner: str = ""
    grouped: bool = False
    number: int = 0

    @property
    def groups(self) -> tuple[tuple[str, tuple[Row, ...]], ...]:
        """Rows by their first head, in order; one nameless group unless `grouped`."""
        if not self.grouped:
            return (("", self.rows),)
        names = dict.fromkeys(row.heads[0] for row in self.rows)
        return tuple((name, tuple(row for row in self.rows if row.heads[0] == name)) for name in names)

    @property
    def right(self) -> tuple[bool, ...]:
        """Which columns hold digits, and are headed at the right."""
        return tuple(any(row.cells[column].is_right for row in self.rows) for column in range(len(self.header)))

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why cells are undefined, each once, in order of appearance; cells refer to them by letter."""
        found = (cell.content.reason for row in self.rows for cell in row.cells if isinstance(cell.content, Number))
        return tuple(dict.fromkeys(reason for reason in found if reason))

    @property
    def notes(self) -> tuple[tuple[str, str], ...]:
        """(letter, reason) to print below the table."""
        return tuple((letter(position), reason) for position, reason in enumerate(self.reasons))

    @property
    def has_shares(self) -> bool:
        """Whether numbers shown in per cent or points are downloaded as fractions."""
        kinds = {cell.content.kind for row in self.rows for cell in row.cells if isinstance(cell.content, Number)}
        return bool(kinds & {"percent", "points", "called_synthetic"})

    def note(self, cell: Cell) -> str:
        """The letter of a cell's reason, or nothing."""
        if not isinstance(cell.content, Number) or not cell.content.reason:
            return ""
        return letter(self.reasons.index(cell.content.reason))


@dataclass(frozen=True)
class MapRow:
    """An example image with the maps of all variants; `None` where a map was excluded or is absent.

    Without an image the maps are of several, and `image_id` says of which.
    """

    image: str | None
    image_id: str
    source: str
    truth: str
    maps: tuple[tuple[str | None, str], ...]
    """(address, text beneath) per variant."""

    @property
    def called(self) -> str:
        """What the maps are of, for alternative texts."""
        return self.image_id if self.image is None else f"image {self.image_id}"


@dataclass(frozen=True)
class MapTable:
    """The maps of one method at one attribution point: a row per image, a column per variant."""

    title: str
    variants: tuple[str, ...]
    rows: tuple[MapRow, ...]
    what: str = "Saliency map"


@dataclass(frozen=True)
class MapGrid:
    """Example saliency maps of one test set as on the poster, one table per attribution point."""

    part: ClassVar[str] = "maps"
    id: str
    title: str
    tables: tuple[MapTable, ...]
    scale: str
    caption: Text
    number: int = 0
    ends: tuple[str, str] = ("0", "maximum of the map")


@dataclass(frozen=True)
class Paragraph:
    """Prose whose numbers keep their ids."""

    part: ClassVar[str] = "paragraph"
    text: Text
    lead: bool = False

    def __str__(self) -> str:
        return plain(self.text)


@dataclass(frozen=True)
class Listing:
    """Pairs of label and value, in order."""

    part: ClassVar[str] = "listing"
    pairs: tuple[tuple[str, str], ...]
    code: bool = False


@dataclass(frozen=True)
class File:
    """A small text file, shown and (on screen) to download."""

    part: ClassVar[str] = "file"
    name: str
    text: str
    media_type: str

    @property
    def download(self) -> str:
        """The file as a `data:` address."""
        return attachment(self.text.encode("utf-8"), self.media_type)


@dataclass(frozen=True)
class Prose:
    """Fixed text that stands in a template of its own."""

    part: ClassVar[str] = "prose"
    template: str


Block = Figure | Table | MapGrid | Paragraph | Listing | File | Prose


@dataclass(frozen=True)
class Section:
    """A heading with its parts; `level` 2 or 3."""

    id: str
    title: str
    level: int
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Document:
    """One report, independent of its format; `label` is what kind of report it is, `name` that of its files."""

    name: str
    label: str
    title: str
    question: str
    demo: bool
    sections: tuple[Section, ...]

    @property
    def figures(self) -> tuple[Figure, ...]:
        """All figures with charts, in order."""
        return tuple(block for section in self.sections for block in section.blocks if isinstance(block, Figure))

    @property
    def tables(self) -> tuple[Table, ...]:
        """All tables, in order."""
        return tuple(block for section in self.sections for block in section.blocks if isinstance(block, Table))


def letter(position: int) -> str:
    """0 → a, 25 → z, 26 → aa."""
    text = ""
    position += 1
    while position:
        position, rest = divmod(position - 1, 26)
        text = chr(ord("a") + rest) + text
    return text
