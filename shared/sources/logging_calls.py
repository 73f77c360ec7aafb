"""Calls to Cloud Logging's `entries.list`: in time, within the project's quota, and none of them twice.

The generated client is used, for the high-level one hides page tokens and timeouts.

Source: https://cloud.google.com/logging/docs/reference/v2/rpc/google.logging.v2#listlogentriesrequest
Source: https://cloud.google.com/logging/quotas
"""

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import msgspec

from shared.errors import SourceError, SourceMisconfigured
from shared.sources.call_budget import CallBudget
from shared.sources.containers import SOURCE, Line
from shared.sources.logging_lines import line_from
from shared.sources.single_flight import SingleFlight
from shared.sources.source import Budget, BudgetSpent

PAGE_SIZE: Final = 1000
# Questions asked in the same moment share their pages this long; the service itself is seconds behind.
KEEP_S: Final = 1.0
_PAUSE_S: Final = 0.2


class Ask(msgspec.Struct, frozen=True):
    """One `entries.list`: a page of what the filter selects, behind the page that gave the token."""

    filter: str
    newest_first: bool
    token: str = ""
    size: int = PAGE_SIZE


class LinePage(msgspec.Struct, frozen=True):
    """Lines in the order asked for. It may be empty and not the last: only no token is the end."""

    lines: tuple[Line, ...]
    token: str


class NoSlot(Exception):
    """The quota of calls is used up; asking again is worthwhile after `retry_after_s`."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__("no call is left")
        self.retry_after_s = retry_after_s


class LoggingCalls:
    """Reads pages; safe for threads. `patience_s`: the longest that one call may take.

    `view` is a log view's resource name; without it the project's logs are read. `host` is an
    emulator's `host:port`, asked in plaintext and without credentials.
    """

    def __init__(
        self,
        project: str,
        slots: CallBudget,
        *,
        view: str = "",
        host: str = "",
        patience_s: float = 10.0,
        keep_s: float = KEEP_S,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._resource = view or f"projects/{project}"
        self._setting = "LOGGING_VIEW" if view else "GOOGLE_CLOUD_PROJECT"
        self._host = host
        self._slots = slots
        self._patience_s = patience_s
        self._sleep = sleep
        self._pages: SingleFlight[Ask, LinePage] = SingleFlight(keep_s=keep_s, own=(BudgetSpent, NoSlot))
        self._lock = threading.Lock()
        self._link: tuple[Any, Any] | None = None

    def page(self, ask: Ask, budget: Budget, *, forced: bool = False) -> LinePage:
        """A page, from here or from an equal question that is being answered. `forced`: without it there
        would be no progress, and only time can end it.

        Raises: BudgetSpent, NoSlot, SourceError.
        """
        if budget.scanned.api_calls >= budget.max_calls and not forced:
            raise BudgetSpent("calls")
        budget.spend(forced=True)
        try:
            return self._pages.get(ask, partial(self._fetch, ask, budget), budget.remaining_s)
        except TimeoutError:
            raise BudgetSpent("deadline") from None

    def probe(self, ask: Ask, deadline_s: float) -> None:
        """One call for a health check: it takes a slot but never waits for one. Raises: as `page`."""
        from google.api_core.exceptions import ServiceUnavailable

        try:
            self._call(ask, Budget(deadline_s), may_wait=False)
        except ServiceUnavailable as exc:
            raise SourceError(SOURCE) from exc

    def close(self) -> None:
        """Let go of the connection; the next call makes a new one."""
        with self._lock:
            link, self._link = self._link, None
        if link is not None:
            link[0].transport.close()

    def _fetch(self, ask: Ask, budget: Budget) -> LinePage:
        """A page of the API. It is tried once more where that may help, and there is time for it."""
        from google.api_core.exceptions import ServiceUnavailable

        try:
            page = self._call(ask, budget)
        except ServiceUnavailable as exc:
            if budget.remaining_s <= 2 * _PAUSE_S:
                raise SourceError(SOURCE) from exc
            self._sleep(_PAUSE_S)
            try:
                page = self._call(ask, budget)
            except ServiceUnavailable as again:
                raise SourceError(SOURCE) from again
        return page

    def _call(self, ask: Ask, budget: Budget, *, may_wait: bool = True) -> LinePage:
        """Raises: google's ServiceUnavailable; BudgetSpent, NoSlot, SourceError."""
        # Who waits for a slot must have time left to use it.
        patience_s = max(0.0, budget.remaining_s - 0.2 * budget.deadline_s) if may_wait else 0.0
        if retry_after_s := self._slots.take(patience_s):
            raise NoSlot(retry_after_s)
        client, request_type = self._connected()
        request = request_type(
            resource_names=[self._resource],
            filter=ask.filter,
            order_by="timestamp desc" if ask.newest_first else "timestamp asc",
            page_size=ask.size,
            page_token=ask.token,
        )
        timeout_s = min(self._patience_s, budget.remaining_s)
        if timeout_s <= 0:
            raise BudgetSpent("deadline")
        budget.scanned.api_calls += 1
        answer = self._answer(client, request, timeout_s, tuple(budget.headers.items()))
        self._slots.answered()
        raw = type(answer).pb(answer)
        return LinePage(tuple(map(line_from, raw.entries)), raw.next_page_token)

    def _answer(
        self, client: Any, request: Any, timeout_s: float, metadata: tuple[tuple[str, str], ...]
    ) -> Any:
        from google.api_core import exceptions

        once = {"retry": None, "timeout": timeout_s, "metadata": metadata}
        try:
            return next(iter(client.list_log_entries(request, **once).pages))
        except exceptions.ServiceUnavailable:
            raise
        except exceptions.DeadlineExceeded as exc:
            raise BudgetSpent("deadline") from exc
        except exceptions.ResourceExhausted as exc:
            raise NoSlot(self._slots.refused()) from exc
        except (exceptions.Unauthenticated, exceptions.PermissionDenied) as exc:
            raise SourceMisconfigured(SOURCE, self._setting, "may not be read") from exc
        except exceptions.NotFound as exc:
            raise SourceMisconfigured(SOURCE, self._setting, "was not found") from exc
        except exceptions.GoogleAPICallError as exc:
            raise SourceError(SOURCE) from exc

    def _connected(self) -> tuple[Any, Any]:
        """Client and request type: made at first use, for a gRPC channel does not survive a fork."""
        link = self._link
        if link is None:
            with self._lock:
                link = self._link = self._link or self._connect()
        return link

    def _connect(self) -> tuple[Any, Any]:
        from google.auth.exceptions import GoogleAuthError
        from google.cloud.logging_v2.services.logging_service_v2 import LoggingServiceV2Client
        from google.cloud.logging_v2.types import ListLogEntriesRequest

        try:
            client = LoggingServiceV2Client(transport=_plaintext(self._host) if self._host else None)
        except GoogleAuthError as exc:
            what = "has no credentials that work"
            raise SourceMisconfigured(SOURCE, "GOOGLE_APPLICATION_CREDENTIALS", what) from exc
        return client, ListLogEntriesRequest


def _plaintext(host: str) -> Any:
    """The gRPC transport of an emulator; an answer may be of any size, as it may on a real one."""
    import grpc
    from google.cloud.logging_v2.services.logging_service_v2.transports import LoggingServiceV2GrpcTransport

    channel = grpc.insecure_channel(host, options=[("grpc.max_receive_message_length", -1)])
    return LoggingServiceV2GrpcTransport(channel=channel)
