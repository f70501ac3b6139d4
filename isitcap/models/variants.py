"""The names of variants and paths, and which belongs to which. Knows nothing of torch.

A *path* is what happens to an image before the classifier sees it; a *variant* is a classifier trained through one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PathName = Literal["none", "augment", "autoencode", "both"]


@dataclass(frozen=True)
class Path:
    """augment? → autoencode? → classify."""

    name: PathName
    augment: bool
    autoencode: bool


@dataclass(frozen=True)
class Variant:
    """A classifier trained through a path of its own; its headline figure is measured through the same path."""

    name: str
    path: Path
    description: str


PATHS: dict[str, Path] = {
    path.name: path
    for path in (
        Path("none", augment=False, autoencode=False),
        Path("augment", augment=True, autoencode=False),
        Path("autoencode", augment=False, autoencode=True),
        Path("both", augment=True, autoencode=True),
    )
}

VARIANTS: dict[str, Variant] = {
    variant.name: variant
    for variant in (
        Variant("baseline", PATHS["none"], "The image as it is."),
        Variant("augment", PATHS["augment"], "Random crop and scale, blur and colour jitter before the classifier."),
        Variant(
            "autoencoder",
            PATHS["autoencode"],
            "The image's reconstruction by a frozen convolutional autoencoder before the classifier.",
        ),
        Variant("both", PATHS["both"], "Augmentation, then the autoencoder, then the classifier."),
    )
}
