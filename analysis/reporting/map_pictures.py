"""The maps themselves: as on the poster, laid over their images, and as means of a class."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from analysis.dispersion_points import CLASSIFIER_POINT, IMAGE_POINT
from analysis.map_checks import MAIN_METHOD
from analysis.reporting.blocks import MapGrid, MapRow, MapTable
from analysis.reporting.images import overlay, picture, saliency, scale_bar
from analysis.reporting.inputs import Examples, ExampleSet, MapKey, MeanMaps
from analysis.reporting.lookup import Lookup
from analysis.reporting.quantities import fixed, where_label

OTHERS_SHOWN = 2
"""Images of a test set whose maps by other methods than the first are shown, so that a page stays small."""

OVERLAID = 6
"""Images of a test set that maps are laid over."""

TOP = 0.99
"""Share of a row's pixels below the light end of its scale: one bright pixel must not darken the rest."""

Where = tuple[str, str]


def figure_maps(lookup: Lookup, examples: Examples, *, first: bool = False) -> list[MapGrid]:
    """Example maps, one grid for each test set, in it a table for each method and attribution point.

    `first` leaves out all tables but the first, as on the poster.
    """
    out: list[MapGrid] = []
    for example_set in examples.sets:
        count = len(example_set.image_ids)
        wheres = _wheres(example_set)
        main = [where for where in wheres if where[0] == wheres[0][0]]
        tables = []
        for where in wheres[:1] if first else wheres:
            shown = _columns(lookup, example_set, [where] if first else wheres, where[0])
            positions = range(count) if where in main else _spread(example_set, OTHERS_SHOWN)
            rows = tuple(_map_row(example_set, position, shown, where) for position in positions)
            tables.append(MapTable(where_label(".".join(where)), shown, rows))
        if not (count and tables):
            continue
        caption = " ".join(
            part
            for part in (
                (
                    f"{count} images of {example_set.test_set} and their saliency maps under each variant, each along "
                    f"its own path; the same images for all. One seed ({examples.seed}), n = {count} images; no "
                    "intervals."
                ),
                "Each map is divided by its own maximum, so that brightness compares places within a map, not maps.",
                "A variant without preprocessing has one map, which stands at both points."
                if any(
                    (name, *where) not in example_set.maps
                    for where, table in zip(wheres, tables, strict=False)
                    for name in table.variants
                )
                else "",
                examples.rule,
                "All methods and attribution points stand in the report on dispersion."
                if first and len(wheres) > 1
                else "",
                f"Of the other methods, {OTHERS_SHOWN} of the images."
                if not first and len(wheres) > len(main) and count > OTHERS_SHOWN
                else "",
                "Beneath a map: the logit; above 0 means synthetic." if example_set.logits else "",
            )
            if part
        )
        grid_id = f"figure-maps-{len(out) + 1}"
        out.append(MapGrid(grid_id, f"Example maps: {example_set.test_set}", tuple(tables), scale_bar(), (caption,)))
    return out


def _wheres(example_set: ExampleSet) -> list[Where]:
    """Methods and points, the main method and the image first."""
    return _ordered(example_set.maps)


def _ordered(keys: Iterable[MapKey]) -> list[Where]:
    """Places of maps; where variants with one at the classifier's input have none at the image, the image is left out.

    So it is with Grad-CAM, which has one map for both points.
    """
    found: dict[Where, set[str]] = {}
    for variant, method, point in keys:
        found.setdefault((method, point), set()).add(variant)
    kept = [
        where
        for where, variants in found.items()
        if where[1] != IMAGE_POINT
        or (behind := found.get((where[0], CLASSIFIER_POINT), set())) == set()
        or behind & variants
    ]
    main = _main([where[0] for where in kept]) if kept else ""
    methods = list(dict.fromkeys(where[0] for where in kept))
    return sorted(kept, key=lambda where: (where[0] != main, methods.index(where[0]), where[1] != IMAGE_POINT))


def _columns(lookup: Lookup, example_set: ExampleSet, wheres: Sequence[Where], method: str) -> tuple[str, ...]:
    """The variants with a map by a method at any of its points: tables side by side have the same columns."""
    own = [where for where in wheres if where[0] == method]
    return tuple(
        name for name in lookup.variants if any(_standing(example_set.maps, name, where) is not None for where in own)
    )


def _spread(example_set: ExampleSet, most: int) -> list[int]:
    """Positions of at most `most` images, evenly spaced, so that both classes are among them."""
    count = len(example_set.image_ids)
    return sorted({int(position) for position in np.linspace(0, count - 1, min(count, most))}) if count else []


def _map_row(example_set: ExampleSet, position: int, variants: Sequence[str], where: Where) -> MapRow:
    maps = []
    for variant in variants:
        logits = example_set.logits.get(variant)
        beneath = "" if logits is None else fixed(float(logits[position]), 1)
        held = _standing(example_set.maps, variant, where)
        maps.append((None if held is None else saliency(held[position]), beneath))
    return MapRow(
        picture(example_set.pixels[position]),
        example_set.image_ids[position],
        example_set.sources[position],
        _truth(example_set.labels[position]),
        tuple(maps),
    )


def _truth(label: int) -> str:
    return "synthetic" if label else "real"


def figure_overlays(lookup: Lookup, examples: Examples) -> list[MapGrid]:
    """The first method's maps laid over their images, all of a row on one scale: dispersion can be seen."""
    out: list[MapGrid] = []
    for example_set in examples.sets:
        wheres = _wheres(example_set)
        positions = _spread(example_set, OVERLAID)
        tables = []
        for where in [each for each in wheres if each[0] == wheres[0][0]]:
            shown = _columns(lookup, example_set, wheres, where[0])
            rows = tuple(_overlay_row(example_set, position, shown, where) for position in positions)
            tables.append(MapTable(where_label(".".join(where)), shown, rows, what="Overlay"))
        if not (positions and tables):
            continue
        caption = (
            "The image in grey, and over it the share of each pixel in the map’s total, in multiples of the uniform "
            f"map’s. All maps of a row have one scale: light is the {TOP * 100:g}th percentile of the row’s pixels "
            "(written beneath the image) or more. So brightness compares maps: a dispersed map is evenly dim, a "
            f"concentrated one has few bright spots. One seed ({examples.seed}), n = {len(positions)} images of "
            f"{example_set.test_set}; no intervals."
        )
        grid_id = f"figure-overlays-{len(out) + 1}"
        title = f"Maps over their images: {example_set.test_set}"
        out.append(
            MapGrid(grid_id, title, tuple(tables), scale_bar(), (caption,), ends=("0", "top of the row’s scale"))
        )
    return out


def _overlay_row(example_set: ExampleSet, position: int, variants: Sequence[str], where: Where) -> MapRow:
    held = [_standing(example_set.maps, variant, where) for variant in variants]
    shares = [None if maps is None else _shares(maps[position]) for maps in held]
    top = _top(shares)
    pixels = example_set.pixels[position]
    maps = tuple((None if each is None else overlay(pixels, np.minimum(each / top, 1.0)), "") for each in shares)
    truth = f"{_truth(example_set.labels[position])}, scale to {fixed(top, 1)}"
    return MapRow(picture(pixels), example_set.image_ids[position], example_set.sources[position], truth, maps)


def _standing(maps: Mapping[MapKey, NDArray[np.floating]], variant: str, where: Where) -> NDArray[np.floating] | None:
    """A variant's maps; at the classifier's input those at the image, where nothing stands before its classifier."""
    own = maps.get((variant, *where))
    return maps.get((variant, where[0], IMAGE_POINT)) if own is None and where[1] == CLASSIFIER_POINT else own


def _shares(values: NDArray[np.floating]) -> NDArray[np.float64] | None:
    """A map in multiples of the uniform map's value; None if it is all zero or not finite."""
    wide = np.asarray(values, dtype=np.float64)
    total = float(wide.sum())
    return wide / total * wide.size if np.isfinite(total) and total > 0 else None


def _top(shares: Iterable[NDArray[np.float64] | None]) -> float:
    known = [each.ravel() for each in shares if each is not None]
    return float(np.quantile(np.concatenate(known), TOP)) or 1.0 if known else 1.0


def figure_means(lookup: Lookup, examples: Examples) -> list[MapGrid]:
    """Mean maps of each class by the first method, all of a row on one scale."""
    out: list[MapGrid] = []
    for test_set in (card.name for card in lookup.quoted):
        classes = sorted((each for each in examples.means if each.test_set == test_set), key=lambda each: each.label)
        wheres = _ordered(key for each in classes for key in each.maps)
        if not wheres:
            continue
        tables = []
        own = [each for each in wheres if each[0] == wheres[0][0]]
        shown = tuple(
            name
            for name in lookup.variants
            if any(_standing(each.maps, name, where) is not None for each in classes for where in own)
        )
        for where in own:
            rows = tuple(_mean_row(each, shown, where) for each in classes)
            tables.append(MapTable(where_label(".".join(where)), shown, rows, what="Mean map"))
        sizes = ", ".join(f"{each.n_images} {_truth(each.label)}" for each in classes)
        seeds = max(each.n_seeds for each in classes)
        caption = (
            "Where attribution lies on average: every stored map, in multiples of the uniform map’s value, averaged "
            "over seeds and images. All maps of a row have one scale from 0 to the row’s largest value, written "
            "at its head: even colour is attribution that has no place. "
            f"n = {seeds} seeds × {sizes} images of {test_set}; no intervals."
        )
        grid_id = f"figure-means-{len(out) + 1}"
        title = f"Mean maps of each class: {test_set}"
        out.append(MapGrid(grid_id, title, tuple(tables), scale_bar(), (caption,), ends=("0", "largest of the row")))
    return out


def _main(methods: Sequence[str]) -> str:
    return MAIN_METHOD if MAIN_METHOD in methods else methods[0]


def _mean_row(means: MeanMaps, variants: Sequence[str], where: Where) -> MapRow:
    held = [_standing(means.maps, variant, where) for variant in variants]
    top = max((float(each.max()) for each in held if each is not None), default=1.0) or 1.0
    maps = tuple(
        (None, "") if each is None else (saliency(each / top), f"≤ {fixed(float(each.max()), 1)}") for each in held
    )
    truth = f"scale to {fixed(top, 1)}"
    return MapRow(None, f"{_truth(means.label)} images", f"{_truth(means.label)} images", truth, maps)
