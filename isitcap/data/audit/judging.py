"""From what was computed to findings: which rule, how grave, the number, and what to do."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.audit import SEVERITIES, Finding, Severity
from isitcap.data.audit.judging_copies import duplicates, two_labels
from isitcap.data.audit.judging_label import RISK, comparison
from isitcap.data.audit.material import Material
from isitcap.data.audit.measures import count, told_measure


def judge(material: Material) -> tuple[Finding, ...]:
    """All findings, the gravest first."""
    found = [
        *duplicates(material),
        *two_labels(material),
        *(finding for each in material.compared for finding in comparison(material, each)),
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
            says=f"The spectrum tells real images of {source} from those of {own.reference}, no synthetic image being "
            f"involved: AUC {own.told.auc:.3f} after {own.pipeline.name}, the study's pipeline; by pipeline from "
            f"{areas[least]:.3f} ({least}) to {areas[most]:.3f} ({most}).",
            measure=told_measure(name, own.told),
            remedy="Part of any fall on this source may be the corpus' or the pipeline's; compare kernels.",
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
            measure=count("broken", len(broken), n + len(broken)),
            unit="files",
            remedy="Mend or remove them (broken.csv).",
        )
    if trailing := int(material.frame["trailing"].sum()):
        first = material.frame["image_id"][material.frame["trailing"]].iloc[0]
        yield Finding(
            id="trailing",
            check="trailing",
            severity="note",
            says=f"{trailing:,} of {n:,} files have bytes behind the end of their image ({first} is the first): a "
            "second file may hang there. The image alone is read.",
            measure=count("trailing", trailing, n),
            unit="files",
            remedy="Look at a few of them (images.parquet); cameras, too, write such bytes.",
        )
    if material.flat:
        yield Finding(
            id="flat",
            check="flat",
            severity="note",
            says=f"Too flat for nearly identical images to be told (byte-identical ones are): {material.flat:,} of "
            f"{n:,} images.",
            measure=count("flat", material.flat, n),
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
