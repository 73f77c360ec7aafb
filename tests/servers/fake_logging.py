"""A fake of Cloud Logging: entries.list with the real filter language, order, paging and quota.

Every entry of a project is visible through each of its log views. Not served: ListLogs, tailing.

Source: https://cloud.google.com/logging/docs/reference/v2/rpc/google.logging.v2
"""

import re
import time
from bisect import bisect_right, insort
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import grpc
from google.cloud.logging_v2.types import (
    ListLogEntriesRequest,
    ListLogEntriesResponse,
    LogEntry,
    WriteLogEntriesRequest,
    WriteLogEntriesResponse,
)
from google.protobuf import json_format

from tests.servers.grpc_server import GrpcFake
from tests.servers.log_pages import BadToken, Position, make_token, read_token
from tests.servers.logging_filter import FilterError, FilterUnsupported, Predicate, compile_filter, parse

DEFAULT_PAGE, MAX_PAGE = 50, 1000
MAX_PAGE_BYTES = 3_500_000  # below the 4 MiB that a plain gRPC channel receives
_PARENT = re.compile(
    r"((?:projects|organizations|folders|billingAccounts)/[^/]+)(?:/locations/[^/]+/buckets/[^/]+/views/[^/]+)?"
)
_INVALID = grpc.StatusCode.INVALID_ARGUMENT


class FakeLogging(GrpcFake):
    """A running server; see GrpcFake for the journal, delays, stalls and failures.

    `empty_pages` n: every n-th list call answers no entries and a token, as the service may.
    `calls_per_minute` n: further list calls within 60 s are RESOURCE_EXHAUSTED, without RetryInfo.
    `trailing_token`: a last page that is full has a token too, and an empty page follows.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.empty_pages = 0
        self.calls_per_minute: int | None = None
        self.trailing_token = False
        self._clock = clock
        self._recent: deque[float] = deque()
        self._lists = 0
        self._ascending: list[Position] = []
        self._descending: list[Position] = []
        self._entries: dict[Position, Any] = {}
        super().__init__(
            "google.logging.v2.LoggingServiceV2",
            {
                "ListLogEntries": (ListLogEntriesRequest, self._list),
                "WriteLogEntries": (WriteLogEntriesRequest, self._write),
            },
        )

    def add(self, *entries: Any) -> None:
        """Stores LogEntry messages (proto-plus or plain), or dicts as `gcloud logging read --format=json`.

        A missing timestamp becomes now, a missing insert id a new one; the same timestamp, insert id
        and log name is the same entry, which is kept once. Raises: ValueError without a log name;
        json_format.ParseError for a dict that is no LogEntry.
        """
        for given in entries:
            message = LogEntry.pb()()
            if isinstance(given, Mapping):
                json_format.ParseDict(given, message)
            else:
                message.CopyFrom(getattr(given, "_pb", given))
            self._store(message)

    def _store(self, message: Any) -> None:
        if not re.fullmatch(
            r"(projects|organizations|folders|billingAccounts)/[^/]+/logs/[^/]+", message.log_name
        ):
            raise ValueError(f"log_name has to be like projects/P/logs/L, not {message.log_name!r}")
        now = time.time_ns()
        if not message.HasField("timestamp"):
            message.timestamp.FromNanoseconds(now)
        if not message.HasField("receive_timestamp"):
            message.receive_timestamp.FromNanoseconds(max(now, message.timestamp.ToNanoseconds()))
        with self.lock:
            message.insert_id = message.insert_id or f"fake-{len(self._entries):08}"
            position = (message.timestamp.ToNanoseconds(), message.insert_id, message.log_name)
            if position not in self._entries:
                self._entries[position] = message
                insort(self._ascending, position)
                insort(self._descending, _newest_first(position))

    def _write(self, request: Any, context: Any) -> Any:
        """Stores what was written, with the request's defaults for log name, resource and labels."""
        for given in request.entries:
            message = LogEntry.pb(LogEntry(given))
            message.log_name = message.log_name or request.log_name
            if not message.HasField("resource"):
                message.resource.CopyFrom(WriteLogEntriesRequest.pb(request).resource)
            for key, value in request.labels.items():
                if key not in message.labels:
                    message.labels[key] = value
            try:
                if not request.dry_run:
                    self._store(message)
            except ValueError as exc:
                context.abort(_INVALID, str(exc))
        return WriteLogEntriesResponse()

    def _list(self, request: Any, context: Any) -> Any:
        self._spend_quota(context)
        try:
            wanted = compile_filter(parse(request.filter))
            after = read_token(request)
            parents = _parents(request.resource_names)
        except (FilterError, BadToken) as exc:
            context.abort(_INVALID, str(exc) or "page_token doesn't match arguments from the request")
        except FilterUnsupported as exc:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, str(exc))
        if request.order_by not in ("", "timestamp", "timestamp asc", "timestamp desc"):
            context.abort(_INVALID, "order_by must be 'timestamp asc' or 'timestamp desc'")
        if not 0 <= request.page_size <= MAX_PAGE:
            context.abort(_INVALID, f"page_size must be between 0 and {MAX_PAGE}")
        with self.lock:
            self._lists += 1
            turn = self._lists
            if self.empty_pages and turn % self.empty_pages == 0:
                return ListLogEntriesResponse(next_page_token=make_token(request, after, turn))
            return self._page(request, _Selection(parents, wanted), after, turn)

    def _page(self, request: Any, selection: "_Selection", after: Position | None, turn: int) -> Any:
        page = ListLogEntriesResponse.pb()()
        limit, size, last = request.page_size or DEFAULT_PAGE, 0, after
        descending = request.order_by.endswith("desc")
        more = False
        for position in self._following(after, descending=descending):
            message = self._entries[position]
            if not selection.takes(message):
                continue
            size += message.ByteSize()
            if len(page.entries) == limit or (page.entries and size > MAX_PAGE_BYTES):
                more = True
                break
            page.entries.append(message)
            last = position
        if more or (self.trailing_token and len(page.entries) == limit):
            page.next_page_token = make_token(request, last, turn)
        return ListLogEntriesResponse(page)

    def _following(self, after: Position | None, *, descending: bool) -> Iterator[Position]:
        """The positions after a page's last one; entries of the same time by insert id, both ways."""
        order = self._descending if descending else self._ascending
        turned = _newest_first if descending else _as_it_is
        start = 0 if after is None else bisect_right(order, turned(after))
        return (turned(order[at]) for at in range(start, len(order)))

    def _spend_quota(self, context: Any) -> None:
        if self.calls_per_minute is None:
            return
        with self.lock:
            now = self._clock()
            while self._recent and self._recent[0] <= now - 60:
                self._recent.popleft()
            exceeded = len(self._recent) >= self.calls_per_minute
            if not exceeded:
                self._recent.append(now)
        if exceeded:
            context.abort(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                "Quota exceeded for quota metric 'Read requests' and limit 'Read requests per minute' "
                "of service 'logging.googleapis.com' for consumer 'project_number:1'.",
            )


def _as_it_is(position: Position) -> Position:
    return position


def _newest_first(position: Position) -> Position:
    """A key that sorts later times first; applied twice it is the position again."""
    return (-position[0], position[1], position[2])


class _Selection:
    """The entries of the request's resources that its filter takes."""

    def __init__(self, parents: list[str], wanted: Predicate) -> None:
        self._parents = tuple(f"{parent}/logs/" for parent in parents)
        self._wanted = wanted

    def takes(self, message: Any) -> bool:
        return message.log_name.startswith(self._parents) and self._wanted(message)


def _parents(resource_names: Iterable[str]) -> list[str]:
    """The project (or the like) of each resource or log view. Raises: FilterError for none, or a bad one."""
    matches = [_PARENT.fullmatch(name) for name in resource_names]
    parents = [match[1] for match in matches if match]
    if not matches or len(parents) < len(matches) or len(matches) > 100:
        raise FilterError("resource_names: 1 to 100 names like projects/P or projects/P/locations/…/views/V")
    return parents
