"""Log documents as a source: what is the same for Firestore and its local mirror.

A `DocumentStore` walks collections; this module expands the path templates of the settings into the
collections that can hold entries of a window, and makes an entry of each document.
"""

from collections.abc import Iterable, Iterator
from datetime import date, tzinfo
from typing import Any, Final, Protocol

import msgspec

from shared import instant
from shared.config import FirestoreSettings
from shared.entry import LogEntry
from shared.errors import Forbidden, InvalidRequest
from shared.layout import PathTemplate, day_bounds, days_of, parse_day, segment_values
from shared.normalise import field_time, labels_of, message_of, placed_time, severity_of, trace_of
from shared.policy import Policy
from shared.query import LogQuery
from shared.redact import Redactor
from shared.sources.scan import FUTURE, Wants, scan
from shared.sources.source import Budget, Health, Listing, Page, Plan, Warn, certain

SOURCE: Final = "firestore"
Days = tuple[date, date]


class Document(msgspec.Struct, frozen=True):
    """A document: its path, its fields in JSON's types, its times as instants."""

    path: str
    fields: dict[str, Any]
    create_time: int
    update_time: int
    size: int


class DocumentStore(Protocol):
    """Where documents are. Raises SourceError and its kinds, and nothing else."""

    def documents_in(self, collection: str, budget: Budget) -> Iterable[str]:
        """Ids of a collection's documents, those that exist only as parents included."""

    def collections_in(self, document: str, budget: Budget) -> Iterable[str]:
        """Names of a document's subcollections."""

    def read(self, collection: str, days: Days | None, budget: Budget) -> Iterator[Document]:
        """Documents of a collection; with `days`, the ids are dates (yyyy-mm-dd) within it."""

    def get(self, path: str, budget: Budget) -> Document:
        """One document. Raises: NotFound."""

    def check(self, deadline_s: float) -> Health:
        """Whether the store answers."""


class Place(msgspec.Struct, frozen=True):
    """A collection that can hold entries of a window, with what its path says. `ids` says how to read
    the id of its documents."""

    collection: str
    values: dict[str, str]
    ids: str

    @property
    def ids_are_dates(self) -> bool:
        """Whether a document's id is nothing but its date."""
        return self.ids == "{date}"


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
        units = [DocumentUnit(self._store, place, days, self._zone) for place in places]
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
        for place in self._expand(template, days, budget):
            values = [place.values]
            if place.ids.count("{") > (place.ids == "{doc}"):
                ids = self._store.documents_in(place.collection, budget)
                values = [place.values | (segment_values(place.ids, one) or {}) for one in ids]
            bots |= {value["bot"] for value in values if "bot" in value}
            dates |= {value["date"] for value in values if _in_days(value.get("date"), days)}
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
        return [t for t in self._templates if not wanted or t.root in wanted]

    def _places(self, query: LogQuery, days: Days, budget: Budget) -> list[Place]:
        """The collections to read, each once. Raises: InvalidRequest, SourceError."""
        places: dict[str, Place] = {}
        for template in self._wanted(query):
            with certain(self.name, budget):
                for place in self._expand(template, days, budget):
                    places.setdefault(place.collection, place)
        return list(places.values())

    def _expand(self, template: PathTemplate, days: Days, budget: Budget) -> Iterator[Place]:
        """The collections of a template, walked from its root; dates outside of `days` are not entered."""
        found = [Place(template.root, {}, template.segments[1])]
        for depth in range(1, len(template.segments) - 1, 2):
            documents, collections = template.segments[depth], template.segments[depth + 1]
            ids = template.segments[depth + 2]
            found = [
                Place(f"{place.collection}/{document}/{collection}", place.values | one | two, ids)
                for place in found
                for document, one in self._documents(place.collection, documents, days, budget)
                for collection, two in self._collections(
                    f"{place.collection}/{document}", collections, days, budget
                )
            ]
        yield from found

    def _documents(
        self, collection: str, segment: str, days: Days, budget: Budget
    ) -> Iterator[tuple[str, dict[str, str]]]:
        names = self._store.documents_in(collection, budget) if "{" in segment else [segment]
        yield from _matching(names, segment, days)

    def _collections(
        self, document: str, segment: str, days: Days, budget: Budget
    ) -> Iterator[tuple[str, dict[str, str]]]:
        names = self._store.collections_in(document, budget) if "{" in segment else [segment]
        yield from _matching(names, segment, days)


def _matching(names: Iterable[str], segment: str, days: Days) -> Iterator[tuple[str, dict[str, str]]]:
    for name in names:
        values = segment_values(segment, name)
        if values is not None and ("date" not in values or _in_days(values["date"], days)):
            yield name, values


def _in_days(text: str | None, days: Days) -> bool:
    day = parse_day(text) if text else None
    return day is not None and days[0] <= day <= days[1]


class DocumentUnit:
    """One collection, its documents in the order of the store."""

    def __init__(self, store: DocumentStore, place: Place, days: Days, zone: tzinfo) -> None:
        self.name = place.collection
        self.at = 0
        self._store = store
        self._place = place
        self._days = days
        self._zone = zone
        self._from_future = 0
        self.oldest, self.newest = instant.EARLIEST, instant.LATEST
        if day := parse_day(place.values.get("date", "")):
            self.oldest, self.newest = day_bounds(day, zone)

    def read(self, wants: Wants, budget: Budget, after: int) -> Iterator[tuple[LogEntry, int]]:
        """Entries of the collection whose time is wanted, of documents behind `after`."""
        days = self._days if self._place.ids_are_dates else None
        for index, document in enumerate(self._store.read(self.name, days, budget), start=1):
            self.at = index
            if index <= after:
                continue
            if entry := self._entry(document, wants):
                yield entry, document.size
            budget.spend(documents=1, bytes=document.size)

    def warnings(self) -> list[Warn]:
        """What of this collection a caller should know."""
        if not self._from_future:
            return []
        detail = f"{self._from_future} entries are dated later than their documents."
        return [Warn(SOURCE, "future_entry", detail, self.name)]

    def _entry(self, document: Document, wants: Wants) -> LogEntry | None:
        values = segment_values(self._place.ids, document.path.rpartition("/")[2])
        if values is None:
            return None
        values = self._place.values | values
        day = parse_day(values.get("date", ""))
        path_time = day_start(day, self._zone) if day else None
        moment, found = placed_time(field_time(document.fields, self._zone), path_time, document.update_time)
        if not wants(moment):
            return None
        self._from_future += moment > document.update_time + FUTURE
        severity, severity_from = severity_of(document.fields, None)
        return LogEntry(
            id=f"firestore:{document.path}",
            timestamp=moment,
            timestamp_from=found,
            severity=severity,
            severity_from=severity_from,
            source=SOURCE,
            message=message_of(document.fields),
            labels=labels_of(document.fields, bot=values.get("bot")),
            trace=trace_of(document.fields),
            payload=document.fields,
            origin={
                "path": document.path,
                "create_time": instant.to_text(document.create_time),
                "update_time": instant.to_text(document.update_time),
            },
        )


def day_start(day: date, zone: tzinfo) -> int:
    """The instant at which a date begins in `zone`."""
    return day_bounds(day, zone)[0] + instant.DAY
