"""The document `significance`: what many seeds decide about the study's claims, and what they leave open."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from analysis.reporting import factorial_figures, run_tables, uncertainty_figures
from analysis.reporting import significance_figures as figures
from analysis.reporting import significance_tables as tables
from analysis.reporting.blocks import Block, Document, Listing, Paragraph, Prose, Section
from analysis.reporting.composition import document_of, present, provenance
from analysis.reporting.figures import figure_differences
from analysis.reporting.lookup import Lookup
from analysis.reporting.operating_tables import committed, committed_facts, operating_blocks
from analysis.reporting.significance_text import departure_text, verdict_sentences, warning_texts
from analysis.reporting.tables import table_test_sets, table_variants
from analysis.summary import Summary


def build_significance(summary: Summary, operating: pd.DataFrame | None = None) -> Document:
    """The significance report of a study as numbered parts, independent of any format.

    Args:
        summary: All numbers.
        operating: Operating characteristics to print, of `analysis.repetitions.COLUMNS`; by default the package's own.

    Raises:
        InputError: An id of the summary is not unique.
    """
    lookup = Lookup(summary)
    first = figures.figure_claims(lookup) if lookup.verdicts else figure_differences(lookup)
    texts = [text for text in (*warning_texts(lookup), *verdict_sentences(lookup), departure_text(lookup)) if text]
    verdict = [Paragraph(text, lead=True) for text in texts]
    table = committed() if operating is None else operating
    made = (Listing(committed_facts()),) if operating is None and table is not None else ()
    sections = [
        Section("verdict", "Verdict", 2, (*verdict, *present(first))),
        Section("evidence", "Evidence", 2, ()),
        Section("claims", "The claims", 3, tuple(_claims(lookup))),
        Section("seeds", "All seeds, and their paired differences", 3, tuple(_seeds(lookup))),
        Section("factorial", "Two factors and their interaction", 3, tuple(_factorial(lookup))),
        Section("equivalence", "Equivalence", 3, tuple(present(figures.figure_equivalence(lookup)))),
        Section("uncertainty", "What the uncertainty is made of", 3, tuple(_uncertainty(lookup))),
        Section("tests", "Tests and effect sizes", 3, tuple(_tests(lookup))),
        Section("power", "What could have been found", 3, tuple(_power(lookup))),
        Section("spread", "Do the seeds differ in quality?", 3, tuple(_spread(lookup))),
        Section("models", "Other models of the same data", 3, tuple(_models(lookup))),
        Section("runs", "Single runs", 3, tuple(_runs(lookup))),
        Section(
            "method",
            "Method",
            2,
            (
                table_variants(lookup),
                table_test_sets(lookup),
                Prose("parts/method_intervals.html.j2"),
                Prose("parts/method_verdicts.html.j2"),
            ),
        ),
        Section("operating", "How often the intervals are right", 3, (*operating_blocks(table), *made)),
        provenance(summary),
    ]
    return document_of("significance", "Significance", summary, sections)


def _claims(lookup: Lookup) -> Iterable[Block]:
    if names := lookup.summary.withdrawn:
        said = "; ".join(f"“{name.rstrip('.')}”" for name in names)
        gone = f"Claimed when the runs began, and no longer: {said}. A family without them is smaller."
        yield Paragraph((gone,))
    if not lookup.verdicts:
        return
    yield from present(tables.table_claims(lookup), tables.table_claim_tests(lookup))
    yield Paragraph(("In words:",))
    yield Listing(tuple((verdict.id, verdict.sentence) for verdict in lookup.verdicts))
    yield from present(tables.table_claim_cases(lookup))


def _seeds(lookup: Lookup) -> Iterable[Block]:
    yield from present(figures.figure_estimation(lookup))


def _factorial(lookup: Lookup) -> Iterable[Block]:
    yield from present(factorial_figures.figure_factorial(lookup), tables.table_factorial(lookup))
    for card in lookup.test_sets("out_of_sample"):
        if len(card.sources) > 1:
            yield from present(factorial_figures.figure_factorial_sources(lookup, card))


def _uncertainty(lookup: Lookup) -> Iterable[Block]:
    yield from present(
        uncertainty_figures.figure_split(lookup),
        uncertainty_figures.figure_intervals(lookup),
    )
    if lookup.has("bootstrap_low", "seed_t_low", "images_low"):
        yield from present(tables.table_intervals(lookup))


def _tests(lookup: Lookup) -> Iterable[Block]:
    yield from present(tables.table_tests(lookup))
    if lookup.has("cohen_dz", "cohen_d", "superiority"):
        yield from present(tables.table_sizes(lookup))


def _power(lookup: Lookup) -> Iterable[Block]:
    if lookup.has("detectable", "tost_p"):
        yield from present(uncertainty_figures.figure_power(lookup), tables.table_power(lookup))


def _spread(lookup: Lookup) -> Iterable[Block]:
    if lookup.summary.seed_spread:
        yield from present(uncertainty_figures.figure_spread(lookup), run_tables.table_spread(lookup))


def _models(lookup: Lookup) -> Iterable[Block]:
    if lookup.summary.model_checks:
        yield from present(run_tables.table_models(lookup))


def _runs(lookup: Lookup) -> Iterable[Block]:
    for card in lookup.quoted:
        yield from present(run_tables.table_runs(lookup, card), run_tables.table_run_tests(lookup, card))
