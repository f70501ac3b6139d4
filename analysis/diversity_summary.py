"""What a diversity study found, frozen: every number that its document shows, by id. `results.json` is its text.

Arms are a variant trained on mixtures of k generators. Proportions are fractions (0 … 1), and what is not defined is
None with a `reason`, never NaN.
"""

from __future__ import annotations

from typing import Literal

from analysis.summary import Estimate, Frozen, Provenance, VariantCard

SCHEMA_VERSION: Literal[1] = 1

HELD_OUT = "held-out"
"""The place that is the mean over all held-out generators, each with the same weight."""

IN_SAMPLE = "in-sample"
"""The place that is each mixture's own test images."""

PLAIN = "-plain"
"""Ends the name of an arm that is a variant's classifiers tested without the augmentation they were trained with."""

Outcome = Literal["helps", "does not help", "undecided"]

ContrastKind = Literal["diversity", "preprocessing", "instead"]
"""`diversity`: a variant on k generators less the same on one. `preprocessing`: a variant less the baseline, both on k.
`instead`: the baseline on k generators less another variant on one, which is what diversity gains the baseline less
what that preprocessing gains it."""


class DiversityEstimate(Estimate):
    """A quantity of one arm at one place; the mean over its mixtures, decision by decision.

    `test_set` is the place: `held-out`, the held-out set of one generator, a shared set, or `in-sample`. `mixture`
    names the one mixture that a row is of, else it is all of k generators that leave the place's generator out.
    `per_seed` holds each seed's value, in the order of the study's seeds.
    """

    k: int
    mixture: str | None = None
    n_mixtures: int
    per_seed: tuple[float, ...] = ()

    @property
    def id(self) -> str:
        """`quantity/variant@k/place[:source]/mixture or own`."""
        where = self.test_set if self.source is None else f"{self.test_set}:{self.source}"
        return f"{self.quantity}/{self.variant}@{self.k}/{where}/{self.mixture or self.path}"


class DiversityContrast(DiversityEstimate):
    """A difference of two arms, paired by seed and image; `versus` is trained on `versus_k` generators.

    `p` is two-sided, of no difference, and `p_holm` adjusted within `family`. Where there is a `margin`, `p_above` is
    of the gain being beyond it and `p_below` of its being short of it, each doubled and adjusted within the family;
    `outcome` follows from these at the study's alpha.
    """

    kind: ContrastKind
    versus_k: int
    family: str
    p_holm: float | None = None
    margin: float | None = None
    p_above: float | None = None
    p_below: float | None = None
    outcome: Outcome | None = None

    @property
    def id(self) -> str:
        """`quantity/variant@k-vs-versus@k/place[:source]/own`."""
        where = self.test_set if self.source is None else f"{self.test_set}:{self.source}"
        return f"{self.quantity}/{self.variant}@{self.k}-vs-{self.versus}@{self.versus_k}/{where}/{self.path}"


class GeneratorCard(Frozen):
    """A generator, its corpus, and the test set of its held-out images with their numbers."""

    name: str
    source: str
    corpus: str
    description: str
    test_set: str
    n_real: int
    n_synthetic: int


class MixtureCard(Frozen):
    """A mixture: its generators and how many images it trained on."""

    name: str
    generators: tuple[str, ...]
    n_train: int


class PlaceCard(Frozen):
    """A shared out-of-sample set: real and synthetic images, and how their pixels were made."""

    name: str
    n_real: int
    n_synthetic: int
    pipeline: str
    sources: tuple[str, ...] = ()


class DiversityCard(Frozen):
    """What the reader must know of the study."""

    name: str
    title: str
    question: str
    demo: bool
    seeds: tuple[int, ...]
    baseline: str
    variants: tuple[VariantCard, ...]
    generators: tuple[GeneratorCard, ...]
    mixtures: tuple[MixtureCard, ...]
    shared: tuple[PlaceCard, ...]
    notes: tuple[str, ...] = ()
    study_toml: str


class DiversityVerdict(Frozen):
    """The answer: whether diversity helps the baseline, whether augmentation did, in words made from the rows.

    `sizes` is the largest number of generators, which the answer is about. `contrasts` are ids of the rows that it
    rests on. `augmentation` is None where the study has no variant `augment`.
    """

    sizes: int
    diversity: Outcome
    augmentation: Outcome | None
    sentences: tuple[str, ...]
    contrasts: tuple[str, ...]


class Diversity(Frozen):
    """All numbers of a diversity study."""

    schema_version: Literal[1] = SCHEMA_VERSION
    kind: Literal["diversity"] = "diversity"
    confidence: float
    alpha: float
    margin: float
    alpha_declared: float | None = None
    margin_declared: float | None = None
    """As declared when the runs began, or else in the study file; None where neither is known."""
    study: DiversityCard
    provenance: Provenance
    levels: tuple[DiversityEstimate, ...]
    mixtures: tuple[DiversityEstimate, ...]
    """Of single mixtures, on every set that they were tested on."""
    contrasts: tuple[DiversityContrast, ...]
    verdict: DiversityVerdict
