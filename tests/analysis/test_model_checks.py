from __future__ import annotations

import math
import warnings
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import stats
from statsmodels.genmod.cov_struct import Independence
from statsmodels.genmod.families import Binomial, Gaussian
from statsmodels.genmod.generalized_estimating_equations import GEE
from statsmodels.genmod.generalized_linear_model import GLM
from statsmodels.regression.mixed_linear_model import MixedLM
from statsmodels.tools.sm_exceptions import ConvergenceWarning

from analysis.errors import InputError
from analysis.factorial import EFFECTS, effect_values, factorial_effects
from analysis.intervals import NO_VARIATION, Stratum, crossed_interval, crossed_mean, strata_by_group
from analysis.model_checks import MODELS, NOT_CONVERGED, ModelCheck, block_means, gee_check, mixed_check

Values = NDArray[np.float64]
LEVELS = (0.8, 1.3, 0.9, 1.0)


def draw(
    number: int = 0, seeds: int = 4, images: int = 120, levels: tuple[float, ...] = LEVELS, seed_sd: float = 0.3
) -> list[Values]:
    """Correctness of none, augment, autoencoder and both; images and seeds have effects of their own on each."""
    rng = np.random.default_rng(number)
    easy = rng.normal(size=images)
    return [
        np.asarray(
            level + easy + 0.4 * rng.normal(size=images) + seed_sd * rng.normal(size=(seeds, 1))
            + rng.normal(size=(seeds, images)) > 0, dtype=np.float64)
        for level in levels
    ]  # fmt: skip


def long(cells: list[Values]) -> pd.DataFrame:
    """A row per seed, image and variant."""
    return pd.DataFrame(
        [
            (value, a, e, seed, image)
            for cell, (a, e) in zip(cells, ((-0.5, -0.5), (0.5, -0.5), (-0.5, 0.5), (0.5, 0.5)), strict=True)
            for seed, row in enumerate(cell)
            for image, value in enumerate(row)
        ],
        columns=["value", "a", "e", "seed", "image"],
    )


@pytest.mark.parametrize("link", ["identity", "logit"])
def test_gee_agrees_with_statsmodels_gee_on_every_decision(link: Any) -> None:
    """Means over seeds, solved as a GLM, are the GEE of all decisions with its own loop over images."""
    cells = draw()
    family = Gaussian() if link == "identity" else Binomial()
    fit = GEE.from_formula("value ~ a * e", "image", long(cells), cov_struct=Independence(), family=family).fit()
    rows = gee_check(*cells, link=link)
    assert tuple(row.effect for row in rows) == EFFECTS
    limits = fit.conf_int()
    for row, name in zip(rows, ("a", "e", "a:e"), strict=True):
        assert row.estimate == pytest.approx(fit.params[name], rel=1e-6)
        assert (row.low, row.high) == pytest.approx(tuple(limits.loc[name]), rel=1e-6, abs=1e-9)
        assert row.p == pytest.approx(fit.pvalues[name], rel=1e-5)
        assert (row.model, row.n, row.reason) == (MODELS[link], 120, None)


def test_gee_with_identity_link_is_the_contrast() -> None:
    """Its estimate is the crossed contrast's, its error the images-only one but for √((I - 1)/I)."""
    cells = draw(1)
    for row, effect in zip(gee_check(*cells), factorial_effects(*([Stratum(c)] for c in cells)).values(), strict=True):
        assert row.estimate == pytest.approx(effect.estimate, abs=1e-12)
        assert effect.standard_error_images is not None
        error = effect.standard_error_images * math.sqrt(119 / 120)
        assert row.high - row.estimate == pytest.approx(stats.norm.ppf(0.975) * error, rel=1e-9)  # type: ignore[operator]


def test_gee_takes_groups_as_strata() -> None:
    """With groups the error is that of deviations from each group's own mean, and the estimate stays."""
    cells = draw(2)
    groups = np.array(["real", "painted", "drawn"])[np.arange(120) % 3 * (np.arange(120) < 80)]
    rows = gee_check(*cells, groups=groups, confidence=0.9)
    for row, values in zip(rows, effect_values(*cells).values(), strict=True):
        by_image = values.mean(axis=0)
        apart = [by_image[groups == name] - by_image[groups == name].mean() for name in np.unique(groups)]
        error = math.sqrt(float(np.square(np.concatenate(apart)).sum())) / 120
        assert row.estimate == pytest.approx(by_image.mean(), abs=1e-12)
        assert row.high - row.estimate == pytest.approx(stats.norm.ppf(0.95) * error, rel=1e-9)  # type: ignore[operator]


def test_logit_link_is_the_log_odds_ratio() -> None:
    """Its estimates are contrasts of the log odds of the four accuracies."""
    cells = draw(3)
    odds = [math.log(c.mean() / (1 - c.mean())) for c in cells]
    expected = effect_values(*odds)
    for row in gee_check(*cells, link="logit"):
        assert row.estimate == pytest.approx(float(expected[row.effect]), rel=1e-7)
    groups = np.arange(120) % 2
    for row in gee_check(*cells, groups=groups, link="logit"):
        by_group = [
            float(
                effect_values(*(math.log(r / (1 - r)) for r in (c[:, groups == g].mean() for c in cells)))[row.effect]
            )
            for g in (0, 1)
        ]
        assert row.estimate == pytest.approx(np.mean(by_group), rel=1e-7)


def gaussian(number: int, seeds: int = 6, images: int = 40) -> list[Values]:
    """Cells whose effects vary over seeds and images, well off the edge of no variance."""
    rng = np.random.default_rng(number)
    return [
        level + rng.normal(size=(seeds, 1)) + rng.normal(size=images) + rng.normal(size=(seeds, images))
        for level in (0.0, 1.0, 0.3, 0.4)
    ]


@pytest.mark.parametrize("number", [0, 1, 2])
def test_mixed_model_has_the_error_of_the_crossed_interval(number: int) -> None:
    """With all variances above 0, REML of balanced data and mean squares give one standard error."""
    cells = gaussian(number)
    effects = factorial_effects(*([Stratum(cell)] for cell in cells))
    for row in mixed_check(*cells):
        crossed = effects[row.effect]
        assert crossed.var_seed
        assert crossed.var_image
        assert crossed.standard_error is not None
        assert row.estimate == pytest.approx(crossed.estimate, rel=1e-9)
        half = stats.norm.ppf(0.975) * crossed.standard_error
        assert row.high - row.estimate == pytest.approx(half, rel=1e-3)  # type: ignore[operator]
        assert row.p == pytest.approx(2 * stats.norm.sf(abs(crossed.estimate) / crossed.standard_error), rel=0.02)
        assert (row.model, row.n, row.reason) == (MODELS["mixed"], 40, None)


def restricted_loglikelihood(table: Values, var_seed: float, var_image: float, var_rest: float) -> float:
    """Of the mean's error contrasts, with the covariance matrix of all values written out."""
    s, k = table.shape
    v = np.kron(var_seed * np.eye(s), np.ones((k, k))) + np.kron(np.ones((s, s)), var_image * np.eye(k))
    v += var_rest * np.eye(s * k)
    y, ones = table.ravel(), np.ones(s * k)
    inverse = np.linalg.inv(v)
    information = ones @ inverse @ ones
    rest = y - (ones @ inverse @ y) / information
    return float(-0.5 * (np.linalg.slogdet(v)[1] + math.log(information) + rest @ inverse @ rest))


def test_mixed_model_at_the_edge_of_no_variance() -> None:
    """Where seeds vary less than by chance, REML's best is var_seed = 0, and the error is that of a search by hand."""
    table = np.random.default_rng(8).normal(size=(3, 12)) + 0.5 * np.random.default_rng(9).normal(size=12)
    assert crossed_mean(table).var_seed == 0.0
    zero = np.zeros_like(table)
    # This effect alone is not 0: both - autoencoder - augment + none.
    row = next(r for r in mixed_check(zero, zero, zero, table) if r.effect == "interaction")
    grid = np.linspace(0.02, 3, 150)
    best = max((restricted_loglikelihood(table, 0.0, i, e), i, e) for i in grid for e in grid[10:80])
    assert best[0] > max(restricted_loglikelihood(table, 0.01, i, best[2]) for i in grid)
    error = math.sqrt(best[1] / 12 + best[2] / 36)
    assert row.high - row.estimate == pytest.approx(stats.norm.ppf(0.975) * error, rel=0.02)  # type: ignore[operator]


def test_mixed_model_of_many_images_takes_their_blocks() -> None:
    """With 2,000 images the estimate is the contrast's, and the error near that of the crossed, stratified interval."""
    cells = draw(4, seeds=8, images=2000)
    labels = np.arange(2000) % 2
    effects = factorial_effects(*(strata_by_group(cell, labels) for cell in cells))
    for row in mixed_check(*cells, groups=labels):
        crossed = effects[row.effect]
        assert row.estimate == pytest.approx(crossed.estimate, abs=1e-12)
        half = stats.norm.ppf(0.975) * crossed.standard_error  # type: ignore[operator]
        assert row.high - row.estimate == pytest.approx(half, rel=0.35)  # type: ignore[operator]


def test_blocks_get_their_share_of_every_group() -> None:
    """Each image is in one block; blocks differ by one image, and by one of each group; the deal never changes."""
    groups = np.array(["a"] * 37 + ["b"] * 66)
    where = block_means(np.eye(103), groups, 10)  # (103, 10): the weight of each image in each block
    assert ((where > 0).sum(axis=1) == 1).all()
    sizes = (where > 0).sum(axis=0)
    assert sorted(set(sizes.tolist())) == [10, 11]
    for name, least in (("a", 3), ("b", 6)):
        counts = (where[groups == name] > 0).sum(axis=0)
        assert set(counts.tolist()) <= {least, least + 1}
    np.testing.assert_allclose(where.sum(axis=0), 1)
    np.testing.assert_array_equal(where, block_means(np.eye(103), groups, 10))
    few = np.arange(12.0).reshape(2, 6)
    np.testing.assert_array_equal(np.sort(block_means(few, np.zeros(6), 50), axis=1), few)


@pytest.mark.parametrize(("check", "seed_sd"), [(gee_check, 0.0), (partial(mixed_check, blocks=20), 0.3)])
def test_a_known_effect_is_covered(check: Any, seed_sd: float) -> None:
    """In 25 simulated studies with augmentation alone at work, limits hold the truth of the three effects."""
    levels = (0.5, 2.0, 0.5, 2.0)
    scale = math.sqrt(1 + 1 + 0.4**2 + seed_sd**2)
    gain = float(stats.norm.cdf(2.0 / scale) - stats.norm.cdf(0.5 / scale))
    truth = {"augmentation": gain, "autoencoder": 0.0, "interaction": 0.0}
    studies = [check(*draw(50 + n, seeds=8, images=200, levels=levels, seed_sd=seed_sd)) for n in range(25)]
    rows = [row for study in studies for row in study]
    covered = sum(row.low < truth[row.effect] < row.high for row in rows)
    # Normal quantiles with 8 seeds: somewhat less than 95 %.
    assert covered >= stats.binom.ppf(0.001, len(rows), 0.92)
    assert all(row.low > 0 for row in rows if row.effect == "augmentation")


def test_gee_knows_nothing_of_seeds() -> None:
    """Where seeds differ much its interval is far narrower than the mixed model's: it is no result of its own."""
    cells = draw(8, seeds=6, images=1500, seed_sd=0.8)
    for gee, mixed in zip(gee_check(*cells), mixed_check(*cells), strict=True):
        assert gee.high - gee.low < 0.5 * (mixed.high - mixed.low)  # type: ignore[operator]


def test_variants_that_never_differ() -> None:
    """Equal variants have effects of 0 without variation, in every model, and no p."""
    cell = draw(9)[0]
    for rows in (gee_check(*[cell] * 4), gee_check(*[cell] * 4, link="logit"), mixed_check(*[cell] * 4)):
        for row in rows:
            assert row.estimate == pytest.approx(0.0, abs=1e-9)
            assert (row.low, row.high, row.p, row.reason) == (None, None, None, NO_VARIATION)


def test_one_effect_without_variation_leaves_the_others() -> None:
    """If the autoencoder changes nothing, augmentation still has its row."""
    none, augment, *_ = draw(10)
    for rows in (gee_check(none, augment, none, augment), mixed_check(none, augment, none, augment)):
        assert [row.reason for row in rows] == [None, NO_VARIATION, NO_VARIATION]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (lambda: gee_check(*[np.ones((3, 9))] * 4, link="logit"), "always or never right"),
        (lambda: gee_check(*[c[:, :1] for c in draw()]), "one image"),
        (lambda: mixed_check(*[c[:2] for c in draw()]), "fewer than 3 seeds"),
        (lambda: mixed_check(*[c[:, :1] for c in draw()]), "one image"),
        (
            lambda: mixed_check(*[k * (np.arange(4)[:, None] + np.arange(9.0)) for k in (0, 1, 2, 5)]),
            "no residual",
        ),
    ],
)
def test_degenerate_input_has_a_declared_answer(rows: Any, words: str) -> None:
    """Where a model is not defined there are no limits and no p, but a reason."""
    for row in rows():
        assert words in (row.reason or "")
        assert (row.low, row.high, row.p) == (None, None, None)


def test_one_seed_is_enough_for_gee() -> None:
    """It takes the seeds as they are, however few."""
    assert {row.reason for row in gee_check(*[c[:1] for c in draw()])} == {None}


class _NotConverged:
    converged = False
    fe_params = bse_fe = params = bse = np.array([0.1, 0.1, 0.1, 0.1])


@pytest.mark.parametrize("failure", ["flag", "singular", "nan"])
def test_failures_to_converge_are_a_reason(failure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fit that gives up, is singular or ends in NaN warns nobody and has no numbers."""

    def fit(*args: object, **kwargs: object) -> object:
        warnings.warn("gave up", ConvergenceWarning, stacklevel=2)
        if failure == "singular":
            raise np.linalg.LinAlgError("singular matrix")
        result = _NotConverged()
        if failure == "nan":
            result.converged = True
            result.fe_params = result.bse_fe = result.params = result.bse = np.full(4, np.nan)
        return result

    monkeypatch.setattr(MixedLM, "fit", fit)
    monkeypatch.setattr(GLM, "fit", fit)
    nothing = [ModelCheck(model, effect, None, None, None, None, 120, NOT_CONVERGED) for model, effect in (
        (model, effect) for model in (MODELS["identity"], MODELS["mixed"]) for effect in EFFECTS)]  # fmt: skip
    assert [*gee_check(*draw()), *mixed_check(*draw())] == nothing


def test_order_of_seeds_and_names_of_groups_do_not_matter() -> None:
    """Permuted seeds and renamed groups change nothing."""
    cells = gaussian(5)
    groups = np.arange(40) % 2
    names = np.where(groups == 0, "a", "b")
    for check in (gee_check, mixed_check):
        for mine, other in zip(
            check(*cells, groups=groups), check(*(c[::-1] for c in cells), groups=names), strict=True
        ):
            assert (mine.estimate, mine.low, mine.p) == pytest.approx((other.estimate, other.low, other.p), rel=1e-5)


def test_refusals() -> None:
    """Shapes, values and options that do not fit are refused in one line."""
    cells = draw()
    for check in (gee_check, mixed_check):
        with pytest.raises(InputError, match=r"^a factorial of four variants of shapes .*\(3, 120\)"):
            check(cells[0], cells[1], cells[2], cells[3][1:])
        with pytest.raises(InputError, match=r"^a factorial of four variants of shapes"):
            check(*(c[0] for c in cells))
        with pytest.raises(InputError, match="NaN"):
            check(cells[0], cells[1], cells[2], np.full_like(cells[3], np.nan))
        with pytest.raises(InputError, match=r"groups of shape \(3,\)"):
            check(*cells, groups=[0, 1, 1])
        with pytest.raises(InputError, match="confidence 95"):
            check(*cells, confidence=95)
    with pytest.raises(InputError, match=r"^values outside 0 … 1"):
        gee_check(*(2 * c for c in cells), link="logit")
    with pytest.raises(InputError, match=r"^link 'probit'"):
        gee_check(*cells, link="probit")  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"^blocks 1"):
        mixed_check(*cells, blocks=1)
    with pytest.raises(InputError, match=r"^5 blocks of values"):
        block_means(cells[0], [0, 1], 5)


def test_the_crossed_interval_of_blocks_is_what_the_mixed_model_sees() -> None:
    """On block means too, REML's error is that of the crossed interval of the same table."""
    cells = [
        np.repeat(c, 3, axis=1) + np.random.default_rng(n).normal(size=(6, 120)) for n, c in enumerate(gaussian(6))
    ]
    labels = np.arange(120) % 2
    for row in mixed_check(*cells, groups=labels, blocks=20):
        table = block_means(effect_values(*cells)[row.effect], labels, 20)
        crossed = crossed_interval([Stratum(table)])
        if crossed.var_seed and crossed.var_image:
            half = stats.norm.ppf(0.975) * crossed.standard_error  # type: ignore[operator]
            assert row.high - row.estimate == pytest.approx(half, rel=2e-3)  # type: ignore[operator]
