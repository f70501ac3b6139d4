"""The small cross-validated classifiers."""

from __future__ import annotations

import sys

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs scikit-learn")

from isitcap.data.audit.classifiers import cross_validate, fitted_scores, permute, sample
from isitcap.errors import UserError


def test_noise_tells_nothing() -> None:
    """On columns that know nothing of the label the null is rarely beaten, and the AUC is one half on average."""
    areas, small = [], 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        labels = (rng.random(200) < 0.5).astype(np.int8)
        told = cross_validate(rng.normal(size=(200, 3)), labels, np.arange(200), "logistic", rng, permutations=19)
        assert told.auc is not None
        assert told.p is not None
        areas.append(told.auc)
        small += told.p <= 0.05
    assert np.mean(areas) == pytest.approx(0.5, abs=0.03)
    assert small <= 4


def test_the_interval_covers_what_new_images_show() -> None:
    """The AUC on many new images lies in the interval about as often as it says."""
    covered = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        labels = np.repeat(np.array([0, 1], dtype=np.int8), 150)
        told = cross_validate(rng.normal(size=(300, 1)) + labels[:, None], labels, np.arange(300), "logistic", rng)
        assert told.low is not None
        assert told.high is not None
        covered += told.low <= 0.7602 <= told.high  # Φ(1/√2): normal classes one standard deviation apart
    assert covered >= 34


def test_copies_do_not_leak_between_folds() -> None:
    """Random images that occur ten times are told by memory if folds part them, and not if groups are kept."""
    rng = np.random.default_rng(1)
    group = np.repeat(np.arange(60), 10)
    labels = (np.arange(60) % 2).astype(np.int8)[group]
    columns = rng.normal(size=(60, 4))[group]
    kept = cross_validate(columns, labels, group, "tree", np.random.default_rng(0))
    parted = cross_validate(columns, labels, np.arange(600), "tree", np.random.default_rng(0))
    assert parted.auc is not None
    assert kept.auc is not None
    assert parted.auc > 0.95
    assert kept.auc < 0.75
    assert kept.high is not None
    assert kept.low is not None
    assert kept.high - kept.low > 0.15, "copies count once: 60 images, not 600"


@pytest.mark.parametrize("kind", ["tree", "logistic"])
def test_a_column_that_is_the_label_is_found(kind: str) -> None:
    """The AUC is 1, its lower limit below 1 as few images allow, and no permutation reaches it."""
    labels = np.repeat(np.array([0, 1], dtype=np.int8), 40)
    model = "tree" if kind == "tree" else "logistic"
    rng = np.random.default_rng(0)
    told = cross_validate(labels[:, None].astype(float), labels, np.arange(80), model, rng, permutations=19)
    assert told.auc == told.high == told.balanced == 1
    assert told.low == pytest.approx(0.025 ** (1 / 40))
    assert told.p == 1 / 20


def test_too_few_images_are_not_judged() -> None:
    """Nine images of a class, or many copies of few, give the reason and no number."""
    labels = np.array([1] * 9 + [0] * 40, dtype=np.int8)
    told = cross_validate(np.zeros((49, 1)), labels, np.arange(49), "tree", np.random.default_rng(0))
    assert told.auc is None
    assert told.reason is not None
    assert "fewer than 10" in told.reason


def test_permutations_keep_groups_whole() -> None:
    """Labels move among groups of one size and inside them; their number stays."""
    groups = np.array([0, 0, 1, 1, 2, 3, 3])
    labels = np.array([1, 1, 0, 0, 1, 0, 0], dtype=np.int8)
    for seed in range(20):
        moved = permute(labels, groups, np.random.default_rng(seed))
        assert moved[4] == 1, "the only group of one image"
        pairs = [moved[[0, 1]].sum(), moved[[2, 3]].sum(), moved[[5, 6]].sum()]
        assert sorted(pairs) == [0, 0, 2]


def test_a_sample_is_balanced_and_keeps_groups_together() -> None:
    """At most half of the sample is of one class, and no more groups are cut than classes end."""
    labels = np.repeat(np.array([0, 1], dtype=np.int8), [300, 100])
    groups = np.arange(400) // 3
    rows = sample(labels, groups, 120, np.random.default_rng(0))
    assert [int((labels[rows] == label).sum()) for label in (0, 1)] == [60, 60]
    sizes = np.bincount(groups[rows], minlength=134)
    whole = np.bincount(groups, minlength=134)
    assert ((sizes > 0) & (sizes < whole)).sum() <= 3


def test_scores_of_others_come_from_all_given() -> None:
    """A classifier fitted to one set ranks another."""
    labels = np.repeat(np.array([0, 1], dtype=np.int8), 20)
    scores = fitted_scores(labels[:, None].astype(float), labels, np.array([[0.0], [1.0]]), "logistic")
    assert scores[0] < 0.5 < scores[1]


def test_without_scikit_learn_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """No traceback where the extra is not installed."""
    for name in ("sklearn.linear_model", "sklearn.pipeline", "sklearn.preprocessing", "sklearn.tree"):
        monkeypatch.setitem(sys.modules, name, None)
    labels = np.repeat(np.array([0, 1], dtype=np.int8), 20)
    with pytest.raises(UserError, match=r"scikit-learn.*isitcap\[audit\]"):
        cross_validate(np.zeros((40, 1)), labels, np.arange(40), "tree", np.random.default_rng(0))
