"""One comparison, and how its largest difference is taken."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

Pairs = Callable[[], Iterable[tuple[ArrayLike, ArrayLike]]]


@dataclass(frozen=True)
class Golden:
    """A function of `analysis`, what it is compared with, and how far the two may lie apart.

    `pairs` yields (ours, reference), one pair of numbers or arrays per case.
    """

    function: str
    reference: str
    tolerance: float
    pairs: Pairs

    def measured(self) -> tuple[int, float]:
        """The number of cases and the largest absolute difference among them."""
        count, worst = 0, 0.0
        for ours, theirs in self.pairs():
            count, worst = count + 1, max(worst, difference(ours, theirs))
        return count, worst


_REGISTRY: list[Golden] = []


def golden(function: str, reference: str, tolerance: float) -> Callable[[Pairs], Pairs]:
    """Register a generator of pairs as a comparison."""

    def register(pairs: Pairs) -> Pairs:
        _REGISTRY.append(Golden(function, reference, tolerance, pairs))
        return pairs

    return register


def found_in(module: str) -> Iterator[Golden]:
    """The comparisons that a module registered, in its order."""
    return (case for case in _REGISTRY if case.pairs.__module__ == module)


def difference(ours: ArrayLike, theirs: ArrayLike) -> float:
    """The largest absolute difference; two NaN or two None agree, one beside a number is infinitely far from it.

    Raises:
        ValueError: the shapes differ, or there is nothing to compare.
    """
    a, b = (np.asarray(values, dtype=np.float64) for values in (ours, theirs))
    if a.shape != b.shape or not a.size:
        raise ValueError(f"shapes {a.shape} and {b.shape}: need the same, with a number or more")
    equal = (a == b) | (np.isnan(a) & np.isnan(b))
    return float(np.nan_to_num(np.abs(np.where(equal, 0.0, a) - np.where(equal, 0.0, b)), nan=np.inf).max())


def as_printed(value: float, printed: str) -> tuple[float, float]:
    """Our value rounded to the decimals that a reference printed, and what it printed."""
    mantissa, _, exponent = printed.partition("e")
    decimals = len(mantissa.partition(".")[2]) - int(exponent or 0)
    return round(value, decimals), float(printed)
