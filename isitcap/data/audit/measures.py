"""The numbers and words that findings, tables and charts of an audit share."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import special

from analysis.audit import Measure
from analysis.per_run import wilson
from isitcap.data.audit.classifiers import Told
from isitcap.data.audit.duplicates import Kind
from isitcap.data.audit.material import Material
from isitcap.data.audit.probes import Comparison

SHOWN = 20
"""Rows of a table that lists single images; the files beside the page hold them all."""

WORDS: dict[Kind, str] = {"bytes": "byte-identical", "near": "nearly identical"}
"""Kinds of copies in words."""

PIXELS_ALONE = "`isitcap run` itself trains on pixels alone, neither on names nor on headers"
"""What bounds the findings about names and containers."""

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
"""Facts of files in words, where their name is none."""


def told_measure(measure_id: str, told: Told) -> Measure:
    """The AUC of a classifier as a number of the audit."""
    return Measure(
        id=measure_id, kind="auc", value=told.auc, low=told.low, high=told.high, n=told.n, reason=told.reason
    )


def p_words(told: Told) -> str:
    """`p = 0.03 (99 permutations)`; `≤` where no permutation reached the AUC, and more of them could give less."""
    return f"p {_compared(told)} ({told.permutations} permutations)"


def p_cell(told: Told) -> str:
    """`0.03 (99)` or `≤ 0.01 (99)`, as `p_words`; `–` without permutations."""
    return "–" if told.p is None else f"{_compared(told).removeprefix('= ')} ({told.permutations})"


def _compared(told: Told) -> str:
    assert told.p is not None
    least = told.p * (1 + told.permutations) < 1.5
    return f"{'≤' if least else '='} {told.p:.2f}"


def share(measure_id: str, successes: int, n: int) -> Measure:
    """A share with Wilson's interval."""
    if not n:
        return Measure(id=measure_id, kind="share", value=None, n=0, reason="no images")
    found = wilson(successes, n)
    return Measure(id=measure_id, kind="share", value=found.estimate, low=found.low, high=found.high, n=n)


def count(measure_id: str, value: int, n: int) -> Measure:
    """A number of images."""
    return Measure(id=measure_id, kind="count", value=value, n=n)


def mean_measure(measure_id: str, values: np.ndarray) -> Measure:
    """A mean with its normal 95 % interval."""
    n = len(values)
    if n < 2:
        value = float(values[0]) if n else None
        return Measure(id=measure_id, kind="plain", value=value, n=n, reason="fewer than two images")
    half = float(special.ndtri(0.975)) * float(values.std(ddof=1)) / float(np.sqrt(n))
    mean = float(values.mean())
    return Measure(id=measure_id, kind="plain", value=mean, low=mean - half, high=mean + half, n=n)


def probe_id(source: str, pipeline: str) -> str:
    """Id of a probe of real images of a source after a pipeline."""
    return f"sources/{source}/{pipeline}"


def label_word(label: object) -> str:
    """`real` or `synthetic`."""
    return "synthetic" if label == 1 else "real"


def rows_of(material: Material, comparison: Comparison) -> tuple[pd.DataFrame, np.ndarray]:
    """Facts and labels of the images of a set."""
    return material.frame.iloc[comparison.rows], comparison.labels(material.images)
