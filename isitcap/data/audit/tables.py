"""The tables and charts of an audit, from what was computed."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy import special

from analysis.audit import AuditFigure, AuditMark, AuditPanel, AuditRow, AuditTable, Measure
from analysis.per_run import delong_interval
from isitcap.data.audit.classifiers import Told
from isitcap.data.audit.duplicates import beyond_first, relations
from isitcap.data.audit.figures import FIGURES, Floats
from isitcap.data.audit.judging import FACT_WORDS, WORDS, share, told_measure
from isitcap.data.audit.material import Compared, Material
from isitcap.data.audit.probes import CATEGORIES, MOST_VALUES, NULL_SAMPLE, SIZES, SUSPECT, Comparison

SECTIONS = (
    ("duplicates", "Duplicates"),
    ("label", "What tells the label"),
    ("container", "Files"),
    ("pixels", "Colour and sharpness"),
    ("sources", "Real images of different sources"),
    ("layout", "Classes and order"),
)

SHOWN = 20
"""Rows of a table that lists single images; the files beside the page hold them all."""

_FIGURE_WORDS = {
    "mean_red": "mean of red",
    "mean_green": "mean of green",
    "mean_blue": "mean of blue",
    "sd_red": "standard deviation of red",
    "sd_green": "standard deviation of green",
    "sd_blue": "standard deviation of blue",
    "saturation": "saturation",
    "laplacian": "log₁₀ variance of the Laplacian",
    "high_share": "energy at high frequencies",
    "slope": "slope of the spectrum",
}


def tables_of(material: Material) -> tuple[AuditTable, ...]:
    """All tables in the order of reading; one without rows is left out."""
    found = [_copies(material), _pairs(material), _classifiers(material)]
    found += [_suspects(material)]
    for each in material.compared:
        found += [_facts(each), _values(material, each), _sizes(material, each)]
    found += [_grey(material)]
    found += [_figures(material, each) for each in material.compared]
    found += [_sources(material), _balance(material), _broken(material)]
    return tuple(table for table in found if table.rows)


def figures_of(material: Material) -> tuple[AuditFigure, ...]:
    """The charts: what tells the label, and what tells real images of two sources apart."""
    panels = []
    for each in material.compared:
        marks = tuple(
            AuditMark(label=label, measure=measure)
            for label, measure in _label_measures(each)
            if measure.value is not None
        )
        if marks:
            panels.append(AuditPanel(title=each.comparison.name, axis="AUC", marks=marks, reference=0.5))
    out = []
    if panels:
        caption = "Cross-validated AUC of small classifiers; 0.5 is chance. A detector is worth what it adds to them."
        out.append(
            AuditFigure(
                id="figure-label", section="label", title="What tells the label", caption=caption, panels=tuple(panels)
            )
        )
    panels = []
    for source in dict.fromkeys(probe.source for probe in material.sources):
        probes = [probe for probe in material.sources if probe.source == source and probe.told.auc is not None]
        marks = tuple(
            AuditMark(
                label=probe.pipeline.name, measure=told_measure(_probe_id(source, probe.pipeline.name), probe.told)
            )
            for probe in probes
        )
        if marks:
            title = f"{source} against {probes[0].reference}"
            panels.append(AuditPanel(title=title, axis="AUC, real against real", marks=marks, reference=0.5))
    if panels:
        caption = (
            "How well the spectrum alone tells real images of one source from those of another, after each pipeline; "
            "no synthetic image is involved. 0.5 is chance: what lies above it is the pipeline's and the corpus'."
        )
        out.append(
            AuditFigure(
                id="figure-sources", section="sources", title="Real against real", caption=caption, panels=tuple(panels)
            )
        )
    return tuple(out)


def _copies(material: Material) -> AuditTable:
    rows = []
    size = np.bincount(material.cell, minlength=len(material.cells))
    for kind in ("bytes", "near"):
        for found in relations(material.groups(kind), material.cell):
            one, two = material.cells[found.first], material.cells[found.second]
            where = f"inside {one}" if one == two else f"{one} ↔ {two}"
            name = f"duplicates/{kind}/{one}/{two}"
            n = int(size[found.second])
            rows.append(
                AuditRow(
                    heads=(WORDS[kind], where),
                    cells=(
                        Measure(id=f"{name}/pairs", kind="count", value=found.pairs, n=n),
                        Measure(id=f"{name}/images", kind="count", value=found.images, n=n),
                        Measure(id=f"{name}/share", kind="share", value=found.images / n, n=n),
                    ),
                )
            )
    distinct = int(material.groups("bytes").max(initial=-1)) + 1
    pairs = sum(found.pairs for found in relations(material.groups("bytes"), np.zeros_like(material.cell)))
    largest = int(np.bincount(material.groups("near"), minlength=1).max())
    return AuditTable(
        id="table-duplicates",
        section="duplicates",
        title="Copies inside and between the parts of the data",
        row_header=("kind", "where"),
        header=("pairs", "images", "share"),
        rows=tuple(rows),
        caption=f"{len(material.images):,} images are {distinct:,} distinct files ({pairs:,} byte-identical pairs). "
        "Images: those of the part named last with a copy in the other, or those beyond the first of each group of "
        "copies. Nearly identical images have perceptual hashes that differ in at most 6 of 64 bits and thumbnails "
        "that correlate by 0.97 or more, directly or through others; byte-identical ones are among them. The largest "
        f"group has {largest:,} images.",
    )


def _pairs(material: Material) -> AuditTable:
    pairs = material.duplicates.pairs
    one, two = pairs["first"].to_numpy(), pairs["second"].to_numpy()
    # What lies between two parts or labels first, then the surest.
    between = material.cell[one] != material.cell[two]
    order = np.lexsort((-pairs["correlation"].to_numpy(), ~between))[:SHOWN]
    ids = material.frame["image_id"]
    rows = [
        AuditRow(
            heads=(ids[one[k]],),
            cells=(
                ids[two[k]],
                Measure(id=f"pair/{k}", kind="plain", value=float(pairs["correlation"].iloc[k]), n=2),
            ),
        )
        for k in order
    ]
    more = " There are more than are kept." if material.duplicates.cut else ""
    return AuditTable(
        id="table-pairs",
        section="duplicates",
        title="Some nearly identical pairs",
        row_header=("image",),
        header=("its copy", "correlation"),
        rows=tuple(rows),
        caption=f"The first {len(rows)} of {len(pairs):,} pairs, those between parts or labels first.{more} All are in "
        "pairs.csv.",
    )


def _label_measures(each: Compared) -> Iterable[tuple[str, Measure]]:
    if each.probes is None:
        return
    for label, told in (
        ("container", each.probes.container),
        ("file name", each.probes.names),
        ("container and name", each.probes.both),
        ("colour and sharpness", each.probes.figures),
    ):
        yield label, told_measure(f"label/{each.comparison.name}/{label.replace(' ', '-')}", told)
    if each.transfer is not None:
        yield "colour, from training", told_measure(f"label/{each.comparison.name}/transfer", each.transfer)


def _classifiers(material: Material) -> AuditTable:
    rows = []
    for each in material.compared:
        if each.probes is None:
            continue
        p = each.probes
        tolds: list[Told | None] = [p.container, p.names, p.both, p.figures, each.transfer]
        for (label, measure), told in zip(_label_measures(each), tolds, strict=False):
            assert told is not None
            rows.append(
                AuditRow(
                    heads=(each.comparison.name, label),
                    cells=(
                        measure,
                        Measure(
                            id=f"{measure.id}/balanced",
                            kind="share",
                            value=told.balanced,
                            n=told.n,
                            reason=None if told.balanced is not None else told.reason or "fitted elsewhere",
                        ),
                        f"{told.p:.2f} of {told.permutations}" if told.p is not None else "–",
                        Measure(id=f"{measure.id}/n", kind="count", value=told.n, n=told.n),
                    ),
                )
            )
    return AuditTable(
        id="table-classifiers",
        section="label",
        title="How well the label is told without a detector",
        row_header=("images", "from"),
        header=("AUC", "balanced accuracy", "p (permutations)", "n"),
        rows=tuple(rows),
        caption="Five-fold cross-validation, all copies of an image in one fold; 95 % intervals (LeDell et al. 2015; "
        "copies count once). Container: bytes, width, height, format, colour mode, JPEG tables, chroma, progressive, "
        "EXIF and colour profile, by a tree of depth 6. File name: its pattern and its number, without folders. Colour "
        "and sharpness: ten figures, by logistic regression. From training: fitted to the training set, tested here; "
        "far below 0.5 labels look inverted. Near 0.5 the p decides, not "
        "the interval, which is too narrow there: it is of labels permuted among groups, fitted anew each "
        f"time, on at most {NULL_SAMPLE:,} images.",
    )


def _suspects(material: Material) -> AuditTable:
    rows = []
    for each in material.compared:
        if each.probes is None:
            continue
        shown = each.probes.suspects.head(SHOWN)
        columns = (shown[key].tolist() for key in ("image_id", "label", "probability"))
        for name, label, own in zip(*columns, strict=True):
            probability = Measure(id=f"suspect/{name}", kind="plain", value=own, n=1)
            rows.append(AuditRow(heads=(each.comparison.name, name), cells=(_word(label), probability)))
    return AuditTable(
        id="table-suspects",
        section="label",
        title="Images that look like the other class",
        row_header=("images", "image"),
        header=("label", "probability of its label"),
        rows=tuple(rows),
        caption="Of the classifiers' sample, by colour and sharpness, each judged by a classifier that had not seen "
        f"it: probability below {SUSPECT:g}, the least first, at most {SHOWN} a set.",
    )


def _facts(each: Compared) -> AuditTable:
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
    ]
    return AuditTable(
        id=f"table-facts-{each.comparison.name}",
        section="container",
        title=f"What single facts of the files tell: {each.comparison.name}",
        row_header=("fact",),
        header=("balanced accuracy", "p", "values"),
        rows=tuple(rows),
        caption="Balanced accuracy of the best guess from this fact alone, on the same images (sizes cut at their "
        "deciles); 50 % is chance. p: χ² test that both classes have the same shares.",
    )


def _values(material: Material, each: Compared) -> AuditTable:
    frame, labels = _rows(material, each.comparison)
    rows = []
    for fact in CATEGORIES:
        values = frame[fact].astype(str).replace({"": "none", "True": "yes", "False": "no"})
        counts = values.value_counts()
        for value in counts.index[:MOST_VALUES]:
            here = (values == value).to_numpy()
            cells = []
            for label in (0, 1):
                name = f"values/{each.comparison.name}/{fact}/{value}/{_word(label)}"
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
        caption="Number of files. q75: the IJG's tables of this quality, for luma and chroma.",
    )


def _sizes(material: Material, each: Compared) -> AuditTable:
    frame, labels = _rows(material, each.comparison)
    rows = []
    for name in SIZES:
        for label in (0, 1):
            values = frame[name].to_numpy(np.float64)[labels == label]
            if not len(values):
                continue
            cuts = np.quantile(values, [0, 0.25, 0.5, 0.75, 1])
            prefix = f"sizes/{each.comparison.name}/{name}/{_word(label)}"
            words = ("least", "lower-quartile", "median", "upper-quartile", "most")
            cells = tuple(
                Measure(id=f"{prefix}/{word}", kind="count", value=float(cut), n=len(values))
                for word, cut in zip(words, cuts, strict=True)
            )
            rows.append(
                AuditRow(heads=({"bytes": "file size, bytes"}.get(name, f"{name}, pixels"), _word(label)), cells=cells)
            )
    return AuditTable(
        id=f"table-sizes-{each.comparison.name}",
        section="container",
        title=f"Sizes: {each.comparison.name}",
        row_header=("size", "class"),
        header=("least", "lower quartile", "median", "upper quartile", "most"),
        rows=tuple(rows),
    )


def _grey(material: Material) -> AuditTable:
    frame = material.frame
    rows = []
    for (source, label), part in frame.groupby(["source", "label"], sort=False):
        name = f"greyscale/{source}/{_word(label)}"
        grey = int(part["grey"].sum())
        single = int(part["mode"].isin(["L", "1", "LA", "I;16"]).sum())
        rows.append(
            AuditRow(
                heads=(str(source), _word(label)),
                cells=(
                    share(name, grey, len(part)),
                    Measure(id=f"{name}/images", kind="count", value=grey, n=len(part)),
                    Measure(id=f"{name}/single", kind="count", value=single, n=len(part)),
                    Measure(id=f"{name}/n", kind="count", value=len(part), n=len(part)),
                ),
            )
        )
    return AuditTable(
        id="table-greyscale",
        section="pixels",
        title="Greyscale images",
        row_header=("source", "class"),
        header=("share", "images", "stored as one channel", "n"),
        rows=tuple(rows),
        caption="All pixels of equal channels, however the file is stored; Wilson's 95 % intervals.",
    )


def _figures(material: Material, each: Compared) -> AuditTable:
    frame, labels = _rows(material, each.comparison)
    # Copies count once.
    kept = np.zeros(len(labels), dtype=bool)
    groups = material.groups("near")[each.comparison.rows]
    for label in (0, 1):
        kept |= (labels == label) & ~beyond_first(groups, labels == label)
    rows = []
    for name in FIGURES:
        values = frame[name].to_numpy(np.float64)
        prefix = f"figures/{each.comparison.name}/{name}"
        cells = [_mean(f"{prefix}/{_word(label)}", values[kept & (labels == label)]) for label in (0, 1)]
        area = Measure(id=f"{prefix}/auc", kind="auc", value=None, n=int(kept.sum()), reason="one class alone")
        if len(np.unique(labels[kept])) == 2:
            varies = np.ptp(values[kept]) > 0
            if varies:
                told = delong_interval(values[kept], labels[kept])
                limits = {"value": told.estimate, "low": told.low, "high": told.high, "reason": told.reason}
            else:
                limits = {"reason": "no variation"}
            area = Measure.model_validate({**area.model_dump(), **limits})
        rows.append(AuditRow(heads=(_FIGURE_WORDS[name],), cells=(*cells, area)))
    return AuditTable(
        id=f"table-figures-{each.comparison.name}",
        section="pixels",
        title=f"Colour and sharpness by class: {each.comparison.name}",
        row_header=("figure",),
        header=("real, mean", "synthetic, mean", "AUC of it alone"),
        rows=tuple(rows),
        caption="Of the pixels that a classifier sees, intensities 0 … 1; 95 % intervals over distinct images, "
        "DeLong's for the AUC (above 0.5: higher in synthetic images). Energy at high frequencies: the luma's, above "
        "half the Nyquist frequency, as a share.",
    )


def _sources(material: Material) -> AuditTable:
    rows = []
    spectra = material.images.probes
    for probe in material.sources:
        position = spectra[probe.source].pipelines.index(probe.pipeline)
        name = _probe_id(probe.source, probe.pipeline.name)
        rows.append(
            AuditRow(
                heads=(probe.source, probe.pipeline.name + (" (the study's)" if probe.own else "")),
                cells=(
                    told_measure(name, probe.told),
                    Measure(
                        id=f"{name}/balanced",
                        kind="share",
                        value=probe.told.balanced,
                        n=probe.told.n,
                        reason=probe.told.reason if probe.told.balanced is None else None,
                    ),
                    _mean(f"{name}/high", _high_share(spectra[probe.source].spectra[position])),
                ),
            )
        )
    caption = "Logistic regression on the radial spectrum, five-fold; no synthetic image is involved."
    if material.sources:
        reference = material.sources[0].reference
        own = spectra[reference].spectra[0]
        high = _mean(f"sources/{reference}/high", _high_share(own))
        caption += (
            f" Energy at high frequencies: share above half the Nyquist frequency, under a Hann window; that of "
            f"{reference} itself is {high.value:.4f}."
        )
    return AuditTable(
        id="table-sources",
        section="sources",
        title="Real images of other sources against those of the training source, by pipeline",
        row_header=("source", "pipeline"),
        header=("AUC", "balanced accuracy", "energy at high frequencies"),
        rows=tuple(rows),
        caption=caption,
    )


def _high_share(spectra: Floats) -> np.ndarray:
    """(n,), energy above half the Nyquist frequency as a share, of radial log10 power (n, bins)."""
    radius = np.arange(1, spectra.shape[1] + 1)
    energy = 10.0 ** spectra.astype(np.float64) * radius  # a ring holds frequencies in proportion to its radius
    return np.asarray(energy[:, radius > spectra.shape[1] / 2].sum(axis=1) / energy.sum(axis=1))


def _balance(material: Material) -> AuditTable:
    frame = material.frame
    rows = []
    for (source, part), images in frame.groupby(["source", "part"], sort=False):
        name = f"classes/{source}/{part}"
        fake, n = int(images["label"].sum()), len(images)
        rows.append(
            AuditRow(
                heads=(str(source), str(part) or "all"),
                cells=(
                    Measure(id=f"{name}/real", kind="count", value=n - fake, n=n),
                    Measure(id=f"{name}/synthetic", kind="count", value=fake, n=n),
                    Measure(id=f"{name}/groups", kind="count", value=images["group"].nunique(), n=n),
                    _numbers(images),
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
        header=("real", "synthetic", "groups", "numbers in file names"),
        rows=tuple(rows),
        caption=f"Groups: folders, or classes of what is shown. In the order of the files, {stretches}.",
    )


def _numbers(images: pd.DataFrame) -> str:
    words = []
    for label in (0, 1):
        numbers = images["number"][(images["label"] == label) & (images["number"] >= 0)]
        if len(numbers):
            words.append(f"{_word(label)} {int(numbers.min())}–{int(numbers.max())}")
    return ", ".join(words) or "none"


def _broken(material: Material) -> AuditTable:
    return AuditTable(
        id="table-broken",
        section="layout",
        title="Files that cannot be read",
        row_header=("file",),
        header=("why",),
        rows=tuple(AuditRow(heads=(name,), cells=(reason,)) for name, reason in material.images.broken[:SHOWN]),
        caption=f"At most {SHOWN} of {len(material.images.broken):,}; all are in broken.csv.",
    )


def _rows(material: Material, comparison: Comparison) -> tuple[pd.DataFrame, np.ndarray]:
    return material.frame.iloc[comparison.rows], comparison.labels(material.images)


def _mean(measure_id: str, values: np.ndarray) -> Measure:
    """A mean with its normal 95 % interval."""
    n = len(values)
    if n < 2:
        value = float(values[0]) if n else None
        return Measure(id=measure_id, kind="plain", value=value, n=n, reason="fewer than two images")
    half = float(special.ndtri(0.975)) * float(values.std(ddof=1)) / float(np.sqrt(n))
    mean = float(values.mean())
    return Measure(id=measure_id, kind="plain", value=mean, low=mean - half, high=mean + half, n=n)


def _probe_id(source: str, pipeline: str) -> str:
    return f"sources/{source}/{pipeline}"


def _word(label: object) -> str:
    return "synthetic" if label == 1 else "real"


def _p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
