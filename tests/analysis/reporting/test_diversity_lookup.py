"""Rows of a diversity study found by what they are of."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # for `diversity_study`

from diversity_study import diversity_of

from analysis.reporting.diversity_lookup import DiversityLookup


def test_rows_are_found_by_their_labels() -> None:
    """Levels, gains and single mixtures; None where there is no such row."""
    lookup = DiversityLookup(diversity_of())
    level = lookup.level("auc", "augment", 2, "held-out-b")
    assert level is not None
    assert level.id == "auc/augment@2/held-out-b/own"
    gain = lookup.gain("recall", "baseline", 3, "far", "painter")
    assert gain is not None
    assert gain.id == "recall/baseline@3-vs-baseline@1/far:painter/own"
    one = lookup.mixture("augment", "a+c", "held-out-b")
    assert one is not None
    assert one.id == "balanced_accuracy/augment@2/held-out-b/a+c"
    assert lookup.mixture("augment", "a+c", "held-out-a") is None
    assert lookup.level("auc", "both", 2, "held-out-b") is None


def test_sizes_and_labels() -> None:
    """Sizes go from one to all but one; places are called in words."""
    lookup = DiversityLookup(diversity_of())
    assert (lookup.sizes, lookup.most, lookup.variants) == ((1, 2, 3), 3, ("baseline", "augment"))
    assert lookup.label("held-out") == "mean over held-out generators"
    assert lookup.label("held-out-d") == "held out: d"
    assert (lookup.label("far"), lookup.label("in-sample")) == ("far", "in-sample")
