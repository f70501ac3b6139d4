from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

pytest.importorskip("sklearn", reason="needs scikit-learn")

from isitcap.data.audit.classifiers import Told
from isitcap.data.audit.measures import count, label_word, mean_measure, p_cell, p_words, probe_id, share


def test_a_share_has_wilsons_interval() -> None:
    """Limits are those of statsmodels; of no images there is no share, and a reason."""
    found = share("a", 3, 40)
    low, high = proportion_confint(3, 40, method="wilson")
    assert (found.value, found.n) == (3 / 40, 40)
    assert (found.low, found.high) == pytest.approx((low, high))
    assert (share("a", 0, 0).value, share("a", 0, 0).reason) == (None, "no images")


def test_a_mean_has_the_normal_interval() -> None:
    """Limits are SciPy's with the standard error of the mean; fewer than two values have none."""
    values = np.array([0.1, 0.4, 0.5, 0.9])
    found = mean_measure("a", values)
    low, high = stats.norm.interval(0.95, loc=values.mean(), scale=stats.sem(values))
    assert (found.value, found.low, found.high) == pytest.approx((0.475, low, high))
    assert (mean_measure("a", values[:1]).value, mean_measure("a", values[:1]).low) == (0.1, None)
    assert (mean_measure("a", values[:0]).value, mean_measure("a", values[:0]).reason) == (
        None,
        "fewer than two images",
    )


def test_names_and_words() -> None:
    """A count is of so many images; label 1 is synthetic."""
    assert (count("a", 2, 9).kind, count("a", 2, 9).value, count("a", 2, 9).n) == ("count", 2, 9)
    assert [label_word(label) for label in (0, 1, np.int8(1))] == ["real", "synthetic", "synthetic"]
    assert probe_id("photos", "bilinear") == "sources/photos/bilinear"


def test_the_least_p_is_an_upper_bound() -> None:
    """Of 99 permutations none as good gives no less than 1/100; a p above it stands as it is."""
    least, other = Told(9, p=1 / 100, permutations=99), Told(9, p=3 / 100, permutations=99)
    assert p_words(least) == "p ≤ 0.01 (99 permutations)"
    assert p_words(other) == "p = 0.03 (99 permutations)"
    assert [p_cell(told) for told in (least, other, Told(9))] == ["≤ 0.01 (99)", "0.03 (99)", "–"]
