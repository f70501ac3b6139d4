"""The documents as files: same bytes, same numbers, nothing from outside, nothing that runs."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.errors import InputError
from analysis.reporting import Examples, build_report
from analysis.summary import Estimate, Summary

pytestmark = pytest.mark.slow

REBUILD = """
import importlib.util, pathlib, sys
spec = importlib.util.spec_from_file_location("made_up", sys.argv[1])
made_up = importlib.util.module_from_spec(spec)
spec.loader.exec_module(made_up)
from analysis.reporting import build_report
build_report(made_up.make_summary(), made_up.make_examples(), pathlib.Path(sys.argv[2]))
"""


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


@pytest.fixture(scope="module")
def page(report_files: dict[str, Path]) -> Page:
    return parse(report_files["html"].read_text(encoding="utf-8"))


def estimates(summary: Summary) -> dict[str, Estimate]:
    rows = (*summary.metrics, *summary.contrasts, *summary.dispersion, *summary.dispersion_contrasts)
    return {row.id: row for row in rows}


def test_rebuild_in_another_process_gives_the_same_bytes(report_files: dict[str, Path], tmp_path: Path) -> None:
    """Neither the process, nor the hash seed, the time zone or the caller's SOURCE_DATE_EPOCH changes a byte."""
    helper = Path(__file__).with_name("conftest.py")
    settings = {"PYTHONHASHSEED": "12345", "SOURCE_DATE_EPOCH": "1234567890", "TZ": "Asia/Tokyo"}
    subprocess.run(
        [sys.executable, "-c", REBUILD, str(helper), str(tmp_path)],
        check=True,
        env={**os.environ, **settings, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        timeout=300,
    )
    for path in report_files.values():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name


def test_every_number_is_that_of_its_id(page: Page, summary: Summary) -> None:
    """Each number in prose and tables, recomputed from the summary by the id it carries, is the one printed."""
    rows = estimates(summary)
    checked = 0
    for number in page.numbers:
        row = rows[number.id]
        printed = re.findall(r"−?\d+\.\d+", number.text.replace("\u00a0", " "))
        fields: list[float | None] = [row.estimate, row.low, row.high]
        if number.kind == "called_synthetic" and row.quantity == "specificity":
            fields = [None if value is None else 1 - value for value in (row.estimate, row.high, row.low)]
        if row.estimate is None:
            assert printed == [], number
            assert "–" in number.text
            continue
        assert len(printed) in ((1,) if row.low is None else (1, 3)), number
        scale = 100 if number.kind in ("percent", "points", "called_synthetic") else 1
        for text, value in zip(printed, fields, strict=False):
            assert value is not None
            digits = len(text.partition(".")[2])
            expected = f"{value * scale:.{digits}f}".replace("-", "−")
            assert text in (expected, expected.removeprefix("−") if float(text.replace("−", "-")) == 0 else expected)
            checked += 1
    assert checked > 500


def test_numbers_carry_the_unit_of_their_kind(page: Page) -> None:
    """In prose a proportion is followed by %, a difference of proportions by points."""
    kinds = {"percent": "\u00a0%", "points": "\u00a0points"}
    seen = {number.kind for number in page.lead_numbers}
    assert {"percent", "points", "difference"} <= seen
    for number in page.lead_numbers:
        assert kinds.get(number.kind, "") in number.text
        assert ("%" in number.text) == (number.kind == "percent")


def test_prose_holds_no_number_without_an_id(page: Page, summary: Summary) -> None:
    """What stands in the verdict besides numbers with ids are names and counts."""
    allowed = {"9,811", "3", "3,900", "75"}
    for text in page.lead_texts_without_numbers:
        assert set(re.findall(r"\d[\d,.]*\d|\d", text)) <= allowed, text


def test_nothing_is_fetched(page: Page) -> None:
    """Every address is inside the page or a `data:` address, and the policy forbids the rest."""
    assert page.addresses
    for address in page.addresses:
        assert address.startswith(("#", "data:")), address
    for style in page.styles:
        assert "@import" not in style
        assert "url(" not in style
    assert "default-src 'none'" in page.policy
    assert "unsafe-eval" not in page.policy


def test_policy_names_every_script(page: Page) -> None:
    """The policy allows exactly the two scripts of the page, by their hashes."""
    assert len(page.scripts) == 2
    assert page.policy.count("'sha256-") == 2
    for digest in page.script_digests:
        assert f"'sha256-{digest}'" in page.policy


def test_names_are_text(report_files: dict[str, Path], page: Page) -> None:
    """A source called `<script>…` or `{{ … }}` is printed as it is called, and is never an element."""
    raw = report_files["html"].read_text(encoding="utf-8")
    assert "<script>alert" not in raw
    assert "{{ 7 * 7 }} & co" in page.text
    assert "<script>alert(1)</script>" in page.text
    assert "49 & co" not in page.text


def test_chart_data_survive_escaping(page: Page) -> None:
    """The JSON of the charts is valid, and holds awkward names unchanged."""
    specs = page.chart_data["specs"]
    rows = [row for values in specs["figure-sources-2-1"]["datasets"].values() for row in values]
    labels = {row["label"] for row in rows}
    assert "● <script>alert(1)</script>" in labels
    assert set(specs) == set(page.chart_ids)


def test_chart_data_are_the_exact_numbers(page: Page, summary: Summary) -> None:
    """Charts draw the unrounded estimates, interval ends and seed values."""
    datasets = page.chart_data["specs"]["figure-accuracy-1"]["datasets"].values()
    row = estimates(summary)["accuracy/baseline/test/none"]
    flat = [value for values in datasets for value in values if value["variant"] == "baseline"]
    drawn = {value["value"] for value in flat} | {value["high"] for value in flat if "high" in value}
    seeds = {
        value.value
        for value in summary.seed_values
        if (value.quantity, value.variant, value.test_set, value.source, value.path)
        == ("accuracy", "baseline", "test", None, "none")
    }
    assert drawn == {row.estimate, row.low, row.high} | seeds


def test_no_chart_draws_at_random_or_aggregates(page: Page) -> None:
    """Intervals are computed before: Vega neither resamples nor averages."""
    text = str(page.chart_data["specs"])
    for word in ("'aggregate'", "'transform'", "errorbar", "errorband", "'bin'", "random"):
        assert word not in text


def test_static_charts_are_there_without_scripts(page: Page) -> None:
    """Each chart holds an SVG with a title, and ids are unique in the page."""
    assert page.svg_titles == len(page.chart_ids) > 20
    assert len(page.ids) == len(set(page.ids))


def test_pictures_and_charts_have_alternative_texts(page: Page) -> None:
    """No image and no chart is without words."""
    assert page.alternatives
    assert all(text.strip() for text in page.alternatives)
    assert all(label.strip() for label in page.chart_labels)
    assert len(page.chart_labels) == len(page.chart_ids)


def test_tables_have_captions_and_headers(page: Page) -> None:
    """Every table has a caption, and header cells with a scope."""
    assert page.tables > 10
    assert page.captions == page.tables
    assert page.unscoped_headers == 0


def test_headings_do_not_skip_levels(page: Page) -> None:
    """One heading of the first level, and no step down by more than one."""
    assert page.headings.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(page.headings, page.headings[1:], strict=False))


def test_links_inside_the_page_lead_somewhere(page: Page) -> None:
    """Every anchor exists."""
    anchors = [address[1:] for address in page.addresses if address.startswith("#")]
    assert anchors
    assert set(anchors) <= set(page.ids)


def test_demo_is_said_at_the_top_and_in_every_caption(page: Page) -> None:
    """A demo cannot be mistaken: the label stands first, in every figure's and every table's caption."""
    assert page.text.index("Demo data — not a result about any real generator") < page.text.index("Verdict")
    assert page.figcaptions
    assert all("Demo data" in caption for caption in page.figcaptions)


def test_captions_say_n_and_what_the_intervals_hold(page: Page) -> None:
    """Each figure's caption gives n, and says what its bars hold or that it has none."""
    for caption in page.figcaptions:
        assert "n = " in caption
        assert "intervals over seeds and images, crossed" in caption or "no intervals" in caption


def test_size_stays_small(report_files: dict[str, Path]) -> None:
    """The page of a demo is below 3 MB."""
    assert report_files["html"].stat().st_size < 3_000_000


def test_provenance_is_printed(page: Page, summary: Summary) -> None:
    """Command, facts and hashes stand in the page, and the study file can be downloaded as it was."""
    assert summary.provenance.command in page.text
    for label, value in (*summary.provenance.facts, *summary.provenance.data_hashes):
        assert label in page.text
        assert value in page.text
    assert page.downloads["made-up.toml"].decode() == summary.study.study_toml


def test_csv_equals_its_table(page: Page, summary: Summary) -> None:
    """A table's download holds the estimates unrounded."""
    lines = page.downloads["table-metrics-1.csv"].decode().split("\r\n")
    row = estimates(summary)["accuracy/augment/test/augment"]
    assert lines[0].startswith('variant,"accuracy, %","accuracy, % low","accuracy, % high"')
    assert lines[2].split(",")[:4] == ["augment", repr(row.estimate), repr(row.low), repr(row.high)]


def test_a_report_without_examples_and_maps_is_built(summary: Summary, tmp_path: Path) -> None:
    """No examples, no maps, no autoencoder, no history: the rest is there, nothing is empty."""
    bare = summary.model_copy(
        update={
            "dispersion": (),
            "dispersion_contrasts": (),
            "map_counts": (),
            "autoencoders": (),
            "histories": (),
            "study": summary.study.model_copy(update={"demo": False}),
        }
    )
    files = build_report(bare, Examples(seed=0), tmp_path, ("html",))
    text = parse(files["html"].read_text(encoding="utf-8"))
    assert "No saliency map was measured." in text.text
    assert "Example saliency maps" not in text.text
    assert "Demo data" not in text.text


def test_a_report_with_nothing_defined_is_built(summary: Summary, tmp_path: Path) -> None:
    """When every estimate is undefined, the report says why instead of failing."""

    def emptied(rows: tuple[Estimate, ...]) -> tuple[Estimate, ...]:
        gone = {"estimate": None, "low": None, "high": None, "reason": "one seed"}
        return tuple(row.model_copy(update=gone) for row in rows)

    nothing = summary.model_copy(
        update={
            name: emptied(getattr(summary, name))
            for name in ("metrics", "contrasts", "dispersion", "dispersion_contrasts")
        }
        | {"seed_values": ()}
    )
    text = parse(build_report(nothing, Examples(seed=0), tmp_path, ("html",))["html"].read_text(encoding="utf-8")).text
    assert "is not defined: one seed." in text
    assert "nan" not in re.findall(r"\bnan\b", text.lower())


def test_unknown_format_is_refused(summary: Summary, examples: Examples, tmp_path: Path) -> None:
    """A format that is not known gets one line, and nothing is written."""
    with pytest.raises(InputError, match="choose from html, pdf"):
        build_report(summary, examples, tmp_path, ("html", "docx"))
    assert list(tmp_path.iterdir()) == []


def test_missing_pango_leaves_the_html_and_one_line(
    summary: Summary, examples: Examples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without WeasyPrint's library the HTML is written, and the line says what to install."""
    import builtins

    real = builtins.__import__

    def without_pango(name: str, *args: object, **kwargs: object) -> object:
        if name == "weasyprint":
            raise OSError("cannot load library 'libpango-1.0-0'\nmore lines")
        return real(name, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without_pango)
    with pytest.raises(InputError) as caught:
        build_report(summary, examples, tmp_path)
    assert "libpangoft2-1.0-0" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_examples_show_the_same_images_for_all(page: Page, examples: Examples) -> None:
    """Every example image stands beside a map of every variant; an excluded map is a dash."""
    for example_set in examples.sets:
        for image_id in example_set.image_ids:
            shown = [text for text in page.alternatives if text.startswith("Saliency map of") and image_id in text]
            zero = sum(not np.any(maps[example_set.image_ids.index(image_id)]) for maps in example_set.maps.values())
            assert len(shown) == len(example_set.maps) - zero
