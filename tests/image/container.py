"""A function started as its container would be: the image's command, its environment and nothing else."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests.image.image import Image

HOST = "127.0.0.1"
READY_WITHIN_S = 30.0


class Ended(NamedTuple):
    """How a container came to its end, `after_s` from SIGTERM."""

    code: int
    after_s: float
    printed: str


class Container:
    """A running function; `port` is where it answers."""

    def __init__(self, image: Image, settings: Mapping[str, str], printed: Path) -> None:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            self.port = int(probe.getsockname()[1])
        # HOST is the framework's own: a container listens everywhere, a test only here.
        given = {"PORT": str(self.port), "HOST": HOST, "HOME": "/nonexistent", **settings}
        user = image.uid if may_become(image) else None
        self._printed = printed
        with printed.open("wb") as out:
            self._process = subprocess.Popen(
                image.command,
                cwd=image.folder,
                env={**image.environment, **given},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=user,
                group=user,
                extra_groups=[] if user else None,
            )

    @property
    def printed(self) -> str:
        """What it has printed so far."""
        return self._printed.read_text(errors="replace")

    def uids(self) -> set[int]:
        """Whose the processes of this container are (Linux)."""
        group = os.getpgid(self._process.pid)
        own = {int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit() and _group(p) == group}
        return {Path(f"/proc/{pid}").stat().st_uid for pid in own}

    def wait(self) -> float:
        """Seconds until the port answers. Raises: AssertionError with what was printed."""
        began = time.monotonic()
        while time.monotonic() < began + READY_WITHIN_S:
            assert self._process.poll() is None, self.printed
            with socket.socket() as probe:
                if probe.connect_ex((HOST, self.port)) == 0:
                    return time.monotonic() - began
            time.sleep(0.02)
        raise AssertionError(f"no answer in {READY_WITHIN_S} s\n{self.printed}")

    def get(self, path: str) -> tuple[int, str]:
        """The status of a GET, and the server that answered."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=30)
        with contextlib.closing(connection):
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.getheader("Server", "")

    def stop(self) -> Ended:
        """SIGTERM to the first process alone, as Cloud Run sends it, and how it ends."""
        began = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(30)
        return Ended(code, time.monotonic() - began, self.printed)

    def kill(self) -> None:
        """Ends what is left of it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(10)


@contextlib.contextmanager
def running(image: Image, **settings: str) -> Iterator[Container]:
    """A container that is ended however the test ends."""
    with tempfile.TemporaryDirectory() as folder:
        container = Container(image, settings, Path(folder) / "printed")
        try:
            yield container
        finally:
            container.kill()


def may_become(image: Image) -> bool:
    """Whether the image's user can be had here: root may become anybody, who must then reach the files."""
    python = image.places["/venv"] / "bin" / "python"
    return os.geteuid() == 0 and _starts(python, image.uid)


@cache
def _starts(python: Path, uid: int) -> bool:
    try:
        tried = subprocess.run([python, "-c", "0"], user=uid, group=uid, extra_groups=[], check=False)
    except PermissionError:
        return False
    return tried.returncode == 0


def _group(process: Path) -> int:
    with contextlib.suppress(ProcessLookupError):
        return os.getpgid(int(process.name))
    return -1
