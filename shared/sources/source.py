"""LogSource: what every source promises, and the words it answers in."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, Protocol

import msgspec

from shared.entry import LogEntry
from shared.errors import SourceError, SourceTimeout
from shared.query import LogQuery, Resume

Status = Literal["ok", "degraded", "down"]


class Warn(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a caller should know about an answer: which source, a stable code, a sentence."""

    source: str
    code: str
    detail: str
    object: str | None = None


class Scanned(msgspec.Struct):
    """What was read to answer; bytes are decompressed."""

    objects: int = 0
    bytes: int = 0
    documents: int = 0
    api_calls: int = 0

    def any(self) -> bool:
        """Whether anything was read at all."""
        return bool(self.bytes or self.documents)

    def add(self, more: "Scanned") -> None:
        """Both together."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(more, name))


class Plan(msgspec.Struct, frozen=True):
    """What answering would read at most; bytes as stored."""

    source: str
    objects: int = 0
    bytes: int = 0
    documents: int = 0
    api_calls: int = 0


class Page(msgspec.Struct):
    """One page of entries in the order asked for. `resume` is None only at the end; `digest` changes
    when what was read is replaced, where the source can tell."""

    source: str
    entries: list[LogEntry]
    resume: Resume | None
    partial: bool
    warnings: list[Warn]
    scanned: Scanned
    elapsed_ms: float = 0.0
    digest: str = ""


class Listing(msgspec.Struct):
    """Things that are not entries (objects, collections, pods), each under the name it sorts by."""

    source: str
    items: dict[str, dict[str, Any]]
    scanned: Scanned
    partial: bool = False
    warnings: list[Warn] = []


class Health(msgspec.Struct, frozen=True):
    """How a dependency is, and how long it took to say so."""

    name: str
    status: Status
    latency_ms: float


class BudgetSpent(Exception):
    """The budget of a request ran out; what was read so far is still good. Never reaches a caller."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class Budget:
    """What one request may still spend: seconds, decompressed bytes, calls upstream."""

    def __init__(
        self,
        deadline_s: float,
        *,
        max_bytes: int = 2 << 30,
        max_calls: int = 2000,
        headers: Mapping[str, str] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`headers` go with every call upstream, whichever thread makes it: the request's id and trace."""
        self.headers = dict(headers or {})
        self.deadline_s = deadline_s
        self.max_bytes = max_bytes
        self.max_calls = max_calls
        self.scanned = Scanned()
        # What a source has listed for a question, for the next thing that it is asked about it.
        self.listed: tuple[object, list[Any]] | None = None
        self._monotonic = monotonic
        self._began = monotonic()
        # Reading stops a little before the end: a part that was just read within the time must be
        # readable once more, when its next page is asked for.
        self._reading_s = deadline_s * 0.8

    def commit(self) -> None:
        """What is read from now on was read once before and must be read whole: only the deadline ends it."""
        self.max_bytes = self.max_calls = sys.maxsize
        self._reading_s = self.deadline_s

    def lower(self, deadline_s: float) -> None:
        """A caller may ask for less time, never for more."""
        self.deadline_s = min(self.deadline_s, deadline_s)
        self._reading_s = self.deadline_s * 0.8

    @property
    def elapsed_s(self) -> float:
        """Seconds since the request began."""
        return self._monotonic() - self._began

    @property
    def remaining_s(self) -> float:
        """Seconds left; zero or less when the time is up."""
        return self.deadline_s - self.elapsed_s

    def spend(
        self,
        *,
        objects: int = 0,
        bytes: int = 0,  # noqa: A002
        documents: int = 0,
        calls: int = 0,
        forced: bool = False,
    ) -> None:
        """Count what was read. `forced`: without it there would be no progress, only time can end it.

        Raises: BudgetSpent when the budget is used up, or the time.
        """
        scanned = self.scanned
        scanned.objects += objects
        scanned.bytes += bytes
        scanned.documents += documents
        scanned.api_calls += calls
        if self.elapsed_s >= self._reading_s:
            raise BudgetSpent("deadline")
        if forced:
            return
        if scanned.bytes > self.max_bytes:
            raise BudgetSpent("bytes")
        if scanned.api_calls > self.max_calls:
            raise BudgetSpent("calls")


@contextmanager
def certain(source: str, budget: Budget) -> Iterator[None]:
    """Around work whose half is worth nothing, such as listing what there is to read.

    Raises: SourceTimeout, or SourceError when it takes more calls than a request may make.
    """
    try:
        yield
    except BudgetSpent as spent:
        if spent.what == "deadline":
            raise SourceTimeout(source, after_s=budget.deadline_s) from spent
        detail = f"The source {source} has too much to list for one request: narrow the window."
        raise SourceError(source, detail) from spent


class LogSource(Protocol):
    """One place that logs lie in.

    Every implementation keeps the promises of `tests/contract/test_sources.py`: the half-open window,
    the total order, every filter, pages that concatenate exactly, and only errors of `shared.errors`.
    """

    name: str

    def plan(self, query: LogQuery, budget: Budget) -> Plan:
        """What `read` would read at most: cheap, for `dry_run`."""

    def read(self, query: LogQuery, budget: Budget) -> Page:
        """The next page of `query`. Raises: InvalidRequest, Forbidden, SourceError."""

    def digest(self, query: LogQuery, budget: Budget) -> str:
        """What `read` would give as its page's digest, without reading; "" where the source cannot tell."""

    def check(self, deadline_s: float) -> Health:
        """Whether the source answers, within `deadline_s`. Never raises."""
