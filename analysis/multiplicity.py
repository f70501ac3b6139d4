"""Several tests at once: families, Holm's correction within each, and whether a sign-flip test can pass it at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from analysis.errors import InputError

if TYPE_CHECKING:
    # The summary holds verdicts, which are made with what stands here.
    from analysis.summary import Contrast, ControlContrast

Difference = TypeVar("Difference", "Contrast", "ControlContrast")
"""A row with a p and a family."""


def holm(p: Sequence[float | None]) -> list[float | None]:
    """Holm's step-down adjusted p of one family, in the order given (Holm, Scand. J. Stat. 6, 1979).

    With p sorted upwards, p̃_(k) = max over j ≤ k of min(1, (m - j + 1) p_(j)): rejecting where p̃ is below α keeps the
    chance of any false rejection in the family at most α, whatever the dependence. A p of None, of a test that is not
    defined, stays None and does not count in m: what cannot reject needs no share of α.

    Raises:
        InputError: a p that is not None lies outside 0 … 1.

    >>> [None if q is None else round(q, 3) for q in holm([0.04, 0.01, None, 0.03])]
    [0.06, 0.03, None, 0.06]
    >>> holm([])
    []
    """
    known = [value for value in p if value is not None]
    for value in known:
        if not 0 <= value <= 1:
            raise InputError(f"p {value}: must lie between 0 and 1, or be None where a test is not defined")
    if not known:
        return [None] * len(p)
    # Not statsmodels' multipletests, which gives the same but collects garbage at every call: 50 ms and more of it.
    values = np.asarray(known, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1)), 1.0)
    in_turn = iter(adjusted.tolist())
    return [None if value is None else next(in_turn) for value in p]


def with_holm(rows: Iterable[Difference]) -> tuple[Difference, ...]:
    """The rows in their order, each p adjusted by `holm` within its family.

    Rows without a p do not count; rows without a family are not adjusted.
    """
    given = tuple(rows)
    families: dict[str, list[int]] = {}
    for position, row in enumerate(given):
        if row.family is not None and row.p is not None:
            families.setdefault(row.family, []).append(position)
    adjusted: dict[int, float | None] = {}
    for positions in families.values():
        adjusted.update(zip(positions, holm([given[position].p for position in positions]), strict=True))
    return tuple(
        row.model_copy(update={"p_holm": adjusted[position]}) if position in adjusted else row
        for position, row in enumerate(given)
    )


def decision_family(quantity: str, test_set: str, source: str | None, what: str) -> str:
    """A family holds one quantity on the same images: all `what` of it, such as `pairs` of variants.

    >>> decision_family("recall", "far", "painter", "pairs")
    'recall, far:painter, pairs'
    """
    return f"{quantity}, {_place(test_set, source)}, {what}"


def map_family(quantity: str, test_set: str, source: str | None, subset: str | None, path: str) -> str:
    """A family holds one measure on the same images, by one method at one point, of all pairs of variants.

    >>> map_family("gini", "test", None, "wrong", "saliency.image")
    'gini/test~wrong/saliency.image'
    """
    place = _place(test_set, source)
    return f"{quantity}/{place if subset is None else f'{place}~{subset}'}/{path}"


def _place(test_set: str, source: str | None) -> str:
    return test_set if source is None else f"{test_set}:{source}"


def attainable_p(n_seeds: int, zeros: int = 0) -> float:
    """The lowest two-sided p that an exact sign-flip test over seeds can reach: 2/2^(n - z), at most 1.

    Args:
        n_seeds: differences, one per seed; 1 or more.
        zeros: how many of them are 0 and so have no sign to flip; 0 … `n_seeds`.

    Raises:
        InputError: a number is out of its range.

    >>> [attainable_p(n) for n in (5, 8, 10)]
    [0.0625, 0.0078125, 0.001953125]
    """
    if n_seeds < 1:
        raise InputError(f"{n_seeds} seeds: a sign-flip test needs at least 1")
    if not 0 <= zeros <= n_seeds:
        raise InputError(f"{zeros} differences of 0 among {n_seeds} seeds: must lie between 0 and {n_seeds}")
    return min(1.0, 2.0 ** (1 - (n_seeds - zeros)))


def sign_flip_can_reject(n_seeds: int, family_size: int, alpha: float = 0.05, zeros: int = 0) -> bool:
    """Whether the smallest p of a sign-flip test over these seeds can fall below `alpha` after Holm over a family.

    Holm multiplies the smallest p of m by m, so that m · `attainable_p` must be below α. A test for which this is
    False cannot reject anything, whatever the data say.

    Args:
        n_seeds: differences, one per seed; 1 or more.
        family_size: tests in the family; 1 or more.
        alpha: level of the family, between 0 and 1.
        zeros: as in `attainable_p`.

    Raises:
        InputError: a number is out of its range.

    >>> [sign_flip_can_reject(n, family_size=6) for n in (5, 7, 8)]
    [False, False, True]
    """
    if family_size < 1:
        raise InputError(f"a family of {family_size} tests: must have at least 1")
    if not 0 < alpha < 1:
        raise InputError(f"alpha {alpha}: must lie between 0 and 1, such as 0.05")
    return attainable_p(n_seeds, zeros) * family_size < alpha
