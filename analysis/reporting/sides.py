"""On which side of zero a difference is shown to lie: what words such as better and more dispersed go by."""

from __future__ import annotations

from typing import Literal

from analysis.summary import Contrast, Estimate

Side = Literal["above", "below", "open", "undefined"]

Row = Estimate | None


def decide_side(contrast: Row, alpha: float) -> Side:
    """On which side of zero a contrast is shown to lie.

    By its p after Holm's correction within its family, which must be below `alpha`; a row of no family is decided by
    its interval, which must leave zero out.
    """
    if contrast is None or contrast.estimate is None or contrast.low is None or contrast.high is None:
        return "undefined"
    p = adjusted_p(contrast)
    shown = leaves_zero(contrast) if p is None else p < alpha
    if not shown:
        return "open"
    return "above" if contrast.estimate > 0 else "below"


def adjusted_p(row: Row) -> float | None:
    """Its p after Holm's correction within its family, None where it is of none."""
    return row.p_holm if isinstance(row, Contrast) else None


def leaves_zero(row: Row) -> bool:
    """Whether its interval, which is not adjusted, leaves zero out."""
    return row is not None and row.low is not None and row.high is not None and (row.low > 0 or row.high < 0)
