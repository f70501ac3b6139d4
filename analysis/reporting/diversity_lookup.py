"""Rows of a diversity study by what they are of."""

from __future__ import annotations

from analysis.diversity_summary import HELD_OUT, IN_SAMPLE, Diversity, DiversityContrast, DiversityEstimate
from analysis.reporting.quantities import NBSP


class DiversityLookup:
    """The rows of a study, found by quantity, variant, k, place and source."""

    def __init__(self, found: Diversity) -> None:
        self.found = found
        self.variants = tuple(card.name for card in found.study.variants)
        self.sizes = tuple(sorted({len(each.generators) for each in found.study.mixtures}))
        self._levels = {(row.quantity, row.variant, row.k, row.test_set, row.source): row for row in found.levels}
        self._mixtures = {(row.variant, row.mixture, row.test_set): row for row in found.mixtures}
        self._contrasts = {
            (row.kind, row.quantity, row.variant, row.k, row.versus, row.test_set, row.source): row
            for row in found.contrasts
        }

    def level(
        self, quantity: str, variant: str, k: int, place: str, source: str | None = None
    ) -> DiversityEstimate | None:
        """An arm's quantity at a place."""
        return self._levels.get((quantity, variant, k, place, source))

    def mixture(self, variant: str, mixture: str, place: str) -> DiversityEstimate | None:
        """The headline of one mixture at a place."""
        return self._mixtures.get((variant, mixture, place))

    def gain(
        self, quantity: str, variant: str, k: int, place: str, source: str | None = None
    ) -> DiversityContrast | None:
        """What a variant gains from k generators in place of one."""
        return self._contrasts.get(("diversity", quantity, variant, k, variant, place, source))

    @property
    def most(self) -> int:
        """The largest number of generators."""
        return self.sizes[-1]

    @property
    def level_text(self) -> str:
        """The confidence level, `95 %`."""
        return f"{self.found.confidence * 100:g}{NBSP}%"

    def label(self, place: str) -> str:
        """What a place is called."""
        if place == HELD_OUT:
            return "mean over held-out generators"
        if place == IN_SAMPLE:
            return "in-sample"
        names = {card.test_set: card.name for card in self.found.study.generators}
        return f"held out: {names[place]}" if place in names else place
