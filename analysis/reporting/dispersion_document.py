"""The document `dispersion`: how far over the image the saliency of each variant is spread."""

from __future__ import annotations

from collections.abc import Iterable

from analysis.reporting import dispersion_figures as figures
from analysis.reporting import dispersion_tables as tables
from analysis.reporting import map_pictures, map_tables
from analysis.reporting.augmentation_beside import table_beside_augmentation
from analysis.reporting.blocks import Block, Document, Paragraph, Prose, Section
from analysis.reporting.composition import document_of, present, provenance
from analysis.reporting.dispersion_lookup import Maps
from analysis.reporting.dispersion_text import agreement_paragraph, dispersion_sentences
from analysis.reporting.inputs import Examples
from analysis.reporting.lookup import Lookup
from analysis.reporting.tables import table_test_sets, table_variants
from analysis.summary import Summary


def build_dispersion_document(summary: Summary, examples: Examples) -> Document:
    """The dispersion report of a study as numbered parts, independent of any format.

    Raises:
        InputError: An id of the summary is not unique.
    """
    lookup = Lookup(summary)
    maps = Maps(lookup)
    verdict = [Paragraph(text, lead=True) for text in dispersion_sentences(maps)]
    sections = [
        Section("verdict", "Verdict", 2, (*verdict, *present(figures.figure_verdict(maps)))),
        Section("evidence", "Evidence", 2, ()),
        Section("dispersion", "Dispersion of each variant", 3, tuple(_variants(maps))),
        Section("parts", "By class and source", 3, tuple(_parts(maps))),
        Section("pairs", "Every pair of variants", 3, tuple(_pairs(maps))),
        Section("points", "At the image and at the classifier’s input", 3, tuple(_points(maps))),
        Section("methods", "Do attribution methods agree?", 3, tuple(_methods(maps))),
        Section("nulls", "What an untrained classifier shows", 3, tuple(_nulls(maps))),
        Section("decisions", "Correct and wrong decisions apart", 3, tuple(_decisions(maps))),
        Section("confidence", "Dispersion and confidence", 3, tuple(_relations(maps))),
        Section("agreement", "Do seeds agree?", 3, tuple(_agreement(maps))),
        Section("faithfulness", "Are the maps faithful?", 3, tuple(_faithfulness(maps))),
        Section("models", "Another model of the same maps", 3, tuple(present(map_tables.table_map_models(maps)))),
        Section("maps", "Example saliency maps", 3, tuple(map_pictures.figure_maps(lookup, examples))),
        Section("overlays", "Maps over their images", 3, tuple(map_pictures.figure_overlays(lookup, examples))),
        Section("means", "Mean maps", 3, tuple(map_pictures.figure_means(lookup, examples))),
        Section(
            "method",
            "Method",
            2,
            (
                table_variants(lookup),
                table_test_sets(lookup),
                Prose("parts/method_saliency.html.j2"),
                Prose("parts/method_dispersion.html.j2"),
                Prose("parts/method_intervals.html.j2"),
            ),
        ),
        provenance(summary),
    ]
    return document_of("dispersion", "Dispersion", summary, sections)


def _variants(maps: Maps) -> Iterable[Block]:
    for card in maps.cards:
        yield from present(
            figures.figure_dispersion(maps, card),
            tables.table_measures(maps, card),
            tables.table_measure_differences(maps, card),
        )


def _parts(maps: Maps) -> Iterable[Block]:
    for card in maps.cards:
        yield from present(figures.figure_parts(maps, card))


def _pairs(maps: Maps) -> Iterable[Block]:
    for card in maps.cards:
        yield from present(figures.figure_pairs(maps, card))


def _points(maps: Maps) -> Iterable[Block]:
    yield from present(figures.figure_smearing(maps), tables.table_points(maps))


def _methods(maps: Maps) -> Iterable[Block]:
    for card in maps.cards:
        if len(maps.methods(card)) > 1:
            yield Paragraph(agreement_paragraph(maps, card))
        yield from present(table_beside_augmentation(maps, card), tables.table_methods(maps, card))


def _nulls(maps: Maps) -> Iterable[Block]:
    for card in maps.cards:
        yield from present(
            figures.figure_nulls(maps, card),
            map_tables.table_nulls(maps, card),
            map_tables.table_similarity(maps, card),
        )


def _decisions(maps: Maps) -> Iterable[Block]:
    for card in maps.cards:
        yield from present(tables.table_decisions(maps, card))


def _relations(maps: Maps) -> Iterable[Block]:
    for card in maps.cards:
        yield from present(tables.table_relations(maps, card))


def _agreement(maps: Maps) -> Iterable[Block]:
    for card in maps.cards:
        yield from present(map_tables.table_agreement(maps, card), map_tables.table_variant_agreement(maps, card))


def _faithfulness(maps: Maps) -> Iterable[Block]:
    for card in maps.cards:
        table = map_tables.table_faithfulness(maps, card)
        if table.rows:
            yield from (Paragraph(map_tables.faithfulness_paragraph(maps, card)), table)
