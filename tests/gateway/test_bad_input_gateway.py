"""Requests that nobody should send, through the gateway and direct: the statuses of the contract.

What is no HTTP at all the servers refuse themselves: Envoy with the contract's words, gunicorn with its own.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import product
from pathlib import Path
from socket import SHUT_RDWR, create_server
from threading import Thread

import pytest

from local import children
from local.gateway import Keys, envoy_command
from tests.gateway.conftest import Answer, System

ORIGIN = "https://dash.example.com"
LOGS = ("/logs/gcs", "/logs/firestore", "/logs/pods")
OVERRIDES = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")
MARK = "zq7x"  # in what is sent, and never in a refusal
MAX_BODY_BYTES = 1 << 20


def bearer(system: System, role: str = "viewer") -> dict[str, str]:
    return {"Authorization": f"Bearer {system.token(role)}"}


def told(answers: tuple[Answer, ...]) -> list[tuple[int, str]]:
    return [(answer.status, answer.code) for answer in answers]


PATHS = (
    "//logs/gcs",
    "/logs//gcs",
    "/logs/gcs//",
    "/logs/gcs/.",
    "/logs/./gcs",
    "/logs/gcs/..",
    "/logs/x/../gcs",
    "/logs/gcs/../../health",
    "/logs/%2e%2e/logs/gcs",
    "/logs/..%2flogs/gcs",
    "/logs%2Fgcs",
    "/logs%2fgcs",
    "/logs%252Fgcs",
    "/logs%5Cgcs",
    "/logs\\gcs",
    "/logs/gcs%00",
    "/logs/gcs%20",
    "/logs/gcs%3Fq=x",
    "/logs/gcs;x=1",
    "/logs/gc%ff",
    f"/logs/{MARK}",
    "/",
)


@pytest.mark.parametrize("path", PATHS)
def test_a_path_that_is_not_exactly_one_of_ours_is_404(system: System, path: str) -> None:
    """Whatever the method and the token: nothing is decoded, collapsed or redirected, and nothing echoed."""
    for method, headers in product(("GET", "POST", "BREW"), ({}, bearer(system))):
        answers = system.both(path, headers, method=method)

        assert told(answers) == [(404, "not_found")] * 2
        assert MARK not in answers[0].text + answers[1].text


@pytest.mark.parametrize("path", [*LOGS, "/logs/gcs/objects", "/health", "/openapi.json", "/metrics"])
@pytest.mark.parametrize("override", OVERRIDES)
def test_a_method_counts_as_it_was_sent(system: System, path: str, override: str) -> None:
    """No header makes another method of it, neither one that is allowed nor one that is not."""
    headers = bearer(system, "admin")
    posted = system.both(path, headers | {override: "GET"}, method="POST")
    got = system.both(path, headers | {override: "DELETE"})

    assert told(posted) == [(405, "method_not_allowed")] * 2
    assert [answer.headers["allow"] for answer in posted] == ["GET, HEAD, OPTIONS"] * 2
    assert [answer.status for answer in got] == [200, 200]


@pytest.mark.parametrize("method", ["get", "Get", "M" * 30])
def test_a_method_that_is_no_word_in_capitals_is_refused(system: System, method: str) -> None:
    """The gateway takes it for a method that is not allowed, the function's server for no HTTP."""
    through, direct = system.both("/logs/gcs", bearer(system), method=method)

    assert (through.status, through.code, direct.status) == (405, "method_not_allowed", 400)


def test_a_method_in_the_query_is_an_unknown_parameter(system: System) -> None:
    """As any other."""
    assert told(system.both("/logs/gcs?_method=DELETE", bearer(system))) == [(400, "invalid_request")] * 2


def chunked(body: bytes, *, more: bytes = b"", path: str = "/logs/gcs?since=1m", by: str = "") -> bytes:
    """A request with a body of one chunk, or of these bytes."""
    chunks = more or f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
    owner = f"Authorization: Bearer {by}\r\n" if by else ""
    head = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n{owner}\r\n"
    return head.encode() + chunks


def test_a_body_of_the_largest_size_is_no_fault(system: System) -> None:
    """1 MiB to the byte, in one piece or in chunks: a GET is answered as a GET."""
    body = b"x" * MAX_BODY_BYTES
    whole = system.both("/logs/gcs?since=1m", bearer(system), body=body)
    ports = (system.gateway, system.functions["gcs"])
    pieces = [system.send(port, chunked(body, by=system.token())) for port in ports]

    assert [answer.status for answer in (*whole, *pieces)] == [200] * 4


@pytest.mark.parametrize("authenticated", [True, False])
def test_a_body_over_the_limit_is_413_however_it_is_sent(system: System, authenticated: bool) -> None:
    """Before anybody asks for a token, and also where its size is only seen at its end."""
    body = b"x" * (MAX_BODY_BYTES + 1)
    token = system.token() if authenticated else ""
    whole = system.both("/logs/gcs?since=1m", bearer(system) if token else {}, body=body)
    ports = (system.gateway, system.functions["gcs"])
    pieces = [system.send(port, chunked(body, by=token)) for port in ports]

    assert told((*whole, *pieces)) == [(413, "body_too_large")] * 4


def test_the_path_and_the_method_come_before_the_size(system: System) -> None:
    """404 and 405 whatever the body is."""
    body = b"x" * (MAX_BODY_BYTES + 1)

    assert told(system.both("/logs/none", body=body)) == [(404, "not_found")] * 2
    assert told(system.both("/logs/gcs", body=body, method="PUT")) == [(405, "method_not_allowed")] * 2


@pytest.mark.parametrize("more", [b"zz\r\nabc\r\n0\r\n\r\n", b"-3\r\nabc\r\n0\r\n\r\n", b"\r\n\r\n"])
def test_chunks_that_are_none_are_400(system: System, more: bytes) -> None:
    """The caller's fault, so no 5xx; on a path that is not there it stays a 404."""
    token = system.token()
    for port in (system.gateway, system.functions["gcs"]):
        there = system.send(port, chunked(b"", more=more, by=token))
        nowhere = system.send(port, chunked(b"", more=more, path="/none", by=token))

        assert told((there, nowhere)) == [(400, "invalid_request"), (404, "not_found")]


BODIES = {
    "nested": (b"[" * 10_000 + b"]" * 10_000, "application/json"),
    "nested objects": (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "application/json"),
    "NaN": (b'{"since": NaN, "start": -Infinity}', "application/json"),
    "twice": (b'{"since": "1m", "since": "9h"}', "application/json"),
    "no JSON": (b"{", "application/json"),
    "no UTF-8": (b'"\xff\xfe"', "application/json"),
    "another type": (b"<a/>", "text/xml"),
    "a form": (b"since=9h&page_size=0", "application/x-www-form-urlencoded"),
    "parts": (b"--b\r\n\r\nx", "multipart/form-data; boundary=b"),
    "no such type": (b"x", "x" * 300),
}


@pytest.mark.parametrize("kind", BODIES)
def test_the_body_of_a_get_is_not_looked_at(system: System, kind: str) -> None:
    """No route reads one: the answer is that of the same question without it."""
    body, content_type = BODIES[kind]
    for path in LOGS:
        question = f"{path}?start=2026-01-01T00:00:00Z&end=2026-01-02T00:00:00Z"
        answers = system.both(question, bearer(system) | {"Content-Type": content_type}, body=body)

        assert [(answer.status, answer.json["entries"]) for answer in answers] == [(200, [])] * 2


@pytest.mark.parametrize(
    "headers",
    [{"X-Long": "x" * 9_000}, {"X-Long": "x" * 70_000}, {f"X-{at}": "1" for at in range(150)}],
    ids=["one long", "one very long", "many"],
)
def test_headers_over_the_limit_are_431(system: System, headers: dict[str, str]) -> None:
    """8 KiB for one and 100 of them at the function, 60 KiB in all at the gateway."""
    answers = system.both("/logs/gcs?since=1m", bearer(system) | headers)

    assert [answer.status for answer in answers] == [431, 431]


@pytest.mark.parametrize("size", [8_000, 8_192, 30_000])
def test_a_long_query_is_a_query(system: System, size: int) -> None:
    """8 KB and more of it: found or not, and never an error of a server."""
    parameters = (f"q={'x' * size}", "&".join(f"bot={'b' * 6}{at}" for at in range(size // 12)))
    for one in parameters:
        answers = system.both(f"/logs/gcs?since=1m&{one}", bearer(system))

        assert {answer.status for answer in answers} <= {200, 400}
        assert told(answers)[0] == told(answers)[1]


def test_a_query_of_8_kb_is_answered(system: System) -> None:
    """Nothing is shorter than what the contract allows."""
    answers = system.both(f"/logs/gcs?since=1m&q={'x' * 8_192}", bearer(system))

    assert [answer.status for answer in answers] == [200, 200]


UNPRINTABLE = {
    "no UTF-8": "%ff%fe",
    "overlong": "%c0%af",
    "half a pair": "%ed%a0%80",
    "cut": "%e2%82",
    "too high": "%f4%90%80%80",
    "NUL": "%00",
    "line feed": "%0a",
    "carriage return": "%0d%0a",
    "escape": "%1b[2J",
    "delete": "%7f",
    "next line": "%c2%85",
}


@pytest.mark.parametrize("kind", UNPRINTABLE)
@pytest.mark.parametrize("name", ["q", "regex", "bot", "label.team", "page_token", "start"])
def test_what_is_no_clean_text_is_400_and_named(system: System, name: str, kind: str) -> None:
    """The parameter is named, its value is not told."""
    for answer in system.both(f"/logs/gcs?{name}={MARK}{UNPRINTABLE[kind]}", bearer(system)):
        assert (answer.status, [fault["parameter"] for fault in answer.json["errors"]]) == (400, [name])
        assert MARK not in answer.text


@pytest.mark.parametrize("kind", UNPRINTABLE)
def test_a_name_that_is_no_clean_text_is_400(system: System, kind: str) -> None:
    """And the answer holds nothing of it that a terminal or a page would obey."""
    for answer in system.both(f"/logs/gcs?{UNPRINTABLE[kind]}=1", bearer(system)):
        assert (answer.status, answer.code) == (400, "invalid_request")
        assert all(character.isprintable() for character in answer.text.strip())


NO_HTTP = {
    "bytes in the path": b"GET /logs/gcs?q=\xff HTTP/1.1\r\nHost: x\r\n\r\n",
    "a control character in the path": b"GET /logs/gcs?q=\x01 HTTP/1.1\r\nHost: x\r\n\r\n",
    "a space in the path": b"GET /logs/gcs?q=a b HTTP/1.1\r\nHost: x\r\n\r\n",
    "NUL in a header": b"GET /logs/gcs HTTP/1.1\r\nHost: x\r\nX-A: a\x00b\r\n\r\n",
    "a header without a name": b"GET /logs/gcs HTTP/1.1\r\nHost: x\r\n: a\r\n\r\n",
    "a length of letters": b"GET /logs/gcs HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n",
    "a negative length": b"GET /logs/gcs HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "two lengths": b"GET /logs/gcs HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a length and chunks": b"GET /logs/gcs HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "another transfer coding": b"GET /logs/gcs HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
    "another version": b"GET /logs/gcs HTTP/9.9\r\nHost: x\r\n\r\n",
    "no path": b"GET logs/gcs HTTP/1.1\r\nHost: x\r\n\r\n",
    "an upgrade": b"GET /logs/gcs HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}


@pytest.mark.parametrize("kind", NO_HTTP)
def test_what_is_no_http_is_400(system: System, kind: str) -> None:
    """The gateway says so with the contract's words and headers; neither makes a 5xx of it."""
    through = system.send(system.gateway, NO_HTTP[kind])
    direct = system.send(system.functions["gcs"], NO_HTTP[kind])

    assert (through.status, through.code, direct.status) == (400, "invalid_request", 400)
    assert missing(through) == []


@pytest.mark.parametrize("path", LOGS)
@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example.com",
        "https://dash.example.com.evil.example.com",
        "https://evil.example.com/https://dash.example.com",
        "http://dash.example.com",
        "https://dash.example.com:8443",
        "HTTPS://DASH.EXAMPLE.COM",
        "null",
        "*",
    ],
)
def test_only_the_very_origin_is_let_in(system: System, path: str, origin: str) -> None:
    """A preflight of any other is 403, and its requests get no permission to be read."""
    headers = {"Origin": origin, "Access-Control-Request-Method": "GET"}
    preflight = system.both(path, headers, method="OPTIONS")
    asked = system.both(f"{path}?since=1m", headers | bearer(system))

    assert told(preflight) == [(403, "forbidden")] * 2
    assert [answer.status for answer in asked] == [200, 200]
    assert not any(name.startswith("access-control") for one in (*preflight, *asked) for name in one.headers)


@pytest.mark.parametrize("path", LOGS)
def test_the_configured_origin_is_let_in(system: System, path: str) -> None:
    """The preflight needs no token; answers and refusals may be read, and caches keep origins apart."""
    headers = {"Origin": ORIGIN, "Access-Control-Request-Headers": "authorization"}
    preflight = system.both(path, headers, method="OPTIONS")
    good = system.both(f"{path}?since=1m", headers | bearer(system))
    bad = system.both(f"{path}?since=soon", headers | bearer(system))

    assert [answer.status for answer in (*preflight, *good, *bad)] == [204, 204, 200, 200, 400, 400]
    for answer in (*preflight, *good, *bad):
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert "Origin" in answer.headers["vary"]
    for answer in preflight:
        assert "GET" in answer.headers["access-control-allow-methods"]
        assert "authorization" in answer.headers["access-control-allow-headers"].lower()


def missing(answer: Answer) -> list[str]:
    """Which of the headers that every answer must have it has not."""
    wanted = {
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "(private, no-cache|no-store)",
        "x-request-id": "[A-Za-z0-9._-]{1,128}",
    }
    return [name for name, one in wanted.items() if not re.fullmatch(one, answer.headers.get(name, ""))]


ASKED: dict[str, tuple[int, str, str, dict[str, str]]] = {
    "entries": (200, "GET", "/logs/gcs?since=1m", {"Authorization": "viewer"}),
    "head": (200, "HEAD", "/logs/gcs?since=1m", {"Authorization": "viewer"}),
    "text": (200, "GET", "/logs/pods?since=1m&format=text", {"Authorization": "viewer"}),
    "health": (200, "GET", "/health", {}),
    "contract": (200, "GET", "/openapi.json", {}),
    "page": (200, "GET", "/docs", {}),
    "metrics": (200, "GET", "/metrics", {"Authorization": "metrics"}),
    "preflight": (204, "OPTIONS", "/logs/gcs", {"Origin": ORIGIN}),
    "parameter": (400, "GET", "/logs/gcs?nope=1", {"Authorization": "viewer"}),
    "no token": (401, "GET", "/logs/gcs", {}),
    "bad token": (401, "GET", "/logs/gcs", {"Authorization": "Bearer x"}),
    "role": (403, "GET", "/logs/gcs", {"Authorization": "metrics"}),
    "origin": (403, "OPTIONS", "/logs/gcs", {"Origin": "https://evil.example.com"}),
    "path": (404, "GET", "/nowhere", {}),
    "object": (404, "GET", "/logs/gcs/object?name=trades/none", {"Authorization": "viewer"}),
    "method": (405, "PUT", "/logs/gcs", {}),
    "all of it": (404, "OPTIONS", "*", {}),
}


@pytest.mark.parametrize("kind", ASKED)
@pytest.mark.parametrize("request_id", [None, "my-id.1", "two words", "x" * 129])
def test_every_answer_has_its_security_headers_and_its_id(
    system: System, kind: str, request_id: str | None
) -> None:
    """Good or bad, the gateway's or the function's; the id is the caller's if it is clean."""
    status, method, path, headers = ASKED[kind]
    sent = {name: _with_token(system, value) for name, value in headers.items()}
    sent |= {"X-Request-ID": request_id} if request_id else {}

    for answer in system.both(path, sent, method=method):
        assert (answer.status, missing(answer)) == (status, [])
        if status >= 400:
            assert answer.json["request_id"] == answer.headers["x-request-id"]
        if request_id == "my-id.1" and path != "*":
            assert answer.headers["x-request-id"] == request_id
        assert answer.headers["x-request-id"] not in ("two words", "x" * 129)


def _with_token(system: System, value: str) -> str:
    return f"Bearer {system.token(value)}" if value in ("viewer", "metrics") else value


def test_too_large_ones_have_them_too(system: System) -> None:
    """413 of both, 431 of the gateway."""
    answers = system.both("/logs/gcs", body=b"x" * (MAX_BODY_BYTES + 1))
    headers = system.ask(system.gateway, "/logs/gcs", {"X-Long": "x" * 70_000})

    assert [missing(answer) for answer in (*answers, headers)] == [[], [], []]
    assert told((*answers, headers)) == [(413, "body_too_large")] * 2 + [(431, "headers_too_large")]


def test_an_answer_that_has_not_changed_has_them_too(system: System) -> None:
    """304, with the tag of the answer that is still good."""
    path = "/logs/gcs?start=2026-01-01T00:00:00Z&end=2026-01-02T00:00:00Z"
    tag = system.both(path, bearer(system))[0].headers["etag"]

    for answer in system.both(path, bearer(system) | {"If-None-Match": tag}):
        assert (answer.status, answer.headers["etag"], missing(answer)) == (304, tag, [])


def test_a_function_that_speaks_no_http_is_503(system: System, tmp_path: Path) -> None:
    """The gateway's own 502 becomes what the contract knows: worth asking again."""
    with nonsense() as port:
        nobody = Keys("https://id.example.com", "log-aggregator", json.dumps(system.pair.jwks))
        (gateway,) = children.free_ports(1)
        command = envoy_command(gateway, {"health": port}, nobody, tmp_path / "gateway.json")
        process = children.spawn(command, {}, tmp_path / "gateway.log")
        child = children.Child("gateway", process, tmp_path / "gateway.log", gateway)
        try:
            assert children.wait_until_ready([child], lambda: False, 10) == []
            answer = system.ask(gateway, "/health")
        finally:
            children.stop([child])

    assert (answer.status, answer.code, answer.headers["retry-after"]) == (503, "unavailable", "1")
    assert missing(answer) == []


@contextmanager
def nonsense() -> Iterator[int]:
    """The port of a server that answers everything with a line that means nothing."""

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = server.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(b"nonsense\r\n\r\n")

    with create_server(("127.0.0.1", 0)) as server:
        thread = Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(SHUT_RDWR)
            thread.join(10)
