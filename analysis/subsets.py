"""Results on some of a test set's images: with greyscale ones apart, and on content that two collections share.

Greyscale. A collection may hold more greyscale images of one label than of the other, and a detector may go by that.
So every test set is also given without its greyscale images and on them alone. With g the share of a label's images
that are greyscale, what they contribute is

    change = colour - all = g · (colour - greyscale)            in the mean over a label's images

Matched classes. Photographs of another collection show other things, and the corpus shift of `analysis.shift` holds
that. Where images of both collections are of known content classes, specificity and recall are compared on the classes
that both have, in the shares n_c/n that the out-of-sample images have:

    inside  = Σ_c n_c/n · mean of the in-sample images of class c     (standardised to the out-of-sample classes)
    outside = mean over the out-of-sample images of these classes
    fall    = inside - outside

beside the same of all in-sample images and all out-of-sample images of the sources that have such classes. The
difference of the two falls is what the choice of content makes of the fall; what is left on matched classes is other
cameras, other compression, other framing. Classes are matched by name alone, and their counts are taken as fixed.

Every row is a weighted sum of means over disjoint groups of images with the same seeds: its interval is the crossed one
with a group for each class. Balanced accuracy is the mean of the two labels, where both have what it takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.control_frames import Seen, seen
from analysis.errors import InputError
from analysis.estimates import Undefined, Where, estimate_row
from analysis.frames import PredictionIndex, require_columns
from analysis.intervals import Stratum
from analysis.ranges import cut_to_range
from analysis.shift import SHIFT_QUANTITIES, TERMS, ShiftQuantity, Strata, level, minus, outcome
from analysis.summary import StudyCard, SubsetPart, SubsetRow

LEAST = 2
"""Images of a class and label that each collection must have: below, no interval is defined."""

FALL: tuple[SubsetPart, ...] = ("inside", "outside", "fall")

Weights = dict[tuple[str, str], float]
"""The weight of each group of images, by collection (`inside`, `outside`) and class (empty: none that is matched)."""


@dataclass(frozen=True)
class Subsets:
    """What is known of images beside label and source.

    greyscale: `test_set` and `image_id` of those without colour; None where nobody looked.
    classes: content class → the groups of images that show it, as `source` or `source/group`; a group is named whole or
        by its first word (`tiny-imagenet/n02123045` for `n02123045 tabby`).
    """

    greyscale: pd.DataFrame | None = None
    classes: Mapping[str, Sequence[str]] = field(default_factory=dict)


def subset_rows(
    subsets: Subsets | None, images: pd.DataFrame, index: PredictionIndex, study: StudyCard, confidence: float
) -> tuple[SubsetRow, ...]:
    """All rows on subsets: greyscale apart for each test set, then matched classes for each out-of-sample one.

    Every variant stands along its own path, and as a difference to the baseline.

    Args:
        subsets: what is known of the images; None where nothing is.
        images: see `analysis.frames.IMAGE_COLUMNS`; with classes, `group` is needed.
        index: the predictions.
        study: its card.
        confidence: coverage of all intervals.

    Raises:
        InputError: a greyscale image is of no test set, a class names no image, or two name the same.
    """
    if subsets is None:
        return ()
    views = _Views(index, study)
    rows: list[SubsetRow] = []
    if subsets.greyscale is not None:
        grey = _greyscale(subsets.greyscale, images)
        for card in study.test_sets:
            if card.role != "validation" and card.name in grey:
                rows += views.rows(card.name, partial(_colour, test_set=card.name, grey=grey[card.name]), confidence)
    if subsets.classes:
        classes = classes_of(images, subsets.classes, [card.name for card in study.test_sets])
        for inside in (card.name for card in study.test_sets if card.role == "in_sample"):
            for outside in (card.name for card in study.test_sets if card.role == "out_of_sample"):
                parts = partial(_matched, inside=inside, outside=outside, classes=classes)
                rows += views.rows(outside, parts, confidence)
    return tuple(_cut(row) if row.is_level else row for row in rows)


def classes_of(
    images: pd.DataFrame, classes: Mapping[str, Sequence[str]], test_sets: Iterable[str]
) -> dict[str, dict[str, str]]:
    """Test set → image id → content class, of the images that have one.

    Raises:
        InputError: a name has no image in any test set, or an image would be of two classes.
    """
    require_columns(images, ("test_set", "image_id", "source", "group"), "images")
    source, group = images["source"].astype(str), images["group"].astype(str)
    of = pd.Series("", index=images.index, dtype=object)
    for label, names in classes.items():
        for name in names:
            wanted, slash, kind = name.partition("/")
            chosen = source == wanted
            if slash:
                chosen &= (group == kind) | (group.str.partition(" ")[0] == kind)
            if not chosen.any():
                raise InputError(
                    f"class {label!r}: no image of a test set is of {name!r}; correct the name, or remove it"
                )
            if (twice := chosen & (of != "") & (of != label)).any():
                first = images["image_id"][twice].iloc[0]
                raise InputError(f"classes {of[twice].iloc[0]!r} and {label!r}: both name image {first!r}; keep one")
            of[chosen] = label
    found: dict[str, dict[str, str]] = {name: {} for name in test_sets}
    shown = images[of != ""]
    for name, image, label in zip(shown["test_set"], shown["image_id"], of[of != ""], strict=True):
        found[str(name)][str(image)] = str(label)
    return found


def _greyscale(frame: pd.DataFrame, images: pd.DataFrame) -> dict[str, frozenset[str]]:
    """Test set → ids of its greyscale images, for the sets that have some."""
    require_columns(frame, ("test_set", "image_id"), "greyscale images")
    pairs = pd.MultiIndex.from_arrays([frame["test_set"].astype(str), frame["image_id"].astype(str)])
    known = pd.MultiIndex.from_arrays([images["test_set"].astype(str), images["image_id"].astype(str)])
    if (strange := ~pairs.isin(known)).any():
        where, which = pairs[int(np.argmax(strange))]
        raise InputError(f"greyscale images: {which!r} is not in test set {where!r}; make the table again")
    sets = frame["image_id"].astype(str).groupby(frame["test_set"].astype(str), sort=False)
    return {str(name): frozenset(ids) for name, ids in sets}


@dataclass(frozen=True)
class _Part:
    """What a row is of, and the strata of its value."""

    part: SubsetPart
    subset: str
    quantity: ShiftQuantity
    strata: Strata


_Own = Callable[[str], Seen]
"""From the name of a test set to what a variant decided of it, along its own path."""


class _Views:
    """What every variant decided along its own path."""

    def __init__(self, index: PredictionIndex, study: StudyCard) -> None:
        self._index, self._study = index, study

    def rows(self, test_set: str, parts: Callable[[_Own], Iterable[_Part]], confidence: float) -> Iterator[SubsetRow]:
        """The rows of a test set: each variant's, then its differences to the baseline's."""
        cards = self._study.variants
        found = {card.name: list(parts(partial(self._seen, card.name, card.path))) for card in cards}
        baseline = self._study.baseline
        for card in cards:
            for each in found[card.name]:
                yield _row(each, each.strata, Where(each.quantity, card.name, test_set, card.path), confidence)
            if card.name == baseline:
                continue
            for each, other in zip(found[card.name], found[baseline], strict=True):
                where = Where(each.quantity, card.name, test_set, "own", versus=baseline)
                yield _row(each, minus(each.strata, other.strata), where, confidence)

    def _seen(self, variant: str, path: str, test_set: str) -> Seen:
        return seen(self._index.decisions(variant, path, test_set))


def _row(each: _Part, strata: Strata, where: Where, confidence: float) -> SubsetRow:
    row = estimate_row(where, outcome(strata, confidence)).model_dump()
    return SubsetRow.model_validate(row | {"part": each.part, "subset": each.subset, "p": None})


def _cut(row: SubsetRow) -> SubsetRow:
    low, high = cut_to_range(row.quantity, row.estimate, row.low, row.high)
    return row.model_copy(update={"low": low, "high": high})


def _colour(of: _Own, *, test_set: str, grey: frozenset[str]) -> Iterator[_Part]:
    """Levels without greyscale images and on them alone, and how much leaving them out changes."""
    view = of(test_set)
    without = ~np.isin(view.image_ids.astype(str), sorted(grey))
    for quantity in SHIFT_QUANTITIES:
        yield _Part("level", "colour", quantity, level(quantity, view.where(without)))
        yield _Part("level", "greyscale", quantity, level(quantity, view.where(~without)))
        yield _Part("change", "colour", quantity, _change(quantity, view, ~without))


def _change(quantity: ShiftQuantity, view: Seen, grey: NDArray[np.bool_]) -> Strata:
    strata: list[Stratum] = []
    for label, weight in TERMS[quantity]:
        mine = view.labels == label
        if not (mine & grey).any():
            continue
        if not (mine & ~grey).any():
            return Undefined("without greyscale images there are none", len(view.right), 0)
        share = weight * float((mine & grey).sum() / mine.sum())
        strata += [Stratum(view.right[:, mine & ~grey], share), Stratum(view.right[:, mine & grey], -share)]
    return tuple(strata) or Undefined("no greyscale images of this label", len(view.right), 0)


def _matched(of: _Own, *, inside: str, outside: str, classes: Mapping[str, Mapping[str, str]]) -> Iterator[_Part]:
    """Levels in both collections and the fall between them: of all images, of matched classes, and the difference."""
    groups = {label: _groups(label, of(inside), classes[inside], of(outside), classes[outside]) for label in (0, 1)}
    for quantity in SHIFT_QUANTITIES:
        terms = [(groups[label], weight) for label, weight in TERMS[quantity]]
        if any(found is None for found, _ in terms):
            continue
        for part in FALL:
            for subset in ("all", "classes", "difference"):
                strata: list[Stratum] = []
                for found, weight in terms:
                    assert found is not None
                    weights = found.weights(part, subset)
                    strata += [Stratum(found.values[key], weight * w) for key, w in weights.items()]
                yield _Part(part, subset, quantity, tuple(strata))


@dataclass(frozen=True)
class _Groups:
    """Decisions (S, I_g) by collection and class, of one label; class `""` holds what is not matched."""

    values: Mapping[tuple[str, str], NDArray[np.float64]]

    def weights(self, part: SubsetPart, subset: str) -> Weights:
        """The weight of each group's mean in a part, of all images, of the matched classes, or the difference."""
        if part == "fall":
            inside, outside = self.weights("inside", subset), self.weights("outside", subset)
            return inside | {key: -weight for key, weight in outside.items()}
        if subset == "difference":
            every, some = self.weights(part, "all"), self.weights(part, "classes")
            return {key: weight - some.get(key, 0.0) for key, weight in every.items()}
        here = {key: values.shape[1] for key, values in self.values.items() if key[0] == part}
        if subset == "all":
            total = sum(here.values())
            return {key: n / total for key, n in here.items()}
        mix = {key[1]: values.shape[1] for key, values in self.values.items() if key[0] == "outside" and key[1]}
        total = sum(mix.values())
        return {key: mix[key[1]] / total for key in here if key[1]}


def _groups(
    label: int, inside: Seen, of_inside: Mapping[str, str], outside: Seen, of_outside: Mapping[str, str]
) -> _Groups | None:
    """The images of a label by class; None where the two collections share no class of it.

    Out of sample the sources that have a matched class are taken whole, and no other.
    """
    sides = {}
    for name, view, classes in (("inside", inside, of_inside), ("outside", outside, of_outside)):
        mine = view.where(np.asarray(view.labels == label, dtype=bool))
        sides[name] = (mine, np.array([classes.get(str(image), "") for image in mine.image_ids], dtype=object))
    counts = [dict(zip(*np.unique(kinds.astype(str), return_counts=True), strict=True)) for _, kinds in sides.values()]
    shared = [kind for kind in counts[0] if kind and min(counts[0][kind], counts[1].get(kind, 0)) >= LEAST]
    if not shared:
        return None
    view, kinds = sides["outside"]
    sources = sorted(set(view.sources[np.isin(kinds.astype(str), shared)].astype(str)))
    kept = np.asarray(np.isin(view.sources.astype(str), sources), dtype=bool)
    sides["outside"] = (view.where(kept), kinds[kept])
    values: dict[tuple[str, str], NDArray[np.float64]] = {}
    for name, (view, kinds) in sides.items():
        for kind in (*shared, ""):
            chosen = np.asarray(kinds == kind if kind else ~np.isin(kinds.astype(str), shared), dtype=bool)
            if chosen.any():
                values[name, kind] = view.right[:, chosen]
    return _Groups(values)
