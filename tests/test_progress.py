from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from isitcap import progress
from isitcap.progress import bar, each, warn


def test_a_log_has_one_line_for_a_stage(capsys: pytest.CaptureFixture[str]) -> None:
    """No frames of a bar, no carriage return: what was done, when it is done."""
    with bar(3000, "seed 0 predictions", "images") as shown:
        for _ in range(3000):
            shown.update()
    assert capsys.readouterr().err == "seed 0 predictions: 3,000 images (0 s)\n"


def test_a_long_stage_tells_how_far_it_is(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """At most one line a minute, with what the stage says of itself; none for the last step, which ends it."""
    now = iter([0.0, 30.0, *[61.0] * 3, 90.0, *[122.0] * 3, 130.0, 131.0])
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: next(now)))
    with bar(40, "seed 0 baseline", "images") as shown:
        for step in range(4):
            shown.update(9 if step < 3 else 10)
            shown.set_postfix_str(f"epoch {step + 1}")
        shown.update(3)
    assert capsys.readouterr().err.splitlines() == [
        "seed 0 baseline: 18 of 40 images (61 s), epoch 1",
        "seed 0 baseline: 37 of 40 images (122 s), epoch 3",
        "seed 0 baseline: 40 images (131 s)",
    ]


def test_who_tells_the_end_himself_gets_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A stage that ends with a line of its own, one that fails, and one that is not to be shown."""
    with bar(2, "training", "images", tells_end=True) as shown:
        shown.update(2)
    with pytest.raises(RuntimeError), bar(2, "failing", "images"):
        raise RuntimeError
    with bar(2, "quiet", "images", show=False) as shown:
        shown.update(2)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("items", "line"), [([1, 2], "parts: 2 files (0 s)"), (iter("abc"), "parts: 3 files (0 s)")])
def test_each_yields_everything(items: list[int], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Items come through in order, with or without a known number."""
    assert list(each(items, "parts", "files")) in ([1, 2], ["a", "b", "c"])
    assert capsys.readouterr().err == f"{line}\n"


def test_a_terminal_has_a_bar(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """It is drawn over itself and vanishes when it is done."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with bar(5, "seed 0 baseline", "images") as shown:
        shown.update(5)
    drawn = capsys.readouterr().err
    assert "seed 0 baseline" in drawn
    assert drawn.endswith("\r")


def test_a_warning_names_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    """One line on standard error."""
    warn("mind this")
    assert capsys.readouterr().err == "isitcap: mind this\n"
