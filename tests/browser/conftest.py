"""The made-up study's pages, opened in Debian's Chromium."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Route, sync_playwright

# The helpers are imported by name: those beside this file, and the made-up study of the tests of reporting.
sys.path.insert(0, str(Path(__file__).parent.parent / "analysis" / "reporting"))
sys.path.insert(0, str(Path(__file__).parent))

from debian_chromium import FLAGS, TIMEOUT, Opened, OpenPage, chromium_path
from made_up_study import make_examples, make_summary

from analysis.reporting import DOCUMENTS, build_report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of these build a whole report."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests of a process."""
    path = chromium_path()
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=list(FLAGS), timeout=TIMEOUT)
        yield started
        started.close()


@pytest.fixture(scope="session")
def built(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the made-up study's pages; they are not built where there is no browser."""
    folder = tmp_path_factory.mktemp("pages")
    build_report(make_summary(), make_examples(), folder, ("html",))
    return folder


@pytest.fixture(params=[*DOCUMENTS, "index"])
def name(request: pytest.FixtureRequest) -> str:
    """Each page in turn."""
    return str(request.param)


@pytest.fixture(params=list(DOCUMENTS))
def document(request: pytest.FixtureRequest) -> str:
    """Each document in turn, without the index."""
    return str(request.param)


@pytest.fixture
def open_page(browser: Browser, built: Path) -> Iterator[OpenPage]:
    """Opens a page by name in a fresh profile, with the options of Playwright's `new_context`.

    Whatever else a test looks at, it fails if the page complains or asks for anything but the file.
    """
    made: list[Opened] = []

    def opener(name: str, *, width: int = 1200, **options: Any) -> Opened:
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        context.set_default_timeout(TIMEOUT)
        opened = Opened(context.new_page())
        made.append(opened)

        def guard(route: Route) -> None:
            address = route.request.url
            if address.startswith("file://"):
                route.continue_()
                return
            opened.requests.append(address)
            route.abort()

        context.route("**/*", guard)
        opened.page.on(
            "console",
            lambda said: opened.complaints.append(said.text) if said.type in ("error", "warning") else None,
        )
        opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
        opened.page.goto((built / f"{name}.html").as_uri())
        return opened

    yield opener
    for opened in made:
        opened.page.context.close()
    assert [said for opened in made for said in opened.complaints] == []
    assert [address for opened in made for address in opened.requests] == []
