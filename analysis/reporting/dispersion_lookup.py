"""Finding what a summary says of saliency maps: by measure, variant, place, part of a test set, and null."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypedDict, Unpack

from analysis.dispersion import HIGH_IS_CONCENTRATED, MEASURES
from analysis.dispersion_points import CLASSIFIER_POINT, IMAGE_POINT, POINTS_PATH, SHARE
from analysis.map_checks import MAIN_METHOD
from analysis.reporting.lookup import Lookup
from analysis.reporting.quantities import Kind, Number, number
from analysis.reporting.sides import decide_side
from analysis.summary import Estimate, TestSetCard
from analysis.verdicts import Verdict

NO_GRADIENT = ("jpeg",)
"""Paths through which no gradient reaches the image."""

Says = str
"""`more dispersed`, `more concentrated`, `not told apart`, or `not defined`."""

DISPERSED, CONCENTRATED, OPEN, UNDEFINED = "more dispersed", "more concentrated", "not told apart", "not defined"


class Part(TypedDict, total=False):
    """What else a row is of: the variant that is subtracted, and the part of the test set; all of it without one."""

    versus: str | None
    source: str | None
    subset: str | None


@dataclass(frozen=True)
class Maps:
    """The rows of a summary that are about maps. A `where` is `<method>.<point>`, of a null `<method>.<point>~<state>`.

    Where a variant has no map at the classifier's input, since nothing stands before its classifier, its map at the
    image is meant.
    """

    lookup: Lookup

    @cached_property
    def _rows(self) -> dict[str, Estimate]:
        summary = self.lookup.summary
        tables: tuple[tuple[Estimate, ...], ...] = (
            summary.dispersion,
            summary.dispersion_contrasts,
            summary.dispersion_parts,
            summary.agreement,
            summary.faithfulness,
        )
        return {row.id: row for table in tables for row in table}

    @property
    def cards(self) -> tuple[TestSetCard, ...]:
        """The quoted test sets with measured maps."""
        return tuple(card for card in self.lookup.quoted if self.lookup.wheres(card.name))

    def methods(self, card: TestSetCard) -> tuple[str, ...]:
        """The methods run on a test set, the main one first."""
        found = dict.fromkeys(where.rpartition(".")[0] for where in self.lookup.wheres(card.name))
        return tuple(sorted(found, key=lambda name: name != self.main))

    @cached_property
    def main(self) -> str:
        """The method that stands for all where one must."""
        names = sorted({where.rpartition(".")[0] for card in self.cards for where in self.lookup.wheres(card.name)})
        return MAIN_METHOD if MAIN_METHOD in names or not names else names[0]

    def wheres(self, card: TestSetCard, method: str | None = None) -> tuple[str, ...]:
        """The places of a method's maps (by default the main one's) on a test set, the image first."""
        own = [where for where in self.lookup.wheres(card.name) if where.rpartition(".")[0] == (method or self.main)]
        behind = self._behind(card, method or self.main)
        if behind and not any(
            row_id("gini", variant, card, f"{method or self.main}.{IMAGE_POINT}") in self._rows for variant in behind
        ):
            # What has one map for both points, as Grad-CAM's, has it at the classifier's input.
            own = [where for where in own if not where.endswith(f".{IMAGE_POINT}")]
        return tuple(sorted(own, key=lambda where: not where.endswith(f".{IMAGE_POINT}")))

    def preprocessed(self, card: TestSetCard) -> tuple[str, ...]:
        """The variants whose maps differ between the two points, in the study's order."""
        found = {row.variant for row in self.lookup.summary.dispersion_contrasts if row.path.endswith(POINTS_PATH)}
        return tuple(name for name in self.lookup.variants if name in found and self.wheres(card))

    def states(self, card: TestSetCard) -> tuple[str, ...]:
        """The nulls of the main method, untrained first, then randomised from the logit down to the first layer."""
        paths = {row.path for row in self.lookup.summary.dispersion if row.test_set == card.name and "~" in row.path}
        found = {path.partition("~")[2] for path in paths if path.startswith(f"{self.main}.")}
        # Layers nearer to the logit are randomised first, and have the higher numbers: dense2, dense1, conv2, conv1.
        return tuple(sorted(sorted(found, reverse=True), key=lambda state: (state != "untrained", "conv" in state)))

    def row(self, quantity: str, variant: str, card: TestSetCard, where: str, **part: Unpack[Part]) -> Estimate | None:
        """A row by what it is; see `row_id`."""
        found = self._rows.get(row_id(quantity, variant, card, where, **part))
        point, _, state = where.rpartition(".")[2].partition("~")
        method = where.rpartition(".")[0]
        if (
            found is None
            and point == CLASSIFIER_POINT
            and not {variant, part.get("versus")} & self._behind(card, method)
        ):
            there = f"{method}.{IMAGE_POINT}" + (f"~{state}" if state else "")
            found = self._rows.get(row_id(quantity, variant, card, there, **part))
        return found

    def _behind(self, card: TestSetCard, method: str) -> set[str]:
        """The variants with trained maps of their own at the classifier's input."""
        return {
            row.variant
            for row in self.lookup.summary.dispersion
            if row.test_set == card.name and row.path == f"{method}.{CLASSIFIER_POINT}"
        }

    def number(self, quantity: str, variant: str, card: TestSetCard, where: str, **part: Unpack[Part]) -> Number:
        """The same as text; what the summary does not hold keeps its id."""
        kind: Kind = "plain" if part.get("versus") is None else "difference"
        absent = row_id(quantity, variant, card, where, **part)
        row = self.row(quantity, variant, card, where, **part)
        found = number(row, kind=kind, absent=absent)
        at_image = where.rpartition(".")[2].partition("~")[0] == IMAGE_POINT
        paths = (self.lookup.own_paths.get(name) for name in (variant, part.get("versus") or ""))
        if at_image and (row is None or row.estimate is None) and any(path in NO_GRADIENT for path in paths):
            return replace(found, reason="no gradient at the image through JPEG")
        return found

    def measures(self, card: TestSetCard) -> tuple[str, ...]:
        """The measures of maps that a test set has, in their order; salient regions behind them."""
        held = {row.quantity for row in self.lookup.summary.dispersion if row.test_set == card.name}
        return tuple(name for name in (*MEASURES, "regions", "region_share") if name in held)

    def share(self, variant: str, card: TestSetCard, measure: str = "gini") -> Estimate | None:
        """What remains at the classifier's input of a variant's difference to the baseline."""
        where = f"{self.main}.{CLASSIFIER_POINT}"
        return self.row(f"{measure}_{SHARE}", variant, card, where, versus=self.lookup.baseline)

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """The claims about dispersion."""
        return tuple(verdict for verdict in self.lookup.verdicts if verdict.quantity in MEASURES)

    def says(self, row: Estimate | None) -> Says:
        """What a difference says, decided as all such words are (`analysis.reporting.sides.decide_side`)."""
        side = decide_side(row, self.lookup.alpha)
        if row is None or side == "undefined":
            return UNDEFINED
        if side == "open":
            return OPEN
        return DISPERSED if (side == "below") == (row.quantity in HIGH_IS_CONCENTRATED) else CONCENTRATED


def row_id(quantity: str, variant: str, card: TestSetCard, where: str, **part: Unpack[Part]) -> str:
    """The id of a row, whether the summary holds it or not."""
    return Estimate(
        quantity=quantity,
        variant=variant,
        test_set=card.name,
        path=where,
        estimate=None,
        n_seeds=0,
        n_images=0,
        **part,
    ).id


def state_label(state: str) -> str:
    """`randomised-conv2` → `randomised down to conv2`; nothing is `trained`."""
    if not state:
        return "trained"
    layer = state.removeprefix("randomised-")
    return state if layer == state else f"randomised down to {layer}"
