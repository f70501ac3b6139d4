"""Published sets into a folder, whole or a sample of a stream's beginning, against a server on the loopback address."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from filelock import FileLock
from loopback_server import COMMIT, Loopback
from PIL import Image as PillowImage

from isitcap.data import catalog
from isitcap.data import download as download_module
from isitcap.data import fetch as module
from isitcap.data.archives import open_archive
from isitcap.data.catalog import CATALOG, File
from isitcap.data.fetch import fetch
from isitcap.data.packs import prepare
from isitcap.data.sources import list_items
from isitcap.study.models import Image, Source

Refuses = Callable[..., AbstractContextManager[None]]

FAKES = "InfImagine/FakeImageDataset"


@pytest.fixture
def hub(server: Loopback, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Loopback:
    """The hub at the loopback address."""
    pytest.importorskip("huggingface_hub", reason="needs the extra `fetch`")
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "none"))
    monkeypatch.setattr(download_module, "WAIT", 0.0)
    return server


def noise(seed: int) -> bytes:
    stream = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (48, 48, 3), dtype=np.uint8)
    PillowImage.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def put_pieces(
    hub: Loopback, n: int = 60, size: int = 60_000, part: str = "train/IFv1-CC1M/IFv1-50", name: str = "IFv1-CC1M"
) -> dict[str, bytes]:
    """A gzip tar of `n` images in pieces; the images by name, in the order of the tar."""
    images = {f"IFv1-50/{(n - number) * 7:05}.png": noise(number) for number in range(n)}
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for member, data in images.items():
            info = tarfile.TarInfo(member)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    whole = stream.getvalue()
    for number, start in enumerate(range(0, len(whole), size)):
        hub.put_on_hub(FAKES, f"ImageData/{part}/{name}.tar.gz.{number:03}", whole[start : start + size])
    return images


def test_only_the_needed_beginning_of_a_stream_is_fetched(hub: Loopback, tmp_path: Path, monkeypatch: Any) -> None:
    """Of the first M images N are drawn and kept as they are; later pieces are not touched; the zip says all this."""
    monkeypatch.setattr(download_module, "CHUNK", 10_000)
    images = put_pieces(hub)
    assert len(hub.files) > 5
    result = fetch("IFv1-CC1M", tmp_path, images=6, read=15, seed=3, show=False)
    assert result.place == tmp_path / "IFv1-CC1M.zip"
    with open_archive(result.place) as archive:
        kept = {name: archive.read(name) for name in archive.images}
    first = list(images)[:15]
    assert len(kept) == 6
    assert set(kept) < set(first)
    assert all(kept[name] == images[name] for name in kept)
    touched = {path for _, path, _ in hub.asked if path in hub.files}
    assert touched == {f"/{FAKES}/ImageData/train/IFv1-CC1M/IFv1-50/IFv1-CC1M.tar.gz.{n:03}" for n in range(2)}
    assert "6 of the first 15 images of IFv1-CC1M" in result.notes[0]
    for word in (FAKES, COMMIT[:12], "seed 3", "a prefix of the set, no random sample of the whole"):
        assert word in result.notes[0]
    assert sorted(path.name for path in tmp_path.iterdir()) == [".IFv1-CC1M.lock", "IFv1-CC1M.zip"]
    source = Source(kind="images", label="synthetic")
    pack = prepare(
        "IFv1-CC1M", source, result.place, Image(), kernel="box", reencode=False, seed=0, cache=tmp_path / "cache"
    )
    assert pack.notes == result.notes


def test_the_draw_is_of_the_seed_alone(hub: Loopback, tmp_path: Path) -> None:
    """The same seed gives the same file to the byte, another one other images."""
    put_pieces(hub)
    made = [
        fetch("IFv1-CC1M", tmp_path / str(n), images=5, read=30, seed=seed, show=False).place.read_bytes()
        for n, seed in enumerate((0, 0, 1))
    ]
    assert made[0] == made[1] != made[2]


def test_what_is_there_is_not_fetched_again_and_not_mixed_up(hub: Loopback, tmp_path: Path, refuses: Refuses) -> None:
    """The same request asks the server nothing; another one is refused with what the zip holds."""
    put_pieces(hub)
    fetch("IFv1-CC1M", tmp_path, images=5, read=30, show=False)
    hub.asked.clear()
    again = fetch("IFv1-CC1M", tmp_path, images=5, read=30, show=False)
    assert "is there already" in again.notes[0]
    assert not hub.asked
    with refuses("another draw", "5 of the first 30 images", "--out"):
        fetch("IFv1-CC1M", tmp_path, images=7, read=30, show=False)


def test_a_stream_that_was_given_up_goes_on(hub: Loopback, tmp_path: Path, refuses: Refuses) -> None:
    """What was fetched of the pieces stays, and the next call asks only for the rest."""
    images = put_pieces(hub)
    second = f"/{FAKES}/ImageData/train/IFv1-CC1M/IFv1-50/IFv1-CC1M.tar.gz.001"
    hub.cuts[second] = [25_000, 0, 0, 0, 0, 0]
    with refuses("IFv1-CC1M.tar.gz.001", "the same command goes on"):
        fetch("IFv1-CC1M", tmp_path, images=20, read=20, show=False)
    assert not (tmp_path / "IFv1-CC1M.zip").exists()
    hub.cuts.clear()
    hub.asked.clear()
    result = fetch("IFv1-CC1M", tmp_path, images=20, read=20, show=False)
    with open_archive(result.place) as archive:
        assert set(archive.images) == set(list(images)[:20])
    ranges = {path[-3:]: asked for method, path, asked in hub.asked if path in hub.files}
    assert "000" not in ranges
    assert ranges["001"] == "bytes=25000-"


def test_fewer_images_than_asked_for_are_all_taken(hub: Loopback, tmp_path: Path) -> None:
    """A small set ends before M; one tar that is not in pieces is read as well."""
    images = put_pieces(hub, n=9, size=10**9, part="val/Midjourneyv5-5K", name="Midjourneyv5-5K")
    name = next(iter(hub.files))
    hub.files[name.removesuffix(".000")] = hub.files.pop(name)
    result = fetch("Midjourneyv5-5K", tmp_path, images=50, show=False)
    with open_archive(result.place) as archive:
        assert {n: archive.read(n) for n in archive.images} == images
    assert "9 of the first 9 images" in result.notes[0]


def test_a_hostile_stream_is_refused_and_writes_nothing(hub: Loopback, tmp_path: Path, refuses: Refuses) -> None:
    """A name that climbs out of a fetched tar ends the fetch, and nothing lies outside the folder."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("../../evil.png"))
    hub.put_on_hub(FAKES, "ImageData/val/cogview2-22K/cogview2-22K.tar.gz", stream.getvalue())
    with refuses("cogview2-22K", "evil.png", "climbs out"):
        fetch("cogview2-22K", tmp_path / "in" / "out", images=5, show=False)
    assert not list(tmp_path.rglob("*evil*"))
    assert not list(tmp_path.rglob("*.zip"))


def test_pieces_that_are_missing_on_the_hub_are_named(hub: Loopback, tmp_path: Path, refuses: Refuses) -> None:
    """A gap in the numbers would read the wrong bytes."""
    put_pieces(hub)
    del hub.files[f"/{FAKES}/ImageData/train/IFv1-CC1M/IFv1-50/IFv1-CC1M.tar.gz.001"]
    with refuses("not all there"):
        fetch("IFv1-CC1M", tmp_path, images=5, show=False)


def test_a_damaged_piece_is_one_line(hub: Loopback, tmp_path: Path, refuses: Refuses) -> None:
    """Bytes that are no gzip end the fetch with how far it came."""
    hub.put_on_hub(FAKES, "ImageData/train/IFv1-CC1M/x/IFv1-CC1M.tar.gz.000", b"\x1f\x8b" + os.urandom(5000))
    with refuses("IFv1-CC1M", "damaged after 0 images"):
        fetch("IFv1-CC1M", tmp_path, images=5, show=False)


def put_cifake(hub: Loopback, files: dict[str, bytes]) -> None:
    for part in ("train", "test"):
        chosen = {name: data for name, data in files.items() if name.startswith(part)}
        images = [{"bytes": data, "path": name.rsplit("/", 1)[-1]} for name, data in chosen.items()]
        labels = [("FAKE", "REAL").index(name.split("/")[1]) for name in chosen]
        kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
        features = {"image": {"_type": "Image"}, "label": {"names": ["FAKE", "REAL"], "_type": "ClassLabel"}}
        table = pa.table({"image": pa.array(images, kind), "label": labels})
        stream = io.BytesIO()
        about = {"huggingface": json.dumps({"info": {"features": features}})}
        pq.write_table(table.replace_schema_metadata(about), stream)
        hub.put_on_hub(CATALOG["cifake"].repository, f"data/{part}-00000-of-00001.parquet", stream.getvalue())
    hub.put_on_hub(CATALOG["cifake"].repository, "README.md", b"x")


def test_cifake_is_fetched_as_tables_and_read_by_the_study(hub: Loopback, tmp_path: Path, tiny_cifake: Any) -> None:
    """The tables alone come, verified, as a folder that the kind `cifake` reads; a cut is taken up again."""
    put_cifake(hub, tiny_cifake())
    path = f"/{CATALOG['cifake'].repository}/data/train-00000-of-00001.parquet"
    hub.cuts[path] = [1000]
    result = fetch("cifake", tmp_path, show=False)
    assert sorted(p.name for p in result.place.iterdir()) == [
        "test-00000-of-00001.parquet",
        "train-00000-of-00001.parquet",
    ]
    assert len(list_items("cifake", Source(kind="cifake"), result.place)) == 12
    assert "bytes=1000-" in {asked for _, _, asked in hub.asked}
    hub.asked.clear()
    assert "is there already" in fetch("cifake", tmp_path, show=False).notes[0]
    assert not hub.asked


def test_a_table_of_other_content_than_listed_is_refused(
    hub: Loopback, tmp_path: Path, tiny_cifake: Any, refuses: Refuses
) -> None:
    """The hash in the hub's listing is asked of every file."""
    put_cifake(hub, tiny_cifake())
    path = f"/{CATALOG['cifake'].repository}/data/train-00000-of-00001.parquet"
    data = bytearray(hub.files[path])
    data[2000] ^= 1
    hub.swapped[path] = bytes(data)
    with refuses("train-00000-of-00001.parquet", "SHA256", "thrown away"):
        fetch("cifake", tmp_path, show=False)
    assert not (tmp_path / "cifake").exists()


def test_the_official_zip_is_checked_by_its_published_sum(
    server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refuses: Refuses
) -> None:
    """Tiny ImageNet comes without a client, as its zip; another content is thrown away."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("tiny-imagenet-200/val/images/val_0.JPEG", b"x")
        archive.writestr("tiny-imagenet-200/val/val_annotations.txt", "val_0.JPEG\tn01443537\t0\t0\t1\t1\n")
    data = stream.getvalue()
    server.files["/tiny.zip"] = data
    entry = CATALOG["tiny-imagenet"]
    official = File(server.url + "/tiny.zip", len(data), hashlib.md5(data).hexdigest())
    changed = catalog.Entry(entry.name, "", "", entry.repository, tables="data", official=official)
    monkeypatch.setitem(CATALOG, "tiny-imagenet", changed)
    place = fetch("tiny-imagenet", tmp_path, show=False).place
    assert [item.group for item in list_items("tiny", Source(kind="tiny-imagenet"), place)] == ["n01443537"]
    server.swapped["/tiny.zip"] = bytes(reversed(data))
    with refuses("tiny-imagenet", "MD5"):
        fetch("tiny-imagenet", tmp_path / "other", show=False)
    assert not list((tmp_path / "other").glob("*.zip"))


def test_kaggle_gives_the_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`--from kaggle` asks Kaggle's client for the set's handle."""
    asked = []
    monkeypatch.setattr(module, "fetch_kaggle", lambda handle, place: asked.append(handle) or place.mkdir())
    assert fetch("cifake", tmp_path, origin="kaggle", show=False).place == tmp_path / "cifake"
    assert asked == ["birdy654/cifake-real-and-ai-generated-synthetic-images"]


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("imagenet", {}, ("no such set", "cifake, tiny-imagenet, IFv1-CC1M")),
        ("cifake", {"origin": "official"}, ("--from official", "huggingface, kaggle")),
        ("cifake", {"images": 5}, ("comes whole", "`limit`")),
        ("IFv1-CC1M", {"images": 0}, ("--images 0",)),
        ("IFv1-CC1M", {"images": 9, "read": 5}, ("--read 5",)),
        ("IFv1-CC1M", {"seed": -1}, ("--seed -1",)),
    ],
)
def test_what_cannot_be_asked_for_is_one_line(
    tmp_path: Path, name: str, options: dict[str, Any], words: tuple[str, ...], refuses: Refuses
) -> None:
    """Names, places and numbers that make no sense are refused before anything is asked of the network."""
    with refuses(*words):
        fetch(name, tmp_path / "data", show=False, **options)
    assert not (tmp_path / "data").exists()


def test_two_fetches_of_one_set_do_not_meet(tmp_path: Path, refuses: Refuses) -> None:
    """The second one says that the first is at it."""
    with FileLock(tmp_path / ".cifake.lock"), refuses("another process is fetching"):
        fetch("cifake", tmp_path, show=False)


def test_a_full_disk_is_one_line_and_can_be_mended(hub: Loopback, tmp_path: Path) -> None:
    """A file that may not grow ends the command with 2 and one line; the same command then goes on to the end."""
    put_pieces(hub, n=60, size=10**9)
    program = """
import resource, sys
from isitcap.cli import main
if sys.argv[1] == "limited":
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
sys.exit(main(["data", "fetch", "IFv1-CC1M", "--out", sys.argv[2], "--images", "20", "--read", "20", "--quiet"]))
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", program]
    failed = subprocess.run([*command, "limited", str(tmp_path)], capture_output=True, text=True, env=environment)
    assert failed.returncode == 2, failed.stderr
    assert len(failed.stderr.splitlines()) == 1, failed.stderr
    assert "no space left" in failed.stderr
    assert not list(tmp_path.glob("*.zip"))
    again = subprocess.run([*command, "free", str(tmp_path)], capture_output=True, text=True, env=environment)
    assert again.returncode == 0, again.stderr
    assert again.stdout == f"{tmp_path / 'IFv1-CC1M.zip'}\n"
    assert "bytes=50000-" in {asked for _, _, asked in hub.asked}
