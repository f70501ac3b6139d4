"""From a diversity study's records to its findings: what loops over the same records give. Torch is not needed."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for `family_study`

from family_study import GENERATORS, made_up_records

from analysis.diversity_results import read_diversity
from analysis.errors import InputError
from isitcap.cli import main
from isitcap.errors import UserError
from isitcap.family_findings import compute_family, diversity_of, mixture_directory, open_family
from isitcap.records.atomic import write_frame
from isitcap.records.reader import read_frame


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame]:
    out = tmp_path_factory.mktemp("family") / "run"
    _, decisions = made_up_records(out)
    return out, decisions


@pytest.fixture
def copy(records: tuple[Path, pd.DataFrame], tmp_path: Path) -> Path:
    """The records, to be changed."""
    shutil.copytree(records[0], tmp_path / "run")
    return tmp_path / "run"


def test_estimates_are_those_of_the_recorded_decisions(records: tuple[Path, pd.DataFrame]) -> None:
    """Own paths alone, held-out sets of their generators, the shared set, and in-sample: each as a loop finds it."""
    out, decisions = records
    found = diversity_of(open_family(out))
    decisions = decisions.assign(
        right=(decisions["logit"] > 0) == (decisions["label"] == 1), k=decisions["mixture"].str.count(r"\+") + 1
    )
    rates = decisions.groupby(["variant", "k", "mixture", "test_set", "seed", "label"])["right"].mean()
    balanced = rates.groupby(["variant", "k", "mixture", "test_set", "seed"]).mean()
    for row in (row for row in found.levels if row.quantity == "balanced_accuracy" and row.source is None):
        mine = balanced.loc[row.variant, row.k].groupby(["test_set", "seed"]).mean()
        sets = {"held-out": [f"held-out-{name}@bilinear" for name in GENERATORS], "in-sample": ["test"]}
        chosen = sets.get(row.test_set, [row.test_set])
        assert row.estimate == pytest.approx(np.mean([mine.loc[name].mean() for name in chosen])), row.id
    places = {row.test_set for row in found.levels}
    held = {f"held-out-{name}@bilinear" for name in GENERATORS}
    assert places == {"held-out", "in-sample", "elsewhere@bilinear", *held}
    sources = {(row.source, row.quantity) for row in found.levels if row.source is not None}
    assert sources == {("far", "specificity"), ("near", "recall")}


def test_cards_say_what_was_tested(records: tuple[Path, pd.DataFrame]) -> None:
    """Generators with their corpora and held-out images, mixtures, the shared set, and notes but of plain numbers."""
    study = diversity_of(open_family(records[0])).study
    assert [(card.name, card.corpus, card.n_real, card.n_synthetic) for card in study.generators] == [
        (name, f"noise of {name}", 10, 10) for name in GENERATORS
    ]
    assert [card.generators for card in study.mixtures][:3] == [(name,) for name in GENERATORS]
    assert [(card.name, card.n_real, card.sources) for card in study.shared] == [
        ("elsewhere@bilinear", 10, ("far", "near"))
    ]
    assert study.notes == ("Something was kept out.",)


def test_analyze_and_report_work_on_the_folder(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`analyze` writes results and tables, `report` the document, without torch and without images."""
    assert main(["analyze", str(copy)]) == 0
    assert main(["report", str(copy), "--format", "html"]) == 0
    assert (copy / "reports" / "diversity.html").is_file()
    assert {path.name for path in (copy / "tables").iterdir()} >= {"levels.csv", "contrasts.csv", "mixtures.csv"}
    assert str(copy / "results.json") in capsys.readouterr().out
    first = (copy / "reports" / "diversity.html").read_bytes()
    assert main(["report", str(copy), "--format", "html", "--out", str(copy / "again")]) == 0
    assert (copy / "again" / "diversity.html").read_bytes() == first


def test_another_margin_is_judged_and_said(copy: Path) -> None:
    """`--margin` changes outcomes, and the verdict says what was declared when the runs began."""
    assert main(["analyze", str(copy), "--margin", "0.4", "--alpha", "0.1"]) == 0
    found = read_diversity(copy / "results.json")
    assert (found.margin, found.margin_declared, found.alpha, found.alpha_declared) == (0.4, 0.05, 0.1, 0.05)
    assert "instead of the declared 5" in found.verdict.sentences[1]
    text = (copy / "study.toml").read_text("utf-8")
    (copy / "study.toml").write_text(text.replace("out_of_sample = 0.05", "out_of_sample = 0.2"), "utf-8")
    found = diversity_of(open_family(copy))
    assert (found.margin, found.margin_declared) == (0.2, 0.05)


def test_old_results_are_not_reported(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """After a change of the records `report` asks for a new analysis."""
    compute_family(open_family(copy))
    run = mixture_directory(copy, "one") / "runs" / "baseline" / "seed-0"
    mark = run / "predict.done.json"
    mark.write_text(mark.read_text("utf-8").replace('"made": "up"', '"made": "anew"'), "utf-8")
    assert main(["report", str(copy)]) == 2
    assert "older than the records" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["analyze", "--margin", "1.5"], "margin 1.5: must lie between 0 and 1"),
        (["analyze", "--margin", "0"], "margin 0: must lie between 0 and 1"),
        (["analyze", "--margin", "in_sample=0.1"], "margin of `in_sample`"),
        (["analyze", "--alpha", "0.7"], "alpha 0.7"),
        (["report", "--document", "benchmark"], "`benchmark`"),
        (["report", "--keep-inputs"], "results.json alone"),
        (["explain"], "give one of its mixtures"),
    ],
)
def test_what_does_not_fit_ends_in_one_line(
    records: tuple[Path, pd.DataFrame], words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Options that a diversity study has not, or values out of range: exit code 2, one line."""
    if words[0] == "explain":
        pytest.importorskip("torch", reason="needs the extra `train`")
    assert main([words[0], str(records[0]), *words[1:]]) == 2
    text = capsys.readouterr().err
    assert message in text
    assert text.count("\n") == 1


def test_two_families_are_not_compared(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`compare` is of single studies, and says what to give."""
    compute_family(open_family(copy))
    assert main(["compare", str(copy), str(copy)]) == 2
    assert "give two of its mixtures" in capsys.readouterr().err


def test_what_is_missing_is_named(copy: Path) -> None:
    """A mixture that was not begun, a run that is not finished, a mixture of other seeds."""
    mark = mixture_directory(copy, "one+two") / "runs" / "augment" / "seed-1" / "predict.done.json"
    kept = mark.read_bytes()
    mark.unlink()
    with pytest.raises(UserError, match="augment seed 1 is the first"):
        open_family(copy)
    mark.write_bytes(kept)
    text = (copy / "study.toml").read_text("utf-8")
    (copy / "study.toml").write_text(text.replace("seeds = [0, 1, 2]", "seeds = [0, 1, 7]"), "utf-8")
    with pytest.raises(UserError, match="has no runs of 7"):
        open_family(copy)
    (copy / "study.toml").write_text(text, "utf-8")
    shutil.rmtree(mixture_directory(copy, "two+three"))
    with pytest.raises(UserError, match="1 of 6 mixtures are not begun \\(two\\+three"):
        open_family(copy)


def test_mixtures_must_have_seen_the_same_images(copy: Path) -> None:
    """Held-out images that differ between mixtures, or a decision that is missing, are refused."""
    path = mixture_directory(copy, "two") / "images" / "held-out-one@bilinear.parquet"
    frame = read_frame(path)
    write_frame(path, frame.assign(sha256=frame["sha256"][::-1].to_numpy()))
    with pytest.raises(UserError, match="other images in the test set `held-out-one@bilinear`"):
        diversity_of(open_family(copy))
    write_frame(path, frame)
    path = mixture_directory(copy, "two") / "runs" / "augment" / "seed-1" / "predictions.parquet"
    frame = read_frame(path)
    write_frame(path, frame[(frame["test_set"] != "held-out-one@bilinear") | (frame.index % 5 > 0)])
    with pytest.raises(InputError, match="same images"):
        diversity_of(open_family(copy))
