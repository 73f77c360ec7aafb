"""What every source promises, whatever store it reads."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared import instant
from shared.arguments import Arguments
from shared.entry import LogEntry, Severity, order_key
from shared.errors import AggregatorError, InvalidRequest
from shared.policy import UNRESTRICTED, Grant, Policy
from shared.query import LogQuery
from shared.sources.source import Budget, LogSource
from tests.contract.shelves import SHELVES, Event, Shelf

NOON = 1_795_176_000 * instant.SECOND  # 2026-11-20T12:00:00Z
MINUTE = instant.MINUTE


@pytest.fixture(params=sorted(SHELVES))
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Shelf:
    """Each implementation in turn."""
    return SHELVES[request.param](tmp_path)


def ask(source: LogSource, text: str = "", *, policy: Policy = UNRESTRICTED, now: int = NOON) -> LogQuery:
    """A query as the front door would parse it."""
    return LogQuery.from_args(
        Arguments(text), route=f"/logs/{source.name}", now=now, policy=policy, sources=(source.name,)
    )


def pages(source: LogSource, query: LogQuery, budget: Budget | None = None) -> list[list[LogEntry]]:
    """Every page of a query, by following its tokens."""
    found = []
    for _ in range(2000):
        page = source.read(query, budget or Budget(60))
        found.append(page.entries)
        if page.resume is None:
            return found
        query = query.with_resume(query.window, page.resume)
    raise AssertionError("the pages never end")


def read(source: LogSource, text: str = "", **kwargs: object) -> list[LogEntry]:
    """All entries of a query, in one page of at most 1000."""
    page = source.read(ask(source, text + "&page_size=1000", **kwargs), Budget(60))  # type: ignore[arg-type]
    assert page.resume is None
    return page.entries


def messages(entries: list[LogEntry]) -> list[str]:
    """The messages of entries."""
    return [entry.message for entry in entries]


def window(start: int, end: int) -> str:
    """Parameters of a window of instants."""
    return f"start={instant.to_text(start)}&end={instant.to_text(end)}"


def test_an_empty_store_has_no_entries(shelf: Shelf) -> None:
    """Empty is empty: no entries, no error, nothing partial."""
    page = shelf.source().read(ask(shelf.source()), Budget(60))

    assert (page.entries, page.resume, page.partial, page.warnings) == ([], None, False, [])


def test_the_window_is_half_open(shelf: Shelf) -> None:
    """`start` is in, `end` is out, to the nanosecond that the store can hold."""
    for offset in (-1000, 0, 1000):
        shelf.put(
            [
                Event(NOON + offset, message=f"start{offset}"),
                Event(NOON + MINUTE + offset, message=f"end{offset}"),
            ]
        )

    found = read(shelf.source(), window(NOON, NOON + MINUTE) + "&order=asc")

    assert messages(found) == ["start0", "start1000", "end-1000"]


def test_newest_first_is_the_exact_reverse_of_oldest_first(shelf: Shelf) -> None:
    """Entries of equal times have an order too."""
    shelf.put(Event(NOON - (n % 5) * MINUTE - 1000, message=str(n), bot=f"bot_{n % 3}") for n in range(40))

    newest, oldest = read(shelf.source()), read(shelf.source(), "order=asc")

    assert [e.id for e in newest] == [e.id for e in reversed(oldest)]
    keys = [order_key(e.timestamp, e.source, e.id) for e in oldest]
    assert keys == sorted(keys)
    assert len(set(keys)) == 40


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ("min_severity=WARNING", "c d e"),
        ("min_severity=error", "d e"),
        ("bot=options_trader", "b d"),
        ("bot=options_trader&bot=stock_trader", "a b c d e"),
        ("strategy=vwap", "a c"),
        ("symbol=TCS&min_severity=WARNING", "d"),
        ("trade_id=T17", "c"),
        ("label.session_id=s1", "a"),
        ("label.session_id=s1&label.session_id=s2", "a b"),
        ("q=MARGIN", "d"),
        ("q=hidden", "e"),
        ("q=8421", "b"),
        ("q=session_id", ""),
        ("regex=^[ab]$", "a b"),
        ("regex=8.21", "b"),
        ("exclude=[a-c]$", "d e"),
        ("q=margin&exclude=TCS", ""),
        ("bot=nobody", ""),
    ],
)
def test_each_filter(shelf: Shelf, parameters: str, expected: str) -> None:
    """Each filter alone and together: repeated is OR, different ones are AND."""
    shelf.put(
        [
            Event(NOON - 5 * MINUTE, "INFO", "a", strategy="vwap", extra={"session_id": "s1"}),
            Event(NOON - 4 * MINUTE, "INFO", "b", "options_trader", extra={"session_id": "s2", "n": 8421}),
            Event(NOON - 3 * MINUTE, "WARNING", "c", strategy="vwap", trade_id="T17"),
            Event(NOON - 2 * MINUTE, "ERROR", "d", "options_trader", symbol="TCS", extra={"why": "Margin"}),
            Event(NOON - 1 * MINUTE, "CRITICAL", "e", extra={"data": {"deep": [{"text": "a hidden one"}]}}),
        ]
    )

    assert messages(read(shelf.source(), f"order=asc&{parameters}")) == expected.split()


def test_severity_time_and_labels_are_those_of_the_event(shelf: Shelf) -> None:
    """An entry says what was stored, in the product's words."""
    event = Event(NOON - MINUTE, "ERROR", "Insufficient margin", "options_trader", "vwap", "TCS", "T17")
    shelf.put([event])

    (entry,) = read(shelf.source())

    assert (entry.timestamp, entry.timestamp_from) == (event.at, "field")
    assert (entry.severity.name, entry.severity_from) == ("ERROR", "field")
    assert entry.labels.items() >= {
        "bot": "options_trader", "strategy": "vwap", "symbol": "TCS", "trade_id": "T17",
    }.items()  # fmt: skip
    assert entry.source == shelf.name
    assert entry.id.startswith(f"{shelf.name}:")


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_concatenate_while_new_entries_arrive(shelf: Shelf, order: str) -> None:
    """Following tokens tells everything of the first moment once, whatever is written meanwhile."""
    shelf.put(Event(NOON - (n % 7) * MINUTE - 1, message=str(n), bot=f"bot_{n % 2}") for n in range(30))
    source = shelf.source()
    query = ask(source, f"{window(NOON - 30 * MINUTE, NOON)}&order={order}&page_size=1000")
    whole = [e.id for e in source.read(query, Budget(60)).entries]

    query = ask(source, f"{window(NOON - 30 * MINUTE, NOON)}&order={order}&page_size=4")
    found: list[str] = []
    for number in range(100):
        page = source.read(query, Budget(60))
        found += [entry.id for entry in page.entries]
        if page.resume is None:
            break
        shelf.put([Event(NOON + number, message="later")])
        query = query.with_resume(query.window, page.resume)

    assert len(whole) == 30
    assert found == whole


def test_a_spent_budget_is_partial_and_loses_nothing(shelf: Shelf) -> None:
    """With a budget of a few hundred bytes each page says it is partial; together they tell all, once."""
    text = "x" * 200
    shelf.put(Event(NOON - n * MINUTE - 1000, message=f"{n} {text}", bot=f"bot_{n % 4}") for n in range(60))
    source = shelf.source()
    query = ask(source, "since=4h&page_size=7")
    found: list[str] = []
    partial = False
    for _ in range(500):
        page = source.read(query, Budget(60, max_bytes=700))
        assert len(page.entries) <= 7
        found += [entry.id for entry in page.entries]
        partial = partial or page.partial
        if page.resume is None:
            break
        query = query.with_resume(query.window, page.resume)

    assert partial
    assert len(found) == 60
    assert set(found) == {entry.id for entry in read(source, "since=4h")}


def test_a_budget_smaller_than_one_unit_loses_nothing(shelf: Shelf) -> None:
    """One object, collection or file larger than a request may read comes in parts, all of it once."""
    text = "x" * 2000
    shelf.put(Event(NOON - n * 1_000_000 - 1000, message=f"{n} {text}") for n in range(400))
    source = shelf.source()
    found: list[str] = []
    query = ask(source, "since=4h&page_size=60")
    for _ in range(200):
        page = source.read(query, Budget(60, max_bytes=100_000))
        found += [entry.id for entry in page.entries]
        if page.resume is None:
            break
        query = query.with_resume(query.window, page.resume)

    assert len(found) == len(set(found)) == 400


def test_no_time_at_all_is_a_named_error(shelf: Shelf) -> None:
    """A deadline that has passed before anything was read is a 504, never an empty answer."""
    shelf.put([Event(NOON - MINUTE)])

    with pytest.raises(AggregatorError) as caught:
        shelf.source().read(ask(shelf.source()), Budget(0))

    assert caught.value.code == "source_timeout"


def test_a_policy_narrows_what_is_seen(shelf: Shelf) -> None:
    """Entries of other bots do not leave, however they are asked for."""
    shelf.put(
        [Event(NOON - MINUTE, message="mine"), Event(NOON - MINUTE, message="theirs", bot="options_trader")]
    )
    policy = Policy((Grant(bots=frozenset({"stock_trader"})),))

    assert messages(read(shelf.source(), policy=policy)) == ["mine"]
    assert read(shelf.source(), "q=theirs", policy=policy) == []


def test_an_unconfigured_place_is_refused(shelf: Shelf) -> None:
    """What the settings do not name cannot be asked for, and the parameter is named."""
    parameter = {"gcs": "prefix", "firestore": "collection", "pods": "namespace"}[shelf.name]

    with pytest.raises(InvalidRequest) as caught:
        read(shelf.source(), f"{parameter}=secret")

    assert caught.value.faults[0].parameter == parameter


def test_a_plan_counts_without_reading(shelf: Shelf) -> None:
    """A plan is about this source and reads no entry."""
    shelf.put([Event(NOON - MINUTE)])
    budget = Budget(60)

    plan = shelf.source().plan(ask(shelf.source()), budget)

    assert plan.source == shelf.name
    assert plan.objects + plan.api_calls >= 1
    assert budget.scanned.documents == budget.scanned.bytes == 0


def test_a_healthy_source_says_so(shelf: Shelf) -> None:
    """A store that answers is ok."""
    shelf.put([Event(NOON)])

    health = shelf.source().check(2)

    assert (health.name, health.status) == (shelf.name, "ok")


events = st.lists(
    st.builds(
        Event,
        at=st.integers(NOON - 30 * MINUTE, NOON + 2 * MINUTE).map(lambda n: n // 1000 * 1000)
        | st.sampled_from([NOON, NOON - MINUTE]),
        severity=st.sampled_from(["INFO", "ERROR"]),
        message=st.sampled_from(["a", "b"]),
        bot=st.sampled_from(["stock_trader", "options_trader"]),
    ),
    max_size=25,
)


@pytest.mark.parametrize("name", sorted(n for n in SHELVES if n.endswith("local")))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=events, page_size=st.integers(1, 9), order=st.sampled_from(["asc", "desc"]), data=st.data())
def test_windows_and_pages_hold_for_any_events(
    name: str,
    events: list[Event],
    page_size: int,
    order: str,
    data: st.DataObject,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Of any events exactly those in the window come, in order, however they are cut into pages."""
    shelf = SHELVES[name](tmp_path_factory.mktemp("shelf"))
    shelf.put(events)
    start = NOON - data.draw(st.integers(1, 40)) * MINUTE
    end = data.draw(st.sampled_from([NOON, NOON + 1000, NOON + 3 * MINUTE]))
    source = shelf.source()

    found = [
        e
        for page in pages(source, ask(source, f"{window(start, end)}&order={order}&page_size={page_size}"))
        for e in page
    ]

    expected = sorted((e.at for e in events if start <= e.at < end), reverse=order == "desc")
    assert [entry.timestamp for entry in found] == expected
    assert len({entry.id for entry in found}) == len(found)


def test_who_reads_for_the_problems_hears_everybody(shelf: Shelf) -> None:
    """With `newest_below` no problem is lost, nothing is made up, and each bot's newest entry is there."""
    bots = ("stock_trader", "options_trader")
    shelf.put(
        Event(
            NOON - MINUTE * (20 - number), message=f"line {number}", severity=severity, bot=bots[number % 2]
        )
        for number, severity in enumerate(["INFO", "DEBUG", "ERROR", "INFO", "WARNING", "INFO"] * 3)
    )
    everything = read(shelf.source())
    brief = msgspec.structs.replace(ask(shelf.source(), "page_size=1000"), newest_below=Severity.WARNING)

    found = shelf.source().read(brief, Budget(60)).entries

    problems = [entry for entry in everything if entry.severity >= Severity.WARNING]
    newest = [next(e for e in everything if e.labels["bot"] == bot) for bot in bots]
    assert [entry for entry in found if entry.severity >= Severity.WARNING] == problems
    assert {entry.id for entry in newest} <= {entry.id for entry in found} <= {e.id for e in everything}


def test_who_reads_for_the_messages_need_not_hold_the_rest(shelf: Shelf) -> None:
    """With `lean` the same entries come, and payloads of trades and of what has no message of its own."""
    trade = {"symbol": "TCS", "quantity": 5, "status": "closed", "entry_price": 1.5}
    shelf.put(
        [
            Event(NOON - 3 * MINUTE, message="plain", extra={"data": {"a": "b" * 100}}),
            Event(NOON - 2 * MINUTE, message="a trade", extra=trade),
        ]
    )
    everything = read(shelf.source())
    lean = msgspec.structs.replace(ask(shelf.source(), "page_size=1000"), lean=True)

    found = shelf.source().read(lean, Budget(60)).entries

    assert [(e.id, e.message, e.labels) for e in found] == [(e.id, e.message, e.labels) for e in everything]
    assert [e.payload for e in found] == [everything[0].payload, None]
