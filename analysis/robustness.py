"""What corruptions do to a detector: curves over their levels, paired with the same images uncorrupted.

A corruption's images are a sample of a test set. Its curve starts at their uncorrupted decisions; its mean over the
levels sums it up in one number, and is compared between variants: absolutely, and as the fall from uncorrupted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from analysis.build_contrasts import pairs_of
from analysis.control_frames import ControlIndex, Seen, paired
from analysis.estimates import Where
from analysis.multiplicity import with_holm
from analysis.shift import (
    SHIFT_QUANTITIES,
    contrast_row,
    control_contrast,
    difference,
    level,
    level_row,
    mean_of,
    minus,
    outcome,
)
from analysis.summary import ControlCard, ControlContrast, Estimate

NONE = "none"
"""In the place of a corruption: the same images without."""


@dataclass(frozen=True)
class RobustnessRows:
    """What `corruption_rows` finds."""

    metrics: tuple[Estimate, ...] = ()
    contrasts: tuple[ControlContrast, ...] = ()


@dataclass(frozen=True)
class _Curve:
    """One variant under one corruption: uncorrupted, at each level, and the mean over levels; the same images."""

    clean: Seen
    levels: tuple[Seen, ...]
    mean: Seen


def corruption_rows(index: ControlIndex, confidence: float) -> RobustnessRows:
    """Metrics at every level of every corruption, their means over levels, and paired differences.

    Rows of a level have the control set's name as `test_set`, means `<test set>~<corruption>`, and the uncorrupted
    sample `<test set>~none`. Differences are to the uncorrupted images (Holm over the levels of a corruption, and over
    corruptions for means), and between every two variants of the means over levels and of their falls (Holm over the
    pairs); those between variants are of balanced accuracy.
    """
    metrics: list[Estimate] = []
    contrasts: list[ControlContrast] = []
    for base in index.bases("corruption"):
        cards = index.of(base, "corruption")
        curves = _curves(index, base, cards)
        corruptions = list(dict.fromkeys(str(card.corruption) for card in cards))
        for variant in (card.name for card in index.study.variants):
            mine = {corruption: curves[variant, corruption] for corruption in corruptions}
            for quantity in SHIFT_QUANTITIES:
                metrics.append(level_row(quantity, next(iter(mine.values())).clean, confidence))
                means = []
                for corruption, curve in mine.items():
                    family = f"{quantity}, {variant}, {base}, {corruption}"
                    clean = replace(curve.clean, test_set=base)
                    metrics += [level_row(quantity, view, confidence) for view in (*curve.levels, curve.mean)]
                    contrasts += with_holm(
                        [contrast_row(quantity, view, clean, confidence, family=family) for view in curve.levels]
                    )
                    family = f"{quantity}, {variant}, {base}, means over levels"
                    means.append(contrast_row(quantity, curve.mean, clean, confidence, family=family))
                contrasts += with_holm(means)
        for corruption in corruptions:
            contrasts += _pairs(index, base, corruption, curves, confidence)
    return RobustnessRows(tuple(metrics), tuple(contrasts))


def _curves(index: ControlIndex, base: str, cards: Sequence[ControlCard]) -> dict[tuple[str, str], _Curve]:
    found: dict[tuple[str, str], _Curve] = {}
    for variant in (card.name for card in index.study.variants):
        own = index.base(variant, base)
        for corruption in dict.fromkeys(str(card.corruption) for card in cards):
            levels = tuple(index.control(variant, card.name) for card in cards if card.corruption == corruption)
            cleans = [paired(view, own)[1] for view in levels]
            mean = replace(mean_of(levels), test_set=f"{base}~{corruption}")
            found[variant, corruption] = _Curve(replace(cleans[0], test_set=f"{base}~{NONE}"), levels, mean)
    return found


def _pairs(
    index: ControlIndex,
    base: str,
    corruption: str,
    curves: dict[tuple[str, str], _Curve],
    confidence: float,
) -> Iterator[ControlContrast]:
    names = [card.name for card in index.study.variants]
    for fall in (False, True):
        rows = []
        for variant, versus in pairs_of(names, index.study.baseline):
            sides = [curves[name, corruption] for name in (variant, versus)]
            first, second = (
                difference("balanced_accuracy", side.mean, side.clean)
                if fall
                else level("balanced_accuracy", side.mean)
                for side in sides
            )
            where = Where("balanced_accuracy", variant, f"{base}~{corruption}", "own", versus=versus)
            family = f"balanced_accuracy, {base}, {corruption}, pairs" + (" of falls" if fall else "")
            found = outcome(minus(first, second), confidence)
            rows.append(control_contrast(where, found, family, versus_test_set=base if fall else None))
        yield from with_holm(rows)
