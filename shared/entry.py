"""LogEntry: the one shape of a log line, whatever store it came from."""

from enum import IntEnum
from typing import Any, Literal

import msgspec

from shared import instant


class Severity(IntEnum):
    """Cloud Logging's severities, in its order and with its numbers.

    Source: https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry#LogSeverity
    """

    DEFAULT = 0
    DEBUG = 100
    INFO = 200
    NOTICE = 300
    WARNING = 400
    ERROR = 500
    CRITICAL = 600
    ALERT = 700
    EMERGENCY = 800


SeverityFrom = Literal["field", "text", "stream", "default"]
TimestampFrom = Literal["field", "text", "path", "metadata"]
OrderKey = tuple[int, str, str, int, int]


class LogEntry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One entry. `timestamp` is an instant (nanoseconds); `payload` is the record as it was stored.

    `id` never changes for the same record: `gcs:{bucket}/{object}#{generation}:{index}`,
    `firestore:{path}`, `pods:{log name}/{timestamp}/{insert id}`.
    """

    id: str
    timestamp: int
    timestamp_from: TimestampFrom
    severity: Severity
    severity_from: SeverityFrom
    source: str
    message: str
    labels: dict[str, str]
    trace: str | None
    payload: Any
    origin: dict[str, Any]

    def document(self) -> dict[str, Any]:
        """The entry as the API writes it."""
        return {
            "id": self.id,
            "timestamp": instant.to_text(self.timestamp),
            "timestamp_from": self.timestamp_from,
            "severity": self.severity.name,
            "severity_from": self.severity_from,
            "source": self.source,
            "message": self.message,
            "labels": self.labels,
            "trace": self.trace,
            "payload": self.payload,
            "origin": self.origin,
        }


def order_key(timestamp: int, source: str, entry_id: str) -> OrderKey:
    """The total order of all entries: time, source, id, with the numbers in a gcs id as numbers."""
    stem, hash_mark, numbers = entry_id.rpartition("#")
    generation, _, index = numbers.partition(":")
    if hash_mark and generation.isdecimal() and index.isdecimal():
        return (timestamp, source, stem, int(generation), int(index))
    return (timestamp, source, entry_id, 0, 0)
