"""The charts of an audit: what tells the label, and what tells real images of two sources apart."""

from __future__ import annotations

from analysis.audit import AuditFigure, AuditMark, AuditPanel
from isitcap.data.audit.material import Material
from isitcap.data.audit.measures import PIXELS_ALONE, probe_id, told_measure
from isitcap.data.audit.tables_label import label_measures


def figures_of(material: Material) -> tuple[AuditFigure, ...]:
    """The charts: what tells the label, and what tells real images of two sources apart."""
    panels = []
    for each in material.compared:
        marks = tuple(
            AuditMark(label=label, measure=measure)
            for label, measure in label_measures(each)
            if measure.value is not None
        )
        if marks:
            panels.append(AuditPanel(title=each.comparison.name, axis="AUC", marks=marks, reference=0.5))
    out = []
    if panels:
        caption = (
            "Cross-validated AUC of small classifiers; 0.5 is chance. Quote those of colour and sharpness beside a "
            "detector's: simple features already reach them, and some, such as the spectrum's slope, may themselves be "
            f"traces of the generator. {PIXELS_ALONE}."
        )
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
                label=probe.pipeline.name, measure=told_measure(probe_id(source, probe.pipeline.name), probe.told)
            )
            for probe in probes
        )
        if marks:
            title = f"{source} against {probes[0].reference}"
            panels.append(AuditPanel(title=title, axis="AUC, real against real", marks=marks, reference=0.5))
    if panels:
        caption = (
            "How well the spectrum alone tells real images of one source from those of another, after each pipeline; "
            "no synthetic image is involved. 0.5 is chance; above it, it may be the pipeline's, the corpus' or both."
        )
        out.append(
            AuditFigure(
                id="figure-sources", section="sources", title="Real against real", caption=caption, panels=tuple(panels)
            )
        )
    return tuple(out)
