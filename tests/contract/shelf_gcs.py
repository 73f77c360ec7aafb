"""The shelf of the `gcs` source over a fake of Cloud Storage: one server for all tests, a bucket for each."""

from collections.abc import Iterable
from datetime import UTC
from functools import cache
from itertools import count
from pathlib import Path

from shared import instant
from shared.config import GcsSettings
from shared.redact import Redactor
from shared.sources.gcs import CloudObjects
from shared.sources.gcs_calls import Calls
from shared.sources.objects import ObjectLogs
from shared.sources.source import LogSource
from tests.contract.shelves import Event, objects_of
from tests.servers.fake_gcs import FakeGcs

_NUMBERS = count(1)


@cache
def server() -> FakeGcs:
    """The server of this session; `stop` ends it."""
    return FakeGcs()


def stop() -> None:
    """End the server, if any shelf has started it."""
    if server.cache_info().currsize:
        server().stop()
        server.cache_clear()


class CloudGcs:
    """JSON lines, one object per bot, day and `put`."""

    name = "gcs"

    def __init__(self, root: Path) -> None:
        self.bucket = f"logs-bucket-{next(_NUMBERS)}"
        self._puts = 0
        server().create_bucket(self.bucket)

    def put(self, events: Iterable[Event]) -> None:
        self._puts += 1
        for name, data, updated in objects_of(events, self._puts):
            server().put(self.bucket, name, data, updated=instant.to_datetime(updated))

    def source(self) -> LogSource:
        settings = GcsSettings(gcs_bucket_name=self.bucket)
        store = CloudObjects(settings, Calls("p", endpoint=server().url))
        return ObjectLogs(store, settings, UTC, Redactor(b"k" * 32))
