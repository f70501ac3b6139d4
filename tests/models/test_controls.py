from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter

from isitcap.models.controls import GaussianBlur, JpegRoundTrip

SIZE = 16


@pytest.fixture
def images() -> torch.Tensor:
    pixels = torch.randint(0, 256, (5, 3, SIZE, SIZE), generator=torch.Generator().manual_seed(0))
    return pixels.float() / 255


@pytest.mark.parametrize("sigma", [0.3, 1.1, 6.0, float(SIZE)])
def test_the_blur_is_scipys_gaussian_filter(sigma: float, images: torch.Tensor) -> None:
    """Each channel is what `scipy.ndimage.gaussian_filter` makes of it, also where the kernel exceeds the image."""
    found = GaussianBlur(sigma, SIZE)(images)
    for image, blurred in zip(images.double().numpy(), found.numpy(), strict=True):
        for channel, seen in zip(image, blurred, strict=True):
            np.testing.assert_allclose(seen, gaussian_filter(channel, sigma), atol=1e-6)
    assert found.dtype == torch.float32
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_the_blur_keeps_brightness_and_range(images: torch.Tensor) -> None:
    """Mirrored borders keep the mean of every channel, and no value leaves the image's own range."""
    found = GaussianBlur(1.7, SIZE)(images)
    torch.testing.assert_close(found.mean(dim=(2, 3)), images.mean(dim=(2, 3)))
    assert found.min() >= images.min()
    assert found.max() <= images.max()


def test_gradients_pass_the_blur(images: torch.Tensor) -> None:
    """The gradient at the image is the transposed blur of the gradient behind it."""
    blur, weights = GaussianBlur(0.9, SIZE), torch.rand(images.shape, generator=torch.Generator().manual_seed(1))
    images.requires_grad_()
    (blur(images) * weights).sum().backward()
    matrix = blur.matrix
    torch.testing.assert_close(images.grad, matrix.T @ weights @ matrix)


def test_autocast_does_not_round_the_blur(images: torch.Tensor) -> None:
    """Training's mixed precision leaves the blurred image in float32."""
    blur = GaussianBlur(0.9, SIZE)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = blur(images)
    assert torch.equal(found, blur(images))


@pytest.mark.parametrize("quality", [1, 40, 100])
def test_the_round_trip_is_pillows(quality: int, images: torch.Tensor) -> None:
    """Each image is what Pillow writes at that quality with 4:2:0 chroma and reads again."""
    found = JpegRoundTrip(quality)(images)
    for image, copy in zip(images, found, strict=True):
        buffer = io.BytesIO()
        pixels = (image.permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
        Image.fromarray(pixels).save(buffer, format="JPEG", quality=quality, subsampling=2)
        expected = np.asarray(Image.open(buffer)).astype(np.float32) / 255
        np.testing.assert_array_equal(copy.permute(1, 2, 0).numpy(), expected)
    assert found.dtype == torch.float32
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_the_round_trip_does_not_depend_on_the_batch(images: torch.Tensor) -> None:
    """One image at a time gives the same, no image gives none, and the input stays as it was."""
    jpeg, before = JpegRoundTrip(30), images.clone()
    together = jpeg(images)
    assert torch.equal(together, torch.cat([jpeg(image[None]) for image in images]))
    assert jpeg(images[:0]).shape == (0, 3, SIZE, SIZE)
    assert torch.equal(images, before)


def test_values_beyond_the_range_are_clipped() -> None:
    """What leaves [0, 1] is written as black or white, not wrapped round."""
    images = torch.stack([torch.full((3, SIZE, SIZE), value) for value in (-0.3, 1.4)])
    found = JpegRoundTrip(100)(images)
    assert found[0].max() == 0
    assert found[1].min() == 1


def test_a_gradient_through_the_round_trip_is_refused(images: torch.Tensor) -> None:
    """A map at the image behind JPEG would be silently zero; it is an error, while prediction works."""
    images.requires_grad_()
    with pytest.raises(ValueError, match="has no gradient; attribute at the classifier's input"):
        JpegRoundTrip(50)(images)
    with torch.no_grad():
        assert JpegRoundTrip(50)(images).shape == images.shape
