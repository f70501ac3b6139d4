"""The two clients of the extra `fetch`: Hugging Face and Kaggle. They are imported when something is fetched."""

from __future__ import annotations

import importlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from isitcap import __version__
from isitcap.data.download import FULL, Address, full
from isitcap.errors import UserError


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file of a data set on the hub: `sha256` (hexadecimal) is empty where the hub does not state it."""

    path: str
    bytes: int
    sha256: str
    resolve: Callable[[], Address]


@dataclass(frozen=True, slots=True)
class Listing:
    """Files of a data set at one commit."""

    repository: str
    commit: str
    files: tuple[HubFile, ...]


def list_files(repository: str, folder: str, wanted: Callable[[str], bool]) -> Listing:
    """The files of a data set on Hugging Face under `folder` that are `wanted`, sorted by path, at its newest commit.

    The hub is that of `HF_ENDPOINT`, and the login that of `HF_TOKEN` or `hf auth login`.

    Raises:
        UserError: the client is not installed, or the hub cannot be reached, has no such set, or none of the files.
    """
    hub = _client("huggingface_hub")
    endpoint = (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")
    api = hub.HfApi(endpoint=endpoint, library_name="isitcap", library_version=__version__)
    with _in_one_line(f"{repository} on {urlsplit(endpoint).netloc}"):
        commit = api.dataset_info(repository).sha
        tree = list(
            api.list_repo_tree(repository, folder or None, recursive=True, revision=commit, repo_type="dataset")
        )
    found = sorted((entry for entry in tree if hasattr(entry, "size") and wanted(entry.path)), key=lambda e: e.path)
    if not found:
        where = f"under {folder} " if folder else ""
        raise UserError(f"{repository} on {urlsplit(endpoint).netloc}: none of the files expected {where}are there")

    def resolver(path: str, size: int, sha256: str) -> Callable[[], Address]:
        def resolve() -> Address:
            url = hub.hf_hub_url(repository, path, repo_type="dataset", revision=commit, endpoint=endpoint)
            with _in_one_line(f"{repository}: {path}"):
                about = hub.get_hf_file_metadata(url, endpoint=endpoint)
                headers = hub.utils.build_hf_headers()
            # The login is for the hub; a signed address on another host neither needs nor gets it.
            same = urlsplit(about.location).netloc == urlsplit(endpoint).netloc
            login = {"authorization": headers["authorization"]} if same and "authorization" in headers else {}
            return Address(about.location, size, sha256 or about.etag, login)

        return resolve

    files = []
    for entry in found:
        sha256 = getattr(entry.lfs, "sha256", "") or "" if entry.lfs else ""
        files.append(HubFile(entry.path, entry.size, sha256, resolver(entry.path, entry.size, sha256)))
    return Listing(repository, commit, tuple(files))


def fetch_kaggle(handle: str, target: Path) -> None:
    """A data set on Kaggle, unpacked by Kaggle's client into the folder `target`, which is there whole or not at all.

    The client continues an archive that was cut and verifies its checksum.

    Raises:
        UserError: the client is not installed, or Kaggle cannot be reached, has no such set, or asks for a login.
    """
    hub = _client("kagglehub")
    cache = target.parent / f".{target.name}.kaggle"
    with _in_one_line(f"{handle} on Kaggle"), _environment("KAGGLEHUB_CACHE", str(cache)):
        place = Path(hub.dataset_download(handle))
    place.rename(target)
    shutil.rmtree(cache, ignore_errors=True)


def _client(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise UserError(
            f"`isitcap data fetch` needs {error.name}, which is not installed; "
            "install it with: pip install 'isitcap[fetch]'"
        ) from None


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


@contextmanager
def _in_one_line(what: str) -> Iterator[None]:
    """Each client has errors of its own for the network, and they change with its version: any is the user's to mend.

    Raises:
        UserError: in place of any of them.
    """
    try:
        yield
    except (UserError, MemoryError):
        raise
    except OSError as error:
        if error.errno in FULL:
            raise full(Path(os.environ.get("KAGGLEHUB_CACHE", "."))) from None
        if error.errno is not None and error.filename is not None:
            raise UserError(
                f"{what}: {error.filename} cannot be written ({error.strerror}); choose another folder with --out"
            ) from None
        raise UserError(_reason(what, error)) from None
    except Exception as error:
        raise UserError(_reason(what, error)) from None


def _reason(what: str, error: Exception) -> str:
    code = getattr(getattr(error, "response", None), "status_code", None)
    remedy = {
        401: "it asks for a login, or is not there; log in (HF_TOKEN, KAGGLE_API_TOKEN) or choose another with --from",
        403: "it refuses access; accept its terms and log in, or choose another place with --from",
        404: "it is not there; choose another place with --from, or give a copy of your own with --data",
    }.get(code or 0)
    if remedy is not None:
        return f"{what}: answer {code}: {remedy}"
    text = " ".join(str(error).split())[:300] or type(error).__name__
    return f"{what} could not be fetched ({text}); the same command goes on, or choose another place with --from"
