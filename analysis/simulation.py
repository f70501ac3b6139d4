"""Studies with a known truth, drawn from a probit model, to see what intervals and tests are worth.

Variant v, seed s and image i give a logit whose sign decides. With y = +1 for a synthetic image and -1 for a real one,

    logit[v,s,i] = y (m[v,y] + u[v,s]) + t[v,s] + d[i] + b[v,i] + e[v,s,i]

with independent normal effects: d the image's own difficulty, shared by variants and seeds; u a seed's true quality;
t a seed's threshold; b what one variant makes of one image, whatever the seed; e the rest, of standard deviation 1,
the unit of all. So sums of effects are normal, and every truth below is exact: a rate is Φ(m / √(sum of variances)).
It is the two-way model of multi-reader multi-case studies with readers as seeds (Roe and Metz, Acad. Radiol. 4, 1997).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import integrate, special

from analysis.errors import InputError
from analysis.power import VarianceSplit

DIFFICULTY_SD = 1.0
"""Standard deviation of an image's own difficulty, in units of the residual."""

_AT_ONCE = 2**18
"""About so many logits are drawn at once: they stay in the processor's cache."""


@dataclass(frozen=True)
class Design:
    """What a simulated study holds and what is true in it.

    `images` are half real, half synthetic. The last variant is the baseline: it decides a share `rate` of each class
    correctly. All others decide `rate + gain + tilt` of the synthetic and `rate + gain - tilt` of the real images
    correctly: `gain` is the true difference in accuracy, `tilt` a moved threshold. `seed_sd`, `threshold_sd` and
    `image_sd` are the standard deviations of u, t and b.

    Raises:
        InputError: fewer than 1 seed or variant, an odd number of images or fewer than 4, a negative standard
            deviation, or a rate that leaves (0, 1).
    """

    seeds: int
    images: int
    quantity: Literal["accuracy", "balanced_accuracy", "auc"] = field(default="accuracy", kw_only=True)
    seed_sd: float = field(default=0.0, kw_only=True)
    image_sd: float = field(default=0.0, kw_only=True)
    threshold_sd: float = field(default=0.0, kw_only=True)
    gain: float = field(default=0.0, kw_only=True)
    tilt: float = field(default=0.0, kw_only=True)
    rate: float = field(default=0.85, kw_only=True)
    variants: int = field(default=2, kw_only=True)

    def __post_init__(self) -> None:
        if self.seeds < 1 or self.variants < 1:
            raise InputError(f"design of {self.seeds} seeds and {self.variants} variants: needs one of each or more")
        if self.images < 4 or self.images % 2:
            raise InputError(f"design of {self.images} images: needs an even number, 4 or more")
        deviations = (self.seed_sd, self.image_sd, self.threshold_sd)
        if min(deviations) < 0:
            raise InputError(f"design with standard deviations {deviations}: none may be negative")
        rates = [self.rate, self.rate + self.gain + self.tilt, self.rate + self.gain - self.tilt]
        if not 0 < min(rates) <= max(rates) < 1:
            raise InputError(f"design with rates {rates}: all must lie between 0 and 1")

    @property
    def name(self) -> str:
        """The design in one word, the same for equal designs alone."""
        parts = [f"{self.quantity}-s{self.seeds}-i{self.images}"]
        for letters, value, usual in (
            ("sc", self.seed_sd, 0.0),
            ("sb", self.image_sd, 0.0),
            ("st", self.threshold_sd, 0.0),
            ("gain", self.gain, 0.0),
            ("tilt", self.tilt, 0.0),
            ("rate", self.rate, 0.85),
            ("v", self.variants, 2),
        ):
            if value != usual:
                parts.append(f"{letters}{value:g}")
        return "-".join(parts)

    @property
    def variance(self) -> float:
        """Variance of a logit of one variant and class."""
        return 1.0 + DIFFICULTY_SD**2 + self.seed_sd**2 + self.image_sd**2 + self.threshold_sd**2

    @property
    def labels(self) -> NDArray[np.int8]:
        """Labels (I,): real images first."""
        return np.repeat(np.array([0, 1], dtype=np.int8), self.images // 2)

    def margins(self) -> NDArray[np.float64]:
        """The means m (V, 2) of every variant, of real and of synthetic images."""
        better = [self.rate + self.gain - self.tilt, self.rate + self.gain + self.tilt]
        rates = np.array([better] * (self.variants - 1) + [[self.rate, self.rate]])
        return np.asarray(math.sqrt(self.variance) * special.ndtri(rates))


def true_values(design: Design) -> NDArray[np.float64]:
    """The expected metric (V,) of every variant, over new seeds and new images.

    Accuracy and balanced accuracy: the mean of both rates. AUC: Φ(Σ_y m / √(4 var u + 2 (var d + var b + 1))), the
    chance that a synthetic image has a higher logit than a real one of the same seed.

    >>> true_values(Design(5, 2000, gain=0.02, tilt=0.05)).round(6).tolist()
    [0.87, 0.85]
    """
    margins = design.margins()
    if design.quantity == "auc":
        spread = 4 * design.seed_sd**2 + 2 * (1.0 + DIFFICULTY_SD**2 + design.image_sd**2)
        return np.asarray(special.ndtr(margins.sum(axis=1) / math.sqrt(spread)))
    return np.asarray(special.ndtr(margins / math.sqrt(design.variance)).mean(axis=1))


def true_difference(design: Design) -> float:
    """The expected difference of the first variant and the baseline, over new seeds and new images."""
    values = true_values(design)
    return float(values[0] - values[-1])


def true_components(design: Design) -> VarianceSplit:
    """Variances (seed, image, residual) of a single value of the difference in correctness, exact.

    The squared standard error with S seeds and I images is seed/S + image/I + residual/(S I). Two decisions share u
    where the seed is the same, d and b where the image is; the covariance of their correctness is
    ∫₀^ρ φ₂(m, m′; r) dr with ρ the shared part of the logits' variance (Plackett, Biometrika 41, 1954).

    Raises:
        InputError: the design's quantity is not accuracy, or a moved threshold (`tilt`, `threshold_sd`) makes the
            images' variance differ between the classes.

    >>> split = true_components(Design(5, 2000, seed_sd=0.15, image_sd=0.5))
    >>> round(split.var_seed, 5), round(split.var_image, 5), round(split.var_residual, 5)
    (0.00108, 0.01968, 0.17427)
    """
    if design.quantity != "accuracy" or design.tilt or design.threshold_sd:
        raise InputError(f"components of design {design.name}: need accuracy and a threshold that does not move")
    first, second = (float(row[0]) for row in design.margins()[[0, -1]] / math.sqrt(design.variance))

    def covariance(shared: float, one: float, other: float) -> float:
        def density(r: float) -> float:
            rest = 1 - r**2
            return math.exp(-(one**2 - 2 * r * one * other + other**2) / (2 * rest)) / (2 * math.pi * math.sqrt(rest))

        return float(integrate.quad(density, 0.0, shared / design.variance)[0])

    difficulty = DIFFICULTY_SD**2
    twice = [(first, first), (second, second)]
    between = 2 * covariance(difficulty, first, second)
    seed = sum(covariance(design.seed_sd**2, *pair) for pair in twice)
    image = sum(covariance(difficulty + design.image_sd**2, *pair) for pair in twice) - between
    total = sum(float(special.ndtr(m) * special.ndtr(-m)) for m in (first, second)) - between
    return VarianceSplit(seed, image, total - seed - image)


def draw_logits(design: Design, repetitions: int, generator: np.random.Generator) -> Iterator[NDArray[np.float32]]:
    """The logits of many studies, in chunks (R, V, S, I) of float32 that hold `repetitions` studies in all.

    Raises:
        InputError: repetitions below 1.

    >>> chunks = list(draw_logits(Design(3, 500), 300, np.random.default_rng(0)))
    >>> sum(len(chunk) for chunk in chunks), chunks[0].shape[1:]
    (300, (2, 3, 500))
    """
    if repetitions < 1:
        raise InputError(f"repetitions {repetitions}: need at least 1")
    shape = (design.variants, design.seeds, design.images)
    at_once = max(1, _AT_ONCE // math.prod(shape))
    half = design.images // 2
    margins = design.margins().astype(np.float32)
    for start in range(0, repetitions, at_once):
        n = min(at_once, repetitions - start)

        def normal(deviation: float, *size: int) -> NDArray[np.float32]:
            return deviation * generator.standard_normal(size if deviation else (1,) * len(size), dtype=np.float32)

        logits = generator.standard_normal((n, *shape), dtype=np.float32)
        quality = normal(design.seed_sd, n, design.variants, design.seeds, 1)
        threshold = normal(design.threshold_sd, n, design.variants, design.seeds, 1)
        logits += normal(DIFFICULTY_SD, n, 1, 1, design.images)
        logits += normal(design.image_sd, n, design.variants, 1, design.images)
        logits[..., :half] += threshold - quality - margins[:, :1, None]
        logits[..., half:] += threshold + quality + margins[:, 1:, None]
        yield logits
