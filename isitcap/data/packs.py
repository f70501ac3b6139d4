"""A source of image files → one pack: every image decoded, resized and perhaps re-encoded once, then kept."""

from __future__ import annotations

import hashlib
from pathlib import Path

from isitcap.data.archives import Archive, fingerprint
from isitcap.data.catalog import fetch_note
from isitcap.data.groups import has_table, with_groups
from isitcap.data.pixels import BrokenImageError, decode, decoding, fit
from isitcap.data.pixels import reencode as jpeg_round_trip
from isitcap.data.sampling import draw, generator
from isitcap.data.sources import Item, items_in, open_source
from isitcap.data.store import FORMAT, Pack, PackWriter, Row, cached, digest
from isitcap.errors import UserError
from isitcap.progress import each
from isitcap.study.models import Image, Kernel, Source

__all__ = ["Pack", "check_broken", "items_used", "prepare"]


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
    title: str | None = None,
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
        title: What the bar is called, by default `name`.

    Raises:
        UserError: the archive, its layout or its images are not fit for use, or the disk is full.
    """
    key = digest(
        {
            "format": FORMAT,
            "name": name,
            "source": source.model_dump(include={"kind", "label", "labels", "limit"})
            # These are absent from the keys of older packs.
            | source.model_dump(include={"groups", "image_column", "label_column", "first", "part"}, exclude_none=True),
            "location": str(location.resolve()),
            "state": fingerprint(location),
            "size": image.size,
            "kernel": kernel,
            "reencode": reencode,
            "seed": seed if source.limit else None,
        }
    )

    def build(folder: Path) -> None:
        with PackWriter(folder, name, image.size, kernel, reencoded=reencode) as writer:
            _fill(writer, source, location, seed, title or name, progress=progress)
            check_broken(name, writer.broken, writer.expected, source.max_broken)
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


def items_used(name: str, source: Source, archive: Archive, seed: int) -> list[Item]:
    """The images of an open source that a study uses: of its `part`, with its `groups`, `limit` of them drawn.

    Args:
        name: The source's name in the study.
        source: What the study declares of it.
        archive: Of that source, open.
        seed: Of the draw when `source.limit` is set.

    Raises:
        UserError: the layout is not what `source` declares, or it has no such part.
    """
    items = items_in(name, source, archive)
    told = source.kind != "tiny-imagenet" or (has_table(archive) and not all(item.group for item in items))
    if source.groups and told:
        items = with_groups(name, source.groups, archive, items)
    if source.part:
        items = [item for item in items if item.part == source.part]
        if not items:
            raise UserError(
                f"source `{name}`: {archive.location} has no part `{source.part}`; put its images under folders "
                f"`train` and `test`, or remove sources.{name}.part"
            )
    if source.limit:
        outer = [(item.part, item.label) for item in items]
        rows = draw(generator(seed, "limit"), outer, [item.group for item in items], source.limit)
        items = [items[row] for row in rows]
    return items


def _fill(writer: PackWriter, source: Source, location: Path, seed: int, title: str, *, progress: bool) -> None:
    """Decode every image of the source; names and items of a million are gone before the index is put together."""
    name = writer.name
    try:
        opened = open_source(source, location)
    except UserError as error:
        raise UserError(f"source `{name}`: {error}") from None
    with opened as archive:
        items = items_used(name, source, archive, seed)
        writer.expected, writer.notes = len(items), (*archive.notes, *fetch_note(archive))
        decode_all = _decode_stream if archive.sequential else _decode_all
        decode_all(archive, items, writer, title, progress=progress)


def _decode_all(archive: Archive, items: list[Item], writer: PackWriter, title: str, *, progress: bool) -> None:
    members = [item.member for item in items]
    with decoding():
        for (position, data), item in zip(
            archive.stream(members), each(items, title, "images", show=progress), strict=True
        ):
            assert item is items[position]
            made = _made(data, writer)
            if isinstance(made, BrokenImageError):
                writer.broken.append((item.image_id, str(made)))
            else:
                pixels, sha256, resized = made
                writer.resized += resized
                writer.add(Row(item.image_id, item.part, item.group, item.label, sha256), pixels)


def _decode_stream(archive: Archive, items: list[Item], writer: PackWriter, title: str, *, progress: bool) -> None:
    """As `_decode_all`, of an archive that comes in an order of its own.

    The decoded images wait in a file beside the pack's until all are there, so that the pack has the order that the
    same images have in a folder, and memory holds a few numbers for each.
    """
    row_bytes = writer.size * writer.size * 3
    digests: list[bytes | BrokenImageError | None] = [None] * len(items)
    spool = writer.folder / "spool"
    with spool.open("w+b") as waiting, decoding():
        stream = archive.stream([item.member for item in items])
        for (position, data), _ in zip(stream, each(items, title, "images", show=progress), strict=True):
            made = _made(data, writer)
            if isinstance(made, BrokenImageError):
                digests[position] = made
            else:
                pixels, sha256, resized = made
                writer.resized += resized
                digests[position] = bytes.fromhex(sha256)
                waiting.seek(position * row_bytes)
                waiting.write(pixels)
        for position, (item, found) in enumerate(zip(items, digests, strict=True)):
            if isinstance(found, bytes):
                waiting.seek(position * row_bytes)
                row = Row(item.image_id, item.part, item.group, item.label, found.hex())
                writer.add(row, waiting.read(row_bytes))
            else:
                writer.broken.append((item.image_id, str(found)))
    spool.unlink()


def _made(data: bytes | BrokenImageError, writer: PackWriter) -> tuple[bytes, str, bool] | BrokenImageError:
    """Pixels (size × size × 3 bytes), SHA-256 of the file and whether it was resized; or why it is broken."""
    if isinstance(data, BrokenImageError):
        return data
    try:
        picture = decode(data)
        resized = min(picture.size) != writer.size
        picture = fit(picture, writer.size, writer.kernel)
    except BrokenImageError as error:
        return error
    if writer.reencoded:
        picture = jpeg_round_trip(picture)
    return picture.tobytes(), hashlib.sha256(data).hexdigest(), resized
