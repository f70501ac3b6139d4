"""Real patches from the photographs inside the wheels."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager

import numpy as np
import pytest

from isitcap.data import photographs
from isitcap.data.photographs import FILES, OTHER, TRAINING, load, patches

Refuses = Callable[..., AbstractContextManager[None]]


@pytest.mark.parametrize("name", FILES)
def test_every_photograph_is_in_its_wheel(name: str) -> None:
    """Each loads as RGB, large enough for its test region."""
    image = load(name)
    assert image.mode == "RGB"
    assert min(image.size) >= 300


def test_training_and_other_photographs_are_different_ones() -> None:
    """Out-of-sample reals come from photographs that training never sees."""
    assert not set(TRAINING) & set(OTHER)
    assert set(TRAINING) | set(OTHER) == set(FILES)


def test_patches_come_in_equal_shares_and_by_seed() -> None:
    """As many patches of 32 px from each photograph; equal generators give equal patches."""
    first, origin = patches(TRAINING, "train", 30, np.random.default_rng(1))
    again, _ = patches(TRAINING, "train", 30, np.random.default_rng(1))
    assert first.shape == (30, 32, 32, 3)
    assert [origin.count(name) for name in TRAINING] == [5] * 6
    assert np.array_equal(first, again)
    assert not np.array_equal(first, patches(TRAINING, "train", 30, np.random.default_rng(2))[0])


def test_regions_share_no_pixel(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the training region painted over, the test patches stay the same, and the other way round."""
    original = {name: load(name) for name in TRAINING}

    def painted(region: str) -> Callable[[str], object]:
        def load_painted(name: str) -> object:
            image = original[name].copy()
            border = round(image.width * photographs._BORDER)
            image.paste("magenta", (0, 0, border, image.height) if region == "train" else (border, 0, *image.size))
            return image

        return load_painted

    for region, other in (("train", "test"), ("test", "train")):
        plain = patches(TRAINING, region, 60, np.random.default_rng(3))[0]  # type: ignore[arg-type]
        with monkeypatch.context() as patch:
            patch.setattr(photographs, "load", painted(other))
            assert np.array_equal(plain, patches(TRAINING, region, 60, np.random.default_rng(3))[0])  # type: ignore[arg-type]


def test_patches_show_something() -> None:
    """No patch is flat, and brightness is spread alike whatever the photograph's contrast."""
    pixels, _ = patches((*TRAINING, *OTHER), "all", 80, np.random.default_rng(4))
    low, high = np.percentile(pixels.mean(axis=3).reshape(80, -1), (1, 99), axis=1)
    assert (high - low > 30).all()
    assert np.median(high - low) > 180


def test_where_files_lie_is_found_without_importing() -> None:
    """Two photographs do not cost the import of scikit-learn."""
    before = "sklearn" in sys.modules
    load("china")
    assert ("sklearn" in sys.modules) == before


def test_a_missing_wheel_is_one_line(monkeypatch: pytest.MonkeyPatch, refuses: Refuses) -> None:
    """Without the package, or the file in it, the remedy is named."""
    for place in ("no_such_package/china.jpg", "sklearn/no_such_file.jpg"):
        monkeypatch.setitem(FILES, "china", place)
        with refuses(place, "install isitcap[train]"):
            load("china")
