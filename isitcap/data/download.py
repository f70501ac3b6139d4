"""Files over HTTP(S), appended to a part file beside their place, so that whatever stops goes on where it stopped.

A part is only continued when the server's file is still the same one (`If-Range` with its ETag or date, RFC 9110
§13.1.5, or the content's hash known beforehand); a server that ignores `Range` sends everything again. The file takes
its name when size and checksum fit.
"""

from __future__ import annotations

import errno
import hashlib
import http.client
import json
import os
import re
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from isitcap import __version__
from isitcap.data.joined import Joined
from isitcap.errors import UserError
from isitcap.progress import Progress

CHUNK = 2**20
TIMEOUT = 30.0
"""Seconds without a byte after which a connection counts as cut."""
ATTEMPTS = 5
"""Connections in a row that bring nothing before it is given up."""
WAIT = 1.0
"""Seconds before the second attempt; twice as long before each further one."""

_AGAIN = {408, 425, 429, 500, 502, 503, 504}
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a file can be had just now; `bytes` and `etag` are none where they are not known beforehand."""

    url: str
    bytes: int | None = None
    etag: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Remote:
    """One file on a server, its beginning kept in `part`; `more` brings the next bytes.

    `resolve` gives the address, and is asked again when a signed one has expired.

    Raises:
        UserError: the server does not have it or does not give it, or the part cannot be written.
    """

    def __init__(self, name: str, resolve: Callable[[], Address], part: Path, progress: Progress | None = None) -> None:
        self.name = name
        self.part = part
        self.have = 0
        """How many bytes are in the part."""
        self.size: int | None = None
        self._resolve = resolve
        self._progress = progress
        self._response: Any = None
        self._address: Address | None = None
        self._etag: str | None = None
        self._about = part.with_name(f"{part.name}.json")
        with writing(part):
            part.parent.mkdir(parents=True, exist_ok=True)
            self._file = part.open("ab+", buffering=0)
        self._continue_part()

    def more(self) -> bool:
        """Append the next bytes; false at the end of the file."""
        failures = 0
        while self.size is None or self.have < self.size:
            try:
                if self._response is None:
                    self._connect()
                    continue
                data = self._response.read(CHUNK)
                if not data and self.size is None:
                    self.size = self.have
                    return False
                if not data:
                    raise ConnectionError(f"the connection ended after {self.have:,} of {self.size:,} bytes")
            except urllib.error.HTTPError as error:
                error.close()
                self._close_response()
                failures += 1
                self._refuse(error, failures)
            except (OSError, http.client.HTTPException) as error:
                self._close_response()
                failures += 1
                if failures >= ATTEMPTS:
                    reason = getattr(error, "reason", None) or error
                    raise UserError(
                        f"{self.name}: the connection to {self._host()} failed {failures} times in a row "
                        f"({' '.join(str(reason).split())}); what is there is kept, the same command goes on"
                    ) from None
                time.sleep(WAIT * 2 ** (failures - 1))
            else:
                self._append(data)
                return True
        return False

    def close(self) -> None:
        """Let go of connection and part; the part stays."""
        self._close_response()
        with suppress(OSError):
            self._file.close()

    def remove(self) -> None:
        """Close, and remove the part."""
        self.close()
        self.part.unlink(missing_ok=True)
        self._about.unlink(missing_ok=True)

    def read_at(self, offset: int, size: int) -> bytes:
        """Bytes of what is there already."""
        return os.pread(self._file.fileno(), size, offset)

    def _continue_part(self) -> None:
        try:
            about = json.loads(self._about.read_text("utf-8"))
            self._etag, self.size = about["etag"], about["bytes"]
            self.have = self.part.stat().st_size
        except (OSError, ValueError, KeyError, TypeError):
            self._start_over()
        if self._progress is not None and self.have:
            self._progress.update(self.have)

    def _start_over(self) -> None:
        if self._progress is not None and self.have:
            self._progress.update(-self.have)
        with writing(self.part):
            self._file.truncate(0)
        self.have, self.size, self._etag = 0, None, None

    def _connect(self) -> None:
        address = self._address = self._resolve()
        same = address.etag in (None, self._etag) and (None in (address.bytes, self.size) or address.bytes == self.size)
        if self.have and not (same and self._etag):  # nothing would tell whether the rest is of the same file
            self._start_over()
        if address.bytes is not None and self.size is None:
            self.size = address.bytes
            self._keep(address.etag)
        if self.size is not None and self.have >= self.size:
            return
        headers = {"User-Agent": f"isitcap/{__version__}", "Accept-Encoding": "identity", **address.headers}
        if self.have:
            headers["Range"] = f"bytes={self.have}-"
            if address.etag is None and self._etag is not None:
                headers["If-Range"] = self._etag
        request = urllib.request.Request(address.url, headers=headers)  # noqa: S310 - the opener knows HTTP alone
        response = _OPENER.open(request, timeout=TIMEOUT)
        total = _total(response)
        if self.have and (response.status != 206 or _start(response) != self.have):
            self._start_over()
            if response.status == 206:
                response.close()
                return
        if address.bytes is not None and total is not None and total != address.bytes:
            response.close()
            raise UserError(
                f"{self.name}: {self._host()} offers {total:,} bytes instead of {address.bytes:,}; "
                "it is another file, and nothing was fetched"
            )
        self.size = address.bytes if address.bytes is not None else total
        self._keep(address.etag or _validator(response))
        self._response = response

    def _keep(self, etag: str | None) -> None:
        """Write down which file the part belongs to, and refuse a disk that is too small from the start."""
        self._etag = etag
        if self.size is not None:
            free = shutil.disk_usage(self.part.parent).free
            if self.size - self.have > free:
                raise full(self.part.parent, self.size - self.have)
        with writing(self.part):
            self._about.write_text(json.dumps({"etag": etag, "bytes": self.size}), "utf-8")

    def _append(self, data: bytes) -> None:
        if self.size is not None and self.have + len(data) > self.size:
            raise UserError(f"{self.name}: {self._host()} sends more than the {self.size:,} bytes it declared")
        with writing(self.part, None if self.size is None else self.size - self.have):
            while data:  # unbuffered: on a full disk it is known what was still written
                n = self._file.write(data)
                data = data[n:]
                self.have += n
                if self._progress is not None:
                    self._progress.update(n)

    def _refuse(self, error: urllib.error.HTTPError, failures: int) -> None:
        if error.code == 416:  # the part is longer than the file: another file
            self._start_over()
        elif error.code == 403 and failures == 1 and self.have:
            return  # a signed address may have expired
        elif error.code not in _AGAIN or failures >= ATTEMPTS:
            what = {
                401: "it asks for a login; set HF_TOKEN, or choose another place with --from",
                403: "it refuses access; set HF_TOKEN, or choose another place with --from",
                404: "it is not there; choose another place with --from, or give a copy of your own with --data",
            }.get(error.code, "try again later; what is there is kept")
            raise UserError(f"{self.name}: {self._host()} answers {error.code} {error.reason}: {what}") from None
        else:
            time.sleep(WAIT * 2 ** (failures - 1))

    def _host(self) -> str:
        return urlsplit(self._address.url).netloc if self._address is not None else "the server"

    def _close_response(self) -> None:
        if self._response is not None:
            with suppress(OSError):
                self._response.close()
            self._response = None


class RemotePieces(Joined):
    """Remote files one after another as one, fetched only as far as they are read; `size` is theirs together."""

    def __init__(self, remotes: list[Remote], sizes: list[int]) -> None:
        super().__init__(sizes)
        self._remotes = remotes

    def read_piece(self, number: int, inside: int, buffer: memoryview) -> int:
        """Some of a file's bytes, fetched where they are not there yet."""
        remote = self._remotes[number]
        while remote.have <= inside and remote.more():
            pass
        data = remote.read_at(inside, len(buffer))
        buffer[: len(data)] = data
        return len(data)


def download(
    name: str,
    resolve: Callable[[], Address],
    target: Path,
    progress: Progress | None = None,
    *,
    checksum: tuple[str, str] | None = None,
) -> None:
    """Fetch one file to `target`, which is there whole or not at all.

    Args:
        name: Names the file in messages.
        resolve: Gives its address; called again for each connection.
        target: Where to; its part is `.<name>.part` beside it.
        progress: Told of every byte.
        checksum: Algorithm of `hashlib` and the hexadecimal digest that the file must have.

    Raises:
        UserError: it cannot be had, does not fit its checksum, or the disk is full; what was fetched is kept, except
            after a wrong checksum.
    """
    remote = Remote(name, resolve, target.with_name(f".{target.name}.part"), progress)
    try:
        while remote.more():
            pass
    finally:
        remote.close()
    if checksum is not None:
        algorithm, expected = checksum
        with remote.part.open("rb") as file:
            found = hashlib.file_digest(file, algorithm).hexdigest()
        if found != expected:
            remote.remove()
            raise UserError(
                f"{name}: what was fetched has the {algorithm.upper()} {found}, not {expected}; it was thrown away, "
                "fetch it again or choose another place with --from"
            )
    with writing(target):
        with remote.part.open("rb+") as file:
            os.fsync(file.fileno())
        remote.part.replace(target)
    remote.remove()


@contextmanager
def writing(path: Path, needed: int | None = None) -> Iterator[None]:
    """Turn a full disk or a folder without permission into one line.

    Raises:
        UserError: naming the folder and, where known, the bytes that are still needed.
    """
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise full(path.parent, needed) from None
        if error.errno in (errno.EACCES, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.EPERM):
            raise UserError(f"{path.parent} cannot be written ({error.strerror}); choose another with --out") from None
        raise


def full(folder: Path, needed: int | None = None) -> UserError:
    """The refusal of a disk without space; `needed` is in bytes."""
    amount = "" if needed is None else f": about {max(1, -(-needed // 10**6)):,} MB more are needed"
    return UserError(f"no space left in {folder}{amount}; free some, then the same command goes on where it stopped")


class _SameHost(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but takes no login to another host."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        request = super().redirect_request(req, fp, code, msg, headers, newurl)
        if request is not None and urlsplit(newurl).netloc != urlsplit(req.full_url).netloc:
            request.remove_header("Authorization")
        return request


_OPENER = urllib.request.OpenerDirector()
for _handler in (
    urllib.request.ProxyHandler,
    urllib.request.HTTPHandler,
    urllib.request.HTTPSHandler,
    urllib.request.HTTPDefaultErrorHandler,
    urllib.request.HTTPErrorProcessor,
    _SameHost,
    urllib.request.UnknownHandler,
):
    _OPENER.add_handler(_handler())


def _total(response: Any) -> int | None:
    """The size of the whole file as the answer declares it."""
    if response.status == 206:
        found = re.fullmatch(r"bytes \d+-\d+/(\d+)", response.headers.get("Content-Range", "").strip())
        return int(found[1]) if found else None
    length = response.headers.get("Content-Length", "").strip()
    return int(length) if length.isdigit() else None


def _validator(response: Any) -> str | None:
    """What `If-Range` may hold: a strong ETag, or a date."""
    etag: str | None = response.headers.get("ETag")
    date: str | None = response.headers.get("Last-Modified")
    return etag if etag and not etag.startswith("W/") else date


def _start(response: Any) -> int | None:
    found = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", "").strip())
    return int(found[1]) if found else None
