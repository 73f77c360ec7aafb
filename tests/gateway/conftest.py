"""The whole system once for all tests here: a real Envoy before the real functions, over small demo data."""

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jwt
import pytest

from local import demo, keys, tokens
from local.run import ROOT
from tests.conftest import SECRET


class Answer(NamedTuple):
    """An answer, and whether a function gave it: gunicorn says so, and the gateway passes it on."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.text)

    @property
    def code(self) -> str:
        """The problem's code; empty when it is none."""
        return str(self.json["code"]) if self.status >= 400 else ""

    @property
    def by_function(self) -> bool:
        """Whether the request got through the gateway."""
        return self.headers.get("server") == "gunicorn"


def answer(reply: http.client.HTTPResponse) -> Answer:
    """An answer, read to its end."""
    return Answer(
        reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read().decode(errors="replace")
    )


class System(NamedTuple):
    """A run: the gateway's port, each function's own, the local issuer's key, and one that plays Google's."""

    gateway: int
    functions: dict[str, int]
    pair: keys.KeyPair
    google: keys.KeyPair

    def ask(
        self,
        port: int,
        path: str,
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "GET",
        body: bytes = b"",
    ) -> Answer:
        """One request, exactly as it is written here."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        with contextlib.closing(connection):
            connection.putrequest(method, path, skip_accept_encoding=True)
            for name, value in (headers or {}).items():
                connection.putheader(name, value)
            if body:
                connection.putheader("content-length", str(len(body)))
            connection.endheaders(body or None)
            return answer(connection.getresponse())

    def send(self, port: int, data: bytes) -> Answer:
        """These bytes, which need not be HTTP, and the answer to them."""
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            connection.sendall(data)
            reply = http.client.HTTPResponse(connection)
            reply.begin()
            return answer(reply)

    def both(
        self, path: str, headers: Mapping[str, str] | None = None, *, method: str = "GET", body: bytes = b""
    ) -> tuple[Answer, Answer]:
        """The same request through the gateway, and direct to the function of the path."""
        function = next(
            (name for name in self.functions if path.startswith((f"/logs/{name}", f"/{name}"))), "health"
        )
        return (
            self.ask(self.gateway, path, headers, method=method, body=body),
            self.ask(self.functions[function], path, headers, method=method, body=body),
        )

    def google_token(self, email: str, **claims: Any) -> str:
        """An ID token as Google makes them."""
        google: dict[str, Any] = {
            "iss": "https://accounts.google.com",
            "email": email,
            "email_verified": True,
            "roles": None,
        }
        return self.token(**google | claims, by=self.google)

    def token(self, role: str = "viewer", *, by: keys.KeyPair | None = None, **claims: Any) -> str:
        """A token of the local issuer; a claim that is None is left out."""
        pair, now = by or self.pair, int(time.time())
        usual = {"iss": tokens.ISSUER, "aud": "log-aggregator", "sub": "me", "iat": now, "exp": now + 600}
        body = {n: v for n, v in {**usual, "roles": [role], **claims}.items() if v is not None}
        return jwt.encode(body, pair.private, algorithm="RS256", headers={"kid": pair.kid})


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The system over demo data, with the local issuer and one that plays Google."""
    folder = tmp_path_factory.mktemp("system")
    demo.write(folder / "data", days=1, seed=7, end_s=time.time())
    google = keys.key_pair(folder / "google")
    settings = {
        "LOCAL_DATA_DIR": str(folder / "data"),
        "LOG_AGGREGATOR_SECRET_KEY": SECRET,
        "CORS_ORIGINS": "https://dash.example.com",
        "ROLE_BINDINGS": json.dumps({"viewer": ["user:kim@example.com"]}),
        "GOOGLE_JWKS_URL": keys.jwks_path(folder / "google").as_uri(),
    }
    with running(folder / "local", settings) as (gateway, functions):
        yield System(gateway, functions, keys.key_pair(folder / "local"), google)


@contextlib.contextmanager
def running(
    local: Path, settings: Mapping[str, str], functions: Path = ROOT / "functions"
) -> Iterator[tuple[int, dict[str, int]]]:
    """The gateway's port and each function's, until the supervisor is ended, which ends its children."""
    unlimited = {
        "RATE_LIMIT": "off",
        "SUMMARY_RATE_LIMIT": "off",
        "AUTH_FAILURE_LIMIT": "off",
        "LOG_LEVEL": "ERROR",
    }
    command = ["-m", "local.run", "--port", "0", "--local", str(local), "--functions", str(functions)]
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **unlimited, **settings},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield _addresses(process, local)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def _addresses(process: "subprocess.Popen[str]", local: Path) -> tuple[int, dict[str, int]]:
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(r"on http://127\.0\.0\.1:(\d+)\.", line):
            port = int(found[1])
            return port, _ports(json.loads((local / f"gateway-{port}.json").read_text()))
    raise AssertionError("the system did not start")


def _ports(config: dict[str, Any]) -> dict[str, int]:
    clusters = config["static_resources"]["clusters"]
    endpoints = {
        c["name"]: c["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"] for c in clusters
    }
    return {name: one["address"]["socket_address"]["port_value"] for name, one in endpoints.items()}
