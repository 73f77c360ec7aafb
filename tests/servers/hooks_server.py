"""A real HTTP server on loopback that receives summaries, notes every request, and can misbehave."""

import contextlib
import socket
import ssl
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

import msgspec


@dataclass(frozen=True)
class Received:
    """One request; header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Its body, decoded."""
        return msgspec.json.decode(self.body)


@dataclass(frozen=True)
class Reply:
    """How one request is answered.

    `how`: "answer"; "hang" says nothing until the server stops; "close" hangs up without a word; "drip" sends
    a status line and then headers, one every 50 ms, without end; "endless" answers, with a body without end.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"ok"
    how: Literal["answer", "hang", "close", "drip", "endless"] = "answer"
    after_s: float = 0.0
    own_date: bool = False
    """Whether `headers` has the Date; else it is now."""


class HooksServer:
    """`always` is the answer to each path, 200 where it has none; `plan` holds the answers before that."""

    def __init__(self) -> None:
        self.base = ""
        self.always: dict[str, Reply] = {}
        self.plan: dict[str, deque[Reply]] = {}
        self.body_bytes_sent = 0
        self.stopping = threading.Event()
        self._received: list[Received] = []
        self._lock = threading.Lock()

    def url(self, path: str) -> str:
        """The address of a path."""
        return self.base + path

    def received(self, path: str) -> list[Received]:
        """The requests of a path, in the order in which they came."""
        with self._lock:
            return [one for one in self._received if one.path == path]

    def note(self, received: Received) -> Reply:
        """Write a request down and choose its answer."""
        with self._lock:
            self._received.append(received)
            planned = self.plan.get(received.path)
            return planned.popleft() if planned else self.always.get(received.path, Reply())


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        hooks: HooksServer = self.server.hooks  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        reply = hooks.note(Received(self.path, headers, body))
        self.close_connection = True
        hooks.stopping.wait(reply.after_s)
        with contextlib.suppress(OSError):  # whoever asked has gone
            self._answer(reply, hooks)

    do_GET = do_POST  # noqa: N815 - a redirect that is followed shows up

    def _answer(self, reply: Reply, hooks: HooksServer) -> None:
        if reply.how == "hang":
            hooks.stopping.wait()
        if reply.how in {"hang", "close"}:
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response_only(reply.status)
        if not reply.own_date:
            self.send_header("Date", self.date_time_string())
        for name, value in reply.headers.items():
            self.send_header(name, value)
        while reply.how == "drip" and not hooks.stopping.wait(0.05):
            self.send_header("X-More", "1")
            self.flush_headers()
        self.end_headers()
        self.wfile.write(reply.body)
        while reply.how == "endless" and not hooks.stopping.is_set():
            hooks.body_bytes_sent += self.wfile.write(b"x" * 65536)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is http.server's
        """Silent: a test says what it found."""


@contextmanager
def hooks_server(tls: ssl.SSLContext | None = None) -> Iterator[HooksServer]:
    """Runs until the block ends; no thread of it is left. With `tls` it is https://localhost."""
    hooks = HooksServer()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.hooks = hooks  # type: ignore[attr-defined]
    hooks.base = f"http://127.0.0.1:{server.server_address[1]}"
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        hooks.base = f"https://localhost:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield hooks
    finally:
        hooks.stopping.set()
        server.shutdown()
        thread.join()
        server.server_close()
