"""Log documents in Firestore.

Documents are read in the order of their ids. A document that is updated while its collection is read is
told once, as it was or as it is: ids do not move. Pages ask anew: what was told on one page is told again
on a later one only if its time has meanwhile moved behind that page.
"""

import re
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, Final

from shared.errors import AggregatorError, NotFound
from shared.sources.document_store import SOURCE, Collection, Document, Reader
from shared.sources.firestore_ahead import Ahead
from shared.sources.firestore_calls import Calls, Link, again, refusal
from shared.sources.firestore_query import query, ranges
from shared.sources.firestore_values import document_of
from shared.sources.firestore_workers import Workers
from shared.sources.source import Budget, BudgetSpent, Health, Status

# Source: https://cloud.google.com/firestore/quotas#collections_documents_and_fields
_RESERVED: Final = re.compile(r"\.\.?|__.*__", re.DOTALL)
_MOST_ID_BYTES: Final = 1500


class CloudDocuments:
    """A document store in Firestore. Needs `datastore.entities.list` and `.get`, no more.

    `connect` and `patience_s` as in `Calls`.
    """

    lists_dearly = True

    def __init__(self, connect: Callable[[], Any], *, patience_s: float = 10.0) -> None:
        self._workers = Workers()
        self._calls = Calls(connect, self._workers, patience_s=patience_s)

    def documents_in(self, collection: str, budget: Budget) -> Iterable[str]:
        """Ids of a collection's documents, those that exist only as parents included.

        Raises: SourceError, SourceMisconfigured, BudgetSpent.
        """
        link = self._calls.link(budget)
        parent, _, name = f"{link.root}/{collection}".rpartition("/")
        # An empty mask, not none: the fields stay where they are.
        sent = {"parent": parent, "collection_id": name, "show_missing": True, "mask": {"field_paths": []}}
        pages = self._calls.pages(link.api.list_documents, link, sent, budget)
        for page in pages:
            budget.spend(calls=1)
            yield from (_id_of(document) for document in page.documents)

    def collections_in(self, documents: Sequence[str], budget: Budget) -> Iterable[tuple[str, str]]:
        """Pairs of a document and the name of one of its subcollections; documents are asked side by side.

        Raises: SourceError, SourceMisconfigured, BudgetSpent.
        """
        link = self._calls.link(budget)
        jobs = [partial(self._collections_of, link, document, budget) for document in documents]
        listed = self._workers.side_by_side(jobs, budget)
        for document, pages in zip(documents, listed, strict=True):
            budget.spend(calls=len(pages))
            yield from ((document, name) for names in pages for name in names)

    def ids_in(self, collection: Collection, budget: Budget) -> Iterable[str]:
        """Ids of the documents that `read` would give. Raises: as `read`."""
        link = self._calls.link(budget)
        count = partial(budget.spend, calls=1)
        stored = self._stored(link, collection, "", budget, count, names_only=True)
        return (_id_of(document) for document in stored)

    def reading(self, budget: Budget) -> AbstractContextManager[Reader]:
        """A reader that has the next collections on their way before the scan comes to them.

        Raises: SourceError, SourceMisconfigured, BudgetSpent.
        """
        link = self._calls.link(budget)
        return Ahead(partial(self._stored, link), partial(document_of, link.root), budget, self._workers)

    def get(self, path: str, budget: Budget) -> Document:
        """One document. Raises: NotFound, SourceError, SourceMisconfigured, BudgetSpent."""
        if not all(_may_be(segment) for segment in path.split("/")):
            raise NotFound("There is no such document.")
        link = self._calls.link(budget)
        budget.spend(calls=1)
        call, sent = _get(link, path)
        for answer in self._calls.answers(call, link, sent, budget):
            if answer.HasField("found"):
                return document_of(link.root, answer.found)
        raise NotFound("There is no such document.")

    def check(self, deadline_s: float) -> Health:
        """Whether a document that need not exist can be asked for: ok; not just now: degraded; else down."""
        from google.api_core.exceptions import GoogleAPICallError, TooManyRequests

        budget = Budget(deadline_s)
        status: Status = "ok"
        try:
            link = self._calls.link(budget)
            call, sent = _get(link, "log-aggregator/health")
            list(self._calls.stream(call, link, sent, budget))
        except TooManyRequests:
            status = "degraded"
        except (GoogleAPICallError, AggregatorError, BudgetSpent):
            status = "down"
        return Health(SOURCE, status, budget.elapsed_s * 1000)

    def close(self) -> None:
        """Let go of threads and connections; the next use makes new ones."""
        self._calls.close()
        self._workers.close()

    def _collections_of(self, link: Link, document: str, budget: Budget) -> list[list[str]]:
        """The names of a document's subcollections, a list a call."""
        sent = {"parent": f"{link.root}/{document}"}
        pages = self._calls.pages(link.api.list_collection_ids, link, sent, budget)
        return [list(page.collection_ids) for page in pages]

    def _stored(
        self,
        link: Link,
        collection: Collection,
        after: str,
        budget: Budget,
        counted: Callable[[], None],
        limit: int = 0,
        *,
        names_only: bool = False,
    ) -> Generator[Any, None, None]:
        """The documents behind the id `after` as the service sends them: see `firestore_ahead.Stored`.

        A stream that breaks off, or lasts longer than the patience for one call, goes on where it was.
        """
        from google.api_core.exceptions import DeadlineExceeded, GoogleAPICallError

        for ids in ranges(collection, after):
            retried, done = False, False
            while not done:
                counted()
                sent = query(link.root, collection.path, ids, after, limit, names_only=names_only)
                begun = after
                try:
                    for answer in self._calls.stream(link.api.run_query, link, sent, budget):
                        if answer.HasField("document"):
                            after = _id_of(answer.document)
                            yield answer.document
                    done = True
                except GoogleAPICallError as exc:
                    if after == begun and retried:
                        raise refusal(exc) from exc
                    if after == begun or not isinstance(exc, DeadlineExceeded):
                        again(exc, budget)
                    retried = after == begun


def _get(link: Link, path: str) -> tuple[Any, dict[str, Any]]:
    """The call that reads one document, and its request."""
    names = [f"{link.root}/{path}"]
    return link.api.batch_get_documents, {"database": link.database, "documents": names}


def _id_of(stored: Any) -> str:
    return str(stored.name.rpartition("/")[2])


def _may_be(segment: str) -> bool:
    """Whether something can have this name."""
    return len(segment.encode()) <= _MOST_ID_BYTES and not _RESERVED.fullmatch(segment)
