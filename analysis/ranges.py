"""What values a quantity can have, and limits of levels that stay within them.

The crossed interval is symmetric around its estimate, so that near the end of a quantity's range it can hold values
that the quantity cannot have, such as an accuracy of 101 %. These are cut off what is quoted of *levels*: no value that
is possible is lost, and coverage stays what it is. Standard errors, degrees of freedom and p are of the uncut interval,
and differences are never cut. A bound lies inside the range, so that an interval cut leaves it out exactly where the
uncut one does.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeVar

from analysis.dispersion import MEASURES
from analysis.metrics import QUANTITIES

if TYPE_CHECKING:
    # The summary holds verdicts on claims, whose bounds are checked with what stands here.
    from analysis.summary import Estimate

Level = TypeVar("Level", bound="Estimate")

_UNBOUNDED = (-math.inf, math.inf)
_CORRELATION = (-1.0, 1.0)

_RANGES: dict[str, tuple[float, float]] = {
    **dict.fromkeys((*QUANTITIES, *MEASURES), (0.0, 1.0)),
    "mcc": _CORRELATION,
    "log_loss": (0.0, math.inf),
    # √(3(h - 1)/(h + 1)) for maps of h × h, whatever h is.
    "spread": (0.0, math.sqrt(3)),
    "regions": (0.0, math.inf),
    "region_share": (0.0, 1.0),
    **dict.fromkeys(("similarity", "seed_agreement", "variant_agreement"), _CORRELATION),
}
_CORRELATED = ("_spearman", "_rank_biserial")
"""How the names of relations to decisions end."""


def range_of(quantity: str) -> tuple[float, float]:
    """The smallest and the largest value that a quantity can have; infinite where there is none, or it is not known.

    >>> range_of("accuracy"), range_of("mcc"), range_of("log_loss"), range_of("gini_confidence_spearman")
    ((0.0, 1.0), (-1.0, 1.0), (0.0, inf), (-1.0, 1.0))
    """
    if quantity.endswith(_CORRELATED):
        return _CORRELATION
    return _RANGES.get(quantity, _UNBOUNDED)


def cut_to_range(
    quantity: str, estimate: float | None, low: float | None, high: float | None
) -> tuple[float | None, float | None]:
    """Both limits of a level's interval, not beyond the quantity's range; what is None stays None.

    The estimate stays inside, also where rounding has put it a last digit beyond the range.

    >>> cut_to_range("accuracy", 0.98, 0.95, 1.01), cut_to_range("mcc", -0.9, -1.1, -0.7)
    ((0.95, 1.0), (-1.0, -0.7))
    """
    if estimate is None:
        return low, high
    least, most = range_of(quantity)
    least, most = min(least, estimate), max(most, estimate)
    return None if low is None else max(low, least), None if high is None else min(high, most)


def level_cut(row: Level) -> Level:
    """A level with limits not beyond the range of its quantity."""
    low, high = cut_to_range(row.quantity, row.estimate, row.low, row.high)
    return row if (low, high) == (row.low, row.high) else row.model_copy(update={"low": low, "high": high})


def levels_cut(rows: Iterable[Level]) -> tuple[Level, ...]:
    """Rows of levels in their order, their limits not beyond the range of their quantity."""
    return tuple(map(level_cut, rows))
