from __future__ import annotations

import functools
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import stats

from analysis.build_evidence import SAME_IMAGES, PlaceKey, StudyEvidence, trained_maps
from analysis.claims import Cell
from analysis.contrasts import metric_contrast
from analysis.dispersion_rows import NO_MAPS
from analysis.estimates import Undefined
from analysis.frames import Decisions, ImageTable, index_images
from analysis.intervals import CrossedInterval, Stratum, crossed_interval, crossed_mean
from analysis.map_frames import MapCell
from analysis.metrics import QUANTITIES, Quantity, strata
from analysis.places import Place, places_of
from analysis.quantities import VALIDATED
from analysis.summary import SourceCard, TestSetCard

SETS = {"inside": {"camera": (20, 22)}, "outside": {"photos": (15, 0), "mixture": (9, 16)}}
VARIANTS = ("baseline", "augment", "autoencoder")
CUTS = np.array([0.2, 0.0, -0.3])
SEEDS = (0, 1, 2)


@functools.cache
def images() -> ImageTable:
    rows = [
        (test_set, f"{source}/{label}/{number:02d}", source, label)
        for test_set, sources in SETS.items()
        for source, counts in sources.items()
        for label in (0, 1)
        for number in range(counts[label])
    ]
    return index_images(pd.DataFrame(rows, columns=["test_set", "image_id", "source", "label"]))


def logits_of(variant: str, test_set: str) -> NDArray[np.float64]:
    labels = images().labels[images().span(test_set)]
    rng = np.random.default_rng([VARIANTS.index(variant), list(SETS).index(test_set)])
    return 1.2 * (2.0 * labels - 1) + rng.normal(size=(3, len(labels))) + rng.normal(size=len(labels))


@functools.cache
def places() -> dict[PlaceKey, Place]:
    found: dict[PlaceKey, Place] = {}
    for test_set, sources in SETS.items():
        span = images().span(test_set)
        card = TestSetCard(
            name=test_set,
            role="in_sample",
            n_real=0,
            n_synthetic=0,
            pipeline="",
            sources=tuple(SourceCard(name=name, n_real=r, n_synthetic=s) for name, (r, s) in sources.items()),
        )
        for variant in VARIANTS:
            one = Decisions(
                variant,
                "own",
                test_set,
                logits_of(variant, test_set),
                images().labels[span],
                images().sources[span],
                images().image_ids[span],
                SEEDS,
            )
            for place in places_of(one, card, QUANTITIES, CUTS):
                found[variant, test_set, place.source] = place
    return found


def map_cell(variant: str, test_set: str, point: str, number: int, state: str = "trained") -> MapCell:
    span = images().span(test_set)
    rows = np.arange(span.start, span.stop, 2).astype(np.int32)
    values = np.random.default_rng(number).uniform(0.3, 0.6, (3, len(rows)))
    measures = {"gini": values, "entropy": 1 - values / 3}
    return MapCell(variant, test_set, "saliency", point, SEEDS, rows, measures, 0, state)


@functools.cache
def cells() -> tuple[MapCell, ...]:
    """Maps of all variants at the image, behind the autoencoder at the classifier's input too, and a null."""
    trained = [map_cell(v, t, "image", 10 * n + m) for n, v in enumerate(VARIANTS) for m, t in enumerate(SETS)]
    behind = [map_cell("autoencoder", test_set, "classifier_input", 50 + m) for m, test_set in enumerate(SETS)]
    return (*trained, *behind, map_cell("baseline", "inside", "image", 90, "untrained"))


@pytest.fixture
def evidence() -> StudyEvidence:
    return StudyEvidence(places(), trained_maps(cells()), images(), 0.9)


def threshold(quantity: str) -> NDArray[np.float64] | float:
    return CUTS if quantity in VALIDATED else 0.0


def interval(outcome: CrossedInterval | Undefined | None) -> CrossedInterval:
    assert isinstance(outcome, CrossedInterval)
    return outcome


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_a_level_is_the_interval_of_its_place(evidence: StudyEvidence, quantity: Quantity) -> None:
    """Without anything to compare with it is the variant's own crossed interval there."""
    found = interval(evidence(Cell(quantity, "augment", "inside", "own")))
    labels = images().labels[images().span("inside")]
    expected = crossed_interval(strata(quantity, logits_of("augment", "inside"), labels, threshold(quantity)), 0.9)
    assert (found.estimate, found.low, found.high, found.df) == (
        expected.estimate,
        expected.low,
        expected.high,
        expected.df,
    )
    assert found.n_images == {"recall": 22, "specificity": 20}.get(quantity, 42)
    assert found.confidence == 0.9


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_a_difference_is_paired_by_seed_and_image(evidence: StudyEvidence, quantity: Quantity) -> None:
    """With `versus` it is the contrast of two variants on the same images."""
    found = evidence(Cell(quantity, "autoencoder", "outside", "own", versus="augment"))
    labels = images().labels[images().span("outside")]
    one, other = (logits_of(name, "outside") for name in ("autoencoder", "augment"))
    cut = threshold(quantity)
    assert found == metric_contrast(quantity, one, other, labels, 0.9, threshold=cut, baseline_threshold=cut)


def test_a_source_restricts_the_images(evidence: StudyEvidence) -> None:
    """With `source` only its images count, in levels and in differences."""
    span = images().span("outside")
    mask = images().sources[span] == "mixture"
    labels = images().labels[span][mask]
    one, other = (logits_of(name, "outside")[:, mask] for name in ("autoencoder", "baseline"))
    level = interval(evidence(Cell("auc", "autoencoder", "outside", "own", source="mixture")))
    assert (level.estimate, level.n_images) == (crossed_interval(strata("auc", one, labels), 0.9).estimate, 25)
    found = evidence(Cell("auc", "autoencoder", "outside", "own", versus="baseline", source="mixture"))
    assert found == metric_contrast("auc", one, other, labels, 0.9)
    real = evidence(Cell("recall", "autoencoder", "outside", "own", source="photos"))
    assert real == Undefined("no synthetic images: recall is not defined", 3, 0)


def by_hand(groups: list[tuple[NDArray[np.float64], float]], confidence: float) -> tuple[float, float, float, float]:
    """Estimate, limits and df of the stratified crossed interval, by the formulas, image by image.

    A = s²(θ_s)/S, B_g = w² max(MS_i - MS_e, 0)/(S I), var = A + Σ B_g; quoted is the wider of it and images alone.
    """
    n_seeds = len(groups[0][0])
    theta = [sum(w * d[s].mean() for d, w in groups) for s in range(n_seeds)]
    estimate = sum(theta) / n_seeds
    a = sum((t - estimate) ** 2 for t in theta) / (n_seeds - 1) / n_seeds
    excess, alone, total = [], 0.0, 0
    for d, w in groups:
        n = d.shape[1]
        grand = d.mean()
        ms_i = n_seeds * sum((d[:, i].mean() - grand) ** 2 for i in range(n)) / (n - 1)
        rest = sum((d[s, i] - d[s].mean() - d[:, i].mean() + grand) ** 2 for s in range(n_seeds) for i in range(n))
        excess.append((w**2 * max(ms_i - rest / (n_seeds - 1) / (n - 1), 0) / n_seeds / n, n))
        alone += w**2 * ms_i / n_seeds / n
        total += n
    variance = a + sum(b for b, _ in excess)
    df = variance**2 / (a**2 / (n_seeds - 1) + sum(b**2 / (n - 1) for b, n in excess))
    half = stats.t.ppf(0.5 + confidence / 2, df) * math.sqrt(variance)
    half = max(half, stats.t.ppf(0.5 + confidence / 2, total - len(groups)) * math.sqrt(alone))
    return estimate, estimate - half, estimate + half, df


def test_a_fall_of_recall_is_the_crossed_interval_of_two_sets_of_images(evidence: StudyEvidence) -> None:
    """Between test sets the images are others: strata of weights 1 and -1, as computed by hand."""
    found = interval(evidence(Cell("recall", "augment", "outside", "own", versus_test_set="inside")))
    groups = []
    for test_set, weight in (("outside", 1.0), ("inside", -1.0)):
        labels = images().labels[images().span(test_set)]
        groups.append(((logits_of("augment", test_set)[:, labels == 1] > 0).astype(float), weight))
    expected = by_hand(groups, 0.9)
    assert found.low is not None
    assert (found.estimate, found.low, found.high, found.df) == pytest.approx(expected, rel=1e-9)
    assert (found.n_seeds, found.n_images) == (3, 16 + 22)


def test_a_fall_of_accuracy_has_the_labels_of_both_sets_as_strata(evidence: StudyEvidence) -> None:
    """Accuracy of two sets is four groups of images: labels weighted by their shares, with the sign of their set."""
    found = interval(evidence(Cell("accuracy", "baseline", "outside", "own", versus_test_set="inside")))
    groups = []
    for test_set, sign in (("outside", 1.0), ("inside", -1.0)):
        labels = images().labels[images().span(test_set)]
        right = ((logits_of("baseline", test_set) > 0) == (labels == 1)).astype(float)
        groups += [(right[:, labels == y], sign * float((labels == y).mean())) for y in (0, 1)]
    expected = by_hand(groups, 0.9)
    assert (found.estimate, found.low, found.high, found.df) == pytest.approx(expected, rel=1e-9)
    back = interval(evidence(Cell("accuracy", "baseline", "inside", "own", versus_test_set="outside")))
    assert (back.estimate, back.low, back.high) == pytest.approx((-expected[0], -expected[2], -expected[1]), rel=1e-9)


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_every_metric_can_fall(evidence: StudyEvidence, quantity: Quantity) -> None:
    """The fall of any metric is the difference of its levels, on the images of both sets."""
    found = interval(evidence(Cell(quantity, "augment", "outside", "own", versus_test_set="inside")))
    levels = [interval(evidence(Cell(quantity, "augment", name, "own"))) for name in ("outside", "inside")]
    assert found.estimate == pytest.approx(levels[0].estimate - levels[1].estimate, abs=1e-12)
    assert found.n_images == levels[0].n_images + levels[1].n_images
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.estimate < found.high


def test_a_fall_of_one_source_is_from_the_whole_other_set(evidence: StudyEvidence) -> None:
    """`source` is of the first test set; where a metric is not defined there, the reason is given."""
    found = interval(evidence(Cell("auc", "augment", "outside", "own", versus_test_set="inside", source="mixture")))
    levels = [
        interval(evidence(Cell("auc", "augment", "outside", "own", source="mixture"))),
        interval(evidence(Cell("auc", "augment", "inside", "own"))),
    ]
    assert found.estimate == pytest.approx(levels[0].estimate - levels[1].estimate, abs=1e-12)
    assert found.n_images == 25 + 42
    undefined = evidence(Cell("auc", "augment", "outside", "own", versus_test_set="inside", source="photos"))
    assert undefined == Undefined("no synthetic images: AUC is not defined", 3, 15)


@pytest.mark.parametrize(
    "cell",
    [
        Cell("accuracy", "nobody", "inside", "own"),
        Cell("accuracy", "augment", "nowhere", "own"),
        Cell("accuracy", "augment", "outside", "own", source="burnt"),
        Cell("accuracy", "augment", "inside", "own", versus="nobody"),
        Cell("accuracy", "augment", "inside", "own", versus_test_set="nowhere"),
        Cell("beauty", "augment", "inside", "own"),
        Cell("gini", "nobody", "inside", "saliency.image"),
        Cell("gini", "augment", "inside", "gradcam.image"),
        Cell("gini", "augment", "inside", "saliency.layer"),
        Cell("gini", "augment", "inside", "saliency.image", versus="nobody"),
        Cell("gini", "augment", "inside", "saliency.image", versus_test_set="nowhere"),
        Cell("hoyer", "augment", "inside", "saliency.image"),
        Cell("gini", "augment", "inside", "own"),
    ],
)
def test_what_was_not_computed_is_none(evidence: StudyEvidence, cell: Cell) -> None:
    """An unknown variant, set, source, method, point or measure has no evidence, and is no error."""
    assert evidence(cell) is None


def measured(
    variant: str, test_set: str, point: str, measure: str = "gini"
) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    (cell,) = (c for c in cells() if (c.variant, c.test_set, c.point, c.state) == (variant, test_set, point, "trained"))
    return cell.measures[measure], images().labels[cell.image_rows]


def by_label(values: NDArray[np.float64], labels: NDArray[np.int8], sign: float = 1.0) -> list[Stratum]:
    return [Stratum(values[:, labels == y], sign * float((labels == y).mean())) for y in (0, 1)]


def test_maps_have_levels_and_paired_differences_at_both_points(evidence: StudyEvidence) -> None:
    """At the classifier's input a variant without preprocessing has its map at the image; the difference is paired."""
    for point in ("image", "classifier_input"):
        one, labels = measured("autoencoder", "inside", point)
        other, _ = measured("augment", "inside", "image")
        level = evidence(Cell("gini", "autoencoder", "inside", f"saliency.{point}"))
        assert level == crossed_interval(by_label(one, labels), 0.9)
        found = evidence(Cell("gini", "autoencoder", "inside", f"saliency.{point}", versus="augment"))
        assert found == crossed_interval(by_label(one - other, labels), 0.9)
    at_image, at_input = (
        interval(evidence(Cell("entropy", "autoencoder", "inside", f"saliency.{point}", versus="baseline")))
        for point in ("image", "classifier_input")
    )
    assert at_image.estimate != at_input.estimate


def test_maps_of_a_source_and_falls_of_maps(evidence: StudyEvidence) -> None:
    """A source restricts the maps, and a fall of a measure is between the images of both sets."""
    one, labels = measured("augment", "outside", "image")
    (cell,) = (c for c in cells() if (c.variant, c.test_set, c.point) == ("augment", "outside", "image"))
    photos = images().sources[cell.image_rows] == "photos"
    assert evidence(Cell("gini", "augment", "outside", "saliency.image", source="photos")) == crossed_mean(
        one[:, photos], 0.9
    )
    inside, labels_inside = measured("augment", "inside", "image")
    found = evidence(Cell("gini", "augment", "outside", "saliency.image", versus_test_set="inside"))
    assert found == crossed_interval([*by_label(one, labels), *by_label(inside, labels_inside, -1.0)], 0.9)
    missing = evidence(Cell("gini", "augment", "outside", "saliency.image", source="burnt"))
    assert missing == Undefined(NO_MAPS, 3, 0)


def test_images_without_a_map_for_every_seed_are_left_out(evidence: StudyEvidence) -> None:
    """An excluded map of one seed takes its image from levels, differences and falls; without any there is a reason."""
    (cell,) = (c for c in cells() if (c.variant, c.test_set, c.point) == ("augment", "inside", "image"))
    values, labels = cell.measures["gini"].copy(), images().labels[cell.image_rows]
    values[1, 3] = np.nan
    key = ("inside", "saliency", "image", "augment")
    holed = replace(evidence, maps={**evidence.maps, key: replace(cell, measures={"gini": values})})
    kept = np.arange(len(labels)) != 3
    other, _ = measured("baseline", "inside", "image")
    outside, labels_outside = measured("augment", "outside", "image")
    level = holed(Cell("gini", "augment", "inside", "saliency.image"))
    assert level == crossed_interval(by_label(values[:, kept], labels[kept]), 0.9)
    for variant, versus, sign in (("augment", "baseline", 1), ("baseline", "augment", -1)):
        found = holed(Cell("gini", variant, "inside", "saliency.image", versus=versus))
        assert found == crossed_interval(by_label(sign * (values - other)[:, kept], labels[kept]), 0.9)
    fall = holed(Cell("gini", "augment", "outside", "saliency.image", versus_test_set="inside"))
    groups = [*by_label(outside, labels_outside), *by_label(values[:, kept], labels[kept], -1.0)]
    assert fall == crossed_interval(groups, 0.9)
    nothing = replace(cell, measures={"gini": np.full_like(values, np.nan)})
    empty = replace(evidence, maps={**evidence.maps, key: nothing})
    for ask in (
        Cell("gini", "augment", "inside", "saliency.image"),
        Cell("gini", "augment", "inside", "saliency.image", versus="baseline"),
        Cell("gini", "augment", "outside", "saliency.image", versus_test_set="inside"),
    ):
        assert empty(ask) == Undefined(NO_MAPS, 3, 0)


def test_claims_are_never_about_nulls() -> None:
    """Of an untrained and a trained classifier's maps at one place the trained ones are the evidence."""
    trained = trained_maps(cells())
    assert len(trained) == len(cells()) - 1
    assert all(cell.state == "trained" for cell in trained.values())
    key = ("inside", "saliency", "image", "baseline")
    assert trained[key] is cells()[0]
    assert trained_maps([cells()[-1]]) == {}


@pytest.mark.parametrize(
    "cell",
    [
        Cell("accuracy", "augment", "outside", "own", versus_test_set="inside"),
        Cell("gini", "augment", "outside", "saliency.image", versus_test_set="inside"),
    ],
)
def test_a_fall_between_sets_that_share_an_image_is_not_defined(evidence: StudyEvidence, cell: Cell) -> None:
    """One image under two kernels is one difference, not two samples: there is a reason in place of an interval."""
    ids = images().image_ids.copy()
    ids[images().span("outside").start] = ids[images().span("inside").start]
    found = replace(evidence, images=replace(images(), image_ids=ids))(cell)
    assert isinstance(found, Undefined)
    assert found.reason == SAME_IMAGES
    assert isinstance(evidence(cell), CrossedInterval)
