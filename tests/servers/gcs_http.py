"""The sockets of the fake of Cloud Storage: HTTP/1.1 with keep-alive, and faults on the wire."""

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.servers.faults import Fault
from tests.servers.gcs_errors import Refused, error_answer
from tests.servers.gcs_media import Answer, TruncatedGzip
from tests.servers.gcs_routes import Route, answer_route, parse_route
from tests.servers.gcs_state import GcsState, Request

_PIECE = 262_144


class GcsListener(ThreadingHTTPServer):
    """Listens on 127.0.0.1; one thread a connection, all of them joined by `server_close`."""

    daemon_threads = False
    request_queue_size = 128

    def __init__(self, state: GcsState) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.state = state
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        """Wakes every handler that waits for a client, so that its thread can end."""
        with self._open_lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "UploadServer"
    sys_version = ""
    disable_nagle_algorithm = True
    server: GcsListener

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):  # the client went away: its own business
            super().handle()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Silent: the journal of the server says what arrived."""

    def do_GET(self) -> None:
        state = self.server.state
        route = parse_route(self.command, self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(route.kind, route.bucket, route.fault_name, route.params, headers)
        fault = state.received(request)
        answer = self._answer(route, request, fault)
        if fault is not None and fault.then is not None:
            fault.then()
        self._send(answer, fault, counted=route.kind == "media")

    do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_GET  # noqa: N815 - the base class's names

    def _answer(self, route: Route, request: Request, fault: Fault | None) -> Answer:
        if self.command not in ("GET", "HEAD"):
            self.close_connection = True  # the unread body would be taken for the next request
        try:
            if fault is not None and isinstance(fault.how, int):
                raise Refused(fault.how)
            return answer_route(self.server.state, route, request, f"http://{self.headers['Host']}")
        except Refused as exc:
            return error_answer(exc, route.style)

    def _send(self, answer: Answer, fault: Fault | None, *, counted: bool) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        chunked = isinstance(answer.body, Iterator)
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif isinstance(answer.body, bytes):
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        try:
            for piece in _struck(_pieces(answer), fault):
                if counted:
                    # Before it is written: whoever has it all must find it counted.
                    self.server.state.sent(media_bytes=len(piece))
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
        except TruncatedGzip:
            self.close_connection = True
            return
        except _Broken:
            self._break_off(fault)
            return
        if chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _break_off(self, fault: Fault | None) -> None:
        how = fault.how if fault is not None else "cut"
        if how == "stall":
            self.server.state.stopping.wait()
        elif how == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        self.close_connection = True


class _Broken(Exception):
    """The planned number of bytes is out; the connection is to break now."""


def _pieces(answer: Answer) -> Iterator[bytes]:
    if answer.body is None:
        return
    if not isinstance(answer.body, bytes):
        yield from answer.body
        return
    view = memoryview(answer.body)
    for start in range(0, len(view), _PIECE):
        yield bytes(view[start : start + _PIECE])


def _struck(pieces: Iterator[bytes], fault: Fault | None) -> Iterator[bytes]:
    """The pieces up to where the fault breaks them off (raises _Broken), or with one byte's bits flipped."""
    if fault is None or isinstance(fault.how, int):
        yield from pieces
        return
    sent = 0
    for piece in pieces:
        left = fault.after_bytes - sent
        if fault.how == "corrupt" and 0 <= left < len(piece):
            yield piece[:left] + bytes([piece[left] ^ 0xFF]) + piece[left + 1 :]
        elif fault.how != "corrupt" and left < len(piece):
            if left > 0:
                yield piece[:left]
            raise _Broken
        else:
            yield piece
        sent += len(piece)
    if fault.how != "corrupt":
        raise _Broken
