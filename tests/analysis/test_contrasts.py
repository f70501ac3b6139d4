from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.contrasts import decisions_contrast, metric_contrast, paired_contrast, paired_difference
from analysis.errors import InputError
from analysis.frames import Decisions
from analysis.intervals import Stratum, crossed_interval
from analysis.metrics import QUANTITIES, Quantity


def decisions(variant: str, number: int, shift: float = 0.0) -> Decisions:
    rng = np.random.default_rng(number)
    labels = np.tile(np.array([0, 1], dtype=np.int8), 20)
    hard = np.random.default_rng(99).normal(size=40)
    return Decisions(
        variant=variant,
        path=variant,
        test_set="set",
        logits=2.0 * labels - 1 + hard + rng.normal(size=(4, 40)) + shift,
        labels=labels,
        sources=np.full(40, "source", dtype=object),
        image_ids=np.array([f"{i:02d}" for i in range(40)], dtype=object),
        seeds=(0, 1, 2, 3),
    )


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_a_variant_does_not_differ_from_itself(quantity: Quantity) -> None:
    """Equal decisions give a difference of 0 without an interval: no variation."""
    one = decisions("one", 1)
    result = decisions_contrast(quantity, one, one)
    assert result.estimate == 0.0
    assert result.reason == "no variation: interval not defined"
    assert (result.low, result.p) == (None, None)


@given(st.integers(0, 10_000), st.sampled_from(QUANTITIES))
def test_swapping_the_variants_mirrors_the_contrast(number: int, quantity: Quantity) -> None:
    """The contrast of a with b mirrors that of b with a, with the same p and degrees of freedom."""
    one, two = decisions("one", number), decisions("two", number + 1, 0.3)
    forth, back = decisions_contrast(quantity, one, two), decisions_contrast(quantity, two, one)
    assert forth.estimate == pytest.approx(-back.estimate, abs=1e-12)
    if forth.low is None or forth.high is None:
        assert back.reason == forth.reason
    else:
        assert (back.low, back.high) == pytest.approx((-forth.high, -forth.low))
        assert (back.p, back.df) == pytest.approx((forth.p, forth.df))


def test_accuracy_contrast_is_the_crossed_interval_of_differences() -> None:
    """The contrast is that of per-image differences of correctness, with labels as strata."""
    one, two = decisions("one", 1), decisions("two", 2)
    right = [((d.logits > 0) == (d.labels == 1)).astype(float) for d in (one, two)]
    difference = right[0] - right[1]
    expected = crossed_interval([Stratum(difference[:, one.labels == y], 0.5) for y in (0, 1)])
    assert decisions_contrast("accuracy", one, two) == expected


def test_pairing_makes_the_interval_narrower() -> None:
    """Images that are hard for both variants drop out of the difference."""
    one, two = decisions("one", 1), decisions("two", 2, 0.1)
    apart = metric_contrast("auc", one.logits, two.logits[:, np.r_[10:40, 0:10]], one.labels)
    paired = decisions_contrast("auc", one, two)
    assert paired.var_image is not None
    assert apart.var_image is not None
    assert paired.var_image < apart.var_image


def test_refuses_unequal_strata() -> None:
    """Strata of other shapes or weights cannot be paired."""
    values = np.zeros((3, 4))
    for other in (Stratum(values, 0.5), Stratum(values[:, :3])):
        with pytest.raises(InputError, match="paired difference"):
            paired_difference([Stratum(values)], [other])
    with pytest.raises(InputError, match="paired difference"):
        paired_contrast([Stratum(values)], [])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seeds": (0, 1, 2, 4)}, "paired by seed"),
        ({"image_ids": np.array([f"x{i}" for i in range(40)], dtype=object)}, "paired by image"),
        ({"labels": np.tile(np.array([1, 0], dtype=np.int8), 20)}, "labels of the same images"),
    ],
)
def test_refuses_what_cannot_be_paired(change: dict[str, object], words: str) -> None:
    """Other seeds, images or labels are refused with the names of the variants."""
    one = decisions("one", 1)
    with pytest.raises(InputError, match=words) as caught:
        decisions_contrast("accuracy", one, replace(one, variant="two", **change))  # type: ignore[arg-type]
    assert "one and two" in str(caught.value).replace("two and one", "one and two")
