"""A server before another one that spoils some of its answers, to see who notices."""

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

HOST = "127.0.0.1"


class Passing(NamedTuple):
    """A request and the answer to it, on its way back."""

    method: str
    path: str
    known: bool
    status: int
    headers: dict[str, str]
    body: bytes


Spoil = Callable[[Passing], Passing]


@contextmanager
def spoiled(port: int, spoil: Spoil) -> Iterator[str]:
    """The URL of a server that passes everything to `port` and back through `spoil`."""
    server = ThreadingHTTPServer((HOST, 0), _handler(port, spoil))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def _handler(port: int, spoil: Spoil) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _pass(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            connection = http.client.HTTPConnection(HOST, port, timeout=30)
            connection.request(self.command, self.path, sent or None, dict(self.headers))
            reply = connection.getresponse()
            headers = {name.lower(): value for name, value in reply.getheaders()}
            known = "Authorization" in self.headers
            passing = Passing(self.command, self.path, known, reply.status, headers, reply.read())
            connection.close()
            self._answer(spoil(passing))

        do_GET = do_HEAD = do_POST = _pass  # noqa: N815 - http.server looks for these names

        def _answer(self, passing: Passing) -> None:
            self.send_response_only(passing.status)
            own = {"content-length": str(len(passing.body)), "connection": "close"}
            for name, value in {**passing.headers, **own}.items():
                if name != "transfer-encoding":
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(passing.body)

        def log_message(self, *_given: object) -> None:
            """Quiet."""

    return Handler
