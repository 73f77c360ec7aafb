"""The processes of a run: started with their logs, watched until they answer, ended together.

Each leads a group of its own, so that what it starts ends with it. When this process ends, however it ends,
the kernel ends them (Linux).
"""

import contextlib
import ctypes
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

HOST: Final = "127.0.0.1"
POLL_S: Final = 0.05
_STOP_DEADLINE_S: Final = 10.0
_SHOWN_LINES: Final = 20
_PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h
_LIBC: Final = ctypes.CDLL(None) if sys.platform == "linux" else None


class Child(NamedTuple):
    """One process, the leader of its own group; ready when it answers (with `status`, if that is given).
    One without a port is ready as soon as it runs."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    port: int | None
    status: int | None = None


def spawn(command: Sequence[str], environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    """Starts a command with its output in `log`. Call it from the main thread: the kernel ends the process
    with the thread that started it. Raises: OSError."""
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


def free_ports(count: int) -> list[int]:
    """So many different ports that nobody listens on."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((HOST, 0))
        return [int(each.getsockname()[1]) for each in sockets]


def wait_until_ready(
    children: Sequence[Child], stopped: Callable[[], bool], deadline_s: float
) -> list[Child]:
    """Those that do not answer yet when all do, one has died, `stopped` says so, or the time is up."""
    waiting = list(children)
    deadline = time.monotonic() + deadline_s
    while waiting and not stopped() and all_run(children):
        waiting = [child for child in waiting if not _answers(child)]
        if waiting and time.monotonic() > deadline:
            break
        time.sleep(POLL_S if waiting else 0)
    return waiting


def all_run(children: Sequence[Child]) -> bool:
    """Whether none has ended."""
    return all(child.process.poll() is None for child in children)


def _answers(child: Child) -> bool:
    if child.port is None:
        return True
    connection = http.client.HTTPConnection(HOST, child.port, timeout=1)
    try:
        connection.request("GET", "/health")
        return child.status in {None, connection.getresponse().status}
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def obituaries(children: Sequence[Child]) -> str:
    """Which children ended and how, with the end of their logs."""
    lines = []
    for child in children:
        code = child.process.poll()
        if code is not None:
            how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
            lines.append(f"{child.name} {how}. The end of {child.log}:")
            last = child.log.read_text(errors="replace").splitlines()[-_SHOWN_LINES:]
            lines += [f"    {line}" for line in last]
    return "\n".join(lines)


def stop(children: Sequence[Child]) -> None:
    """Ends all and waits: SIGTERM, and SIGKILL for what is left after the deadline."""
    for number, deadline_s in ((signal.SIGTERM, _STOP_DEADLINE_S), (signal.SIGKILL, 2.0)):
        left = [child for child in children if _send(child, number)]
        deadline = time.monotonic() + deadline_s
        while left and time.monotonic() < deadline:
            time.sleep(POLL_S / 2)
            left = [child for child in left if _send(child, 0)]


def _send(child: Child, number: int) -> bool:
    """Whether anything of the child's process group was there to get the signal (0 only asks)."""
    child.process.poll()  # reaps it: else it would be there for ever
    try:
        os.killpg(child.process.pid, number)
    except ProcessLookupError:
        return False
    return True
