"""The loss out of sample in parts: exact sums, intervals against closed forms and a known truth."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

sys.path.insert(0, str(Path(__file__).parent))

from control_study import HOME, PIPELINES, make

from analysis.build import build_summary
from analysis.control_frames import Seen
from analysis.estimates import Undefined
from analysis.intervals import CrossedInterval, Stratum, crossed_interval
from analysis.multiplicity import holm
from analysis.shift import ALL_SAME, NO_SAME, SHIFT_QUANTITIES, Strata, difference, joined, level, outcome, static_parts
from analysis.summary import ShiftPart, Summary


@pytest.fixture(scope="module", params=[("old/model 0",), ("old",), ()], ids=["group", "source", "none"])
def summary(request: pytest.FixtureRequest) -> Summary:
    return build_summary(**make(np.random.default_rng(0), same=request.param))


def parts_of(
    summary: Summary, variant: str, quantity: str, versus: str | None = None
) -> dict[tuple[str, str], ShiftPart]:
    return {
        (row.part, row.test_set): row
        for row in summary.shift
        if (row.variant, row.quantity, row.versus) == (variant, quantity, versus)
    }


@pytest.mark.parametrize("versus", [None, "baseline"])
def test_parts_add_up_to_the_loss(summary: Summary, versus: str | None) -> None:
    """Corpus + generator + pipeline is the loss through every pipeline, to rounding, and so are their differences."""
    for quantity in SHIFT_QUANTITIES:
        parts = parts_of(summary, "autoencoder", quantity, versus)
        static = [parts[part, HOME].estimate for part in ("corpus", "generator") if (part, HOME) in parts]
        for name in PIPELINES:
            moved = 0.0 if name == HOME else parts["pipeline", name].estimate
            loss = parts["loss", name].estimate
            assert loss is not None
            assert moved is not None
            assert sum(each or 0.0 for each in static) + moved == pytest.approx(loss, abs=1e-12)


def test_the_loss_is_the_difference_of_the_metrics(summary: Summary) -> None:
    """In-sample minus out-of-sample, as the metrics of the same summary have it; recall and specificity as well."""
    levels = {
        (row.variant, row.quantity, row.test_set): row.estimate
        for row in (*summary.metrics, *summary.control_metrics)
        if row.source is None
    }
    for variant in ("baseline", "autoencoder"):
        for quantity in SHIFT_QUANTITIES:
            for (part, name), row in parts_of(summary, variant, quantity).items():
                if part == "loss":
                    inside, outside = levels[variant, quantity, "test"], levels[variant, quantity, name]
                    assert inside is not None
                    assert outside is not None
                    assert row.estimate == pytest.approx(inside - outside, abs=1e-12)


def test_a_pipelines_own_metrics_are_those_of_the_test_set(summary: Summary) -> None:
    """The pipeline of the test set is in the table with the very numbers and intervals of the other results."""
    known = {row.id: row for row in summary.metrics}
    own = [row for row in summary.control_metrics if row.test_set == HOME]
    assert len(own) == 2 * (3 + 3)
    for row in own:
        other = known[row.id]
        assert row.estimate == pytest.approx(other.estimate, abs=1e-12)
        assert (row.low, row.high) == pytest.approx((other.low, other.high), abs=1e-12)


def test_differences_to_the_own_pipeline_are_one_family_of_pipelines(summary: Summary) -> None:
    """Every other pipeline less the own, whole and by source; Holm over the pipelines of one quantity and place."""
    rows = [row for row in summary.control_contrasts if row.versus_test_set == HOME and row.test_set in PIPELINES]
    assert len(rows) == 2 * 2 * (3 + 3)
    for family in {row.family for row in rows}:
        members = [row for row in rows if row.family == family]
        assert [row.test_set for row in members] == ["far@nearest", "far@box+jpeg75"]
        assert [row.p_holm for row in members] == holm([row.p for row in members])
    shift = parts_of(summary, "baseline", "recall")["pipeline", "far@nearest"]
    whole = next(r for r in rows if r.quantity == "recall" and r.variant == "baseline" and r.source is None)
    assert whole.estimate == pytest.approx(-(shift.estimate or 0.0))


def test_what_is_not_known_has_its_reason() -> None:
    """Without fakes of the training generator, recall has no corpus part and all its fall is the generators'."""
    summary = build_summary(**make(np.random.default_rng(0), same=()))
    parts = parts_of(summary, "baseline", "recall")
    assert parts["corpus", HOME].estimate is None
    assert parts["corpus", HOME].reason == NO_SAME
    assert parts["generator", HOME].estimate == parts["loss", HOME].estimate
    whole, real = (parts_of(summary, "baseline", q)["corpus", HOME] for q in ("balanced_accuracy", "specificity"))
    assert whole.estimate == pytest.approx((real.estimate or 0.0) / 2)


def draw(
    rng: np.random.Generator, seeds: int, rates: dict[str, tuple[int, float, int]], *, seed_sd: float
) -> dict[str, Seen]:
    """Decisions that share effects of seeds (one for each set) and, between sets of one prefix, of images.

    `rates`: name → (images, level, label); the last part of a name (after a dot) is a pipeline of the same images.
    """
    images: dict[str, np.ndarray] = {}
    found = {}
    for name, (count, towards, label) in rates.items():
        stem = name.partition(".")[0]
        effect = images.setdefault(stem, rng.normal(0, 1.0, count))
        logits = towards + effect + rng.normal(0, seed_sd, (seeds, 1)) + rng.normal(0, 0.7, (seeds, count))
        ids = np.array([f"{stem}-{n}" for n in range(count)], object)
        right = (logits > 0).astype(float)
        found[name] = Seen("v", name, "none", right, np.full(count, label, np.int8), ids, ids)
    return found


def together(*sides: Seen) -> Seen:
    arrays: dict[str, Any] = {
        key: np.concatenate([getattr(side, key) for side in sides]) for key in ("labels", "sources", "image_ids")
    }
    return replace(sides[0], right=np.concatenate([s.right for s in sides], axis=1), **arrays)


LEVELS = {
    "in-real": (150, 1.8, 0),
    "in-fake": (150, 1.7, 1),
    "out-real.h": (120, 0.9, 0),
    "same.h": (60, 0.7, 1),
    "other.h": (90, 0.1, 1),
    "out-real.k": (120, -0.2, 0),
    "same.k": (60, 0.9, 1),
    "other.k": (90, 0.4, 1),
}


def parts_drawn(rng: np.random.Generator, seeds: int, seed_sd: float) -> dict[str, Strata]:
    drawn = draw(rng, seeds, LEVELS, seed_sd=seed_sd)
    within = together(drawn["in-real"], drawn["in-fake"])
    home, there = (together(*(drawn[f"{name}.{k}"] for name in ("out-real", "same", "other"))) for k in "hk")
    same = np.array([str(name).startswith("same") for name in home.image_ids])
    parts = static_parts("balanced_accuracy", within, home, same)
    found: dict[str, Strata] = {str(part): strata for part, strata in parts.items()}
    found["pipeline"] = difference("balanced_accuracy", home, there)
    found["loss"] = joined(level("balanced_accuracy", within), level("balanced_accuracy", there, -1.0))
    return found


def truths(seed_sd: float) -> dict[str, float]:
    sd = float(np.sqrt(1.0 + 0.7**2 + seed_sd**2))
    rate = {name: float(stats.norm.cdf(towards / sd)) for name, (_, towards, _) in LEVELS.items()}
    fakes = {k: (60 * rate[f"same.{k}"] + 90 * rate[f"other.{k}"]) / 150 for k in "hk"}
    corpus = (rate["in-real"] - rate["out-real.h"]) / 2 + (rate["in-fake"] - rate["same.h"]) / 2
    generator = (rate["same.h"] - fakes["h"]) / 2
    pipeline = (rate["out-real.h"] - rate["out-real.k"]) / 2 + (fakes["h"] - fakes["k"]) / 2
    return {"corpus": corpus, "generator": generator, "pipeline": pipeline, "loss": corpus + generator + pipeline}


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """Over repetitions of a study with known rates each part's 95 % interval covers; one of images alone does not."""
    rng, repetitions, seed_sd = np.random.default_rng(1), 400, 0.15
    truth = truths(seed_sd)
    held = dict.fromkeys(truth, 0)
    narrow = 0
    for _ in range(repetitions):
        for part, strata in parts_drawn(rng, 5, seed_sd).items():
            found = outcome(strata, 0.95)
            assert isinstance(found, CrossedInterval)
            assert found.low is not None
            assert found.high is not None
            held[part] += found.low <= truth[part] <= found.high
            if part == "pipeline":
                assert found.half_width_images is not None
                narrow += abs(found.estimate - truth[part]) <= found.half_width_images
    for part, count in held.items():
        # four binomial standard errors around 95 %, and a little more above, where the wider of two intervals is quoted
        assert 0.906 <= count / repetitions <= 0.995, part
    assert narrow / repetitions < 0.9


def test_the_pipeline_shift_is_paired_and_the_corpus_shift_is_not() -> None:
    """The same images enter as one difference each, other images as groups of their own."""
    rng = np.random.default_rng(2)
    drawn = draw(rng, 4, LEVELS, seed_sd=0.1)
    real, there = drawn["out-real.h"], drawn["out-real.k"]
    moved = outcome(difference("specificity", real, there), 0.95)
    assert moved == crossed_interval([Stratum(real.right - there.right)], 0.95)
    inside = drawn["in-real"]
    fall = outcome(static_parts("specificity", inside, real, None)["corpus"], 0.95)
    assert fall == crossed_interval([Stratum(inside.right), Stratum(real.right, -1.0)], 0.95)


def test_fakes_of_one_generator_alone_leave_no_other() -> None:
    """Where every fake is of the training generator, the generator part is not defined."""
    drawn = draw(np.random.default_rng(2), 4, LEVELS, seed_sd=0.1)
    within, out = together(drawn["in-real"], drawn["in-fake"]), together(drawn["out-real.h"], drawn["same.h"])
    parts = static_parts("recall", within, out, out.labels == 1)
    assert isinstance(parts["generator"], Undefined)
    assert parts["generator"].reason == ALL_SAME
    corpus = outcome(parts["corpus"], 0.95)
    assert isinstance(corpus, CrossedInterval)
    assert corpus.estimate == pytest.approx(drawn["in-fake"].right.mean() - drawn["same.h"].right.mean())


def test_one_class_alone_has_its_reason() -> None:
    """Balanced accuracy of real images alone is not defined, and a sum with it is not either."""
    real = draw(np.random.default_rng(2), 4, LEVELS, seed_sd=0.1)["in-real"]
    found = level("balanced_accuracy", real)
    assert isinstance(found, Undefined)
    assert found.reason == "no synthetic images: balanced accuracy is not defined"
    assert joined(level("specificity", real), found) is found


def test_rows_do_not_depend_on_the_order_of_frames() -> None:
    """Shuffled frames give the same rows."""
    made: dict[str, Any] = make(np.random.default_rng(0))
    before = build_summary(**made)
    controls = made["controls"]
    shuffled = replace(
        controls,
        predictions=controls.predictions.sample(frac=1, random_state=1),
        images=controls.images.sample(frac=1, random_state=2),
    )
    after = build_summary(**made | {"controls": shuffled})
    assert after.shift == before.shift
    assert after.control_contrasts == before.control_contrasts
