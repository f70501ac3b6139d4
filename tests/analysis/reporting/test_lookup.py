"""Finding estimates."""

from __future__ import annotations

import pytest

from analysis.errors import InputError
from analysis.reporting.lookup import Lookup
from analysis.summary import Summary


def test_own_path_is_the_default(summary: Summary) -> None:
    """Without a path, a variant is looked up along its own."""
    row = Lookup(summary).metric("accuracy", "autoencoder", "test")
    assert row is not None
    assert row.id == "accuracy/autoencoder/test/autoencode"


def test_absent_rows_are_none(summary: Summary) -> None:
    """What the summary does not hold is None."""
    lookup = Lookup(summary)
    assert lookup.metric("f1", "both", "test") is None
    assert lookup.contrast("accuracy", "baseline", "test") is None


def test_an_id_that_occurs_twice_is_refused(summary: Summary) -> None:
    """Two numbers under one id cannot both be right."""
    twice = summary.model_copy(update={"metrics": (*summary.metrics, summary.metrics[0])})
    with pytest.raises(InputError, match="accuracy/baseline/validation/none' occurs twice"):
        Lookup(twice).metric("accuracy", "both", "test")


def test_validation_is_never_quoted(summary: Summary) -> None:
    """Quoted are the in-sample and then the out-of-sample sets."""
    assert [card.role for card in Lookup(summary).quoted] == ["in_sample", "out_of_sample"]


def test_headline_is_balanced_out_of_sample(summary: Summary) -> None:
    """Accuracy in-sample, balanced accuracy out-of-sample, and the other one where that is undefined."""
    lookup = Lookup(summary)
    inside, outside = lookup.quoted
    assert (lookup.headline(inside), lookup.headline(outside)) == ("accuracy", "balanced_accuracy")
    rest = tuple(row for row in summary.metrics if row.quantity != "balanced_accuracy")
    assert Lookup(summary.model_copy(update={"metrics": rest})).headline(outside) == "accuracy"


def test_seeds_come_in_order(summary: Summary) -> None:
    """The points behind an estimate are sorted by seed."""
    turned = summary.model_copy(update={"seed_values": tuple(reversed(summary.seed_values))})
    rows = Lookup(turned).seeds("accuracy", "both", "test", "both")
    assert [row.seed for row in rows] == [0, 1, 2]
