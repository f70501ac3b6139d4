"""The composition of the report: which parts stand in which section."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from analysis.reporting import charts, figures, tables
from analysis.reporting.blocks import (
    Block,
    Document,
    Figure,
    File,
    Listing,
    MapGrid,
    Paragraph,
    Prose,
    Section,
    Table,
)
from analysis.reporting.inputs import Examples
from analysis.reporting.lookup import Lookup
from analysis.reporting.verdict import sentences
from analysis.summary import Summary


def build_document(summary: Summary, examples: Examples) -> Document:
    """The report of a study as numbered parts, independent of any format.

    Raises:
        InputError: An id of the summary is not unique.
    """
    lookup = Lookup(summary)
    study = summary.study
    sections = [
        Section(
            "verdict",
            "Verdict",
            2,
            (
                *(Paragraph(text, lead=True) for text in sentences(lookup)),
                *_present(figures.figure_differences(lookup)),
            ),
        ),
        Section("evidence", "Evidence", 2, ()),
        Section("accuracy", "Accuracy in and out of sample", 3, tuple(_accuracy(lookup))),
        Section("sources", "By source", 3, tuple(_sources(lookup))),
        Section("grid", "Trained as × tested through", 3, tuple(_grids(lookup))),
        Section("dispersion", "Dispersion of the saliency maps", 3, tuple(_dispersion(lookup))),
        Section("maps", "Example saliency maps", 3, tuple(figures.figure_maps(lookup, examples))),
        Section("training", "Training", 3, tuple(_training(lookup))),
        Section(
            "method",
            "Method",
            2,
            (
                tables.table_variants(lookup),
                tables.table_test_sets(lookup),
                tables.table_data(lookup),
                Prose("parts/method.html.j2"),
                *(Paragraph((note,)) for note in study.notes),
            ),
        ),
        Section("provenance", "Provenance", 2, tuple(_provenance(summary))),
    ]
    kept = (section for section in sections if section.blocks or section.id == "evidence")
    return Document("report", study.title, study.question, study.demo, _numbered(kept))


def _present(*blocks: Block | None) -> Iterable[Block]:
    """Parts that have something to show."""
    for block in blocks:
        if block is None or (isinstance(block, Figure) and not block.panels):
            continue
        if isinstance(block, Table) and not (block.rows and block.header):
            continue
        yield block


def _accuracy(lookup: Lookup) -> Iterable[Block]:
    for card in lookup.quoted:
        yield from _present(tables.table_metrics(lookup, card), tables.table_contrasts(lookup, card))
    if lookup.quoted:
        yield from _present(
            figures.figure_metrics(
                lookup, "figure-accuracy", "Accuracy and balanced accuracy", ("accuracy", "balanced_accuracy")
            ),
            figures.figure_metrics(lookup, "figure-classes", "Recall and specificity apart", ("recall", "specificity")),
        )


def _sources(lookup: Lookup) -> Iterable[Block]:
    for card in lookup.test_sets("out_of_sample"):
        if len(card.sources) > 1:
            yield from _present(
                tables.table_sources(lookup, card),
                figures.figure_sources(lookup, card),
                figures.figure_source_differences(lookup, card),
            )


def _grids(lookup: Lookup) -> Iterable[Block]:
    for card in lookup.quoted:
        yield from _present(tables.table_grid(lookup, card))


def _dispersion(lookup: Lookup) -> Iterable[Block]:
    for card in lookup.quoted:
        if lookup.wheres(card.name):
            yield from _present(tables.table_dispersion(lookup, card), figures.figure_dispersion(lookup, card))


def _training(lookup: Lookup) -> Iterable[Block]:
    if lookup.summary.autoencoders:
        yield tables.table_autoencoders(lookup)
    plans: list[tuple[str, str, dict[str, str], charts.Scale, str]] = [
        (
            "figure-curves-accuracy",
            "validation accuracy, %",
            {"validation_accuracy": "validation"},
            "percent",
            "It shows that training went as it should, and is no result.",
        ),
        (
            "figure-curves-loss",
            "loss",
            {"validation_loss": "validation", "train_loss": "training"},
            "plain",
            (
                "Validation solid, training dashed; the loss of autoencoder-weights is the mean squared error of its "
                "reconstructions."
            ),
        ),
    ]
    for plan in plans:
        yield from _present(figures.figure_curves(lookup, *plan))


def _provenance(summary: Summary) -> Iterable[Block]:
    facts = summary.provenance
    yield Listing((("command", facts.command),), code=True)
    if facts.facts:
        yield Listing(facts.facts)
    if facts.data_hashes:
        yield Listing(facts.data_hashes, code=True)
    yield File(f"{summary.study.name}.toml", summary.study.study_toml, "application/toml")


def _numbered(sections: Iterable[Section]) -> tuple[Section, ...]:
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
