from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportions_chisquare
from statsmodels.stats.weightstats import DescrStatsW

from analysis.errors import InputError
from analysis.significance import (
    ALL_ZERO,
    ONE_SEED,
    TEST_NO_VARIATION,
    cochran_q,
    effect_sizes,
    mcnemar,
    paired_t,
    sign_flip,
    wilcoxon,
)

# Darwin's maize: heights of cross- less self-fertilised plants in eighths of an inch (Fisher, The Design of
# Experiments, 1935, section 21, who counts 863 of 2^15 patterns at or above the sum of 314).
MAIZE = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]

# Student's sleep data, group 1 less group 2 (R's `sleep`).
SLEEP = [-1.2, -2.4, -1.3, -1.3, 0.0, -1.0, -1.8, -0.8, -4.6, -1.4]

# Hollander and Wolfe's depression scale (example of R's `wilcox.test`).
BEFORE = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30]
AFTER = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29]

small_integers = st.lists(st.integers(-6, 6), min_size=1, max_size=8)


def all_patterns(theta: list[float]) -> float:
    """The two-sided p by going through every pattern of signs."""
    sums = [
        sum(s * t for s, t in zip(signs, theta, strict=True)) for signs in itertools.product((-1, 1), repeat=len(theta))
    ]
    return sum(abs(value) >= abs(sum(theta)) for value in sums) / len(sums)


def test_sign_flip_agrees_with_fishers_count() -> None:
    """Of 32,768 patterns 863 reach Darwin's sum in one direction, and as many in the other."""
    result = sign_flip(MAIZE)
    assert result.p == pytest.approx(2 * 863 / 2**15, rel=1e-15)
    assert (result.n, result.zeros, result.exact) == (15, 0, True)
    assert result.attainable == 2 / 2**15


def test_sign_flip_agrees_with_scipy() -> None:
    """The p is that of SciPy's permutation test over all signs."""
    theta = np.random.default_rng(3).normal(0.5, 1.0, size=10)
    expected = stats.permutation_test(
        (theta,), np.sum, permutation_type="samples", n_resamples=2**10, alternative="two-sided"
    )
    assert sign_flip(theta).p == pytest.approx(expected.pvalue, rel=1e-12)


@given(small_integers)
def test_sign_flip_counts_ties_and_zeros(theta: list[int]) -> None:
    """With ties everywhere p is the share of all patterns, also of values that are not exact in floating point."""
    expected = all_patterns([float(t) for t in theta])
    for scale in (1.0, 0.1, 1e-7 / 3, 1e200):
        result = sign_flip([t * scale for t in theta])
        assert result.p == pytest.approx(expected, rel=1e-12)
        assert result.zeros == theta.count(0)
        assert result.p >= result.attainable


@given(small_integers, st.randoms(use_true_random=False))
def test_sign_flip_is_blind_to_order_and_sign(theta: list[int], random: object) -> None:
    """Swapping the variants or the seeds changes nothing."""
    order = list(theta)
    random.shuffle(order)  # type: ignore[attr-defined]
    assert sign_flip([-0.1 * t for t in order]) == sign_flip([0.1 * t for t in theta])


@pytest.mark.parametrize(("n", "lowest"), [(3, 0.25), (5, 0.0625), (6, 0.03125), (8, 0.0078125), (10, 0.001953125)])
def test_sign_flip_reaches_its_lowest_p_when_all_agree(n: int, lowest: float) -> None:
    """Differences of one sign have p = 2/2ⁿ, constant or not, and a zero more changes nothing."""
    assert sign_flip(np.arange(1, n + 1)).p == lowest
    assert sign_flip([0.1] * n).p == lowest
    result = sign_flip([0.3] * n + [0.0])
    assert (result.p, result.attainable, result.n, result.zeros) == (lowest, lowest, n + 1, 1)


@pytest.mark.parametrize("theta", [[0.0], [0.0, 0.0, 0.0], [0.2]])
def test_sign_flip_without_information_has_p_one(theta: list[float]) -> None:
    """All zero, or one difference, can reject nothing."""
    result = sign_flip(theta)
    assert (result.p, result.attainable, result.exact) == (1.0, 1.0, True)


def test_sign_flip_beyond_twenty_seeds_draws_patterns() -> None:
    """Random patterns approach the exact p, are repeated by the same generator, and are asked for."""
    theta = np.random.default_rng(5).normal(0.35, 1.0, size=21)
    with pytest.raises(InputError, match=r"21 seeds.*generator"):
        sign_flip(theta)
    result = sign_flip(theta, generator=np.random.default_rng(0))
    assert result == sign_flip(theta, generator=np.random.default_rng(0))
    assert (result.exact, result.attainable) == (False, 1 / 100_001)
    halves = [
        np.array(list(itertools.product((-1.0, 1.0), repeat=k))) @ part
        for k, part in ((10, theta[:10]), (11, theta[10:]))
    ]
    exact = float(np.mean(np.abs(halves[0][:, None] + halves[1]) >= abs(theta.sum()) - 1e-9))
    assert result.p == pytest.approx(exact, abs=4 * math.sqrt(exact * (1 - exact) / 100_000))
    assert sign_flip(np.append(theta[:20], 0.0)).exact
    with pytest.raises(InputError, match="flips 0"):
        sign_flip(theta, generator=np.random.default_rng(0), flips=0)


def test_random_patterns_never_give_p_zero() -> None:
    """Where no random pattern reaches the sum, p is 1/(1 + flips)."""
    result = sign_flip(np.ones(60), generator=np.random.default_rng(1), flips=999)
    assert result.p == result.attainable == 1 / 1000


def test_paired_t_of_published_data() -> None:
    """R prints t = -4.0621, p-value = 0.002833 for `t.test(sleep1, sleep2, paired = TRUE)` of its data set `sleep`."""
    result = paired_t(SLEEP)
    assert result.statistic == pytest.approx(-4.0621, abs=5e-5)
    assert result.p == pytest.approx(0.002833, abs=5e-7)
    statistic, p, _ = DescrStatsW(SLEEP).ttest_mean(0)
    assert (result.statistic, result.p, result.n) == pytest.approx((statistic, p, 10), rel=1e-12)


@pytest.mark.parametrize(
    ("theta", "reason"),
    [
        ([0.0, 0.0, 0.0], TEST_NO_VARIATION),
        ([0.01, 0.01, 0.01], TEST_NO_VARIATION),
        ([0.91 - 0.9, 0.93 - 0.92, 0.95 - 0.94], TEST_NO_VARIATION),
        ([0.3], ONE_SEED),
    ],
)
def test_paired_t_without_spread_is_not_defined(theta: list[float], reason: str) -> None:
    """Constant differences give a reason, where SciPy would give a p near 0."""
    result = paired_t(theta)
    assert (result.statistic, result.p, result.reason) == (None, None, reason)


def test_wilcoxon_of_published_data() -> None:
    """R's example `wilcox.test(x, y, paired = TRUE, alternative = "greater")` prints V = 40, p-value = 0.01953."""
    result = wilcoxon(np.subtract(BEFORE, AFTER))
    assert (result.statistic, result.n, result.exact) == (5.0, 9, True)
    assert result.p == pytest.approx(2 * 0.01953, abs=1e-5)


@given(small_integers.filter(any))
def test_wilcoxon_is_exact_with_ties_and_zeros(theta: list[int]) -> None:
    """With ties p is the share of all sign patterns of the ranks, and digits lost by rounding make no difference."""
    kept = [t for t in theta if t]
    ranks = stats.rankdata(np.abs(kept))
    expected = all_patterns([float(r) if t > 0 else -float(r) for r, t in zip(ranks, kept, strict=True)])
    for values in (np.array(theta, dtype=float), (1.1 + 0.1 * np.array(theta)) - 1.1):
        result = wilcoxon(values)
        assert result.p == pytest.approx(expected, rel=1e-12)
        assert (result.n, result.exact) == (len(kept), True)


def test_wilcoxon_agrees_with_scipy_at_every_size() -> None:
    """Without ties p is SciPy's exact one up to 50 seeds; with many ties or beyond, its approximation."""
    rng = np.random.default_rng(8)
    for n, ties, exact in ((30, False, True), (30, True, False), (60, False, False)):
        theta = rng.integers(-9, 15, size=n) + 0.5 if ties else rng.normal(0.3, 1, size=n)
        expected = stats.wilcoxon(theta, method="exact" if exact else "approx")
        result = wilcoxon(theta)
        assert (result.statistic, result.p) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-10)
        assert result.exact is exact


def test_wilcoxon_of_zeros_is_not_defined() -> None:
    """Where no difference is left there is no p, but a reason; a constant difference has the lowest p of its size."""
    result = wilcoxon([0.0, 0.0, 0.0])
    assert (result.p, result.n, result.reason) == (None, 0, ALL_ZERO)
    assert wilcoxon([0.1] * 6).p == 2 / 2**6


def test_effect_sizes_by_their_formulas() -> None:
    """d_z, d and superiority are those of statsmodels, pandas and SciPy's Mann-Whitney statistic."""
    rng = np.random.default_rng(2)
    b = rng.normal(0.9, 0.01, size=7)
    a = b + rng.normal(0.01, 0.005, size=7)
    result = effect_sizes(a, b)
    t, _, _ = DescrStatsW(a - b).ttest_mean(0)
    assert result.cohen_dz == pytest.approx(t / math.sqrt(7), rel=1e-10)
    frame = pd.DataFrame({"a": a, "b": b})
    pooled = math.sqrt(frame.var().mean())
    assert result.cohen_d_pooled == pytest.approx((frame["a"].mean() - frame["b"].mean()) / pooled, rel=1e-10)
    assert result.probability_of_superiority == pytest.approx(stats.mannwhitneyu(a, b).statistic / 49, rel=1e-12)
    assert result.reason is None


@pytest.mark.parametrize("seeds", [3, 4, 6, 11, 400])
def test_hedges_factor_takes_the_bias_away(seeds: int) -> None:
    """d_z √S is noncentral t, whose mean is the noncentrality over the factor by which g_z is smaller."""
    theta = np.random.default_rng(seeds).normal(1, 1, size=seeds)
    result = effect_sizes(theta, np.zeros(seeds))
    assert result.hedges_gz is not None
    assert result.cohen_dz is not None
    assert result.hedges_gz / result.cohen_dz == pytest.approx(0.7 / stats.nct.mean(seeds - 1, 0.7), rel=1e-9)


def test_effect_sizes_without_spread_have_a_reason() -> None:
    """What would divide by 0 or by rounding is None, and superiority is always there."""
    one = effect_sizes([0.9], [0.8])
    assert (one.cohen_dz, one.cohen_d_pooled, one.probability_of_superiority) == (None, None, 1.0)
    assert one.reason is not None
    assert "one seed" in one.reason
    shifted = effect_sizes([0.91, 0.93, 0.95], [0.9, 0.92, 0.94])
    assert (shifted.cohen_dz, shifted.hedges_gz) == (None, None)
    assert shifted.cohen_d_pooled == pytest.approx(0.5)
    assert shifted.reason is not None
    assert "differences" in shifted.reason
    still = effect_sizes([0.9, 0.9], [0.8, 0.8])
    assert (still.cohen_dz, still.cohen_d_pooled, still.probability_of_superiority) == (None, None, 1.0)
    assert still.reason is not None
    assert "no variation" in still.reason
    two = effect_sizes([0.9, 0.95], [0.8, 0.81])
    assert two.cohen_dz is not None
    assert two.hedges_gz is None
    assert two.reason is not None
    assert "two seeds" in two.reason


def test_superiority_counts_ties_half() -> None:
    """Equal values, also those equal but for rounding, count half."""
    assert effect_sizes([0.1 + 0.2, 0.5], [0.3, 0.4]).probability_of_superiority == (0.5 + 0 + 1 + 1) / 4
    assert effect_sizes([0.5, 0.5], [0.5, 0.5]).probability_of_superiority == 0.5


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=7))
def test_swapping_variants_mirrors_effect_sizes(pairs: list[tuple[int, int]]) -> None:
    """Signs flip, and the two superiorities sum to 1."""
    a, b = (np.array(side) / 10 for side in zip(*pairs, strict=True))
    first, second = effect_sizes(a, b), effect_sizes(b, a)
    assert first.reason == second.reason
    assert first.probability_of_superiority + second.probability_of_superiority == pytest.approx(1)
    for name in ("cohen_dz", "hedges_gz", "cohen_d_pooled"):
        one, other = getattr(first, name), getattr(second, name)
        assert (one is None) == (other is None)
        assert one is None or one == pytest.approx(-other)


def correct(both: int, first: int, second: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    counts = [both, first, second, neither]
    return np.repeat([1, 1, 0, 0], counts), np.repeat([1, 0, 1, 0], counts)


def test_mcnemar_of_published_data() -> None:
    """R prints 2.2273 and p-value = 0.1356 for `mcnemar.test(matrix(c(26, 7, 15, 37), 2))`, with its correction."""
    result = mcnemar(*correct(26, 15, 7, 37), exact_up_to=0)
    assert (result.b, result.c, result.exact) == (15, 7, False)
    assert result.statistic == pytest.approx(2.2273, abs=5e-5)
    assert result.p == pytest.approx(0.1356, abs=5e-5)


def test_cochran_q_of_two_runs_of_published_data() -> None:
    """R prints 17.3559 and 3.099e-05 for `mcnemar.test(matrix(c(794, 86, 150, 570), 2), correct = FALSE)`."""
    result = cochran_q(np.stack(correct(794, 150, 86, 570)))
    assert result.statistic == pytest.approx(17.3559, abs=5e-5)
    assert result.p == pytest.approx(3.099e-05, abs=5e-9)


@pytest.mark.parametrize(("b", "c"), [(3, 0), (7, 7), (150, 86), (600, 400)])
def test_mcnemar_is_exact_up_to_a_thousand(b: int, c: int) -> None:
    """The p is SciPy's binomial test of b in b + c, and the counts are of images that one run alone has right."""
    result = mcnemar(*correct(11, b, c, 5))
    assert (result.b, result.c, result.statistic, result.exact) == (b, c, min(b, c), True)
    assert result.p == pytest.approx(stats.binomtest(b, b + c, 0.5).pvalue, rel=1e-9)


@pytest.mark.parametrize(("b", "c"), [(601, 400), (501, 501), (502, 501)])
def test_mcnemar_beyond_a_thousand_is_chi_squared(b: int, c: int) -> None:
    """The continuity-corrected statistic, which is 0 where both are right alone equally often."""
    result = mcnemar(*correct(11, b, c, 5))
    expected = max(abs(b - c) - 1, 0) ** 2 / (b + c)
    assert result.statistic == pytest.approx(expected)
    assert result.exact is False
    assert result.p == pytest.approx(2 * stats.norm.sf(math.sqrt(expected)), rel=1e-9)


@pytest.mark.parametrize("pair", [correct(3, 0, 0, 2), correct(3, 0, 0, 0), correct(0, 0, 0, 4)])
def test_mcnemar_without_discordant_images_is_not_defined(pair: tuple[np.ndarray, np.ndarray]) -> None:
    """Two runs that are right on the same images have no p, but a reason."""
    result = mcnemar(*pair)
    assert (result.b, result.c, result.p) == (0, 0, None)
    assert result.reason is not None
    assert cochran_q(np.stack(pair)).reason is not None


def test_cochran_q_of_published_data() -> None:
    """SAS/STAT, PROC FREQ, "Cochran's Q Test": responses to three drugs give Q = 8.4706, 2 df, p = 0.0145."""
    counts = {"111": 6, "110": 16, "101": 2, "100": 4, "011": 2, "010": 4, "001": 6, "000": 6}
    columns = [[int(digit) for digit in pattern] for pattern, n in counts.items() for _ in range(n)]
    result = cochran_q(np.array(columns).T)
    assert result.statistic == pytest.approx(8.4706, abs=5e-5)
    assert result.df == 2
    assert result.p == pytest.approx(0.0145, abs=5e-5)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_cochran_q_of_two_is_mcnemar_uncorrected(rows: list[tuple[bool, bool]]) -> None:
    """For two runs Q = (b - c)²/(b + c)."""
    table = np.array(rows).T
    test, q = mcnemar(*table), cochran_q(table)
    if test.b + test.c == 0:
        assert q.statistic is None
    else:
        assert q.statistic == pytest.approx((test.b - test.c) ** 2 / (test.b + test.c))
        assert q.df == 1
        assert q.p == pytest.approx(2 * stats.norm.sf(abs(test.b - test.c) / math.sqrt(test.b + test.c)))


def test_cochran_q_is_a_stratified_chi_squared() -> None:
    """Where every image is decided by one run alone, Q is (V - 1)/V of Pearson's statistic."""
    hits = [12, 7, 9]
    table = np.repeat(np.eye(3, dtype=int), hits, axis=1)
    pearson, _, _ = proportions_chisquare(np.array(hits), np.full(3, sum(hits)))
    assert cochran_q(table).statistic == pytest.approx(pearson * 2 / 3)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: sign_flip([]), "(0,)"),
        (lambda: paired_t([0.1, math.nan]), "value 1 is nan"),
        (lambda: wilcoxon([[0.1]]), "(1, 1)"),
        (lambda: effect_sizes([0.1, 0.2], [0.1]), "2 and 1 seeds"),
        (lambda: effect_sizes([0.1, 0.2], [math.inf, 0.1]), "theta_b"),
        (lambda: mcnemar([1, 0], [1]), "2 and 1 images"),
        (lambda: mcnemar([1, 2], [1, 0]), "correct_a holds 2"),
        (lambda: mcnemar([1, 0], [1, math.nan]), "correct_b holds nan"),
        (lambda: mcnemar([], []), "(0,)"),
        (lambda: cochran_q([[1, 0]]), "one run"),
        (lambda: cochran_q([1, 0]), "(2,)"),
    ],
)
def test_refuses_what_cannot_be_tested(call: object, words: str) -> None:
    """Wrong shapes and values are refused in one line."""
    with pytest.raises(InputError) as caught:
        call()  # type: ignore[operator]
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
