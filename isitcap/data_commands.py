"""`isitcap data`: what sources a study has, fetching and preparing them, and the cache of prepared images."""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from isitcap.data.audit.command import add_audit
from isitcap.data.cache import CachedPack, cache_folder, cached_packs, clean
from isitcap.errors import UserError
from isitcap.progress import say
from isitcap.study import FAMILIES, SHIPPED, Study, load_study, locate, parse_data, resolve

if TYPE_CHECKING:
    from isitcap.study.load import Locations
    from isitcap.study.models import Source

NAMES = (*SHIPPED, *FAMILIES)


def add_data_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `data` and what stands under it to the program's commands."""
    data = commands.add_parser("data", help="fetch, prepare, audit and list images, and clean the cache")
    inside = data.add_subparsers(metavar="WHAT", required=True)

    listing = inside.add_parser("list", help="say which sources a study has, where they lie, and what is in the cache")
    listing.add_argument("studies", metavar="STUDY", nargs="*", help=f"{', '.join(NAMES)}, or a TOML file")
    _places(listing)
    listing.set_defaults(command=_list)

    prepare = inside.add_parser("prepare", help="decode and resize images into the cache, without training")
    prepare.add_argument(
        "wanted", metavar="STUDY|SOURCE", nargs="+", help="a study, or some of its sources (by default of poster)"
    )
    _places(prepare)
    prepare.add_argument("--without", action="append", default=[], metavar="NAME", help="leave a test source out")
    prepare.add_argument("--quiet", action="store_true", help="no progress")
    prepare.set_defaults(command=_prepare)

    add_audit(inside)

    fetch = inside.add_parser("fetch", help="download a published set of images; an interrupted download resumes")
    fetch.add_argument("name", metavar="NAME", help="a set that `isitcap data list` names")
    fetch.add_argument("--out", type=Path, default=Path("data"), metavar="FOLDER", help="where to (default: data)")
    fetch.add_argument("--from", dest="origin", metavar="PLACE", help="huggingface, kaggle or official")
    fetch.add_argument(
        "--images", type=int, metavar="N", help="of a set that is read as a stream: how many images to keep"
    )
    fetch.add_argument(
        "--read",
        type=int,
        metavar="M",
        help="of such a set: of how many images, its first, the N are drawn (default: 2 N)",
    )
    fetch.add_argument("--seed", type=int, default=0, help="of that draw (default: 0)")
    fetch.add_argument("--quiet", action="store_true", help="no progress")
    fetch.set_defaults(command=_fetch)

    cleaning = inside.add_parser("clean", help="remove prepared images that were not used for a while")
    cleaning.add_argument(
        "--older", type=float, default=30.0, metavar="DAYS", help="not used for this many days (default: 30)"
    )
    cleaning.add_argument("--cache", type=Path, help="where prepared images are kept (default: ~/.cache/isitcap)")
    cleaning.set_defaults(command=_clean)


def _places(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data",
        action="append",
        default=[],
        metavar="NAME=PATH|FOLDER",
        help="archive or folder of a source, or a folder that holds NAME.zip or NAME/ (repeatable)",
    )
    parser.add_argument("--cache", type=Path, help="where prepared images are kept (default: ~/.cache/isitcap)")


def _list(given: argparse.Namespace) -> None:
    from isitcap.data.catalog import CATALOG

    locations = parse_data(given.data)
    for name in given.studies or SHIPPED:
        study, base = load_study(name)
        rows: list[tuple[str, ...]] = [
            (source, declared.kind, _where(study, base, locations, source), declared.description or _what(declared))
            for source, declared in study.sources.items()
        ]
        _write(f"Sources of {study.name}", ("source", "kind", "place", "what it is"), rows)
    if not given.studies:
        rows = [(entry.name, entry.size, ", ".join(entry.origins), entry.description) for entry in CATALOG.values()]
        _write("For `isitcap data fetch`", ("name", "download", "from", "what it is"), rows)
    cache = cache_folder(given.cache)
    packs = cached_packs(cache)
    total = _megabytes(sum(pack.bytes for pack in packs))
    _write(
        f"Prepared images in {cache}: {len(packs)} packs, {total}",
        ("source", "images", "pixels", "size", "last used", "folder"),
        [_pack_row(pack) for pack in packs],
    )


def _what(source: Source) -> str:
    """What a source without a description is, by its declared kind and labels."""
    if source.kind == "embedded":
        return f"embedded set `{source.embedded}`"
    if source.kind == "cifake":
        return "CIFAKE, real and synthetic"
    if source.kind == "tiny-imagenet":
        return "Tiny ImageNet, real"
    if source.label is not None:
        return f"{source.label} images"
    shown = [f"{name} = {label}" for name, label in source.labels.items()]
    return f"images, {', '.join(shown[:4])}{', …' if len(shown) > 4 else ''}"


def _where(study: Study, base: Path | None, locations: Locations, name: str) -> str:
    if study.sources[name].kind == "embedded":
        return "built in"
    try:
        return str(_locate(study, base, locations, (name,))[name])
    except UserError:
        return "not given"


def _locate(study: Study, base: Path | None, locations: Locations, names: Sequence[str]) -> dict[str, Path]:
    """As `locate`, for some sources of a study."""
    some = study.model_copy(update={"sources": {name: study.sources[name] for name in names}})
    by_name = {name: path for name, path in locations.by_name.items() if name in names}
    return locate(some, base, type(locations)(by_name, locations.folders))


def _prepare(given: argparse.Namespace) -> None:
    from isitcap.data.assemble import needed_packs, prepare_pack

    locations = parse_data(given.data)
    studies, names = _split_words(given.wanted)
    known = {name for study, _ in studies for name in study.sources}
    for name in locations.by_name:
        if name not in known:
            raise UserError(f"--data {name}=…: no study given has such a source; known: {', '.join(sorted(known))}")
    for study, base in studies:
        chosen = resolve(study, without=given.without)
        keys = [key for key in needed_packs(chosen) if not names or key[0] in names]
        places = _locate(chosen, base, locations, tuple(dict.fromkeys(key[0] for key in keys)))
        for key in keys:
            pack = prepare_pack(chosen, key, places, cache_folder(given.cache), show=not given.quiet)
            broken = f", {len(pack.broken)} broken left out" if pack.broken else ""
            sys.stdout.write(f"{key[0]}: {len(pack):,} images{broken}  {pack.folder}\n")
            for note in pack.notes:
                say(f"{key[0]}: {note}", show=not given.quiet)


def _split_words(words: Iterable[str]) -> tuple[list[tuple[Study, Path | None]], set[str]]:
    """Studies and names of their sources; names alone are those of the poster's study.

    Raises:
        UserError: a word that is neither.
    """
    words = list(words)
    studies = [load_study(word) for word in words if word in NAMES or word.endswith(".toml")]
    names = {word for word in words if not (word in NAMES or word.endswith(".toml"))}
    studies = studies or [load_study("poster")]
    known = [name for study, _ in studies for name in study.sources]
    for name in sorted(names):
        if name not in known:
            raise UserError(
                f"{name}: neither a study ({', '.join(NAMES)}, or a TOML file) nor a source of "
                f"{', '.join(study.name for study, _ in studies)}; known sources: {', '.join(known)}"
            )
    return studies, names


def _fetch(given: argparse.Namespace) -> None:
    from isitcap.data.fetch import fetch

    result = fetch(
        given.name,
        given.out,
        origin=given.origin,
        images=given.images,
        read=given.read,
        seed=given.seed,
        show=not given.quiet,
    )
    for note in result.notes:
        say(note, show=not given.quiet)
    sys.stdout.write(f"{result.place}\n")


def _clean(given: argparse.Namespace) -> None:
    if not 0 <= given.older <= 36_500:
        raise UserError(f"--older {given.older:g}: not a number of days; give 0 or more")
    removed, kept = clean(cache_folder(given.cache), given.older)
    for pack in removed:
        sys.stdout.write(f"removed {pack.folder} ({_megabytes(pack.bytes)})\n")
    for pack in kept:
        say(f"{pack.folder} is in use or cannot be removed; left as it is")
    if not removed and not kept:
        say(f"nothing in {cache_folder(given.cache)} that was not used for {given.older:g} days")


def _pack_row(pack: CachedPack) -> tuple[str, ...]:
    used = dt.datetime.fromtimestamp(pack.used, dt.UTC).strftime("%Y-%m-%d %H:%M UTC")
    return pack.name, f"{pack.images:,}", pack.pipeline, _megabytes(pack.bytes), used, pack.folder.name


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


def _write(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table of plain text, its columns as wide as they must be; the last one is not filled up."""
    lines = [tuple(head), *(tuple(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    sys.stdout.write(f"{title}\n")
    for line in lines if rows else ():
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        sys.stdout.write(f"  {'  '.join(cells).rstrip()}\n")
    sys.stdout.write("\n")
