"""The tables of pixels, against statsmodels, scikit-learn and a closed form."""

from __future__ import annotations

import pytest

pytest.importorskip("sklearn", reason="needs scikit-learn")

import io
from dataclasses import replace

import numpy as np
from PIL import Image
from planted import cells, measure
from sklearn.metrics import roc_auc_score
from statsmodels.stats.proportion import proportion_confint

from isitcap.data.audit.material import Material
from isitcap.data.audit.tables_pixels import figures_table, grey_table, sharpness_table, sources_table

pytestmark = pytest.mark.slow

Planted = tuple[dict[str, bytes], Material]


def test_greyscale_shares_have_wilsons_interval(planted: Planted) -> None:
    """Two of the real images are grey, both stored so; the interval is that of statsmodels."""
    _, material = planted
    table = grey_table(material)
    assert cells(table)["main", "real"] == (pytest.approx(2 / 48), 2, 2, 48)
    assert cells(table)["main", "synthetic"] == (0, 0, 0, 51)
    share = measure(table, "greyscale/main/real")
    assert (share.low, share.high) == pytest.approx(proportion_confint(2, 48, method="wilson"))


def test_figures_are_of_distinct_images(planted: Planted) -> None:
    """Mean of blue, from the files, of each class without copies; the AUC is scikit-learn's."""
    files, material = planted
    each = material.compared[0]
    frame = material.frame.iloc[each.comparison.rows]
    blue = frame["mean_blue"].to_numpy(float)
    labels = frame["label"].to_numpy()
    # near.jpg is of the same picture as training fake 009, leak.jpg is 007; whichever comes first in order stays.
    ids = frame["image_id"].tolist()
    copies = [
        ("main/test/fake/leak.jpg", "main/train/fake/007.jpg"),
        ("main/test/fake/near.jpg", "main/train/fake/009.jpg"),
    ]
    kept = np.ones(len(ids), dtype=bool)
    for pair in copies:
        kept[max(ids.index(name) for name in pair)] = False
    table = figures_table(material, each)
    real, fake = (blue[kept & (labels == label)] for label in (0, 1))
    auc = roc_auc_score([0] * len(real) + [1] * len(fake), np.concatenate([real, fake]))
    assert cells(table)["mean of blue",] == pytest.approx((real.mean(), fake.mean(), auc))
    assert measure(table, "figures/main/mean_blue/auc").n == kept.sum()
    half = 1.959964 * fake.std(ddof=1) / np.sqrt(len(fake))
    assert measure(table, "figures/main/mean_blue/synthetic").high == pytest.approx(fake.mean() + half)
    plain = np.asarray(Image.open(io.BytesIO(files["main/test/fake/000.jpg"])))[..., 2].mean() / 255
    assert blue[ids.index("main/test/fake/000.jpg")] == pytest.approx(plain, abs=0.01), "one more JPEG between them"


def test_a_smoother_source_is_told_by_its_spectrum(planted: Planted) -> None:
    """Real images without grain have less energy at high frequencies, and no pipeline hides it."""
    _, material = planted
    table = sources_table(material)
    found = cells(table)
    assert ("other", "bilinear+jpeg75 (the study's)") in found
    assert len(found) == 10, "five kernels, with and without a JPEG"
    own = float(table.caption.rsplit(" ", 1)[1].rstrip("."))
    assert {row[0] for row in found.values()} == {1.0}
    assert all(row[2] < own for row in found.values())


def test_energy_at_high_frequencies_of_a_flat_spectrum(planted: Planted) -> None:
    """Of equal power everywhere, the share is that of the area of the rings above half the highest frequency."""
    _, material = planted
    probe = material.images.probes["other"]
    spectra = np.zeros_like(probe.spectra)
    flat = {**material.images.probes, "other": replace(probe, spectra=spectra)}
    table = sources_table(replace(material, images=replace(material.images, probes=flat)))
    bins = spectra.shape[-1]
    expected = sum(r for r in range(1, bins + 1) if 2 * r > bins) / (bins * (bins + 1) / 2)
    assert measure(table, "sources/other/box/high").value == pytest.approx(expected)


def test_sharpness_is_given_of_each_class_through_every_kernel(planted: Planted) -> None:
    """Five kernels, with a JPEG and without, of real and synthetic images; real ones as against other sources."""
    _, material = planted
    found = sharpness_table(material)
    rows = cells(found)
    kinds = {head for head, _ in rows}
    assert {"main, real", "main, synthetic", "other, real"} <= kinds
    other = sources_table(material)
    for pipeline in ("box", "nearest+jpeg75"):
        assert measure(found, f"sharpness/other/real/{pipeline}") == measure(
            other, f"sources/other/{pipeline}/high"
        ).model_copy(update={"id": f"sharpness/other/real/{pipeline}"})
    synthetic = material.images.synthetic_probes["main"]
    labels = material.frame.set_index("image_id")["label"]
    assert set(labels[list(synthetic.image_ids)]) == {1}
    assert measure(found, "sharpness/main/synthetic/box").n == len(synthetic.image_ids)
