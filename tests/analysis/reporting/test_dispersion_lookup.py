from __future__ import annotations

import pytest
from made_up_basis import TEST_SETS

from analysis.reporting.dispersion_lookup import CONCENTRATED, DISPERSED, OPEN, UNDEFINED, Maps, row_id, state_label
from analysis.reporting.lookup import Lookup
from analysis.summary import Contrast, Summary

CARD = TEST_SETS[1]


@pytest.fixture
def maps(summary: Summary) -> Maps:
    return Maps(Lookup(summary))


def test_the_main_method_and_the_image_come_first(maps: Maps) -> None:
    """Saliency stands for all methods where one must; without it the first by name."""
    assert maps.main == "saliency"
    assert maps.methods(CARD) == ("saliency", "occlusion")
    assert maps.wheres(CARD) == ("saliency.image", "saliency.classifier_input")
    assert maps.wheres(CARD, "occlusion") == ("occlusion.image",)
    rows = tuple(row for row in maps.lookup.summary.dispersion if not row.path.startswith("saliency"))
    assert Maps(Lookup(maps.lookup.summary.model_copy(update={"dispersion": rows}))).main == "occlusion"


def test_a_map_at_the_image_stands_for_the_classifiers_input(maps: Maps) -> None:
    """Only for variants without a map of their own there, for pairs of such alone, and for their nulls as well."""
    summary = maps.lookup.summary
    behind = ("autoencoder", "both")
    kept = tuple(
        row
        for row in (*summary.dispersion, *summary.dispersion_contrasts)
        if not (row.path == "saliency.classifier_input" and row.variant not in behind)
    )
    levels = tuple(row for row in kept if not isinstance(row, Contrast))
    contrasts = tuple(row for row in kept if isinstance(row, Contrast))
    plain = Maps(Lookup(summary.model_copy(update={"dispersion": levels, "dispersion_contrasts": contrasts})))
    row = plain.row("gini", "augment", CARD, "saliency.classifier_input")
    assert row is not None
    assert row.path == "saliency.image"
    pair = plain.row("gini", "augment", CARD, "saliency.classifier_input", versus="baseline")
    assert pair is not None
    assert pair.path == "saliency.image"
    null = plain.row("gini", "baseline", CARD, "saliency.classifier_input~untrained")
    assert null is not None
    assert null.path == "saliency.image~untrained"
    own = plain.row("gini", "both", CARD, "saliency.classifier_input", versus="baseline")
    assert own is not None
    assert own.path == "saliency.classifier_input"
    gone = tuple(row for row in contrasts if row.path != "saliency.classifier_input")
    without = Maps(Lookup(plain.lookup.summary.model_copy(update={"dispersion_contrasts": gone})))
    assert without.row("gini", "both", CARD, "saliency.classifier_input", versus="baseline") is None


def test_a_method_with_one_map_for_both_points_has_it_at_the_classifiers_input(maps: Maps) -> None:
    """Where preprocessed variants have no map at the image, as by Grad-CAM, the image is no place of the method."""
    summary = maps.lookup.summary
    base = summary.dispersion[0]
    more = tuple(
        base.model_copy(update={"quantity": "gini", "variant": variant, "path": f"gradcam.{point}"})
        for variant, point in (("baseline", "image"), ("both", "classifier_input"))
    )
    both = Maps(Lookup(summary.model_copy(update={"dispersion": (*summary.dispersion, *more)})))
    assert both.wheres(TEST_SETS[1], "gradcam") == ("gradcam.classifier_input",)


def test_nulls_stand_from_the_logit_down(maps: Maps) -> None:
    """The untrained classifier first, then the layers in the order in which they are randomised."""
    assert maps.states(CARD) == (
        "untrained",
        "randomised-dense2",
        "randomised-dense1",
        "randomised-conv2",
        "randomised-conv1",
    )
    assert state_label("randomised-conv2") == "randomised down to conv2"
    assert (state_label("untrained"), state_label("")) == ("untrained", "trained")


@pytest.mark.parametrize(
    ("quantity", "estimate", "p_holm", "says"),
    [
        ("gini", -0.02, 0.01, DISPERSED),
        ("gini", 0.02, 0.01, CONCENTRATED),
        ("entropy", 0.02, 0.01, DISPERSED),
        ("entropy", -0.02, 0.01, CONCENTRATED),
        ("gini", -0.02, 0.2, OPEN),
        ("gini", -0.02, None, DISPERSED),
        ("gini", None, None, UNDEFINED),
    ],
)
def test_a_difference_says_where_a_map_goes(
    maps: Maps, quantity: str, estimate: float | None, p_holm: float | None, says: str
) -> None:
    """The direction is the measure's own, and Holm's p decides where there is one, else the interval."""
    row = Contrast(
        quantity=quantity,
        variant="both",
        versus="baseline",
        test_set="test",
        path="saliency.image",
        estimate=estimate,
        low=None if estimate is None else estimate - 0.01,
        high=None if estimate is None else estimate + 0.01,
        p_holm=p_holm,
        n_seeds=3,
        n_images=9,
    )
    assert maps.says(row) == says


def test_what_is_absent_keeps_its_id(maps: Maps) -> None:
    """A number that the summary does not hold says so, under the id it would have."""
    found = maps.number("gini", "augment", CARD, "saliency.image", versus="both", subset="wrong")
    assert found.id == "gini/augment-vs-both/test~wrong/saliency.image"
    assert found.id == row_id("gini", "augment", CARD, "saliency.image", versus="both", subset="wrong")
    assert found.reason == "not computed in this study"
