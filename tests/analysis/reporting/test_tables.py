"""The tables of the benchmark."""

from __future__ import annotations

from analysis.reporting.lookup import Lookup
from analysis.reporting.tables import table_grid
from analysis.summary import Summary


def test_the_grid_frames_own_paths(summary: Summary) -> None:
    """Every variant has a row, every path a column, and each row one frame."""
    lookup = Lookup(summary)
    table = table_grid(lookup, lookup.quoted[0])
    assert len(table.rows) == len(lookup.variants)
    assert [[cell.strong for cell in row.cells].count(True) for row in table.rows] == [1] * len(table.rows)


def test_along_own_paths_alone_there_is_no_grid(summary: Summary) -> None:
    """Where each variant was tested along its own path alone, a table of gaps is left out."""
    own = Lookup(summary).own_paths
    metrics = tuple(row for row in summary.metrics if row.path == own[row.variant])
    lookup = Lookup(summary.model_copy(update={"metrics": metrics}))
    assert not table_grid(lookup, lookup.quoted[0]).rows
