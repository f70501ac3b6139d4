from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from analysis.beside import images_only, seed_t
from analysis.bootstrap import percentile_interval, pooled, resample_means
from analysis.bootstrap_ranks import resample_not_smooth
from analysis.build_contrasts import (
    DRAWS_NOT_SMOOTH,
    FACTORIAL_QUANTITIES,
    FACTORIAL_VARIANTS,
    POOLED_QUANTITIES,
    Draws,
    Levels,
    build_contrasts,
    build_factorial,
    generator_of,
    pairs_of,
    place_draws,
)
from analysis.contrasts import metric_contrast, paired_difference
from analysis.equivalence import quoted_p, tost
from analysis.errors import InputError
from analysis.frames import Decisions
from analysis.intervals import Stratum
from analysis.metrics import QUANTITIES, Quantity, metric, strata
from analysis.multiplicity import attainable_p, holm
from analysis.places import Place, places_of
from analysis.power import detectable_difference, opposite_share, seeds_needed
from analysis.quantities import NOT_SMOOTH
from analysis.significance import effect_sizes, paired_t, sign_flip, wilcoxon
from analysis.summary import Contrast, TestSetCard

LABELS = np.array([0] * 26 + [1] * 34, dtype=np.int8)
CARD = TestSetCard(name="set", role="in_sample", n_real=26, n_synthetic=34, pipeline="", sources=())
LEVELS = Levels(confidence=0.9, alpha=0.1, draws=400, margin=0.15)
CUTS = np.array([0.3, -0.2, 0.1, 0.0])
SMOOTH = tuple(quantity for quantity in QUANTITIES if quantity not in NOT_SMOOTH)


def logits_of(number: int, seeds: int = 4) -> dict[str, NDArray[np.float64]]:
    """Logits (S, I) of the four variants, that share the images' difficulty."""
    rng = np.random.default_rng(number)
    hard = rng.normal(size=len(LABELS))
    gains = {"baseline": 1.0, "augment": 1.3, "autoencoder": 0.8, "both": 1.6}
    return {
        name: gain * (2.0 * LABELS - 1) + hard + rng.normal(size=(seeds, len(LABELS))) for name, gain in gains.items()
    }


def sides_of(
    logits: Mapping[str, NDArray[np.float64]], labels: NDArray[np.int8] = LABELS, cuts: NDArray[np.float64] = CUTS
) -> dict[str, Place]:
    """Each variant's place, with every metric; the validated thresholds are those of the seeds."""
    ids = np.array([f"{i:02d}" for i in range(len(labels))], dtype=object)
    sources = np.full(len(labels), "camera", dtype=object)
    found = {}
    for name, values in logits.items():
        seeds = tuple(range(len(values)))
        one = Decisions(name, name, "set", values, labels, sources, ids, seeds)
        found[name] = next(places_of(one, CARD, QUANTITIES, cuts[: len(values)]))
    return found


def contrasts_of(sides: Mapping[str, Place], levels: Levels = LEVELS, *quantities: Quantity) -> dict[str, Contrast]:
    """The rows of every pair by `quantity/variant-vs-versus`."""
    pairs, chosen = pairs_of(list(sides), "baseline"), quantities or QUANTITIES
    draws = place_draws(sides, chosen, levels)
    rows = build_contrasts(sides, pairs, "set", None, chosen, levels, draws)
    return {f"{row.quantity}/{row.variant}-vs-{row.versus}": row for row in rows}


def factorial_of(sides: Mapping[str, Place], levels: Levels = LEVELS) -> dict[str, Contrast]:
    """The rows of every effect by `quantity/effect`."""
    draws = place_draws(sides, FACTORIAL_QUANTITIES, levels)
    rows = build_factorial(sides, "set", None, FACTORIAL_QUANTITIES, levels, draws)
    return {f"{row.quantity}/{row.variant.removeprefix('factorial-')}": row for row in rows}


@functools.cache
def plain() -> dict[str, Place]:
    return sides_of(logits_of(7))


@functools.cache
def plain_rows() -> dict[str, Contrast]:
    return contrasts_of(plain())


def cut_of(quantity: Quantity) -> NDArray[np.float64] | float:
    return CUTS if quantity.endswith("_validated") else 0.0


def test_every_pair_comes_once_and_those_with_the_baseline_first() -> None:
    """Four variants make six pairs; each quantity has all of them before the next begins."""
    order = ["augment", "autoencoder", "both"]
    expected = [*((v, "baseline") for v in order), ("autoencoder", "augment"), ("both", "augment")]
    expected.append(("both", "autoencoder"))
    assert pairs_of(FACTORIAL_VARIANTS, "baseline") == expected
    rows = list(plain_rows().values())
    assert [(row.quantity, row.variant, row.versus) for row in rows] == [
        (q, *pair) for q in QUANTITIES for pair in expected
    ]
    assert pairs_of(["one"], "one") == []


@pytest.mark.parametrize("names", [*permutations(["a", "b", "zero"])])
def test_the_baseline_is_always_the_one_subtracted(names: tuple[str, ...]) -> None:
    """Wherever the baseline stands in the study, it is subtracted, and no pair comes twice or mirrored."""
    pairs = pairs_of(names, "zero")
    assert all(variant != "zero" for variant, _ in pairs)
    assert {frozenset(pair) for pair in pairs} == {frozenset(p) for p in (("a", "b"), ("a", "zero"), ("b", "zero"))}
    assert len(pairs) == 3


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_each_field_is_that_of_the_function_it_comes_from(quantity: Quantity) -> None:
    """Estimate, limits, tests, effect sizes and plans of a row are what direct calls on the logits give."""
    logits = logits_of(7)
    one, other = logits["both"], logits["augment"]
    row, cut = plain_rows()[f"{quantity}/both-vs-augment"], cut_of(quantity)
    expected = metric_contrast(quantity, one, other, LABELS, 0.9, threshold=cut, baseline_threshold=cut)
    for name in ("estimate", "low", "high", "df", "var_seed", "var_image", "var_residual", "n_seeds", "n_images"):
        assert getattr(row, name) == getattr(expected, name), name
    assert row.p == quoted_p(expected)
    theta = np.asarray(expected.per_seed)
    a, b = (metric(quantity, values, LABELS, cut) for values in (one, other))
    assert theta == pytest.approx(a - b, abs=1e-12)
    over_seeds = seed_t(theta, 0.9)
    assert (row.seed_t_low, row.seed_t_high) == (over_seeds.low, over_seeds.high)
    alone = images_only(difference(quantity, one, other), 0.9)
    assert (row.images_low, row.images_high) == (alone.low, alone.high)
    flip = sign_flip(theta)
    assert (row.sign_flip_p, row.attainable_p) == (flip.p, attainable_p(4, flip.zeros))
    assert row.paired_t_p == paired_t(theta).p
    assert row.wilcoxon_p == wilcoxon(theta).p
    sizes = effect_sizes(a, b)
    assert row.cohen_dz == pytest.approx(sizes.cohen_dz, rel=1e-9)
    assert row.hedges_gz == pytest.approx(sizes.hedges_gz, rel=1e-9)
    assert row.cohen_d == pytest.approx(sizes.cohen_d_pooled, rel=1e-9)
    assert row.superiority == sizes.probability_of_superiority
    assert row.opposite_share == opposite_share(a, b)
    assert row.detectable == detectable_difference(expected, 4, expected.n_images, 0.1)
    assert row.reason is None
    if quantity in POOLED_QUANTITIES:
        equal = tost(expected, 0.15, 0.1)
        assert (row.margin, row.tost_p, row.tost_low, row.tost_high) == (0.15, equal.p, equal.low, equal.high)
        assert row.seeds_needed == seeds_needed(expected, expected.n_images, 0.15, 0.1).seeds
    else:
        assert (row.margin, row.tost_p, row.tost_low, row.seeds_needed) == (None, None, None, None)


def difference(quantity: Quantity, one: NDArray[np.float64], other: NDArray[np.float64]) -> tuple[Stratum, ...]:
    cut = cut_of(quantity)
    return paired_difference(strata(quantity, one, LABELS, cut), strata(quantity, other, LABELS, cut))


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_bootstrap_is_that_of_the_paired_difference(quantity: Quantity) -> None:
    """Two variants share their resamples: the limits are those of resampling the difference of every seed and image."""
    logits = logits_of(7)
    row = plain_rows()[f"{quantity}/autoencoder-vs-baseline"]
    if quantity in NOT_SMOOTH:
        random = generator_of(np.sort(LABELS).astype(np.int64))
        both = np.stack([logits["autoencoder"], logits["baseline"]])
        drawn = resample_not_smooth([quantity], both, LABELS, draws=400, generator=random)[quantity]
        exact = percentile_interval(drawn[0] - drawn[1], 0.9)
        assert (row.bootstrap_low, row.bootstrap_high) == pytest.approx((exact.low, exact.high), abs=1e-12)
        return
    values, groups = pooled(difference(quantity, logits["autoencoder"], logits["baseline"]))
    means = resample_means(values, groups, draws=400, generator=generator_of(groups))
    expected = percentile_interval(means[0], 0.9)
    assert (row.bootstrap_low, row.bootstrap_high) == pytest.approx((expected.low, expected.high), abs=1e-5)


def test_draws_of_one_place_do_not_depend_on_what_else_is_drawn() -> None:
    """Another quantity or variant beside it, or a place of another name, moves no limit."""
    alone = contrasts_of({name: plain()[name] for name in ("baseline", "both")}, LEVELS, "accuracy")
    mine, other = alone["accuracy/both-vs-baseline"], plain_rows()["accuracy/both-vs-baseline"]
    assert (mine.bootstrap_low, mine.bootstrap_high) == pytest.approx(
        (other.bootstrap_low, other.bootstrap_high), abs=1e-6
    )
    draws = place_draws(plain(), ["accuracy"], LEVELS)
    (elsewhere,) = build_contrasts(plain(), [("both", "baseline")], "another", "z", ["accuracy"], LEVELS, draws)
    assert elsewhere.model_copy(
        update={"test_set": "set", "source": None, "family": other.family, "p_holm": other.p_holm}
    ) == other.model_copy(update={"bootstrap_low": elsewhere.bootstrap_low, "bootstrap_high": elsewhere.bootstrap_high})


def test_quantities_that_are_not_smooth_have_fewer_draws() -> None:
    """EER, recall at 5 % and ECE are drawn at most so often as is stated; the others as often as asked for."""
    levels = replace(LEVELS, draws=DRAWS_NOT_SMOOTH + 1)
    draws = place_draws(plain(), ["eer", "accuracy"], levels)
    assert (len(draws["both", "eer"]), len(draws["both", "accuracy"])) == (DRAWS_NOT_SMOOTH, levels.draws)


def test_no_draws_leave_the_bootstrap_out_and_nothing_else() -> None:
    """Without draws there are no bootstrap limits; every other number stays."""
    rows = contrasts_of(plain(), replace(LEVELS, draws=0))
    for name, row in plain_rows().items():
        assert rows[name] == row.model_copy(update={"bootstrap_low": None, "bootstrap_high": None})


def test_more_draws_converge_on_the_limits_of_very_many() -> None:
    """With more draws the bootstrap limits move less and less."""
    sides = {name: plain()[name] for name in ("baseline", "both")}

    def limits(draws: int) -> NDArray[np.float64]:
        row = contrasts_of(sides, replace(LEVELS, draws=draws), "balanced_accuracy")[
            "balanced_accuracy/both-vs-baseline"
        ]
        assert row.bootstrap_low is not None
        return np.array([row.bootstrap_low, row.bootstrap_high])

    target = limits(60_000)
    few, many = (np.abs(limits(draws) - target).max() for draws in (50, 20_000))
    assert many < 0.004
    assert many < few


def test_holm_is_over_the_six_pairs_of_a_quantity() -> None:
    """Adjusted p are Holm's over the pairs of one quantity at one place, and that is what the family is called."""
    for quantity in QUANTITIES:
        rows = [row for row in plain_rows().values() if row.quantity == quantity]
        assert {row.family for row in rows} == {f"{quantity}, set, pairs"}
        assert [row.p_holm for row in rows] == holm([row.p for row in rows])
        assert all(row.p is not None and row.p_holm is not None and row.p_holm >= row.p for row in rows)


@pytest.mark.parametrize("quantity", FACTORIAL_QUANTITIES)
def test_factorial_effects_are_differences_of_the_four_means(quantity: Quantity) -> None:
    """The effects are ½[(A-0)+(AE-E)], ½[(E-0)+(AE-A)] and (AE-E)-(A-0) of the variants' metrics, in this order."""
    rows = factorial_of(plain())
    means = {name: metric(quantity, values, LABELS).mean() for name, values in logits_of(7).items()}
    none, a, e, ae = (means[name] for name in FACTORIAL_VARIANTS)
    expected = {
        "augmentation": ((a - none) + (ae - e)) / 2,
        "autoencoder": ((e - none) + (ae - a)) / 2,
        "interaction": (ae - e) - (a - none),
    }
    assert [name for name in rows if name.startswith(f"{quantity}/")] == [f"{quantity}/{effect}" for effect in expected]
    for effect, value in expected.items():
        row = rows[f"{quantity}/{effect}"]
        assert row.estimate == pytest.approx(value, abs=1e-12)
        assert row.versus is None
        assert row.low is not None
        assert row.high is not None
        assert row.low < value < row.high
        assert row.id == f"{quantity}/factorial-{effect}/set/own"
        assert (row.superiority, row.opposite_share, row.cohen_dz) == (None, None, None), "no two variants are compared"
        assert row.tost_p is not None


def test_factorial_effects_have_their_own_family_and_bootstrap() -> None:
    """Holm is over the three effects; their draws are those of the pooled values of each effect."""
    rows = factorial_of(plain())
    logits = logits_of(7)
    for quantity in FACTORIAL_QUANTITIES:
        three = [row for row in rows.values() if row.quantity == quantity]
        assert {row.family for row in three} == {f"{quantity}, set, factorial"}
        assert [row.p_holm for row in three] == holm([row.p for row in three])
        cells = [strata(quantity, logits[name], LABELS, 0.0) for name in FACTORIAL_VARIANTS]
        weights = {"augmentation": (-1, 1, -1, 1), "autoencoder": (-1, -1, 1, 1), "interaction": (2, -2, -2, 2)}
        for effect, halves in weights.items():
            groups = [
                Stratum(sum(h / 2 * s.values for h, s in zip(halves, four, strict=True)), four[0].weight)
                for four in zip(*cells, strict=True)
            ]
            values, codes = pooled(groups)
            drawn = resample_means(values, codes, draws=400, generator=generator_of(codes))
            expected, row = percentile_interval(drawn[0], 0.9), rows[f"{quantity}/{effect}"]
            assert (row.bootstrap_low, row.bootstrap_high) == pytest.approx((expected.low, expected.high), abs=1e-5)


def test_no_factorial_without_the_four_variants() -> None:
    """A study that lacks one of the four has no factorial; more variants than the four change nothing."""
    four = plain()
    assert factorial_of({name: side for name, side in four.items() if name != "both"}) == {}
    blur = replace(four["augment"], variant="blur")
    assert factorial_of({**four, "blur": blur}) == factorial_of(four)


def test_an_undefined_variant_leaves_its_pairs_undefined_and_names_itself() -> None:
    """Constant logits of one seed take the AUC from three pairs and the factorial, and Holm counts the rest alone."""
    logits = logits_of(7)
    logits["augment"][2] = -0.5
    rows = contrasts_of(sides_of(logits))
    why = "augment: constant predictions: AUC is not defined"
    for pair in ("augment-vs-baseline", "autoencoder-vs-augment", "both-vs-augment"):
        row = rows[f"auc/{pair}"]
        assert (row.estimate, row.low, row.p, row.p_holm, row.reason) == (None, None, None, None, why)
        assert (row.n_seeds, row.n_images, row.family) == (4, 60, "auc, set, pairs")
    kept = [rows[f"auc/{pair}"] for pair in ("autoencoder-vs-baseline", "both-vs-baseline", "both-vs-autoencoder")]
    assert [row.p_holm for row in kept] == holm([row.p for row in kept])
    effects = factorial_of(sides_of(logits))
    assert {effects[f"auc/{effect}"].reason for effect in ("augmentation", "autoencoder", "interaction")} == {why}
    assert effects["accuracy/interaction"].estimate is not None


def test_images_of_one_class_give_what_is_defined_there() -> None:
    """Real images alone have a specificity; the reason of the rest is given once, since it is that of every variant."""
    real = np.zeros(30, dtype=np.int8)
    rng = np.random.default_rng(2)
    sides = sides_of({name: rng.normal(size=(3, 30)) for name in FACTORIAL_VARIANTS}, real)
    rows, effects = contrasts_of(sides), factorial_of(sides)
    assert rows["specificity/both-vs-baseline"].low is not None
    assert rows["recall/both-vs-baseline"].reason == "no synthetic images: recall is not defined"
    assert effects["recall/interaction"].reason == "no synthetic images: recall is not defined"
    assert effects["specificity/interaction"].low is not None


@pytest.mark.parametrize(("seeds", "words"), [(1, "one seed"), (2, "two seeds")])
def test_few_seeds_say_so(seeds: int, words: str) -> None:
    """With one or two seeds there is no crossed interval, p, margin test or plan; what can be told still is."""
    sides = sides_of(logits_of(3, seeds))
    for row in (*contrasts_of(sides).values(), *factorial_of(sides).values()):
        assert row.estimate is not None
        assert row.reason is not None
        assert words in row.reason
        assert (row.low, row.p, row.p_holm, row.tost_p, row.detectable, row.seeds_needed) == (None,) * 6
        assert row.images_low is not None
        assert (row.sign_flip_p is None) == (seeds == 1)
        assert (row.seed_t_low is None) or seeds == 2


def test_equal_variants_have_no_variation() -> None:
    """A variant that decides as the baseline does differs by 0 everywhere: no interval, but the reason."""
    logits = logits_of(3)
    logits["augment"] = logits["baseline"].copy()
    row = contrasts_of(sides_of(logits), LEVELS, "accuracy")["accuracy/augment-vs-baseline"]
    assert (row.estimate, row.low, row.p, row.bootstrap_low) == (0.0, None, None, None)
    assert row.reason == "no variation: interval not defined"
    assert (row.paired_t_p, row.wilcoxon_p, row.opposite_share, row.superiority) == (None, None, None, 0.5)
    assert (row.sign_flip_p, row.attainable_p) == (1.0, 1.0)


def test_more_seeds_than_patterns_can_be_counted_are_deterministic() -> None:
    """Beyond 20 seeds random flips stand for all patterns, the same ones every time."""
    sides = sides_of_many()
    first, second = (contrasts_of(sides, replace(LEVELS, draws=0), "accuracy") for _ in range(2))
    assert first == second
    row = first["accuracy/both-vs-baseline"]
    assert row.attainable_p == pytest.approx(1 / 100_001)
    assert row.sign_flip_p is not None
    assert row.sign_flip_p >= 1 / 100_001


def sides_of_many() -> dict[str, Place]:
    ids, sources = np.arange(60).astype(str).astype(object), np.full(60, "camera", dtype=object)
    logits = logits_of(3, seeds=25)
    return {
        name: next(
            places_of(
                Decisions(name, name, "set", logits[name], LABELS, sources, ids, tuple(range(25))), CARD, ("accuracy",)
            )
        )
        for name in ("baseline", "both")
    }


MIRRORED = (("low", "high"), ("images_low", "images_high"), ("seed_t_low", "seed_t_high"), ("tost_low", "tost_high"))
SAME = (
    "df",
    "p",
    "var_seed",
    "var_image",
    "var_residual",
    "sign_flip_p",
    "attainable_p",
    "paired_t_p",
    "wilcoxon_p",
    "tost_p",
    "detectable",
    "seeds_needed",
    "opposite_share",
    "reason",
)
TURNED = ("estimate", "cohen_dz", "hedges_gz", "cohen_d")


def swapped(sides: Mapping[str, Place], draws: Draws, quantity: Quantity) -> Iterator[Contrast]:
    for pair in (("both", "augment"), ("augment", "both")):
        yield from build_contrasts(sides, [pair], "set", None, [quantity], LEVELS, draws)


@given(number=st.integers(0, 10_000), quantity=st.sampled_from(QUANTITIES), seeds=st.integers(2, 4))
@settings(max_examples=60)
def test_swapping_the_variants_flips_the_signs(number: int, quantity: Quantity, seeds: int) -> None:
    """The difference the other way round has the opposite sign and mirrored limits, and the same p, df and plans."""
    sides = sides_of(logits_of(number, seeds))
    forth, back = swapped(sides, place_draws(sides, [quantity], LEVELS), quantity)
    for name in TURNED:
        assert near(getattr(forth, name), negative(getattr(back, name))), name
    for low, high in (*MIRRORED, ("bootstrap_low", "bootstrap_high")):
        assert near(getattr(forth, low), negative(getattr(back, high))), low
        assert near(getattr(forth, high), negative(getattr(back, low))), high
    for name in SAME:
        assert near(getattr(forth, name), getattr(back, name)), name
    assert forth.superiority is not None
    assert back.superiority is not None
    assert forth.superiority + back.superiority == pytest.approx(1.0)


def negative(value: float | None) -> float | None:
    return None if value is None else -value


def near(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-7, abs_tol=1e-9)
    return bool(one == other)


@given(number=st.integers(0, 10_000), quantity=st.sampled_from(SMOOTH), draw=st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_order_of_seeds_and_images_changes_nothing(number: int, quantity: Quantity, draw: Any) -> None:
    """Seeds and images in another order, the same for all variants, give the same row."""
    logits = logits_of(number)
    images, seeds = list(range(60)), list(range(4))
    draw.shuffle(images)
    draw.shuffle(seeds)
    moved = {name: values[seeds][:, images] for name, values in logits.items()}
    # The bootstrap is left out: its limits differ by chance.
    levels = replace(LEVELS, draws=0)
    before = contrasts_of(sides_of(logits), levels, quantity)
    after = contrasts_of(sides_of(moved, LABELS[images], CUTS[seeds]), levels, quantity)
    for name, row in before.items():
        for (field, one), (_, other) in zip(row, after[name], strict=True):
            assert near(one, other), field


@given(number=st.integers(0, 10_000), quantity=st.sampled_from(QUANTITIES))
@settings(max_examples=40)
def test_an_interval_holds_its_estimate_and_p_agrees_with_it(number: int, quantity: Quantity) -> None:
    """All limits lie around the estimate; p is below 1 - confidence exactly where the interval leaves 0 out."""
    row = contrasts_of(sides_of(logits_of(number)), replace(LEVELS, draws=0), quantity)[f"{quantity}/both-vs-baseline"]
    assert row.estimate is not None
    for low, high in MIRRORED:
        limits = getattr(row, low), getattr(row, high)
        assert limits == (None, None) or limits[0] <= row.estimate <= limits[1]
    if row.low is not None and row.high is not None:
        assert row.p is not None
        assert (row.p < 0.1) == (not row.low <= 0 <= row.high)
    if row.tost_p is not None and row.margin is not None:
        assert row.tost_low is not None
        assert row.tost_high is not None
        assert (row.tost_p < 0.1) == (-row.margin < row.tost_low and row.tost_high < row.margin)


def test_a_margin_of_zero_is_refused() -> None:
    """No data can show that there is no difference at all: one line says what to give."""
    with pytest.raises(InputError, match=r"margin 0\.0: must be above 0") as caught:
        contrasts_of(plain(), replace(LEVELS, margin=0.0), "accuracy")
    assert "\n" not in str(caught.value)


def test_variants_that_saw_other_images_or_seeds_are_refused() -> None:
    """A pair on other numbers of images or seeds gets one line."""
    fewer = sides_of({"augment": logits_of(7)["augment"][:3]})
    less = sides_of({"augment": logits_of(7)["augment"][:, 1:]}, LABELS[1:])
    for other in (fewer, less):
        with pytest.raises(InputError, match="paired difference"):
            contrasts_of({"baseline": plain()["baseline"], **other}, replace(LEVELS, draws=0), "accuracy")
