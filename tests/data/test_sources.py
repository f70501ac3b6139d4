"""Which images a source holds, by their names, and which layouts are refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from isitcap.data.sources import CIFAR10_CLASSES, image_id, list_items
from isitcap.study.models import Source

Write = Callable[[str, Mapping[str, bytes]], Path]
Refuses = Callable[..., AbstractContextManager[None]]
Cifake = Callable[..., dict[str, bytes]]

CIFAKE = Source(kind="cifake")
TINY = Source(kind="tiny-imagenet")


def images(*names: str) -> dict[str, bytes]:
    return dict.fromkeys(names, b"never opened")


@pytest.mark.parametrize("prefix", ["", "cifake/", "a/b/"])
def test_cifake_is_read_from_its_published_layout(write: Write, tiny_cifake: Cifake, prefix: str) -> None:
    """Part and label come from the folders, the class from the suffix, under a leading folder or none."""
    items = list_items("cifake", CIFAKE, write("set", tiny_cifake(prefix)))
    assert len(items) == 12
    found = {(item.image_id, item.part, item.group, item.label) for item in items}
    assert (f"cifake/{prefix}train/FAKE/0000 (2).jpg", "train", "automobile", 1) in found
    assert (f"cifake/{prefix}test/REAL/0000.jpg", "test", "airplane", 0) in found
    assert [item.member for item in items] == sorted(item.member for item in items)


@pytest.mark.parametrize("missing", ["train/REAL", "train/FAKE", "test/REAL", "test/FAKE"])
def test_cifake_without_one_class_is_refused(write: Write, tiny_cifake: Cifake, refuses: Refuses, missing: str) -> None:
    """A missing class of a part is named."""
    files = {name: data for name, data in tiny_cifake().items() if not name.startswith(missing)}
    with refuses("cifake", missing, "both classes"):
        list_items("cifake", CIFAKE, write("set", files))


@pytest.mark.parametrize(
    "stray", ["train/real/0001.jpg", "validation/REAL/0001.jpg", "0001.jpg", "train/0001.jpg", "REAL/train/0001.jpg"]
)
def test_cifake_with_other_folders_is_refused(write: Write, tiny_cifake: Cifake, refuses: Refuses, stray: str) -> None:
    """A file outside {train,test}/{REAL,FAKE} is named; letters' case and order matter."""
    with refuses(stray, "{train,test}/{REAL,FAKE}"):
        list_items("cifake", CIFAKE, write("set", {**tiny_cifake(), stray: b"x"}))


@pytest.mark.parametrize("file", ["0001 (11).jpg", "0001 (0).jpg", "cat.jpg", "0001.png"])
def test_cifake_with_other_file_names_is_refused(
    write: Write, tiny_cifake: Cifake, refuses: Refuses, file: str
) -> None:
    """A file name without a CIFAR-10 class is named."""
    with refuses(file, "not one of CIFAKE's"):
        list_items("cifake", CIFAKE, write("set", {**tiny_cifake(), f"train/REAL/{file}": b"x"}))


def test_cifake_twice_in_one_archive_is_refused(write: Write, tiny_cifake: Cifake, refuses: Refuses) -> None:
    """Two copies side by side would count every image twice."""
    with refuses("more than once", "`copy`", "`cifake`"):
        list_items("cifake", CIFAKE, write("set", tiny_cifake("cifake/") | tiny_cifake("copy/")))


def test_tiny_imagenet_gives_its_validation_images_with_their_classes(write: Write) -> None:
    """Of the official layout only val/images is read, and val_annotations.txt names the groups."""
    files = images(
        "tiny-imagenet-200/train/n01/images/n01_0.JPEG",
        "tiny-imagenet-200/test/images/test_0.JPEG",
        "tiny-imagenet-200/val/images/val_0.JPEG",
        "tiny-imagenet-200/val/images/val_1.JPEG",
    )
    lines = b"val_0.JPEG\tn03444034\t0\t32\t44\t62\nval_1.JPEG\tn04067472\t52\t55\t57\t59\n"
    files["tiny-imagenet-200/val/val_annotations.txt"] = lines
    items = list_items("tiny", TINY, write("set", files))
    assert [(item.member[-10:], item.group, item.label, item.part) for item in items] == [
        ("val_0.JPEG", "n03444034", 0, ""),
        ("val_1.JPEG", "n04067472", 0, ""),
    ]


def test_tiny_imagenet_is_read_from_a_flat_collection(write: Write) -> None:
    """A plain collection of val_*.JPEG has no groups."""
    items = list_items("tiny", TINY, write("set", images("val_10.JPEG", "val_9.JPEG") | {"index.csv": b""}))
    assert [(item.image_id, item.group) for item in items] == [("tiny/val_10.JPEG", ""), ("tiny/val_9.JPEG", "")]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (images("cat.jpg", "val_1.JPEG"), ("cat.jpg", "val_*.JPEG")),
        (images("val/images/val_1.JPEG"), ("val_annotations.txt", "0 files")),
        (
            images("val/images/val_1.JPEG") | {"val/val_annotations.txt": b"val_2.JPEG\tn01\n"},
            ("lacks the image", "val_1"),
        ),
        (images("train/n01/images/n01_0.JPEG"), ("n01_0.JPEG", "official")),
    ],
)
def test_tiny_imagenet_of_another_layout_is_refused(
    write: Write, refuses: Refuses, files: dict[str, bytes], words: tuple[str, ...]
) -> None:
    """Foreign files, and images without a class, are named."""
    with refuses("source `tiny`", *words):
        list_items("tiny", TINY, write("set", files))


@pytest.mark.parametrize(("label", "number"), [("real", 0), ("synthetic", 1)])
def test_one_label_holds_for_all_images(write: Write, label: str, number: int) -> None:
    """A declared label holds everywhere; the group is the parent folder; `train` is no part here."""
    source = Source(kind="images", label=label)  # type: ignore[arg-type]
    items = list_items("mine", source, write("set", images("x.png", "train/cats/y.png")))
    assert [(item.label, item.group, item.part) for item in items] == [(number, "cats", ""), (number, "", "")]


@pytest.mark.parametrize(
    ("label", "folder", "other"),
    [
        ("real", "fake", "synthetic"),
        ("real", "FAKE", "synthetic"),
        ("real", "ai", "synthetic"),
        ("real", "Generated", "synthetic"),
        ("real", "1_fake", "synthetic"),
        ("synthetic", "REAL", "real"),
        ("synthetic", "0_real", "real"),
    ],
)
def test_a_folder_named_as_the_other_class_is_refused(
    write: Write, refuses: Refuses, label: str, folder: str, other: str
) -> None:
    """A label "real" over a folder `fake` is an inverted label; the remedy is spelled out."""
    source = Source(kind="images", label=label)  # type: ignore[arg-type]
    with refuses(f'label = "{label}"', f"`{folder}`", f'labels = {{ "{folder}" = "{other}"'):
        list_items("mine", source, write("set", images("a.png", f"x/{folder}/b.png")))


def test_a_folder_whose_name_only_contains_such_a_word_is_no_sign(write: Write) -> None:
    """`fakenham` and `ai-weiwei` are not `fake` and `ai`, and a file's own name says nothing."""
    source = Source(kind="images", label="real")
    assert len(list_items("mine", source, write("set", images("fakenham/fake.png", "ai-weiwei/b.png")))) == 2


def test_labels_by_folder_with_parts(write: Write) -> None:
    """Any folder on the way may be the labelled one; `train` and `test` set the part."""
    source = Source(kind="images", labels={"photo": "real", "sd": "synthetic"})
    files = images("train/photo/cats/1.png", "sd/train/2.png", "test/sd/3.png", "test/photo/4.png")
    items = list_items("mine", source, write("set", files))
    assert {(item.member, item.part, item.group, item.label) for item in items} == {
        ("train/photo/cats/1.png", "train", "cats", 0),
        ("sd/train/2.png", "train", "train", 1),
        ("test/sd/3.png", "test", "sd", 1),
        ("test/photo/4.png", "test", "photo", 0),
    }


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("photo/1.png", "sd/2.png", "new/3.png", "4.png"), ("`.`, `new`", "`photo`, `sd`")),
        (("photo/1.png", "photo/2.png"), ("`synthetic`", "no image of the class")),
        (("photo/sd/1.png", "sd/2.png"), ("2 folders", "photo/sd/1.png")),
        (("train/photo/1.png", "sd/2.png"), ("sd/2.png", "neither")),
        (("train/test/photo/1.png", "sd/2.png"), ("both `train` and `test`",)),
    ],
)
def test_labels_that_do_not_fit_the_folders_are_refused(
    write: Write, refuses: Refuses, names: tuple[str, ...], words: tuple[str, ...]
) -> None:
    """Unmapped folders, a class without images, two labels at once and half a partition are named."""
    source = Source(kind="images", labels={"photo": "real", "sd": "synthetic"})
    with refuses("source `mine`", *words):
        list_items("mine", source, write("set", images(*names)))


def test_inverted_labels_are_refused(write: Write, refuses: Refuses) -> None:
    """A mapping that calls FAKE real is taken for the mistake it is."""
    source = Source(kind="images", labels={"REAL": "synthetic", "FAKE": "real"})
    with refuses("`REAL`", "inverted", 'Write "real"'):
        list_items("mine", source, write("set", images("REAL/1.png", "FAKE/2.png")))


def test_an_embedded_source_has_no_files(tmp_path: Path) -> None:
    """Asking for an embedded set's files is a defect of the caller."""
    (tmp_path / "a.jpg").write_bytes(b"x")
    with pytest.raises(ValueError, match="embedded"):
        list_items("demo", Source(kind="embedded", embedded="train"), tmp_path)


def test_image_ids_are_valid_utf8() -> None:
    """Stray bytes of a file name are escaped, for tables hold UTF-8."""
    assert image_id("set", "a\udcff.jpg") == r"set/a\udcff.jpg"


def test_the_real_cifake_has_its_published_counts(real_cifake: Path) -> None:
    """5,000 images a class and label in train, 1,000 in test."""
    items = list_items("cifake", CIFAKE, real_cifake)
    counts = Counter((item.part, item.label, item.group) for item in items)
    assert counts == {
        (part, label, group): n
        for part, n in (("train", 5000), ("test", 1000))
        for label in (0, 1)
        for group in CIFAR10_CLASSES
    }


def test_the_real_tiny_imagenet_is_read(shared: Path) -> None:
    """The flat zip of validation images gives 2,000 real items."""
    items = list_items("tiny", TINY, shared / "tiny-imagenet-val.zip")
    assert (len(items), {item.label for item in items}) == (2000, {0})
