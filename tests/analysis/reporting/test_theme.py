"""Colours: fixed, distinct, and legible on both papers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from analysis.reporting import theme

PAPERS = {"light": "#fdfdfc", "dark": "#15171a"}
# Machado, Oliveira & Fernandes (2009), severity 1.0: deuteranopia and protanopia on linear RGB.
BLINDNESS = {
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
}


def linear(colour: str) -> np.ndarray:
    value = np.array(list(bytes.fromhex(colour[1:]))) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    low, high = sorted(float(linear(colour) @ (0.2126, 0.7152, 0.0722)) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def lab(rgb: np.ndarray) -> np.ndarray:
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ rgb
    ratio = xyz / [0.95047, 1, 1.08883]
    f = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("paper", [0, 1])
def test_colours_are_legible_on_their_paper(paper: int) -> None:
    """Every variant's colour has a contrast of 4.5 : 1 (WCAG 2.2 AA for text) on its paper."""
    for pair in (*theme.VARIANT_COLOURS.values(), *theme.SPARE_COLOURS):
        assert contrast(pair[paper], list(PAPERS.values())[paper]) >= 4.5


@pytest.mark.parametrize("blindness", list(BLINDNESS))
@pytest.mark.parametrize("paper", [0, 1])
def test_variants_stay_apart_for_the_colour_blind(blindness: str, paper: int) -> None:
    """Any two variants, controls among them, differ by a ΔE*ab of more than 10 under red-green blindness."""
    matrix = np.array(BLINDNESS[blindness])
    seen = {
        name: lab(np.clip(matrix @ linear(colours[paper]), 0, 1)) for name, colours in theme.VARIANT_COLOURS.items()
    }
    for one, other in itertools.combinations(seen, 2):
        assert np.linalg.norm(seen[one] - seen[other]) > 10, (one, other)


def test_known_variants_keep_their_colour_and_strangers_get_others() -> None:
    """A variant's colour does not depend on which others there are."""
    alone = theme.variant_colours(["both"])
    among = theme.variant_colours(["mine", "both", "yours", "baseline"])
    assert alone["both"] == among["both"]
    assert len(set(among.values())) == 4


def test_shapes_differ_between_variants() -> None:
    """Shape repeats what colour says, for the poster's variants and the controls."""
    assert len(set(theme.variant_shapes(list(theme.VARIANT_COLOURS)).values())) == len(theme.VARIANT_COLOURS)


def test_every_chart_colour_follows_the_paper() -> None:
    """Each colour that a chart uses has a rule that turns it into a variable."""
    rules = theme.colour_rules(["baseline", "mine"])
    for colour in (theme.INK, theme.MUTED, theme.RULE, theme.FAINT, *(p[0] for p in theme.VARIANT_COLOURS.values())):
        assert f'.chart [fill="{colour}"]' in rules
        assert f'.chart [stroke="{colour}"]' in rules
