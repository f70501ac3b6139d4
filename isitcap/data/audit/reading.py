"""One pass over a source: every file opened once, and of each image its facts, figures, hash and thumbnail kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import PIL.Image

from isitcap.data.audit.container import ContainerFacts, container_facts, name_number, name_pattern
from isitcap.data.audit.figures import FIGURES, Floats, colour_and_sharpness, spectrum
from isitcap.data.audit.hashes import Hashes, Thumbnails, hash_input, perceptual_hashes
from isitcap.data.audit.hashes import thumbnails as thumbnails_of
from isitcap.data.demo import prepare_embedded
from isitcap.data.packs import check_broken, items_used
from isitcap.data.pixels import KERNELS, BrokenImageError, decode, decoding, fit, is_grey, reencode, to_rgb
from isitcap.data.sampling import draw, generator
from isitcap.data.sources import Item, open_source, utf8
from isitcap.progress import each
from isitcap.study.models import Image, Source

PROBE_IMAGES = 2000
"""Images of a source and label that go through every pipeline, at most."""

_CHUNK = 512

COLUMNS = ("image_id", "source", "part", "group", "label", "sha256", "position", "pattern", "number")
"""Columns of `Images.frame` that every image has; those of `ContainerFacts`, `grey` and `FIGURES` follow."""


@dataclass(frozen=True)
class Place:
    """A source with the place of its files; none for an embedded set."""

    name: str
    source: Source
    location: Path | None


@dataclass(frozen=True)
class Pipeline:
    """How an image became the pixels that a classifier sees: the kernel of its resize, and whether a JPEG followed."""

    kernel: str
    reencoded: bool

    @property
    def name(self) -> str:
        """`bilinear+jpeg75`, as in the names of test sets."""
        return self.kernel + ("+jpeg75" if self.reencoded else "")


@dataclass(frozen=True)
class Probe:
    """A sample of one source's images of a label through several pipelines: spectra (P, n, bins), the images' ids."""

    pipelines: tuple[Pipeline, ...]
    spectra: Floats = field(repr=False)
    image_ids: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True)
class Images:
    """All that is kept of N images: a frame with a row for each, its hash (N,) and its thumbnail (N, 256).

    Figures are of the pixels that a classifier would see; the hash is of the whole original. `broken` holds id and
    reason of what could not be read, `probes` a sample of each source's real images, `synthetic_probes` of the others.
    """

    frame: pd.DataFrame = field(repr=False)
    hashes: Hashes = field(repr=False)
    thumbnails: Thumbnails = field(repr=False)
    broken: tuple[tuple[str, str], ...]
    probes: dict[str, Probe] = field(repr=False)
    synthetic_probes: dict[str, Probe] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.frame)


def read_places(places: Iterable[Place], image: Image, *, seed: int, cache: Path, show: bool = True) -> Images:
    """Read every source, one after the other.

    Args:
        places: Sources with different names.
        image: Size, kernel and re-encoding of what a classifier would see; a source's own `reencode` goes first.
        seed: Of the draw where a source has a `limit`, and of the samples for probes.
        cache: Where the pack of an embedded set is kept.
        show: Whether a bar is shown.

    Raises:
        UserError: a source that cannot be read, or has too many broken images.
    """
    parts = [
        _read_embedded(place, image, seed, cache, show)
        if place.location is None
        else _read_files(place, image, seed, show)
        for place in places
    ]
    frame = pd.concat([part.frame for part in parts], ignore_index=True)
    return Images(
        frame,
        np.concatenate([part.hashes for part in parts]),
        np.concatenate([part.thumbnails for part in parts]),
        tuple(pair for part in parts for pair in part.broken),
        {name: probe for part in parts for name, probe in part.probes.items()},
        {name: probe for part in parts for name, probe in part.synthetic_probes.items()},
    )


def _read_files(place: Place, image: Image, seed: int, show: bool) -> Images:
    assert place.location is not None
    source = place.source
    jpeg = image.reencode if source.reencode is None else source.reencode
    broken: list[tuple[str, str]] = []
    with open_source(source, place.location) as archive:
        items = items_used(place.name, source, archive, seed)
        pipelines = _pipelines(image, source)
        sampled = _sample(items, seed)
        table = _Table(place.name, pipelines)
        stream = archive.stream([item.member for item in items])
        with decoding():
            for (position, data), _ in zip(
                stream, each(items, f"{place.name} (audit)", "images", show=show), strict=True
            ):
                item = items[position]
                try:
                    if isinstance(data, BrokenImageError):
                        raise data
                    picture = decode(data)
                    rgb = to_rgb(picture)
                except BrokenImageError as error:
                    broken.append((item.image_id, str(error)))
                    continue
                facts = container_facts(data, picture)
                seen = fit(picture, image.size, image.kernel)
                seen = reencode(seen) if jpeg else seen
                table.add(item, position, hashlib.sha256(data).hexdigest(), facts, np.asarray(seen), hash_input(rgb))
                if position in sampled:
                    table.probe(item, [_through(rgb, image.size, pipeline) for pipeline in pipelines])
    check_broken(place.name, broken, len(items), source.max_broken)
    return table.finish(broken)


def _read_embedded(place: Place, image: Image, seed: int, cache: Path, show: bool) -> Images:
    pack = prepare_embedded(place.name, place.source, image, seed=seed, cache=cache, progress=show)
    pipelines = (Pipeline(image.kernel, pack.reencoded),)
    members = [image_id.removeprefix(f"{place.name}/") for image_id in pack.index["image_id"]]
    columns = (pack.index[name].tolist() for name in ("image_id", "part", "group", "label"))
    items = [
        Item(i, m, p, g, int(label)) for m, (i, p, g, label) in zip(members, zip(*columns, strict=True), strict=True)
    ]
    sampled = _sample(items, seed)
    table = _Table(place.name, pipelines)
    for position, (item, sha256) in enumerate(zip(items, pack.index["sha256"], strict=True)):
        pixels = np.asarray(pack.pixels[position])
        # No file, so no container: what the formats would say is empty.
        facts = ContainerFacts(0, "", "RGB", pack.size, pack.size, "", "", progressive=False, exif=False, icc=False)
        table.add(item, position, sha256, facts, pixels, hash_input(PIL.Image.fromarray(pixels)))
        if position in sampled:
            table.probe(item, [pixels])
    return table.finish([])


def _pipelines(image: Image, source: Source) -> tuple[Pipeline, ...]:
    """All kernels with and without a JPEG, the study's own first; a source that fixes its re-encoding keeps to it."""
    own = Pipeline(image.kernel, image.reencode if source.reencode is None else source.reencode)
    choices = (True, False) if source.reencode is None else (source.reencode,)
    return tuple(dict.fromkeys((own, *(Pipeline(kernel, jpeg) for jpeg in choices for kernel in KERNELS))))


def _through(rgb: PIL.Image.Image, size: int, pipeline: Pipeline) -> npt.NDArray[np.uint8]:
    kernel = next(name for name in KERNELS if name == pipeline.kernel)
    seen = fit(rgb, size, kernel)
    return np.asarray(reencode(seen) if pipeline.reencoded else seen)


def _sample(items: list[Item], seed: int) -> frozenset[int]:
    """Positions of the images of each label that are drawn for the probes."""
    found: set[int] = set()
    for label, purpose in ((0, "audit.probe"), (1, "audit.probe synthetic")):
        mine = np.array([position for position, item in enumerate(items) if item.label == label], dtype=np.int64)
        chosen = [items[position] for position in mine]
        rows = draw(generator(seed, purpose), [i.part for i in chosen], [i.group for i in chosen], PROBE_IMAGES)
        found |= set(mine[rows].tolist())
    return frozenset(found)


class _Probing:
    """Spectra of a sample of one label's images through every pipeline, measured in chunks."""

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._waiting: list[list[npt.NDArray[np.uint8]]] = []
        self._spectra: list[Floats] = []

    def add(self, image_id: str, pixels: list[npt.NDArray[np.uint8]]) -> None:
        self._ids.append(image_id)
        self._waiting.append(pixels)
        if len(self._waiting) >= _CHUNK:
            self._measure()

    def finish(self, pipelines: tuple[Pipeline, ...]) -> Probe | None:
        """None where there was no image."""
        self._measure()
        if not self._spectra:
            return None
        return Probe(pipelines, np.concatenate(self._spectra, axis=1), tuple(self._ids))

    def _measure(self) -> None:
        if not self._waiting:
            return
        through = zip(*self._waiting, strict=True)
        self._spectra.append(np.stack([spectrum(np.stack(pixels)) for pixels in through]))
        self._waiting.clear()


class _Table:
    """Takes images one by one; pixels are measured and let go of in chunks."""

    def __init__(self, source: str, pipelines: tuple[Pipeline, ...]) -> None:
        self._source, self._pipelines = source, pipelines
        self._rows: list[tuple[Any, ...]] = []
        self._pixels: list[npt.NDArray[np.uint8]] = []
        self._greys: list[npt.NDArray[np.uint8]] = []
        self._frames: list[pd.DataFrame] = []
        self._hashes: list[Hashes] = []
        self._thumbnails: list[Thumbnails] = []
        self._probing = (_Probing(), _Probing())

    def add(
        self,
        item: Item,
        position: int,
        sha256: str,
        facts: ContainerFacts,
        pixels: npt.NDArray[np.uint8],
        grey: npt.NDArray[np.uint8],
    ) -> None:
        names = (utf8(name_pattern(item.member)), name_number(item.member))
        self._rows.append((item.image_id, item.part, item.group, item.label, sha256, position, *names, *_values(facts)))
        self._pixels.append(pixels)
        self._greys.append(grey)
        if len(self._rows) >= _CHUNK:
            self._flush()

    def probe(self, item: Item, pixels: list[npt.NDArray[np.uint8]]) -> None:
        self._probing[item.label].add(item.image_id, pixels)

    def finish(self, broken: list[tuple[str, str]]) -> Images:
        self._flush()
        probes = [probing.finish(self._pipelines) for probing in self._probing]
        real, synthetic = ({} if probe is None else {self._source: probe} for probe in probes)
        frame = pd.concat(self._frames, ignore_index=True)
        self._frames.clear()
        hashes, thumbnails = np.concatenate(self._hashes), np.concatenate(self._thumbnails)
        # An archive that is read as a stream has an order of its own.
        order = np.argsort(frame["position"].to_numpy(), kind="stable")
        if (np.diff(order) != 1).any():
            frame, hashes, thumbnails = frame.iloc[order].reset_index(drop=True), hashes[order], thumbnails[order]
        return Images(frame, hashes, thumbnails, tuple(sorted(broken)), real, synthetic)

    def _flush(self) -> None:
        if not self._rows:
            return
        columns = [name for name in COLUMNS if name != "source"]
        frame = pd.DataFrame(self._rows, columns=[*columns, *_FACTS])
        for name in ("image_id", "part", "group", "sha256", "pattern", "format", "mode", "quantisation", "chroma"):
            frame[name] = frame[name].astype("str")
        frame = frame.astype({"label": np.int8, "position": np.int32, "number": np.int64, "bytes": np.int64})
        frame.insert(1, "source", pd.Series([self._source] * len(frame), dtype="str"))
        pixels, grey = np.stack(self._pixels), np.stack(self._greys)
        frame["grey"] = is_grey(pixels)
        figures = pd.DataFrame(colour_and_sharpness(pixels), columns=list(FIGURES))
        self._frames.append(pd.concat([frame, figures], axis=1))
        self._hashes.append(perceptual_hashes(grey))
        self._thumbnails.append(thumbnails_of(grey))
        for waiting in (self._rows, self._pixels, self._greys):
            waiting.clear()


_FACTS = tuple(ContainerFacts.__dataclass_fields__)


def _values(facts: ContainerFacts) -> Iterator[Any]:
    return (getattr(facts, name) for name in _FACTS)
