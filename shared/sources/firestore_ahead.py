"""Collections read side by side, ahead of the scan that takes them in its order.

A scan reads one collection after the other, and nearly all of a small one's time is waiting for it. So
the heads of the next ones are on their way meanwhile: bounded in number, documents and bytes. What a
head does not hold follows as a stream, of which one document at a time is here.
"""

import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing, suppress
from functools import partial
from types import TracebackType
from typing import Any, Final, Protocol, Self

from shared.sources.document_store import Collection, Document
from shared.sources.firestore_workers import Workers, waited
from shared.sources.source import Budget

# How many heads are on their way or held.
MOST_AHEAD: Final = 8
HEAD_DOCUMENTS: Final = 300
HEAD_BYTES: Final = 1 << 20


class Stored(Protocol):
    """The documents behind an id as the service sends them; `counted` is called before each call.

    `limit`: no more than these are wanted of one call.
    """

    def __call__(
        self, collection: Collection, after: str, budget: Budget, counted: Callable[[], None], limit: int = 0
    ) -> Generator[Any, None, None]: ...


class _Abandoned(Exception):
    """Nobody waits for this head any more."""


class _Head:
    """The first documents of a collection, and how many calls they took."""

    def __init__(self) -> None:
        self.documents: list[Any] = []
        self.calls = 0
        self.whole = True
        self._abandoned = False
        self._lock = threading.Lock()

    def counted(self) -> None:
        """One more call is about to be made. Raises: _Abandoned if it need not be."""
        with self._lock:
            if self._abandoned:
                raise _Abandoned
            self.calls += 1

    def read(self, stored: Generator[Any, None, None]) -> None:
        """Take documents up to the bounds."""
        size = 0
        with suppress(_Abandoned), closing(stored):
            for document in stored:
                self.documents.append(document)
                size += document.ByteSize()
                if size >= HEAD_BYTES or len(self.documents) >= HEAD_DOCUMENTS or self._abandoned:
                    self.whole = False
                    return

    def abandon(self) -> tuple[int, int]:
        """Read no further. The calls and documents that it cost."""
        with self._lock:
            self._abandoned = True
            return self.calls, len(self.documents)


class Ahead:
    """The reader of one scan. Leaving it gives up what was not begun, and counts what was read in vain.

    `decoded` makes a document of what the service sent.
    """

    def __init__(
        self, stored: Stored, decoded: Callable[[Any], Document], budget: Budget, workers: Workers
    ) -> None:
        self._stored = stored
        self._decoded = decoded
        self._budget = budget
        self._workers = workers
        self._expected: Sequence[Collection] = ()
        self._places: dict[str, int] = {}
        self._asked = 0
        self._coming: dict[int, tuple[_Head, Future[None]]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._give_up(len(self._expected))

    def expect(self, collections: Sequence[Collection]) -> None:
        """The collections in the order in which they will be read."""
        self._expected = collections
        self._places = {collection.path: at for at, collection in enumerate(collections)}

    def read(self, collection: Collection, after: str, budget: Budget) -> Iterator[Document]:
        """Documents behind the id `after`. Raises: SourceError, SourceMisconfigured, BudgetSpent."""
        at = self._places[collection.path]
        self._give_up(at)
        self._ask(at)
        head, coming = self._coming.get(at, (None, None))
        # A head that no thread has begun is not waited for: other requests may have all of them.
        if head is not None and coming is not None and not coming.cancel():
            waited(coming, budget)
            del self._coming[at]
            for document in self._head_documents(head, budget):
                after = document.id
                yield document
            if head.whole:
                return
        for stored in self._stored(collection, after, budget, lambda: budget.spend(calls=1)):
            yield self._decoded(stored)

    def _head_documents(self, head: _Head, budget: Budget) -> Iterator[Document]:
        taken = 0
        try:
            budget.spend(calls=head.calls)
            for taken, stored in enumerate(head.documents, start=1):  # noqa: B007 - what is left is in vain
                yield self._decoded(stored)
        finally:
            budget.scanned.documents += len(head.documents) - taken

    def _ask(self, at: int) -> None:
        """Have the heads behind this place on their way."""
        last = min(at + MOST_AHEAD, len(self._expected) - 1)
        for place in range(max(at + 1, self._asked), last + 1):
            head = _Head()
            stored = self._stored(self._expected[place], "", self._budget, head.counted, HEAD_DOCUMENTS)
            self._coming[place] = head, self._workers.submit(partial(head.read, stored))
        self._asked = max(self._asked, last + 1)

    def _give_up(self, before: int) -> None:
        """Forget the heads before a place; those that were read have cost something."""
        for place in [place for place in self._coming if place < before]:
            head, coming = self._coming.pop(place)
            coming.cancel()
            calls, documents = head.abandon()
            self._budget.scanned.api_calls += calls
            self._budget.scanned.documents += documents
