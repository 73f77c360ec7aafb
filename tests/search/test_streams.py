"""Sources read side by side: one order, bounded memory, threads that end, and endings that tell the truth."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import msgspec
import pytest

from shared import instant, metrics
from shared.entry import LogEntry, Severity, order_key
from shared.errors import AggregatorError, Forbidden, InvalidRequest, SourceError, SourceTimeout, Unavailable
from shared.metrics import table
from shared.policy import UNRESTRICTED
from shared.query import LogQuery, Position, Resume, Window
from shared.search import streams as streams_module
from shared.search.streams import Ending, Spend, Streams
from shared.sources.source import Budget, Health, Page, Plan, Scanned, Warn
from tests.contract.shelves import SHELVES, Event

BEGIN = 1_795_176_000 * instant.SECOND
QUERY = LogQuery(window=Window(BEGIN, BEGIN + instant.DAY), policy=UNRESTRICTED)
GENEROUS = Spend(deadline_s=20.0)


def entry(source: str, at: int) -> LogEntry:
    """An entry of that second."""
    return LogEntry(
        id=f"{source}:{at:06}",
        timestamp=BEGIN + at * instant.SECOND,
        timestamp_from="field",
        severity=Severity.INFO,
        severity_from="field",
        source=source,
        message=f"{source} {at}",
        labels={},
        trace=None,
        payload=None,
        origin={},
    )


@dataclass
class Told:
    """A source that tells pages as they were given, after `before(number of the page)`."""

    name: str
    pages: Sequence[Sequence[int]]
    before: Callable[[int], None] = lambda _number: None
    bytes_each: int = 100
    warnings: dict[int, list[Warn]] = field(default_factory=dict)
    partial: frozenset[int] = frozenset()
    budgets: list[Budget] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)

    def read(self, query: LogQuery, budget: Budget) -> Page:
        """The page that the resumption asks for."""
        number = query.resume.position.timestamp if query.resume.position else 0
        self.budgets.append(budget)
        self.sizes.append(query.page_size)
        self.before(number)
        budget.scanned = Scanned(objects=1, bytes=self.bytes_each, api_calls=1)
        last = number + 1 >= len(self.pages)
        entries = [entry(self.name, at) for at in self.pages[number]] if self.pages else []
        resume = None if last else Resume(Position(number + 1))
        warnings = self.warnings.get(number, [])
        return Page(self.name, entries, resume, number in self.partial, warnings, budget.scanned)

    def plan(self, query: LogQuery, budget: Budget) -> Plan:
        """Nothing."""
        return Plan(self.name)

    def digest(self, query: LogQuery, budget: Budget) -> str:
        """Nothing."""
        return ""

    def check(self, deadline_s: float) -> Health:
        """Fine."""
        return Health(self.name, "ok", 0.0)


def raising(error: BaseException, at: int = 0) -> Callable[[int], None]:
    """What raises before page `at`."""

    def before(number: int) -> None:
        if number == at:
            raise error

    return before


def waiting(seconds: float, at: int = 0) -> Callable[[int], None]:
    """What takes so long before page `at`."""
    return lambda number: time.sleep(seconds) if number == at else None


def ats(entries: Sequence[LogEntry]) -> list[tuple[str, int]]:
    return [(one.source, (one.timestamp - BEGIN) // instant.SECOND) for one in entries]


def read(
    *sources: Told, query: LogQuery = QUERY, spend: Spend = GENEROUS
) -> tuple[list[LogEntry], list[Ending]]:
    """All of it, with the endings."""
    streams = Streams(sources, query, spend)
    return list(streams), streams.endings


Quiet = Callable[[], bool]


@pytest.fixture
def quiet_threads() -> Quiet:
    """Tells whether the threads that a test began have ended, or soon do."""
    before = set(threading.enumerate())

    def quiet() -> bool:
        ends = time.monotonic() + 5.0
        while set(threading.enumerate()) - before:
            if time.monotonic() > ends:
                return False
            time.sleep(0.01)
        return True

    return quiet


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_the_order_is_that_of_one_source(order: str) -> None:
    """Time, then source, then id: whatever pages the entries came in, ties included."""
    pages = {"gcs": [[0, 3, 3], [9]], "firestore": [[1], [], [3, 8]], "pods": [[], [2, 3]]}
    if order == "desc":
        pages = {name: [given[::-1] for given in those[::-1]] for name, those in pages.items()}
    found, endings = read(
        *(Told(name, those) for name, those in pages.items()),
        query=msgspec.structs.replace(QUERY, order=order),
    )

    keys = [order_key(one.timestamp, one.source, one.id) for one in found]
    assert keys == sorted(keys, reverse=order == "desc")
    assert len(found) == 9
    assert [(one.source, one.entries) for one in endings] == [("gcs", 4), ("firestore", 3), ("pods", 2)]
    assert not any(one.partial or one.error or one.warnings for one in endings)


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_real_sources_give_what_they_give_alone(tmp_path: Path, order: str) -> None:
    """The three local sources, merged: each entry once, in the total order."""
    shelves = [SHELVES[f"{name}-local"](tmp_path) for name in ("gcs", "firestore", "pods")]
    for number, shelf in enumerate(shelves):
        shelf.put(Event(BEGIN + (3 * n + number) * instant.SECOND, message=f"m{n}") for n in range(50))
    query = msgspec.structs.replace(QUERY, order=order)
    alone = [e for shelf in shelves for e in shelf.source().read(
        msgspec.structs.replace(query, page_size=1000), Budget(20.0)).entries]  # fmt: skip

    streams = Streams([shelf.source() for shelf in shelves], query, GENEROUS)
    found = list(streams)

    ordered = sorted(alone, key=lambda one: order_key(one.timestamp, one.source, one.id))
    assert found == (ordered if order == "asc" else ordered[::-1])
    assert len(found) == 150


def test_pages_are_large() -> None:
    """Each page reads again what overlaps it: few of them, whatever size a caller would get."""
    source = Told("gcs", [[1], [2]])
    read(source)

    assert source.sizes == [streams_module.PAGE_ENTRIES] * 2


def test_no_source_is_far_ahead_of_who_takes_its_entries() -> None:
    """Three pages of a source at most are in memory: one taken, one waiting, one just read."""
    begun: list[int] = []
    source = Told("gcs", [[n] for n in range(50, 0, -1)], before=begun.append)
    taken = 0
    for taken, _ in enumerate(Streams([source], QUERY, GENEROUS), start=1):
        time.sleep(0.005)
        assert len(begun) <= taken + 3
    assert taken == 50


def test_sources_are_read_at_the_same_time() -> None:
    """Three that take 0.3 s each are there after little more than that."""
    began = time.monotonic()
    found, _ = read(*(Told(name, [[1]], before=waiting(0.3)) for name in ("gcs", "firestore", "pods")))

    assert time.monotonic() - began < 0.8
    assert len(found) == 3


def test_the_first_entry_does_not_wait_for_the_last_page() -> None:
    """Entries are given as they are read, not when all is read."""
    source = Told("gcs", [[3], [2], [1]], before=waiting(1.0, at=2))
    entries = iter(Streams([source], QUERY, GENEROUS))
    began = time.monotonic()
    first = next(entries)

    assert ats([first]) == [("gcs", 3)]
    assert time.monotonic() - began < 0.5
    assert len(list(entries)) == 2


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SourceError("gcs"), "source_failed"),
        (SourceTimeout("gcs", after_s=1.0), "source_timeout"),
        (Unavailable("busy", retry_after_s=5), "unavailable"),
        (ZeroDivisionError("sekrit"), "source_failed"),
    ],
)
@pytest.mark.parametrize("at", [0, 1])
def test_a_source_that_fails_ends_alone(error: Exception, code: str, at: int) -> None:
    """The others go on; what it gave before counts; its ending says what happened, and nothing inner."""
    found, (gcs, pods) = read(
        Told("gcs", [[9], [8]], before=raising(error, at)), Told("pods", [[7], [6], [5]])
    )

    assert ats(found) == [*[("gcs", 9)][:at], ("pods", 7), ("pods", 6), ("pods", 5)]
    assert (gcs.entries, gcs.partial, [warn.code for warn in gcs.warnings]) == (at, True, [code])
    assert isinstance(gcs.error, AggregatorError)
    assert "sekrit" not in gcs.warnings[0].detail
    assert (pods.entries, pods.partial, pods.error) == (3, False, None)


@pytest.mark.parametrize("error", [InvalidRequest("no such bucket"), Forbidden("policy")])
def test_what_is_wrong_with_the_question_is_raised(error: AggregatorError, quiet_threads: Quiet) -> None:
    """It concerns the caller, whatever the other sources have; all threads end."""
    with pytest.raises(type(error)):
        read(Told("gcs", [[1]], before=raising(error)), Told("pods", [[n] for n in range(9)]))

    assert quiet_threads()


LATE = SourceTimeout("x", after_s=1.0)
FAILED = SourceError("x")


@pytest.mark.parametrize(
    ("errors", "raised"),
    [
        ((LATE, LATE), SourceTimeout),
        ((FAILED, FAILED), SourceError),
        ((LATE, FAILED), SourceError),
        ((FAILED, LATE), SourceError),
    ],
)
def test_nothing_from_anybody_is_an_error(errors: tuple[Exception, ...], raised: type[Exception]) -> None:
    """It would look like an empty window: a timeout when all were late, else a failure."""
    with pytest.raises(SourceError) as caught:
        read(*(Told(f"s{n}", [[1]], before=raising(error)) for n, error in enumerate(errors)))

    assert type(caught.value) is raised


def test_an_empty_source_is_no_failed_source() -> None:
    """One empty, one failed: no error, an empty answer that says what is missing."""
    found, (gcs, pods) = read(Told("gcs", [[]]), Told("pods", [[1]], before=raising(FAILED)))

    assert found == []
    assert (gcs.partial, pods.partial) == (False, True)


@pytest.mark.parametrize("count", [1, 3])
def test_who_hangs_is_left_behind(count: int, quiet_threads: Quiet) -> None:
    """Half a second after their time, and together no more than that: the others are told whole."""
    hanging = [Told(f"h{n}", [[1]], before=waiting(3.0)) for n in range(count)]
    began = time.monotonic()
    found, endings = read(*hanging, Told("pods", [[2], [1]]), spend=Spend(deadline_s=0.5))

    assert time.monotonic() - began < 1.5
    assert ats(found) == [("pods", 2), ("pods", 1)]
    assert [one.error.code if one.error else "" for one in endings] == ["source_timeout"] * count + [""]
    assert quiet_threads()


def test_who_hangs_in_the_middle_keeps_what_was_given() -> None:
    """Its first page counts, and its ending says that the rest is missing."""
    found, (gcs,) = read(Told("gcs", [[9, 8], [7]], before=waiting(3.0, at=1)), spend=Spend(deadline_s=0.4))

    assert ats(found) == [("gcs", 9), ("gcs", 8)]
    assert (gcs.entries, gcs.partial, [warn.code for warn in gcs.warnings]) == (2, True, ["source_timeout"])


def test_time_that_runs_out_between_pages_keeps_the_newest() -> None:
    """The pages that were read are given; `budget_spent` says that older ones were not."""
    pages = [[n] for n in range(100, 0, -1)]
    found, (gcs,) = read(
        Told("gcs", pages, before=lambda _number: time.sleep(0.05)), spend=Spend(deadline_s=0.5)
    )

    assert 3 <= len(found) < 20
    assert ats(found) == [("gcs", 100 - n) for n in range(len(found))]
    assert [warn.code for warn in gcs.warnings] == ["budget_spent"]
    assert gcs.partial is True
    assert gcs.error is None


def test_a_budget_that_is_spent_ends_the_source() -> None:
    """Its page says so: no more is read, however much there is and whatever the time."""
    spent = Warn("gcs", "budget_spent", "…")
    source = Told("gcs", [[3], [2], [1]], warnings={1: [spent]}, partial=frozenset({1}))
    found, (gcs,) = read(source)

    assert ats(found) == [("gcs", 3), ("gcs", 2)]
    assert [warn.code for warn in gcs.warnings] == ["budget_spent"]
    assert "skipped" in gcs.warnings[0].detail
    assert gcs.partial is True


def test_bytes_are_a_source_s_own_and_shrink_with_each_page() -> None:
    """What was read before is not there to be read again; what was scanned is summed up."""
    gcs, pods = Told("gcs", [[3], [2], [1]], bytes_each=300), Told("pods", [[1]])
    _, (ending, other) = read(gcs, pods, spend=Spend(deadline_s=20, max_bytes=1000, max_calls=50))

    assert [budget.max_bytes for budget in gcs.budgets] == [1000, 700, 400]
    assert [budget.max_calls for budget in gcs.budgets] == [50, 49, 48]
    assert ending.scanned == Scanned(objects=3, bytes=900, api_calls=3)
    assert other.scanned == Scanned(objects=1, bytes=100, api_calls=1)


def test_real_bytes_run_out(tmp_path: Path) -> None:
    """A real source with bytes for a part: the newest entries, in order, and it says so."""
    shelf = SHELVES["gcs-local"](tmp_path)
    for day in range(6):
        at = BEGIN - day * instant.DAY
        shelf.put(Event(at - n * instant.SECOND, message="x" * 500) for n in range(40))
    window = Window(BEGIN - 7 * instant.DAY, BEGIN + instant.DAY)
    query = msgspec.structs.replace(QUERY, window=window)
    streams = Streams([shelf.source()], query, Spend(deadline_s=20, max_bytes=60_000))
    found = list(streams)
    (ending,) = streams.endings

    whole = list(Streams([shelf.source()], query, GENEROUS))
    assert 0 < len(found) < len(whole) == 240
    assert found == whole[: len(found)]
    assert "budget_spent" in [warn.code for warn in ending.warnings]


def test_warnings_are_told_once_and_what_concerns_paging_is_not() -> None:
    """A page that goes on warns of the same object again; parts in order are a matter of pages."""
    damaged = Warn("gcs", "object_corrupt", "An object ends early", "gs://b/o")
    parts = Warn("gcs", "order_in_parts", "…")
    _, (gcs,) = read(Told("gcs", [[3], [2], [1]], warnings={0: [damaged], 1: [damaged, parts]}))

    assert gcs.warnings == [damaged]


def test_thousands_of_warnings_are_fifty_and_a_number() -> None:
    """What a spent budget leaves out is still said."""
    pages = {n: [Warn("gcs", "truncated", "…", f"o{n}-{m}") for m in range(100)] for n in range(4)}
    pages[3].append(Warn("gcs", "budget_spent", "…"))
    _, (gcs,) = read(Told("gcs", [[9], [8], [7], [6], [5]], warnings=pages))

    codes = [warn.code for warn in gcs.warnings]
    assert codes == ["truncated"] * 50 + ["budget_spent", "more_warnings"]
    assert gcs.warnings[-1].detail == "350 more are not shown."


def test_an_abandoned_reading_ends_its_threads(quiet_threads: Quiet) -> None:
    """Who stops taking entries leaves no thread behind."""
    sources = [Told(name, [[n] for n in range(50, 0, -1)]) for name in ("gcs", "firestore", "pods")]
    entries = iter(Streams(sources, QUERY, GENEROUS))
    assert len(list(islice(entries, 3))) == 3
    entries.close()  # type: ignore[attr-defined]

    assert quiet_threads()
    assert all(len(source.budgets) < 10 for source in sources)


def test_a_finished_reading_has_no_threads(quiet_threads: Quiet) -> None:
    """Nor does one that came to its end."""
    read(*(Told(name, [[2], [1]]) for name in ("gcs", "pods")))

    assert quiet_threads()


def test_endings_are_not_shared() -> None:
    """Each reading has warnings of its own."""
    read(Told("gcs", [[1]], before=raising(SourceError("gcs"), 0)), Told("pods", [[1]]))
    _, endings = read(Told("gcs", [[1]]), Told("pods", [[1]]))

    assert [ending.warnings for ending in endings] == [[], []]


def test_what_is_read_and_what_fails_is_counted() -> None:
    """Scanned bytes and errors by source, in the metrics."""
    metrics.process.forget()
    read(Told("gcs", [[2], [1]]), Told("pods", [[1]], before=raising(SourceError("pods"))))
    totals = metrics.process.totals()

    assert totals['["scanned_bytes_total","gcs"]'] == 200
    assert totals['["upstream_errors_total","pods","source_failed"]'] == 1
    assert table.UPSTREAM_ERRORS.name in table.TABLE
    metrics.process.forget()


def test_upstream_calls_carry_the_request() -> None:
    """Headers given with the spend go into every budget."""
    source = Told("gcs", [[2], [1]])
    read(source, spend=Spend(deadline_s=20, headers={"x-request-id": "r-1"}))

    assert [budget.headers for budget in source.budgets] == [{"x-request-id": "r-1"}] * 2


def test_a_slow_taker_loses_nothing() -> None:
    """Who is slower than the time for reading still gets every page that was read in it."""
    source = Told("gcs", [[3], [2], [1]])
    found = []
    streams = Streams([source], QUERY, Spend(deadline_s=0.3))
    for one in streams:
        found.append(one)
        time.sleep(0.25)
    (gcs,) = streams.endings

    assert len(found) == 3
    assert gcs.error is None
