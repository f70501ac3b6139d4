"""Dispersion of saliency maps: means per variant and point, and the differences of every pair of variants."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import product

from analysis.dispersion_points import (
    CLASSIFIER_POINT,
    IMAGE_POINT,
    point_differences,
    remaining_shares,
)
from analysis.dispersion_rows import WHOLE, contrast_row, crossed_outcome
from analysis.dispersion_subsets import SMALLEST_PART, OwnDecisions, parts, variant_pairs
from analysis.estimates import Undefined, Where, estimate_row, seed_rows
from analysis.frames import ImageTable
from analysis.intervals import CrossedInterval
from analysis.map_checks import main_method
from analysis.map_frames import TRAINED, MapCell, place_name
from analysis.map_relations import relations
from analysis.multiplicity import with_holm
from analysis.summary import Contrast, Estimate, MapCount, SeedValue, StudyCard, TestSetCard

_Place = tuple[str, str, str, str]  # test set, method, state, point
_Key = tuple[str, str, str, str, str]  # a place and a variant


PART_MEASURES = ("gini", "entropy")
"""Measures that are given for each source and class, and compared for nulls and for parts by other methods than the
main one; of the others the whole test set must do, or a summary would hold tens of thousands of rows."""


@dataclass(frozen=True)
class DispersionRows:
    """The rows that maps give to a summary."""

    dispersion: tuple[Estimate, ...]
    contrasts: tuple[Contrast, ...]
    parts: tuple[Estimate, ...]
    seed_values: tuple[SeedValue, ...]
    counts: tuple[MapCount, ...]


def build_dispersion(
    cells: Iterable[MapCell],
    images: ImageTable,
    study: StudyCard,
    confidence: float,
    decisions: OwnDecisions | None = None,
) -> DispersionRows:
    """Means of every measure with their intervals, its relations to decisions, and contrasts.

    An image whose map is excluded for one seed is left out for all seeds, and out of a contrast if it is excluded
    for either variant. Images are sampled by label, so labels are strata where each has two images or more.

    Contrasts (`variant` - `versus`, see `variant_pairs`) are given for every pair of variants on the whole test set
    and on its `parts`, at every method and point; a part with fewer than `SMALLEST_PART` images says so. Where a
    variant has no map at the classifier's input, its map at the image is one, since nothing stands between; a pair
    without any map of its own at a point has no row there. Beside them stand each variant's own difference between
    the two points, and what remains at the second of its difference to the baseline (`analysis.dispersion_points`).
    p is adjusted by Holm's method within a family: one measure, the same images, method and point, all pairs.

    Means of `PART_MEASURES` are also given for each of several sources, and for each class.

    Maps of other states than `trained` are rows of their own, at `<method>.<point>~<state>`: means, and contrasts on
    whole test sets of the pairs that both have them, by `PART_MEASURES`. By methods other than the main one
    (`analysis.map_checks.main_method`), parts of a test set are compared by these measures as well.

    Args:
        cells: from `analysis.map_frames.index_maps`.
        images: the image table that the cells point into.
        study: gives the order of all rows.
        confidence: coverage of all intervals, between 0 and 1.
        decisions: what every variant said of the images; without it there are no correct and wrong decisions and no
            relations to them.
    """
    by_key = {_key(cell): cell for cell in cells}
    found = _Maps(by_key, images, study, confidence, decisions, main_method(by_key.values()))
    ordered = found.ordered()
    rows = [row for cell in ordered for row in (*found.means(cell), *found.relations(cell))]
    by_part = [row for cell in ordered if cell.state == TRAINED for row in found.part_means(cell)]
    contrasts = with_holm([*found.pairs(), *found.point_differences()])
    return DispersionRows(
        dispersion=tuple(row for row, _ in rows),
        contrasts=(*contrasts, *found.shares(contrasts)),
        parts=tuple(row for row, _ in by_part),
        seed_values=tuple(value for _, values in (*rows, *by_part) for value in values),
        counts=tuple(_count(cell) for cell in ordered),
    )


def _key(cell: MapCell) -> _Key:
    return (cell.test_set, cell.method, cell.state, cell.point, cell.variant)


def _count(cell: MapCell) -> MapCount:
    return MapCount(
        variant=cell.variant,
        test_set=cell.test_set,
        method=cell.method,
        point=cell.place,
        measured=cell.total - cell.excluded,
        excluded=cell.excluded,
    )


@dataclass(frozen=True)
class _Maps:
    """The cells by key, and what all rows are made with."""

    cells: dict[_Key, MapCell]
    images: ImageTable
    study: StudyCard
    confidence: float
    decisions: OwnDecisions | None
    main: str | None

    def ordered(self) -> list[MapCell]:
        """By test set, method, state (trained first), variant and point (the image first)."""
        sets = [card.name for card in self.study.test_sets]
        variants = [card.name for card in self.study.variants]
        return sorted(
            self.cells.values(),
            key=lambda cell: (
                sets.index(cell.test_set),
                cell.method,
                cell.state != TRAINED,
                cell.state,
                variants.index(cell.variant),
                cell.point != IMAGE_POINT,
                cell.point,
            ),
        )

    def means(self, cell: MapCell) -> Iterator[tuple[Estimate, list[SeedValue]]]:
        """The mean of every measure, with the values of its seeds."""
        labels = self.images.labels[cell.image_rows]
        for measure, values in cell.measures.items():
            where = Where(measure, cell.variant, cell.test_set, f"{cell.method}.{cell.place}")
            outcome = crossed_outcome(values, labels, self.confidence)
            per_seed = outcome.per_seed if isinstance(outcome, CrossedInterval) else None
            yield estimate_row(where, outcome), list(seed_rows(where, cell.seeds, per_seed, outcome.reason))

    def part_means(self, cell: MapCell) -> Iterator[tuple[Estimate, list[SeedValue]]]:
        """The means of a cell by source, where there are several, and by class."""
        card = self._card(cell.test_set)
        labels = self.images.labels[cell.image_rows]
        for part, mask in parts(cell, cell, card, self.images, None):
            if part == WHOLE or (part.source is not None and len(card.sources) == 1):
                continue
            for measure in (name for name in PART_MEASURES if name in cell.measures):
                where = Where(measure, cell.variant, cell.test_set, f"{cell.method}.{cell.place}", part.source)
                outcome = crossed_outcome(cell.measures[measure][:, mask], labels[mask], self.confidence)
                per_seed = outcome.per_seed if isinstance(outcome, CrossedInterval) else None
                values = seed_rows(where, cell.seeds, per_seed, outcome.reason)
                named = {"subset": part.subset}
                yield (
                    estimate_row(where, outcome).model_copy(update=named),
                    [value.model_copy(update=named) for value in values],
                )

    def _card(self, test_set: str) -> TestSetCard:
        return next(card for card in self.study.test_sets if card.name == test_set)

    def relations(self, cell: MapCell) -> Iterator[tuple[Estimate, list[SeedValue]]]:
        """How measures go with decisions, by other methods than the main one `PART_MEASURES` alone; a null has none."""
        if cell.method != self.main:
            cell = replace(
                cell, measures={name: cell.measures[name] for name in PART_MEASURES if name in cell.measures}
            )
        if self.decisions is not None and cell.state == TRAINED:
            yield from relations(cell, self.decisions, self.confidence)

    def pairs(self) -> Iterator[Contrast]:
        """The contrasts of all pairs of variants, at every place that one of the two has maps at."""
        places = dict.fromkeys(_key(cell)[:4] for cell in self.ordered())
        for place, (variant, versus) in product(places, variant_pairs(self.study)):
            if (*place, variant) not in self.cells and (*place, versus) not in self.cells:
                continue
            test_set, method, state, point = place
            where = Where("", variant, test_set, f"{method}.{place_name(point, state)}", versus=versus)
            first, second = self._standing(place, variant), self._standing(place, versus)
            if first is not None and second is not None:
                yield from self._differences(first, second, where)
            elif state == TRAINED:
                # Nulls are made of some variants only; of the trained ones all are expected.
                yield from self._missing(first, second, where, f"{method} at {point}")

    def _standing(self, place: _Place, variant: str) -> MapCell | None:
        """A variant's maps at a place; where its classifier sees the image itself, the maps at the image."""
        test_set, method, state, point = place
        own = self.cells.get((*place, variant))
        if own is None and point == CLASSIFIER_POINT:
            return self.cells.get((test_set, method, state, IMAGE_POINT, variant))
        return own

    def _differences(self, first: MapCell, second: MapCell, where: Where) -> Iterator[Contrast]:
        # `index_maps` made sure that both hold the same seeds and images.
        labels = self.images.labels[first.image_rows]
        compared = list(parts(first, second, self._card(where.test_set), self.images, self.decisions))
        for measure in (name for name in first.measures if name in second.measures):
            if first.state != TRAINED and measure not in PART_MEASURES:
                continue
            of_parts = first.state == TRAINED and (measure in PART_MEASURES or first.method == self.main)
            difference = first.measures[measure] - second.measures[measure]
            for part, mask in compared if of_parts else compared[:1]:
                least = 1 if part == WHOLE else SMALLEST_PART
                outcome = crossed_outcome(difference[:, mask], labels[mask], self.confidence, at_least=least)
                yield contrast_row(replace(where, quantity=measure), outcome, part)

    def _missing(self, first: MapCell | None, second: MapCell | None, where: Where, what: str) -> Iterator[Contrast]:
        who, held = (where.variant, second) if first is None else (where.versus, first)
        assert held is not None, "one of the two is there"
        name = "the baseline" if who == self.study.baseline else who
        outcome = Undefined(f"{name} has no maps of {what}", len(held.seeds), 0)
        for measure in held.measures:
            yield contrast_row(replace(where, quantity=measure), outcome)

    def both_points(self) -> Iterator[tuple[MapCell, MapCell]]:
        """The maps at the image and at the classifier's input of every variant that has both."""
        for cell in self.ordered():
            other = self.cells.get((cell.test_set, cell.method, cell.state, CLASSIFIER_POINT, cell.variant))
            if cell.state == TRAINED and cell.point == IMAGE_POINT and other is not None:
                yield cell, other

    def point_differences(self) -> Iterator[Contrast]:
        """Image - classifier's input, of every variant that has both."""
        for at_image, at_input in self.both_points():
            yield from point_differences(at_image, at_input, self.images, self.confidence)

    def shares(self, contrasts: Iterable[Contrast]) -> Iterator[Contrast]:
        """What remains at the classifier's input of every such variant's difference to the baseline."""
        by_id = {row.id: row for row in contrasts}
        for at_image, at_input in self.both_points():
            place = _key(at_image)[:4]
            baseline = self._standing(place, self.study.baseline)
            if at_image.variant == self.study.baseline or baseline is None:
                continue
            beside = self._standing((*place[:3], CLASSIFIER_POINT), self.study.baseline)
            assert beside is not None, "the map at the image stands for it"
            who, path = f"{at_image.variant}-vs-{self.study.baseline}", f"{at_image.method}.{IMAGE_POINT}"
            told = {measure: by_id[f"{measure}/{who}/{at_image.test_set}/{path}"] for measure in at_image.measures}
            yield from remaining_shares((at_image, at_input), (baseline, beside), told, self.images, self.confidence)
