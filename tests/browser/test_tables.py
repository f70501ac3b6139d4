"""Tables in the browser: sorted by what is exact, downloaded as they stand."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from debian_chromium import OpenPage
from playwright.sync_api import Page, expect

CLICKED = 3
"""Tables whose links are clicked, two each."""

READ = """() => [...document.querySelectorAll('.table-block')].map(block => {
  const text = cell => cell.textContent.trim();
  const table = block.querySelector('table');
  const rows = [...table.tBodies].flatMap(body => {
    const group = body.querySelector('tr.group');
    return [...body.rows].filter(row => row !== group).map(row => [
      ...(group ? [[text(group), null]] : []),
      ...[...row.cells].map(cell => [text(cell), cell.dataset.value ?? null]),
    ]);
  });
  const header = [...[...table.tHead.rows].pop().cells].map(text);
  return { id: block.id, header, grouped: !!table.querySelector('tr.group'), rows };
})"""
"""Every table as it is shown: texts, and the exact numbers behind them."""

SORT = """() => [...document.querySelectorAll('.table-block table')].flatMap(table => {
  const bodies = [...table.tBodies];
  const rows = body => [...body.rows].filter(row => !row.classList.contains('group'));
  for (const body of bodies) rows(body).forEach((row, at) => { row.dataset.at = at; });
  return [...table.querySelectorAll('th > button.sort')].map(button => {
    const header = button.parentElement;
    const column = header.cellIndex;
    const states = [];
    for (let click = 0; click < 3; click += 1) {
      button.click();
      const sorted = [...table.querySelectorAll('[aria-sort]:not([aria-sort=none])')];
      states.push({
        says: header.getAttribute('aria-sort'),
        others: sorted.filter(each => each !== header).length,
        bodies: bodies.map(body => rows(body).map(row => {
          const cell = row.cells[column];
          return [Number(row.dataset.at), cell.textContent.trim(), cell.dataset.value ?? null];
        })),
        first: bodies.every(body => !body.querySelector('.group') || body.rows[0].classList.contains('group')),
      });
    }
    return { table: table.closest('.table-block').id, header: header.textContent.trim(), states };
  });
})"""
"""Three clicks on every header, one after another: what the rows are after each."""


def natural(text: str) -> list[tuple[int, int, str]]:
    """Words without case, numbers by value."""
    parts = re.split(r"(\d+)", text.casefold())
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts if part]


def check_sorted(rows: list[list[Any]], numbers: bool, says: str) -> None:
    """Python's stable sort of the same cells gives the same rows."""
    if says == "none":
        assert [row[0] for row in rows] == list(range(len(rows)))
        return
    original = sorted(rows, key=lambda row: row[0])
    defined = [row for row in original if (row[2] is not None if numbers else row[1] not in ("", "–"))]
    last = [row for row in original if row not in defined]
    if not numbers and any(re.search(r"[^A-Za-z0-9 ]", row[1]) for row in defined):
        # Where signs stand among letters is the language's affair; that nothing is lost is ours.
        assert sorted(rows[: len(defined)]) == sorted(defined)
    else:
        # A reversed sort keeps the order of equals.
        down = says == "descending"
        expected = sorted(defined, key=lambda r: float(r[2]) if numbers else natural(r[1]), reverse=down)
        assert rows[: len(defined)] == expected
    assert rows[len(defined) :] == last


def test_every_column_sorts_by_its_exact_values(open_page: OpenPage, document: str) -> None:
    """Up, down, and as before: numbers by value, undefined last, equals in their order, groups together."""
    done = open_page(document).page.evaluate(SORT)
    assert len(done) > 30
    columns_of_numbers = undefined = 0
    for column in done:
        assert [state["says"] for state in column["states"]] == ["ascending", "descending", "none"]
        numbers = any(row[2] is not None for body in column["states"][0]["bodies"] for row in body)
        columns_of_numbers += numbers
        for state in column["states"]:
            assert state["others"] == 0
            assert state["first"]
            for rows in state["bodies"]:
                undefined += numbers and any(row[2] is None for row in rows)
                check_sorted(rows, numbers, state["says"])
    assert columns_of_numbers > 20
    assert document == "benchmark" or undefined


def test_a_click_sorts_and_says_so(open_page: OpenPage) -> None:
    """The mouse on a header orders the rows by the values behind it; the next header takes over."""
    page = open_page("benchmark").page
    table = page.locator("#table-metrics-1")
    accuracy = table.get_by_role("columnheader", name="accuracy, %", exact=True)
    before = [float(value) for value in column_of(page, 1)]
    accuracy.get_by_role("button").click()
    expect(accuracy).to_have_attribute("aria-sort", "ascending")
    assert [float(value) for value in column_of(page, 1)] == sorted(before) != before
    table.get_by_role("columnheader", name="variant").get_by_role("button").click()
    expect(accuracy).to_have_attribute("aria-sort", "none")
    assert table.locator("tbody th").all_inner_texts() == ["augment", "autoencoder", "baseline", "both"]


def column_of(page: Page, column: int) -> list[str]:
    cells = page.locator(f"#table-metrics-1 tbody tr > :nth-child({column + 1})").all()
    return [str(cell.get_attribute("data-value")) for cell in cells]


def test_the_keyboard_sorts(open_page: OpenPage) -> None:
    """Enter and space on a focused header do what a click does."""
    page = open_page("benchmark").page
    header = page.locator("#table-metrics-1 th[aria-sort]").nth(1)
    header.get_by_role("button").focus()
    for key, says in (("Enter", "ascending"), ("Space", "descending"), ("Enter", "none")):
        page.keyboard.press(key)
        expect(header).to_have_attribute("aria-sort", says)
        expect(header.get_by_role("button")).to_be_focused()


def test_downloads_equal_their_tables(open_page: OpenPage, document: str, tmp_path: Path) -> None:
    """CSV and JSON of every table hold its texts, and the exact numbers that it is sorted by."""
    page = open_page(document, accept_downloads=True).page
    tables = page.evaluate(READ)
    assert tables
    for position, table in enumerate(tables):
        # Chromium lets a page download ten files; a link's address holds the file itself.
        fetch = download if position < CLICKED else linked
        files = {made: fetch(page, f"{table['id']}.{made}", tmp_path) for made in ("csv", "json")}
        lines = list(csv.reader(io.StringIO(files["csv"], newline="")))
        content = json.loads(files["json"])
        skipped = 1 if table["grouped"] else 0
        assert [column.strip() for column in content["columns"][skipped:]] == table["header"]
        assert content["id"] == table["id"]
        assert len(lines) - 1 == len(content["rows"]) == len(table["rows"])
        at = [position for position, name in enumerate(lines[0]) if not re.search(r" (?:low|high)$", name)]
        assert [lines[0][position] for position in at] == content["columns"]
        for shown, entries, line in zip(table["rows"], content["rows"], lines[1:], strict=True):
            fields = [line[position] for position in at]
            for (text, value), entry, written in zip(shown, entries, fields, strict=True):
                if value is None and not isinstance(entry, dict):
                    assert entry == written == text
                    continue
                number = entry["value"] if isinstance(entry, dict) else entry
                assert number == (None if value is None else float(value))
                assert written == ("" if value is None else value)
                assert (number is None) == text.startswith("–")


def download(page: Page, name: str, folder: Path) -> str:
    with page.expect_download() as caught:
        page.locator(f'a[download="{name}"]').click()
    path = folder / name
    caught.value.save_as(path)
    assert caught.value.suggested_filename == name
    return path.read_bytes().decode("utf-8")


def linked(page: Page, name: str, _: Path) -> str:
    address = page.locator(f'a[download="{name}"]').get_attribute("href")
    assert address is not None
    with urlopen(address) as answer:
        return bytes(answer.read()).decode("utf-8")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_sorted_header_shows_which_way(open_page: OpenPage, scheme: str) -> None:
    """The arrow changes with the order, and has no part in the header's name."""
    page = open_page("benchmark", color_scheme=scheme).page
    button = page.locator("#table-metrics-1 th.head .sort")
    shown = []
    for _ in range(3):
        shown.append(button.evaluate("each => getComputedStyle(each, '::after').content"))
        button.click()
    assert len({text.split("/")[0] for text in shown}) == 3
    expect(page.locator("#table-metrics-1 th.head")).to_have_accessible_name("variant")
