from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.multitest import multipletests

from analysis.build import build_summary
from analysis.build_dispersion import DispersionRows, build_dispersion
from analysis.dispersion_rows import NO_MAPS
from analysis.dispersion_subsets import own_decisions
from analysis.equivalence import quoted_p
from analysis.frames import index_images, index_predictions
from analysis.intervals import crossed_interval, strata_by_group
from analysis.map_frames import index_maps
from analysis.results import read_results, write_results
from analysis.summary import Contrast, Estimate, SourceCard, StudyCard, TestSetCard, VariantCard

Study = Callable[..., dict[str, Any]]


def by_id(rows: tuple[Estimate, ...]) -> dict[str, Estimate]:
    return {row.id: row for row in rows}


def table(maps: pd.DataFrame, variant: str, point: str, test_set: str = "inside") -> pd.DataFrame:
    rows = maps[(maps["variant"] == variant) & (maps["point"] == point) & (maps["test_set"] == test_set)]
    return rows.pivot_table(index="seed", columns="image_id", values="gini", aggfunc="first")


def labels(inputs: dict[str, Any], columns: pd.Index, test_set: str = "inside") -> Any:
    images = inputs["images"]
    return images[images["test_set"] == test_set].set_index("image_id").loc[columns, "label"].to_numpy()


def test_rows_for_every_measure_variant_set_and_point(small_study: Study) -> None:
    """There are means for each variant and point, contrasts of all pairs and parts, values for each seed."""
    summary = build_summary(**small_study())
    means = [row for row in summary.dispersion if row.quantity in {"gini", "entropy"}]
    assert len(means) == 2 * 2 * 4  # measures × test sets × (variant, point)
    assert len(summary.dispersion) == 3 * len(means)  # and two relations to decisions
    # measures × (pairs at the image, pairs with an autoencoder behind it) × (whole, sources, classes, decisions)
    assert len(summary.dispersion_contrasts) == 2 * (3 + 2) * ((1 + 1 + 4) + (1 + 3 + 4)) + 2 * 2 * 2
    assert len(summary.map_counts) == 2 * 4
    parts = summary.dispersion_parts
    assert len(parts) == 2 * 4 * (2 + 5)  # measures × (variant, point) × (classes, and with them three sources)
    assert sum(value.quantity in {"gini", "entropy"} for value in summary.seed_values) == 3 * len((*means, *parts))
    assert len({row.id for row in (*summary.dispersion, *summary.dispersion_contrasts)}) == len(
        (*summary.dispersion, *summary.dispersion_contrasts)
    )
    assert "entropy/autoencoder/outside/saliency.classifier_input" in by_id(summary.dispersion)


def test_means_are_the_crossed_interval_of_the_maps(small_study: Study) -> None:
    """A mean is that of all maps of the variant, with labels as strata."""
    inputs = small_study()
    row = by_id(build_summary(**inputs).dispersion)["gini/augment/inside/saliency.image"]
    values = table(inputs["maps"], "augment", "image")
    expected = crossed_interval(strata_by_group(values.to_numpy(), labels(inputs, values.columns)))
    assert row.estimate == pytest.approx(values.to_numpy().mean())
    assert (row.low, row.high, row.n_images) == pytest.approx((expected.low, expected.high, 12))


@pytest.mark.parametrize("point", ["image", "classifier_input"])
def test_both_points_are_compared_with_the_baselines_image(small_study: Study, point: str) -> None:
    """The baseline's classifier sees the image itself, so its map there stands for both points."""
    inputs = small_study()
    row = by_id(build_summary(**inputs).dispersion_contrasts)[f"gini/autoencoder-vs-baseline/inside/saliency.{point}"]
    values = table(inputs["maps"], "autoencoder", point) - table(inputs["maps"], "baseline", "image")
    expected = crossed_interval(strata_by_group(values.to_numpy(), labels(inputs, values.columns)))
    assert row.estimate == pytest.approx(expected.estimate)
    assert (row.low, row.p) == pytest.approx((expected.low, quoted_p(expected)))


def test_a_baseline_with_its_own_map_there_is_used(small_study: Study) -> None:
    """Where the baseline has a map at the classifier's input, that one is compared."""
    inputs = small_study()
    maps: pd.DataFrame = inputs["maps"]
    own = maps[maps["variant"] == "baseline"].assign(point="classifier_input", gini=0.25)
    inputs["maps"] = pd.concat([maps, own], ignore_index=True)
    row = by_id(build_summary(**inputs).dispersion_contrasts)[
        "gini/autoencoder-vs-baseline/inside/saliency.classifier_input"
    ]
    assert row.estimate == pytest.approx(table(maps, "autoencoder", "classifier_input").to_numpy().mean() - 0.25)


def test_a_point_the_baseline_lacks_has_no_contrast(small_study: Study) -> None:
    """Maps at another point have a mean, and a contrast with a reason."""
    inputs = small_study()
    maps = inputs["maps"]
    inputs["maps"] = maps.assign(point=maps["point"].replace("classifier_input", "code"))
    summary = build_summary(**inputs)
    assert by_id(summary.dispersion)["gini/autoencoder/inside/saliency.code"].estimate is not None
    row = by_id(summary.dispersion_contrasts)["gini/autoencoder-vs-baseline/inside/saliency.code"]
    assert (row.estimate, row.reason) == (None, "the baseline has no maps of saliency at code")


def test_excluded_maps_leave_by_image_and_are_counted(small_study: Study) -> None:
    """An image without a map for one seed leaves the mean and each contrast that would pair it."""
    inputs = small_study()
    maps = inputs["maps"].copy()
    hits = {
        ("baseline", 0): maps[(maps["variant"] == "baseline") & (maps["test_set"] == "inside")].index[0],
        ("augment", 2): maps[(maps["variant"] == "augment") & (maps["test_set"] == "inside")].index[-1],
    }
    lost = [maps.loc[row, "image_id"] for row in hits.values()]
    assert lost[0] != lost[1]
    maps.loc[list(hits.values()), "excluded"] = "all zero"
    inputs["maps"] = maps
    summary = build_summary(**inputs)
    means, contrasts = by_id(summary.dispersion), by_id(summary.dispersion_contrasts)
    assert means["gini/baseline/inside/saliency.image"].n_images == 11
    assert means["gini/autoencoder/inside/saliency.image"].n_images == 12
    assert contrasts["gini/augment-vs-baseline/inside/saliency.image"].n_images == 10
    assert contrasts["gini/autoencoder-vs-baseline/inside/saliency.classifier_input"].n_images == 11
    kept = (table(maps, "augment", "image") - table(maps, "baseline", "image")).drop(columns=lost)
    row = contrasts["gini/augment-vs-baseline/inside/saliency.image"]
    expected = crossed_interval(strata_by_group(kept.to_numpy(), labels(inputs, kept.columns)))
    assert row.estimate == pytest.approx(expected.estimate)
    counts = {(c.variant, c.test_set, c.point): (c.measured, c.excluded) for c in summary.map_counts}
    assert counts["baseline", "inside", "image"] == counts["augment", "inside", "image"] == (35, 1)
    assert counts["autoencoder", "inside", "image"] == (36, 0)


def test_a_variant_without_any_measured_map_is_undefined(small_study: Study) -> None:
    """If every map of a variant is excluded, mean, contrast and seeds say so."""
    inputs = small_study()
    maps = inputs["maps"].copy()
    maps.loc[maps["variant"] == "augment", "excluded"] = "all zero"
    inputs["maps"] = maps
    summary = build_summary(**inputs)
    for row in (
        by_id(summary.dispersion)["gini/augment/inside/saliency.image"],
        by_id(summary.dispersion_contrasts)["gini/augment-vs-baseline/inside/saliency.image"],
    ):
        assert (row.estimate, row.reason, row.n_images) == (None, NO_MAPS, 0)
    values = [v for v in summary.seed_values if v.variant == "augment" and v.quantity == "gini"]
    assert values
    assert all(v.value is None and v.reason == NO_MAPS for v in values)


def test_a_label_with_one_image_is_no_stratum(small_study: Study) -> None:
    """Where a label has a single map, the images are one group and the interval stands."""
    inputs = small_study()
    maps = inputs["maps"]
    inside = maps["test_set"] == "inside"
    synthetic = maps["image_id"].str.contains("/1/")
    inputs["maps"] = maps[inside & (~synthetic | maps["image_id"].str.endswith("/000.png"))]
    row = by_id(build_summary(**inputs).dispersion)["gini/baseline/inside/saliency.image"]
    assert row.n_images == 7
    assert row.low is not None


def test_equal_maps_have_no_variation(small_study: Study) -> None:
    """Variants with the same dispersion everywhere differ by 0, without an interval."""
    inputs = small_study()
    inputs["maps"] = inputs["maps"].assign(gini=np.float64(0.1))
    row = by_id(build_summary(**inputs).dispersion_contrasts)["gini/augment-vs-baseline/inside/saliency.image"]
    assert (row.estimate, row.low, row.reason) == (0.0, None, "no variation: interval not defined")


VARIANTS = ("baseline", "augment", "autoencoder", "both")
SHIFTS = {"baseline": 0.0, "augment": -0.02, "autoencoder": -0.06, "both": -0.08}


def frames(seeds: int = 4, images: int = 120) -> dict[str, Any]:
    """Four variants on one set of two sources; Gini falls behind an autoencoder, half of it by smearing alone.

    The first 40 images are decided correctly by all, the next 30 wrongly, the rest by chance; where all are wrong,
    an autoencoder changes nothing.
    """
    rng = np.random.default_rng(19)
    ids = [f"{i:03d}.png" for i in range(images)]
    labels = np.arange(images) % 2
    source = np.where(np.arange(images) < images - 10, "camera", "phone")
    table = pd.DataFrame({"test_set": "inside", "image_id": ids, "source": source, "label": labels})
    hard = 0.5 + 0.04 * rng.normal(size=images)
    wrong = (np.arange(images) >= 40) & (np.arange(images) < 70)
    predictions, maps = [], []
    for variant in VARIANTS:
        for seed in range(seeds):
            right = np.where(np.arange(images) < 40, 1, np.where(wrong, -1, rng.choice([-1, 1], images)))
            logit = (2 * labels - 1) * right * rng.uniform(0.5, 4, images)
            own = table[["test_set", "image_id"]].assign(variant=variant, seed=seed)
            predictions.append(own.assign(path=variant, logit=logit))
            for point in ("image", "classifier_input") if variant in {"autoencoder", "both"} else ("image",):
                shift = SHIFTS[variant] * (1.0 if point == "image" else 0.5) * np.where(wrong, 0.0, 1.0)
                gini = hard + shift + 0.01 * rng.normal(size=images) + 0.002 * rng.normal()
                maps.append(own.assign(method="saliency", point=point, gini=gini, entropy=1 - gini / 2))
    card = TestSetCard(
        name="inside",
        role="in_sample",
        n_real=images // 2,
        n_synthetic=images // 2,
        pipeline="as they are",
        sources=(
            SourceCard(name="camera", n_real=images // 2 - 5, n_synthetic=images // 2 - 5),
            SourceCard(name="phone", n_real=5, n_synthetic=5),
        ),
    )
    study = StudyCard(
        name="four",
        title="Four variants",
        question="Which is dispersed?",
        demo=True,
        seeds=tuple(range(seeds)),
        baseline="baseline",
        variants=tuple(VariantCard(name=name, path=name, description=name) for name in VARIANTS),
        test_sets=(card,),
        study_toml="",
    )
    return {
        "study": study,
        "images": index_images(table),
        "predictions": pd.concat(predictions, ignore_index=True),
        "maps": pd.concat(maps, ignore_index=True).assign(excluded=pd.Series(dtype=object)),
    }


def built(inputs: dict[str, Any]) -> DispersionRows:
    study = inputs["study"]
    cells = index_maps(inputs["maps"], inputs["images"], variants=VARIANTS, seeds=study.seeds)
    decisions = own_decisions(index_predictions(inputs["predictions"], inputs["images"]), study)
    return build_dispersion(cells, inputs["images"], study, 0.95, decisions)


def contrasts(rows: DispersionRows) -> dict[str, Contrast]:
    return {row.id: row for row in rows.contrasts}


@pytest.fixture(scope="module")
def four() -> tuple[dict[str, Any], dict[str, Contrast]]:
    inputs = frames()
    return inputs, contrasts(built(inputs))


def difference(inputs: dict[str, Any], variant: str, versus: str, kept: np.ndarray) -> np.ndarray:
    tables = [table(inputs["maps"], name, "image").to_numpy()[:, kept] for name in (variant, versus)]
    return np.asarray(tables[0] - tables[1])


def test_every_pair_is_compared_on_every_part(four: tuple[dict[str, Any], dict[str, Contrast]]) -> None:
    """A contrast of a part is the crossed interval of its images alone."""
    inputs, rows = four
    labels, numbers = inputs["images"].labels, np.arange(120)
    for where, kept in {
        "inside": numbers >= 0,
        "inside:camera": numbers < 110,
        "inside~real": labels == 0,
        "inside~synthetic": labels == 1,
    }.items():
        for pair in ("augment-vs-baseline", "both-vs-augment", "both-vs-autoencoder"):
            row = rows[f"gini/{pair}/{where}/saliency.image"]
            values = difference(inputs, *pair.split("-vs-"), kept)
            expected = crossed_interval(strata_by_group(values, labels[kept]))
            assert row.estimate == pytest.approx(expected.estimate)
            assert (row.low, row.high, row.n_images) == pytest.approx((expected.low, expected.high, kept.sum()))


def test_correct_and_wrong_decisions_are_told_apart(four: tuple[dict[str, Any], dict[str, Contrast]]) -> None:
    """The planted shift is there where all decided correctly, and not where all decided wrongly."""
    _, rows = four
    correct = rows["gini/autoencoder-vs-baseline/inside~correct/saliency.image"]
    wrong = rows["gini/autoencoder-vs-baseline/inside~wrong/saliency.image"]
    assert correct.n_images >= 40
    assert wrong.n_images >= 30
    assert correct.estimate == pytest.approx(-0.06, abs=0.01)
    assert wrong.high is not None
    assert wrong.high > -0.01


def test_a_part_of_few_images_has_a_reason(four: tuple[dict[str, Any], dict[str, Contrast]]) -> None:
    """Fewer than 20 images are not compared, and do not enter Holm's adjustment."""
    row = four[1]["gini/both-vs-baseline/inside:phone/saliency.image"]
    assert (row.estimate, row.p_holm, row.n_images) == (None, None, 10)
    assert row.reason == "10 images: fewer than 20 are not compared"


def test_p_is_adjusted_over_the_pairs_of_a_family(four: tuple[dict[str, Any], dict[str, Contrast]]) -> None:
    """The six pairs of a measure, set, method and point are one family."""
    family = [row for row in four[1].values() if row.family == "gini/inside/saliency.image"]
    assert len(family) == 6
    expected = multipletests([row.p for row in family], method="holm")[1]
    assert [row.p_holm for row in family] == pytest.approx(list(expected))


def test_a_pair_stands_at_the_classifiers_input_where_one_has_a_map_there(
    four: tuple[dict[str, Any], dict[str, Contrast]],
) -> None:
    """A plain classifier's map at the image is one at its input; two plain ones have no second point."""
    inputs, rows = four
    row = rows["gini/both-vs-augment/inside/saliency.classifier_input"]
    values = table(inputs["maps"], "both", "classifier_input") - table(inputs["maps"], "augment", "image")
    assert row.estimate == pytest.approx(values.to_numpy().mean())
    assert "gini/augment-vs-baseline/inside/saliency.classifier_input" not in rows


def test_the_points_and_what_remains_stand_beside(four: tuple[dict[str, Any], dict[str, Contrast]]) -> None:
    """Each autoencoder variant has its difference between points, and a share of about the planted half."""
    _, rows = four
    points = rows["gini/both/inside/saliency.image-vs-classifier_input"]
    assert points.estimate == pytest.approx(-0.04 * 0.75, abs=0.005)
    assert "gini/augment/inside/saliency.image-vs-classifier_input" not in rows
    share = rows["gini_remaining_share/both-vs-baseline/inside/saliency.classifier_input"]
    assert share.low is not None
    assert share.high is not None
    assert share.low < 0.5 < share.high
    assert "gini_remaining_share/augment-vs-baseline/inside/saliency.classifier_input" not in rows


def test_two_seeds_have_differences_without_a_verdict() -> None:
    """With two seeds there are estimates, but neither p nor a share that needs one."""
    rows = contrasts(built(frames(seeds=2)))
    row = rows["gini/both-vs-baseline/inside/saliency.image"]
    assert row.estimate is not None
    assert (row.low, row.p, row.p_holm) == (None, None, None)
    share = rows["gini_remaining_share/both-vs-baseline/inside/saliency.classifier_input"]
    assert (share.estimate, share.reason) == (None, row.reason)


def test_nulls_are_rows_of_their_own() -> None:
    """Maps of untrained classifiers change no other row; they have means, and contrasts where both are there."""
    inputs = frames()
    before = built(inputs)
    some = inputs["maps"]["image_id"].isin([f"{i:03d}.png" for i in range(30)]) & (inputs["maps"]["seed"] < 3)
    nulls = inputs["maps"][some & (inputs["maps"]["variant"] != "augment")].assign(state="untrained", similarity=0.25)
    nulls["gini"] += 0.3
    inputs["maps"] = pd.concat([inputs["maps"].assign(state="trained"), nulls], ignore_index=True)
    after = built(inputs)
    kept = [row for row in after.dispersion if "~" not in row.path]
    assert kept == list(before.dispersion)
    assert [row for row in after.contrasts if "~" not in row.path] == list(before.contrasts)
    means = by_id(after.dispersion)
    row = means["gini/both/inside/saliency.classifier_input~untrained"]
    assert (row.n_seeds, row.n_images) == (3, 30)
    assert row.estimate == pytest.approx(
        nulls.query("variant == 'both' and point == 'classifier_input'")["gini"].mean()
    )
    assert means["similarity/both/inside/saliency.image~untrained"].estimate == pytest.approx(0.25)
    assert "gini_correct_rank_biserial/both/inside/saliency.image~untrained" not in means
    extra = [row for row in after.contrasts if "~untrained" in row.path]
    assert {row.variant for row in extra} == {"autoencoder", "both"}
    assert {row.versus for row in extra} == {"baseline", "autoencoder"}
    assert all((row.source, row.subset) == (None, None) for row in extra)
    assert "image~untrained" in {count.point for count in after.counts}


def test_a_variant_without_maps_at_the_image_says_so() -> None:
    """What a gradient cannot pass has maps at the classifier's input alone."""
    inputs = frames()
    maps = inputs["maps"]
    inputs["maps"] = maps[(maps["variant"] != "both") | (maps["point"] == "classifier_input")]
    rows = contrasts(built(inputs))
    row = rows["gini/both-vs-autoencoder/inside/saliency.image"]
    assert (row.estimate, row.reason) == (None, "both has no maps of saliency at image")
    assert rows["gini/both-vs-autoencoder/inside/saliency.classifier_input"].estimate is not None
    assert "gini/both/inside/saliency.image-vs-classifier_input" not in rows


def test_relations_stand_beside_the_means() -> None:
    """Each measure has its relation to |logit| and to being right, with the values of its seeds."""
    rows = built(frames())
    row = by_id(rows.dispersion)["gini_correct_rank_biserial/both/inside/saliency.image"]
    assert row.high is not None
    assert row.high < 0  # where all are wrong, Gini is as high as the baseline's
    points = [v for v in rows.seed_values if v.quantity == row.quantity and v.variant == "both" and v.path == row.path]
    assert [point.seed for point in points] == [0, 1, 2, 3]
    assert np.mean([point.value for point in points]) == pytest.approx(row.estimate)


def test_contrasts_survive_the_way_to_disk(tmp_path: Path, small_study: Study) -> None:
    """The file holds families and adjusted p, and reads back as the same summary."""
    summary = build_summary(**small_study())
    write_results(summary, tmp_path / "results.json")
    found = read_results(tmp_path / "results.json")
    assert found == summary
    row = found.dispersion_contrasts[0]
    assert isinstance(row, Contrast)
    assert row.p_holm is not None


def test_means_of_a_part_are_those_of_its_images(small_study: Study) -> None:
    """A source's mean is the crossed interval of its own maps; its seeds' values stand under the same labels."""
    inputs = small_study()
    summary = build_summary(**inputs)
    values = table(inputs["maps"], "augment", "image", "outside")
    chosen = values[[name for name in values.columns if name.startswith("photos/")]]
    row = by_id(summary.dispersion_parts)["gini/augment/outside:photos/saliency.image"]
    expected = crossed_interval(strata_by_group(chosen.to_numpy(), labels(inputs, chosen.columns, "outside")))
    assert (row.estimate, row.low, row.n_images) == pytest.approx((expected.estimate, expected.low, chosen.shape[1]))
    synthetic = by_id(summary.dispersion_parts)["gini/augment/outside~synthetic/saliency.image"]
    assert synthetic.n_images == 6
    seeds = [
        value.value
        for value in summary.seed_values
        if (value.quantity, value.variant, value.test_set, value.subset) == ("gini", "augment", "outside", "synthetic")
    ]
    assert np.mean(seeds) == pytest.approx(synthetic.estimate)
    assert not any(row.source == "camera" for row in summary.dispersion_parts), "one source alone is the whole set"


def test_other_methods_and_nulls_are_compared_by_two_measures_in_parts(small_study: Study) -> None:
    """By the main method parts have every measure; by others, and for nulls, Gini and entropy must do."""
    inputs = small_study()
    maps = inputs["maps"].assign(hoyer=0.4, state="trained")
    other = maps.assign(method="occlusion")
    null = maps.assign(state="untrained", similarity=0.1)
    summary = build_summary(**{**inputs, "maps": pd.concat([maps, other, null], ignore_index=True)})

    def measures(path: str, *, parts: bool) -> set[str]:
        return {
            row.quantity
            for row in summary.dispersion_contrasts
            if row.path == path and row.versus and (row.source is not None or row.subset is not None) == parts
        }

    both, all_three = {"gini", "entropy"}, {"gini", "entropy", "hoyer"}
    assert measures("saliency.image", parts=True) == measures("saliency.image", parts=False) == all_three
    assert (measures("occlusion.image", parts=True), measures("occlusion.image", parts=False)) == (both, all_three)
    assert (measures("saliency.image~untrained", parts=True), measures("saliency.image~untrained", parts=False)) == (
        set(),
        both,
    )
    assert {row.path for row in summary.model_checks if row.model.startswith("mixed model (image")} == {
        "saliency.image",
        "saliency.classifier_input",
    }
    related = {
        row.quantity for row in summary.dispersion if row.path == "occlusion.image" and "spearman" in row.quantity
    }
    assert related == {"gini_confidence_spearman", "entropy_confidence_spearman"}
