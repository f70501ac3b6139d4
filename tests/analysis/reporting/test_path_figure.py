"""The drawing of the paths."""

from __future__ import annotations

import pytest

from analysis.reporting.lookup import Lookup
from analysis.reporting.path_figure import draw_paths, figure_paths, stages_of
from analysis.summary import Summary, VariantCard


@pytest.mark.parametrize(
    ("path", "stages"),
    [
        ("none", ("image", "classifier")),
        ("augment", ("image", "augment", "classifier")),
        ("autoencode", ("image", "autoencoder", "classifier")),
        ("both", ("image", "augment", "autoencoder", "classifier")),
        ("jpeg", ("image", "JPEG", "classifier")),
        ("denoise", ("image", "denoise", "classifier")),
    ],
)
def test_stages_stand_in_the_order_of_the_path(path: str, stages: tuple[str, ...]) -> None:
    """What an image passes, an unknown preprocessing by its own name."""
    assert stages_of(VariantCard(name="v", path=path, description="")) == stages


def test_every_variant_is_told_and_drawn(summary: Summary) -> None:
    """The words name each variant with its stages; the drawing has one box a stage, one arrow behind each box."""
    figure = figure_paths(Lookup(summary))
    cards = summary.study.variants
    words = figure.panels[0].alt
    assert all(f"{card.name}: {', '.join(stages_of(card))}" in words for card in cards)
    boxes, arrows = count(cards, "rect"), count(cards, "rule")
    assert boxes == arrows == sum(len(stages_of(card)) for card in cards)


def test_maps_behind_a_jpeg_are_made_at_the_classifier_alone() -> None:
    """No gradient passes a JPEG, so that one dot stands on its path; behind a blur there are two."""
    blur, jpeg = (VariantCard(name=name, path=name, description="") for name in ("blur", "jpeg"))
    assert count((blur,), "point", last=True) == 2
    assert count((jpeg,), "point", last=True) == 1


def test_a_study_without_variants_has_no_drawing(summary: Summary) -> None:
    """The section is left out."""
    study = summary.study.model_copy(update={"variants": ()})
    assert not figure_paths(Lookup(summary.model_copy(update={"study": study}))).panels


def count(cards: tuple[VariantCard, ...], kind: str, *, last: bool = False) -> int:
    """Marks of a kind in the first, or the last, layer of it."""
    spec = draw_paths(cards).to_dict()
    layers = [layer for layer in spec["layer"] if layer["mark"]["type"] == kind]
    data = layers[-1 if last else 0]["data"]
    return len(data["values"] if "values" in data else spec["datasets"][data["name"]])
