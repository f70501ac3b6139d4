"""Who holds the lock of a run directory, command by command; nothing is trained or computed here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from isitcap import findings, report_checks, report_commands, run_commands
from isitcap.cli import main
from isitcap.errors import UserError
from isitcap.records.directory import RunDirectory

WORDS = {
    "explain": ("explain", "RUN"),
    "analyze": ("analyze", "RUN"),
    "report": ("report", "RUN"),
    "report below": ("report", "RUN", "--out", "RUN/elsewhere/../other"),
    "report elsewhere": ("report", "RUN", "--out", "OUT"),
}


def taken(root: Path) -> bool:
    """Whether somebody holds the lock."""
    try:
        with RunDirectory(root).lock():
            return False
    except UserError:
        return True


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with results, as far as a lock is concerned."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "results.json").touch()
    return folder


@pytest.fixture
def seen(root: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """What was called in place of the work, and whether the lock was held then."""
    calls: list[tuple[str, bool]] = []

    def stand_in(name: str, result: object = None, error: Exception | None = None) -> Callable[..., object]:
        def called(*_: object, **__: object) -> object:
            calls.append((name, taken(root)))
            if error is not None:
                raise error
            return result

        return called

    monkeypatch.setattr(run_commands, "training", lambda _: None)  # no torch is needed to hold a lock
    monkeypatch.setattr(run_commands, "train", stand_in("train"))
    monkeypatch.setattr(findings, "open_run", stand_in("open"))
    for module in (run_commands, report_commands):
        monkeypatch.setattr(module, "compute_results", stand_in("analyze"))
        monkeypatch.setattr(module, "write_reports", stand_in("report", []))
    monkeypatch.setattr(report_checks, "problems", stand_in("check", ["enough"]))
    return calls


def words(name: str, root: Path) -> list[str]:
    return [word.replace("RUN", str(root)).replace("OUT", str(root.parent / "out")) for word in WORDS[name]]


def test_a_run_holds_the_lock_until_its_reports_stand(root: Path, seen: list[tuple[str, bool]]) -> None:
    """Training, analysis and reports are of one process; afterwards the lock is free."""
    assert main(["run", "demo", "--out", str(root), "--quiet"]) == 0
    assert [name for name, _ in seen] == ["train", "open", "analyze", "open", "report"]
    assert all(held for _, held in seen)
    assert not taken(root)


def test_saying_what_would_be_made_holds_no_lock(root: Path, seen: list[tuple[str, bool]]) -> None:
    """`--explain` may be asked while a run is going on."""
    assert main(["run", "demo", "--out", str(root), "--explain"]) == 0
    assert seen == [("train", False)]


def test_explain_holds_the_lock_from_the_start(
    root: Path, seen: list[tuple[str, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run is opened with the lock held, so that its study is that of the records."""

    def opened(_: Path) -> None:
        seen.append(("open", taken(root)))
        raise UserError("enough")

    monkeypatch.setattr(findings, "open_run", opened)
    assert main(["explain", str(root)]) == 2
    assert seen == [("open", True)]


def test_analyze_holds_the_lock(root: Path, seen: list[tuple[str, bool]]) -> None:
    """From the opening of the run to the results."""
    assert main(["analyze", str(root)]) == 0
    assert seen == [("open", True), ("analyze", True)]


@pytest.mark.parametrize(("name", "held"), [("report", True), ("report below", True), ("report elsewhere", False)])
def test_report_holds_the_lock_where_it_writes(name: str, held: bool, root: Path, seen: list[tuple[str, bool]]) -> None:
    """Documents that are written elsewhere leave the run directory free."""
    assert main(words(name, root)) == 2
    assert seen == [("check", held)]


@pytest.mark.parametrize("name", WORDS)
def test_nobody_works_on_what_another_writes(
    name: str, root: Path, seen: list[tuple[str, bool]], capsys: pytest.CaptureFixture[str]
) -> None:
    """One line says so, before anything is read."""
    with RunDirectory(root).lock():
        assert main(words(name, root)) == 2
    assert capsys.readouterr().err == f"isitcap: {root}: another isitcap is writing there; wait for it\n"
    assert seen == []
