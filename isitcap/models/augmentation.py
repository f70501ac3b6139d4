"""Standard augmentation in batches, with parameters drawn per image.

The random part is apart from the rest: `augment` takes, for every image, `DRAWS` numbers uniform in [0, 1), from a
generator while training (`training_draws`) and from the image's id while testing (`test_draws`), so that a test image
looks the same to every variant and seed, in whatever order or batch it comes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
import torch
from torch.nn import functional
from torchvision.transforms.v2.functional import rgb_to_grayscale

from isitcap.study.models import Augmentation

DRAWS = 9
"""Uniform numbers an image needs: apply, area, aspect, x, y, sigma, brightness, contrast, saturation."""

TAPS = 2
"""Taps of the blur on each side of the middle one: five in all, as in the poster's code."""


def training_draws(count: int, generator: torch.Generator) -> torch.Tensor:
    """Uniform numbers for `count` images, shape (count, DRAWS), float32."""
    return torch.rand(count, DRAWS, generator=generator)


def test_draws(image_ids: Iterable[str], seed: int) -> torch.Tensor:
    """Uniform numbers keyed by `seed` and image id, shape (N, DRAWS), float32."""
    digests = [hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=4 * DRAWS).digest() for name in image_ids]
    words = np.frombuffer(b"".join(digests), dtype="<u4").reshape(-1, DRAWS)
    # 24 bits, so that no rounding to float32 reaches 1
    return torch.from_numpy(((words >> np.uint32(8)) / 2**24).astype(np.float32))


test_draws.__test__ = False  # type: ignore[attr-defined]  # pytest would take the function for a test


def augment(images: torch.Tensor, draws: torch.Tensor, settings: Augmentation) -> torch.Tensor:
    """Augment every image with its own parameters: crop and scale, blur, brightness, contrast, saturation.

    Args:
        images: (N, 3, H, W), float32 in [0, 1].
        draws: (N, DRAWS), uniform in [0, 1); the first says whether the image is augmented at all.
        settings: ranges of the parameters.

    Returns:
        (N, 3, H, W) in [0, 1]; images that are not drawn are returned as they are.
    """
    draws = draws.to(images.device)
    chosen = draws[:, 0] < settings.probability
    out = crop_and_scale(images, *crop_parameters(draws, settings))
    out = blur(out, _between(draws[:, 5], settings.blur_sigma))
    out = jitter(
        out,
        *(
            1 + strength * (2 * draws[:, column] - 1)
            for column, strength in ((6, settings.brightness), (7, settings.contrast), (8, settings.saturation))
        ),
    )
    return torch.where(chosen[:, None, None, None], out, images)


def crop_parameters(
    draws: torch.Tensor, settings: Augmentation
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Width, height, left and top of each crop as fractions of the image, each of shape (N,).

    The aspect ratio w/h is log-uniform over the part of its range that fits a crop of the drawn area into the
    image: what drawing again until it fits would give.
    """
    area = _between(draws[:, 1], settings.area)
    low = torch.clamp(area, min=settings.aspect[0]).log()
    high = torch.clamp(1 / area, max=settings.aspect[1]).log()
    aspect = (low + draws[:, 2] * (high - low)).exp()
    width, height = (area * aspect).sqrt().clamp(max=1), (area / aspect).sqrt().clamp(max=1)
    return width, height, draws[:, 3] * (1 - width), draws[:, 4] * (1 - height)


def crop_and_scale(
    images: torch.Tensor, width: torch.Tensor, height: torch.Tensor, left: torch.Tensor, top: torch.Tensor
) -> torch.Tensor:
    """Cut a box (fractions of the image) from each image and scale it back up, bilinear."""
    zero = torch.zeros_like(width)
    theta = torch.stack(
        [
            torch.stack([width, zero, 2 * left + width - 1], dim=1),
            torch.stack([zero, height, 2 * top + height - 1], dim=1),
        ],
        dim=1,
    )
    grid = functional.affine_grid(theta, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)


def blur(images: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """Blur each image with its own Gaussian of standard deviation `sigma` (pixels), reflecting at the border."""
    offsets = torch.arange(TAPS + 1, device=images.device)
    weights = torch.exp(-0.5 * (offsets / sigma[:, None]) ** 2)
    weights = weights / (2 * weights.sum(dim=1, keepdim=True) - 1)  # the middle tap counts once, the others twice
    shape = (-1, 1, 1, 1)
    for dim in (2, 3):
        pads = (0, 0, TAPS, TAPS) if dim == 2 else (TAPS, TAPS, 0, 0)
        padded, length = functional.pad(images, pads, mode="reflect"), images.shape[dim]
        out = weights[:, 0].view(shape) * images
        for k in range(1, TAPS + 1):
            both = padded.narrow(dim, TAPS - k, length) + padded.narrow(dim, TAPS + k, length)
            out = out + weights[:, k].view(shape) * both
        images = out
    return images


def jitter(
    images: torch.Tensor, brightness: torch.Tensor, contrast: torch.Tensor, saturation: torch.Tensor
) -> torch.Tensor:
    """Scale brightness, contrast and saturation by factors (N,), as torchvision defines them, clamped to [0, 1]."""
    shape = (-1, 1, 1, 1)
    images = (images * brightness.view(shape)).clamp(0, 1)
    if bool((contrast != 1).any()):
        mean = rgb_to_grayscale(images).mean(dim=(1, 2, 3), keepdim=True)
        images = torch.lerp(mean.expand_as(images), images, contrast.view(shape)).clamp(0, 1)
    if bool((saturation != 1).any()):
        images = torch.lerp(rgb_to_grayscale(images).expand_as(images), images, saturation.view(shape)).clamp(0, 1)
    return images


def _between(uniform: torch.Tensor, limits: tuple[float, float]) -> torch.Tensor:
    low, high = limits
    return low + uniform * (high - low)
