"""The tables of the significance report: claims and their cases, differences with their tests, sizes and plans."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from analysis.reporting.blocks import Cell, Row, Table
from analysis.reporting.lookup import Lookup
from analysis.reporting.panels import percent_level
from analysis.reporting.quantities import MINUS, Kind, Number, counts, number, quantity, value
from analysis.reporting.significance_text import (
    against,
    alpha_text,
    case_of,
    cases,
    difference_kind,
    digits_of,
    level_text,
    margins_text,
    part_id,
    part_number,
    verdict_kind,
)
from analysis.reporting.tables import intervals
from analysis.reporting.uncertainty_figures import BESIDE, beside
from analysis.sentences import judged_of, outcome_of
from analysis.summary import FACTORIAL_EFFECTS, Contrast, TestSetCard
from analysis.verdicts import Verdict


def table_claims(lookup: Lookup) -> Table:
    """What is claimed, what became of it, and the case that it hangs on."""
    rows = tuple(
        Row(
            (verdict.family, verdict.id),
            (
                Cell(_says(verdict)),
                Cell(outcome_of(verdict)),
                Cell(f"{quantity(verdict.quantity).label}{_unit(verdict)}: {cases(lookup, verdict)}"),
                Cell(part_number(verdict, verdict.decisive)),
                Cell(against(verdict)),
            ),
        )
        for verdict in lookup.verdicts
    )
    caption = (
        "Every claim that the study declares, by family, and the case that its outcome hangs on; proportions in %, "
        "their differences in percentage points, all else as it is. In brackets: "
        f"{percent_level(lookup)} intervals over seeds and images, crossed and not adjusted; "
        f"{level_text(1 - 2 * lookup.alpha)} ones for equivalence. A claim without bound and margin is about zero."
    )
    return Table(
        "table-claims",
        "The claims, and what became of them",
        ("family", "claim"),
        ("says", "outcome", "decisive case", "estimate", "bound or margin"),
        rows,
        (caption,),
        grouped=True,
    )


def _unit(verdict: Verdict) -> str:
    """Behind what is measured, since the claims of one table are in several units."""
    return {"percent": ", %", "points": ", points"}.get(verdict_kind(verdict), "")


def _says(verdict: Verdict) -> str:
    """The claim's words, and at what it was judged where that is not as declared."""
    judged = judged_of(verdict)
    return verdict.says if judged is None else f"{verdict.says.rstrip('.')}. ({judged[:1].upper()}{judged[1:]}.)"


def table_claim_tests(lookup: Lookup) -> Table:
    """The p-values that outcomes rest on, and what would have decided an undecided claim."""

    def cells(verdict: Verdict) -> tuple[Cell, ...]:
        part = verdict.parts[verdict.decisive]
        at = f"claim/{verdict.id}"
        where = part_id(verdict, verdict.decisive)
        detectable: Kind = "points" if verdict_kind(verdict) in ("percent", "points") else "plain"
        reason = verdict.reason
        return (
            Cell(value(f"{at}/p_support_adjusted", verdict.p_support_adjusted, "p", reason=reason)),
            Cell(value(f"{at}/p_contradict_adjusted", verdict.p_contradict_adjusted, "p", reason=reason)),
            Cell.counted(verdict.family_size),
            Cell(f"{verdict.test}{_attainable(part.attainable_p)}"),
            Cell(value(f"{where}/detectable", part.detectable, detectable, reason=part.reason or "not planned for")),
            Cell(value(f"{where}/seeds_needed", part.seeds_needed, "count", reason=part.seeds_reason or part.reason)),
            Cell(verdict.changed or "nothing"),
        )

    caption = (
        "p for the claim and for its contrary, each adjusted by Holm over the claims of its family; below "
        f"{alpha_text(lookup)} it is supported, or contradicted. Detectable: distance from the bound, margin or zero "
        "that these seeds and images find with power 0.8; seeds: how many would decide this case on these images if "
        "the estimate were the truth; both before correction. Last: what of the claim is not as it was when the runs "
        "began, or not as it is in the study file."
    )
    rows = tuple(Row((verdict.family, verdict.id), cells(verdict)) for verdict in lookup.verdicts)
    return Table(
        "table-claim-tests",
        "Tests and plan behind each verdict",
        ("family", "claim"),
        ("p for", "p against", "claims", "test", "detectable", "seeds", "changed"),
        rows,
        (caption,),
        grouped=True,
    )


def _attainable(p: float | None) -> str:
    return "" if p is None else f", p at least {p:.2g}"


def table_claim_cases(lookup: Lookup) -> Table:
    """Every case of the claims that have several."""
    rows = []
    for verdict in lookup.verdicts:
        if len(verdict.parts) < 2:
            continue
        judged = judged_of(verdict)
        for position, part in enumerate(verdict.parts):
            where, reason = part_id(verdict, position), part.reason
            rows.append(
                Row(
                    (verdict.id if judged is None else f"{verdict.id}, {judged}", case_of(lookup, part)),
                    (
                        Cell(part_number(verdict, position), strong=position == verdict.decisive),
                        Cell(value(f"{where}/p_support", part.p_support, "p", reason=reason)),
                        Cell(value(f"{where}/p_contradict", part.p_contradict, "p", reason=reason)),
                        Cell(value(f"{where}/n_images", part.n_images, "count")),
                    ),
                )
            )
    caption = (
        "The cases of each claim about several; framed: the one that decides. p for and against are of the case alone, "
        f"not adjusted. {intervals(lookup)}"
    )
    return Table(
        "table-claim-cases",
        "Every case of the claims",
        ("claim", "case"),
        ("estimate", "p for", "p against", "images"),
        tuple(rows),
        (caption,),
        grouped=True,
    )


def _pairs(lookup: Lookup) -> list[tuple[TestSetCard, Contrast]]:
    """The differences of all pairs in each quoted set's headline quantity."""
    return [(card, row) for card in lookup.quoted for row in lookup.pairs(lookup.headline(card), card.name)]


def _of_pairs(
    lookup: Lookup,
    table_id: str,
    title: str,
    header: Sequence[str],
    cells: Callable[[Contrast, int], Sequence[Number]],
    caption: str,
) -> Table:
    """A table of all pairs; `cells` makes a row's numbers, with the digits that its test set needs."""
    found = _pairs(lookup)
    digits = {card.name: digits_of([row for other, row in found if other is card]) for card, _ in found}
    rows = tuple(
        Row(
            (f"{card.name}: {quantity(row.quantity).label}", f"{row.variant} {MINUS} {row.versus}"),
            tuple(Cell(each) for each in cells(row, digits[card.name])),
        )
        for card, row in found
    )
    text = f"{caption} {counts([row for _, row in found])}."
    return Table(table_id, title, ("test set", "difference"), tuple(header), rows, (text,), grouped=True)


def _field(row: Contrast, name: str, kind: Kind, *, digits: int | None = None, reason: str = "") -> Number:
    why = row.reason or reason or "not computed in this study"
    return value(f"{row.id}/{name}", getattr(row, name), kind, digits=digits, reason=why)


def table_tests(lookup: Lookup) -> Table:
    """Every pair's difference with its p and what stands beside it."""
    tests = ("p", "p_holm", "sign_flip_p", "attainable_p", "paired_t_p", "wilcoxon_p")
    caption = (
        "Differences of all pairs. p: of the crossed t, about new seeds and new images, the one that is quoted; Holm: "
        "adjusted over the pairs of the test set. The others are about new seeds on these images alone, and not "
        "adjusted. Sign-flip: exact, and never below “attainable” with so few seeds. Proportions in percentage points. "
        f"{intervals(lookup)}"
    )
    return _of_pairs(
        lookup,
        "table-tests",
        "Differences and their tests",
        ("difference", "p", "Holm", "sign-flip", "attainable", "paired t", "Wilcoxon"),
        lambda row, digits: (
            number(row, kind=difference_kind(row.quantity), digits=digits),
            *(_field(row, name, "p", reason="not defined on these seeds") for name in tests),
        ),
        caption,
    )


def table_sizes(lookup: Lookup) -> Table:
    """Effect sizes over seeds, and the share of single seeds that would have pointed the other way."""
    caption = (
        "Differences in units of their spread over seeds, which is small, so that large values are usual and say "
        "nothing of how much a difference matters. d_z: mean over standard deviation of the paired differences; g_z: "
        "the same without its bias in small samples; d: over the pooled standard deviation of the two. Superiority: "
        "share of all pairs of single seeds with the first one ahead, ties counted half; opposite: share that would "
        "have pointed the other way than the mean, both in %."
    )
    return _of_pairs(
        lookup,
        "table-sizes",
        "Effect sizes over seeds",
        ("d_z", "g_z", "d", "superiority, %", "opposite, %"),
        lambda row, _: (
            *(
                _field(row, n, "plain", digits=2, reason="not defined on these seeds")
                for n in ("cohen_dz", "hedges_gz", "cohen_d")
            ),
            _field(row, "superiority", "percent"),
            _field(row, "opposite_share", "percent", reason="the means are equal"),
        ),
        caption,
    )


def table_intervals(lookup: Lookup) -> Table:
    """The intervals of every pair side by side."""
    caption = (
        f"{percent_level(lookup)} intervals around the same estimate, by what they take as drawn at random: new seeds "
        "and new images (crossed, multi-bootstrap), new seeds on these images (seed t), new images for these nets "
        f"(images only). Proportions in percentage points. Multi-bootstrap: {lookup.summary.bootstrap_draws:,} draws."
    )
    return _of_pairs(
        lookup,
        "table-intervals",
        "Intervals side by side",
        [label for label, _ in BESIDE],
        lambda row, digits: [beside(row, prefix, digits) for _, prefix in BESIDE],
        caption,
    )


def table_power(lookup: Lookup) -> Table:
    """What these seeds and images could have found, and how many seeds a difference of the margin needs."""
    changed = margins_text(lookup)
    caption = (
        f"Detectable: the smallest true difference that the crossed t finds at {alpha_text(lookup)} with power 0.8 on "
        "these seeds and images. Seeds: how many find a difference as large as the margin on these images. TOST: p of "
        f"equivalence within ± the margin{f' ({changed})' if changed else ''}. Proportions in percentage points. "
        f"{intervals(lookup)}"
    )

    def cells(row: Contrast, digits: int) -> Sequence[Number]:
        kind = difference_kind(row.quantity)
        none = "no margin is declared here"
        needed = none if row.margin is None else "no number of seeds up to 1,000 does on these images"
        return (
            number(row, kind=kind, digits=digits),
            _field(row, "detectable", kind, digits=digits, reason="the variances are not known"),
            _field(row, "margin", kind, reason=none),
            _field(row, "seeds_needed", "count", reason=needed),
            _field(row, "tost_p", "p", reason=none),
        )

    header = ("difference", "detectable", "margin", "seeds", "TOST p")
    return _of_pairs(lookup, "table-power", "Power and plan", header, cells, caption)


def table_factorial(lookup: Lookup) -> Table:
    """The effects of the 2 × 2 factorial with their tests."""
    rows, found = [], []
    for card in lookup.quoted:
        name = lookup.headline(card)
        effects = {effect: lookup.effect(name, effect, card.name) for effect in FACTORIAL_EFFECTS}
        digits = digits_of([row for row in effects.values() if row is not None])
        for effect, row in effects.items():
            if row is None:
                continue
            found.append(row)
            shown = (
                number(row, kind=difference_kind(name), digits=digits),
                _field(row, "p", "p", reason="not defined"),
                _field(row, "p_holm", "p", reason="not defined"),
                _field(row, "detectable", difference_kind(name), digits=digits, reason="the variances are not known"),
            )
            heads = (f"{card.name}: {quantity(name).label}", effect.removeprefix("factorial-"))
            rows.append(Row(heads, tuple(Cell(each) for each in shown)))
    caption = (
        "Main effects and interaction; Holm over the three of a test set. Proportions in percentage points. "
        f"{counts(found)}. {intervals(lookup)}"
    )
    return Table(
        "table-factorial",
        "Two factors: effects and tests",
        ("test set", "effect"),
        ("effect", "p", "Holm", "detectable"),
        tuple(rows),
        (caption,),
        grouped=True,
    )
