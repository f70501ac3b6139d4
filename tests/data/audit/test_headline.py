"""The headline of a run with and without copies."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("torch", reason="needs the extra `train`")

from analysis.audit import AuditRow, AuditTable, Finding, Measure
from isitcap.cli import main
from isitcap.data.audit.headline import (
    dropped_images,
    headline,
    headline_sentence,
    headline_table,
    headline_text,
    recorded_copies,
    with_headline,
)
from isitcap.data.audit.material import Material
from isitcap.data.audit.running import audit_of
from isitcap.findings import Finished, open_run
from isitcap.records.directory import RunDirectory
from isitcap.testing import tiny_study

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny study whose out-of-sample fakes hold one file twice."""
    folder = tmp_path_factory.mktemp("headline")
    study = tiny_study(folder)
    (folder / "other-grid/copy.png").write_bytes((folder / "other-grid/0003.png").read_bytes())
    study.write_text(study.read_text("utf-8") + '\n[output]\nformats = ["html"]\n', "utf-8")
    assert main(["run", str(study), "--out", str(folder / "out"), "--cache", str(folder), "--quiet"]) == 0
    return folder


@pytest.fixture(scope="module")
def run(place: Path) -> Finished:
    return open_run(place / "out")


def test_all_images_give_the_numbers_of_the_summary(run: Finished) -> None:
    """Without anything dropped both columns are the accuracies of results.json, with their intervals."""
    from isitcap.findings import summary_of

    rows = headline(run, {"bytes": frozenset()})
    summary = {(m.variant, m.test_set): m for m in summary_of(run).metrics if m.quantity == "accuracy" and not m.source}
    shown = [row for row in rows if row.quantity == "accuracy" and row.versus is None]
    assert shown
    for row in shown:
        assert row.whole == row.left["bytes"]
    baseline = next(row for row in shown if row.variant == "baseline" and row.test_set != "test")
    expected = summary["baseline", baseline.test_set]
    assert row_value(baseline.whole) == pytest.approx((expected.estimate, expected.low, expected.high))


def row_value(outcome: object) -> tuple[float | None, ...]:
    return tuple(getattr(outcome, name) for name in ("estimate", "low", "high"))


def test_without_copies_the_rest_is_counted(run: Finished) -> None:
    """The accuracy that is left is that of the predictions without the dropped images."""
    dropped = recorded_copies(run)
    assert len(dropped["bytes"]) == 1
    rows = headline(run, dropped)
    row = next(
        r for r in rows if (r.quantity, r.variant, r.versus) == ("accuracy", "baseline", None) and "else" in r.test_set
    )
    images = pd.read_parquet(run.directory.images(row.test_set))
    kept = images[~images["image_id"].astype(str).isin(dropped["bytes"])]
    found = []
    for seed in run.study.seeds:
        frame = pd.read_parquet(run.directory.run("baseline", seed) / "predictions.parquet")
        frame = frame[(frame["test_set"] == row.test_set) & (frame["path"] == "none")]
        merged = kept.merge(frame, on="image_id")
        assert len(merged) == len(images) - 1
        found.append(((merged["logit"] > 0) == (merged["label"] == 1)).mean())
    assert row_value(row.left["bytes"])[0] == pytest.approx(np.mean(found))
    assert row.whole.n_images == row.left["bytes"].n_images + 1
    table = headline_table(rows, dropped)
    assert table.caption.startswith(f"n = {len(run.study.seeds)} seed")
    text = headline_text(table)
    assert text.startswith("Without copies the largest change of a result is 0.00 points in-sample (")
    assert "without byte-identical" in text
    assert f"{row.whole.n_images:,} / {row.whole.n_images - 1:,}" in text


def test_an_audit_says_which_images_go() -> None:
    """Those of the test side with a copy in training, and all but the first of a group."""
    table = pd.DataFrame(
        {
            "image_id": ["a", "b", "c"],
            "test_copies_train_bytes": [False, True, False],
            "again_bytes": [False, False, False],
            "test_copies_train_near": [False, True, False],
            "again_near": [False, False, True],
        }
    )
    assert dropped_images(table) == {"bytes": {"b"}, "near": {"b", "c"}}


def made_up(in_sample: float) -> AuditTable:
    """Two results in-sample, of which the second changes by `in_sample`, and two out-of-sample."""
    numbers = {
        ("test: accuracy", "baseline"): (0.9, 0.8999, 0.9),
        ("test: recall", "blur − baseline"): (-0.01, -0.01, -0.01 - in_sample),
        ("far@box: recall", "baseline"): (0.28, 0.28, 0.2763),
        ("far@box: accuracy", "baseline"): (0.6, 0.601, None),
    }
    rows = tuple(
        AuditRow(
            heads=heads,
            cells=(*(Measure(id="x", kind="share", value=value, n=9, reason="-") for value in values), "9 / 9 / 9"),
        )
        for heads, values in numbers.items()
    )
    header = ("all images", "without byte-identical", "without nearly identical", "images")
    return AuditTable(
        id="t", section="headline", title="T", row_header=("test set", "variant"), header=header, rows=rows
    )


def test_the_largest_changes_are_said() -> None:
    """In-sample and out-of-sample apart, with the number before and after; what is not defined is counted."""
    assert headline_sentence(made_up(0.0004)) == (
        "Without copies the largest change of a result is 0.04 points in-sample (recall of blur − baseline: −1.00 "
        "points of all images, −1.04 points without nearly identical ones) and 0.37 points out-of-sample (recall of "
        "baseline on far@box: 28.00 % of all images, 27.63 % without nearly identical ones). 1 comparison is not "
        "defined."
    )


@pytest.mark.parametrize(("change", "severity"), [(0.0004, "note"), (0.004, "leak")])
def test_what_the_split_leaves_is_weighed_by_what_it_changes(
    planted: tuple[dict[str, bytes], Material], change: float, severity: str
) -> None:
    """Copies that change no in-sample result by a tenth of a point are a note; the verdict begins with the change."""
    _, material = planted
    audit = audit_of(material, "isitcap data audit RUN")
    left = Finding(id="x", check="duplicates-after-split", severity="leak", says="1 is left.", remedy="Compare.")
    before = sum(finding.severity == "leak" for finding in audit.findings)
    audit = audit.model_copy(update={"findings": (left, *audit.findings)})
    found = with_headline(audit, made_up(change), material)
    (weighed,) = (finding for finding in found.findings if finding.id == "x")
    assert weighed.severity == severity
    assert f"an in-sample result is {100 * change:.2f} points" in weighed.says
    assert found.verdict[0] == headline_sentence(made_up(change))
    assert found.verdict[1].startswith(f"{before + (severity == 'leak')} leak")
    assert found.tables[0].id == "t"


def test_a_run_that_is_written_to_is_not_audited(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Records may change under the audit while another process writes them, whatever folder its own pages go to."""
    with RunDirectory(place / "out").lock():
        assert main(["data", "audit", str(place / "out"), "--out", str(tmp_path / "audit"), "--quiet"]) == 2
    assert "another isitcap is writing there; wait for it" in capsys.readouterr().err
    assert not (tmp_path / "audit").exists()


def test_the_command_shows_both(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`isitcap data audit RUN_DIR` audits the run's images and writes the headline into its page."""
    assert main(["data", "audit", str(place / "out"), "--cache", str(place), "--quiet"]) == 0
    assert "without nearly identical" in capsys.readouterr().out
    page = (place / "out/audit/audit.html").read_text("utf-8")
    assert "The headline with and without copies" in page
    counts = re.search(r"\d+ leaks?, \d+ risks? and \d+ notes? in ", page)
    assert counts is not None
    assert page.index("Without copies the largest change of a result is") < counts.start()
    assert "duplicates-inside/other-grid/bytes" in page
