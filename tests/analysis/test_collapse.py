"""Classifiers that learnt nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from analysis.build import build_summary
from analysis.collapse import collapsed

Study = Callable[..., dict[str, Any]]


@pytest.mark.parametrize(
    ("logits", "expected"),
    [([-1.0, -0.5, 0.0], True), ([0.1, 2.0, 3.0], True), ([-1.0, 0.0, 1e-6], False), ([0.0], True)],
)
def test_one_class_for_all_is_seen(logits: list[float], *, expected: bool) -> None:
    """All above 0 or none above 0; an image at 0 is called real."""
    assert collapsed(np.array([logits])).tolist() == [expected]


@pytest.mark.parametrize(
    ("seeds", "says"),
    [
        ((), None),
        ((1,), "by augment in some seeds."),
        ((0, 1, 2), "by augment in every seed."),
    ],
)
def test_the_summary_names_variants_that_learnt_nothing(
    small_study: Study, seeds: tuple[int, ...], says: str | None
) -> None:
    """Along its own path on in-sample images; what else the caller warns of stands behind it."""
    inputs = small_study()
    frame = inputs["predictions"].copy()
    known = sorted(frame["seed"].unique())
    chosen = frame["seed"].isin([known[position] for position in seeds])
    frame.loc[chosen & (frame["variant"] == "augment") & (frame["path"] == "augment"), "logit"] = -3.0
    # elsewhere it may be so: these images are of one class, or through another path
    frame.loc[(frame["variant"] == "baseline") & (frame["path"] == "augment"), "logit"] = -3.0
    frame.loc[(frame["variant"] == "baseline") & (frame["test_set"] == "outside"), "logit"] = -3.0
    inputs["predictions"] = frame
    *first, last = build_summary(**inputs, warnings=["A control failed."]).warnings
    assert last == "A control failed."
    assert len(first) == (says is not None)
    assert all(says is not None and says in warning for warning in first)
