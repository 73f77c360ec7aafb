"""The shelf of `pods` over a fake of Cloud Logging: one server for all tests, a project for each."""

import atexit
from collections.abc import Iterable
from functools import cache
from itertools import count
from pathlib import Path

from shared.config import PodSettings
from shared.redact import Redactor
from shared.sources.call_budget import MinuteBudget
from shared.sources.cloud_logging import CloudPodLogs
from shared.sources.logging_calls import LoggingCalls
from shared.sources.source import LogSource
from tests.contract.shelves import Event, stored_line
from tests.servers.fake_logging import FakeLogging

_NUMBERS = count(1)


@cache
def server() -> FakeLogging:
    """The server of this session; it ends with the process."""
    fake = FakeLogging()
    atexit.register(fake.stop)
    return fake


class CloudPods:
    """Structured lines of one container per bot."""

    name = "pods"

    def __init__(self, root: Path) -> None:
        self.project = f"p{next(_NUMBERS)}"
        self._count = 0

    def put(self, events: Iterable[Event]) -> None:
        for event in events:
            self._count += 1
            line = stored_line(event, self._count)
            server().add(line | {"logName": f"projects/{self.project}/logs/stdout"})

    def source(self) -> LogSource:
        calls = LoggingCalls(self.project, MinuteBudget(6000), host=server().host, keep_s=0)
        return CloudPodLogs(calls, PodSettings(), Redactor(b"k" * 32))
