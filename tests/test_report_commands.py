"""`isitcap report` of inputs that were kept."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from made_up_results import made_up_results

from analysis.reporting import Examples, ExampleSet
from analysis.reporting.kept_inputs import keep_inputs
from isitcap.cli import main


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    pixels = np.zeros((1, 4, 4, 3), np.uint8)
    maps = {("baseline", "saliency", "image"): np.eye(4)[None]}
    examples = Examples(0, (ExampleSet("test", pixels, ("a.png",), (1,), ("a",), maps),))
    keep_inputs(made_up_results(), examples, tmp_path / "inputs")
    return tmp_path / "inputs"


def test_documents_are_made_from_inputs_and_kept_again(
    inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder of inputs stands in for a run directory; the inputs kept beside the documents are the same bytes."""
    out = tmp_path / "out"
    words = ["report", str(inputs), "--out", str(out), "--format", "html", "--keep-inputs"]
    assert main(words) == 0
    names = ["benchmark", "significance", "dispersion"]
    kept = ["results.json.xz", "examples.json", "examples.safetensors.xz"]
    assert capsys.readouterr().out.splitlines() == [
        *(str(out / f"{name}.html") for name in (*names, "index")),
        *(str(out / "inputs" / name) for name in (*kept, "documents.json")),
    ]
    for name in kept:
        assert (out / "inputs" / name).read_bytes() == (inputs / name).read_bytes()
    told = json.loads((out / "inputs" / "documents.json").read_text("utf-8"))["documents"]
    for name in names:
        page = (out / f"{name}.html").read_bytes()
        assert told[f"{name}.html"]["sha256"] == hashlib.sha256(page).hexdigest()


def test_damaged_inputs_end_with_two(inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line says which file is damaged and what to do."""
    (inputs / "results.json.xz").write_bytes(b"no")
    assert main(["report", str(inputs), "--out", str(tmp_path / "out")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "results.json.xz: is no whole xz file" in line
