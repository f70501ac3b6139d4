"""The tables of an audit about files: their facts, formats and sizes, their classes and those that cannot be read."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.audit import AuditRow, AuditTable, Measure
from isitcap.data.audit.material import Compared, Material
from isitcap.data.audit.measures import FACT_WORDS, SHOWN, label_word, rows_of
from isitcap.data.audit.probes import CATEGORIES, MOST_VALUES, SIZES


def facts_table(each: Compared) -> AuditTable:
    """What single facts of the files tell; those of one value for all tell nothing and are named alone."""
    constant = [FACT_WORDS.get(fact.name, fact.name) for fact in each.facts if fact.values == 1]
    rows = [
        AuditRow(
            heads=(FACT_WORDS.get(fact.name, fact.name),),
            cells=(
                Measure(id=f"fact/{each.comparison.name}/{fact.name}", kind="share", value=fact.balanced, n=fact.n),
                _p(fact.p),
                Measure(
                    id=f"fact/{each.comparison.name}/{fact.name}/values", kind="count", value=fact.values, n=fact.n
                ),
            ),
        )
        for fact in each.facts
        if fact.values > 1
    ]
    left_out = f" Left out are those that do not vary ({len(constant)}): {', '.join(constant)}." if constant else ""
    return AuditTable(
        id=f"table-facts-{each.comparison.name}",
        section="container",
        title=f"What single facts of the files tell: {each.comparison.name}",
        row_header=("fact",),
        header=("balanced accuracy", "p", "values"),
        rows=tuple(rows),
        caption="Balanced accuracy of the best guess from this fact alone, on the same images (sizes cut at their "
        "deciles); 50 % is chance. p: χ² test that both classes have the same shares, not corrected for the number of "
        f"facts.{left_out}",
    )


def values_table(material: Material, each: Compared) -> AuditTable:
    """Formats, modes, JPEG tables and metadata by class."""
    frame, labels = rows_of(material, each.comparison)
    rows = []
    for fact in CATEGORIES:
        values = frame[fact].astype(str).replace({"": "none", "True": "yes", "False": "no"})
        counts = values.value_counts()
        for value in counts.index[:MOST_VALUES]:
            here = (values == value).to_numpy()
            cells = []
            for label in (0, 1):
                name = f"values/{each.comparison.name}/{fact}/{value}/{label_word(label)}"
                n = int((labels == label).sum())
                count = int((here & (labels == label)).sum())
                cells.append(Measure(id=name, kind="count", value=count, n=n))
            rows.append(AuditRow(heads=(FACT_WORDS.get(fact, fact), str(value)), cells=tuple(cells)))
        if len(counts) > MOST_VALUES:
            rows.append(
                AuditRow(heads=(FACT_WORDS.get(fact, fact), f"{len(counts) - MOST_VALUES} more"), cells=("", ""))
            )
    return AuditTable(
        id=f"table-values-{each.comparison.name}",
        section="container",
        title=f"Formats, modes, JPEG tables and metadata: {each.comparison.name}",
        row_header=("fact", "value"),
        header=("real", "synthetic"),
        rows=tuple(rows),
        caption="Number of files. q75: the tables of the Independent JPEG Group (IJG) at quality 75, for luma and "
        "chroma.",
    )


def sizes_table(material: Material, each: Compared) -> AuditTable:
    """Sizes by class."""
    frame, labels = rows_of(material, each.comparison)
    rows = []
    for name in SIZES:
        for label in (0, 1):
            values = frame[name].to_numpy(np.float64)[labels == label]
            if not len(values):
                continue
            cuts = np.quantile(values, [0, 0.25, 0.5, 0.75, 1])
            prefix = f"sizes/{each.comparison.name}/{name}/{label_word(label)}"
            words = ("least", "lower-quartile", "median", "upper-quartile", "most")
            cells = tuple(
                Measure(id=f"{prefix}/{word}", kind="count", value=float(cut), n=len(values))
                for word, cut in zip(words, cuts, strict=True)
            )
            rows.append(
                AuditRow(
                    heads=({"bytes": "file size, bytes"}.get(name, f"{name}, pixels"), label_word(label)), cells=cells
                )
            )
    return AuditTable(
        id=f"table-sizes-{each.comparison.name}",
        section="container",
        title=f"Sizes: {each.comparison.name}",
        row_header=("size", "class"),
        header=("least", "lower quartile", "median", "upper quartile", "most"),
        rows=tuple(rows),
    )


def classes_table(material: Material) -> AuditTable:
    """Classes, groups and numbering, by source and part."""
    frame = material.frame
    rows = []
    for (source, part), images in frame.groupby(["source", "part"], sort=False):
        name = f"classes/{source}/{part}"
        fake, n = int(images["label"].sum()), len(images)
        rows.append(
            AuditRow(
                heads=(str(source), str(part) or "all"),
                cells=(
                    _numbers(images),
                    Measure(id=f"{name}/real", kind="count", value=n - fake, n=n),
                    Measure(id=f"{name}/synthetic", kind="count", value=fake, n=n),
                    Measure(id=f"{name}/groups", kind="count", value=images["group"].nunique(), n=n),
                ),
            )
        )
    stretches = "; ".join(
        f"{each.comparison.name}: {each.runs[0]:,} stretches of one label ({each.runs[1]:,.0f} in a random order)"
        for each in material.compared
    )
    return AuditTable(
        id="table-classes",
        section="layout",
        title="Classes, groups and numbering",
        row_header=("source", "part"),
        header=("numbers in file names", "real", "synthetic", "groups"),
        rows=tuple(rows),
        caption=f"Groups: folders, or classes of what is shown. In the order of the files, {stretches}.",
    )


def _numbers(images: pd.DataFrame) -> str:
    words = []
    for label in (0, 1):
        numbers = images["number"][(images["label"] == label) & (images["number"] >= 0)]
        if len(numbers):
            words.append(f"{label_word(label)} {int(numbers.min())}–{int(numbers.max())}")
    return ", ".join(words) or "none"


def broken_table(material: Material) -> AuditTable:
    """Files that cannot be read."""
    return AuditTable(
        id="table-broken",
        section="layout",
        title="Files that cannot be read",
        row_header=("file",),
        header=("why",),
        rows=tuple(AuditRow(heads=(name,), cells=(reason,)) for name, reason in material.images.broken[:SHOWN]),
        caption=f"At most {SHOWN} of {len(material.images.broken):,}; all are in broken.csv.",
    )


def _p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
