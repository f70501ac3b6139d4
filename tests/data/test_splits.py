"""The split: counts, proportions, and no file on two sides."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isitcap.data.archives import open_archive
from isitcap.data.sources import items_in
from isitcap.data.splits import SplitResult, equal_shares, make_split
from isitcap.study.models import Source, Split

Refuses = Callable[..., AbstractContextManager[None]]


def index_of(rows: Sequence[tuple[str, str, int, str]]) -> pd.DataFrame:
    """An index of (part, group, label, content)."""
    part, group, label, content = zip(*rows, strict=True)
    return pd.DataFrame(
        {
            "image_id": [f"set/{number}" for number in range(len(rows))],
            "source": "set",
            "part": part,
            "group": group,
            "label": np.array(label, dtype=np.int8),
            "sha256": content,
        }
    )


def balanced(n: int, part: str, groups: Sequence[str] = ("a", "b"), start: int = 0) -> list[tuple[str, str, int, str]]:
    """`n` different images of each group and label."""
    cells = [(group, label) for group in groups for label in (0, 1)]
    return [(part, g, label, f"{part}{start + n * c + i}") for c, (g, label) in enumerate(cells) for i in range(n)]


def split(train: int, validation: int, test: int, seed: int = 0) -> Split:
    return Split(sources=("set",), train=train, validation=validation, test=test, seed=seed)


def sides(result: SplitResult) -> list[np.ndarray]:
    return [result.train, result.validation, result.test]


def shared_contents(index: pd.DataFrame, result: SplitResult) -> set[str]:
    """The contents that stand on more than one side."""
    train, validation, test = (set(index["sha256"].iloc[rows]) for rows in sides(result))
    return (train & validation) | (train & test) | (validation & test)


def test_a_source_with_parts_keeps_to_them() -> None:
    """Training images come from `train` alone, the others from `test` alone, each with equal shares of every cell."""
    index = index_of(balanced(50, "train") + balanced(30, "test"))
    result = make_split(index, split(100, 40, 60))
    assert [len(rows) for rows in sides(result)] == [100, 40, 60]
    assert [set(index["part"].iloc[rows]) for rows in sides(result)] == [{"train"}, {"test"}, {"test"}]
    for rows, n in zip(sides(result), (25, 10, 15), strict=True):
        assert set(index.iloc[rows].groupby(["label", "group"]).size()) == {n}
    assert result.crossing == 0
    assert result.notes == (
        "Train: 50 real and 50 synthetic images.",
        "Validation: 20 real and 20 synthetic images.",
        "Test: 30 real and 30 synthetic images.",
    )


def test_a_source_without_parts_is_split_at_random() -> None:
    """Three disjoint sides of the counts asked for, in proportion to label and group."""
    index = index_of(balanced(50, ""))
    result = make_split(index, split(100, 40, 60))
    assert len(np.unique(np.concatenate(sides(result)))) == 200
    for rows, n in zip(sides(result), (25, 10, 15), strict=True):
        assert (np.diff(rows) > 0).all()
        assert set(index.iloc[rows].groupby(["label", "group"]).size()) == {n}


def test_the_same_seed_gives_the_same_split() -> None:
    """Seed and index decide; another seed draws other images."""
    index = index_of(balanced(50, ""))
    results = [make_split(index, split(60, 20, 20, seed)) for seed in (3, 3, 4)]
    assert all(np.array_equal(a, b) for a, b in zip(sides(results[0]), sides(results[1]), strict=True))
    assert not np.array_equal(results[0].test, results[2].test)


def test_crossing_files_leave_the_test_side_before_it_is_drawn() -> None:
    """Three test files equal to training files leave; validation and test share what is left in proportion."""
    rows = balanced(20, "train") + balanced(10, "test")
    index = index_of(rows)
    fakes = np.flatnonzero((index["part"] == "test") & (index["label"] == 1))
    trained = np.flatnonzero((index["part"] == "train") & (index["label"] == 1))
    index.loc[fakes[:3], "sha256"] = index.loc[trained[:3], "sha256"].to_numpy()
    result = make_split(index, split(80, 10, 30))
    assert result.crossing == 3
    assert not set(fakes[:3]) & set(np.concatenate(sides(result)))
    assert (len(result.train), len(result.validation), len(result.test)) == (80, 9, 28)
    assert result.notes[0].startswith("3 files of the test side (0 real, 3 synthetic) are byte-identical")
    assert "(10 were asked for)" in result.notes[2]
    small = make_split(index, split(10, 5, 5))
    assert (len(small.validation), len(small.test), small.crossing) == (5, 5, 3)


def test_pairs_within_the_test_side_fall_on_one_side() -> None:
    """Byte-identical files of the test side are never shared between validation and test, and none is lost."""
    rows = balanced(20, "train")
    rows += [("test", "a", label, f"pair{label}{i // 2}") for label in (0, 1) for i in range(20)]
    index = index_of(rows)
    for seed in range(10):
        result = make_split(index, split(40, 20, 20, seed))
        assert shared_contents(index, result) == set()
        assert (len(result.validation), len(result.test)) == (20, 20)


def test_sources_with_and_without_parts_together() -> None:
    """Images without a part are divided in the ratio asked for and join the two parts."""
    index = index_of(balanced(20, "train") + balanced(10, "test") + balanced(30, ""))
    result = make_split(index, split(120, 40, 40))
    assert [len(rows) for rows in sides(result)] == [120, 40, 40]
    assert set(index["part"].iloc[result.train]) == {"train", ""}
    assert set(index["part"].iloc[np.concatenate([result.validation, result.test])]) == {"test", ""}


def test_many_small_groups_leave_the_labels_balanced() -> None:
    """Hundreds of groups of three images do not shift the shares of the labels."""
    index = index_of(balanced(3, "", groups=[f"g{n}" for n in range(150)]))
    result = make_split(index, split(450, 150, 300))
    for rows in sides(result):
        assert index["label"].iloc[rows].mean() == pytest.approx(0.5, abs=0.5 / len(rows) + 1e-9)


@settings(max_examples=60)
@given(
    parts=st.sampled_from([("train", "test"), ("",), ("train", "test", "")]),
    n=st.integers(12, 60),
    counts=st.tuples(st.integers(8, 20), st.integers(4, 8), st.integers(4, 8)),
    seed=st.integers(0, 2**32 - 1),
)
def test_no_content_is_ever_on_two_sides(
    parts: tuple[str, ...], n: int, counts: tuple[int, int, int], seed: int
) -> None:
    """Whatever copies there are, within or across parts, groups and sources: sides are disjoint in content."""
    rng = np.random.default_rng(seed)
    rows = [
        (str(rng.choice(parts)), str(rng.choice(["a", "b"])), label, f"copy {label} {rng.integers(n)}")
        for label in (0, 1)
        for _ in range(n // 2)
    ]
    # Enough of everything, so that the split is possible.
    rows += balanced(6, "train") + balanced(6, "test") + balanced(8, "")
    index = index_of(rows)
    asked = split(*counts, seed)
    result = make_split(index, asked)
    assert shared_contents(index, result) == set()
    for rows_of, most in zip(sides(result), (asked.train, asked.validation, asked.test), strict=True):
        assert 0 < len(rows_of) <= most
        assert len(set(rows_of.tolist())) == len(rows_of)
    assert set(index["part"].iloc[result.train]) <= {"train", ""}
    assert set(index["part"].iloc[result.test]) <= {"test", ""}


@pytest.mark.parametrize(
    ("parts", "asked", "words"),
    [
        (("train", "test"), (41, 10, 10), ("split.train = 41", "40 training images")),
        (("train", "test"), (40, 30, 11), ("split.validation = 30", "split.test = 11", "40 test images")),
        (("",), (30, 6, 5), ("split.train = 30", "split.validation = 6", "split.test = 5", "40 images")),
        (("train",), (40, 1, 1), ("split.validation = 1", "0 test images")),
    ],
)
def test_too_few_images_from_the_start_are_refused(
    refuses: Refuses, parts: tuple[str, ...], asked: tuple[int, int, int], words: tuple[str, ...]
) -> None:
    """The keys asked for and what there is are named."""
    index = index_of([row for part in parts for row in balanced(10, part)])
    with refuses("`set`", "lower", *words):
        make_split(index, split(*asked))


@pytest.mark.parametrize(("label", "missing"), [(0, "synthetic"), (1, "real")])
@pytest.mark.parametrize("part", ["", "train", "test"])
def test_one_class_alone_is_refused(refuses: Refuses, part: str, label: int, missing: str) -> None:
    """A side with one class can neither train nor test."""
    rows = [
        row for p in ({"train", "test"} if part else {""}) for row in balanced(10, p) if p != part or row[2] == label
    ]
    with refuses("split.sources", f"no {missing} images"):
        make_split(index_of(rows), split(5, 5, 5))


def test_one_file_under_both_labels_is_refused(refuses: Refuses) -> None:
    """A file that is called real here and synthetic there is named with both its ids."""
    index = index_of(balanced(10, ""))
    index.loc[15, "sha256"] = index.loc[3, "sha256"]
    assert index.loc[[3, 15], "label"].tolist() == [0, 1]
    with refuses("set/3 (real)", "set/15 (synthetic)", "same file"):
        make_split(index, split(10, 5, 5))


@pytest.fixture(scope="module")
def real_index(real_cifake: Path) -> pd.DataFrame:
    """The index of the real CIFAKE, by its files' bytes alone."""
    with open_archive(real_cifake) as archive:
        items = items_in("cifake", Source(kind="cifake"), archive)
        hashes = [hashlib.sha256(archive.read(item.member)).hexdigest() for item in items]
    return index_of([(i.part, i.group, i.label, h) for i, h in zip(items, hashes, strict=True)])


def test_the_real_cifake_has_its_known_duplicates(real_index: pd.DataFrame) -> None:
    """1,336 pairs, all of fakes and within one class; 920 inside train, 38 inside test, 378 across."""
    twins = real_index[real_index.duplicated("sha256", keep=False)]
    pairs = twins.groupby("sha256").agg(
        n=("part", "size"),
        parts=("part", lambda p: "".join(sorted(p))),
        groups=("group", "nunique"),
        fakes=("label", "sum"),
    )
    assert len(pairs) == 1336
    assert set(pairs["n"]) == set(pairs["fakes"]) == {2}
    assert set(pairs["groups"]) == {1}
    assert Counter(pairs["parts"]) == {"traintrain": 920, "testtest": 38, "testtrain": 378}


def test_the_real_cifake_is_split_as_on_the_poster(real_index: pd.DataFrame) -> None:
    """100,000 to train; the 378 crossing fakes leave, and the other 19,622 are halved, no content on two sides."""
    result = make_split(real_index, split(100_000, 10_000, 10_000))
    assert result.crossing == 378
    assert [len(rows) for rows in sides(result)] == [100_000, 9_811, 9_811]
    assert shared_contents(real_index, result) == set()
    labels = real_index["label"].to_numpy()
    assert [int((labels[rows] == 0).sum()) for rows in sides(result)] == [50_000, 5_000, 5_000]
    cells = real_index.iloc[result.test].groupby(["label", "group"]).size()
    assert set(cells.loc[0]) == {500}
    twins = real_index[(real_index["part"] == "test") & real_index.duplicated("sha256", keep=False)]
    inside = twins[twins.duplicated("sha256", keep=False)]
    on_validation = inside.index.isin(result.validation)
    assert len(inside) == 76
    sides_of_each = pd.Series(on_validation).groupby(inside["sha256"].to_numpy())
    assert (sides_of_each.min() == sides_of_each.max()).all()


def several(sizes: dict[str, int]) -> pd.DataFrame:
    """An index of sources with parts, `n` images of each group and label in each part."""
    frames = []
    for name, n in sizes.items():
        frame = index_of(balanced(n, "train", start=0) + balanced(n, "test", start=0))
        frame["sha256"] = name + frame["sha256"]
        frames.append(frame.assign(source=name, image_id=[f"{name}/{i}" for i in range(len(frame))]))
    return pd.concat(frames, ignore_index=True)


def equal(train: int, validation: int, test: int, *sources: str, seed: int = 0) -> Split:
    return Split(sources=sources, train=train, validation=validation, test=test, seed=seed, shares="equal")


@given(total=st.integers(2, 500), sources=st.integers(1, 7))
def test_shares_differ_by_one_at_most(total: int, sources: int) -> None:
    """All images are shared out; classes, sources and cells of one class differ by one image at most."""
    shares = equal_shares(total, sources)
    assert shares.shape == (sources, 2)
    assert shares.sum() == total
    for counts in (shares.sum(axis=0), shares.sum(axis=1), shares[:, 0], shares[:, 1]):
        assert counts.max() - counts.min() <= 1


@pytest.mark.parametrize("names", [("a",), ("a", "b"), ("c", "a", "b")])
def test_equal_shares_of_sources_of_unequal_size(names: tuple[str, ...]) -> None:
    """Whatever a source holds, it gives as much as the others of either class, and all sides are as large as asked."""
    sizes = {"a": 40, "b": 90, "c": 25}
    index = several({name: sizes[name] for name in names})
    result = make_split(index, equal(48, 12, 24, *names))
    for rows, total in zip(sides(result), (48, 12, 24), strict=True):
        cells = index.iloc[rows].groupby(["source", "label"]).size()
        assert set(cells) == {total // (2 * len(names))}
        groups = index.iloc[rows].groupby(["source", "label", "group"]).size()
        assert groups.max() - groups.min() <= 1
    parts = index["part"].to_numpy()
    assert set(parts[result.train]) == {"train"}
    assert set(parts[result.validation]) | set(parts[result.test]) == {"test"}
    assert not set(result.validation) & set(result.test)
    assert "in equal shares of" in result.notes[0]


def test_equal_shares_are_drawn_by_seed_and_nested() -> None:
    """The same seed gives the same images, another one others; half of a source's images are among all of them."""
    index = several({"a": 60, "b": 60})
    first, again, other = (make_split(index, equal(40, 8, 8, "a", "b", seed=seed)) for seed in (0, 0, 1))
    assert all(np.array_equal(x, y) for x, y in zip(sides(first), sides(again), strict=True))
    assert not np.array_equal(first.train, other.train)
    alone = make_split(several({"a": 60}), equal(40, 8, 8, "a"))
    assert set(first.train[first.train < 240]) < set(alone.train)


def test_equal_shares_keep_crossing_files_out() -> None:
    """A file of the part `test` that is also in `train` stands on no side of the tests, and is counted."""
    index = several({"a": 20, "b": 20})
    rows = index.index[(index["source"] == "a") & (index["part"] == "test") & (index["label"] == 1)][:5]
    twins = index.index[(index["source"] == "a") & (index["part"] == "train") & (index["label"] == 1)][:5]
    index.loc[rows, "sha256"] = index.loc[twins, "sha256"].to_numpy()
    result = make_split(index, equal(40, 20, 20, "a", "b"))
    assert result.crossing == 5
    assert "5 files of the test side (0 real, 5 synthetic)" in result.notes[0]
    assert shared_contents(index, result) == set()
    assert [len(rows) for rows in sides(result)] == [40, 20, 20]


@pytest.mark.parametrize(
    ("asked", "parts"),
    [
        ((200, 8, 8), ("split.train", "50 real training images", "`a`", "40")),
        ((40, 100, 100), ("split.validation and split.test", "50 real test images", "`a`", "40")),
    ],
)
def test_too_few_images_of_a_source_are_refused(
    refuses: Refuses, asked: tuple[int, int, int], parts: tuple[str, ...]
) -> None:
    """Which source and class lacks how many, and of which key."""
    with refuses(*parts):
        make_split(several({"a": 20, "b": 90}), equal(*asked, "a", "b"))


def test_equal_shares_need_parts_and_different_files(refuses: Refuses) -> None:
    """A source without parts is named; so are two ids of one file in two sources."""
    index = several({"a": 20, "b": 20})
    with refuses("`b`", "no real images in parts"):
        make_split(index.assign(part=np.where(index["source"] == "b", "", index["part"])), equal(8, 4, 4, "a", "b"))
    index.loc[index["image_id"] == "b/3", "sha256"] = index.loc[index["image_id"] == "a/3", "sha256"].iloc[0]
    with refuses("a/3 and b/3", "same file in two sources"):
        make_split(index, equal(8, 4, 4, "a", "b"))
