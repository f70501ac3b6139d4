"""The sections of the benchmark that are of control sets; empty where a study has none."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.reporting.blocks import Block, Section
from analysis.reporting.composition import present
from analysis.reporting.lookup import Lookup
from analysis.reporting.shift_figures import figure_parts, figure_robustness
from analysis.reporting.shift_lookup import Shift
from analysis.reporting.shift_tables import (
    table_parts,
    table_pipeline_sources,
    table_pipelines,
    table_robustness,
    table_robustness_pairs,
)
from analysis.reporting.shift_text import parts_paragraph, pipeline_paragraphs


def shift_sections(lookup: Lookup) -> tuple[Section, ...]:
    """Pipelines, the parts of the loss, and corruptions."""
    shift = Shift(lookup)
    return (
        Section("pipeline", "What the pipeline decides", 3, tuple(_pipelines(shift))),
        Section("shift", "What the loss out of sample is made of", 3, tuple(_parts(shift))),
        Section("robustness", "Corrupted images", 3, tuple(_corruptions(shift))),
    )


def _pipelines(shift: Shift) -> Iterator[Block]:
    for card in shift.bases("pipeline"):
        yield from pipeline_paragraphs(shift, card)
        yield from present(table_pipelines(shift, card))
        for variant in shift.lookup.variants:
            yield from present(table_pipeline_sources(shift, card, variant))


def _parts(shift: Shift) -> Iterator[Block]:
    if not shift.lookup.summary.shift:
        return
    for card in shift.bases("pipeline"):
        yield parts_paragraph(shift, card)
        yield from present(figure_parts(shift, card), table_parts(shift, card))


def _corruptions(shift: Shift) -> Iterator[Block]:
    for card in shift.bases("corruption"):
        yield from present(
            figure_robustness(shift, card), table_robustness(shift, card), table_robustness_pairs(shift, card)
        )
