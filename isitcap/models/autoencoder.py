"""The convolutional autoencoder: images (N, 3, H, W) in [0, 1] to their reconstructions, same shape."""

from __future__ import annotations

import torch
from torch import nn

from isitcap.models.initialise import build
from isitcap.study.models import Autoencoder


class ConvAutoencoder(nn.Module):
    """Strided convolutions down to a narrow code, sub-pixel convolutions back up.

    The output is linear and may leave [0, 1] by a little: a sigmoid at the end cost about 2 dB for
    equal training (benchmarks/NOTES.md).
    """

    def __init__(self, encoder: nn.Sequential, decoder: nn.Sequential) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) → (N, 3, H, W)."""
        out: torch.Tensor = self.decoder(self.encoder(images))
        return out


def build_autoencoder(settings: Autoencoder, size: int, generator: torch.Generator) -> ConvAutoencoder:
    """An autoencoder for `size` × `size` images with weights drawn from `generator`.

    Every halving of the image is one convolution of stride 2, every doubling one sub-pixel convolution (Shi et al.,
    CVPR 2016), which leaves no checkerboard of overlapping strides. Nothing skips the code.
    """
    width, steps = settings.width, (size // settings.code_size).bit_length() - 1

    def layers() -> ConvAutoencoder:
        encoder: list[nn.Module] = [nn.Conv2d(3, width, 3, padding=1), nn.ReLU()]
        decoder: list[nn.Module] = [nn.Conv2d(settings.code_channels, width, 3, padding=1), nn.ReLU()]
        for _ in range(steps):
            encoder += [nn.Conv2d(width, width, 3, stride=2, padding=1), nn.ReLU()]
            decoder += [nn.Conv2d(width, 4 * width, 3, padding=1), nn.PixelShuffle(2), nn.ReLU()]
        encoder.append(nn.Conv2d(width, settings.code_channels, 3, padding=1))
        decoder.append(nn.Conv2d(width, 3, 3, padding=1))
        return ConvAutoencoder(nn.Sequential(*encoder), nn.Sequential(*decoder))

    return build(layers, generator)
