"""One page of a query over Cloud Logging: lines are read in the order of time until the page is certain.

The cursor is a position in the total order. Beside it, in `Resume.stretch`, it keeps the instant from
which lines must be read again so that no traceback is cut; a cursor without it (made by whoever merges
sources) is served too, by reading SLACK more. When nothing but empty pages came, it is the service's own
page token that goes on.
"""

from typing import Final

from shared import instant
from shared.entry import LogEntry
from shared.query import LogQuery, Position, Resume, Stretch
from shared.redact import Redactor
from shared.sources.containers import SLACK, SOURCE, Places, entry_of
from shared.sources.line_groups import Backwards, Forwards, Group, Grouping
from shared.sources.line_pages import PageReader, Stopped
from shared.sources.logging_calls import PAGE_SIZE, Ask, LoggingCalls
from shared.sources.pod_filter import pod_filter
from shared.sources.scan import Sieve
from shared.sources.source import Budget, Page

MAX_TOKEN_CHARS: Final = 2000
# Entries that are worth no further call: nearly what one call gives, for the order of its last lines is not
# known until the next.
ENOUGH: Final = PAGE_SIZE - 100


class Reading:
    """Reads one page of a query."""

    def __init__(
        self, calls: LoggingCalls, query: LogQuery, places: Places, budget: Budget, redactor: Redactor
    ) -> None:
        self._query = query
        self._places = places
        self._budget = budget
        self._desc = query.order == "desc"
        self._sieve = Sieve(query, redactor)
        self._grouping: Grouping = Backwards() if self._desc else Forwards()
        self._low, self._high = span_of(query)
        # First and last time of each group of several lines: a cursor must not cut them.
        self._long: list[tuple[int, int]] = []
        self._lines = 0
        self._moved = False
        begin = query.resume.stretch.begin if _is_exact(query.resume) else None
        self._first_token = begin[1] if begin else ""
        text = pod_filter(query, places, self._low, self._high)
        self._pages = PageReader(calls, Ask(text, self._desc, self._first_token), budget)

    def page(self) -> Page:
        """The next page of the query.

        Raises: SourceError; SourceTimeout or Unavailable when nothing new could be read.
        """
        try:
            while not self._read_page():
                certain = self._certain()
                if len(certain) >= min(self._query.page_size, ENOUGH) or self._is_full(certain):
                    return self._answer(certain)
        except Stopped as stopped:
            return self._stopped_page(stopped)
        entries, more = self._sieve.page()
        return self._answer(entries) if more else self._page(entries, None)

    def _read_page(self) -> bool:
        """Take in one page of lines; whether all entries of the window are known then."""
        page = self._pages.next(forced=not self._has_moved())
        for line in page.lines:
            self._lines += 1
            if self._places.take(line):
                for group in self._grouping.push(line):
                    self._offer(group)
            self._pages.count(line.size, forced=not self._has_moved())
        if not page.token:
            for group in self._grouping.finish():
                self._offer(group)
            return True
        for group in self._grouping.settle():
            self._offer(group)
        frontier = self._grouping.frontier()
        window = self._query.window
        return frontier is not None and (frontier < window.start if self._desc else frontier >= window.end)

    def _offer(self, group: Group) -> None:
        first = group[0].timestamp
        if len(group) > 1:
            self._long.append((first, group[-1].timestamp))
        if self._sieve.wants(first):
            self._sieve.offer(entry_of(group), sum(line.size for line in group))

    def _certain(self) -> list[LogEntry]:
        """The entries that nothing unread can come before, at most a page of them."""
        frontier = self._grouping.frontier()
        return [] if frontier is None else self._sieve.page_beyond(frontier)

    def _is_full(self, certain: list[LogEntry]) -> bool:
        entries, more = self._sieve.page()
        return more and len(certain) == len(entries)

    def _has_moved(self) -> bool:
        """Whether a cursor could stand further than the query's: until then bytes do not end the reading."""
        self._moved = self._moved or self._behind() is not None
        return self._moved

    def _behind(self) -> Position | None:
        """The position that has everything certain before it; None when it is no progress."""
        frontier = self._grouping.frontier()
        if frontier is None:
            return None
        window, old = self._query.window, self._query.resume.position
        if self._desc:
            began = window.end if old is None else min(window.end, old.timestamp + (1 if old.id else 0))
            return Position(frontier + 1) if frontier + 1 < began else None
        began = window.start if old is None else max(window.start, old.timestamp)
        return Position(frontier) if frontier > began else None

    def _stopped_page(self, stopped: Stopped) -> Page:
        """What is certain, and a cursor behind it. Raises: SourceTimeout, Unavailable without progress."""
        certain = self._certain()
        if self._is_full(certain):
            return self._answer(certain)
        if (position := self._behind()) is not None:
            return self._page(certain, self._resume(position), stopped)
        token, old = self._pages.token, self._query.resume.position
        if not self._lines and token != self._first_token and len(token) <= MAX_TOKEN_CHARS:
            edge = self._high if self._desc else self._low
            return self._page([], Resume(old, Stretch(begin=(edge, token, 0), base=old)), stopped)
        raise stopped.nothing(self._budget) from stopped

    def _answer(self, entries: list[LogEntry]) -> Page:
        """A page that others follow."""
        last = entries[-1]
        return self._page(entries, self._resume(Position(last.timestamp, last.source, last.id)))

    def _page(self, entries: list[LogEntry], resume: Resume | None, stopped: Stopped | None = None) -> Page:
        warnings = [stopped.warning("next_page_token goes on with the rest")] if stopped else []
        return Page(SOURCE, entries, resume, bool(stopped), warnings, self._budget.scanned)

    def _resume(self, position: Position) -> Resume:
        """Behind `position`, with the edge from which the lines of all that follows can be read whole."""
        at = position.timestamp
        if self._desc:
            edge = max([at + bool(position.id), *(last + 1 for first, last in self._long if first <= at)])
        else:
            edge = min([at, *(first for first, last in self._long if first <= at <= last)])
        return Resume(position, Stretch(begin=(edge, "", 0), base=position))


def _is_exact(resume: Resume) -> bool:
    """Whether the stretch belongs to this position, and not to one that someone else has moved."""
    return resume.stretch.begin is not None and resume.stretch.base == resume.position


def span_of(query: LogQuery) -> tuple[int, int]:
    """The lines to read, `[low, high)`: the window with SLACK around it, from where the cursor stands."""
    low, high = query.window.start - SLACK, query.window.end + SLACK
    position, begin = query.resume.position, query.resume.stretch.begin
    if begin is not None and _is_exact(query.resume):
        low, high = (low, begin[0]) if query.order == "desc" else (begin[0], high)
    elif position is not None and query.order == "desc":
        high = min(high, position.timestamp + 1 + SLACK)
    elif position is not None:
        low = max(low, position.timestamp - SLACK)
    return max(low, instant.EARLIEST), min(high, instant.LATEST)
