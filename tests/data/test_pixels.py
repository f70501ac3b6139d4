"""Decoding, the one resize, and the JPEG round trip."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFile, JpegImagePlugin

from isitcap.data.pixels import KERNELS, MAX_PIXELS, MAX_SIDE, BrokenImageError, decode, decoding, fit, reencode, to_rgb


def picture(width: int = 32, height: int = 32, seed: int = 0) -> Image.Image:
    samples = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(samples)


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=form, **options)
    return buffer.getvalue()


def declared_png(width: int, height: int) -> bytes:
    """A PNG of a few hundred bytes that declares width × height pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def test_kernels_are_pillows_own() -> None:
    """Every kernel of a study is the Pillow filter of that name."""
    assert {name: kernel.name.lower() for name, kernel in KERNELS.items()} == {name: name for name in KERNELS}
    assert set(KERNELS) == {"nearest", "box", "bilinear", "bicubic", "lanczos"}


@pytest.mark.parametrize("kernel", KERNELS)
def test_an_image_of_the_right_size_keeps_its_pixels(kernel: str) -> None:
    """No kernel touches an image that is size × size already."""
    image = picture()
    assert fit(image, 32, kernel).tobytes() == image.tobytes()  # type: ignore[arg-type]


def test_shrinking_by_two_with_box_is_the_mean_of_four_pixels() -> None:
    """The box kernel at half the size averages squares of 2 × 2 pixels."""
    image = picture(64, 64)
    means = np.asarray(image, dtype=float).reshape(32, 2, 32, 2, 3).mean(axis=(1, 3))
    assert (
        np.abs(np.asarray(fit(image, 32, "box"), dtype=float) - means).max() <= 1
    )  # Pillow rounds after each of two passes


def test_bilinear_is_antialiased_and_nearest_is_not() -> None:
    """A fine checkerboard turns grey under bilinear and stays black and white under nearest."""
    board = Image.fromarray(np.where(np.indices((64, 64)).sum(axis=0) % 2, 255, 0).astype(np.uint8))
    assert np.asarray(fit(board, 32, "bilinear"))[4:-4, 4:-4].std() < 8
    assert set(np.unique(np.asarray(fit(board, 32, "nearest")))) <= {0, 255}


def test_the_centre_square_is_cut_out() -> None:
    """A wide image loses its sides, a high one its top and bottom, before the resize."""
    wide = np.zeros((32, 96, 3), dtype=np.uint8)
    wide[:, 32:64] = 200
    assert (np.asarray(fit(Image.fromarray(wide), 32, "lanczos")) == 200).all()
    high = Image.fromarray(wide.transpose(1, 0, 2))
    assert (np.asarray(fit(high, 16, "lanczos")) == 200).all()


@given(
    width=st.integers(1, 90), height=st.integers(1, 90), size=st.integers(8, 64), kernel=st.sampled_from(list(KERNELS))
)
def test_any_image_becomes_size_by_size_rgb(width: int, height: int, size: int, kernel: str) -> None:
    """Whatever its shape, an image leaves as size × size RGB."""
    result = fit(picture(width, height), size, kernel)  # type: ignore[arg-type]
    assert (result.size, result.mode) == ((size, size), "RGB")


def test_transparency_is_composited_on_white() -> None:
    """A fully transparent pixel becomes white, whatever colour hides under it."""
    for image in (Image.new("RGBA", (8, 8), (200, 0, 0, 0)), Image.new("LA", (8, 8), (0, 0))):
        assert np.asarray(to_rgb(decode(saved(image, "PNG")))).min() == 255


def test_a_transparent_palette_is_composited_on_white() -> None:
    """A palette's transparent entry becomes white, its other entries are looked up."""
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    with decoding():
        result = to_rgb(decode(saved(image, "PNG", transparency=0)))
    assert [result.getpixel((x, 0)) for x in (0, 1)] == [(255, 255, 255), (40, 50, 60)]


def test_greyscale_is_repeated_over_the_channels() -> None:
    """A grey value stands in all three channels."""
    assert to_rgb(Image.new("L", (4, 4), 77)).getpixel((0, 0)) == (77, 77, 77)


@pytest.mark.parametrize(("value", "level"), [(0, 0), (257, 1), (32896, 128), (65535, 255)])
def test_sixteen_bit_greyscale_keeps_its_range(value: int, level: int) -> None:
    """16-bit samples are divided by 257, not cut off at 255."""
    image = Image.fromarray(np.full((4, 4), value, dtype=np.uint16))
    assert to_rgb(decode(saved(image, "PNG"))).getpixel((0, 0)) == (level, level, level)


def test_floating_point_samples_are_broken() -> None:
    """The range of floating-point samples is not known, so they are no image."""
    with pytest.raises(BrokenImageError, match="floating-point"):
        to_rgb(Image.fromarray(np.zeros((4, 4), dtype=np.float32)))


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_exif_orientation_is_applied(form: str) -> None:
    """An image whose metadata says "turn me" stands upright afterwards."""
    half = np.zeros((16, 16, 3), dtype=np.uint8)
    half[:8] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise by a quarter to see it upright
    result = np.asarray(to_rgb(decode(saved(Image.fromarray(half), form, exif=exif))))
    assert result[:, 8:].mean() > 250
    assert result[:, :8].mean() < 5


def test_broken_exif_leaves_the_image_as_stored() -> None:
    """Unreadable metadata does not break an image whose pixels are whole."""
    image = picture()
    with decoding():
        result = to_rgb(decode(saved(image, "PNG", exif=b"Exif\0\0not really")))
    assert result.tobytes() == image.tobytes()


@pytest.mark.parametrize("fraction", [0.3, 0.6, 0.95])
@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_a_truncated_file_is_broken(form: str, fraction: float) -> None:
    """A file that ends early is broken, however much of it would decode."""
    data = saved(picture(64, 64), form)
    with pytest.raises(BrokenImageError):
        decode(data[: int(len(data) * fraction)])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"PK\x03\x04 a zip, not an image", "not an image"),
        (b"<script>alert(1)</script>", "not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image"),
        (b"\xff\xd8\xff\xe0 JPEG in its first bytes alone", "[a-z]"),
    ],
)
def test_what_is_no_image_is_broken(data: bytes, reason: str) -> None:
    """Bytes that are no raster image are broken with a reason on one line."""
    with pytest.raises(BrokenImageError, match=reason) as error:
        decode(data)
    assert "\n" not in str(error.value)


def test_an_image_with_another_file_behind_it_is_the_image() -> None:
    """A polyglot (JPEG and zip in one file) is read as the JPEG it is, and nothing else of it."""
    image = saved(picture(), "JPEG")
    assert decode(image + b"PK\x03\x04" + b"evil" * 100).tobytes() == decode(image).tobytes()


@pytest.mark.parametrize(("width", "height"), [(100_000, 100_000), (100_000, 1_000), (7_072, 7_072)])
def test_a_decompression_bomb_is_broken_before_it_unfolds(width: int, height: int) -> None:
    """A small file that declares more than `MAX_PIXELS` is refused by its header."""
    assert width * height > MAX_PIXELS
    with decoding(), pytest.raises(BrokenImageError, match="pixels"):
        decode(declared_png(width, height))


def test_a_side_that_is_too_long_is_broken() -> None:
    """A strip of 100,000 × 4 pixels is few of them, and its centre square would show next to nothing of it."""
    for width, height in ((100_000, 4), (4, MAX_SIDE + 1)):
        with decoding(), pytest.raises(BrokenImageError, match=r"at most 32,768 on a side are decoded"):
            decode(declared_png(width, height))
    assert decode(saved(picture(MAX_SIDE, 1), "PNG")).size == (MAX_SIDE, 1)


@given(data=st.binary(max_size=200), cut=st.integers(0, 800))
def test_no_damage_escapes_as_another_error(data: bytes, cut: int) -> None:
    """A JPEG with bytes overwritten anywhere decodes or is broken; nothing else happens."""
    whole = saved(picture(), "JPEG")
    damaged = whole[:cut] + data + whole[cut + len(data) :]
    with decoding():
        try:
            outcome: object = fit(decode(damaged), 32, "bilinear").size
        except BrokenImageError as error:
            outcome = str(error)
    assert outcome == (32, 32) or (isinstance(outcome, str) and outcome and "\n" not in outcome)


def test_reencoding_is_jpeg_of_quality_75_with_halved_chroma() -> None:
    """The round trip equals Pillow's own JPEG file of quality 75 with 4:2:0 chroma."""
    image = picture()
    expected = decode(saved(image, "JPEG", quality=75, subsampling=2))
    assert reencode(image).tobytes() == expected.tobytes()
    assert JpegImagePlugin.get_sampling(expected) == 2
    assert reencode(image).tobytes() != image.tobytes()


def test_a_truncated_file_is_broken_whatever_another_library_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """WeasyPrint lets Pillow fill up truncated images everywhere; `decode` does not, and leaves the setting alone."""
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    stream = io.BytesIO()
    Image.effect_noise((64, 64), 50).save(stream, "PNG")
    with pytest.raises(BrokenImageError):
        decode(stream.getvalue()[:-2000])
    assert ImageFile.LOAD_TRUNCATED_IMAGES
