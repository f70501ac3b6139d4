"""Crossed intervals, what stands beside them, contrasts, the factorial, equivalence and families."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import DescrStatsW

from analysis import beside, contrasts, dispersion_rows, equivalence, factorial, jackknife, multiplicity
from analysis import intervals as ours
from analysis.frames import Decisions
from analysis.intervals import Stratum
from analysis.summary import Contrast

from .comparing import as_printed, golden
from .references import BY_ANOVA, SKLEARN, Array, centred_within, crossed, fields, slopes, split, studies, tables

Pairs = Iterator[tuple[Any, Any]]

SLEEP = (
    (0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0),
    (1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4),
)
"""R's data set `sleep`: the two columns of `extra`."""

SLEEP_IN_R = "R, t.test(extra ~ group, data=sleep, paired=TRUE), as printed in de Vries and Meys, R For Dummies"


@golden("intervals.crossed_mean", BY_ANOVA, 1e-11)
def crossed_mean() -> Pairs:
    for first, second, _ in tables():
        for confidence in (0.9, 0.95):
            values = first - second
            yield fields(ours.crossed_mean(values, confidence)), list(crossed([(values, 1.0)], confidence).values())


@golden("intervals.crossed_interval", BY_ANOVA, 1e-11)
def crossed_interval() -> Pairs:
    for first, second, groups in tables():
        # By label; and the fall from one group of images to another.
        for parts in (split(first, groups), [(first[:, groups == 1], 1.0), (second[:, groups == 0], -1.0)]):
            yield fields(ours.crossed_interval([Stratum(*part) for part in parts])), list(crossed(parts).values())


@golden("intervals.strata_by_group", "numpy.average of the groups' means", 1e-12)
def strata_by_group() -> Pairs:
    for first, _, groups in tables():
        parts = ours.strata_by_group(first, groups)
        counts = np.unique(groups, return_counts=True)[1]
        means = np.stack([first[:, groups == name].mean(axis=1) for name in np.unique(groups)])
        yield sum(p.weight * p.values.mean(axis=1) for p in parts), np.average(means, axis=0, weights=counts)


@golden("jackknife.of_images", "the standard error that the components predict, √(MS of statsmodels anova_lm)", 1e-9)
def of_images() -> Pairs:
    for values, _, _ in tables():
        result = jackknife.of_images(ours.crossed_mean(values), 1000)
        expected = crossed([(values, 1.0)])
        yield (
            [result.var_image / 1000, result.var_residual / 1000, result.standard_error],
            [
                expected["var_image"] / values.shape[1],
                expected["var_residual"] / values.shape[1],
                expected["standard_error"],
            ],
        )


@golden("beside.seed_t", "scipy.stats.ttest_1samp(θ, 0).confidence_interval", 1e-12)
def seed_t() -> Pairs:
    for first, _, _ in tables():
        theta = first.mean(axis=1)
        expected = stats.ttest_1samp(theta, 0).confidence_interval(0.9)
        result = beside.seed_t(theta, 0.9)
        yield [result.low, result.high], [expected.low, expected.high]


@golden("beside.seed_t", SLEEP_IN_R, 0.0)
def seed_t_in_r() -> Pairs:
    result = beside.seed_t(np.subtract(*SLEEP))
    yield as_printed(result.low, "-2.4598858")
    yield as_printed(result.high, "-0.7001142")


@golden(
    "beside.images_only",
    "statsmodels DescrStatsW.tconfint_mean; with groups, scipy.stats.sem of each and scipy.stats.t",
    1e-12,
)
def images_only() -> Pairs:
    for first, _, groups in tables():
        result = beside.images_only([Stratum(first)])
        yield [result.low, result.high], DescrStatsW(first.mean(axis=0)).tconfint_mean()
        expected = crossed(split(first, groups))
        result = beside.images_only([Stratum(*part) for part in split(first, groups)])
        yield [result.low, result.high], [expected["estimate"] + s * expected["half_width_images"] for s in (-1, 1)]


@golden("beside.images_only_of", "statsmodels DescrStatsW.tconfint_mean", 1e-12)
def images_only_of() -> Pairs:
    for first, _, _ in tables():
        result = beside.images_only_of(ours.crossed_mean(first))
        yield [result.low, result.high], DescrStatsW(first.mean(axis=0)).tconfint_mean()


@golden("contrasts.paired_difference", BY_ANOVA, 1e-11)
def paired_difference() -> Pairs:
    for first, second, groups in tables(3):
        sides = [[Stratum(*part) for part in split(side, groups)] for side in (first, second)]
        result = ours.crossed_interval(contrasts.paired_difference(*sides))
        yield fields(result), list(crossed(split(first - second, groups)).values())


@golden("contrasts.paired_contrast", BY_ANOVA, 1e-11)
def paired_contrast() -> Pairs:
    for first, second, _ in tables():
        result = contrasts.paired_contrast([Stratum(first)], [Stratum(second)], 0.99)
        yield fields(result), list(crossed([(first - second, 1.0)], 0.99).values())


@golden(
    "contrasts.metric_contrast",
    f"differences of scikit-learn's metrics; limits: influence by weights, {BY_ANOVA}",
    1e-8,
)
def metric_contrast() -> Pairs:
    for logits, labels, _ in studies(count=3):
        for name, (_, call) in SKLEARN.items():
            result = contrasts.metric_contrast(name, logits, logits[::-1], labels)  # type: ignore[arg-type]
            yield (
                result.per_seed,
                [call(labels, a) - call(labels, b) for a, b in zip(logits, logits[::-1], strict=True)],
            )
    for logits, labels, _ in studies(images=16, count=1):
        other = np.roll(logits, 1, axis=1)
        for name in ("f1", "auc"):
            values = _values(name, logits, labels) - _values(name, other, labels)
            result = contrasts.metric_contrast(name, logits, other, labels)
            yield fields(result), list(crossed(split(values, labels)).values())


@golden("contrasts.decisions_contrast", "differences of sklearn.metrics.balanced_accuracy_score", 1e-12)
def decisions_contrast() -> Pairs:
    for logits, labels, _ in studies():
        ids = np.array([str(i) for i in range(len(labels))], dtype=object)
        sides = [
            Decisions("v", "none", "t", given, labels.astype(np.int8), ids, ids, (0, 1, 2))
            for given in (logits, logits + 0.3)
        ]
        call = SKLEARN["balanced_accuracy"][1]
        expected = [call(labels, row) - call(labels, row + 0.3) for row in logits]
        yield contrasts.decisions_contrast("balanced_accuracy", *sides).per_seed, expected


@golden("factorial.effect_values", "numpy.linalg.solve for the coefficients of factors coded ∓½", 1e-12)
def effect_values() -> Pairs:
    for cells in _factorials():
        yield list(factorial.effect_values(*cells).values()), _effects(cells)


@golden("factorial.factorial_strata", "numpy.linalg.solve for the coefficients of factors coded ∓½", 1e-12)
def factorial_strata() -> Pairs:
    for cells in _factorials():
        strata = factorial.factorial_strata(*([Stratum(cell)] for cell in cells))
        yield [groups[0].values for groups in strata.values()], _effects(cells)


@golden("factorial.factorial_effects", f"coefficients by numpy.linalg.solve; {BY_ANOVA}", 1e-11)
def factorial_effects() -> Pairs:
    for cells in _factorials():
        results = factorial.factorial_effects(*([Stratum(cell)] for cell in cells), confidence=0.9)
        expected = [list(crossed([(values, 1.0)], 0.9).values()) for values in _effects(cells)]
        yield [fields(result) for result in results.values()], expected


@golden("equivalence.one_sided", f"larger tail of both t by scipy.stats.t.sf; {BY_ANOVA}", 1e-11)
def one_sided() -> Pairs:
    for result, expected in _results():
        for bound in (-0.3, 0.0, 0.2):
            tails = [equivalence.one_sided(result, bound, side) for side in ("greater", "less")]
            yield tails, [_tail(expected, bound, 1), _tail(expected, bound, -1)]


@golden("equivalence.quoted_p", f"twice the larger tail of both t by scipy.stats.t.sf; {BY_ANOVA}", 1e-11)
def quoted_p() -> Pairs:
    for result, expected in _results():
        for value in (-0.3, 0.0, 0.2):
            twice = 2 * min(_tail(expected, value, 1), _tail(expected, value, -1))
            yield equivalence.quoted_p(result, value), min(1.0, twice)


@golden("equivalence.tost", f"scipy.stats.t tails and quantiles; {BY_ANOVA}", 1e-11)
def tost() -> Pairs:
    for result, expected in _results():
        for margin, alpha in ((0.4, 0.05), (1.0, 0.025)):
            test = equivalence.tost(result, margin, alpha)
            lower, upper = _tail(expected, -margin, 1), _tail(expected, margin, -1)
            half, estimate = _half(expected, alpha), expected["estimate"]
            yield (
                [test.p_lower, test.p_upper, test.p, test.low, test.high],
                [lower, upper, max(lower, upper), estimate - half, estimate + half],
            )


@golden("equivalence.tost", "statsmodels DescrStatsW.ttost_mean, where all seeds are alike", 1e-10)
def tost_of_images() -> Pairs:
    for first, second, _ in tables():
        row = (first - second)[0]
        for margin in (0.4, 1.0):
            test = equivalence.tost(ours.crossed_mean(np.tile(row, (4, 1))), margin)
            p, (_, lower, _), (_, upper, _) = DescrStatsW(row).ttost_mean(-margin, margin)
            yield [test.p, test.p_lower, test.p_upper], [p, lower, upper]


@golden("equivalence.non_inferiority", f"scipy.stats.t tails and quantiles; {BY_ANOVA}", 1e-11)
def non_inferiority() -> Pairs:
    for result, expected in _results():
        for higher in (True, False):
            sign = 1 if higher else -1
            test = equivalence.non_inferiority(result, 0.4, 0.025, higher_is_better=higher)
            limit = expected["estimate"] - sign * _half(expected, 0.025)
            yield [test.p, test.limit], [_tail(expected, -sign * 0.4, sign), limit]


@golden("equivalence.beyond", f"twice the smaller tail beyond by scipy.stats.t; {BY_ANOVA}", 1e-11)
def beyond() -> Pairs:
    for result, expected in _results():
        for margin in (0.02, 0.4):
            tails = [_tail(expected, margin, 1), _tail(expected, -margin, -1)]
            yield equivalence.beyond(result, margin), min(1.0, 2 * min(tails))


@golden("multiplicity.holm", "statsmodels multipletests(method='holm')", 1e-15)
def holm() -> Pairs:
    for p in _families():
        expected = multipletests(p, method="holm")[1]
        yield multiplicity.holm(p), expected
        # What is not defined does not count.
        yield multiplicity.holm([None, *p, None]), [np.nan, *expected, np.nan]


@golden(
    "multiplicity.attainable_p",
    "scipy.stats.permutation_test(permutation_type='samples') of differences of one sign",
    1e-15,
)
def attainable_p() -> Pairs:
    for n in range(2, 12):
        yield multiplicity.attainable_p(n), _all_flips(np.arange(1.0, n + 1))
        yield multiplicity.attainable_p(n + 2, zeros=2), _all_flips(np.arange(1.0, n + 1))


@golden(
    "multiplicity.sign_flip_can_reject",
    "statsmodels multipletests of the p that permutation_test attains, the others 1",
    0.0,
)
def sign_flip_can_reject() -> Pairs:
    for n, size in ((5, 1), (6, 1), (7, 6), (8, 6)):
        p = [_all_flips(np.arange(1.0, n + 1)), *[1.0] * (size - 1)]
        yield multiplicity.sign_flip_can_reject(n, size), multipletests(p, method="holm")[1].min() < 0.05


@golden("dispersion_rows.label_strata", "numpy.average of the labels' means", 1e-12)
def label_strata() -> Pairs:
    for first, _, groups in tables():
        parts = dispersion_rows.label_strata(first, groups.astype(np.int8))
        total = sum(part.weight * part.values.mean(axis=1) for part in parts)
        yield total, np.average(first, axis=1)


@golden("dispersion_rows.crossed_outcome", BY_ANOVA, 1e-11)
def crossed_outcome() -> Pairs:
    for first, _, groups in tables():
        holed = first.copy()
        holed[0, 2] = np.nan
        kept = np.delete(np.arange(len(groups)), 2)
        result = dispersion_rows.crossed_outcome(holed, groups.astype(np.int8), 0.95)
        yield fields(result), list(crossed(split(first[:, kept], groups[kept])).values())


@golden("multiplicity.with_holm", "statsmodels multipletests(method='holm') of each family", 1e-15)
def with_holm() -> Pairs:
    families = {number: p for number, p in enumerate(_families()) if number > 2}
    labels = {"quantity": "q", "variant": "v", "test_set": "t", "path": "p", "estimate": 0.0}
    rows = [
        Contrast(**labels, n_seeds=3, n_images=9, family=str(family), p=float(p))
        for family, ps in families.items()
        for p in ps
    ]
    adjusted = [row.p_holm for row in multiplicity.with_holm(rows)]
    yield adjusted, np.concatenate([multipletests(ps, method="holm")[1] for ps in families.values()])


def _values(name: str, logits: Array, labels: Any) -> Array:
    """A metric's values per image, from its derivatives by weights."""
    rows = []
    for row in logits:

        def weighted(weights: Array, row: Array = row) -> float:
            return SKLEARN[name][1](labels, row, 0.0, weights)

        ones = np.ones(len(labels))
        rows.append(weighted(ones) + len(labels) * centred_within(slopes(weighted, ones), labels))
    return np.array(rows)


def _factorials() -> Iterator[list[Array]]:
    for first, second, _ in tables(4):
        yield [first, second, first[::-1] + 0.3, second[:, ::-1] + first]


def _effects(cells: list[Array]) -> Array:
    """(3, S, I): the two factors and their product in a saturated model of the cells."""
    a, e = np.array([-0.5, 0.5, -0.5, 0.5]), np.array([-0.5, -0.5, 0.5, 0.5])
    design = np.column_stack([np.ones(4), a, e, a * e])
    return np.linalg.solve(design, np.stack(cells).reshape(4, -1))[1:].reshape(3, *cells[0].shape)


def _results() -> Iterator[tuple[ours.CrossedInterval, dict[str, float]]]:
    for first, second, groups in tables():
        parts = split(first - second, groups)
        yield ours.crossed_interval([Stratum(*part) for part in parts]), crossed(parts)


def _tail(expected: dict[str, float], bound: float, sign: int) -> float:
    """The larger p of the crossed and the images-only t that the estimand lies above (1) or below (-1) a bound."""
    t = [
        stats.t.sf(sign * (expected["estimate"] - bound) / expected[error], expected[df])
        for error, df in (("standard_error", "df"), ("standard_error_images", "df_images"))
    ]
    return float(max(t))


def _half(expected: dict[str, float], alpha: float) -> float:
    crossed_t = stats.t.isf(alpha, expected["df"]) * expected["standard_error"]
    return float(max(crossed_t, stats.t.isf(alpha, expected["df_images"]) * expected["standard_error_images"]))


def _families() -> Iterator[Array]:
    for number in range(6):
        p = np.random.default_rng(300 + number).random(1 + number) ** 3
        yield np.round(p, 2) if number == 5 else p


def _all_flips(theta: Array) -> float:
    result = stats.permutation_test((theta,), np.sum, permutation_type="samples", n_resamples=np.inf)
    assert not math.isnan(result.pvalue)
    return float(result.pvalue)
