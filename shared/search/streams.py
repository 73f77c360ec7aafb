"""Several sources read side by side to their ends, and merged into one order as they are read.

Each source has a thread of its own that reads page after page; one page waits while the next is read, so
memory is bounded by three pages a source. A source that fails, or runs out of time or bytes, ends its
stream and is told of in `endings`: the others go on.
"""

import contextvars
import heapq
import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from queue import Empty, Full, Queue
from typing import Final

import msgspec

from shared import metrics
from shared.entry import LogEntry, OrderKey, order_key
from shared.errors import AggregatorError, SourceError, SourceTimeout, Unavailable
from shared.metrics import table
from shared.query import LogQuery
from shared.sources.source import Budget, LogSource, Page, Scanned, Warn

# Entries that are asked for at once: large, for each page of a source reads again what overlaps it.
PAGE_ENTRIES: Final = 20_000
# Of one source: a bucket may have thousands of damaged objects.
MAX_WARNINGS: Final = 50
# What a source may be late by before its thread is no longer waited for.
_GRACE_S: Final = 0.5
# What a page takes from a thread that has it to whoever takes it: for readers who are late themselves.
_HANDOVER_S: Final = 0.1

_logger = logging.getLogger(__name__)


class Spend(msgspec.Struct, frozen=True, kw_only=True):
    """What reading may cost each source; `headers` go with every call upstream."""

    deadline_s: float
    max_bytes: int = 2 << 30
    max_calls: int = 2000
    headers: Mapping[str, str] = {}


class Ending(msgspec.Struct, kw_only=True):
    """How the reading of one source went; `error` is what ended it before its end."""

    source: str
    entries: int = 0
    partial: bool = False
    warnings: list[Warn] = []
    error: AggregatorError | None = None
    elapsed_s: float = 0.0
    scanned: Scanned


class Streams:
    """The entries that `query` selects of `sources`, in its order: iterate once, then ask `endings`.

    Raises while iterating: InvalidRequest and Forbidden of a source; SourceTimeout or SourceError when no
    source gave anything at all: the first when all ran out of time.
    """

    def __init__(self, sources: Sequence[LogSource], query: LogQuery, spend: Spend) -> None:
        self._descending = query.order == "desc"
        asked = msgspec.structs.replace(query, page_size=PAGE_ENTRIES)
        self._streams = [_Stream(source, asked, spend) for source in sources]

    def __iter__(self) -> Iterator[LogEntry]:
        for stream in self._streams:
            stream.start()
        try:
            yield from heapq.merge(*self._streams, key=_key, reverse=self._descending)
        finally:
            for stream in self._streams:
                stream.leave()
        self._refuse_nothing()

    @property
    def endings(self) -> list[Ending]:
        """One of each source, in the order given."""
        return [stream.ending for stream in self._streams]

    def _refuse_nothing(self) -> None:
        """An answer of no source at all would look like an empty window."""
        errors = [ending.error for ending in self.endings if ending.error]
        if len(errors) < len(self._streams) or any(ending.entries for ending in self.endings):
            return
        late = all(isinstance(error, SourceTimeout) for error in errors)
        raise next(e for e in errors if late or not isinstance(e, SourceTimeout))


class _Stream:
    """One source's entries, read by a thread ahead of who takes them."""

    def __init__(self, source: LogSource, query: LogQuery, spend: Spend) -> None:
        self.ending = Ending(source=source.name, scanned=Scanned())
        self._source = source
        self._query = query
        self._spend = spend
        self._pages: Queue[Page | None] = Queue(maxsize=1)
        self._began = 0.0
        self._left = False
        self._warned: set[Warn] = set()

    def start(self) -> None:
        self._began = time.monotonic()
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(self._run,), daemon=True).start()

    def __iter__(self) -> Iterator[LogEntry]:
        while (page := self._next()) is not None:
            self.ending.entries += len(page.entries)
            yield from page.entries
        self._told()

    def _next(self) -> Page | None:
        """The next page; None at the end, or when the source keeps us waiting beyond its time."""
        try:
            return self._pages.get(timeout=max(_HANDOVER_S, self._remaining_s + _GRACE_S))
        except Empty:
            self.leave()
            self.ending.error = SourceTimeout(self._source.name, after_s=self._spend.deadline_s)
            return None

    def leave(self) -> None:
        """Nobody will take a page any more: the thread ends when it has one."""
        self._left = True

    def _told(self) -> None:
        ending, scanned = self.ending, self.ending.scanned
        ending.elapsed_s = time.monotonic() - self._began
        metrics.read_of(ending.source, scanned.api_calls, scanned.bytes, scanned.objects, scanned.documents)
        if (more := len(self._warned) - MAX_WARNINGS) > 0:
            ending.warnings.append(Warn(ending.source, "more_warnings", f"{more:,} more are not shown."))
        error = ending.error
        if error is None:
            return
        if not isinstance(error, SourceError | Unavailable):
            raise error
        metrics.add(table.UPSTREAM_ERRORS, source=ending.source, code=error.code)
        ending.partial = True
        ending.warnings.append(Warn(ending.source, error.code, error.detail))

    @property
    def _remaining_s(self) -> float:
        return self._spend.deadline_s - (time.monotonic() - self._began)

    def _run(self) -> None:
        try:
            self._read()
        except AggregatorError as exc:
            self.ending.error = exc
        except Exception as exc:
            _logger.exception("reading %s failed", self._source.name)
            self.ending.error = SourceError(self._source.name)
            self.ending.error.__cause__ = exc
        self._put(None)

    def _read(self) -> None:
        query, scanned = self._query, self.ending.scanned
        while self._remaining_s > 0:
            budget = Budget(
                self._remaining_s,
                max_bytes=self._spend.max_bytes - scanned.bytes,
                max_calls=self._spend.max_calls - scanned.api_calls,
                headers=self._spend.headers,
            )
            try:
                page = self._source.read(query, budget)
            finally:
                scanned.add(budget.scanned)
            self._keep_warnings(page)
            self._put(page)
            if (
                self._left
                or page.resume is None
                or any(warn.code == "budget_spent" for warn in page.warnings)
            ):
                return
            query = query.with_resume(query.window, page.resume)
        self._unread("time")

    def _put(self, page: Page | None) -> None:
        while not self._left:
            with suppress(Full):  # whoever takes them may have left meanwhile
                self._pages.put(page, timeout=0.5)
                return

    def _keep_warnings(self, page: Page) -> None:
        """Each once: a page that goes on tells of the same objects again. What concerns paging does not
        concern whoever reads to the end."""
        for warn in page.warnings:
            if warn.code == "budget_spent":
                self._unread("budget")
            elif warn.code != "order_in_parts" and warn not in self._warned:
                self._warned.add(warn)
                if len(self._warned) <= MAX_WARNINGS:
                    self.ending.warnings.append(warn)
        self.ending.partial = self.ending.partial or page.partial

    def _unread(self, what: str) -> None:
        detail = f"The {what} for reading was used up before the end of the window: the rest was skipped."
        self.ending.warnings.append(Warn(self._source.name, "budget_spent", detail))
        self.ending.partial = True


def _key(entry: LogEntry) -> OrderKey:
    return order_key(entry.timestamp, entry.source, entry.id)
