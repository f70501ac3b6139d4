"""Rows of single runs, and of the models that check the factorial: what stands beside the crossed results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from analysis.build_contrasts import FACTORIAL_VARIANTS, pairs_of
from analysis.claims import OWN_PATH
from analysis.frames import Decisions
from analysis.metrics import undefined_reason
from analysis.model_checks import ModelCheck, gee_check, mixed_check
from analysis.per_run import clopper_pearson, delong_interval, wilson
from analysis.power import seed_spread
from analysis.significance import cochran_q, mcnemar
from analysis.summary import ModelRow, RunInterval, RunTest, SpreadRow

PROPORTIONS: tuple[Literal["accuracy", "recall", "specificity"], ...] = ("accuracy", "recall", "specificity")
"""The metrics of a run that are shares of independent images, so that a binomial interval fits them."""

Runs = Mapping[str, Decisions]
"""Each variant's decisions on one test set along its own path, in the study's order."""


def correctness(decisions: Decisions) -> NDArray[np.bool_]:
    """Whether each decision at probability 0.5 was right, (S, I)."""
    return np.asarray((decisions.logits > 0) == (decisions.labels == 1))


def run_intervals(runs: Runs, confidence: float) -> Iterator[RunInterval]:
    """Wilson's and Clopper and Pearson's interval of every run's proportions, DeLong's of its AUC.

    What is not defined on these images has no row.
    """
    for variant, decisions in runs.items():
        right, labels = correctness(decisions), decisions.labels
        masks = {"accuracy": labels >= 0, "recall": labels == 1, "specificity": labels == 0}
        for row, seed in enumerate(decisions.seeds):
            for quantity in PROPORTIONS:
                if undefined_reason(quantity, labels) is not None:
                    continue
                n, successes = int(masks[quantity].sum()), int(right[row, masks[quantity]].sum())
                score, exact = wilson(successes, n, confidence), clopper_pearson(successes, n, confidence)
                yield RunInterval(
                    quantity=quantity,
                    variant=variant,
                    seed=seed,
                    test_set=decisions.test_set,
                    value=score.estimate,
                    n_images=n,
                    wilson_low=score.low,
                    wilson_high=score.high,
                    clopper_pearson_low=exact.low,
                    clopper_pearson_high=exact.high,
                )
            logits = decisions.logits[row]
            if undefined_reason("auc", labels) is None and np.ptp(logits) > 0:
                area = delong_interval(logits, labels, confidence)
                yield RunInterval(
                    quantity="auc",
                    variant=variant,
                    seed=seed,
                    test_set=decisions.test_set,
                    value=area.estimate,
                    n_images=len(labels),
                    delong_low=area.low,
                    delong_high=area.high,
                )


def run_tests(runs: Runs, baseline: str) -> Iterator[RunTest]:
    """McNemar's test of every pair and Cochran's Q of all variants, for the runs of each seed."""
    first = next(iter(runs.values()))
    right = {variant: correctness(decisions) for variant, decisions in runs.items()}
    for row, seed in enumerate(first.seeds):
        for variant, versus in pairs_of(list(runs), baseline):
            found = mcnemar(right[variant][row], right[versus][row])
            yield RunTest(
                test="mcnemar",
                seed=seed,
                test_set=first.test_set,
                variant=variant,
                versus=versus,
                only_first=found.b,
                only_second=found.c,
                statistic=found.statistic,
                p=found.p,
                exact=found.exact,
                reason=found.reason,
            )
        if len(runs) > 1:
            together = cochran_q(np.stack([right[variant][row] for variant in runs]))
            yield RunTest(
                test="cochran_q",
                seed=seed,
                test_set=first.test_set,
                statistic=together.statistic,
                df=together.df,
                p=together.p,
                reason=together.reason,
            )


def model_rows(runs: Runs, confidence: float) -> Iterator[ModelRow]:
    """What a GEE and a mixed model say of the factorial effects on accuracy; nothing without all four variants."""
    if not set(FACTORIAL_VARIANTS) <= set(runs):
        return
    chosen = [runs[name] for name in FACTORIAL_VARIANTS]
    values = [correctness(decisions).astype(np.float64) for decisions in chosen]
    labels = chosen[0].labels
    checks: list[ModelCheck] = [
        *gee_check(*values, groups=labels, confidence=confidence),
        *gee_check(*values, groups=labels, link="logit", confidence=confidence),
        *mixed_check(*values, groups=labels, confidence=confidence),
    ]
    for check in checks:
        yield ModelRow(
            model=check.model,
            quantity="accuracy",
            effect=f"factorial-{check.effect}",
            test_set=chosen[0].test_set,
            path=OWN_PATH,
            estimate=check.estimate,
            low=check.low,
            high=check.high,
            p=check.p,
            n=check.n,
            reason=check.reason,
        )


def spread_rows(runs: Runs, confidence: float) -> Iterator[SpreadRow]:
    """The seeds' spread of accuracy beside that of a calibrated ensemble, one variant at a time."""
    for variant, decisions in runs.items():
        found = seed_spread(correctness(decisions).mean(axis=1), len(decisions.labels), confidence)
        yield SpreadRow(
            variant=variant,
            test_set=decisions.test_set,
            sd=found.sd,
            calibrated=found.calibrated,
            ratio=found.ratio,
            low=found.low,
            high=found.high,
            reason=found.reason,
        )
