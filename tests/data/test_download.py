"""Downloads that go on where they stopped, against a server on the loopback address."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from loopback_server import Loopback

from isitcap.data import download as module
from isitcap.data.download import Address, Remote, RemotePieces, download

Refuses = Callable[..., AbstractContextManager[None]]

DATA = os.urandom(3_000_001)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No waiting between attempts, and a short patience."""
    monkeypatch.setattr(module, "WAIT", 0.0)
    monkeypatch.setattr(module, "TIMEOUT", 5.0)


def address(server: Loopback, path: str = "/set.zip", size: int | None = None) -> Callable[[], Address]:
    return lambda: Address(server.url + path, size)


def md5(data: bytes) -> tuple[str, str]:
    return "md5", hashlib.md5(data).hexdigest()


def test_a_file_is_there_whole_with_nothing_beside_it(server: Loopback, tmp_path: Path) -> None:
    """Size and checksum fit, and the part is gone."""
    server.files["/set.zip"] = DATA
    download("set", address(server, size=len(DATA)), tmp_path / "set.zip", checksum=md5(DATA))
    assert (tmp_path / "set.zip").read_bytes() == DATA
    assert [path.name for path in tmp_path.iterdir()] == ["set.zip"]


def test_a_connection_cut_half_way_is_taken_up_again(server: Loopback, tmp_path: Path) -> None:
    """Within one call the rest is asked for by its range; no byte comes twice."""
    server.files["/set.zip"] = DATA
    server.cuts["/set.zip"] = [1_000_000, 700_000]
    download("set", address(server), tmp_path / "set.zip", checksum=md5(DATA))
    assert (tmp_path / "set.zip").read_bytes() == DATA
    assert [asked[2] for asked in server.asked] == ["", "bytes=1000000-", "bytes=1700000-"]
    assert server.sent == len(DATA)


def test_a_download_that_was_given_up_goes_on_next_time(server: Loopback, tmp_path: Path, refuses: Refuses) -> None:
    """After five cuts in a row one line says so and the part stays; the next call fetches only the rest."""
    server.files["/set.zip"] = DATA
    server.cuts["/set.zip"] = [1_500_000, 0, 0, 0, 0, 0]
    with refuses("set", "5 times in a row", "the same command goes on"):
        download("set", address(server), tmp_path / "set.zip", checksum=md5(DATA))
    assert not (tmp_path / "set.zip").exists()
    server.cuts.clear()
    before = server.sent
    download("set", address(server), tmp_path / "set.zip", checksum=md5(DATA))
    assert (tmp_path / "set.zip").read_bytes() == DATA
    assert server.sent - before == len(DATA) - 1_500_000


@pytest.mark.parametrize("etags", [True, False])
def test_a_part_of_another_file_is_not_continued(
    server: Loopback, tmp_path: Path, etags: bool, refuses: Refuses
) -> None:
    """When the server's file has changed, or cannot be told from another, everything is fetched again."""
    server.files["/set.zip"] = DATA
    server.cuts["/set.zip"] = [1_500_000, 0, 0, 0, 0, 0]
    if not etags:
        server.without_etags.add("/set.zip")
    with refuses("set"):
        download("set", address(server), tmp_path / "set.zip")
    server.cuts.clear()
    server.files["/set.zip"] = other = os.urandom(len(DATA))
    download("set", address(server), tmp_path / "set.zip", checksum=md5(other))
    assert (tmp_path / "set.zip").read_bytes() == other


def test_a_server_that_ignores_ranges_is_read_from_the_start(server: Loopback, tmp_path: Path) -> None:
    """An answer of 200 to a range replaces what was there instead of being appended to it."""
    server.files["/set.zip"] = DATA
    server.cuts["/set.zip"] = [1_000_000]
    server.without_ranges.add("/set.zip")
    download("set", address(server), tmp_path / "set.zip", checksum=md5(DATA))
    assert (tmp_path / "set.zip").read_bytes() == DATA


def test_a_wrong_checksum_is_thrown_away(server: Loopback, tmp_path: Path, refuses: Refuses) -> None:
    """What does not fit is neither kept nor continued."""
    server.files["/set.zip"] = DATA
    with refuses("MD5", "thrown away", "--from"):
        download("set", address(server), tmp_path / "set.zip", checksum=md5(b"another"))
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_size_is_refused_before_it_is_fetched(server: Loopback, tmp_path: Path, refuses: Refuses) -> None:
    """A page of 10 kB in place of a file of megabytes is another file."""
    server.files["/set.zip"] = DATA[:10_000]
    with refuses("10,000 bytes instead of 3,000,001"):
        download("set", address(server, size=len(DATA)), tmp_path / "set.zip")
    assert not (tmp_path / "set.zip").exists()


@pytest.mark.parametrize(("status", "word"), [(404, "it is not there"), (401, "HF_TOKEN"), (410, "Gone")])
def test_a_refusal_is_one_line_at_once(
    server: Loopback, tmp_path: Path, status: int, word: str, refuses: Refuses
) -> None:
    """What will not change by asking again is not asked again."""
    server.files["/set.zip"] = DATA
    server.statuses["/set.zip"] = [status] * 9
    with refuses("set", f"answers {status}", word):
        download("set", address(server), tmp_path / "set.zip")
    assert len(server.asked) == 1


def test_a_busy_server_is_asked_again(server: Loopback, tmp_path: Path, refuses: Refuses) -> None:
    """503 and 429 pass; five of them in a row do not."""
    server.files["/set.zip"] = DATA
    server.statuses["/set.zip"] = [503, 429, 500]
    download("set", address(server), tmp_path / "set.zip", checksum=md5(DATA))
    server.statuses["/set.zip"] = [503] * 5
    with refuses("answers 503", "try again later"):
        download("set", address(server), tmp_path / "other.zip")


def test_no_server_at_all_is_one_line(tmp_path: Path, refuses: Refuses) -> None:
    """A refused connection names the host."""
    with refuses("127.0.0.1:9", "failed 5 times"):
        download("set", lambda: Address("http://127.0.0.1:9/set.zip"), tmp_path / "set.zip")


def test_files_of_the_own_machine_are_no_downloads(tmp_path: Path, refuses: Refuses) -> None:
    """An address of another kind than HTTP is not opened."""
    (tmp_path / "secret").write_text("x")
    with refuses("set"):
        download("set", lambda: Address(f"file://{tmp_path}/secret"), tmp_path / "set.zip")


def test_a_full_disk_keeps_the_part_and_is_mended(server: Loopback, tmp_path: Path) -> None:
    """Where the file may not grow one line says how much is missing; with space again only the rest is fetched."""
    server.files["/set.zip"] = DATA
    program = f"""
import resource, sys
from pathlib import Path
from isitcap.data.download import Address, download
from isitcap.errors import UserError
if len(sys.argv) > 1:
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_200_000, 1_200_000))
try:
    download("set", lambda: Address({server.url!r} + "/set.zip"), Path({str(tmp_path / "set.zip")!r}))
except UserError as error:
    print(error)
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    for limit in (["limited"], []):
        result = subprocess.run(
            [sys.executable, "-c", program, *limit], capture_output=True, text=True, check=True, env=environment
        )
        if limit:
            assert result.stdout.count("\n") == 1, result.stdout
            assert "no space left" in result.stdout
            assert "2 MB more" in result.stdout
            assert (tmp_path / ".set.zip.part").stat().st_size == 1_200_000
            assert not (tmp_path / "set.zip").exists()
    assert (tmp_path / "set.zip").read_bytes() == DATA
    assert server.asked[-1][2] == "bytes=1200000-"


def test_only_what_is_read_of_pieces_is_fetched(server: Loopback, tmp_path: Path) -> None:
    """Remote files one after another are read as one; those behind are not touched, and nothing comes twice."""
    parts = [DATA[start : start + 1_200_000] for start in range(0, len(DATA), 1_200_000)]
    for number, part in enumerate(parts):
        server.files[f"/{number}"] = part
    remotes = [Remote(str(n), address(server, f"/{n}"), tmp_path / str(n)) for n in range(len(parts))]
    pieces = RemotePieces(remotes, [len(part) for part in parts])
    assert pieces.size == len(DATA)
    with pieces:
        found = bytearray()
        while len(found) < 1_300_000:
            buffer = bytearray(100_000)
            found += buffer[: pieces.readinto(buffer)]
        assert found == DATA[: len(found)]
        pieces.seek(10)
        buffer = bytearray(50)
        assert pieces.readinto(buffer) == 50
        assert buffer == DATA[10:60]
    for remote in remotes:
        remote.close()
    assert {path for _, path, _ in server.asked} == {"/0", "/1"}
    assert sum(remote.have for remote in remotes) <= 2_400_000
