"""The supervisor of `make run`: demo data, each function in its own process, and Envoy before them.

Everything is started at once and stopped together; the logs are in `.local/logs/NAME.log`.
"""

import argparse
import errno
import http.client
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Final, NamedTuple

from local import children, demo, keys, scheduler, tokens
from local.children import HOST, Child
from local.gateway import Keys, envoy_command, function_names
from shared.auth.key_fetch import check_url, fetch
from shared.config import AuthSettings

ROOT: Final = Path(__file__).resolve().parent.parent
GOOGLE_KEYS: Final = AuthSettings.google_jwks_url
_START_DEADLINE_S: Final = 60.0
_KEYS_DEADLINE_S: Final = 5.0
_QUESTIONS: Final = (
    "/logs/gcs?min_severity=ERROR",
    "/logs/firestore?bot=options_trader",
    "/logs/pods?q=margin&format=text",
)
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class CannotStart(Exception):
    """Nothing was started; the message says what to change."""


class Plan(NamedTuple):
    """What a run consists of. `token` is for the greeting; empty when the tokens come from elsewhere."""

    port: int
    functions: Mapping[str, Path]
    local_dir: Path
    environment: Mapping[str, str]
    keys: Keys
    token: str

    @property
    def scheduled(self) -> bool:
        """Whether summaries are asked for on schedule: if there are any, and tokens are made here."""
        return "summary" in self.functions and bool(self.token)


class Stop:
    """Set by the first SIGINT, SIGTERM or SIGHUP."""

    def __init__(self) -> None:
        self.asked = False
        for number in _SIGNALS:
            signal.signal(number, self._ask)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True


def main(argv: list[str], environ: Mapping[str, str]) -> int:
    """Runs until it is stopped: 0 then, 1 when a child died, 2 when it could not start."""
    parser = argparse.ArgumentParser(prog="python -m local.run", description=__doc__)
    parser.add_argument("--port", type=int, default=8080, help="of the gateway; 0 takes a free one")
    parser.add_argument("--functions", type=Path, default=ROOT / "functions", help="one folder a function")
    parser.add_argument("--local", type=Path, default=Path(".local"), help="demo data, keys and logs")
    options = parser.parse_args(argv)
    # Until there are children, a stop is an exception: half-written demo data are swept away on its way.
    for number in _SIGNALS:
        signal.signal(number, signal.default_int_handler)
    try:
        plan = _plan(options.port, options.functions, options.local.absolute(), environ)
    except (CannotStart, keys.UnusableKey, demo.NotDemoData, ValueError, OSError) as exc:
        print(f"make run: {exc}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return _supervise(plan)


def _plan(port: int, folder: Path, local_dir: Path, environ: Mapping[str, str]) -> Plan:
    """Everything that can be wrong is found here, before a process is started."""
    port = _gateway_port(port)
    functions = _functions(folder)
    identity, believed, token = _identity(local_dir, environ)
    settings = {"LOG_AGGREGATOR_SECRET_KEY": keys.secret(local_dir, environ), **identity}
    if "summary" in functions:
        scheduler.configured_schedules(environ)  # a wrong setting stops the start
    environment = _environment(environ, _data(local_dir, environ), settings)
    return Plan(port, functions, local_dir, environment, believed, token)


def _gateway_port(port: int) -> int:
    if not 0 <= port <= 65535:
        raise CannotStart(f"PORT={port} is no port: it must be between 1 and 65535")
    with socket.socket() as probe:
        # Like Envoy's own socket: connections of a gateway that just ended are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as exc:
            other = 8091 if port == 8090 else 8090
            what = "is in use" if exc.errno == errno.EADDRINUSE else f"cannot be used ({exc.strerror})"
            raise CannotStart(f"port {port} {what}. Take another one: make run PORT={other}") from exc
        return int(probe.getsockname()[1])


def _functions(root: Path) -> dict[str, Path]:
    found = {main.parent.name: main for main in sorted(root.glob("*/main.py"))}
    if not found:
        raise CannotStart(f"there is no function: no {root}/*/main.py")
    if lost := sorted(found.keys() - function_names()):
        raise CannotStart(f"no path leads to {', '.join(lost)}: add it to infra/gateway/openapi.yaml.tftpl")
    return found


def _identity(local_dir: Path, environ: Mapping[str, str]) -> tuple[dict[str, str], Keys, str]:
    """Whom functions and gateway believe: the caller's JWT_ISSUER, else the local issuer; with
    ROLE_BINDINGS, Google too.

    Gives the settings of the functions, the same for the gateway, and a viewer's token if one can be made.
    """
    audience = tokens.audience(environ)
    google = _published_keys(environ, "GOOGLE_JWKS_URL", GOOGLE_KEYS) if environ.get("ROLE_BINDINGS") else ""
    if issuer := tokens.foreign_issuer(environ):
        return {}, Keys(issuer, audience, _published_keys(environ, "JWT_JWKS_URL"), google), ""
    pair = keys.key_pair(local_dir)
    jwks = keys.jwks_path(local_dir)
    token = tokens.mint(
        pair, role="viewer", subject="local-viewer", audience=audience, now_s=int(time.time()), hours=12
    )
    settings = {"JWT_ISSUER": tokens.ISSUER, "JWT_JWKS_URL": jwks.as_uri()}
    return settings, Keys(tokens.ISSUER, audience, jwks.read_text(), google), token


def _published_keys(environ: Mapping[str, str], setting: str, default: str = "") -> str:
    """Somebody else's keys, as they are now: the local gateway does not fetch them again."""
    url = environ.get(setting) or default
    try:
        check_url(url)
        return fetch(url, deadline_s=_KEYS_DEADLINE_S).decode()
    except (OSError, ValueError, http.client.HTTPException) as exc:
        raise CannotStart(f"an issuer's keys cannot be read: check {setting}") from exc


def _data(local_dir: Path, environ: Mapping[str, str]) -> Path:
    """The caller's LOCAL_DATA_DIR, untouched; else the demo data, written when missing or old."""
    if given := environ.get("LOCAL_DATA_DIR"):
        if not Path(given).is_dir():
            raise CannotStart(f"LOCAL_DATA_DIR={given} is no directory")
        return Path(given).absolute()
    demo.ensure(local_dir / "data", environ.get("DEMO_DAYS") or "7")
    return local_dir / "data"


def _environment(environ: Mapping[str, str], data: Path, made: Mapping[str, str]) -> dict[str, str]:
    """The functions' settings: the caller's own win over the defaults."""
    defaults = {
        **made,
        "GCS_BUCKET_NAME": "gpt-runner-logs",
        "LOG_TIMEZONE": "UTC",
        "WORKERS": "1",
        "THREADS": "8",
    }
    given = {name: value for name, value in environ.items() if value}
    path = os.pathsep.join([str(ROOT), *filter(None, [environ.get("PYTHONPATH")])])
    # DEBUG would make functions-framework serve with Flask's reloader.
    given.pop("DEBUG", None)
    return {**defaults, **given, "LOCAL_DATA_DIR": str(data), "PYTHONPATH": path}


def _supervise(plan: Plan) -> int:
    stop = Stop()
    started: list[Child] = []
    began = time.monotonic()
    try:
        # Kept one by one: those that run are stopped when the next cannot be started.
        started.extend(_start(plan))
        late = children.wait_until_ready(started, lambda: stop.asked, _START_DEADLINE_S)
        if not late:
            _greet(plan, time.monotonic() - began)
            while not stop.asked and children.all_run(started):
                time.sleep(children.POLL_S)
        return 0 if stop.asked else _blame(started, late)
    except OSError as exc:
        print(f"make run: {exc}", file=sys.stderr)
        return 1
    finally:
        children.stop(started)


def _start(plan: Plan) -> Iterator[Child]:
    """Starts each function, then Envoy, then what asks for summaries."""
    logs = plan.local_dir / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    ports = dict(zip(plan.functions, children.free_ports(len(plan.functions)), strict=True))
    framework = str(Path(sys.executable).with_name("functions-framework"))
    for name, source in plan.functions.items():
        command = [framework, "--target", name, "--source", str(source)]
        command += ["--host", HOST, "--port", str(ports[name])]
        log = logs / f"{name}.log"
        yield Child(name, children.spawn(command, plan.environment, log), log, ports[name])
    command = envoy_command(plan.port, ports, plan.keys, plan.local_dir / f"gateway-{plan.port}.json")
    log = logs / "gateway.log"
    status = 200 if "health" in ports else None
    yield Child("gateway", children.spawn(command, plan.environment, log), log, plan.port, status)
    if plan.scheduled:
        command, log = scheduler.command(plan.port, plan.local_dir), logs / "scheduler.log"
        yield Child("scheduler", children.spawn(command, plan.environment, log), log, None)


def _greet(plan: Plan, elapsed_s: float) -> None:
    address = f"http://{HOST}:{plan.port}"
    logs = plan.local_dir / "logs"
    print(f"Ready after {elapsed_s:.1f} s on {address}. Ctrl-C stops it; logs are in {logs}.")
    print(f"What it answers: {address}/docs")
    if "summary" in plan.functions:
        why = (
            f"each is a line of {logs}/scheduler.log" if plan.scheduled else "the tokens come from elsewhere"
        )
        print(f"Summaries are {'' if plan.scheduled else 'not '}made on schedule: {why}.")
        if plan.scheduled:
            print(f"One now: make summary PORT={plan.port}")
    print()
    print(f"export TOKEN={plan.token or f'… (a token of {plan.keys.issuer})'}\n")
    for question in _QUESTIONS:
        print(f"curl -sS -H \"Authorization: Bearer $TOKEN\" '{address}{question}'")
    print(flush=True)


def _blame(started: list[Child], late: list[Child]) -> int:
    if text := children.obituaries(started):
        print(f"make run: {text}", file=sys.stderr)
    elif late:
        print(f"make run: no answer within {_START_DEADLINE_S:.0f} s from {late[0].name}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
