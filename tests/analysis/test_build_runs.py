from __future__ import annotations

import functools
import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.contingency_tables import cochrans_q, mcnemar
from statsmodels.stats.proportion import proportion_confint

from analysis.build_runs import (
    PROPORTIONS,
    Runs,
    correctness,
    model_rows,
    run_intervals,
    run_tests,
    spread_rows,
)
from analysis.factorial import effect_values
from analysis.frames import Decisions

LABELS = np.array([0] * 45 + [1] * 55, dtype=np.int8)
PATHS = {"baseline": "none", "augment": "augment", "autoencoder": "autoencode", "both": "both"}
SEEDS = (3, 7, 8)


def decisions(
    variant: str, number: int, labels: NDArray[np.int8] = LABELS, seeds: tuple[int, ...] = SEEDS
) -> Decisions:
    n = len(labels)
    hard = np.random.default_rng(99).normal(size=n)
    logits = 1.5 * (2.0 * labels - 1) + hard + np.random.default_rng(number).normal(size=(len(seeds), n))
    ids = np.array([f"{i:03d}" for i in range(n)], dtype=object)
    return Decisions(variant, PATHS[variant], "set", logits, labels, np.full(n, "s", dtype=object), ids, seeds)


@functools.cache
def plain() -> Runs:
    return {variant: decisions(variant, number) for number, variant in enumerate(PATHS)}


def right_of(one: Decisions) -> NDArray[np.bool_]:
    """Written otherwise than `correctness`: synthetic and called so, or real and not."""
    return np.where(one.labels == 1, one.logits > 0, one.logits <= 0)


def test_a_logit_at_the_threshold_says_real() -> None:
    """A logit of exactly 0 is right for a real image and wrong for a synthetic one."""
    one = replace(decisions("augment", 1), logits=np.zeros((3, 100)))
    assert correctness(one).tolist() == [[True] * 45 + [False] * 55] * 3


@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_proportions_have_the_intervals_of_statsmodels(confidence: float) -> None:
    """Each run's accuracy, recall and specificity have Wilson's and Clopper and Pearson's limits of their counts."""
    rows = {(r.variant, r.seed, r.quantity): r for r in run_intervals(plain(), confidence) if r.quantity != "auc"}
    assert len(rows) == 4 * 3 * 3
    for variant, one in plain().items():
        right = right_of(one)
        for position, seed in enumerate(SEEDS):
            for quantity, mask in (("accuracy", LABELS >= 0), ("recall", LABELS == 1), ("specificity", LABELS == 0)):
                row = rows[variant, seed, quantity]
                count, n = int(right[position][mask].sum()), int(mask.sum())
                wilson = proportion_confint(count, n, 1 - confidence, method="wilson")
                exact = proportion_confint(count, n, 1 - confidence, method="beta")
                assert (row.value, row.n_images, row.test_set) == (count / n, n, "set")
                assert (row.wilson_low, row.wilson_high) == pytest.approx(wilson, rel=1e-12)
                assert (row.clopper_pearson_low, row.clopper_pearson_high) == pytest.approx(exact, rel=1e-12)
                assert (row.delong_low, row.delong_high) == (None, None)


def test_aucs_have_delongs_interval() -> None:
    """Each run's AUC is that of Mann and Whitney, and its limits those of the placements' variances."""
    rows = [row for row in run_intervals(plain(), 0.95) if row.quantity == "auc"]
    assert [(row.variant, row.seed) for row in rows] == [(variant, seed) for variant in PATHS for seed in SEEDS]
    z = stats.norm.ppf(0.975)
    for row in rows:
        logits = plain()[row.variant].logits[SEEDS.index(row.seed)]
        wins = (logits[LABELS == 1][:, None] > logits[LABELS == 0]).astype(float)
        u = stats.mannwhitneyu(logits[LABELS == 1], logits[LABELS == 0]).statistic
        assert row.value == pytest.approx(u / (45 * 55), rel=1e-12)
        half = z * math.sqrt(wins.mean(axis=1).var(ddof=1) / 55 + wins.mean(axis=0).var(ddof=1) / 45)
        limits = max(row.value - half, 0.0), min(row.value + half, 1.0)
        assert (row.delong_low, row.delong_high) == pytest.approx(limits, rel=1e-9)
        assert (row.n_images, row.wilson_low, row.clopper_pearson_high) == (100, None, None)


def test_what_is_not_defined_has_no_row() -> None:
    """Real images alone give specificity; constant logits of a seed have no AUC; separated classes an AUC alone."""
    real = np.zeros(20, dtype=np.int8)
    assert {row.quantity for row in run_intervals({"augment": decisions("augment", 1, real)}, 0.95)} == {"specificity"}
    one = decisions("augment", 1)
    one.logits[1] = -0.5
    one.logits[2] = 2.0 * LABELS - 1
    rows = [row for row in run_intervals({"augment": one}, 0.95) if row.quantity == "auc"]
    assert [row.seed for row in rows] == [3, 8]
    assert (rows[1].value, rows[1].delong_low, rows[1].delong_high) == (1.0, None, None)
    assert PROPORTIONS == ("accuracy", "recall", "specificity")


def test_mcnemar_of_every_pair_and_seed_is_that_of_statsmodels() -> None:
    """Counts, statistic and p are statsmodels' on the two runs' 2 × 2 table, exact for few discordant images."""
    rows = [row for row in run_tests(plain(), "baseline") if row.test == "mcnemar"]
    assert len(rows) == 3 * 6
    assert [(r.variant, r.versus) for r in rows if r.seed == 7] == [
        ("augment", "baseline"),
        ("autoencoder", "baseline"),
        ("both", "baseline"),
        ("autoencoder", "augment"),
        ("both", "augment"),
        ("both", "autoencoder"),
    ]
    for row in rows:
        assert row.variant is not None
        assert row.versus is not None
        a, b = (right_of(plain()[name])[SEEDS.index(row.seed)] for name in (row.variant, row.versus))
        table = np.histogram2d(a, b, bins=2, range=[[0, 1], [0, 1]])[0]
        expected = mcnemar(table, exact=True)
        assert (row.only_first, row.only_second) == (table[1, 0], table[0, 1])
        assert (row.statistic, row.p) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-12)
        assert (row.exact, row.df, row.reason, row.test_set) == (True, None, None, "set")


def test_cochrans_q_of_every_seed_is_that_of_statsmodels() -> None:
    """All variants' runs of one seed are compared at once, with a degree of freedom less than variants."""
    rows = [row for row in run_tests(plain(), "baseline") if row.test == "cochran_q"]
    assert [row.seed for row in rows] == list(SEEDS)
    for position, row in enumerate(rows):
        expected = cochrans_q(np.stack([right_of(one)[position] for one in plain().values()], axis=1).astype(int))
        assert (row.statistic, row.p) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-12)
        assert (row.df, row.variant, row.versus, row.only_first) == (3, None, None, None)


def test_equal_runs_have_no_test_but_a_reason() -> None:
    """Runs that are right on the same images have neither statistic nor p."""
    same = {name: replace(decisions("augment", 1), variant=name) for name in ("baseline", "augment")}
    for row in run_tests(same, "baseline"):
        assert (row.statistic, row.p) == (None, None)
        assert row.reason is not None
        assert "on the same images: test not defined" in row.reason


def test_one_variant_has_nothing_to_be_compared_with() -> None:
    """A study of the baseline alone has intervals and no tests."""
    alone = {"baseline": decisions("baseline", 1)}
    assert list(run_tests(alone, "baseline")) == []
    assert len(list(run_intervals(alone, 0.95))) == 3 * 4


@pytest.mark.parametrize("missing", PATHS)
def test_models_need_all_four_variants(missing: str) -> None:
    """Without one of the four variants there is no factorial to check."""
    fewer = {name: one for name, one in plain().items() if name != missing}
    assert list(model_rows(fewer, 0.95)) == []


def test_models_check_the_three_effects_on_accuracy() -> None:
    """Two GEE and a mixed model have a row per effect; the identity link's estimate is the difference of means."""
    rows = list(model_rows(plain(), 0.95))
    effects = [f"factorial-{name}" for name in ("augmentation", "autoencoder", "interaction")]
    models = ("GEE, identity link", "GEE, logit link", "mixed model, REML")
    assert [(row.model, row.effect) for row in rows] == [(model, effect) for model in models for effect in effects]
    assert {(row.quantity, row.test_set, row.path, row.n) for row in rows} == {("accuracy", "set", "own", 100)}
    means = [np.array([[right_of(one).mean()]]) for one in plain().values()]
    for (_, expected), row in zip(effect_values(*means).items(), rows, strict=False):
        assert row.estimate is not None
        assert row.estimate == pytest.approx(expected[0, 0], abs=1e-12)
        assert row.low is not None
        assert row.high is not None
        assert row.low < row.estimate < row.high
    assert {*model_rows({**plain(), "blur": replace(plain()["both"], variant="blur")}, 0.95)} == {*rows}


def test_models_give_reasons_where_they_cannot_be_fitted() -> None:
    """With two seeds the mixed model says what it lacks, and perfect runs leave the log odds undefined."""
    few = {name: decisions(name, number, seeds=(0, 1)) for number, name in enumerate(PATHS)}
    mixed = [row for row in model_rows(few, 0.95) if row.model.startswith("mixed")]
    assert len(mixed) == 3
    assert all(row.estimate is None and row.reason and "fewer than 3 seeds" in row.reason for row in mixed)
    perfect = {**plain(), "both": replace(plain()["both"], logits=np.tile(2.0 * LABELS - 1, (3, 1)))}
    logit = [row for row in model_rows(perfect, 0.95) if row.model == "GEE, logit link"]
    assert all(row.estimate is None and row.reason and "log odds not defined" in row.reason for row in logit)


def test_the_spread_of_seeds_stands_beside_that_of_a_calibrated_ensemble() -> None:
    """One row per variant: the SD over seeds, √(err/2n), and their ratio with its χ² limits."""
    rows = list(spread_rows(plain(), 0.9))
    assert [row.variant for row in rows] == list(PATHS)
    for row in rows:
        accuracy = right_of(plain()[row.variant]).mean(axis=1)
        sd, calibrated = accuracy.std(ddof=1), math.sqrt((1 - accuracy.mean()) / 200)
        assert (row.sd, row.calibrated, row.ratio) == pytest.approx((sd, calibrated, sd / calibrated), rel=1e-9)
        low, high = (sd / calibrated * math.sqrt(2 / stats.chi2.ppf(q, 2)) for q in (0.95, 0.05))
        assert (row.low, row.high) == pytest.approx((low, high), rel=1e-9)
        assert (row.test_set, row.reason) == ("set", None)


def test_a_single_seed_has_no_spread() -> None:
    """With one seed the row keeps what a calibrated ensemble would show, and says why there is no more."""
    (row,) = spread_rows({"baseline": decisions("baseline", 1, seeds=(4,))}, 0.95)
    assert (row.sd, row.ratio, row.low) == (None, None, None)
    assert row.calibrated is not None
    assert row.reason == "one seed: spread over seeds not defined"
