"""The tables of single runs, of the spread of seeds, and of the models that check the factorial."""

from __future__ import annotations

from analysis.reporting.blocks import Cell, Row, Table
from analysis.reporting.factorial_figures import EFFECT_LABELS
from analysis.reporting.lookup import Lookup
from analysis.reporting.panels import percent_level, position_of
from analysis.reporting.quantities import NBSP, Kind, Number, number, quantity, value
from analysis.reporting.significance_text import difference_kind
from analysis.reporting.tables import intervals
from analysis.sentences import IN_PER_CENT
from analysis.summary import ModelRow, RunInterval, RunTest, TestSetCard

KNOWS_NOTHING = "It knows nothing of seeds: another seed is another net, and another table."


def table_runs(lookup: Lookup, card: TestSetCard) -> Table:
    """Accuracy and AUC of every run, each with the intervals of that run alone."""
    found = {
        (row.quantity, row.variant, row.seed): row for row in lookup.summary.run_intervals if row.test_set == card.name
    }
    shown = [name for name in ("accuracy", "recall", "specificity") if any(key[0] == name for key in found)]
    first = "accuracy" if "accuracy" in shown else next(iter(shown), "accuracy")
    rows = []
    for variant in lookup.variants:
        for seed in lookup.summary.study.seeds:
            proportion, area = found.get((first, variant, seed)), found.get(("auc", variant, seed))
            if proportion is None and area is None:
                continue
            at = f"{variant}/{seed}/{card.name}"
            cells = (
                _run(proportion, f"run/{first}/{at}", "wilson"),
                _run(proportion, f"run/{first}/{at}", "clopper_pearson"),
                _run(area, f"run/auc/{at}", "delong"),
            )
            rows.append(Row((variant, f"seed{NBSP}{seed}"), tuple(Cell(each) for each in cells)))
    images = sorted({row.n_images for row in found.values() if row.quantity == first})
    caption = (
        f"Every run along its own path. {percent_level(lookup)} intervals over images for this one net: Wilson’s score "
        f"interval, Clopper and Pearson’s exact one, DeLong’s of the AUC. {KNOWS_NOTHING} "
        f"n = {' or '.join(f'{n:,}' for n in images) or '0'} images a run."
    )
    label = quantity(first).label
    return Table(
        f"table-runs-{position_of(lookup, card)}",
        f"Single runs on {card.name}",
        ("variant", "run"),
        (f"{label}, %: Wilson", f"{label}, %: Clopper–Pearson", "AUC: DeLong"),
        tuple(rows),
        (caption,),
        grouped=True,
    )


def _run(row: RunInterval | None, row_id: str, prefix: str) -> Number:
    if row is None:
        return value(f"{row_id}/{prefix}", None, "plain", (None, None), reason="not defined on these images")
    limits = (getattr(row, f"{prefix}_low"), getattr(row, f"{prefix}_high"))
    kind: Kind = "percent" if row.quantity in IN_PER_CENT else "plain"
    return value(f"{row_id}/{prefix}", row.value, kind, limits, digits=2 if kind == "percent" else 4)


def table_run_tests(lookup: Lookup, card: TestSetCard) -> Table:
    """McNemar's test of each variant against the baseline and Cochran's Q of all, seed by seed."""
    here = [row for row in lookup.summary.run_tests if row.test_set == card.name]
    pairs = [(variant, lookup.baseline) for variant in lookup.others]
    mcnemar = {(row.variant, row.versus, row.seed): row for row in here if row.test == "mcnemar"}
    pairs = [pair for pair in pairs if any(key[:2] == pair for key in mcnemar)]
    together = {row.seed: row for row in here if row.test == "cochran_q"}
    header = [part for variant, _ in pairs for part in (f"{variant} b{NBSP}:{NBSP}c", f"{variant} p")]
    rows = []
    for seed in sorted({row.seed for row in here}):
        cells: list[Cell] = []
        for variant, versus in pairs:
            row = mcnemar.get((variant, versus, seed))
            split = (
                "" if row is None or row.only_first is None else f"{row.only_first:,}{NBSP}:{NBSP}{row.only_second:,}"
            )
            cells += [
                Cell(split, count=True),
                Cell(_run_test(row, f"run/mcnemar/{variant}-vs-{versus}/{seed}/{card.name}/p")),
            ]
        if together:
            cells.append(Cell(_run_test(together.get(seed), f"run/cochran_q/{seed}/{card.name}/p")))
        rows.append(Row((f"seed{NBSP}{seed}",), tuple(cells)))
    caption = (
        f"McNemar’s test of each variant against {lookup.baseline} (b: images that the variant alone judged right, c: "
        f"that {lookup.baseline} alone did), and Cochran’s Q of all variants, seed by seed; p not adjusted. "
        f"{KNOWS_NOTHING} "
        f"n = {card.n_real + card.n_synthetic:,} images."
    )
    return Table(
        f"table-run-tests-{position_of(lookup, card)}",
        f"Tests of single runs on {card.name}",
        ("run",),
        (*header, *(("Cochran’s Q: p",) if together else ())),
        tuple(rows),
        (caption,),
    )


def _run_test(row: RunTest | None, row_id: str) -> Number:
    if row is None:
        return value(row_id, None, "p", reason="not computed in this study")
    return value(row_id, row.p, "p", reason=row.reason)


def table_spread(lookup: Lookup) -> Table:
    """The seeds' standard deviation of accuracy beside that of a calibrated ensemble."""
    rows = []
    for row in lookup.summary.seed_spread:
        at = f"spread/{row.variant}/{row.test_set}"
        cells = (
            value(f"{at}/sd", row.sd, "points", digits=2, reason=row.reason),
            value(f"{at}/calibrated", row.calibrated, "points", digits=2, reason=row.reason),
            value(at, row.ratio, "plain", (row.low, row.high), digits=2, reason=row.reason),
        )
        rows.append(Row((row.test_set, row.variant), tuple(Cell(each) for each in cells)))
    caption = (
        "Standard deviation of accuracy over seeds, √(error / 2n), and their ratio with its "
        f"{percent_level(lookup)} interval from χ². Standard deviations in percentage points."
    )
    return Table(
        "table-spread",
        "Spread over seeds beside a calibrated ensemble",
        ("test set", "variant"),
        ("seeds", "calibrated", "ratio"),
        tuple(rows),
        (caption,),
        grouped=True,
    )


def table_models(lookup: Lookup) -> Table:
    """Other models of the factorial beside the crossed estimate."""
    checks = [row for row in lookup.summary.model_checks if row.effect in EFFECT_LABELS]
    models = list(dict.fromkeys(row.model for row in checks))
    found = {(row.model, row.quantity, row.effect, row.test_set): row for row in checks}
    rows = []
    for name, effect, test_set in dict.fromkeys((r.quantity, r.effect, r.test_set) for r in checks):
        if test_set not in [card.name for card in lookup.quoted]:
            continue
        crossed = lookup.effect(name, effect, test_set)
        cells = [Cell(number(crossed, kind=difference_kind(name), absent=f"{name}/{effect}/{test_set}/own"))]
        cells += [
            Cell(_model(found.get((model, name, effect, test_set)), f"model/{model}/{name}/{effect}/{test_set}"))
            for model in models
        ]
        rows.append(Row((f"{test_set}: {quantity(name).label}", EFFECT_LABELS[effect][0]), tuple(cells)))
    caption = (
        "Checks, not results: generalised estimating equations let images vary and take the seeds as they are, a mixed "
        "model lets both vary. With the identity link the estimate must be the crossed one and is in percentage "
        "points; with the logit link it is in log odds. Their intervals use normal quantiles, ours Student’s. "
        f"{intervals(lookup)}"
    )
    return Table(
        "table-models",
        "Model checks",
        ("test set", "effect"),
        ("crossed (quoted)", *models),
        tuple(rows),
        (caption,),
        grouped=True,
    )


def _model(row: ModelRow | None, row_id: str) -> Number:
    if row is None:
        return value(row_id, None, "plain", (None, None), reason="not computed in this study")
    kind: Kind = "plain" if "logit" in row.model else difference_kind(row.quantity)
    return value(row_id, row.estimate, kind, (row.low, row.high), reason=row.reason)
