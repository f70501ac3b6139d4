"""Real patches for the demonstration, from photographs inside the scikit-image and scikit-learn wheels (no download).

| photograph | of | rights |
|---|---|---|
| astronaut | Eileen Collins, NASA | public domain |
| coffee | Rachel Michetti, courtesy of Pikolo Espresso Bar | CC0 |
| rocket | SpaceX, launch of DSCOVR | public domain |
| retina | Mikael Häggström, fundus of a left eye | CC0 |
| ihc | Center for Microscopy and Molecular Imaging, colonic glands | no known restrictions |
| flower | vultilion (flickr.com/photos/vultilion/6056698931) | CC BY 2.0 |
| china | danielbuechele (flickr.com/photos/danielbuechele/6061409035) | CC BY 2.0 |
| chelsea | Stéfan van der Walt | CC0 |
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from isitcap.errors import UserError

SIZE = 32
"""Side of a patch, pixels."""

Region = Literal["train", "test", "all"]
FILES = {
    "astronaut": "skimage/data/astronaut.png",
    "coffee": "skimage/data/coffee.png",
    "rocket": "skimage/data/rocket.jpg",
    "retina": "skimage/data/retina.jpg",
    "ihc": "skimage/data/ihc.png",
    "flower": "sklearn/datasets/images/flower.jpg",
    "china": "sklearn/datasets/images/china.jpg",
    "chelsea": "skimage/data/chelsea.png",
}
TRAINING = ("astronaut", "coffee", "rocket", "retina", "ihc", "flower")
OTHER = ("china", "chelsea")

_BORDER = 0.65  # the training region is the left part of this width, the test region the rest
_SMALLEST, _LARGEST = 40, 220  # side of a crop, in pixels of the photograph
_GAIN, _SPREAD = 4.0, 220.0  # largest factor, and the grey levels between the 1st and 99th percentile after it
_FLAT = 5.0  # grey levels of fine detail: below it a patch (empty sky, dark corner) shows nothing


def load(name: str) -> Image.Image:
    """One photograph, RGB, as its wheel ships it.

    Raises:
        UserError: the wheel is not installed, or no longer ships it.
    """
    package, _, inside = FILES[name].partition("/")
    found = find_spec(package)  # where it lies, without the second that importing it takes
    places = [] if found is None else list(found.submodule_search_locations or [])
    for place in places:
        path = Path(place) / inside
        if path.is_file():
            with Image.open(path) as image:
                return image.convert("RGB")
    raise UserError(
        f"the demonstration needs the photograph {FILES[name]} of scikit-image and scikit-learn, which is not "
        "installed; install isitcap[train]"
    )


def patches(
    names: Sequence[str], region: Region, n: int, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], list[str]]:
    """Draw `n` patches in equal shares from the photographs `names`: pixels (n, 32, 32, 3), and each one's photograph.

    A patch is a square crop of 40 to 220 pixels (log-uniform), averaged down by area and flipped at random. Its
    brightness is stretched, all channels alike and at most fourfold, or the contrast of each photograph would tell it
    from the others. The regions `train` (left) and `test` (right) of a photograph share no pixel.
    """
    pixels = np.empty((n, SIZE, SIZE, 3), dtype=np.uint8)
    origin = [names[i * len(names) // n] for i in range(n)]
    loaded = {name: load(name) for name in names}
    for i, name in enumerate(origin):
        photograph = loaded[name]
        width, height = photograph.size
        border = round(width * _BORDER)
        left, right = {"train": (0, border), "test": (border, width), "all": (0, width)}[region]
        while True:
            side = round(float(np.exp(rng.uniform(np.log(_SMALLEST), np.log(min(_LARGEST, right - left, height))))))
            x = int(rng.integers(left, right - side + 1))
            y = int(rng.integers(0, height - side + 1))
            crop = photograph.crop((x, y, x + side, y + side))  # first, or the filter would read beyond the region
            patch = np.asarray(crop.resize((SIZE, SIZE), Image.Resampling.BOX))
            if _detail(patch) >= _FLAT:
                break
        patch = _stretched(patch)
        pixels[i] = patch[:, ::-1] if rng.random() < 0.5 else patch
    return pixels, origin


def _stretched(patch: NDArray[np.uint8]) -> NDArray[np.uint8]:
    low, high = np.percentile(patch.mean(axis=2), (1, 99))
    gain = min(_GAIN, _SPREAD / max(1.0, high - low))
    levels = (patch - (low + high) / 2) * gain + 127.5
    return np.asarray(np.clip(np.round(levels), 0, 255), dtype=np.uint8)


def _detail(patch: NDArray[np.uint8]) -> float:
    """Standard deviation of what squares of 4 × 4 pixels do not hold, grey levels."""
    grey = patch.mean(axis=2).reshape(SIZE // 4, 4, SIZE // 4, 4)
    return float((grey - grey.mean(axis=(1, 3), keepdims=True)).std())
