"""The comparison of two studies as a document."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from page_parser import parse

from analysis.comparison import unpaired_difference
from analysis.errors import InputError
from analysis.reporting.compare_document import build_comparison, build_comparison_report
from analysis.reporting.lookup import Lookup
from analysis.summary import Summary


@pytest.fixture(scope="module")
def other(summary: Summary) -> Summary:
    """The same study with other accuracies of one variant, another outcome, and without one variant and claim."""
    moved = tuple(
        row.model_copy(update={"estimate": 0.95, "low": 0.94, "high": 0.96})
        if (row.quantity, row.variant, row.test_set, row.source) == ("accuracy", "augment", "test", None)
        else row
        for row in summary.metrics
        if row.variant != "both"
    )
    first, *rest = summary.verdicts[:-1]
    flipped = "contradicted" if first.outcome != "contradicted" else "supported"
    cards = tuple(card for card in summary.study.variants if card.name != "both")
    return summary.model_copy(
        update={
            "metrics": moved,
            "verdicts": (first.model_copy(update={"outcome": flipped}), *rest),
            "study": summary.study.model_copy(update={"variants": cards}),
        }
    )


def test_every_difference_is_that_of_both_estimates(summary: Summary, other: Summary, tmp_path: Path) -> None:
    """Estimates of both and their unpaired difference stand in one row, computed again from the summaries."""
    files = build_comparison_report(summary, other, tmp_path, ("html",), ("left", "right"))
    assert list(files) == ["compare.html"]
    page = parse(files["compare.html"].read_text(encoding="utf-8"))
    shown = {number.id: number.text.replace("\u00a0", " ") for number in page.numbers}
    rows = [Lookup(side).metric("accuracy", "augment", "test") for side in (summary, other)]
    difference = unpaired_difference(*rows)
    assert rows[0] is not None
    assert rows[0].estimate is not None
    assert difference.estimate is not None
    assert difference.low is not None
    assert shown["accuracy/augment/test/first"].startswith(f"{100 * rows[0].estimate:.1f}")
    assert shown["accuracy/augment/test/second"] == "95.0 [94.0, 96.0]"
    found = re.findall(r"−?\d+\.\d+", shown["accuracy/augment/test/unpaired"])
    assert [float(each.replace("−", "-")) for each in found[:2]] == pytest.approx(
        [100 * difference.estimate, 100 * difference.low], abs=0.051
    )
    assert shown["accuracy/both/test/second"].startswith("–")
    assert shown["accuracy/both/test/unpaired"].startswith("–")
    assert "unpaired" in page.text
    assert all(address.startswith(("#", "data:")) for address in page.addresses)
    assert page.unscoped_headers == 0
    assert len(page.ids) == len(set(page.ids))


def test_claims_stand_side_by_side(summary: Summary, other: Summary) -> None:
    """The first page counts outcomes that differ, and the table names what one study does not declare."""
    document = build_comparison(summary, other, ("left", "right"))
    verdict = " ".join(str(block) for block in document.sections[0].blocks[:3])
    common = len(summary.verdicts) - 1
    assert f"Of {common} claims that both declare, 1 have another outcome: {summary.verdicts[0].id}." in verdict
    (table,) = (block for section in document.sections if section.id == "claims" for block in section.blocks)
    cells = {row.heads[0]: [cell.content for cell in row.cells[1:]] for row in table.rows}  # type: ignore[union-attr]
    assert cells[summary.verdicts[-1].id][1] == "not declared"
    assert cells[summary.verdicts[0].id][0] != cells[summary.verdicts[0].id][1]


def test_a_study_beside_itself_differs_in_nothing(summary: Summary) -> None:
    """All differences are 0, no outcome is another, and no setting differs."""
    document = build_comparison(summary, summary, ("left", "right"))
    words = [str(block) for block in document.sections[0].blocks[:3]]
    assert re.search(r"Of \d+ headline results that both have, 0 differ", words[0])
    assert ", 0 have another outcome." in words[1]
    assert words[2].startswith("No setting differs.")


def test_studies_without_a_common_test_set_are_still_compared(summary: Summary) -> None:
    """What only one has is named, nothing is subtracted."""
    cards = tuple(card.model_copy(update={"name": f"{card.name}-new"}) for card in summary.study.test_sets)
    strange = summary.model_copy(update={"study": summary.study.model_copy(update={"test_sets": cards})})
    document = build_comparison(summary, strange, ("left", "right"))
    assert "left and right share no test set" in str(document.sections[0].blocks[0])
    words = " ".join(str(block) for section in document.sections for block in section.blocks)
    assert "In left alone: test" in words
    assert "In right alone: test-new" in words
    assert not document.figures


def test_other_paths_are_not_subtracted(summary: Summary) -> None:
    """A variant that went another way in the second study has two estimates and no difference."""
    cards = tuple(
        card.model_copy(update={"path": "none"}) if card.name == "augment" else card for card in summary.study.variants
    )
    other = summary.model_copy(update={"study": summary.study.model_copy(update={"variants": cards})})
    document = build_comparison(summary, other, ("left", "right"))
    (table, _) = (block for section in document.sections if section.id == "results" for block in section.blocks)
    assert "not through the same path in both studies" in table.reasons  # type: ignore[union-attr]


def test_both_formats_are_the_same_bytes_again(summary: Summary, other: Summary, tmp_path: Path) -> None:
    """HTML and PDF are written, twice the same."""
    files = [build_comparison_report(summary, other, tmp_path / name, names=("l", "r")) for name in ("one", "two")]
    assert list(files[0]) == ["compare.html", "compare.pdf"]
    for name, path in files[0].items():
        assert path.read_bytes() == files[1][name].read_bytes()


def test_what_is_unknown_is_refused(summary: Summary, tmp_path: Path) -> None:
    """Two studies of one name cannot be told apart, and a format must be known."""
    with pytest.raises(InputError, match="give them two names"):
        build_comparison(summary, summary, ("left", "left"))
    with pytest.raises(InputError, match="'docx': not known"):
        build_comparison_report(summary, summary, tmp_path, ("docx",))
