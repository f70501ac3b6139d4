from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.build import build_summary
from analysis.errors import InputError
from analysis.intervals import Stratum, crossed_interval
from analysis.metrics import QUANTITIES
from analysis.summary import Estimate, StudyCard, Summary

Study = Callable[..., dict[str, Any]]


def by_id(rows: tuple[Estimate, ...]) -> dict[str, Estimate]:
    found = {row.id: row for row in rows}
    assert len(found) == len(rows)
    return found


def test_every_cell_of_the_grid_has_every_metric(small_study: Study) -> None:
    """There is one row per quantity, variant, path, and test set or source, each with its seeds' values."""
    summary = build_summary(**small_study())
    places = 3 + 5  # test sets and their sources
    assert len(summary.metrics) == len(QUANTITIES) * 3 * 3 * places
    assert len(summary.contrasts) == len(QUANTITIES) * 2 * places
    values = [v for v in summary.seed_values if v.quantity in QUANTITIES]
    assert len(values) == 3 * len(summary.metrics)
    ids = by_id(summary.metrics)
    assert "auc/augment/inside:camera/none" in ids
    assert "recall/baseline/held-out/autoencode" in ids


def test_accuracy_is_that_of_pandas(small_study: Study) -> None:
    """Accuracies per seed and their means are those of joining, comparing and grouping the frames."""
    inputs = small_study()
    summary = build_summary(**inputs)
    joined = inputs["predictions"].merge(inputs["images"], on=["test_set", "image_id"])
    right = ((joined["logit"] > 0) == (joined["label"] == 1)).groupby(
        [joined["variant"], joined["path"], joined["test_set"], joined["seed"]]
    )
    expected = right.mean()
    values = {
        (v.variant, v.path, v.test_set, v.seed): v.value
        for v in summary.seed_values
        if v.quantity == "accuracy" and v.source is None
    }
    assert len(values) == len(expected)
    for key, value in expected.items():
        assert values[key] == pytest.approx(value, rel=1e-12)
    rows = by_id(summary.metrics)
    for (variant, path, test_set), mean in expected.groupby(level=[0, 1, 2]).mean().items():
        row = rows[f"accuracy/{variant}/{test_set}/{path}"]
        assert row.estimate == pytest.approx(mean, rel=1e-12)
        assert row.low is not None
        assert row.low < mean
        assert (row.n_seeds, row.n_images) == (3, int((inputs["images"]["test_set"] == test_set).sum()))


def test_contrasts_pair_each_variants_own_path(small_study: Study) -> None:
    """A contrast is the crossed interval of the differences between own paths, paired by seed and image."""
    inputs = small_study()
    row = by_id(build_summary(**inputs).contrasts)["accuracy/autoencoder-vs-baseline/inside/own"]
    joined = inputs["predictions"].merge(inputs["images"], on=["test_set", "image_id"])
    joined = joined[joined["test_set"] == "inside"].assign(right=lambda f: (f["logit"] > 0) == (f["label"] == 1))

    def table(variant: str, path: str, label: int) -> Any:
        rows = joined[(joined["variant"] == variant) & (joined["path"] == path) & (joined["label"] == label)]
        return rows.pivot_table(index="seed", columns="image_id", values="right", aggfunc="first").to_numpy(dtype=float)

    strata = [
        Stratum(table("autoencoder", "autoencode", label) - table("baseline", "none", label), n / 30)
        for label, n in ((0, 14), (1, 16))
    ]
    expected = crossed_interval(strata)
    assert row.estimate == pytest.approx(expected.estimate)
    assert (row.low, row.high) == pytest.approx((expected.low, expected.high))
    assert (row.p, row.df) == pytest.approx((expected.p, expected.df))


def test_one_class_sources_give_only_what_is_defined(small_study: Study) -> None:
    """A source of real images has a specificity; the rest is null with the reason, in metrics, contrasts and seeds."""
    summary = build_summary(**small_study())
    for rows, who, path in ((summary.metrics, "baseline", "none"), (summary.contrasts, "augment-vs-baseline", "own")):
        found = by_id(rows)
        for source, defined in (("photos", "specificity"), ("painter", "recall")):
            for quantity in QUANTITIES:
                row = found[f"{quantity}/{who}/outside:{source}/{path}"]
                assert (row.estimate is not None) == (quantity == defined)
                assert quantity == defined or row.reason is not None
        assert all(found[f"{q}/{who}/outside:mixture/{path}"].estimate is not None for q in QUANTITIES)
    assert by_id(summary.metrics)["recall/baseline/outside:photos/none"].n_images == 0
    assert by_id(summary.metrics)["auc/baseline/outside:photos/none"].n_images == 11
    for value in summary.seed_values:
        assert (value.value is None) == (value.reason is not None)


def test_order_of_rows_and_type_of_strings_do_not_matter(small_study: Study) -> None:
    """Shuffled frames with categoricals give an equal summary."""
    inputs = small_study()
    expected = build_summary(**inputs)
    names = ["variant", "path", "test_set", "image_id"]
    inputs["predictions"] = (
        inputs["predictions"].sample(frac=1, random_state=3).astype(dict.fromkeys(names, "category"))
    )
    inputs["images"] = inputs["images"].sample(frac=1, random_state=4).reset_index(drop=True)
    inputs["maps"] = inputs["maps"].sample(frac=1, random_state=5).astype({"variant": "category", "method": "category"})
    assert build_summary(**inputs) == expected


def test_names_are_labels_alone(small_study: Study) -> None:
    """Renaming a variant changes its label and no number."""
    inputs = small_study()
    expected = build_summary(**inputs)
    for name in ("predictions", "maps"):
        inputs[name] = inputs[name].assign(variant=inputs[name]["variant"].replace("augment", "zebra"))
    variants = tuple(
        card.model_copy(update={"name": "zebra"}) if card.name == "augment" else card
        for card in inputs["study"].variants
    )
    inputs["study"] = inputs["study"].model_copy(update={"variants": variants})
    summary = build_summary(**inputs)

    def renamed(rows: tuple[Estimate, ...]) -> list[Estimate]:
        return [row.model_copy(update={"variant": row.variant.replace("zebra", "augment")}) for row in rows]

    assert renamed(summary.metrics) == list(expected.metrics)
    assert renamed(summary.contrasts) == list(expected.contrasts)


def test_permuted_seeds_change_no_estimate(small_study: Study) -> None:
    """Seeds are exchangeable: giving each run another seed, the same for all variants, changes no interval."""
    inputs = small_study()
    expected = build_summary(**inputs)
    for name in ("predictions", "maps"):
        inputs[name] = inputs[name].assign(seed=(inputs[name]["seed"] + 1) % 3)
    summary = build_summary(**inputs)
    for mine, other in zip(summary.contrasts, expected.contrasts, strict=True):
        assert mine.id == other.id
        for name in ("estimate", "low", "high", "p"):
            value = getattr(other, name)
            assert getattr(mine, name) == (None if value is None else pytest.approx(value, rel=1e-9, abs=1e-12))


@pytest.mark.parametrize(("seeds", "words"), [((4,), "one seed"), ((0, 1), "two seeds")])
def test_few_seeds_have_estimates_without_intervals(small_study: Study, seeds: tuple[int, ...], words: str) -> None:
    """One or two seeds give every estimate, no crossed interval, and the reason."""
    summary = build_summary(**small_study(seeds=seeds))
    row = by_id(summary.metrics)["accuracy/baseline/inside/none"]
    assert row.estimate is not None
    assert (row.low, row.high, row.df) == (None, None, None)
    assert row.reason is not None
    assert words in row.reason
    assert all(r.low is None and r.reason for r in (*summary.contrasts, *summary.dispersion))


def test_higher_confidence_is_wider(small_study: Study) -> None:
    """The confidence asked for is used and kept."""
    inputs = small_study()
    narrow, wide = build_summary(**inputs, confidence=0.9), build_summary(**inputs, confidence=0.99)
    assert (narrow.confidence, wide.confidence) == (0.9, 0.99)
    for one, other in zip(narrow.metrics, wide.metrics, strict=True):
        if one.low is not None and other.low is not None:
            assert other.low <= one.low


def test_what_is_passed_on_is_kept(small_study: Study) -> None:
    """Study card, provenance, autoencoders by seed and histories stand in the summary as given."""
    inputs = small_study()
    inputs["autoencoders"] = inputs["autoencoders"][::-1]
    summary = build_summary(**inputs)
    assert summary.study == inputs["study"]
    assert summary.provenance == inputs["provenance"]
    assert [quality.seed for quality in summary.autoencoders] == [0, 1, 2]
    assert list(summary.histories) == inputs["histories"]


def test_a_study_without_maps_has_no_dispersion(small_study: Study) -> None:
    """No frame of maps, or an empty one, leaves the dispersion empty."""
    inputs = small_study()
    for maps in (None, inputs["maps"].iloc[:0]):
        summary = build_summary(**(inputs | {"maps": maps}))
        assert (summary.dispersion, summary.dispersion_contrasts, summary.map_counts) == ((), (), ())


def test_a_source_whose_images_are_all_out_is_undefined(small_study: Study) -> None:
    """A source named on the card without images has rows with a reason."""
    inputs = small_study()
    card = inputs["study"].test_sets[1]
    empty = card.sources[0].model_copy(update={"name": "burnt", "n_real": 0, "notes": ("all broken",)})
    changed = card.model_copy(update={"sources": (*card.sources, empty)})
    sets = (inputs["study"].test_sets[0], changed, inputs["study"].test_sets[2])
    inputs["study"] = inputs["study"].model_copy(update={"test_sets": sets})
    row = by_id(build_summary(**inputs).metrics)["recall/baseline/outside:burnt/none"]
    assert (row.estimate, row.n_images) == (None, 0)
    assert row.reason is not None


def changed(study: StudyCard, **update: object) -> StudyCard:
    return study.model_copy(update=update)


def first_set(study: StudyCard, **update: object) -> StudyCard:
    return changed(study, test_sets=(study.test_sets[0].model_copy(update=update), *study.test_sets[1:]))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: changed(s, baseline="nobody"), "baseline 'nobody' is none of its variants"),
        (lambda s: changed(s, seeds=()), "needs one seed or more"),
        (lambda s: changed(s, seeds=(0, 1, 1, 2)), "each once; has: 0, 1, 1, 2"),
        (lambda s: changed(s, seeds=(0, 1, 2, 3)), "seed 3"),
        (lambda s: changed(s, seeds=(0, 1)), "seed 2 is not of the study"),
        (lambda s: changed(s, variants=s.variants[:2]), "variant 'autoencoder' is not of the study"),
        (lambda s: changed(s, test_sets=s.test_sets[:2]), "test set 'held-out' is not of study"),
        (lambda s: changed(s, test_sets=(*s.test_sets, s.test_sets[0])), "test set or more, each once"),
        (lambda s: first_set(s, n_real=15), "test set 'inside': the study card says (15, 16)"),
        (lambda s: first_set(s, sources=()), "needs one source of 'inside' or more"),
        (
            lambda s: first_set(s, sources=(s.test_sets[0].sources[0].model_copy(update={"n_real": 1}),)),
            "source 'camera': the study card says (1, 16)",
        ),
        (
            lambda s: changed(s, variants=(*s.variants[:2], s.variants[2].model_copy(update={"path": "both"}))),
            "through its own path 'both'",
        ),
    ],
)
def test_a_study_card_that_does_not_fit_is_refused(
    small_study: Study, change: Callable[[StudyCard], StudyCard], words: str
) -> None:
    """A card that names other variants, seeds, sets, numbers or paths than the frames gets one line."""
    inputs = small_study()
    with pytest.raises(InputError) as caught:
        build_summary(**(inputs | {"study": change(inputs["study"])}))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_test_set_without_predictions_is_refused(small_study: Study) -> None:
    """A set of the study that no run was tested on is named."""
    inputs = small_study()
    inputs["predictions"] = inputs["predictions"].query("test_set != 'outside'")
    with pytest.raises(InputError, match="test set 'outside' of study 'small' is missing"):
        build_summary(**inputs)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95.0, math.nan])
def test_an_impossible_confidence_is_refused(small_study: Study, confidence: float) -> None:
    """Confidence is a fraction between 0 and 1."""
    with pytest.raises(InputError, match="confidence"):
        build_summary(**small_study(), confidence=confidence)


def test_frames_are_left_as_they_were(small_study: Study) -> None:
    """Building a summary does not write into its inputs."""
    inputs = small_study()
    before = {name: inputs[name].copy(deep=True) for name in ("predictions", "images", "maps")}
    summary = build_summary(**inputs)
    assert isinstance(summary, Summary)
    for name, frame in before.items():
        pd.testing.assert_frame_equal(inputs[name], frame)


def test_an_advantage_that_is_there_is_found(small_study: Study) -> None:
    """A variant made much better on the baseline's images has a small p and an interval above 0."""
    inputs = small_study()
    predictions, images = inputs["predictions"], inputs["images"]
    label = predictions.merge(images, on=["test_set", "image_id"], how="left")["label"].to_numpy()
    better = (predictions["variant"] == "augment").to_numpy()
    shift = np.where(better, 3.0 * (2 * label - 1), 0.0).astype(np.float32)
    inputs["predictions"] = predictions.assign(logit=predictions["logit"] + shift)
    row = by_id(build_summary(**inputs).contrasts)["auc/augment-vs-baseline/inside/own"]
    assert row.low is not None
    assert row.low > 0
    assert row.p is not None
    assert row.p < 0.05
