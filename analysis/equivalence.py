"""p-values of a crossed interval: against any value, and for equivalence and non-inferiority at a margin.

**One rule for every p.** The quoted limits are the wider of the crossed and the images-only ones, so a p is the larger
of the crossed t's and the images-only t's, each with its own standard error and degrees of freedom. It lies below α
exactly where the quoted interval of that level leaves the value out, and is never more certain than the interval that
stands beside it. Where an interval is not defined there is no p and no verdict: None, and the interval's reason.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from scipy import special

from analysis.errors import InputError
from analysis.intervals import CrossedInterval

OneSided = Literal["greater", "less"]
Side = Literal["two-sided", "greater", "less"]


@dataclass(frozen=True)
class Equivalence:
    """Two one-sided tests that an estimand lies within ± `margin`.

    `p_lower` is of the test against -margin and below, `p_upper` of that against +margin and above, `p` the larger.
    `low` and `high` are the quoted 1 - 2α limits: `equivalent` (p below `alpha`) exactly where both lie within the
    margin. All are None where the interval is not defined, for the `reason` given.
    """

    margin: float
    alpha: float
    p: float | None = None
    p_lower: float | None = None
    p_upper: float | None = None
    low: float | None = None
    high: float | None = None
    equivalent: bool | None = None
    reason: str | None = None


@dataclass(frozen=True)
class NonInferiority:
    """A one-sided test that an estimand is not worse than 0 by `margin`.

    `limit` is the quoted one-sided 1 - α limit on the side of worse: `non_inferior` (p below `alpha`) exactly where it
    is better than the margin. All are None where the interval is not defined, for the `reason` given.
    """

    margin: float
    alpha: float
    higher_is_better: bool
    p: float | None = None
    limit: float | None = None
    non_inferior: bool | None = None
    reason: str | None = None


def one_sided(interval: CrossedInterval, bound: float, side: OneSided) -> float | None:
    """The p of the test that the estimand is `greater` (or `less`) than `bound`.

    With t = (θ̂ - bound)/se, turned round for `less`, it is P(T ≥ t): the larger of the two for the crossed standard
    error with its df and the images-only one with its own. None where the interval is not defined.

    Args:
        interval: the estimate with both standard errors, in any unit.
        bound: the value tested, in the same unit.
        side: where the alternative lies.

    Raises:
        InputError: `bound` is not finite, or `side` is another word.

    >>> from analysis.intervals import crossed_mean
    >>> result = crossed_mean([[0, 1, 0, 0], [0, 1, 1, 0], [1, 1, 0, 0]])
    >>> round(one_sided(result, 0.0, "greater"), 4), round(one_sided(result, 0.0, "less"), 4)
    (0.0706, 0.9577)
    """
    if not math.isfinite(bound):
        raise InputError(f"bound {bound}: must be a finite number")
    if side not in ("greater", "less"):
        raise InputError(f"side {side!r}: must be 'greater' or 'less'")
    distance = interval.estimate - bound if side == "greater" else bound - interval.estimate
    tails = [float(special.stdtr(df, -distance / error)) for error, df in _errors(interval)]
    return max(tails) if tails else None


def quoted_p(interval: CrossedInterval, value: float = 0.0, side: Side = "two-sided") -> float | None:
    """The p of the hypothesis that the estimand is `value`, never more certain than the quoted interval.

    Two-sided it is twice the p of `one_sided` on the estimate's side of the value: below 1 - confidence exactly where
    the quoted interval of that confidence leaves the value out. None where the interval is not defined.

    Raises:
        InputError: `value` is not finite, or `side` is another word.

    >>> from analysis.intervals import crossed_mean
    >>> result = crossed_mean([[0, 1, 0, 0], [0, 1, 1, 0], [1, 1, 0, 0]])
    >>> round(quoted_p(result), 4)
    0.1411
    """
    if side in ("greater", "less"):
        return one_sided(interval, value, side)
    if side != "two-sided":
        raise InputError(f"side {side!r}: must be 'two-sided', 'greater' or 'less'")
    p = one_sided(interval, value, "greater" if interval.estimate >= value else "less")
    return None if p is None else min(1.0, 2 * p)


def tost(interval: CrossedInterval, margin: float, alpha: float = 0.05) -> Equivalence:
    """Two one-sided tests that the estimand lies within (-margin, margin).

    p = max(P of θ > -margin, P of θ < margin), each as `one_sided` at `alpha` (Schuirmann, J. Pharmacokinet. Biopharm.
    15, 1987). That no difference was found shows no equivalence: a large p of a difference test supports nothing.

    Args:
        interval: the contrast, at any confidence: its own limits are not used.
        margin: the largest difference that does not matter, in the estimate's unit (a fraction, not per cent); above 0.
        alpha: level of each test, above 0 and below 0.5.

    Raises:
        InputError: `margin` is not a number above 0, or `alpha` is out of its range.

    >>> from analysis.intervals import crossed_mean
    >>> result = crossed_mean([[0, 1, 0, 0], [0, -1, 0, 0], [0, 0, 0, 1]])
    >>> round(tost(result, 0.6).p, 4), tost(result, 0.6).equivalent, tost(result, 0.5).equivalent
    (0.0451, True, False)
    """
    _check(margin, alpha)
    lower, upper = one_sided(interval, -margin, "greater"), one_sided(interval, margin, "less")
    if lower is None or upper is None:
        return Equivalence(margin, alpha, reason=_reason(interval))
    p, half = max(lower, upper), _half_width(interval, alpha)
    low, high = interval.estimate - half, interval.estimate + half
    return Equivalence(margin, alpha, p, lower, upper, low, high, equivalent=p < alpha)


def non_inferiority(
    interval: CrossedInterval, margin: float, alpha: float = 0.05, *, higher_is_better: bool = True
) -> NonInferiority:
    """The one-sided test that the estimand is better than -margin, or below +margin where lower values are better.

    It is one half of `tost`. A claim that has its contrary as a pair is tested at α/2: give it half the alpha.

    Args:
        interval: the contrast, at any confidence.
        margin: the largest loss that does not matter, in the estimate's unit; above 0.
        alpha: level of the test, above 0 and below 0.5.
        higher_is_better: False for quantities of which less is better, such as the Brier score.

    Raises:
        InputError: as `tost`.

    >>> from analysis.intervals import crossed_mean
    >>> result = crossed_mean([[0, 1, 0, 0], [0, -1, 0, 0], [0, 0, 0, 1]])
    >>> test = non_inferiority(result, 0.5)
    >>> round(test.p, 3), round(test.limit, 3), test.non_inferior
    (0.036, -0.403, True)
    """
    _check(margin, alpha)
    p = one_sided(interval, -margin, "greater") if higher_is_better else one_sided(interval, margin, "less")
    if p is None:
        return NonInferiority(margin, alpha, higher_is_better, reason=_reason(interval))
    half = _half_width(interval, alpha)
    limit = interval.estimate - half if higher_is_better else interval.estimate + half
    return NonInferiority(margin, alpha, higher_is_better, p, limit, non_inferior=p < alpha)


def beyond(interval: CrossedInterval, margin: float) -> float | None:
    """The p of the test that the estimand lies beyond the margin, |θ| > margin: what contradicts equivalence.

    Twice the smaller of the two one-sided p beyond, at most 1: Bonferroni over the two sides. None where the interval
    is not defined.

    Raises:
        InputError: `margin` is not a number above 0.

    >>> from analysis.intervals import crossed_mean
    >>> beyond(crossed_mean([[0, 1, 0, 0], [0, -1, 0, 0], [0, 0, 0, 1]]), 0.3)
    1.0
    >>> round(beyond(crossed_mean([[3, 4, 3, 3], [3, 2, 3, 3], [3, 3, 3, 4]]), 0.3), 4)
    0.0036
    """
    _check_margin(margin)
    above, below = one_sided(interval, margin, "greater"), one_sided(interval, -margin, "less")
    return None if above is None or below is None else min(1.0, 2 * min(above, below))


def _errors(interval: CrossedInterval) -> list[tuple[float, float]]:
    """Standard error and df of the crossed and the images-only t; none where the interval is not defined."""
    if interval.standard_error is None or interval.df is None:
        return []
    found = [(interval.standard_error, interval.df)]
    if interval.standard_error_images and interval.df_images:
        found.append((interval.standard_error_images, float(interval.df_images)))
    return found


def _half_width(interval: CrossedInterval, alpha: float) -> float:
    """Half the width of the quoted 1 - 2α interval."""
    return max(float(special.stdtrit(df, 1 - alpha)) * error for error, df in _errors(interval))


def _reason(interval: CrossedInterval) -> str:
    return interval.reason or "interval not defined"


def _check(margin: float, alpha: float) -> None:
    _check_margin(margin)
    if not 0 < alpha < 0.5:
        raise InputError(f"alpha {alpha}: must lie between 0 and 0.5, such as 0.05")


def _check_margin(margin: float) -> None:
    if not (math.isfinite(margin) and margin > 0):
        raise InputError(f"margin {margin}: must be above 0, in the unit of the difference (0.01 is one point)")
