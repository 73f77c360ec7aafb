"""`make run` from its start to its last process, with tiny functions in place of the real ones."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from socket import socket
from typing import Any

import jwt
import pytest

from local import keys, tokens
from local.run import ROOT

STUB = """
import os
import flask

def {name}(request: flask.Request) -> object:
    if request.path == "/docs":
        return dict(os.environ)
    return "{name}"
"""
NAMES = ("gcs", "health")


class Run:
    """One `python -m local.run` in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.functions = folder / "functions"
        self.local = folder / "local"
        self.data = folder / "data"
        self.data.mkdir()
        self.process: subprocess.Popen[str] | None = None
        self.port = 0
        for name in NAMES:
            self.write(name, STUB.format(name=name))

    def write(self, name: str, source: str) -> None:
        (self.functions / name).mkdir(parents=True, exist_ok=True)
        (self.functions / name / "main.py").write_text(source)

    def start(self, *arguments: str, **settings: str) -> None:
        """With the caller's data directory, unless `settings` say otherwise."""
        with socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        command = [sys.executable, "-m", "local.run", "--functions", str(self.functions)]
        command += ["--local", str(self.local), *(arguments or ("--port", str(self.port)))]
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "LOCAL_DATA_DIR": str(self.data), **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def started(self) -> "subprocess.Popen[str]":
        assert self.process is not None
        return self.process

    def greeting(self) -> str:
        """What it prints until it is ready."""
        lines: list[str] = []
        out = self.started().stdout
        assert out is not None
        for line in out:
            lines.append(line)
            if "/logs/pods" in line:
                return "".join(lines)
        raise AssertionError(f"never ready: {''.join(lines)}{self.started().communicate()[1]}")

    def ends(self) -> tuple[int, str]:
        """Its exit code and what it wrote to stderr."""
        _, errors = self.started().communicate(timeout=30)
        return self.started().returncode, errors

    def pids(self) -> list[int]:
        """The processes that carry this run's folder in their command: functions, workers, Envoy."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                command = (folder / "cmdline").read_bytes()
                if str(self.folder).encode() in command and int(folder.name) != self.started().pid:
                    found.append(int(folder.name))
        return found

    def get(self, path: str, token: str = "") -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        with contextlib.closing(connection):
            connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
            reply = connection.getresponse()
            return reply.status, reply.read().decode()


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """A run that is ended after the test, whatever the test did."""
    made = Run(tmp_path)
    yield made
    if made.process is not None:
        made.process.kill()
        made.process.communicate()
        for pid in made.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def token_of(greeting: str) -> str:
    """The token of the greeting's `export` line."""
    (line,) = [line for line in greeting.splitlines() if line.startswith("export TOKEN=")]
    return line.partition("=")[2]


def claims_of(token: str, local: Path, audience: str = "log-aggregator") -> dict[str, Any]:
    """The claims of a token that the published key verifies."""
    (jwk,) = json.loads((local / "jwks.json").read_text())["keys"]
    assert jwt.get_unverified_header(token)["kid"] == jwk["kid"]
    return jwt.decode(token, jwt.PyJWK(jwk), ["RS256"], audience=audience, issuer=tokens.ISSUER)


def soon(holds: Callable[[], bool], within_s: float = 10) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.05)
    return holds()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_serves_until_it_is_stopped_and_leaves_no_process(run: Run, number: signal.Signals) -> None:
    """All functions answer through the gateway; after a stop nothing of it runs and the port is free."""
    run.start()
    token = token_of(run.greeting())

    assert run.get("/health") == (200, "health")
    assert run.get("/logs/gcs/objects", token) == (200, "gcs")
    assert run.get("/logs/gcs/objects")[0] == 401
    # Two functions of a master and a worker each, and Envoy.
    assert len(run.pids()) == 5

    run.started().send_signal(number)

    assert run.ends() == (0, "")
    assert run.pids() == []
    with socket() as probe:
        probe.bind(("127.0.0.1", run.port))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_nothing_survives_a_supervisor_that_was_killed(run: Run) -> None:
    """SIGKILL leaves no chance to clean up; the kernel does it."""
    run.start()
    run.greeting()
    assert run.pids()

    run.started().kill()

    assert soon(lambda: run.pids() == [])


def test_a_stop_while_starting_leaves_no_process(run: Run) -> None:
    """Ctrl-C need not wait until everything is ready."""
    run.write("gcs", "import time\ntime.sleep(60)\n" + STUB.format(name="gcs"))
    run.start()
    assert soon(lambda: len(run.pids()) > 1)

    run.started().send_signal(signal.SIGINT)

    assert run.ends() == (0, "")
    assert run.pids() == []


def test_a_port_in_use_is_named_with_the_way_out(run: Run) -> None:
    """One sentence, exit code 2, and nothing is started or written."""
    with socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        run.start("--port", str(port))
        code, errors = run.ends()

    assert (code, errors) == (2, f"make run: port {port} is in use. Take another one: make run PORT=8090\n")
    assert not run.local.exists()


@pytest.mark.parametrize("port", ["65536", "-1"])
def test_a_port_that_is_none_is_refused(run: Run, port: str) -> None:
    """A number that no port can have is told as such."""
    run.start(f"--port={port}")

    assert run.ends() == (2, f"make run: PORT={port} is no port: it must be between 1 and 65535\n")


def test_a_function_that_dies_is_named_with_the_end_of_its_log(run: Run) -> None:
    """One broken function ends the run with exit code 1 and shows why: its last 20 lines."""
    noise = "for number in range(30): print('line', number, flush=True)\n"
    run.write("gcs", noise + "raise RuntimeError('no such luck')\n")
    run.start()
    code, errors = run.ends()

    assert code == 1
    assert errors.startswith("make run: gcs ended with exit code 1.")
    assert "RuntimeError: no such luck" in errors
    assert "line 5\n" not in errors
    assert run.pids() == []


def test_a_function_that_is_killed_later_ends_the_run(run: Run) -> None:
    """What dies after the start is noticed too, and named with the signal."""
    run.start()
    run.greeting()
    victim = min(pid for pid in run.pids() if b"--target\0gcs\0" in Path(f"/proc/{pid}/cmdline").read_bytes())

    os.kill(victim, signal.SIGKILL)
    code, errors = run.ends()

    assert code == 1
    assert "make run: gcs was ended by SIGKILL." in errors
    assert run.pids() == []


def test_the_greeting_has_a_valid_token_and_commands_to_paste(run: Run) -> None:
    """Its `export` line holds a viewer's token of the local key; the commands use it and this port."""
    run.start()
    greeting = run.greeting()
    claims = claims_of(token_of(greeting), run.local)

    assert (claims["roles"], claims["sub"]) == (["viewer"], "local-viewer")
    assert claims["exp"] - claims["iat"] == 12 * 3600
    for name in ("secret", "key.pem"):
        assert (run.local / name).stat().st_mode & 0o777 == 0o600
    assert "PRIVATE" not in (run.local / "jwks.json").read_text()
    header = '-H "Authorization: Bearer $TOKEN"'
    base = f"http://127.0.0.1:{run.port}/logs"
    assert f"curl -sS {header} '{base}/gcs?min_severity=ERROR'" in greeting
    assert f"curl -sS {header} '{base}/firestore?bot=options_trader'" in greeting
    assert f"curl -sS {header} '{base}/pods?q=margin&format=text'" in greeting


def test_settings_of_the_caller_win_and_its_data_are_not_touched(run: Run) -> None:
    """A function sees the caller's settings, the defaults for the rest, and the caller's own directory."""
    run.start(GCS_BUCKET_NAME="mine", LOG_TIMEZONE="", DEBUG="1", THREADS="3")
    run.greeting()
    seen = json.loads(run.get("/docs")[1])

    assert seen["LOCAL_DATA_DIR"] == str(run.data)
    assert (seen["GCS_BUCKET_NAME"], seen["LOG_TIMEZONE"], seen["THREADS"]) == ("mine", "UTC", "3")
    assert seen["LOG_AGGREGATOR_SECRET_KEY"] == (run.local / "secret").read_text().strip()
    assert seen["JWT_ISSUER"] == tokens.ISSUER
    assert seen["JWT_JWKS_URL"] == (run.local / "jwks.json").as_uri()
    assert "DEBUG" not in seen
    assert list(run.data.iterdir()) == []
    assert not (run.local / "data").exists()


def test_demo_data_are_written_once_and_used_again(run: Run) -> None:
    """Without a data directory the demo data are made, in one printed line; a second run finds them."""
    run.start(LOCAL_DATA_DIR="", DEMO_DAYS="1")
    first = run.greeting()
    written = (run.local / "data" / "demo.json").stat().st_mtime_ns
    run.started().send_signal(signal.SIGTERM)
    assert run.ends() == (0, "")
    run.start(LOCAL_DATA_DIR="", DEMO_DAYS="1")
    second = run.greeting()

    assert "Writing demo data to" in first
    assert "Writing" not in second
    assert (run.local / "data" / "demo.json").stat().st_mtime_ns == written


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"LOCAL_DATA_DIR": "/no/such/folder"}, "LOCAL_DATA_DIR=/no/such/folder is no directory"),
        ({"LOCAL_DATA_DIR": "", "DEMO_DAYS": "seven"}, "DEMO_DAYS=seven must be a whole number"),
        ({"LOCAL_DATA_DIR": "", "DEMO_DAYS": "0"}, "days must be between 1 and 366"),
        ({"JWT_ISSUER": "https://id.example.com"}, "an issuer's keys cannot be read: check JWT_JWKS_URL"),
        (
            {"ROLE_BINDINGS": "{}", "GOOGLE_JWKS_URL": "file:///no/such/keys"},
            "an issuer's keys cannot be read: check GOOGLE_JWKS_URL",
        ),
        ({"LOG_AGGREGATOR_SECRET_KEY": "short"}, "LOG_AGGREGATOR_SECRET_KEY has fewer than 32 bytes"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(run: Run, settings: dict[str, str], sentence: str) -> None:
    """One sentence that names the setting, and exit code 2."""
    run.start(**settings)
    code, errors = run.ends()

    assert code == 2
    assert sentence in errors
    assert errors.count("\n") == 1


def test_an_unknown_role_is_refused_with_the_roles() -> None:
    """`make token ROLE=` with a wrong role names those that exist."""
    command = [sys.executable, "-m", "local.tokens", "--role", "root"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert answer.returncode == 2
    assert "unknown role 'root': the roles are viewer, analyst, admin, scheduler, metrics" in answer.stderr


def print_token(local: Path, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "local.tokens", "--local", str(local), *arguments]
    env = {"PATH": os.environ["PATH"], **settings}
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=env)


def test_a_token_of_the_command_line_carries_what_was_asked_for(tmp_path: Path) -> None:
    """Role, subject, hours and audience are the caller's; the key is made, and stays the same."""
    new = tmp_path / "new"
    asked = ("--role", "admin", "--sub", "me", "--hours", "0.5")
    printed = [print_token(new, *asked, JWT_AUDIENCE="ours").stdout.strip() for _ in range(2)]

    for token in printed:
        claims = claims_of(token, new, "ours")
        assert (claims["roles"], claims["sub"], claims["exp"] - claims["iat"]) == (["admin"], "me", 1800)


def test_a_broken_key_is_named(tmp_path: Path) -> None:
    """What is no key is told with its place and the way out; it is never written over."""
    (tmp_path / "key.pem").write_text("no key")
    answer = print_token(tmp_path)

    assert answer.returncode == 2
    assert f"{tmp_path}/key.pem holds no RSA key: remove it" in answer.stderr
    assert (tmp_path / "key.pem").read_text() == "no key"


def test_no_token_is_made_for_somebody_elses_issuer(tmp_path: Path) -> None:
    """With JWT_ISSUER set, a token of the local key would be refused."""
    answer = print_token(tmp_path, JWT_ISSUER="https://id.example.com")

    assert answer.returncode == 2
    assert "tokens come from https://id.example.com" in answer.stderr
    assert not (tmp_path / "key.pem").exists()


def test_the_callers_own_issuer_is_believed_instead(run: Run, tmp_path: Path) -> None:
    """JWT_ISSUER and JWT_JWKS_URL serve gateway and functions alike; the local key is not made at all."""
    pair = keys.key_pair(tmp_path / "provider")
    url = (tmp_path / "provider" / "jwks.json").as_uri()
    run.start(JWT_ISSUER="https://id.example.com", JWT_JWKS_URL=url)
    greeting = run.greeting()
    claims = {"iss": "https://id.example.com", "aud": "log-aggregator", "exp": int(time.time()) + 60}
    token = jwt.encode(claims, pair.private, algorithm="RS256", headers={"kid": pair.kid})

    assert token_of(greeting) == "… (a token of https://id.example.com)"
    assert run.get("/logs/gcs", token) == (200, "gcs")
    assert json.loads(run.get("/docs")[1])["JWT_JWKS_URL"] == url
    assert not (run.local / "key.pem").exists()
