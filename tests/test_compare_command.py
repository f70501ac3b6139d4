"""`isitcap compare` on two results."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import pytest
from made_up_results import made_up_results

from analysis.results import write_results
from analysis.summary import Summary
from isitcap.compare_command import add_compare_command
from isitcap.errors import UserError


def run(words: Sequence[str]) -> None:
    parser = argparse.ArgumentParser()
    add_compare_command(parser.add_subparsers())
    given = parser.parse_args(["compare", *words])
    given.command(given)


@pytest.fixture
def summary() -> Summary:
    return made_up_results()


def test_two_run_directories_give_one_document(
    summary: Summary, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The document is written where asked, named after the folders, and its path printed."""
    for name, one in (("old", summary), ("new", summary.model_copy(update={"confidence": 0.9}))):
        write_results(one, tmp_path / name / "results.json")
    out = tmp_path / "out"
    run([str(tmp_path / "old"), str(tmp_path / "new" / "results.json"), "--out", str(out), "--format", "html"])
    assert capsys.readouterr().out.splitlines() == [str(out / "compare.html")]
    text = (out / "compare.html").read_text(encoding="utf-8")
    assert "<h1>old and new</h1>" in text


def test_folders_of_one_name_are_told_apart(summary: Summary, tmp_path: Path) -> None:
    """Two runs in folders of the same name are A and B."""
    for name, one in (("x/run", summary), ("y/run", summary.model_copy(update={"confidence": 0.9}))):
        write_results(one, tmp_path / name / "results.json")
    run([str(tmp_path / "x/run"), str(tmp_path / "y/run"), "--out", str(tmp_path), "--format", "html"])
    assert "<h1>run (A) and run (B)</h1>" in (tmp_path / "compare.html").read_text(encoding="utf-8")


def test_missing_results_get_one_line(tmp_path: Path) -> None:
    """A folder without results is named with the command that makes them."""
    with pytest.raises(UserError, match="isitcap analyze") as caught:
        run([str(tmp_path), str(tmp_path)])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("second", ["a", "a/results.json", "copy"])
def test_the_same_results_twice_are_refused(summary: Summary, tmp_path: Path, second: str) -> None:
    """A run and itself, however it is written, or a copy of it: one line, and no document."""
    for name in ("a", "copy"):
        write_results(summary, tmp_path / name / "results.json")
    with pytest.raises(UserError, match=r"both are the same results; give two different runs") as caught:
        run([str(tmp_path / "a"), str(tmp_path / second), "--out", str(tmp_path / "out"), "--format", "html"])
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()
