"""Controls in place of the autoencoder: what loses detail without having learnt anything."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter1d
from torch import nn

from isitcap.data.pixels import reencode

TRUNCATE = 4.0
"""Standard deviations at which the Gaussian is cut off."""


class GaussianBlur(nn.Module):
    """Gaussian blur of square images, (N, 3, H, W) → the same shape, float32; differentiable.

    A blur with mirrored borders is one matrix for rows and columns alike, here that of `scipy.ndimage.gaussian_filter`
    (mode `reflect`): two matrix products, which unlike padding have a deterministic gradient on every device.

    Args:
        sigma: standard deviation in pixels, > 0.
        size: pixels on a side.
    """

    matrix: torch.Tensor

    def __init__(self, sigma: float, size: int) -> None:
        super().__init__()
        self.sigma = sigma
        matrix = gaussian_filter1d(np.eye(size), sigma, axis=0, mode="reflect", truncate=TRUNCATE)
        self.register_buffer("matrix", torch.from_numpy(matrix.astype(np.float32)))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Each image blurred, in the range it had."""
        # Autocast would round the blurred image to bfloat16, by up to a grey level.
        with torch.autocast(images.device.type, enabled=False):
            blurred = self.matrix @ images.float() @ self.matrix.T
        return blurred.contiguous(memory_format=torch.channels_last)


class JpegRoundTrip(nn.Module):
    """Each image written as JPEG with 4:2:0 chroma and read again, (N, 3, H, W) in [0, 1] → the same.

    Pixels are rounded to eight bits first. It runs on the processor, whatever the device.

    Args:
        quality: Pillow's, 1 to 100.
    """

    def __init__(self, quality: int) -> None:
        super().__init__()
        self.quality = quality

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Each image after the round trip, float32.

        Raises:
            ValueError: a gradient is asked for; there is none.
        """
        if images.requires_grad and torch.is_grad_enabled():
            raise ValueError("a JPEG round trip has no gradient; attribute at the classifier's input")
        pixels = images.detach().float().clamp(0, 1).mul(255).round().to("cpu", torch.uint8)
        originals = np.ascontiguousarray(pixels.permute(0, 2, 3, 1).numpy())
        copies = np.empty_like(originals)
        for row, original in enumerate(originals):
            copies[row] = reencode(Image.fromarray(original), self.quality)
        return torch.from_numpy(copies).to(images.device).permute(0, 3, 1, 2).float().div_(255)
