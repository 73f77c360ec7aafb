"""Calls to Firestore: in time, tried once more where that can help, failures in our words.

The library's client finds endpoint (`FIRESTORE_EMULATOR_HOST` too) and credentials. The calls go through
the generated client below it, where pages, deadlines and messages are in plain sight: a page is a call,
and a query that fails does not end in an AttributeError, as it does above with `retry=None`.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from functools import partial
from typing import Any, Final, TypeVar

import msgspec

from shared.errors import AggregatorError, SourceError, SourceMisconfigured
from shared.sources.document_store import SOURCE
from shared.sources.firestore_workers import Workers, waited
from shared.sources.source import Budget, BudgetSpent

T = TypeVar("T")
Request = Mapping[str, Any]

# Larger pages are cut to this.
PAGE_SIZE: Final = 300
_WAIT_S: Final = 0.3
_RETRY_AFTER_S: Final = 5


class Link(msgspec.Struct, frozen=True):
    """The generated client, what every call carries, and the database's resource name."""

    api: Any
    metadata: Any
    database: str

    @property
    def root(self) -> str:
        """What documents' names begin with, before a `/`."""
        return f"{self.database}/documents"


class Calls:
    """Calls to one database, safe for threads.

    `connect` gives a `google.cloud.firestore.Client`; it is called at the first use, never before a fork.
    `patience_s` is the longest wait for an answer, within what a budget has left; it must be below the
    20 s after which gRPC gives a connection up, so that silence is a timeout and not a failure.
    """

    def __init__(self, connect: Callable[[], Any], workers: Workers, *, patience_s: float = 10.0) -> None:
        self._connect = connect
        self._workers = workers
        self._patience_s = patience_s
        self._lock = threading.Lock()
        self._link: Future[Link] | None = None

    def link(self, budget: Budget) -> Link:
        """The connection, built on a thread: finding credentials has no deadline of its own.

        Raises: SourceError, SourceMisconfigured, BudgetSpent.
        """
        with self._lock:
            link = self._link
            if link is None or (link.done() and link.exception()):
                link = self._link = self._workers.submit(self._connected)
        return waited(link, budget)

    def pages(self, call: Any, link: Link, request: Request, budget: Budget) -> Iterator[Any]:
        """The pages of a listing, each one call, to be counted by who takes it.

        Raises: SourceError, SourceMisconfigured, BudgetSpent.
        """
        token = ""
        while True:
            sent = {**request, "page_size": PAGE_SIZE, "page_token": token}
            page = tried(partial(self._page, call, link, sent, budget), budget)
            yield page
            token = page.next_page_token
            if not token:
                return

    def answers(self, call: Any, link: Link, request: Request, budget: Budget) -> list[Any]:
        """The few plain messages that one call streams. Raises: as `pages`."""
        return tried(lambda: list(self.stream(call, link, request, budget)), budget)

    def stream(self, call: Any, link: Link, request: Request, budget: Budget) -> Iterator[Any]:
        """The plain messages of one call as they come; tried once.

        Raises: the vendor's GoogleAPICallError, for `again` to judge; BudgetSpent.
        """
        answers = self._once(call, link, request, budget)
        try:
            for answer in answers:
                yield type(answer).pb(answer)
        finally:
            answers.cancel()

    def close(self) -> None:
        """Let go of the connection; the next call makes a new one."""
        with self._lock:
            link, self._link = self._link, None
        if link is not None and not link.exception():
            link.result().api.transport.close()

    def _once(self, call: Any, link: Link, request: Request, budget: Budget) -> Any:
        left_s = budget.remaining_s
        if left_s <= 0:
            raise BudgetSpent("deadline")
        metadata = (*link.metadata, *budget.headers.items())
        return call(request=request, metadata=metadata, retry=None, timeout=min(self._patience_s, left_s))

    def _page(self, call: Any, link: Link, request: Request, budget: Budget) -> Any:
        return next(iter(self._once(call, link, request, budget).pages))

    def _connected(self) -> Link:
        from google.auth.exceptions import GoogleAuthError, TransportError

        try:
            client = self._connect()
            return Link(client._firestore_api, client._rpc_metadata, client._database_string)
        except TransportError as exc:
            raise SourceError(SOURCE, retry_after_s=_RETRY_AFTER_S) from exc
        except GoogleAuthError as exc:
            setting = "GOOGLE_APPLICATION_CREDENTIALS"
            raise SourceMisconfigured(SOURCE, setting, "has no credentials that work") from exc


def tried(call: Callable[[], T], budget: Budget) -> T:
    """What a call gives, at its second try at last.

    Raises: SourceError, SourceMisconfigured, BudgetSpent.
    """
    from google.api_core.exceptions import GoogleAPICallError

    try:
        return call()
    except GoogleAPICallError as exc:
        again(exc, budget)
    try:
        return call()
    except GoogleAPICallError as exc:
        raise refusal(exc) from exc


def again(exc: Exception, budget: Budget) -> None:
    """Wait a little if the same call may succeed then. Raises: the error in our words if it cannot."""
    from google.api_core.exceptions import DeadlineExceeded, ServerError, TooManyRequests

    if isinstance(exc, DeadlineExceeded) or not isinstance(exc, ServerError | TooManyRequests):
        raise refusal(exc) from exc
    wait_s = _WAIT_S * random.uniform(0.5, 1.0)
    if wait_s >= budget.remaining_s:
        raise BudgetSpent("deadline") from exc
    time.sleep(wait_s)


def refusal(exc: Exception) -> AggregatorError | BudgetSpent:
    """A failed call in our words; what the service said stays in the cause."""
    from google.api_core import exceptions as said

    if isinstance(exc, said.DeadlineExceeded):
        return BudgetSpent("deadline")
    if isinstance(exc, said.Forbidden | said.Unauthorized):
        return SourceMisconfigured(SOURCE, "GOOGLE_CLOUD_PROJECT", "is refused access")
    if isinstance(exc, said.NotFound):
        return SourceMisconfigured(SOURCE, "GOOGLE_CLOUD_PROJECT", "has no such database")
    if isinstance(exc, said.FailedPrecondition | said.InvalidArgument):
        # A missing index, a database in Datastore mode; a template with a name that cannot be.
        return SourceMisconfigured(SOURCE, "FIRESTORE_COLLECTIONS", "does not let a collection be read")
    if isinstance(exc, said.ServerError | said.TooManyRequests):
        return SourceError(SOURCE, retry_after_s=_RETRY_AFTER_S)
    return SourceError(SOURCE)
