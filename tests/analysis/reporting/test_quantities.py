"""Numbers as text."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from analysis.reporting.quantities import counts, fixed, join, kind_of, number, p_text, span, value, where_label
from analysis.summary import Estimate

WHOLE = ("test", None, "none")


def test_proportion_is_per_cent_with_its_interval(estimate_row: Callable[..., Estimate]) -> None:
    """A proportion is printed in per cent with one digit and its interval in brackets."""
    shown = number(estimate_row("accuracy", "baseline", WHOLE, 0.9286, 0.004, 100))
    assert str(shown) == "92.9\u00a0% [92.5, 93.3]"


@pytest.mark.parametrize(
    ("half", "expected"),
    [(0.0019, "−0.61\u00a0points [−0.80, −0.42]"), (0.021, "−0.6\u00a0points [−2.7, 1.5]")],
)
def test_difference_has_as_many_digits_as_its_interval_is_worth(
    estimate_row: Callable[..., Estimate], half: float, expected: str
) -> None:
    """A difference is printed in points, with a second digit only where the interval is narrower than a point."""
    row = estimate_row("accuracy", "both", ("test", None, "own"), -0.0061, half, 100, versus="baseline")
    assert str(number(row)) == expected


def test_called_synthetic_turns_specificity_round(estimate_row: Callable[..., Estimate]) -> None:
    """The share called synthetic of real images is one minus specificity, and its interval turns round with it."""
    row = estimate_row("specificity", "baseline", WHOLE, 0.88, 0.03, 100)
    shown = number(row, kind="called_synthetic")
    assert str(shown) == "12.0\u00a0% [9.0, 15.0]"
    low, high = row.low, row.high
    assert low is not None
    assert high is not None
    assert shown.raw == (1 - 0.88, 1 - high, 1 - low)


def test_called_synthetic_leaves_recall_alone(estimate_row: Callable[..., Estimate]) -> None:
    """The share called synthetic of synthetic images is the recall."""
    shown = number(estimate_row("recall", "baseline", WHOLE, 0.26, 0.03, 100), kind="called_synthetic")
    assert str(shown) == "26.0\u00a0% [23.0, 29.0]"


def test_undefined_is_a_dash_with_the_reason(estimate_row: Callable[..., Estimate]) -> None:
    """An undefined estimate is a dash that carries its reason."""
    shown = number(estimate_row("recall", "both", WHOLE, None, None, 5, reason="no synthetic images"))
    assert (str(shown), shown.reason) == ("–", "no synthetic images")


def test_missing_interval_keeps_the_estimate(estimate_row: Callable[..., Estimate]) -> None:
    """Without an interval the estimate stands alone, with the reason."""
    shown = number(estimate_row("auc", "both", WHOLE, 0.75, None, 5, reason="two seeds"))
    assert (str(shown), shown.interval, shown.reason) == ("0.750", None, "two seeds")


def test_absent_row_says_so() -> None:
    """A row that the summary does not hold is a dash, too."""
    shown = number(None, absent="auc/both/test/both")
    assert (str(shown), shown.id, shown.reason) == ("–", "auc/both/test/both", "not computed in this study")


@pytest.mark.parametrize(
    ("value", "digits", "text"), [(-0.004, 2, "0.00"), (-1.25, 1, "−1.2"), (0.0, 3, "0.000"), (-0.5, 0, "0")]
)
def test_fixed_has_a_true_minus_and_no_minus_zero(value: float, digits: int, text: str) -> None:
    """Digits are fixed, the minus is a minus sign, and zero has none."""
    assert fixed(value, digits) == text


def test_counts_give_the_range(estimate_row: Callable[..., Estimate]) -> None:
    """The counts of several rows are a range, and rows that are absent do not count."""
    rows = [estimate_row("auc", "both", WHOLE, 0.5, 0.1, n) for n in (200, 20_000)]
    assert counts([*rows, None]) == "n = 3 seeds × 200–20,000 images"
    assert counts([]) == "n = 0"
    assert span([7, 7]) == "7"


def test_join_reads_as_a_list() -> None:
    """Items are joined by commas and one `and`."""
    assert join([("a",), ("b",), ("c",)]) == ("a", ", ", "b", " and ", "c")


def test_kinds_follow_the_quantity(estimate_row: Callable[..., Estimate]) -> None:
    """Proportions are per cent and points, everything else is shown as it is."""
    rows = [
        estimate_row("recall", "both", WHOLE, 0.5, 0.1, 9),
        estimate_row("recall", "both", WHOLE, 0.5, 0.1, 9, versus="baseline"),
        estimate_row("gini", "both", WHOLE, 0.5, 0.1, 9),
        estimate_row("gini", "both", WHOLE, 0.5, 0.1, 9, versus="baseline"),
    ]
    assert [kind_of(row) for row in rows] == ["percent", "points", "plain", "difference"]


def test_where_label_names_the_point() -> None:
    """Attribution points are named in words; strange ones stay as they are."""
    assert where_label("saliency.classifier_input") == "saliency at the classifier’s input"
    assert where_label("ig.elsewhere") == "ig elsewhere"
    assert where_label("nowhere") == "nowhere"


@pytest.mark.parametrize(("p", "text"), [(0.0004, "<\u00a00.001"), (0.0314, "0.031"), (0.312, "0.31"), (1.0, "1.00")])
def test_p_has_the_digits_that_matter(p: float, text: str) -> None:
    """A p below a thousandth is said to be so, a small one has three digits, a large one two."""
    assert p_text(p) == text
    assert str(value("x/p", p, "p")) == text


def test_values_of_any_field_become_text() -> None:
    """Counts are whole, shares per cent, and an undefined one is a dash with its reason."""
    assert str(value("x", 1234, "count")) == "1,234"
    assert str(value("x", 2 / 9, "percent")) == "22.2\u00a0%"
    assert str(value("x", -0.0061, "points", (-0.008, -0.0042))) == "−0.61\u00a0points [−0.80, −0.42]"
    assert str(value("x", 0.0123, "difference", (None, None), reason="two seeds")) == "0.012"
    missing = value("x", None, "p", reason="one seed")
    assert (str(missing), missing.reason, missing.single) == ("–", "one seed", True)


def test_the_side_of_zero_is_never_rounded_away(estimate_row: Callable[..., Estimate]) -> None:
    """An end that is not zero is not printed as zero; one that is zero, and levels in per cent, have no more digits."""
    row = estimate_row("accuracy", "both", ("test", None, "own"), -0.0105, 0.0103, 100, versus="baseline")
    assert str(number(row)) == "−1.05\u00a0points [−2.08, −0.02]"
    assert str(number(row, digits=1)) == "−1.05\u00a0points [−2.08, −0.02]"
    assert str(value("x", -0.0105, "points", (-0.0208, -0.00002), digits=1)) == "−1.050\u00a0points [−2.080, −0.002]"
    assert str(value("x", -0.0105, "points", (-0.021, 0.0))) == "−1.1\u00a0points [−2.1, 0.0]"
    assert str(value("x", 0.01, "difference", (0.0002, 0.0198))) == "0.0100 [0.0002, 0.0198]"
    assert str(value("x", 0.02, "percent", (0.0002, 0.04))) == "2.0\u00a0% [0.0, 4.0]"
