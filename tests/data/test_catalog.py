"""The published sets that can be fetched."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest

from isitcap.data.archives import open_archive
from isitcap.data.catalog import CATALOG, NOTE, fetch_note


def test_every_set_can_be_had_somewhere() -> None:
    """Each name is its own key, with a place to get it from and, at a fixed address, a checksum."""
    for name, entry in CATALOG.items():
        assert entry.name == name
        assert entry.origins
        assert entry.description
        if entry.official is not None:
            assert len(bytes.fromhex(entry.official.md5)) == 16


def test_the_posters_sets_are_there() -> None:
    """CIFAKE, Tiny ImageNet, both of the poster's fakes and the six validation sets."""
    assert CATALOG["cifake"].origins == ("huggingface", "kaggle")
    assert CATALOG["tiny-imagenet"].origins == ("official", "huggingface")
    streams = {name for name, entry in CATALOG.items() if entry.stream}
    assert streams == {
        "IFv1-CC1M",
        "SDv15R-CC1M",
        "IF-CC95K",
        "SDv15-CC30K",
        "SDv21-CC15K",
        "cogview2-22K",
        "stylegan3-60K",
        "Midjourneyv5-5K",
    }


@pytest.mark.parametrize(
    ("content", "notes"),
    [
        (json.dumps({"note": "10 of 20\nimages"}), ("10 of 20 images",)),
        (json.dumps({"note": 5}), ()),
        (json.dumps(["note"]), ()),
        ("not JSON", ()),
        (None, ()),
    ],
)
def test_a_note_of_the_fetch_is_found(tmp_path: Path, content: str | None, notes: tuple[str, ...]) -> None:
    """One line of it; a file of that name that is none is not taken for it."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a.jpg", b"x")
        if content is not None:
            archive.writestr(NOTE, content)
    (tmp_path / "set.zip").write_bytes(stream.getvalue())
    with open_archive(tmp_path / "set.zip") as opened:
        assert fetch_note(opened) == notes
