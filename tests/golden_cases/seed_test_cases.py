"""Tests over seeds and per run, effect sizes, and planning."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import optimize, stats
from statsmodels.stats.weightstats import DescrStatsW

from analysis import power, significance

from .comparing import as_printed, golden
from .interval_cases import SLEEP, SLEEP_IN_R
from .references import Array

Pairs = Iterator[tuple[Any, Any]]

COUNTED = "all signs counted by numpy.convolve of the distribution of the sum"

SPLITS = (
    power.VarianceSplit(1e-4, 0.05, 0.1),
    power.VarianceSplit(0.0, 0.02, 0.3),
    power.VarianceSplit(4e-3, 0.0, 0.2),
)


def _differences() -> Iterator[Array]:
    """Differences over 2 to 14 seeds: of many digits, and of few with zeros and ties."""
    for number, n in enumerate((2, 3, 5, 8, 10, 14)):
        theta = np.random.default_rng(400 + number).normal(0.01, 0.02, size=n)
        yield theta
        if n > 3:
            yield np.round(theta, 2)


@golden("significance.sign_flip", "scipy.stats.permutation_test(permutation_type='samples', n_resamples=inf)", 1e-12)
def sign_flip() -> Pairs:
    for theta in _differences():
        result = stats.permutation_test((theta,), np.mean, permutation_type="samples", n_resamples=np.inf)
        yield significance.sign_flip(theta).p, result.pvalue


@golden("significance.sign_flip", f"more than 20 seeds, 100,000 random flips: {COUNTED}", 0.005)
def sign_flip_at_random() -> Pairs:
    for number in range(4):
        rng = np.random.default_rng(500 + number)
        theta = rng.integers(-20, 30, size=26)
        ours = significance.sign_flip(theta / 1000, generator=rng)
        yield ours.p, _counted(np.abs(theta[theta != 0]), int(theta.sum()))


@golden("significance.paired_t", "statsmodels DescrStatsW.ttest_mean", 1e-12)
def paired_t() -> Pairs:
    for theta in _differences():
        statistic, p, _ = DescrStatsW(theta).ttest_mean()
        result = significance.paired_t(theta)
        yield [result.statistic, result.p], [statistic, p]


@golden("significance.paired_t", SLEEP_IN_R, 0.0)
def paired_t_in_r() -> Pairs:
    result = significance.paired_t(np.subtract(*SLEEP))
    yield as_printed(result.statistic, "-4.0621")
    yield as_printed(result.p, "0.002833")


@golden(
    "significance.wilcoxon", f"exact: {COUNTED}; else normal with tied variance (Lehmann, Nonparametrics, 1975)", 1e-12
)
def wilcoxon() -> Pairs:
    for theta in _differences():
        yield from _signed_ranks(theta)
    for number, (n, digits) in enumerate(((40, 9), (30, 2), (80, 9))):
        yield from _signed_ranks(np.round(np.random.default_rng(600 + number).normal(0.01, 0.03, size=n), digits))


@golden(
    "significance.effect_sizes",
    "t/√S by scipy.stats.ttest_rel; J = 1/scipy.stats.nct.mean(S - 1, 1); numpy.cov; mannwhitneyu/S²",
    1e-10,
)
def effect_sizes() -> Pairs:
    for number, n in enumerate((3, 5, 8, 20)):
        a, b = np.round(np.random.default_rng(700 + number).normal(0.9, 0.02, size=(2, n)), 3)
        dz = stats.ttest_rel(a, b).statistic / math.sqrt(n)
        pooled = (a.mean() - b.mean()) / math.sqrt(np.trace(np.cov(a, b)) / 2)
        above = stats.mannwhitneyu(a, b, method="asymptotic").statistic / n**2
        result = significance.effect_sizes(a, b)
        yield (
            [result.cohen_dz, result.hedges_gz, result.cohen_d_pooled, result.probability_of_superiority],
            [dz, dz / stats.nct.mean(n - 1, 1), pooled, above],
        )


@golden(
    "significance.mcnemar",
    "scipy.stats.binomtest(b, b + c); above 1,000 scipy.stats.chi2.sf of (abs(b - c) - 1)²/(b + c)",
    1e-10,
)
def mcnemar() -> Pairs:
    for number, n in enumerate((30, 200, 3000, 9000)):
        a, b = np.random.default_rng(800 + number).random((2, n)) < [[0.82], [0.8]]
        result = significance.mcnemar(a, b)
        only_a, only_b = int(np.sum(a > b)), int(np.sum(b > a))
        if only_a + only_b <= 1000:
            yield [result.statistic, result.p], [min(only_a, only_b), stats.binomtest(only_a, only_a + only_b).pvalue]
        else:
            statistic = (abs(only_a - only_b) - 1) ** 2 / (only_a + only_b)
            yield [result.statistic, result.p], [statistic, stats.chi2.sf(statistic, 1)]


@golden("significance.cochran_q", "scipy.stats.friedmanchisquare, which is Q on 0 and 1", 1e-9)
def cochran_q() -> Pairs:
    for number, runs in enumerate((3, 4, 6)):
        correct = np.random.default_rng(900 + number).random((runs, 300)) < np.linspace(0.7, 0.8, runs)[:, None]
        result = significance.cochran_q(correct)
        yield [result.statistic, result.p], stats.friedmanchisquare(*correct.astype(float))


@golden(
    "significance.cochran_q",
    "R, mcnemar.test(correct=FALSE) on presidential approval (Agresti 1990, p. 350), as printed in Penn State STAT 504",
    0.0,
)
def cochran_q_in_r() -> Pairs:
    counts = [794, 150, 86, 570]
    result = significance.cochran_q([np.repeat([1, 1, 0, 0], counts), np.repeat([1, 0, 1, 0], counts)])
    yield as_printed(result.statistic, "17.3559")
    yield as_printed(result.p, "3.099e-05")


@golden(
    "significance.cochran_q", "SAS, PROC FREQ with AGREE on three drugs (SAS/STAT user's guide, Cochran's Q test)", 0.0
)
def cochran_q_in_sas() -> Pairs:
    answers = [(1, 1, 1), (1, 1, 0), (1, 0, 1), (1, 0, 0), (0, 1, 1), (0, 1, 0), (0, 0, 1), (0, 0, 0)]
    patients = np.repeat(answers, [6, 16, 2, 4, 2, 4, 6, 6], axis=0)
    yield as_printed(significance.cochran_q(patients.T).p, "0.0145")


@golden("power.planned_error", "expected mean squares in Hillis's formula (Stat. Med. 26, 2007)", 1e-9)
def planned_error() -> Pairs:
    for split, n_seeds, n_images in _plans():
        yield power.planned_error(split, n_seeds, n_images), _planned(split, n_seeds, n_images)


@golden(
    "power.detectable_difference",
    "scipy.optimize.brentq for the shift at which scipy.stats.t passes its quantile",
    1e-9,
)
def detectable_difference() -> Pairs:
    for split, n_seeds, n_images in _plans():
        for alpha, wanted in ((0.05, 0.8), (0.01, 0.9)):
            error, df = _planned(split, n_seeds, n_images)

            def short(
                d: float, error: float = error, df: float = df, alpha: float = alpha, wanted: float = wanted
            ) -> float:
                return float(stats.t.sf(stats.t.isf(alpha / 2, df) - d / error, df) - wanted)

            root = optimize.brentq(short, 0, 100 * error, xtol=1e-15, rtol=1e-14)
            yield power.detectable_difference(split, n_seeds, n_images, alpha, wanted), root


@golden("power.seeds_needed", "numbers of seeds tried one by one with scipy.stats.t", 1e-12)
def seeds_needed() -> Pairs:
    for split in SPLITS:
        for n_images in (500, 5000):
            for difference in (0.01, 0.02, 0.05):
                ours = power.seeds_needed(split, n_images, difference, most=200)
                limit = (stats.t.ppf(0.975, n_images - 1) + stats.t.ppf(0.8, n_images - 1)) * math.sqrt(
                    split.var_image / n_images
                )
                yield [ours.seeds, ours.limit], [_first(split, n_images, difference), limit]


@golden("power.opposite_share", "scipy.stats.mannwhitneyu statistic over S²", 1e-12)
def opposite_share() -> Pairs:
    for number, n in enumerate((3, 5, 8, 10)):
        a, b = np.round(np.random.default_rng(1000 + number).normal(0.9, 0.02, size=(2, n)), 3)
        low, high = sorted((a, b), key=np.mean)
        share = stats.mannwhitneyu(low, high, method="asymptotic").statistic / n**2
        yield power.opposite_share(a, b), share


@golden(
    "power.seed_spread",
    "scipy.stats.tstd; limits where scipy.stats.chi2.sf((S - 1) s²/σ²) is .025 and .975, by brentq",
    1e-10,
)
def seed_spread() -> Pairs:
    for number, n in enumerate((3, 5, 10)):
        theta = np.random.default_rng(1100 + number).normal(0.93, 0.005, size=n)
        sd, calibrated = stats.tstd(theta), math.sqrt(np.mean(1 - theta) / 4000)

        def tail(sigma: float, wanted: float, sd: float = sd, n: int = n) -> float:
            return float(stats.chi2.sf((n - 1) * (sd / sigma) ** 2, n - 1) - wanted)

        limits = [optimize.brentq(tail, sd / 50, sd * 50, (wanted,), xtol=1e-15) for wanted in (0.025, 0.975)]
        result = power.seed_spread(theta, 2000)
        yield (
            [result.sd, result.calibrated, result.ratio, result.low, result.high],
            [sd, calibrated, sd / calibrated, *(limit / calibrated for limit in limits)],
        )


def _counted(sizes: Any, observed: int) -> float:
    """P(|Σ ± size| ≥ |observed|) with all signs equally likely; sizes are whole numbers."""
    chances = np.ones(1)
    for size in sizes:
        steps = np.zeros(2 * int(size) + 1)
        steps[[0, -1]] = 0.5
        chances = np.convolve(chances, steps)
    total = int(np.sum(sizes))
    sums = np.arange(-total, total + 1)
    return float(chances[np.abs(sums) >= abs(observed)].sum())


def _signed_ranks(theta: Array) -> Pairs:
    kept = np.round(theta, 12)
    kept = kept[kept != 0]
    n, ranks = len(kept), stats.rankdata(np.abs(np.round(kept, 10)))
    positive = ranks[kept > 0].sum()
    smaller = min(positive, ranks.sum() - positive)
    ties = np.unique(ranks, return_counts=True)[1]
    if n <= 20 or (n <= 50 and ties.max() == 1):
        # Twice the ranks are whole.
        p = _counted(np.rint(2 * ranks), round(2 * (2 * positive - ranks.sum())))
    else:
        variance = n * (n + 1) * (2 * n + 1) / 24 - np.sum(ties**3 - ties) / 48
        p = 2 * stats.norm.sf(abs(smaller - n * (n + 1) / 4) / math.sqrt(variance))
    result = significance.wilcoxon(theta)
    yield [result.statistic, result.p], [smaller, p]


def _plans() -> Iterator[tuple[power.VarianceSplit, int, int]]:
    return ((split, s, i) for split in SPLITS for s in (3, 5, 10) for i in (200, 2000))


def _planned(split: power.VarianceSplit, n_seeds: int, n_images: int) -> tuple[float, float]:
    """From the mean squares that a study is expected to show: MS_s, MS_i and MS_e."""
    ms_s = n_images * split.var_seed + split.var_residual
    excess = n_seeds * split.var_image
    df = (ms_s + excess) ** 2 / (ms_s**2 / (n_seeds - 1) + excess**2 / (n_images - 1))
    return math.sqrt((ms_s + excess) / (n_seeds * n_images)), df


def _first(split: power.VarianceSplit, n_images: int, difference: float) -> float:
    for n_seeds in range(3, 201):
        error, df = _planned(split, n_seeds, n_images)
        if stats.t.sf(stats.t.isf(0.025, df) - difference / error, df) >= 0.8:
            return n_seeds
    return math.nan
