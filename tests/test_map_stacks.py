"""Stored maps of several seeds, written as `isitcap` writes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from isitcap.errors import UserError
from isitcap.map_stacks import map_stacks, mean_maps, on_grid
from isitcap.records.atomic import write_arrays
from isitcap.records.directory import RunDirectory, Stage, map_name

INDEX = pd.DataFrame({"image_id": [f"a/{n}.png" for n in range(6)], "label": np.array([0, 1, 0, 1, 0, 1], np.int8)})
IMAGES = {"test": INDEX}
ROWS = np.array([4, 1, 2], np.int32)


def store(
    root: Path,
    variant: str,
    seed: int,
    point: str = "image",
    *,
    method: str = "saliency",
    test_set: str = "test",
    state: str = "trained",
    rows: np.ndarray = ROWS,
    scale: float = 1.0,
) -> np.ndarray:
    """Write one stage of maps (3, 4, 4) and return them."""
    directory = RunDirectory(root)
    name = map_name(test_set, method, point, state)
    stage = Stage(directory.run(variant, seed) / "maps", name, {})
    maps = (np.random.default_rng([seed, len(variant)]).random((len(rows), 4, 4)) * scale).astype(np.float16)
    path = stage.folder / f"{name}.safetensors"
    write_arrays(path, {"maps": maps, "image_index": rows}, {})
    stage.finish([path])
    return maps


def test_seeds_are_stacked_with_the_labels_of_their_images(tmp_path: Path) -> None:
    """A stack is (S, M, H, W), seeds ascending, images as they were stored."""
    written = {seed: store(tmp_path, "baseline", seed) for seed in (2, 0, 1)}
    (stack,) = map_stacks(RunDirectory(tmp_path), ["baseline"], [2, 0, 1], IMAGES)
    assert (stack.variant, stack.test_set, stack.method, stack.point) == ("baseline", "test", "saliency", "image")
    assert stack.seeds == (0, 1, 2)
    assert stack.image_ids == ("a/4.png", "a/1.png", "a/2.png")
    assert stack.labels.tolist() == [0, 1, 0]
    np.testing.assert_array_equal(stack.maps, np.stack([written[seed] for seed in (0, 1, 2)]))


def test_nulls_other_sets_and_unfinished_stages_are_left_alone(tmp_path: Path) -> None:
    """Only trained maps of the test sets asked for, with a mark, are read."""
    store(tmp_path, "baseline", 0)
    store(tmp_path, "baseline", 0, state="untrained")
    store(tmp_path, "baseline", 0, test_set="other")
    store(tmp_path, "baseline", 0, method="occlusion")
    (tmp_path / "runs/baseline/seed-0/maps/test.occlusion.image.done.json").unlink()
    stacks = map_stacks(RunDirectory(tmp_path), ["baseline"], [0], IMAGES)
    assert [(stack.method, stack.test_set) for stack in stacks] == [("saliency", "test")]


def test_seeds_are_those_that_all_variants_have(tmp_path: Path) -> None:
    """What is there for one variant alone cannot be compared; a method without a shared seed has no stack."""
    for seed in (0, 1):
        store(tmp_path, "baseline", seed)
    store(tmp_path, "both", 1, "classifier_input")
    store(tmp_path, "baseline", 0, method="occlusion")
    store(tmp_path, "both", 1, method="occlusion")
    stacks = map_stacks(RunDirectory(tmp_path), ["baseline", "both"], [0, 1], IMAGES)
    assert [(stack.variant, stack.method, stack.seeds) for stack in stacks] == [
        ("baseline", "saliency", (1,)),
        ("both", "saliency", (1,)),
    ]


def test_other_images_are_refused(tmp_path: Path) -> None:
    """Seeds that stored maps of other images get one line that names the place."""
    store(tmp_path, "baseline", 0)
    store(tmp_path, "baseline", 1, rows=ROWS[::-1].copy())
    with pytest.raises(UserError, match=r"baseline test\.saliency\.image stored maps of other images"):
        map_stacks(RunDirectory(tmp_path), ["baseline"], [0, 1], IMAGES)


def test_an_older_run_without_maps_has_none(tmp_path: Path) -> None:
    """No folder of maps, or none that holds an image, gives no stack."""
    assert map_stacks(RunDirectory(tmp_path), ["baseline"], [0], IMAGES) == ()
    store(tmp_path, "baseline", 0, rows=ROWS[:0])
    assert map_stacks(RunDirectory(tmp_path), ["baseline"], [0], IMAGES) == ()


def test_mean_maps_weigh_every_map_alike(tmp_path: Path) -> None:
    """A map's unit does not matter, the mean of a class is in multiples of the uniform map, whose mean is 1."""
    first, second = store(tmp_path, "baseline", 0), store(tmp_path, "baseline", 1, scale=0.01)
    means = mean_maps(map_stacks(RunDirectory(tmp_path), ["baseline"], [0, 1], IMAGES), (4, 4))
    real, synthetic = means
    assert (real.label, real.n_images, real.n_seeds, synthetic.label, synthetic.n_images) == (0, 2, 2, 1, 1)
    maps = np.stack([maps[i].astype(float) for maps in (first, second) for i in (0, 2)])
    expected = np.mean([each / each.mean() for each in maps], axis=0)
    np.testing.assert_allclose(real.maps["baseline", "saliency", "image"], expected, rtol=1e-6)
    assert synthetic.maps["baseline", "saliency", "image"].mean() == pytest.approx(1)


def test_empty_maps_are_left_out_of_the_mean(tmp_path: Path) -> None:
    """A map that is all zero adds nothing, and a class without any other has no mean."""
    store(tmp_path, "baseline", 0, scale=0.0)
    assert mean_maps(map_stacks(RunDirectory(tmp_path), ["baseline"], [0], IMAGES), (4, 4)) == ()


def test_small_maps_become_blocks() -> None:
    """Each value of a layer's map covers the pixels that it stands for."""
    shown = on_grid(np.array([[[1.0, 2.0], [3.0, 4.0]]]), 4, 4)
    assert shown[0].tolist() == [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]
