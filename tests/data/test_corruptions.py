"""Corruptions against independent implementations, and against what can be computed by hand."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from skimage.filters import gaussian

from isitcap.data.corruptions import blur, brightness, corrupt, crop, jpeg, noise, resize
from isitcap.study.models import CORRUPTIONS


def smooth(count: int = 3, size: int = 32) -> np.ndarray:
    """Smooth images with some texture, uint8."""
    rng = np.random.default_rng(0)
    coarse = rng.uniform(20, 230, (count, size // 4, size // 4, 3))
    fine = np.kron(coarse, np.ones((1, 4, 4, 1))) + rng.normal(0, 5, (count, size, size, 3))
    return fine.clip(0, 255).astype(np.uint8)


def ids(count: int) -> list[str]:
    return [f"source/{n}.png" for n in range(count)]


@pytest.mark.parametrize("sigma", [0.5, 1.5])
def test_blur_is_scikit_images(sigma: float) -> None:
    """The blur is scikit-image's Gaussian with mirrored borders, to the rounding of a grey level."""
    pixels = smooth()
    for image, blurred in zip(pixels, blur(pixels, sigma), strict=True):
        reference = gaussian(image.astype(float), sigma, mode="reflect", channel_axis=-1, preserve_range=True)
        assert np.abs(blurred - np.rint(reference)).max() <= 1


def test_blur_is_torchvisions_away_from_the_border() -> None:
    """Where no border reaches, the blur is torchvision's with a kernel as wide."""
    torch = pytest.importorskip("torch", reason="needs the extra `train`")
    functional = pytest.importorskip("torchvision.transforms.v2.functional", reason="needs the extra `train`")
    pixels = smooth()
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float()
    reference = functional.gaussian_blur(images, [9, 9], [1.0, 1.0]).permute(0, 2, 3, 1).numpy()
    inner = slice(4, -4)
    assert np.abs(blur(pixels, 1.0)[:, inner, inner] - reference[:, inner, inner]).max() <= 0.6


@pytest.mark.parametrize("share", [0.75, 0.5, 0.25])
def test_resize_is_torchs_antialiased_bilinear(share: float) -> None:
    """Down and up is torch's antialiased interpolation, but for Pillow's rounding after each of four passes."""
    torch = pytest.importorskip("torch", reason="needs the extra `train`")
    pixels = smooth()
    side = pixels.shape[1]
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).double()
    for size in (round(share * side), side):
        images = torch.nn.functional.interpolate(images, (size, size), mode="bilinear", antialias=True)
    assert np.abs(resize(pixels, share) - images.permute(0, 2, 3, 1).numpy()).max() <= 2


def test_halving_of_single_columns_is_their_triangle() -> None:
    """Halving by the antialiased bilinear kernel weighs four pixels 1 : 3 : 3 : 1, as a triangle of width 4 does."""
    pixels = np.zeros((1, 8, 8, 3), np.uint8)
    pixels[:, :, 4] = 240
    small = np.asarray(Image.fromarray(pixels[0]).resize((4, 4), Image.Resampling.BILINEAR))[0, :, 0]
    assert small.tolist() == [0, 30, 90, 0]
    back = np.asarray(
        Image.fromarray(np.tile(small[None, :, None], (4, 1, 3))).resize((8, 8), Image.Resampling.BILINEAR)
    )
    assert (resize(pixels, 0.5)[0] == back).all()


def test_crop_keeps_the_middle_and_enlarges_it() -> None:
    """Half of the side is the middle square twice as large; a constant image stays as it is."""
    pixels = smooth()
    middle = pixels[:, 8:24, 8:24]
    for image, cut in zip(crop(pixels, 0.5), middle, strict=True):
        assert (image == np.asarray(Image.fromarray(cut).resize((32, 32), Image.Resampling.BILINEAR))).all()
    flat = np.full((1, 16, 16, 3), 77, np.uint8)
    assert (crop(flat, 0.9) == flat).all()


def test_brightness_is_torchvisions_rounded() -> None:
    """The factor scales intensities, clipped at white, as torchvision's on floats."""
    torch = pytest.importorskip("torch", reason="needs the extra `train`")
    functional = pytest.importorskip("torchvision.transforms.v2.functional", reason="needs the extra `train`")
    pixels = smooth()
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).double() / 255
    for factor in (0.5, 1.25, 1.5):
        reference = (functional.adjust_brightness(images, factor) * 255).permute(0, 2, 3, 1).numpy()
        assert np.abs(brightness(pixels, factor) - reference).max() <= 0.5 + 1e-9
    assert brightness(np.full((1, 8, 8, 3), 200, np.uint8), 1.5).max() == 255


def test_jpeg_is_pillows_with_subsampled_chroma() -> None:
    """A round trip gives the very pixels of Pillow's file, and loses more the lower the quality."""
    pixels = smooth()
    buffer = io.BytesIO()
    Image.fromarray(pixels[0]).save(buffer, "JPEG", quality=30, subsampling="4:2:0")
    assert (jpeg(pixels, 30)[0] == np.asarray(Image.open(buffer))).all()
    losses = [np.square(jpeg(pixels, quality).astype(float) - pixels).mean() for quality in (90, 50, 10)]
    assert losses == sorted(losses)


def test_noise_has_its_deviation_and_is_the_images_own() -> None:
    """The noise has mean 0 and the deviation asked for, and an image's does not depend on its neighbours or level."""
    grey = np.full((40, 32, 32, 3), 128, np.uint8)
    drawn = noise(grey, 0.05, ids(40), 7).astype(float) - 128
    assert abs(drawn.mean()) < 0.1
    assert drawn.std() == pytest.approx(255 * 0.05, rel=0.02)
    assert np.corrcoef(drawn[0].ravel(), drawn[1].ravel())[0, 1] < 0.1
    assert (noise(grey[:3], 0.05, ids(40)[5:8], 7) == noise(grey, 0.05, ids(40), 7)[5:8]).all()
    assert (noise(grey, 0.05, ids(40), 8) != noise(grey, 0.05, ids(40), 7)).any()
    twice = noise(grey, 0.1, ids(40), 7).astype(float) - 128
    assert np.abs(twice - 2 * drawn).max() <= 1.5


def test_noise_is_clipped() -> None:
    """Black stays in range, and half of its pixels stay black."""
    black = noise(np.zeros((4, 32, 32, 3), np.uint8), 0.1, ids(4), 0)
    assert 0.4 < (black == 0).mean() < 0.6


def test_noise_needs_an_id_for_every_image() -> None:
    """Ids and images must be as many."""
    with pytest.raises(ValueError, match="2 ids of 3 images"):
        noise(smooth(3), 0.1, ids(2), 0)


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_every_corruption_of_a_study_is_known(corruption: str) -> None:
    """Each gives new pixels of the same shape, changes some, and leaves those it was given as they were."""
    pixels = smooth()
    before = pixels.copy()
    out = corrupt(corruption, {"jpeg": 30, "brightness": 0.5}.get(corruption, 0.5), pixels, ids(3), 0)
    assert out.shape == pixels.shape
    assert out.dtype == np.uint8
    assert (out != pixels).any()
    assert (pixels == before).all()
