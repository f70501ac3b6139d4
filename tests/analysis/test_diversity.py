"""The estimand of a diversity study against loops over rows, and its tests where the truth is known."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for `diversity_study`

from diversity_study import FAR, GENERATORS, decisions_of, design_of

from analysis.diversity import Design, DiversityRows, diversity_rows, mean_strata, outcome_of
from analysis.diversity_summary import HELD_OUT
from analysis.errors import InputError
from analysis.intervals import Stratum

SEEDS = (0, 1, 2)
VARIANTS = ("baseline", "augment")


def rows_of(decisions: pd.DataFrame, images: pd.DataFrame, design: Design, **changes: Any) -> DiversityRows:
    given: dict[str, Any] = {"baseline": "baseline", "variants": VARIANTS, "seeds": SEEDS, "margin": 0.05}
    return diversity_rows(decisions, images, design, **given | changes)


@pytest.fixture(scope="module")
def made() -> tuple[pd.DataFrame, pd.DataFrame, Design]:
    design = design_of(in_sample=True)
    shares = {"baseline": 0.55, "augment": 0.6}
    decisions, images = decisions_of(design, lambda variant, k, _: shares[variant] + 0.08 * (k - 1), per_class=6)
    return decisions.sample(frac=1, random_state=1), images.sample(frac=1, random_state=2), design


@pytest.fixture(scope="module")
def found(made: tuple[pd.DataFrame, pd.DataFrame, Design]) -> DiversityRows:
    return rows_of(*made)


def by_loops(
    made: tuple[pd.DataFrame, pd.DataFrame, Design],
    variant: str,
    k: int,
    sets: dict[str, str | None],
    label: int | None,
) -> dict[int, float]:
    """Per seed, with nothing but loops: share right, of a label or balanced, mean over sets and mixtures."""
    decisions, images, design = made
    truth = {(row.test_set, row.image_id): row.label for row in images.itertuples()}
    result = {}
    for seed in SEEDS:
        of_sets = []
        for test_set, generator in sets.items():
            of_mixtures = []
            for mixture, members in design.members.items():
                if len(members) != k or generator in members:
                    continue
                right: dict[int, list[bool]] = {0: [], 1: []}
                chosen = decisions[
                    (decisions["variant"] == variant)
                    & (decisions["mixture"] == mixture)
                    & (decisions["seed"] == seed)
                    & (decisions["test_set"] == test_set)
                ]
                for row in chosen.itertuples():
                    actual = truth[row.test_set, row.image_id]
                    right[actual].append((row.logit > 0) == (actual == 1))
                rates = {one: sum(right[one]) / len(right[one]) for one in (0, 1)}
                of_mixtures.append((rates[0] + rates[1]) / 2 if label is None else rates[label])
            of_sets.append(sum(of_mixtures) / len(of_mixtures))
        result[seed] = sum(of_sets) / len(of_sets)
    return result


@pytest.mark.parametrize(("quantity", "label"), [("balanced_accuracy", None), ("recall", 1), ("specificity", 0)])
def test_levels_are_those_of_loops(
    made: tuple[pd.DataFrame, pd.DataFrame, Design], found: DiversityRows, quantity: str, label: int | None
) -> None:
    """Every arm at every place equals a mean over seeds, sets and the mixtures that leave the generator out."""
    design = made[2]
    places: dict[str, dict[str, str | None]] = {HELD_OUT: {t: g for g, t in design.held_out.items()}, FAR: {FAR: None}}
    places |= {test_set: {test_set: generator} for generator, test_set in design.held_out.items()}
    levels = {(r.variant, r.k, r.test_set): r for r in found.levels if r.quantity == quantity and r.source is None}
    for place, sets in places.items():
        for variant in VARIANTS:
            for k in (1, 2, 3):
                expected = by_loops(made, variant, k, sets, label)
                row = levels[variant, k, place]
                assert row.per_seed == pytest.approx([expected[seed] for seed in SEEDS])
                assert row.estimate == pytest.approx(np.mean(list(expected.values())))


def test_contrasts_are_differences_of_their_arms(found: DiversityRows) -> None:
    """A gain is the difference of two levels, and the gain of diversity less that of augmentation is base_k - aug_1."""
    level = {(r.quantity, r.variant, r.k, r.test_set, r.source): r.estimate for r in found.levels}
    assert found.contrasts
    for row in found.contrasts:
        one, other = (
            level[row.quantity, variant, k, row.test_set, row.source]
            for variant, k in ((row.variant, row.k), (row.versus, row.versus_k))
        )
        assert one is not None
        assert other is not None
        assert row.estimate == pytest.approx(one - other)
    at = {
        (r.kind, r.variant, r.k): r.estimate
        for r in found.contrasts
        if (r.quantity, r.test_set) == ("balanced_accuracy", HELD_OUT)
    }
    for k in (2, 3):
        diversity, augmentation = at["diversity", "baseline", k], at["preprocessing", "augment", 1]
        assert diversity is not None
        assert augmentation is not None
        assert at["instead", "baseline", k] == pytest.approx(diversity - augmentation)


def test_auc_is_the_mean_over_mixtures_of_pairs_in_order(
    made: tuple[pd.DataFrame, pd.DataFrame, Design], found: DiversityRows
) -> None:
    """AUC of each mixture by counting pairs; then the mean over mixtures, sets and seeds."""
    decisions, images, design = made
    table = decisions.merge(images, on=["test_set", "image_id"])
    values = []
    for generator, test_set in design.held_out.items():
        for mixture in design.mixtures(2, generator):
            for seed in SEEDS:
                chosen = table[
                    (table["variant"] == "augment")
                    & (table["mixture"] == mixture)
                    & (table["seed"] == seed)
                    & (table["test_set"] == test_set)
                ]
                fake, real = (chosen.loc[chosen["label"] == one, "logit"].to_numpy() for one in (1, 0))
                values.append(float((fake[:, None] > real[None]).mean()))
    row = next(r for r in found.levels if (r.quantity, r.variant, r.k, r.test_set) == ("auc", "augment", 2, HELD_OUT))
    assert row.estimate == pytest.approx(np.mean(values))


def test_numbers_of_images_seeds_and_mixtures(found: DiversityRows) -> None:
    """Every image counts once; mixtures are 4, 6 and 4 at the mean over generators, 3, 3 and 1 at one of them."""
    rows = {(r.k, r.test_set): r for r in found.levels if (r.quantity, r.variant) == ("balanced_accuracy", "baseline")}
    assert [rows[k, HELD_OUT].n_mixtures for k in (1, 2, 3)] == [4, 6, 4]
    assert [rows[k, "held-out-a"].n_mixtures for k in (1, 2, 3)] == [3, 3, 1]
    assert {rows[k, HELD_OUT].n_images for k in (1, 2, 3)} == {4 * 12}
    assert rows[1, HELD_OUT].n_seeds == 3
    assert len({row.id for row in found.levels}) == len(found.levels)
    assert len({row.id for row in found.contrasts}) == len(found.contrasts)
    assert len({row.id for row in found.mixtures}) == len(found.mixtures)


def test_single_mixtures_leave_out_what_they_were_trained_on(found: DiversityRows) -> None:
    """A mixture has rows on the sets of all generators that are not its own, and on the shared set."""
    seen = {(row.mixture, row.test_set) for row in found.mixtures}
    expected = {
        (name, test_set)
        for name, members in design_of().members.items()
        for test_set in (*(f"held-out-{g}" for g in GENERATORS if g not in members), FAR)
    }
    assert seen == expected


def test_in_sample_has_no_interval(made: tuple[pd.DataFrame, pd.DataFrame, Design], found: DiversityRows) -> None:
    """Mixtures share in-sample images: a mean with its reason, and no limits."""
    row = next(r for r in found.levels if (r.test_set, r.variant, r.k) == ("in-sample", "baseline", 1))
    assert (row.low, row.high) == (None, None)
    assert "share in-sample images" in (row.reason or "")
    assert row.n_mixtures == 4


def test_a_closed_form_where_all_is_known() -> None:
    """Right on every image at k > 1, and on the real ones alone at k = 1: 50 %, 100 %, and a gain of 50 points."""
    design = design_of(("a", "b", "c"), shared=False)
    decisions, images = decisions_of(design, lambda *_: 1.0, variants=("baseline",))
    members = decisions["mixture"].map({name: len(m) for name, m in design.members.items()})
    wrong = (members == 1) & (decisions["logit"] > 0)
    decisions.loc[wrong, "logit"] *= -1
    found = rows_of(decisions, images, design, variants=("baseline",))
    levels = {(r.quantity, r.k): r.estimate for r in found.levels if r.test_set == HELD_OUT}
    assert [levels["balanced_accuracy", k] for k in (1, 2)] == pytest.approx([0.5, 1.0])
    assert [levels[name, 1] for name in ("recall", "specificity")] == pytest.approx([0.0, 1.0])
    gain = next(r for r in found.contrasts if (r.quantity, r.test_set) == ("balanced_accuracy", HELD_OUT))
    assert gain.estimate == pytest.approx(0.5)
    assert (gain.outcome, gain.reason) == ("undecided", "no variation: interval not defined")


def test_a_planted_gain_is_found_and_its_size_covered() -> None:
    """A gain of 16 points from one generator to three is beyond the margin of 5; augmentation's of 0 is short of it."""
    design = design_of(shared=False)
    decisions, images = decisions_of(
        design,
        lambda _, k, __: 0.6 + 0.08 * (k - 1),
        per_class=150,
        seeds=range(5),
        image_effect=0.05,
        seed_effect=0.01,
    )
    found = rows_of(decisions, images, design, seeds=range(5))
    at = {
        (r.kind, r.variant, r.k): r
        for r in found.contrasts
        if (r.quantity, r.test_set) == ("balanced_accuracy", HELD_OUT)
    }
    gain, augmentation = at["diversity", "baseline", 3], at["preprocessing", "augment", 1]
    assert gain.outcome == "helps"
    assert gain.low is not None
    assert gain.high is not None
    assert gain.low < 0.16 < gain.high
    assert augmentation.outcome == "does not help"
    assert augmentation.low is not None
    assert augmentation.high is not None
    assert augmentation.low < 0 < augmentation.high


def test_intervals_cover_no_gain_as_often_as_they_say() -> None:
    """With no gain, seed effects and image effects, 95 % intervals of the gain hold 0 in at least 70 of 80 draws.

    A binomial of 80 and .95 falls short of that in 1 of 300 cases; and hardly any outcome is `helps`.
    """
    design, hits, helps, draws = design_of(("a", "b", "c"), shared=False), 0, 0, 80
    for draw in range(draws):
        decisions, images = decisions_of(
            design,
            lambda *_: 0.6,
            variants=("baseline",),
            seeds=range(5),
            per_class=25,
            seed=draw,
            seed_effect=0.03,
            image_effect=0.15,
        )
        found = rows_of(decisions, images, design, variants=("baseline",), seeds=range(5))
        gain = next(r for r in found.contrasts if (r.quantity, r.test_set) == ("balanced_accuracy", HELD_OUT))
        assert gain.low is not None
        assert gain.high is not None
        hits += gain.low <= 0 <= gain.high
        helps += gain.outcome == "helps"
    assert hits >= 70
    assert helps <= 4


def test_holm_is_within_each_family(found: DiversityRows) -> None:
    """Of the largest p of a family Holm changes nothing but its order; of the smallest it multiplies by the number."""
    family = [r for r in found.contrasts if r.family == "balanced_accuracy, held-out, diversity"]
    assert {(r.variant, r.k) for r in family} == {(v, k) for v in VARIANTS for k in (2, 3)}
    p = [r.p for r in family]
    assert all(one is not None for one in p)
    smallest = min(family, key=lambda r: r.p or 0.0)
    assert smallest.p is not None
    assert smallest.p_holm == pytest.approx(min(1.0, 4 * smallest.p))
    assert {r.family for r in found.contrasts if r.kind == "preprocessing" and r.test_set == HELD_OUT} == {
        f"{quantity}, held-out, preprocessing" for quantity in ("balanced_accuracy", "recall", "specificity", "auc")
    }


def test_a_smaller_margin_makes_a_gain_of_the_same_rows(made: tuple[pd.DataFrame, pd.DataFrame, Design]) -> None:
    """Estimates do not depend on the margin, p against it do: beyond a larger margin p is larger."""
    found = [rows_of(*made, margin=margin) for margin in (0.01, 0.3)]
    for small, large in zip(*(each.contrasts for each in found), strict=True):
        assert (small.estimate, small.low, small.p) == (large.estimate, large.low, large.p)
        if small.p_above is not None:
            assert large.p_above is not None
            assert small.p_above <= large.p_above
    assert {row.margin for row in found[0].contrasts if row.outcome is not None} == {0.01}


def test_a_mean_over_mixtures_is_value_by_value() -> None:
    """Means of equal groups; groups of other sizes are refused."""
    parts = [(Stratum(np.full((2, 3), value), 0.5),) for value in (1.0, 4.0)]
    (mean,) = mean_strata(parts)
    assert (mean.values.tolist(), mean.weight) == ([[2.5] * 3] * 2, 0.5)
    with pytest.raises(InputError, match="must be the same"):
        mean_strata([parts[0], (Stratum(np.zeros((2, 4)), 0.5),)])
    with pytest.raises(InputError, match="no mixture"):
        mean_strata([])


def test_outcomes() -> None:
    """Beyond the margin, short of it, neither, or not defined."""
    assert outcome_of(0.049, 1.0, 0.05) == "helps"
    assert outcome_of(1.0, 0.049, 0.05) == "does not help"
    assert outcome_of(0.05, 0.05, 0.05) == "undecided"
    assert outcome_of(None, None, 0.05) == "undecided"


def test_what_is_missing_or_does_not_fit_is_refused(made: tuple[pd.DataFrame, pd.DataFrame, Design]) -> None:
    """A mixture without runs, one that is no design's, a seed or image that is missing, a design with gaps."""
    decisions, images, design = made
    with pytest.raises(InputError, match="mixture 'a\\+b' is missing"):
        rows_of(decisions[decisions["mixture"] != "a+b"], images, design)
    with pytest.raises(InputError, match="mixture 'z' is not of the design"):
        rows_of(pd.concat([decisions, decisions.head(1).assign(mixture="z")]), images, design)
    with pytest.raises(InputError, match="'mixture' is missing"):
        rows_of(decisions.drop(columns="mixture"), images, design)
    gone = (decisions["mixture"] == "a") & (decisions["seed"] == 1) & (decisions["variant"] == "augment")
    with pytest.raises(InputError, match=r"seed 1.*missing"):
        rows_of(decisions[~gone], images, design)
    with pytest.raises(InputError, match="same images"):
        rows_of(decisions.drop(decisions.index[decisions["test_set"] == "held-out-a"][0]), images, design)
    less = {name: members for name, members in design.members.items() if name != "a+b"}
    rest = decisions[decisions["mixture"] != "a+b"]
    with pytest.raises(InputError, match="5 mixtures of 2 generators: all 6"):
        rows_of(rest, images, Design(less, design.held_out, design.shared))
    whole = Design({"a": ("a",), "b": ("b",)}, {"a": "held-out-a", "b": "held-out-b"})
    two = decisions[decisions["mixture"].isin(["a", "b"])]
    with pytest.raises(InputError, match="three generators or more"):
        rows_of(two, images, whole)
    with pytest.raises(InputError, match="leave at least one out"):
        rows_of(two, images, Design({"a": ("a", "b"), "b": ("b",)}, whole.held_out))


@pytest.mark.parametrize(("changes", "message"), [({"margin": 0.0}, "margin"), ({"alpha": 0.5}, "alpha")])
def test_levels_out_of_range_are_refused(
    made: tuple[pd.DataFrame, pd.DataFrame, Design], changes: dict[str, float], message: str
) -> None:
    """A margin or level that no test can have."""
    with pytest.raises(InputError, match=message):
        rows_of(*made, **changes)
