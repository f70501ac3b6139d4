"""A mixed model of a dispersion measure: a check of the crossed contrasts, not a result of its own.

Fixed effects are the variants against the baseline; random are the image, the seed, and the run (a seed of one
variant): without the last, the seeds' own scatter between variants would count as so many independent images. An
image-by-variant effect is left out, so the interval is narrower than the crossed one where images differ in how a
variant changes them. Fitted by REML with statsmodels (`MixedLM`, Laird and Ware, Biometrics 38, 1982), with Wald
intervals of the normal distribution, which are too short with few seeds. The data are balanced, so that the fixed
effect must equal the difference of means whatever the variances; what it does not equal, one of the two has wrong.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import special
from statsmodels.regression.mixed_linear_model import MixedLM

from analysis.dispersion_points import CLASSIFIER_POINT, IMAGE_POINT
from analysis.errors import InputError
from analysis.frames import ImageTable
from analysis.map_frames import TRAINED, MapCell
from analysis.summary import ModelRow, StudyCard

MODEL = "mixed model (image, seed, run)"
"""How a row calls the model."""

MOST_IMAGES = 40
"""Images that a fit takes: its time grows with the cube of their number."""

MAIN_METHOD = "saliency"
"""The method that is checked; where it was not run, the first by name."""

MEASURES = ("gini", "entropy")
"""The measures that are checked."""

NOT_CONVERGED = "the model did not converge"


def main_method(cells: Iterable[MapCell]) -> str | None:
    """The method that stands for all where one must: `MAIN_METHOD`, or the first by name; None without maps."""
    methods = sorted({cell.method for cell in cells})
    return MAIN_METHOD if MAIN_METHOD in methods else next(iter(methods), None)


def map_model(
    values: ArrayLike, variants: Sequence[str], confidence: float = 0.95
) -> dict[str, tuple[float, float, float, float] | str]:
    """Each later variant's effect against the first: (estimate, low, high, p), or why there is none.

    Args:
        values: a measure, (V, S, I): variants, seeds, images; all finite.
        variants: the names of the V variants, the baseline first.
        confidence: coverage of the intervals.

    Raises:
        InputError: `values` is not (V, S, I) with two or more of each, does not fit `variants`, or is not finite.
    """
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 3 or min(table.shape) < 2 or len(variants) != len(table):
        raise InputError(f"values of shape {table.shape} for {len(variants)} variants: need (V, S, I), two of each")
    if not np.isfinite(table).all():
        raise InputError("values hold NaN or infinity: all must be finite")
    others = variants[1:]
    scale = float(table.std())
    if scale <= 1e-13 * float(np.abs(table).max()):
        return dict.fromkeys(others, "no variation: the model is not defined")
    # In units of the spread, around 0: the optimiser's steps and tolerances are absolute.
    fitted = _fit((table - table.mean()) / scale)
    if fitted is None:
        return dict.fromkeys(others, NOT_CONVERGED)
    estimates, errors = fitted
    width = float(special.ndtri(0.5 + confidence / 2))
    found: dict[str, tuple[float, float, float, float] | str] = {}
    for name, unit, error in zip(others, estimates, errors, strict=True):
        p = float(2 * special.ndtr(-abs(unit) / error))
        found[name] = (unit * scale, (unit - width * error) * scale, (unit + width * error) * scale, p)
    return found


def map_model_rows(
    cells: Iterable[MapCell],
    images: ImageTable,
    study: StudyCard,
    *,
    measures: Sequence[str] = ("gini",),
    confidence: float = 0.95,
) -> tuple[ModelRow, ...]:
    """The mixed model of each measure at every test set, method and point, of the variants with trained maps there.

    Where a variant has no map at the classifier's input, its map at the image is one; without maps of the baseline
    there is no row. Of the images measured for every variant and seed it takes `MOST_IMAGES`, evenly from the labels,
    in their order. Fewer than 2 seeds or images give a reason.
    """
    by_key = {(c.test_set, c.method, c.point, c.variant): c for c in cells if c.state == TRAINED}
    names = [study.baseline, *(card.name for card in study.variants if card.name != study.baseline)]
    sets = [card.name for card in study.test_sets]
    rows: list[ModelRow] = []
    for test_set, method, point in sorted({key[:3] for key in by_key}, key=lambda p: (sets.index(p[0]), *p[1:])):
        here: dict[str, MapCell] = {}
        for name in names:
            own = by_key.get((test_set, method, point, name))
            if own is None and point == CLASSIFIER_POINT:
                own = by_key.get((test_set, method, IMAGE_POINT, name))
            if own is not None:
                here[name] = own
        if len(here) < 2 or study.baseline not in here:
            continue
        for measure in (name for name in measures if all(name in cell.measures for cell in here.values())):
            values = np.stack([cell.measures[measure] for cell in here.values()])
            kept = np.flatnonzero(np.isfinite(values).all(axis=(0, 1)))
            kept = kept[_sample(images.labels[here[study.baseline].image_rows[kept]])]
            rows.extend(_rows(measure, (test_set, method, point), values[..., kept], list(here), confidence))
    return tuple(rows)


def _rows(
    measure: str, place: tuple[str, str, str], values: NDArray[np.float64], names: Sequence[str], confidence: float
) -> Iterable[ModelRow]:
    test_set, method, point = place
    found: dict[str, tuple[float, float, float, float] | str]
    if min(values.shape) < 2:
        found = dict.fromkeys(names[1:], "fewer than two seeds or images: the model is not defined")
    else:
        found = map_model(values, names, confidence)
    for name in names[1:]:
        outcome = found[name]
        numbers = (
            {"estimate": None, "reason": outcome}
            if isinstance(outcome, str)
            else dict(zip(("estimate", "low", "high", "p"), outcome, strict=True))
        )
        labels = {"model": MODEL, "quantity": measure, "effect": f"{name}-vs-{names[0]}", "test_set": test_set}
        yield ModelRow.model_validate(labels | {"path": f"{method}.{point}", "n": values.size} | numbers)


def _sample(labels: NDArray[np.int8]) -> NDArray[np.intp]:
    """Positions of at most `MOST_IMAGES` images, evenly spaced among those of each label, ascending."""
    if len(labels) <= MOST_IMAGES:
        return np.arange(len(labels))
    chosen = []
    for value in np.unique(labels):
        places = np.flatnonzero(labels == value)
        count = max(1, MOST_IMAGES * len(places) // len(labels))
        chosen.append(places[np.linspace(0, len(places) - 1, count).astype(np.intp)])
    return np.sort(np.concatenate(chosen))


def _fit(values: NDArray[np.float64]) -> tuple[list[float], list[float]] | None:
    """Fixed effects of the later variants against the first and their standard errors, or None."""
    variant, seed, image = (axis.ravel() for axis in np.indices(values.shape))
    frame = pd.DataFrame({"y": values.ravel(), "variant": variant, "seed": seed, "image": image})
    frame["run"] = variant * values.shape[1] + seed
    components = {"image": "0 + C(image)", "seed": "0 + C(seed)", "run": "0 + C(run)"}
    with warnings.catch_warnings():
        # A variance estimated as 0 lies on the boundary, where the optimiser warns in several ways: no fault, and the
        # fixed effects are what is asked for. What matters is asked of the result.
        warnings.simplefilter("ignore")
        try:
            model = MixedLM.from_formula(
                "y ~ C(variant)", groups=np.ones(len(frame)), vc_formula=components, data=frame
            )
            # Powell's method reaches a variance of 0, where the default reports convergence short of the optimum.
            result = model.fit(reml=True, method=["powell"], xtol=1e-7, ftol=1e-10)
        except (np.linalg.LinAlgError, ValueError):
            return None
    estimates = [float(value) for value in result.fe_params.iloc[1:]]
    errors = [float(value) for value in result.bse_fe.iloc[1:]]
    if not (result.converged and np.isfinite(estimates).all() and np.isfinite(errors).all() and min(errors) > 0):
        return None
    return estimates, errors
