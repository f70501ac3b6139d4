"""What files say of themselves."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import pytest
from PIL import Image

from isitcap.data.audit.container import container_facts, has_trailing, name_number, name_pattern, quantisation_name
from isitcap.data.pixels import decode

Save = Callable[..., bytes]
Look = Callable[..., Image.Image]


@pytest.mark.parametrize("quality", [30, 75, 95])
def test_standard_tables_are_named_by_their_quality(picture: Look, saved: Save, quality: int) -> None:
    """Colour and greyscale JPEGs of Pillow have the IJG's tables."""
    for mode, chroma in (("RGB", "4:2:0"), ("L", "grey")):
        data = (
            saved(picture(0).convert(mode), quality=quality, subsampling="4:2:0")
            if mode == "RGB"
            else saved(picture(0).convert(mode), quality=quality)
        )
        facts = container_facts(data, decode(data))
        assert (facts.quantisation, facts.chroma, facts.mode) == (f"q{quality}", chroma, mode)


def test_other_tables_have_names_of_their_own(picture: Look, saved: Save) -> None:
    """Equal tables have equal names, others other ones; a strange chroma table shows beside a standard luma."""
    names = []
    for factor in (2, 3, 2):
        data = saved(picture(0), qtables=[[factor] * 64, [5] * 64])
        names.append(container_facts(data, decode(data)).quantisation)
    assert names[0] == names[2] != names[1]
    assert all(name.startswith("table ") for name in names)
    data = saved(picture(0), quality=75)
    luma = tuple(decode(data).quantization[0])
    assert quantisation_name((luma, (9,) * 64)).startswith("q75, chroma ")


def test_format_size_and_metadata_are_read(picture: Look, saved: Save) -> None:
    """A PNG has no JPEG facts; EXIF, profile and progressive storage are seen."""
    data = saved(picture(0), "PNG")
    facts = container_facts(data, decode(data))
    assert (facts.format, facts.quantisation, facts.chroma, facts.width, facts.bytes) == ("PNG", "", "", 32, len(data))
    exif = Image.Exif()
    exif[0x010F] = "maker"
    data = saved(picture(0), exif=exif, progressive=True, subsampling="4:4:4", icc_profile=b"profile")
    facts = container_facts(data, decode(data))
    assert (facts.exif, facts.icc, facts.progressive, facts.chroma) == (True, True, True, "4:4:4")


def test_names_lose_their_numbers_and_folders() -> None:
    """The pattern is the file's own name without digits, the number its first."""
    assert name_pattern("train/REAL/0012 (3).JPG") == "# (#).jpg"
    assert name_number("train2/REAL/0012 (3).JPG") == 12
    assert name_number("a/b.png") == -1
    assert name_number("9" * 20) == -1


@pytest.mark.parametrize("form", ["JPEG", "PNG", "BMP", "WEBP"])
def test_a_file_behind_an_image_is_seen(picture: Look, saved: Save, form: str) -> None:
    """A zip that hangs behind an image is a fact of the file; the image alone, or zeros behind it, are none."""
    data = saved(picture(3), form)
    hidden = io.BytesIO()
    with zipfile.ZipFile(hidden, "w") as archive:
        archive.writestr("inner.jpg", saved(picture(4)))
    for behind, found in ((b"", False), (bytes(64), False), (hidden.getvalue(), True), (b"x", True)):
        facts = container_facts(data + behind, decode(data + behind))
        assert (facts.format, facts.trailing) == (form, found), behind[:4]


def test_of_other_formats_and_cut_files_nothing_is_said() -> None:
    """No end is known of a TIFF, and one that is not there has nothing behind it."""
    assert not has_trailing(b"II*\0" + b"x" * 99, "TIFF")
    assert not has_trailing(b"\xff\xd8 no end", "JPEG")
    assert not has_trailing(b"\x89PNG no end", "PNG")
