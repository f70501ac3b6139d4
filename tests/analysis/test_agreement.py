from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from analysis import agreement
from analysis.agreement import MapStack, agreement_rows, pair_agreement, seed_agreement, seed_agreement_values
from analysis.errors import InputError
from analysis.intervals import crossed_interval, strata_by_group

Study = Callable[..., dict[str, Any]]


def noise(seeds: int = 4, images: int = 6, draw: int = 9) -> NDArray[np.float32]:
    """Maps (S, M, 5, 4) of which an image's share one pattern."""
    rng = np.random.default_rng(draw)
    common = rng.gamma(1.0, size=(1, images, 5, 4))
    return (common + rng.gamma(1.0, size=(seeds, images, 5, 4))).astype(np.float32)


def rho(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    return float(stats.spearmanr(a.ravel(), b.ravel()).statistic)


def stack(variant: str, maps: NDArray[np.floating], point: str = "image", test_set: str = "inside") -> MapStack:
    ids = tuple(f"image-{i}" for i in range(maps.shape[1]))
    labels = (np.arange(maps.shape[1]) % 2).astype(np.int8)
    return MapStack(variant, test_set, "saliency", point, tuple(range(len(maps))), ids, labels, maps)


def test_seed_agreement_is_the_mean_over_pairs() -> None:
    """It is SciPy's correlation, averaged over all pairs of seeds, image by image."""
    maps = noise()
    expected = [np.mean([rho(maps[a, i], maps[b, i]) for a, b in combinations(range(4), 2)]) for i in range(6)]
    np.testing.assert_allclose(seed_agreement(maps), expected, rtol=1e-12)


def test_jackknife_values_are_those_of_leaving_a_seed_out() -> None:
    """Each value is S θ - (S - 1) θ₋ₛ, and their mean is the agreement itself."""
    maps = noise()
    whole, values = seed_agreement(maps), seed_agreement_values(maps)
    for s in range(4):
        without = seed_agreement(np.delete(maps, s, axis=0))
        np.testing.assert_allclose(values[s], 4 * whole - 3 * without, atol=1e-12)
    np.testing.assert_allclose(values.mean(axis=0), whole, atol=1e-12)


def test_pair_agreement_is_for_the_same_seed_and_image() -> None:
    """It is SciPy's correlation of two variants' maps."""
    a, b = noise(), noise(draw=10)
    expected = [[rho(a[s, i], b[s, i]) for i in range(6)] for s in range(4)]
    np.testing.assert_allclose(pair_agreement(a, b), expected, rtol=1e-12)
    np.testing.assert_allclose(pair_agreement(a, a), 1.0, rtol=1e-12)


def test_agreement_has_no_unit_and_ties_are_shared() -> None:
    """A monotone change of maps changes nothing; maps of few levels are ranked in the middle."""
    maps = noise()
    np.testing.assert_allclose(seed_agreement(maps * 1e-6), seed_agreement(maps), rtol=1e-9)
    coarse = np.round(maps)
    assert pair_agreement(coarse, maps)[1, 2] == pytest.approx(rho(coarse[1, 2], maps[1, 2]))


def test_maps_without_ranks_leave_their_image(monkeypatch: pytest.MonkeyPatch) -> None:
    """A constant or not finite map has no agreement, whatever the block; the other images keep theirs."""
    maps = noise()
    whole = seed_agreement(maps)
    maps[1, 0] = 3.0
    maps[2, 3, 0, 0] = np.nan
    for size in (agreement._BLOCK, 1):
        monkeypatch.setattr(agreement, "_BLOCK", size)
        found = seed_agreement(maps)
        assert np.isnan(found).tolist() == [True, False, False, True, False, False]
        np.testing.assert_array_equal(found[[1, 2, 4, 5]], whole[[1, 2, 4, 5]])
        assert np.isnan(pair_agreement(maps, noise())).sum() == 2


@pytest.mark.parametrize("wrong", [np.zeros((3, 4, 4)), np.zeros((1, 2, 4, 4)), np.zeros((3, 2, 1, 1))])
def test_wrong_shapes_are_refused(wrong: NDArray[np.float64]) -> None:
    """Seeds, images, height and width are needed, and two seeds."""
    with pytest.raises(InputError, match=r"maps of"):
        seed_agreement(wrong)


def test_two_sizes_of_maps_are_not_compared() -> None:
    """A coarse map is not compared with one of pixels."""
    with pytest.raises(InputError, match="one shape"):
        pair_agreement(noise(), noise()[..., :3])
    with pytest.raises(InputError, match="2 seeds: 3 or more"):
        seed_agreement_values(noise(seeds=2))


def test_rows_for_variants_and_pairs(small_study: Study) -> None:
    """Seeds agree within a variant, variants by seed and image; at the classifier's input the image stands in."""
    study = small_study()["study"]
    plain, changed, behind = noise(), noise(draw=11), noise(draw=12)
    stacks = [stack("baseline", plain), stack("autoencoder", changed), stack("autoencoder", behind, "classifier_input")]
    rows = {row.id: row for row in agreement_rows(stacks, study)}
    labels = stacks[0].labels
    expected = crossed_interval(strata_by_group(seed_agreement_values(plain), labels))
    row = rows["seed_agreement/baseline/inside/saliency.image"]
    assert (row.estimate, row.low) == pytest.approx((expected.estimate, expected.low))
    row = rows["variant_agreement/autoencoder-vs-baseline/inside/saliency.classifier_input"]
    expected = crossed_interval(strata_by_group(pair_agreement(behind, plain), labels))
    assert (row.estimate, row.high) == pytest.approx((expected.estimate, expected.high))
    row = rows["variant_agreement/augment-vs-baseline/inside/saliency.image"]
    assert (row.estimate, row.reason) == (None, "augment has no stored maps of saliency.image")
    assert "variant_agreement/augment-vs-baseline/inside/saliency.classifier_input" not in rows


def test_rows_say_why_there_is_none(small_study: Study) -> None:
    """Two seeds have no agreement with an interval; other images, a repeat and an unknown set are refused."""
    study = small_study()["study"]
    row = agreement_rows([stack("baseline", noise(seeds=2))], study)[0]
    assert row.reason == "2 seeds: agreement of seeds not defined (3 or more are needed)"
    mixed = [stack("baseline", noise()), replace(stack("augment", noise()), image_ids=tuple("abcdef"))]
    with pytest.raises(InputError, match="seeds or images differ"):
        agreement_rows(mixed, study)
    with pytest.raises(InputError, match="occur twice"):
        agreement_rows([mixed[0], mixed[0]], study)
    with pytest.raises(InputError, match="not of study"):
        agreement_rows([stack("baseline", noise(), test_set="elsewhere")], study)
