"""What axe-core finds by itself; contrast in charts and the keyboard are looked at in `test_layout.py`."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from debian_chromium import OpenPage

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], "resultTypes": ["violations"]}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 375])
def test_axe_finds_no_violation(open_page: OpenPage, name: str, scheme: str, width: int) -> None:
    """WCAG 2.2 A and AA hold on each page, light and dark, wide and narrow, with all charts drawn."""
    opened = open_page(name, color_scheme=scheme, width=width)
    opened.draw_charts()
    results = Axe().run(opened.page, options=RULES)
    assert len(results.response["passes"]) > 8
    assert results.violations_count == 0, results.generate_report()
