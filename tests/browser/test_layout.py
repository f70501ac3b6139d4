"""Dark, narrow, printed, and by keyboard."""

from __future__ import annotations

import pytest
from debian_chromium import OpenPage
from playwright.sync_api import expect

CONTRASTS = """() => {
  const parse = colour => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const opaque = element => {
    for (let each = element; each; each = each.parentElement) {
      const colour = parse(getComputedStyle(each).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return light(colour);
    }
    return 1;
  };
  const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  const texts = [...document.querySelectorAll('body *')].filter(each =>
    [...each.childNodes].some(node => node.nodeType === 3 && node.data.trim()) && each.getClientRects().length
    && !each.closest('script, style, title'));
  const paper = opaque(document.body);
  return { paper, lowest: texts.map(each => {
    const style = getComputedStyle(each);
    const colour = each.closest('svg') ? style.fill : style.color;
    return [ratio(light(parse(colour)), opaque(each)), each.outerHTML.slice(0, 120)];
  }).sort((a, b) => a[0] - b[0])[0], seen: texts.length };
}"""
"""Luminance of the paper, and the lowest contrast of any text, that in charts included (WCAG 2.2, 1.4.3)."""

CONTROLS = "a[href], button, summary, [tabindex='0']"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_on_light_and_dark_paper(open_page: OpenPage, name: str, scheme: str) -> None:
    """The paper follows the reader's setting, and all text, in charts too, keeps a contrast of 4.5 : 1."""
    opened = open_page(name, color_scheme=scheme)
    opened.draw_charts()
    found = opened.page.evaluate(CONTRASTS)
    assert found["paper"] < 0.05 if scheme == "dark" else found["paper"] > 0.9
    assert found["seen"] > (10 if name == "index" else 300)
    assert found["lowest"][0] >= 4.5, found["lowest"]


def test_charts_change_with_the_setting_while_the_page_is_open(open_page: OpenPage) -> None:
    """A reader who turns the light off sees the charts' ink change at once."""
    opened = open_page("benchmark", color_scheme="light")
    opened.draw_charts()
    ink = "() => getComputedStyle(document.querySelector('.chart .drawn text')).fill"
    before = opened.page.evaluate(ink)
    opened.page.emulate_media(color_scheme="dark")
    assert opened.page.evaluate(ink) != before


def test_a_telephone_scrolls_down_only(open_page: OpenPage, name: str) -> None:
    """At 375 pixels nothing but a wide table, in its own frame, reaches over the edge."""
    opened = open_page(name, width=375)
    opened.draw_charts()
    width = "() => Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)"
    assert opened.page.evaluate(width) == 375
    over = opened.page.evaluate(
        """() => [...document.querySelectorAll('body *')].filter(each => !each.closest('.scroll, .skip, .hidden, svg')
          && each.getClientRects().length && each.getBoundingClientRect().right > 376)
          .map(each => each.outerHTML.slice(0, 99))"""
    )
    assert over == []


def test_printing_the_page_hides_what_paper_cannot_do(open_page: OpenPage, document: str) -> None:
    """Contents, downloads and arrows are gone, the headers' words and the study file are there."""
    page = open_page(document).page
    header = page.locator(".sort").first
    words = header.inner_text()
    page.emulate_media(media="print")
    for each in page.locator(".downloads, nav.contents, .skip, summary").all():
        expect(each).to_be_hidden()
    arrows = page.locator(".sort").evaluate_all(
        "all => all.flatMap(each => ['::before', '::after'].map(part => getComputedStyle(each, part).display))"
    )
    assert set(arrows) == {"none"}
    expect(header).to_be_visible()
    assert header.inner_text() == words
    expect(page.locator("details pre")).to_be_visible()


def test_the_keyboard_reaches_every_control_in_order(open_page: OpenPage, document: str) -> None:
    """The tab key goes through links, headers, tables and downloads as they are read, with the focus to be seen."""
    page = open_page(document).page
    count = page.evaluate(
        """controls => [...document.querySelectorAll(controls)].filter(each => each.checkVisibility())
          .map((each, at) => { each.dataset.at = at; }).length""",
        CONTROLS,
    )
    reached = []
    for _ in range(count):
        page.keyboard.press("Tab")
        at, seen = page.evaluate(
            """() => { const on = document.activeElement, seen = getComputedStyle(on);
            return [Number(on.dataset.at ?? -1), seen.outlineStyle === 'solid' && parseInt(seen.outlineWidth) > 1]; }"""
        )
        reached.append(at)
        assert seen, page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
    assert reached == list(range(count))
    assert page.locator(".sort").count() > 20


def test_the_first_control_skips_to_the_verdict(open_page: OpenPage, name: str) -> None:
    """The first stop of the tab key is shown, and leads past the contents."""
    page = open_page(name).page
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the verdict")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main:target")).to_be_visible()
