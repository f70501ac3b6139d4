"""Generator `latent`: a linear autoencoder's latent space, sampled and decoded with a transposed convolution.

Patches at half resolution → principal components. A sample lies between a patch's code and that of a neighbour, plus
noise. The decoder doubles the resolution by a transposed convolution of stride 2 whose kernel is 3 wide: its outputs
overlap unevenly and leave the faint checkerboard known from generative networks (Odena et al., Distill 2016,
"Deconvolution and checkerboard artifacts"). Fine detail, which the code does not hold, is drawn as noise.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter
from scipy.spatial import cKDTree

COMPONENTS = 64
CODE_NOISE = 0.1
NEIGHBOURS = 8
DETAIL = 1.0
KERNEL = np.array([0.46, 1.0, 0.46])


def generate(real: NDArray[np.uint8], n: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw `n` images (n, S, S, 3) like the patches `real` (N, S, S, 3), S even, N > 8."""
    count, size = real.shape[:2]
    half = size // 2
    small = real.reshape(count, half, 2, half, 2, 3).mean(axis=(2, 4), dtype=np.float64)
    flat = small.reshape(count, -1)
    mean = flat.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(flat, rowvar=False))
    basis = vectors[:, ::-1][:, :COMPONENTS]
    # An eigenvector's sign is arbitrary and differs between linear algebra libraries.
    basis = basis * np.sign(basis[np.abs(basis).argmax(axis=0), np.arange(basis.shape[1])])
    scale = np.sqrt(np.maximum(values[::-1][:COMPONENTS], 1e-6))
    codes = (flat - mean) @ basis

    start = rng.integers(0, count, n)
    _, near = cKDTree(codes[:, :16]).query(codes[start][:, :16], k=NEIGHBOURS + 1)
    other = np.asarray(near)[np.arange(n), rng.integers(1, NEIGHBOURS + 1, n)]
    step = rng.uniform(0.0, 0.5, (n, 1))
    code = (
        codes[start] * (1 - step) + codes[other] * step + CODE_NOISE * scale * rng.standard_normal((n, basis.shape[1]))
    )
    decoded = (code @ basis.T + mean).reshape(n, half, half, 3)

    image = _transposed(_transposed(decoded, 1), 2)
    contrast = uniform_filter(np.abs(np.gradient(image.mean(axis=3), axis=1)), size=(0, 5, 5))
    noise = rng.standard_normal((n, size, size, 1))
    return np.clip(np.round(image + DETAIL * contrast[..., None] * noise), 0, 255).astype(np.uint8)


def _transposed(images: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Double one axis: a transposed convolution with `KERNEL`, the border repeated."""
    x = np.moveaxis(images, axis, -1)
    after = np.concatenate([x[..., 1:], x[..., -1:]], axis=-1)
    result = np.empty((*x.shape[:-1], 2 * x.shape[-1]))
    result[..., 0::2] = KERNEL[1] * x
    result[..., 1::2] = KERNEL[0] * x + KERNEL[2] * after
    return np.moveaxis(result, -1, axis)
