"""What the classifiers of an audit are given, and what is compared with what."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from analysis.per_run import delong_interval
from isitcap.data.audit.classifiers import Columns, Groups, Kind, Told, cross_validate, fitted_scores, sample
from isitcap.data.audit.figures import FIGURES
from isitcap.data.audit.reading import Images, Pipeline
from isitcap.data.sampling import generator

SAMPLE = 8000
"""Images that a classifier is fitted and tested on, at most."""

NULL_SAMPLE = 1000
"""Images that the null's classifiers are fitted to, at most; above it the null is that of a smaller sample, which is
wider, so that its p is never too small."""

PERMUTATIONS = 99
MOST_VALUES = 20
"""Values of a fact, such as quantisation tables, that stand for themselves; rarer ones are pooled."""

CATEGORIES = ("format", "mode", "quantisation", "chroma", "progressive", "exif", "icc")
SIZES = ("bytes", "width", "height")

SUSPECT = 0.05
"""Probability of its own label below which an image is listed as a suspect."""


@dataclass(frozen=True)
class Comparison:
    """Images of which a detector would be asked real or synthetic: a training set, a test set, or a whole source."""

    name: str
    rows: npt.NDArray[np.int64] = field(repr=False)

    def labels(self, images: Images) -> npt.NDArray[np.int8]:
        """(n,), 1 = synthetic."""
        return np.asarray(images.frame["label"].to_numpy(np.int8)[self.rows])


@dataclass(frozen=True)
class LabelProbes:
    """How the label of a comparison could be told without a detector, and who looks mislabelled."""

    container: Told
    names: Told
    both: Told
    figures: Told
    suspects: pd.DataFrame
    """`image_id`, `label`, `probability` (of its own label, by the classifier on figures), the least first."""
    expected: float
    """How many suspects there would be if the probabilities were true and no label wrong."""


@dataclass(frozen=True)
class SourceProbe:
    """How real images of two sources could be told from each other by their spectra, after a pipeline."""

    source: str
    reference: str
    pipeline: Pipeline
    own: bool
    """Whether it is the pipeline that the study asks for."""
    told: Told


@dataclass(frozen=True)
class Fact:
    """One fact of the container: how well the label is told by the best guess from its value alone."""

    name: str
    balanced: float
    p: float
    values: int
    n: int


def label_probes(images: Images, comparison: Comparison, groups: Groups, seed: int) -> LabelProbes:
    """Cross-validated classifiers of the label; the same sample of images and nearly the same folds for all.

    Raises:
        UserError: scikit-learn is not installed.
    """
    rows = comparison.rows
    labels = comparison.labels(images)
    chosen = sample(labels, groups[rows], SAMPLE, generator(seed, f"audit.sample {comparison.name}"))
    few = sample(labels[chosen], groups[rows][chosen], NULL_SAMPLE, generator(seed, f"audit.null {comparison.name}"))
    frame = images.frame.iloc[rows[chosen]]
    label, group = labels[chosen], groups[rows][chosen]

    def told(columns: Columns, model: Kind) -> Told:
        rng = generator(seed, f"audit.folds {comparison.name}")
        if len(few) == len(chosen):
            return cross_validate(columns, label, group, model, rng, permutations=PERMUTATIONS)
        whole = cross_validate(columns, label, group, model, rng)
        null = cross_validate(columns[few], label[few], group[few], model, rng, permutations=PERMUTATIONS)
        return Told(**{**vars(whole), "p": null.p, "permutations": null.permutations})

    container, names = container_columns(frame), name_columns(frame)
    figures = told(frame[list(FIGURES)].to_numpy(np.float64), "logistic")
    return LabelProbes(
        told(container, "tree"),
        told(names, "tree"),
        told(np.hstack([container, names]), "tree"),
        figures,
        _suspects(frame, label, figures),
        _expected(figures),
    )


def transfer(images: Images, training: Comparison, other: Comparison, groups: Groups, seed: int) -> Told:
    """The AUC on `other` of a classifier of figures fitted to `training`: far below one half, labels look inverted."""
    rng = generator(seed, f"audit.transfer {other.name}")
    parts = []
    for comparison in (training, other):
        labels = comparison.labels(images)
        rows = sample(labels, groups[comparison.rows], SAMPLE, rng)
        columns = images.frame[list(FIGURES)].to_numpy(np.float64)[comparison.rows[rows]]
        parts.append((columns, labels[rows]))
    (columns, labels), (others, truth) = parts
    if min(len(np.unique(labels)), len(np.unique(truth))) < 2:
        return Told(len(truth), reason="one class alone")
    interval = delong_interval(fitted_scores(columns, labels, others, "logistic"), truth)
    return Told(len(truth), interval.estimate, interval.low, interval.high, reason=interval.reason)


def source_probes(images: Images, reference: str, groups: Groups, seed: int) -> list[SourceProbe]:
    """Whether the real images of each other source are told from those of `reference`, after each pipeline."""
    if reference not in images.probes:
        return []
    number = pd.Series(groups, index=images.frame["image_id"])
    first = images.probes[reference]
    out = []
    for name, probe in images.probes.items():
        if name == reference:
            continue
        ids = [*first.image_ids, *probe.image_ids]
        labels = np.repeat(np.array([0, 1], dtype=np.int8), [len(first.image_ids), len(probe.image_ids)])
        group = number.loc[ids].to_numpy(np.int64)
        for position, pipeline in enumerate(probe.pipelines):
            # The reference goes the same way where it may; one that fixes its re-encoding keeps its own.
            same = first.pipelines.index(pipeline) if pipeline in first.pipelines else 0
            columns = np.concatenate([first.spectra[same], probe.spectra[position]]).astype(np.float64)
            told = cross_validate(columns, labels, group, "logistic", generator(seed, f"audit.sources {name}"))
            out.append(SourceProbe(name, reference, pipeline, position == 0, told))
    return out


def facts(images: Images, comparison: Comparison) -> list[Fact]:
    """For each fact of the container that varies, the balanced accuracy of the best guess from it alone.

    It is (1 + V)/2 with V the total variation distance between the values' shares among real and synthetic images; p is
    that of the χ² test that they are equal. Sizes are cut at their deciles.
    """
    frame, labels = images.frame.iloc[comparison.rows], comparison.labels(images)
    if len(np.unique(labels)) < 2:
        return []
    out = []
    for name in (*CATEGORIES, *SIZES):
        values = frame[name]
        if name in SIZES and values.nunique() > MOST_VALUES:
            values = pd.cut(values, np.unique(np.quantile(values, np.linspace(0, 1, 11))).tolist(), include_lowest=True)
        table = pd.crosstab(_pooled(values.astype(str)), labels).to_numpy()
        if len(table) < 2:
            out.append(Fact(name, 0.5, 1.0, 1, len(labels)))
            continue
        share = table / table.sum(axis=0)
        distance = float(np.abs(share[:, 0] - share[:, 1]).sum() / 2)
        p = float(stats.chi2_contingency(table).pvalue)
        out.append(Fact(name, (1 + distance) / 2, p, int(frame[name].nunique()), len(labels)))
    return out


def label_runs(images: Images, comparison: Comparison) -> tuple[int, float]:
    """Stretches of one label in the order of the files, and how many a random order would have (Wald–Wolfowitz)."""
    labels = comparison.labels(images)
    runs = 1 + int((labels[1:] != labels[:-1]).sum())
    fake = float(labels.sum())
    return runs, 1 + 2 * fake * (len(labels) - fake) / max(len(labels), 1)


def container_columns(frame: pd.DataFrame) -> Columns:
    """What the container says, as columns of numbers, (N, F)."""
    pixels = (frame["width"] * frame["height"]).to_numpy(np.float64)
    size = frame["bytes"].to_numpy(np.float64)
    numbers = [np.log1p(size), frame["width"].to_numpy(np.float64), frame["height"].to_numpy(np.float64), size / pixels]
    return np.column_stack([*numbers, *(_indicators(frame[name].astype(str)) for name in CATEGORIES)])


def name_columns(frame: pd.DataFrame) -> Columns:
    """What the file's own name says, as columns of numbers, (N, F): its pattern, and the first number in it."""
    return np.column_stack([frame["number"].to_numpy(np.float64), _indicators(frame["pattern"])])


def _indicators(values: pd.Series[str]) -> Columns:
    return pd.get_dummies(_pooled(values)).to_numpy(np.float64)


def _pooled(values: pd.Series[str]) -> pd.Series[str]:
    """All values but the most frequent become one."""
    kept = values.value_counts().index[:MOST_VALUES]
    return values.where(values.isin(kept), "(other)")


def _expected(told: Told) -> float:
    if told.scores is None:
        return 0.0
    least = np.minimum(told.scores, 1 - told.scores)
    return float(least[least < SUSPECT].sum())


def _suspects(frame: pd.DataFrame, labels: npt.NDArray[np.int8], told: Told) -> pd.DataFrame:
    if told.scores is None:
        return pd.DataFrame({"image_id": pd.array([], dtype="str"), "label": [], "probability": []})
    own = np.where(labels == 1, told.scores, 1 - told.scores)
    table = pd.DataFrame({"image_id": frame["image_id"].array, "label": labels, "probability": own})
    return table[own < SUSPECT].sort_values(["probability", "image_id"], ignore_index=True)
