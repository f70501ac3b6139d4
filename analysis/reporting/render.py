"""Charts to SVG, and the one script bundle that makes them interactive offline."""

from __future__ import annotations

import functools
import html
import re
from collections.abc import Mapping
from typing import Any

import altair as alt
import vl_convert

from analysis.reporting import theme

_VERSION = ".".join(alt.SCHEMA_VERSION.lstrip("v").split(".")[:2])
_IDS = re.compile(r'id="([A-Za-z_]+\d+)"')
_EMPTY = re.compile(r'<path class="(?:background|foreground)"[^>]*d="(?:M0,0h0v0h0Z)?"[^>]*/>')
_DEFAULTS = (
    ' opacity="1"',
    ' pointer-events="none"',
    *(f' font-family="{html.escape(theme.FONT, quote=quote)}"' for quote in (True, False)),
)
# A chart is one picture with words of its own: what is inside is hidden from readers of the screen.
_ROLES = re.compile(r' (?:role|aria-roledescription|aria-hidden|class)="[^"]*"')
_TAGS = re.compile(r"(<[^>]*>)")
_LONG = re.compile(r"(\d\.\d{3})\d+")
_UNSEEN = re.compile(r'<path(?: transform="[^"]*")?(?: d="[^"]*")?/>')
_OPACITY = re.compile(r' opacity="([^"]*)"')
_PAINTED = re.compile(r' (fill|stroke)="(?!none"|transparent")')


def specification(chart: alt.LayerChart) -> dict[str, Any]:
    """The Vega-Lite specification of a panel, without the configuration that all panels share."""
    spec = chart.to_dict(validate=False)
    spec.pop("config", None)
    # The panel's outer width is fixed, so that panels stand in line whatever their labels are.
    spec["autosize"] = {"type": "fit-x", "contains": "padding"}
    return spec


def svg(spec: Mapping[str, Any], *, chart_id: str, title: str) -> str:
    """A chart as SVG text, the same to the byte each time.

    Args:
        spec: Vega-Lite specification.
        chart_id: Prefix of all ids inside: Vega counts them up over the life of a process.
        title: Alternative text, which WeasyPrint reads from `<title>` alone.
    """
    drawn = vl_convert.vegalite_to_svg({**spec, "config": theme.CONFIG}, vl_version=_VERSION, allowed_base_urls=[])
    for position, name in enumerate(dict.fromkeys(_IDS.findall(drawn))):
        for before, after in ((f'id="{name}"', 'id="{}"'), (f"url(#{name})", "url(#{})"), (f'"#{name}"', '"#{}"')):
            drawn = drawn.replace(before, after.format(f"{chart_id}-{position}"))
    drawn = _EMPTY.sub("", drawn)
    for default in _DEFAULTS:
        drawn = drawn.replace(default, "")
    head, rest = drawn.split(">", 1)
    return f'{head} font-family="{html.escape(theme.FONT)}"><title>{html.escape(title)}</title>{_lighter(rest)}'


def _lighter(drawn: str) -> str:
    """The same picture in fewer elements, each of which costs the print engine a state of its own.

    Left out are groups that say nothing or hold nothing, and paths without a colour: Vega's outermost group says
    `fill="none"`.
    """
    kept: list[str] = []
    says: list[bool] = []
    for part in _TAGS.split(drawn):
        if part[:1] != "<":
            if part:
                kept.append(part)
            continue
        tag = _LONG.sub(r"\1", _ROLES.sub("", part)).replace(' transform="translate(0,0)"', "")
        if tag.startswith("<g") and tag.endswith("/>"):
            continue
        if tag.startswith("</g"):
            if not says.pop():
                continue
            if kept[-1].startswith("<g "):
                kept.pop()
                continue
        elif tag.startswith("<g"):
            says.append(tag != "<g>")
            if tag == "<g>":
                continue
        elif _UNSEEN.fullmatch(tag):
            continue
        kept.append(_own_opacity(tag))
    return "".join(kept)


def _own_opacity(tag: str) -> str:
    """The opacity of what is either filled or stroked as that of its fill or stroke.

    It looks the same, and the print engine draws it in place, not as a picture of its own that it then fades.
    """
    painted = _PAINTED.findall(tag)
    if len(painted) != 1 or tag.startswith("<g"):
        return tag
    return _OPACITY.sub(rf' {painted[0]}-opacity="\1"', tag)


@functools.cache
def bundle() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script for a `<script>` element.

    Raises:
        RuntimeError: The bundle holds `</script`, which would end the element.
    """
    script = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=_VERSION)
    if "</script" in script.lower() or "<!--" in script:
        raise RuntimeError("the Vega bundle cannot be inlined: it holds the end of a script element")
    return script
