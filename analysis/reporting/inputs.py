"""What a report draws besides the summary: a few example images and their saliency maps, as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from analysis.errors import InputError

MapKey = tuple[str, str, str]
"""Variant, attribution method, attribution point."""


@dataclass(frozen=True)
class ExampleSet:
    """Example images of one test set, the same for every variant.

    Attributes:
        test_set: Name of the test set, as in the summary.
        pixels: uint8 (E, H, W, 3).
        image_ids: E identifiers, unique.
        labels: E labels, 1 = synthetic.
        sources: E names of sources.
        maps: (variant, method, point) → (E, H, W), each map ≥ 0 and divided by its own maximum. A map that is
            all zero or not finite is shown as excluded.
        logits: Variant → (E,), the decision beside each map (above 0: synthetic); may be empty.
    """

    test_set: str
    pixels: NDArray[np.uint8]
    image_ids: tuple[str, ...]
    labels: tuple[int, ...]
    sources: tuple[str, ...]
    maps: Mapping[MapKey, NDArray[np.floating]]
    logits: Mapping[str, NDArray[np.floating]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse arrays that do not belong together.

        Raises:
            InputError: A shape, type, label or range is not as documented.
        """
        where = f"examples of test set {self.test_set!r}"
        if self.pixels.ndim != 4 or self.pixels.shape[-1] != 3 or self.pixels.dtype != np.uint8:
            found = f"{self.pixels.dtype} {self.pixels.shape}"
            raise InputError(f"{where}: pixels are {found}, expected uint8 (E, H, W, 3)")
        count, height, width, _ = self.pixels.shape
        for name, values in (("image_ids", self.image_ids), ("labels", self.labels), ("sources", self.sources)):
            if len(values) != count:
                raise InputError(f"{where}: {len(values)} {name} for {count} images; give one each")
        if len(set(self.image_ids)) != count:
            raise InputError(f"{where}: an image_id occurs twice; give each image once")
        if wrong := sorted(set(self.labels) - {0, 1}):
            raise InputError(f"{where}: label {wrong[0]!r}, expected 0 (real) or 1 (synthetic)")
        for key, maps in self.maps.items():
            if maps.shape != (count, height, width):
                raise InputError(f"{where}: maps {key} have shape {maps.shape}, expected {(count, height, width)}")
            finite = maps[np.isfinite(maps)]
            # Maps are stored in half precision, so that a maximum may end one step above 1.
            if finite.size and (finite.min() < 0 or finite.max() > 1.001):
                raise InputError(
                    f"{where}: maps {key} range over {finite.min():.4g} … {finite.max():.4g}, expected 0 … 1; "
                    "divide each map by its maximum"
                )
        for variant, logits in self.logits.items():
            if logits.shape != (count,):
                raise InputError(f"{where}: logits of {variant!r} have shape {logits.shape}, expected {(count,)}")


@dataclass(frozen=True)
class MeanMaps:
    """Mean saliency maps of one class of a test set.

    Attributes:
        test_set: Name of the test set, as in the summary.
        label: Class of the images, 1 = synthetic.
        n_seeds: Seeds that the maps are of.
        n_images: Images that the maps are of.
        maps: (variant, method, point) → (H, W), ≥ 0; 1 is the value of a uniform map.
    """

    test_set: str
    label: int
    n_seeds: int
    n_images: int
    maps: Mapping[MapKey, NDArray[np.floating]]

    def __post_init__(self) -> None:
        """Refuse what is no mean map.

        Raises:
            InputError: A label or a value is out of range, or a map is not (H, W).
        """
        where = f"mean maps of test set {self.test_set!r}"
        if self.label not in (0, 1):
            raise InputError(f"{where}: label {self.label!r}, expected 0 (real) or 1 (synthetic)")
        for key, values in self.maps.items():
            if values.ndim != 2 or not np.isfinite(values).all() or (values < 0).any():
                raise InputError(f"{where}: map {key} of shape {values.shape} must be (H, W), finite and not negative")


@dataclass(frozen=True)
class Examples:
    """The example images of all test sets.

    Attributes:
        seed: The one seed whose maps are shown.
        sets: One entry per test set, in the order to print; none at all is allowed.
        rule: One sentence on how the images were picked, printed in the caption.
        means: Mean maps of each class, of all seeds.
    """

    seed: int
    sets: tuple[ExampleSet, ...] = ()
    rule: str = ""
    means: tuple[MeanMaps, ...] = ()
