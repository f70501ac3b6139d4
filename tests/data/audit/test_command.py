"""The command from a folder, and from the complete CIFAKE, to its files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

pytest.importorskip("sklearn", reason="needs scikit-learn")

from PIL import Image

from analysis.audit import Audit
from isitcap.cli import main

Look = Callable[..., Image.Image]
Save = Callable[..., bytes]


@pytest.mark.slow
def test_a_folder_becomes_a_page_and_tables(
    tmp_path: Path, picture: Look, saved: Save, capsys: pytest.CaptureFixture[str]
) -> None:
    """The verdict is printed; JSON, Parquet, CSV and page hold the same pair; a second time gives the same bytes."""
    for label in ("real", "fake"):
        for number in range(12):
            path = tmp_path / "set" / label / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(saved(picture(number + 100 * (label == "fake")), "PNG"))
    (tmp_path / "set/fake/copy.png").write_bytes((tmp_path / "set/fake/3.png").read_bytes())
    words = ["data", "audit", str(tmp_path / "set"), "--quiet", "--out", str(tmp_path / "out")]
    assert main(words) == 0
    assert "0 leaks" in capsys.readouterr().out
    out = tmp_path / "out"
    audit = Audit.model_validate_json((out / "audit.json").read_text("utf-8"))
    ids = [finding.id for finding in audit.findings]
    assert len(ids) == len(set(ids))
    assert "duplicates-inside/set/bytes" in ids
    rows = pd.read_parquet(out / "duplicates.parquet")
    assert rows["image_id"].tolist() == ["set/fake/3.png", "set/fake/copy.png"]
    assert rows["again_bytes"].tolist() == [False, True]
    assert len(pd.read_parquet(out / "images.parquet")) == 25
    page = (out / "audit.html").read_text("utf-8")
    assert "<h1>Audit of set</h1>" in page
    assert "all reports of this study" not in page
    assert all(finding.id in page for finding in audit.findings)
    assert main(words) == 0
    assert (out / "audit.html").read_text("utf-8") == page


@pytest.mark.parametrize(
    ("words", "line"),
    [(["nowhere"], "neither a study"), (["demo", "--audit", "x"], "--audit x is of a run directory")],
)
def test_what_cannot_be_audited_is_refused_in_one_line(
    words: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2 and one line on standard error."""
    assert main(["data", "audit", *words]) == 2
    error = capsys.readouterr().err
    assert line in error
    assert error.count("\n") == 1


@pytest.mark.slow
def test_the_complete_cifake_shows_what_is_known_of_it(real_cifake: Path, tmp_path: Path) -> None:
    """378 fakes cross the parts, 1,336 byte pairs in all, one quantisation table, and the counts of greyscale."""
    out = tmp_path / "out"
    assert main(["data", "audit", str(real_cifake), "--quiet", "--out", str(out)]) == 0
    audit = json.loads((out / "audit.json").read_text("utf-8"))
    found = {finding["id"]: finding for finding in audit["findings"]}
    crossing = found["duplicates-across-parts/cifake/bytes"]
    assert (crossing["severity"], crossing["measure"]["value"], crossing["measure"]["n"]) == ("leak", 378, 20_000)
    tables = {table["id"]: table for table in audit["tables"]}
    assert "118,664 distinct files (1,336 byte-identical pairs)" in tables["table-duplicates"]["caption"]
    exact = {
        row["heads"][1]: row["cells"][0]["value"]
        for row in tables["table-duplicates"]["rows"]
        if row["heads"][0] == "byte-identical"
    }
    assert sorted(exact.values()) == [38, 378, 920]
    assert all("real" not in where for where in exact)
    assert "one quantisation table (q75) and one kind (4:2:0) of chroma" in found["jpeg-tables/cifake"]["says"]
    assert "729 of 60,000 real" in found["greyscale/cifake"]["says"]
    assert "1,368 of 60,000 synthetic" in found["greyscale/cifake"]["says"]
    assert "two-labels/bytes" not in found


@pytest.mark.parametrize("place", ["file", "file/out"])
def test_an_out_that_cannot_be_written_is_refused_before_anything_is_read(
    place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An hour of reading is not spent on what can be put nowhere."""
    (tmp_path / "real").mkdir()
    Image.new("RGB", (32, 32)).save(tmp_path / "real/a.png")
    (tmp_path / "file").touch()
    monkeypatch.setattr("isitcap.data.audit.material.gather", lambda *_, **__: pytest.fail("read"))
    words = ["data", "audit", str(tmp_path / "real"), "--label", "real", "--quiet", "--out", str(tmp_path / place)]
    assert main(words) == 2
    error = capsys.readouterr().err
    assert "choose another place with --out" in error
    assert error.count("\n") == 1
