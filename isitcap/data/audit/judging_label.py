"""Findings about what tells the label of a set of images without a detector."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep

from analysis.audit import Finding, Measure, Severity
from isitcap.data.audit.classifiers import Told
from isitcap.data.audit.material import Compared, Material
from isitcap.data.audit.measures import FACT_WORDS, PIXELS_ALONE, count, p_words, share, told_measure
from isitcap.data.audit.probes import Fact

SURE = 0.001
"""Level of the tests behind findings: there are many of them."""

LEAK, RISK, SLIGHT = 0.9, 0.6, 0.525
"""From how well the label is told (AUC or balanced accuracy) it is a leak, a risk, worth a note."""

CLEAR = 0.9
"""Lower limit of the AUC from which an image that looks like the other class is a suspect."""


_CONTAINER = f"{PIXELS_ALONE}; what remains of the container is the JPEG history in the pixels."


def comparison(material: Material, each: Compared) -> Iterator[Finding]:
    """All that is found of one set of images: what tells its label, and what is amiss with it."""
    name, labels = each.comparison.name, each.comparison.labels(material.images)
    n, fake = len(labels), int(labels.sum())
    if each.probes is None:
        only = "synthetic" if fake else "real"
        yield Finding(
            id=f"one-class/{name}",
            check="one-class",
            severity="note",
            says=f"All {n:,} images of {name} are {only}: nothing can be said of what tells the classes apart.",
            measure=count(f"one-class/{name}", n, n),
            remedy="Quote recall or specificity alone, never accuracy.",
        )
    else:
        yield from _facts(each)
        yield from _classifiers(each)
        yield from _grey(material, each, labels)
        yield from _balance(name, n, fake)
        yield from _order(each, n)
        yield from _suspects(each)
    yield from _one_table(material, each)
    if each.transfer is not None and _reversed(each.transfer, n, fake):
        yield Finding(
            id=f"turned-round/{name}",
            check="turned-round",
            severity="risk",
            says=f"What colour and sharpness say of the label in the training set is the reverse in {name}.",
            measure=told_measure(f"turned-round/{name}", each.transfer),
            remedy="Check that its labels are not inverted; if they are right, the kernel or the corpus does it.",
        )


def _reversed(told: Told, n: int, fake: int) -> bool:
    """Whether a classifier of the training set's figures tells the label the wrong way round.

    Where it does so of every pair, DeLong's interval is not defined: it counts if chance would do that less often than
    once in a thousand times.
    """
    if told.high is not None:
        return told.high < 0.4
    return told.auc == 0 and math.comb(n, fake) > 1000


def _facts(each: Compared) -> Iterator[Finding]:
    graded: dict[Severity, list[Fact]] = {}
    for fact in sorted(each.facts, key=lambda fact: -fact.balanced):
        severity = _severity(fact.balanced)
        if fact.p < SURE and severity is not None:
            graded.setdefault(severity, []).append(fact)
    for severity, found in graded.items():
        name = f"container-fact/{each.comparison.name}/{severity}"
        listed = ", ".join(f"{FACT_WORDS.get(fact.name, fact.name)} ({fact.balanced:.1%})" for fact in found)
        yield Finding(
            id=name,
            check="container-fact",
            severity=severity,
            says=f"Single facts of the files tell the label of {each.comparison.name}, each with the balanced "
            f"accuracy given: {listed}.",
            measure=Measure(id=name, kind="share", value=found[0].balanced, n=found[0].n),
            remedy=f"Bring both classes into one format: the same size, kernel and encoding for all. {_CONTAINER}",
        )


def _classifiers(each: Compared) -> Iterator[Finding]:
    assert each.probes is not None
    name = each.comparison.name
    plans = (
        ("container-classifier", each.probes.container, "file size, format and JPEG tables alone"),
        ("name-classifier", each.probes.names, "file names alone"),
        ("figures-classifier", each.probes.figures, "ten features of colour and sharpness"),
    )
    remedies = {
        "container-classifier": f"Bring both classes into one format, and audit again. {_CONTAINER}",
        "name-classifier": f"Never let a loader see names; do not draw or order images by them. {PIXELS_ALONE}.",
        "figures-classifier": "Simple features of colour and sharpness already reach this AUC: quote it beside the "
        "detector's. Some, such as the spectrum's slope, may themselves be traces of the generator.",
    }
    for check, told, words in plans:
        finding = f"{check}/{name}"
        if told.auc is None or told.low is None:
            yield Finding(
                id=finding,
                check=check,
                severity="note",
                says=f"Whether {words} tell the label of {name} was not measured: {told.reason}.",
                measure=told_measure(finding, told),
                remedy="Give more images.",
            )
            continue
        above = told.low > 0.5 and (told.p is None or told.p <= 0.05)
        severity: Severity = "note"
        if above and told.low >= RISK:
            # Neither names nor simple features are a defect of the images: they can be no more than a risk.
            severity = "leak" if told.low >= LEAK and check == "container-classifier" else "risk"
        how = f"tell the label of {name}" if above else f"do not tell the label of {name} better than chance"
        p = "" if told.p is None else f", {p_words(told)}"
        yield Finding(
            id=finding,
            check=check,
            severity=severity,
            says=f"{words[0].upper()}{words[1:]} {how}: AUC {told.auc:.3f} [{told.low:.3f}, {told.high:.3f}]{p}.",
            measure=told_measure(finding, told),
            remedy=remedies[check] if above else "Nothing.",
        )


def _grey(material: Material, each: Compared, labels: np.ndarray) -> Iterator[Finding]:
    grey = material.frame["grey"].to_numpy(bool)[each.comparison.rows]
    counts = [(int(grey[labels == label].sum()), int((labels == label).sum())) for label in (0, 1)]
    (real, n_real), (fake, n_fake) = counts
    if not real and not fake:
        return
    low, high = confint_proportions_2indep(fake, n_fake, real, n_real, compare="diff", method="newcomb")
    difference = fake / n_fake - real / n_real
    p = float(stats.fisher_exact(np.array([[real, n_real - real], [fake, n_fake - fake]])).pvalue)
    name = f"greyscale/{each.comparison.name}"
    yield Finding(
        id=name,
        check="greyscale",
        severity="risk" if p < SURE and abs(difference) >= 0.02 else "note",
        says=f"Greyscale in {each.comparison.name}: {real:,} of {n_real:,} real ({real / n_real:.2%}) and {fake:,} of "
        f"{n_fake:,} synthetic images ({fake / n_fake:.2%}).",
        measure=Measure(id=name, kind="share", value=difference, low=float(low), high=float(high), n=len(labels)),
        unit="points",
        remedy="Quote the results on colour images apart; a study with `[controls]` does."
        if p < SURE
        else "Nothing: the shares do not differ.",
    )


def _balance(name: str, n: int, fake: int) -> Iterator[Finding]:
    if not 0.4 <= fake / n <= 0.6:
        yield Finding(
            id=f"balance/{name}",
            check="balance",
            severity="note",
            says=f"{fake / n:.1%} of the {n:,} images of {name} are synthetic.",
            measure=share(f"balance/{name}", fake, n),
            remedy="Quote balanced accuracy, recall and specificity; accuracy depends on the mixture.",
        )


def _order(each: Compared, n: int) -> Iterator[Finding]:
    runs, expected = each.runs
    if runs < expected / 2:
        name = f"order/{each.comparison.name}"
        yield Finding(
            id=name,
            check="order",
            severity="note",
            says=f"The order of files tells the label of {each.comparison.name}: {runs:,} stretches of one label, "
            f"where a random order would have about {expected:,.0f}.",
            measure=count(name, runs, n),
            unit="stretches",
            remedy="Shuffle before anything takes the first files, or batches in order; `isitcap run` does.",
        )


def _suspects(each: Compared) -> Iterator[Finding]:
    assert each.probes is not None
    found, expected = len(each.probes.suspects), each.probes.expected
    low = each.probes.figures.low
    # Where the classes overlap, an image that looks like the other class is no news.
    if found and low is not None and low >= CLEAR:
        name = f"label-suspects/{each.comparison.name}"
        yield Finding(
            id=name,
            check="label-suspects",
            severity="risk",
            says=f"{found:,} images of {each.comparison.name} look by colour and sharpness like the other class (about "
            f"{expected:.1f} would with no label wrong): {', '.join(each.probes.suspects['image_id'][:3])}.",
            measure=count(name, found, each.probes.figures.n),
            remedy="Look at them (suspects.csv): a label may be inverted.",
        )


def _one_table(material: Material, each: Compared) -> Iterator[Finding]:
    rows = material.frame.iloc[each.comparison.rows]
    jpegs = rows[rows["format"] == "JPEG"]
    if jpegs.empty:
        return
    tables, chroma = (jpegs[column].value_counts() for column in ("quantisation", "chroma"))
    name = f"jpeg-tables/{each.comparison.name}"
    yield Finding(
        id=name,
        check="jpeg-tables",
        severity="note",
        says=f"The {len(jpegs):,} JPEGs among the {len(rows):,} files of {each.comparison.name} have "
        f"{_kinds(tables, 'quantisation table')} and {_kinds(chroma, 'kind')} of chroma.",
        measure=count(name, len(tables), len(jpegs)),
        unit="table" if len(tables) == 1 else "tables",
        remedy="Nothing." if len(tables) == 1 else "See whether they go with the class.",
    )


def _kinds(counts: pd.Series[int], word: str) -> str:
    """`one quantisation table (q75)`, `3 quantisation tables (q75, q90, …)`."""
    listed = ", ".join(str(value) for value in counts.index[:3]) + (", …" if len(counts) > 3 else "")
    return f"one {word} ({listed})" if len(counts) == 1 else f"{len(counts)} {word}s ({listed})"


def _severity(told: float) -> Severity | None:
    return "leak" if told >= LEAK else "risk" if told >= RISK else "note" if told >= SLIGHT else None
