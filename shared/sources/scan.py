"""The scan: many units, each in no order, become one page in the total order.

A unit is what a source reads in one go: an object, a collection, a container's file. It knows the
oldest and the newest instant that an entry in it can have. Units are read best first; the sieve keeps
the best entries of the page, and the scan stops when no unread unit can hold a better one.

When the budget runs out first, entries better than anything unread are the page, and the next page
goes on behind them. When there are none, the page is the best of the *stretch* that was read: its
token first empties that stretch, then goes on behind it. Nothing is told twice and nothing is lost;
the order is then total within each stretch, and a warning says so.
"""

from bisect import insort
from collections.abc import Callable, Iterable, Iterator
from operator import itemgetter
from typing import Any, Final, Protocol

import msgspec

from shared import instant
from shared.entry import LogEntry, OrderKey, order_key
from shared.errors import SourceTimeout
from shared.normalise import is_trade, texts_of
from shared.query import LogQuery, Position, Resume, Stretch, compiled, label_of
from shared.redact import Redactor, meets_placeholder
from shared.sources.source import Budget, BudgetSpent, Page, Warn

# A page holds at most this many bytes of records: its JSON stays below the gateway's 32 MB.
MAX_PAGE_BYTES: Final = 8 << 20
# An entry dated later than its object's update plus this is from the future.
FUTURE: Final = 5 * instant.MINUTE

# What a message that is a record's JSON begins with.
_MADE_OF_RECORDS: Final = frozenset({"", "{", "[", '"'})

Wants = Callable[[int], bool]
Place = tuple[int, str]
_key_of: Final = itemgetter(0)


class Unit(Protocol):
    """What is read in one go. `at` is the place in it of the last record that was wholly dealt with: an
    index, or a text that sorts as the records do; it is 0 or empty before the first."""

    name: str
    oldest: int
    newest: int
    at: Any

    def read(self, wants: Wants, budget: Budget, after: Any, until: Any) -> Iterator[tuple[LogEntry, int]]:
        """Entries (with the bytes of their record) whose time `wants`, of records behind `after` (or 0).

        `at` is set before `wants` is asked about a record.

        `wants` may grow stricter while reading. Raises: BudgetSpent, SourceError.
        """

    def warnings(self) -> list[Warn]:
        """What could not be delivered as stored, of what was read."""


class Matcher:
    """The filters of a query, compiled once; each entry is seen redacted where the policy says so."""

    def __init__(self, query: LogQuery, redactor: Redactor) -> None:
        self._policy = query.policy
        self._narrows = query.policy.narrows
        self._redacts = query.policy.redacts_all
        self._redact = redactor.entry
        self._min_severity = query.min_severity
        self._labels = [(name, frozenset(values)) for name, values in query.labels.items()]
        self._q = query.q.casefold() if query.q else None
        # Redacting is the costly step. What cannot meet a placeholder is found in the redacted text only
        # where it was before: then entries without it need not be redacted to be dropped.
        self._q_first = self._q is not None and not meets_placeholder(self._q)
        self._keep = compiled(query.regex).search if query.regex else None
        self._drop = compiled(query.exclude).search if query.exclude else None

    def __call__(self, entry: LogEntry) -> LogEntry | None:
        """The entry as this caller may see it, or None when it is filtered out."""
        if entry.severity < self._min_severity or (self._narrows and not self._policy.admits(entry)):
            return None
        if self._q_first and not self._has_q([entry.message, *texts_of(entry.payload)]):
            return None
        if self._policy.redacts(entry) if self._redacts is None else self._redacts:
            entry = self._redact(entry)
        if self._labels and any(label_of(entry, name) not in values for name, values in self._labels):
            return None
        return entry if self._text_matches(entry) else None

    def _text_matches(self, entry: LogEntry) -> bool:
        if self._q is None and self._keep is None and self._drop is None:
            return True
        texts = [entry.message, *texts_of(entry.payload)]
        if self._q is not None and not self._has_q(texts):
            return False
        if self._keep is not None and not any(self._keep(text) for text in texts):
            return False
        return self._drop is None or not any(self._drop(text) for text in texts)

    def _has_q(self, texts: list[str]) -> bool:
        wanted = self._q or ""
        return any(wanted in text.casefold() for text in texts)


class Sieve:
    """The best entries of a page: at most one more than the page holds, and bounded in bytes."""

    def __init__(self, query: LogQuery, redactor: Redactor) -> None:
        self._match = Matcher(query, redactor)
        self._lean = query.lean
        self._desc = query.order == "desc"
        self._capacity = query.page_size + 1
        self._kept: list[tuple[OrderKey, int, LogEntry]] = []
        # Until the page is full, what is kept need not be in order: it is put in order once.
        self._sorted = False
        self._bytes = 0
        self._low, self._high = query.window.start, query.window.end - 1
        self._position: OrderKey | None = None
        if position := query.resume.position:
            self._position = order_key(position.timestamp, position.source, position.id)
            self._bound(position.timestamp, better=True)

    def _bound(self, timestamp: int, *, better: bool) -> None:
        """From now on only what is not better (or not worse) than this time is wanted."""
        if self._desc == better:
            self._high = min(self._high, timestamp)
        else:
            self._low = max(self._low, timestamp)

    def wants(self, timestamp: int) -> bool:
        """Whether an entry of this time could be on the page: cheap, asked before anything is built."""
        return self._low <= timestamp <= self._high

    def concerns(self, unit: Unit) -> bool:
        """Whether a unit can hold an entry that is wanted."""
        return unit.newest >= self._low and unit.oldest <= self._high

    def offer(self, entry: LogEntry, size: int) -> None:
        """Keep the entry if it matches and is among the best."""
        if not self.wants(entry.timestamp):
            return
        key = order_key(entry.timestamp, entry.source, entry.id)
        if self._position is not None and not self._before(self._position, key):
            return
        found = self._match(entry)
        if found is None:
            return
        if self._lean and not _tells_by_payload(found):
            found, size = msgspec.structs.replace(found, payload=None), len(found.message)
        if self._sorted:
            insort(self._kept, (key, size, found), key=_key_of)
        else:
            self._kept.append((key, size, found))
        self._bytes += size
        if len(self._kept) >= self._capacity or self._bytes > MAX_PAGE_BYTES:
            self._cut()

    def _cut(self) -> None:
        """Let go of what is too much for the page; when it is full, only what is better is wanted."""
        kept = self._in_order()
        while len(kept) > self._capacity or (self._bytes > MAX_PAGE_BYTES and len(kept) > 2):
            self._bytes -= kept.pop(0 if self._desc else -1)[1]
            self._capacity = min(self._capacity, len(kept))
        if len(kept) == self._capacity:
            self._bound(kept[0 if self._desc else -1][0][0], better=False)

    def _in_order(self) -> list[tuple[OrderKey, int, LogEntry]]:
        if not self._sorted:
            self._kept.sort(key=_key_of)
            self._sorted = True
        return self._kept

    def _before(self, one: OrderKey, other: OrderKey) -> bool:
        return other < one if self._desc else one < other

    def page(self) -> tuple[list[LogEntry], bool]:
        """The page in the order asked for, and whether more is known to follow."""
        kept = self._in_order()
        best = [entry for _, _, entry in (reversed(kept) if self._desc else kept)]
        return best[: self._capacity - 1], len(best) >= self._capacity

    def page_beyond(self, frontier: int) -> list[LogEntry]:
        """The part of the page that nothing at or behind `frontier` can come before."""
        entries, _ = self.page()
        return [e for e in entries if (e.timestamp > frontier if self._desc else e.timestamp < frontier)]


def _tells_by_payload(entry: LogEntry) -> bool:
    """Whether the record is a trade, or its own message: then it may have to be made anew without secrets."""
    return entry.message[:1] in _MADE_OF_RECORDS or (
        isinstance(entry.payload, dict) and is_trade(entry.payload)
    )


def place_of(unit: Unit, query: LogQuery) -> Place:
    """Where a unit stands in the order of reading: best first."""
    return (-unit.newest, unit.name) if query.order == "desc" else (unit.oldest, unit.name)


def scan(source: str, units: Iterable[Unit], query: LogQuery, budget: Budget, redactor: Redactor) -> Page:
    """Read units until the page is certain or the budget is spent.

    Raises: SourceError; SourceTimeout when the budget did not allow to read anything new.
    """
    sieve = Sieve(query, redactor)
    warnings: list[Warn] = []
    if query.resume.stretch.end:
        budget.commit()
    for unit, after, until in _todo(units, query):
        if not sieve.concerns(unit):
            continue
        try:
            _read_unit(unit, sieve, budget, after, until)
        except BudgetSpent as spent:
            warnings += _shown(unit.warnings(), query)
            return _stopped_page(source, sieve, query, budget, (unit, spent), warnings)
        warnings += _shown(unit.warnings(), query)
    entries, more = sieve.page()
    resume = _next_resume(entries, query.resume.stretch, more=more)
    return Page(source, entries, resume, _is_partial(warnings), warnings, budget.scanned)


def _shown(warnings: list[Warn], query: LogQuery) -> list[Warn]:
    """The names of objects that the caller may not read as a whole are left out."""
    return [
        warn
        if warn.object is None or query.policy.admits_path(warn.source, _path_of(warn))
        else msgspec.structs.replace(warn, object=None)
        for warn in warnings
    ]


def _path_of(warn: Warn) -> str:
    """A warning's object without its bucket."""
    return (warn.object or "").partition("/")[2] if warn.source == "gcs" else warn.object or ""


def _is_partial(warnings: list[Warn]) -> bool:
    """Every warning tells of something missing, save the one of entries from the future."""
    return any(warning.code != "future_entry" for warning in warnings)


def _todo(units: Iterable[Unit], query: LogQuery) -> Iterator[tuple[Unit, Any, Any]]:
    """The units of the query's stretch, best first, each with the places to read: after, until."""
    begin, end = query.resume.stretch.begin, query.resume.stretch.end
    for unit in sorted(units, key=lambda unit: place_of(unit, query)):
        place = place_of(unit, query)
        if begin and place < begin[:2]:
            continue
        if end and place > end[:2]:
            return
        after = begin[2] if begin and place == begin[:2] else 0
        yield unit, after, end[2] if end and place == end[:2] else None


def _read_unit(unit: Unit, sieve: Sieve, budget: Budget, after: Any, until: Any) -> None:
    for entry, size in unit.read(sieve.wants, budget, after, until):
        sieve.offer(entry, size)


def _next_resume(entries: list[LogEntry], stretch: Stretch, *, more: bool) -> Resume | None:
    """Behind the last entry of the page; else behind the stretch; else nothing follows."""
    if more and entries:
        last = entries[-1]
        return Resume(Position(last.timestamp, last.source, last.id), stretch)
    if stretch.end is not None:
        return Resume(stretch.base, Stretch(begin=stretch.end, base=stretch.base))
    return None


def _stopped_page(
    source: str,
    sieve: Sieve,
    query: LogQuery,
    budget: Budget,
    stopped: tuple[Unit, BudgetSpent],
    warnings: list[Warn],
) -> Page:
    """What a page can say when the budget ran out before the unit `stopped` was read to its end."""
    unit, spent = stopped
    here = (*place_of(unit, query), unit.at)
    stretch = query.resume.stretch
    if stretch.end or here == stretch.begin or not budget.scanned.any():
        raise SourceTimeout(source, after_s=budget.deadline_s) from spent
    detail = f"The request's budget ({spent.what}) was used up: next_page_token goes on with the rest."
    warnings.append(Warn(source, "budget_spent", detail))
    certain = sieve.page_beyond(unit.newest if query.order == "desc" else unit.oldest)
    if certain and stretch == Stretch():
        last = certain[-1]
        resume: Resume | None = Resume(Position(last.timestamp, last.source, last.id))
        return Page(source, certain, resume, True, warnings, budget.scanned)
    detail = "Entries are in order only within each part that the budget allowed to read at once."
    warnings.append(Warn(source, "order_in_parts", detail))
    entries, more = sieve.page()
    base = stretch.base if stretch.begin else query.resume.position
    resume = _next_resume(entries, Stretch(stretch.begin, here, base), more=more)
    return Page(source, entries, resume, True, warnings, budget.scanned)
