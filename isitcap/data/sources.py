"""Which images a source holds, by their names alone: image id, part, group and label. Opens no image.

Label 1 = synthetic. `cifake` and `tiny-imagenet` know the published layouts, `images` reads what a study declares.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from isitcap.data.archives import Archive, open_archive, show
from isitcap.data.pixels import BrokenImageError
from isitcap.data.tables import Tables, split_of
from isitcap.data.tars import TAR_NAME, Tars
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

_MEANING_NOTHING = frozenset(
    [
        "class",
        "data",
        "dataset",
        "files",
        "image",
        "images",
        "img",
        "imgs",
        "label",
        "photos",
        "pictures",
        "samples",
        "set",
    ]
)
"""Words beside which a name keeps its meaning, such as those of `fake_images`."""


def meaning(name: str) -> LabelName | None:
    """What a name says of its images, if it says nothing else: `Fake_Images` is synthetic, `RealVis` may be anything.

    >>> meaning("Fake_Images"), meaning("0_real"), meaning("RealVis"), meaning("not_fake")
    ('synthetic', 'real', None, None)
    """
    if (whole := MEANING.get(name.lower())) is not None:
        return whole
    words = [word for word in re.findall(r"[^\W\d_]+", name.lower()) if word not in _MEANING_NOTHING]
    found = {MEANING.get(word) for word in words}
    return found.pop() if len(found) == 1 else None


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
    """The images of the source `name` at `location` (a folder or an archive), sorted by path.

    Raises:
        UserError: the archive or its layout is not what `source` declares; one line naming it and the remedy.
    """
    with open_source(source, location) as archive:
        return items_in(name, source, archive)


def open_source(source: Source, location: Path) -> Archive:
    """Open the archive of a source with what the source says of columns.

    Raises:
        UserError: see `isitcap.data.archives.open_archive`.
    """
    return open_archive(
        location, image_column=source.image_column, label_column=source.label_column, first=source.first
    )


def items_in(name: str, source: Source, archive: Archive) -> list[Item]:
    """As `list_items`, of an archive that is open already."""
    _refuse_unused(name, source, archive)
    match source.kind:
        case "cifake" if isinstance(archive, Tables):
            return _cifake_tables(name, archive)
        case "cifake":
            return _cifake(name, archive)
        case "tiny-imagenet" if isinstance(archive, Tables):
            return _tiny_imagenet_tables(name, archive)
        case "tiny-imagenet":
            return _tiny_imagenet(name, archive)
        case "images" if source.labels and (source.label_column is not None or archive.tabular):
            return _labelled_column(name, archive, source.labels)
        case "images" if source.labels:
            return _labelled_folders(name, archive, source.labels)
        case "images":
            assert source.label is not None
            return _one_label(name, archive, source.label)
        case "embedded":
            raise ValueError(f"the source {name!r} is embedded: it has no files to list")


def _refuse_unused(name: str, source: Source, archive: Archive) -> None:
    """A key that would have no effect is a mistake."""
    if source.image_column is not None and not archive.tabular:
        raise UserError(f"source `{name}`: {archive.location} is no Parquet table; remove `image_column`")
    if source.label_column is not None and archive.labels is None:
        raise UserError(
            f"source `{name}`: {archive.location} is no Parquet table and no tar; remove `label_column`, and map the "
            "names of folders with `labels`"
        )
    if source.first is not None and not (archive.tabular or isinstance(archive, Tars)):
        raise UserError(
            f"source `{name}`: {archive.location} is no stream that would have a beginning; use `limit`, which draws"
        )


def image_id(name: str, member: str) -> str:
    """The id of an image in every table: `<source name>/<path inside>`."""
    return utf8(f"{name}/{member}")


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
    _refuse_incomplete_cifake(name, archive, seen)
    if len(prefixes) > 1:
        found = _names(sorted(prefix or "." for prefix in prefixes))
        raise UserError(
            f"source `{name}`: {archive.location} holds CIFAKE more than once, in {found}; give one of them"
        )
    return items


def _refuse_incomplete_cifake(name: str, archive: Archive, seen: set[tuple[str, str]]) -> None:
    for part in PARTS:
        for folder in CIFAKE_LABELS:
            if (part, folder) not in seen:
                raise UserError(
                    f"source `{name}`: {archive.location} lacks images in {part}/{folder}; CIFAKE has both classes "
                    "in both parts, use the published archive"
                )


_CIFAKE_NAME = re.compile(r"\d+(?: \((\d{1,4})\))?\.jpg")


def _cifar10_class(name: str, file: str) -> str:
    found = _CIFAKE_NAME.fullmatch(file)
    group = _class_of(found[1]) if found else ""
    if not group:
        raise UserError(
            f"source `{name}`: the file name {show(file)} is not one of CIFAKE's (`0123 (2).jpg`); "
            'use the published archive, or kind = "images" with `labels`'
        )
    return group


def _class_of(number: str | None) -> str:
    """The CIFAR-10 class of the number in a file's name; none is the first. Empty for any other number."""
    return CIFAR10_CLASSES[n - 1] if 1 <= (n := int(number or 1)) <= len(CIFAR10_CLASSES) else ""


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
    """All images of one declared label; a folder or a class of the table that is named as the other one is refused."""
    names: Iterable[str] = ()
    if isinstance(archive, Tables):
        names = archive.class_names or (dict.fromkeys(archive.labels or ()) if archive.has_texts else ())
    for own in names:
        if (other := meaning(own) or label) != label:
            raise UserError(
                f'source `{name}` declares label = "{label}", but {archive.location} has a class {show(own)}; '
                f'declare labels = {{ "{own}" = "{other}", … }} instead'
            )
    for member in archive.images:
        for folder in member.split("/")[:-1]:
            if (other := meaning(folder) or label) != label:
                raise UserError(
                    f'source `{name}` declares label = "{label}", but {archive.location} has a folder {show(folder)}; '
                    f'declare labels = {{ "{folder}" = "{other}", … }} instead'
                )
    return [Item(image_id(name, m), m, "", _parent(m), LABELS[label]) for m in archive.images]


def _labelled_folders(name: str, archive: Archive, labels: dict[str, LabelName]) -> list[Item]:
    """Images under folders that `labels` maps; `train` and `test` among the folders set the part."""
    _refuse_inverted(name, labels, "folder")
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
    _refuse_absent(name, archive, labels, items)
    _refuse_half_parts(name, archive, items)
    return items


def _labelled_column(name: str, archive: Archive, labels: dict[str, LabelName]) -> list[Item]:
    """Images whose own label, in a column or a file beside each, `labels` maps; it is the group too.

    A table or folder whose name begins with `train` or `test` sets the part.
    """
    _refuse_inverted(name, labels, "label")
    assert archive.labels is not None
    unknown = sorted(set(archive.labels) - set(labels))
    if unknown:
        raise UserError(
            f"source `{name}`: {archive.location} holds the labels {_names(unknown)}, which `labels` "
            f"({_names(labels)}) does not map; add them"
        )
    items = []
    for member, own in zip(archive.images, archive.labels, strict=True):
        part = split_of(archive.part(member)) if isinstance(archive, Tables) else _part(member)
        items.append(Item(image_id(name, member), member, part if part in PARTS else "", own, LABELS[labels[own]]))
    _refuse_absent(name, archive, labels, items)
    if isinstance(archive, Tables):
        _refuse_half_parts(name, archive, items)
    return items


def _part(member: str) -> str:
    return next((folder for folder in member.split("/")[:-1] if folder in PARTS), "")


def _cifake_tables(name: str, archive: Tables) -> list[Item]:
    """CIFAKE as Hugging Face keeps it: tables `train…` and `test…` with the classes FAKE and REAL in `label`.

    The CIFAR-10 class comes from the file name beside each image, and is empty where there is none.
    """
    if not archive.has_labels or set(archive.labels or ()) - set(CIFAKE_LABELS):
        found = _names(sorted(set(archive.labels or ()) - set(CIFAKE_LABELS))) if archive.has_labels else "no labels"
        raise UserError(
            f"source `{name}`: {archive.location} holds {found}, not the names REAL and FAKE of CIFAKE's two classes; "
            'use the published table, or kind = "images" with `labels`'
        )
    items, seen = [], set()
    for member, own, path in zip(archive.images, archive.labels or (), archive.paths(), strict=True):
        part = split_of(archive.part(member))
        if part not in PARTS:
            raise UserError(
                f"source `{name}`: {archive.location}: the table {show(archive.part(member))} is neither `train…` nor "
                "`test…`, as CIFAKE's are; rename or remove it"
            )
        seen.add((part, own))
        found_class = _CIFAKE_NAME.fullmatch(path.rsplit("/", 1)[-1])
        group = _class_of(found_class[1]) if found_class else ""
        items.append(Item(image_id(name, member), member, part, group, CIFAKE_LABELS[own]))
    _refuse_incomplete_cifake(name, archive, seen)
    return items


def _tiny_imagenet_tables(name: str, archive: Tables) -> list[Item]:
    """Tiny ImageNet as Hugging Face keeps it: of the tables `train…` and `valid…` the validation images alone."""
    items = []
    labels = archive.labels if archive.has_labels else [""] * len(archive.images)
    for member, own in zip(archive.images, labels or (), strict=True):
        if split_of(archive.part(member)) == "validation":
            items.append(Item(image_id(name, member), member, "", own, 0))
    if not items:
        raise UserError(
            f"source `{name}`: {archive.location} has no table `valid…`, whose images are those that are used; add it, "
            'or use kind = "images" with `label = "real"`'
        )
    return items


def _refuse_inverted(name: str, labels: dict[str, LabelName], what: str) -> None:
    for key, label in labels.items():
        if (other := meaning(key) or label) != label:
            raise UserError(
                f'source `{name}`: labels maps the {what} {show(key)} to "{label}": inverted labels? Write '
                f'"{other}", or rename the {what}'
            )


def _refuse_absent(name: str, archive: Archive, labels: dict[str, LabelName], items: list[Item]) -> None:
    absent = sorted(set(labels.values()) - {n for n, v in LABELS.items() if any(i.label == v for i in items)})
    if absent:
        raise UserError(
            f"source `{name}`: {archive.location} holds no image of the class {_names(absent)} that `labels` declares; "
            "add such images, or correct `labels`"
        )


def _refuse_half_parts(name: str, archive: Archive, items: list[Item]) -> None:
    if len({item.part == "" for item in items}) > 1:
        loose = next(item.member for item in items if not item.part)
        raise UserError(
            f"source `{name}`: {archive.location}: some images lie under `train` or `test`, but {show(loose)} under "
            "neither; move it, or rename these folders"
        )


def _parent(member: str) -> str:
    """The folder an image lies in; the tar or table it comes from is none."""
    folder = member.split("/")[-2] if "/" in member else ""
    if folder.endswith(".parquet") or TAR_NAME.fullmatch(folder):
        return ""
    return sys.intern(utf8(folder))  # one text for the million images of a folder


def utf8(text: str) -> str:
    """File names may hold bytes that are no UTF-8, tables may not: these are escaped."""
    return text.encode("utf-8", "backslashreplace").decode()


def _names(names: Iterable[str]) -> str:
    """`a`, `b`, `c` and how many more."""
    listed = list(names)
    more = f" and {len(listed) - 5} more" if len(listed) > 5 else ""
    return ", ".join(show(name) for name in listed[:5]) + more
