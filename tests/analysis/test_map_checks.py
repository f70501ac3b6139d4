from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from analysis import map_checks
from analysis.errors import InputError
from analysis.frames import index_images
from analysis.map_checks import MODEL, map_model, map_model_rows
from analysis.map_frames import MapCell, index_maps
from analysis.summary import ModelRow

Study = Callable[..., dict[str, Any]]
NAMES = ("baseline", "augment", "autoencoder")


def planted(shift: float = 0.02, draw: int = 13) -> NDArray[np.float64]:
    """Gini of 3 variants, 5 seeds, 24 images, with effects of images, seeds and runs, around 0.4."""
    rng = np.random.default_rng(draw)
    values = 0.4 + 0.05 * rng.normal(size=(1, 1, 24)) + 0.01 * rng.normal(size=(1, 5, 1))
    values = values + 0.006 * rng.normal(size=(3, 5, 1)) + 0.01 * rng.normal(size=(3, 5, 24))
    values[1] -= shift
    return np.asarray(values)


def test_balanced_data_give_the_difference_of_means_and_the_anova_error() -> None:
    """The effect is the difference of means, its error that of the variant-by-seed mean square."""
    values = planted()
    found = map_model(values, NAMES)
    means = values.mean(axis=2)
    rest = means - means.mean(axis=0) - means.mean(axis=1, keepdims=True) + means.mean()
    error = np.sqrt(2 * np.square(rest).sum() / (2 * 4) / 5)
    for position, name in enumerate(NAMES[1:], start=1):
        outcome = found[name]
        assert not isinstance(outcome, str)
        estimate, low, high, p = outcome
        assert estimate == pytest.approx(values[position].mean() - values[0].mean(), rel=1e-6)
        assert (high - low) / 2 == pytest.approx(stats.norm.ppf(0.975) * error, rel=1e-3)
        assert p == pytest.approx(2 * stats.norm.sf(abs(estimate) / error), rel=0.02)


def test_a_planted_effect_is_found_and_no_effect_is_not() -> None:
    """The variant with a shift stands out, the one without does not."""
    found = map_model(planted(0.05), NAMES)
    first, second = found["augment"], found["autoencoder"]
    assert not isinstance(first, str)
    assert not isinstance(second, str)
    assert first[3] < 1e-6
    assert second[1] < 0 < second[2]


def test_the_unit_of_a_measure_does_not_matter() -> None:
    """Values a million times smaller have effects a million times smaller."""
    large, small = map_model(planted(), NAMES)["augment"], map_model(planted() * 1e-6, NAMES)["augment"]
    assert not isinstance(large, str)
    assert not isinstance(small, str)
    assert small[:3] == pytest.approx([value * 1e-6 for value in large[:3]], rel=1e-4)


def test_no_variance_between_runs_is_no_fault() -> None:
    """Where runs scatter no more than images tell, a variance of 0 leaves the effects as they are."""
    rng = np.random.default_rng(14)
    values = rng.normal(size=(1, 1, 20)) + np.zeros((3, 4, 1)) + 0.1 * rng.normal(size=(3, 4, 20))
    values -= (values - values.mean(axis=1, keepdims=True)).mean(axis=2, keepdims=True)
    found = map_model(values, NAMES)["augment"]
    assert not isinstance(found, str)
    assert found[0] == pytest.approx(values[1].mean() - values[0].mean(), rel=1e-5)


def test_equal_values_and_a_failed_fit_have_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """Constant data have no model; a fit that fails is told, not raised."""
    assert set(map_model(np.full((3, 4, 5), 0.1), NAMES).values()) == {"no variation: the model is not defined"}

    class Singular:
        @staticmethod
        def from_formula(*_: object, **__: object) -> None:
            raise np.linalg.LinAlgError("Singular matrix")

    monkeypatch.setattr(map_checks, "MixedLM", Singular)
    assert set(map_model(planted(), NAMES).values()) == {"the model did not converge"}


@pytest.mark.parametrize(
    "wrong", [np.zeros((3, 4)), np.zeros((2, 4, 5)), np.zeros((3, 1, 5)), np.full((3, 4, 5), np.nan)]
)
def test_wrong_values_are_refused(wrong: NDArray[np.float64]) -> None:
    """Shapes that do not fit and NaN are no input."""
    with pytest.raises(InputError, match=r"need \(V, S, I\)|NaN"):
        map_model(wrong, NAMES)


def study_rows(inputs: dict[str, Any], cells: tuple[MapCell, ...]) -> dict[tuple[str, ...], ModelRow]:
    rows = map_model_rows(cells, index_images(inputs["images"]), inputs["study"])
    return {(row.effect, row.test_set, row.path): row for row in rows}


def test_rows_are_fitted_where_there_are_maps(small_study: Study) -> None:
    """Every set and point has a row for each other variant; the image stands in for a plain classifier's input."""
    inputs = small_study()
    cells = index_maps(inputs["maps"], index_images(inputs["images"]), variants=NAMES, seeds=(0, 1, 2))
    rows = study_rows(inputs, cells)
    assert len(rows) == 2 * 2 * 2
    means = {(c.variant, c.point): c.measures["gini"].mean() for c in cells if c.test_set == "inside"}
    row = rows["autoencoder-vs-baseline", "inside", "saliency.classifier_input"]
    expected = means["autoencoder", "classifier_input"] - means["baseline", "image"]
    assert (row.model, row.quantity, row.n) == (MODEL, "gini", 3 * 3 * 12)
    assert row.estimate == pytest.approx(expected, rel=1e-6)
    assert row.low is not None
    assert row.low < expected


def test_nulls_are_no_part_of_the_model_and_a_missing_variant_leaves_it(small_study: Study) -> None:
    """Untrained classifiers and variants without maps at a point are not modelled."""
    inputs = small_study()
    cells = index_maps(inputs["maps"], index_images(inputs["images"]), variants=NAMES, seeds=(0, 1, 2))
    whole = study_rows(inputs, cells)
    nulls = tuple(replace(cell, state="untrained", measures={"gini": cell.measures["gini"] * 9}) for cell in cells)
    assert study_rows(inputs, (*cells, *nulls)) == whole
    without = tuple(cell for cell in cells if cell.variant != "augment" and cell.test_set == "inside")
    assert {key[0] for key in study_rows(inputs, without)} == {"autoencoder-vs-baseline"}
    assert study_rows(inputs, tuple(cell for cell in without if cell.variant != "baseline")) == {}


def test_a_large_sample_is_thinned_by_label(monkeypatch: pytest.MonkeyPatch, small_study: Study) -> None:
    """Of many images some are taken, of both labels, and n says how many."""
    monkeypatch.setattr(map_checks, "MOST_IMAGES", 6)
    inputs = small_study()
    cells = index_maps(inputs["maps"], index_images(inputs["images"]), variants=NAMES, seeds=(0, 1, 2))
    row = study_rows(inputs, cells)["augment-vs-baseline", "inside", "saliency.image"]
    assert row.n == 3 * 3 * 6
    picked = [0, 2, 5, 6, 8, 11]
    gini = {
        c.variant: c.measures["gini"][:, picked].mean() for c in cells if c.test_set == "inside" and c.point == "image"
    }
    assert row.estimate == pytest.approx(gini["augment"] - gini["baseline"], rel=1e-6)


def test_no_image_in_common_has_a_reason(small_study: Study) -> None:
    """Where every image lacks a map for someone, the row says so."""
    inputs = small_study()
    maps = inputs["maps"].copy()
    maps.loc[maps["variant"] == "augment", "excluded"] = "all zero"
    cells = index_maps(maps, index_images(inputs["images"]), variants=NAMES, seeds=(0, 1, 2))
    row = study_rows(inputs, cells)["autoencoder-vs-baseline", "inside", "saliency.image"]
    assert (row.estimate, row.n) == (None, 0)
    assert row.reason == "fewer than two seeds or images: the model is not defined"
