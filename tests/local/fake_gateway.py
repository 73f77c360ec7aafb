"""A gateway that is a real HTTP server: it keeps what it was asked and answers what it is told to."""

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

SUMMARY = {"id": "s-1", "type": "errors", "headline": "Margin rejections doubled\nfor stock_trader ₹"}


class Asked(NamedTuple):
    """One request that the server saw."""

    line: str
    headers: dict[str, str]
    body: Any

    @property
    def planned(self) -> str:
        """For when it says it was planned: hours and minutes."""
        return self.headers["x-cloudscheduler-scheduletime"][11:16]


class Fake(ThreadingHTTPServer):
    """Answers with each of `replies` in turn, then with a summary; a reply of 0 hangs up in mid-answer."""

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.asked: list[Asked] = []
        self.replies: list[tuple[int, bytes]] = []
        self.hold = threading.Event()
        self.hold.set()


class Handler(BaseHTTPRequestHandler):
    """Keeps each request and answers as the server says."""

    server: Fake

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.asked.append(Asked(f"{self.command} {self.path}", headers, json.loads(body)))
        self.server.hold.wait()
        usual = (200, json.dumps(SUMMARY).encode())
        status, answer = self.server.replies.pop(0) if self.server.replies else usual
        self.send_response(status or 200)
        self.send_header("Content-Length", str(len(answer) if status else 100))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Nothing on stderr."""


@contextlib.contextmanager
def serving(fake: Fake) -> Iterator[Fake]:
    """Serves until the end, and leaves nothing behind."""
    thread = threading.Thread(target=fake.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield fake
    finally:
        fake.hold.set()
        fake.shutdown()
        thread.join()
        fake.server_close()
