"""Path templates expanded into the collections that can hold entries of a window."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from shared.layout import PathTemplate, each_day, segment_values
from shared.sources.document_store import Collection, Days, DocumentStore, in_days
from shared.sources.source import Budget

# A window of a day has this many dates, slack included. Dates of a longer one are listed, not tried.
MOST_TRIED: Final = 4


class Place(msgspec.Struct, frozen=True):
    """A collection that can hold entries of a window, with what its path says. `ids` says how to read
    the id of its documents."""

    collection: str
    values: dict[str, str]
    ids: str

    def wanted(self, days: Days) -> Collection:
        """What is to be read of it; ids that are nothing but dates must lie in `days`."""
        return Collection(self.collection, days if self.ids == "{date}" else None)


def places_of(
    store: DocumentStore, template: PathTemplate, days: Days, budget: Budget, *, seen: bool = False
) -> list[Place]:
    """The collections of a template, walked from its root; dates outside of `days` are not entered.

    `seen`: only collections that are there; else some may be named that are not.

    Raises: SourceError, BudgetSpent.
    """
    walk = _Walk(store, days, budget, seen=seen)
    found = [Place(template.root, {}, template.segments[1])]
    for depth in range(1, len(template.segments) - 1, 2):
        document, collection, ids = template.segments[depth : depth + 3]
        parents = walk.documents(found, document)
        found = [
            Place(f"{parent}/{name}", parents[parent] | values, ids)
            for parent, names in walk.collections(parents, collection)
            for name, values in walk.matching(names, collection)
        ]
    return found


class _Walk:
    """One walk through a store: what is below where, by listing it or by knowing it."""

    def __init__(self, store: DocumentStore, days: Days, budget: Budget, *, seen: bool) -> None:
        self._store = store
        self._days = days
        self._budget = budget
        self._tried: list[str] = []
        dates = each_day(*days)
        if store.lists_dearly and not seen and len(dates) <= MOST_TRIED:
            # Either way to write a date: what was stored under the other would be missing.
            self._tried = [text for day in dates for text in (str(day), str(day).replace("-", ""))]

    def documents(self, places: Iterable[Place], segment: str) -> dict[str, dict[str, str]]:
        """The documents of a segment by their paths, with what the paths say."""
        found = {}
        for place in places:
            names = self._known(segment) or self._store.documents_in(place.collection, self._budget)
            for name, values in self.matching(names, segment):
                found[f"{place.collection}/{name}"] = place.values | values
        return found

    def collections(self, parents: Mapping[str, Any], segment: str) -> Iterator[tuple[str, Iterable[str]]]:
        """Names of subcollections below each parent."""
        if known := self._known(segment):
            yield from ((parent, known) for parent in parents)
            return
        for parent, name in self._store.collections_in(list(parents), self._budget):
            yield parent, [name]

    def matching(self, names: Iterable[str], segment: str) -> Iterator[tuple[str, dict[str, str]]]:
        """The names that a segment describes, without dates of other days."""
        for name in names:
            values = segment_values(segment, name)
            if values is not None and ("date" not in values or in_days(values["date"], self._days)):
                yield name, values

    def _known(self, segment: str) -> list[str]:
        """The names that need no listing: a literal, the dates of a short window."""
        if "{" not in segment:
            return [segment]
        return self._tried if segment == "{date}" else []
