"""A function as production runs it: functions-framework and gunicorn in processes of their own."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.conftest import ROOT, SECRET

_READY_WITHIN_S = 30.0


def free_port() -> int:
    """A port of 127.0.0.1 that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


class Served:
    """`url` answers inside of the context; leaving it ends the function with SIGTERM, as Cloud Run does."""

    def __init__(self, function: str, **settings: str) -> None:
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self._command = [str(Path(sys.executable).with_name("functions-framework")), "--target", function]
        self._command += ["--source", f"functions/{function}/main.py"]
        self._command += ["--host", "127.0.0.1", "--port", str(self._port)]
        self._environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "THREADS": "4"}
        self._environment |= {"LOG_AGGREGATOR_SECRET_KEY": SECRET} | settings
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command,
            cwd=ROOT,
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        ends = time.monotonic() + _READY_WITHIN_S
        while time.monotonic() < ends and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return self
        self.stop(signal.SIGKILL)
        raise ChildProcessError(f"{self._command[2]} did not answer")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop(signal.SIGTERM)

    def stop(self, number: int) -> None:
        """End it: SIGTERM to the server, as from Cloud Run; what does not end is killed, with its workers."""
        if self._process is None:
            return
        process, self._process = self._process, None
        process.send_signal(number)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=10)

    def get(self, path: str, headers: dict[str, str] | None = None) -> tuple[int, str]:
        """Status and body."""
        try:
            request = urllib.request.Request(self.url + path, headers=headers or {})
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()
