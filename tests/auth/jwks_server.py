"""A real HTTP server on loopback that publishes a key set, counts who asks, and can misbehave."""

import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class JwksServer:
    """What it answers next: `body`, `status`, `headers`, and how it delays.

    `silence_s` before it says anything, `pause_s` before each header, `drip_s` before each byte of the body.
    """

    def __init__(self) -> None:
        self.body = b""
        self.status = 200
        self.headers: dict[str, str] = {}
        self.silence_s = 0.0
        self.pause_s = 0.0
        self.drip_s = 0.0
        self.url = ""
        self.asked: list[str] = []
        self.closing = threading.Event()

    @property
    def fetches(self) -> int:
        """Requests so far."""
        return len(self.asked)

    def publish(self, jwks: Any) -> None:
        """This key set from now on, or these bytes as they are."""
        self.body = jwks if isinstance(jwks, bytes) else json.dumps(jwks).encode()
        self.status = 200


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        jwks: JwksServer = self.server.jwks  # type: ignore[attr-defined]
        jwks.asked.append(self.path)
        body = jwks.body
        jwks.closing.wait(jwks.silence_s)
        try:
            self.send_response(jwks.status)
            for name, value in ({"Content-Length": str(len(body))} | jwks.headers).items():
                self.flush_headers()
                jwks.closing.wait(jwks.pause_s)
                self.send_header(name, value)
            self.end_headers()
            self._send(body, jwks)
        except OSError:
            pass  # whoever asked has gone

    def _send(self, body: bytes, jwks: JwksServer) -> None:
        if not jwks.drip_s:
            self.wfile.write(body)
            return
        for byte in body:
            if jwks.closing.wait(jwks.drip_s):
                return
            self.wfile.write(bytes([byte]))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is http.server's
        """Silent: a test says what it found."""


@contextmanager
def jwks_server(tls: ssl.SSLContext | None = None) -> Iterator[JwksServer]:
    """Runs until the block ends; no thread of it is left. With `tls` it is https://localhost."""
    jwks = JwksServer()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.jwks = jwks  # type: ignore[attr-defined]
    jwks.url = f"http://127.0.0.1:{server.server_address[1]}/keys.json"
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        jwks.url = f"https://localhost:{server.server_address[1]}/keys.json"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield jwks
    finally:
        jwks.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()


def eventually(condition: Any, within_s: float = 5.0) -> bool:
    """Whether it becomes true in time: for what another thread finishes."""
    ends_at = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > ends_at:
            return False
        time.sleep(0.005)
    return True
