"""Tests and effect sizes that stand beside the crossed t of a contrast.

Over seeds: the exact sign-flip test, the paired t and Wilcoxon's signed-rank test see one difference per seed and
nothing of the images. Per run: McNemar's test and Cochran's Q see the images of one seed and nothing of other seeds.
What is not defined is None, with a reason; a test is never chosen by looking at the data.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats
from statsmodels.stats import contingency_tables

from analysis.beside import ROUNDING, checked_theta, is_constant
from analysis.errors import InputError
from analysis.multiplicity import attainable_p

EXACT_SEEDS = 20
"""Up to so many differences other than zero all sign patterns are counted (2¹⁹ of them, by symmetry)."""

EXACT_RANKS = 50
"""Up to so many differences without ties the distribution of Wilcoxon's statistic is exact."""

EXACT_DISCORDANT = 1000
"""Up to so many images on which two runs differ McNemar's test is the exact binomial one."""

TEST_NO_VARIATION = "no variation: test not defined"
ALL_ZERO = "all differences are 0: test not defined"
ONE_SEED = "one seed: test not defined"


@dataclass(frozen=True)
class SignFlip:
    """Two-sided p of the sign-flip test over `n` differences, `zeros` of them 0, and the lowest p it can attain."""

    p: float
    attainable: float
    n: int
    zeros: int
    exact: bool


@dataclass(frozen=True)
class SeedTest:
    """A two-sided test over the differences of `n` seeds; where it is not defined `reason` says why.

    `exact` says that p is counted over signs, not taken from a continuous distribution.
    """

    statistic: float | None
    p: float | None
    n: int
    exact: bool = False
    reason: str | None = None


@dataclass(frozen=True)
class EffectSizes:
    """Differences over seeds in units of their spread; what is not defined is None, with a reason.

    `cohen_dz`: mean difference over the standard deviation of the differences; `hedges_gz`: the same without its bias
    in small samples; `cohen_d_pooled`: over √((s²_a + s²_b)/2); `probability_of_superiority`: the share of all S²
    pairs of single seeds with a above b, ties counted half, from 0 to 1.
    """

    cohen_dz: float | None
    hedges_gz: float | None
    cohen_d_pooled: float | None
    probability_of_superiority: float
    reason: str | None = None


@dataclass(frozen=True)
class McNemar:
    """McNemar's test of two runs on the same images.

    `b` images were decided correctly by the first run alone, `c` by the second alone. The exact test's statistic is
    the smaller of the two counts; the other's (`exact` False) is χ² with one degree of freedom.
    """

    b: int
    c: int
    statistic: float | None
    p: float | None
    exact: bool
    reason: str | None = None


@dataclass(frozen=True)
class CochranQ:
    """Cochran's Q of several runs on the same images, χ² with `df` degrees of freedom."""

    statistic: float | None
    df: int
    p: float | None
    reason: str | None = None


def sign_flip(theta: ArrayLike, *, generator: np.random.Generator | None = None, flips: int = 100_000) -> SignFlip:
    """The two-sided sign-flip test that differences (S,) are symmetric about 0 (Fisher 1935; Pitman 1937).

    p is the share of all 2ⁿ sign patterns whose sum is at least as far from 0 as the one observed, sums equal but for
    rounding included. With z zeros it cannot go below 2/2^(n - z). With more than 20 differences other than zero,
    `flips` random patterns of `generator` stand for all: p = (1 + hits)/(1 + flips), and `exact` is False.

    Raises:
        InputError: `theta` is no row of finite numbers, or there are too many seeds for all patterns and no generator.

    >>> sign_flip([0.01, 0.03, 0.02, 0.01, 0.0])
    SignFlip(p=0.125, attainable=0.125, n=5, zeros=1, exact=True)
    """
    values = checked_theta(theta)
    size = np.abs(values)
    differences = values[size > ROUNDING * size.max()]
    n, zeros = len(values), len(values) - len(differences)
    attainable = attainable_p(n, zeros)
    # Sums equal but for rounding are as extreme as the one observed.
    bound = abs(float(differences.sum())) - ROUNDING * float(np.abs(differences).sum())
    if len(differences) <= EXACT_SEEDS:
        # The first sign stays: the other half of the patterns mirrors this one.
        sums = differences[:1] if len(differences) else np.zeros(1)
        for value in differences[1:]:
            sums = np.concatenate([sums + value, sums - value])
        return SignFlip(float(np.mean(np.abs(sums) >= bound)), attainable, n, zeros, exact=True)
    if generator is None:
        raise InputError(
            f"{len(differences)} seeds with a difference: the sign-flip test counts all patterns up to {EXACT_SEEDS}; "
            "give a generator for random ones"
        )
    if flips < 1:
        raise InputError(f"flips {flips}: need at least 1")
    signs = 2.0 * generator.integers(0, 2, size=(flips, len(differences)), dtype=np.int8) - 1
    hits = int(np.count_nonzero(np.abs(signs @ differences) >= bound))
    return SignFlip((1 + hits) / (1 + flips), max(attainable, 1 / (1 + flips)), n, zeros, exact=False)


def paired_t(theta: ArrayLike) -> SeedTest:
    """Student's two-sided t-test that the mean of differences (S,) is 0, with S - 1 degrees of freedom.

    Constant differences are refused with a reason, where the formula would divide by 0 or by rounding.

    Raises:
        InputError: `theta` is no row of finite numbers.

    >>> result = paired_t([0.01, 0.03, 0.02, 0.01])
    >>> round(result.statistic, 3), round(result.p, 4)
    (3.656, 0.0354)
    """
    values = checked_theta(theta)
    if len(values) == 1:
        return SeedTest(None, None, 1, reason=ONE_SEED)
    if is_constant(values):
        return SeedTest(None, None, len(values), reason=TEST_NO_VARIATION)
    result = stats.ttest_1samp(values, 0.0)
    return SeedTest(float(result.statistic), float(result.pvalue), len(values))


def wilcoxon(theta: ArrayLike) -> SeedTest:
    """Wilcoxon's two-sided signed-rank test on differences (S,); the statistic is the smaller sum of ranks.

    Zeros are dropped (Wilcoxon 1945) and `n` counts the rest; differences equal but for rounding share their mean
    rank. Exact up to 50 seeds without ties, and up to 20 with ties by counting all signs of the ranks; else the normal
    approximation, with `exact` False.

    Raises:
        InputError: `theta` is no row of finite numbers.

    >>> wilcoxon([0.01, 0.03, 0.02, -0.005, 0.0])
    SeedTest(statistic=1.0, p=0.25, n=4, exact=True, reason=None)
    """
    values = checked_theta(theta)
    largest = float(np.abs(values).max())
    if largest == 0.0:
        return SeedTest(None, None, 0, reason=ALL_ZERO)
    # Ranks see every digit: ties are made before they are taken.
    rounded = np.round(values / largest, -math.floor(math.log10(ROUNDING)))
    kept = rounded[rounded != 0]
    n = len(kept)
    ties = len(np.unique(np.abs(kept))) < n
    if ties and n <= EXACT_SEEDS:
        # SciPy's exact distribution is that without ties; this one is of the ranks as they are.
        ranks = np.sign(kept) * stats.rankdata(np.abs(kept))
        smaller = min(float(ranks[ranks > 0].sum()), float(-ranks[ranks < 0].sum()))
        return SeedTest(smaller, sign_flip(ranks).p, n, exact=True)
    result = stats.wilcoxon(kept)
    return SeedTest(float(result.statistic), float(result.pvalue), n, exact=not ties and n <= EXACT_RANKS)


def effect_sizes(theta_a: ArrayLike, theta_b: ArrayLike) -> EffectSizes:
    """Effect sizes of a - b, both (S,) with the same seeds in the same order.

    d_z = mean(a - b)/sd(a - b); g_z = J(S - 1) d_z with J(m) = Γ(m/2) / (√(m/2) Γ((m - 1)/2)) (Hedges, J. Educ. Stat.
    6, 1981); d = mean(a - b)/√((s²_a + s²_b)/2). They are in units of the spread of seeds, which is small: large values
    are usual, and say nothing of how much a difference matters.

    Raises:
        InputError: no rows of finite numbers, or of different lengths.

    >>> sizes = effect_sizes([0.95, 0.96, 0.94], [0.93, 0.95, 0.94])
    >>> round(sizes.cohen_dz, 3), round(sizes.hedges_gz, 3), round(sizes.cohen_d_pooled, 3)
    (1.0, 0.564, 1.0)
    >>> round(sizes.probability_of_superiority, 3)
    0.778
    """
    a, b = checked_theta(theta_a, "theta_a"), checked_theta(theta_b, "theta_b")
    if len(a) != len(b):
        raise InputError(f"{len(a)} and {len(b)} seeds: effect sizes are paired, give the same seeds of both")
    scale = max(float(np.abs(a).max()), float(np.abs(b).max()))
    pairs = a[:, None] - b
    tied = np.abs(pairs) <= ROUNDING * scale
    superiority = float(np.where(tied, 0.5, pairs > 0).mean())
    if len(a) == 1:
        return EffectSizes(None, None, None, superiority, "one seed: spread over seeds not defined")
    difference = a - b
    mean = float(difference.mean())
    dz = gz = pooled = reason = None
    if is_constant(difference, scale):
        reason = "no variation of the differences: d_z not defined"
    else:
        dz = mean / float(difference.std(ddof=1))
        if len(a) == 2:
            reason = "two seeds: g_z not defined (three or more are needed)"
        else:
            gz = dz * _small_sample_factor(len(a) - 1)
    if is_constant(a, scale) and is_constant(b, scale):
        reason = "no variation: effect sizes not defined"
    else:
        pooled = mean / math.sqrt((float(a.var(ddof=1)) + float(b.var(ddof=1))) / 2)
    return EffectSizes(dz, gz, pooled, superiority, reason)


def mcnemar(correct_a: ArrayLike, correct_b: ArrayLike, *, exact_up_to: int = EXACT_DISCORDANT) -> McNemar:
    """McNemar's two-sided test that two runs are correct equally often on the same images, (I,) each of 0 and 1.

    Exact binomial with b + c up to `exact_up_to`; beyond, χ² = (|b - c| - 1)²/(b + c), the continuity correction left
    out at b = c (Edwards, Psychometrika 13, 1948). It is about these two runs: another seed is another question.

    Raises:
        InputError: the two differ in length, are empty, or hold a value that is neither 0 nor 1.

    >>> mcnemar([1, 1, 1, 1, 0, 1], [0, 0, 0, 1, 0, 1])
    McNemar(b=3, c=0, statistic=0.0, p=0.25, exact=True, reason=None)
    """
    a, b = _checked_correct(correct_a, "correct_a", 1), _checked_correct(correct_b, "correct_b", 1)
    if len(a) != len(b):
        raise InputError(f"{len(a)} and {len(b)} images: McNemar's test is paired, give the same images of both")
    only_a, only_b = int(np.count_nonzero(a & ~b)), int(np.count_nonzero(b & ~a))
    exact = only_a + only_b <= exact_up_to
    if only_a + only_b == 0:
        return McNemar(0, 0, None, None, exact, "both are correct on the same images: test not defined")
    both, neither = int(np.count_nonzero(a & b)), int(np.count_nonzero(~a & ~b))
    table = [[both, only_a], [only_b, neither]]
    result = contingency_tables.mcnemar(table, exact=exact, correction=only_a != only_b)
    return McNemar(only_a, only_b, float(result.statistic), float(result.pvalue), exact)


def cochran_q(correct: ArrayLike) -> CochranQ:
    """Cochran's Q that V runs are correct equally often on the same images, (V, I) of 0 and 1 (Biometrika 37, 1950).

    χ² with V - 1 degrees of freedom; for two runs it is McNemar's test without continuity correction.

    Raises:
        InputError: another shape, fewer than two runs, no image, or a value that is neither 0 nor 1.

    >>> result = cochran_q([[1, 1, 1, 1, 0, 1], [0, 0, 0, 1, 0, 1]])
    >>> result.statistic, result.df, round(result.p, 4)
    (3.0, 1, 0.0833)
    """
    table = _checked_correct(correct, "correct", 2)
    if len(table) < 2:
        raise InputError("one run: Cochran's Q compares at least two")
    df = len(table) - 1
    if bool((table == table[0]).all()):
        return CochranQ(None, df, None, "all are correct on the same images: test not defined")
    result = contingency_tables.cochrans_q(table.T)
    return CochranQ(float(result.statistic), df, float(result.pvalue))


def _small_sample_factor(df: int) -> float:
    """J(df), df at least 2, by logarithms of Γ."""
    return math.exp(float(special.gammaln(df / 2) - special.gammaln((df - 1) / 2))) / math.sqrt(df / 2)


def _checked_correct(correct: ArrayLike, name: str, ndim: int) -> NDArray[np.bool_]:
    values = np.asarray(correct)
    if values.ndim != ndim or not values.size:
        needed = "(images,)" if ndim == 1 else "(runs, images)"
        raise InputError(f"{name} of shape {values.shape}: need {needed}, at least one of each")
    wrong = values[~np.isin(values, (0, 1))]
    if len(wrong):
        raise InputError(f"{name} holds {wrong[0]}: must be 1 (correct) or 0 (wrong)")
    return values.astype(np.bool_)
