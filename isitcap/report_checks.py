"""What keeps a report from being written, or from being right: all of it, each in one line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from analysis.errors import InputError
from analysis.results import read_results
from isitcap.records.directory import RunDirectory
from isitcap.records.freshness import damaged, stage_hashes, stale
from isitcap.records.manifest import read_manifest
from isitcap.study.load import parse_study

MOST = 20
"""Lines of one kind; the rest are counted."""


def problems(directory: RunDirectory) -> list[str]:
    """Why no report can be made of a run directory: runs that are missing, altered records, results of other records.

    Raises:
        UserError: it is no run directory.
    """
    read_manifest(directory)
    if not directory.study.exists():
        return []  # told by whoever opens the run
    study = parse_study(directory.study.read_text("utf-8"), str(directory.study))
    found = []
    for variant in study.variants:
        missing = [s for s in study.seeds if not (directory.run(variant, s) / "predict.done.json").exists()]
        if missing:
            seeds = ", ".join(map(str, missing))
            found.append(f"{directory.root}: {variant}: seeds not finished: {seeds}; finish them with `isitcap run`")
    altered = damaged(directory, stage_hashes(directory, study))
    found += [f"{directory.root}: {each}; make it again with `isitcap run`" for each in altered[:MOST]]
    if len(altered) > MOST:
        found.append(f"{directory.root}: and {len(altered) - MOST} more stages whose files were altered")
    if directory.results.exists():
        if (reason := stale(directory, study)) is not None:
            found.append(f"{reason}; bring it up to date with `isitcap analyze {directory.root}`")
        try:
            read_results(directory.results)
        except InputError as error:
            found.append(f"{error}, with `isitcap analyze {directory.root}`")
    return found


def broken_links(pages: Iterable[Path]) -> list[str]:
    """Links of HTML pages that lead to no anchor of their page, or to no file beside it."""
    found = []
    for page in pages:
        links = _Links()
        links.feed(page.read_text("utf-8"))
        links.close()
        for address in dict.fromkeys(links.addresses):
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                continue
            if parts.path and not (page.parent / unquote(parts.path)).exists():
                found.append(f"{page}: leads to `{address}`, which does not exist")
            if not parts.path and parts.fragment and unquote(parts.fragment) not in links.ids:
                found.append(f"{page}: leads to `{address}`, which no element of it is called")
    return found


class _Links(HTMLParser):
    """Collects the addresses of links and the ids of elements."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given: Mapping[str, str | None] = dict(attrs)
        if (name := given.get("id")) is not None:
            self.ids.add(name)
        if tag == "a" and (address := given.get("href")) is not None:
            self.addresses.append(address)
