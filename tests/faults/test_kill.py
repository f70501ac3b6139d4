"""A run killed at any moment goes on where it stopped, and ends with the records of an unbroken one."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra `train`")

from isitcap.testing import record_hashes, tiny_study

TIMEOUT = 300


def start(study: Path, out: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "isitcap", "run", str(study), "--out", str(out), "--cache", str(study.parent / "cache")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=study.parent,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def kill_when(study: Path, out: Path, reached: Callable[[], bool]) -> None:
    """Start a run and kill it with SIGKILL as soon as `reached`."""
    process = start(study, out)
    until = time.monotonic() + TIMEOUT
    try:
        while not reached():
            assert process.poll() is None, "the run ended before it could be killed"
            assert time.monotonic() < until
            time.sleep(0.002)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert process.returncode == -signal.SIGKILL


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A study and the run directory of an unbroken run."""
    folder = tmp_path_factory.mktemp("kill")
    study = tiny_study(folder, train=480, epochs=3, classes=280)
    study.write_text(study.read_text("utf-8") + '\n[output]\nformats = ["html"]\n', "utf-8")
    process = start(study, folder / "unbroken")
    assert process.wait(TIMEOUT) == 0
    return study, folder / "unbroken"


def test_killed_while_training_and_again_while_predicting(unbroken: tuple[Path, Path], tmp_path: Path) -> None:
    """Killed in a training, resumed, killed in a prediction, resumed: record by record equal to the unbroken run."""
    study, whole = unbroken
    out = tmp_path / "broken"
    runs = out / "runs"
    # the baseline of the first seed is done, its neighbour is being trained
    kill_when(study, out, lambda: (runs / "baseline/seed-0/train.done.json").exists())
    assert not (runs / "both/seed-0/train.done.json").exists()
    # all four classifiers of the second seed are done, their predictions are being made
    kill_when(study, out, lambda: (runs / "both/seed-1/train.done.json").exists())
    assert not (runs / "baseline/seed-1/predict.done.json").exists()
    process = start(study, out)
    assert process.wait(TIMEOUT) == 0
    assert record_hashes(out) == record_hashes(whole)
    assert not list(out.rglob("*.part")), "what a kill left half written is cleared"


def test_the_lock_goes_with_the_process(unbroken: tuple[Path, Path], tmp_path: Path) -> None:
    """A run is refused while another process holds the folder, and not after that was killed."""
    study, _ = unbroken
    out = tmp_path / "locked"
    hold = "import sys, time; from pathlib import Path; from isitcap.records.directory import RunDirectory\n"
    hold += "with RunDirectory(Path(sys.argv[1])).lock(): print('held', flush=True); time.sleep(600)"
    holder = subprocess.Popen([sys.executable, "-c", hold, str(out)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        refused = subprocess.run(
            [sys.executable, "-m", "isitcap", "run", str(study), "--out", str(out), "--quiet"],
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            cwd=study.parent,
        )
    finally:
        holder.kill()
        holder.communicate()
    assert refused.returncode == 2
    assert "another isitcap is writing there" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert not (out / "manifest.json").exists()
    assert start(study, out).wait(TIMEOUT) == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_is_told_in_one_line(
    number: signal.Signals, code: int, unbroken: tuple[Path, Path], tmp_path: Path
) -> None:
    """Control-C and SIGTERM say that the same command resumes, and leave nothing half written."""
    study, _ = unbroken
    out = tmp_path / "interrupted"
    process = subprocess.Popen(
        [sys.executable, "-m", "isitcap", "run", str(study), "--out", str(out), "--quiet"],
        stderr=subprocess.PIPE,
        text=True,
        cwd=study.parent,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        # a test run in the background of a script inherits that SIGINT is ignored
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    until = time.monotonic() + TIMEOUT
    while not (out / "autoencoders/seed-0/train.done.json").exists():
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.01)
    process.send_signal(number)
    _, error = process.communicate(timeout=TIMEOUT)
    assert process.returncode == code
    assert error == "isitcap: interrupted; the same command goes on where this one stopped\n"
    assert not list(out.rglob("*.part"))


def test_killed_while_predicting_control_sets(unbroken: tuple[Path, Path], tmp_path: Path) -> None:
    """Controls that are added to a finished run, killed midway and resumed equal those of an unbroken run."""
    study, whole = unbroken
    controlled = study.with_name("controlled.toml")
    extra = '\n[controls]\nkernels = ["box", "nearest"]\n[robustness]\nimages = 30\n'
    controlled.write_text(study.read_text("utf-8") + extra, "utf-8")
    unbroken_out, broken = tmp_path / "whole", tmp_path / "broken"
    for out in (unbroken_out, broken):
        shutil.copytree(whole, out)
    assert start(controlled, unbroken_out).wait(TIMEOUT) == 0
    runs = broken / "runs"
    # the first seed's are done, the second's are being made
    kill_when(controlled, broken, lambda: (runs / "both/seed-0/controls.done.json").exists())
    assert not (runs / "both/seed-2/controls.done.json").exists()
    first = (runs / "baseline/seed-0/controls.parquet").stat().st_mtime_ns
    assert start(controlled, broken).wait(TIMEOUT) == 0
    assert record_hashes(broken) == record_hashes(unbroken_out)
    assert record_hashes(broken).items() >= record_hashes(whole).items()
    assert (runs / "baseline/seed-0/controls.parquet").stat().st_mtime_ns == first, "what was done is kept"
