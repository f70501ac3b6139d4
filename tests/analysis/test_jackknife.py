from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from analysis.errors import InputError
from analysis.intervals import crossed_interval, crossed_mean
from analysis.jackknife import GROUPS, group_numbers, grouped_jackknife, of_images
from analysis.metrics import Quantity, strata
from analysis.ranks import auc, recall_at_allowed


def mean(values: NDArray[np.float64], positive: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.asarray(values.mean(axis=1))


@given(st.integers(2, 60), st.integers(2, 60), st.integers(2, 50))
def test_both_classes_are_spread_evenly(n_real: int, n_synthetic: int, groups: int) -> None:
    """Every group has its share of each class, to within one image, and none is without a class."""
    labels = np.random.default_rng(n_real).permutation(np.repeat([0, 1], [n_real, n_synthetic]))
    numbers = group_numbers(labels, groups)
    n_groups = min(groups, n_real, n_synthetic)
    assert sorted(set(numbers)) == list(range(n_groups))
    for label in (0, 1):
        counts = np.bincount(numbers[labels == label], minlength=n_groups)
        assert counts.min() >= 1
        assert counts.max() - counts.min() <= 1


def test_groups_depend_on_labels_alone() -> None:
    """The same labels always get the same groups, whatever was drawn before, and not in the order of the images."""
    labels = np.tile([0, 1, 1], 100)
    first = group_numbers(labels)
    np.random.default_rng(5).random(100)
    assert group_numbers(labels).tolist() == first.tolist()
    assert len(set(first)) == GROUPS
    assert (np.diff(first[labels == 0]) != 1).any()


def test_the_pseudo_values_of_a_mean_are_the_means_of_groups() -> None:
    """For a plain mean and equal groups a pseudo-value is the group's mean, known without leaving anything out."""
    rng = np.random.default_rng(0)
    labels = np.tile([0, 1], 120)
    values = rng.normal(size=(3, 240))
    numbers = group_numbers(labels)
    expected = np.stack([values[:, numbers == g].mean(axis=1) for g in range(40)], axis=1)
    assert grouped_jackknife(mean, values, labels) == pytest.approx(expected, rel=1e-9)


def test_the_variance_is_the_delete_a_group_jackknifes() -> None:
    """The images-only half-width of one seed holds (G - 1)/G Σ (T_(g) - mean)², computed group by group."""
    rng = np.random.default_rng(1)
    labels = np.tile([0, 1], 60)
    logits = rng.normal(size=(1, 120)) + labels
    numbers = group_numbers(labels)
    without = np.array([auc(logits[:, numbers != g], labels[numbers != g])[0] for g in range(40)])
    variance = 39 / 40 * np.square(without - without.mean()).sum()
    result = crossed_mean(grouped_jackknife(lambda v, p: auc(v, p.astype(int)), logits, labels))
    assert result.estimate == pytest.approx(auc(logits, labels)[0], rel=1e-12)
    assert result.half_width_images == pytest.approx(stats.t.ppf(0.975, 39) * math.sqrt(variance), rel=1e-9)


def test_it_agrees_with_the_influence_of_single_images() -> None:
    """For a smooth metric the grouped jackknife's standard error is that of the values per image, to some per cent."""
    rng = np.random.default_rng(2)
    labels = np.tile([0, 1], 2000)
    logits = rng.normal(size=(1, 4000)) + labels
    grouped = crossed_mean(grouped_jackknife(lambda v, p: auc(v, p.astype(int)), logits, labels)).half_width_images
    single = crossed_interval(strata("auc", logits, labels)).half_width_images
    assert grouped is not None
    assert single is not None
    # 39 degrees of freedom: the standard deviation of a standard error is 11 % of it.
    assert abs(grouped / single - 1) < 0.35


@pytest.mark.parametrize(
    ("quantity", "images", "sets", "least", "most"),
    [
        ("eer", 800, 400, 1.0, 1.8),
        ("eer", 10_000, 150, 0.75, 1.4),
        ("recall_at_5_fpr", 800, 400, 1.0, 2.2),
        ("recall_at_5_fpr", 10_000, 150, 0.75, 1.5),
        ("ece", 800, 400, 0.8, 1.4),
    ],
)
def test_its_variance_is_that_of_new_images(
    quantity: Quantity, images: int, sets: int, least: float, most: float
) -> None:
    """Over many test sets the jackknife's variance is the one that the metric has; too large where images are few."""
    rng = np.random.default_rng(3)
    labels = np.tile([0, 1], images // 2)
    logits = rng.normal(size=(sets, images)) + 2 * labels
    (stratum,) = strata(quantity, logits, labels)
    true = stratum.values.mean(axis=1).var(ddof=1)
    told = (stratum.values.var(axis=1, ddof=1) / 40).mean()
    assert least < told / true < most


@pytest.mark.parametrize(
    ("labels", "groups", "words"),
    [
        ([0, 1, 1], 40, "1 real images: a jackknife needs two or more of each class"),
        ([0, 0, 0], 40, "0 synthetic images"),
        ([0, 0, 1, 1], 1, "1 groups of images"),
        ([[0, 1], [0, 1]], 40, r"\(2, 2\)"),
    ],
)
def test_refuses_what_cannot_be_grouped(labels: list[int], groups: int, words: str) -> None:
    """Too few images of a class, too few groups and wrong shapes are refused."""
    with pytest.raises(InputError, match=words):
        group_numbers(labels, groups)


def test_refuses_values_that_do_not_fit() -> None:
    """Values and labels must be of the same images."""
    with pytest.raises(InputError, match=r"\(2, 3\)"):
        grouped_jackknife(mean, np.zeros((2, 3)), [0, 0, 1, 1])


def test_few_images_make_few_groups() -> None:
    """There are as many groups as the rarer class has images."""
    labels = np.repeat([0, 1], [300, 3])
    values = np.random.default_rng(4).normal(size=(2, 303)) + labels
    found = grouped_jackknife(recall_at_allowed, values, labels)
    assert found.shape == (2, 3)
    assert found.mean(axis=1) == pytest.approx(recall_at_allowed(values, labels == 1))


def test_components_are_per_single_image() -> None:
    """Scaled to images, the components give the standard error again, and all else stays."""
    rng = np.random.default_rng(5)
    values = rng.normal(size=40) + rng.normal(size=(5, 40)) / 3 + rng.normal(size=(5, 1)) / 10
    groups = crossed_mean(values)
    images = of_images(groups, 10_000)
    assert (images.n_images, images.var_seed) == (10_000, groups.var_seed)
    assert (images.low, images.high, images.p, images.df) == (groups.low, groups.high, groups.p, groups.df)
    errors = []
    for one in (groups, images):
        assert one.var_seed is not None
        assert one.var_image is not None
        assert one.var_residual is not None
        errors.append(one.var_seed / 5 + one.var_image / one.n_images + one.var_residual / (5 * one.n_images))
    assert errors[1] == pytest.approx(errors[0], rel=1e-12)


def test_values_per_image_are_left_alone() -> None:
    """An interval of as many values as images comes back as it is; more values than images are refused."""
    one = crossed_mean([[0.0, 1.0], [1.0, 1.0], [0.0, 0.5]])
    assert of_images(one, 2) == one
    assert of_images(crossed_mean([[0.0, 1.0]]), 10).var_image is None
    with pytest.raises(InputError, match="2 values of 1 images"):
        of_images(one, 1)
