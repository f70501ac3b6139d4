"""The real clients of Hugging Face and Kaggle, against a server on the loopback address that speaks their protocols."""

from __future__ import annotations

import hashlib
import io
import sys
import zipfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from loopback_server import COMMIT, Loopback

from isitcap.data import download as download_module
from isitcap.data.download import download
from isitcap.data.hub import fetch_kaggle, list_files

Refuses = Callable[..., AbstractContextManager[None]]

REPOSITORY = "someone/a-set"


@pytest.fixture
def hub(server: Loopback, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Loopback:
    """Hugging Face's client, pointed at the server, without a login of the user's."""
    pytest.importorskip("huggingface_hub", reason="needs the extra `fetch`")
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "none"))
    monkeypatch.setattr(download_module, "WAIT", 0.0)
    return server


@pytest.fixture
def kaggle(server: Loopback, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Loopback:
    """Kaggle's client, pointed at the server by the environment it knows for a server on the own machine."""
    pytest.importorskip("kagglehub", reason="needs the extra `fetch`")
    from kagglesdk import kaggle_env

    monkeypatch.setenv("KAGGLE_API_ENVIRONMENT", "LOCALHOST")
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path / "none"))
    for name in ("KAGGLE_USERNAME", "KAGGLE_KEY", "KAGGLE_API_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    # Its address has no port of its own, so that the server would have to be root's.
    monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.LOCAL, f"http://localhost:{server.port}")
    return server


def zipped(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return stream.getvalue()


def test_files_are_listed_with_sizes_and_hashes_at_one_commit(hub: Loopback, tmp_path: Path) -> None:
    """Only what is wanted under the folder; each can be fetched from where the hub redirects to."""
    data = b"x" * 5000
    hub.put_on_hub(REPOSITORY, "data/b.parquet", data)
    hub.put_on_hub(REPOSITORY, "data/a.parquet", b"y")
    hub.put_on_hub(REPOSITORY, "data/README.md", b"z")
    hub.put_on_hub(REPOSITORY, "other/c.parquet", b"z")
    listing = list_files(REPOSITORY, "data", lambda path: path.endswith(".parquet"))
    assert (listing.repository, listing.commit) == (REPOSITORY, COMMIT)
    assert [(file.path, file.bytes) for file in listing.files] == [("data/a.parquet", 1), ("data/b.parquet", 5000)]
    file = listing.files[1]
    assert file.sha256 == hashlib.sha256(data).hexdigest()
    address = file.resolve()
    assert address.url == f"http://localhost:{hub.port}/{REPOSITORY}/data/b.parquet"
    assert (address.bytes, address.etag) == (5000, file.sha256)
    download("b", file.resolve, tmp_path / "b.parquet", checksum=("sha256", file.sha256))
    assert (tmp_path / "b.parquet").read_bytes() == data


def test_a_login_goes_to_the_hub_alone(hub: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address on another host, which is signed, comes without the token."""
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    hub.put_on_hub(REPOSITORY, "a.parquet", b"y")
    address = list_files(REPOSITORY, "", lambda path: True).files[0].resolve()
    assert not address.headers


def test_what_the_hub_does_not_have_is_one_line(hub: Loopback, refuses: Refuses) -> None:
    """A repository or folder that is not there, or none of the files in it, are told apart from a defect."""
    with refuses("no/such", "it is not there"):
        list_files("no/such", "", lambda path: True)
    hub.put_on_hub(REPOSITORY, "data/a.txt", b"y")
    with refuses(REPOSITORY, "it is not there"):
        list_files(REPOSITORY, "nowhere", lambda path: True)
    with refuses(REPOSITORY, "none of the files expected under data"):
        list_files(REPOSITORY, "data", lambda path: path.endswith(".parquet"))


def test_a_hub_out_of_reach_is_one_line(hub: Loopback, monkeypatch: pytest.MonkeyPatch, refuses: Refuses) -> None:
    """The client's own error for the network does not come through."""
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with refuses(REPOSITORY, "127.0.0.1:9", "could not be fetched"):
        list_files(REPOSITORY, "", lambda path: True)


@pytest.mark.parametrize("name", ["huggingface_hub", "kagglehub"])
def test_a_client_that_is_not_installed_is_one_line(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refuses: Refuses
) -> None:
    """The remedy is the command that installs it."""
    monkeypatch.setitem(sys.modules, name, None)
    with refuses(name, "pip install 'isitcap[fetch]'"):
        if name == "kagglehub":
            fetch_kaggle("some/set", tmp_path / "set")
        else:
            list_files(REPOSITORY, "", lambda path: True)


def test_kaggles_archive_is_unpacked_and_taken_up_again(kaggle: Loopback, tmp_path: Path, refuses: Refuses) -> None:
    """A connection cut half-way is one line and leaves no set; the next call fetches the rest alone."""
    files = {f"train/REAL/{n}.jpg": bytes([n]) * 40_000 for n in range(30)}
    kaggle.files["/kaggle.zip"] = data = zipped(files)
    kaggle.cuts["/kaggle.zip"] = [500_000]
    with refuses("someone/a-set on Kaggle", "the same command goes on"):
        fetch_kaggle(REPOSITORY, tmp_path / "set")
    assert not (tmp_path / "set").exists()
    kaggle.cuts.clear()
    fetch_kaggle(REPOSITORY, tmp_path / "set")
    assert {str(p.relative_to(tmp_path / "set")): p.read_bytes() for p in (tmp_path / "set").rglob("*.jpg")} == files
    assert kaggle.asked[-1][2].startswith("bytes=")
    assert int(kaggle.asked[-1][2][6:-1]) < len(data)
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_a_wrong_checksum_of_kaggles_is_one_line(kaggle: Loopback, tmp_path: Path, refuses: Refuses) -> None:
    """The client's own checksum of the archive is asked."""
    kaggle.files["/kaggle.zip"] = zipped({"a.jpg": b"x"})
    kaggle.swapped["/kaggle.zip"] = zipped({"a.jpg": b"y"})
    with refuses("MD5"):
        fetch_kaggle(REPOSITORY, tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_what_kaggle_does_not_have_is_one_line(kaggle: Loopback, tmp_path: Path, refuses: Refuses) -> None:
    """A missing set names the other ways."""
    kaggle.statuses["/api/v1/datasets.DatasetApiService/GetDataset"] = [404]
    with refuses("404", "it is not there", "--from"):
        fetch_kaggle(REPOSITORY, tmp_path / "set")
