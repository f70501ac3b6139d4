"""The command line from a study to its documents, on a tiny study."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`")

from isitcap.cli import main  # noqa: E402
from isitcap.testing import record_hashes, tiny_study  # noqa: E402

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
            if (r["quantity"], r["variant"], r["test_set"], r.get("source"), r["path"])
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
    assert record_hashes(place / "a") == record_hashes(place / "b")


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
    assert record_hashes(run) == record_hashes(place / "a")
    assert (run / "runs/augment/seed-1/weights.safetensors").stat().st_mtime_ns == weights


def other_study(place: Path, folder: Path, *edits: tuple[str, str]) -> Path:
    """The tiny study with edits, beside its images."""
    text = (place / "tiny.toml").read_text("utf-8")
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    for source in ("inside", "other-camera", "other-grid"):
        text = text.replace(f'path = "{source}"', f'path = "{place / source}"')
    (folder / "other.toml").write_text(text, "utf-8")
    return folder / "other.toml"


def run_other(place: Path, run: Path, study: Path, *more: str) -> int:
    return main(["run", str(study), "--out", str(run), "--cache", str(place / "cache"), "--quiet", *more])


def test_explain_says_what_is_kept_and_what_changed(
    place: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A larger number of maps makes maps again, with the reason, and no training."""
    changed = other_study(place, tmp_path, ("images = 16", "images = 20"))
    code = run_other(place, run, changed, "--explain")
    lines = capsys.readouterr().out.splitlines()
    assert code == 0
    assert "images test: kept" in lines
    assert "baseline seed-0 train: kept" in lines
    assert "baseline seed-0 predict: kept" in lines
    assert "baseline seed-0 maps saliency: 2 of 2: images of a test set 16 → 20" in lines


def test_fewer_maps_than_there_are_keep_them(
    place: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Maps that `explain` added survive the study that asks for fewer images and methods; one line says so."""
    words = ["--images", "20", "--methods", "gradcam", "--states", "untrained", "--cache", str(place / "cache")]
    assert main(["explain", str(run), "--quiet", *words]) == 0
    maps = {path: path.stat().st_mtime_ns for path in (run / "runs").rglob("maps/*")}
    capsys.readouterr()
    assert again(place, run) == 0
    assert {path: path.stat().st_mtime_ns for path in (run / "runs").rglob("maps/*")} == maps
    assert capsys.readouterr().err == (
        f"isitcap: {run}: the maps there cover more than the study asks for; that is kept: "
        "methods: also gradcam; states: also untrained; images: 20 instead of 16\n"
    )
    results = json.loads((run / "results.json").read_text("utf-8"))
    assert {"saliency.image", "gradcam.image"} <= {row["path"] for row in results["dispersion"]}


def test_finished_runs_are_not_trained_over_unasked(
    place: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What changed, how many runs it costs and the ways out are one line, nothing is written; --explain shows all."""
    changed = other_study(place, tmp_path, ("[classifier]\nepochs = 2", "[classifier]\nepochs = 3"))
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*") if path.is_file()}
    assert run_other(place, run, changed) == 2
    assert capsys.readouterr().err == (
        f"isitcap: {run}: 12 finished runs would be lost (12 trained again), since what bears on them is no longer "
        "the same: classifier.epochs 2 → 3; give another folder with --out to keep them, or --again to make them over\n"
    )
    assert run_other(place, run, changed, "--explain") == 0
    assert "both seed-2 train: classifier.epochs 2 → 3" in capsys.readouterr().out.splitlines()
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*") if path.is_file()} == before


def test_changed_data_are_named(place: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Other images under the same names, in training or test, are told by their source."""
    for source, count in (("inside", "(12 trained again)"), ("other-grid", "(12 tested again)")):
        other = Path(shutil.copytree(place / source, tmp_path / source))
        image = next(path for path in sorted(other.rglob("*.png")))
        shutil.copy(place / "other-camera" / "0007.png", image)
        assert run_other(place, run, place / "tiny.toml", "--data", f"{source}={other}") == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert count in error
        assert f"data of source `{source}` changed" in error


def test_again_makes_finished_runs_over(place: Path, run: Path, tmp_path: Path) -> None:
    """Asked to, a changed study takes the place of the earlier one, and is finished then."""
    edits = [("seeds = [0, 1, 2]\n", 'seeds = [0, 1, 2]\nvariants = ["baseline"]\n')]
    claims = (place / "tiny.toml").read_text("utf-8")
    edits += [(claims[claims.index("[analysis]") :], ""), ("[classifier]\nepochs = 2", "[classifier]\nepochs = 1")]
    changed = other_study(place, tmp_path, *edits)
    assert run_other(place, run, changed) == 2
    assert run_other(place, run, changed, "--again") == 0
    assert len(pd.read_parquet(run / "runs/baseline/seed-1/history.parquet")) == 1
    assert len(pd.read_parquet(run / "runs/both/seed-1/history.parquet")) == 2, "of no variant of the study"
    assert run_other(place, run, changed) == 0


def test_claims_that_fall_away_are_named(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Leaving out a source tells which claims go with it."""
    assert again(place, tmp_path / "less", "--without", "other-grid", "--explain") == 0
    assert capsys.readouterr().err == (
        "isitcap: --without other-grid: the study's claims about what is left out fall away: no-help\n"
    )


def test_a_batch_larger_than_the_training_set_is_told(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One step an epoch is one warning, for classifier and autoencoder together."""
    changed = other_study(place, tmp_path, ("batch_size = 32", "batch_size = 500"))
    assert run_other(place, tmp_path / "small", changed, "--explain") == 0
    assert capsys.readouterr().err == (
        "isitcap: every epoch of training is one step, with classifier.batch_size = 500 for 160 images and "
        "autoencoder.batch_size = 500 for 160 images; give a smaller batch_size\n"
    )
    assert not (tmp_path / "small").exists()


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


def test_a_report_of_other_records_is_refused(place: Path, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Maps made after the results are noticed, analyze mends it, and all that is wrong is told together."""
    assert main(["explain", str(run), "--methods", "gradcam", "--cache", str(place / "cache")]) == 0
    hint = f"`isitcap analyze {run}`, then into the reports with `isitcap report {run}`"
    assert hint in capsys.readouterr().err
    pages = {path: path.stat().st_mtime_ns for path in (run / "reports").iterdir()}
    assert main(["report", str(run), "--format", "html"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("isitcap: results.json is older than the maps (stages: ")
    assert error.endswith(f"; bring it up to date with `isitcap analyze {run}`\n")
    weights = run / "runs/both/seed-1/weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    (run / "runs/augment/seed-2/predict.done.json").unlink()
    assert main(["report", str(run)]) == 2
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 3
    assert "augment: seeds not finished: 2; finish them with `isitcap run`" in error
    assert "runs/both/seed-1: weights.safetensors is not what was written; make it again with `isitcap run`" in error
    assert {path: path.stat().st_mtime_ns for path in (run / "reports").iterdir()} == pages
    assert again(place, run) == 0
    assert main(["report", str(run), "--format", "html"]) == 0


def test_analyze_writes_the_same_results_again(run: Path) -> None:
    """`isitcap analyze` reproduces results.json from the records alone."""
    before = (run / "results.json").read_bytes()
    (run / "results.json").unlink()
    assert main(["analyze", str(run)]) == 0
    assert (run / "results.json").read_bytes() == before


def margins_of(run: Path) -> dict[str, float | None]:
    """The margin of each claim, and that of accuracy's contrasts on each test set, in results.json."""
    results = json.loads((run / "results.json").read_text("utf-8"))
    claims = {verdict["id"]: verdict.get("margin") for verdict in results["verdicts"]}
    rows = [row for row in results["contrasts"] if row["quantity"] == "accuracy" and row.get("source") is None]
    return claims | {row["test_set"]: row.get("margin") for row in rows}


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
        assert (verdict.get("margin_declared"), verdict.get("changed")) == (margin, told)
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


def test_a_study_file_that_was_changed_after_the_runs_is_told(run: Path) -> None:
    """A margin of a role, α and a coverage edited in the study file are marked like those of the command line."""
    study = run / "study.toml"
    text = study.read_text("utf-8")
    for then, now in (("in_sample = 0.01", "in_sample = 0.2"), ("alpha = 0.05", "alpha = 0.1"),
                      ("confidence = 0.95", "confidence = 0.9")):  # fmt: skip
        assert text.count(f"\n{then}\n") == 1
        text = text.replace(f"\n{then}\n", f"\n{now}\n")
    study.write_text(text, "utf-8")
    assert main(["report", str(run), "--format", "html"]) == 2, "results of another study file make no report"
    assert main(["analyze", str(run)]) == 0
    assert main(["report", str(run), "--format", "html"]) == 0
    results = json.loads((run / "results.json").read_text("utf-8"))
    assert [(m["role"], m["margin"], m["declared"]) for m in results["margins"]] == [
        ("in_sample", 0.2, 0.01),
        ("out_of_sample", 0.05, 0.05),
    ]
    assert (results["alpha_declared"], results["confidence_declared"]) == (0.05, 0.95)
    told = {verdict["id"]: verdict.get("changed") for verdict in results["verdicts"]}
    levels = "alpha 0.05 when the runs began, 0.1 now; confidence 0.95 when the runs began, 0.9 now"
    assert told["level"] == levels
    assert told["preserved"] == "alpha 0.05 when the runs began, 0.1 now"
    lead = "Not as declared: tests are at α = 0.1 instead of 0.05; intervals are at 90 % instead of 95 %; the margin"
    for name in ("index", "benchmark", "dispersion", "significance"):
        page = re.sub("<[^>]*>", "", (run / f"reports/{name}.html").read_text("utf-8")).replace("\u00a0", " ")
        assert lead in " ".join(page.split()), name
    assert "20 points in sample instead of the declared 1 point" in " ".join(page.split())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--margin", "0"], "margin 0 of all claims and tests: must be a number above 0, since no data can show"),
        (["--margin", "-0.01"], "margin -0.01 of all claims and tests: must be a number above 0"),
        (["--margin", "x"], "--margin x: `x` is no number; give one such as 0.01 for a point"),
        (["--margin", "preserved="], "--margin preserved=: `` is no number"),
        (["--margin", "preserved=0"], "margin 0 of `preserved`: must be a number above 0"),
        (["--margin", "in_sample=0"], "margin 0 of `in_sample`: must be a number above 0"),
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
