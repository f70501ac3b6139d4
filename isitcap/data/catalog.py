"""The published sets that `isitcap data fetch` knows: where they are, what is taken of them, and their checksums."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from isitcap.data.archives import Archive
from isitcap.data.pixels import BrokenImageError

Origin = Literal["huggingface", "kaggle", "official"]

NOTE = "FETCHED.json"
"""In an archive that was made of a stream: what it is, for the reports."""


@dataclass(frozen=True, slots=True)
class File:
    """A file at a fixed address, with its size in bytes and its MD5 (hexadecimal) as its makers published them."""

    url: str
    bytes: int
    md5: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One published set.

    `tables` are Parquet files in a Hugging Face repository (all under that folder), `stream` a folder there that holds
    one gzip tar, whole or in pieces, of which only a beginning is read.
    """

    name: str
    description: str
    size: str
    repository: str = ""
    tables: str | None = None
    stream: str | None = None
    kaggle: str | None = None
    official: File | None = None

    @property
    def origins(self) -> tuple[Origin, ...]:
        """Where it can be had, the default first."""
        found: list[Origin] = []
        if self.official is not None:
            found.append("official")
        if self.tables is not None or self.stream is not None:
            found.append("huggingface")
        if self.kaggle is not None:
            found.append("kaggle")
        return tuple(found)


_FAKE = "InfImagine/FakeImageDataset"


def _part(name: str, folder: str, description: str, size: str) -> Entry:
    return Entry(name, f"{description} (FakeImageDataset, Lu et al. 2023)", size, _FAKE, stream=f"ImageData/{folder}")


CATALOG: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        Entry(
            "cifake",
            "CIFAKE (Bird & Lotfi 2024): CIFAR-10 photographs and Stable Diffusion 1.4, 120,000 images",
            "100 MB",
            "dragonintelligence/CIFAKE-image-dataset",
            tables="",
            kaggle="birdy654/cifake-real-and-ai-generated-synthetic-images",
        ),
        Entry(
            "tiny-imagenet",
            "Tiny ImageNet: 200 classes of ImageNet at 64 px; the validation images are used",
            "248 MB",
            "zh-plus/tiny-imagenet",
            tables="data",
            official=File(
                "http://cs231n.stanford.edu/tiny-imagenet-200.zip", 248_100_043, "90528d7ca1a48142e341f4ef8d21d0de"
            ),
        ),
        _part(
            "IFv1-CC1M", "train/IFv1-CC1M", "DeepFloyd IF 1.0, 256 px, one of the poster's fakes", "120 GB, a prefix"
        ),
        _part(
            "SDv15R-CC1M",
            "train/SDv15R-CC1M",
            "Stable Diffusion 1.5 (Realistic), 512 px, one of the poster's fakes",
            "480 GB, a prefix",
        ),
        _part("IF-CC95K", "val/IF-CC95K", "DeepFloyd IF 1.0 by four samplers, 256 px", "10 GB, a prefix"),
        _part("SDv15-CC30K", "val/SDv15-CC30K", "Stable Diffusion 1.5, 512 px", "13 GB, a prefix"),
        _part("SDv21-CC15K", "val/SDv21-CC15K", "Stable Diffusion 2.1, 512 px", "7 GB, a prefix"),
        _part("cogview2-22K", "val/cogview2-22K", "CogView2, 480 px, autoregressive", "a prefix"),
        _part("stylegan3-60K", "val/stylegan3-60K", "StyleGAN3, 512 and 1,024 px, a GAN", "a prefix"),
        _part("Midjourneyv5-5K", "val/Midjourneyv5-5K", "Midjourney 5, at least 512 px", "a prefix"),
    )
}


def fetch_note(archive: Archive) -> tuple[str, ...]:
    """What `isitcap data fetch` wrote into an archive about how it was drawn; empty for any other archive."""
    if archive.tabular or NOTE not in archive.members:
        return ()
    try:
        note = json.loads(archive.read(NOTE))["note"]
    except (BrokenImageError, ValueError, KeyError, TypeError, RecursionError):
        return ()
    return (" ".join(note.split())[:500],) if isinstance(note, str) else ()
