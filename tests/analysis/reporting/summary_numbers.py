"""Every number of a summary by the id that a document gives it, written apart from the code that draws documents."""

from __future__ import annotations

import pandas as pd

from analysis.summary import Contrast, Summary

Fields = tuple[float | None, float | None, float | None]
"""Value and ends of its interval."""

SINGLE = (
    "p",
    "p_holm",
    "sign_flip_p",
    "attainable_p",
    "paired_t_p",
    "wilcoxon_p",
    "cohen_dz",
    "hedges_gz",
    "cohen_d",
    "superiority",
    "margin",
    "tost_p",
    "detectable",
    "seeds_needed",
    "opposite_share",
)
BESIDE = ("images", "seed_t", "bootstrap", "tost")


def numbers_of(summary: Summary, operating: pd.DataFrame | None = None) -> dict[str, Fields]:
    """Id → what stands in the summary, or in the table of operating characteristics."""
    out: dict[str, Fields] = {}
    rows = (
        *summary.metrics,
        *summary.contrasts,
        *summary.factorial,
        *summary.dispersion,
        *summary.dispersion_contrasts,
        *summary.dispersion_parts,
        *summary.agreement,
        *summary.faithfulness,
        *summary.control_metrics,
        *summary.control_contrasts,
        *summary.shift,
        *summary.subsets,
    )
    for row in rows:
        out[row.id] = (row.estimate, row.low, row.high)
        out[f"{row.id}/p"] = (row.p, None, None)
        if isinstance(row, Contrast):
            out |= {f"{row.id}/{name}": (getattr(row, name), None, None) for name in SINGLE}
            for name in BESIDE:
                out[f"{row.id}/{name}"] = (row.estimate, getattr(row, f"{name}_low"), getattr(row, f"{name}_high"))
    for name in ("alpha", "alpha_declared", "confidence", "confidence_declared"):
        out[name] = (getattr(summary, name), None, None)
    for margin in summary.margins:
        out[f"margin/{margin.role}"] = (margin.margin, None, None)
        out[f"margin/{margin.role}/declared"] = (margin.declared, None, None)
    for verdict in summary.verdicts:
        at = f"claim/{verdict.id}"
        names = ("p_support_adjusted", "p_contradict_adjusted", "bound", "margin_declared", "bound_declared")
        for name in names:
            out[f"{at}/{name}"] = (getattr(verdict, name), None, None)
        # A claim about zero has neither bound nor margin.
        out[f"{at}/margin"] = (verdict.margin or 0.0, None, None)
        for number, part in enumerate(verdict.parts):
            out[f"{at}/{number}"] = (part.estimate, part.low, part.high)
            for name in ("p_support", "p_contradict", "detectable", "seeds_needed", "n_images"):
                out[f"{at}/{number}/{name}"] = (getattr(part, name), None, None)
    for run in summary.run_intervals:
        for name in ("wilson", "clopper_pearson", "delong"):
            ends = (getattr(run, f"{name}_low"), getattr(run, f"{name}_high"))
            out[f"run/{run.quantity}/{run.variant}/{run.seed}/{run.test_set}/{name}"] = (run.value, *ends)
    for test in summary.run_tests:
        who = "" if test.variant is None else f"{test.variant}-vs-{test.versus}/"
        out[f"run/{test.test}/{who}{test.seed}/{test.test_set}/p"] = (test.p, None, None)
    for check in summary.model_checks:
        key = f"model/{check.model}/{check.quantity}/{check.effect}/{check.test_set}"
        key = key if check.path == "own" else f"{key}/{check.path}"
        out[key] = (check.estimate, check.low, check.high)
    for spread in summary.seed_spread:
        at = f"spread/{spread.variant}/{spread.test_set}"
        out[at] = (spread.ratio, spread.low, spread.high)
        out |= {f"{at}/sd": (spread.sd, None, None), f"{at}/calibrated": (spread.calibrated, None, None)}
    if operating is not None:
        for _, cell in operating.iterrows():
            key = f"operating/{cell['design']}/{cell['procedure']}/{cell['measure']}"
            # A TOST has a row for each margin, of which the largest share is shown.
            before = out.get(key, (0.0, None, None))[0] or 0.0
            out[key] = (max(before, float(cell["value"])), None, None)
    return out
