from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import stats

from analysis import dispersion
from analysis.dispersion import MEASURES, a90, effective_share, entropy, gini, hoyer, measure, spread
from analysis.errors import InputError

Maps = NDArray[np.float64]
FUNCTIONS: dict[str, Callable[[Maps], Maps]] = {
    "gini": gini,
    "entropy": entropy,
    "effective_share": effective_share,
    "a90": a90,
    "hoyer": hoyer,
    "spread": spread,
}


def one(values: object) -> Maps:
    return np.asarray(values, dtype=np.float64)[None]


def noise(number: int = 0, maps: int = 5, height: int = 6, width: int = 7) -> Maps:
    return np.abs(np.random.default_rng(number).normal(size=(maps, height, width)))


@pytest.mark.parametrize("shape", [(2, 2), (4, 5), (32, 32)])
def test_uniform_map_is_the_dispersed_end(shape: tuple[int, int]) -> None:
    """A uniform map has each measure's value of full dispersion."""
    n = shape[0] * shape[1]
    maps = one(np.full(shape, 0.37))
    expected = {
        "gini": 0.0,
        "entropy": 1.0,
        "effective_share": 1.0,
        "a90": math.ceil(0.9 * n - 1e-9) / n,
        "hoyer": 0.0,
        "spread": 1.0,
    }
    for name, value in expected.items():
        assert FUNCTIONS[name](maps)[0] == pytest.approx(value, abs=1e-12), name


def test_single_pixel_is_the_concentrated_end() -> None:
    """A map of one pixel has each measure's value of full concentration."""
    maps = np.zeros((1, 4, 5))
    maps[0, 2, 3] = 7.0
    expected = {"gini": 19 / 20, "entropy": 0, "effective_share": 1 / 20, "a90": 1 / 20, "hoyer": 1, "spread": 0}
    for name, value in expected.items():
        assert FUNCTIONS[name](maps)[0] == pytest.approx(value, abs=1e-12), name


@pytest.mark.parametrize(("count", "low", "high"), [(3, 1.0, 5.0), (10, 0.0, 2.0), (19, 0.5, 0.6)])
def test_two_levels_have_closed_forms(count: int, low: float, high: float) -> None:
    """A map of `count` high pixels and the rest low has the values that algebra gives."""
    n = 20
    total = count * high + (n - count) * low
    nats = -count * high / total * math.log(high / total)
    if low > 0:
        nats -= (n - count) * low / total * math.log(low / total)
    norm = math.sqrt(count * high**2 + (n - count) * low**2)
    pixels = np.full(n, low)
    pixels[np.random.default_rng(1).permutation(n)[:count]] = high
    maps = one(pixels.reshape(4, 5))
    assert gini(maps)[0] == pytest.approx(count * high / total - count / n, rel=1e-12)
    assert entropy(maps)[0] == pytest.approx(nats / math.log(n), rel=1e-12)
    assert effective_share(maps)[0] == pytest.approx(math.exp(nats) / n, rel=1e-12)
    assert hoyer(maps)[0] == pytest.approx((math.sqrt(n) - total / norm) / (math.sqrt(n) - 1), rel=1e-12)


def test_agrees_with_sums_over_pairs_of_pixels() -> None:
    """Gini is the mean absolute difference over twice the mean, spread the mean squared distance, pair by pair."""
    maps = noise()
    height, width = maps.shape[1:]
    n = height * width
    places = [(y, x) for y in range(height) for x in range(width)]
    distances = [[(p[0] - q[0]) ** 2 + (p[1] - q[1]) ** 2 for q in places] for p in places]
    flat_spread = sum(map(sum, distances)) / n**2
    for number, a in enumerate(maps.reshape(len(maps), n)):
        total = sum(a)
        differences = sum(abs(x - y) for x in a for y in a)
        squares = sum(a[i] * a[j] * distances[i][j] for i in range(n) for j in range(n)) / total**2
        assert gini(maps)[number] == pytest.approx(differences / (2 * n * total), rel=1e-10)
        assert spread(maps)[number] == pytest.approx(math.sqrt(squares / flat_spread), rel=1e-10)


def test_a90_counts_pixels_from_the_largest() -> None:
    """A90 is found by adding pixels from the largest until 90 % are held."""
    for a, value in zip(noise(), a90(noise()), strict=True):
        held, count = 0.0, 0
        for pixel in sorted(a.ravel(), reverse=True):
            held, count = held + pixel, count + 1
            if held >= 0.9 * a.sum():
                break
        assert value == count / a.size


@pytest.mark.parametrize(("size", "count"), [(8, 2), (9, 5), (16, 4), (18, 7), (36, 4)])
def test_a90_forgives_rounding_at_exactly_ninety_per_cent(size: int, count: int) -> None:
    """Pixels that hold 90 % by algebra hold it, though their floating-point sum falls short by a rounding."""
    pixels = np.full(size, 0.1 * count / 9 / (size - count))
    pixels[:count] = 0.1
    assert a90(pixels.reshape(1, 1, size))[0] == count / size


@pytest.mark.parametrize("size", [2, 3, 32])
def test_spread_is_largest_for_opposite_corners(size: int) -> None:
    """Two opposite corners reach the stated upper end."""
    maps = np.zeros((1, size, size))
    maps[0, 0, 0] = maps[0, -1, -1] = 2.0
    assert spread(maps)[0] == pytest.approx(math.sqrt(3 * (size - 1) / (size + 1)), rel=1e-12)


def test_only_spread_sees_where_pixels_are() -> None:
    """Shuffling the pixels changes spread and nothing else."""
    maps = noise(maps=1)
    shuffled = np.random.default_rng(1).permutation(maps.ravel()).reshape(maps.shape)
    for name, function in FUNCTIONS.items():
        unchanged = function(shuffled)[0] == pytest.approx(function(maps)[0], rel=1e-12)
        assert unchanged == (name != "spread"), name


@pytest.mark.parametrize("factor", [1e-7, 1e-300, 1e300, 3.0])
def test_scaling_a_map_changes_nothing(factor: float) -> None:
    """The same map in other units, however small or large, has the same dispersion."""
    maps = noise() / noise().max()
    for name, function in FUNCTIONS.items():
        assert function(maps * factor) == pytest.approx(function(maps), rel=1e-12), name


@pytest.mark.parametrize(
    ("pixel", "rest", "reason"),
    [
        (0.0, 0.0, "all zero"),
        (-0.0, 0.0, "all zero"),
        (math.nan, 1.0, "not finite"),
        (math.inf, 1.0, "not finite"),
        (-math.inf, 1.0, "not finite"),
        (-1e-9, 1.0, "negative"),
        (-1.0, 0.0, "negative"),
        (math.nan, -1.0, "not finite"),
    ],
)
def test_maps_without_dispersion_are_excluded(pixel: float, rest: float, reason: str) -> None:
    """A map that cannot be measured is NaN in every column, with its reason; its neighbours are untouched."""
    maps = noise(maps=3)
    maps[1] = rest
    maps[1, 0, 0] = pixel
    frame = measure(maps)
    assert frame["excluded"].tolist() == [None, reason, None]
    assert frame.loc[1, list(MEASURES)].isna().all()
    assert frame.loc[[0, 2], list(MEASURES)].notna().all(axis=None)
    for name, function in FUNCTIONS.items():
        np.testing.assert_array_equal(function(maps), frame[name].to_numpy())


def test_measure_has_one_row_per_map_and_the_single_functions_values() -> None:
    """The frame holds what each function gives, in the order of the maps."""
    maps = noise(maps=9)
    frame = measure(maps)
    assert list(frame.columns) == ["gini", "entropy", "effective_share", "a90", "hoyer", "spread", "excluded"]
    for name, function in FUNCTIONS.items():
        assert frame[name].tolist() == function(maps).tolist()


def test_values_do_not_depend_on_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """Working through the maps in small blocks gives the same bits."""
    maps = noise(maps=7, height=8, width=8)
    maps[3] = 0
    whole = measure(maps)
    monkeypatch.setattr(dispersion, "_BLOCK", 130)
    assert measure(maps).equals(whole)
    assert gini(maps[4:5])[0] == whole.loc[4, "gini"]


def test_all_maps_may_be_excluded() -> None:
    """A stack without a single map to measure is no error."""
    frame = measure(np.zeros((2, 4, 4)))
    assert frame["excluded"].tolist() == ["all zero", "all zero"]
    assert frame[list(MEASURES)].isna().all(axis=None)


def test_no_maps_give_no_rows() -> None:
    """An empty stack has an empty result with the same columns."""
    assert measure(np.zeros((0, 4, 4))).shape == (0, 7)
    assert gini(np.zeros((0, 4, 4))).shape == (0,)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.uint8, np.bool_])
def test_all_real_types_are_computed_in_float64(dtype: type) -> None:
    """Narrow types are widened before anything is added up, and the caller's array is left alone."""
    maps: NDArray[np.generic] = (noise(maps=2, height=32, width=32) * 100).astype(dtype)
    before = maps.copy()
    assert measure(maps).equals(measure(maps.astype(np.float64)))
    np.testing.assert_array_equal(maps, before)


@pytest.mark.parametrize(
    ("maps", "words"),
    [
        (np.zeros((4, 4)), r"\(4, 4\)"),
        (np.zeros((2, 3, 4, 4)), r"\(2, 3, 4, 4\)"),
        (np.zeros((2, 1, 1)), "two pixels"),
        (np.zeros((2, 0, 4)), "two pixels"),
        (np.zeros((2, 4, 4), dtype=complex), "complex128"),
        (np.full((2, 4, 4), "a"), "real numbers"),
    ],
)
def test_refuses_what_is_no_stack_of_maps(maps: Maps, words: str) -> None:
    """Wrong shapes and types are refused."""
    for function in (gini, measure):
        with pytest.raises(InputError, match=words):
            function(maps)


some_maps = arrays(
    np.float64, st.tuples(st.just(3), st.integers(2, 5), st.integers(1, 5)), elements=st.floats(0, 1e6, width=32)
)


@given(some_maps)
def test_measures_keep_to_their_ranges(maps: Maps) -> None:
    """Every measure of a map that can be measured lies in its documented range."""
    frame = measure(maps)
    height, width = maps.shape[1:]
    n = height * width
    corners = math.sqrt(3 * ((height - 1) ** 2 + (width - 1) ** 2) / (height**2 + width**2 - 2))
    tops = {"gini": (n - 1) / n, "entropy": 1, "effective_share": 1, "a90": 1, "hoyer": 1, "spread": corners + 1e-9}
    lows = {"effective_share": 1 / n, "a90": 1 / n}
    kept = frame["excluded"].isna()
    assert (maps[kept.to_numpy()].max(axis=(1, 2)) > 0).all()
    for name in MEASURES:
        assert frame.loc[kept, name].between(lows.get(name, 0), tops[name]).all(), name


@given(some_maps, st.floats(2**-20, 2**20))
def test_dispersion_has_no_unit(maps: Maps, factor: float) -> None:
    """Multiplying by any positive number leaves all measures and exclusions as they are."""
    first, second = measure(maps), measure(maps * factor)
    assert first["excluded"].tolist() == second["excluded"].tolist()
    for name in ("gini", "entropy", "effective_share", "hoyer", "spread"):
        np.testing.assert_allclose(second[name], first[name], rtol=1e-6, atol=1e-7)


# Quantus 0.6.0, `Sparseness.evaluate_batch` and `Complexity.evaluate_batch` on float64 maps of 4 × 6 pixels; the
# third map is the second one times 1e-7, the last has one pixel.
QUANTUS = {
    "ramp": (0.34722215277779167, 2.9622253153936775),
    "squares": (0.5097516233778921, 2.725342702718338),
    "tiny": (0.1295045045045045, 2.7253427027183386),
    "peak": (0.9583310333388535, -1.000088900581841e-12),
}


def quantus_maps() -> dict[str, Maps]:
    k = np.arange(24.0).reshape(4, 6)
    squares = (k * 7 % 24) ** 2 / 23**2
    return {"ramp": k / 23, "squares": squares, "tiny": squares * 1e-7, "peak": np.where(k == 9, 1.0, 0.0)}


@pytest.mark.parametrize("name", QUANTUS)
def test_agrees_with_quantus_once_its_constants_are_undone(name: str) -> None:
    """Its Gini is of pixels raised by 1e-7, so times (Σa + n·1e-7)/Σa; its entropy is in nats, so over ln n."""
    pixels = quantus_maps()[name]
    sparseness, complexity = QUANTUS[name]
    total, n = pixels.sum(), pixels.size
    assert gini(one(pixels))[0] == pytest.approx(sparseness * (total + n * 1e-7) / total, abs=1e-12)
    assert entropy(one(pixels))[0] == pytest.approx(complexity / math.log(n), abs=1e-6)
    # and the numbers above are what these formulas give, computed another way
    raised = np.sort(pixels.ravel() + 1e-7)
    lorenz = np.concatenate([[0.0], np.cumsum(raised) / raised.sum()])
    assert 1 - (lorenz[1:] + lorenz[:-1]).sum() / n == pytest.approx(sparseness, abs=1e-12)
    assert stats.entropy(pixels.ravel()) == pytest.approx(complexity, abs=1e-9)


def test_quantus_gini_falls_with_the_unit_and_ours_does_not() -> None:
    """The same map in a small unit has another Gini there: the reason for measuring without a constant."""
    assert QUANTUS["tiny"][0] < 0.3 * QUANTUS["squares"][0]
    maps = quantus_maps()
    assert gini(one(maps["tiny"]))[0] == pytest.approx(gini(one(maps["squares"]))[0], rel=1e-12)


def test_values_depend_on_neither_blocks_nor_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many blocks on several threads give every map the values that it has in one, and excluded maps stay out."""
    maps = np.random.default_rng(8).random((700, 9, 11)).astype(np.float32)
    maps[[3, 420]] = 0
    whole = measure(maps)
    monkeypatch.setattr(dispersion, "_BLOCK", 9 * 11 * 13)
    monkeypatch.setattr(dispersion, "_THREADS", 3)
    pd.testing.assert_frame_equal(measure(maps), whole, check_exact=True)
    np.testing.assert_array_equal(gini(maps), whole["gini"])
    assert np.flatnonzero(whole["excluded"].notna()).tolist() == [3, 420]
