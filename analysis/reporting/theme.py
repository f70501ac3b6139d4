"""One look for all charts: a fixed colour and shape per variant, one chart configuration, the colour map of maps.

Colours are darkened from Okabe & Ito's colour-blind-safe set, so that each has a contrast of at least 4.5 : 1 on its
background; shapes and direct labels repeat what they say.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

INK, MUTED, RULE, FAINT = "#1b1b1b", "#595959", "#8a8a8a", "#e2e2e2"
"""Text, secondary text, axes and zero lines, grid."""

VARIANT_COLOURS: dict[str, tuple[str, str]] = {
    "baseline": ("#2f2f2f", "#dcdcdc"),
    "augment": ("#0072b2", "#56b4e9"),
    "autoencoder": ("#b34700", "#ff9a52"),
    "both": ("#00735c", "#2fc6a0"),
    "blur": ("#9b3d7d", "#e69fcb"),
    "jpeg": ("#4a3500", "#f2dd3d"),
    "mix": ("#5e3fa8", "#a57dff"),
}
"""Variant → colour on light and on dark paper; the same in every chart of every document."""

SPARE_COLOURS = (("#8c2d2d", "#f08a8a"), ("#3d6b1f", "#9ccf6e"), ("#1f5f6b", "#6fc4d3"), ("#6b4a2b", "#d0a67d"))
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right", "triangle-left")

FONT = "Arial, 'Liberation Sans', Helvetica, sans-serif"
PANEL_WIDTH = 320
"""Pixels: one panel fits a telephone, two fit A4, three a wide screen, none is ever scaled down."""


def variant_colours(variants: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Colour on light and dark paper of each variant; strangers get spare colours in order."""
    strangers = [name for name in variants if name not in VARIANT_COLOURS]
    spare = {name: SPARE_COLOURS[position % len(SPARE_COLOURS)] for position, name in enumerate(strangers)}
    return {name: VARIANT_COLOURS.get(name) or spare[name] for name in variants}


def variant_shapes(variants: Sequence[str]) -> dict[str, str]:
    """Shape of each variant: fixed for the known ones, by order for strangers."""
    known = list(VARIANT_COLOURS)
    strangers = [name for name in variants if name not in VARIANT_COLOURS]
    return {
        name: SHAPES[(known.index(name) if name in known else strangers.index(name) + len(known)) % len(SHAPES)]
        for name in variants
    }


def colour_rules(variants: Sequence[str]) -> str:
    """CSS that turns the light colours of charts and labels into variables, and the variables for both papers."""
    pairs = dict.fromkeys([*VARIANT_COLOURS.values(), *variant_colours(variants).values()])
    rules, light, dark = [], [], []
    for position, (day, night) in enumerate(pairs):
        light.append(f"--v{position}:{day}")
        dark.append(f"--v{position}:{night}")
        rules.append(f'.chart [fill="{day}"],.swatch [fill="{day}"]{{fill:var(--v{position})}}')
        rules.append(f'.chart [stroke="{day}"]{{stroke:var(--v{position})}}')
    for name, colour in (("ink", INK), ("muted", MUTED), ("rule", RULE), ("faint", FAINT)):
        rules.append(f'.chart [fill="{colour}"]{{fill:var(--{name})}}')
        rules.append(f'.chart [stroke="{colour}"]{{stroke:var(--{name})}}')
    return (
        f":root{{{';'.join(light)}}}\n"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{';'.join(dark)}}}}}\n" + "\n".join(rules)
    )


CONFIG: dict[str, Any] = {
    "aria": False,
    "background": None,
    "font": FONT,
    "padding": {"left": 2, "right": 10, "top": 6, "bottom": 2},
    "view": {"stroke": None},
    # A chart is one image with an alternative text: its marks are no graphics of their own without names.
    "mark": {"aria": False},
    "axis": {
        "labelColor": MUTED,
        "titleColor": MUTED,
        "labelFontSize": 11,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
        "titlePadding": 6,
        "domainColor": RULE,
        "tickColor": RULE,
        "gridColor": FAINT,
        "tickSize": 4,
        "labelLimit": 112,
    },
    "axisX": {"grid": True, "domain": False, "ticks": False, "labelPadding": 4, "labelFlush": False},
    "axisY": {"grid": False, "domain": False, "ticks": False, "labelPadding": 8},
    "text": {"color": INK, "fontSize": 11},
    "rule": {"color": RULE},
}
"""Vega-Lite configuration of every chart."""

_MAGMA = (
    "000004 02020b 050416 090720 0e0b2b 140e36 1a1042 21114e 29115a 311165 390f6e 420f75 4a1079 "
    "52137c 5a167e 621980 6a1c81 721f81 792282 812581 892881 912b81 992d80 a1307e aa337d b2357b "
    "ba3878 c23b75 ca3e72 d2426f d9466b e04c67 e75263 ec5860 f1605d f4695c f7725c f97b5d fb8560 "
    "fc8e64 fd9869 fea16e feaa74 feb47b febd82 fec68a fecf92 fed89a fde2a3 fdebac fcf4b6 fcfdbf "
)
"""Every fifth of magma's 256 colours (Smith & van der Walt, matplotlib, CC0): perceptually uniform."""


def magma() -> NDArray[np.uint8]:
    """The colour map of saliency maps, uint8 (256, 3), dark = 0, light = the map's maximum."""
    anchors = np.array([list(bytes.fromhex(colour)) for colour in _MAGMA.split()], dtype=float)
    positions = np.arange(len(anchors)) * 5
    channels = [np.interp(np.arange(256), positions, anchors[:, channel]) for channel in range(3)]
    return np.stack(channels, axis=1).round().astype(np.uint8)
