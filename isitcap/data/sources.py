"""Which images a source holds, by their names alone: image id, part, group and label. Opens no image.

Label 1 = synthetic. `cifake` and `tiny-imagenet` know the published layouts, `images` reads what a study declares.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from isitcap.data.archives import Archive, open_archive, show
from isitcap.data.pixels import BrokenImageError
from isitcap.errors import UserError
from isitcap.study.models import LabelName, Source

LABELS: dict[LabelName, int] = {"real": 0, "synthetic": 1}

CIFAKE_LABELS = {"REAL": 0, "FAKE": 1}
CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
PARTS = ("train", "test")

# Folder names whose meaning is not in doubt; a declaration that says the opposite is refused.
MEANING: dict[str, LabelName] = {
    **dict.fromkeys(("real", "reals", "0_real", "authentic"), "real"),
    **dict.fromkeys(("fake", "fakes", "1_fake", "synthetic", "ai", "generated", "ai_generated"), "synthetic"),
}


@dataclass(frozen=True, slots=True)
class Item:
    """One image of a source, not yet opened."""

    image_id: str
    """`<source name>/<path inside the source>`."""
    member: str
    """Path inside the source."""
    part: str
    """`train` or `test` where the source has parts of its own, otherwise empty."""
    group: str
    """Class or folder, for stratification; empty where none is known."""
    label: int
    """1 = synthetic, 0 = real."""


def list_items(name: str, source: Source, location: Path) -> list[Item]:
    """The images of the source `name` at `location` (a folder or a zip), sorted by path.

    Raises:
        UserError: the archive or its layout is not what `source` declares; one line naming it and the remedy.
    """
    with open_archive(location) as archive:
        return items_in(name, source, archive)


def items_in(name: str, source: Source, archive: Archive) -> list[Item]:
    """As `list_items`, of an archive that is open already."""
    match source.kind:
        case "cifake":
            return _cifake(name, archive)
        case "tiny-imagenet":
            return _tiny_imagenet(name, archive)
        case "images" if source.labels:
            return _labelled_folders(name, archive, source.labels)
        case "images":
            assert source.label is not None
            return _one_label(name, archive, source.label)
        case "embedded":
            raise ValueError(f"the source {name!r} is embedded: it has no files to list")


def image_id(name: str, member: str) -> str:
    """The id of an image in every table: `<source name>/<path inside>`."""
    return _utf8(f"{name}/{member}")


def _cifake(name: str, archive: Archive) -> list[Item]:
    """The published layout, perhaps under leading folders: `{train,test}/{REAL,FAKE}/NNNN (k).jpg`."""
    items, seen, prefixes = [], set(), set()
    for member in archive.images:
        *prefix, part, folder, file = ("./" * max(0, 2 - member.count("/")) + member).split("/")
        if part not in PARTS or folder not in CIFAKE_LABELS:
            raise UserError(
                f"source `{name}`: {archive.location} holds {show(member)}, which is outside CIFAKE's folders "
                '{train,test}/{REAL,FAKE}; use the published archive, or kind = "images" with `labels`'
            )
        prefixes.add("/".join(prefix))
        seen.add((part, folder))
        items.append(Item(image_id(name, member), member, part, _cifar10_class(name, file), CIFAKE_LABELS[folder]))
    for part in PARTS:
        for folder in CIFAKE_LABELS:
            if (part, folder) not in seen:
                raise UserError(
                    f"source `{name}`: {archive.location} lacks images in {part}/{folder}; CIFAKE has both classes "
                    "in both parts, use the published archive"
                )
    if len(prefixes) > 1:
        found = _names(sorted(prefix or "." for prefix in prefixes))
        raise UserError(
            f"source `{name}`: {archive.location} holds CIFAKE more than once, in {found}; give one of them"
        )
    return items


def _cifar10_class(name: str, file: str) -> str:
    found = re.fullmatch(r"\d+(?: \((\d+)\))?\.jpg", file)
    number = int(found[1] or 1) if found else 0
    if not 1 <= number <= len(CIFAR10_CLASSES):
        raise UserError(
            f"source `{name}`: the file name {show(file)} is not one of CIFAKE's (`0123 (2).jpg`); "
            'use the published archive, or kind = "images" with `labels`'
        )
    return CIFAR10_CLASSES[number - 1]


def _tiny_imagenet(name: str, archive: Archive) -> list[Item]:
    """The validation images alone, from the official layout or from a flat collection of `val_*.JPEG`.

    The official archive's training images are left out, and its test images have no class. Group = WordNet id,
    empty in a flat collection.
    """
    official = [m for m in archive.images if re.search(r"(^|/)val/images/val_\d+\.JPEG$", m)]
    if official:
        annotations = [m for m in archive.members if re.search(r"(^|/)val/val_annotations\.txt$", m)]
        if len(annotations) != 1:
            raise UserError(
                f"source `{name}`: {archive.location} has {len(annotations)} files val/val_annotations.txt, one is "
                "needed for the classes; use the official archive"
            )
        try:
            lines = archive.read(annotations[0]).decode("utf-8", "replace").splitlines()
        except BrokenImageError as error:
            raise UserError(f"source `{name}`: {archive.location}: {annotations[0]} {error}") from None
        wnids = dict(line.split("\t")[:2] for line in lines if line.count("\t"))
        for member in official:
            if member.rsplit("/", 1)[-1] not in wnids:
                raise UserError(
                    f"source `{name}`: {archive.location}: {annotations[0]} lacks the image {show(member)}; "
                    "use the official archive"
                )
        return [Item(image_id(name, m), m, "", wnids[m.rsplit("/", 1)[-1]], 0) for m in official]
    strange = next((m for m in archive.images if not re.search(r"(^|/)val_\d+\.JPEG$", m)), None)
    if strange is not None:
        raise UserError(
            f"source `{name}`: {archive.location} holds {show(strange)}, but neither val/images/ nor only val_*.JPEG; "
            'use the official archive, or kind = "images" with `label = "real"`'
        )
    return [Item(image_id(name, m), m, "", "", 0) for m in archive.images]


def _one_label(name: str, archive: Archive, label: LabelName) -> list[Item]:
    """All images of one declared label; a folder that is named as the other class is refused."""
    for member in archive.images:
        for folder in member.split("/")[:-1]:
            if MEANING.get(folder.lower(), label) != label:
                other: LabelName = MEANING[folder.lower()]
                raise UserError(
                    f'source `{name}` declares label = "{label}", but {archive.location} has a folder {show(folder)}; '
                    f'declare labels = {{ "{folder}" = "{other}", … }} instead'
                )
    return [Item(image_id(name, m), m, "", _parent(m), LABELS[label]) for m in archive.images]


def _labelled_folders(name: str, archive: Archive, labels: dict[str, LabelName]) -> list[Item]:
    """Images under folders that `labels` maps; `train` and `test` among the folders set the part."""
    for folder, label in labels.items():
        if MEANING.get(folder.lower(), label) != label:
            raise UserError(
                f'source `{name}`: labels maps the folder {show(folder)} to "{label}": inverted labels? Write '
                f'"{MEANING[folder.lower()]}", or rename the folder'
            )
    items, unknown = [], set()
    for member in archive.images:
        folders = member.split("/")[:-1]
        keys = [folder for folder in folders if folder in labels]
        if len(keys) > 1:
            raise UserError(
                f"source `{name}`: {archive.location}: {show(member)} lies under {len(keys)} folders of `labels` "
                f"({_names(keys)}); one must decide, remove the other from `labels`"
            )
        if not keys:
            unknown.add("/".join(folders) or ".")
            continue
        parts = [folder for folder in folders if folder in PARTS and folder not in labels]
        if len(set(parts)) > 1:
            raise UserError(f"source `{name}`: {archive.location}: {show(member)} lies under both `train` and `test`")
        part = parts[0] if parts else ""
        items.append(Item(image_id(name, member), member, part, _parent(member), LABELS[labels[keys[0]]]))
    if unknown:
        raise UserError(
            f"source `{name}`: {archive.location} has images in {_names(sorted(unknown))}, outside the folders of "
            f"`labels` ({_names(labels)}); add them to `labels`, or move them away"
        )
    absent = sorted(set(labels.values()) - {n for n, v in LABELS.items() if any(i.label == v for i in items)})
    if absent:
        raise UserError(
            f"source `{name}`: {archive.location} holds no image of the class {_names(absent)} that `labels` declares; "
            "add such images, or correct `labels`"
        )
    if len({item.part == "" for item in items}) > 1:
        loose = next(item.member for item in items if not item.part)
        raise UserError(
            f"source `{name}`: {archive.location}: some images lie under `train` or `test`, but {show(loose)} under "
            "neither; move it, or rename these folders"
        )
    return items


def _parent(member: str) -> str:
    return _utf8(member.split("/")[-2]) if "/" in member else ""


def _utf8(text: str) -> str:
    """File names may hold bytes that are no UTF-8, tables may not: these are escaped."""
    return text.encode("utf-8", "backslashreplace").decode()


def _names(names: Iterable[str]) -> str:
    """`a`, `b`, `c` and how many more."""
    listed = list(names)
    more = f" and {len(listed) - 5} more" if len(listed) > 5 else ""
    return ", ".join(show(name) for name in listed[:5]) + more
