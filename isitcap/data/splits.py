"""The split of the training sources into train, validation and test: stratified, seeded, no file on two sides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from isitcap.data.sampling import Rows, allocate, allocate_nested, generator
from isitcap.errors import UserError
from isitcap.study.models import Split

_CLASSES = ("real", "synthetic")


@dataclass(frozen=True)
class SplitResult:
    """Row positions of the index, ascending and disjoint."""

    train: Rows = field(repr=False)
    validation: Rows = field(repr=False)
    test: Rows = field(repr=False)
    crossing: int
    """Files of the test side that are byte-identical to a file of the training side, and left."""
    notes: tuple[str, ...]
    """Plain sentences with the resulting numbers of real and synthetic images."""


def make_split(index: pd.DataFrame, split: Split) -> SplitResult:
    """Split the images of the training sources.

    A source with parts gives training images from `train` and the rest from `test`; any other source is divided at
    random in the ratio asked for. Files of the test side that are byte-identical to one of the training side then
    leave (a file of the training side never does), and only after that are validation and test drawn. If they no
    longer suffice for what `split` asks, they are shared in proportion. Byte-identical files of the test side fall on
    one side together. Draws are in proportion to label and group, with `SeedSequence([seed, crc32(purpose)])`.

    With `split.shares` = `equal`, sources with parts give equal numbers of real and synthetic images each, exact to one
    image on every side: the draw is then source by source and class by class, in proportion to the group.

    Args:
        index: One row per image with `image_id`, `source`, `part`, `group`, `label`, `sha256`; packs' indices, one
            below the other. Rows are numbered by position.
        split: Counts and seed.

    Raises:
        UserError: too few images from the start, only one class on a side, or one file under both labels; in equal
            shares also a source without parts, too few images of a class, or one file in two sources.
    """
    _refuse_two_labels(index)
    part = index["part"].to_numpy(dtype=str)
    label = index["label"].to_numpy()
    if split.shares == "equal":
        return _in_equal_shares(index, split)
    asked = {"train": split.train, "validation": split.validation, "test": split.test}
    rest = split.validation + split.test
    files = _Files.of(index)

    given_train, given_rest, free = (np.flatnonzero(part == name) for name in ("train", "test", ""))
    _refuse_too_few(split, len(given_train), len(given_rest), len(free))
    for name, other in (("train", "test"), ("test", "train")):
        _refuse_one_class(label[part != other], f"the {name} side of the training sources")
    least = max(0, split.train - len(given_train))
    most = len(free) - max(0, rest - len(given_rest))
    wanted = min(max(round(len(free) * split.train / (split.train + rest)), least), most)
    free_train, free_rest = _assign(generator(split.seed, "split.sides"), free, files, (wanted, len(free) - wanted))
    train_side = np.concatenate([given_train, free_train])
    rest_side = np.concatenate([given_rest, free_rest])

    crosses = np.isin(files.unit[rest_side], files.unit[train_side])
    rest_side = np.sort(rest_side[~crosses])
    shares = [split.validation, split.test]
    if len(rest_side) < rest:
        shares = allocate(shares, len(rest_side)).tolist()
    count = min(split.train, len(train_side))
    (train,) = _assign(generator(split.seed, "split.train"), np.sort(train_side), files, [count])
    validation, test = _assign(generator(split.seed, "split.test"), rest_side, files, shares)

    sides = {"train": train, "validation": validation, "test": test}
    for name, rows in sides.items():
        _refuse_one_class(label[rows], f"the side `{name}` of the split")
    notes = [_sentence(name, label[rows], asked[name]) for name, rows in sides.items()]
    crossing = int(crosses.sum())
    if crossing:
        real = int((label[np.concatenate([given_rest, free_rest])[crosses]] == 0).sum())
        notes.insert(
            0,
            f"{crossing:,} files of the test side ({real:,} real, {crossing - real:,} synthetic) are byte-identical to "
            "files of the training side and were kept out before validation and test were drawn.",
        )
    return SplitResult(train, validation, test, crossing, tuple(notes))


def equal_shares(total: int, sources: int) -> NDArray[np.int64]:
    """`total` images over `sources` and the two classes, (sources, 2): classes differ by one at most, sources too.

    >>> equal_shares(20, 3).tolist()
    [[4, 3], [3, 3], [3, 4]]
    """
    shares = np.zeros((sources, 2), dtype=np.int64)
    for label, count in enumerate((total - total // 2, total // 2)):
        shares[:, label] = count // sources
        over = count % sources
        # what is over goes to the first sources of one class and to the last of the other
        shares[slice(0, over) if label == 0 else slice(sources - over, sources), label] += 1
    return shares


def _in_equal_shares(index: pd.DataFrame, split: Split) -> SplitResult:
    part, label = index["part"].to_numpy(dtype=str), index["label"].to_numpy()
    source = index["source"].to_numpy(dtype=str)
    files = _Files.of(index)
    _refuse_two_sources(index)
    counts = {
        name: equal_shares(count, len(split.sources))
        for name, count in (("train", split.train), ("validation", split.validation), ("test", split.test))
    }
    chosen: dict[str, list[Rows]] = {name: [] for name in counts}
    crossing = [0, 0]
    for place, name in enumerate(split.sources):
        for value in (0, 1):
            given_train, given_rest = (
                np.flatnonzero((source == name) & (label == value) & (part == side)) for side in ("train", "test")
            )
            crosses = np.isin(files.unit[given_rest], files.unit[given_train])
            crossing[value] += int(crosses.sum())
            given_rest = given_rest[~crosses]
            wanted = {side: int(shares[place, value]) for side, shares in counts.items()}
            _refuse_small_share(name, value, wanted, len(given_train), len(given_rest))
            rng = {side: generator(split.seed, f"split.{side} {name} {value}") for side in ("train", "test")}
            later = [wanted["validation"], wanted["test"]]
            drawn = (
                *_assign(rng["train"], given_train, files, [wanted["train"]]),
                *_assign(rng["test"], given_rest, files, later),
            )
            for side, rows in zip(counts, drawn, strict=True):
                chosen[side].append(rows)
    sides = {name: np.sort(np.concatenate(rows)) for name, rows in chosen.items()}
    for name, rows in sides.items():
        _refuse_one_class(label[rows], f"the side `{name}` of the split")
    notes = [
        _sentence(name, label[rows], int(counts[name].sum())).removesuffix(".")
        + f", in equal shares of {len(split.sources)} source{'s' if len(split.sources) > 1 else ''}."
        for name, rows in sides.items()
    ]
    if sum(crossing):
        notes.insert(
            0,
            f"{sum(crossing):,} files of the test side ({crossing[0]:,} real, {crossing[1]:,} synthetic) are "
            "byte-identical to files of the training side and were kept out before validation and test were drawn.",
        )
    return SplitResult(sides["train"], sides["validation"], sides["test"], sum(crossing), tuple(notes))


def _refuse_small_share(name: str, value: int, wanted: Mapping[str, int], train: int, rest: int) -> None:
    """A class of a source, which has `train` and `rest` images in its parts, must have its share."""
    if train + rest == 0:
        raise UserError(
            f"split.sources: `{name}` has no {_CLASSES[value]} images in parts `train` and `test`, which equal shares "
            "are drawn from; choose a source with both classes in both parts"
        )
    for side, has, asked, keys in (
        ("training", train, wanted["train"], "split.train"),
        ("test", rest, wanted["validation"] + wanted["test"], "split.validation and split.test"),
    ):
        if asked > has:
            raise UserError(
                f"{keys}: a share of {asked:,} {_CLASSES[value]} {side} images is asked of `{name}`, which has "
                f"{has:,}; lower {keys}, or give more images"
            )


def _refuse_two_sources(index: pd.DataFrame) -> None:
    twins = index[index.duplicated("sha256", keep=False)]
    sources = twins.groupby("sha256", sort=False)["source"].nunique()
    if (sources > 1).any():
        same = twins[twins["sha256"] == sources.index[sources > 1][0]]
        first, second = same.drop_duplicates("source")["image_id"].iloc[:2]
        raise UserError(
            f"split.sources: {first} and {second} are the same file in two sources; equal shares need sources that "
            "have nothing in common"
        )


@dataclass(frozen=True)
class _Files:
    unit: Rows
    """(N,) number of each row's content: equal files, equal numbers."""
    stratum: Rows
    """(N,) number of each row's label and group."""
    label: Rows
    """(strata,) the label of each stratum."""

    @staticmethod
    def of(index: pd.DataFrame) -> _Files:
        unit = np.asarray(pd.factorize(index["sha256"])[0], dtype=np.int64)
        stratum = np.asarray(index.groupby(["label", "group"], sort=True).ngroup(), dtype=np.int64)
        _, first = np.unique(stratum, return_index=True)
        return _Files(unit, stratum, index["label"].to_numpy(dtype=np.int64)[first])


def _assign(rng: np.random.Generator, rows: Rows, files: _Files, counts: Sequence[int]) -> tuple[Rows, ...]:
    """Draw disjoint sides of `counts` from `rows`, by label and then group; a unit (equal files) stays whole.

    In each stratum the units of several files come first, each to a side by a draw in proportion to the places left;
    single files then fill the places. A unit larger than the places of its side is cut to them: its other files stay
    out, for they may stand on no other side.
    """
    sides: list[list[Rows]] = [[] for _ in counts]
    # A unit whose files lie in several strata belongs to that of its first file.
    unit, stratum = files.unit[rows], files.stratum[rows]
    order = np.argsort(unit, kind="stable")
    _, first, size = np.unique(unit[order], return_index=True, return_counts=True)
    home = stratum[order][first]
    found = np.unique(home)
    places = np.zeros((len(found), len(counts) + 1), dtype=np.int64)
    left = np.bincount(home, weights=size).astype(np.int64)[found]
    for side, count in enumerate(counts):
        places[:, side] = allocate_nested(rng, files.label[found], left, count)
        left = left - places[:, side]
    places[:, -1] = left
    for here, room in zip(found, places, strict=True):
        units = np.flatnonzero(home == here)
        units = units[rng.permutation(len(units))]
        for u in units[size[units] > 1]:
            members = rows[order[first[u] : first[u] + size[u]]]
            fits = np.where(room >= len(members), room, 0)
            odds = fits if fits.any() else room
            side = int(rng.choice(len(room), p=odds / odds.sum()))
            taken = members[: room[side]]
            room[side] -= len(taken)
            if side < len(counts):  # the last place is that of the files left over
                sides[side].append(taken)
        singles = rows[order[first[units[size[units] == 1]]]]
        start = 0
        for side in range(len(counts)):
            sides[side].append(singles[start : start + room[side]])
            start += room[side]
    return tuple(
        np.sort(np.concatenate(chosen)).astype(np.int64) if chosen else np.empty(0, dtype=np.int64) for chosen in sides
    )


def _refuse_too_few(split: Split, train: int, rest: int, free: int) -> None:
    """Counts are of images in the parts `train` and `test` and of those without a part."""
    asked = split.validation + split.test
    sources = ", ".join(f"`{name}`" for name in split.sources)
    if split.train > train + free:
        raise UserError(
            f"split.train = {split.train} asks for more than the {train + free} training images of {sources}; lower it"
        )
    if asked > rest + free:
        raise UserError(
            f"split.validation = {split.validation} and split.test = {split.test} together ask for more than the "
            f"{rest + free} test images of {sources}; lower them"
        )
    if split.train + asked > train + rest + free:
        raise UserError(
            f"split.train = {split.train}, split.validation = {split.validation} and split.test = {split.test} "
            f"together ask for more than the {train + rest + free} images of {sources}; lower them"
        )
    if max(0, split.train - train) + max(0, asked - rest) > free:
        raise UserError(
            f"split.train = {split.train}, split.validation = {split.validation} and split.test = {split.test} do not "
            f"fit {sources}: {train} images of a part `train`, {rest} of a part `test`, {free} without; lower them"
        )


def _refuse_one_class(label: np.ndarray, where: str) -> None:
    present = set(np.unique(label).tolist())
    if len(present) < 2:
        missing = " or ".join(name for value, name in enumerate(_CLASSES) if value not in present)
        raise UserError(f"split.sources: {where} holds no {missing} images; training and testing need both classes")


def _refuse_two_labels(index: pd.DataFrame) -> None:
    twins = index[index.duplicated("sha256", keep=False)]
    labels = twins.groupby("sha256", sort=False)["label"].nunique()
    if (labels > 1).any():
        same = twins[twins["sha256"] == labels.index[labels > 1][0]]
        real, fake = (same.loc[same["label"] == value, "image_id"].iloc[0] for value in (0, 1))
        raise UserError(
            f"split.sources: {real} (real) and {fake} (synthetic) are the same file "
            f"(files under both labels in all: {int((labels > 1).sum())}); remove the wrong ones"
        )


def _sentence(name: str, label: np.ndarray, asked: int) -> str:
    fake = int(label.sum())
    wanted = "" if len(label) == asked else f" ({asked:,} were asked for)"
    return f"{name.capitalize()}: {len(label) - fake:,} real and {fake:,} synthetic images{wanted}."
