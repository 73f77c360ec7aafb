"""The smoke tests themselves: they pass against the real system, and each of them can fail."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from local import demo, keys, tokens
from tests.build.spoiled import Passing, Spoil, spoiled
from tests.conftest import ROOT, SECRET
from tests.gateway.conftest import running

SMOKE = "tests/smoke/smoke.py"


class Smoke(NamedTuple):
    """How the smoke tests ended."""

    code: int
    printed: str

    @property
    def failures(self) -> list[str]:
        """The lines of checks that failed."""
        return [line for line in self.printed.splitlines() if line.startswith("FAIL")]


class Local(NamedTuple):
    """The system on this machine: the gateway's port and the key of its tokens."""

    port: int
    pair: keys.KeyPair

    def smoke(self, role: str = "viewer", *, url: str = "", token: str = "", wait: str = "0") -> Smoke:
        """Run as in a build step: with this Python and none of its packages."""
        now = int(time.time())
        minted = tokens.mint(
            self.pair, role=role, subject="smoke", audience="log-aggregator", now_s=now, hours=1
        )
        url = url or f"http://127.0.0.1:{self.port}"
        command = [sys.executable, "-S", "-E", "-s", SMOKE, "--url", url, "--role", role, "--wait", wait]
        env = {"PATH": os.environ["PATH"], "TOKEN": token or minted}
        ended = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
        return Smoke(ended.returncode, ended.stdout + ended.stderr)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    """A real Envoy before the real functions, over a day of demo data."""
    folder = tmp_path_factory.mktemp("smoke")
    demo.write(folder / "data", days=1, seed=7, end_s=time.time())
    settings = {"LOCAL_DATA_DIR": str(folder / "data"), "LOG_AGGREGATOR_SECRET_KEY": SECRET}
    with running(folder / "local", settings) as (gateway, _):
        yield Local(gateway, keys.key_pair(folder / "local"))


@pytest.mark.parametrize("role", ["viewer", "analyst", "metrics", "admin"])
def test_the_real_system_passes(local: Local, role: str) -> None:
    """As every role that a deployment may be asked with."""
    smoke = local.smoke(role)

    assert (smoke.code, smoke.failures) == (0, []), smoke.printed


def test_each_route_of_the_contract_is_asked(local: Local) -> None:
    """With and without a token, so a new route is asked the day it is there."""
    printed = local.smoke().printed

    template = (ROOT / "infra/gateway/openapi.yaml.tftpl").read_text()
    public = {"/health", "/openapi.json", "/docs"}
    for path in set(re.findall(r"^  (/[\w./{}-]+):$", template, re.MULTILINE)) - public:
        assert f"GET {path} as viewer." in printed
        assert f"GET {path}: 401 without a token." in printed


def test_a_summary_that_is_not_asked_for_is_said(local: Local) -> None:
    """A viewer's smoke tests see its refusal only, and say so, once the route exists."""
    if not (ROOT / "functions/summary").is_dir():
        pytest.skip("NOT TESTED: the function summary is not there")
    assert "NOT ASKED: POST /logs/summary" in local.smoke("viewer").printed
    assert "NOT ASKED" not in local.smoke("analyst").printed


def changed(
    method: str, path: str, *, status: int = 0, body: bytes = b"", header: dict[str, str] | None = None
) -> Spoil:
    """Answers to this method and path (whatever its query) have another status, body or header."""

    def spoil(passing: Passing) -> Passing:
        if (passing.method, passing.path.partition("?")[0]) != (method, path):
            return passing
        headers = passing.headers | (header or {})
        return passing._replace(status=status or passing.status, body=body or passing.body, headers=headers)

    return spoil


def open_door(passing: Passing) -> Passing:
    """Whoever has no token gets an answer all the same."""
    return passing._replace(status=200) if passing.path == "/logs/pods" and not passing.known else passing


SPOILED: dict[str, tuple[Spoil, str]] = {
    "health is down": (changed("GET", "/health", status=503), "503 instead of 200"),
    "health says more": (changed("GET", "/health", body=b'{"status":"ok","host":"10.0.0.7"}'), "says more"),
    "a source fails": (changed("GET", "/logs/gcs", status=502), "GET /logs/gcs as viewer. 502"),
    "an answer without meta": (changed("GET", "/logs/pods", body=b'{"entries":[]}'), "has no meta"),
    "no token is needed": (open_door, "GET /logs/pods: 401 without a token. 200"),
    "metrics for everybody": (changed("GET", "/metrics", status=200), "GET /metrics as viewer. 200"),
    "405 without Allow": (changed("POST", "/health", header={"allow": ""}), "405 without Allow"),
    "problems as text": (changed("GET", "/logs/gcs", header={"content-type": "text/html"}), "text/html"),
    "a contract without a route": (
        changed("GET", "/openapi.json", body=b'{"paths":{}}'),
        "the contract lacks",
    ),
    "no page": (changed("GET", "/docs", status=404), "404 instead of 200"),
    "every path is there": (changed("GET", "/no-such-path", status=200), "200 instead of 404"),
    "nobody answers": (changed("GET", "/docs", body=b"gone"), "not the contract's page"),
}


@pytest.mark.parametrize("fault", SPOILED)
def test_a_spoiled_answer_is_noticed(local: Local, fault: str) -> None:
    """By a failure that names it."""
    spoil, named = SPOILED[fault]

    with spoiled(local.port, spoil) as url:
        smoke = local.smoke(url=url)

    assert smoke.code == 1
    assert any(named in line for line in smoke.failures), smoke.printed


def test_the_managed_gateways_own_405_is_noted(local: Local) -> None:
    """It has no Allow, which nobody can change: said, and no failure."""
    own = changed("POST", "/health", header={"allow": "", "content-type": "application/json"})

    with spoiled(local.port, own) as url:
        smoke = local.smoke(url=url)

    assert smoke.code == 0
    assert "note  405 is the gateway's own" in smoke.printed


def test_a_service_that_is_not_there_yet_is_waited_for(local: Local) -> None:
    """A new gateway takes minutes to arrive: until the time is up nothing has failed."""
    answers = iter([503, 503])

    def late(passing: Passing) -> Passing:
        return passing._replace(status=next(answers, passing.status))

    with spoiled(local.port, late) as url:
        smoke = local.smoke(url=url, wait="60")

    assert smoke.code == 0, smoke.printed


def test_a_wrong_token_fails(local: Local) -> None:
    """Smoke tests with a token that nobody believes prove nothing, and say so."""
    smoke = local.smoke(token="no.such.token")

    assert smoke.code == 1
    assert any("GET /logs/gcs as viewer. 401 instead of 200" in line for line in smoke.failures)


@pytest.mark.parametrize("given", [["--url", "gateway.example"], ["--role", "viewer"]])
def test_what_cannot_be_asked_is_said(given: list[str]) -> None:
    """No URL, or none with a scheme: nothing is asked."""
    ended = subprocess.run(
        [sys.executable, SMOKE, *given],
        cwd=ROOT,
        env={"TOKEN": "t"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 2
    assert "--url" in ended.stderr


def test_the_page_of_what_is_not_proved_is_at_the_top() -> None:
    """Whoever relies on smoke tests reads first what they leave open."""
    top = (ROOT / SMOKE).read_text().partition('"""\n\n')[0]

    assert "What this does not prove" in top


def test_make_smoke_asks_for_what_it_needs() -> None:
    """Without URL or TOKEN it ends with a sentence."""
    path = Path("/usr/bin")
    ended = subprocess.run(
        ["make", "smoke"], cwd=ROOT, env={"PATH": f"{path}:/bin"}, capture_output=True, text=True, check=False
    )

    assert ended.returncode != 0
    assert "make smoke URL=" in ended.stdout + ended.stderr
