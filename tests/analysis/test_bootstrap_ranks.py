from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from analysis.bootstrap import resample_means
from analysis.bootstrap_ranks import resample_not_smooth
from analysis.errors import InputError
from analysis.metrics import metric, per_image, strata
from analysis.quantities import NOT_SMOOTH, Quantity
from analysis.ranks import auc, average_precision

Values = NDArray[np.float64]
ALL: tuple[Quantity, ...] = ("eer", "recall_at_5_fpr", "ece")


def generator(number: int = 0) -> np.random.Generator:
    return np.random.default_rng(number)


def study(n_real: int, n_synthetic: int, *, digits: int = 6, seeds: int = 3, gap: float = 2.0) -> tuple[Values, Values]:
    """Logits (2, S, I) of two variants, rounded so that there are ties, and labels in no order."""
    rng = generator(n_real)
    labels = rng.permutation(np.repeat([0, 1], [n_real, n_synthetic]))
    return np.round(rng.normal(size=(2, seeds, len(labels))) + gap * labels, digits), labels


def weights_of(labels: Values, seeds: int, draws: int) -> tuple[Values, Values]:
    """Counts of seeds (draws, S) and of images (draws, I) in the order of the labels given.

    Read off means that are 1 at one seed or image, from the same state of the generator.
    """
    order = np.argsort(labels, kind="stable")
    images = len(labels)
    by_seed = np.repeat(np.eye(seeds)[:, :, None], images, axis=2)
    by_image = np.repeat(np.eye(images)[:, None, :], seeds, axis=1)
    means = resample_means(np.concatenate([by_seed, by_image]), labels[order], draws=draws, generator=generator())
    counts = np.empty((draws, images))
    counts[:, order] = means[seeds:].T * images
    return (means[:seeds].T * seeds).round(), counts.round()


@pytest.mark.parametrize("quantity", ALL)
@pytest.mark.parametrize(
    ("n_real", "n_synthetic", "digits", "gap"),
    [(40, 40, 6, 2.0), (19, 60, 1, 2.0), (60, 41, 0, 2.0), (300, 400, 1, 1.0), (50, 50, 6, 9.0), (50, 50, 6, -2.0)],
)
def test_a_draw_is_the_metric_of_the_images_drawn(
    quantity: Quantity, n_real: int, n_synthetic: int, digits: int, gap: float
) -> None:
    """Every draw equals the metric of the images repeated as often as drawn, averaged over the seeds drawn.

    With many ties and none, unequal classes, parted ones and ones that are ordered the wrong way round.
    """
    logits, labels = study(n_real, n_synthetic, digits=digits, gap=gap)
    found = resample_not_smooth([quantity], logits, labels, draws=30, generator=generator())[quantity]
    of_seeds, of_images = weights_of(labels, 3, 30)
    for b, (seeds, images) in enumerate(zip(of_seeds, of_images, strict=True)):
        drawn = np.repeat(np.arange(len(labels)), images.astype(int))
        expected = [seeds @ metric(quantity, rows[:, drawn], labels[drawn]) / 3 for rows in logits]
        np.testing.assert_allclose(found[:, b], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("quantity", ["eer", "recall_at_5_fpr"])
def test_a_threshold_outside_its_window_is_found_too(quantity: Quantity, monkeypatch: pytest.MonkeyPatch) -> None:
    """With windows so narrow that most draws leave them, the draws are the same."""
    logits, labels = study(300, 400, digits=2)
    wide = resample_not_smooth([quantity], logits, labels, draws=100, generator=generator())[quantity]
    monkeypatch.setattr("analysis.bootstrap_ranks.DEVIATIONS", 0.01)
    narrow = resample_not_smooth([quantity], logits, labels, draws=100, generator=generator())[quantity]
    assert narrow.tolist() == wide.tolist()


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 1000))
def test_few_images_are_drawn_exactly(n_real: int, n_synthetic: int, number: int) -> None:
    """With a few images and logits of few values, too, a draw is the metric of what was drawn."""
    labels = np.repeat([0, 1], [n_real, n_synthetic])
    logits = generator(number).integers(-2, 3, size=(1, len(labels))).astype(float)
    logits[0, 0] = 5.0
    _, of_images = weights_of(labels, 1, 5)
    found = resample_not_smooth(ALL, logits, labels, draws=5, generator=generator())
    for b, images in enumerate(of_images.astype(int)):
        drawn = np.repeat(np.arange(len(labels)), images)
        if len(set(logits[0, drawn])) == 1:
            continue
        for quantity in ALL:
            expected = metric(quantity, logits[:, drawn], labels[drawn])[0]
            assert found[quantity][0, b] == pytest.approx(expected, abs=1e-12)


def test_blocks_and_order_change_nothing() -> None:
    """Small blocks of draws, another order of images and fewer draws give the same."""
    logits, labels = study(150, 200)
    order = np.argsort(labels, kind="stable")
    first = resample_not_smooth(ALL, logits, labels, draws=200, generator=generator())
    second = resample_not_smooth(
        ALL, logits[..., order], labels[order], draws=130, generator=generator(), block_bytes=1
    )
    for quantity in ALL:
        np.testing.assert_allclose(second[quantity], first[quantity][:, :130], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("quantity", "least", "most"), [("eer", 0.75, 1.35), ("recall_at_5_fpr", 0.7, 1.45), ("ece", 0.75, 1.35)]
)
def test_standard_errors_are_those_of_the_jackknife(quantity: Quantity, least: float, most: float) -> None:
    """Over 60 simulated test sets the bootstrap's standard error over images is on average the grouped jackknife's."""
    rng = generator(3)
    labels = np.tile([0, 1], 1000)
    logits = rng.normal(size=(60, 1, 2000)) + 2 * labels
    drawn = resample_not_smooth([quantity], logits, labels, draws=300, generator=generator())[quantity].std(axis=1)
    (stratum,) = strata(quantity, logits[:, 0], labels)
    told = stratum.values.std(axis=1, ddof=1) / np.sqrt(stratum.values.shape[1])
    assert least < np.sqrt(np.square(drawn).mean() / np.square(told).mean()) < most


@pytest.mark.parametrize(("quantity", "function"), [("auc", auc), ("average_precision", average_precision)])
def test_values_per_image_stand_for_exact_draws(
    quantity: Quantity, function: Callable[[Values, Values], Values]
) -> None:
    """Over 500 exact draws AUC and average precision move as the draws of their values per image say."""
    logits, labels = study(400, 400, seeds=1)
    order = np.argsort(labels, kind="stable")
    values = np.stack([per_image(quantity, rows, labels)[:, order] for rows in logits])
    linear = resample_means(values, labels[order], draws=500, generator=generator())
    _, of_images = weights_of(labels, 1, 500)
    drawn = [np.repeat(np.arange(len(labels)), images) for images in of_images.astype(int)]
    for rows, told in zip(logits, linear, strict=True):
        exact = np.array([function(rows[:, some], labels[some])[0] for some in drawn])
        assert np.corrcoef(exact, told)[0, 1] > 0.99
        assert exact.std() == pytest.approx(told.std(), rel=0.05)


def test_threads_change_no_digit() -> None:
    """One thread of the matrix product and several give the same bytes, of means and of these metrics."""
    code = (
        "import hashlib, numpy as np\n"
        "from analysis.bootstrap import resample_means\n"
        "from analysis.bootstrap_ranks import resample_not_smooth\n"
        "rng = np.random.default_rng(0)\n"
        "labels = np.repeat([0, 1], 1500)\n"
        "x = rng.normal(size=(4, 3, 3000)) + labels\n"
        "means = resample_means(x, labels, draws=700, generator=np.random.default_rng(1))\n"
        "ece = resample_not_smooth(['ece'], x, labels, draws=200, generator=np.random.default_rng(1))['ece']\n"
        "print(hashlib.sha256(means.tobytes() + ece.tobytes()).hexdigest())\n"
    )
    found = set()
    for threads in ("1", "2", "3"):
        limits = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), threads)
        done = subprocess.run(
            [sys.executable, "-c", code], env=os.environ | limits, capture_output=True, text=True, check=True
        )
        found.add(done.stdout)
    assert len(found) == 1


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x, y: resample_not_smooth(["auc"], x, y, generator=generator()), "auc is a function of means"),
        (lambda x, y: resample_not_smooth(["eer"], x[0, 0], y, generator=generator()), "logits of shape (60,)"),
        (lambda x, y: resample_not_smooth(["eer"], x[..., :9], y, generator=generator()), "(6, 9)"),
        (lambda x, y: resample_not_smooth(["eer"], 0 * x, y, generator=generator()), "constant predictions"),
        (lambda x, y: resample_not_smooth(["ece"], x, y, draws=0, generator=generator()), "draws 0"),
        (lambda x, y: resample_not_smooth(["ece"], x, y, block_bytes=0, generator=generator()), "block_bytes 0"),
    ],
)
def test_refuses_what_cannot_be_drawn(call: Callable[[Values, Values], object], words: str) -> None:
    """Other metrics, shapes and numbers are refused in one line."""
    with pytest.raises(InputError) as caught:
        call(*study(30, 30))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_metrics_that_are_not_smooth_are_here() -> None:
    """The metrics drawn here are those that have no values per image."""
    assert set(ALL) == NOT_SMOOTH
