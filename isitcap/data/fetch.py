"""`isitcap data fetch`: published sets into a folder from which `--data FOLDER` reads them.

Tables and zips come whole. Of the sets of hundreds of gigabytes only the beginning of the stream is read: as many
images as asked for, from which a sample is drawn by seed and kept as a zip that says so.
"""

from __future__ import annotations

import json
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from isitcap.data.archives import IMAGE_SUFFIXES, MAX_BYTES, is_image, show
from isitcap.data.catalog import CATALOG, NOTE, Entry, Origin
from isitcap.data.download import Address, Remote, RemotePieces, download, writing
from isitcap.data.hub import HubFile, Listing, fetch_kaggle, list_files
from isitcap.data.sampling import generator
from isitcap.data.tars import TAR_NAME, TarStream, Walk, plain_name
from isitcap.errors import UserError
from isitcap.progress import bar

IMAGES = 1000
"""How many images of a stream are kept where nothing is said."""


@dataclass(frozen=True)
class Fetched:
    """Where a set is now, and what a reader must know of it."""

    place: Path
    notes: tuple[str, ...]


def fetch(
    name: str,
    out: Path,
    *,
    origin: str | None = None,
    images: int | None = None,
    read: int | None = None,
    seed: int = 0,
    show: bool = True,
) -> Fetched:
    """Fetch the set `name` into `out`; what is there already is kept, and what was begun goes on.

    Args:
        name: A name of `isitcap.data.catalog.CATALOG`.
        out: Folder; made when missing.
        origin: `huggingface`, `kaggle` or `official`; by default the set's first.
        images: Of a set that is read as a stream: how many images are kept.
        read: Of such a set: from how many images, its first, they are drawn; by default twice as many.
        seed: Of that draw.
        show: Show progress.

    Raises:
        UserError: no such set or origin, or it cannot be fetched; one line with the remedy.
    """
    entry = _entry(name)
    chosen = _origin(entry, origin)
    if entry.stream is None and (images is not None or read is not None):
        raise UserError(
            f"--images and --read are for sets that are read as a stream; {name} comes whole: draw from it with "
            f"`limit` in the study ({', '.join(e.name for e in CATALOG.values() if e.stream)} are streams)"
        )
    keep = IMAGES if images is None else images
    amount = 2 * keep if read is None else read
    if keep < 1 or amount < keep or seed < 0:
        raise UserError(f"--images {keep} --read {amount} --seed {seed}: give 1 ≤ images ≤ read and a seed from 0")
    with writing(out / name):
        out.mkdir(parents=True, exist_ok=True)
    try:
        with writing(out / name), FileLock(out / f".{name}.lock", timeout=0):
            if chosen == "kaggle":
                assert entry.kaggle is not None
                return _whole(out / name, lambda place: fetch_kaggle(str(entry.kaggle), place))
            if chosen == "official":
                return _whole(out / f"{name}.zip", lambda place: _official(entry, place, show=show))
            if entry.stream is not None:
                return _stream(entry, out / f"{name}.zip", keep, amount, seed, show=show)
            return _whole(out / name, lambda place: _tables(entry, place, show=show))
    except Timeout:
        raise UserError(f"{out / name}: another process is fetching it; wait for it") from None


def _entry(name: str) -> Entry:
    if name not in CATALOG:
        raise UserError(f"isitcap data fetch {name}: no such set; known: {', '.join(CATALOG)}")
    return CATALOG[name]


def _origin(entry: Entry, origin: str | None) -> Origin:
    for known in entry.origins:
        if origin in (None, known):
            return known
    raise UserError(f"--from {origin}: {entry.name} is not there; it is at: {', '.join(entry.origins)}")


def _whole(place: Path, make: Callable[[Path], None]) -> Fetched:
    if place.exists():
        return Fetched(place, (f"{place} is there already; remove it to fetch it again",))
    make(place)
    return Fetched(place, ())


def _official(entry: Entry, place: Path, *, show: bool) -> None:
    assert entry.official is not None
    file = entry.official
    with bar(file.bytes, f"fetch {entry.name}", "bytes", show=show) as progress:
        download(entry.name, lambda: Address(file.url, file.bytes), place, progress, checksum=("md5", file.md5))


def _tables(entry: Entry, place: Path, *, show: bool) -> None:
    """All Parquet files of a repository, in a folder that is renamed when all of them are there."""
    listing = list_files(entry.repository, entry.tables or "", lambda path: path.endswith(".parquet"))
    part = place.with_name(f".{place.name}.part")
    names = [file.path.rsplit("/", 1)[-1] for file in listing.files]
    if len(set(names)) != len(names):  # then their folders tell them apart
        names = [file.path.replace("/", "-") for file in listing.files]
    with writing(place):
        part.mkdir(exist_ok=True)
    total = sum(file.bytes for file in listing.files)
    with bar(total, f"fetch {entry.name}", "bytes", show=show) as progress:
        for file, name in zip(listing.files, names, strict=True):
            if (part / name).exists() and (part / name).stat().st_size == file.bytes:
                progress.update(file.bytes)
                continue
            checksum = ("sha256", file.sha256) if file.sha256 else None
            download(name, file.resolve, part / name, progress, checksum=checksum)
    with writing(place):
        part.replace(place)


def _stream(entry: Entry, place: Path, keep: int, amount: int, seed: int, *, show: bool) -> Fetched:
    """The first `amount` images of a gzip tar on the hub, `keep` of them drawn into a zip."""
    request = {"name": entry.name, "images": keep, "read": amount, "seed": seed}
    if place.exists():
        about = _about(place)
        if about.get("request") != request:
            raise UserError(
                f"{place} is there already and holds another draw ({about.get('note', 'its origin is not noted')}); "
                "remove it, or choose another folder with --out"
            )
        return Fetched(place, (f"{place} is there already; remove it to fetch it again", str(about["note"])))
    listing = list_files(entry.repository, entry.stream or "", lambda path: bool(TAR_NAME.fullmatch(path)))
    files = _one_tar(entry, listing)
    parts = place.with_name(f".{entry.name}.parts")
    with bar(None, f"fetch {entry.name}", "bytes", show=show) as progress:
        remotes = [
            Remote(file.path.rsplit("/", 1)[-1], file.resolve, parts / file.path.rsplit("/", 1)[-1], progress)
            for file in files
        ]
        sizes = [file.bytes for file in files]
        try:
            names = _first(entry, TarStream(RemotePieces(remotes, sizes)), amount)
            rows = sorted(generator(seed, "fetch").choice(len(names), min(keep, len(names)), replace=False).tolist())
            fetched = sum(remote.have for remote in remotes)
            note = (
                f"{len(rows):,} of the first {len(names):,} images of {entry.name} ({entry.repository}, commit "
                f"{listing.commit[:12]}, {files[0].path} of {len(files)} pieces, {fetched:,} bytes of them "
                f"fetched), drawn with seed {seed}: a prefix of the set, no random sample of the whole"
            )
            about = {"note": note, "request": request, "repository": entry.repository, "commit": listing.commit}
            chosen = {names[row] for row in rows}
            _write_sample(TarStream(RemotePieces(remotes, sizes)), chosen, place, about)
        finally:
            for remote in remotes:
                remote.close()
    shutil.rmtree(parts, ignore_errors=True)
    return Fetched(place, (note,))


def _one_tar(entry: Entry, listing: Listing) -> list[HubFile]:
    """The pieces of the folder's one tar, in order; of several tars the first, whose name the note carries."""
    groups: dict[str, list[tuple[int, HubFile]]] = {}
    for file in listing.files:
        found = TAR_NAME.fullmatch(file.path)
        assert found is not None
        number = found["piece"]
        stem = file.path if number is None else file.path[: -len(number) - 1]
        groups.setdefault(stem, []).append((int(number or 0), file))
    stem = min(groups)
    ordered = sorted(groups[stem], key=lambda pair: pair[0])
    numbers = [number for number, _ in ordered]
    if numbers != list(range(numbers[0], numbers[0] + len(numbers))) or numbers[0] > 1:
        raise UserError(f"{entry.repository}: the pieces of {stem} are not all there (found {numbers[:8]}); try later")
    return [file for _, file in ordered]


def _first(entry: Entry, stream: TarStream, amount: int) -> list[str]:
    """The names of the first `amount` images of the stream, which is fetched that far."""
    names: list[str] = []
    walk = Walk(stream, entry.name)
    for info in walk:
        name = plain_name(info)
        if not is_image(name):
            continue
        if info.size > MAX_BYTES:
            raise UserError(f"{entry.name}: {show(name)} declares {info.size:,} bytes; at most {MAX_BYTES:,} are read")
        stream.seek(info.offset_data)
        stream.skip(info.size)
        names.append(name)
        if len(names) == amount:
            break
    else:
        if walk.problem:
            raise UserError(
                f"{entry.name}: the stream ends or is damaged after {len(names):,} images ({walk.problem}); "
                f"fetch fewer with --read {max(1, len(names))}, or try again later"
            )
    if not names:
        raise UserError(f"{entry.name}: the stream holds no images ({', '.join(sorted(IMAGE_SUFFIXES))})")
    if len(set(names)) != len(names):
        raise UserError(f"{entry.name}: the stream holds two images of one name, and which is meant cannot be known")
    return names


def _write_sample(stream: TarStream, chosen: set[str], place: Path, about: dict[str, object]) -> None:
    """A zip of the chosen images as they are, and of what was done; the same for the same bytes and seed."""
    part = place.with_name(f".{place.name}.part")
    left = set(chosen)
    with writing(place), zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
        for info in Walk(stream, str(place)):
            name = plain_name(info)
            if name in left:
                left.remove(name)
                stream.seek(info.offset_data)
                archive.writestr(zipfile.ZipInfo(name), stream.read_exactly(info.size))
            if not left:
                break
        archive.writestr(zipfile.ZipInfo(NOTE), json.dumps(about, indent=1))
    with writing(place):
        part.replace(place)


def _about(place: Path) -> dict[str, object]:
    try:
        with zipfile.ZipFile(place) as archive:
            about = json.loads(archive.read(NOTE))
        return about if isinstance(about, dict) else {}
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, tarfile.TarError):
        return {}
