"""Log objects as a source: what is the same for Cloud Storage and its local mirror.

An `ObjectStore` lists and opens objects; this module decides which of them may hold entries of a
window, decodes them, and makes entries of their records.
"""

import hashlib
from collections.abc import Iterator
from datetime import date, tzinfo
from typing import Final

import msgspec

from shared.config import GcsSettings
from shared.decode import Limits, Notes, inflate
from shared.errors import Forbidden, InvalidRequest, NotFound
from shared.layout import PathFacts, days_of, path_facts
from shared.policy import Policy
from shared.query import LogQuery, Window
from shared.redact import Redactor
from shared.sources.object_store import SOURCE, Interrupted, ObjectInfo, ObjectStore
from shared.sources.object_unit import ObjectUnit
from shared.sources.scan import FUTURE, place_of, scan
from shared.sources.source import Budget, Health, Listing, Page, Plan, certain

# What is read beyond the cut of a text, so that what lies across it is whole when it is redacted.
OVERLAP_BYTES: Final = 64 * 1024


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
            units = [ObjectUnit(reader, info, facts, self._zone, query.newest_below) for info, facts in found]
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
        found = {
            f"{info.bucket}/{info.name}": info.document()
            for info, _ in self._found(query, budget)
            if query.policy.admits_path(self.name, info.name)
        }
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
                for chunk in inflate(self._store.open(info, budget), notes, Limits()):
                    found += chunk
                    budget.spend(bytes=len(chunk))
                    if len(found) > max_bytes + OVERLAP_BYTES:
                        break
        except Interrupted:
            whole = False
        # Redacted before it is cut, and what lies near the cut is never shown: half a secret would not be
        # known for one.
        more = len(found) > max_bytes + OVERLAP_BYTES
        text = bytes(found[: max_bytes + OVERLAP_BYTES]).decode("utf-8", errors="replace")
        if policy.redacts_path(self.name, name):
            text = self._redactor.text(text)
        encoded = text.encode()
        shown = encoded[: max(0, min(max_bytes, len(encoded) - OVERLAP_BYTES)) if more else max_bytes]
        cut = not whole or more or len(shown) < len(encoded) or bool(notes.faults())
        return ObjectText(info, shown.decode("utf-8", errors="ignore"), cut)

    def _stat(self, bucket: str | None, name: str, budget: Budget) -> ObjectInfo:
        for candidate in [bucket] if bucket else self._store.buckets():
            try:
                with certain(self.name, budget):
                    return self._store.stat(candidate, name, budget)
            except NotFound:
                continue
        raise NotFound("There is no such object.")

    def _found(self, query: LogQuery, budget: Budget) -> list[tuple[ObjectInfo, PathFacts]]:
        """The objects that may hold entries of the window, each once. A request that has asked for the digest
        of a question and then reads it lists once. Raises: SourceError."""
        asked, found = budget.listed or (None, [])
        if asked is not query:
            with certain(self.name, budget):
                found = list(self._list(query, budget))
            budget.listed = (query, found)
        return found

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
        if pairs:
            return pairs
        shown = query.policy.bounds(self.name).prefixes
        if shown is None:
            return [(prefix, prefix) for prefix in self._prefixes]
        # Of a configured prefix and one that the policy shows, the narrower is listed.
        return [
            (configured, max(configured, prefix, key=len))
            for configured in self._prefixes
            for prefix in sorted(shown)
            if configured.startswith(prefix) or prefix.startswith(configured)
        ]


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
