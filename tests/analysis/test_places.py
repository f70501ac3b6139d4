from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from analysis.contrasts import metric_contrast
from analysis.errors import InputError
from analysis.estimates import Undefined
from analysis.frames import Decisions, PredictionIndex, index_predictions
from analysis.intervals import CrossedInterval, crossed_interval
from analysis.metrics import BASIC_QUANTITIES, METRICS, QUANTITIES, Quantity, strata, validation_threshold
from analysis.places import (
    NO_VALIDATION,
    SAME_IMAGES,
    Place,
    places_of,
    quantities_of,
    threshold_for,
    thresholds,
)
from analysis.summary import SourceCard, TestSetCard

CARD = TestSetCard(
    name="set",
    role="out_of_sample",
    n_real=30,
    n_synthetic=20,
    pipeline="",
    sources=(
        SourceCard(name="photos", n_real=15, n_synthetic=0),
        SourceCard(name="mixture", n_real=15, n_synthetic=20),
        SourceCard(name="gone", n_real=0, n_synthetic=0),
    ),
)
LABELS = np.array([0] * 30 + [1] * 20, dtype=np.int8)
SOURCES = np.array(["photos"] * 15 + ["mixture"] * 35, dtype=object)
CUTS = np.array([0.4, -0.2, 0.1])


def decisions(variant: str = "one", number: int = 0) -> Decisions:
    logits = np.random.default_rng(number).normal(size=(3, 50)) + LABELS
    ids = np.array([f"{i:02d}" for i in range(50)], dtype=object)
    return Decisions(variant, "none", "set", logits, LABELS, SOURCES, ids, (0, 1, 2))


def whole(one: Decisions, threshold: NDArray[np.float64] | str = CUTS) -> Place:
    return next(places_of(one, CARD, QUANTITIES, threshold))


def test_the_whole_set_comes_first_and_then_its_sources() -> None:
    """There is one place for the set and one for each source of the card, each with its own images."""
    found = list(places_of(decisions(), CARD, BASIC_QUANTITIES))
    assert [(place.source, len(place.labels)) for place in found] == [
        (None, 50),
        ("photos", 15),
        ("mixture", 35),
        ("gone", 0),
    ]
    assert all(place.quantities == BASIC_QUANTITIES for place in found)
    assert (found[2].logits == decisions().logits[:, 15:]).all()


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_intervals_and_seeds_are_those_of_the_metric(quantity: Quantity) -> None:
    """A place's interval is the crossed one of the metric's strata at its threshold, its seeds are the metric's."""
    one = decisions()
    place = whole(one)
    cut = CUTS if quantity.endswith("_validated") else 0.0
    expected = crossed_interval(strata(quantity, one.logits, LABELS, cut), 0.9)
    result = place.interval(quantity, 0.9)
    assert isinstance(result, CrossedInterval)
    assert (result.low, result.high, result.df) == (expected.low, expected.high, expected.df)
    assert result.n_images == {"recall": 20, "specificity": 30}.get(quantity, 50)
    values, reason = place.per_seed(quantity)
    assert values == pytest.approx(expected.per_seed, rel=1e-12)
    assert reason is None
    shifted = METRICS[quantity](one.logits - np.broadcast_to(cut, 3)[:, None], LABELS)
    if quantity.startswith(("accuracy", "balanced")):
        assert values == shifted.tolist()


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_contrasts_are_paired(quantity: Quantity) -> None:
    """A contrast of places is the paired contrast of their logits, each at its own threshold."""
    one, two = decisions("one", 1), decisions("two", 2)
    cuts = (CUTS, CUTS[::-1]) if quantity.endswith("_validated") else (0.0, 0.0)
    result = whole(one).contrast(whole(two, CUTS[::-1]), quantity, 0.95)
    expected = metric_contrast(quantity, one.logits, two.logits, LABELS, threshold=cuts[0], baseline_threshold=cuts[1])
    assert result == expected


def test_one_class_and_no_images_have_reasons() -> None:
    """A source of real images has a specificity alone, one without images has nothing, and both say why."""
    _, photos, _, gone = places_of(decisions(), CARD, QUANTITIES, CUTS)
    for quantity in QUANTITIES:
        outcome = photos.interval(quantity, 0.95)
        assert isinstance(outcome, Undefined) == (quantity != "specificity")
        empty = gone.interval(quantity, 0.95)
        assert isinstance(empty, Undefined)
        assert (empty.n_images, empty.n_seeds) == (0, 3)
        assert gone.per_seed(quantity) == (None, empty.reason)
        assert gone.contrast(gone, quantity, 0.95) == empty
    assert isinstance(photos.strata["recall"], Undefined)
    assert photos.strata["recall"].n_images == 0


def test_without_thresholds_the_validated_metrics_have_the_reason() -> None:
    """The reason why no threshold was fixed is that of the metrics that need it."""
    place = whole(decisions(), NO_VALIDATION)
    for quantity in QUANTITIES:
        outcome = place.interval(quantity, 0.95)
        if quantity.endswith("_validated"):
            assert outcome == Undefined("no validation images", 3, 50)
        else:
            assert isinstance(outcome, CrossedInterval)


def test_a_contrast_names_the_variant_that_leaves_it_undefined() -> None:
    """One side's reason carries its variant's name, two different reasons carry both, the same reason stands alone."""
    fine, stuck, shy = decisions("fine"), decisions("stuck"), decisions("shy", 1)
    stuck = Decisions(**{**vars(stuck), "logits": np.ones((3, 50))})
    shy = Decisions(**{**vars(shy), "logits": -np.abs(shy.logits)})

    def reason(one: Decisions, two: Decisions, quantity: Quantity) -> str | None:
        return getattr(whole(one).contrast(whole(two), quantity, 0.95), "reason", None)

    nothing, everything = (
        "nothing called synthetic: MCC is not defined",
        "everything called synthetic: MCC is not defined",
    )
    assert reason(fine, stuck, "auc") == "stuck: constant predictions: AUC is not defined"
    assert reason(stuck, fine, "mcc") == f"stuck: {everything}"
    assert reason(shy, stuck, "mcc") == f"shy: {nothing}; stuck: {everything}"
    assert reason(shy, shy, "mcc") == nothing
    assert isinstance(whole(fine).contrast(whole(shy), "auc", 0.95), CrossedInterval)


def test_places_of_other_images_are_not_paired() -> None:
    """A contrast of different sources is refused."""
    one, _, other, _ = places_of(decisions(), CARD, BASIC_QUANTITIES)
    with pytest.raises(InputError, match="paired difference"):
        one.contrast(other, "accuracy", 0.95)


def test_other_paths_have_the_basic_metrics() -> None:
    """All metrics are given along a variant's own path, the basic ones along others."""
    assert quantities_of("none", "none") == QUANTITIES
    assert quantities_of("augment", "none") == BASIC_QUANTITIES


def test_the_validation_set_is_not_judged_at_its_own_threshold() -> None:
    """The threshold holds for all test sets but those that fixed it; without one its reason stays."""
    validation = CARD.model_copy(update={"role": "validation"})
    assert threshold_for(validation, CUTS) == SAME_IMAGES
    assert threshold_for(validation, NO_VALIDATION) == NO_VALIDATION
    assert threshold_for(CARD, CUTS) is CUTS


Study = Callable[..., dict[str, Any]]


def indexed(inputs: dict[str, Any]) -> PredictionIndex:
    return index_predictions(inputs["predictions"], inputs["images"])


def test_thresholds_are_fixed_on_all_validation_sets_together(small_study: Study) -> None:
    """Where two test sets have the role validation, their images fix one threshold a seed."""
    inputs = small_study()
    study = inputs["study"]
    cards = tuple(
        card.model_copy(update={"role": "validation"}) if card.name == "inside" else card for card in study.test_sets
    )
    index = indexed(inputs)
    found = thresholds(index, study.model_copy(update={"test_sets": cards}))
    for variant in study.variants:
        seen = [index.decisions(variant.name, variant.path, name) for name in ("inside", "held-out")]
        expected = validation_threshold(
            np.concatenate([s.logits for s in seen], axis=1), np.concatenate([s.labels for s in seen])
        )
        assert np.asarray(found[variant.name]).tolist() == expected.tolist()


def test_validation_of_one_class_fixes_nothing(small_study: Study) -> None:
    """Without real validation images the reason says so."""
    inputs = small_study()
    images = inputs["images"].query("test_set != 'held-out' or label == 1")
    kept = inputs["predictions"].merge(images[["test_set", "image_id"]], on=["test_set", "image_id"])
    index = index_predictions(kept, images)
    found = thresholds(index, inputs["study"])
    assert set(found.values()) == {"validation: no real images: balanced accuracy is not defined"}
