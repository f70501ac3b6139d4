"""`isitcap explain`: more maps of a finished run, and no training."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path

import pandas as pd
import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`")

from isitcap.cli import main  # noqa: E402
from isitcap.findings import examples_of, open_run  # noqa: E402
from isitcap.records.directory import RunDirectory  # noqa: E402
from isitcap.records.reader import read_frames  # noqa: E402
from isitcap.testing import tiny_study  # noqa: E402

SEEDS = (0, 1)
POINTS = ("image", "classifier_input")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny study of two variants and two seeds, run once in `a`."""
    folder = tmp_path_factory.mktemp("explain")
    study = tiny_study(folder)
    text = study.read_text("utf-8").replace(
        "seeds = [0, 1, 2]\n", 'seeds = [0, 1]\nvariants = ["baseline", "autoencoder"]\n'
    )
    text = text.replace("store = 8", "store = 4\ndetail_images = 6\ndetail_seeds = 1\nsteps = 4\nsamples = 2")
    study.write_text(text + '\n[output]\nformats = ["html"]\n', "utf-8")
    assert main(["run", str(study), "--out", str(folder / "a"), "--cache", str(folder / "cache"), "--quiet"]) == 0
    return folder


@pytest.fixture
def run(place: Path, tmp_path: Path) -> Path:
    """A copy of the finished run directory, to change."""
    return Path(shutil.copytree(place / "a", tmp_path / "run"))


def explain(place: Path, run: Path, *more: str) -> int:
    return main(["explain", str(run), "--cache", str(place / "cache"), "--quiet", *more])


def contents(run: Path, pattern: str) -> dict[str, bytes]:
    return {path.relative_to(run).as_posix(): path.read_bytes() for path in run.rglob(pattern) if path.is_file()}


def test_methods_are_added_and_nothing_else_is_touched(place: Path, run: Path) -> None:
    """New maps, nulls and curves stand beside the old records, whose files are not written again."""
    records = [path for part in ("runs", "images", "examples", "autoencoders") for path in (run / part).rglob("*.*")]
    times = {path: path.stat().st_mtime_ns for path in records if path.is_file()}
    options = ["--methods", "integrated_gradients,gradcam", "--states", "untrained,randomised", "--faithfulness"]
    assert explain(place, run, *options) == 0
    assert times == {path: path.stat().st_mtime_ns for path in times}
    settings = tomllib.loads((run / "study.toml").read_text("utf-8"))["attribution"]
    assert settings["methods"] == ["saliency", "integrated_gradients", "gradcam"]
    assert settings["states"] == ["untrained", "randomised"]
    assert settings["faithfulness"] is True
    maps = {path.name for path in (run / "runs/autoencoder/seed-0/maps").glob("test.*.parquet")}
    layers = ("dense2", "dense1", "conv2", "conv1")
    assert maps == {
        f"test.{rest}.parquet"
        for rest in (
            *(f"{method}.{point}" for method in ("saliency", "integrated_gradients") for point in POINTS),
            "gradcam.classifier_input",
            *(f"saliency.{point}~untrained" for point in POINTS),
            *(f"saliency.{point}~randomised-{layer}" for point in POINTS for layer in layers),
        )
    }
    frames = read_frames(RunDirectory(run), ["baseline", "autoencoder"], SEEDS, ["test", "elsewhere@bilinear"])
    counts = frames.maps.groupby(["method", "seed", "variant", "point", "test_set"]).size()
    assert set(counts.loc[["saliency", "integrated_gradients"]]) == {16}
    assert set(counts.loc["gradcam"]) == {6}
    assert set(counts.loc["gradcam"].index.get_level_values("seed")) == {0}
    errors = frames.maps.set_index("method")["completeness_error"]
    assert errors.loc["integrated_gradients"].notna().all()
    assert errors.loc[["saliency", "gradcam"]].isna().all()
    assert frames.null_maps["similarity"].between(-1, 1).all()
    assert set(frames.faithfulness["method"]) == {"saliency", "integrated_gradients", "gradcam"}
    assert frames.faithfulness.notna().all(axis=None)
    session = json.loads((run / "manifest.json").read_text("utf-8"))["sessions"][-1]
    assert session["command"][:2] == ["isitcap", "explain"]
    assert main(["analyze", str(run)]) == 0
    results = json.loads((run / "results.json").read_text("utf-8"))
    paths = {row["path"] for row in results["dispersion"]}
    assert {"saliency.image", "gradcam.classifier_input"} <= paths
    assert {"saliency.image~untrained", "saliency.classifier_input~randomised-conv1"} <= paths
    nulls = [row for row in results["dispersion_contrasts"] if "~" in row["path"]]
    assert nulls
    assert all(row.get("source") is None and row.get("subset") is None for row in nulls), (
        "nulls are of whole sets alone"
    )
    assert {row["path"].partition(".")[0] for row in results["faithfulness"]} == set(settings["methods"])
    assert {row["quantity"] for row in results["agreement"]} == {"seed_agreement", "variant_agreement"}
    assert any(row["path"] == "saliency.image" for row in results["model_checks"])
    assert (run / "tables/faithfulness.csv").stat().st_size > (run / "tables/agreement.csv").stat().st_size > 1000
    assert main(["report", str(run), "--format", "html"]) == 0
    shown = examples_of(open_run(run)).sets[0].maps
    assert shown["baseline", "gradcam", "image"].shape[1:] == shown["baseline", "saliency", "image"].shape[1:]


def test_images_are_added(place: Path, run: Path) -> None:
    """A larger sample begins with the one there was, and no classifier is trained or tested again."""
    name = "runs/autoencoder/seed-1/maps/test.saliency.image.parquet"
    before, kept = pd.read_parquet(run / name), contents(run, "[wp]*.*")
    assert explain(place, run, "--images", "24") == 0
    after = pd.read_parquet(run / name)
    assert len(after) == 24
    assert after["image_id"][:16].tolist() == before["image_id"].tolist()
    assert after["gini"][:16].tolist() == pytest.approx(before["gini"].tolist(), rel=1e-5)
    assert contents(run, "[wp]*.*") == kept
    assert {"runs/baseline/seed-0/weights.safetensors", "runs/baseline/seed-0/predictions.parquet"} <= set(kept)


def test_it_goes_on_where_it_stopped(place: Path, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same command again makes what is missing alone, and says so when nothing is."""
    assert explain(place, run, "--methods", "input_x_gradient") == 0
    made = contents(run, "*input_x_gradient*")
    next(run.rglob("test.input_x_gradient.image.done.json")).unlink()
    assert explain(place, run, "--methods", "input_x_gradient") == 0
    assert set(contents(run, "*input_x_gradient*")) == set(made)
    capsys.readouterr()
    assert main(["explain", str(run), "--cache", str(place / "cache")]) == 0
    assert "every map is there; nothing to explain" in capsys.readouterr().err


def test_a_run_of_another_machine_is_kept(
    place: Path, run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where threads differ from those of the training, `run` would train again; `explain` does not."""
    monkeypatch.setattr(torch, "get_num_threads", lambda: 77)
    weights = contents(run, "weights.safetensors")
    assert explain(place, run, "--methods", "gradcam") == 0
    assert contents(run, "weights.safetensors") == weights
    manifest = json.loads((run / "manifest.json").read_text("utf-8"))
    assert manifest["sessions"][-1]["device"]["threads"] == 77
    capsys.readouterr()
    assert explain(place, run) == 0


def refused(capsys: pytest.CaptureFixture[str]) -> str:
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    return lines[0]


def test_it_never_trains(place: Path, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A damaged training record is named with what to do, and nothing is written."""
    weights = run / "runs/baseline/seed-1/weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    before = contents(run, "*.*")
    assert explain(place, run, "--methods", "gradcam") == 2
    line = refused(capsys)
    assert "baseline seed-1 train: weights.safetensors is not what was written" in line
    assert "`isitcap explain` trains nothing, bring the run up to date with `isitcap run`" in line
    assert contents(run, "*.*") == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--methods", "deeplift"], "--methods deeplift: no such name; known: saliency"),
        (["--images", "3"], "--images 3: the run has maps of 16 already"),
        (["--data", "inside=/nowhere"], "--data inside=/nowhere: no such file or folder"),
        (["--data", "other=/nowhere"], "the study `tiny` has no such source"),
    ],
)
def test_bad_options(
    place: Path, run: Path, options: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What cannot be explained is one line and exit code 2."""
    assert explain(place, run, *options) == 2
    assert words in refused(capsys)


def test_no_run_directory(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder without a manifest is no run."""
    assert explain(place, tmp_path) == 2
    assert "no manifest.json, so no run directory" in refused(capsys)
