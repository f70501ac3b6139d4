from __future__ import annotations

from typing import Any

import pytest
from made_up_claims import claim
from pydantic import ValidationError

from analysis.claims import (
    Cell,
    Hypothesis,
    Kind,
    cells_of,
    check_claims,
    hypothesis_of,
    with_margins,
)
from analysis.dispersion import MEASURES
from analysis.errors import InputError
from analysis.metrics import LOWER_IS_BETTER, QUANTITIES

SETS = {
    "validation": "validation",
    "test": "in_sample",
    "far@bilinear+jpeg75": "out_of_sample",
    "farther": "out_of_sample",
}


LEVEL = {"kind": "above", "versus": None, "bound": 0.9}
MARGIN = {"kind": "equivalent", "margin": 0.01}
MAPS = {"quantity": "gini", "path": "saliency.image"}


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"id": "a b"}, ("id", "pattern")),
        ({"says": ""}, ("says", "at least 1")),
        ({"quantity": "acuracy"}, ("claim `one`", "unknown quantity `acuracy`", "did you mean `accuracy`?")),
        ({"quantity": "zzz"}, ("unknown quantity `zzz`", "known: accuracy", "gini")),
        ({"kind": "better"}, ("kind", "Input should be")),
        ({"quantity": "gini"}, ("measured on saliency maps", "such as `saliency.image`")),
        ({"path": "saliency.image"}, ("`accuracy` is no measure of them", "remove it")),
        ({"path": "Saliency/Image"}, ("path", "pattern")),
        (MAPS | {"kind": "superior", "margin": 0.1}, ("`superior` is about better and worse", "use `greater`")),
        (MAPS | {"kind": "non_inferior", "margin": 0.1}, ("`non_inferior` is about better and worse",)),
        ({"variants": ()}, ("variants", "at least 1")),
        ({"variants": ("augment", "augment")}, ("names one twice", "remove it")),
        ({"variants": ("augment", "baseline")}, ("`baseline` is compared with itself", "take it out")),
        ({"versus_role": "out_of_sample"}, ("`versus` and `versus_role` are given", "exactly one")),
        ({"versus": None}, ("`greater` is about a difference", "give `versus`")),
        (LEVEL | {"versus": "baseline"}, ("`above` is about a level", "remove `versus`")),
        (LEVEL | {"versus_test_set": "far"}, ("`above` is about a level", "remove `versus_test_set`")),
        ({"role": None}, ("exactly one of `test_set` and `role`",)),
        ({"test_set": "test"}, ("exactly one of `test_set` and `role`",)),
        ({"role": "validation"}, ("role", "Input should be")),
        ({"versus": None, "versus_role": "in_sample"}, ("are both in_sample", "change one")),
        (
            {"versus": None, "role": None, "test_set": "far", "versus_test_set": "far"},
            ("are both `far`", "change one"),
        ),
        ({"source": "painter"}, ("`source` = painter needs the `test_set`",)),
        ({"bound": 0.9}, ("`greater` has no `bound`", "remove it")),
        (LEVEL | {"bound": None}, ("`above` needs a `bound`", "add it")),
        (LEVEL | {"bound": 90.0}, ("`bound` = 90", "between 0 and 1", "0.9 for 90 %")),
        (LEVEL | {"bound": 0.0}, ("`bound` = 0:", "between 0 and 1")),
        (LEVEL | {"bound": float("nan")}, ("bound", "finite")),
        (LEVEL | {"quantity": "log_loss", "bound": -1.0}, ("between 0 and inf",)),
        ({"margin": 0.01}, ("`greater` has no `margin`", "use another kind")),
        (LEVEL | {"margin": 0.01}, ("`above` has no `margin`",)),
        (MARGIN | {"margin": None}, ("`equivalent` needs a `margin`", "add it")),
        (MARGIN | {"margin": 0.0}, ("`margin` = 0 must be above 0", "smallest difference that matters")),
        (MARGIN | {"margin": -0.01}, ("`margin` = -0.01 must be above 0",)),
        (MARGIN | {"margin": 1.0}, ("`margin` = 1:", "give a smaller one")),
        (MARGIN | {"margin": float("nan")}, ("margin", "finite")),
        (MARGIN | {"margin": float("inf")}, ("margin", "finite")),
        ({"conjunction": "some"}, ("conjunction",)),
        ({"test": "wilcoxon"}, ("test",)),
        ({"typo": 1}, ("typo", "Extra inputs")),
    ],
)
def test_claims_that_make_no_sense_are_refused(changes: dict[str, Any], parts: tuple[str, ...]) -> None:
    """Each contradiction is refused with the key, the value and what to do."""
    with pytest.raises(ValidationError) as error:
        claim(**changes)
    for part in parts:
        assert part in str(error.value)


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_every_metric_can_be_claimed(quantity: str) -> None:
    """Every metric has claims of a level, a direction and a margin."""
    assert claim(quantity=quantity).quantity == quantity
    assert claim(quantity=quantity, **LEVEL).bound == 0.9
    assert claim(quantity=quantity, kind="not_superior", margin=0.05).margin == 0.05


@pytest.mark.parametrize("measure", MEASURES)
def test_every_measure_of_maps_can_be_claimed(measure: str) -> None:
    """Every measure of saliency maps has claims of a direction and of equivalence, along a method and point."""
    assert claim(quantity=measure, path="saliency.classifier_input").measured_on_maps
    assert claim(quantity=measure, path="integrated_gradients.image", kind="equivalent", margin=0.02).margin == 0.02


def test_scales_hold_what_the_quantities_can_be() -> None:
    """A margin that is possible for MCC or log loss may be impossible for a share."""
    assert claim(quantity="mcc", kind="superior", margin=1.5).margin == 1.5
    assert claim(quantity="log_loss", kind="superior", margin=3.0).margin == 3.0
    assert claim(quantity="mcc", **LEVEL | {"bound": -0.5}).bound == -0.5
    assert claim(quantity="spread", path="saliency.image", **LEVEL | {"bound": 1.2}).bound == 1.2


def test_claims_are_frozen() -> None:
    """A claim cannot be changed after it was declared."""
    with pytest.raises(ValidationError, match="frozen"):
        claim().margin = 0.5  # type: ignore[misc]


@pytest.mark.parametrize(
    ("kind", "higher", "lower"),
    [
        ("above", Hypothesis(0.9, "greater"), Hypothesis(0.9, "greater")),
        ("below", Hypothesis(0.9, "less"), Hypothesis(0.9, "less")),
        ("greater", Hypothesis(0.0, "greater"), Hypothesis(0.0, "greater")),
        ("less", Hypothesis(0.0, "less"), Hypothesis(0.0, "less")),
        ("superior", Hypothesis(0.02, "greater"), Hypothesis(-0.02, "less")),
        ("not_superior", Hypothesis(0.02, "less"), Hypothesis(-0.02, "greater")),
        ("non_inferior", Hypothesis(-0.02, "greater"), Hypothesis(0.02, "less")),
        ("equivalent", Hypothesis(0.02, "within"), Hypothesis(0.02, "within")),
    ],
)
def test_hypotheses(kind: Kind, higher: Hypothesis, lower: Hypothesis) -> None:
    """What better means is mirrored where less is better; levels and plain directions are not."""
    changes: dict[str, Any] = {"kind": kind}
    if kind in ("above", "below"):
        changes |= {"bound": 0.9, "versus": None}
    elif kind not in ("greater", "less"):
        changes |= {"margin": 0.02}
    assert hypothesis_of(claim(**changes)) == higher
    for quantity in LOWER_IS_BETTER:
        assert hypothesis_of(claim(quantity=quantity, **changes)) == lower


def test_lower_is_better_for_errors_alone() -> None:
    """The mirrored quantities are the errors and losses."""
    assert set(LOWER_IS_BETTER) == {"eer", "brier", "log_loss", "ece"}


def test_cells_are_variants_by_test_sets() -> None:
    """A claim about a role has one cell for each variant and test set of that role, variants first."""
    found = cells_of(claim(variants=("augment", "both"), role="out_of_sample"), SETS)
    assert [(cell.variant, cell.test_set) for cell in found] == [
        ("augment", "far@bilinear+jpeg75"),
        ("augment", "farther"),
        ("both", "far@bilinear+jpeg75"),
        ("both", "farther"),
    ]
    assert {(cell.quantity, cell.path, cell.versus, cell.versus_test_set) for cell in found} == {
        ("accuracy", "own", "baseline", None)
    }


def test_cells_of_a_difference_of_test_sets() -> None:
    """Each test set of the one role is compared with each of the other, for the same variant."""
    found = cells_of(claim(versus=None, role="out_of_sample", versus_role="in_sample"), SETS)
    assert [cell.id for cell in found] == [
        "accuracy/augment/far@bilinear+jpeg75-vs-test/own",
        "accuracy/augment/farther-vs-test/own",
    ]


def test_a_test_set_is_found_by_the_name_it_was_declared_under() -> None:
    """`far` is `far@bilinear+jpeg75`, under every pipeline that there is, and never `farther`."""
    about = claim(role=None, test_set="far", source="painter")
    assert cells_of(about, SETS) == (
        Cell("accuracy", "augment", "far@bilinear+jpeg75", "own", "baseline", None, "painter"),
    )
    both = SETS | {"far@nearest": "out_of_sample"}
    assert [cell.test_set for cell in cells_of(about, both)] == ["far@bilinear+jpeg75", "far@nearest"]
    exact = claim(role=None, test_set="far@nearest")
    assert [cell.test_set for cell in cells_of(exact, both)] == ["far@nearest"]


def test_ids_of_cells_are_those_of_estimates() -> None:
    """A cell is called as the summary's row of the same number."""
    assert Cell("auc", "augment", "far", "own", "baseline", None, "painter").id == (
        "auc/augment-vs-baseline/far:painter/own"
    )
    assert Cell("gini", "both", "test", "saliency.image").id == "gini/both/test/saliency.image"


def test_cells_that_are_not_there() -> None:
    """A test set or role that the results do not have is named, with what they have."""
    with pytest.raises(InputError, match="claim `one`: no test set `near`; known: test"):
        cells_of(claim(role=None, test_set="near"), {"test": "in_sample"})
    with pytest.raises(InputError, match="no test set of role out_of_sample; known: none"):
        cells_of(claim(role="out_of_sample"), {})
    with pytest.raises(InputError, match="no test set `near`"):
        cells_of(claim(versus=None, versus_test_set="near"), SETS)


def test_margins_are_replaced() -> None:
    """Only the named claim gets another margin, and the given claims stay as they were."""
    claims = (claim(**MARGIN), claim(id="two", **MARGIN))
    changed = with_margins(claims, {"two": 0.03})
    assert [c.margin for c in changed] == [0.01, 0.03]
    assert [c.margin for c in claims] == [0.01, 0.01]
    assert changed[0] is claims[0]


@pytest.mark.parametrize(
    ("margins", "message"),
    [
        ({"three": 0.1}, "margin of `three`: no such claim; known: one, two"),
        ({"one": 0.0}, r"claim `one`: `margin` = 0 must be above 0.*give the smallest"),
        ({"one": float("nan")}, "margin = nan: Input should be a finite number; give a number"),
        ({"two": 0.1}, "claim `two`: `greater` has no `margin`"),
    ],
)
def test_margins_that_cannot_be(margins: dict[str, float], message: str) -> None:
    """A margin of no claim, of a claim without one, or of an impossible size is one line."""
    with pytest.raises(InputError, match=message) as error:
        with_margins((claim(**MARGIN), claim(id="two")), margins)
    assert "\n" not in str(error.value)


def test_ids_are_distinct() -> None:
    """Two claims of one id are refused."""
    check_claims([claim(), claim(id="two")])
    with pytest.raises(InputError, match="two claims have the id `one`; rename one"):
        check_claims([claim(), claim()])
