"""Operating characteristics as tables."""

from __future__ import annotations

import pandas as pd
import pytest

from analysis.operating import ERRORS, operating_characteristics, weak_cells
from analysis.reporting.blocks import Cell, Paragraph, Table
from analysis.reporting.operating_tables import committed, committed_facts, operating_blocks
from analysis.reporting.quantities import Number


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return operating_characteristics()


def tables(frame: pd.DataFrame) -> dict[str, Table]:
    return {block.id: block for block in operating_blocks(frame) if isinstance(block, Table)}


def cells_of(table: Table) -> dict[str, Cell]:
    """Id of a share → its cell."""
    cells = (cell for row in table.rows for cell in row.cells)
    return {cell.content.id: cell for cell in cells if isinstance(cell.content, Number)}


@pytest.mark.parametrize(("table", "measures"), [("table-coverage", ["coverage"]), ("table-size", ERRORS)])
def test_framed_cells_are_the_weak_ones(frame: pd.DataFrame, table: str, measures: list[str]) -> None:
    """A cell is framed if, and only if, the design that it shows is weak, and no weak design hides behind a better."""
    weak = weak_cells(frame)
    weak = weak[weak["measure"].isin(measures)]
    ids = {f"operating/{row['design']}/{row['procedure']}/{row['measure']}" for _, row in weak.iterrows()}
    cells = cells_of(tables(frame)[table])
    assert {key for key, cell in cells.items() if cell.strong} == ids & set(cells)
    place = ["procedure", "quantity", "variants", "seeds", "images", "seed_sd", "image_sd", "threshold_sd", "tilt"]
    assert sum(cell.strong for cell in cells.values()) == len(weak.groupby(place))


def test_shares_are_the_worst_of_their_design(frame: pd.DataFrame) -> None:
    """Each cell is a share of the table, unrounded; no true difference of its design has a worse coverage."""
    coverage = frame[frame["measure"] == "coverage"].set_index(["design", "procedure"])
    place = ["procedure", "quantity", "variants", "seeds", "images", "seed_sd", "image_sd", "threshold_sd", "tilt"]
    worst = (
        (coverage["value"] - 0.95)
        .abs()
        .groupby([coverage.reset_index().set_index(coverage.index)[p] for p in place])
        .max()
    )
    cells = cells_of(tables(frame)["table-coverage"])
    assert len(cells) == len(worst)
    for key, cell in cells.items():
        _, design, procedure, _ = key.split("/")
        assert isinstance(cell.content, Number)
        assert cell.content.raw[0] == coverage.loc[(design, procedure), "value"]
    shown = sorted(abs(cell.content.raw[0] - 0.95) for cell in cells.values() if isinstance(cell.content, Number))
    assert shown == pytest.approx(sorted(worst))


def test_weak_cells_are_named_with_their_reason(frame: pd.DataFrame) -> None:
    """Each procedure and reason has a row with the ends of its shares, and of many designs the worst."""
    weak = weak_cells(frame)
    rows = tables(frame)["table-weak"].rows
    assert len(rows) == len(weak.groupby(["procedure", "reason"]))
    assert {str(row.cells[3].content) for row in rows} == set(weak["reason"])


def test_a_table_without_weak_cells_says_so(frame: pd.DataFrame) -> None:
    """Where all is within bounds, a sentence says it and no cell is framed."""
    good = frame[(frame["measure"] == "coverage") & frame["value"].between(0.94, 0.96)]
    made = list(operating_blocks(good))
    assert [block.id for block in made if isinstance(block, Table)] == ["table-coverage"]
    assert any(
        "0; no quoted procedure leaves its bounds" in str(block) for block in made if isinstance(block, Paragraph)
    )


@pytest.mark.parametrize("nothing", [None, pd.DataFrame()])
def test_nothing_makes_no_section(nothing: pd.DataFrame | None) -> None:
    """A build without the table leaves the section out."""
    assert list(operating_blocks(nothing)) == []


def test_the_committed_table_says_how_it_was_made(frame: pd.DataFrame) -> None:
    """Command and versions are printed beside the package's own table."""
    found = committed()
    assert found is not None
    pd.testing.assert_frame_equal(found, frame)
    facts = dict(committed_facts())
    assert facts["Made with"].startswith("python ")
    assert all(isinstance(value, str) for value in facts.values())
