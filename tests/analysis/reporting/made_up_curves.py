"""ROC curves and reliability diagrams of the made-up study."""

from __future__ import annotations

import numpy as np
from made_up_basis import OUT, PATHS, SEEDS, TEST_SETS
from scipy import stats

from analysis.summary import Curve

SHARPNESS = {"baseline": 2.9, "augment": 2.5, "autoencoder": 2.7, "both": 2.4}


def make_curves() -> tuple[Curve, ...]:
    """Both curves of every variant on every quoted set; one was not defined."""
    rng = np.random.default_rng(13)
    grid, bins = np.arange(101) / 100, (np.arange(15) + 0.5) / 15
    rows = []
    for card in TEST_SETS[1:]:
        for variant, path in PATHS.items():
            labels = {"variant": variant, "test_set": card.name, "path": path, "n_seeds": len(SEEDS)}
            labels |= {"n_images": card.n_real + card.n_synthetic}
            apart = SHARPNESS[variant] / (5 if card.name == OUT else 1) + 0.2 * rng.standard_normal((len(SEEDS), 1))
            curves = stats.norm.cdf(stats.norm.ppf(np.clip(grid, 1e-12, 1 - 1e-12)) + apart)
            rows.append(_row("roc", labels, grid, curves))
            if (variant, card.name) == ("augment", OUT):
                gone = {"kind": "calibration", "reason": "no real images: ECE is not defined"}
                rows.append(Curve.model_validate(labels | gone))
                continue
            noise = 0.03 * rng.standard_normal((len(SEEDS), len(bins)))
            rows.append(_row("calibration", labels, bins, np.clip(0.2 + 0.6 * bins + noise, 0, 1)))
    return tuple(rows)


def _row(kind: str, labels: dict[str, object], x: np.ndarray, seeds: np.ndarray) -> Curve:
    numbers = {"x": x, "mean": seeds.mean(axis=0), "low": seeds.min(axis=0), "high": seeds.max(axis=0)}
    return Curve.model_validate(labels | {"kind": kind} | {name: each.tolist() for name, each in numbers.items()})
