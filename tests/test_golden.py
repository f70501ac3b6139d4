from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

HERE = Path(__file__).resolve().parent
TABLE = HERE.parent / "benchmarks" / "GOLDEN.md"


def cases_package() -> ModuleType:
    """The package of comparisons beside this file, which `benchmarks/golden.py` shares."""
    path = HERE / "golden_cases" / "__init__.py"
    spec = importlib.util.spec_from_file_location("golden_cases", path, submodule_search_locations=[str(path.parent)])
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["golden_cases"] = module
    spec.loader.exec_module(module)
    return module


golden_cases = cases_package()
CASES: tuple[Any, ...] = golden_cases.CASES


@pytest.mark.parametrize("case", CASES, ids=[f"{case.function}-{number}" for number, case in enumerate(CASES)])
def test_a_function_agrees_with_an_independent_implementation(case: Any) -> None:
    """On every seeded input the largest difference stays within its tolerance."""
    count, worst = case.measured()
    assert count > 0
    assert worst <= case.tolerance, f"{case.function} and {case.reference} differ by {worst:.3g}"


def test_every_public_statistical_function_is_compared_or_has_a_reason() -> None:
    """A function added to a computing module needs a comparison, and no name in the lists is out of date."""
    public = {
        f"{module}.{name}"
        for module in golden_cases.MODULES
        for name, function in inspect.getmembers(importlib.import_module(f"analysis.{module}"), inspect.isfunction)
        if not name.startswith("_") and function.__module__ == f"analysis.{module}"
    }
    compared = {case.function for case in CASES}
    assert compared.isdisjoint(golden_cases.WITHOUT)
    assert compared | set(golden_cases.WITHOUT) == public


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ([1.0, 2.0], [1.0, 2.5], 0.5),
        ([np.nan, 1.0], [np.nan, 1.0], 0.0),
        ([np.nan], [0.0], np.inf),
        ([None], [0.0], np.inf),
        ([np.inf], [np.inf], 0.0),
        ([True, False], [True, True], 1.0),
    ],
)
def test_a_difference_is_seen(ours: list[Any], theirs: list[Any], expected: float) -> None:
    """The largest gap counts, and a missing number is infinitely far from one."""
    assert golden_cases.difference(ours, theirs) == expected


@pytest.mark.parametrize(("ours", "theirs"), [([1.0], [1.0, 1.0]), ([], [])])
def test_numbers_that_do_not_pair_are_no_comparison(ours: list[float], theirs: list[float]) -> None:
    """Other shapes, or nothing at all, cannot pass as agreement."""
    with pytest.raises(ValueError, match="shapes"):
        golden_cases.difference(ours, theirs)


@pytest.mark.skipif(not TABLE.exists(), reason="the table is in the checkout alone")
def test_the_committed_table_lists_the_same_comparisons() -> None:
    """A comparison added, dropped or loosened is in the table only after `benchmarks/golden.py` has run again."""
    rows = [[cell.strip() for cell in line.split(" | ")] for line in TABLE.read_text("utf-8").splitlines()]
    listed = [(row[0].strip("| `"), row[1], row[-1].strip("| ")) for row in rows if len(row) == 5 and "`" in row[0]]
    assert listed == [(case.function, case.reference, f"{case.tolerance:.2g}") for case in CASES]
