"""Tiny archives, and the real data where it lies beside the checkout."""

from __future__ import annotations

import io
import os
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from isitcap.errors import UserError

sys.path.insert(0, str(Path(__file__).parent))  # for `loopback_server`

from loopback_server import Loopback, serving

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"

Write = Callable[[str, Mapping[str, bytes]], Path]


@pytest.fixture(name="encoded")
def encoded_fixture() -> Callable[..., bytes]:
    """The function that makes an image file."""
    return encoded


@pytest.fixture(name="tiny_cifake")
def tiny_cifake_fixture() -> Callable[..., dict[str, bytes]]:
    """The function that makes a tiny CIFAKE."""
    return tiny_cifake


def encoded(seed: int = 0, size: tuple[int, int] = (32, 32), mode: str = "RGB", form: str = "JPEG") -> bytes:
    """An image file of smooth noise."""
    width, height = size
    samples = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(samples).convert(mode).save(buffer, format=form)
    return buffer.getvalue()


def tiny_cifake(prefix: str = "") -> dict[str, bytes]:
    """The published layout with one image of each of three CIFAR-10 classes in every folder."""
    folders = [f"{part}/{label}" for part in ("train", "test") for label in ("REAL", "FAKE")]
    names = [f"{folder}/0000{suffix}.jpg" for folder in folders for suffix in ("", " (2)", " (10)")]
    return {prefix + name: encoded(seed) for seed, name in enumerate(names)}


@pytest.fixture(params=["folder", "zip"])
def write(request: pytest.FixtureRequest, tmp_path: Path) -> Write:
    """Writes files as a folder, and again as a zip: both are read alike."""
    return write_folder(tmp_path) if request.param == "folder" else write_zip(tmp_path)


def write_folder(tmp_path: Path) -> Write:
    def to_folder(name: str, files: Mapping[str, bytes]) -> Path:
        root = tmp_path / name
        root.mkdir(exist_ok=True)
        for member, data in files.items():
            (root / member).parent.mkdir(parents=True, exist_ok=True)
            (root / member).write_bytes(data)
        return root

    return to_folder


def write_zip(tmp_path: Path) -> Write:
    def to_zip(name: str, files: Mapping[str, bytes]) -> Path:
        path = tmp_path / f"{name}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for member, data in files.items():
                archive.writestr(member, data)
        return path

    return to_zip


def write_tar(tmp_path: Path, suffix: str = ".tar") -> Write:
    def to_tar(name: str, files: Mapping[str, bytes]) -> Path:
        path = tmp_path / f"{name}{suffix}"
        with tarfile.open(path, "w:gz" if suffix.endswith("gz") else "w") as archive:
            for member, data in files.items():
                info = tarfile.TarInfo(member)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
        return path

    return to_tar


@pytest.fixture
def server() -> Iterator[Loopback]:
    """A server on the loopback address."""
    with serving() as loopback:
        yield loopback


@pytest.fixture(params=[".tar", ".tar.gz"])
def tarred(request: pytest.FixtureRequest, tmp_path: Path) -> Write:
    """Writes files as a tar, and again as a gzip one."""
    return write_tar(tmp_path, request.param)


@pytest.fixture
def zipped(tmp_path: Path) -> Write:
    return write_zip(tmp_path)


@pytest.fixture
def foldered(tmp_path: Path) -> Write:
    return write_folder(tmp_path)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of public data beside the checkout."""
    if not SHARED.is_dir():
        pytest.skip("no ../shared/data beside the checkout")
    return SHARED


@pytest.fixture(scope="session")
def real_cifake(shared: Path) -> Path:
    """The complete CIFAKE zip, as `unpack` of the shared data makes it."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "isitcap-data"
    path = cache / "cifake.zip"
    if not path.is_file():
        pytest.skip("cifake.zip is not unpacked; run ../shared/data/unpack on the folder isitcap-data of your cache")
    return path


@pytest.fixture
def refuses() -> Callable[..., AbstractContextManager[None]]:
    """Expects a refusal of one line that holds all these words."""

    @contextmanager
    def expect(*words: str) -> Iterator[None]:
        with pytest.raises(UserError) as error:
            yield
        text = str(error.value)
        assert "\n" not in text
        missing = [word for word in words if word not in text]
        assert not missing, f"{missing} not in: {text}"

    return expect
