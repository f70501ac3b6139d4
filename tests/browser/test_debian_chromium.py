"""The browser that the tests use."""

from __future__ import annotations

import pytest
from debian_chromium import chromium_path


def test_without_chromium_tests_are_skipped_and_fail_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without Chromium skips with the remedy; continuous integration does not pass without it."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="apt-get install --no-install-recommends chromium"):
        chromium_path()
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match="Chromium is not installed"):
        chromium_path()
