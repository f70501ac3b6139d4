"""All rows of a summary that are of control sets."""

from __future__ import annotations

from dataclasses import dataclass

from analysis.control_frames import Controls, index_controls
from analysis.frames import PredictionIndex
from analysis.robustness import corruption_rows
from analysis.shift import pipeline_rows
from analysis.summary import ControlCard, ControlContrast, Estimate, ShiftPart, StudyCard


@dataclass(frozen=True)
class ControlRows:
    """The fields of a `Summary` that are of control sets; all empty where a study has none."""

    control_sets: tuple[ControlCard, ...] = ()
    control_metrics: tuple[Estimate, ...] = ()
    control_contrasts: tuple[ControlContrast, ...] = ()
    shift: tuple[ShiftPart, ...] = ()


def build_controls(controls: Controls | None, own: PredictionIndex, study: StudyCard, confidence: float) -> ControlRows:
    """Pipelines, the parts of the loss out of sample, and corruptions.

    Args:
        controls: what was recorded of control sets; None where a study has none.
        own: the predictions of the study's own test sets.
        study: its card.
        confidence: coverage of all intervals.

    Raises:
        InputError: the frames do not fit the study.
    """
    if controls is None or controls.sets.empty:
        return ControlRows()
    index = index_controls(controls, own, study)
    pipelines, corruptions = pipeline_rows(index, confidence), corruption_rows(index, confidence)
    return ControlRows(
        index.cards,
        (*pipelines.metrics, *corruptions.metrics),
        (*pipelines.contrasts, *corruptions.contrasts),
        pipelines.parts,
    )
