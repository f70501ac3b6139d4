"""What the documents are composed with: parts that have something to show, provenance, numbers of parts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from analysis.diversity_summary import Diversity
from analysis.reporting.blocks import Block, Document, Figure, File, Listing, MapGrid, Section, Table
from analysis.summary import Summary


def document_of(name: str, label: str, summary: Summary, sections: Iterable[Section]) -> Document:
    """A document of the sections that hold something, or head the ones below, with its parts numbered."""
    study = summary.study
    return Document(name, label, study.title, study.question, study.demo, numbered(_kept(tuple(sections))))


def present(*blocks: Block | None) -> Iterable[Block]:
    """Parts that have something to show."""
    for block in blocks:
        if block is None or (isinstance(block, Figure) and not block.panels):
            continue
        if isinstance(block, Table) and not (block.rows and block.header):
            continue
        yield block


def provenance(found: Summary | Diversity) -> Section:
    """Where the numbers come from, and how to make them again."""
    return Section("provenance", "Provenance", 2, tuple(_provenance(found)))


def _provenance(found: Summary | Diversity) -> Iterable[Block]:
    facts = found.provenance
    yield Listing((("command", facts.command),), code=True)
    if facts.facts:
        yield Listing(facts.facts)
    if facts.data_hashes:
        yield Listing(facts.data_hashes, code=True)
    yield File(f"{found.study.name}.toml", found.study.study_toml, "application/toml")


def _kept(sections: Sequence[Section]) -> Iterable[Section]:
    for position, section in enumerate(sections):
        below = []
        for other in sections[position + 1 :]:
            if other.level <= section.level:
                break
            below.append(other)
        if section.blocks or any(other.blocks for other in below):
            yield section


def numbered(sections: Iterable[Section]) -> tuple[Section, ...]:
    """Number figures (map grids among them) and tables in the order of reading."""
    figure_count = table_count = 0
    out = []
    for section in sections:
        blocks: list[Block] = []
        for block in section.blocks:
            if isinstance(block, Figure | MapGrid):
                figure_count += 1
                blocks.append(replace(block, number=figure_count))
            elif isinstance(block, Table):
                table_count += 1
                blocks.append(replace(block, number=table_count))
            else:
                blocks.append(block)
        out.append(replace(section, blocks=tuple(blocks)))
    return tuple(out)
