"""Figures of a diversity study: a panel for each place, with the numbers of the rows."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # for `diversity_study`

from diversity_study import diversity_of

from analysis.reporting.diversity_figures import figure_gains, figure_generators, figure_means
from analysis.reporting.quantities import number


def test_curves_have_a_panel_for_each_place() -> None:
    """The mean and the shared sets in one, each held-out generator in the other; each says its n and intervals."""
    found = diversity_of()
    means, generators = figure_means(found), figure_generators(found)
    assert [panel.title for panel in means.panels] == ["Mean over held-out generators", "Far"]
    assert [panel.title for panel in generators.panels] == [f"Held out: {name}" for name in "abcd"]
    for figure in (means, generators):
        caption = "".join(map(str, figure.caption))
        assert "n = 3 seeds" in caption
        assert "95\u00a0% intervals over seeds and images" in caption
        assert "what 3 generators gain on one" in caption


def test_alternative_texts_hold_the_numbers() -> None:
    """Every variant and k in the order of reading."""
    found = diversity_of()
    words = figure_means(found).panels[0].alt
    for variant in ("baseline", "augment"):
        for k in (1, 2, 3):
            row = next(r for r in found.levels if r.id == f"balanced_accuracy/{variant}@{k}/held-out/own")
            assert f"k = {k} {number(row)}" in words


def test_gains_stand_by_family_with_outcomes() -> None:
    """Three panels: diversity with its outcomes, preprocessing, and the difference; fewer without other variants."""
    figure = figure_gains(diversity_of())
    assert [panel.title.split(",")[0] for panel in figure.panels] == [
        "More generators instead of one",
        "Preprocessing against baseline",
        "Difference of the two gains",
    ]
    gain = next(
        r for r in diversity_of().contrasts if r.id == "balanced_accuracy/baseline@3-vs-baseline@1/held-out/own"
    )
    assert f"baseline, k = 3 {number(gain, kind='points')} {gain.outcome}" in figure.panels[0].alt
    assert len(figure_gains(diversity_of(augment=False)).panels) == 1
