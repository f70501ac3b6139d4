"""From claims and evidence to verdicts: *supported*, *contradicted* or *undecided*.

**One cell.** Each cell of a claim (`analysis.claims.cells_of`) has a p for the claim, `p_support`, and one for its
contrary, `p_contradict`. A claim about one side of a value (a bound, 0, or ± the margin) has the two one-sided tests
as its pair, each at α/2: both p are doubled here, so that every p is compared with the same α. Equivalence has TOST
(p = the larger of its two one-sided p; Schuirmann, J. Pharmacokinet. Biopharm. 15, 1987) and, against it, the test
that |Δ| lies beyond the margin, twice the smaller one-sided p.

**Several cells.** That all hold is supported at the largest p of them (intersection-union; Berger, Technometrics 24,
1982), and contradicted when one of them is: the smallest p times the number of cells (the first step of Holm). That
any holds is the mirror image. A cell that is not defined keeps a claim about all from being supported and one about
any from being contradicted; it counts in the number of cells.

**Several claims.** Holm within each declared family, apart over `p_support` and over `p_contradict`. A claim is
supported if its adjusted `p_support` is below α, contradicted if its adjusted `p_contradict` is, else undecided.
Intervals shown are not adjusted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, Protocol

import numpy as np
from pydantic import BaseModel, ConfigDict

from analysis.claims import LEVELS, Cell, Claim, Hypothesis, cells_of, check_claims, hypothesis_of
from analysis.declared import NOT_ON_RECORD, Declared, changes_since, declared_of
from analysis.equivalence import OneSided, beyond, one_sided, tost
from analysis.errors import InputError
from analysis.intervals import CrossedInterval
from analysis.multiplicity import holm
from analysis.power import detectable_difference, seeds_needed
from analysis.ranges import cut_to_range
from analysis.sentences import sentence_of
from analysis.significance import sign_flip

Outcome = Literal["supported", "contradicted", "undecided"]

POWER = 0.8
"""Power of the detectable difference and of the seeds needed."""

NOT_COMPUTED = "not computed in this study"


class _Frozen(BaseModel):
    """A closed, immutable model."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, ser_json_inf_nan="constants")


class VerdictPart(_Frozen):
    """One cell of a claim, with what the data say of it.

    `low` and `high` are the quoted limits at `confidence`; for equivalence, those of its 1 - 2α interval; of a level,
    not beyond what the quantity can be (`analysis.ranges`), while p are of the uncut interval. `p_support` and
    `p_contradict` are of this cell alone. `detectable` is the distance from the value tested that the crossed t of
    these seeds and images finds with power .8, `seeds_needed` how many seeds would decide the cell with that power if
    the true value were the one estimated, both at α without correction; where there is none, `seeds_reason` says why.
    `attainable_p` is the lowest p of a sign-flip test over these seeds, where that is the declared test.
    """

    variant: str
    versus: str | None = None
    test_set: str
    versus_test_set: str | None = None
    source: str | None = None
    path: str
    estimate: float | None
    low: float | None = None
    high: float | None = None
    confidence: float | None = None
    n_seeds: int
    n_images: int
    p_support: float | None = None
    p_contradict: float | None = None
    attainable_p: float | None = None
    detectable: float | None = None
    seeds_needed: int | None = None
    seeds_reason: str | None = None
    reason: str | None = None


class Verdict(_Frozen):
    """What became of a claim.

    `p_support` and `p_contradict` are of the whole claim, `…_adjusted` after Holm within `family`, which had
    `family_size` claims. `parts` are its cells, and `decisive` the number of the one that the outcome hangs on.
    `margin_declared`, `bound_declared` and `alpha_declared` are what was declared, when the runs began or else in the
    study file (`declared_of`), and `changed` says what of the claim is not as it was in either. `reason` says why a p
    is not defined.
    """

    id: str
    says: str
    quantity: str
    kind: str
    conjunction: Literal["all", "any"]
    test: Literal["crossed", "sign-flip"]
    outcome: Outcome
    sentence: str = ""
    family: str
    family_size: int
    alpha: float
    bound: float | None = None
    margin: float | None = None
    margin_declared: float | None = None
    bound_declared: float | None = None
    alpha_declared: float | None = None
    changed: str | None = None
    p_support: float | None
    p_contradict: float | None
    p_support_adjusted: float | None
    p_contradict_adjusted: float | None
    decisive: int
    parts: tuple[VerdictPart, ...]
    reason: str | None = None


class Missing(Protocol):
    """Evidence that is not defined, as `analysis.estimates.Undefined` is."""

    @property
    def reason(self) -> str:
        """Why."""

    @property
    def n_seeds(self) -> int:
        """Seeds that were there."""

    @property
    def n_images(self) -> int:
        """Images that were there."""


Evidence = Callable[[Cell], CrossedInterval | Missing | None] | Mapping[Cell, CrossedInterval | Missing]
"""The crossed interval of a cell (a paired difference where the cell has `versus`; two strata of weights 1 and -1 and
other images where it has `versus_test_set`), or why there is none."""


def decide(
    claims: Sequence[Claim],
    evidence: Evidence,
    alpha: float = 0.05,
    *,
    test_sets: Mapping[str, str],
    at_start: Declared = NOT_ON_RECORD,
    in_study: Declared = NOT_ON_RECORD,
) -> tuple[Verdict, ...]:
    """The verdict of every claim, in their order.

    Args:
        claims: what is claimed now; a family is made of all claims given that name it.
        evidence: what is known of each of their cells.
        alpha: level of each family's correction, above 0 and below 0.5.
        test_sets: the role of each test set by name, in order.
        at_start: what was declared when the runs began.
        in_study: what the study file declares, before another margin or level was given to the analysis.

    Raises:
        InputError: `alpha` is out of range, two claims share an id, or a claim names a test set that is not there.

    >>> from analysis.intervals import crossed_mean
    >>> claim = Claim(id="a", says="It helps.", quantity="accuracy", kind="greater", variants=("augment",),
    ...               versus="baseline", role="in_sample")
    >>> better = crossed_mean([[0.1, 0.2, 0.1, 0.1], [0.1, 0.1, 0.1, 0.2], [0.2, 0.2, 0.1, 0.1]])
    >>> verdict, = decide([claim], lambda cell: better, test_sets={"test": "in_sample"})
    >>> verdict.outcome, round(verdict.p_support, 4), verdict.parts[0].n_images
    ('supported', 0.0039, 4)
    """
    if not 0 < alpha < 0.5:
        raise InputError(f"alpha {alpha}: must lie between 0 and 0.5, such as 0.05")
    check_claims(claims)
    lookup: Callable[[Cell], CrossedInterval | Missing | None] = (
        evidence.get if isinstance(evidence, Mapping) else evidence
    )
    parts = [tuple(_part(claim, cell, lookup(cell), alpha) for cell in cells_of(claim, test_sets)) for claim in claims]
    support = [
        _combined([part.p_support for part in of], all_of=c.conjunction == "all")
        for c, of in zip(claims, parts, strict=True)
    ]
    contrary = [
        _combined([part.p_contradict for part in of], all_of=c.conjunction == "any")
        for c, of in zip(claims, parts, strict=True)
    ]
    adjusted = _by_family(claims, support), _by_family(claims, contrary)
    sizes = [sum(other.family == claim.family for other in claims) for claim in claims]
    verdicts = []
    for n, claim in enumerate(claims):
        outcome = _outcome(adjusted[0][n], adjusted[1][n], alpha)
        records = [known.claim(claim.id) for known in (at_start, in_study)]
        verdict = Verdict(
            id=claim.id,
            says=claim.says,
            quantity=claim.quantity,
            kind=claim.kind,
            conjunction=claim.conjunction,
            test=claim.test,
            outcome=outcome,
            family=claim.family,
            family_size=sizes[n],
            alpha=alpha,
            bound=claim.bound,
            margin=claim.margin,
            margin_declared=declared_of(claim.margin, *(None if of is None else of.margin for of in records)),
            bound_declared=declared_of(claim.bound, *(None if of is None else of.bound for of in records)),
            alpha_declared=declared_of(alpha, at_start.alpha, in_study.alpha),
            changed=changes_since(claim, at_start, in_study, alpha=alpha, confidence=_confidence(claim, parts[n])),
            p_support=support[n],
            p_contradict=contrary[n],
            p_support_adjusted=adjusted[0][n],
            p_contradict_adjusted=adjusted[1][n],
            decisive=_decisive(parts[n], outcome, claim.conjunction, hypothesis_of(claim)),
            parts=parts[n],
            reason=next((part.reason for part in parts[n] if part.reason), None),
        )
        verdicts.append(verdict.model_copy(update={"sentence": sentence_of(verdict)}))
    return tuple(verdicts)


def _confidence(claim: Claim, parts: Sequence[VerdictPart]) -> float | None:
    """The coverage that a claim's intervals were asked for at; None where there are none, or where α says it."""
    if hypothesis_of(claim).side == "within":
        return None
    return next((part.confidence for part in parts if part.confidence is not None), None)


def _part(claim: Claim, cell: Cell, found: CrossedInterval | Missing | None, alpha: float) -> VerdictPart:
    labels: dict[str, object] = {
        "variant": cell.variant,
        "versus": cell.versus,
        "test_set": cell.test_set,
        "versus_test_set": cell.versus_test_set,
        "source": cell.source,
        "path": cell.path,
        "n_seeds": found.n_seeds if found is not None else 0,
        "n_images": found.n_images if found is not None else 0,
    }
    if not isinstance(found, CrossedInterval):
        reason = NOT_COMPUTED if found is None else found.reason
        return VerdictPart.model_validate(labels | {"estimate": None, "reason": reason})
    labels["estimate"] = found.estimate
    if found.low is None:
        return VerdictPart.model_validate(labels | {"reason": found.reason or "interval not defined"})
    hypothesis = hypothesis_of(claim)
    numbers: dict[str, object] = {"low": found.low, "high": found.high, "confidence": found.confidence}
    if hypothesis.side == "within":
        limits = tost(found, hypothesis.value, alpha)
        numbers = {"low": limits.low, "high": limits.high, "confidence": 1 - 2 * alpha}
    if claim.kind in LEVELS:
        numbers["low"], numbers["high"] = cut_to_range(claim.quantity, found.estimate, found.low, found.high)
    if claim.test == "sign-flip":
        numbers["attainable_p"] = _flip(found, 0.0 if hypothesis.side == "within" else hypothesis.value)[1]
    else:
        numbers |= _plan(found, hypothesis, alpha)
    support, contrary = _tests(claim.test, found, hypothesis, alpha)
    return VerdictPart.model_validate(labels | numbers | {"p_support": support, "p_contradict": contrary})


def _tests(
    test: str, found: CrossedInterval, hypothesis: Hypothesis, alpha: float
) -> tuple[float | None, float | None]:
    """The p for and against a cell, each to be compared with α."""
    value, side = hypothesis.value, hypothesis.side

    def tail(bound: float, where: OneSided) -> float | None:
        return _flip_side(found, bound, where) if test == "sign-flip" else one_sided(found, bound, where)

    if side == "within":
        if test == "crossed":
            return tost(found, value, alpha).p, beyond(found, value)
        inside = (tail(-value, "greater"), tail(value, "less"))
        outside = (tail(value, "greater"), tail(-value, "less"))
        return _largest(inside), _doubled(_smallest(outside))
    other: OneSided = "less" if side == "greater" else "greater"
    return _doubled(tail(value, side)), _doubled(tail(value, other))


def _flip(found: CrossedInterval, value: float) -> tuple[float, float]:
    """Two-sided p of the sign-flip test that θ_s - value are symmetric about 0, and the lowest it can be."""
    theta = np.asarray(found.per_seed) - value
    # Only used beyond the seeds whose patterns can all be counted; keyed by their number, so that it never varies.
    result = sign_flip(theta, generator=np.random.default_rng(len(theta)))
    return result.p, result.attainable


def _flip_side(found: CrossedInterval, value: float, side: OneSided) -> float:
    """One-sided p: half the two-sided one if the mean lies on that side, since patterns come in mirrored pairs."""
    p, _ = _flip(found, value)
    towards = found.estimate > value if side == "greater" else found.estimate < value
    return p / 2 if towards else 1 - p / 2


def _plan(found: CrossedInterval, hypothesis: Hypothesis, alpha: float) -> dict[str, object]:
    """The detectable distance from the value tested, and the seeds that would decide at the distance estimated."""
    distance, level = abs(found.estimate - hypothesis.value), alpha
    if hypothesis.side == "within":
        distance = abs(abs(found.estimate) - hypothesis.value)
        # Each half of TOST is one-sided at α; that |Δ| lies beyond the margin is tested at α/2 a side.
        level = 2 * alpha if abs(found.estimate) < hypothesis.value else alpha
    needed = seeds_needed(found, found.n_images, distance, level, POWER)
    return {
        "detectable": detectable_difference(found, found.n_seeds, found.n_images, level, POWER),
        "seeds_needed": needed.seeds,
        "seeds_reason": needed.reason,
    }


def _combined(p: Sequence[float | None], *, all_of: bool) -> float | None:
    """The p that all hold (the largest), or that any does (the smallest times their number)."""
    known = [value for value in p if value is not None]
    if all_of:
        return _largest(p)
    return min(1.0, len(p) * min(known)) if known else None


CLEAR = 1e-6
"""A p below which cells are all called clear."""


def _by_family(claims: Sequence[Claim], p: Sequence[float | None]) -> list[float | None]:
    adjusted: list[float | None] = [None] * len(claims)
    for family in dict.fromkeys(claim.family for claim in claims):
        members = [n for n, claim in enumerate(claims) if claim.family == family]
        for n, value in zip(members, holm([p[n] for n in members]), strict=True):
            adjusted[n] = value
    return adjusted


def _outcome(support: float | None, contrary: float | None, alpha: float) -> Outcome:
    if support is not None and support < alpha:
        return "supported"
    if contrary is not None and contrary < alpha:
        return "contradicted"
    return "undecided"


def _decisive(parts: Sequence[VerdictPart], outcome: Outcome, conjunction: str, hypothesis: Hypothesis) -> int:
    """The cell that the outcome hangs on: the weakest of all, or the strongest of any; an undefined one is weakest.

    By p; among cells as clear as can be (p up to `CLEAR`) by the distance from the value tested, since the tail of so
    small a p ranks standard errors and says nothing that a reader could see.
    """
    p = [part.p_contradict if outcome == "contradicted" else part.p_support for part in parts]

    def strength(n: int) -> tuple[float, float]:
        value, estimate = p[n], parts[n].estimate
        if value is None or estimate is None:
            return -2.0, 0.0
        at = abs(estimate) if hypothesis.side == "within" else estimate
        return -max(value, CLEAR), abs(at - hypothesis.value) if value <= CLEAR else 0.0

    weakest = (conjunction == "all") == (outcome != "contradicted")
    return (min if weakest else max)(range(len(parts)), key=strength)


def _doubled(p: float | None) -> float | None:
    return None if p is None else min(1.0, 2 * p)


def _largest(p: Sequence[float | None]) -> float | None:
    known = [value for value in p if value is not None]
    return max(known) if len(known) == len(p) else None


def _smallest(p: Sequence[float | None]) -> float | None:
    known = [value for value in p if value is not None]
    return min(known) if known else None
