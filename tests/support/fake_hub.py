"""A model hub on the loopback, which can cut connections and counts the bytes that it sends."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from select import select
from socket import MSG_PEEK

COMMIT = "0123456789abcdef0123456789abcdef01234567"
MODEL = "org/GLM"
PIECE = 256 * 1024


class FakeHub(ThreadingHTTPServer):
    """A hub with one model of `files`, given by name.

    Each number in `cuts` ends one connection of a large file after so many bytes. While `stop_at`
    is set, no more bytes than that are sent in all.
    """

    daemon_threads = True

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = files
        self.cuts: list[int] = []
        self.sent = 0
        self.may_send = threading.Condition()
        self.stop_at: int | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore the errors of clients that were killed."""


class Handler(BaseHTTPRequestHandler):
    server: FakeHub
    protocol_version = "HTTP/1.1"

    def log_message(self, *words: object) -> None:
        """Log nothing."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path.startswith(f"/api/models/{MODEL}/revision/"):
            siblings = [{"rfilename": name} for name in self.server.files]
            self._answer(json.dumps({"id": MODEL, "sha": COMMIT, "siblings": siblings}).encode())
        elif path.startswith(f"/api/models/{MODEL}/tree/"):
            rows = [
                {"type": "file", "path": name, "size": len(data), "oid": "0" * 40}
                for name, data in self.server.files.items()
            ]
            self._answer(json.dumps(rows).encode())
        elif path.startswith(f"/{MODEL}/resolve/"):
            self._answer_file(path.split("/", 5)[5])
        else:
            self.send_error(404)

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    def _answer_file(self, name: str) -> None:
        data = self.server.files[name]
        byte_range = self.headers.get("Range") or "bytes=0-"
        start = int(byte_range.removeprefix("bytes=").partition("-")[0])
        self.send_response(206 if "Range" in self.headers else 200)
        self.send_header("Content-Length", str(len(data) - start))
        self.send_header("ETag", f'"{sha256(data).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if self.command == "GET":
            self._send(data[start:])

    def _send(self, rest: bytes) -> None:
        end = self.server.cuts.pop(0) if len(rest) > PIECE and self.server.cuts else len(rest)
        for at in range(0, end, PIECE):
            piece = rest[at : min(at + PIECE, end)]
            with self.server.may_send:
                self.server.may_send.wait_for(partial(self._may_send, len(piece)))
                if self._is_gone():
                    raise ConnectionResetError
                self.server.sent += len(piece)
            self.wfile.write(piece)
        self.close_connection = end < len(rest)

    def _may_send(self, count: int) -> bool:
        return self.server.stop_at is None or self.server.sent + count <= self.server.stop_at

    def _is_gone(self) -> bool:
        """Return whether the client has closed the connection while this waited."""
        readable, _, _ = select([self.connection], [], [], 0)
        return bool(readable) and not self.connection.recv(1, MSG_PEEK)


@contextmanager
def hub(files: dict[str, bytes]) -> Iterator[FakeHub]:
    with FakeHub(files) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            with server.may_send:
                server.stop_at = None
                server.may_send.notify_all()
            server.shutdown()
            thread.join()
