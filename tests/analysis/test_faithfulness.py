from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.build import build_summary
from analysis.equivalence import quoted_p
from analysis.errors import InputError
from analysis.faithfulness import DELETION, INSERTION, faithfulness_rows, judge_faithfulness
from analysis.frames import ImageTable, index_images
from analysis.intervals import crossed_interval, strata_by_group
from analysis.summary import Estimate, StudyCard

Study = Callable[..., dict[str, Any]]


@pytest.fixture
def study(small_study: Study) -> StudyCard:
    card: StudyCard = small_study()["study"]
    return card


@pytest.fixture
def images(small_study: Study) -> ImageTable:
    return index_images(small_study()["images"])


@pytest.fixture
def frame(small_study: Study) -> pd.DataFrame:
    """Curves of the images that have maps: deletion is 2 logits below random, insertion nothing above it."""
    maps: pd.DataFrame = small_study()["maps"]
    found = maps[["variant", "seed", "test_set", "image_id", "method", "point"]].copy()
    rng = np.random.default_rng(4)
    for area, shift in (("deletion_area", -2.0), ("insertion_area", 0.0)):
        found[f"random_{area}"] = rng.normal(5, 3, len(found))
        found[area] = found[f"random_{area}"] + shift + rng.normal(0, 0.5, len(found))
    return found.sample(frac=1, random_state=5)


def test_areas_are_taken_less_random_with_crossed_intervals(
    frame: pd.DataFrame, images: ImageTable, study: StudyCard
) -> None:
    """A row is the crossed interval of the difference, images paired with their own random order, labels as strata."""
    row = next(
        row for row in faithfulness_rows(frame, images, study) if row.id == f"{DELETION}/augment/inside/saliency.image"
    )
    part = frame[(frame["variant"] == "augment") & (frame["test_set"] == "inside") & (frame["point"] == "image")]
    wide = part.assign(d=part["deletion_area"] - part["random_deletion_area"]).pivot_table(
        index="seed", columns="image_id", values="d"
    )
    labels = [int(name.split("/")[1]) for name in wide.columns]
    expected = crossed_interval(strata_by_group(wide.to_numpy(), labels))
    assert (row.estimate, row.low, row.high) == pytest.approx((expected.estimate, expected.low, expected.high))
    assert row.p == pytest.approx(quoted_p(expected))
    assert (row.n_seeds, row.n_images) == (3, 12)


def test_rows_come_in_the_studys_order_whatever_the_frames(
    frame: pd.DataFrame, images: ImageTable, study: StudyCard
) -> None:
    """By test set and point, the image first, then by variant; both curves of each."""
    rows = faithfulness_rows(frame, images, study)
    assert rows == faithfulness_rows(frame.iloc[::-1], images, study)
    assert [(r.test_set, r.path, r.variant) for r in rows[:8:2]] == [
        ("inside", "saliency.image", "baseline"),
        ("inside", "saliency.image", "augment"),
        ("inside", "saliency.image", "autoencoder"),
        ("inside", "saliency.classifier_input", "autoencoder"),
    ]
    assert [row.quantity for row in rows[:2]] == [DELETION, INSERTION]
    assert len(rows) == 2 * 2 * 4


def test_a_planted_order_is_found_by_the_curve_that_has_it(
    frame: pd.DataFrame, images: ImageTable, study: StudyCard
) -> None:
    """Deletion is better than random everywhere, insertion hardly anywhere: the method as a whole is better."""
    rows = faithfulness_rows(frame, images, study)
    verdicts = [judge_faithfulness(*pair) for pair in zip(rows[::2], rows[1::2], strict=True)]
    assert all(verdict.deletion for verdict in verdicts)
    assert sum(bool(verdict.insertion) for verdict in verdicts) <= 1
    assert all(verdict.better for verdict in verdicts)


def test_random_areas_are_no_better_than_random(frame: pd.DataFrame, images: ImageTable, study: StudyCard) -> None:
    """With the areas of another random order nothing is called better, and the other way round all is worse."""
    rng = np.random.default_rng(8)
    same = frame.assign(
        deletion_area=frame["random_deletion_area"] + rng.normal(0, 1, len(frame)),
        insertion_area=frame["random_insertion_area"] - 2 + rng.normal(0, 0.5, len(frame)),
    )
    rows = faithfulness_rows(same, images, study)
    verdicts = [judge_faithfulness(*pair) for pair in zip(rows[::2], rows[1::2], strict=True)]
    assert not any(verdict.insertion for verdict in verdicts)
    assert sum(bool(verdict.better) for verdict in verdicts) <= 1


@pytest.mark.parametrize(
    ("p", "estimate", "better"), [(0.024, -1.0, True), (0.026, -1.0, False), (0.001, 1.0, False), (None, -1.0, None)]
)
def test_half_of_alpha_decides_on_the_good_side(p: float | None, estimate: float, better: bool | None) -> None:
    """A curve is better than random where its two-sided p is below α/2 and its sign is right."""
    labels: dict[str, Any] = {"variant": "a", "test_set": "t", "path": "m.image", "n_seeds": 3, "n_images": 9}
    deletion = Estimate(quantity=DELETION, estimate=estimate, p=p, **labels)
    insertion = Estimate(quantity=INSERTION, estimate=-estimate, p=p, reason="two seeds", **labels)
    found = judge_faithfulness(deletion, insertion)
    assert (found.deletion, found.insertion, found.better) == (better, better, better)
    assert found.reason == "two seeds"


def test_a_curve_that_is_worse_than_random_is_named() -> None:
    """Better by one curve and worse by the other is both; a p on the bad side names the curve."""
    labels: dict[str, Any] = {"variant": "a", "test_set": "t", "path": "m.image", "n_seeds": 3, "n_images": 9}
    bad = Estimate(quantity=DELETION, estimate=1.4, p=0.001, **labels)
    good = Estimate(quantity=INSERTION, estimate=2.0, p=0.001, **labels)
    mixed = judge_faithfulness(bad, good)
    assert (mixed.better, mixed.worse) == (True, ("deletion",))
    both = judge_faithfulness(bad, good.model_copy(update={"estimate": -2.0}))
    assert (both.better, both.worse) == (False, ("deletion", "insertion"))
    unsure = judge_faithfulness(bad.model_copy(update={"p": 0.03}), good)
    assert unsure.worse == ()


def test_images_without_an_order_are_left_out(frame: pd.DataFrame, images: ImageTable, study: StudyCard) -> None:
    """A null area of one seed takes the image out for all of them; with no image left, the row says so."""
    gone = frame.copy()
    chosen = (gone["variant"] == "augment") & (gone["test_set"] == "inside")
    areas = [column for column in gone if str(column).endswith("_area")]
    gone.loc[gone[chosen & (gone["seed"] == 1)].index[0], areas] = np.nan
    row = faithfulness_rows(gone, images, study)[2]
    assert (row.variant, row.n_images) == ("augment", 11)
    gone.loc[chosen, areas] = np.nan
    row = faithfulness_rows(gone, images, study)[2]
    assert (row.estimate, row.n_images, row.reason) == (None, 0, "no image has a measured map for every seed")


def test_no_curves_give_no_rows(frame: pd.DataFrame, images: ImageTable, study: StudyCard) -> None:
    """An empty frame, as older records give, is no fault."""
    assert faithfulness_rows(frame.iloc[:0], images, study) == ()
    assert faithfulness_rows(pd.DataFrame(), images, study) == ()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda f: f.drop(columns="deletion_area"), "column 'deletion_area' is missing"),
        (lambda f: pd.concat([f, f.iloc[:1]]), "an image occurs twice for a seed"),
        (lambda f: f.iloc[1:], "seeds saw different images"),
        (lambda f: f.assign(variant="other"), "variant 'other' is not of the study"),
        (lambda f: f.assign(seed=9), "seed 9 is not of the study"),
        (lambda f: f.assign(test_set="nowhere"), "test_set 'nowhere' is not of the study"),
        (lambda f: f.assign(image_id="none.png"), "image 'none.png' of test set"),
        (lambda f: f.assign(insertion_area=np.inf), "insertion_area holds an infinite area"),
    ],
)
def test_bad_frames_are_one_line(
    frame: pd.DataFrame,
    images: ImageTable,
    study: StudyCard,
    change: Callable[[pd.DataFrame], pd.DataFrame],
    says: str,
) -> None:
    """What does not belong together is named."""
    with pytest.raises(InputError, match=says) as caught:
        faithfulness_rows(change(frame), images, study)
    assert "\n" not in str(caught.value)


def test_a_summary_holds_the_rows(frame: pd.DataFrame, small_study: Study) -> None:
    """Given with the other frames, the curves stand in the summary."""
    summary = build_summary(**small_study(), faithfulness=frame)
    assert len(summary.faithfulness) == 16
    assert build_summary(**small_study()).faithfulness == ()
