"""What holds log documents: Firestore, or its local mirror."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import date
from typing import Any, Final, Protocol

import msgspec

from shared.layout import parse_day
from shared.sources.source import Budget, Health

SOURCE: Final = "firestore"
UNDECODABLE: Final = "undecodable_document"
Days = tuple[date, date]


class Document(msgspec.Struct, frozen=True):
    """A document: its path, its fields in JSON's types, its times as instants, its size in bytes.

    `fault`: a code of a warning when it could not be read as stored. What is no document at all
    (UNDECODABLE) has its text as the field `message`.
    """

    path: str
    fields: dict[str, Any]
    create_time: int
    update_time: int
    size: int
    fault: str = ""

    @property
    def id(self) -> str:
        """The last segment of the path."""
        return self.path.rpartition("/")[2]


class Collection(msgspec.Struct, frozen=True):
    """A collection that is read; with `days`, only documents whose ids are dates within them."""

    path: str
    days: Days | None = None

    def admits(self, document_id: str) -> bool:
        """Whether a document of this id is to be read."""
        return self.days is None or in_days(document_id, self.days)


def in_days(text: str | None, days: Days) -> bool:
    """Whether a text is a date within `days`."""
    day = parse_day(text) if text else None
    return day is not None and days[0] <= day <= days[1]


class Reader(Protocol):
    """What one scan reads collections with."""

    def expect(self, collections: Sequence[Collection]) -> None:
        """The scan will read these, in this order; it may skip some and end early."""

    def read(self, collection: Collection, after: str, budget: Budget) -> Iterator[Document]:
        """Documents behind the id `after`, in the order of their ids (by code point), each in one state."""


class DocumentStore(Protocol):
    """Where documents are. Raises SourceError and its kinds, BudgetSpent, and what is named here.

    `lists_dearly`: to read a collection that may not exist costs less than to list those that do.
    """

    lists_dearly: bool

    def documents_in(self, collection: str, budget: Budget) -> Iterable[str]:
        """Ids of a collection's documents, those that exist only as parents included."""

    def collections_in(self, documents: Sequence[str], budget: Budget) -> Iterable[tuple[str, str]]:
        """Pairs of a document and the name of one of its subcollections."""

    def ids_in(self, collection: Collection, budget: Budget) -> Iterable[str]:
        """Ids of the documents that `read` would give."""

    def reading(self, budget: Budget) -> AbstractContextManager[Reader]:
        """The reader of one scan, which may fetch ahead of it."""

    def get(self, path: str, budget: Budget) -> Document:
        """One document. Raises: NotFound, also when it is only a parent of others."""

    def check(self, deadline_s: float) -> Health:
        """Whether the store answers, within `deadline_s`. Never raises."""
