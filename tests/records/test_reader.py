from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from isitcap.errors import UserError
from isitcap.records.atomic import write_arrays, write_frame
from isitcap.records.directory import RunDirectory, Stage
from isitcap.records.reader import AUTOENCODER, read_examples, read_frame, read_frames, read_maps

VARIANTS, SEEDS, TEST_SETS = ("baseline", "both"), (0, 3), ("inside", "out.side")


@pytest.fixture
def directory(tmp_path: Path) -> RunDirectory:
    made = RunDirectory(tmp_path)
    history = pd.DataFrame({"epoch": [1, 2], "train_loss": [0.5, 0.4]})
    for name in TEST_SETS:
        write_frame(
            made.images(name), pd.DataFrame({"image_id": [f"{name}/{n}" for n in range(3)], "label": [0, 1, 1]})
        )
    for seed in SEEDS:
        folder = made.autoencoder(seed)
        write_frame(folder / "quality.parquet", pd.DataFrame({"psnr": [30.0 + seed]}))
        write_frame(folder / "history.parquet", history)
        Stage(folder, "train", {}).finish([folder / "history.parquet"], epoch_seconds=[1.0, 2.0])
        for number, variant in enumerate(VARIANTS):
            folder = made.run(variant, seed)
            predictions = pd.DataFrame(
                [(path, name, f"{name}/{n}") for path in ("none", "both") for name in TEST_SETS for n in range(3)],
                columns=["path", "test_set", "image_id"],
            ).assign(logit=np.arange(12, dtype=np.float32) + 100 * number + seed)
            write_frame(folder / "predictions.parquet", predictions)
            write_frame(folder / "history.parquet", history)
            Stage(folder, "train", {}).finish([folder / "history.parquet"], epoch_seconds=[3.0, 4.0])
            for name in (*TEST_SETS, "foreign"):
                place = made.maps(variant, seed, name, "saliency", "image")
                frame = place.with_name(f"{place.name}.parquet")
                write_frame(frame, pd.DataFrame({"image_id": [f"{name}/1"], "gini": [0.4]}))
                Stage(frame.parent, place.name, {}).finish([frame])
    return made


def test_records_are_labelled(directory: RunDirectory) -> None:
    """Every row says which run it belongs to, with its numbers as written."""
    frames = read_frames(directory, VARIANTS, SEEDS, TEST_SETS)
    assert len(frames.predictions) == 2 * 2 * 12
    row = frames.predictions.query("variant == 'both' and seed == 3 and path == 'both' and image_id == 'out.side/2'")
    assert row["logit"].tolist() == [114.0]
    assert row["test_set"].tolist() == ["out.side"]
    assert frames.predictions["logit"].dtype == np.float32
    assert frames.images.groupby("test_set", observed=True).size().to_dict() == {"inside": 3, "out.side": 3}
    assert frames.autoencoders.set_index("seed")["psnr"].to_dict() == {0: 30.0, 3: 33.0}
    assert set(frames.histories["variant"]) == {AUTOENCODER, *VARIANTS}
    assert frames.histories.query("variant == @AUTOENCODER and seed == 3")["seconds"].tolist() == [1.0, 2.0]


def test_repeated_names_are_categories(directory: RunDirectory) -> None:
    """Names that stand in every row stay codes after joining the runs."""
    frames = read_frames(directory, VARIANTS, SEEDS, TEST_SETS)
    for column in ("variant", "path", "test_set", "image_id"):
        assert isinstance(frames.predictions[column].dtype, pd.CategoricalDtype), column
    assert isinstance(frames.images["test_set"].dtype, pd.CategoricalDtype)


def test_other_runs_are_left_alone(directory: RunDirectory) -> None:
    """Only the runs and test sets that are asked for are read; maps of others are passed over."""
    frames = read_frames(directory, ["both"], [3], ["out.side"])
    assert set(frames.predictions["variant"]) == {"both"}
    assert set(frames.predictions["seed"]) == {3}
    assert frames.maps[["variant", "seed", "test_set", "method", "point", "state"]].to_numpy().tolist() == [
        ["both", 3, "out.side", "saliency", "image", "trained"]
    ]


def test_nulls_stand_apart_from_the_trained(directory: RunDirectory) -> None:
    """Maps of other states are a frame of their own; what older records do not hold is NaN."""
    place = directory.maps("both", 3, "inside", "saliency", "image", "randomised-conv1")
    frame = place.with_name(f"{place.name}.parquet")
    columns = {"image_id": ["inside/1"], "gini": [0.2], "similarity": [0.7], "completeness_error": [np.nan]}
    write_frame(frame, pd.DataFrame(columns))
    Stage(frame.parent, place.name, {}).finish([frame])
    frames = read_frames(directory, VARIANTS, SEEDS, TEST_SETS)
    assert set(frames.maps["state"]) == {"trained"}
    assert len(frames.maps) == 8
    assert frames.maps[["similarity", "completeness_error"]].isna().all(axis=None)
    assert frames.null_maps[["state", "variant", "seed", "gini", "similarity"]].to_numpy().tolist() == [
        ["randomised-conv1", "both", 3, 0.2, 0.7]
    ]


def test_areas_are_labelled(directory: RunDirectory) -> None:
    """Deletion and insertion areas come with run, test set, method and point; without any the frame is empty."""
    assert read_frames(directory, VARIANTS, SEEDS, TEST_SETS).faithfulness.empty
    for name in ("out.side", "foreign"):
        frame = directory.faithfulness("baseline", 0) / f"{name}.gradcam.classifier_input.parquet"
        write_frame(frame, pd.DataFrame({"image_id": [f"{name}/2"], "deletion_area": [1.5]}))
        Stage(frame.parent, frame.stem, {}).finish([frame])
    found = read_frames(directory, VARIANTS, SEEDS, TEST_SETS).faithfulness
    columns = ["variant", "seed", "test_set", "method", "point", "image_id", "deletion_area"]
    assert found[columns].to_numpy().tolist() == [
        ["baseline", 0, "out.side", "gradcam", "classifier_input", "out.side/2", 1.5]
    ]
    assert set(found.columns) == set(columns)


def test_missing_and_damaged_records(directory: RunDirectory) -> None:
    """A record that cannot be read is one line with the file and the remedy."""
    path = directory.run("both", 3) / "predictions.parquet"
    path.write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"predictions\.parquet: not readable .*delete it and run the study again$"):
        read_frames(directory, VARIANTS, SEEDS, TEST_SETS)
    path.unlink()
    with pytest.raises(UserError, match=r"predictions\.parquet: missing; run the study again"):
        read_frame(path)


def test_pictures_and_maps_survive(tmp_path: Path) -> None:
    """Example pixels come back as bytes, stored maps as float32, each with its rows."""
    directory, rows = RunDirectory(tmp_path), np.array([4, 2], dtype=np.int32)
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 2, 2, 3)
    write_arrays(directory.examples("x"), {"pixels": pixels, "image_index": rows}, {})
    found, index = read_examples(directory, "x")
    assert np.array_equal(found, pixels)
    assert index.tolist() == [4, 2]
    write_arrays(tmp_path / "m", {"maps": np.full((2, 2, 2), 0.5, np.float16), "image_index": rows}, {})
    stored = read_maps(tmp_path / "m")
    assert stored.maps.dtype == np.float32
    assert (stored.maps == 0.5).all()
    assert stored.image_index.tolist() == [4, 2]
