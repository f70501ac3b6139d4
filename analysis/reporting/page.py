"""Documents to HTML: the screen's page with its scripts, and the page that becomes the PDF."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from pathlib import Path
from typing import Any, Literal

import jinja2
from markupsafe import Markup

import analysis
from analysis.errors import InputError
from analysis.reporting import downloads, render, theme
from analysis.reporting.blocks import Document
from analysis.summary import Summary

Medium = Literal["screen", "print"]

DEMO_LABEL = "Demo data — not a result about any real generator"


INDEX = "index.html"
"""The page beside a document that leads to all of them."""


def template_folder() -> Path:
    """Where the templates are: inside the installed package, else beside an editable checkout.

    Raises:
        InputError: Neither place has them.
    """
    package = Path(analysis.__file__).resolve().parent
    places = (package / "templates", package.parent / "templates")
    for place in places:
        if (place / "base.html.j2").is_file():
            return place
    raise InputError(f"report templates: not found in {places[0]} or {places[1]}; install the package again")


@functools.cache
def environment() -> jinja2.Environment:
    """Jinja2 with everything escaped, whatever a template is called, and no silent gaps."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(template_folder()),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )
    made.filters["svg"] = Markup
    made.filters["exact"] = downloads.exact_text
    made.filters["csv_address"] = downloads.csv_address
    made.filters["json_address"] = downloads.json_address
    return made


def script_json(value: Any) -> Markup:
    """JSON for a `<script>` element: no `<`, `>` or `&` that could end it or begin a comment."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False)
    for sign, escape in (
        ("<", "\\u003c"),
        (">", "\\u003e"),
        ("&", "\\u0026"),
        ("\u2028", "\\u2028"),
        ("\u2029", "\\u2029"),
    ):
        text = text.replace(sign, escape)
    return Markup(text)  # noqa: S704 - escaped above


def source(name: str) -> str:
    """The text of a template or style sheet."""
    return (template_folder() / name).read_text(encoding="utf-8")


def _digest(script: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii") + "'"


def draw_page(document: Document, summary: Summary | None, medium: Medium) -> str:
    """A document as one HTML page that refers to nothing outside itself.

    Args:
        document: What to draw.
        summary: For the method's wording: confidence, seeds. None for a page of no study, which stands alone.
        medium: `screen` holds the scripts of charts and tables and downloads, `print` neither.
    """
    variants = [card.name for card in summary.study.variants] if summary is not None else []
    styles = [source("style/common.css"), source(f"style/{medium}.css")]
    if medium == "screen":
        # Paper is always light: the charts' own colours are right, and WeasyPrint is spared thousands of matches.
        styles.append(theme.colour_rules(variants))
    scripts = _scripts(document) if medium == "screen" else []
    charts = {panel.id: panel.spec for figure in document.figures for panel in figure.panels}
    page = environment().get_template("report.html.j2")
    return page.render(
        document=document,
        summary=summary,
        medium=medium,
        demo_label=DEMO_LABEL,
        index=INDEX if summary is not None else "",
        # Style and scripts are files of the package or of the Vega bundle, checked for `</script`; no data is in them.
        style=Markup("\n".join(styles)),  # noqa: S704
        scripts=[Markup(script) for script in scripts],  # noqa: S704
        script_hashes=" ".join(_digest(script) for script in scripts),
        charts=script_json({"config": theme.CONFIG, "specs": charts}) if scripts and charts else Markup(""),
    )


def _scripts(document: Document) -> list[str]:
    """Sorting first: it is small, and need not wait until the bundle is read."""
    made = [source("script/tables.js")] if document.tables else []
    return [*made, render.bundle(), source("script/charts.js")] if document.figures else made
