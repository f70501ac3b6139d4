"""The names of variants and paths, and which belongs to which. Knows nothing of torch.

A *path* is what happens to an image before the classifier sees it; a *variant* is a classifier trained through one.
The poster has four variants. Two more are controls: in place of the autoencoder they lose as much of the image as it
does, by a blur and by a JPEG round trip of equal PSNR. `mix` uses the autoencoder the other way round: not before the
classifier, but to make training images (Stanciu & Ionescu 2023).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

PathName = Literal["none", "augment", "autoencode", "both", "blur", "jpeg"]
Preprocess = Literal["none", "autoencoder", "blur", "jpeg"]
PointName = Literal["image", "classifier_input"]


@dataclass(frozen=True)
class Path:
    """augment? → preprocess? → classify."""

    name: PathName
    augment: bool
    preprocess: Preprocess

    @property
    def autoencode(self) -> bool:
        """Whether the preprocessing is the autoencoder."""
        return self.preprocess == "autoencoder"

    @property
    def plain(self) -> Path:
        """The path without its augmentation; itself where it has none."""
        if not self.augment:
            return self
        (found,) = (p for p in PATHS.values() if not p.augment and p.preprocess == self.preprocess)
        return found

    @property
    def points(self) -> tuple[PointName, ...]:
        """The attribution points of a classifier behind this path.

        Without preprocessing there is one, since the image is the classifier's input. Behind a JPEG round trip there
        is no gradient at the image: rounding coefficients makes the logit a step function of the pixels, whose
        derivative is zero almost everywhere.
        """
        if self.preprocess == "none":
            return ("image",)
        return ("classifier_input",) if self.preprocess == "jpeg" else ("image", "classifier_input")


@dataclass(frozen=True)
class Variant:
    """A classifier trained through a path of its own; its headline figure is measured through the same path."""

    name: str
    path: Path
    description: str
    mixes: bool = False
    """Whether a share of its training images is replaced by reconstructions, drawn anew each time one is used."""

    @property
    def own_paths(self) -> tuple[Path, ...]:
        """Its own path, and the same without augmentation: random crops of test images spoil them, too."""
        return tuple(dict.fromkeys((self.path, self.path.plain)))

    @property
    def points(self) -> tuple[PointName, ...]:
        """Its attribution points, see `Path.points`."""
        return self.path.points

    def points_of(self, asked: Sequence[PointName]) -> tuple[PointName, ...]:
        """Which of the points asked for it has, in their order; where both are the same, its one stands for either."""
        if self.path.preprocess == "none":
            return self.points
        return tuple(point for point in asked if point in self.points)


PATHS: dict[str, Path] = {
    path.name: path
    for path in (
        Path("none", augment=False, preprocess="none"),
        Path("augment", augment=True, preprocess="none"),
        Path("autoencode", augment=False, preprocess="autoencoder"),
        Path("both", augment=True, preprocess="autoencoder"),
        Path("blur", augment=False, preprocess="blur"),
        Path("jpeg", augment=False, preprocess="jpeg"),
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
        Variant(
            "blur",
            PATHS["blur"],
            "Control: in place of the autoencoder a Gaussian blur with the PSNR of the seed's autoencoder.",
        ),
        Variant(
            "jpeg",
            PATHS["jpeg"],
            "Control: in place of the autoencoder a JPEG round trip with the PSNR nearest to that of the seed's "
            "autoencoder. It has no gradient, so that its maps exist at the classifier's input alone.",
        ),
        Variant(
            "mix",
            PATHS["none"],
            "The image as it is; in training, images are at random replaced by the autoencoder's reconstruction.",
            mixes=True,
        ),
    )
}

CONTROLS: tuple[Preprocess, ...] = ("blur", "jpeg")
"""Preprocessing that is fitted to the quality of the seed's autoencoder."""

POSTER_PATHS = ("none", "augment", "autoencode", "both")
"""Paths that every study is tested through, whatever its variants."""


def paths_of(variants: Iterable[str]) -> tuple[Path, ...]:
    """The paths that a study's images are tested through: the poster's four, and those of its own variants."""
    own = {VARIANTS[variant].path.name for variant in variants}
    return tuple(path for path in PATHS.values() if path.name in POSTER_PATHS or path.name in own)


def controls_of(variants: Iterable[str]) -> tuple[Preprocess, ...]:
    """The controls that a study's variants need."""
    return tuple(dict.fromkeys(path.preprocess for path in paths_of(variants) if path.preprocess in CONTROLS))
