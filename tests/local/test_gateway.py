"""The gateway's promises, asked of a real Envoy with tiny servers behind it."""

import http.client
import json
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import socket
from typing import Any, NamedTuple

import pytest

from local.gateway import MAX_BODY_BYTES, envoy_command, envoy_config


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class Echo(BaseHTTPRequestHandler):
    """Answers with the server's name and the path as it arrived."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = f"{self.server.name} {self.path}".encode()  # type: ignore[attr-defined]
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: Any) -> None:
        """Quiet."""


def free_port() -> int:
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ask(port: int, path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        if body is not None:
            connection.putheader("content-length", str(len(body)))
        connection.endheaders(body)
        reply = connection.getresponse()
        return Answer(reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read().decode())
    finally:
        connection.close()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of an Envoy before two live functions, gcs and health, and a dead one, pods."""
    servers = {name: ThreadingHTTPServer(("127.0.0.1", 0), Echo) for name in ("gcs", "health")}
    for name, server in servers.items():
        server.name = name  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    port = free_port()
    routes = {name: int(server.server_address[1]) for name, server in servers.items()} | {"pods": free_port()}
    folder: Path = tmp_path_factory.mktemp("gateway")
    with (folder / "log").open("wb") as log:
        envoy = subprocess.Popen(
            envoy_command(port, routes, folder / "envoy.json"), stdout=log, stderr=subprocess.STDOUT
        )
    try:
        wait_for(port, envoy, folder / "log")
        yield port
    finally:
        envoy.send_signal(signal.SIGTERM)
        envoy.wait(10)
        for server in servers.values():
            server.shutdown()
            server.server_close()


def wait_for(port: int, envoy: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        assert envoy.poll() is None, log.read_text()
        try:
            ask(port, "/health")
            return
        except OSError:
            time.sleep(0.05)
    pytest.fail(f"Envoy does not answer: {log.read_text()}")


@pytest.mark.parametrize(
    ("path", "function"),
    [
        ("/health", "health"),
        ("/health?deep=true", "health"),
        ("/logs/gcs", "gcs"),
        ("/logs/gcs?q=a%2Fb", "gcs"),
        ("/logs/gcs/objects", "gcs"),
        ("/logs/gcs/../health", "gcs"),
        ("/logs/gcs//objects", "gcs"),
        ("/logs/gcs/a%2Fb%2e%2e", "gcs"),
    ],
)
def test_a_path_reaches_its_function_untouched(gateway: int, path: str, function: str) -> None:
    """A path and all below it go to one function, exactly as the caller wrote them."""
    answer = ask(gateway, path)

    assert (answer.status, answer.text) == (200, f"{function} {path}")


NOWHERE = (
    "/", "/logs", "/logs/gcsx", "/logs//gcs", "//health", "/logs%2Fgcs", "/logs/gcs%2Fobjects",
    "/x/../health", "/HEALTH", "/%2e%2e/health",
)  # fmt: skip


@pytest.mark.parametrize("path", NOWHERE)
def test_any_other_path_is_404_as_problem_json(gateway: int, path: str) -> None:
    """What no function answers is a 404 that looks like the functions' own, and is never normalised."""
    answer = ask(gateway, path)

    assert answer.status == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json == {
        "type": "urn:log-aggregator:problem:not_found",
        "title": "Not found",
        "status": 404,
        "detail": "There is no such path.",
        "code": "not_found",
        "request_id": answer.headers["x-request-id"],
    }


def test_a_valid_request_id_of_the_caller_is_kept(gateway: int) -> None:
    """The caller finds its own id in the gateway's own answer."""
    assert ask(gateway, "/x", x_request_id="My.id_1-2").json["request_id"] == "My.id_1-2"


@pytest.mark.parametrize("bad", ["a b", 'a"b', "<b>", "a" * 129])
def test_an_invalid_request_id_is_replaced(gateway: int, bad: str) -> None:
    """What is no id is never echoed."""
    answer = ask(gateway, "/x", x_request_id=bad)

    assert answer.json["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["x-request-id"].startswith("local-")


def test_a_body_of_the_limit_passes_and_a_larger_one_is_413(gateway: int) -> None:
    """One byte more than 1 MiB is refused as problem+json, before any function."""
    at_limit = ask(gateway, "/logs/gcs", "POST", b"x" * MAX_BODY_BYTES)
    over = ask(gateway, "/logs/gcs", "POST", b"x" * (MAX_BODY_BYTES + 1))

    assert at_limit.status == 200
    assert (over.status, over.json["code"]) == (413, "body_too_large")


def test_a_large_body_for_an_unknown_path_is_404(gateway: int) -> None:
    """The path is checked before the size."""
    assert ask(gateway, "/x", "POST", b"x" * (MAX_BODY_BYTES + 1)).status == 404


def test_a_dead_function_is_503_with_retry_after(gateway: int) -> None:
    """The caller may try again, and learns nothing of ports and connections."""
    answer = ask(gateway, "/logs/pods")

    assert (answer.status, answer.json["code"], answer.headers["retry-after"]) == (503, "unavailable", "1")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "127.0.0.1" not in answer.text
    assert "connect" not in answer.text


def test_longer_paths_come_before_shorter_ones() -> None:
    """Envoy takes the first match, so `/logs/gcs` must not hide behind anything shorter."""
    config = envoy_config(1, {"health": 2, "gcs": 3, "firestore": 4})
    connections = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    routes = connections["route_config"]["virtual_hosts"][0]["routes"]
    prefixes = [route["match"].get("path_separated_prefix", "") for route in routes]

    assert prefixes == ["/logs/firestore", "/logs/gcs", "/health", ""]


def test_a_function_without_a_path_is_refused() -> None:
    """A new function that nobody can reach is found at the start, by name."""
    with pytest.raises(ValueError, match="no path leads to surprise"):
        envoy_config(1, {"gcs": 2, "surprise": 3})
