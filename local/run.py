"""The supervisor of `make run`: demo data, each function in its own process, and Envoy before them.

Everything is started at once and stopped together. When this process ends, however it ends, the kernel
ends its children (Linux); their logs are in `.local/logs/NAME.log`.
"""

import argparse
import contextlib
import ctypes
import errno
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Final, NamedTuple

from local import demo, tokens
from local.gateway import ROUTES, envoy_command

ROOT: Final = Path(__file__).resolve().parent.parent
HOST: Final = "127.0.0.1"
_START_DEADLINE_S: Final = 60.0
_STOP_DEADLINE_S: Final = 10.0
_POLL_S: Final = 0.05
_SHOWN_LINES: Final = 20
_QUESTIONS: Final = (
    "/logs/gcs?min_severity=ERROR",
    "/logs/firestore?bot=options_trader",
    "/logs/pods?q=margin&format=text",
)
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h
_LIBC: Final = ctypes.CDLL(None) if sys.platform == "linux" else None


class CannotStart(Exception):
    """Nothing was started; the message says what to change."""


class Child(NamedTuple):
    """One process, the leader of its own group; ready when it answers (with `status`, if that is given)."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    port: int
    status: int | None


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
    parser.add_argument("--local", type=Path, default=Path(".local"), help="demo data, secret and logs")
    options = parser.parse_args(argv)
    local_dir = options.local.absolute()
    # Until there are children, a stop is an exception: half-written demo data are swept away on its way.
    for number in _SIGNALS:
        signal.signal(number, signal.default_int_handler)
    try:
        port = _gateway_port(options.port)
        functions = _functions(options.functions)
        signer = tokens.signer(local_dir, environ)
        environment = _environment(environ, _data(local_dir, environ), signer.key)
    except (CannotStart, tokens.UnusableSecret, demo.NotDemoData, ValueError, OSError) as exc:
        print(f"make run: {exc}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return _supervise(functions, port, local_dir, environment, signer)


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


def _data(local_dir: Path, environ: Mapping[str, str]) -> Path:
    """The caller's LOCAL_DATA_DIR, untouched; else the demo data, written when missing or old."""
    if given := environ.get("LOCAL_DATA_DIR"):
        if not Path(given).is_dir():
            raise CannotStart(f"LOCAL_DATA_DIR={given} is no directory")
        return Path(given).absolute()
    demo.ensure(local_dir / "data", environ.get("DEMO_DAYS") or "7")
    return local_dir / "data"


def _functions(root: Path) -> dict[str, Path]:
    found = {main.parent.name: main for main in sorted(root.glob("*/main.py"))}
    if not found:
        raise CannotStart(f"there is no function: no {root}/*/main.py")
    if unrouted := sorted(found.keys() - ROUTES.keys()):
        raise CannotStart(f"no path leads to {', '.join(unrouted)}: add it to ROUTES in local/gateway.py")
    return found


def _environment(environ: Mapping[str, str], data: Path, secret: str) -> dict[str, str]:
    """The functions' settings: the caller's own win over the defaults."""
    defaults = {
        "LOG_AGGREGATOR_SECRET_KEY": secret,
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


def _supervise(
    functions: Mapping[str, Path],
    port: int,
    local_dir: Path,
    environment: Mapping[str, str],
    signer: tokens.Signer,
) -> int:
    stop = Stop()
    children: list[Child] = []
    started = time.monotonic()
    try:
        # Kept one by one: those that run are stopped when the next cannot be started.
        children.extend(_start(functions, port, local_dir, environment))
        if _wait_until_ready(children, stop, started + _START_DEADLINE_S):
            _greet(port, local_dir, signer, tokens.audience(environment), time.monotonic() - started)
            while not stop.asked and all(child.process.poll() is None for child in children):
                time.sleep(_POLL_S)
        return 0 if stop.asked else _blame(children)
    except OSError as exc:
        print(f"make run: {exc}", file=sys.stderr)
        return 1
    finally:
        _stop(children)


def _start(
    functions: Mapping[str, Path], port: int, local_dir: Path, environment: Mapping[str, str]
) -> Iterator[Child]:
    """Starts each function, then Envoy, from this thread: the kernel ends them with it."""
    logs = local_dir / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    ports = dict(zip(functions, _free_ports(len(functions)), strict=True))
    framework = str(Path(sys.executable).with_name("functions-framework"))
    for name, source in functions.items():
        command = [framework, "--target", name, "--source", str(source)]
        command += ["--host", HOST, "--port", str(ports[name])]
        log = logs / f"{name}.log"
        yield Child(name, _spawn(command, environment, log), log, ports[name], None)
    command = envoy_command(port, ports, local_dir / f"gateway-{port}.json")
    log = logs / "gateway.log"
    yield Child("gateway", _spawn(command, environment, log), log, port, 200 if "health" in ports else None)


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((HOST, 0))
        return [int(each.getsockname()[1]) for each in sockets]


def _spawn(command: Sequence[str], environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    parent = os.getpid()

    def end_with_parent() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)

    with log.open("wb") as out:
        return subprocess.Popen(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=end_with_parent,  # noqa: PLW1509 - no threads here, and nothing else does this
        )


def _wait_until_ready(children: Sequence[Child], stop: Stop, deadline: float) -> bool:
    """Whether all answer; not so when one died, at the deadline, or when a stop was asked for."""
    waiting = list(children)
    while waiting and not stop.asked and all(child.process.poll() is None for child in children):
        waiting = [child for child in waiting if not _answers(child)]
        if waiting and time.monotonic() > deadline:
            print(
                f"make run: no answer within {_START_DEADLINE_S:.0f} s from {waiting[0].name}",
                file=sys.stderr,
            )
            break
        time.sleep(_POLL_S if waiting else 0)
    return not waiting


def _answers(child: Child) -> bool:
    connection = http.client.HTTPConnection(HOST, child.port, timeout=1)
    try:
        connection.request("GET", "/health")
        return child.status in {None, connection.getresponse().status}
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _greet(port: int, local_dir: Path, signer: tokens.Signer, audience: str, elapsed_s: float) -> None:
    token = tokens.mint(
        signer, role="viewer", subject="local-viewer", audience=audience, now_s=int(time.time()), hours=12
    )
    address = f"http://{HOST}:{port}"
    print(f"Ready after {elapsed_s:.1f} s on {address}. Ctrl-C stops it; logs are in {local_dir / 'logs'}.\n")
    print(f"export TOKEN={token}\n")
    for question in _QUESTIONS:
        print(f"curl -sS -H \"Authorization: Bearer $TOKEN\" '{address}{question}'")
    print(flush=True)


def _blame(children: Sequence[Child]) -> int:
    """Says which child ended and how, with the end of its log."""
    for child in children:
        code = child.process.poll()
        if code is not None:
            how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
            print(f"make run: {child.name} {how}. The end of {child.log}:", file=sys.stderr)
            lines = child.log.read_text(errors="replace").splitlines()[-_SHOWN_LINES:]
            print("\n".join(f"    {line}" for line in lines), file=sys.stderr)
    return 1


def _stop(children: Sequence[Child]) -> None:
    """Ends all and waits: SIGTERM, and SIGKILL for what is left after the deadline."""
    for number, deadline_s in ((signal.SIGTERM, _STOP_DEADLINE_S), (signal.SIGKILL, 2.0)):
        left = [child for child in children if _send(child, number)]
        deadline = time.monotonic() + deadline_s
        while left and time.monotonic() < deadline:
            time.sleep(_POLL_S / 2)
            left = [child for child in left if _send(child, 0)]


def _send(child: Child, number: int) -> bool:
    """Whether anything of the child's process group was there to get the signal (0 only asks)."""
    child.process.poll()  # reaps it: else it would be there for ever
    try:
        os.killpg(child.process.pid, number)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
