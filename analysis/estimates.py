"""From results on arrays to the labelled rows of a `Summary`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from analysis.intervals import CrossedInterval
from analysis.summary import Estimate, SeedValue


@dataclass(frozen=True)
class Where:
    """The labels of a row: which quantity, of whom, on what."""

    quantity: str
    variant: str
    test_set: str
    path: str
    source: str | None = None
    versus: str | None = None


@dataclass(frozen=True)
class Undefined:
    """A quantity that is not defined on the images at hand, and why."""

    reason: str
    n_seeds: int
    n_images: int


def estimate_row(where: Where, outcome: CrossedInterval | Undefined) -> Estimate:
    """One row of the summary. Only differences have a p: that a metric is 0 is no hypothesis of interest."""
    labels = {
        "quantity": where.quantity,
        "variant": where.variant,
        "versus": where.versus,
        "test_set": where.test_set,
        "source": where.source,
        "path": where.path,
        "n_seeds": outcome.n_seeds,
        "n_images": outcome.n_images,
        "reason": outcome.reason,
    }
    if isinstance(outcome, Undefined):
        return Estimate.model_validate(labels | {"estimate": None})
    numbers = {
        "estimate": outcome.estimate,
        "low": outcome.low,
        "high": outcome.high,
        "df": outcome.df,
        "p": outcome.p if where.versus is not None else None,
        "var_seed": outcome.var_seed,
        "var_image": outcome.var_image,
        "var_residual": outcome.var_residual,
    }
    return Estimate.model_validate(labels | numbers)


def seed_rows(
    where: Where, seeds: Sequence[int], values: Sequence[float] | None, reason: str | None = None
) -> Iterator[SeedValue]:
    """One row per seed; `values` is None where the quantity is not defined, for the `reason` given."""
    for position, seed in enumerate(seeds):
        yield SeedValue(
            quantity=where.quantity,
            variant=where.variant,
            seed=seed,
            test_set=where.test_set,
            source=where.source,
            path=where.path,
            value=None if values is None else float(values[position]),
            reason=reason if values is None else None,
        )
