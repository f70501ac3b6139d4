from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.errors import InputError
from analysis.frames import decisions_of, index_images, index_predictions

Study = Callable[..., dict[str, Any]]


@pytest.fixture
def frames(small_study: Study) -> tuple[pd.DataFrame, pd.DataFrame]:
    inputs = small_study()
    return inputs["predictions"], inputs["images"]


def test_arrays_hold_the_frames_numbers(frames: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """Logits, labels and sources stand where pandas' own pivot and join put them, sorted by seed and image id."""
    predictions, images = frames
    got = decisions_of(predictions, images, variant="augment", path="none", test_set="outside")
    rows = predictions.query("variant == 'augment' and path == 'none' and test_set == 'outside'")
    table = rows.pivot_table(index="seed", columns="image_id", values="logit", aggfunc="first")
    joined = images.query("test_set == 'outside'").set_index("image_id").loc[table.columns]
    np.testing.assert_array_equal(got.logits, table.to_numpy())
    assert got.logits.dtype == np.float32
    assert got.seeds == tuple(table.index)
    assert got.image_ids.tolist() == table.columns.tolist() == sorted(table.columns)
    assert got.labels.tolist() == joined["label"].tolist()
    assert got.sources.tolist() == joined["source"].tolist()


def test_order_of_rows_and_type_of_strings_do_not_matter(frames: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """Shuffled rows and categoricals give the same arrays."""
    predictions, images = frames
    rng = np.random.default_rng(0)
    names = ["variant", "path", "test_set", "image_id"]
    shuffled = predictions.iloc[rng.permutation(len(predictions))].astype(dict.fromkeys(names, "category"))
    shuffled["seed"] = shuffled["seed"].astype("category")
    mixed = images.iloc[rng.permutation(len(images))].astype({"test_set": "category", "source": object})
    first, second = index_predictions(predictions, images), index_predictions(shuffled, mixed)
    np.testing.assert_array_equal(first.logits, second.logits)
    assert first.images.image_ids.tolist() == second.images.image_ids.tolist()
    assert (first.variants, first.seeds, first.paths) == (second.variants, second.seeds, second.paths)


def test_the_same_image_id_may_stand_in_two_test_sets(frames: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """An image id names an image within its test set: other kernels of one image stay apart."""
    predictions, images = frames
    index = index_predictions(predictions, images)
    both = set(index.images.image_ids[index.images.span("inside")])
    assert both & set(index.images.image_ids[index.images.span("held-out")])
    logits = [index.decisions("baseline", "none", t).logits for t in ("inside", "held-out")]
    assert logits[0].shape == (3, 30)
    assert logits[1].shape == (3, 16)


def test_a_path_may_be_missing_for_a_variant(frames: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """Not every variant has to be tested through every path; asking for such a cell is refused."""
    predictions, images = frames
    fewer = predictions[(predictions["variant"] != "augment") | (predictions["path"] == "augment")]
    index = index_predictions(fewer, images)
    assert index.paths_of("augment", "inside") == ("augment",)
    assert index.paths_of("baseline", "inside") == ("augment", "autoencode", "none")
    for cell in (("augment", "none", "inside"), ("nobody", "none", "inside"), ("augment", "augment", "nowhere")):
        with pytest.raises(InputError, match=cell[0]):
            index.decisions(*cell)


def test_double_precision_logits_are_not_rounded(frames: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """A tiny positive float64 logit stays positive."""
    predictions, images = frames
    wide = predictions.assign(logit=1e-60)
    assert (index_predictions(wide, images).decisions("baseline", "none", "inside").logits > 0).all()


def drop(column: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda frame: frame.drop(columns=column)


def put(column: str, value: object, row: int = 7) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        values = frame[column].astype(object)
        values.iloc[row] = value
        typed = values.astype("float64") if column == "logit" else values
        return frame.assign(**{column: typed})

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        *((drop(column), f"column '{column}' is missing") for column in ("variant", "seed", "path", "logit")),
        (lambda f: f.iloc[:0], "empty"),
        (put("logit", math.nan), "logit nan (1 such rows)"),
        (put("logit", math.inf), "logit inf"),
        (put("variant", None), "column 'variant' has no value in row 7"),
        (put("image_id", None), "column 'image_id' has no value"),
        (put("image_id", "ghost.png"), "image 'ghost.png' of test set 'inside' is not in the image table"),
        (put("test_set", "nowhere"), "test set 'nowhere' is not in the image table"),
        (lambda f: f.assign(seed=f["seed"].astype(str)), "column 'seed' has type"),
        (lambda f: f.assign(logit="high"), "column 'logit' has type"),
        (lambda f: f.assign(logit=True), "column 'logit' has type"),
        (lambda f: pd.concat([f, f.iloc[[3]]]), "occurs twice"),
        (lambda f: f.drop(index=5), "saw 29 of 30 images (not 'camera/0/005.png')"),
        (lambda f: f[(f["variant"] != "augment") | (f["seed"] != 1)], "variant 'augment', seed 1, path"),
        (lambda f: f[(f["variant"] != "augment") | (f["test_set"] != "outside")], "'augment' has no predictions"),
    ],
)
def test_bad_predictions_are_refused(
    frames: tuple[pd.DataFrame, pd.DataFrame], change: Callable[[pd.DataFrame], pd.DataFrame], words: str
) -> None:
    """Each defect of the prediction frame gets one line that names the place."""
    predictions, images = frames
    with pytest.raises(InputError) as caught:
        index_predictions(change(predictions), images)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (drop("label"), "column 'label' is missing"),
        (lambda f: f.iloc[:0], "empty"),
        (lambda f: pd.concat([f, f.iloc[[3]]]), "image 'camera/0/003.png' occurs twice in test set 'inside'"),
        (put("label", 2), "label 2"),
        (put("label", "FAKE"), "label 'FAKE'"),
        (put("label", None), "label None"),
        (put("source", None), "column 'source' has no value"),
    ],
)
def test_bad_image_tables_are_refused(
    frames: tuple[pd.DataFrame, pd.DataFrame], change: Callable[[pd.DataFrame], pd.DataFrame], words: str
) -> None:
    """Each defect of the image frame gets one line that names the place."""
    with pytest.raises(InputError) as caught:
        index_images(change(frames[1]))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_group_and_hash_are_not_needed(frames: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """Whoever brings predictions need not bring content hashes."""
    predictions, images = frames
    assert index_predictions(predictions, images.drop(columns=["group", "sha256"])).seeds == (0, 1, 2)


def test_the_studys_variants_and_seeds_must_all_be_there(frames: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """Declared runs that are missing, and runs that are not declared, are refused."""
    predictions, images = frames
    names = ["baseline", "augment", "autoencoder"]
    with pytest.raises(InputError, match=r"seed 3.* is missing"):
        index_predictions(predictions, images, variants=names, seeds=[0, 1, 2, 3])
    with pytest.raises(InputError, match="'both' has no predictions"):
        index_predictions(predictions, images, variants=[*names, "both"])
    with pytest.raises(InputError, match="seed 2 is not of the study"):
        index_predictions(predictions, images, seeds=[0, 1])
    with pytest.raises(InputError, match="variant 'augment' is not of the study"):
        index_predictions(predictions, images, variants=["baseline"])
