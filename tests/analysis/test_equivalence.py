from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.weightstats import DescrStatsW

from analysis.equivalence import Side, beyond, non_inferiority, one_sided, quoted_p, tost
from analysis.errors import InputError
from analysis.intervals import CrossedInterval, Stratum, crossed_interval, crossed_mean

Values = NDArray[np.float64]

# Without variance over images, the crossed t is the t-test over seeds; identical seeds leave the t-test over images.
PATTERN = np.array([[1.0, -1, 0, 0], [-1, 1, 0, 0], [0, 0, 1, -1], [0, 0, -1, 1]])
SEEDS = np.array([0.004, 0.011, -0.003, 0.007])


def seeds_alone() -> CrossedInterval:
    return crossed_mean(SEEDS[:, None] + 0.001 * PATTERN)


def images_alone() -> tuple[CrossedInterval, Values]:
    row = 0.3 * np.random.default_rng(1).normal(size=50) + 0.02
    return crossed_mean(np.tile(row, (5, 1))), row


def draw(seeds: int = 5, images: int = 60, number: int = 0, seed_sd: float = 0.3) -> Values:
    rng = np.random.default_rng(number)
    noise = rng.normal(size=(seeds, images))
    return np.asarray(0.1 + seed_sd * rng.normal(size=(seeds, 1)) + 0.5 * rng.normal(size=images) + noise)


@pytest.mark.parametrize("margin", [0.002, 0.01, 0.02])
@pytest.mark.parametrize("kind", ["seeds", "images"])
def test_tost_agrees_with_statsmodels(kind: str, margin: float) -> None:
    """Where only seeds or only images vary, TOST is statsmodels' for a mean."""
    interval, sample = (seeds_alone(), SEEDS) if kind == "seeds" else images_alone()
    p, lower, upper = DescrStatsW(sample).ttost_mean(-margin, margin)
    result = tost(interval, margin)
    assert result.p == pytest.approx(p, rel=1e-9)
    assert (result.p_lower, result.p_upper) == pytest.approx((lower[1], upper[1]), rel=1e-9)
    assert (result.low, result.high) == pytest.approx(DescrStatsW(sample).tconfint_mean(alpha=0.1), rel=1e-9)
    assert (result.margin, result.alpha, result.reason) == (margin, 0.05, None)
    assert result.equivalent == (p < 0.05)


@pytest.mark.parametrize("value", [-0.01, 0.0, 0.004, 0.03])
@pytest.mark.parametrize(("side", "name"), [("two-sided", "two-sided"), ("greater", "larger"), ("less", "smaller")])
@pytest.mark.parametrize("kind", ["seeds", "images"])
def test_quoted_p_agrees_with_statsmodels(kind: str, side: Side, name: str, value: float) -> None:
    """Where only seeds or only images vary, p is that of statsmodels' t-test of a mean."""
    interval, sample = (seeds_alone(), SEEDS) if kind == "seeds" else images_alone()
    expected = DescrStatsW(sample).ttest_mean(value, alternative=name)[1]
    assert quoted_p(interval, value, side) == pytest.approx(expected, rel=1e-9)


def test_p_of_the_crossed_t_where_it_is_the_wider() -> None:
    """Where seeds differ much, p is the one that the interval holds already."""
    interval = crossed_mean(draw(seed_sd=1.0))
    assert interval.half_width_crossed > interval.half_width_images  # type: ignore[operator]
    assert quoted_p(interval) == pytest.approx(interval.p, rel=1e-12)


def wider_over_images() -> list[CrossedInterval]:
    """Draws without seed effects in which the images-only interval is the quoted one."""
    intervals = [crossed_mean(draw(3, 40, number, seed_sd=0.0)) for number in range(60)]
    return [i for i in intervals if i.half_width_images > (i.half_width_crossed or math.inf)]  # type: ignore[operator]


def test_p_is_never_more_certain_than_the_quoted_interval() -> None:
    """Where the images-only interval is the wider, p is that of its t, by SciPy, and above the crossed p."""
    found = wider_over_images()
    assert len(found) > 5
    higher = 0
    for interval in found:
        assert interval.p is not None
        assert interval.standard_error_images is not None
        p = quoted_p(interval)
        assert p is not None
        error, df = interval.standard_error_images, interval.df_images
        assert df == 39
        images = 2 * stats.t.sf(abs(interval.estimate) / error, df)
        assert p == pytest.approx(max(interval.p, images), rel=1e-9)
        higher += p > interval.p * (1 + 1e-9)
    assert higher > 5


def test_the_images_own_error_is_that_of_the_half_width() -> None:
    """Standard error and df over images, several groups included, make the half-width that stands beside them."""
    values = draw()
    for confidence in (0.8, 0.95):
        interval = crossed_interval([Stratum(values[:, :20], 0.4), Stratum(values[:, 20:], 0.6)], confidence)
        assert interval.df_images == 58
        quantile = float(stats.t.ppf(0.5 + confidence / 2, 58))
        assert interval.standard_error_images is not None
        assert interval.half_width_images == pytest.approx(quantile * interval.standard_error_images, rel=1e-12)


tables = st.tuples(st.integers(3, 5), st.integers(3, 12)).flatmap(
    lambda shape: arrays(np.float64, shape, elements=st.floats(-4, 4, width=16))
)
levels = st.sampled_from([0.8, 0.9, 0.95, 0.99])


@given(tables, levels, st.floats(-5, 5, width=16))
def test_p_and_interval_say_the_same(values: Values, confidence: float, value: float) -> None:
    """A two-sided p below 1 - confidence means that the quoted interval leaves the value out, and the reverse."""
    interval = crossed_mean(values, confidence)
    p = quoted_p(interval, value)
    if interval.low is None or interval.high is None:
        assert p is None
        return
    assert p is not None
    assert 0 <= p <= 1
    near = 1e-7 * (interval.high - interval.low)
    if value < interval.low - near or value > interval.high + near:
        assert p < 1 - confidence
    elif interval.low + near < value < interval.high - near:
        assert p > 1 - confidence


@given(tables, st.floats(0.01, 4), st.sampled_from([0.01, 0.05, 0.1]))
def test_equivalence_is_the_interval_within_the_margin(values: Values, margin: float, alpha: float) -> None:
    """TOST decides as its 1 - 2α interval does, and non-inferiority as its one-sided limit."""
    interval = crossed_mean(values)
    result = tost(interval, margin, alpha)
    if result.low is None or result.high is None:
        return
    wide = crossed_mean(values, 1 - 2 * alpha)
    assert (result.low, result.high) == pytest.approx((wide.low, wide.high), rel=1e-9, abs=1e-12)
    near = 1e-7 * (result.high - result.low)
    if abs(abs(result.low) - margin) > near and abs(abs(result.high) - margin) > near:
        assert result.equivalent == (-margin < result.low and result.high < margin)
    up, down = (non_inferiority(interval, margin, alpha, higher_is_better=better) for better in (True, False))
    assert (up.p, up.limit, down.p, down.limit) == (result.p_lower, result.low, result.p_upper, result.high)
    assert (up.non_inferior, down.non_inferior) == (up.p < alpha, down.p < alpha)  # type: ignore[operator]


@given(tables, st.floats(0.01, 4))
def test_negated_values_mirror_every_p(values: Values, margin: float) -> None:
    """Swapping the arms swaps the sides and leaves equivalence, and what contradicts it, alone."""
    there, back = crossed_mean(values), crossed_mean(-values)

    def same(first: float | None, second: float | None) -> bool:
        return first == (None if second is None else pytest.approx(second, rel=1e-6, abs=1e-12))

    assert same(quoted_p(there, margin, "greater"), quoted_p(back, -margin, "less"))
    assert same(quoted_p(there, margin), quoted_p(back, -margin))
    assert same(tost(there, margin).p, tost(back, margin).p)
    assert same(tost(there, margin).p_lower, tost(back, margin).p_upper)
    assert same(beyond(there, margin), beyond(back, margin))


@given(tables, st.floats(0.01, 4), st.floats(0.01, 4))
def test_a_wider_margin_is_easier_and_never_both(values: Values, margin: float, more: float) -> None:
    """The p of equivalence falls with the margin, that of its contrary rises, and no margin has both below a half."""
    interval = crossed_mean(values)
    narrow, wide = tost(interval, margin).p, tost(interval, margin + more).p
    inside, outside = beyond(interval, margin), beyond(interval, margin + more)
    if narrow is not None and wide is not None and inside is not None and outside is not None:
        assert wide <= narrow
        assert outside >= inside
        assert max(narrow, inside) >= 0.5


def test_beyond_is_twice_the_smaller_tail() -> None:
    """What contradicts equivalence is Bonferroni over the two sides, by SciPy's tails."""
    interval = seeds_alone()
    for margin in (0.0001, 0.002, 0.02):
        above = stats.ttest_1samp(SEEDS, margin, alternative="greater").pvalue
        below = stats.ttest_1samp(SEEDS, -margin, alternative="less").pvalue
        assert beyond(interval, margin) == pytest.approx(min(1, 2 * min(above, below)), rel=1e-9)


UNDEFINED: list[tuple[Any, str]] = [
    (draw(1, 20), "one seed"),
    (draw(2, 20), "two seeds"),
    (draw(4, 1), "one image"),
    (np.full((4, 20), 0.001), "no variation"),
    (np.zeros((4, 20)), "no variation"),
    (PATTERN, "no more than the residual"),
]


@pytest.mark.parametrize(("values", "words"), UNDEFINED)
def test_without_an_interval_there_is_no_verdict(values: Values, words: str) -> None:
    """Fewer than three seeds, one image and no variation have no p, no limits and no answer, but a reason."""
    interval = crossed_mean(values)
    assert quoted_p(interval) is quoted_p(interval, 0.5, "less") is beyond(interval, 0.01) is None
    equivalence, other = tost(interval, 0.01), non_inferiority(interval, 0.01)
    assert words in (equivalence.reason or "")
    assert words in (other.reason or "")
    assert {equivalence.p, equivalence.low, equivalence.high, equivalence.equivalent} == {None}
    assert {other.p, other.limit, other.non_inferior} == {None}


TESTS: list[Callable[..., object]] = [tost, non_inferiority, beyond]


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize("margin", [0.0, -0.01, math.nan, math.inf])
@pytest.mark.parametrize("values", [draw(), np.zeros((4, 20))])
def test_a_margin_must_be_above_zero(test: Callable[..., object], margin: float, values: Values) -> None:
    """A margin of 0, below it, or no number is refused in one line, whether or not there is an interval."""
    with pytest.raises(InputError, match=rf"^margin {margin}: must be above 0") as caught:
        test(crossed_mean(values), margin)
    assert "\n" not in str(caught.value)


def test_other_refusals() -> None:
    """A level, side or value that is none is refused."""
    interval = seeds_alone()
    for alpha in (0.0, 0.5, math.nan):
        for test in (tost, non_inferiority):
            with pytest.raises(InputError, match=f"^alpha {alpha}: must lie between 0 and 0.5"):
                test(interval, 0.01, alpha)
    with pytest.raises(InputError, match=r"^side 'both': must be 'two-sided', 'greater' or 'less'"):
        quoted_p(interval, 0.0, "both")  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"^side 'two-sided': must be 'greater' or 'less'"):
        one_sided(interval, 0.0, "two-sided")  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"^bound nan"):
        quoted_p(interval, math.nan)
