"""Metrics per seed, their values per image, and the intervals of a single run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
from scipy import differentiate, stats
from sklearn import metrics as sk
from sklearn.model_selection import LeaveOneGroupOut
from sklearn.preprocessing import binarize

from analysis import calibration, decisions, jackknife, metrics, per_run, ranks

from .comparing import golden
from .references import NOT_SMOOTH, SKLEARN, Array, centred_within, sigmoid, slopes, studies

Pairs = Iterator[tuple[Any, Any]]

_AT_THRESHOLD = ("accuracy", "balanced_accuracy", "recall", "specificity", "precision", "f1", "mcc")
_PLAIN_MEANS = ("accuracy", "brier", "log_loss")


def _register(module: str, quantity: str, function: Callable[..., Any]) -> None:
    smooth = quantity in SKLEARN
    name = f"sklearn.metrics.{SKLEARN[quantity][0]}" if smooth else NOT_SMOOTH[quantity][0]

    @golden(f"{module}.{quantity}", name, 1e-12)
    def pairs() -> Pairs:
        for logits, labels, cuts in studies():
            if quantity in _AT_THRESHOLD:
                call = SKLEARN[quantity][1]
                yield function(logits, labels), [call(labels, row) for row in logits]
                yield function(logits, labels, cuts), [call(labels, *pair) for pair in zip(logits, cuts, strict=True)]
            else:
                one = (SKLEARN if smooth else NOT_SMOOTH)[quantity][1]
                yield function(logits, labels), [one(labels, row) for row in logits]


for _name in _AT_THRESHOLD:
    _register("decisions", _name, getattr(decisions, _name))


@golden("decisions.validation_threshold", "each midpoint tried in turn with exact fractions, nearest 0 first", 0.0)
def validation_threshold() -> Pairs:
    for logits, labels, _ in studies():
        expected = []
        for row in logits.astype(float):
            values = np.unique(row)
            tried = [np.nextafter(values[0], -np.inf), values[-1], 0.0, *((values[1:] + values[:-1]) / 2)]
            tried = sorted(tried, key=lambda cut: (abs(cut), cut))
            scores = [
                sum(
                    Fraction(int(np.sum((row > cut) & (labels == y))), int(np.sum(labels == y))) * (2 * y - 1)
                    for y in (0, 1)
                )
                for cut in tried
            ]
            expected.append(tried[scores.index(max(scores))])
        yield decisions.validation_threshold(logits, labels), expected


@golden("decisions.correct", "sklearn.preprocessing.binarize against the labels", 0.0)
def correct() -> Pairs:
    for logits, labels, cuts in studies():
        called = np.concatenate([binarize(row[None], threshold=cut) for row, cut in zip(logits, cuts, strict=True)])
        yield decisions.correct("accuracy", logits, labels, cuts)[0], called == labels


@golden("decisions.of_rates", "formulas in TP, FP, FN and TN; scipy.differentiate.derivative of them", 1e-8)
def of_rates() -> Pairs:
    def counted(quantity: str, n1: int, n0: int) -> Callable[[Array, Array], Array]:
        def value(recall: Array, specificity: Array) -> Any:
            tp, tn = n1 * recall, n0 * specificity
            fn, fp = n1 - tp, n0 - tn
            if quantity == "balanced_accuracy":
                return (tp / (tp + fn) + tn / (tn + fp)) / 2
            if quantity == "precision":
                return tp / (tp + fp)
            if quantity == "f1":
                return tp / (tp + (fp + fn) / 2)
            return (tp * tn - fp * fn) / np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))

        return value

    def turned(function: Callable[[Array, Array], Array]) -> Callable[[Array, Array], Array]:
        return lambda specificity, recall: function(recall, specificity)

    recall, specificity = np.random.default_rng(0).uniform(0.1, 0.9, size=(2, 20))
    for name in ("balanced_accuracy", "precision", "f1", "mcc"):
        for n1, n0 in ((40, 60), (7, 300)):
            value = counted(name, n1, n0)
            by_recall = differentiate.derivative(value, recall, args=(specificity,), initial_step=0.02).df
            by_specificity = differentiate.derivative(turned(value), specificity, args=(recall,), initial_step=0.02).df
            ours = decisions.of_rates(name, recall, specificity, n1, n0)  # type: ignore[arg-type]
            yield ours, [value(recall, specificity), by_recall, by_specificity]


for _name in ("auc", "average_precision", "eer", "recall_at_5_fpr"):
    _register("ranks", _name, getattr(ranks, _name))


@golden("ranks.placements", "scipy.stats.percentileofscore(kind='mean')", 1e-12)
def placements() -> Pairs:
    for logits, labels, _ in studies():
        v10, v01 = ranks.placements(logits, labels)
        for row, above, below in zip(logits, v10, v01, strict=True):
            synthetic, real = row[labels == 1], row[labels == 0]
            yield above, stats.percentileofscore(real, synthetic, kind="mean") / 100
            yield below, 1 - stats.percentileofscore(synthetic, real, kind="mean") / 100


@golden(
    "ranks.average_precision_influence",
    "five-point derivative of sklearn.metrics.average_precision_score by sample_weight",
    1e-8,
)
def average_precision_influence() -> Pairs:
    yield from _influences(
        ("average_precision",), lambda _, logits, labels: ranks.average_precision_influence(logits, labels)
    )


@golden("ranks.order_codes", "pandas.DataFrame.rank(method='dense')", 0.0)
def order_codes() -> Pairs:
    for logits, labels, _ in studies():
        dense = pd.DataFrame(logits).rank(axis=1, method="dense").to_numpy()
        yield ranks.order_codes(logits, labels == 1), 2 * dense + labels


@golden("ranks.crossing", NOT_SMOOTH["eer"][0], 1e-12)
def crossing() -> Pairs:
    for logits, labels, _ in studies():
        positive = labels == 1
        yield ranks.crossing(ranks.order_codes(logits, positive), positive), _each("eer", logits, labels)


@golden("ranks.recall_at_allowed", NOT_SMOOTH["recall_at_5_fpr"][0], 1e-12)
def recall_at_allowed() -> Pairs:
    for logits, labels, _ in studies():
        yield ranks.recall_at_allowed(logits, labels == 1), _each("recall_at_5_fpr", logits, labels)


for _name in ("brier", "log_loss", "ece"):
    _register("calibration", _name, getattr(calibration, _name))


@golden("calibration.probabilities", "½(1 + tanh(x/2))", 1e-12)
def probabilities() -> Pairs:
    for logits, _, _ in studies():
        yield calibration.probabilities(logits), sigmoid(logits)


@golden("calibration.squared_errors", "(½(1 + tanh(x/2)) - y)²", 1e-12)
def squared_errors() -> Pairs:
    for logits, labels, _ in studies():
        yield calibration.squared_errors(logits, labels == 1), (sigmoid(logits) - labels) ** 2


@golden("calibration.log_losses", "-scipy.stats.logistic.logcdf(±x), logits up to ±800", 1e-12)
def log_losses() -> Pairs:
    for logits, labels, _ in studies():
        for scale in (1, 200):
            given = scale * logits.astype(float)
            signed = np.where(labels == 1, given, -given)
            yield calibration.log_losses(given, labels == 1), -stats.logistic.logcdf(signed)


@golden("calibration.binned_error", NOT_SMOOTH["ece"][0], 1e-12)
def binned_error() -> Pairs:
    for logits, labels, _ in studies():
        yield calibration.binned_error(sigmoid(logits), labels == 1), _each("ece", logits, labels)


@golden("metrics.metric", "the scikit-learn calls of each metric, by name", 1e-12)
def metric() -> Pairs:
    for logits, labels, _ in studies(count=3):
        for name, (_, call) in (SKLEARN | NOT_SMOOTH).items():
            yield metrics.metric(name, logits, labels), [call(labels, row) for row in logits]  # type: ignore[arg-type]


@golden(
    "metrics.per_image",
    "scikit-learn metric plus I times its five-point derivative by sample_weight, centred within the class",
    1e-8,
)
def per_image() -> Pairs:
    def ours(name: str, logits: Array, labels: Any) -> Array:
        whole = metrics.per_image(name, logits, labels)  # type: ignore[arg-type]
        return whole - np.array([[SKLEARN[name][1](labels, row)] for row in logits])

    yield from _influences([name for name in SKLEARN if name not in {"recall", "specificity"}], ours)
    for logits, labels, cuts in studies():
        for name, of in (("recall", 1), ("specificity", 0)):
            expected = (logits > cuts[:, None])[:, labels == of] == of
            yield metrics.per_image(name, logits, labels, cuts), expected  # type: ignore[arg-type]


@golden(
    "metrics.strata", "weighted means: scikit-learn; EER, recall at 5 %, ECE: pseudo-values by LeaveOneGroupOut", 1e-11
)
def strata() -> Pairs:
    for logits, labels, _ in studies(seeds=2, images=50, count=2):
        for name, (_, call) in SKLEARN.items():
            groups = metrics.strata(name, logits, labels)  # type: ignore[arg-type]
            total = sum(group.weight * group.values.mean(axis=1) for group in groups)
            yield total, [call(labels, row) for row in logits]
        for name in NOT_SMOOTH:
            (group,) = metrics.strata(name, logits, labels)  # type: ignore[arg-type]
            numbers = jackknife.group_numbers(labels)
            yield group.values, [_pseudo(NOT_SMOOTH[name][1], row, labels, numbers) for row in logits]


@golden(
    "jackknife.grouped_jackknife",
    "sklearn LeaveOneGroupOut, G θ - (G - 1) θ₍g₎ centred (Shao and Tu 1995, § 1.1)",
    1e-11,
)
def grouped_jackknife() -> Pairs:
    def medians(values: Array, _: Any) -> Array:
        return np.median(values, axis=1)

    for given, labels, _ in studies(images=60):
        logits = given.astype(float)
        for groups in (5, 40):
            numbers = jackknife.group_numbers(labels, groups)
            expected = [_pseudo(lambda _, kept: float(np.median(kept)), row, labels, numbers) for row in logits]
            yield jackknife.grouped_jackknife(medians, logits, labels, groups), expected


@golden("per_run.wilson", "scipy.stats.binomtest(k, n).proportion_ci(method='wilson')", 1e-12)
def wilson() -> Pairs:
    yield from _proportions(per_run.wilson, "wilson")


@golden("per_run.clopper_pearson", "scipy.stats.binomtest(k, n).proportion_ci(method='exact')", 1e-9)
def clopper_pearson() -> Pairs:
    yield from _proportions(per_run.clopper_pearson, "exact")


@golden(
    "per_run.delong_interval",
    "eq. 5 and 6 of DeLong et al., Biometrics 44, 1988: all pairs, numpy.cov, scipy.stats.norm",
    1e-12,
)
def delong_interval() -> Pairs:
    for logits, labels, _ in studies():
        for row in logits:
            area, covariance = _delong(row[None], labels)
            error = float(np.sqrt(covariance[0, 0]))
            limits = np.clip(stats.norm(area[0], error).interval(0.9), 0, 1)
            result = per_run.delong_interval(row, labels, 0.9)
            yield [result.estimate, result.standard_error, result.low, result.high], [area[0], error, *limits]


@golden("per_run.delong_test", "the same for two runs, with their covariance; sklearn.metrics.roc_auc_score", 1e-12)
def delong_test() -> Pairs:
    for logits, labels, _ in studies():
        for first, second in ((0, 1), (2, 0)):
            _, covariance = _delong(logits[[first, second]], labels)
            gap = sk.roc_auc_score(labels, logits[first]) - sk.roc_auc_score(labels, logits[second])
            error = float(np.sqrt([1, -1] @ covariance @ [1, -1]))
            result = per_run.delong_test(logits[first], logits[second], labels)
            ours = [result.difference, result.standard_error, result.z, result.p]
            yield ours, [gap, error, gap / error, 2 * stats.norm.sf(abs(gap) / error)]


def _each(quantity: str, logits: Array, labels: Any) -> list[float]:
    return [NOT_SMOOTH[quantity][1](labels, row) for row in logits]


def _influences(names: Iterable[str], ours: Callable[[str, Array, Any], Array]) -> Pairs:
    """What an image contributes to each metric, I times the derivative by its weight, for two small studies."""
    for logits, labels, _ in studies(seeds=1, images=16, count=2):
        for name in names:

            def weighted(weights: Array, name: str = name, row: Array = logits[0], labels: Any = labels) -> float:
                return SKLEARN[name][1](labels, row, 0.0, weights)

            expected = len(labels) * slopes(weighted, np.ones(len(labels)))
            if name not in _PLAIN_MEANS:
                expected = centred_within(expected, labels)
            yield ours(name, logits, labels)[0], expected


def _pseudo(statistic: Callable[[Any, Array], float], row: Array, labels: Any, numbers: Any) -> Array:
    parts = LeaveOneGroupOut().split(row[:, None], groups=numbers)
    without = np.array([statistic(labels[kept], row[kept]) for kept, _ in parts])
    n = len(without)
    pseudo = n * statistic(labels, row) - (n - 1) * without
    return pseudo - pseudo.mean() + statistic(labels, row)


def _proportions(function: Callable[..., Any], method: str) -> Pairs:
    for successes, n in ((0, 20), (1, 20), (81, 263), (1913, 2000), (2000, 2000)):
        for confidence in (0.9, 0.95, 0.99):
            result = function(successes, n, confidence)
            expected = stats.binomtest(successes, n).proportion_ci(confidence, method=method)
            yield [result.low, result.high], [expected.low, expected.high]


def _delong(rows: Array, labels: Any) -> tuple[Array, Array]:
    """AUC (K,) of K runs and their covariances (K, K)."""
    pairs = np.heaviside(rows[:, labels == 1, None].astype(float) - rows[:, None, labels == 0], 0.5)
    m, n = pairs.shape[1:]
    covariance = np.cov(pairs.mean(axis=2)) / m + np.cov(pairs.mean(axis=1)) / n
    return pairs.mean(axis=(1, 2)), np.atleast_2d(covariance)
