"""From what was computed to findings: which rule, how grave, the number, and what to do."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep

from analysis.audit import SEVERITIES, Finding, Measure, Severity
from analysis.per_run import wilson
from isitcap.data.audit.classifiers import Told
from isitcap.data.audit.duplicates import Kind, beyond_first, copies_in
from isitcap.data.audit.hashes import CORRELATION
from isitcap.data.audit.material import Compared, Mask, Material
from isitcap.data.audit.probes import Fact

SURE = 0.001
"""Level of the tests behind findings: there are many of them."""

LEAK, RISK, SLIGHT = 0.9, 0.6, 0.525
"""From how well the label is told (AUC or balanced accuracy) it is a leak, a risk, worth a note."""

CLEAR = 0.9
"""Lower limit of the AUC from which an image that looks like the other class is a suspect."""

WORDS: dict[Kind, str] = {"bytes": "byte-identical", "near": "nearly identical"}


def judge(material: Material) -> tuple[Finding, ...]:
    """All findings, the gravest first."""
    found = [
        *_duplicates(material),
        *_labels(material),
        *(finding for each in material.compared for finding in _comparison(material, each)),
        *_sources(material),
        *_reading(material),
    ]
    return tuple(sorted(found, key=lambda finding: SEVERITIES.index(finding.severity)))


def verdict(material: Material, findings: tuple[Finding, ...]) -> tuple[str, ...]:
    """A short verdict: how many of what, then every leak, or the gravest risk."""
    count = {severity: sum(f.severity == severity for f in findings) for severity in SEVERITIES}
    label = material.frame["label"]
    numbers = " and ".join(
        f"{n:,} {word}" for n, word in ((int((label == 0).sum()), "real"), (int(label.sum()), "synthetic")) if n
    )
    words = [f"{n} {name}{'' if n == 1 else 's'}" for name, n in count.items()]
    lines = [f"{words[0]}, {words[1]} and {words[2]} in {numbers} images."]
    worst: Severity = "leak" if count["leak"] else "risk"
    lines += [f.says for f in findings if f.severity == worst][:4]
    if count[worst] > 4:
        lines.append(f"{count[worst] - 4} more below.")
    return tuple(lines)


def told_measure(measure_id: str, told: Told) -> Measure:
    """The AUC of a classifier as a number of the audit."""
    return Measure(
        id=measure_id, kind="auc", value=told.auc, low=told.low, high=told.high, n=told.n, reason=told.reason
    )


def share(measure_id: str, successes: int, n: int) -> Measure:
    """A share with Wilson's interval."""
    if not n:
        return Measure(id=measure_id, kind="share", value=None, n=0, reason="no images")
    found = wilson(successes, n)
    return Measure(id=measure_id, kind="share", value=found.estimate, low=found.low, high=found.high, n=n)


def _count(measure_id: str, value: int, n: int) -> Measure:
    return Measure(id=measure_id, kind="count", value=value, n=n)


def _duplicates(material: Material) -> Iterator[Finding]:
    for place in material.plan.places:
        here = material.where("source", place.name)
        train, test = here & material.where("part", "train"), here & material.where("part", "test")
        by_bytes = copies_in(material.groups("bytes"), test, train)
        yield from _copies(
            "duplicates-across-parts",
            f"{place.name}/bytes",
            "leak",
            by_bytes,
            test,
            f"{int(by_bytes.sum()):,} of {int(test.sum()):,} test images of {place.name} are byte-identical to "
            f"training images ({_by_label(material, by_bytes)}).",
            "Leave them out of the test side before it is drawn; `isitcap run` does.",
        )
        near = copies_in(material.groups("near"), test, train) & ~by_bytes
        yield from _copies(
            "duplicates-across-parts",
            f"{place.name}/near",
            "leak",
            near,
            test,
            f"{int(near.sum()):,} more test images of {place.name} nearly equal a training image "
            f"({_by_label(material, near)}; thumbnails correlate by {CORRELATION} or more).",
            "Look at the pairs (pairs.csv), and quote the accuracy without them, too.",
        )
        for part in sorted(set(material.frame["part"][here])):
            inside = here & material.where("part", part)
            again = beyond_first(material.groups("bytes"), inside)
            name = f"{place.name} {part}".strip()
            yield from _copies(
                "duplicates-inside",
                f"{name.replace(' ', '-')}/bytes",
                "risk",
                again,
                inside,
                f"{int(again.sum()):,} of {int(inside.sum()):,} images of {name} are byte-identical to another of them "
                f"({_by_label(material, again)}).",
                "Keep one of each; copies weigh twice, and intervals take them for further evidence.",
            )
            nearly = beyond_first(material.groups("near"), inside) & ~again
            yield from _copies(
                "duplicates-inside",
                f"{name.replace(' ', '-')}/near",
                "note",
                nearly,
                inside,
                f"{int(nearly.sum()):,} more images of {name} nearly equal another of them.",
                "Look at the pairs (pairs.csv); keep one of each where they are copies.",
            )
    yield from _across_sources(material)
    if material.plan.split is not None and material.split_problem is None:
        train, test = material.side == "train", material.side == "test"
        left = copies_in(material.groups("near"), test, train)
        yield from _copies(
            "duplicates-after-split",
            "near",
            "leak",
            left,
            test,
            f"{int(left.sum()):,} of the {int(test.sum()):,} in-sample test images that the study draws still nearly "
            "equal an image that it trains on.",
            "Compare the headline with and without them: isitcap data audit RUN_DIR.",
        )


def _across_sources(material: Material) -> Iterator[Finding]:
    names = [place.name for place in material.plan.places]
    training = set() if material.plan.split is None else set(material.plan.split.sources)
    for position, first in enumerate(names):
        for second in names[position + 1 :]:
            # What a study trains on comes first: its copies in the other are the leak.
            one, two = (second, first) if second in training and first not in training else (first, second)
            a, b = material.where("source", one), material.where("source", two)
            for kind in ("bytes", "near"):
                shared = copies_in(material.groups(kind), b, a)
                severity: Severity = "leak" if one in training and two not in training else "risk"
                if kind == "near":
                    shared &= ~copies_in(material.groups("bytes"), b, a)
                yield from _copies(
                    "duplicates-across-sources",
                    f"{one}-{two}/{kind}",
                    severity,
                    shared,
                    b,
                    f"{int(shared.sum()):,} of {int(b.sum()):,} images of {two} are {WORDS[kind]} to images of {one}.",
                    "Leave them out of one of the two.",
                )


def _copies(
    check: str, where: str, severity: Severity, found: Mask, of: Mask, says: str, remedy: str
) -> Iterator[Finding]:
    if found.any():
        name = f"{check}/{where}"
        yield Finding(
            id=name,
            check=check,
            severity=severity,
            says=says,
            measure=_count(name, int(found.sum()), int(of.sum())),
            remedy=remedy,
        )


def _labels(material: Material) -> Iterator[Finding]:
    """One image under both labels: at least one of them is wrong, or the fakes are made from the reals."""
    real, fake = material.where("label", 0), material.where("label", 1)
    everything = real | fake
    groups = material.groups("bytes")
    exact = copies_in(groups, real, fake) | copies_in(groups, fake, real)
    example = material.frame["image_id"][exact].tolist()[:2]
    yield from _copies(
        "two-labels",
        "bytes",
        "leak",
        exact,
        everything,
        f"{int(exact.sum()):,} images are the same files under both labels ({', '.join(example)}).",
        "One of the labels is inverted: correct it, or remove the image from both.",
    )
    groups = material.groups("near")
    nearly = (copies_in(groups, real, fake) | copies_in(groups, fake, real)) & ~exact
    example = material.frame["image_id"][nearly].tolist()[:2]
    yield from _copies(
        "two-labels",
        "near",
        "risk",
        nearly,
        everything,
        f"{int(nearly.sum()):,} images nearly equal an image of the other label ({', '.join(example)}).",
        "If the synthetic ones are not made from the real ones, a label is inverted: look at the pairs.",
    )


def _comparison(material: Material, each: Compared) -> Iterator[Finding]:
    name, labels = each.comparison.name, each.comparison.labels(material.images)
    n, fake = len(labels), int(labels.sum())
    if each.probes is None:
        only = "synthetic" if fake else "real"
        yield Finding(
            id=f"one-class/{name}",
            check="one-class",
            severity="note",
            says=f"All {n:,} images of {name} are {only}: nothing can be said of what tells the classes apart.",
            measure=_count(f"one-class/{name}", n, n),
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
    if each.transfer is not None and each.transfer.high is not None and each.transfer.high < 0.4:
        yield Finding(
            id=f"turned-round/{name}",
            check="turned-round",
            severity="risk",
            says=f"What colour and sharpness say of the label in the training set is turned round in {name}.",
            measure=told_measure(f"turned-round/{name}", each.transfer),
            remedy="Check that its labels are not inverted; if they are right, the kernel or the corpus does it.",
        )


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
            remedy="Bring both classes into one format: the same size, kernel and encoding for all.",
        )


FACT_WORDS = {
    "format": "file format",
    "mode": "colour mode",
    "quantisation": "JPEG quantisation table",
    "chroma": "chroma subsampling",
    "progressive": "progressive or interlaced storage",
    "exif": "presence of EXIF",
    "icc": "presence of a colour profile",
    "bytes": "file size",
}


def _severity(told: float) -> Severity | None:
    return "leak" if told >= LEAK else "risk" if told >= RISK else "note" if told >= SLIGHT else None


def _classifiers(each: Compared) -> Iterator[Finding]:
    assert each.probes is not None
    name = each.comparison.name
    plans = (
        ("container-classifier", each.probes.container, "file size, format and JPEG tables alone"),
        ("name-classifier", each.probes.names, "file names alone"),
        ("figures-classifier", each.probes.figures, "ten figures of colour and sharpness"),
    )
    remedies = {
        "container-classifier": "Bring both classes into one format, and audit again.",
        "name-classifier": "Never let a loader see names; do not draw or order images by them.",
        "figures-classifier": "A detector is worth what it adds to this: quote this AUC beside its own.",
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
            # Neither names nor plain figures are a defect of the images: they can be no more than a risk.
            severity = "leak" if told.low >= LEAK and check == "container-classifier" else "risk"
        how = f"tell the label of {name}" if above else f"do not tell the label of {name} better than chance"
        p = "" if told.p is None else f", p = {told.p:.2f} of {told.permutations} permutations"
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
        remedy="Quote the figures of colour images apart." if p < SURE else "Nothing: the shares do not differ.",
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
            measure=_count(name, runs, n),
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
            measure=_count(name, found, each.probes.figures.n),
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
        measure=_count(name, len(tables), len(jpegs)),
        remedy="Nothing." if len(tables) == 1 else "See whether they go with the class.",
    )


def _kinds(counts: pd.Series[int], word: str) -> str:
    """`one quantisation table (q75)`, `3 quantisation tables (q75, q90, …)`."""
    listed = ", ".join(str(value) for value in counts.index[:3]) + (", …" if len(counts) > 3 else "")
    return f"one {word} ({listed})" if len(counts) == 1 else f"{len(counts)} {word}s ({listed})"


def _sources(material: Material) -> Iterator[Finding]:
    for source in dict.fromkeys(probe.source for probe in material.sources):
        probes = [probe for probe in material.sources if probe.source == source and probe.told.auc is not None]
        own = next((probe for probe in probes if probe.own), None)
        if own is None or own.told.low is None:
            continue
        areas = {probe.pipeline.name: probe.told.auc or 0.0 for probe in probes}
        least, most = min(areas, key=areas.__getitem__), max(areas, key=areas.__getitem__)
        name = f"real-sources/{source}"
        yield Finding(
            id=name,
            check="real-sources",
            severity="risk" if own.told.low >= RISK else "note",
            says=f"The spectrum tells real images of {source} from those of {own.reference}, no fake being involved: "
            f"AUC {own.told.auc:.3f} after {own.pipeline.name}, the study's pipeline; by pipeline from "
            f"{areas[least]:.3f} ({least}) to {areas[most]:.3f} ({most}).",
            measure=told_measure(name, own.told),
            remedy="Part of any fall on this source is the pipeline's: show it under several kernels.",
        )


def _reading(material: Material) -> Iterator[Finding]:
    broken, n = material.images.broken, len(material.images)
    if broken:
        yield Finding(
            id="broken",
            check="broken",
            severity="note",
            says=f"{len(broken):,} of {n + len(broken):,} files cannot be read as images "
            f"({broken[0][0]}: {broken[0][1]}).",
            measure=_count("broken", len(broken), n + len(broken)),
            remedy="Mend or remove them (broken.csv).",
        )
    if material.flat:
        yield Finding(
            id="flat",
            check="flat",
            severity="note",
            says=f"Too flat for near duplicates to be told (byte duplicates are): {material.flat:,} of {n:,} images.",
            measure=_count("flat", material.flat, n),
            remedy="Look at a few of them: empty images teach nothing.",
        )
    if material.split_problem is not None:
        yield Finding(
            id="split",
            check="split",
            severity="leak",
            says=f"The study cannot be split: {material.split_problem}.",
            remedy="Mend the source first.",
        )


def _by_label(material: Material, found: Mask) -> str:
    label = material.frame["label"].to_numpy()[found]
    real, fake = int((label == 0).sum()), int((label == 1).sum())
    return " and ".join(f"{n:,} {word}" for n, word in ((real, "real"), (fake, "synthetic")) if n) or "none"
