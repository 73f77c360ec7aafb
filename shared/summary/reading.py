"""From a checked request to a digest: the window's entries, and what is known of the equal window before.

The shapes of the window before are kept in the state store once that window has settled: a schedule that asks
day after day then reads each day once.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import tzinfo
from typing import Final

import msgspec

from shared.entry import LogEntry
from shared.errors import AggregatorError, InvalidRequest
from shared.instant import EARLIEST, MINUTE
from shared.query import LogQuery, Window
from shared.redact import Redactor
from shared.search.streams import Ending, Spend, Streams
from shared.sources.source import LogSource, Warn
from shared.state import GuardedStore
from shared.summary.digest import PROBLEM, Baseline, Digest, Findable, baseline, findable
from shared.summary.line import Line, line_reader
from shared.summary.request import SOURCES, SummaryRequest

SETTLING: Final = 15 * MINUTE
_KEPT_S: Final = 8 * 86_400.0
_NOT_WHOLE: Final = "The window before was not read whole: nothing is called new."
# Labels that are names of ours: what no rule takes for a secret is equal with and without secrets.
_NAMES: Final = frozenset({"bot", "strategy", "symbol"})
# Not worth beginning to read with less.
_MIN_S: Final = 0.5


class Read(msgspec.Struct, frozen=True):
    """What was read of a window, ready to be shown."""

    found: Findable
    partial: bool
    warnings: tuple[Warn, ...]
    endings: tuple[Ending, ...]


class Reader:
    """Reads windows. `sources` are built when asked for; `zone` is that of times without an offset."""

    def __init__(
        self,
        sources: Mapping[str, Callable[[], LogSource]],
        redactor: Redactor,
        zone: tzinfo,
        store: GuardedStore,
        salt: str = "",
    ) -> None:
        self._sources = sources
        self._redactor = redactor
        self._zone = zone
        self._store = store
        self._salt = salt

    def read(self, request: SummaryRequest, now: int, spend: Spend, remaining_s: Callable[[], float]) -> Read:
        """The digest of the request's window. `remaining_s()`: what reading may still take.

        Raises: SourceTimeout, SourceError when no source gave anything; InvalidRequest.
        """
        sources = [self._sources[name]() for name in request.sources]
        digest = Digest()
        endings: list[Ending] = []
        for line in self._lines(sources, request.query, spend, endings):
            digest.add(line)
        before, warning = self._before(sources, request, now, spend, remaining_s())
        if request.query.window.end <= now - SETTLING and not any(_lost(ending) for ending in endings):
            shapes = tuple(s for s in digest.patterns.skeletons() if s[1] >= PROBLEM)
            self._remember(request, request.query, Baseline(shapes, digest.facts.last, complete=True))
        warnings = [warn for ending in endings for warn in ending.warnings]
        found = findable(digest, before, request.query.window)
        if any(_lost(ending) for ending in endings) or not _hears_all(request):
            # Whoever was not heard may stand in what was not read, or not asked for.
            found = msgspec.structs.replace(found, silent={})
        return Read(
            found,
            any(ending.partial for ending in endings),
            (*warnings, *([warning] if warning else [])),
            tuple(endings),
        )

    def _lines(
        self, sources: Sequence[LogSource], query: LogQuery, spend: Spend, endings: list[Ending]
    ) -> Iterator[Line]:
        """Every entry that the query selects, without secrets; `endings` are known at the end.

        Where no filter looks at text, secrets are taken out here, of the message alone: a payload is not
        wanted. Where one does, it must only see what is redacted, and the sources do the work.
        """
        texts = query.q is not None or query.regex is not None or query.exclude is not None
        names = [value for label in _NAMES for value in query.labels.get(label, ())]
        looks = texts or bool(query.labels.keys() - _NAMES) or any(self._is_secret(name) for name in names)
        policy = query.policy if looks else query.policy.unredacted()
        streams = Streams(sources, msgspec.structs.replace(query, policy=policy, lean=True), spend)
        entries: Iterator[LogEntry] = iter(streams)
        yield from map(line_reader(self._redactor, self._zone), entries)
        endings += streams.endings

    def _is_secret(self, text: str) -> bool:
        return self._redactor.text(text) != text

    def _before(
        self,
        sources: Sequence[LogSource],
        request: SummaryRequest,
        now: int,
        spend: Spend,
        remaining_s: float,
    ) -> tuple[Baseline, Warn | None]:
        """Of the equal window before; when it cannot be read whole, nothing will be called new."""
        window = request.query.window
        earlier = Window(max(EARLIEST, window.start - (window.end - window.start)), window.start)
        query = msgspec.structs.replace(request.query, window=earlier)
        if not (_filters(query) or query.policy.narrows):
            # Else the newest could be one that is not wanted.
            query = msgspec.structs.replace(query, newest_below=PROBLEM)
        if (known := self._remembered(request, query)) is not None:
            return known, None
        failed = Warn("summary", "baseline_partial", _NOT_WHOLE)
        if remaining_s < _MIN_S:
            return Baseline(), failed
        endings: list[Ending] = []
        spend = msgspec.structs.replace(spend, deadline_s=min(spend.deadline_s, remaining_s))
        try:
            before = baseline(self._lines(sources, query, spend, endings), complete=True)
        except InvalidRequest:
            raise
        except AggregatorError:
            return Baseline(), failed
        if any(_lost(ending) for ending in endings):
            return msgspec.structs.replace(before, complete=False), failed
        if earlier.end <= now - SETTLING:
            self._remember(request, query, before)
        return before, None

    def _remembered(self, request: SummaryRequest, query: LogQuery) -> Baseline | None:
        try:
            return msgspec.json.decode(self._store.get(self._key(request, query)) or b"", type=Baseline)
        except msgspec.MsgspecError:
            return None

    def _remember(self, request: SummaryRequest, query: LogQuery, before: Baseline) -> None:
        self._store.set(self._key(request, query), msgspec.json.encode(before), _KEPT_S)

    def _key(self, request: SummaryRequest, query: LogQuery) -> str:
        asked = [self._salt, request.sources, selected(query)]
        encoded = msgspec.json.encode(asked, order="deterministic")
        return f"baseline/{hashlib.sha256(encoded).hexdigest()}"


def selected(query: LogQuery) -> list[object]:
    """What decides which entries a query selects, and for whom."""
    return [
        [query.window.start, query.window.end],
        query.policy,
        query.min_severity,
        query.q,
        query.regex,
        query.exclude,
        sorted(query.labels.items()),
        sorted(query.scope.items()),
    ]


def _filters(query: LogQuery) -> bool:
    """Whether some entries of the window are not wanted."""
    return bool(query.labels) or _thins(query)


def _thins(query: LogQuery) -> bool:
    """Whether some entries are not wanted for something else than their labels."""
    texts = query.q is not None or query.regex is not None or query.exclude is not None
    return texts or bool(query.scope or query.min_severity)


def _hears_all(request: SummaryRequest) -> bool:
    """Whether all that a bot says is read, if it is asked for: no warning of a bot's is not its silence."""
    query = request.query
    return set(request.sources) == set(SOURCES) and not _thins(query) and query.labels.keys() <= {"bot"}


def _lost(ending: Ending) -> bool:
    """Whether entries may be missing, and not only some lines of them damaged."""
    return ending.error is not None or any(warn.code == "budget_spent" for warn in ending.warnings)
