from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.build import build_summary
from analysis.build_dispersion import NO_MAPS
from analysis.intervals import crossed_interval, strata_by_group
from analysis.summary import Estimate

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
    """There are means for each variant and point, contrasts for all but the baseline, values for each seed."""
    summary = build_summary(**small_study())
    assert len(summary.dispersion) == 2 * 2 * 4  # measures × test sets × (variant, point)
    assert len(summary.dispersion_contrasts) == 2 * 2 * 3
    assert len(summary.map_counts) == 2 * 4
    assert sum(value.quantity in {"gini", "entropy"} for value in summary.seed_values) == 3 * len(summary.dispersion)
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
    assert (row.low, row.p) == pytest.approx((expected.low, expected.p))


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
