"""Compare every statistical function with an independent implementation, and write the table of differences.

    python benchmarks/golden.py [--out FILE]

The comparisons are those of `tests/golden_cases`, which the tests hold to their tolerances. A difference beyond its
tolerance is in the table like any other, marked, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import importlib.util
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

HERE = Path(__file__).resolve().parent
LIBRARIES = ("numpy", "scipy", "pandas", "statsmodels", "scikit-learn", "scikit-image")

HEAD = """# Golden values: every statistical function beside an independent implementation

Made by `python benchmarks/golden.py` with {versions}. The comparisons stand in `tests/golden_cases`; \
`tests/test_golden.py` runs them with every test run and fails beyond the tolerance.

A case is one input, from a generator whose seed stands there, and may hold many numbers; the difference is the \
largest absolute one of all, in the unit of the function. Crossed intervals are put together from the mean squares by \
the formulas of Hillis (Stat. Med. 26, 2007). What R or SAS printed is compared with ours rounded to the printed \
decimals; those pages do not say which version printed it. The multi-bootstrap and random sign flips are random, and \
their tolerances are those of their numbers of draws. Numerical derivatives confirm to about 1e-10.

{summary}

| function | reference | cases | largest difference | tolerance |
|---|---|---|---|---|
"""

REST = """
## Without a reference

The other modules of `analysis` compute no statistics: they carry numbers to rows, claims, verdicts, files and pages. \
These functions of the modules above have no comparison:

| function | reason |
|---|---|
"""


def golden_cases() -> ModuleType:
    """The package `tests/golden_cases`: by its path, since `tests` also holds a folder called `analysis`."""
    path = HERE.parent / "tests" / "golden_cases" / "__init__.py"
    spec = importlib.util.spec_from_file_location("golden_cases", path, submodule_search_locations=[str(path.parent)])
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["golden_cases"] = module
    spec.loader.exec_module(module)
    return module


def table(package: ModuleType) -> tuple[str, int]:
    """The whole document, and how many comparisons exceed their tolerance."""
    rows: list[tuple[Any, int, float]] = []
    for case in package.CASES:
        rows.append((case, *case.measured()))
        print(f"{case.function}: {rows[-1][2]:.2g}", file=sys.stderr)
    beyond = sum(worst > case.tolerance for case, _, worst in rows)
    functions = len({case.function for case, _, _ in rows})
    summary = (
        f"{functions} functions in {len(rows)} comparisons of {sum(count for _, count, _ in rows)} cases: "
        f"{sum(worst <= 1e-12 for _, _, worst in rows)} agree within 1e-12, {beyond} exceed their tolerance."
    )
    versions = ", ".join([f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in LIBRARIES)])
    lines = [HEAD.format(versions=versions, summary=summary)]
    for case, count, worst in rows:
        mark = " (exceeds it)" if worst > case.tolerance else ""
        lines.append(f"| `{case.function}` | {case.reference} | {count} | {worst:.1e}{mark} | {case.tolerance:.2g} |\n")
    lines.append(REST)
    lines += [f"| `{name}` | {reason} |\n" for name, reason in package.WITHOUT.items()]
    return "".join(lines), beyond


def main() -> None:
    """Measure all, write the table, and fail if a tolerance is exceeded."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, default=HERE / "GOLDEN.md")
    given = parser.parse_args()
    text, beyond = table(golden_cases())
    given.out.parent.mkdir(parents=True, exist_ok=True)
    part = given.out.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    part.replace(given.out)
    if beyond:
        sys.exit(f"{beyond} comparisons exceed their tolerance; see {given.out}")


if __name__ == "__main__":
    main()
