"""The documents by name."""

from __future__ import annotations

import pytest

from analysis.reporting import Examples
from analysis.reporting.documents import DOCUMENTS
from analysis.summary import Summary


@pytest.mark.parametrize("name", list(DOCUMENTS))
def test_a_document_is_called_as_its_files(summary: Summary, name: str) -> None:
    """Name and label agree, and each begins with the verdict and ends with where it comes from."""
    made = DOCUMENTS[name].build(summary, Examples(seed=0))
    assert (made.name, made.label) == (name, DOCUMENTS[name].label)
    assert made.title == summary.study.title
    assert [made.sections[0].id, made.sections[-1].id] == ["verdict", "provenance"]
    ids = [section.id for section in made.sections]
    assert ids.index("evidence") < ids.index("method") < ids.index("provenance")
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("name", list(DOCUMENTS))
def test_warnings_stand_before_every_verdict(summary: Summary, name: str) -> None:
    """What a reader must know first, as that a classifier learnt nothing, is the first paragraph of each."""
    warned = summary.model_copy(update={"warnings": ("Learnt nothing: blur.",)})
    made = DOCUMENTS[name].build(warned, Examples(seed=0))
    assert str(made.sections[0].blocks[0]) == "Read first. Learnt nothing: blur."
