"""The documents as files: same bytes, same numbers, nothing from outside, nothing that runs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from page_parser import Page, parse
from summary_numbers import Fields, numbers_of

from analysis.errors import InputError
from analysis.operating import operating_characteristics
from analysis.reporting import DOCUMENTS, Examples, build_report
from analysis.summary import Estimate, Summary

pytestmark = pytest.mark.slow

REBUILD = """
import pathlib, sys
from made_up_study import make_examples, make_summary
from analysis.reporting import build_report
build_report(make_summary(), make_examples(), pathlib.Path(sys.argv[1]))
"""


@pytest.fixture(params=list(DOCUMENTS))
def page(request: pytest.FixtureRequest, pages: dict[str, Page]) -> Page:
    """Each document in turn."""
    return pages[request.param]


@pytest.fixture
def benchmark_page(pages: dict[str, Page]) -> Page:
    return pages["benchmark"]


@pytest.fixture(scope="module")
def known(summary: Summary) -> dict[str, Fields]:
    """Every number by its id."""
    return numbers_of(summary, operating_characteristics())


def html_of(files: dict[str, Path], name: str) -> Page:
    return parse(files[f"{name}.html"].read_text(encoding="utf-8"))


def test_three_documents_and_an_index_are_written(report_files: dict[str, Path]) -> None:
    """Each document is one HTML file and one PDF, and one page leads to them."""
    names = [f"{name}.{made}" for made in ("html", "pdf") for name in ("benchmark", "significance", "dispersion")]
    assert list(report_files) == [*names, "index.html"]
    assert all(path.name == name and path.stat().st_size for name, path in report_files.items())


def test_rebuild_in_another_process_gives_the_same_bytes(report_files: dict[str, Path], tmp_path: Path) -> None:
    """Neither the process, nor the hash seed, the time zone or the caller's SOURCE_DATE_EPOCH changes a byte."""
    settings = {"PYTHONHASHSEED": "12345", "SOURCE_DATE_EPOCH": "1234567890", "TZ": "Asia/Tokyo"}
    subprocess.run(
        [sys.executable, "-c", REBUILD, str(tmp_path)],
        check=True,
        env={**os.environ, **settings, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        timeout=500,
    )
    for path in report_files.values():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name


def printed_numbers(text: str) -> list[str]:
    return re.findall(r"−?\d[\d,]*(?:\.\d+)?", text.replace("\u00a0", " "))


def test_every_number_is_that_of_its_id(page: Page, known: dict[str, Fields]) -> None:
    """Each number in prose and tables, recomputed from the summary by the id it carries, is the one printed."""
    for number in page.numbers:
        fields = known.get(number.id, (None, None, None))
        if number.kind == "called_synthetic" and number.id.startswith("specificity/"):
            value, low, high = fields
            fields = tuple(None if each is None else 1 - each for each in (value, high, low))  # type: ignore[assignment]
        printed = printed_numbers(number.text)
        if fields[0] is None:
            assert printed == [], number
            assert "–" in number.text
            continue
        if number.kind == "p" and fields[0] < 0.001:
            assert number.text.replace("\u00a0", " ") == "< 0.001"
            continue
        assert len(printed) in ((1,) if fields[1] is None or fields[2] is None else (1, 3)), number
        scale = 100 if number.kind in ("percent", "points", "called_synthetic") else 1
        for text, value in zip(printed, fields, strict=False):
            assert value is not None
            digits = len(text.partition(".")[2])
            expected = f"{value * scale:,.{digits}f}".replace("-", "−")
            expected = (
                expected.removeprefix("−") if float(expected.replace("−", "-").replace(",", "")) == 0 else expected
            )
            assert text.replace(",", "") == expected.replace(",", ""), number


def test_most_numbers_have_an_id_that_the_summary_holds(pages: dict[str, Page], known: dict[str, Fields]) -> None:
    """Ids of what is defined are the summary's own; only what was never computed has an id that it lacks."""
    for name, least in (("benchmark", 120), ("significance", 300), ("dispersion", 60)):
        defined = [number for number in pages[name].numbers if "–" not in number.text]
        assert len(defined) > least
        assert [number for number in defined if number.id not in known] == []


def test_numbers_carry_the_unit_of_their_kind(pages: dict[str, Page]) -> None:
    """In prose a proportion is followed by %, a difference of proportions by points."""
    kinds = {"percent": "\u00a0%", "points": "\u00a0point"}
    shown = [number for name in DOCUMENTS for number in pages[name].lead_numbers]
    assert {"percent", "points", "difference"} <= {number.kind for number in shown}
    for number in shown:
        assert kinds.get(number.kind, "") in number.text
        assert ("%" in number.text) == (number.kind == "percent")


def test_prose_holds_no_number_without_an_id(pages: dict[str, Page], summary: Summary) -> None:
    """What stands in the verdicts besides numbers with ids are names, counts, and what claims say."""
    allowed = {"9,811", "3", "3,900", "75"}
    counts = {str(n) for n in range(len(summary.verdicts) + 1)}
    for name, extra in (("benchmark", set()), ("dispersion", set()), ("index", set()), ("significance", counts)):
        for text in pages[name].lead_texts_without_numbers:
            for verdict in summary.verdicts:
                text = text.replace(verdict.says.rstrip("."), "")
            assert set(re.findall(r"\d[\d,.]*\d|\d", text)) <= allowed | extra, text


def test_nothing_is_fetched(page: Page) -> None:
    """Every address is inside the page, a `data:` address or the index beside it, and the policy forbids the rest."""
    assert page.addresses
    for address in page.addresses:
        assert address.startswith(("#", "data:")) or address == "index.html", address
    for style in page.styles:
        assert "@import" not in style
        assert "url(" not in style
    assert "default-src 'none'" in page.policy
    assert "unsafe-eval" not in page.policy


def test_policy_names_every_script(page: Page) -> None:
    """The policy allows exactly the three scripts of the page, by their hashes."""
    assert len(page.scripts) == 3
    assert page.policy.count("'sha256-") == 3
    for digest in page.script_digests:
        assert f"'sha256-{digest}'" in page.policy


def test_names_are_text(report_files: dict[str, Path], benchmark_page: Page) -> None:
    """A source called `<script>…` or `{{ … }}` is printed as it is called, and is never an element."""
    for name, path in report_files.items():
        assert name.endswith(".pdf") or "<script>alert" not in path.read_text(encoding="utf-8")
    assert "{{ 7 * 7 }} & co" in benchmark_page.text
    assert "<script>alert(1)</script>" in benchmark_page.text
    assert "49 & co" not in benchmark_page.text


def test_chart_data_survive_escaping(benchmark_page: Page) -> None:
    """The JSON of the charts is valid, and holds awkward names unchanged."""
    specs = benchmark_page.chart_data["specs"]
    rows = [row for values in specs["figure-sources-2-1"]["datasets"].values() for row in values]
    labels = {row["label"] for row in rows}
    assert "● <script>alert(1)</script>" in labels


def test_every_chart_has_its_data(page: Page) -> None:
    """The charts that a script can draw are those that stand in the page."""
    assert set(page.chart_data["specs"]) == set(page.chart_ids)


def test_chart_data_are_the_exact_numbers(benchmark_page: Page, known: dict[str, Fields], summary: Summary) -> None:
    """Charts draw the unrounded estimates, interval ends and seed values."""
    datasets = benchmark_page.chart_data["specs"]["figure-accuracy-1"]["datasets"].values()
    flat = [value for values in datasets for value in values if value["variant"] == "baseline"]
    drawn = {value["value"] for value in flat} | {value["high"] for value in flat if "high" in value}
    seeds = {
        value.value
        for value in summary.seed_values
        if (value.quantity, value.variant, value.test_set, value.source, value.path)
        == ("accuracy", "baseline", "test", None, "none")
    }
    assert drawn == set(known["accuracy/baseline/test/none"]) | seeds


def test_no_chart_draws_at_random_or_aggregates(page: Page) -> None:
    """Intervals are computed before: Vega neither resamples nor averages, stacks or jitters."""
    text = json.dumps(page.chart_data["specs"])
    for word in ('"aggregate"', '"transform"', "errorbar", "errorband", '"bin"', "random", '"stack"'):
        assert word not in text


def test_static_charts_are_there_without_scripts(page: Page) -> None:
    """Each chart holds an SVG with a title, and ids are unique in the page."""
    assert page.svg_titles == len(page.chart_ids) >= 8
    assert len(page.ids) == len(set(page.ids))


def test_pictures_and_charts_have_alternative_texts(page: Page) -> None:
    """No image and no chart is without words."""
    assert all(text.strip() for text in page.alternatives)
    assert all(label.strip() for label in page.chart_labels)
    assert len(page.chart_labels) == len(page.chart_ids)


def test_tables_have_captions_and_headers(page: Page) -> None:
    """Every table has a caption, and header cells with a scope."""
    assert page.tables >= 8
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
    """Every file of a demo is below 3 MB."""
    for path in report_files.values():
        assert path.stat().st_size < 3_000_000, path.name


def test_provenance_is_printed(page: Page, summary: Summary) -> None:
    """Command, facts and hashes stand in each document, and the study file can be downloaded as it was."""
    assert summary.provenance.command in page.text
    for label, value in (*summary.provenance.facts, *summary.provenance.data_hashes):
        assert label in page.text
        assert value in page.text
    assert page.downloads["made-up.toml"].decode() == summary.study.study_toml


def test_csv_equals_its_table(benchmark_page: Page, known: dict[str, Fields]) -> None:
    """A table's download holds the estimates unrounded."""
    lines = benchmark_page.downloads["table-metrics-1.csv"].decode().split("\r\n")
    assert lines[0].startswith('variant,"accuracy, %","accuracy, % low","accuracy, % high"')
    fields = known["accuracy/augment/test/augment"]
    assert lines[2].split(",")[:4] == ["augment", *(repr(each) for each in fields)]


def test_json_of_every_table_holds_the_numbers_of_its_ids(page: Page, known: dict[str, Fields]) -> None:
    """Each estimate in a download is the summary's own, to the last digit."""
    files = [json.loads(data) for name, data in page.downloads.items() if name.endswith(".json")]
    entries = [entry for file in files for row in file["rows"] for entry in row if isinstance(entry, dict)]
    defined = [entry for entry in entries if entry["value"] is not None]
    assert len(defined) > 50
    for entry in defined:
        fields = known[entry["id"]]
        if entry["kind"] == "called_synthetic" and entry["id"].startswith("specificity/"):
            fields = tuple(None if each is None else 1 - each for each in (fields[0], fields[2], fields[1]))  # type: ignore[assignment]
        assert entry["value"] == fields[0], entry
        if "low" in entry:
            assert (entry["low"], entry["high"]) == fields[1:], entry


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
    for name in ("benchmark", "dispersion"):
        text = html_of(files, name).text
        assert "No saliency map was measured." in text
        assert "Example saliency maps" not in text
        assert "Demo data" not in text
    assert "Evidence" not in html_of(files, "dispersion").text


def test_a_report_with_nothing_defined_is_built(summary: Summary, tmp_path: Path) -> None:
    """When every estimate is undefined, the reports say why instead of failing."""

    def emptied(rows: tuple[Estimate, ...]) -> tuple[Estimate, ...]:
        gone = {"estimate": None, "low": None, "high": None, "reason": "one seed"}
        return tuple(row.model_copy(update=gone) for row in rows)

    parts = ("metrics", "contrasts", "factorial", "dispersion", "dispersion_contrasts")
    nothing = summary.model_copy(update={name: emptied(getattr(summary, name)) for name in parts} | {"seed_values": ()})
    files = build_report(nothing, Examples(seed=0), tmp_path, ("html",))
    assert "is not defined: one seed." in html_of(files, "benchmark").text
    for name in DOCUMENTS:
        assert "nan" not in re.findall(r"\bnan\b", html_of(files, name).text.lower())


@pytest.mark.parametrize(
    ("formats", "documents", "says"),
    [
        (("html", "docx"), ("benchmark",), "choose from html, pdf"),
        (("html",), ("benchmark", "poster"), "'poster': not known; choose from benchmark, significance, dispersion"),
        (("html",), (), "no document is asked for"),
    ],
)
def test_what_is_unknown_is_refused(
    summary: Summary, tmp_path: Path, formats: tuple[str, ...], documents: tuple[str, ...], says: str
) -> None:
    """A format or document that is not known gets one line, and nothing is written."""
    with pytest.raises(InputError, match=says):
        build_report(summary, Examples(seed=0), tmp_path, formats, documents)
    assert list(tmp_path.iterdir()) == []


def test_one_document_is_built_alone_with_the_same_bytes(
    summary: Summary, examples: Examples, report_files: dict[str, Path], tmp_path: Path
) -> None:
    """A document does not depend on which others are asked for, and the index lists what is there."""
    written = build_report(summary, examples, tmp_path, ("html",), ("dispersion",))
    assert list(written) == ["dispersion.html", "index.html"]
    assert (tmp_path / "dispersion.html").read_bytes() == report_files["dispersion.html"].read_bytes()
    index = html_of(written, "index")
    assert [address for address in index.addresses if address.endswith((".html", ".pdf"))] == ["dispersion.html"]


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
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "benchmark.html",
        "dispersion.html",
        "index.html",
        "significance.html",
    ]


def test_examples_show_the_same_images_for_all(pages: dict[str, Page], examples: Examples) -> None:
    """Every example image stands beside a map of every variant; an excluded map is a dash."""
    for example_set in examples.sets:
        for image_id in example_set.image_ids:
            shown = [
                text
                for text in pages["dispersion"].alternatives
                if text.startswith("Saliency map of") and image_id in text
            ]
            zero = sum(not np.any(maps[example_set.image_ids.index(image_id)]) for maps in example_set.maps.values())
            assert len(shown) == len(example_set.maps) - zero


def test_the_benchmark_shows_the_maps_at_the_image_alone(benchmark_page: Page, examples: Examples) -> None:
    """As on the poster, one map of each variant for each image."""
    for example_set in examples.sets:
        for image_id in example_set.image_ids:
            shown = [text for text in benchmark_page.alternatives if "map of" in text and image_id in text]
            assert 3 <= len(shown) <= 4
