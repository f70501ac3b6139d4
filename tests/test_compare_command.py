"""`isitcap compare` on two results."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import pytest

from analysis.results import write_results
from analysis.summary import Estimate, Provenance, StudyCard, Summary, TestSetCard, VariantCard
from isitcap.compare_command import add_compare_command
from isitcap.errors import UserError


def run(words: Sequence[str]) -> None:
    parser = argparse.ArgumentParser()
    add_compare_command(parser.add_subparsers())
    given = parser.parse_args(["compare", *words])
    given.command(given)


@pytest.fixture
def summary() -> Summary:
    row = Estimate(
        quantity="accuracy",
        variant="baseline",
        test_set="test",
        path="none",
        estimate=0.9,
        low=0.88,
        high=0.92,
        df=5.0,
        n_seeds=3,
        n_images=20,
    )
    return Summary(
        confidence=0.95,
        study=StudyCard(
            name="s",
            title="A study",
            question="What is it?",
            demo=False,
            seeds=(0, 1, 2),
            baseline="baseline",
            variants=(VariantCard(name="baseline", path="none", description="as it is"),),
            test_sets=(
                TestSetCard(name="test", role="in_sample", n_real=10, n_synthetic=10, pipeline="as is", sources=()),
            ),
            study_toml="",
        ),
        provenance=Provenance(command="isitcap run s", facts=(), data_hashes=()),
        metrics=(row,),
        contrasts=(),
        dispersion=(),
        dispersion_contrasts=(),
        seed_values=(),
        map_counts=(),
        autoencoders=(),
        histories=(),
    )


def test_two_run_directories_give_one_document(
    summary: Summary, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The document is written where asked, named after the folders, and its path printed."""
    for name in ("old", "new"):
        write_results(summary, tmp_path / name / "results.json")
    out = tmp_path / "out"
    run([str(tmp_path / "old"), str(tmp_path / "new" / "results.json"), "--out", str(out), "--format", "html"])
    assert capsys.readouterr().out.splitlines() == [str(out / "compare.html")]
    text = (out / "compare.html").read_text(encoding="utf-8")
    assert "<h1>old and new</h1>" in text


def test_folders_of_one_name_are_told_apart(summary: Summary, tmp_path: Path) -> None:
    """Two runs in folders of the same name are A and B."""
    for name in ("x/run", "y/run"):
        write_results(summary, tmp_path / name / "results.json")
    run([str(tmp_path / "x/run"), str(tmp_path / "y/run"), "--out", str(tmp_path), "--format", "html"])
    assert "<h1>run (A) and run (B)</h1>" in (tmp_path / "compare.html").read_text(encoding="utf-8")


def test_missing_results_get_one_line(tmp_path: Path) -> None:
    """A folder without results is named with the command that makes them."""
    with pytest.raises(UserError, match="isitcap analyze") as caught:
        run([str(tmp_path), str(tmp_path)])
    assert "\n" not in str(caught.value)
