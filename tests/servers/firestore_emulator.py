"""The real Firestore emulator of an installed Google Cloud SDK, as a process of its own.

It keeps everything in memory, enforces neither indexes nor time-to-live, and isolates by project id:
one emulator serves a whole test session, with one project id per test.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

_JAR = Path("platform/cloud-firestore-emulator/cloud-firestore-emulator.jar")
_MAIN = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"
_ATTEMPTS = 3  # a port that was free may be taken before the emulator binds it


class EmulatorFailed(Exception):
    """The emulator did not become ready; the text ends with what it printed."""


def find_jar() -> Path | None:
    """FIRESTORE_EMULATOR_JAR, else the jar of an installed Google Cloud SDK, else None.

    Raises: FileNotFoundError when FIRESTORE_EMULATOR_JAR is set and names no file.
    """
    chosen = os.environ.get("FIRESTORE_EMULATOR_JAR")
    if chosen:
        if not Path(chosen).is_file():
            raise FileNotFoundError("FIRESTORE_EMULATOR_JAR does not name a file")
        return Path(chosen)
    return next((root / _JAR for root in _sdk_roots() if (root / _JAR).is_file()), None)


def missing() -> str | None:
    """What the emulator cannot start without, in one phrase; None when all is there."""
    if find_jar() is None:
        return "no Firestore emulator (install the Google Cloud SDK's, or set FIRESTORE_EMULATOR_JAR)"
    return "no Java to run the Firestore emulator with" if shutil.which("java") is None else None


def _sdk_roots() -> Iterator[Path]:
    configured = os.environ.get("CLOUDSDK_ROOT_DIR")
    if configured:
        yield Path(configured)
    gcloud = shutil.which("gcloud")
    if gcloud is not None:
        yield from Path(gcloud).resolve().parents
    yield Path("/usr/lib/google-cloud-sdk")
    yield Path("/usr/share/google-cloud-sdk")


class FirestoreEmulator:
    """A running emulator; `host` is what FIRESTORE_EMULATOR_HOST takes. `stop()` ends its process group.

    Raises (on construction): EmulatorFailed when jar or Java is missing or it is not ready in time.
    """

    def __init__(self, *, ready_within_s: float = 30.0) -> None:
        lack = missing()
        if lack is not None:
            raise EmulatorFailed(lack)
        self._printed = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop()
        deadline = time.monotonic() + ready_within_s
        try:
            for attempt in range(_ATTEMPTS):
                self.host = f"127.0.0.1:{_free_port()}"
                self._process = self._start()
                if self._becomes_ready(deadline):
                    return
                self._end_process()
                if attempt == _ATTEMPTS - 1 or time.monotonic() >= deadline:
                    raise EmulatorFailed(f"the Firestore emulator is not ready: {self._tail()}")
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> None:
        """Ends the emulator and whatever it started, and waits for it; may be called twice."""
        self._end_process()
        self._printed.close()

    def _start(self) -> subprocess.Popen[bytes]:
        address, port = self.host.split(":")
        return subprocess.Popen(
            ["java", "-Xmx512m", "-cp", str(find_jar()), _MAIN, f"--host={address}", f"--port={port}"],
            stdin=subprocess.DEVNULL,
            stdout=self._printed,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def _becomes_ready(self, deadline: float) -> bool:
        """Whether it answers before the deadline; False at once when the process ends instead."""
        while time.monotonic() < deadline and self._process.poll() is None:
            if self._answers():
                return True
            time.sleep(0.05)
        return False

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{self.host}/", timeout=1) as answer:
                return bool(answer.status == 200)
        except OSError:  # refused, reset, timed out, or an HTTP error: not yet
            return False

    def _end_process(self) -> None:
        process = getattr(self, "_process", None)
        if process is None or process.poll() is not None:
            return
        for ending, patience_s in ((signal.SIGTERM, 5), (signal.SIGKILL, 5)):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, ending)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=patience_s)
                return

    def _tail(self) -> str:
        self._printed.seek(0)
        return self._printed.read()[-2000:].decode(errors="replace")


def _free_port() -> int:
    """The emulator cannot say which port it took for 0, so one is chosen for it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
