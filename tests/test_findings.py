"""From records to findings where the study has controls: all six variants from training to the page."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("torch", reason="needs the extra `train`")

from isitcap.cli import main
from isitcap.findings import _seeds
from isitcap.models.variants import PATHS, VARIANTS
from isitcap.records.reader import read_maps
from isitcap.testing import tiny_study

SEEDS = (0, 1, 2)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of all six variants, run in `out`, with an autoencoder good enough for a control to be its equal."""
    folder = tmp_path_factory.mktemp("controls")
    study, head = tiny_study(folder), "seeds = [0, 1, 2]\n"
    text = study.read_text("utf-8").replace(head, f"{head}variants = {json.dumps(list(VARIANTS))}\n")
    text = text.replace("[autoencoder]\nepochs = 2", "[autoencoder]\nepochs = 40\nlearning_rate = 1e-2")
    study.write_text(text + '\n[output]\nformats = ["html"]\n', "utf-8")
    assert run(folder) == 0
    return folder


def run(place: Path, *more: str) -> int:
    return main(["run", str(place / "tiny.toml"), "--out", str(place / "out"), "--cache", str(place), "--quiet", *more])


def test_controls_are_recorded_with_the_psnr_they_reach(place: Path) -> None:
    """Beside each seed's autoencoder stand the blur of equal PSNR and the nearest JPEG, with marks of their own."""
    for seed in SEEDS:
        folder = place / "out/autoencoders" / f"seed-{seed}"
        quality = pd.read_parquet(folder / "quality.parquet").iloc[0]
        blur, jpeg = (pd.read_parquet(folder / f"{kind}.parquet").iloc[0] for kind in ("blur", "jpeg"))
        assert quality["psnr"] > 17, "the autoencoder must have learnt something for a control to match"
        assert blur["psnr"] == pytest.approx(quality["psnr"], abs=2e-3)
        assert 0.1 < blur["sigma"] < 8
        assert jpeg["psnr"] == pytest.approx(quality["psnr"], abs=1)
        assert 1 <= jpeg["quality"] <= 100
        for row in (blur, jpeg):
            assert row["autoencoder_psnr"] == quality["psnr"]
            assert row["images"] == quality["images"]
        for kind in ("blur", "jpeg"):
            assert (folder / f"{kind}.done.json").exists()


def test_every_variant_is_tested_through_every_path(place: Path) -> None:
    """The grid has the controls' paths for all variants, and the paths differ."""
    for variant in VARIANTS:
        frame = pd.read_parquet(place / "out/runs" / variant / "seed-0/predictions.parquet")
        assert set(frame["path"]) == set(PATHS)
        wide = frame.pivot_table(index=["test_set", "image_id"], columns="path", values="logit")
        assert not wide.isna().any(axis=None)
        for path in ("autoencode", "blur", "jpeg"):
            assert not np.allclose(wide[path], wide["none"], atol=1e-6), path


def test_maps_stand_at_the_points_of_each_variant(place: Path) -> None:
    """The blur has maps at the image and behind it, which differ; the JPEG round trip behind it alone."""
    maps = place / "out/runs/blur/seed-0/maps"
    at_image, behind = (read_maps(maps / f"test.saliency.{point}.safetensors") for point in VARIANTS["blur"].points)
    assert not np.allclose(at_image.maps, behind.maps, atol=1e-2)
    names = {path.name for path in (place / "out/runs/jpeg/seed-0/maps").glob("test.*.safetensors")}
    assert names == {"test.saliency.classifier_input.safetensors"}


def test_the_page_shows_all_six_and_says_how_strong_the_controls_are(place: Path) -> None:
    """The reports name each variant and each control's parameter, and how far its PSNR is from the autoencoder's."""
    page = "".join(path.read_text("utf-8") for path in sorted((place / "out/reports").glob("*.html")))
    assert all(variant in page for variant in VARIANTS)
    results = json.loads((place / "out/results.json").read_text("utf-8"))
    assert [card["name"] for card in results["study"]["variants"]] == list(VARIANTS)
    notes = {note.split()[1].rstrip(":"): note for note in results["study"]["notes"] if note.startswith("Control ")}
    for kind, name in (("blur", "sigma"), ("jpeg", "quality")):
        frames = [pd.read_parquet(place / "out/autoencoders" / f"seed-{seed}/{kind}.parquet") for seed in SEEDS]
        found = pd.concat(frames)
        decimals = 3 if kind == "blur" else 0
        assert f"{found[name].min():.{decimals}f}" in notes[kind]
        assert f"{found[name].max():.{decimals}f}" in notes[kind]
        gap = (found["psnr"] - found["autoencoder_psnr"]).abs().max()
        assert f"by {gap:.2f} dB at most" in notes[kind]
        assert notes[kind].replace("'", "&#39;") in page


def test_a_map_that_cannot_be_made_has_its_reason(place: Path) -> None:
    """At the image the JPEG variant is compared with nothing, and the row says why; at the classifier's input it is."""
    results = json.loads((place / "out/results.json").read_text("utf-8"))
    rows = {
        row["path"]: row
        for row in results["dispersion_contrasts"]
        if (row["quantity"], row["variant"], row.get("versus"), row["test_set"]) == ("gini", "jpeg", "baseline", "test")
        and row.get("source") is None
        and row.get("subset") is None
    }
    assert rows["saliency.image"]["estimate"] is None
    assert rows["saliency.image"]["reason"] == "jpeg has no maps of saliency at image"
    assert rows["saliency.classifier_input"]["estimate"] is not None
    card = next(card for card in results["study"]["variants"] if card["name"] == "jpeg")
    assert "no gradient" in card["description"]


def test_a_lost_fit_is_made_again_and_nothing_else(place: Path) -> None:
    """Without its record a control is fitted again to the same value, and what was made with it is kept."""
    record = place / "out/autoencoders/seed-1/jpeg.parquet"
    before, weights = record.read_bytes(), place / "out/runs/jpeg/seed-1/weights.safetensors"
    written = weights.stat().st_mtime_ns
    record.unlink()
    assert run(place) == 0
    assert record.read_bytes() == before
    assert weights.stat().st_mtime_ns == written


def test_explain_keeps_everything_of_a_finished_run(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Controls are among the stages that are done."""
    assert run(place, "--explain") == 0
    lines = capsys.readouterr().out.splitlines()
    assert "autoencoder seed-2 blur: kept" in lines
    assert all(line.endswith(": kept") for line in lines)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["isitcap", "run", "demo"], "0, 1, 2"),
        (["isitcap", "run", "demo", "--seeds", "3"], "0, 1, 2"),
        (
            ["isitcap", "run", "demo", "--seeds", "0-7"],
            "of the seeds named in the command (0-7), these are analysed: 0, 1, 2",
        ),
        (
            ["isitcap", "run", "demo", "--seeds=8"],
            "of the seeds named in the command (8), these are analysed: 0, 1, 2",
        ),
        (
            ["isitcap", "run", "demo", "--seeds", "0,5"],
            "not those named in the command (0,5), these are analysed: 0, 1, 2",
        ),
    ],
)
def test_seeds_other_than_the_command_names_are_told(command: list[str], expected: str) -> None:
    """Where the command on record names other seeds than were analysed, the provenance says both."""
    assert _seeds(command, (0, 1, 2)) == expected
