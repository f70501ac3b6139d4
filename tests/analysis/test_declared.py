from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from made_up_claims import claim

from analysis.build import build_summary
from analysis.claims import Claim
from analysis.declared import NOT_ON_RECORD, Declared, changes_since, declared_of, withdrawn
from analysis.summary import Role, Summary

Study = Callable[..., dict[str, Any]]


@pytest.mark.parametrize(
    ("start", "alphas", "changed"),
    [
        (None, (0.05, None), None),
        (None, (0.05, 0.1), "alpha 0.1 when the runs began, 0.05 now"),
        ([], (0.05, 0.1), "declared after the runs began; alpha 0.1 when the runs began, 0.05 now"),
        ([], (None, None), "declared after the runs began"),
        ([claim(id="two")], (None, None), "declared after the runs began"),
        ([claim()], (0.05, None), None),
        ([claim()], (0.05, 0.1), "alpha 0.1 when the runs began, 0.05 now"),
        (
            [claim(kind="above", versus=None, bound=0.8, variants=("augment", "both"))],
            (0.05, 0.05),
            (
                "kind above when the runs began, greater now; variants augment, both when the runs began, augment "
                "now; versus none when the runs began, baseline now; bound 0.8 when the runs began, none now"
            ),
        ),
        (
            [claim(says="Another thing.")],
            (0.05, 0.05),
            "says “Another thing.” when the runs began, “Something holds.” now",
        ),
    ],
)
def test_what_changed(
    start: list[Claim] | None, alphas: tuple[float | None, float | None], changed: str | None
) -> None:
    """Every part of a claim is compared with the record, and no record is no comparison."""
    now, then = alphas
    assert changes_since(claim(), Declared(start, alpha=then), alpha=now) == changed


@pytest.mark.parametrize(
    ("then", "filed", "changed"),
    [
        (0.99, 0.9, "confidence 0.99 when the runs began, 0.9 in the study file, 0.95 now"),
        (0.99, 0.95, "confidence 0.99 when the runs began, 0.95 now"),
        (0.95, 0.9, "confidence 0.9 in the study file, 0.95 now"),
        (None, 0.95, None),
        (0.95, None, None),
    ],
)
def test_coverage_is_compared_with_both_records(then: float | None, filed: float | None, changed: str | None) -> None:
    """The coverage of intervals is told like α; where it is not asked for, or not on record, nothing is."""
    records = Declared([claim()], confidence=then), Declared([claim()], confidence=filed)
    assert changes_since(claim(), *records, confidence=0.95) == changed
    assert changes_since(claim(), *records) is None


def test_what_is_not_on_record_is_none() -> None:
    """A record that says nothing has no claim and no margin, nor has one that says it of something else."""
    told = Declared([claim()], margins={"in_sample": 0.01})
    assert (told.claim("one"), told.margin("in_sample")) == (claim(), 0.01)
    assert (told.claim("two"), told.margin("out_of_sample")) == (None, None)
    assert (NOT_ON_RECORD.claim("one"), NOT_ON_RECORD.margin("in_sample")) == (None, None)


def test_the_first_record_that_differs_is_what_was_declared() -> None:
    """A value that both records have, or none has, is not changed; else the earlier one that differs counts."""
    assert declared_of(0.2, 0.01, 0.05) == 0.01
    assert declared_of(0.05, 0.01, 0.05) == 0.01
    assert declared_of(0.05, None, 0.05) == 0.05
    assert declared_of(0.05) is None
    assert declared_of(None, 0.01) == 0.01


def test_withdrawn_claims() -> None:
    """A claim that was dropped after the runs began is found, and none without a record."""
    assert withdrawn([claim(id="two")], Declared([claim(), claim(id="two", family="x")])) == (claim(),)
    assert withdrawn([claim(id="two")], NOT_ON_RECORD) == ()


def test_what_changed_since_the_start_is_told(full_summary: Summary) -> None:
    """Another margin than when the runs began stands in the verdict, and a claim that is gone in the summary."""
    changes = {verdict.id: (verdict.margin_declared, verdict.changed) for verdict in full_summary.verdicts}
    assert changes["preserved"] == (0.1, "margin 0.1 when the runs began, 0.2 now")
    assert changes["falls"] == (None, None)
    assert full_summary.withdrawn == ("It was said once.",)


def test_what_was_declared_stands_beside_what_was_used(small_study: Study) -> None:
    """Margins by role and levels are recorded as they were declared, too."""
    filed = Declared(alpha=0.05, confidence=0.9, margins={"in_sample": 0.01, "out_of_sample": 0.05})
    made = build_summary(**small_study(), margins={"in_sample": 0.1}, alpha=0.1, in_study=filed)
    assert [(m.role, m.margin, m.declared, m.changed) for m in made.margins] == [("in_sample", 0.1, 0.01, True)]
    assert (made.alpha, made.alpha_declared) == (0.1, 0.05)
    assert (made.confidence, made.confidence_declared) == (0.95, 0.9)


def test_a_study_file_that_was_changed_hides_nothing(small_study: Study) -> None:
    """Where the study file has what is used and the record of the start has not, the latter is what was declared."""
    began = Declared(alpha=0.05, confidence=0.99, margins={"in_sample": 0.02})
    filed = Declared(alpha=0.1, confidence=0.95, margins={"in_sample": 0.1, "out_of_sample": 0.2})
    margins: dict[Role, float] = {"in_sample": 0.1, "out_of_sample": 0.2}
    made = build_summary(**small_study(), margins=margins, alpha=0.1, at_start=began, in_study=filed)
    assert [(m.role, m.declared, m.changed) for m in made.margins] == [
        ("in_sample", 0.02, True),
        ("out_of_sample", 0.2, False),
    ]
    assert (made.alpha_declared, made.confidence_declared) == (0.05, 0.99)
