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
cameras, other compression, other framing. Classes are matched by name alone, and their shares are taken as fixed.

Every row is a weighted sum of means over disjoint groups of images with the same seeds, and its interval is the crossed
one: on matched classes with a group for each class, of a change or difference with the images' influences on it, so
that images that both of its means hold count once. Balanced accuracy is the mean of the two labels, where both have
what it takes.
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
from analysis.ranges import level_cut
from analysis.shift import SHIFT_QUANTITIES, TERMS, ShiftQuantity, Strata, level, minus, outcome
from analysis.summary import StudyCard, SubsetPart, SubsetRow

LEAST = 2
"""Images of a class and label that each collection must have: below, no interval is defined."""

FALL: tuple[SubsetPart, ...] = ("inside", "outside", "fall")


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
            if card.role != "validation":
                ids = grey.get(card.name, frozenset())
                rows += views.rows(card.name, partial(_colour, test_set=card.name, grey=ids), confidence)
    if subsets.classes:
        classes = classes_of(images, subsets.classes, [card.name for card in study.test_sets])
        for inside in (card.name for card in study.test_sets if card.role == "in_sample"):
            for outside in (card.name for card in study.test_sets if card.role == "out_of_sample"):
                parts = partial(_matched, inside=inside, outside=outside, classes=classes)
                rows += views.rows(outside, parts, confidence)
    return tuple(level_cut(row) if row.is_level else row for row in rows)


def classes_of(
    images: pd.DataFrame, classes: Mapping[str, Sequence[str]], test_sets: Iterable[str]
) -> dict[str, dict[str, str]]:
    """Test set → image id → content class, of the images that have one; a source without groups has none.

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
            if slash and chosen.any() and not (group[chosen] != "").any():
                continue  # nothing is known of what these images show, whoever names it
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


def _colour(of: _Own, *, test_set: str, grey: frozenset[str]) -> Iterator[_Part]:
    """Levels without greyscale images and on them alone, and how much leaving them out changes."""
    view = of(test_set)
    without = ~np.isin(view.image_ids.astype(str), sorted(grey))
    for quantity in SHIFT_QUANTITIES:
        yield _Part("level", "colour", quantity, level(quantity, view.where(without)))
        yield _Part("level", "greyscale", quantity, level(quantity, view.where(~without)))
        yield _Part("change", "colour", quantity, change(quantity, view, ~without))


def change(quantity: ShiftQuantity, view: Seen, grey: NDArray[np.bool_]) -> Strata:
    """What leaving greyscale images out adds, as a mean over all images of a label: how many are grey is drawn, too.

    The values are the estimate of a seed and each image's influence on it, so that the interval holds the share of
    greyscale images, too: (1 - grey)(y - colour)/(1 - g) - (y - all), which is zero in the mean.
    """
    strata: list[Stratum] = []
    for label, weight in TERMS[quantity]:
        mine = view.labels == label
        right, kept = view.right[:, mine], ~grey[mine]
        if kept.all():
            continue
        if not kept.any():
            return Undefined("without greyscale images there are none", len(view.right), 0)
        every, colour = right.mean(axis=1, keepdims=True), right[:, kept].mean(axis=1, keepdims=True)
        values = (colour - every) + kept * (right - colour) / kept.mean() - (right - every)
        strata.append(Stratum(values, weight))
    return tuple(strata) or Undefined("no greyscale images of this label", len(view.right), 0)


def _matched(of: _Own, *, inside: str, outside: str, classes: Mapping[str, Mapping[str, str]]) -> Iterator[_Part]:
    """Levels in both collections and the fall between them: of all images, of matched classes, and the difference."""
    sides = of(inside), classes[inside], of(outside), classes[outside]
    groups = {label: _groups(label, *sides) for label in (0, 1)}
    for quantity in SHIFT_QUANTITIES:
        terms = [(groups[label], weight) for label, weight in TERMS[quantity]]
        if any(found is None for found, _ in terms):
            continue
        for part in FALL:
            for subset in ("all", "classes", "difference"):
                strata: list[Stratum] = []
                for found, weight in terms:
                    assert found is not None
                    strata += found.strata(part, subset, weight)
                yield _Part(part, subset, quantity, tuple(strata))
        if len(terms) == 1 and (found := terms[0][0]) is not None:
            for part in ("inside", "outside"):
                for kind in found.mix:
                    yield _Part(part, class_subset(kind), quantity, (Stratum(found.of(part, kind)),))


def class_subset(kind: str) -> str:
    """What the rows of a single class are called, so that no class has the name of another subset."""
    return f"class {kind}"


@dataclass(frozen=True)
class _Side:
    """What was decided (S, I) of one label's images of a collection, and the class (I,) of each; empty: not matched."""

    right: NDArray[np.float64]
    kinds: NDArray[np.str_]


@dataclass(frozen=True)
class _Groups:
    """Both collections, and the shares that the matched classes have out of sample."""

    sides: Mapping[SubsetPart, _Side]
    mix: Mapping[str, float]

    def of(self, part: SubsetPart, kind: str) -> NDArray[np.float64]:
        """The decisions of one class in one collection."""
        side = self.sides[part]
        return side.right[:, side.kinds == kind]

    def strata(self, part: SubsetPart, subset: str, weight: float) -> list[Stratum]:
        """A part times `weight`: of all images, of the matched classes, or the difference."""
        if part == "fall":
            return [*self.strata("inside", subset, weight), *self.strata("outside", subset, -weight)]
        side = self.sides[part]
        if subset == "all":
            return [Stratum(side.right, weight)]
        if subset == "classes":
            return [Stratum(self.of(part, kind), weight * share) for kind, share in self.mix.items()]
        return [Stratum(side.right - self._influence(part), weight)]

    def _influence(self, part: SubsetPart) -> NDArray[np.float64]:
        """The mean over the matched classes, and each image's influence on it; (S, I), its mean is that mean.

        Both means of a difference are then of the same images, one by one. A class of n images estimates its own mean,
        so its residuals are as much too small as √((n - 1)/n).
        """
        side = self.sides[part]
        values = np.zeros_like(side.right)
        level = np.zeros((len(values), 1))
        for kind, share in self.mix.items():
            chosen = side.kinds == kind
            n, mean = int(chosen.sum()), side.right[:, chosen].mean(axis=1, keepdims=True)
            level += share * mean
            values[:, chosen] = (side.right[:, chosen] - mean) * share * len(chosen) / n * np.sqrt(n / (n - 1))
        return values + level


def _groups(
    label: int, inside: Seen, of_inside: Mapping[str, str], outside: Seen, of_outside: Mapping[str, str]
) -> _Groups | None:
    """The images of a label by class; None where the two collections share no class of it.

    Out of sample the sources that have a matched class are taken whole, and no other.
    """
    here = [_of_label(label, view, kinds) for view, kinds in ((inside, of_inside), (outside, of_outside))]
    counts = [dict(zip(*np.unique(side.kinds, return_counts=True), strict=True)) for side, _ in here]
    shared = [kind for kind in counts[1] if kind and min(counts[0].get(kind, 0), counts[1][kind]) >= LEAST]
    if not shared:
        return None
    (within, _), (out, sources) = here
    kept = np.isin(sources, np.unique(sources[np.isin(out.kinds, shared)]))
    total = sum(counts[1][kind] for kind in shared)
    return _Groups(
        {"inside": within, "outside": _Side(out.right[:, kept], out.kinds[kept])},
        {str(kind): float(counts[1][kind] / total) for kind in shared},
    )


def _of_label(label: int, view: Seen, classes: Mapping[str, str]) -> tuple[_Side, NDArray[np.str_]]:
    """The images of a label, and the source of each."""
    mine = view.where(np.asarray(view.labels == label, dtype=bool))
    kinds = np.array([classes.get(str(image), "") for image in mine.image_ids], dtype=np.str_)
    return _Side(mine.right, kinds), mine.sources.astype(np.str_)
