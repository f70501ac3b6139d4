from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.build import build_summary
from analysis.claims import Claim
from analysis.equivalence import quoted_p
from analysis.errors import InputError
from analysis.intervals import Stratum, crossed_interval
from analysis.metrics import BASIC_QUANTITIES, QUANTITIES, auc, balanced_accuracy, validation_threshold
from analysis.summary import Contrast, Estimate, StudyCard, Summary

Study = Callable[..., dict[str, Any]]


def by_id(rows: tuple[Estimate, ...]) -> dict[str, Estimate]:
    found = {row.id: row for row in rows}
    assert len(found) == len(rows)
    return found


def test_every_cell_of_the_grid_has_every_metric(small_summary: Summary) -> None:
    """There is one row per quantity, variant, path, and test set or source, each with its seeds' values."""
    summary = small_summary
    places = 3 + 5  # test sets and their sources
    each = len(QUANTITIES) + 2 * len(BASIC_QUANTITIES)  # own path, two others
    assert len(summary.metrics) == each * 3 * places
    values = [v for v in summary.seed_values if v.quantity in QUANTITIES]
    assert len(values) == 3 * len(summary.metrics)
    ids = by_id(summary.metrics)
    assert "auc/augment/inside:camera/none" in ids
    assert "recall/baseline/held-out/autoencode" in ids
    assert "mcc/autoencoder/inside/autoencode" in ids
    assert "mcc/baseline/held-out/autoencode" not in ids


def test_contrasts_are_of_every_pair_but_on_validation_images(small_summary: Summary, full_summary: Summary) -> None:
    """Test sets and their sources have every pair, those with the baseline first; validation has those alone."""
    by_id(small_summary.contrasts)
    by_id(full_summary.contrasts)
    for summary, variants in ((small_summary, 3), (full_summary, 4)):
        pairs, placed = variants * (variants - 1) // 2, {"inside": 2, "outside": 4}
        for test_set, places in placed.items():
            rows = [row for row in summary.contrasts if row.test_set == test_set]
            assert len(rows) == len(QUANTITIES) * pairs * places
        rows = [row for row in summary.contrasts if row.test_set == "held-out"]
        assert len(rows) == len(QUANTITIES) * (variants - 1) * 2
        assert {row.versus for row in rows} == {"baseline"}
    assert small_summary.factorial == ()
    assert len(full_summary.factorial) == len(BASIC_QUANTITIES) * 3 * (2 + 4)
    assert {row.test_set for row in full_summary.factorial} == {"inside", "outside"}
    order = [
        (r.variant, r.versus) for r in full_summary.contrasts if r.id.startswith("auc/") and r.test_set == "inside"
    ]
    assert order[:6] == [
        ("augment", "baseline"),
        ("autoencoder", "baseline"),
        ("both", "baseline"),
        ("autoencoder", "augment"),
        ("both", "augment"),
        ("both", "autoencoder"),
    ]


def test_validation_images_have_no_bootstrap_runs_or_claims(full_summary: Summary, small_study: Study) -> None:
    """Nothing is claimed of images that a choice was made on, and nothing of single runs is told of them."""
    held = [row for row in full_summary.contrasts if row.test_set == "held-out"]
    assert all((row.bootstrap_low, row.margin, row.tost_p) == (None, None, None) for row in held)
    assert any(row.bootstrap_low is not None for row in full_summary.contrasts)
    for rows in (full_summary.run_intervals, full_summary.run_tests, full_summary.model_checks):
        assert {row.test_set for row in rows} == {"inside", "outside"}
    assert {row.test_set for row in full_summary.seed_spread} == {"inside", "outside"}
    claim = Claim(
        id="a", says="A.", quantity="auc", kind="above", bound=0.5, variants=("baseline",), test_set="held-out"
    )
    with pytest.raises(InputError, match="no test set `held-out`; known: inside, outside"):
        build_summary(**small_study(), claims=[claim])


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
    """A contrast is the crossed interval of the differences between own paths, paired by seed and image.

    Its p is the quoted interval's, which is never more certain than the crossed t.
    """
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
    assert (row.p, row.df) == pytest.approx((quoted_p(expected), expected.df))
    assert expected.p is not None
    assert row.p is not None
    assert row.p >= expected.p


def test_one_class_sources_give_only_what_is_defined(small_summary: Summary) -> None:
    """A source of real images has a specificity; the rest is null with the reason, in metrics, contrasts and seeds."""
    summary = small_summary
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


def test_order_of_rows_and_type_of_strings_do_not_matter(small_study: Study, small_summary: Summary) -> None:
    """Shuffled frames with categoricals give an equal summary."""
    inputs = small_study()
    names = ["variant", "path", "test_set", "image_id"]
    inputs["predictions"] = (
        inputs["predictions"].sample(frac=1, random_state=3).astype(dict.fromkeys(names, "category"))
    )
    inputs["images"] = inputs["images"].sample(frac=1, random_state=4).reset_index(drop=True)
    inputs["maps"] = inputs["maps"].sample(frac=1, random_state=5).astype({"variant": "category", "method": "category"})
    assert build_summary(**inputs) == small_summary


def test_names_are_labels_alone(small_study: Study, small_summary: Summary) -> None:
    """Renaming a variant changes its label and no number."""
    inputs, expected = small_study(), small_summary
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
    for mine, other in zip(summary.contrasts, expected.contrasts, strict=True):
        names = {
            name: (value or "").replace("zebra", "augment") for name, value in mine if name in ("variant", "versus")
        }
        reason = mine.reason and mine.reason.replace("zebra", "augment")
        assert mine.model_copy(update=names | {"reason": reason}) == other


def test_names_of_test_sets_are_labels_alone(small_study: Study, small_summary: Summary) -> None:
    """Renaming test sets and sources, so that they sort the other way, changes no number, bootstrap limits included."""
    inputs = small_study()
    names = {"inside": "z-set", "outside": "y-set", "held-out": "x-set"}
    sources = {"camera": "z", "photos": "y", "painter": "x", "mixture": "w"}
    for frame in ("predictions", "images", "maps"):
        inputs[frame] = inputs[frame].assign(test_set=inputs[frame]["test_set"].map(names))
    inputs["images"]["source"] = inputs["images"]["source"].map(sources)
    cards = tuple(
        card.model_copy(
            update={
                "name": names[card.name],
                "sources": tuple(s.model_copy(update={"name": sources[s.name]}) for s in card.sources),
            }
        )
        for card in inputs["study"].test_sets
    )
    inputs["study"] = inputs["study"].model_copy(update={"test_sets": cards})
    summary = build_summary(**inputs)

    def numbers(row: Estimate) -> dict[str, Any]:
        return row.model_dump(exclude={"test_set", "source", "family"})

    for mine, other in (
        (summary.metrics, small_summary.metrics),
        (summary.contrasts, small_summary.contrasts),
        (summary.dispersion_contrasts, small_summary.dispersion_contrasts),
    ):
        assert [numbers(row) for row in mine] == [numbers(row) for row in other]


def test_permuted_seeds_change_no_estimate(small_study: Study, small_summary: Summary) -> None:
    """Seeds are exchangeable: giving each run another seed, the same for all variants, changes no interval."""
    inputs, expected = small_study(), small_summary
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
    wider = 0
    for one, other in zip((*narrow.metrics, *narrow.contrasts), (*wide.metrics, *wide.contrasts), strict=True):
        assert (one.low is None) == (other.low is None)
        if one.low is not None and other.low is not None:
            # A level's limits end with its range, at any confidence.
            ends = one.versus is None and one.low in (0.0, -1.0)
            assert other.low == one.low if ends else other.low < one.low
            wider += not ends
    assert wider > 500


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


def table_of(inputs: dict[str, Any], variant: str, path: str, test_set: str) -> tuple[Any, Any]:
    """Logits (S, I) and labels (I,) of one cell of the frames, images by id."""
    rows = inputs["predictions"].query("variant == @variant and path == @path and test_set == @test_set")
    logits = rows.pivot_table(index="seed", columns="image_id", values="logit")
    labels = inputs["images"].query("test_set == @test_set").set_index("image_id")["label"]
    return logits.to_numpy(), labels[logits.columns].to_numpy()


def test_thresholds_come_from_validation_through_the_own_path(small_study: Study) -> None:
    """A validated metric uses each variant's and seed's threshold from its own path's validation images."""
    inputs = small_study()
    summary = build_summary(**inputs)
    rows = by_id(summary.metrics)
    estimates = {}
    for variant, path in (("baseline", "none"), ("autoencoder", "autoencode")):
        cuts = validation_threshold(*table_of(inputs, variant, path, "held-out"))
        expected = balanced_accuracy(*table_of(inputs, variant, path, "inside"), threshold=cuts)
        found = [
            v.value
            for v in summary.seed_values
            if (v.quantity, v.variant, v.test_set, v.source) == ("balanced_accuracy_validated", variant, "inside", None)
        ]
        assert found == pytest.approx(list(expected), rel=1e-12)
        estimates[variant] = float(expected.mean())
        row = rows[f"balanced_accuracy_validated/{variant}/inside/{path}"]
        assert row.estimate == pytest.approx(estimates[variant], rel=1e-12)
    contrast = by_id(summary.contrasts)["balanced_accuracy_validated/autoencoder-vs-baseline/inside/own"]
    assert contrast.estimate == pytest.approx(estimates["autoencoder"] - estimates["baseline"], abs=1e-12)
    assert (contrast.p is None) == (contrast.low is None)


def test_validation_images_are_not_judged_by_their_own_threshold(small_summary: Summary) -> None:
    """On the images that fixed the threshold the validated metrics are undefined, and all others are given."""
    rows = by_id(small_summary.metrics)
    row = rows["accuracy_validated/baseline/held-out/none"]
    assert (row.estimate, row.reason) == (None, "the threshold was fixed on these very images")
    assert rows["accuracy/baseline/held-out/none"].estimate is not None


def test_a_study_without_validation_images_has_no_validated_metrics(small_study: Study) -> None:
    """Without a test set of role validation the validated metrics are undefined everywhere, with the reason."""
    inputs = small_study()
    sets = inputs["study"].test_sets[:2]
    inputs["study"] = inputs["study"].model_copy(update={"test_sets": sets})
    for name in ("predictions", "images"):
        inputs[name] = inputs[name].query("test_set != 'held-out'")
    summary = build_summary(**inputs)
    for row in (*summary.metrics, *summary.contrasts):
        if row.quantity.endswith("_validated") and row.source is None:
            assert (row.estimate, row.reason, row.n_seeds) == (None, "no validation images", 3)
        elif row.source is None:
            assert row.estimate is not None


def test_groups_of_images_are_counted_as_images(small_summary: Summary) -> None:
    """Metrics without values per image say how many images they are of, not how many groups of them."""
    summary = small_summary
    for rows, who, path in ((summary.metrics, "baseline", "none"), (summary.contrasts, "augment-vs-baseline", "own")):
        found = by_id(rows)
        for quantity in ("eer", "recall_at_5_fpr", "ece", "auc"):
            assert found[f"{quantity}/{who}/inside/{path}"].n_images == 30


def test_a_constant_run_leaves_its_order_undefined(small_study: Study) -> None:
    """A seed of one variant with equal logits has no AUC: its row says so, and the contrast names the variant."""
    inputs = small_study()
    frame = inputs["predictions"]
    stuck = (frame["variant"] == "augment") & (frame["seed"] == 1) & (frame["path"] == "augment")
    inputs["predictions"] = frame.assign(logit=frame["logit"].where(~stuck, np.float32(-0.5)))
    summary = build_summary(**inputs)
    rows, contrasts = by_id(summary.metrics), by_id(summary.contrasts)
    for quantity, why in (
        ("auc", "constant predictions: AUC is not defined"),
        ("precision", "nothing called synthetic: precision is not defined"),
    ):
        assert rows[f"{quantity}/augment/inside/augment"].reason == why
        row = contrasts[f"{quantity}/augment-vs-baseline/inside/own"]
        assert (row.estimate, row.reason) == (None, f"augment: {why}")
        assert contrasts[f"{quantity}/autoencoder-vs-baseline/inside/own"].estimate is not None
    assert rows["accuracy/augment/inside/augment"].estimate is not None
    expected = auc(*table_of(inputs, "augment", "none", "inside")).mean()
    assert rows["auc/augment/inside/none"].estimate == pytest.approx(expected, rel=1e-12)


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


def without_a_run(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[(frame["variant"] != "augment") | (frame["seed"] != 1)]


def with_a_logit(value: float) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda frame: frame.assign(logit=frame["logit"].where(frame.index != 7, np.float32(value)))


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        (
            "predictions",
            lambda f: f.drop(index=5),
            "test set 'inside' saw 29 of 30 images (not 'camera/0/005.png'); all runs must see the same images",
        ),
        (
            "predictions",
            without_a_run,
            "variant 'augment', seed 1, path 'augment', test set 'held-out' is missing; make this run",
        ),
        (
            "predictions",
            with_a_logit(math.nan),
            "image_id camera/0/007.png has logit nan (1 such rows); logits must be finite: make this run again",
        ),
        ("predictions", lambda f: pd.concat([f, f.iloc[[3]]]), "image_id camera/0/003.png occurs twice; keep one row"),
        (
            "images",
            lambda f: pd.concat([f, f.iloc[[3]].assign(label=1)]),
            "image 'camera/0/003.png' occurs twice in test set 'inside'; keep one row",
        ),
        (
            "images",
            lambda f: f.assign(label=f["label"].where(f.index != 3, 1)),
            "test set 'inside': the study card says (14, 16) real and synthetic images, the image table has (13, 17)",
        ),
        ("maps", lambda f: pd.concat([f, f.iloc[[3]]]), "occurs twice; keep one row"),
    ],
)
def test_frames_that_cannot_be_compared_are_refused(
    small_study: Study, name: str, change: Callable[[pd.DataFrame], pd.DataFrame], words: str
) -> None:
    """Other images or labels, a missing run, NaN and repeated rows get one line with the place and the remedy."""
    inputs = small_study()
    inputs[name] = change(inputs[name])
    with pytest.raises(InputError) as caught:
        build_summary(**inputs)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("margin", [0.0, -0.01, 1.0, math.nan])
def test_an_impossible_margin_is_refused(small_study: Study, margin: float) -> None:
    """Equivalence needs a margin above 0, as a fraction."""
    with pytest.raises(InputError, match=r"margin .* of in_sample test sets: must lie between 0 and 1, such as 0\.01"):
        build_summary(**small_study(), margins={"in_sample": margin})


@pytest.mark.parametrize("alpha", [0.0, 0.5, 2.0, math.nan])
def test_an_impossible_alpha_is_refused(small_study: Study, alpha: float) -> None:
    """The level of tests is a fraction below one half."""
    with pytest.raises(InputError, match="alpha"):
        build_summary(**small_study(), alpha=alpha)


def test_margins_and_alpha_reach_the_rows(full_summary: Summary, small_study: Study) -> None:
    """The margin of a test set's role stands in its rows, and a lower alpha asks for a wider equivalence interval."""
    margins = {"inside": 0.1, "outside": 0.2, "held-out": None}
    for row in (*full_summary.contrasts, *full_summary.factorial):
        if row.quantity == "accuracy" and row.source is None:
            assert row.margin == margins[row.test_set]
    strict = build_summary(**small_study(four=True), margins={"in_sample": 0.1}, alpha=0.01)
    assert strict.alpha == 0.01
    assert [(margin.role, margin.margin) for margin in strict.margins] == [("in_sample", 0.1)]
    one, other = (by_id(s.contrasts)["accuracy/both-vs-baseline/inside/own"] for s in (full_summary, strict))
    assert isinstance(one, Contrast)
    assert isinstance(other, Contrast)
    assert one.tost_high is not None
    assert other.tost_high is not None
    assert other.tost_high > one.tost_high
    assert other.tost_p == one.tost_p
    assert (other.low, other.high) == (one.low, one.high)


def test_claims_become_verdicts_on_the_rows_that_stand_in_the_tables(full_summary: Summary) -> None:
    """A part of a verdict has the estimate and limits of the row of the same place, and the n of it."""
    verdicts = {verdict.id: verdict for verdict in full_summary.verdicts}
    rows = by_id((*full_summary.metrics, *full_summary.contrasts, *full_summary.dispersion_contrasts))
    level = verdicts["photos"].parts[0]
    row = rows["specificity/baseline/outside:photos/none"]
    assert (level.estimate, level.low, level.high) == (row.estimate, row.low, row.high)
    assert (level.n_seeds, level.n_images) == (3, 11)
    for part in verdicts["preserved"].parts:
        row = rows[f"accuracy/{part.variant}-vs-baseline/inside/own"]
        assert isinstance(row, Contrast)
        assert (part.estimate, part.low, part.high) == (row.estimate, row.tost_low, row.tost_high)
    part = verdicts["dispersed"].parts[0]
    row = rows["gini/autoencoder-vs-augment/inside/saliency.classifier_input"]
    assert (part.estimate, part.low, part.high) == (row.estimate, row.low, row.high)
    for part in verdicts["falls"].parts:
        path = {"baseline": "none", "autoencoder": "autoencode"}[part.variant]
        inside, outside = (
            rows[f"balanced_accuracy/{part.variant}/{test_set}/{path}"].estimate for test_set in ("inside", "outside")
        )
        assert inside is not None
        assert outside is not None
        assert part.estimate == pytest.approx(outside - inside, abs=1e-12)
        assert (part.test_set, part.versus_test_set, part.n_images) == ("outside", "inside", 61)


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


def test_levels_are_quoted_within_their_range(full_summary: Summary) -> None:
    """No limit of an accuracy lies beyond 0 and 1, though with few images the uncut interval does."""
    bounded = [row for row in full_summary.metrics if row.quantity not in ("mcc", "log_loss") and row.low is not None]
    assert all(row.low is not None and row.low >= 0 for row in bounded)
    assert all(row.high is not None and row.high <= 1 for row in bounded)
    assert any(row.high == 1 for row in bounded)
    assert any(row.low is not None and row.low < 0 for row in full_summary.contrasts)
