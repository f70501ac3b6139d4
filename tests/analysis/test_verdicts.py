from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_claims import claim
from scipy import stats
from statsmodels.stats.multitest import multipletests

from analysis.claims import Cell, Claim, Kind, cells_of
from analysis.declared import Declared
from analysis.errors import InputError
from analysis.estimates import Undefined
from analysis.intervals import CrossedInterval, Stratum, crossed_interval, crossed_mean
from analysis.sentences import sentence_of
from analysis.verdicts import NOT_COMPUTED, Evidence, Verdict, decide

SETS = {"test": "in_sample", "far": "out_of_sample", "farther": "out_of_sample"}


def found(mean: float, *, seeds: int = 8, images: int = 200, seed_sd: float = 0.003, draw: int = 0) -> CrossedInterval:
    """Values whose mean is exactly `mean`, with a standard error near 0.001."""
    rng = np.random.default_rng(draw)
    values = seed_sd * rng.normal(size=(seeds, 1)) + 0.005 * rng.normal(size=images)
    values = values + 0.01 * rng.normal(size=(seeds, images))
    return crossed_mean(values - values.mean() + mean)


def verdict_of(one: Claim, *means: float | CrossedInterval | Undefined, alpha: float = 0.05) -> Verdict:
    """The verdict of one claim whose cells have these values, in order."""
    cells = cells_of(one, SETS)
    table = {
        cell: found(mean, draw=n) if isinstance(mean, float) else mean
        for n, (cell, mean) in enumerate(zip(cells, means, strict=True))
    }
    return decide([one], table, alpha, test_sets=SETS)[0]


def t_tail(interval: CrossedInterval, value: float) -> float:
    """P(T ≥ t) of the crossed t, for which the images alone must not be the wider."""
    assert interval.half_width_crossed is not None
    assert interval.half_width_images is not None
    assert interval.half_width_crossed > interval.half_width_images
    assert interval.standard_error is not None
    assert interval.df is not None
    return float(stats.t.sf((interval.estimate - value) / interval.standard_error, interval.df))


KINDS: dict[Kind, tuple[str, str, str, str, str]] = {
    # the outcome where the truth lies far below -margin, half way to it, at 0, half way to +margin, far above it
    "greater": ("contradicted", "contradicted", "undecided", "supported", "supported"),
    "less": ("supported", "supported", "undecided", "contradicted", "contradicted"),
    "superior": ("contradicted", "contradicted", "contradicted", "contradicted", "supported"),
    "not_superior": ("supported", "supported", "supported", "supported", "contradicted"),
    "non_inferior": ("contradicted", "supported", "supported", "supported", "supported"),
    "equivalent": ("contradicted", "supported", "supported", "supported", "contradicted"),
}


@pytest.mark.parametrize(("kind", "place"), [*itertools.product(KINDS, range(5))])
@pytest.mark.parametrize("test", ["crossed", "sign-flip"])
def test_differences_wherever_the_truth_lies(kind: Kind, place: int, test: str) -> None:
    """Each kind of difference is supported on its side, contradicted on the other, undecided where neither shows."""
    margin = None if kind in ("greater", "less") else 0.02
    value = (-0.04, -0.01, 0.0, 0.01, 0.04)[place]
    interval = found(value, seeds=10, seed_sd=0.001)
    assert verdict_of(claim(kind=kind, margin=margin, test=test), interval).outcome == KINDS[kind][place]
    if kind in ("superior", "not_superior", "non_inferior"):
        mirrored = found(-value, seeds=10, seed_sd=0.001)
        less = claim(kind=kind, margin=margin, test=test, quantity="brier")
        assert verdict_of(less, mirrored).outcome == KINDS[kind][place]


@pytest.mark.parametrize(
    ("kind", "level", "outcome"),
    [
        ("above", 0.95, "supported"),
        ("above", 0.9, "undecided"),
        ("above", 0.85, "contradicted"),
        ("below", 0.95, "contradicted"),
        ("below", 0.9, "undecided"),
        ("below", 0.85, "supported"),
    ],
)
def test_levels_on_either_side_of_the_bound(kind: Kind, level: float, outcome: str) -> None:
    """A level is held against its bound, not against zero."""
    assert verdict_of(claim(kind=kind, versus=None, bound=0.9), level).outcome == outcome


@pytest.mark.parametrize("kind", ["superior", "not_superior", "non_inferior", "equivalent"])
def test_at_the_margin_nothing_is_decided(kind: Kind) -> None:
    """An estimate right on the margin supports nothing and contradicts nothing."""
    at = -0.02 if kind == "non_inferior" else 0.02
    assert verdict_of(claim(kind=kind, margin=0.02), at).outcome == "undecided"


def test_p_of_a_direction_is_the_doubled_one_sided_p() -> None:
    """A direction's p are twice SciPy's tails of the crossed t, and add up to 2 unless they are capped."""
    interval = found(0.001)
    part = verdict_of(claim(), interval).parts[0]
    tail = t_tail(interval, 0.0)
    assert part.p_support == pytest.approx(2 * tail, rel=1e-9)
    assert part.p_contradict == 1.0
    shifted = verdict_of(claim(kind="not_superior", margin=0.002), interval).parts[0]
    assert shifted.p_support == pytest.approx(2 * (1 - t_tail(interval, 0.002)), rel=1e-9)


def test_p_of_equivalence() -> None:
    """TOST takes the larger one-sided p, and its contrary twice the smaller one beyond the margin."""
    interval = found(0.001)
    part = verdict_of(claim(kind="equivalent", margin=0.003), interval).parts[0]
    assert part.p_support == pytest.approx(max(t_tail(interval, -0.003), 1 - t_tail(interval, 0.003)), rel=1e-9)
    assert part.p_contradict == 1.0
    outside = verdict_of(claim(kind="equivalent", margin=0.0005), interval).parts[0]
    smaller = min(t_tail(interval, 0.0005), 1 - t_tail(interval, -0.0005))
    assert outside.p_contradict == pytest.approx(2 * smaller, rel=1e-9)
    assert interval.df is not None
    assert interval.standard_error is not None
    half = stats.t.ppf(0.95, interval.df) * interval.standard_error
    assert (part.low, part.high, part.confidence) == pytest.approx((0.001 - half, 0.001 + half, 0.9), rel=1e-9)


def test_other_kinds_show_the_quoted_interval() -> None:
    """The interval shown is the one that was given, whatever α is."""
    interval = found(0.001)
    part = verdict_of(claim(), interval, alpha=0.01).parts[0]
    assert (part.low, part.high, part.confidence) == (interval.low, interval.high, 0.95)
    assert (part.estimate, part.n_seeds, part.n_images) == (interval.estimate, 8, 200)


def test_all_takes_the_largest_p_and_any_the_smallest_of_many() -> None:
    """All hold at the largest p; any holds at the smallest times the cells; the contraries the other way round."""
    variants, means = ("augment", "autoencoder", "both"), (0.001, 0.0015, -0.0005)
    every = verdict_of(claim(variants=variants), *means)
    some = verdict_of(claim(variants=variants, conjunction="any"), *means)
    support = [2 * t_tail(found(mean, draw=n), 0.0) for n, mean in enumerate(means)]
    contrary = [2 * (1 - p / 2) for p in support]
    assert every.p_support == pytest.approx(min(1, max(support)), rel=1e-9)
    assert every.p_contradict == pytest.approx(min(1, 3 * min(contrary)), rel=1e-9)
    assert some.p_support == pytest.approx(min(1, 3 * min(support)), rel=1e-9)
    assert some.p_contradict == pytest.approx(min(1, max(contrary)), rel=1e-9)


@pytest.mark.parametrize(
    ("conjunction", "means", "outcome", "decisive"),
    [
        ("all", (0.02, 0.01, 0.03), "supported", 1),
        ("all", (0.02, 0.0, 0.03), "undecided", 1),
        ("all", (0.02, 0.0, -0.03), "contradicted", 2),
        ("any", (0.0, 0.0, 0.03), "supported", 2),
        ("any", (0.0, 0.0002, -0.03), "undecided", 1),
        ("any", (-0.02, -0.01, -0.03), "contradicted", 1),
    ],
)
def test_conjunctions(conjunction: str, means: tuple[float, ...], outcome: str, decisive: int) -> None:
    """The outcome of several cells, and which of them it hangs on."""
    verdict = verdict_of(claim(variants=("augment", "autoencoder", "both"), conjunction=conjunction), *means)
    assert (verdict.outcome, verdict.decisive) == (outcome, decisive)


NONE = Undefined("no synthetic images: accuracy is not defined", 8, 12)


def test_among_clear_cells_the_one_nearest_the_bound_is_spoken_of() -> None:
    """Where every p is tiny, the distance from what is tested says which case is the weakest, not the p's tail."""
    one = claim(kind="not_superior", variants=("augment", "autoencoder"), versus="baseline", margin=0.05)
    near, far = found(0.0, seed_sd=0.0005, draw=1), found(-0.09, seed_sd=0.01, draw=2)
    verdict = verdict_of(one, far, near)
    p = [part.p_support for part in verdict.parts]
    assert p[0] is not None
    assert p[1] is not None
    assert max(p) < 1e-6
    assert p[1] < p[0], "by p alone the other would be the weakest"
    assert verdict.parts[verdict.decisive].variant == "autoencoder"


@pytest.mark.parametrize(
    ("conjunction", "other", "outcome", "decisive"),
    [
        ("all", 0.03, "undecided", 1),
        ("all", -0.03, "contradicted", 0),
        ("any", 0.03, "supported", 0),
        ("any", -0.03, "undecided", 0),
    ],
)
def test_what_is_not_defined_decides_nothing(conjunction: str, other: float, outcome: str, decisive: int) -> None:
    """A cell that is not defined keeps all from being supported and any from being contradicted, and is counted."""
    verdict = verdict_of(claim(variants=("augment", "both"), conjunction=conjunction), other, NONE)
    assert (verdict.outcome, verdict.decisive, verdict.reason) == (outcome, decisive, NONE.reason)
    assert verdict.parts[1].reason == NONE.reason
    assert (verdict.parts[1].n_seeds, verdict.parts[1].n_images) == (8, 12)
    alone = verdict.parts[0]
    expected = {
        "all": (None, min(1.0, 2 * (alone.p_contradict or 0.0))),
        "any": (min(1.0, 2 * (alone.p_support or 0.0)), None),
    }[conjunction]
    assert (verdict.p_support, verdict.p_contradict) == expected


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (None, NOT_COMPUTED),
        (NONE, NONE.reason),
        (found(0.5, seeds=1), "one seed"),
        (found(0.5, seeds=2), "two seeds"),
        (crossed_mean(np.full((5, 9), 0.25)), "no variation"),
    ],
)
@pytest.mark.parametrize("test", ["crossed", "sign-flip"])
@pytest.mark.parametrize("kind", ["greater", "equivalent"])
def test_without_an_interval_there_is_no_verdict(outcome: Any, reason: str, test: str, kind: Kind) -> None:
    """Missing numbers, fewer than three seeds and no variation leave a claim undecided and say why."""
    one = claim(test=test, kind=kind, margin=0.1 if kind == "equivalent" else None)
    verdict = decide([one], lambda cell: outcome, test_sets=SETS)[0]
    assert verdict.outcome == "undecided"
    assert verdict.reason is not None
    assert verdict.reason.startswith(reason)
    assert reason in verdict.sentence
    assert {verdict.p_support, verdict.p_contradict, verdict.p_support_adjusted, verdict.p_contradict_adjusted} == {
        None
    }


def three(**changes: Any) -> tuple[list[Claim], Mapping[Cell, CrossedInterval]]:
    claims = [
        claim(id="a", variants=("augment",)),
        claim(id="b", variants=("autoencoder",)),
        claim(id="c", variants=("both",)) if not changes else claim(id="c", variants=("both",), **changes),
    ]
    means = (0.003, 0.0035, 0.004)
    return claims, {
        cells_of(c, SETS)[0]: found(mean, draw=n) for n, (c, mean) in enumerate(zip(claims, means, strict=True))
    }


def test_holm_within_a_family() -> None:
    """Adjusted p are statsmodels' Holm of the family's p, apart for and against."""
    claims, evidence = three()
    verdicts = decide(claims, evidence, test_sets=SETS)
    for raw, adjusted in (("p_support", "p_support_adjusted"), ("p_contradict", "p_contradict_adjusted")):
        expected = multipletests([getattr(v, raw) for v in verdicts], method="holm")[1]
        assert [getattr(v, adjusted) for v in verdicts] == pytest.approx(list(expected), rel=1e-12)
    assert {v.family_size for v in verdicts} == {3}
    assert (verdicts[0].p_support_adjusted or 0.0) > (verdicts[0].p_support or 1.0)


def test_families_do_not_touch_each_other() -> None:
    """A claim alone in its family keeps its p, and the others are corrected for two."""
    claims, evidence = three(family="apart")
    verdicts = decide(claims, evidence, test_sets=SETS)
    assert [v.family_size for v in verdicts] == [2, 2, 1]
    assert verdicts[2].p_support_adjusted == verdicts[2].p_support
    expected = multipletests([v.p_support for v in verdicts[:2]], method="holm")[1]
    assert [v.p_support_adjusted for v in verdicts[:2]] == pytest.approx(list(expected), rel=1e-12)


def test_verdicts_come_from_adjusted_p_alone() -> None:
    """What is below α before the correction and above it after is undecided."""
    alone = decide([claim()], lambda cell: found(0.003), test_sets=SETS)[0]
    assert alone.p_support is not None
    alpha = 2 * alone.p_support
    many = [claim(id=name) for name in "abc"]
    verdicts = decide(many, lambda cell: found(0.003), alpha, test_sets=SETS)
    assert decide([claim()], lambda cell: found(0.003), alpha, test_sets=SETS)[0].outcome == "supported"
    assert {v.outcome for v in verdicts} == {"undecided"}


def test_sign_flip_cannot_decide_with_five_seeds() -> None:
    """Five seeds of one sign reach p = 0.0625 and no less, where the crossed t decides; eight seeds do."""
    for seeds, p, outcome in ((5, 0.0625, "undecided"), (8, 2 / 2**8, "supported")):
        interval = found(0.02, seeds=seeds, seed_sd=0.001)
        verdict = verdict_of(claim(test="sign-flip"), interval)
        assert (verdict.p_support, verdict.parts[0].attainable_p) == (p, p)
        assert verdict.outcome == outcome
        assert f"cannot go below {p:.2g}" in verdict.sentence
        assert verdict_of(claim(), interval).outcome == "supported"
        assert (verdict.parts[0].detectable, verdict.parts[0].seeds_needed) == (None, None)


def test_sign_flip_counts_patterns() -> None:
    """One-sided p of the sign-flip test are the shares of sign patterns, counted one by one."""
    interval = found(0.001)
    differences = np.asarray(interval.per_seed) - 0.0005
    sums = np.asarray([np.dot(signs, differences) for signs in itertools.product((1, -1), repeat=8)])
    share = np.mean(sums >= differences.sum() - 1e-12)
    part = verdict_of(claim(kind="superior", margin=0.0005, test="sign-flip"), interval).parts[0]
    assert part.p_support == pytest.approx(2 * share, rel=1e-9)
    assert part.p_contradict == 1.0


def test_sign_flip_beyond_twenty_seeds_is_the_same_every_time() -> None:
    """Random sign patterns do not make a verdict random."""
    interval = found(0.001, seeds=24)
    first, second = (verdict_of(claim(test="sign-flip"), interval) for _ in range(2))
    assert first == second
    assert 0 < (first.p_support or 0) < 1


def test_planning_stands_beside_a_cell() -> None:
    """The detectable distance is that of the crossed t with power 0.8, and enough seeds would decide."""
    interval = found(0.004, seed_sd=0.006)
    part = verdict_of(claim(), interval).parts[0]
    assert interval.df is not None
    assert interval.standard_error is not None
    expected = (stats.t.ppf(0.975, interval.df) + stats.t.ppf(0.8, interval.df)) * interval.standard_error
    assert part.detectable == pytest.approx(expected, rel=0.02)
    assert part.seeds_needed is not None
    assert part.seeds_needed > 8
    # an equivalence is one-sided at α a side where the estimate lies inside the margin
    inside = verdict_of(claim(kind="equivalent", margin=0.005), interval).parts[0]
    expected = (stats.t.ppf(0.95, interval.df) + stats.t.ppf(0.8, interval.df)) * interval.standard_error
    assert inside.detectable == pytest.approx(expected, rel=0.02)
    outside = verdict_of(claim(kind="equivalent", margin=0.001), interval).parts[0]
    assert outside.detectable == pytest.approx(part.detectable, rel=1e-9)


def test_more_seeds_where_the_images_forbid_it() -> None:
    """An estimate right on the value tested is never decided, and the reason says so."""
    part = verdict_of(claim(), 0.0).parts[0]
    assert part.seeds_needed is None
    assert part.seeds_reason


def test_a_difference_of_test_sets_is_asked_for_as_one() -> None:
    """The evidence is asked for the difference of the two sets, and strata of other images decide it."""
    rng = np.random.default_rng(3)
    far, near = (rng.random((6, 300)) < rate for rate in (0.6, 0.9))
    asked: list[Cell] = []

    def lookup(cell: Cell) -> CrossedInterval:
        asked.append(cell)
        return crossed_interval([Stratum(far.astype(float), 1.0), Stratum(near.astype(float), -1.0)])

    one = claim(kind="less", versus=None, role="out_of_sample", versus_role="in_sample")
    verdict = decide([one], lookup, test_sets=SETS)[0]
    assert [(cell.test_set, cell.versus_test_set) for cell in asked] == [("far", "test"), ("farther", "test")]
    assert verdict.outcome == "supported"
    assert verdict.parts[0].n_images == 600


def test_changes_are_recorded() -> None:
    """A margin that was changed after the runs began stands in the verdict and in its sentence."""
    then, now = claim(kind="non_inferior", margin=0.01), claim(kind="non_inferior", margin=0.02)
    verdict = decide([now], lambda cell: found(0.0), test_sets=SETS, at_start=Declared([then]))[0]
    assert verdict.changed == "margin 0.01 when the runs began, 0.02 now"
    assert (verdict.margin_declared, verdict.margin) == (0.01, 0.02)
    assert verdict.sentence.endswith(f"Changed since the runs began: {verdict.changed}.")
    same = decide([now], lambda cell: found(0.0), test_sets=SETS, at_start=Declared([now]))[0]
    assert (same.changed, same.margin_declared) == (None, 0.02)
    assert "Changed" not in same.sentence


def test_another_coverage_is_told_where_it_is_shown() -> None:
    """A claim whose interval has another coverage than when the runs began says so; equivalence has the one of α."""
    one, same = claim(), claim(id="same", kind="equivalent", margin=0.02)
    began = Declared([one, same], alpha=0.05, confidence=0.99)
    verdicts = decide([one, same], lambda cell: found(0.0), test_sets=SETS, at_start=began)
    assert [verdict.changed for verdict in verdicts] == ["confidence 0.99 when the runs began, 0.95 now", None]
    assert verdicts[0].sentence.endswith("Changed since the runs began: confidence 0.99 when the runs began, 0.95 now.")
    assert verdicts[0].sentence.startswith("Undecided: "), "the coverage of its interval decides no claim"


def test_refusals() -> None:
    """A level that is none, ids that are shared and test sets that are not there are refused."""
    for alpha in (0.0, 0.5, -1.0, float("nan")):
        with pytest.raises(InputError, match=r"must lie between 0 and 0\.5, such as 0\.05"):
            decide([claim()], {}, alpha, test_sets=SETS)
    with pytest.raises(InputError, match="two claims have the id `one`"):
        decide([claim(), claim()], {}, test_sets=SETS)
    with pytest.raises(InputError, match="no test set of role in_sample"):
        decide([claim()], {}, test_sets={})
    assert decide([], {}, test_sets=SETS) == ()


def test_verdicts_survive_json() -> None:
    """A verdict reads back as it was written, and its sentence is made from it."""
    verdict = verdict_of(claim(variants=("augment", "both")), 0.004, NONE)
    assert Verdict.model_validate_json(verdict.model_dump_json()) == verdict
    assert verdict.sentence == sentence_of(verdict)


means = st.floats(-0.02, 0.02).map(lambda value: round(value, 5))


@settings(max_examples=10)
@given(
    mean=means, margin=st.floats(0.001, 0.02), draw=st.integers(0, 20), test=st.sampled_from(["crossed", "sign-flip"])
)
def test_swapping_the_variants_mirrors_the_verdict(mean: float, margin: float, draw: int, test: str) -> None:
    """With the arms swapped, greater becomes less and superior is the contrary of non-inferior; equivalence stays."""
    interval = found(mean, draw=draw, images=30)
    shifted = np.asarray(interval.per_seed)[:, None] + np.random.default_rng(draw).normal(size=(8, 30)) * 0.005
    there, back = crossed_mean(shifted), crossed_mean(-shifted)

    def outcome(kind: str, evidence: CrossedInterval) -> str:
        one = claim(kind=kind, margin=None if kind in ("greater", "less") else margin, test=test)
        return verdict_of(one, evidence).outcome

    contrary = {"supported": "contradicted", "contradicted": "supported", "undecided": "undecided"}
    assert outcome("greater", there) == outcome("less", back) == contrary[outcome("less", there)]
    assert outcome("superior", there) == contrary[outcome("non_inferior", back)]
    assert outcome("superior", there) == contrary[outcome("not_superior", there)]
    assert outcome("equivalent", there) == outcome("equivalent", back)


@settings(max_examples=10)
@given(mean=means, margin=st.floats(0.001, 0.02), more=st.floats(0.0, 0.02), draw=st.integers(0, 20))
def test_a_wider_margin_is_easier(mean: float, margin: float, more: float, draw: int) -> None:
    """A wider margin never has a larger p for the claim, and the two p of a cell are never both small."""
    interval = found(mean, draw=draw, images=30)
    for kind in ("equivalent", "non_inferior", "not_superior"):
        narrow, wide = (verdict_of(claim(kind=kind, margin=m), interval).parts[0] for m in (margin, margin + more))
        assert narrow.p_support is not None
        assert narrow.p_contradict is not None
        assert wide.p_support is not None
        assert wide.p_support <= narrow.p_support * (1 + 1e-12)
        assert max(narrow.p_support, narrow.p_contradict) >= 0.5


@settings(max_examples=10)
@given(
    support=st.lists(st.sampled_from([0.0001, 0.02, 0.06, 0.5]), min_size=1, max_size=4),
    family=st.lists(st.sampled_from(["x", "y"]), min_size=4, max_size=4),
)
def test_correction_never_helps(support: list[float], family: list[str]) -> None:
    """No adjusted p is below its own p, nor above the p times the size of the family."""
    offsets = {0.0001: 0.02, 0.02: 0.004, 0.06: 0.003, 0.5: 0.001}
    claims = [claim(id=f"c{n}", family=name) for n, (_, name) in enumerate(zip(support, family, strict=False))]
    intervals = iter([found(offsets[p], draw=n, images=30) for n, p in enumerate(support)])
    evidence: Evidence = lambda cell: next(intervals)  # noqa: E731
    for verdict in decide(claims, evidence, test_sets=SETS):
        assert verdict.p_support is not None
        assert verdict.p_support_adjusted is not None
        assert verdict.p_support <= verdict.p_support_adjusted <= min(1.0, verdict.family_size * verdict.p_support)


@pytest.mark.parametrize(
    ("start", "study", "declared", "changed"),
    [
        # The margin used is 0.2; None: the claim is in no such record.
        (0.01, 0.01, 0.01, "margin 0.01 when the runs began, 0.2 now"),
        (0.01, 0.2, 0.01, "margin 0.01 when the runs began, 0.2 now"),
        (0.01, 0.02, 0.01, "margin 0.01 when the runs began, 0.02 in the study file, 0.2 now"),
        (0.2, 0.02, 0.02, "margin 0.02 in the study file, 0.2 now"),
        (None, 0.02, 0.02, "declared after the runs began; margin 0.02 in the study file, 0.2 now"),
        (None, 0.2, 0.2, "declared after the runs began"),
        (0.2, 0.2, 0.2, None),
    ],
)
def test_margins_are_compared_with_both_records(
    start: float | None, study: float, declared: float, changed: str | None
) -> None:
    """A margin that is another than at the start or than in the study file is told, also of a late claim."""
    now = claim(kind="non_inferior", margin=0.2)
    began = [] if start is None else [claim(kind="non_inferior", margin=start)]
    filed = Declared([claim(kind="non_inferior", margin=study)])
    verdict = decide([now], lambda cell: found(0.0), test_sets=SETS, at_start=Declared(began), in_study=filed)[0]
    assert (verdict.margin_declared, verdict.changed) == (declared, changed)
    marked = "Supported at a changed margin: Something holds. Judged at a margin of 20\u00a0points instead of"
    assert verdict.sentence.startswith(marked) == (declared != 0.2)


def test_limits_of_levels_end_with_the_range_and_p_do_not() -> None:
    """A level near 1 is quoted up to 1, its p is that of the uncut interval; differences are never cut."""
    rng = np.random.default_rng(1)
    interval = crossed_mean(rng.random((3, 12)) < 0.9)
    assert interval.high is not None
    assert interval.high > 1
    level = claim(kind="above", versus=None, bound=0.5)
    part = verdict_of(level, interval).parts[0]
    assert (part.low, part.high) == (interval.low, 1.0)
    assert part.p_support == pytest.approx(2 * min(0.5, _largest_tail(interval, 0.5)), rel=1e-9)
    assert verdict_of(claim(), interval).parts[0].high == interval.high


def _largest_tail(interval: CrossedInterval, value: float) -> float:
    """The larger of both t's P(T ≥ t)."""
    errors = [(interval.standard_error, interval.df), (interval.standard_error_images, interval.df_images)]
    return max(float(stats.t.sf((interval.estimate - value) / se, df)) for se, df in errors if se and df)
