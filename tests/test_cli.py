"""The command line from a study to its documents, on a tiny study."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`")

from isitcap.cli import main  # noqa: E402
from isitcap.testing import tiny_study  # noqa: E402

CLAIMS = """
[analysis]
draws = 200

[[claims]]
id = "preserved"
says = "Accuracy is preserved."
quantity = "accuracy"
kind = "equivalent"
variants = ["augment"]
versus = "baseline"
role = "in_sample"
margin = 0.05

[[claims]]
id = "no-help"
says = "The autoencoder does not help elsewhere."
quantity = "balanced_accuracy"
kind = "not_superior"
variants = ["autoencoder", "both"]
versus = "baseline"
role = "out_of_sample"
margin = 0.1

[[claims]]
id = "level"
says = "The baseline is better than chance."
quantity = "auc"
kind = "above"
bound = 0.5
variants = ["baseline"]
role = "in_sample"
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny study, run once in `a`, without a PDF."""
    folder = tmp_path_factory.mktemp("tiny")
    study = tiny_study(folder)
    study.write_text(study.read_text("utf-8") + '\n[output]\nformats = ["html"]\n' + CLAIMS, "utf-8")
    assert main(["run", str(study), "--out", str(folder / "a"), "--cache", str(folder / "cache"), "--quiet"]) == 0
    return folder


@pytest.fixture
def run(place: Path, tmp_path: Path) -> Path:
    """A copy of the finished run directory, to change."""
    return Path(shutil.copytree(place / "a", tmp_path / "run"))


def records(folder: Path) -> dict[str, str]:
    """Hash of every record by name, but for marks and manifest, which hold wall times."""
    kept = ("images", "examples", "autoencoders", "runs")
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for part in kept
        for path in sorted((folder / part).rglob("*"))
        if path.is_file() and not path.name.endswith(".done.json")
    }


def again(place: Path, out: Path, *more: str) -> int:
    return main(["run", str(place / "tiny.toml"), "--out", str(out), "--cache", str(place / "cache"), "--quiet", *more])


def test_run_directory_holds_what_the_contract_names(place: Path) -> None:
    """A run leaves study, manifest, records, tables, results and a report."""
    out = place / "a"
    for name in ("study.toml", "manifest.json", "results.json", "reports/index.html", "tables/metrics.csv"):
        assert (out / name).stat().st_size > 0, name
    for variant in ("baseline", "augment", "autoencoder", "both"):
        for seed in (0, 1, 2):
            folder = out / "runs" / variant / f"seed-{seed}"
            for name in ("weights.safetensors", "history.parquet", "predictions.parquet", "train.done.json"):
                assert (folder / name).exists(), f"{variant} {seed} {name}"
    for name in ("benchmark", "significance", "dispersion"):
        assert (out / f"reports/{name}.html").stat().st_size > 0, name
    assert not list(out.rglob("*.part")), "no temporary file is left"


def test_predictions_cover_the_whole_grid(place: Path) -> None:
    """Every run is tested on every image of every set through all four paths, once."""
    frame = pd.read_parquet(place / "a/runs/both/seed-1/predictions.parquet")
    assert list(frame.columns) == ["test_set", "path", "image_id", "logit"]
    assert frame["logit"].dtype == np.float32
    assert set(frame["path"]) == {"none", "augment", "autoencode", "both"}
    assert set(frame["test_set"]) == {"validation", "test", "elsewhere@bilinear"}
    assert not frame.duplicated(["test_set", "path", "image_id"]).any()
    images = pd.read_parquet(place / "a/images/elsewhere@bilinear.parquet")
    for _, part in frame[frame["test_set"] == "elsewhere@bilinear"].groupby("path"):
        assert set(part["image_id"]) == set(images["image_id"])


def test_accuracy_in_results_is_that_of_the_predictions(place: Path) -> None:
    """The accuracy in results.json is the mean of what a reader counts from the files himself."""
    results = json.loads((place / "a/results.json").read_text("utf-8"))
    labels = pd.read_parquet(place / "a/images/test.parquet").set_index("image_id")["label"]
    for variant, path in (("baseline", "none"), ("both", "both")):
        counted = []
        for seed in (0, 1, 2):
            frame = pd.read_parquet(place / f"a/runs/{variant}/seed-{seed}/predictions.parquet")
            frame = frame[(frame["test_set"] == "test") & (frame["path"] == path)]
            counted.append(((frame["logit"] > 0) == (frame["image_id"].map(labels) == 1)).mean())
        row = next(
            r
            for r in results["metrics"]
            if (r["quantity"], r["variant"], r["test_set"], r["source"], r["path"])
            == ("accuracy", variant, "test", None, path)
        )
        assert row["estimate"] == pytest.approx(np.mean(counted), abs=1e-12)


def test_the_tiny_study_is_learnt(place: Path) -> None:
    """The baseline tells the grid from the camera: label 1 means synthetic from the files to the logits."""
    frame = pd.read_parquet(place / "a/runs/baseline/seed-0/predictions.parquet")
    labels = pd.read_parquet(place / "a/images/test.parquet").set_index("image_id")["label"]
    frame = frame[(frame["test_set"] == "test") & (frame["path"] == "none")]
    mean = frame.groupby(frame["image_id"].map(labels))["logit"].mean()
    assert mean[1] > mean[0]


def test_the_same_study_twice_gives_the_same_records(place: Path) -> None:
    """Every record of a second run equals the first's, to the byte."""
    assert again(place, place / "b") == 0
    assert records(place / "a") == records(place / "b")


def test_a_finished_run_trains_nothing_again(place: Path, run: Path) -> None:
    """Running again touches no record."""
    before = {path: path.stat().st_mtime_ns for path in run.rglob("weights.safetensors")}
    assert again(place, run) == 0
    assert before == {path: path.stat().st_mtime_ns for path in run.rglob("weights.safetensors")}


def test_a_damaged_record_is_made_again(place: Path, run: Path) -> None:
    """A truncated prediction file is noticed by its hash and comes back equal; nothing else is touched."""
    path = run / "runs/augment/seed-1/predictions.parquet"
    path.write_bytes(path.read_bytes()[:-7])
    weights = (run / "runs/augment/seed-1/weights.safetensors").stat().st_mtime_ns
    assert again(place, run) == 0
    assert records(run) == records(place / "a")
    assert (run / "runs/augment/seed-1/weights.safetensors").stat().st_mtime_ns == weights


def test_explain_says_what_is_kept_and_what_changed(place: Path, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Another number of maps makes maps again, with the reason, and no training."""
    study = place / "tiny.toml"
    changed = place / "more-maps.toml"
    changed.write_text(study.read_text("utf-8").replace("images = 16", "images = 12"), "utf-8")
    code = main(["run", str(changed), "--out", str(run), "--cache", str(place / "cache"), "--quiet", "--explain"])
    lines = capsys.readouterr().out.splitlines()
    assert code == 0
    assert "baseline seed-0 train: kept" in lines
    assert "baseline seed-0 predict: kept" in lines
    assert any(line.startswith("baseline seed-0 maps: 2 of 2: changed: rows") for line in lines)


def test_a_change_of_title_makes_nothing_again(place: Path, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A cosmetic edit is outside every identity."""
    changed = place / "title.toml"
    changed.write_text((place / "tiny.toml").read_text("utf-8").replace("A tiny study", "Another title"), "utf-8")
    assert main(["run", str(changed), "--out", str(run), "--cache", str(place / "cache"), "--explain", "--quiet"]) == 0
    assert all(line.endswith(": kept") for line in capsys.readouterr().out.splitlines())


def test_a_rebuilt_report_is_equal_to_the_byte(run: Path) -> None:
    """Two builds from one run directory give the same pages."""
    assert main(["report", str(run), "--format", "html", "--out", str(run / "one")]) == 0
    assert main(["report", str(run), "--format", "html", "--out", str(run / "two")]) == 0
    names = ("benchmark.html", "significance.html", "dispersion.html", "index.html")
    assert sorted(path.name for path in (run / "one").iterdir()) == sorted(names)
    for name in names:
        assert (run / "one" / name).read_bytes() == (run / "two" / name).read_bytes(), name


def test_one_document_is_written_alone(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--document` writes that document and the index, and names both; an unknown one is one line."""
    assert main(["report", str(run), "--document", "significance", "--format", "html", "--out", str(run / "one")]) == 0
    assert capsys.readouterr().out.split() == [str(run / "one" / name) for name in ("significance.html", "index.html")]
    assert main(["report", str(run), "--document", "poster", "--out", str(run / "two")]) == 2
    assert "choose from benchmark, significance, dispersion" in capsys.readouterr().err


def test_analyze_writes_the_same_results_again(run: Path) -> None:
    """`isitcap analyze` reproduces results.json from the records alone."""
    before = (run / "results.json").read_bytes()
    (run / "results.json").unlink()
    assert main(["analyze", str(run)]) == 0
    assert (run / "results.json").read_bytes() == before


def margins_of(run: Path) -> dict[str, float | None]:
    """The margin of each claim, and that of accuracy's contrasts on each test set, in results.json."""
    results = json.loads((run / "results.json").read_text("utf-8"))
    claims = {verdict["id"]: verdict["margin"] for verdict in results["verdicts"]}
    rows = [row for row in results["contrasts"] if row["quantity"] == "accuracy" and row["source"] is None]
    return claims | {row["test_set"]: row["margin"] for row in rows}


@pytest.mark.parametrize(
    ("words", "changed"),
    [
        (["preserved=0.2"], {"preserved": 0.2}),
        (["in_sample=0.2"], {"test": 0.2}),
        (["0.2", "preserved=0.3"], {"preserved": 0.3, "no-help": 0.2, "test": 0.2, "elsewhere@bilinear": 0.2}),
    ],
)
def test_analyze_takes_another_margin(run: Path, words: list[str], changed: dict[str, float]) -> None:
    """A margin by claim, by role or for all reaches what it names and nothing else, and the verdict says it changed."""
    declared = {"preserved": 0.05, "no-help": 0.1, "level": None}
    usual = declared | {"validation": None, "test": 0.01, "elsewhere@bilinear": 0.05}
    assert margins_of(run) == usual
    assert main(["analyze", str(run), *(part for word in words for part in ("--margin", word))]) == 0
    assert margins_of(run) == usual | changed
    results = json.loads((run / "results.json").read_text("utf-8"))
    for verdict in results["verdicts"]:
        name, margin = verdict["id"], declared[verdict["id"]]
        told = f"margin {margin:g} when the runs began, {changed[name]:g} now" if name in changed else None
        assert (verdict["margin_declared"], verdict["changed"]) == (margin, told)
    table = pd.read_csv(run / "tables/verdicts.csv")
    assert dict(zip(table["claim"], table["margin"].round(9), strict=True)) == pytest.approx(
        {name: np.nan if usual[name] is None else (usual | changed)[name] for name in declared}, nan_ok=True
    )


def test_analyze_takes_another_alpha(run: Path) -> None:
    """Another level of tests reaches every verdict, which says so; the intervals stay."""
    before = json.loads((run / "results.json").read_text("utf-8"))
    assert main(["analyze", str(run), "--alpha", "0.01"]) == 0
    after = json.loads((run / "results.json").read_text("utf-8"))
    assert (before["alpha"], after["alpha"]) == (0.05, 0.01)
    assert after["metrics"] == before["metrics"]
    for verdict in after["verdicts"]:
        assert verdict["alpha"] == 0.01
        assert verdict["changed"] == "alpha 0.05 when the runs began, 0.01 now"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--margin", "0"], "claim `preserved`: `margin` = 0 must be above 0, since no data can show"),
        (["--margin", "-0.01"], "`margin` = -0.01 must be above 0"),
        (["--margin", "x"], "--margin x: `x` is no number; give one such as 0.01 for a point"),
        (["--margin", "preserved="], "--margin preserved=: `` is no number"),
        (["--margin", "preserved=0"], "claim `preserved`: `margin` = 0 must be above 0"),
        (["--margin", "in_sample=0"], "margin 0.0 of in_sample test sets: must lie between 0 and 1"),
        (["--margin", "nan"], "margin"),
        (["--margin", "2"], "`margin` = 2: accuracy lies between 0 and 1"),
        (
            ["--margin", "nobody=0.1"],
            "margin of `nobody`: no such role or claim; known: in_sample, out_of_sample, preserved, no-help, level",
        ),
        (["--margin", "validation=0.1"], "margin of `validation`: no such role or claim"),
        (["--margin", "level=0.1"], "`above` has no `margin`"),
        (["--alpha", "2"], "alpha 2.0: must lie between 0 and 0.5, such as 0.05"),
        (["--alpha", "0"], "alpha 0.0: must lie between 0 and 0.5"),
        (["--alpha", "nan"], "alpha nan: must lie between 0 and 0.5"),
    ],
)
def test_analyze_refuses_impossible_levels(
    run: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    """What no analysis can have gets one line and exit code 2, and the results stay as they were."""
    files = [run / "results.json", *sorted((run / "tables").iterdir())]
    before = [(path.read_bytes(), path.stat().st_mtime_ns) for path in files]
    capsys.readouterr()
    assert main(["analyze", str(run), *words]) == 2
    told = capsys.readouterr()
    assert message in told.err
    assert told.err.startswith("isitcap: ")
    assert told.err.count("\n") == 1
    assert told.out == ""
    assert [(path.read_bytes(), path.stat().st_mtime_ns) for path in files] == before


def test_analyze_refuses_an_alpha_that_is_no_number(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The parser refuses in one line, too."""
    before = (run / "results.json").read_bytes()
    with pytest.raises(SystemExit) as caught:
        main(["analyze", str(run), "--alpha", "x"])
    assert caught.value.code == 2
    told = capsys.readouterr().err
    assert "invalid float value: 'x'" in told
    assert told.count("\n") == 1
    assert (run / "results.json").read_bytes() == before


def test_manifest_names_what_made_the_records(run: Path) -> None:
    """Versions, command, device, data hashes and wall time are in the manifest, and every stage is done."""
    manifest = json.loads((run / "manifest.json").read_text("utf-8"))
    session = manifest["sessions"][-1]
    assert session["command"][:2] == ["isitcap", "run"]
    assert session["versions"]["torch"] == torch.__version__.split("+")[0] or session["versions"]["torch"]
    assert session["device"]["threads"] == torch.get_num_threads()
    assert session["wall_seconds"] > 0
    assert len(manifest["packs"]) == 3
    assert sum(name.endswith("predict") for name in manifest["done"]) == 12
