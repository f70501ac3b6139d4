from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from analysis.dispersion_subsets import OwnDecisions, own_decisions, parts, variant_pairs
from analysis.frames import index_images, index_predictions
from analysis.map_frames import MapCell, index_maps

Study = Callable[..., dict[str, Any]]


@pytest.fixture
def inputs(small_study: Study) -> dict[str, Any]:
    return small_study()


def cell_of(inputs: dict[str, Any], variant: str, test_set: str, seeds: tuple[int, ...] = (0, 1, 2)) -> MapCell:
    study = inputs["study"]
    maps = inputs["maps"][inputs["maps"]["seed"].isin(seeds)]
    cells = index_maps(
        maps, index_images(inputs["images"]), variants=[v.name for v in study.variants], seeds=study.seeds
    )
    return next(c for c in cells if (c.variant, c.test_set, c.point) == (variant, test_set, "image"))


def decisions_of(inputs: dict[str, Any]) -> OwnDecisions:
    return own_decisions(index_predictions(inputs["predictions"], inputs["images"]), inputs["study"])


def test_every_pair_once_with_the_baseline_subtracted(inputs: dict[str, Any]) -> None:
    """Later minus earlier in the study's order, and the baseline is subtracted wherever it stands."""
    study = inputs["study"]
    pairs = (("augment", "baseline"), ("autoencoder", "baseline"), ("autoencoder", "augment"))
    assert variant_pairs(study) == pairs
    turned = study.model_copy(update={"baseline": "autoencoder"})
    assert variant_pairs(turned) == (("baseline", "autoencoder"), ("augment", "autoencoder"), ("augment", "baseline"))


@pytest.mark.parametrize("seeds", [(0, 1, 2), (0, 2)])
def test_decisions_are_the_predictions_along_the_own_path(inputs: dict[str, Any], seeds: tuple[int, ...]) -> None:
    """Logits are the frame's, for the cell's seeds and images alone, and right where they fit the label."""
    cell = cell_of(inputs, "autoencoder", "outside", seeds)
    images = index_images(inputs["images"])
    frame = inputs["predictions"].query("variant == 'autoencoder' and path == 'autoencode' and test_set == 'outside'")
    table = frame.pivot_table(index="seed", columns="image_id", values="logit", aggfunc="first")
    expected = table.loc[list(seeds), images.image_ids[cell.image_rows]].to_numpy()
    found = decisions_of(inputs)
    np.testing.assert_array_equal(found.of(cell), expected)
    np.testing.assert_array_equal(found.correct(cell), (expected > 0) == images.labels[cell.image_rows].astype(bool))


def test_a_logit_of_zero_says_real() -> None:
    """The boundary is decided as everywhere."""
    decisions = OwnDecisions((0,), {"both": np.zeros((1, 2))}, np.array([0, 1], np.int8))
    cell = MapCell("both", "inside", "saliency", "image", (0,), np.array([0, 1], np.int32), {}, 0)
    assert decisions.correct(cell).tolist() == [[True, False]]


def test_parts_are_sources_classes_and_what_all_decided_alike(inputs: dict[str, Any]) -> None:
    """Classes and sources cover the images once; correct and wrong hold those of which all runs say the same."""
    first, second = (cell_of(inputs, variant, "outside") for variant in ("augment", "baseline"))
    images, study, decisions = index_images(inputs["images"]), inputs["study"], decisions_of(inputs)
    card = next(card for card in study.test_sets if card.name == "outside")
    found = {(p.source, p.subset): mask for p, mask in parts(first, second, card, images, decisions)}
    assert list(found) == [
        (None, None),
        ("photos", None),
        ("painter", None),
        ("mixture", None),
        (None, "real"),
        (None, "synthetic"),
        (None, "correct"),
        (None, "wrong"),
    ]
    assert found[None, None].all()
    np.testing.assert_array_equal(
        found["photos", None].astype(int) + found["painter", None] + found["mixture", None], 1
    )
    np.testing.assert_array_equal(found[None, "real"], ~found[None, "synthetic"])
    for i in range(len(first.image_rows)):
        said = {bool(right) for cell in (first, second) for right in decisions.correct(cell)[:, i]}
        assert found[None, "correct"][i] == (said == {True})
        assert found[None, "wrong"][i] == (said == {False})
    assert 0 < found[None, "correct"].sum() < len(first.image_rows)
    names = [part.subset for part, _ in parts(first, second, card, images, None)]
    assert "correct" not in names
    assert "real" in names
