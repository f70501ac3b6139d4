"""Other models of the 2 × 2 factorial, by statsmodels: checks of the crossed contrasts, not results of their own.

`gee_check` lets images vary and takes the seeds as they are: its estimate must be the contrast's, and its interval
about the images-only one. `mixed_check` lets both vary, as the crossed interval does, but by maximum likelihood
instead of mean squares. Both use normal quantiles, as statsmodels does, where the crossed interval has Student's: with
few seeds theirs is narrower. A fit that does not converge has a reason and no numbers.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special
from statsmodels.genmod import families
from statsmodels.genmod.generalized_linear_model import GLM
from statsmodels.regression.mixed_linear_model import MixedLM, VCSpec

from analysis.beside import check_confidence, is_constant
from analysis.errors import InputError
from analysis.factorial import EFFECTS, Effect, effect_values
from analysis.intervals import MIN_IMAGES, MIN_SEEDS, NO_VARIATION

Link = Literal["identity", "logit"]

MODELS = {"identity": "GEE, identity link", "logit": "GEE, logit link", "mixed": "mixed model, REML"}
"""What the models are called in their rows."""

BLOCKS = 50
"""Blocks of images of the mixed model: S × 50 means are fitted in a tenth of a second."""

NOT_CONVERGED = "the fit did not converge"

# (augmentation, autoencoder) of the cells none, augment, autoencoder and both, in halves: the coefficients of the two
# and of their product are then the effects as `analysis.factorial` defines them.
_CODES = np.array([[-0.5, -0.5], [0.5, -0.5], [-0.5, 0.5], [0.5, 0.5]])
_ROUNDING = 1e-9


@dataclass(frozen=True)
class ModelCheck:
    """What a model says of an effect: estimate with limits and two-sided p of 0, on `n` images.

    With the logit link all is in log odds. What is not defined is None, with a reason.
    """

    model: str
    effect: Effect
    estimate: float | None
    low: float | None
    high: float | None
    p: float | None
    n: int
    reason: str | None = None


def gee_check(
    none: ArrayLike,
    augment: ArrayLike,
    autoencoder: ArrayLike,
    both: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    link: Link = "identity",
    confidence: float = 0.95,
) -> tuple[ModelCheck, ...]:
    """Generalised estimating equations, value ~ augmentation × autoencoder, clustered by image; a row per effect.

    With working independence (Liang and Zeger, Biometrika 73, 1986): g(E y) = β₀ + β₁a + β₂e + β₃ae, a and e = ∓½,
    and the sandwich over images. `identity` is the Gaussian family, whose β are differences of means, equal to the
    crossed contrasts; `logit` the binomial one, whose β are log odds ratios. Seeds are not modelled: they enter as
    their mean per image and cell, which leaves the equations and the sandwich as they are. The equations are solved as
    a GLM with clustered errors, which is the same thing without a loop over images.

    Args:
        none: values of the variant with neither, (S, I), of which the quantity is the plain mean, such as correctness;
            with `logit` between 0 and 1.
        augment: those of the variant with augmentation, same shape.
        autoencoder: those of the variant with the autoencoder, same shape.
        both: those of the variant with both, same shape.
        groups: groups of images (I,), such as their labels, whose shares are fixed. Each has its own four means, and
            an effect is the mean of the groups' effects, weighted by their images.
        link: `identity` or `logit`.
        confidence: coverage of the limits, between 0 and 1.

    Raises:
        InputError: the shapes differ, a value is not finite or out of the link's range, or an option is not known.

    >>> rng = np.random.default_rng(0)
    >>> cells = [rng.random((3, 500)) < rate for rate in (0.8, 0.9, 0.8, 0.9)]
    >>> for row in gee_check(*cells):
    ...     print(f"{row.effect} {row.estimate:.3f} [{row.low:.3f}, {row.high:.3f}]")
    augmentation 0.111 [0.093, 0.130]
    autoencoder 0.007 [-0.011, 0.024]
    interaction -0.009 [-0.046, 0.027]
    """
    cells, labels = _checked((none, augment, autoencoder, both), groups, confidence)
    if link not in ("identity", "logit"):
        raise InputError(f"link {link!r}: must be 'identity' or 'logit'")
    if link == "logit" and (min(c.min() for c in cells) < 0 or max(c.max() for c in cells) > 1):
        raise InputError("values outside 0 … 1: the logit link needs correct (1) or wrong (0)")
    model, n = MODELS[link], len(labels)
    if n < MIN_IMAGES:
        return _undefined(model, n, "one image: no variation over images")
    means = np.stack([cell.mean(axis=0) for cell in cells], axis=1)  # (I, 4)
    if link == "logit":
        rates = np.array([means[labels == name].mean(axis=0) for name in np.unique(labels)])
        if not ((rates > 0) & (rates < 1)).all():
            return _undefined(model, n, "a variant is always or never right: log odds not defined")
    family = families.Gaussian() if link == "identity" else families.Binomial()
    clusters = np.repeat(np.arange(n), len(cells))
    sandwich = {"groups": clusters, "use_correction": False}
    with warnings.catch_warnings():
        # What statsmodels warns of is asked of its result.
        warnings.simplefilter("ignore")
        try:
            fit = GLM(means.ravel(), _design(labels), family=family).fit(cov_type="cluster", cov_kwds=sandwich)
        except (ValueError, np.linalg.LinAlgError):
            return _undefined(model, n, NOT_CONVERGED)
    if not fit.converged:
        return _undefined(model, n, NOT_CONVERGED)
    size = float(np.abs(means).max()) if link == "identity" else 1.0
    return tuple(
        _row(model, effect, float(fit.params[k]), float(fit.bse[k]), n, confidence, floor=_ROUNDING * size)
        for k, effect in enumerate(EFFECTS, start=1)
    )


def mixed_check(
    none: ArrayLike,
    augment: ArrayLike,
    autoencoder: ArrayLike,
    both: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    blocks: int = BLOCKS,
    confidence: float = 0.95,
) -> tuple[ModelCheck, ...]:
    """A linear mixed model with crossed random effects of seeds and images, fitted by REML; a row per effect.

    For the values D[s, i] of an effect: D = δ + seed_s + image_i + rest. This is the model of the four cells with a
    random intercept and random slopes of both factors and their product, by seed and by image, taken apart by the
    orthogonal contrasts: each effect has its own variances. Where no variance is estimated as 0 the mean squares of
    balanced data are REML's, so that the standard error must be that of the crossed interval on the same numbers.

    statsmodels inverts matrices as large as the number of values. The images are therefore dealt at random, the same
    way every time, into `blocks` of equal size but for one image, and the blocks' means are fitted in their place. A
    random block is a larger image: no image is left out, the estimate stays (but for the unequal sizes) and its
    standard error is estimated from fewer degrees of freedom.

    Args:
        none: values of the variant with neither, (S, I), as in `gee_check`; any unit.
        augment: those of the variant with augmentation, same shape.
        autoencoder: those of the variant with the autoencoder, same shape.
        both: those of the variant with both, same shape.
        groups: groups of images (I,), such as their labels: every block gets its share of each.
        blocks: at most so many blocks, 2 or more; with fewer images each is its own block.
        confidence: coverage of the limits, between 0 and 1.

    Raises:
        InputError: the shapes differ, a value is not finite, or a number is out of its range.

    >>> rng = np.random.default_rng(0)
    >>> cells = [rng.random((5, 400)) < rate for rate in (0.8, 0.9, 0.8, 0.9)]
    >>> for row in mixed_check(*cells):
    ...     print(f"{row.effect} {row.estimate:.3f} [{row.low:.3f}, {row.high:.3f}]")
    augmentation 0.112 [0.095, 0.128]
    autoencoder -0.013 [-0.030, 0.004]
    interaction -0.011 [-0.048, 0.025]
    """
    cells, labels = _checked((none, augment, autoencoder, both), groups, confidence)
    if blocks < MIN_IMAGES:
        raise InputError(f"blocks {blocks}: a mixed model needs at least {MIN_IMAGES} blocks of images")
    model, n, n_seeds = MODELS["mixed"], len(labels), len(cells[0])
    if n_seeds < MIN_SEEDS:
        return _undefined(model, n, f"fewer than {MIN_SEEDS} seeds: variance over seeds not estimated")
    if n < MIN_IMAGES:
        return _undefined(model, n, "one image: no variation over images")
    rows = []
    for effect, values in effect_values(*cells).items():
        table = block_means(values, labels, blocks)
        estimate, error, reason = _reml(table)
        rows.append(_row(model, effect, estimate, error, n, confidence, reason=reason))
    return tuple(rows)


def block_means(values: ArrayLike, groups: ArrayLike, blocks: int = BLOCKS) -> NDArray[np.float64]:
    """Means (S, K) of `values` (S, I) over K = min(`blocks`, I) random blocks of images, each with its share of groups.

    The deal depends on the groups (I,) and the number of images alone, so that all effects and quantities share it.

    Raises:
        InputError: the shapes do not fit, or a number is out of its range.

    >>> block_means([[1.0, 2.0, 3.0, 4.0]], [0, 0, 1, 1], blocks=2).mean()
    np.float64(2.5)
    """
    table, names = np.asarray(values, dtype=np.float64), np.asarray(groups)
    if table.ndim != 2 or 0 in table.shape or names.shape != table.shape[1:] or blocks < 1:
        raise InputError(f"{blocks} blocks of values {table.shape} by groups {names.shape}: need (S, I) and (I,)")
    n, k = len(names), min(blocks, len(names))
    order = np.random.default_rng(n).permutation(n)
    block = np.empty(n, dtype=np.intp)
    # Sorted by group and dealt one by one, so that the blocks' numbers of each group differ by one at most.
    block[order[np.argsort(names[order], kind="stable")]] = np.arange(n) % k
    sums = [np.bincount(block, weights=row, minlength=k) for row in table]
    return np.asarray(sums / np.bincount(block, minlength=k))


def _reml(table: NDArray[np.float64]) -> tuple[float | None, float | None, str | None]:
    """Estimate and standard error of the mean of a table (S, K) with random rows and columns, or a reason."""
    size = float(np.abs(table).max())
    if is_constant(table.ravel()):
        return float(table.mean()), None, NO_VARIATION
    rest = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0) + table.mean()
    if float(np.abs(rest).max()) <= _ROUNDING * size:
        return float(table.mean()), None, "seeds and images add up exactly: the mixed model has no residual"
    # In units of its own spread: statsmodels takes any variance below 0.01 for 0.
    scale = float(table.std())
    by_seed, by_image = _indicators(table.shape)
    parts = VCSpec(["seed", "image"], [[_names(by_seed)], [_names(by_image)]], [[by_seed], [by_image]])
    endog = table.ravel() / scale
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            # Powell's method reaches a variance of 0, where gradients vanish and statsmodels' default stops short.
            fit = MixedLM(endog, np.ones((endog.size, 1)), groups=np.ones(endog.size), exog_vc=parts).fit(
                reml=True, method=["powell"], xtol=1e-7, ftol=1e-10
            )
            numbers = float(fit.fe_params[0]), float(fit.bse_fe[0])
        except (ValueError, np.linalg.LinAlgError):
            return None, None, NOT_CONVERGED
    if not fit.converged or not all(map(math.isfinite, numbers)) or numbers[1] <= 0:
        return None, None, NOT_CONVERGED
    return numbers[0] * scale, numbers[1] * scale, None


def _indicators(shape: tuple[int, ...]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Which row and which column each value of a raveled table belongs to, (S K, S) and (S K, K)."""
    n_seeds, n_blocks = shape
    return np.repeat(np.eye(n_seeds), n_blocks, axis=0), np.tile(np.eye(n_blocks), (n_seeds, 1))


def _names(indicators: NDArray[np.float64]) -> list[str]:
    return [str(number) for number in range(indicators.shape[1])]


def _design(labels: NDArray[Any]) -> NDArray[np.float64]:
    """Rows for the four cells of each image, (4 I, 4 G): the factors, and the factors times each centred group."""
    factors = np.column_stack([np.ones(4), _CODES, _CODES.prod(axis=1)])
    names = np.unique(labels)
    shares = np.column_stack([np.ones(len(labels)), *(labels == name for name in names[1:])]).astype(np.float64)
    shares[:, 1:] -= shares[:, 1:].mean(axis=0)
    # Column j of group g is factor j times g: the first four are the effects at the groups' shares.
    design = shares[:, None, :, None] * factors[None, :, None, :]
    return np.asarray(design.reshape(len(labels) * 4, -1))


def _row(
    model: str,
    effect: Effect,
    estimate: float | None,
    error: float | None,
    n: int,
    confidence: float,
    *,
    floor: float = 0.0,
    reason: str | None = None,
) -> ModelCheck:
    """A row with normal limits, or with a reason."""
    if estimate is None or error is None:
        return ModelCheck(model, effect, estimate, None, None, None, n, reason)
    if not (math.isfinite(estimate) and math.isfinite(error)):
        return ModelCheck(model, effect, None, None, None, None, n, NOT_CONVERGED)
    if error * math.sqrt(n) <= floor:
        return ModelCheck(model, effect, estimate, None, None, None, n, NO_VARIATION)
    half = float(special.ndtri(0.5 + confidence / 2)) * error
    p = float(2 * special.ndtr(-abs(estimate) / error))
    return ModelCheck(model, effect, estimate, estimate - half, estimate + half, p, n)


def _undefined(model: str, n: int, reason: str) -> tuple[ModelCheck, ...]:
    return tuple(ModelCheck(model, effect, None, None, None, None, n, reason) for effect in EFFECTS)


def _checked(
    values: Sequence[ArrayLike], groups: ArrayLike | None, confidence: float
) -> tuple[list[NDArray[np.float64]], NDArray[Any]]:
    """The four cells as (S, I) and the images' groups (I,)."""
    check_confidence(confidence)
    cells = [np.asarray(cell, dtype=np.float64) for cell in values]
    shapes = [cell.shape for cell in cells]
    if len(set(shapes)) > 1 or len(shapes[0]) != 2 or 0 in shapes[0]:
        raise InputError(f"a factorial of four variants of shapes {shapes}: need the same (seeds, images) of each")
    if not all(np.isfinite(cell).all() for cell in cells):
        raise InputError("values per seed and image hold NaN or infinity: all must be finite")
    labels = np.zeros(shapes[0][1], dtype=np.int8) if groups is None else np.asarray(groups)
    if labels.shape != shapes[0][1:]:
        raise InputError(f"values of shape {shapes[0]} and groups of shape {labels.shape}: need (S, I) and (I,)")
    return cells, labels
