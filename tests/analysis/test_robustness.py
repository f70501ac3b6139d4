"""Corruptions: curves that start at the same images uncorrupted, their means, and differences between variants."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from control_study import HOME, LEVELS, make

from analysis.build import build_summary
from analysis.intervals import Stratum, crossed_interval
from analysis.multiplicity import holm
from analysis.summary import Summary

BASES = ("test", HOME)


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return make(np.random.default_rng(4))


@pytest.fixture(scope="module")
def summary(made: dict[str, Any]) -> Summary:
    return build_summary(**made)


def right(made: dict[str, Any], name: str, variant: str, label: int) -> np.ndarray:
    """Correct decisions (S, I) straight from the frames: of a control set, or of its images in the test set."""
    controls, base = made["controls"], name.partition("~")[0]
    images = controls.images[controls.images["test_set"] == f"{base}~blur-1"].set_index("image_id")["label"]
    frame = made["predictions"] if name == base else controls.predictions
    frame = frame[(frame["test_set"] == name) & (frame["variant"] == variant)]
    wide = frame.pivot_table(index="seed", columns="image_id", values="logit")[
        images[images == label].index.sort_values()
    ]
    return np.asarray((wide.to_numpy() > 0) == (label == 1), dtype=float)


def balanced(parts: list[np.ndarray], weight: float = 0.5) -> Any:
    return crossed_interval([Stratum(part, weight) for part in parts], 0.95)


@pytest.mark.parametrize("base", BASES)
def test_differences_are_paired_with_the_same_images_uncorrupted(
    made: dict[str, Any], summary: Summary, base: str
) -> None:
    """A level's difference is that of the sampled images' decisions, recomputed from the frames."""
    for level in LEVELS["jpeg"]:
        name = f"{base}~jpeg-{level:g}"
        expected = balanced([right(made, name, "baseline", k) - right(made, base, "baseline", k) for k in (0, 1)])
        row = next(
            row
            for row in summary.control_contrasts
            if (row.quantity, row.variant, row.test_set, row.versus_test_set, row.versus)
            == ("balanced_accuracy", "baseline", name, base, None)
        )
        assert row.estimate == pytest.approx(expected.estimate)
        assert (row.low, row.high) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize("base", BASES)
def test_the_mean_over_levels_is_of_the_same_images(made: dict[str, Any], summary: Summary, base: str) -> None:
    """Each image's decisions are averaged over levels before the interval is taken."""
    names = [f"{base}~jpeg-{level:g}" for level in LEVELS["jpeg"]]
    means = [np.mean([right(made, name, "autoencoder", k) for name in names], axis=0) for k in (0, 1)]
    expected = balanced(means)
    row = next(
        row
        for row in summary.control_metrics
        if (row.quantity, row.variant, row.test_set) == ("balanced_accuracy", "autoencoder", f"{base}~jpeg")
    )
    assert row.estimate == pytest.approx(expected.estimate)
    assert row.low == pytest.approx(expected.low)
    levels = [r.estimate or 0.0 for r in summary.control_metrics if r.test_set in names and r.id.startswith("balanced")]
    assert row.estimate == pytest.approx(np.mean(levels[len(names) :]))


def test_a_curve_starts_at_its_own_images_uncorrupted(made: dict[str, Any], summary: Summary) -> None:
    """The start is the sample's metric, not the whole test set's."""
    row = next(r for r in summary.control_metrics if r.id == f"recall/baseline/{HOME}~none/none")
    assert row.estimate == pytest.approx(right(made, HOME, "baseline", 1).mean())
    assert row.n_images < next(r for r in summary.metrics if r.id == f"recall/baseline/{HOME}/none").n_images


def test_variants_are_compared_absolutely_and_by_their_falls(made: dict[str, Any], summary: Summary) -> None:
    """The difference of falls is that of differences to uncorrupted images."""
    rows = {(row.test_set, row.versus_test_set): row for row in summary.control_contrasts if row.versus == "baseline"}
    assert set(rows) == {(f"{base}~{name}", fall) for base in BASES for name in LEVELS for fall in (None, base)}
    name = f"{HOME}~blur-1"
    sides = {
        variant: [right(made, name, variant, k) - right(made, HOME, variant, k) for k in (0, 1)]
        for variant in ("autoencoder", "baseline")
    }
    expected = balanced([a - b for a, b in zip(sides["autoencoder"], sides["baseline"], strict=True)])
    assert rows[f"{HOME}~blur", HOME].estimate == pytest.approx(expected.estimate)
    assert rows[f"{HOME}~blur", HOME].high == pytest.approx(expected.high)


def test_families_are_adjusted_apart(summary: Summary) -> None:
    """Holm runs over the levels of a corruption, over corruptions for means, and over pairs of variants."""
    families = {row.family for row in summary.control_contrasts}
    assert f"balanced_accuracy, baseline, {HOME}, jpeg" in families
    assert "recall, autoencoder, test, means over levels" in families
    for family in families:
        members = [row for row in summary.control_contrasts if row.family == family]
        assert [row.p_holm for row in members] == holm([row.p for row in members]), family
