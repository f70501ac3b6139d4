"""The drawing of the paths: what an image goes through before the classifier in each variant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

from analysis.reporting import theme
from analysis.reporting.blocks import Figure
from analysis.reporting.charts import data_of
from analysis.reporting.dispersion_lookup import NO_GRADIENT
from analysis.reporting.lookup import Lookup
from analysis.reporting.panels import panel, short
from analysis.summary import VariantCard

STAGES: dict[str, tuple[str, str]] = {
    "none": ("", ""),
    "augment": ("augment", ""),
    "autoencode": ("", "autoencoder"),
    "both": ("augment", "autoencoder"),
    "blur": ("", "blur"),
    "jpeg": ("", "JPEG"),
}
"""Path → the augmentation and the preprocessing on it; empty where there is none."""

STEP, BOX = 48, 20
"""Pixels: height of a variant's row, and of the boxes in it."""
SLOTS = {"image": (0, 42), "augment": (62, 120), "preprocess": (140, 208), "classifier": (228, 288)}
"""Left and right end of each stage's box, pixels of a panel."""


def figure_paths(lookup: Lookup) -> Figure:
    """All variants in one drawing, a row each."""
    cards = lookup.summary.study.variants
    words = "; ".join(f"{card.name}: {', '.join(stages_of(card))}" for card in cards)
    title = "From the image to the logit"
    preprocessed = any(STAGES.get(card.path, ("", card.path))[1] for card in cards)
    points = (
        " Dots: where saliency maps are made, at the image and, behind preprocessing, at the classifier’s input; maps "
        "are of images without augmentation."
        if preprocessed
        else ""
    )
    caption = (
        "What an image goes through in each variant, in training and in the test along its own path. The classifier "
        f"has the same layers in all, and is trained anew for each variant and seed.{_augmented(cards)}{points} "
        f"n = {len(cards)} variants; no intervals."
    )
    panels = (panel("figure-paths", 0, title, draw_paths(cards), f"{title}. {words}."),) if cards else ()
    return Figure("figure-paths", "The variants", panels, (caption,))


def _augmented(cards: Sequence[VariantCard]) -> str:
    names = [card.name for card in cards if STAGES.get(card.path, ("", ""))[0]]
    if not names:
        return ""
    return (
        f" Augmentation is drawn in the test, too: what {' and '.join(names)} decide along their own path is of images "
        "that it may have spoilt."
    )


def stages_of(card: VariantCard) -> tuple[str, ...]:
    """All that an image passes, in order, the image and the classifier among it; unknown paths by their name."""
    augment, preprocess = STAGES.get(card.path, ("", card.path))
    return tuple(stage for stage in ("image", augment, preprocess, "classifier") if stage)


def draw_paths(cards: Sequence[VariantCard]) -> alt.LayerChart:
    """Boxes and arrows, a row for each variant; every place is in pixels of the panel."""
    boxes: list[dict[str, Any]] = []
    arrows: list[dict[str, Any]] = []
    names: list[dict[str, Any]] = []
    points: list[dict[str, Any]] = []
    logits: list[dict[str, Any]] = []
    for row, card in enumerate(cards):
        top = row * STEP + 18
        middle = top + BOX / 2
        names.append({"x": 0, "y": top - 9, "text": short(card.name, 48), "variant": card.name})
        augment, preprocess = STAGES.get(card.path, ("", card.path))
        texts = {"image": "image", "augment": augment, "preprocess": preprocess, "classifier": "classifier"}
        passed = [(SLOTS[slot], text) for slot, text in texts.items() if text]
        for (low, high), text in passed:
            own = text not in ("image", "classifier")
            boxes.append(
                {
                    "x": low,
                    "x2": high,
                    "y": top,
                    "y2": top + BOX,
                    "middle": (low + high) / 2,
                    "centre": middle,
                    "text": short(text, 11),
                    "variant": card.name if own else "",
                }
            )
        ends = [high for (_, high), _ in passed]
        starts = [low for (low, _), _ in passed[1:]] + [SLOTS["classifier"][1] + 8]
        arrows += [{"x": end + 2, "x2": start - 3, "y": middle} for end, start in zip(ends, starts, strict=True)]
        logits.append({"x": SLOTS["classifier"][1] + 9, "y": middle})
        if card.path not in NO_GRADIENT:
            points.append({"x": SLOTS["image"][1], "y": middle})
        if preprocess:
            points.append({"x": SLOTS["classifier"][0], "y": middle})
    height = STEP * max(len(cards), 1) - 6
    colours = theme.variant_colours([card.name for card in cards])
    colour = alt.Color(
        "variant:N",
        scale=alt.Scale(domain=["", *colours], range=[theme.RULE, *(day for day, _ in colours.values())]),
        legend=None,
    )
    across = alt.Scale(domain=[0, theme.PANEL_WIDTH], nice=False, zero=False)
    down = alt.Scale(domain=[height, 0], nice=False, zero=False)
    x, y = alt.X("x:Q", scale=across, axis=None), alt.Y("y:Q", scale=down, axis=None)
    base = alt.Chart(data_of(boxes))
    layers = [
        alt.Chart(data_of(arrows)).mark_rule(color=theme.RULE).encode(x=x, x2="x2:Q", y=y),
        alt.Chart(data_of([{"x": row["x2"], "y": row["y"]} for row in arrows]))
        .mark_point(shape="triangle-right", filled=True, size=26, color=theme.RULE, opacity=1)
        .encode(x=x, y=y),
        base.mark_rect(fillOpacity=0, strokeWidth=1.5).encode(x=x, x2="x2:Q", y=y, y2="y2:Q", stroke=colour),
        base.mark_text(baseline="middle", fontSize=10.5, color=theme.INK).encode(
            x=alt.X("middle:Q", scale=across, axis=None), y=alt.Y("centre:Q", scale=down, axis=None), text="text:N"
        ),
        alt.Chart(data_of(names))
        .mark_text(align="left", baseline="middle", fontSize=11, fontWeight="bold")
        .encode(x=x, y=y, text="text:N", color=colour),
        alt.Chart(data_of(logits))
        .mark_text(align="left", baseline="middle", fontSize=10.5, color=theme.INK)
        .encode(x=x, y=y, text=alt.value("logit")),
        alt.Chart(data_of(points)).mark_point(filled=True, size=30, color=theme.INK, opacity=1).encode(x=x, y=y),
    ]
    return alt.LayerChart(layer=layers).properties(width=theme.PANEL_WIDTH, height=height)
