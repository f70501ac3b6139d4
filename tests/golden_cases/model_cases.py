"""Models of the factorial and of dispersion, and the truths of simulated studies."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import integrate, stats
from statsmodels.formula.api import ols
from statsmodels.genmod import families
from statsmodels.genmod.cov_struct import Independence
from statsmodels.genmod.generalized_estimating_equations import GEE
from statsmodels.stats.anova import anova_lm
from statsmodels.stats.power import TTestPower

from analysis import map_checks, model_checks, repetitions, simulation
from analysis.factorial import COEFFICIENTS

from .comparing import golden
from .references import Array, crossed

Pairs = Iterator[tuple[Any, Any]]

DESIGNS = (
    simulation.Design(5, 2000, seed_sd=0.15, image_sd=0.5),
    simulation.Design(5, 2000, gain=0.03, seed_sd=0.3),
    simulation.Design(10, 500, gain=0.05, image_sd=0.5, rate=0.7),
)


@golden(
    "model_checks.gee_check", "statsmodels GEE with Independence, every seed's value a row, clustered by image", 1e-8
)
def gee_check() -> Pairs:
    for cells, groups in _cells(correct=True):
        frame = _long(cells, groups)
        for link, family in (("identity", families.Gaussian()), ("logit", families.Binomial())):
            for formula, given in (("y ~ a * e", None), ("y ~ a * e * g", groups)):
                fit = GEE.from_formula(formula, "image", frame, family=family, cov_struct=Independence()).fit()
                limits = fit.conf_int(0.1)
                expected = [[fit.params[name], *limits.loc[name], fit.pvalues[name]] for name in ("a", "e", "a:e")]
                ours = model_checks.gee_check(*cells, groups=given, link=link, confidence=0.9)  # type: ignore[arg-type]
                yield [[row.estimate, row.low, row.high, row.p] for row in ours], expected


@golden(
    "model_checks.mixed_check", "REML of balanced data by mean squares: statsmodels anova_lm, scipy.stats.norm", 1e-5
)
def mixed_check() -> Pairs:
    for cells, _ in _cells(correct=False):
        ours = model_checks.mixed_check(*cells)
        expected = []
        for weights in COEFFICIENTS.values():
            found = crossed([(np.tensordot(weights, np.stack(cells), axes=1), 1.0)])
            assert found["var_seed"] > 0, "where a variance is estimated as 0 the mean squares are not REML's"
            assert found["var_image"] > 0
            expected.append(_wald(found["estimate"], found["standard_error"]))
        yield [[row.estimate, row.low, row.high, row.p] for row in ours], expected


@golden("model_checks.block_means", "numpy.average of all images, for blocks of equal size", 1e-12)
def block_means() -> Pairs:
    for cells, groups in _cells(correct=False):
        for blocks in (8, 20):
            yield model_checks.block_means(cells[0], groups, blocks).mean(axis=1), np.average(cells[0], axis=1)


@golden("map_checks.map_model", "estimates: differences of pandas group means", 1e-10)
def map_model() -> Pairs:
    for values, frame in _maps():
        means = frame.groupby("v")["y"].mean()
        ours = map_checks.map_model(values, ["0", "1", "2"])
        yield [found[0] for found in ours.values()], [means[1] - means[0], means[2] - means[0]]


@golden(
    "map_checks.map_model",
    "limits and p: REML of balanced data by mean squares, statsmodels anova_lm",
    1e-4,
)
def map_model_limits() -> Pairs:
    for values, frame in _maps():
        found = anova_lm(ols("y ~ C(v) * C(s) + C(i)", frame).fit()).loc[["C(s)", "C(v):C(s)"]]
        # Below that of the runs the seeds' mean square counts as one of them: their variance is estimated as 0.
        used = found if found["mean_sq"].iloc[0] < found["mean_sq"].iloc[1] else found.iloc[1:]
        error = math.sqrt(2 * used["sum_sq"].sum() / used["df"].sum() / (len(frame) / 3))
        ours = map_checks.map_model(values, ["0", "1", "2"])
        expected = [_wald(float(values[k].mean() - values[0].mean()), error) for k in (1, 2)]
        yield [found[1:] for found in ours.values()], [row[1:] for row in expected]


@golden("simulation.true_values", "the rates of the design; AUC by scipy.integrate.quad over the seed's quality", 1e-9)
def true_values() -> Pairs:
    for given in DESIGNS:
        yield simulation.true_values(given), [given.rate + given.gain, given.rate]
        auc = simulation.Design(5, 200, quantity="auc", seed_sd=0.3, image_sd=0.5, gain=given.gain, tilt=0.02)
        variance = 2 * (1 + simulation.DIFFICULTY_SD**2 + auc.image_sd**2)

        def chance(u: float, total: float, variance: float = variance) -> float:
            return float(stats.norm.cdf((total + 2 * u) / math.sqrt(variance)) * stats.norm.pdf(u, scale=0.3))

        areas = [integrate.quad(chance, -5, 5, (total,), epsabs=1e-13)[0] for total in auc.margins().sum(axis=1)]
        yield simulation.true_values(auc), areas


@golden("simulation.true_difference", "the gain of the design", 1e-12)
def true_difference() -> Pairs:
    for given in DESIGNS:
        yield simulation.true_difference(given), given.gain


@golden("simulation.true_components", "scipy.stats.multivariate_normal.cdf of pairs of logits", 1e-9)
def true_components() -> Pairs:
    for given in DESIGNS:
        ours = simulation.true_components(given)
        yield [ours.var_seed, ours.var_image, ours.var_residual], _components(given)


@golden("repetitions.planned_power", "statsmodels TTestPower; components by scipy.stats.multivariate_normal.cdf", 1e-9)
def planned_power() -> Pairs:
    for given in DESIGNS[1:]:
        seed, image, rest = _components(given)
        ms_s, excess = given.images * seed + rest, given.seeds * image
        error = math.sqrt((ms_s + excess) / (given.seeds * given.images))
        df = (ms_s + excess) ** 2 / (ms_s**2 / (given.seeds - 1) + excess**2 / (given.images - 1))
        expected = TTestPower().power(given.gain / error, nobs=1, alpha=0.05, df=df)
        yield repetitions.planned_power(given), expected


def _wald(estimate: float, error: float) -> list[float]:
    low, high = stats.norm(estimate, error).interval(0.95)
    return [estimate, low, high, 2 * stats.norm.sf(abs(estimate) / error)]


def _maps() -> Iterator[tuple[Array, pd.DataFrame]]:
    """A measure (3, 4, 12) of variants, seeds and images, with effects of run, seed and image; and as a frame."""
    for number in range(5):
        rng = np.random.default_rng(1200 + number)
        values = (
            rng.normal(size=(3, 4, 12)) + rng.normal(size=(3, 4, 1)) + rng.normal(size=(1, 4, 1)) + rng.normal(size=12)
        )
        values += np.arange(3)[:, None, None] / 2
        v, s, i = (axis.ravel() for axis in np.indices(values.shape))
        yield values, pd.DataFrame({"y": values.ravel(), "v": v, "s": s, "i": i})


def _cells(*, correct: bool) -> Iterator[tuple[list[Array], NDArray[np.int64]]]:
    """Values (5, 40) of the four variants, and the labels of the images."""
    for number in range(2):
        rng = np.random.default_rng(1300 + number)
        image = rng.normal(size=40)
        cells = [
            image + 0.2 * k + rng.normal(size=40) + 0.7 * rng.normal(size=(5, 1)) + rng.normal(size=(5, 40))
            for k in range(4)
        ]
        yield [(cell > -0.4).astype(float) for cell in cells] if correct else cells, np.repeat([0, 1], [16, 24])


def _long(cells: list[Array], groups: NDArray[np.int64]) -> pd.DataFrame:
    """One row per variant, seed and image, sorted by image; factors ∓½, the group centred."""
    cell, _, image = (axis.ravel() for axis in np.indices((4, *cells[0].shape)))
    frame = pd.DataFrame({"y": np.stack(cells).ravel(), "image": image, "a": cell % 2 - 0.5, "e": cell // 2 - 0.5})
    frame["g"] = (groups - groups.mean())[image]
    return frame.sort_values("image", kind="stable").reset_index(drop=True)


def _components(design: simulation.Design) -> list[float]:
    """Seed, image and residual variance of the difference of the first variant and the baseline."""
    first, second = stats.norm.ppf([design.rate + design.gain, design.rate])

    def covariance(shared: float, one: float, other: float) -> float:
        r = shared / design.variance
        joint = stats.multivariate_normal([0, 0], [[1, r], [r, 1]]).cdf([one, other])
        return float(joint - stats.norm.cdf(one) * stats.norm.cdf(other))

    between = 2 * covariance(simulation.DIFFICULTY_SD**2, first, second)
    own = [(first, first), (second, second)]
    seed = sum(covariance(design.seed_sd**2, *pair) for pair in own)
    image = sum(covariance(simulation.DIFFICULTY_SD**2 + design.image_sd**2, *pair) for pair in own) - between
    spread = sum(stats.bernoulli.var(stats.norm.cdf(m)) for m in (first, second)) - between
    return [seed, image, spread - seed - image]
