from __future__ import annotations

import pytest
import torch

from isitcap.models.autoencoder import build_autoencoder
from isitcap.study.models import Autoencoder


@pytest.mark.parametrize(("size", "code_size", "channels"), [(32, 16, 8), (32, 8, 16), (32, 4, 5), (16, 16, 3)])
def test_shapes(size: int, code_size: int, channels: int) -> None:
    """The code is code_size × code_size × code_channels numbers, the reconstruction is shaped like the image."""
    settings = Autoencoder(epochs=1, code_size=code_size, code_channels=channels, width=8)
    model = build_autoencoder(settings, size, torch.Generator().manual_seed(0))
    images = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        code = model.encoder(images)
        assert code.shape == (2, channels, code_size, code_size)
        assert code[0].numel() == channels * code_size**2
        out = model(images)
        assert out.shape == images.shape
        assert torch.equal(out, model.decoder(code))  # nothing skips the code


def test_weights_come_from_the_generator() -> None:
    """Equal generators give equal autoencoders."""
    a, b = (build_autoencoder(Autoencoder(epochs=1), 32, torch.Generator().manual_seed(3)) for _ in range(2))
    assert all(torch.equal(x, y) for x, y in zip(a.parameters(), b.parameters(), strict=True))
