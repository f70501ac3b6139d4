"""The pages as a browser opens them: offline, without complaint, drawn, and readable without scripts."""

from __future__ import annotations

import json
import re

from debian_chromium import OpenPage
from playwright.sync_api import expect


def test_it_opens_without_complaint_and_asks_for_nothing(open_page: OpenPage, name: str) -> None:
    """All charts are drawn; `open_page` fails on any message of the console and any request but the file's."""
    opened = open_page(name)
    drawn = opened.draw_charts()
    assert (drawn == 0) == (name == "index")
    marks = opened.page.locator(".chart").evaluate_all(
        "charts => charts.map(chart => chart.querySelectorAll('svg.marks :is(path, line, text, rect)').length)"
    )
    assert len(marks) == drawn
    assert all(count > 3 for count in marks)


def test_a_tooltip_tells_what_the_data_say(open_page: OpenPage, document: str) -> None:
    """Over a mark stands a tooltip whose every value is in the chart's data; beside it, none."""
    page = open_page(document).page
    chart = page.locator(".chart").first
    chart.scroll_into_view_if_needed()
    expect(chart).to_have_attribute("data-drawn", "yes")
    chart.locator(".mark-symbol path").last.hover(force=True)
    tooltip = page.locator("#vg-tooltip-element.visible")
    expect(tooltip).to_be_visible()
    specs = json.loads(page.locator("#charts").inner_text() or page.locator("#charts").text_content() or "")["specs"]
    known = {
        str(value)
        for rows in specs[chart.get_attribute("id")]["datasets"].values()
        for row in rows
        for value in row.values()
    }
    told = tooltip.locator("td.value").all_inner_texts()
    assert len(told) > 1
    assert {text.replace("\u00a0", " ") for text in told} <= {text.replace("\u00a0", " ") for text in known}
    page.mouse.move(1, 1)
    expect(tooltip).to_have_count(0)


def test_every_link_of_the_contents_leads_to_its_heading(open_page: OpenPage, document: str) -> None:
    """A click on an entry makes the heading of the same words the page's target, and brings it into view."""
    page = open_page(document).page
    links = page.locator("nav.contents a").all()
    assert len(links) > 4
    for link in links:
        link.click()
        target = page.locator(":target")
        assert target.inner_text() == link.inner_text()
        assert page.evaluate("location.hash") == link.get_attribute("href")
        expect(target).to_be_in_viewport()


def test_links_between_the_pages_work(open_page: OpenPage) -> None:
    """From the index to a document and back."""
    page = open_page("index").page
    page.get_by_role("link", name="HTML of significance").click()
    expect(page).to_have_title(re.compile("^Significance"))
    page.get_by_role("link", name="all reports").click()
    expect(page.get_by_role("heading", name="Reports")).to_be_visible()


def test_without_scripts_charts_and_tables_are_there(open_page: OpenPage, document: str) -> None:
    """A reader without JavaScript sees every static SVG and table, the downloads, and no dead button."""
    page = open_page(document, java_script_enabled=False).page
    for what in (".chart > svg", ".table-block table", ".downloads a"):
        found = page.locator(what)
        assert found.count() > 0
        for each in found.all():
            expect(each).to_be_visible()
    assert page.locator(".chart > svg").count() == page.locator(".chart").count()
    assert page.locator("button, [aria-sort]").count() == 0
