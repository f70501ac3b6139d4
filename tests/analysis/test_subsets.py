"""Subsets: levels and falls against plain means, exact sums, intervals against closed forms and a known truth."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from control_study import HOME, make

from analysis.build import build_summary
from analysis.control_frames import Seen
from analysis.errors import InputError
from analysis.intervals import CrossedInterval, Stratum, crossed_interval, crossed_mean
from analysis.results import read_results, write_results, write_tables
from analysis.shift import level, outcome
from analysis.subsets import FALL, Subsets, change, classes_of
from analysis.summary import SubsetRow, Summary

CLASSES = {"cat": ("inside/cat", "photos/n1"), "dog": ("inside/dog", "photos/n2", "photos/n3 third")}
KINDS_INSIDE = ("cat", "dog", "dog", "ship")
KINDS_OUTSIDE = ("n1 tabby", "n1 tabby", "n2 poodle", "n3 third", "n9 obelisk")
GREY = {("test", 0): 7, ("test", 1): 11, (HOME, 0): 5}


def with_subsets(made: dict[str, Any], *, greyscale: bool = True, classes: Any = CLASSES) -> dict[str, Any]:
    """Real images with content classes, and the first few of each label without colour."""
    images = made["images"].copy()
    number = images["image_id"].str.extract(r"(\d+)\.png$")[0].astype(int)
    real = images["label"] == 0
    for source, kinds in (("inside", KINDS_INSIDE), ("photos", KINDS_OUTSIDE)):
        chosen = real & (images["source"] == source)
        images.loc[chosen, "group"] = [kinds[n % len(kinds)] for n in number[chosen]]
    limits = pd.Series([GREY.get(key, 0) for key in zip(images["test_set"], images["label"], strict=True)])
    grey = images.loc[(number < limits) & (images["source"] != "new"), ["test_set", "image_id"]]
    return made | {"images": images, "subsets": Subsets(grey if greyscale else None, classes)}


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return with_subsets(make(np.random.default_rng(3)))


@pytest.fixture(scope="module")
def summary(made: dict[str, Any]) -> Summary:
    return build_summary(**made)


def right(made: dict[str, Any], variant: str, test_set: str) -> pd.DataFrame:
    """One row per seed and image with `right`, labels, groups and whether it is grey, joined by plain pandas."""
    frame = made["predictions"]
    frame = frame[(frame["variant"] == variant) & (frame["test_set"] == test_set)]
    images = made["images"][made["images"]["test_set"] == test_set]
    frame = frame.merge(images.drop(columns="test_set"), on="image_id", validate="m:1")
    grey = made["subsets"].greyscale
    ids = set(grey.loc[grey["test_set"] == test_set, "image_id"])
    return frame.assign(right=(frame["logit"] > 0) == (frame["label"] == 1), grey=frame["image_id"].isin(ids))


def row_of(summary: Summary, name: str) -> SubsetRow:
    return next(row for row in summary.subsets if row.id == name)


def value(summary: Summary, name: str) -> float:
    found = row_of(summary, name).estimate
    assert found is not None
    return found


@pytest.mark.parametrize("test_set", ["test", HOME])
def test_greyscale_apart_is_the_mean_over_those_images(made: dict[str, Any], summary: Summary, test_set: str) -> None:
    """Colour alone, greyscale alone and the change are means of the frame's own rows."""
    for variant, path in (("baseline", "none"), ("autoencoder", "autoencode")):
        frame = right(made, variant, test_set)
        for quantity, label in (("specificity", 0), ("recall", 1)):
            mine = frame[frame["label"] == label]
            at = f"{quantity}/{variant}/{test_set}"
            colour = mine.loc[~mine["grey"], "right"].mean()
            assert value(summary, f"subset-level/{at}~colour/{path}") == pytest.approx(colour, abs=1e-12)
            grey = row_of(summary, f"subset-level/{at}~greyscale/{path}")
            change = row_of(summary, f"subset-change/{at}~colour/{path}")
            if not mine["grey"].any():
                assert grey.estimate is None
                assert change.estimate is None
                assert "no greyscale images" in str(change.reason)
                continue
            assert grey.n_images == GREY[test_set, label]
            assert grey.estimate == pytest.approx(mine.loc[mine["grey"], "right"].mean(), abs=1e-12)
            assert change.estimate == pytest.approx(colour - mine["right"].mean(), abs=1e-12)


def test_the_change_of_balanced_accuracy_is_half_of_each_labels(summary: Summary) -> None:
    """Where one label has no greyscale image, the other's half alone."""
    specificity, recall, both = (
        value(summary, f"subset-change/{name}/baseline/test~colour/none")
        for name in ("specificity", "recall", "balanced_accuracy")
    )
    assert both == pytest.approx((specificity + recall) / 2, abs=1e-12)
    half = value(summary, f"subset-change/specificity/baseline/{HOME}~colour/none") / 2
    assert value(summary, f"subset-change/balanced_accuracy/baseline/{HOME}~colour/none") == pytest.approx(half)


def test_falls_on_shared_classes_are_standardised(made: dict[str, Any], summary: Summary) -> None:
    """In-sample images of each class weigh as their class does out of sample; groups go by their first word."""
    wordnet = {"n1": "cat", "n2": "dog", "n3": "dog"}
    for variant, path in (("baseline", "none"), ("autoencoder", "autoencode")):
        inside, outside = right(made, variant, "test"), right(made, variant, HOME)
        inside, outside = inside[inside["label"] == 0], outside[outside["source"] == "photos"]
        outside = outside.assign(kind=outside["group"].str.partition(" ")[0].map(wordnet))
        shared = outside[outside["kind"].notna()]
        shares = shared["kind"].value_counts(normalize=True)
        assert shares["dog"] == pytest.approx(0.5)
        expected = {
            ("inside", "all"): inside["right"].mean(),
            ("inside", "classes"): sum(
                share * inside.loc[inside["group"] == kind, "right"].mean() for kind, share in shares.items()
            ),
            ("outside", "all"): outside["right"].mean(),
            ("outside", "classes"): shared["right"].mean(),
        }
        for subset in ("all", "classes"):
            expected["fall", subset] = expected["inside", subset] - expected["outside", subset]
        for part in FALL:
            expected[part, "difference"] = expected[part, "all"] - expected[part, "classes"]
        for (part, subset), wanted in expected.items():
            found = value(summary, f"subset-{part}/specificity/{variant}/{HOME}~{subset}/{path}")
            assert found == pytest.approx(wanted, abs=1e-12)
    assert not [row for row in summary.subsets if row.part == "fall" and row.quantity != "specificity"]


def test_differences_to_the_baseline_are_differences_of_the_rows(summary: Summary) -> None:
    """Every row of another variant has one less the baseline's, of the same images, that is tighter where paired."""
    own = {row.id: row for row in summary.subsets if row.versus is None}
    versus = [row for row in summary.subsets if row.versus == "baseline"]
    assert len(versus) == sum(row.variant == "autoencoder" for row in own.values())
    for row in versus:
        at = f"{row.test_set}~{row.subset}"
        mine = own[f"subset-{row.part}/{row.quantity}/autoencoder/{at}/autoencode"]
        other = own[f"subset-{row.part}/{row.quantity}/baseline/{at}/none"]
        if mine.estimate is None or other.estimate is None:
            assert row.estimate is None
            continue
        assert row.estimate == pytest.approx(mine.estimate - other.estimate, abs=1e-12)
        assert row.n_images == mine.n_images == other.n_images


def test_intervals_are_the_crossed_ones(made: dict[str, Any], summary: Summary) -> None:
    """One group: the crossed interval of that table. A fall: one with a group for every class of each collection."""
    frame = right(made, "baseline", "test")
    table = frame[(frame["label"] == 1) & frame["grey"]].pivot_table(index="seed", columns="image_id", values="right")
    wanted = crossed_mean(table.to_numpy(np.float64))
    row = row_of(summary, "subset-level/recall/baseline/test~greyscale/none")
    assert wanted.low is not None
    assert wanted.high is not None
    assert (row.low, row.high) == pytest.approx((max(wanted.low, 0), min(wanted.high, 1)))
    inside, outside = right(made, "baseline", "test"), right(made, "baseline", HOME)
    strata = []
    for frame, kinds, sign in (
        (inside, {"cat": ("cat",), "dog": ("dog",)}, 1.0),
        (outside, {"cat": ("n1 tabby",), "dog": ("n2 poodle", "n3 third")}, -1.0),
    ):
        for groups in kinds.values():
            chosen = frame[(frame["label"] == 0) & frame["group"].isin(groups)]
            values = chosen.pivot_table(index="seed", columns="image_id", values="right").to_numpy(np.float64)
            strata.append(Stratum(values, sign * 0.5))
    fall = crossed_interval(strata)
    row = row_of(summary, f"subset-fall/specificity/baseline/{HOME}~classes/none")
    assert (row.estimate, row.low, row.high) == pytest.approx((fall.estimate, fall.low, fall.high))
    assert row.p is None


def test_content_alone_makes_a_fall_that_shared_classes_do_not_show() -> None:
    """With decisions that depend on content alone, other content out of sample makes the whole fall; by simulation.

    Cats are called right at .9, ships at .5. In-sample half are cats; out of sample a quarter: a fall of .1 on all
    images, and of 0 on shared classes, both covered at near .95.
    """
    rng = np.random.default_rng(11)
    truth = {"all": 0.1, "classes": 0.0, "difference": 0.1}
    made = make(np.random.default_rng(0), seeds=5)
    images = made["images"].copy()
    real = images["label"] == 0
    order = images.groupby("test_set").cumcount()
    inside = real & (images["test_set"] == "test")
    outside = real & (images["test_set"] == HOME)
    images.loc[inside, "group"] = np.where(order[inside] % 2 == 0, "cat", "ship")
    images.loc[outside, "group"] = np.where(order[outside] % 4 == 0, "cat", "obelisk")
    images.loc[outside & (order % 4 == 1), "group"] = "ship"
    share = images.loc[outside, "group"].value_counts(normalize=True)
    chance = {"cat": 0.9, "ship": 0.5, "obelisk": 0.0}
    all_out = sum(part * chance[kind] for kind, part in share.items())
    all_in = images.loc[inside, "group"].map(chance).mean()
    truth = {"all": all_in - all_out, "classes": 0.0, "difference": all_in - all_out}
    frame = made["predictions"].merge(images[["test_set", "image_id", "group", "label"]], on=["test_set", "image_id"])
    odds = frame["group"].map(chance).fillna(0.5).to_numpy()
    covered = dict.fromkeys(truth, 0)
    rounds = 60
    for _ in range(rounds):
        correct = rng.random(len(frame)) < odds
        logit = np.where(correct == (frame["label"] == 1), 1.0, -1.0)
        subsets = Subsets(classes={"cat": ("inside/cat", "photos/cat"), "ship": ("inside/ship", "photos/ship")})
        found = build_summary(
            **made | {"images": images, "predictions": frame.assign(logit=logit), "controls": None, "subsets": subsets}
        )
        for subset, wanted in truth.items():
            row = row_of(found, f"subset-fall/specificity/baseline/{HOME}~{subset}/none")
            assert row.low is not None
            assert row.high is not None
            covered[subset] += row.low <= wanted <= row.high
    # binomial(60, .95): fewer than 51 in 1.3e-3 of the cases, and wide intervals cover more
    assert min(covered.values()) >= 51


def test_nothing_where_nothing_is_known(made: dict[str, Any]) -> None:
    """No subsets, no rows; nobody looked for colour, no rows of it; nothing else changes."""
    without = build_summary(**made | {"subsets": None})
    assert without.subsets == ()
    classes = build_summary(**with_subsets(make(np.random.default_rng(3)), greyscale=False))
    assert {row.part for row in classes.subsets} == set(FALL)
    assert classes.metrics == without.metrics
    assert all(row.estimate is not None for row in classes.subsets)
    grey = build_summary(**with_subsets(make(np.random.default_rng(3)), classes={}))
    assert {row.part for row in grey.subsets} == {"level", "change"}


def test_classes_of_one_collection_are_not_shared(made: dict[str, Any]) -> None:
    """A class with fewer than two images on one side is left out, and without any shared one there are no falls."""
    lonely = Subsets(classes={"ship": ("inside/ship", "old/model 0")})
    assert not [row for row in build_summary(**made | {"subsets": lonely}).subsets if row.part == "fall"]


def test_rows_survive_the_disk(summary: Summary, tmp_path: Path) -> None:
    """`results.json` gives them back, and the table holds each once by its id."""
    write_results(summary, tmp_path / "results.json")
    assert read_results(tmp_path / "results.json") == summary
    write_tables(summary, tmp_path)
    for frame in (pd.read_parquet(tmp_path / "subsets.parquet"), pd.read_csv(tmp_path / "subsets.csv")):
        assert list(frame["id"]) == [row.id for row in summary.subsets]
        assert frame["id"].is_unique


@pytest.mark.parametrize(
    ("subsets", "text"),
    [
        (Subsets(classes={"cat": ("inside/lynx",)}), "class 'cat': no image of a test set is of 'inside/lynx'"),
        (Subsets(classes={"cat": ("inside/cat",), "pet": ("inside",)}), "classes 'cat' and 'pet': both name image"),
        (
            Subsets(pd.DataFrame({"test_set": ["test"], "image_id": ["inside/x.png"]})),
            "'inside/x.png' is not in test set 'test'",
        ),
        (Subsets(pd.DataFrame({"test_set": ["test"]})), "column 'image_id' is missing"),
    ],
)
def test_what_does_not_fit_is_refused(made: dict[str, Any], subsets: Subsets, text: str) -> None:
    """A class of nothing, an image of two classes, a greyscale image that is not there: one line each."""
    with pytest.raises(InputError, match=text.replace("(", r"\(")):
        build_summary(**made | {"subsets": subsets})


def test_a_group_is_named_whole_or_by_its_first_word() -> None:
    """A source alone names all its images; a slash and a word the group that begins with it, and no longer word."""
    images = pd.DataFrame(
        {
            "test_set": "t",
            "image_id": ["a", "b", "c", "d"],
            "source": ["s", "s", "s", "other"],
            "group": ["n1 tabby, cat", "n12 goose", "n1", ""],
        }
    )
    assert classes_of(images, {"cat": ("s/n1",)}, ["t"]) == {"t": {"a": "cat", "c": "cat"}}
    assert classes_of(images, {"cat": ("s/n1 tabby, cat",)}, ["t"]) == {"t": {"a": "cat"}}
    assert classes_of(images, {"any": ("s",)}, ["t", "u"]) == {"t": dict.fromkeys("abc", "any"), "u": {}}


def test_the_change_holds_the_share_of_greyscale_images() -> None:
    """Where greyscale images are called otherwise, new images would bring another share of them; by simulation.

    Colour images are called right at .9 and greyscale ones, a tenth of all, at .05: with the share taken as fixed, the
    standard error would be a fourth of what it is.
    """
    rng = np.random.default_rng(5)
    truth, n, rounds = 0.9 - (0.9 * 0.9 + 0.1 * 0.05), 300, 400
    covered = 0
    for _ in range(rounds):
        grey = rng.random(n) < 0.1
        right = (rng.random((4, n)) < np.where(grey, 0.05, 0.9)).astype(float)
        view = Seen("v", "t", "none", right, np.zeros(n, np.int8), np.full(n, "s"), np.arange(n).astype(object))
        found = outcome(change("specificity", view, grey), 0.95)
        assert isinstance(found, CrossedInterval)
        plain = right[:, ~grey].mean() - right.mean()
        assert found.estimate == pytest.approx(plain, abs=1e-12)
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= truth <= found.high
    # binomial(400, .95): fewer than 364 in 3e-4 of the cases; before, some 40 % were covered
    assert covered >= 364


def test_images_without_groups_show_nothing_known() -> None:
    """A source whose images have no group is in no class, and not refused: a table may hold no names."""
    images = pd.DataFrame({"test_set": "t", "image_id": ["a", "b"], "source": ["s", "o"], "group": ["", "cat"]})
    assert classes_of(images, {"cat": ("s/cat", "o/cat")}, ["t"]) == {"t": {"b": "cat"}}


def test_a_single_class_has_a_row_in_each_collection(made: dict[str, Any], summary: Summary) -> None:
    """Its images and its level, by which the match can be judged."""
    frame = right(made, "baseline", HOME)
    dogs = frame[frame["group"].isin(["n2 poodle", "n3 third"])]
    row = row_of(summary, f"subset-outside/specificity/baseline/{HOME}~class dog/none")
    assert row.n_images == dogs["image_id"].nunique()
    assert row.estimate == pytest.approx(dogs["right"].mean(), abs=1e-12)


def test_all_images_have_the_interval_of_the_metric(summary: Summary) -> None:
    """One figure, one interval: in-sample specificity is that of the other tables."""
    metric = next(row for row in summary.metrics if row.id == "specificity/baseline/test/none")
    row = row_of(summary, f"subset-inside/specificity/baseline/{HOME}~all/none")
    assert (row.estimate, row.low, row.high) == pytest.approx((metric.estimate, metric.low, metric.high))


def test_an_interval_needs_two_images_of_a_group() -> None:
    """A single greyscale image has a value and no interval, and the reason says why."""
    view = Seen(
        "v", "t", "none", np.array([[1.0], [0.0], [1.0]]), np.array([0], np.int8), np.array(["s"]), np.array(["i"])
    )
    found = outcome(level("specificity", view), 0.95)
    assert found.reason == "a group of one image: interval not defined"
