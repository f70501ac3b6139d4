"""A page as a reader, a browser and a screen reader find it."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

VOID = {"meta", "link", "img", "br", "hr", "input"}


@dataclass
class Shown:
    id: str
    kind: str
    text: str = ""


@dataclass
class Page(HTMLParser):
    numbers: list[Shown] = field(default_factory=list)
    lead_numbers: list[Shown] = field(default_factory=list)
    lead_texts_without_numbers: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    downloads: dict[str, bytes] = field(default_factory=dict)
    styles: list[str] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    alternatives: list[str] = field(default_factory=list)
    chart_ids: list[str] = field(default_factory=list)
    chart_labels: list[str] = field(default_factory=list)
    figcaptions: list[str] = field(default_factory=list)
    headings: list[int] = field(default_factory=list)
    chart_data: dict[str, Any] = field(default_factory=dict)
    policy: str = ""
    text: str = ""
    svg_titles: int = 0
    tables: int = 0
    captions: int = 0
    unscoped_headers: int = 0

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.stack: list[tuple[str, dict[str, str | None]]] = []

    @property
    def script_digests(self) -> list[str]:
        return [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in self.scripts]

    def within(self, tag: str, css: str | None = None) -> bool:
        return any(
            name == tag and (css is None or css in (attributes.get("class") or "").split())
            for name, attributes in self.stack
        )

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag not in VOID:
            self.stack.append((tag, attributes))
        self._note(tag, attributes)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._note(tag, dict(attrs))

    def handle_endtag(self, tag: str) -> None:
        while self.stack and self.stack.pop()[0] != tag:
            pass

    def _note(self, tag: str, attributes: dict[str, str | None]) -> None:
        css = (attributes.get("class") or "").split()
        if value := attributes.get("id"):
            self.ids.append(value)
        for name in ("src", "href", "xlink:href"):
            if (value := attributes.get(name)) is not None:
                self.addresses.append(value)
                if attributes.get("download"):
                    self.downloads[str(attributes["download"])] = base64.b64decode(value.partition(",")[2])
        if attributes.get("http-equiv") == "Content-Security-Policy":
            self.policy = str(attributes["content"])
        if tag == "img":
            self.alternatives.append(attributes.get("alt") or "")
        if "chart" in css:
            self.chart_ids.append(str(attributes["id"]))
            self.chart_labels.append(attributes.get("aria-label") or "")
        if tag == "span" and "number" in css:
            shown = Shown(str(attributes["data-id"]), str(attributes["data-kind"]))
            self.numbers.append(shown)
            if self.within("p", "lead"):
                self.lead_numbers.append(shown)
        if tag == "p" and "lead" in css:
            self.lead_texts_without_numbers.append("")
        if tag == "figcaption":
            self.figcaptions.append("")
        if tag in ("h1", "h2", "h3", "h4"):
            self.headings.append(int(tag[1]))
        self.svg_titles += tag == "title" and self.within("svg")
        self.tables += tag == "table"
        self.captions += tag == "caption"
        self.unscoped_headers += tag == "th" and not attributes.get("scope")

    def handle_data(self, data: str) -> None:
        if not self.stack:
            return
        tag, attributes = self.stack[-1]
        if tag == "style":
            self.styles.append(data)
            return
        if tag == "script":
            if attributes.get("type") == "application/json":
                self.chart_data = json.loads(data)
            else:
                self.scripts.append(data)
            return
        if self.within("svg"):
            return
        self.text += data
        if self.within("figcaption"):
            self.figcaptions[-1] += data
        if self.within("span", "number"):
            self.numbers[-1].text += data
        elif self.within("p", "lead"):
            self.lead_texts_without_numbers[-1] += data


def parse(text: str) -> Page:
    page = Page()
    page.feed(text)
    page.close()
    return page
