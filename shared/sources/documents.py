"""Log documents as a source: what is the same for Firestore and its local mirror.

A `DocumentStore` walks and reads collections; this module decides which of them may hold entries of a
window, and makes an entry of each document.
"""

from collections.abc import Iterator
from datetime import date, tzinfo
from typing import Any

from shared import instant
from shared.config import FirestoreSettings
from shared.entry import LogEntry
from shared.errors import Forbidden, InvalidRequest
from shared.layout import PathTemplate, day_bounds, days_of, parse_day, segment_values
from shared.normalise import field_time, labels_of, message_of, placed_time, severity_of, trace_of
from shared.policy import Policy
from shared.query import LogQuery
from shared.redact import Redactor
from shared.sources.document_places import Place, places_of
from shared.sources.document_store import (
    SOURCE,
    UNDECODABLE,
    Days,
    Document,
    DocumentStore,
    Reader,
    in_days,
)
from shared.sources.scan import FUTURE, Wants, place_of, scan
from shared.sources.source import Budget, Health, Listing, Page, Plan, Warn, certain


class DocumentLogs:
    """The `firestore` source over any document store."""

    name = SOURCE

    def __init__(
        self, store: DocumentStore, settings: FirestoreSettings, zone: tzinfo, redactor: Redactor
    ) -> None:
        self._store = store
        self._templates = settings.firestore_collections
        self._zone = zone
        self._redactor = redactor

    def read(self, query: LogQuery, budget: Budget) -> Page:
        """The next page of the documents' entries."""
        days = days_of(query.window.start, query.window.end, self._zone)
        places = self._places(query, days, budget)
        with self._store.reading(budget) as reader:
            units = [DocumentUnit(reader, place, days, self._zone) for place in places]
            units.sort(key=lambda unit: place_of(unit, query))
            reader.expect([unit.wanted for unit in units])
            return scan(self.name, units, query, budget, self._redactor)

    def plan(self, query: LogQuery, budget: Budget) -> Plan:
        """How many collections a full read of the window would ask for; documents are not counted."""
        days = days_of(query.window.start, query.window.end, self._zone)
        places = self._places(query, days, budget)
        return Plan(self.name, api_calls=budget.scanned.api_calls + len(places))

    def digest(self, query: LogQuery, budget: Budget) -> str:  # noqa: ARG002 - documents tell only when read
        """Nothing: that documents have not changed can only be told by reading them."""
        return ""

    def check(self, deadline_s: float) -> Health:
        """Whether the store answers."""
        return self._store.check(deadline_s)

    def collections(self, query: LogQuery, budget: Budget) -> Listing:
        """The configured collections, with the bots and the dates that the window has in each."""
        days = days_of(query.window.start, query.window.end, self._zone)
        items: dict[str, dict[str, Any]] = {}
        for template in self._wanted(query):
            with certain(self.name, budget):
                bots, dates = self._seen(template, days, budget)
            shown = [
                bot for bot in sorted(bots) if query.policy.admits_path(self.name, f"{template.root}/{bot}")
            ]
            items[template.text] = {
                "collection": template.root,
                "template": template.text,
                "bots": shown,
                "dates": sorted(dates),
            }
        return Listing(self.name, items, budget.scanned)

    def _seen(self, template: PathTemplate, days: Days, budget: Budget) -> tuple[set[str], set[str]]:
        """The bots and dates of one template."""
        bots: set[str] = set()
        dates: set[str] = set()
        for place in places_of(self._store, template, days, budget, seen=True):
            values = [place.values]
            if place.ids.count("{") > (place.ids == "{doc}"):
                ids = self._store.ids_in(place.wanted(days), budget)
                values = [place.values | (segment_values(place.ids, one) or {}) for one in ids]
            bots |= {value["bot"] for value in values if "bot" in value}
            dates |= {value["date"] for value in values if in_days(value.get("date"), days)}
        return bots, dates

    def document(self, path: str, policy: Policy, budget: Budget) -> dict[str, Any]:
        """One document. Raises: InvalidRequest, Forbidden, NotFound, SourceError."""
        parts = path.split("/")
        if len(parts) % 2 or any(part in ("", ".", "..") for part in parts):
            raise InvalidRequest.of("path", "must be pairs of collection and document")
        if not any(template.match(path) is not None for template in self._templates):
            raise InvalidRequest.of("path", "must lie under a configured collection")
        if not policy.admits_path(self.name, path):
            raise Forbidden("policy")
        with certain(self.name, budget):
            found = self._store.get(path, budget)
        fields = found.fields
        if policy.redacts_path(self.name, path):
            fields = self._redactor.value(fields)
        return {
            "path": found.path,
            "fields": fields,
            "create_time": instant.to_text(found.create_time),
            "update_time": instant.to_text(found.update_time),
        }

    def _wanted(self, query: LogQuery) -> list[PathTemplate]:
        roots = {template.root for template in self._templates}
        wanted = query.scoped("collection")
        if any(root not in roots for root in wanted):
            raise InvalidRequest.of("collection", "is not configured")
        bounds = query.policy.bounds(self.name)
        return [
            template
            for template in self._templates
            if (not wanted or template.root in wanted) and bounds.allow("collection", template.root)
        ]

    def _places(self, query: LogQuery, days: Days, budget: Budget) -> list[Place]:
        """The collections to read, each once. Raises: InvalidRequest, SourceError."""
        places: dict[str, Place] = {}
        for template in self._wanted(query):
            with certain(self.name, budget):
                for place in places_of(self._store, template, days, budget):
                    places.setdefault(place.collection, place)
        return list(places.values())


class DocumentUnit:
    """One collection, its documents in the order of their ids; `at` is the id of the last one.

    A flat collection is read whole: its time fields have several types, and a query that filters or
    orders by a field leaves out every document without it or with another type.
    """

    def __init__(self, reader: Reader, place: Place, days: Days, zone: tzinfo) -> None:
        self.name = place.collection
        self.at = ""
        self.wanted = place.wanted(days)
        self._reader = reader
        self._place = place
        self._zone = zone
        self._from_future = 0
        self._faults: dict[str, list[str]] = {}
        self.oldest, self.newest = instant.EARLIEST, instant.LATEST
        if day := parse_day(place.values.get("date", "")):
            self.oldest, self.newest = day_bounds(day, zone)

    def read(
        self, wants: Wants, budget: Budget, after: str, until: str | None
    ) -> Iterator[tuple[LogEntry, int]]:
        """Entries of the collection whose time is wanted, of documents with ids in `(after, until]`."""
        for document in self._reader.read(self.wanted, after or "", budget):
            if until is not None and document.id > until:
                return
            self.at = document.id
            if entry := self._entry(document, wants):
                yield entry, document.size
            budget.spend(documents=1, bytes=document.size)

    def warnings(self) -> list[Warn]:
        """What of this collection a caller should know."""
        warns = []
        for fault, paths in self._faults.items():
            detail = f"{len(paths)} documents could not be decoded as they are stored; this is the first."
            warns.append(Warn(SOURCE, fault, detail, paths[0]))
        if self._from_future:
            detail = f"{self._from_future} entries are dated later than their documents."
            warns.append(Warn(SOURCE, "future_entry", detail, self.name))
        return warns

    def _entry(self, document: Document, wants: Wants) -> LogEntry | None:
        values = segment_values(self._place.ids, document.id)
        if values is None:
            return None
        values = self._place.values | values
        day = parse_day(values.get("date", ""))
        path_time = day_start(day, self._zone) if day else None
        moment, found = placed_time(field_time(document.fields, self._zone), path_time, document.update_time)
        if not wants(moment):
            return None
        self._from_future += moment > document.update_time + FUTURE
        if document.fault:
            self._faults.setdefault(document.fault, []).append(document.path)
        undecodable = document.fault == UNDECODABLE
        severity, severity_from = severity_of(document.fields, None)
        return LogEntry(
            id=f"firestore:{document.path}",
            timestamp=moment,
            timestamp_from=found,
            severity=severity,
            severity_from=severity_from,
            source=SOURCE,
            message=document.fields["message"] if undecodable else message_of(document.fields),
            labels=labels_of(document.fields, bot=values.get("bot")),
            trace=trace_of(document.fields),
            payload=None if undecodable else document.fields,
            origin={
                "path": document.path,
                "create_time": instant.to_text(document.create_time),
                "update_time": instant.to_text(document.update_time),
            },
        )


def day_start(day: date, zone: tzinfo) -> int:
    """The instant at which a date begins in `zone`."""
    return day_bounds(day, zone)[0] + instant.DAY
