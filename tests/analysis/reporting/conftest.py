"""The made-up study and its documents, for all tests of reporting."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from analysis.reporting import Examples, build_report
from analysis.summary import Estimate, Summary

# The helpers beside this file are imported by name, also by a process that rebuilds the documents.
sys.path.insert(0, str(Path(__file__).parent))

from made_up_basis import estimate
from made_up_study import make_examples, make_summary
from page_parser import Page, parse


@pytest.fixture(scope="session")
def summary() -> Summary:
    """The made-up study."""
    return make_summary()


@pytest.fixture(scope="session")
def examples() -> Examples:
    """Six images of each quoted test set."""
    return make_examples()


@pytest.fixture
def estimate_row() -> Callable[..., Estimate]:
    """Makes one estimate: quantity, variant, (test set, source, path), value, half-width, n."""
    return estimate


@pytest.fixture(scope="session")
def report_files(summary: Summary, examples: Examples, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """All documents of the made-up study, built once: file name → path."""
    return build_report(summary, examples, tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="session")
def pages(report_files: dict[str, Path]) -> dict[str, Page]:
    """Document → its HTML, read."""
    names = [name for name in report_files if name.endswith(".html")]
    return {name.removesuffix(".html"): parse(report_files[name].read_text(encoding="utf-8")) for name in names}
