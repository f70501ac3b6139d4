"""The significance report: what stands in it, and that it is built of little, too."""

from __future__ import annotations

import json
import re

import pytest
from page_parser import Page

from analysis.reporting.blocks import Block, Document, Figure, Listing, Paragraph, Table
from analysis.reporting.significance_document import build_significance
from analysis.summary import StudyCard, Summary, VariantCard


@pytest.fixture(scope="module")
def document(summary: Summary) -> Document:
    return build_significance(summary)


def blocks(document: Document) -> dict[str, Block]:
    return {
        block.id: block
        for section in document.sections
        for block in section.blocks
        if isinstance(block, Figure | Table)
    }


def test_every_part_of_the_comparison_is_there(document: Document) -> None:
    """Claims, seeds, factorial, equivalence, variance, intervals, tests, power, spread, models and runs are shown."""
    figures = [name for name, block in blocks(document).items() if isinstance(block, Figure)]
    assert figures == [
        "figure-claims",
        "figure-estimation",
        "figure-factorial",
        "figure-factorial-sources-2",
        "figure-equivalence",
        "figure-split",
        "figure-intervals",
        "figure-power",
        "figure-spread",
    ]
    tables = {name for name, block in blocks(document).items() if isinstance(block, Table)}
    assert tables >= {
        "table-claims",
        "table-claim-tests",
        "table-claim-cases",
        "table-factorial",
        "table-tests",
        "table-sizes",
        "table-intervals",
        "table-power",
        "table-spread",
        "table-models",
        "table-runs-1",
        "table-run-tests-2",
    }


def test_parts_are_numbered_in_the_order_of_reading(document: Document) -> None:
    """Figures and tables count from one, each on its own."""
    for kind in (Figure, Table):
        numbers = [block.number for block in blocks(document).values() if isinstance(block, kind)]
        assert numbers == list(range(1, len(numbers) + 1))


def test_sentences_of_verdicts_are_the_verdicts_own(document: Document, summary: Summary) -> None:
    """What a claim's outcome is in words is printed as the statistics made it."""
    listings = [b.pairs for s in document.sections if s.id == "claims" for b in s.blocks if isinstance(b, Listing)]
    assert listings == [tuple((verdict.id, verdict.sentence) for verdict in summary.verdicts)]


def test_withdrawn_claims_are_named(document: Document) -> None:
    """A claim that is no longer made is said, since its family is smaller without it."""
    texts = [str(b) for s in document.sections for b in s.blocks if isinstance(b, Paragraph)]
    assert any("no longer: “Augmentation helps out of sample”." in text for text in texts)


def test_without_claims_the_differences_stand_first(summary: Summary) -> None:
    """A study that declares nothing still has a report, which says that nothing is decided."""
    document = build_significance(summary.model_copy(update={"verdicts": (), "withdrawn": ()}))
    first = document.sections[0]
    assert "declares no claims" in str(first.blocks[0])
    assert [block.id for block in first.blocks if isinstance(block, Figure)] == ["figure-differences"]
    assert "claims" not in [section.id for section in document.sections]


def test_one_seed_makes_a_report(summary: Summary) -> None:
    """With one seed nothing over seeds is defined; the report says so and is built."""
    gone = {"low": None, "high": None, "p": None, "p_holm": None, "tost_p": None, "detectable": None, "n_seeds": 1}
    more = dict.fromkeys(("images", "seed_t", "bootstrap", "tost"))
    gone |= {f"{name}_{side}": None for name in more for side in ("low", "high")}
    one = {
        name: tuple(
            row.model_copy(update=gone | {"reason": "fewer than three seeds"}) for row in getattr(summary, name)
        )
        for name in ("contrasts", "factorial")
    }
    seeds = tuple(row for row in summary.seed_values if row.seed == 0)
    study = summary.study.model_copy(update={"seeds": (0,)})
    document = build_significance(
        summary.model_copy(update=one | {"seed_values": seeds, "study": study, "seed_spread": ()})
    )
    table = blocks(document)["table-tests"]
    assert isinstance(table, Table)
    assert "fewer than three seeds" in table.reasons
    assert "figure-intervals" not in blocks(document)


def test_two_variants_make_a_report(summary: Summary) -> None:
    """Without some variants there is no factorial, and no empty table in its place."""
    kept = ("baseline", "autoencoder")
    cards = tuple(card for card in summary.study.variants if card.name in kept)
    study: StudyCard = summary.study.model_copy(update={"variants": cards})
    two = summary.model_copy(
        update={
            "study": study,
            "contrasts": tuple(row for row in summary.contrasts if {row.variant, row.versus} == set(kept)),
            "factorial": (),
            "model_checks": (),
            "verdicts": (),
            "seed_spread": tuple(row for row in summary.seed_spread if row.variant in kept),
        }
    )
    made = build_significance(two)
    assert "factorial" not in [section.id for section in made.sections]
    assert all(isinstance(card, VariantCard) for card in cards)
    names = blocks(made)
    assert "figure-estimation" in names
    assert "figure-factorial" not in names


@pytest.mark.slow
def test_seeds_are_all_drawn(pages: dict[str, Page], summary: Summary) -> None:
    """Every seed of every variant is a mark, with its exact value, and each difference has that of every seed."""
    specs = pages["significance"].chart_data["specs"]
    drawn = {
        (row["label"], row["seed"], row["value"])
        for rows in specs["figure-estimation-1"]["datasets"].values()
        for row in rows
        if "seed" in row
    }
    values = {
        (row.variant, str(row.seed), row.value)
        for row in summary.seed_values
        if (row.quantity, row.test_set, row.source) == ("accuracy", "test", None)
        and row.path == {"baseline": "none", "autoencoder": "autoencode"}.get(row.variant, row.variant)
    }
    assert drawn == values
    by_seed = {(variant, seed): value for variant, seed, value in values}
    differences = {
        (row["label"], row["seed"]): row["value"]
        for rows in specs["figure-estimation-2"]["datasets"].values()
        for row in rows
        if "seed" in row
    }
    assert len(differences) == 3 * len(summary.study.seeds)
    for (variant, seed), value in differences.items():
        base = by_seed["baseline", seed]
        assert value == by_seed[variant, seed] - base


@pytest.mark.slow
def test_no_number_of_the_page_is_nan(pages: dict[str, Page]) -> None:
    """Neither the text nor the charts hold a NaN or an infinity."""
    page = pages["significance"]
    assert not re.findall(r"\b(nan|inf|None)\b", page.text)
    assert "NaN" not in json.dumps(page.chart_data)
