"""Finding what a summary says of control sets: pipelines, parts of the loss, corruptions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from analysis.reporting.lookup import Lookup
from analysis.reporting.quantities import NBSP
from analysis.summary import ControlCard, ControlContrast, Estimate, ShiftPart, TestSetCard

KERNELS = ("nearest", "box", "bilinear", "bicubic", "lanczos")
"""In the order of tables: from one pixel to many."""

WITHOUT = {"jpeg": 101.0, "blur": 0.0, "noise": 0.0, "resize": 1.0, "crop": 1.0, "brightness": 1.0}
"""The level at which a corruption would change nothing (of JPEG, beyond the best quality)."""

FALLING = ("jpeg", "resize", "crop")
"""Corruptions that are the stronger, the lower their level."""

CORRUPTION_LABELS = {
    "jpeg": ("JPEG", "quality"),
    "blur": ("blur", "σ, px"),
    "noise": ("noise", "standard deviation"),
    "resize": ("down and up", "share of the side"),
    "crop": ("crop", "share of the side"),
    "brightness": ("brightness", "factor"),
}
"""Corruption → what it is called, and what its level is."""


@dataclass(frozen=True)
class Shift:
    """A summary's rows of control sets by their keys; an absent row is `None`."""

    lookup: Lookup

    @cached_property
    def _metrics(self) -> dict[tuple[str, str, str, str | None], Estimate]:
        rows = self.lookup.summary.control_metrics
        return {(row.quantity, row.variant, row.test_set, row.source): row for row in rows}

    @cached_property
    def _contrasts(self) -> dict[tuple[str, str, str | None, str, str | None], ControlContrast]:
        rows = (row for row in self.lookup.summary.control_contrasts if row.source is None)
        return {(row.quantity, row.variant, row.versus, row.test_set, row.versus_test_set): row for row in rows}

    @cached_property
    def _parts(self) -> dict[tuple[str, str, str, str], ShiftPart]:
        rows = (row for row in self.lookup.summary.shift if row.versus is None)
        return {(row.part, row.quantity, row.variant, row.test_set): row for row in rows}

    def bases(self, kind: str) -> tuple[TestSetCard, ...]:
        """The quoted test sets that have control sets of a kind."""
        held = {card.base for card in self.lookup.summary.control_sets if card.kind == kind}
        return tuple(card for card in self.lookup.quoted if card.name in held)

    def pipelines(self, base: str) -> tuple[ControlCard, ...]:
        """The pipelines of a test set: re-encoded first, kernels in a fixed order."""
        found = [c for c in self.lookup.summary.control_sets if (c.base, c.kind) == (base, "pipeline")]
        return tuple(sorted(found, key=lambda card: (not card.reencode, kernel_order(str(card.kernel)))))

    def corruptions(self, base: str) -> tuple[str, ...]:
        """The corruptions of a test set, in the order recorded."""
        found = (c for c in self.lookup.summary.control_sets if (c.base, c.kind) == (base, "corruption"))
        return tuple(dict.fromkeys(str(card.corruption) for card in found))

    def levels(self, base: str, corruption: str) -> tuple[tuple[str, str], ...]:
        """(label, test set of the row) of a curve's points: the uncorrupted images among the levels, mildest first."""
        found = [c for c in self.lookup.summary.control_sets if (c.base, c.corruption) == (base, corruption)]
        points = [(float(card.level or 0.0), f"{card.level:g}", card.name) for card in found]
        points.append((WITHOUT.get(corruption, 0.0), "none", f"{base}~none"))
        ordered = sorted(points, reverse=corruption in FALLING)
        return tuple((label, name) for _, label, name in ordered)

    def metric(self, quantity: str, variant: str, test_set: str, source: str | None = None) -> Estimate | None:
        """A quantity on a control set, or its mean over a corruption's levels (`<test set>~<corruption>`)."""
        return self._metrics.get((quantity, variant, test_set, source))

    def contrast(
        self, quantity: str, variant: str, test_set: str, *, versus: str | None = None, base: str | None = None
    ) -> ControlContrast | None:
        """A difference to another variant, to another test set, or of both."""
        return self._contrasts.get((quantity, variant, versus, test_set, base))

    def part(self, part: str, quantity: str, variant: str, test_set: str) -> ShiftPart | None:
        """A part of the loss of a variant."""
        return self._parts.get((part, quantity, variant, test_set))


def kernel_order(kernel: str) -> tuple[int, str]:
    """What kernels are sorted by."""
    return (KERNELS.index(kernel) if kernel in KERNELS else len(KERNELS), kernel)


def pipeline_label(card: ControlCard) -> str:
    """`nearest, JPEG` or `nearest`."""
    return f"{card.kernel}{f',{NBSP}JPEG' if card.reencode else ''}"


def kernels_of(cards: Iterable[ControlCard]) -> tuple[str, ...]:
    """The kernels among pipelines, in the order of tables."""
    return tuple(sorted({str(card.kernel) for card in cards}, key=kernel_order))
