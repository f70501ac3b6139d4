"""Does it help to train on more generators? The estimand of a diversity study, and its contrasts.

A study trains every variant v on every mixture m of k of the G generators, k = 1 … G - 1, with the same number of
images, and tests it on held-out images of each generator g that m leaves out. With Y[v,m,s,i] the correctness of image
i under seed s,

    θ_k(v) = 1/G Σ_g BA_g( mean over mixtures m of size k without g of Y[v,m,s,i] )

where BA_g is balanced accuracy on the held-out images of g: ½ the mean over its real ones + ½ that over its synthetic
ones. Every mixture of the size counts as much as every other, every held-out generator too. At each k all generators
other than g occur equally often among the mixtures, so that k is not confounded with which generators they are.

Averaged over mixtures, a value per seed and image is left, and the intervals are the crossed ones of seeds and images
(`analysis.intervals`), with a stratum for every label of every generator; contrasts are differences of these values,
paired by seed and image. Generators are few and were chosen: they and their mixtures are fixed, not sampled, and no
interval says anything of others. AUC enters by its values per image (`analysis.metrics`), averaged in the same way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import comb
from typing import TypeVar

import numpy as np
import pandas as pd

from analysis.contrasts import paired_difference
from analysis.diversity_summary import HELD_OUT, IN_SAMPLE, ContrastKind, DiversityContrast, DiversityEstimate, Outcome
from analysis.equivalence import one_sided, quoted_p
from analysis.errors import InputError
from analysis.frames import PredictionIndex, index_predictions, require_columns
from analysis.intervals import CrossedInterval, Stratum, crossed_interval
from analysis.metrics import Quantity, strata
from analysis.multiplicity import holm
from analysis.ranges import levels_cut

QUANTITIES: tuple[Quantity, ...] = ("balanced_accuracy", "recall", "specificity", "auc")

HEADLINE: Quantity = "balanced_accuracy"

DECISION_COLUMNS = ("variant", "mixture", "seed", "test_set", "image_id", "logit")

Strata = tuple[Stratum, ...]
Row = TypeVar("Row", bound=DiversityEstimate)


@dataclass(frozen=True)
class Design:
    """Who was trained on what, and which test set is of whom.

    members:   mixture → its generators; all nonempty subsets that leave one out.
    held_out:  generator → the test set of its held-out images.
    shared:    further test sets, of no generator in particular, which every mixture was tested on.
    in_sample: mixture → its own in-sample test set, where there is one.
    """

    members: Mapping[str, tuple[str, ...]]
    held_out: Mapping[str, str]
    shared: tuple[str, ...] = ()
    in_sample: Mapping[str, str] | None = None

    @property
    def sizes(self) -> tuple[int, ...]:
        """The sizes of mixtures, ascending."""
        return tuple(sorted({len(members) for members in self.members.values()}))

    def mixtures(self, k: int, without: str | None = None) -> tuple[str, ...]:
        """The mixtures of `k` generators, none of them `without`."""
        return tuple(name for name, members in self.members.items() if len(members) == k and without not in members)


@dataclass(frozen=True)
class DiversityRows:
    """What `diversity_rows` finds."""

    levels: tuple[DiversityEstimate, ...]
    mixtures: tuple[DiversityEstimate, ...]
    contrasts: tuple[DiversityContrast, ...]


@dataclass(frozen=True)
class Arm:
    """A variant on mixtures of `k` generators."""

    variant: str
    k: int


def diversity_rows(
    decisions: pd.DataFrame,
    images: pd.DataFrame,
    design: Design,
    *,
    baseline: str,
    variants: Sequence[str],
    seeds: Sequence[int],
    margin: float,
    alpha: float = 0.05,
    confidence: float = 0.95,
) -> DiversityRows:
    """Every estimate and contrast of a diversity study.

    Args:
        decisions: one row for each decision along the variant's own path: `DECISION_COLUMNS`, a logit above 0 says
            synthetic.
        images: one row for each test set and image: `test_set`, `image_id`, `source`, `label` (1 = synthetic).
        design: the mixtures and test sets.
        baseline: the variant that preprocessing is compared with.
        variants: all of them, in the order of reading.
        seeds: all of them; every mixture has all.
        margin: the largest gain that does not matter, as a fraction; above 0.
        alpha: level of the families of tests, above 0 and below 0.5.
        confidence: coverage of the intervals.

    Raises:
        InputError: a frame lacks a column, a run or an image, the design does not fit it, or a level or margin is out
            of its range.
    """
    if not 0 < margin < 1:
        raise InputError(f"margin {margin}: must lie between 0 and 1, such as 0.05 for five points")
    if not 0 < alpha < 0.5:
        raise InputError(f"alpha {alpha}: must lie between 0 and 0.5, such as 0.05")
    require_columns(decisions, DECISION_COLUMNS, "decisions")
    _refuse_other_design(design, set(map(str, decisions["mixture"].unique())))
    # A mixture takes the place of the path: an index of them checks that all runs saw the same images.
    index = index_predictions(decisions.rename(columns={"mixture": "path"}), images, variants=variants, seeds=seeds)
    places = list(_places(design, index))
    levels: list[DiversityEstimate] = []
    contrasts: list[DiversityContrast] = []
    for quantity in QUANTITIES:
        for place in places:
            if place.source is not None and quantity not in place.quantities:
                continue
            cells = {
                Arm(variant, k): _strata(index, design, quantity, place, Arm(variant, k))
                for variant, k in product(variants, design.sizes)
            }
            levels += [
                _row(DiversityEstimate, quantity, place, arm, design, crossed_interval(found, confidence))
                for arm, found in cells.items()
            ]
            for kind, pairs in _pairs(baseline, variants, design.sizes):
                contrasts += _contrasts(kind, pairs, quantity, place, cells, design, margin, alpha, confidence)
    levels += _in_sample(index, design, variants)
    mixtures = _single_mixtures(index, design, variants, confidence)
    return DiversityRows(levels_cut(levels), levels_cut(mixtures), tuple(contrasts))


def mean_strata(parts: Sequence[Strata]) -> Strata:
    """The strata of a mean over several runs of the same images: value by value.

    Raises:
        InputError: none, or groups of other sizes or weights.
    """
    if not parts:
        raise InputError("a mean over no mixture; at least one is needed")
    shapes = [[(np.shape(group.values), group.weight) for group in part] for part in parts]
    if any(shape != shapes[0] for shape in shapes):
        raise InputError(f"a mean over mixtures of (shape, weight) {shapes}: all must be the same")
    return tuple(
        Stratum(np.mean([group.values for group in groups], axis=0), groups[0].weight)
        for groups in zip(*parts, strict=True)
    )


@dataclass(frozen=True)
class _Place:
    """Where arms are compared: test sets with the generator that mixtures must leave out, all weighted alike."""

    name: str
    sets: tuple[tuple[str, str | None], ...]
    source: str | None = None
    quantities: tuple[Quantity, ...] = QUANTITIES


def _places(design: Design, index: PredictionIndex) -> Iterator[_Place]:
    held = tuple((test_set, generator) for generator, test_set in design.held_out.items())
    yield _Place(HELD_OUT, held)
    yield from (_Place(test_set, ((test_set, generator),)) for test_set, generator in held)
    for test_set in design.shared:
        yield _Place(test_set, ((test_set, None),))
        span = index.images.span(test_set)
        sources, labels = index.images.sources[span].astype(str), index.images.labels[span]
        for source in dict.fromkeys(sources.tolist()):
            known = set(labels[sources == source].tolist())
            only: tuple[Quantity, ...] = ("recall",) if known == {1} else ("specificity",) if known == {0} else ()
            if only:
                yield _Place(test_set, ((test_set, None),), source, only)


def _strata(index: PredictionIndex, design: Design, quantity: Quantity, place: _Place, arm: Arm) -> Strata:
    """The strata of an arm's quantity: means over its mixtures, each test set of the place with the same weight."""
    groups: list[Stratum] = []
    for test_set, generator in place.sets:
        parts = []
        for mixture in design.mixtures(arm.k, generator):
            found = index.decisions(arm.variant, mixture, test_set)
            if place.source is None:
                parts.append(strata(quantity, found.logits, found.labels))
            else:
                here = found.sources.astype(str) == place.source
                right = (found.logits[:, here] > 0) == (found.labels[here] == 1)
                parts.append((Stratum(right.astype(np.float64)),))
        groups += [Stratum(each.values, each.weight / len(place.sets)) for each in mean_strata(parts)]
    return tuple(groups)


def _pairs(
    baseline: str, variants: Sequence[str], sizes: Sequence[int]
) -> Iterator[tuple[ContrastKind, list[tuple[Arm, Arm]]]]:
    """The contrasts of a place by kind; each kind is a family."""
    first, others = sizes[0], [name for name in variants if name != baseline]
    yield "diversity", [(Arm(name, k), Arm(name, first)) for name in variants for k in sizes[1:]]
    yield "preprocessing", [(Arm(name, first), Arm(baseline, first)) for name in others]
    yield "instead", [(Arm(baseline, k), Arm(name, first)) for name in others for k in sizes[1:]]


def _contrasts(
    kind: ContrastKind,
    pairs: Sequence[tuple[Arm, Arm]],
    quantity: Quantity,
    place: _Place,
    cells: Mapping[Arm, Strata],
    design: Design,
    margin: float,
    alpha: float,
    confidence: float,
) -> list[DiversityContrast]:
    """One family: the differences, their p adjusted for its number, and for the headline the outcomes."""
    where = place.name if place.source is None else f"{place.name}:{place.source}"
    found = [crossed_interval(paired_difference(cells[arm], cells[other]), confidence) for arm, other in pairs]
    # A p is given where there is an interval: what the quoted limits leave out.
    tested = [quoted_p(one) if one.low is not None else None for one in found]
    judged = quantity == HEADLINE and kind != "instead"
    above, below = (_doubled(found, margin, side) if judged else [None] * len(found) for side in ("greater", "less"))
    rows = []
    for (arm, other), one, p, p_holm, p_above, p_below in zip(
        pairs, found, tested, holm(tested), holm(above), holm(below), strict=True
    ):
        more = {
            "versus": other.variant,
            "versus_k": other.k,
            "kind": kind,
            "family": f"{quantity}, {where}, {kind}",
            "p": p,
            "p_holm": p_holm,
            "margin": margin if judged else None,
            "p_above": p_above,
            "p_below": p_below,
            "outcome": outcome_of(p_above, p_below, alpha) if judged else None,
        }
        rows.append(_row(DiversityContrast, quantity, place, arm, design, one, more))
    return rows


def _doubled(found: Sequence[CrossedInterval], margin: float, side: str) -> list[float | None]:
    """One-sided p of gains against the margin, doubled, so that a claim and its contrary share one alpha."""
    tails = [one_sided(one, margin, "greater" if side == "greater" else "less") for one in found]
    return [None if tail is None else min(1.0, 2 * tail) for tail in tails]


def outcome_of(p_above: float | None, p_below: float | None, alpha: float) -> Outcome:
    """`helps` where the gain is beyond the margin, `does not help` where it is short of it, else `undecided`.

    >>> outcome_of(0.01, 1.0, 0.05), outcome_of(1.0, 0.01, 0.05), outcome_of(0.2, 0.9, 0.05)
    ('helps', 'does not help', 'undecided')
    """
    if p_above is not None and p_above < alpha:
        return "helps"
    return "does not help" if p_below is not None and p_below < alpha else "undecided"


def _row(
    kind: type[Row],
    quantity: str,
    place: _Place,
    arm: Arm,
    design: Design,
    found: CrossedInterval,
    more: Mapping[str, object] | None = None,
) -> Row:
    of = {mixture for _, generator in place.sets for mixture in design.mixtures(arm.k, generator)}
    labels = {
        "quantity": quantity,
        "variant": arm.variant,
        "k": arm.k,
        "test_set": place.name,
        "source": place.source,
        "path": "own",
        "n_mixtures": len(of),
    }
    return kind.model_validate(labels | _numbers(found) | dict(more or {}))


def _numbers(found: CrossedInterval) -> dict[str, object]:
    names = ("estimate", "low", "high", "df", "var_seed", "var_image", "var_residual")
    numbers: dict[str, object] = {name: getattr(found, name) for name in (*names, "n_seeds", "n_images", "reason")}
    return numbers | {"per_seed": found.per_seed}


def _single_mixtures(
    index: PredictionIndex, design: Design, variants: Sequence[str], confidence: float
) -> Iterator[DiversityEstimate]:
    """The headline of every mixture on every set of generators that it has not seen, and on the shared sets."""
    sets: list[tuple[str, str | None]] = [(test_set, generator) for generator, test_set in design.held_out.items()]
    sets += [(test_set, None) for test_set in design.shared]
    for mixture, members in design.members.items():
        for test_set, generator in sets:
            if generator in members:
                continue
            for variant in variants:
                decided = index.decisions(variant, mixture, test_set)
                found = crossed_interval(strata(HEADLINE, decided.logits, decided.labels), confidence)
                yield DiversityEstimate.model_validate(
                    {
                        "quantity": HEADLINE,
                        "variant": variant,
                        "k": len(members),
                        "test_set": test_set,
                        "path": "own",
                        "mixture": mixture,
                        "n_mixtures": 1,
                    }
                    | _numbers(found)
                )


def _in_sample(index: PredictionIndex, design: Design, variants: Sequence[str]) -> Iterator[DiversityEstimate]:
    """Mean in-sample balanced accuracy of the mixtures of a size, each on images of its own."""
    if not design.in_sample:
        return
    for variant, k in product(variants, design.sizes):
        values, count = [], 0
        for mixture in design.mixtures(k):
            decided = index.decisions(variant, mixture, design.in_sample[mixture])
            groups = strata(HEADLINE, decided.logits, decided.labels)
            values.append(np.sum([group.weight * group.values.mean(axis=1) for group in groups], axis=0))
            count += len(decided.labels)
        per_seed = np.mean(values, axis=0)
        yield DiversityEstimate(
            quantity=HEADLINE,
            variant=variant,
            k=k,
            test_set=IN_SAMPLE,
            path="own",
            estimate=float(per_seed.mean()),
            n_mixtures=len(values),
            n_seeds=len(per_seed),
            n_images=count,
            per_seed=tuple(map(float, per_seed)),
            reason="mixtures share in-sample images: interval not defined",
        )


def _refuse_other_design(design: Design, found: set[str]) -> None:
    known = set(design.held_out)
    if missing := [name for name in design.members if name not in found]:
        raise InputError(f"decisions: the mixture {missing[0]!r} is missing; make its runs")
    if strange := sorted(found - set(design.members)):
        raise InputError(f"decisions: the mixture {strange[0]!r} is not of the design; remove its rows")
    for name, members in design.members.items():
        if not members or not set(members) < known or len(set(members)) < len(members):
            raise InputError(
                f"mixture {name!r} of {', '.join(members) or 'nothing'}: must hold some of the generators "
                f"{', '.join(sorted(known))}, each once, and leave at least one out"
            )
    if len(known) < 3 or design.sizes != tuple(range(1, len(known))):
        raise InputError(
            f"mixtures of {', '.join(map(str, design.sizes))} of {len(known)} generators: three generators or more are "
            "needed, and mixtures of 1, 2, … up to all but one of them"
        )
    for k in design.sizes:
        names = design.mixtures(k)
        if len({frozenset(design.members[name]) for name in names}) < comb(len(known), k) or len(names) > comb(
            len(known), k
        ):
            raise InputError(
                f"{len(names)} mixtures of {k} generators: all {comb(len(known), k)} are needed, each once, or k would "
                "be confounded with which generators they are"
            )
