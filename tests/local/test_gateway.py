"""The local gateway's promises, asked of a real Envoy with tiny servers behind it."""

import base64
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

from local import keys, tokens
from local.gateway import Keys, envoy_command, envoy_config
from local.gateway_problems import MAX_BODY_BYTES
from shared import openapi


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class Echo(BaseHTTPRequestHandler):
    """Answers with the server's name, the path and the headers as they arrived."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        seen = {"function": self.server.name, "path": self.path, "headers": headers}  # type: ignore[attr-defined]
        body = json.dumps(seen).encode()
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_OPTIONS(self) -> None:
        self.do_GET()

    def log_message(self, *_: Any) -> None:
        """Quiet."""


def free_port() -> int:
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Gateway(NamedTuple):
    """A running Envoy, and the key of the issuer that it believes."""

    port: int
    pair: keys.KeyPair

    def ask(self, path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
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

    def token(self) -> str:
        now_s = int(time.time())
        return tokens.mint(
            self.pair, role="viewer", subject="me", audience="log-aggregator", now_s=now_s, hours=1
        )

    def bearer(self) -> str:
        return f"Bearer {self.token()}"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """An Envoy before two live functions, gcs and health, and a dead one, pods."""
    servers = {name: ThreadingHTTPServer(("127.0.0.1", 0), Echo) for name in ("gcs", "health")}
    for name, server in servers.items():
        server.name = name  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    ports = {name: int(server.server_address[1]) for name, server in servers.items()} | {"pods": free_port()}
    folder: Path = tmp_path_factory.mktemp("gateway")
    made = Gateway(free_port(), keys.key_pair(folder))
    believed = Keys(tokens.ISSUER, tokens.AUDIENCE, json.dumps(made.pair.jwks))
    with (folder / "log").open("wb") as log:
        envoy = subprocess.Popen(
            envoy_command(made.port, ports, believed, folder / "envoy.json"),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for(made, envoy, folder / "log")
        yield made
    finally:
        envoy.send_signal(signal.SIGTERM)
        envoy.wait(10)
        for server in servers.values():
            server.shutdown()
            server.server_close()


def wait_for(gateway: Gateway, envoy: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        assert envoy.poll() is None, log.read_text()
        try:
            gateway.ask("/health")
            return
        except OSError:
            time.sleep(0.05)
    pytest.fail(f"Envoy does not answer: {log.read_text()}")


@pytest.mark.parametrize(
    ("path", "function"),
    [
        ("/health", "health"),
        ("/health?deep=true", "health"),
        ("/docs", "health"),
        ("/logs/gcs", "gcs"),
        ("/logs/gcs?q=a%2Fb&q=//..", "gcs"),
        ("/logs/gcs/objects", "gcs"),
        ("/logs/gcs/object?name=trades/x", "gcs"),
    ],
)
def test_a_path_reaches_its_function_untouched(gateway: Gateway, path: str, function: str) -> None:
    """Each path of the document goes to its function, exactly as the caller wrote it."""
    answer = gateway.ask(path, authorization=gateway.bearer())

    assert (answer.status, answer.json["function"], answer.json["path"]) == (200, function, path)


NOWHERE = (
    "/", "/logs", "/logs/", "/logs/gcs/", "/logs/gcsx", "/logs/gcs/nothing", "/logs//gcs", "//health",
    "/logs%2Fgcs", "/logs/gcs%2Fobjects", "/logs/gcs/../gcs", "/logs/gcs/./objects", "/x/../health",
    "/HEALTH", "/%2e%2e/health", "/healt%68", "/health;x=1", "/logs/firestore",
)  # fmt: skip


@pytest.mark.parametrize("path", NOWHERE)
def test_any_other_path_is_404_as_problem_json(gateway: Gateway, path: str) -> None:
    """What no function answers is a 404 that looks like the functions' own, and is never normalised."""
    answer = gateway.ask(path, authorization=gateway.bearer())

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


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "BREW"])
def test_any_other_method_is_405_with_those_allowed(gateway: Gateway, method: str) -> None:
    """Before anybody asks for a token, and whatever X-HTTP-Method-Override says."""
    answer = gateway.ask("/logs/gcs", method, x_http_method_override="GET")

    assert (answer.status, answer.json["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"


def test_a_preflight_needs_no_token(gateway: Gateway) -> None:
    """A browser sends none; the function decides about the origin."""
    assert gateway.ask("/logs/gcs", "OPTIONS").json["function"] == "gcs"


def test_the_callers_token_moves_and_the_gateways_takes_its_place(gateway: Gateway) -> None:
    """As the managed gateway does it: the claims beside it, unsigned and without padding."""
    bearer = gateway.bearer()
    seen = gateway.ask(
        "/logs/gcs", authorization=bearer, x_forwarded_authorization="Bearer x", x_apigateway_api_userinfo="x"
    ).json["headers"]

    assert seen["x-forwarded-authorization"] == bearer
    assert seen["authorization"].endswith(".SIGNATURE_REMOVED_BY_GOOGLE")
    claims = seen["x-apigateway-api-userinfo"]
    assert "=" not in claims
    assert json.loads(base64.urlsafe_b64decode(claims + "=="))["sub"] == "me"


def test_a_forwarded_token_of_the_caller_stays_when_it_sends_no_other(gateway: Gateway) -> None:
    """A weakness of the managed gateway that functions must live with, so the local one has it too."""
    seen = gateway.ask("/health", x_forwarded_authorization="Bearer mine").json["headers"]

    assert seen["x-forwarded-authorization"] == "Bearer mine"
    assert seen["authorization"].endswith(".SIGNATURE_REMOVED_BY_GOOGLE")


def refused(token: str) -> dict[str, dict[str, str]]:
    """Ways in which a token is not let through, each as query and headers."""
    flipped = token[:-8] + ("A" if token[-8] != "A" else "B") + token[-7:]
    return {
        "none": {},
        "in the query": {"query": f"?access_token={token}"},
        "as forwarded": {"x_forwarded_authorization": f"Bearer {token}"},
        "as IAP": {"x_goog_iap_jwt_assertion": token},
        "no scheme": {"authorization": token},
        "basic": {"authorization": f"Basic {token}"},
        "another signature": {"authorization": f"Bearer {flipped}"},
        "garbage": {"authorization": "Bearer a.b.c"},
    }


@pytest.mark.parametrize("way", list(refused("x" * 9)))
def test_without_a_token_in_its_place_nothing_gets_through(gateway: Gateway, way: str) -> None:
    """401 as problem+json, with the header that says how; and no token is taken from anywhere else."""
    headers = refused(gateway.token())[way]
    path = "/logs/gcs" + headers.pop("query", "")
    answer = gateway.ask(path, "GET", None, **headers)

    assert (answer.status, answer.json["code"]) == (401, "not_authenticated")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_valid_request_id_of_the_caller_is_kept(gateway: Gateway) -> None:
    """The caller finds its own id in the gateway's own answer."""
    assert gateway.ask("/x", x_request_id="My.id_1-2").json["request_id"] == "My.id_1-2"


@pytest.mark.parametrize("bad", ["a b", 'a"b', "<b>", "a" * 129])
def test_an_invalid_request_id_is_replaced(gateway: Gateway, bad: str) -> None:
    """What is no id is never echoed."""
    answer = gateway.ask("/x", x_request_id=bad)

    assert answer.json["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["x-request-id"].startswith("local-")


def test_a_body_of_the_limit_passes_and_a_larger_one_is_413(gateway: Gateway) -> None:
    """One byte more than 1 MiB is refused as problem+json, before any function and before the token."""
    at_limit = gateway.ask("/health", "GET", b"x" * MAX_BODY_BYTES)
    over = gateway.ask("/health", "GET", b"x" * (MAX_BODY_BYTES + 1))
    unauthenticated = gateway.ask("/logs/gcs", "GET", b"x" * (MAX_BODY_BYTES + 1))

    assert at_limit.status == 200
    assert (over.status, over.json["code"]) == (413, "body_too_large")
    assert unauthenticated.status == 413


@pytest.mark.parametrize(("path", "method", "status"), [("/x", "POST", 404), ("/logs/gcs", "POST", 405)])
def test_path_and_method_come_before_the_size(gateway: Gateway, path: str, method: str, status: int) -> None:
    """A large body for an unknown path is 404, for an unknown method 405."""
    assert gateway.ask(path, method, b"x" * (MAX_BODY_BYTES + 1)).status == status


def test_headers_beyond_60_kib_are_431_as_problem_json(gateway: Gateway) -> None:
    """Like a request that is not HTTP at all, it is told with an id of the gateway's own."""
    answer = gateway.ask("/health", x_large="x" * 70_000)

    assert (answer.status, answer.json["code"]) == (431, "headers_too_large")
    assert answer.json["request_id"] == answer.headers["x-request-id"]


def test_a_dead_function_is_503_with_retry_after(gateway: Gateway) -> None:
    """The caller may try again, and learns nothing of ports and connections."""
    answer = gateway.ask("/logs/pods", authorization=gateway.bearer())

    assert (answer.status, answer.json["code"], answer.headers["retry-after"]) == (503, "unavailable", "1")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "127.0.0.1" not in answer.text
    assert "connect" not in answer.text


NOBODY = Keys("https://issuer.invalid", "nobody", '{"keys":[]}')


def routes_of(config: dict[str, Any]) -> list[dict[str, Any]]:
    """The routes in Envoy's order."""
    connections = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    routes: list[dict[str, Any]] = connections["route_config"]["virtual_hosts"][0]["routes"]
    return routes


def test_each_route_has_the_deadline_of_its_backend() -> None:
    """The document's own, for every operation: never Envoy's default of 15 s."""
    document = openapi.template()
    deadlines = {n: b["deadline"] for n, b in document["x-google-api-management"]["backends"].items()}
    routes = routes_of(envoy_config(1, dict.fromkeys(deadlines, 2), NOBODY))
    led = [route["route"] for route in routes if "route" in route]

    assert len(led) == len(openapi.operations(document))
    assert {(one["cluster"], one["timeout"]) for one in led} == {(n, f"{s}s") for n, s in deadlines.items()}


def test_a_path_with_a_parameter_comes_behind_those_without(monkeypatch: pytest.MonkeyPatch) -> None:
    """`/logs/summary/{id}` is one segment more, and never hides a path that is spelled out."""
    document = openapi.template()
    paths = document["paths"]
    paths = {"/a.b/{id}": paths["/health"], "/a.b/c": paths["/health"]}
    monkeypatch.setattr(openapi, "template", lambda: {**document, "paths": paths})
    matches = [route["match"] for route in routes_of(envoy_config(1, {"health": 2}, NOBODY))]

    assert [match.get("path") for match in matches[:4]] == ["/a.b/c"] * 4
    assert matches[4]["safe_regex"]["regex"] == r"/a\.b/[^/]+"


def test_a_function_without_a_path_is_refused() -> None:
    """A new function that nobody can reach is found at the start, by name."""
    with pytest.raises(ValueError, match="no path leads to surprise"):
        envoy_config(1, {"gcs": 2, "surprise": 3}, NOBODY)
