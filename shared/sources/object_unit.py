"""One log object, record by record: its entries, and what of it could not be delivered as stored."""

from collections.abc import Iterable, Iterator
from datetime import tzinfo
from typing import Final

from shared import instant
from shared.decode import Limits, Notes, Record, inflate, records
from shared.entry import LogEntry, Severity, SeverityFrom, TimestampFrom
from shared.errors import NotFound
from shared.layout import PathFacts, day_bounds
from shared.normalise import (
    bot_of,
    field_time,
    head_time,
    labels_of,
    message_of,
    placed_time,
    read_time,
    severity_of,
    text_of,
    text_time,
    trace_of,
)
from shared.sources.object_store import SOURCE, Interrupted, ObjectInfo, Reader
from shared.sources.scan import FUTURE, Wants
from shared.sources.source import Budget, Warn

LIMITS: Final = Limits()


class ObjectUnit:
    """One object, read from its first record to its last."""

    def __init__(
        self,
        reader: Reader,
        info: ObjectInfo,
        facts: PathFacts,
        zone: tzinfo,
        newest_below: Severity = Severity.DEFAULT,
    ) -> None:
        """`newest_below`: as of LogQuery."""
        self._newest_below = newest_below
        self.name = f"{info.bucket}/{info.name}"
        self.oldest, self.newest = instant.EARLIEST, info.updated + FUTURE
        if facts.day is not None:
            self.oldest, day_end = day_bounds(facts.day, zone)
            self.newest = min(self.newest, day_end)
        self.at = 0
        self.info = info
        self._reader = reader
        self._facts = facts
        self._zone = zone
        self._notes = Notes()
        self._from_future = 0
        self._broken: Warn | None = None

    def read(
        self, wants: Wants, budget: Budget, after: int, until: int | None
    ) -> Iterator[tuple[LogEntry, int]]:
        """Entries of the object whose time is wanted, of records behind `after` up to `until`."""
        budget.spend(objects=1)
        newest: dict[str | None, tuple[int, TimestampFrom, Record]] = {}
        chunks = inflate(self._chunks(budget), self._notes, LIMITS)
        for record in records(self._metered(chunks, budget, after), self.info.name, self._notes, LIMITS):
            if until is not None and record.index > until:
                return
            self.at = record.index
            if record.index <= after or (self._broken and record.kind == "raw"):
                continue  # what a transfer cut in two is no record of the object
            timestamp, found = self._time_of(record)
            if not wants(timestamp):
                continue
            if self._newest_below and self._severity_of(record)[0] < self._newest_below:
                bot = bot_of(record.value, bot=self._facts.bot)
                if bot not in newest or timestamp >= newest[bot][0]:
                    newest[bot] = timestamp, found, record
                continue
            size = record.size
            yield self._entry(record, timestamp, found), size
        for timestamp, found, record in newest.values():
            yield self._entry(record, timestamp, found), record.size

    def warnings(self) -> list[Warn]:
        """What of this object could not be delivered as stored."""
        warns = [Warn(SOURCE, note.code, note.detail, self.name) for note in self._notes.faults()]
        if self._broken:
            warns.append(self._broken)
        if self._from_future:
            detail = f"{self._from_future} entries are dated later than the object itself."
            warns.append(Warn(SOURCE, "future_entry", detail, self.name))
        return warns

    def _chunks(self, budget: Budget) -> Iterator[bytes]:
        """The stored bytes; when they end too early, a warning is left."""
        try:
            yield from self._reader.open(self.info, budget)
        except NotFound:
            self._warn("object_gone", "The object was replaced or deleted while it was read.")
        except Interrupted:
            self._warn("object_unreadable", "The object kept breaking off: the rest of it is missing.")

    def _warn(self, code: str, detail: str) -> None:
        self._broken = Warn(SOURCE, code, detail, self.name)

    def _metered(self, chunks: Iterable[bytes], budget: Budget, after: int) -> Iterator[bytes]:
        """Decompressed chunks, paid for; what an earlier page has read is skipped for free."""
        for chunk in chunks:
            yield chunk
            budget.spend(bytes=len(chunk) if self.at >= after else 0, forced=self.at <= after)

    def _time_of(self, record: Record) -> tuple[int, TimestampFrom]:
        moment: int | None = None
        found: TimestampFrom = "field"
        if record.kind == "json" and record.head is not None:
            moment = head_time(record.head, self._zone)
        elif record.kind == "csv":
            moment = field_time(record.value, self._zone)
        if record.kind == "json" and moment is None:
            # Some writers wrap the whole line, time and level in brackets, into a message.
            moment, found = text_time(text_of(record.value), self._zone), "text"
        elif record.kind == "text":
            moment = text_time(record.text or "", self._zone)
            if moment is None and record.inherited_time:
                moment = read_time(record.inherited_time, self._zone)
            found = "text"
        return placed_time(moment, self._facts.moment, self.info.updated, found)

    def _severity_of(self, record: Record) -> tuple[Severity, SeverityFrom]:
        if record.kind == "raw":
            return Severity.DEFAULT, "default"
        value = record.value if record.kind in ("json", "csv") else None
        return severity_of(value, record.text if record.text is not None else text_of(value))

    def _entry(self, record: Record, timestamp: int, found: TimestampFrom) -> LogEntry:
        info = self.info
        value = record.value if record.kind in ("json", "csv") else None
        severity = self._severity_of(record)
        if timestamp > info.updated + FUTURE:
            self._from_future += 1
        return LogEntry(
            id=f"gcs:{info.bucket}/{info.name}#{info.generation}:{record.index}",
            timestamp=timestamp,
            timestamp_from=found,
            severity=severity[0],
            severity_from=severity[1],
            source=SOURCE,
            message=message_of(value) if record.text is None else record.text,
            labels=labels_of(value, bot=self._facts.bot),
            trace=trace_of(value),
            payload=value,
            origin={
                "uri": f"gs://{info.bucket}/{info.name}",
                "generation": str(info.generation),
                "line": record.index,
            },
        )
