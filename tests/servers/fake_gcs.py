"""A fake of Cloud Storage: the JSON API's reads, the XML API's read of an object, faults and counters.

Objects come in through `put`, a Python method. Not served (501): object versions in lists,
soft-deleted objects, listing through the XML API, writes. Everybody may do everything, unless a
fault answers 403.
"""

import threading
from types import TracebackType
from typing import Self

from tests.servers.gcs_http import GcsListener
from tests.servers.gcs_state import GcsState


class FakeGcs(GcsState):
    """A running server. `host` is "127.0.0.1:PORT", `url` what STORAGE_EMULATOR_HOST takes."""

    def __init__(self) -> None:
        super().__init__()
        self._listener = GcsListener(self)
        self.host = f"127.0.0.1:{self._listener.server_address[1]}"
        self.url = f"http://{self.host}"
        self._thread = threading.Thread(
            target=self._listener.serve_forever, args=(0.01,), name="fake-gcs", daemon=True
        )
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Ends stalled answers, closes every connection and waits for the threads; may be called twice."""
        if self.stopping.is_set():
            return
        self.stopping.set()
        self._listener.shutdown()
        self._listener.close_connections()
        self._listener.server_close()
        self._thread.join(timeout=5)
