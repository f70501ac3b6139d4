from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from scipy import stats

from analysis.errors import InputError
from analysis.operating import (
    COVERAGE,
    ERRORS,
    QUOTED,
    SIZE,
    UNEXPLAINED,
    operating_characteristics,
    operating_facts,
    read_table,
    weak_cells,
)
from analysis.repetitions import COLUMNS, INTERVALS, TESTS, simulate
from analysis.simulation import Design


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """The committed table."""
    return operating_characteristics()


def row(**values: Any) -> dict[str, Any]:
    """A row that is in order."""
    told = {
        "design": "made-up",
        "quantity": "accuracy",
        "seeds": 5,
        "images": 500,
        "variants": 2,
        "rate": 0.85,
        "seed_sd": 0.15,
        "image_sd": 0.5,
        "threshold_sd": 0.0,
        "tilt": 0.0,
        "truth": 0.0,
        "margin": math.nan,
        "procedure": "quoted",
        "measure": "coverage",
        "nominal": 0.95,
        "value": 0.95,
        "mc_error": 0.005,
        "half_width": 0.02,
        "undefined": 0,
        "repetitions": 1000,
    }
    return told | values


def frame(*rows: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(rows)[list(COLUMNS)].astype(COLUMNS)


def test_the_grid_holds_what_a_reader_may_ask_for(table: pd.DataFrame) -> None:
    """Seeds and images of every size, with and without each effect and a true difference, 1,000 repetitions each."""
    designs = table.drop_duplicates("design")
    assert len(designs) >= 16
    assert set(designs["seeds"]) == {3, 5, 8, 10, 20}
    assert set(designs["images"]) == {500, 2000, 20_000}
    assert {"accuracy", "balanced_accuracy", "auc"} == set(designs["quantity"])
    pairs = designs[(designs["quantity"] == "accuracy") & (designs["variants"] == 2)]
    for _, rows in pairs[(pairs["truth"] == 0) & (pairs["images"] < 20_000)].groupby(["seeds", "images"]):
        effects = set(zip(rows["seed_sd"] > 0, rows["image_sd"] > 0, strict=True))
        assert effects == {(False, False), (False, True), (True, False), (True, True)}
    assert (pairs["truth"] != 0).sum() >= 10
    assert (table["repetitions"] + table["undefined"] >= 1000).all()
    assert (table["undefined"] <= 0.01 * table["repetitions"]).all()


def test_every_design_has_every_procedure(table: pd.DataFrame) -> None:
    """Each pair of variants has four intervals, three tests and a TOST; 12 designs have a multi-bootstrap, too."""
    always = {*INTERVALS, *TESTS, "tost"} - {"multi_bootstrap"}
    pairs = table[table["variants"] == 2]
    for name, rows in pairs.groupby("design"):
        assert set(rows["procedure"]) - {"multi_bootstrap"} == always, name
    assert (table["procedure"] == "multi_bootstrap").sum() >= 12
    families = table[table["variants"] > 2]
    assert set(families["procedure"]) == {"unadjusted", "holm"}
    edges = table[(table["procedure"] == "tost") & (table["measure"] == "size")]
    assert set(edges["seeds"]) == {3, 5, 8, 10, 20}


def test_quoted_procedures_never_promise_too_much(table: pd.DataFrame) -> None:
    """From five seeds on no quoted interval covers clearly too little and no quoted test is clearly wrong too often."""
    weak = weak_cells(table)
    short = weak[(weak["value"] < COVERAGE[0]) | weak["measure"].isin(ERRORS)]
    clear = short[short["binding"] & ~short["within_chance"]]
    assert clear[["design", "procedure", "value"]].to_numpy().tolist() == []


def test_every_weak_cell_has_a_reason(table: pd.DataFrame) -> None:
    """What lies outside its bounds, beyond chance, is explained by what the procedure leaves out."""
    weak = weak_cells(table)
    unexplained = weak[(weak["reason"] == UNEXPLAINED) & ~weak["within_chance"]]
    assert unexplained[["design", "procedure", "value"]].to_numpy().tolist() == []
    assert {"images_only", "seed_t", "multi_bootstrap"} <= set(weak["procedure"])


def test_planted_effects_are_found_at_the_planned_power(table: pd.DataFrame) -> None:
    """The crossed t's power is that of the noncentral t, where five seeds or more tell the variances."""
    rows = table[(table["measure"] == "power") & (table["procedure"] == "crossed_t") & table["nominal"].notna()]
    rows = rows[rows["seeds"] >= 5]
    assert len(rows) >= 8
    # Satterthwaite's degrees of freedom are those of the true variances; a study knows its own.
    assert (rows["value"] - rows["nominal"]).abs().max() < 0.05


@pytest.mark.parametrize("design", [Design(5, 500, seed_sd=0.15), Design(10, 500, image_sd=0.5)], ids=lambda d: d.name)
def test_the_table_comes_out_again(table: pd.DataFrame, design: Design) -> None:
    """Three hundred new studies of a design give the committed shares, within what chance allows."""
    committed = table[(table["design"] == design.name) & (table["procedure"] != "multi_bootstrap")]
    again = simulate(design, 300, 11, margins=(0.05,))
    both = committed.merge(again, on=["procedure", "measure"], suffixes=("", "_again"))
    assert len(both) == len(committed) == 8
    for _, found in both.iterrows():
        n, k = int(found["repetitions"]), round(found["value"] * found["repetitions"])
        hits = round(found["value_again"] * 300)
        p = stats.fisher_exact([[k, n - k], [hits, 300 - hits]]).pvalue
        assert p > 1e-4, found["procedure"]
        assert found["half_width_again"] == pytest.approx(found["half_width"], rel=0.1, nan_ok=True)


def test_the_facts_say_how_to_make_the_table_again(table: pd.DataFrame) -> None:
    """Seed, command, versions and repetitions stand beside the table and fit it."""
    facts = operating_facts()
    assert f"--seed {facts['seed']}" in facts["command"]
    assert "benchmarks/operating_characteristics.py" in facts["command"]
    assert {"python", "numpy", "scipy"} <= set(facts["versions"])
    # Undefined intervals are left out, undefined tests are counted.
    left_out = table["undefined"].where(table["measure"] == "coverage", 0)
    assert set(table["repetitions"] + left_out) <= set(facts["repetitions"].values())


@pytest.mark.parametrize(
    ("values", "weak"),
    [
        ({"value": COVERAGE[0]}, False),
        ({"value": 0.9299}, True),
        ({"value": COVERAGE[1]}, False),
        ({"value": 0.9701}, True),
        ({"measure": "size", "procedure": "quoted_t", "value": SIZE}, False),
        ({"measure": "size", "procedure": "quoted_t", "value": 0.0701}, True),
        ({"measure": "size", "procedure": "quoted_t", "value": 0.0}, False),
        ({"measure": "family-wise error", "procedure": "holm", "value": 0.08}, True),
        ({"measure": "power", "procedure": "quoted_t", "value": 0.5}, False),
    ],
)
def test_bounds_are_for_coverage_and_errors(values: dict[str, Any], weak: bool) -> None:
    """Coverage has two bounds, a size one, power none; a value at its bound is no weak cell."""
    assert len(weak_cells(frame(row(**values)))) == int(weak)


def test_weak_cells_are_named_in_their_order() -> None:
    """Only weak rows are kept, in order, with the columns they had."""
    rows = [row(design="a", value=0.9), row(design="b"), row(design="c", value=0.99)]
    weak = weak_cells(frame(*rows))
    assert weak["design"].tolist() == ["a", "c"]
    assert list(weak.columns) == [*COLUMNS, "binding", "within_chance", "reason"]
    assert len(weak_cells(frame(rows[1]))) == 0


@pytest.mark.parametrize("procedure", [*INTERVALS, *TESTS, "tost", "holm"])
@pytest.mark.parametrize("seeds", [3, 5])
def test_only_quoted_procedures_with_five_seeds_are_held_to_the_bounds(procedure: str, seeds: int) -> None:
    """The others are described."""
    measure = "coverage" if procedure in INTERVALS else "size"
    weak = weak_cells(frame(row(procedure=procedure, seeds=seeds, measure=measure, value=0.5)))
    assert weak["binding"].tolist() == [procedure in QUOTED and seeds == 5]


@pytest.mark.parametrize(("value", "chance"), [(0.925, True), (0.915, False), (0.975, True), (0.985, False)])
def test_chance_is_two_monte_carlo_errors(value: float, chance: bool) -> None:
    """A share whose bound lies within two of its standard errors may be chance."""
    assert weak_cells(frame(row(value=value)))["within_chance"].tolist() == [chance]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"value": 0.98, "seed_sd": 0.0}, "the wider is quoted"),
        ({"value": 0.9, "procedure": "crossed", "seeds": 3}, "2 degrees of freedom: too short"),
        ({"value": 0.9, "procedure": "images_only"}, "about these seeds alone"),
        ({"value": 0.9, "procedure": "seed_t"}, "about these images alone"),
        ({"value": 0.1, "procedure": "sign_flip", "measure": "size"}, "about these images alone"),
        ({"value": 0.9, "procedure": "multi_bootstrap"}, "resampling 5 seeds"),
        ({"value": 0.99, "procedure": "multi_bootstrap", "seed_sd": 0.0}, "counted twice"),
        ({"value": 0.3, "procedure": "unadjusted", "measure": "family-wise error"}, "without correction"),
        ({"value": 0.1, "procedure": "tost", "measure": "size", "seeds": 3}, "2 degrees of freedom"),
        ({"value": 0.98, "procedure": "seed_t", "seeds": 3}, "2 degrees of freedom"),
        ({"value": 0.9, "procedure": "images_only", "seed_sd": 0.0}, UNEXPLAINED),
        ({"value": 0.9, "procedure": "images_only", "seed_sd": 0.0, "threshold_sd": 0.3}, "about these seeds alone"),
        ({"value": 0.9, "procedure": "seed_t", "image_sd": 0.0}, UNEXPLAINED),
        ({"value": 0.1, "procedure": "quoted_t", "measure": "size"}, UNEXPLAINED),
    ],
)
def test_reasons_follow_from_the_design(values: dict[str, Any], words: str) -> None:
    """A reason is given only where the design holds what the procedure leaves out."""
    assert words in weak_cells(frame(row(**values)))["reason"][0]


def test_tables_that_are_none_are_refused(tmp_path: Path) -> None:
    """A file that is missing, empty or has other columns is named."""
    path = tmp_path / "table.csv"
    with pytest.raises(InputError, match="cannot be read as a table"):
        read_table(path)
    path.write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be read as a table"):
        read_table(path)
    path.write_text("design,value\na,1\n", encoding="utf-8")
    with pytest.raises(InputError, match="has columns design, value"):
        read_table(path)


def test_a_table_keeps_its_types(tmp_path: Path) -> None:
    """What is written as CSV is read as it was."""
    before = frame(row(), row(procedure="tost", measure="power", nominal=math.nan, margin=0.05))
    before.to_csv(tmp_path / "table.csv", index=False)
    pd.testing.assert_frame_equal(read_table(tmp_path / "table.csv"), before)
