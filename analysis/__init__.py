"""From labelled frames to findings and documents, without torch.

`build_summary` turns frames of predictions, images and saliency measures into a frozen `Summary`; `write_results`,
`read_results` and `write_tables` carry it to disk and back; `analysis.reporting` draws it. The parts are usable alone:
metrics and crossed intervals on arrays, dispersion of saliency maps.
"""

from analysis.build import build_summary
from analysis.contrasts import decisions_contrast, metric_contrast, paired_contrast
from analysis.dispersion import measure
from analysis.errors import InputError
from analysis.frames import Decisions, PredictionIndex, decisions_of, index_images, index_predictions
from analysis.intervals import CrossedInterval, Stratum, crossed_interval, crossed_mean
from analysis.results import read_results, results_schema, write_results, write_tables
from analysis.summary import Estimate, Summary

__all__ = [
    "CrossedInterval",
    "Decisions",
    "Estimate",
    "InputError",
    "PredictionIndex",
    "Stratum",
    "Summary",
    "build_summary",
    "crossed_interval",
    "crossed_mean",
    "decisions_contrast",
    "decisions_of",
    "index_images",
    "index_predictions",
    "measure",
    "metric_contrast",
    "paired_contrast",
    "read_results",
    "results_schema",
    "write_results",
    "write_tables",
]
