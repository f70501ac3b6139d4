"""The document `benchmark`: who is right how often, on which images, through which path."""

from __future__ import annotations

from collections.abc import Iterable

from analysis.reporting import charts, figures, tables
from analysis.reporting.blocks import Block, Document, Paragraph, Prose, Section
from analysis.reporting.composition import document_of, present, provenance
from analysis.reporting.curve_figures import figure_calibration, figure_roc
from analysis.reporting.inputs import Examples
from analysis.reporting.lookup import Lookup
from analysis.reporting.map_pictures import figure_maps
from analysis.reporting.path_figure import figure_paths
from analysis.reporting.shift_sections import shift_sections
from analysis.reporting.subset_sections import subset_section
from analysis.reporting.verdict import sentences
from analysis.reporting.verdict_beside import sentence_beside
from analysis.summary import Summary


def build_benchmark(summary: Summary, examples: Examples) -> Document:
    """The benchmark of a study as numbered parts, independent of any format.

    Raises:
        InputError: An id of the summary is not unique.
    """
    lookup = Lookup(summary)
    verdict = [Paragraph(text, lead=True) for text in sentences(lookup)]
    beside = [Paragraph(text) for text in (sentence_beside(lookup, card) for card in lookup.quoted) if text]
    sections = [
        Section("verdict", "Verdict", 2, (*verdict, *present(figures.figure_differences(lookup)))),
        Section("evidence", "Evidence", 2, ()),
        Section("beside", "Beside the verdict", 3, tuple(beside)),
        Section("paths", "The variants and their paths", 3, tuple(present(figure_paths(lookup)))),
        Section("accuracy", "Accuracy in and out of sample", 3, tuple(_accuracy(lookup))),
        Section("roc", "ROC curves", 3, tuple(present(figure_roc(lookup)))),
        Section("calibration", "Calibration", 3, tuple(present(figure_calibration(lookup)))),
        Section("sources", "By source", 3, tuple(_sources(lookup))),
        Section("grid", "Trained as × tested through", 3, tuple(_grids(lookup))),
        *shift_sections(lookup),
        subset_section(lookup),
        Section("maps", "Example saliency maps", 3, tuple(figure_maps(lookup, examples, first=True))),
        Section("training", "Training", 3, tuple(_training(lookup))),
        Section(
            "method",
            "Method",
            2,
            (
                tables.table_variants(lookup),
                tables.table_test_sets(lookup),
                tables.table_data(lookup),
                Prose("parts/method_decisions.html.j2"),
                Prose("parts/method_intervals.html.j2"),
                *(Paragraph((note,)) for note in summary.study.notes),
            ),
        ),
        provenance(summary),
    ]
    return document_of("benchmark", "Benchmark", summary, sections)


def _accuracy(lookup: Lookup) -> Iterable[Block]:
    for card in lookup.quoted:
        yield from present(tables.table_metrics(lookup, card), tables.table_contrasts(lookup, card))
    if lookup.quoted:
        yield from present(
            figures.figure_metrics(
                lookup, "figure-accuracy", "Accuracy and balanced accuracy", ("accuracy", "balanced_accuracy")
            ),
            figures.figure_metrics(lookup, "figure-classes", "Recall and specificity apart", ("recall", "specificity")),
        )


def _sources(lookup: Lookup) -> Iterable[Block]:
    for card in lookup.test_sets("out_of_sample"):
        if len(card.sources) > 1:
            yield from present(
                tables.table_sources(lookup, card),
                figures.figure_sources(lookup, card),
                figures.figure_source_differences(lookup, card),
            )


def _grids(lookup: Lookup) -> Iterable[Block]:
    for card in lookup.quoted:
        yield from present(tables.table_grid(lookup, card))


def _training(lookup: Lookup) -> Iterable[Block]:
    if lookup.summary.autoencoders:
        yield tables.table_autoencoders(lookup)
    plans: list[tuple[str, str, dict[str, str], charts.Scale, str]] = [
        (
            "figure-curves-accuracy",
            "validation accuracy, %",
            {"validation_accuracy": "validation"},
            "percent",
            "For looking at convergence; no result.",
        ),
        (
            "figure-curves-loss",
            "loss",
            {"validation_loss": "validation", "train_loss": "training"},
            "plain",
            (
                "Validation solid, training dashed; the loss of autoencoder-weights (the autoencoder itself) is the "
                "mean squared error of its reconstructions."
            ),
        ),
    ]
    for plan in plans:
        yield from present(figures.figure_curves(lookup, *plan))
