"""The document `compare`: two studies side by side, from their summaries alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from analysis.comparison import Unpaired, differing_settings, unpaired_difference
from analysis.errors import InputError
from analysis.reporting import charts
from analysis.reporting.blocks import Block, Cell, Document, Figure, Listing, Panel, Paragraph, Row, Section, Table
from analysis.reporting.charts import Mark
from analysis.reporting.composition import numbered, present
from analysis.reporting.files import write_atomically
from analysis.reporting.index import FORMATS
from analysis.reporting.lookup import Lookup
from analysis.reporting.page import draw_page
from analysis.reporting.panels import alternative, panel, percent_level, position_of
from analysis.reporting.pdf import draw_pdf
from analysis.reporting.quantities import MINUS, Kind, Number, number, quantity, value
from analysis.reporting.significance_text import difference_kind
from analysis.reporting.tables import METRICS
from analysis.sentences import outcome_of
from analysis.summary import Estimate, Summary, TestSetCard
from analysis.verdicts import Verdict

NAME = "compare"
OTHER_PATH = "not through the same path in both studies"


def build_comparison_report(
    first: Summary,
    second: Summary,
    out_dir: Path,
    formats: Sequence[str] = FORMATS,
    names: tuple[str, str] = ("A", "B"),
) -> dict[str, Path]:
    """Write `compare.html` and `compare.pdf` into `out_dir`; the same summaries give the same bytes.

    Raises:
        InputError: A format is unknown, the names are the same, or a summary holds an id twice.
        MissingLibraryError: The PDF's system library is missing; the HTML is there.
    """
    if unknown := [each for each in formats if each not in FORMATS]:
        raise InputError(f"report format {unknown[0]!r}: not known; choose from {', '.join(FORMATS)}")
    document = build_comparison(first, second, names)
    written: dict[str, Path] = {}
    for made in (each for each in FORMATS if each in formats):
        page = draw_page(document, None, "screen" if made == "html" else "print")
        data = page.encode("utf-8") if made == "html" else draw_pdf(page)
        written[f"{NAME}.{made}"] = write_atomically(Path(out_dir) / f"{NAME}.{made}", data)
    return written


def build_comparison(first: Summary, second: Summary, names: tuple[str, str] = ("A", "B")) -> Document:
    """Two studies as numbered parts: what differs, all that both estimated with its difference, claims side by side.

    Raises:
        InputError: The names are the same, or an id of a summary is not unique.
    """
    if names[0] == names[1]:
        raise InputError(f"comparison: both studies are called {names[0]!r}; give them two names")
    sides = (Lookup(first), Lookup(second))
    shared = [card for card in sides[0].quoted if card.name in {other.name for other in sides[1].quoted}]
    settings = differing_settings(first, second)
    table = _table_settings(settings, names)
    sections = [
        Section("verdict", "Verdict", 2, tuple(_verdict(sides, shared, settings, names))),
        Section("evidence", "Evidence", 2, ()),
        Section("settings", "What differs", 3, tuple(present(table)) or (Paragraph(("Nothing differs.",)),)),
        Section("results", "Results side by side", 3, tuple(_results(sides, shared, names))),
        Section("claims", "Claims side by side", 3, tuple(present(_table_claims(sides, names)))),
        Section("method", "Method", 2, (Paragraph((_method(sides[0]),)),)),
        Section("provenance", "Provenance", 2, tuple(_provenance(sides, names))),
    ]
    kept = [section for section in sections if section.blocks or section.id == "evidence"]
    title = f"{names[0]} and {names[1]}"
    question = (
        first.study.question if first.study.question == second.study.question else "What differs, and by how much?"
    )
    demo = first.study.demo or second.study.demo
    return Document(NAME, "Comparison of two studies", title, question, demo, numbered(kept))


def differences(
    sides: tuple[Lookup, Lookup], card: TestSetCard, name: str
) -> list[tuple[str, Estimate | None, Estimate | None, Unpaired]]:
    """(variant, first, second, second - first) of a quantity along each variant's own path, where that is the same."""
    found = []
    for variant in dict.fromkeys([*sides[0].variants, *sides[1].variants]):
        rows = [side.metric(name, variant, card.name) if variant in side.own_paths else None for side in sides]
        same = sides[0].own_paths.get(variant) == sides[1].own_paths.get(variant)
        levels = (sides[0].summary.confidence, sides[1].summary.confidence)
        both = all(row is not None for row in rows)
        difference = (
            unpaired_difference(rows[0], rows[1], levels) if same or not both else Unpaired(None, reason=OTHER_PATH)
        )
        found.append((variant, rows[0], rows[1], difference))
    return found


def _verdict(
    sides: tuple[Lookup, Lookup],
    shared: Sequence[TestSetCard],
    settings: Sequence[tuple[str, str, str]],
    names: tuple[str, str],
) -> Iterable[Block]:
    first, second = names
    if shared:
        told = [
            (card, variant, difference)
            for card in shared
            for variant, _, _, difference in differences(sides, card, sides[0].headline(card))
            if difference.low is not None and difference.high is not None
        ]
        apart = [each for each in told if not (each[2].low or 0) <= 0 <= (each[2].high or 0)]
        named = "; ".join(f"{variant} on {card.name}" for card, variant, _ in apart)
        lead = (
            f"Of {len(told)} headline results that both have, {len(apart)} differ by more than their unpaired interval"
        )
        yield Paragraph((f"{lead}{f': {named}' if named else ''}.",), lead=True)
    else:
        yield Paragraph((f"{first} and {second} share no test set: nothing can be subtracted.",), lead=True)
    outcomes = _claims(sides)
    moved = [key for key, found in outcomes.items() if all(found) and len({each.outcome for each in found if each}) > 1]
    common = [key for key, found in outcomes.items() if all(found)]
    if common:
        what = f": {', '.join(moved)}" if moved else ""
        yield Paragraph(
            (f"Of {len(common)} claims that both declare, {len(moved)} have another outcome{what}.",), lead=True
        )
    differ = f"{len(settings)} setting{'s differ' if len(settings) != 1 else ' differs'}; see the table."
    yield Paragraph((differ if settings else "No setting differs.",), lead=True)
    if shared:
        yield from present(_figure(sides, shared, names))


def _results(sides: tuple[Lookup, Lookup], shared: Sequence[TestSetCard], names: tuple[str, str]) -> Iterable[Block]:
    for card in shared:
        yield from present(_table_results(sides, card, names))
    for side, other, name in zip(sides, reversed(sides), names, strict=True):
        alone = [card.name for card in side.quoted if card.name not in {each.name for each in other.quoted}]
        if alone:
            yield Paragraph((f"In {name} alone: {', '.join(alone)}.",))


def _difference(row_id: str, difference: Unpaired, kind: Kind) -> Number:
    limits = (difference.low, difference.high)
    return value(f"{row_id}/unpaired", difference.estimate, kind, limits, reason=difference.reason)


def _figure(sides: tuple[Lookup, Lookup], shared: Sequence[TestSetCard], names: tuple[str, str]) -> Figure:
    figure_id = "figure-compare"
    panels: list[Panel] = []
    seeds = [len(side.summary.study.seeds) for side in sides]
    for card in shared:
        name = sides[0].headline(card)
        marks = [
            Mark(variant, variant, _difference(f"{name}/{variant}/{card.name}", difference, difference_kind(name)))
            for variant, _, _, difference in differences(sides, card, name)
        ]
        head = f"{card.name}: {quantity(name).label}"
        chart = charts.draw_estimates(marks, scale="percent", title="difference, percentage points", zero=True)
        panels.append(panel(figure_id, len(panels), head, chart, alternative(f"Difference, {head}", marks)))
    caption = (
        f"{names[1]} minus {names[0]}, each variant along its own path; right of the dashed line {names[1]} is higher. "
        f"n = {seeds[1]} and {seeds[0]} seeds. Bars: {percent_level(sides[0])} intervals over seeds and images, "
        "crossed, unpaired: as if seeds and images of the two had nothing in common. Not adjusted for their number."
    )
    return Figure(figure_id, f"{names[1]} minus {names[0]}", tuple(panels), (caption,))


def _table_settings(settings: Sequence[tuple[str, str, str]], names: tuple[str, str]) -> Table:
    rows = tuple(Row((name,), (Cell(one), Cell(two))) for name, one, two in settings)
    caption = "Settings, data and versions that are not the same in both. Claims stand below."
    return Table("table-settings", "What differs", ("setting",), names, rows, (caption,))


def _table_results(sides: tuple[Lookup, Lookup], card: TestSetCard, names: tuple[str, str]) -> Table:
    rows = []
    for name in METRICS:
        found = differences(sides, card, name)
        if all(one is None and two is None for _, one, two, _ in found):
            continue
        for variant, one, two, difference in found:
            row_id = f"{name}/{variant}/{card.name}"
            kind: Kind = "percent" if quantity(name).proportion else "plain"
            shown = [
                replace(number(row, kind=kind, absent=row_id), id=f"{row_id}/{side}")
                for row, side in ((one, "first"), (two, "second"))
            ]
            unpaired = _difference(row_id, difference, difference_kind(name))
            unit = ", %" if quantity(name).proportion else ""
            rows.append(Row((f"{quantity(name).label}{unit}", variant), (*map(Cell, shown), Cell(unpaired))))
    counts = [
        f"{len(side.summary.study.seeds)} seeds × {found.n_real + found.n_synthetic:,} images ({name})"
        for side, name in zip(sides, names, strict=True)
        for found in side.quoted
        if found.name == card.name
    ]
    caption = (
        "Each variant along its own path. Differences of proportions in percentage points. "
        f"n = {' and '.join(counts)}. In brackets: {percent_level(sides[0])} intervals over seeds and images, crossed; "
        "those of differences are unpaired, as of independent runs, and not adjusted for their number."
    )
    return Table(
        f"table-compare-{position_of(sides[0], card)}",
        f"Results on {card.name}",
        ("quantity", "variant"),
        (names[0], names[1], f"{names[1]} {MINUS} {names[0]}"),
        tuple(rows),
        (caption,),
        grouped=True,
    )


def _claims(sides: tuple[Lookup, Lookup]) -> dict[str, tuple[Verdict | None, Verdict | None]]:
    held = [{verdict.id: verdict for verdict in side.verdicts} for side in sides]
    return {key: (held[0].get(key), held[1].get(key)) for key in dict.fromkeys([*held[0], *held[1]])}


def _table_claims(sides: tuple[Lookup, Lookup], names: tuple[str, str]) -> Table:
    rows = []
    for key, found in _claims(sides).items():
        said = list(dict.fromkeys(each.says for each in found if each is not None))
        cells = [Cell("not declared" if each is None else outcome_of(each)) for each in found]
        rows.append(Row((key,), (Cell(" / ".join(said)), *cells)))
    caption = (
        "Outcomes after Holm’s correction within each study’s own families, at its own α, bounds and margins. "
        "Two studies may differ in what they decide without differing in what they found."
    )
    return Table("table-claims", "Claims and outcomes", ("claim",), ("says", *names), tuple(rows), (caption,))


def _method(lookup: Lookup) -> str:
    return (
        "Nothing is paired here: the documents of each study compare its variants seed by seed and image by image, "
        "while these are two studies, with seeds and nets of their own. The standard error of a difference is the root "
        "of the sum of both squared standard errors (each the quoted half-width over its quantile of Student’s t), and "
        f"its {percent_level(lookup)} interval uses the smaller of both degrees of freedom. Where both studies tested "
        "the same images, what these have in common is counted twice, so that the interval is rather too wide."
    )


def _provenance(sides: tuple[Lookup, Lookup], names: tuple[str, str]) -> Iterable[Block]:
    for side, name in zip(sides, names, strict=True):
        facts = side.summary.provenance
        yield Paragraph((f"{name}: {side.summary.study.title}",))
        yield Listing((("command", facts.command), *facts.data_hashes), code=True)
        if facts.facts:
            yield Listing(facts.facts)
