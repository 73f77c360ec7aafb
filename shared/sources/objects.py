"""Log objects as a source: what is the same for Cloud Storage and its local mirror.

An `ObjectStore` lists and opens objects; this module decides which of them may hold entries of a
window, decodes them, and makes entries of their records.
"""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import date, tzinfo
from typing import Final

import msgspec

from shared import instant
from shared.config import GcsSettings
from shared.decode import Limits, Notes, Record, inflate, records
from shared.entry import LogEntry, Severity, SeverityFrom, TimestampFrom
from shared.errors import Forbidden, InvalidRequest, NotFound
from shared.layout import PathFacts, day_bounds, days_of, path_facts
from shared.normalise import (
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
from shared.policy import Policy
from shared.query import LogQuery, Window
from shared.redact import Redactor
from shared.sources.object_store import SOURCE, Interrupted, ObjectInfo, ObjectStore, Reader
from shared.sources.scan import FUTURE, Wants, place_of, scan
from shared.sources.source import Budget, Health, Listing, Page, Plan, Warn, certain

LIMITS: Final = Limits()


class ObjectLogs:
    """The `gcs` source over any object store."""

    name = SOURCE

    def __init__(self, store: ObjectStore, settings: GcsSettings, zone: tzinfo, redactor: Redactor) -> None:
        self._store = store
        self._prefixes = settings.gcs_log_prefixes
        self._zone = zone
        self._redactor = redactor

    def read(self, query: LogQuery, budget: Budget) -> Page:
        """The next page of the objects' entries."""
        found = self._found(query, budget)
        with self._store.reading(budget) as reader:
            units = [ObjectUnit(reader, info, facts, self._zone) for info, facts in found]
            units.sort(key=lambda unit: place_of(unit, query))
            reader.expect([unit.info for unit in units])
            page = scan(self.name, units, query, budget, self._redactor)
        page.digest = _digest(found)
        return page

    def plan(self, query: LogQuery, budget: Budget) -> Plan:
        """How many objects and stored bytes a full read of the window would take."""
        sizes = [info.size for info, _ in self._found(query, budget)]
        calls = budget.scanned.api_calls + len(sizes)
        return Plan(self.name, objects=len(sizes), bytes=sum(sizes), api_calls=calls)

    def digest(self, query: LogQuery, budget: Budget) -> str:
        """Of the names and generations of all objects that may hold entries of the window."""
        return _digest(self._found(query, budget))

    def check(self, deadline_s: float) -> Health:
        """Whether the store answers."""
        return self._store.check(deadline_s)

    def objects(self, query: LogQuery, budget: Budget) -> Listing:
        """The objects that may hold entries of the window, by bucket and name."""
        found = {f"{info.bucket}/{info.name}": info.document() for info, _ in self._found(query, budget)}
        return Listing(self.name, found, budget.scanned)

    def text(
        self, bucket: str | None, name: str, max_bytes: int, policy: Policy, budget: Budget
    ) -> "ObjectText":
        """The decompressed text of one object, cut at `max_bytes`; without a bucket, of the first that
        has it.

        Raises: InvalidRequest, Forbidden when the caller's policy does not show it, NotFound, SourceError.
        """
        if bucket is not None and bucket not in self._store.buckets():
            raise InvalidRequest.of("bucket", "is not configured")
        if not name.startswith(self._prefixes):
            raise InvalidRequest.of("name", "must lie under a configured prefix")
        if not policy.admits_path(self.name, name):
            raise Forbidden("policy")
        info = self._stat(bucket, name, budget)
        notes, found = Notes(), bytearray()
        whole = True
        try:
            with certain(self.name, budget):
                for chunk in inflate(self._store.open(info, budget), notes, LIMITS):
                    found += chunk
                    budget.spend(bytes=len(chunk))
                    if len(found) > max_bytes:
                        break
        except Interrupted:
            whole = False
        text = bytes(found[:max_bytes]).decode("utf-8", errors="replace")
        if policy.redacts_path(self.name, name):
            text = self._redactor.text(text)
        return ObjectText(info, text, cut=not whole or len(found) > max_bytes or bool(notes.faults()))

    def _stat(self, bucket: str | None, name: str, budget: Budget) -> ObjectInfo:
        for candidate in [bucket] if bucket else self._store.buckets():
            try:
                with certain(self.name, budget):
                    return self._store.stat(candidate, name, budget)
            except NotFound:
                continue
        raise NotFound("There is no such object.")

    def _found(self, query: LogQuery, budget: Budget) -> list[tuple[ObjectInfo, PathFacts]]:
        """The objects that may hold entries of the window, each once. Raises: SourceError."""
        with certain(self.name, budget):
            return list(self._list(query, budget))

    def _list(self, query: LogQuery, budget: Budget) -> Iterator[tuple[ObjectInfo, PathFacts]]:
        days = days_of(query.window.start, query.window.end, self._zone)
        seen: set[tuple[str, str]] = set()
        for bucket in self._buckets(query):
            for configured, prefix in self._prefixes_of(query):
                for info in self._store.list(bucket, prefix, days, budget):
                    if info.size == 0 or (bucket, info.name) in seen:
                        continue
                    facts = path_facts(info.name, configured, self._zone)
                    if _may_hold(info, facts, query.window, days):
                        seen.add((bucket, info.name))
                        yield info, facts

    def _buckets(self, query: LogQuery) -> tuple[str, ...]:
        configured = self._store.buckets()
        wanted = query.scoped("bucket")
        if any(bucket not in configured for bucket in wanted):
            raise InvalidRequest.of("bucket", "is not configured")
        return wanted or configured

    def _prefixes_of(self, query: LogQuery) -> list[tuple[str, str]]:
        """Pairs of a configured prefix and the one to list under it."""
        pairs: list[tuple[str, str]] = []
        for wanted in query.scoped("prefix"):
            configured = next((p for p in self._prefixes if wanted.startswith(p)), None)
            if configured is None:
                raise InvalidRequest.of("prefix", "must lie under a configured prefix")
            pairs.append((configured, wanted))
        return pairs or [(prefix, prefix) for prefix in self._prefixes]


def _digest(found: list[tuple[ObjectInfo, PathFacts]]) -> str:
    names = sorted(f"{info.bucket}/{info.name}#{info.generation}" for info, _ in found)
    return hashlib.blake2b("\n".join(names).encode(), digest_size=16).hexdigest()


class ObjectText(msgspec.Struct, frozen=True):
    """One object's text; `cut` when it is not all of it."""

    info: ObjectInfo
    text: str
    cut: bool


def _may_hold(info: ObjectInfo, facts: PathFacts, window: Window, days: tuple[date, date]) -> bool:
    """Nothing updated before the window can hold an entry of it, nor a folder of another date."""
    in_days = facts.day is None or days[0] <= facts.day <= days[1]
    return in_days and info.updated + FUTURE >= window.start


class ObjectUnit:
    """One object, read from its first record to its last."""

    def __init__(self, reader: Reader, info: ObjectInfo, facts: PathFacts, zone: tzinfo) -> None:
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

    def read(self, wants: Wants, budget: Budget, after: int) -> Iterator[tuple[LogEntry, int]]:
        """Entries of the object whose time is wanted, of records behind `after`."""
        budget.spend(objects=1)
        chunks = inflate(self._chunks(budget), self._notes, LIMITS)
        for record in records(self._metered(chunks, budget, after), self.info.name, self._notes, LIMITS):
            self.at = record.index
            if record.index <= after or (self._broken and record.kind == "raw"):
                continue  # what a transfer cut in two is no record of the object
            timestamp, found = self._time_of(record)
            if wants(timestamp):
                size = record.size
                yield self._entry(record, timestamp, found), size

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

    def _entry(self, record: Record, timestamp: int, found: TimestampFrom) -> LogEntry:
        info = self.info
        value = record.value if record.kind in ("json", "csv") else None
        if record.kind == "raw":
            severity: tuple[Severity, SeverityFrom] = (Severity.DEFAULT, "default")
        else:
            severity = severity_of(value, record.text if record.text is not None else text_of(value))
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
