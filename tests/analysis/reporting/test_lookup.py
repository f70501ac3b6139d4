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


def test_a_part_of_a_test_set_does_not_pass_for_the_whole(summary: Summary) -> None:
    """A dispersion contrast of a subset is not found in the place of the whole test set's."""
    whole = summary.dispersion_contrasts[0]
    part = whole.model_copy(update={"subset": "wrong", "estimate": 9.0})
    lookup = Lookup(summary.model_copy(update={"dispersion_contrasts": (part, *summary.dispersion_contrasts)}))
    assert lookup.dispersion_contrast(whole.quantity, whole.variant, whole.test_set, whole.path) == whole


def test_a_test_set_is_called_without_its_pixels_where_that_is_enough(summary: Summary) -> None:
    """The part behind `@` is left out unless two test sets differ in it alone."""
    lookup = Lookup(summary)
    far = lookup.test_sets("out_of_sample")[0]
    assert lookup.called(far.name) == "out-of-sample"
    other = far.model_copy(update={"name": "out-of-sample@box"})
    study = summary.study.model_copy(update={"test_sets": (*summary.study.test_sets, other)})
    assert Lookup(summary.model_copy(update={"study": study})).called(far.name) == far.name


def test_pairs_and_effects_are_found_by_name(summary: Summary) -> None:
    """Any two variants have their difference, and each factorial effect its row; a source's is another."""
    lookup = Lookup(summary)
    found = lookup.pair("accuracy", "both", "autoencoder", "test")
    assert found is not None
    assert found.id == "accuracy/both-vs-autoencoder/test/own"
    assert lookup.pair("accuracy", "autoencoder", "both", "test") is None
    effect = lookup.effect("accuracy", "factorial-interaction", "test")
    assert effect is not None
    assert effect.source is None
    assert lookup.effect("accuracy", "factorial-interaction", "nowhere") is None
    assert lookup.has("tost_p")
    assert not Lookup(summary.model_copy(update={"contrasts": ()})).has("tost_p")


def test_places_of_nulls_are_not_places_of_trained_maps(summary: Summary) -> None:
    """`wheres` names methods and points, never `<point>~<state>`."""
    lookup = Lookup(summary)
    assert any("~" in row.path for row in summary.dispersion)
    assert lookup.wheres("test") == ("saliency.image", "saliency.classifier_input", "occlusion.image")
