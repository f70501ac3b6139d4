from __future__ import annotations

import doctest
import importlib
import pkgutil
import subprocess
import sys

import pytest

import analysis

MODULES = ["analysis", *(f"analysis.{m.name}" for m in pkgutil.iter_modules(analysis.__path__) if not m.ispkg)]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_are_true(name: str) -> None:
    """Every example of a module gives what it says."""
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples() -> None:
    """The doctest run above has something to run."""
    finder = doctest.DocTestFinder()
    counts = [len(t.examples) for name in MODULES for t in finder.find(importlib.import_module(name))]
    assert sum(counts) >= 15


def test_public_names_are_there() -> None:
    """What the package says it exports can be imported from it."""
    for name in analysis.__all__:
        assert hasattr(analysis, name), name
    assert sorted(analysis.__all__) == analysis.__all__


def test_statistics_need_neither_torch_nor_isitcap() -> None:
    """Importing the package loads no training code."""
    code = "import analysis, sys; print([m for m in ('torch', 'torchvision', 'captum', 'isitcap') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
