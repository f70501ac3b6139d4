"""Golden values: what each statistical function gives beside an independent implementation of the same.

`CASES` holds the comparisons, `WITHOUT` the public functions that have none and why. `tests/test_golden.py` fails where
a difference exceeds its tolerance; `benchmarks/golden.py` writes the table of them. References are calls of SciPy,
statsmodels, scikit-learn or scikit-image that the function itself does not make, formulas written out another way with
their source, numerical derivatives, or numbers that R or SAS printed.
"""

from __future__ import annotations

from . import comparing, interval_cases, map_cases, metric_cases, model_cases, resampling_cases, seed_test_cases
from .comparing import Golden, difference

CASES: tuple[Golden, ...] = tuple(
    case
    for module in (metric_cases, interval_cases, resampling_cases, seed_test_cases, model_cases, map_cases)
    for case in comparing.found_in(module.__name__)
)

MODULES = (
    "agreement",
    "beside",
    "bootstrap",
    "bootstrap_ranks",
    "calibration",
    "contrasts",
    "decisions",
    "dispersion",
    "dispersion_points",
    "dispersion_rows",
    "equivalence",
    "factorial",
    "image_counts",
    "intervals",
    "jackknife",
    "map_checks",
    "map_relations",
    "metrics",
    "model_checks",
    "multiplicity",
    "per_run",
    "power",
    "quantities",
    "ranks",
    "regions",
    "repetitions",
    "significance",
    "simulation",
)
"""Modules of `analysis` that compute. The others carry their numbers to rows, claims, verdicts, files and pages."""

_CHECK = "checks input or names it; no number comes of it"
_ROWS = "carries the numbers of functions above to labelled rows"

WITHOUT = {
    "agreement.agreement_rows": _ROWS,
    "beside.check_confidence": _CHECK,
    "beside.checked_theta": _CHECK,
    "beside.is_constant": _CHECK,
    "bootstrap.check_draws": _CHECK,
    "calibration.bins_of": "a part of calibration.binned_error",
    "dispersion_points.point_differences": _ROWS,
    "dispersion_points.remaining_shares": _ROWS,
    "dispersion_rows.contrast_row": _ROWS,
    "dispersion_rows.row_with_p": _ROWS,
    "image_counts.image_counts": "counts drawn at random; bootstrap.resample_means, made of them, is compared",
    "image_counts.seed_weights": "as image_counts.image_counts",
    "jackknife.group_numbers": "a seeded deal of images, of its own making; its balance is tested",
    "map_checks.main_method": _CHECK,
    "map_checks.map_model_rows": _ROWS,
    "map_relations.relations": _ROWS,
    "multiplicity.decision_family": _CHECK,
    "multiplicity.map_family": _CHECK,
    "quantities.checked": _CHECK,
    "quantities.column": _CHECK,
    "quantities.name_of": _CHECK,
    "quantities.undefined_reason": _CHECK,
    "ranks.allowed_alarms": "a part of ranks.recall_at_allowed",
    "ranks.where_rates_cross": "a part of ranks.crossing",
    "repetitions.operating_rows": "counts hits; tested on frames counted by hand",
    "repetitions.repeat": "applies functions above to simulated studies; the operating characteristics are its check",
    "repetitions.repeat_family": "as repetitions.repeat",
    "repetitions.simulate": "as repetitions.repeat",
    "simulation.draw_logits": "draws at random; its rates and covariances are tested against the truths below",
}
"""Public functions of `MODULES` without a comparison, and why."""

__all__ = ["CASES", "MODULES", "WITHOUT", "Golden", "difference"]
