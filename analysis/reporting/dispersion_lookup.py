"""Finding what a summary says of saliency maps: by measure, variant, place, part of a test set, and null."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from analysis.dispersion import HIGH_IS_CONCENTRATED, MEASURES
from analysis.dispersion_points import CLASSIFIER_POINT, IMAGE_POINT, POINTS_PATH, SHARE
from analysis.map_checks import MAIN_METHOD
from analysis.reporting.lookup import Lookup
from analysis.reporting.quantities import Number, number
from analysis.summary import Contrast, Estimate, TestSetCard
from analysis.verdicts import Verdict

Says = str
"""`more dispersed`, `more concentrated`, `not told apart`, or `not defined`."""

DISPERSED, CONCENTRATED, OPEN, UNDEFINED = "more dispersed", "more concentrated", "not told apart", "not defined"


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

    def row(
        self,
        quantity: str,
        variant: str,
        card: TestSetCard,
        where: str,
        *,
        versus: str | None = None,
        source: str | None = None,
        subset: str | None = None,
    ) -> Estimate | None:
        """A row by what it is; see `row_id`."""
        keys = {"versus": versus, "source": source, "subset": subset}
        found = self._rows.get(row_id(quantity, variant, card, where, **keys))
        point, _, state = where.rpartition(".")[2].partition("~")
        method = where.rpartition(".")[0]
        if found is None and point == CLASSIFIER_POINT and not {variant, versus} & self._behind(card, method):
            there = f"{method}.{IMAGE_POINT}" + (f"~{state}" if state else "")
            found = self._rows.get(row_id(quantity, variant, card, there, **keys))
        return found

    def _behind(self, card: TestSetCard, method: str) -> set[str]:
        """The variants with trained maps of their own at the classifier's input."""
        return {
            row.variant
            for row in self.lookup.summary.dispersion
            if row.test_set == card.name and row.path == f"{method}.{CLASSIFIER_POINT}"
        }

    def number(
        self,
        quantity: str,
        variant: str,
        card: TestSetCard,
        where: str,
        *,
        versus: str | None = None,
        source: str | None = None,
        subset: str | None = None,
    ) -> Number:
        """The same as text; what the summary does not hold keeps its id."""
        row = self.row(quantity, variant, card, where, versus=versus, source=source, subset=subset)
        absent = row_id(quantity, variant, card, where, versus=versus, source=source, subset=subset)
        return number(row, kind="plain" if versus is None else "difference", absent=absent)

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
        """What a difference says, by Holm's p where its family has one, else by whether its interval leaves zero."""
        if row is None or row.estimate is None or row.low is None or row.high is None:
            return UNDEFINED
        p = row.p_holm if isinstance(row, Contrast) and row.p_holm is not None else None
        told = p < self.lookup.alpha if p is not None else row.low > 0 or row.high < 0
        if not told:
            return OPEN
        return DISPERSED if (row.estimate < 0) == (row.quantity in HIGH_IS_CONCENTRATED) else CONCENTRATED


def row_id(
    quantity: str,
    variant: str,
    card: TestSetCard,
    where: str,
    *,
    versus: str | None = None,
    source: str | None = None,
    subset: str | None = None,
) -> str:
    """The id of a row, whether the summary holds it or not."""
    return Estimate(
        quantity=quantity,
        variant=variant,
        versus=versus,
        test_set=card.name,
        source=source,
        subset=subset,
        path=where,
        estimate=None,
        n_seeds=0,
        n_images=0,
    ).id


def state_label(state: str) -> str:
    """`randomised-conv2` → `randomised down to conv2`; nothing is `trained`."""
    if not state:
        return "trained"
    layer = state.removeprefix("randomised-")
    return state if layer == state else f"randomised down to {layer}"
