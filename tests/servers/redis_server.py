"""A real redis-server on a free port of 127.0.0.1, in memory only, ended by its process."""

import shutil
import socket
import subprocess
import tempfile
import time
from types import TracebackType
from typing import Self

_READY_WITHIN_S = 10.0


def find_redis_server() -> str | None:
    """The path of the binary, if it is installed."""
    return shutil.which("redis-server")


class RedisServer:
    """`url` answers from entering the context to leaving it. `options` are redis-server's own.

    `stop` and `start` may be called inside: the port stays, what was stored is gone.
    """

    def __init__(self, *options: str) -> None:
        self._options = options
        self._folder = tempfile.TemporaryDirectory(prefix="redis-server-")
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def __enter__(self) -> Self:
        # Redis takes port 0 for "no TCP", so a free one is found first; somebody may take it meanwhile.
        for _ in range(5):
            with socket.create_server(("127.0.0.1", 0)) as found:
                self.port = found.getsockname()[1]
            try:
                self.start()
            except ChildProcessError:
                continue
            return self
        raise ChildProcessError("redis-server did not start on any of five ports")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._folder.cleanup()

    def start(self) -> None:
        """Start on `port`, and return when it answers."""
        nothing_kept = ["--save", "", "--appendonly", "no"]
        place = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", self._folder.name]
        binary = find_redis_server() or "redis-server"
        self._process = subprocess.Popen(
            [binary, *place, *nothing_kept, *self._options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        ends = time.monotonic() + _READY_WITHIN_S
        while time.monotonic() < ends:
            if self._process.poll() is not None:
                raise ChildProcessError("redis-server ended at its start")
            if self._answers():
                return
            time.sleep(0.01)
        self.stop()
        raise ChildProcessError("redis-server did not answer")

    def stop(self) -> None:
        """End the process this object started; a second call does nothing."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait(timeout=10)
        self._process = None

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(5) == b"+PONG"
        except OSError:
            return False
