"""The tables of an audit about what tells the label without a detector."""

from __future__ import annotations

from collections.abc import Iterable

from analysis.audit import AuditRow, AuditTable, Measure
from isitcap.data.audit.classifiers import Told
from isitcap.data.audit.material import Compared, Material
from isitcap.data.audit.measures import PIXELS_ALONE, SHOWN, label_word, p_cell, told_measure
from isitcap.data.audit.probes import NULL_SAMPLE, SUSPECT

_INPUTS = (
    "Container: bytes, width, height, format, colour mode, JPEG tables, chroma, progressive, EXIF and colour profile, "
    "by a tree of depth 6. File name: its pattern and its number, without folders, by such a tree. Colour and "
    "sharpness: ten features, by logistic regression."
)

_FROM_TRAINING = (
    " From training: the same regression, fitted to the training set and tested on these images; an AUC well below 0.5 "
    "says that the features go with the other label here, as they would if the labels were inverted."
)


def label_measures(each: Compared) -> Iterable[tuple[str, Measure]]:
    """What each classifier's AUC for a set of images is, with its name."""
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


def classifiers_table(material: Material) -> AuditTable:
    """How well each classifier tells the label, by set of images."""
    rows = []
    for each in material.compared:
        if each.probes is None:
            continue
        p = each.probes
        tolds: list[Told | None] = [p.container, p.names, p.both, p.figures, each.transfer]
        for (label, measure), told in zip(label_measures(each), tolds, strict=False):
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
                        p_cell(told),
                        Measure(id=f"{measure.id}/n", kind="count", value=told.n, n=told.n),
                    ),
                )
            )
    moved = any(each.transfer is not None for each in material.compared)
    return AuditTable(
        id="table-classifiers",
        section="label",
        title="How well the label is told without a detector",
        row_header=("images", "from"),
        header=("AUC", "balanced accuracy", "p (permutations)", "n"),
        rows=tuple(rows),
        caption=f"{_INPUTS}{_FROM_TRAINING if moved else ''} Five-fold cross-validation with all copies of an image in "
        "one fold; 95 % intervals (LeDell et al. 2015; copies count once). p: how often the AUC is reached when the "
        "labels are permuted among groups of copies and the classifier is fitted to them anew, on at most "
        f"{NULL_SAMPLE:,} images; ≤ where that never happened, so that p is the least that so many permutations can "
        "give. The tests are not corrected for their number. Where an AUC is near 0.5 its interval is too narrow: "
        f"there, go by p. {PIXELS_ALONE}.",
    )


def suspects_table(material: Material) -> AuditTable:
    """The images that look like the other class."""
    rows = []
    for each in material.compared:
        if each.probes is None:
            continue
        shown = each.probes.suspects.head(SHOWN)
        columns = (shown[key].tolist() for key in ("image_id", "label", "probability"))
        for name, label, own in zip(*columns, strict=True):
            probability = Measure(id=f"suspect/{name}", kind="plain", value=own, n=1)
            rows.append(AuditRow(heads=(each.comparison.name, name), cells=(label_word(label), probability)))
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
