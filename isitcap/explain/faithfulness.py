"""Whether a map ranks pixels by what they do to the logit: deletion and insertion curves (Petsiuk et al., BMVC 2018).

Deletion takes pixels out of the image in the order of falling attribution, insertion puts them into an image of one
colour in the same order; a pixel that is out has the image's own mean colour. Both are done in `STEPS` steps of equal
size, at the point that the map is of: on the image, or on the classifier's input. What is followed is the logit of the
class that the whole image is decided for: +logit where it is called synthetic, -logit where real. A faithful order
makes the curve of deletion fall early, hence its area small, and that of insertion rise early. Logits differ in scale
between classifiers, so an area means something beside that of a random order of the same image alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from isitcap.explain.draws import image_generator
from isitcap.explain.methods import BATCH

STEPS = 16
"""Steps of a curve."""


@dataclass(frozen=True)
class Areas:
    """Areas under the curves over the share of pixels from 0 to 1, each (N,), float64, in logits."""

    deletion: npt.NDArray[np.float64]
    insertion: npt.NDArray[np.float64]


def random_ranks(image_ids: Sequence[str], seed: int, height: int, width: int) -> npt.NDArray[np.int32]:
    """A random order of each image's pixels, (N, height, width), keyed by the study's seed and the image's id."""
    orders = [
        image_generator(seed, "faithfulness", image_id).permutation(height * width).astype(np.int32)
        for image_id in image_ids
    ]
    return np.stack(orders).reshape(-1, height, width)


def ranks(maps: npt.NDArray[np.float32], ties: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Rank of each pixel by falling attribution, (N, H, W): 0 is the most important.

    Args:
        maps: (N, h, w), finite; those on another grid than H × W are brought to it, bilinear.
        ties: (N, H, W), a random order, which decides between equal pixels: the order of the rows would be a shape.
    """
    count, height, width = ties.shape
    if maps.shape != ties.shape:
        grown = functional.interpolate(
            torch.from_numpy(np.ascontiguousarray(maps))[:, None], (height, width), mode="bilinear", align_corners=False
        )
        maps = grown[:, 0].numpy()
    order = np.lexsort((ties.reshape(count, -1), -maps.reshape(count, -1)), axis=1)
    found = np.empty_like(order, dtype=np.int32)
    np.put_along_axis(found, order, np.arange(height * width, dtype=np.int32)[None], axis=1)
    return found.reshape(ties.shape)


@torch.no_grad()
def areas(model: nn.Module, images: torch.Tensor, ranks: npt.NDArray[np.int32]) -> Areas:
    """Areas of deletion and insertion, trapezoidal.

    Args:
        model: from images at their point to logits, (n, 3, H, W) → (n,), in evaluation mode.
        images: (N, 3, H, W), at the attribution point.
        ranks: (N, H, W), see `ranks`.
    """
    pixels = ranks.shape[1] * ranks.shape[2]
    taken = np.rint(np.linspace(0, pixels, STEPS + 1)).astype(np.int32)
    parts: list[npt.NDArray[np.float64]] = []
    for start in range(0, len(images), BATCH):
        whole = images[start : start + BATCH]
        blank = whole.mean(dim=(2, 3), keepdim=True).expand_as(whole)
        place = torch.from_numpy(ranks[start : start + BATCH]).to(images.device)[:, None]
        curves = torch.stack(
            [
                torch.stack([model(torch.where(place < int(n), *pair)).double() for n in taken])
                for pair in ((blank, whole), (whole, blank))
            ]
        )
        # both ends of the second curve are those of the first: the whole image, and the blank one
        decided = torch.where(curves[0, 0] > 0, 1.0, -1.0)
        parts.append((curves * decided).cpu().numpy())
    both = np.concatenate(parts, axis=2)
    found = np.trapezoid(both, taken / pixels, axis=1)
    return Areas(found[0], found[1])
