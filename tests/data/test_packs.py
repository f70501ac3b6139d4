"""A source of files becomes a pack, once."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage

from isitcap.data import packs
from isitcap.data.packs import Pack, items_used, prepare
from isitcap.data.pixels import decode, fit, reencode
from isitcap.data.sources import open_source
from isitcap.study.models import Image, Source

Write = Callable[[str, Mapping[str, bytes]], Path]
Refuses = Callable[..., AbstractContextManager[None]]
Encoded = Callable[..., bytes]

REAL = Source(kind="images", label="real")


def make(location: Path, cache: Path, source: Source = REAL, **changes: Any) -> Pack:
    given: dict[str, Any] = {"kernel": "bilinear", "reencode": False, "seed": 0, "progress": False, **changes}
    return prepare("mine", source, location, given.pop("image", Image()), cache=cache, **given)


def test_pixels_are_decoded_resized_and_indexed(write: Write, encoded: Encoded, tmp_path: Path) -> None:
    """Each row holds one image through `fit`, with its id, group, label and the hash of the original bytes."""
    files = {"a/1.jpg": encoded(1), "b/2.png": encoded(2, (80, 64), form="PNG")}
    pack = make(write("set", files), tmp_path / "cache")
    for pixels, data in zip(pack.pixels, files.values(), strict=True):
        assert np.array_equal(pixels, np.asarray(fit(decode(data), 32, "bilinear")))
    assert pack.index["image_id"].tolist() == ["mine/a/1.jpg", "mine/b/2.png"]
    assert pack.index["group"].tolist() == ["a", "b"]
    assert pack.index["label"].tolist() == [0, 0]
    assert pack.index["sha256"].tolist() == [hashlib.sha256(data).hexdigest() for data in files.values()]
    assert (pack.resized, pack.kernel, pack.reencoded, pack.size, pack.broken) == (1, "bilinear", False, 32, ())


def test_reencoding_is_the_last_step(write: Write, encoded: Encoded, tmp_path: Path) -> None:
    """With `reencode` each image goes through one JPEG after the resize."""
    data = encoded(3, (64, 64), form="PNG")
    pack = make(write("set", {"a.png": data}), tmp_path / "cache", reencode=True, kernel="lanczos")
    assert np.array_equal(pack.pixels[0], np.asarray(reencode(fit(decode(data), 32, "lanczos"))))
    assert pack.reencoded


def test_folder_and_zip_of_the_same_files_have_the_same_content(
    foldered: Write, zipped: Write, encoded: Encoded, tmp_path: Path
) -> None:
    """How the files are kept does not show in the content hash."""
    files = {f"{n}.jpg": encoded(n) for n in range(4)}
    hashes = {make(write("set", files), tmp_path / "cache").content_hash for write in (foldered, zipped)}
    assert len(hashes) == 1


def test_a_second_start_opens_no_image(
    write: Write, encoded: Encoded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the cache nothing is decoded; of another kernel, size, source or a changed file everything is."""
    path = write("set", {f"{n}.jpg": encoded(n, (64, 64)) for n in range(3)})
    first = make(path, tmp_path / "cache")
    opened = []
    monkeypatch.setattr(packs, "decode", lambda data: opened.append(1) or decode(data))
    assert make(path, tmp_path / "cache").content_hash == first.content_hash
    assert make(path, tmp_path / "cache", seed=7).content_hash == first.content_hash
    assert not opened
    for changes in (
        {"kernel": "box"},
        {"reencode": True},
        {"image": Image(size=16)},
        {"source": Source(kind="images", label="synthetic")},
        {"source": Source(kind="images", label="real", limit=3)},
    ):
        opened.clear()
        make(path, tmp_path / "cache", **changes)
        assert len(opened) == 3, changes
    opened.clear()
    os.utime(path if path.is_file() else path / "0.jpg", ns=(1, 1))
    make(path, tmp_path / "cache")
    assert len(opened) == 3


def test_broken_images_are_named_and_left_out(write: Write, encoded: Encoded, tmp_path: Path) -> None:
    """Each is in `broken` with its reason, also from the cache, and the others are whole."""
    files = {f"{n}.jpg": encoded(n) for n in range(8)}
    files |= {"cut.jpg": encoded(9)[:300], "text.jpg": b"<html>404</html>"}
    path = write("set", files)
    source = Source(kind="images", label="real", max_broken=0.2)
    for _ in range(2):
        pack = make(path, tmp_path / "cache", source)
        assert len(pack) == 8
        assert [image_id for image_id, _ in pack.broken] == ["mine/cut.jpg", "mine/text.jpg"]
        assert "truncated" in pack.broken[0][1].lower()
        assert "not an image" in pack.broken[1][1]


def test_too_many_broken_images_refuse_the_source(
    write: Write, encoded: Encoded, tmp_path: Path, refuses: Refuses
) -> None:
    """Above `max_broken` one line counts them and names the first; nothing is kept of the attempt."""
    files = {f"{n}.jpg": encoded(n) for n in range(4)} | {f"bad{n}.jpg": b"no" for n in range(5)}
    with refuses("5 of 9 images", "mine/bad0.jpg", "and 2 more", "sources.mine.max_broken", "0.01"):
        make(write("set", files), tmp_path / "cache")
    assert not [path for path in (tmp_path / "cache").iterdir() if path.is_dir()]


def test_a_stricter_study_refuses_a_pack_from_the_cache(
    write: Write, encoded: Encoded, tmp_path: Path, refuses: Refuses
) -> None:
    """`max_broken` is asked again of a pack that an indulgent study made."""
    path = write("set", {"a.jpg": encoded(0), "b.jpg": b"no"})
    make(path, tmp_path / "cache", Source(kind="images", label="real", max_broken=0.5))
    with refuses("1 of 2 images"):
        make(path, tmp_path / "cache")


def test_a_source_of_broken_images_alone_is_refused(write: Write, tmp_path: Path, refuses: Refuses) -> None:
    """Even max_broken = 1 needs one image."""
    with refuses("1 of 1 images"):
        make(write("set", {"a.jpg": b"no"}), tmp_path / "cache", Source(kind="images", label="real", max_broken=1))


def test_a_decompression_bomb_among_good_images_is_broken(write: Write, encoded: Encoded, tmp_path: Path) -> None:
    """A file of 100,000 × 1,000 pixels is left out with that reason, and its neighbours stay."""
    buffer = io.BytesIO()
    PillowImage.new("1", (100_000, 1_000)).save(buffer, format="PNG")
    path = write("set", {"a.jpg": encoded(0), "bomb.png": buffer.getvalue()})
    pack = make(path, tmp_path / "cache", Source(kind="images", label="real", max_broken=0.5))
    assert len(pack) == 1
    assert pack.broken == (("mine/bomb.png", "declares more than 50,000,000 pixels"),)


def test_a_limit_is_drawn_by_seed_in_proportion(write: Write, tiny_cifake: Callable[..., Any], tmp_path: Path) -> None:
    """Eight of twelve, two from each folder; the same for one seed, others for another."""
    path = write("set", tiny_cifake())
    source = Source(kind="cifake", limit=8)
    drawn = [make(path, tmp_path / "cache", source, seed=seed).index for seed in (1, 1, 2, 3, 4)]
    for index in drawn:
        assert index.groupby(["part", "label"]).size().tolist() == [2, 2, 2, 2]
    ids = [tuple(index["image_id"]) for index in drawn]
    assert ids[0] == ids[1]
    assert len(set(ids)) > 1


def test_a_part_alone_is_read(
    write: Write, tiny_cifake: Callable[..., Any], tmp_path: Path, refuses: Refuses, encoded: Encoded
) -> None:
    """`part` keeps the images of one part, the limit is drawn among these; a source without parts is refused."""
    location = write("set", tiny_cifake())
    pack = make(location, tmp_path / "cache", Source(kind="cifake", part="test"))
    assert (len(pack), set(pack.index["part"])) == (6, {"test"})
    few = make(location, tmp_path / "cache", Source(kind="cifake", part="test", limit=2))
    assert (len(few), set(few.index["part"]), sorted(few.index["label"])) == (2, {"test"}, [0, 1])
    bare = write("bare", {"a.png": encoded(1)})
    with refuses("no part `test`", "folders `train` and `test`"):
        make(bare, tmp_path / "cache", Source(kind="images", label="real", part="test"))


def test_a_full_disk_names_folder_and_need(
    write: Write, encoded: Encoded, tmp_path: Path, refuses: Refuses, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ENOSPC while writing pixels is one line, and the temporary folder goes."""
    path = write("set", {f"{n}.jpg": encoded(n) for n in range(3)})

    def full(self: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("isitcap.data.store.PackWriter._flush", full)
    with refuses("no space left", "cache", "1 MB"):
        make(path, tmp_path / "cache")
    assert not [entry for entry in (tmp_path / "cache").iterdir() if entry.is_dir()]


def test_the_bar_goes_to_standard_error_alone(
    write: Write, encoded: Encoded, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Progress is shown where asked for, and never on standard output."""
    path = write("set", {"a.jpg": encoded(0)})
    make(path, tmp_path / "quiet")
    assert capsys.readouterr() == ("", "")
    make(path, tmp_path / "shown", progress=True)
    out, err = capsys.readouterr()
    assert (out, "mine" in err) == ("", True)


def test_damage_within_a_zip_is_a_broken_image(zipped: Write, encoded: Encoded, tmp_path: Path) -> None:
    """A member that fails its checksum is named; the rest is read."""
    files = {f"{n}.png": encoded(n, form="PNG") for n in range(3)}
    path = zipped("set", files)
    with zipfile.ZipFile(path) as archive:
        offset = archive.getinfo("1.png").header_offset + 500
    data = bytearray(path.read_bytes())
    data[offset] ^= 255
    path.write_bytes(data)
    pack = make(path, tmp_path / "cache", Source(kind="images", label="real", max_broken=0.5))
    assert [image_id for image_id, _ in pack.broken] == ["mine/1.png"]
    assert len(pack) == 2


@pytest.mark.parametrize(
    ("name", "n", "label", "resized"),
    [
        ("tiny-imagenet-val", 300, 0, 300),
        ("sd3-portraits", 200, 1, 200),
        ("imagen-dallemini", 300, 1, 300),
    ],
)
def test_the_real_sets_are_read(shared: Path, tmp_path: Path, name: str, n: int, label: int, resized: int) -> None:
    """The out-of-sample zips give packs without a broken image."""
    kind = "tiny-imagenet" if name.startswith("tiny") else "images"
    given = None if kind == "tiny-imagenet" else "synthetic"
    source = Source(kind=kind, label=given, limit=300)  # type: ignore[arg-type]
    pack = make(shared / f"{name}.zip", tmp_path, source, reencode=True)
    assert (len(pack), set(pack.index["label"]), pack.resized, pack.broken) == (n, {label}, resized, ())


def test_the_real_cifake_is_read_untouched(real_cifake: Path, tmp_path: Path) -> None:
    """Its files are 32 px already: none is resized, none is broken, and the channels' means are the published ones."""
    pack = make(real_cifake, tmp_path, Source(kind="cifake", limit=3000))
    assert (len(pack), pack.resized, pack.broken) == (3000, 0, ())
    for label, mean in ((0, (0.4913, 0.4821, 0.4465)), (1, (0.4527, 0.4437, 0.3891))):
        pixels = pack.pixels[pack.index["label"].to_numpy() == label]
        assert np.abs(pixels.mean(axis=(0, 1, 2)) / 255 - mean).max() < 0.02


def test_a_draw_is_of_the_part_and_by_its_groups(write: Write, tiny_cifake: Callable[..., Any], tmp_path: Path) -> None:
    """Part, groups and limit together: the pack holds what `items_used` lists, in that order, and of one part."""
    files = tiny_cifake()
    rows = [f"{name},{'one' if '(2)' in name else 'two'}" for name in files]
    files["index.csv"] = "\n".join(["file,kind", *rows]).encode()
    location = write("set", files)
    labels: Any = {"REAL": "real", "FAKE": "synthetic"}
    source = Source(kind="images", labels=labels, part="test", groups="kind", limit=4)
    pack = make(location, tmp_path / "cache", source, seed=3)
    with open_source(source, location) as archive:
        items = items_used("mine", source, archive, 3)
    assert [item.image_id for item in items] == pack.index["image_id"].tolist()
    assert len(items) == 4
    assert {item.part for item in items} == {"test"}
    assert {item.group for item in items} == {"one", "two"}
