"""A source of image files → one pack: every image decoded, resized and perhaps re-encoded once, then kept."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tqdm import tqdm

from isitcap.data.archives import Archive, fingerprint, open_archive
from isitcap.data.pixels import BrokenImageError, decode, decoding, fit
from isitcap.data.pixels import reencode as jpeg_round_trip
from isitcap.data.sampling import draw, generator
from isitcap.data.sources import Item, items_in
from isitcap.data.store import FORMAT, Pack, PackWriter, Row, cached, digest
from isitcap.errors import UserError
from isitcap.study.models import Image, Kernel, Source

__all__ = ["Pack", "check_broken", "prepare"]


def prepare(
    name: str,
    source: Source,
    location: Path,
    image: Image,
    *,
    kernel: Kernel,
    reencode: bool,
    seed: int,
    cache: Path,
    progress: bool = True,
) -> Pack:
    """The pack of the source `name` at `location`, from the cache when nothing that matters has changed.

    Images are `size` × `size` RGB: see `isitcap.data.pixels.fit`. An image that cannot be decoded is named with its
    reason in `Pack.broken`. A `limit` is drawn before decoding, in proportion to part, label and group.

    Args:
        name: The source's name in the study.
        source: What the study declares of it; any kind but `embedded`.
        location: Folder or zip.
        image: Gives the size; `kernel` and `reencode` are given apart, since a test set may override them.
        kernel: Of the one resize.
        reencode: Whether each image then goes through one JPEG of quality 75, 4:2:0.
        seed: Of the draw when `source.limit` is set.
        cache: Folder that holds all packs.
        progress: Show a bar on standard error.

    Raises:
        UserError: the archive, its layout or its images are not fit for use, or the disk is full.
    """
    key = digest(
        {
            "format": FORMAT,
            "name": name,
            "source": source.model_dump(include={"kind", "label", "labels", "limit"}),
            "location": str(location.resolve()),
            "state": fingerprint(location),
            "size": image.size,
            "kernel": kernel,
            "reencode": reencode,
            "seed": seed if source.limit else None,
        }
    )

    def build(folder: Path) -> None:
        with open_archive(location) as archive:
            items = items_in(name, source, archive)
            if source.limit:
                items = _limited(items, source.limit, seed)
            with PackWriter(folder, name, image.size, kernel, reencoded=reencode, expected=len(items)) as writer:
                _decode_all(archive, items, writer, progress=progress)
                check_broken(name, writer.broken, len(items), source.max_broken)
                writer.finish()

    pack = cached(cache, name, key, build)
    # Asked again of a pack from the cache: the study may have become stricter since.
    check_broken(name, pack.broken, len(pack) + len(pack.broken), source.max_broken)
    return pack


def check_broken(name: str, broken: list[tuple[str, str]] | tuple[tuple[str, str], ...], n: int, most: float) -> None:
    """Refuse a source of `n` images when more than the fraction `most`, or all, are broken.

    Raises:
        UserError: with the count and the first names.
    """
    if len(broken) > most * n or len(broken) == n:
        first = "; ".join(f"{image_id}: {reason}" for image_id, reason in broken[:3])
        more = f"; and {len(broken) - 3} more" if len(broken) > 3 else ""
        raise UserError(
            f"source `{name}`: {len(broken)} of {n} images cannot be read, more than max_broken = {most:g} allows "
            f"({first}{more}); mend or remove them, or raise sources.{name}.max_broken"
        )


def _limited(items: list[Item], limit: int, seed: int) -> list[Item]:
    outer = [(item.part, item.label) for item in items]
    return [items[row] for row in draw(generator(seed, "limit"), outer, [item.group for item in items], limit)]


def _decode_all(archive: Archive, items: list[Item], writer: PackWriter, *, progress: bool) -> None:
    bar = tqdm(items, desc=writer.name, unit=" images", disable=not progress, mininterval=0.5)
    with decoding():
        for item in bar:
            try:
                data = archive.read(item.member)
                picture = decode(data)
                resized = min(picture.size) != writer.size
                picture = fit(picture, writer.size, writer.kernel)
            except BrokenImageError as error:
                writer.broken.append((item.image_id, str(error)))
                continue
            if writer.reencoded:
                picture = jpeg_round_trip(picture)
            writer.resized += resized
            row = Row(item.image_id, item.part, item.group, item.label, hashlib.sha256(data).hexdigest())
            writer.add(row, picture.tobytes())
