"""A server on the loopback address that speaks as much of Hugging Face's and Kaggle's protocols as their clients use.

Files have an ETag and take `Range` and `If-Range`. Faults can be planted on any path: cut connections, other statuses,
another content than the listing promises, no ranges.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Loopback:
    """What the server holds, the faults planted in it, and what it was asked."""

    port: int = 0
    files: dict[str, bytes] = field(default_factory=dict)
    """By path on the server; those of the hub are kept as `/<repository>/<path>`."""
    cuts: dict[str, list[int]] = field(default_factory=dict)
    """By path: after how many bytes the next answers' connections are cut."""
    statuses: dict[str, list[int]] = field(default_factory=dict)
    """By path: statuses of the next answers."""
    without_ranges: set[str] = field(default_factory=set)
    without_etags: set[str] = field(default_factory=set)
    swapped: dict[str, bytes] = field(default_factory=dict)
    """By path: what is sent in place of the file that the listing describes."""
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    """Method, path and `Range` of every request."""
    sent: int = 0
    """Bytes of files sent so far."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def put_on_hub(self, repository: str, path: str, data: bytes) -> str:
        """Place a file on the hub; the path under which its bytes are sent."""
        self.files[f"/{repository}/{path}"] = data
        return f"/{repository}/{path}"


@contextmanager
def serving() -> Iterator[Loopback]:
    """Serve on a free port until the block ends."""
    loopback = Loopback()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"loopback": loopback}))
    loopback.port = server.server_address[1]
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield loopback
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    loopback: Loopback

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer()

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.loopback.asked.append((self.command, path, self.headers.get("Range", "")))
        planted = self.loopback.statuses.get(path)
        if planted and (status := planted.pop(0)) != 200:
            self._text(status, "text/plain", b"planted")
        elif found := re.fullmatch(r"/api/datasets/([^/]+/[^/]+)", path):
            self._dataset(found[1])
        elif found := re.fullmatch(r"/api/datasets/([^/]+/[^/]+)/tree/[0-9a-f]+/?(.*)", path):
            self._tree(found[1], found[2])
        elif found := re.fullmatch(r"/datasets/([^/]+/[^/]+)/resolve/([0-9a-f]+)/(.+)", path):
            self._resolve(found[1], found[3])
        elif path == "/api/v1/datasets.DatasetApiService/GetDataset":
            self._json({"ref": "x/y", "currentVersionNumber": 3})
        elif path == "/api/v1/datasets.DatasetApiService/DownloadDataset":
            self.send_response(302)
            self.send_header("Location", f"http://localhost:{self.loopback.port}/kaggle.zip")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif path in self.loopback.files:
            self._file(path)
        else:
            self._text(404, "text/plain", b"not here")

    def _dataset(self, repository: str) -> None:
        if any(path.startswith(f"/{repository}/") for path in self.loopback.files):
            self._json({"_id": "1", "id": repository, "sha": COMMIT, "siblings": []})
        else:
            self._json({"error": "Repository not found"}, 404, {"X-Error-Code": "RepoNotFound"})

    def _tree(self, repository: str, folder: str) -> None:
        start = f"/{repository}/" + (f"{folder}/" if folder else "")
        entries = []
        for path, data in sorted(self.loopback.files.items()):
            if path.startswith(start):
                sha256 = hashlib.sha256(data).hexdigest()
                lfs = {"oid": sha256, "size": len(data), "pointerSize": 130}
                name = path.removeprefix(f"/{repository}/")
                entries.append({"type": "file", "oid": sha256[:40], "size": len(data), "path": name, "lfs": lfs})
        self._json(entries) if entries else self._json({"error": "x"}, 404, {"X-Error-Code": "EntryNotFound"})

    def _resolve(self, repository: str, path: str) -> None:
        """As the hub does: the facts of the file stand on a redirect to another host."""
        data = self.loopback.files.get(f"/{repository}/{path}")
        if data is None:
            self._json({"error": "x"}, 404, {"X-Error-Code": "EntryNotFound"})
            return
        self.send_response(302)
        self.send_header("Location", f"http://localhost:{self.loopback.port}/{repository}/{path}")
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("X-Linked-ETag", f'"{hashlib.sha256(data).hexdigest()}"')
        self.send_header("X-Linked-Size", str(len(data)))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _file(self, path: str) -> None:
        data = self.loopback.swapped.get(path, self.loopback.files[path])
        etag = f'"{hashlib.md5(data).hexdigest()}"'
        start = 0
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if asked and path not in self.loopback.without_ranges and self.headers.get("If-Range", etag) == etag:
            start = int(asked[1])
            if start >= len(data):
                self._text(416, "text/plain", b"")
                return
        body = data[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        if path not in self.loopback.without_etags:
            self.send_header("ETag", etag)
        if path not in self.loopback.without_ranges:
            self.send_header("Accept-Ranges", "bytes")
        self.send_header("x-goog-hash", "md5=" + base64.b64encode(hashlib.md5(self._promised(path)).digest()).decode())
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        cuts = self.loopback.cuts.get(path)
        if cuts:
            body = body[: cuts.pop(0)]
            self.close_connection = True
        try:
            for place in range(0, len(body), 65_536):
                self.wfile.write(body[place : place + 65_536])
                self.loopback.sent += len(body[place : place + 65_536])
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _promised(self, path: str) -> bytes:
        return self.loopback.files[path]

    def _json(self, value: object, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self._text(status, "application/json", json.dumps(value).encode(), headers)

    def _text(self, status: int, kind: str, data: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
