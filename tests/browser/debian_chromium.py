"""Debian's Chromium, driven by Playwright: where it is, how it starts, and what a page in it did."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Page, expect

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
TIMEOUT = 60_000
"""Milliseconds: a shared machine may take long, and no test waits for a time to pass."""


def chromium_path() -> str:
    """Path of the program; where there is none, tests that ask are skipped, and fail in continuous integration."""
    found = shutil.which("chromium")
    if found:
        return found
    why = "Chromium is not installed; on Debian: apt-get install --no-install-recommends chromium"
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)


@dataclass
class Opened:
    """A page, and what it complained of or asked for from elsewhere."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def draw_charts(self) -> int:
        """Scroll to each chart and wait until it is drawn; how many there are."""
        charts = self.page.locator(".chart").all()
        for chart in charts:
            chart.scroll_into_view_if_needed()
            expect(chart).to_have_attribute("data-drawn", "yes", timeout=TIMEOUT)
        return len(charts)


OpenPage = Callable[..., Opened]
"""Opens a page by name; keywords are `width` and those of Playwright's `new_context`."""
