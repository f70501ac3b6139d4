"""The tables of an audit about pixels: greyscale, colour and sharpness, and real images of different sources."""

from __future__ import annotations

import numpy as np

from analysis.audit import AuditRow, AuditTable, Measure
from analysis.per_run import delong_interval
from isitcap.data.audit.duplicates import beyond_first
from isitcap.data.audit.figures import FIGURES, Floats
from isitcap.data.audit.material import Compared, Material
from isitcap.data.audit.measures import label_word, mean_measure, probe_id, rows_of, share, told_measure
from isitcap.data.audit.reading import PROBE_IMAGES

_FEATURE_WORDS = {
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


def grey_table(material: Material) -> AuditTable:
    """Greyscale images by source and class."""
    frame = material.frame
    rows = []
    for (source, label), part in frame.groupby(["source", "label"], sort=False):
        name = f"greyscale/{source}/{label_word(label)}"
        grey = int(part["grey"].sum())
        single = int(part["mode"].isin(["L", "1", "LA", "I;16"]).sum())
        rows.append(
            AuditRow(
                heads=(str(source), label_word(label)),
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


def figures_table(material: Material, each: Compared) -> AuditTable:
    """Features of colour and sharpness by class."""
    frame, labels = rows_of(material, each.comparison)
    # Copies count once.
    kept = np.zeros(len(labels), dtype=bool)
    groups = material.groups("near")[each.comparison.rows]
    for label in (0, 1):
        kept |= (labels == label) & ~beyond_first(groups, labels == label)
    rows = []
    for name in FIGURES:
        values = frame[name].to_numpy(np.float64)
        prefix = f"figures/{each.comparison.name}/{name}"
        cells = [mean_measure(f"{prefix}/{label_word(label)}", values[kept & (labels == label)]) for label in (0, 1)]
        area = Measure(id=f"{prefix}/auc", kind="auc", value=None, n=int(kept.sum()), reason="one class alone")
        if len(np.unique(labels[kept])) == 2:
            varies = np.ptp(values[kept]) > 0
            if varies:
                told = delong_interval(values[kept], labels[kept])
                limits = {"value": told.estimate, "low": told.low, "high": told.high, "reason": told.reason}
            else:
                limits = {"reason": "no variation"}
            area = Measure.model_validate({**area.model_dump(), **limits})
        rows.append(AuditRow(heads=(_FEATURE_WORDS[name],), cells=(*cells, area)))
    return AuditTable(
        id=f"table-figures-{each.comparison.name}",
        section="pixels",
        title=f"Colour and sharpness by class: {each.comparison.name}",
        row_header=("feature",),
        header=("real, mean", "synthetic, mean", "AUC of it alone"),
        rows=tuple(rows),
        caption="Of the pixels that a classifier sees, intensities 0 … 1; 95 % intervals over distinct images, "
        "DeLong's for the AUC (above 0.5: higher in synthetic images). Energy at high frequencies: the luma's, above "
        "half the Nyquist frequency, as a share.",
    )


def sharpness_table(material: Material) -> AuditTable:
    """Energy at high frequencies of each source and class through every resize kernel, with a JPEG and without."""
    rows = []
    images = material.images
    for label, probes in ((0, images.probes), (1, images.synthetic_probes)):
        for source, probe in probes.items():
            for pipeline, spectra in zip(probe.pipelines, probe.spectra, strict=True):
                name = f"sharpness/{source}/{label_word(label)}/{pipeline.name}"
                own = pipeline == probe.pipelines[0]
                heads = (f"{source}, {label_word(label)}", pipeline.name + (" (the study's)" if own else ""))
                rows.append(AuditRow(heads=heads, cells=(mean_measure(name, _high_share(spectra)),)))
    return AuditTable(
        id="table-sharpness",
        section="pixels",
        title="Sharpness by resize kernel",
        row_header=("source", "pipeline"),
        header=("energy at high frequencies",),
        rows=tuple(rows),
        caption="Share of the luma's energy above half the Nyquist frequency, under a Hann window, at the study's "
        f"size; of at most {PROBE_IMAGES:,} images of a source and class, the same through every pipeline; 95 % "
        "intervals. Where real and synthetic images differ more by kernel than among each other, the kernel decides. "
        "Files of the study's size are not resized: no kernel changes them.",
    )


def sources_table(material: Material) -> AuditTable:
    """Real images of other sources against those of the training source, by pipeline."""
    rows = []
    spectra = material.images.probes
    for probe in material.sources:
        position = spectra[probe.source].pipelines.index(probe.pipeline)
        name = probe_id(probe.source, probe.pipeline.name)
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
                    mean_measure(f"{name}/high", _high_share(spectra[probe.source].spectra[position])),
                ),
            )
        )
    caption = "Logistic regression on the radial spectrum, five-fold; no synthetic image is involved."
    if material.sources:
        reference = material.sources[0].reference
        own = spectra[reference].spectra[0]
        high = mean_measure(f"sources/{reference}/high", _high_share(own))
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
