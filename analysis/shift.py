"""What the pipeline decides, and what the loss out of sample is made of.

The same photographs through another resize kernel or format are called otherwise. So a figure out of sample is of the
pipeline as much as of the images, and a fall from in-sample to out-of-sample accuracy mixes three things. They are
parted here for a variant and a pipeline k, h being the pipeline of the test set itself:

    loss      BA(in) - BA(out, k)                                           = corpus + generator + pipeline
    corpus    ½ [spec(in) - spec(out, h)] + ½ [rec(in) - rec(same, h)]      other photographs; the same generator
    generator ½ [rec(same, h) - rec(out, h)]                                other generators
    pipeline  BA(out, h) - BA(out, k)                                       the same images

BA is balanced accuracy, the mean of specificity (of real images) and recall (of synthetic ones). `same` are
out-of-sample fakes of the generator that made the training fakes; where there are none, the whole fall of recall,
rec(in) - rec(out, h), stands under generator. Recall and specificity are parted in the same way, without the halves.

The sum is exact, by its terms. What the parts are not: the corpus shift holds all that differs between the
collections at pipeline h, how in-sample images were made small included, which cannot be undone; `out` counts fakes of
the same generator in the share they have there; and the generator shift is one of these sets' generators with their
subjects, which no set here keeps apart.

Every part is a weighted sum of means over groups of images with the same seeds: its interval is the crossed one, with
a group for each label and set, and differences of the same images taken image by image.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from analysis.control_frames import ControlIndex, Seen, paired
from analysis.equivalence import quoted_p
from analysis.estimates import Undefined, Where, estimate_row
from analysis.intervals import CrossedInterval, Stratum, crossed_interval
from analysis.multiplicity import with_holm
from analysis.summary import ControlContrast, Estimate, ShiftPart, StudyCard

ShiftQuantity = Literal["balanced_accuracy", "specificity", "recall"]

SHIFT_QUANTITIES: tuple[ShiftQuantity, ...] = ("balanced_accuracy", "specificity", "recall")

TERMS: dict[ShiftQuantity, tuple[tuple[int, float], ...]] = {
    "balanced_accuracy": ((0, 0.5), (1, 0.5)),
    "specificity": ((0, 1.0),),
    "recall": ((1, 1.0),),
}
"""Labels that a quantity is of, with the weight of each one's mean."""

NO_SAME = (
    "no images of the training generator in another collection: what other images of it would lose is not known, and "
    "stands under generator"
)
ALL_SAME = "every synthetic image is of the training generator: there is no other"

Strata = tuple[Stratum, ...] | Undefined


@dataclass(frozen=True)
class ShiftRows:
    """What `pipeline_rows` finds."""

    metrics: tuple[Estimate, ...] = ()
    contrasts: tuple[ControlContrast, ...] = ()
    parts: tuple[ShiftPart, ...] = ()


def pipeline_rows(index: ControlIndex, confidence: float) -> ShiftRows:
    """Every pipeline's metrics, its differences to the test set's own pipeline, and the loss in parts.

    Metrics and differences are of the whole set and of each source (specificity of its real images, recall of its
    synthetic ones). Holm's family is all other pipelines of one quantity, variant and place.
    """
    metrics: list[Estimate] = []
    contrasts: list[ControlContrast] = []
    parts: list[ShiftPart] = []
    inside = next((card.name for card in index.study.test_sets if card.role == "in_sample"), None)
    for base in index.bases("pipeline"):
        names = [card.name for card in index.of(base, "pipeline")]
        for variant in (card.name for card in index.study.variants):
            own = index.base(variant, base)
            views = {name: paired(own, index.control(variant, name))[1] for name in names}
            for quantity, source in places(index.study, base, own):
                metrics += [level_row(quantity, pick(view, source), confidence, source) for view in views.values()]
                rows = [
                    contrast_row(quantity, pick(view, source), pick(own, source), confidence, source)
                    for name, view in views.items()
                    if name != base
                ]
                contrasts += with_holm(rows)
        if inside is not None:
            parts += _parts(index, base, names, inside, confidence)
    return ShiftRows(tuple(metrics), tuple(contrasts), tuple(parts))


def level(quantity: ShiftQuantity, view: Seen, weight: float = 1.0) -> Strata:
    """The strata of a quantity's mean over the images of a set, its weights times `weight`."""
    missing = [label for label, _ in TERMS[quantity] if not (view.labels == label).any()]
    if missing:
        word = "synthetic" if missing[0] else "real"
        return Undefined(f"no {word} images: {quantity.replace('_', ' ')} is not defined", len(view.right), 0)
    return tuple(Stratum(view.right[:, view.labels == label], weight * part) for label, part in TERMS[quantity])


def difference(quantity: ShiftQuantity, first: Seen, second: Seen, weight: float = 1.0) -> Strata:
    """The strata of first - second of a quantity, taken image by image; both hold the same images in one order."""
    return level(quantity, _less(first, second), weight)


def outcome(strata: Strata, confidence: float) -> CrossedInterval | Undefined:
    """The crossed interval of a weighted sum, or why there is none."""
    return strata if isinstance(strata, Undefined) else crossed_interval(strata, confidence)


def level_row(quantity: ShiftQuantity, view: Seen, confidence: float, source: str | None = None) -> Estimate:
    """A quantity of a set, or of one source of it."""
    where = Where(quantity, view.variant, view.test_set, view.path, source)
    return estimate_row(where, outcome(level(quantity, view), confidence))


def contrast_row(
    quantity: ShiftQuantity,
    view: Seen,
    other: Seen,
    confidence: float,
    source: str | None = None,
    *,
    family: str | None = None,
) -> ControlContrast:
    """A set less another of the same images, as one variant decided of them."""
    found = outcome(difference(quantity, view, other), confidence)
    where = Where(quantity, view.variant, view.test_set, view.path, source)
    place = other.test_set if source is None else f"{other.test_set}:{source}"
    family = family or f"{quantity}, {view.variant}, {place}, pipelines"
    return control_contrast(where, found, family, versus_test_set=other.test_set)


def control_contrast(
    where: Where, found: CrossedInterval | Undefined, family: str, *, versus_test_set: str | None
) -> ControlContrast:
    """A row of a difference; its p is that of the quoted interval."""
    p = quoted_p(found) if isinstance(found, CrossedInterval) and found.low is not None else None
    labels = {"p": p, "family": family, "versus_test_set": versus_test_set}
    return ControlContrast.model_validate(estimate_row(where, found).model_dump() | labels)


def places(study: StudyCard, test_set: str, view: Seen) -> Iterator[tuple[ShiftQuantity, str | None]]:
    """What is given of a set: the three quantities of the whole, then each source's own, in the card's order."""
    yield from ((quantity, None) for quantity in SHIFT_QUANTITIES)
    card = next(card for card in study.test_sets if card.name == test_set)
    for source in card.sources:
        labels = view.labels[view.sources == source.name]
        if (labels == 0).any():
            yield "specificity", source.name
        if (labels == 1).any():
            yield "recall", source.name


def pick(view: Seen, source: str | None) -> Seen:
    """The images of one source; all of them where it is None."""
    return view if source is None else view.where(np.asarray(view.sources == source, dtype=bool))


def _parts(index: ControlIndex, base: str, names: Sequence[str], inside: str, confidence: float) -> Iterator[ShiftPart]:
    made: dict[str, dict[tuple[str, str, ShiftQuantity], Strata]] = {}
    paths = {card.name: card.path for card in index.study.variants}
    for variant in paths:
        within, out = index.base(variant, inside), index.base(variant, base)
        found: dict[tuple[str, str, ShiftQuantity], Strata] = {}
        for quantity in SHIFT_QUANTITIES:
            same = np.isin(out.image_ids.astype(str), sorted(index.same)) if index.same else None
            found |= {
                (part, base, quantity): strata for part, strata in static_parts(quantity, within, out, same).items()
            }
        for name in names:
            view = paired(out, index.control(variant, name))[1]
            for quantity in SHIFT_QUANTITIES:
                found["loss", name, quantity] = joined(level(quantity, within), level(quantity, view, -1.0))
                if name != base:
                    found["pipeline", name, quantity] = difference(quantity, out, view)
        made[variant] = found
    baseline = index.study.baseline
    for variant, parts in made.items():
        for versus in (None, *((baseline,) if variant != baseline else ())):
            for (part, name, quantity), strata in parts.items():
                shown = strata if versus is None else minus(strata, made[versus][part, name, quantity])
                where = Where(quantity, variant, name, "own" if versus else paths[variant], versus=versus)
                row = estimate_row(where, outcome(shown, confidence)).model_dump()
                yield ShiftPart.model_validate(row | {"part": part, "p": None})


def static_parts(
    quantity: ShiftQuantity, within: Seen, out: Seen, same: NDArray[np.bool_] | None
) -> dict[Literal["corpus", "generator"], Strata]:
    """Corpus and generator shift of a quantity at the test set's own pipeline, as strata.

    Args:
        quantity: what is parted.
        within: the in-sample set.
        out: the out-of-sample set at its own pipeline.
        same: (I,) which images of `out` are fakes of the training generator; None where no such are known.
    """
    corpus: list[Strata] = []
    generator: list[Strata] = []
    for label, weight in TERMS[quantity]:
        name: ShiftQuantity = "recall" if label else "specificity"
        fall = joined(level(name, within, weight), level(name, out, -weight))
        if label == 0:
            corpus.append(fall)
        elif same is None:
            generator.append(fall)
            if quantity == "recall":
                corpus.append(Undefined(NO_SAME, len(out.right), 0))
        else:
            fakes = out.labels == 1
            alike, others = out.where(fakes & same), out.where(fakes & ~same)
            corpus.append(joined(level(name, within, weight), level(name, alike, -weight)))
            if not others.labels.size:
                generator.append(Undefined(ALL_SAME, len(out.right), 0))
                continue
            # rec(same) - rec(out) = share of the others × (rec(same) - rec(others)), exactly
            share = weight * len(others.labels) / int(fakes.sum())
            generator.append(joined(level(name, alike, share), level(name, others, -share)))
    found: dict[Literal["corpus", "generator"], Strata] = {}
    if corpus:
        found["corpus"] = joined(*corpus)
    if generator:
        found["generator"] = joined(*generator)
    return found


def joined(*parts: Strata) -> Strata:
    """A sum's strata: those of all its parts, or the first reason why one is not defined."""
    groups: list[Stratum] = []
    for part in parts:
        if isinstance(part, Undefined):
            return part
        groups += part
    return tuple(groups)


def minus(first: Strata, second: Strata) -> Strata:
    """The difference first - second of two variants, value by value: the same images and weights."""
    for side in (first, second):
        if isinstance(side, Undefined):
            return side
    assert not isinstance(first, Undefined)
    assert not isinstance(second, Undefined)
    return tuple(Stratum(a.values - b.values, a.weight) for a, b in zip(first, second, strict=True))


def _less(first: Seen, second: Seen) -> Seen:
    return Seen(
        first.variant, first.test_set, first.path, first.right - second.right, first.labels, first.sources,
        first.image_ids,
    )  # fmt: skip


def mean_of(views: Iterable[Seen]) -> Seen:
    """The mean decision over several sets of the same images in one order."""
    first, *others = views
    total = np.sum([first.right, *(view.right for view in others)], axis=0)
    return Seen(
        first.variant, first.test_set, first.path, total / (1 + len(others)), first.labels, first.sources,
        first.image_ids,
    )  # fmt: skip
