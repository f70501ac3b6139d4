"""The figures of curves."""

from __future__ import annotations

from collections.abc import Callable

from made_up_basis import OUT

from analysis.reporting.curve_figures import figure_calibration, figure_roc
from analysis.reporting.lookup import Lookup
from analysis.summary import Estimate, Summary


def test_a_panel_for_each_quoted_set(summary: Summary) -> None:
    """In-sample and out-of-sample sets have a panel each, validation images have none."""
    for figure in (figure_roc(Lookup(summary)), figure_calibration(Lookup(summary))):
        assert [panel.title for panel in figure.panels] == ["test", OUT]


def test_words_hold_what_the_panel_shows(summary: Summary) -> None:
    """The alternative text has the AUC with its interval, and the recalls of the seeds at few false positives."""
    lookup = Lookup(summary)
    curve = next(each for each in summary.curves if each.id == "roc/both/test/both")
    area = lookup.metric("auc", "both", "test")
    assert area is not None
    assert area.low is not None
    assert area.high is not None
    words = figure_roc(lookup).panels[0].alt.replace("\u00a0", " ")
    assert f"both AUC {area.estimate:.3f} [{area.low:.3f}, {area.high:.3f}], recall at 5 % false positives" in words
    assert (
        f"{100 * curve.mean[5]:.1f} %, from {100 * curve.low[5]:.1f} to {100 * curve.high[5]:.1f} over seeds" in words
    )


def test_ece_stands_beside_the_diagram(summary: Summary, estimate_row: Callable[..., Estimate]) -> None:
    """The calibration error of the same variant, set and path is told, with its interval."""
    row = estimate_row("ece", "both", ("test", None, "both"), 0.021, 0.004, 9811)
    with_ece = summary.model_copy(update={"metrics": (*summary.metrics, row)})
    assert "both ECE 0.021 [0.017, 0.025]" in figure_calibration(Lookup(with_ece)).panels[0].alt


def test_what_is_not_defined_is_said(summary: Summary) -> None:
    """A variant without a curve keeps its place, with the reason in words."""
    words = figure_calibration(Lookup(summary)).panels[1].alt
    assert "augment: no real images: ECE is not defined" in words


def test_only_the_own_path_is_drawn(summary: Summary) -> None:
    """A curve along another path is not taken for the variant's own."""
    strange = tuple(curve.model_copy(update={"path": "elsewhere"}) for curve in summary.curves)
    assert not figure_roc(Lookup(summary.model_copy(update={"curves": strange}))).panels


def test_results_without_curves_have_no_figure(summary: Summary) -> None:
    """Earlier results are drawn without them."""
    lookup = Lookup(summary.model_copy(update={"curves": ()}))
    assert not figure_roc(lookup).panels
    assert not figure_calibration(lookup).panels
