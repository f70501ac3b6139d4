"""Generator `leaves`: the dead-leaves model (Matheron 1968; Lee, Mumford & Huang, IJCV 2001).

Discs with radii of density r⁻³ fall on each other until they cover the image; only the topmost shows. That gives the
occlusions and the scale invariance of photographs, with colours of real patches, a gradient of light on each disc and
the blur of a lens.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

OVERSAMPLING = 3
SMALLEST, LARGEST = 1.5, 24.0
BLUR = 1.0
LEAVES = 100


def generate(real: NDArray[np.uint8], n: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw `n` images (n, S, S, 3), each with the colours of one of the patches `real` (N, S, S, 3)."""
    size = real.shape[1]
    fine = size * OVERSAMPLING
    axis = (np.arange(fine) + 0.5) / OVERSAMPLING
    images = np.empty((n, size, size, 3), dtype=np.uint8)
    for i in range(n):
        colours = real[rng.integers(len(real))].reshape(-1, 3)
        # Inverse of the distribution function of a density ∝ r⁻³ between the two radii.
        u = rng.random(LEAVES)
        radius = 1 / np.sqrt(u / LARGEST**2 + (1 - u) / SMALLEST**2)
        x, y = rng.uniform(-4, size + 4, (2, LEAVES))
        colour = colours[rng.integers(0, len(colours), LEAVES)].astype(np.float64)
        slope = rng.normal(0, 12, (LEAVES, 2)) / radius[:, None]
        top = np.broadcast_to(colours.mean(axis=0), (fine, fine, 3)).copy()
        for leaf in range(LEAVES):
            rows, columns = (
                slice(*np.searchsorted(axis, (c[leaf] - radius[leaf], c[leaf] + radius[leaf]))) for c in (y, x)
            )
            dy, dx = axis[rows, None] - y[leaf], axis[columns] - x[leaf]
            inside = dy**2 + dx**2 <= radius[leaf] ** 2
            shade = colour[leaf] + (slope[leaf, 0] * dy + slope[leaf, 1] * dx)[..., None]
            np.copyto(top[rows, columns], shade, where=inside[..., None])
        image = top.reshape(size, OVERSAMPLING, size, OVERSAMPLING, 3).mean(axis=(1, 3))
        image = gaussian_filter(image, (BLUR, BLUR, 0)) + rng.normal(0, 2.0, image.shape)
        images[i] = np.clip(np.round(image), 0, 255)
    return images
